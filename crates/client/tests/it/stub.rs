//! A server on this machine that gives prepared answers, one a connection, and keeps what it was asked.

use std::sync::{Arc, Mutex};

use client::{Client, Credential};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The server.
pub(crate) struct Stub {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    /// Starts it. `answers` are given in their order, the last for ever; an empty one breaks the connection.
    pub(crate) async fn start(answers: &[String]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answers, log) = (answers.to_vec(), Arc::clone(&asked));
        tokio::spawn(async move {
            for number in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                log.lock().unwrap().push(request);
                let answer = &answers[number.min(answers.len() - 1)];
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { url, asked }
    }

    pub(crate) fn client(&self) -> Client {
        Client::builder(&self.url)
            .credential(Credential::new("mbo_secret"))
            .build()
            .unwrap()
    }

    /// The requests so far, heads in lower case.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.split_once("content-length: ").map_or(0, |(_, rest)| {
                rest.split_once('\r')
                    .map_or(rest, |(number, _)| number)
                    .parse()
                    .unwrap()
            });
            if body.len() >= length {
                return format!("{head}\r\n\r\n{body}");
            }
        }
        assert!(read > 0, "the request ended early: {text}");
    }
}

/// An answer with a JSON body.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}")
}
