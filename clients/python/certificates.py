"""Makes what a test needs beside a Meterbridge server with a self-made certificate.

    certificates.py CA.pem CA.key FOLDER

FOLDER/localhost.pem and .key are a certificate for localhost that the server's authority vouches for, with its chain and
key: for a proxy, or an issuer of tokens, that is trusted with the server. FOLDER/application.pem is a certificate that
vouches for itself, with its key in the same file, as `az login --certificate` wants it.
"""

import datetime
import ipaddress
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def certificate(name, key, issuer, issuer_key, *extensions):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(named(name)).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - DAY).not_valid_after(now + DAY)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def private(key):
    forms = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*forms)


def main(ca_path, ca_key_path, folder):
    folder = pathlib.Path(folder)
    ca_pem = pathlib.Path(ca_path).read_bytes()
    ca = x509.load_pem_x509_certificate(ca_pem)
    ca_id = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    ca_key = serialization.load_pem_private_key(pathlib.Path(ca_key_path).read_bytes(), None)

    key = ec.generate_private_key(ec.SECP256R1())
    localhost = certificate(
        "localhost",
        key,
        ca.subject,
        ca_key,
        x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        # Python checks chains strictly, and wants to be told whose key signed.
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_id),
    )
    (folder / "localhost.pem").write_bytes(localhost + ca_pem)
    (folder / "localhost.key").write_bytes(private(key))

    key = rsa.generate_private_key(65537, 2048)
    application = certificate("application", key, named("application"), key)
    (folder / "application.pem").write_bytes(private(key) + application)


if __name__ == "__main__":
    main(*sys.argv[1:])
