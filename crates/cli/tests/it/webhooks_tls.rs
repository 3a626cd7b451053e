//! Receivers in a network of one's own, whose certificates an authority of one's own made.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::server::Server;

/// How long what has to come is waited for: as long as a machine may take that has much else to do.
const PATIENCE: Duration = Duration::from_secs(240);

/// Somebody who makes certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// What a server at this machine's address shows.
    fn config(&self) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.unwrap())
    }
}

/// Takes every notice, over TLS; gives where, and the ids of those that came.
fn receiver(config: Arc<ServerConfig>) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/hook", listener.local_addr().unwrap());
    let (comes, came) = mpsc::channel();
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            // Whoever does not trust the certificate hangs up in the middle.
            if let Some(id) = take(connection, &config)
                && comes.send(id).is_err()
            {
                return;
            }
        }
    });
    (url, came)
}

fn take(connection: TcpStream, config: &Arc<ServerConfig>) -> Option<String> {
    let session = ServerConnection::new(Arc::clone(config)).ok()?;
    let mut from = BufReader::new(StreamOwned::new(session, connection));
    let (mut id, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let (name, value) = match line.trim_end() {
            "" => break,
            line => line.split_once(':').unwrap_or((line, "")),
        };
        match &*name.to_ascii_lowercase() {
            "webhook-id" => id = Some(value.trim().to_owned()),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    from.read_exact(&mut vec![0; length]).ok()?;
    let mut to = from.into_inner();
    to.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        .ok()?;
    to.conn.send_close_notify();
    to.flush().ok()?;
    id
}

#[test]
fn a_receiver_with_a_certificate_of_ones_own_authority_would_be_told_nothing() {
    let own = Authority::new();
    let trusted = tempfile::tempdir().unwrap();
    let file = trusted.path().join("own.pem");
    std::fs::write(&file, own.0.pem()).unwrap();
    let server = Server::start_with(|_, serve| {
        serve
            .arg("--webhooks-to-private-networks")
            .env("SSL_CERT_FILE", &file);
    });
    let (url, came) = receiver(own.config());
    server.run("webhook set own", &["--to", &url]).done();
    let tried = server.json("webhook test own", &[]);
    assert_eq!(tried["status"], "delivered");
    assert_eq!(came.recv_timeout(PATIENCE).unwrap(), tried["noticeId"]);

    // Nothing is told to whoever shows a certificate that anybody can make.
    let (url, stranger) = receiver(Authority::new().config());
    server.run("webhook set other", &["--to", &url]).done();
    let tried = server.run("webhook test other", &[]);
    assert_eq!(tried.code, Some(1), "{tried:?}");
    assert!(tried.notes.contains("certificate"), "{}", tried.notes);
    assert!(stranger.try_recv().is_err());
}
