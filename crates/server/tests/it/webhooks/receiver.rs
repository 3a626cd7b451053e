//! Somebody who receives notices: takes them, or does what receivers do when they do not.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::time::Timestamp;
use server::Clock as _;

use crate::fixture::WallClock;

/// How long what has to come is waited for: as long as a machine may take that has much else to do.
const PATIENCE: Duration = Duration::from_secs(240);

/// What a receiver does with a notice.
#[derive(Debug, Clone)]
pub(super) enum Does {
    /// Takes it.
    Takes,
    /// Answers with this status.
    Answers(u16),
    /// Says that it should be asked elsewhere.
    Redirects(String),
    /// Never answers.
    Hangs,
}

/// A notice that came, whatever was done with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Came {
    pub(super) id: String,
    pub(super) timestamp: i64,
    pub(super) signature: String,
    pub(super) body: String,
}

impl Came {
    /// What kind of thing it tells.
    pub(super) fn kind(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body["type"].as_str().unwrap().to_owned()
    }

    /// Fails unless it was signed with this key, a moment ago, as receivers find out who know the key alone.
    #[track_caller]
    pub(super) fn verify(&self, public_key: &str) {
        let key = STANDARD
            .decode(public_key.strip_prefix("whpk_").unwrap())
            .unwrap();
        let signed = format!("{}.{}.{}", self.id, self.timestamp, self.body);
        let signature = STANDARD
            .decode(self.signature.strip_prefix("v1a,").unwrap())
            .unwrap();
        UnparsedPublicKey::new(&ED25519, key)
            .verify(signed.as_bytes(), &signature)
            .unwrap();
        let sent = Timestamp::from_second(self.timestamp).unwrap();
        let age = WallClock.now().duration_since(sent).as_secs();
        assert!(
            (-5..600).contains(&age),
            "it would be taken for a recording: {sent}"
        );
    }
}

#[derive(Default)]
struct Inside {
    came: Vec<Came>,
    /// What it does next; the last of it for ever.
    does: VecDeque<Does>,
}

type Shared = Arc<Mutex<Inside>>;

/// A receiver on a free port.
pub(super) struct Receiver {
    pub(super) url: String,
    inside: Shared,
}

impl Receiver {
    /// One that does these things one after the other, and the last of them from then on.
    pub(super) async fn that<const N: usize>(does: [Does; N]) -> Self {
        let inside: Shared = Arc::new(Mutex::new(Inside {
            does: does.into(),
            came: Vec::new(),
        }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/hook", post(receive))
            .with_state(Arc::clone(&inside));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inside }
    }

    pub(super) fn now<const N: usize>(&self, does: [Does; N]) {
        self.inside.lock().unwrap().does = does.into();
    }

    /// Everything that came so far.
    pub(super) fn came(&self) -> Vec<Came> {
        self.inside.lock().unwrap().came.clone()
    }

    /// The ids of what came, in order, each once: what was not known to have been taken comes again.
    pub(super) fn heard(&self) -> Vec<String> {
        self.first_times().into_iter().map(|it| it.id).collect()
    }

    /// What came for the first time, as soon as it is so many.
    pub(super) async fn has_heard(&self, count: usize) -> Vec<Came> {
        eventually(|| Some(self.first_times()).filter(|came| came.len() >= count)).await
    }

    /// Waits until this notice has come.
    pub(super) async fn hears_of(&self, id: &str) {
        eventually(|| self.came().iter().any(|it| it.id == id).then_some(())).await;
    }

    fn first_times(&self) -> Vec<Came> {
        let mut came = self.came();
        let mut known = BTreeSet::new();
        came.retain(|it| known.insert(it.id.clone()));
        came
    }

    /// What came, as soon as it is so many.
    pub(super) async fn has(&self, count: usize) -> Vec<Came> {
        eventually(|| {
            let came = self.came();
            (came.len() >= count).then_some(came)
        })
        .await
    }
}

async fn receive(State(inside): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/json");
    let does = {
        let mut inside = inside.lock().unwrap();
        inside.came.push(Came {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp").parse().unwrap(),
            signature: header("webhook-signature"),
            body: String::from_utf8(body.to_vec()).unwrap(),
        });
        match inside.does.len() {
            0 | 1 => inside.does.front().cloned().unwrap_or(Does::Takes),
            _ => inside.does.pop_front().unwrap(),
        }
    };
    match does {
        Does::Takes => StatusCode::NO_CONTENT.into_response(),
        Does::Answers(status) => {
            let status = StatusCode::from_u16(status).unwrap();
            (status, [(RETRY_AFTER, "0")], "not\u{7}now").into_response()
        }
        Does::Redirects(to) => (StatusCode::PERMANENT_REDIRECT, [(LOCATION, to)]).into_response(),
        Does::Hangs => std::future::pending().await,
    }
}

/// Waits until there is something.
pub(super) async fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(there) = look() {
            return there;
        }
        assert!(began.elapsed() < PATIENCE, "it does not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The same, where looking takes a while.
pub(super) async fn eventually_so<T, F: Future<Output = Option<T>>>(mut look: impl FnMut() -> F) -> T {
    let began = Instant::now();
    loop {
        if let Some(there) = look().await {
            return there;
        }
        assert!(began.elapsed() < PATIENCE, "it does not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
