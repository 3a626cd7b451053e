//! The log: one line per request that can be read alone, and no secrets.

use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use crate::fixture::House;
use crate::world::usage;

/// Everything that all tests of this process log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_one_line_with_all_that_matters_and_without_secrets() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let house = House::start().await;
    house.register().await;
    let key = house.activation_key("north").await;
    let answer = house.deliver(usage("2026-10-01", &["1"])).await.expect(200);
    let refused = house
        .get("/api/v1/partners/x?secret=hush")
        .await
        .refused(400, "UnknownQueryParameter");

    let made = house.request(reqwest::Method::POST, "/api/v1/operator-credentials");
    let made = house
        .send(made.json(&serde_json::json!({ "name": "Night" })))
        .await
        .expect(201);
    let made = made.body["text"].as_str().unwrap().to_owned();
    let signing_in = crate::identity::secrets_of_signing_in().await;

    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let of = |id: &str| log.lines().filter(|line| line.contains(id)).collect::<Vec<_>>();
    let delivered = of(answer.header("x-ms-request-id"));
    assert_eq!(delivered.len(), 1, "{delivered:?}");
    for part in [
        "method=POST",
        "status=200",
        "route=\"/api/v1/stacks/{cloudId}/usage\"",
        "caller=\"stack 5",
        "took_ms=",
    ] {
        assert!(delivered[0].contains(part), "{part} in {delivered:?}");
    }
    let refused = of(refused.header("x-ms-request-id"));
    assert!(
        refused[0].contains("code=\"UnknownQueryParameter\"")
            && refused[0].contains("caller=\"operator tests\"")
    );
    assert!(
        log.contains("somebody has a copy"),
        "a copied refresh token is loud"
    );
    let signing_in = signing_in.iter().map(String::as_str);
    for secret in [&*house.operator, &key, "hush", &made]
        .into_iter()
        .chain(signing_in)
    {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
