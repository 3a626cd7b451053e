//! The keys that notices are signed with: Ed25519, in files of the data directory, which all servers of a platform share.
//!
//! Every key in the folder signs, the newest first: a receiver that knows one of them accepts a notice. So a key is
//! replaced without a moment at which somebody has to be quick: a new file is laid beside the old one, receivers learn its
//! public half, and the old file goes. The folder is read with each notice, of which there are few. A file that cannot be
//! used is passed over, and named in the log: the others sign all the same.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use app::environment::Random;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;

use crate::keys::{KeysError, pem};
use crate::secret_file;

/// The most keys that sign at once.
const KEYS_MAX: usize = 4;
/// What the text of a public key begins with, as Standard Webhooks has it.
const PUBLIC_PREFIX: &str = "whpk_";
/// What a signature of this kind begins with, likewise.
const SIGNATURE_PREFIX: &str = "v1a,";
/// The file of the key that is made where there is none.
const FIRST: &str = "first.pem";

/// The keys that sign now.
pub(crate) struct WebhookKeys(Vec<Ed25519KeyPair>);

impl WebhookKeys {
    /// Reads the keys of a data directory that can be used. If there are files and none of them can, it says why of the
    /// newest.
    pub(crate) fn read(data_directory: &Path) -> Result<Self, KeysError> {
        let mut keys = Vec::new();
        let mut unusable = None;
        for path in newest_first(&directory(data_directory))? {
            match key(&path) {
                Ok(key) => keys.push(key),
                Err(error) => {
                    tracing::warn!(%error, "a file in keys/webhooks is passed over: no notice is signed with it");
                    unusable.get_or_insert(error);
                }
            }
        }
        keys.truncate(KEYS_MAX);
        match unusable {
            Some(error) if keys.is_empty() => Err(error),
            _ => Ok(Self(keys)),
        }
    }

    /// The signatures of a text, as a header holds them.
    pub(crate) fn sign(&self, text: &[u8]) -> String {
        let signatures = self.0.iter().map(|key| {
            let signature = STANDARD.encode(key.sign(text));
            format!("{SIGNATURE_PREFIX}{signature}")
        });
        signatures.collect::<Vec<_>>().join(" ")
    }

    /// The public halves, for receivers.
    pub(crate) fn public(&self) -> impl Iterator<Item = String> {
        let keys = self.0.iter();
        keys.map(|key| format!("{PUBLIC_PREFIX}{}", STANDARD.encode(key.public_key())))
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Makes a key in a data directory that has none. Of the files that are there it is said in the log which cannot be used.
pub(crate) fn make_first(data_directory: &Path, random: &dyn Random) -> Result<(), KeysError> {
    let directory = directory(data_directory);
    if !newest_first(&directory)?.is_empty() {
        if let Err(error) = WebhookKeys::read(data_directory) {
            tracing::error!(%error, "notices wait: no file in keys/webhooks can be used to sign them");
        }
        return Ok(());
    }
    let mut seed = [0; 32];
    random.fill(&mut seed);
    let made = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeysError::NotMade)?;
    let der = made.to_pkcs8v1().map_err(|_| KeysError::NotMade)?;
    let path = directory.join(FIRST);
    secret_file::make_directory(&directory)
        .and_then(|()| secret_file::write(&path, pem(der.as_ref()).as_bytes()))
        .map_err(|error| KeysError::File { path, error })
}

fn directory(data_directory: &Path) -> PathBuf {
    data_directory.join("keys").join("webhooks")
}

fn newest_first(directory: &Path) -> Result<Vec<PathBuf>, KeysError> {
    let failed = |error| KeysError::File {
        path: directory.to_owned(),
        error,
    };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(failed)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "pem") {
            // A link that leads nowhere is named when it is read.
            let made = fs::metadata(&path).and_then(|file| file.modified()).ok();
            files.push((made, path));
        }
    }
    files.sort_unstable_by(|one, other| other.cmp(one));
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

fn key(path: &Path) -> Result<Ed25519KeyPair, KeysError> {
    let failed = |error| KeysError::File {
        path: path.to_owned(),
        error,
    };
    let text = fs::read(path).map_err(failed)?;
    let not_one = |why: String| failed(io::Error::new(io::ErrorKind::InvalidData, why));
    let der = PrivatePkcs8KeyDer::from_pem_slice(&text)
        .map_err(|error| not_one(format!("it holds no private key in PKCS#8 PEM form ({error})")))?;
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der())
        .map_err(|error| not_one(format!("its key is no Ed25519 key ({error})")))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    struct Sevens;

    impl Random for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    fn verifies(public: &str, text: &[u8], signature: &str) -> bool {
        let key = STANDARD
            .decode(public.strip_prefix(PUBLIC_PREFIX).unwrap())
            .unwrap();
        let signature = STANDARD
            .decode(signature.strip_prefix(SIGNATURE_PREFIX).unwrap())
            .unwrap();
        UnparsedPublicKey::new(&ED25519, key)
            .verify(text, &signature)
            .is_ok()
    }

    #[test]
    fn a_receiver_that_knows_the_old_key_or_the_new_one_accepts_what_both_signed() {
        let data = tempfile::tempdir().unwrap();
        make_first(data.path(), &Sevens).unwrap();
        let old: Vec<String> = WebhookKeys::read(data.path()).unwrap().public().collect();
        let other = tempfile::tempdir().unwrap();
        struct Eights;
        impl Random for Eights {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(8);
            }
        }
        make_first(other.path(), &Eights).unwrap();
        let (from, to) = (
            directory(other.path()).join(FIRST),
            directory(data.path()).join("second.pem"),
        );
        fs::copy(from, to).unwrap();

        let keys = WebhookKeys::read(data.path()).unwrap();
        let both: Vec<String> = keys.public().collect();
        assert_eq!((both.len(), &both[1]), (2, &old[0]));
        let signatures = keys.sign(b"text");
        let signatures: Vec<&str> = signatures.split(' ').collect();
        for (public, signature) in both.iter().zip(&signatures) {
            assert!(verifies(public, b"text", signature));
            assert!(!verifies(public, b"another text", signature));
        }
        assert!(!verifies(&both[0], b"text", signatures[1]));

        make_first(data.path(), &Sevens).unwrap();
        fs::remove_file(directory(data.path()).join(FIRST)).unwrap();
        let left: Vec<String> = WebhookKeys::read(data.path()).unwrap().public().collect();
        assert_eq!(left, both[..1]);
    }

    /// What another program verifies: made with Python's `cryptography` from the same key.
    #[test]
    fn receivers_with_other_libraries_refuse_what_is_signed_here() {
        let data = tempfile::tempdir().unwrap();
        make_first(data.path(), &Sevens).unwrap();
        let keys = WebhookKeys::read(data.path()).unwrap();
        let public: Vec<String> = keys.public().collect();
        assert_eq!(public, ["whpk_6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw="]);
        assert_eq!(
            keys.sign(br#"14000000-0000-4000-8000-000000000001.1795341900.{"type":"test"}"#),
            "v1a,p+hp1RpRaxJj6mksjd9spLZu3p7ISRgKVxo45cL/O5aZHdXoQeLtsBQeuVeyjlgXpxhzsIcl/X1fhbclzbIpDw=="
        );
    }

    /// Made with `openssl genpkey -algorithm ed25519`, but for its bytes.
    #[test]
    fn an_operator_could_not_bring_a_key_that_openssl_made() {
        const MADE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n-----END PRIVATE KEY-----\n";
        let data = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory(data.path())).unwrap();
        fs::write(directory(data.path()).join("made.pem"), MADE).unwrap();
        let brought: Vec<String> = WebhookKeys::read(data.path()).unwrap().public().collect();
        let other = tempfile::tempdir().unwrap();
        make_first(other.path(), &Sevens).unwrap();
        let made: Vec<String> = WebhookKeys::read(other.path()).unwrap().public().collect();
        assert_eq!(brought, made);
        let file = fs::read_to_string(directory(other.path()).join(FIRST)).unwrap();
        assert_eq!(file, MADE, "and what is made here is what openssl reads");
    }

    #[test]
    fn a_key_of_another_kind_is_named_with_its_file() {
        let data = tempfile::tempdir().unwrap();
        assert!(WebhookKeys::read(data.path()).unwrap().is_empty());
        fs::create_dir_all(directory(data.path())).unwrap();
        for text in [crate::keys::make().unwrap(), "no key".to_owned()] {
            fs::write(directory(data.path()).join("rsa.pem"), text).unwrap();
            let error = WebhookKeys::read(data.path()).err().unwrap().to_string();
            assert!(error.contains("rsa.pem"), "{error}");
        }
    }

    #[test]
    fn one_file_that_cannot_be_read_would_keep_the_good_keys_from_signing() {
        let data = tempfile::tempdir().unwrap();
        make_first(data.path(), &Sevens).unwrap();
        let good: Vec<String> = WebhookKeys::read(data.path()).unwrap().public().collect();
        let folder = directory(data.path());
        fs::write(folder.join("cut-short.pem"), "-----BEGIN PRIVATE KEY-----\nMC4C").unwrap();
        fs::create_dir(folder.join("a-folder.pem")).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.join("a-link.pem")).unwrap();
        let keys = WebhookKeys::read(data.path()).unwrap();
        assert_eq!(keys.public().collect::<Vec<_>>(), good);
        assert!(keys.sign(b"text").starts_with(SIGNATURE_PREFIX));
        make_first(data.path(), &Sevens).unwrap();
        assert!(folder.join(FIRST).exists(), "and a server starts");
    }
}
