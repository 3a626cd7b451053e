//! PostgreSQL on another machine is asked who it is.

use std::path::{Path, PathBuf};

use private_postgres::{Certificate, PrivatePostgres};
use store::{StoreConfig, StoreError};

use crate::postgres::{SETTINGS, there};

/// A certificate for `localhost`, and a file with it for those who are to trust it.
fn certificate(directory: &Path, name: &str) -> (Certificate, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let file = directory.join(name);
    std::fs::write(&file, &certificate).unwrap();
    (Certificate { certificate, key }, file)
}

fn opened(url: &str) -> Result<(), StoreError> {
    store::open(&StoreConfig::Postgres(url.parse().unwrap())).map(|_| ())
}

#[test]
fn a_server_that_cannot_show_that_it_is_the_one_meant_is_told_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (own, trusted) = certificate(directory.path(), "trusted.pem");
    let (_, other) = certificate(directory.path(), "other.pem");
    let Some(server) = there(PrivatePostgres::start_with_tls(&SETTINGS, &own)) else {
        return;
    };
    let url = |host: &str, query: &str| format!("{}?{query}", server.network_url(host, "postgres").unwrap());
    let trusting = |file: &Path| format!("sslrootcert={}", file.display());

    opened(&url("localhost", &trusting(&trusted))).unwrap();
    opened(&url(
        "localhost",
        &format!("sslmode=verify-full&{}", trusting(&trusted)),
    ))
    .unwrap();
    opened(&url("localhost", "sslmode=disable")).unwrap();
    for (what, url, word) in [
        (
            "nobody trusts it",
            url("localhost", &trusting(&other)),
            "certificate",
        ),
        ("the system does not trust it", url("localhost", ""), "certif"),
        (
            "it is another one",
            url("127.0.0.1", &trusting(&trusted)),
            "certificate",
        ),
        (
            "nobody can be trusted",
            url("localhost", &trusting(&directory.path().join("gone.pem"))),
            "gone.pem",
        ),
    ] {
        let error = opened(&url).unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{what}: {error}");
        assert!(error.to_string().contains(word), "{what}: {error}");
    }
}
