//! `/metrics` and `/healthz`, for whoever watches the bridge.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::{Board, BridgeStatus, metrics, of_all};
use crate::environment::Clock;

/// The most bytes of a request.
const REQUEST_BYTES_MAX: usize = 8 * 1024;
/// How long a request and its answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The most requests at once.
const CONNECTIONS_MAX: usize = 16;

/// Answers for ever.
pub(crate) async fn listen(listener: TcpListener, clock: Arc<dyn Clock>, boards: Vec<Arc<Board>>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, perhaps: others need them more.
            tokio::time::sleep(TIMEOUT).await;
            continue;
        };
        let status = of_all(&*clock, &boards);
        tokio::spawn(async move {
            let _place = place;
            // Who asks and goes away has no answer to be told about.
            let _ = tokio::time::timeout(TIMEOUT, answer(stream, status)).await;
        });
    }
}

async fn answer(mut stream: TcpStream, status: BridgeStatus) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|it| it == b"\r\n\r\n") {
        if request.len() > REQUEST_BYTES_MAX || stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let (code, body) = respond(&String::from_utf8_lossy(line), &status);
    let length = body.len();
    let response = format!(
        "HTTP/1.1 {code}\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    );
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}

/// The status line and the body for a request line.
fn respond(line: &str, status: &BridgeStatus) -> (&'static str, String) {
    let mut words = line.split(' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    match (method, path) {
        (Some("GET"), "/metrics") => ("200 OK", metrics::text(status)),
        (Some("GET"), "/healthz") => health(status),
        (Some("GET"), _) => ("404 Not Found", "Here are /metrics and /healthz.\n".to_owned()),
        _ => ("405 Method Not Allowed", "Ask with GET.\n".to_owned()),
    }
}

/// A bridge is well unless it waits for somebody to do something: what passes by itself is no reason to restart it.
fn health(status: &BridgeStatus) -> (&'static str, String) {
    let mut held = String::new();
    for stack in &status.stacks {
        for it in stack.troubles.iter().filter(|it| it.held) {
            held.push_str(&format!("{} {}: {}\n", stack.name, it.part.name(), it.trouble));
        }
    }
    if held.is_empty() {
        ("200 OK", "ok\n".to_owned())
    } else {
        ("503 Service Unavailable", held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{Ongoing, Part, StackStatus};
    use crate::trouble::Trouble;

    fn status(held: Option<bool>) -> BridgeStatus {
        let troubles = held.into_iter().map(|held| Ongoing {
            part: Part::Delivering,
            since: String::new(),
            failures: 1,
            next_attempt: String::new(),
            held,
            trouble: Trouble::new("KeyRefused", "The key is not good.", "Get another."),
        });
        let stack = StackStatus {
            name: "north".to_owned(),
            troubles: troubles.collect(),
            ..StackStatus::default()
        };
        BridgeStatus {
            at: String::new(),
            stopped: false,
            stacks: vec![stack],
            abandoned: false,
        }
    }

    #[test]
    fn a_bridge_that_waits_for_somebody_is_not_well() {
        let health = |held| respond("GET /healthz HTTP/1.1", &status(held));
        assert_eq!(health(None), ("200 OK", "ok\n".to_owned()));
        assert_eq!(health(Some(false)).0, "200 OK");
        let (code, text) = health(Some(true));
        assert_eq!(code, "503 Service Unavailable");
        assert_eq!(
            text,
            "north delivering: The key is not good. Get another. [KeyRefused]\n"
        );
    }

    #[test]
    fn there_is_nothing_else_to_ask_for() {
        let code = |line| respond(line, &status(None)).0;
        assert_eq!(code("GET /metrics?x=1 HTTP/1.1"), "200 OK");
        assert_eq!(code("GET / HTTP/1.1"), "404 Not Found");
        assert_eq!(code("POST /metrics HTTP/1.1"), "405 Method Not Allowed");
        assert_eq!(code(""), "405 Method Not Allowed");
    }
}
