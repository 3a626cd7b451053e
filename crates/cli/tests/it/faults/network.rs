//! The network between a bridge and what it talks to: a proxy that cuts, delays, doubles, overtakes and cuts short.
//!
//! It speaks HTTP without TLS to the bridge, on the loopback interface, so that it can send a request twice; on to the
//! other side it goes as that one wants it. A fault is counted when it did something: where nobody was there that it could
//! have cut off or kept waiting, it comes again later.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use reqwest::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use reqwest::{Body, Client, Method, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::chance::Chance;

/// What happens to a request or its answer on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NetworkFault {
    /// The connection is cut before anything arrives.
    CutBefore,
    /// The request arrives, and the answer is lost.
    CutAfter,
    /// Half of the request arrives.
    RequestCutShort,
    /// Half of the answer arrives.
    AnswerCutShort,
    /// It takes long.
    Delayed,
    /// The request arrives twice.
    Doubled,
    /// A later request overtakes it.
    Overtaken,
}

pub(super) const NETWORK_FAULTS: [NetworkFault; 7] = [
    NetworkFault::CutBefore,
    NetworkFault::CutAfter,
    NetworkFault::RequestCutShort,
    NetworkFault::AnswerCutShort,
    NetworkFault::Delayed,
    NetworkFault::Doubled,
    NetworkFault::Overtaken,
];

const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long a request is held back for a later one to come.
const HELD_BACK: Duration = Duration::from_millis(250);
const LOOKED_AFTER: Duration = Duration::from_millis(5);

/// One way through the network.
pub(super) struct Network {
    pub(super) address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    /// Where the other side is now; nowhere while it is down.
    upstream: Mutex<Option<String>>,
    client: Client,
    chance: Chance,
    /// What comes next: all kinds before any comes again.
    bag: Mutex<Vec<NetworkFault>>,
    per_mille: AtomicU16,
    /// How many requests came.
    came: AtomicU64,
    /// The last one of those that were answered.
    answered: AtomicU64,
    met: Mutex<BTreeMap<NetworkFault, u64>>,
    acknowledged: Mutex<Acknowledged>,
}

/// What the other side has acknowledged and has still.
#[derive(Default)]
struct Acknowledged {
    delivered: Vec<Delivered>,
    /// Whether it was told since it went back who is on the stack.
    knows_directory: bool,
    /// How often it went back to a backup: what was sent before that may be answered after it, by one that is gone.
    gone_back: u64,
}

/// Usage that was delivered, and the answer.
#[derive(Clone)]
pub(super) struct Delivered {
    /// The path and the query.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) answer: Bytes,
}

impl Acknowledged {
    fn take(&mut self, said: Said, answer: &Answer) {
        if said.method == Method::POST && said.target.contains("/usage") {
            self.delivered.push(Delivered {
                target: said.target,
                headers: said.headers,
                body: said.body,
                answer: answer.body.clone(),
            });
        } else if said.method == Method::PUT && said.is_about("/subscriptions") {
            self.knows_directory = true;
        }
    }
}

impl Delivered {
    /// What it was acknowledged with.
    pub(super) fn receipt(&self) -> Value {
        serde_json::from_slice(&self.answer).unwrap()
    }

    /// Whether a store has it whose last receipt is this one.
    fn is_in(&self, last_receipt: u64) -> bool {
        self.receipt()["sequence"].as_u64().unwrap() <= last_receipt
    }
}

/// What came from a bridge.
#[derive(Clone)]
struct Said {
    method: Method,
    target: String,
    headers: HeaderMap,
    /// How long the body is said to be.
    length: u64,
    body: Bytes,
}

/// What was answered.
struct Answer {
    status: StatusCode,
    head: Vec<u8>,
    body: Bytes,
    /// It did not break off.
    is_whole: bool,
}

/// Why there is no answer.
enum Unanswered {
    /// Nobody was there.
    Nobody,
    /// The connection ended.
    CutOff,
}

impl Network {
    pub(super) async fn open(seed: u64, per_mille: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = Client::builder()
            // It only passes on. Who answers is known, and clocks are off here.
            .tls_danger_accept_invalid_certs(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        let inner = Arc::new(Inner {
            upstream: Mutex::new(None),
            client,
            chance: Chance::new(seed),
            bag: Mutex::default(),
            per_mille: AtomicU16::new(per_mille),
            came: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            met: Mutex::default(),
            acknowledged: Mutex::default(),
        });
        let accepting = Arc::clone(&inner);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&accepting).pass(connection));
            }
        });
        Self { address, inner }
    }

    /// From now on the other side is there.
    pub(super) fn lead_to(&self, upstream: Option<String>) {
        *self.inner.upstream.lock().unwrap() = upstream;
    }

    pub(super) fn set_share(&self, per_mille: u16) {
        self.inner.per_mille.store(per_mille, Ordering::Relaxed);
    }

    /// What did something.
    pub(super) fn met(&self) -> BTreeMap<NetworkFault, u64> {
        self.inner.met.lock().unwrap().clone()
    }

    /// All usage that was delivered and answered for, as often as it was, but what is lost.
    pub(super) fn delivered(&self) -> Vec<Delivered> {
        self.inner.acknowledged.lock().unwrap().delivered.clone()
    }

    /// Whether the other side was told who is on the stack, since it went back last.
    pub(super) fn knows_directory(&self) -> bool {
        self.inner.acknowledged.lock().unwrap().knows_directory
    }

    /// Whether anything was answered for that a backup does not have whose last receipt is this one.
    pub(super) fn has_delivered_since(&self, last_receipt: u64) -> bool {
        let acknowledged = self.inner.acknowledged.lock().unwrap();
        acknowledged.delivered.iter().any(|it| !it.is_in(last_receipt))
    }

    /// The other side is gone, and another one comes that has everything up to a receipt. Answers how many deliveries are
    /// lost with it.
    pub(super) fn go_back(&self, last_receipt: u64) -> usize {
        let mut acknowledged = self.inner.acknowledged.lock().unwrap();
        acknowledged.gone_back += 1;
        acknowledged.knows_directory = false;
        let before = acknowledged.delivered.len();
        acknowledged.delivered.retain(|it| it.is_in(last_receipt));
        before - acknowledged.delivered.len()
    }
}

impl Inner {
    /// Passes one request on; whatever does not work is a connection that ends.
    async fn pass(self: Arc<Self>, mut connection: TcpStream) {
        let Some(said) = Said::read(&mut connection).await else {
            return;
        };
        let number = self.came.fetch_add(1, Ordering::Relaxed) + 1;
        let Some(fault) = self.draw() else {
            if let Ok(answer) = self.send(said, number).await {
                answer.give(&mut connection).await;
            }
            return;
        };
        if self.pass_with(fault, said, number, &mut connection).await {
            *self.met.lock().unwrap().entry(fault).or_default() += 1;
        } else {
            self.bag.lock().unwrap().push(fault);
        }
    }

    /// The same with a fault. Whether that did anything.
    async fn pass_with(
        self: &Arc<Self>,
        fault: NetworkFault,
        said: Said,
        number: u64,
        connection: &mut TcpStream,
    ) -> bool {
        let mut other = None;
        match fault {
            NetworkFault::CutBefore => return self.is_there().await,
            NetworkFault::RequestCutShort => {
                let half = self.send(said.cut_short(), number).await;
                return matches!(half, Err(Unanswered::CutOff));
            }
            NetworkFault::Delayed => {
                let delay = self.chance.between(5, 200);
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
            NetworkFault::Overtaken => self.wait_for_later_than(number).await,
            NetworkFault::Doubled => {
                // The second one arrives while the first is worked on, or after it.
                let (again, said) = (Arc::clone(self), said.clone());
                let wait = Duration::from_millis(self.chance.between(0, 30));
                other = Some(tokio::spawn(async move {
                    tokio::time::sleep(wait).await;
                    again.send(said, number).await.is_ok()
                }));
            }
            NetworkFault::CutAfter | NetworkFault::AnswerCutShort => {}
        }
        let overtaken = self.answered.load(Ordering::Relaxed) > number;
        let Ok(answer) = self.send(said, number).await else {
            return false;
        };
        match fault {
            NetworkFault::CutAfter => return true,
            NetworkFault::AnswerCutShort => answer.cut_short().give(connection).await,
            _ => answer.give(connection).await,
        }
        match (fault, other) {
            (NetworkFault::Overtaken, _) => overtaken,
            (_, Some(other)) => other.await.unwrap_or(false),
            _ => true,
        }
    }

    fn draw(&self) -> Option<NetworkFault> {
        if !self.chance.happens(self.per_mille.load(Ordering::Relaxed).into()) {
            return None;
        }
        let mut bag = self.bag.lock().unwrap();
        if bag.is_empty() {
            bag.extend(NETWORK_FAULTS);
        }
        let index = self.chance.between(0, bag.len() as u64);
        Some(bag.swap_remove(usize::try_from(index).unwrap()))
    }

    /// Whether a connection to the other side can be made.
    async fn is_there(&self) -> bool {
        let upstream = self.upstream.lock().unwrap().clone();
        match upstream.as_deref().and_then(|url| url.split("//").nth(1)) {
            Some(address) => TcpStream::connect(address).await.is_ok(),
            None => false,
        }
    }

    /// Waits for a while until a later request was answered.
    async fn wait_for_later_than(&self, number: u64) {
        let began = Instant::now();
        while began.elapsed() < HELD_BACK && self.answered.load(Ordering::Relaxed) <= number {
            tokio::time::sleep(LOOKED_AFTER).await;
        }
    }

    /// Sends a request on, or half of one, and gives the answer.
    async fn send(&self, said: Said, number: u64) -> Result<Answer, Unanswered> {
        let gone_back = self.acknowledged.lock().unwrap().gone_back;
        let upstream = self.upstream.lock().unwrap().clone();
        let upstream = upstream.ok_or(Unanswered::Nobody)?;
        let mut request = self
            .client
            .request(said.method.clone(), format!("{upstream}{}", said.target))
            .headers(said.headers.clone());
        if said.length > 0 {
            request = request.header(CONTENT_LENGTH, said.length);
            request = if said.body.len() as u64 == said.length {
                request.body(said.body.clone())
            } else {
                // The connection ends in the middle.
                let broken = Err(io::Error::from(io::ErrorKind::ConnectionReset));
                request.body(Body::wrap_stream(stream::iter([Ok(said.body.clone()), broken])))
            };
        }
        let answer = request.send().await.map_err(|error| {
            if error.is_connect() {
                Unanswered::Nobody
            } else {
                Unanswered::CutOff
            }
        })?;
        let answer = Answer::read(answer).await;
        self.answered.fetch_max(number, Ordering::Relaxed);
        if answer.status == StatusCode::OK && answer.is_whole {
            let mut acknowledged = self.acknowledged.lock().unwrap();
            if acknowledged.gone_back == gone_back {
                acknowledged.take(said, &answer);
            }
        }
        Ok(answer)
    }
}

impl Answer {
    async fn read(answer: reqwest::Response) -> Self {
        let status = answer.status();
        let mut head = format!("HTTP/1.1 {status}\r\n").into_bytes();
        for (name, value) in answer.headers() {
            if ![CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH].contains(name) {
                head.extend_from_slice(name.as_str().as_bytes());
                head.extend_from_slice(b": ");
                head.extend_from_slice(value.as_bytes());
                head.extend_from_slice(b"\r\n");
            }
        }
        // An answer that broke off on the other side breaks off here.
        let said_length = answer.content_length();
        let (body, is_whole) = read_body(answer).await;
        let length = if is_whole {
            body.len() as u64
        } else {
            said_length.unwrap_or(body.len() as u64 + 1)
        };
        head.extend_from_slice(format!("content-length: {length}\r\nconnection: close\r\n\r\n").as_bytes());
        Self {
            status,
            head,
            body: body.into(),
            is_whole,
        }
    }

    /// Half of it.
    fn cut_short(mut self) -> Self {
        let length = (self.head.len() + self.body.len()) / 2;
        self.body.truncate(length.saturating_sub(self.head.len()));
        self.head.truncate(length);
        self
    }

    async fn give(&self, connection: &mut TcpStream) {
        // The bridge may be dead by now.
        let _ = connection.write_all(&self.head).await;
        let _ = connection.write_all(&self.body).await;
        let _ = connection.shutdown().await;
    }
}

async fn read_body(mut answer: reqwest::Response) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return (body, true),
            Err(_) => return (body, false),
        }
    }
}

impl Said {
    /// Whether this is the end of its path.
    fn is_about(&self, end: &str) -> bool {
        let path = self.target.split('?').next();
        path.is_some_and(|path| path.ends_with(end))
    }

    async fn read(connection: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
                break end;
            }
            if bytes.len() > HEAD_BYTES_MAX || connection.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?.parse().ok()?, first.next()?.to_owned());
        let (mut headers, mut length) = (HeaderMap::new(), 0);
        for line in lines {
            let (name, value) = line.split_once(':')?;
            let (name, value): (HeaderName, _) = (name.parse().ok()?, value.trim());
            if name == CONTENT_LENGTH {
                length = value.parse().ok()?;
            } else if ![HOST, CONNECTION].contains(&name) {
                headers.append(name, HeaderValue::from_str(value).ok()?);
            }
        }
        let mut body = bytes.split_off(end + 4);
        while body.len() < length {
            if connection.read_buf(&mut body).await.ok()? == 0 {
                return None;
            }
        }
        Some(Self {
            method,
            target,
            headers,
            length: length as u64,
            body: body.into(),
        })
    }

    /// Half of it; the whole length is said all the same. Where there is no body, a byte of one is missing.
    fn cut_short(mut self) -> Self {
        self.length = self.length.max(1);
        self.body = self.body.slice(..self.body.len() / 2);
        self
    }
}
