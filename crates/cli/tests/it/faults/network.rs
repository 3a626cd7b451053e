//! The network between a bridge and what it talks to: a proxy that cuts, delays, doubles, overtakes and cuts short.
//!
//! It speaks HTTP without TLS to the bridge, on the loopback interface, so that it can send a request twice; on to the
//! other side it goes as that one wants it.

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
use reqwest::{Body, Client, Method};
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
    passed: AtomicU64,
    met: Mutex<BTreeMap<NetworkFault, u64>>,
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
            passed: AtomicU64::new(0),
            met: Mutex::default(),
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

    pub(super) fn met(&self) -> BTreeMap<NetworkFault, u64> {
        self.inner.met.lock().unwrap().clone()
    }
}

impl Inner {
    /// Passes one request on; whatever does not work is a connection that ends.
    async fn pass(self: Arc<Self>, mut connection: TcpStream) {
        let Some(said) = Said::read(&mut connection).await else {
            return;
        };
        let fault = self.draw();
        self.passed.fetch_add(1, Ordering::Relaxed);
        match fault {
            Some(NetworkFault::CutBefore) => return,
            Some(NetworkFault::RequestCutShort) => {
                let _ = self.send(said.cut_short()).await;
                return;
            }
            Some(NetworkFault::Delayed) => {
                let delay = self.chance.between(5, 200);
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
            Some(NetworkFault::Overtaken) => self.wait_for_another().await,
            Some(NetworkFault::Doubled) => {
                // The second one arrives while the first is worked on, or after it.
                let (again, other) = (Arc::clone(&self), said.clone());
                let wait = Duration::from_millis(self.chance.between(0, 30));
                tokio::spawn(async move {
                    tokio::time::sleep(wait).await;
                    let _ = again.send(other).await;
                });
            }
            _ => {}
        }
        let Some(answer) = self.send(said).await else {
            return;
        };
        let answer = match fault {
            Some(NetworkFault::CutAfter) => return,
            Some(NetworkFault::AnswerCutShort) => &answer[..answer.len() / 2],
            _ => &answer[..],
        };
        // The bridge may be dead by now.
        let _ = connection.write_all(answer).await;
        let _ = connection.shutdown().await;
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
        let fault = bag.swap_remove(usize::try_from(index).unwrap());
        if fault != NetworkFault::Overtaken {
            *self.met.lock().unwrap().entry(fault).or_default() += 1;
        }
        Some(fault)
    }

    async fn wait_for_another(&self) {
        let (before, began) = (self.passed.load(Ordering::Relaxed), Instant::now());
        while began.elapsed() < HELD_BACK {
            tokio::time::sleep(LOOKED_AFTER).await;
            if self.passed.load(Ordering::Relaxed) > before {
                // Time for it to arrive.
                tokio::time::sleep(LOOKED_AFTER).await;
                *self
                    .met
                    .lock()
                    .unwrap()
                    .entry(NetworkFault::Overtaken)
                    .or_default() += 1;
                return;
            }
        }
    }

    /// Sends a request on, or half of one, and gives the answer as bytes.
    async fn send(&self, said: Said) -> Option<Vec<u8>> {
        let upstream = self.upstream.lock().unwrap().clone()?;
        let mut request = self
            .client
            .request(said.method.clone(), format!("{upstream}{}", said.target))
            .headers(said.headers);
        if said.length > 0 {
            request = request.header(CONTENT_LENGTH, said.length);
            request = if said.body.len() as u64 == said.length {
                request.body(said.body)
            } else {
                // The connection ends in the middle.
                let broken = Err(io::Error::from(io::ErrorKind::ConnectionReset));
                request.body(Body::wrap_stream(stream::iter([Ok(said.body), broken])))
            };
        }
        let answer = request.send().await.ok()?;
        let mut head = format!("HTTP/1.1 {}\r\n", answer.status()).into_bytes();
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
        let (body, whole) = read_body(answer).await;
        let length = if whole {
            body.len() as u64
        } else {
            said_length.unwrap_or(body.len() as u64 + 1)
        };
        head.extend_from_slice(format!("content-length: {length}\r\nconnection: close\r\n\r\n").as_bytes());
        head.extend_from_slice(&body);
        Some(head)
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
