//! Others are told, by the server as it is installed: whatever happens to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use crate::server::Server;

/// How long what has to come is waited for: as long as a machine may take that has much else to do.
const PATIENCE: Duration = Duration::from_secs(240);

/// A notice that came, and how to answer it: if that is dropped, nobody ever does.
struct Came {
    id: String,
    body: String,
    from: TcpStream,
}

impl Came {
    fn answer(mut self, status: &str) {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        // Whoever sent it may have waited too long, or been killed: then it comes again.
        let _ = self.from.write_all(answer.as_bytes());
    }
}

/// Somebody who receives notices one by one.
struct Receiver {
    url: String,
    came: mpsc::Receiver<Came>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (comes, came) = mpsc::channel();
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                // A connection of a server that was killed may end in the middle.
                if let Some(notice) = read(connection)
                    && comes.send(notice).is_err()
                {
                    return;
                }
            }
        });
        Self { url, came }
    }

    fn next(&self) -> Came {
        self.came.recv_timeout(PATIENCE).unwrap()
    }

    /// Takes everything from now on.
    fn takes_all(self) {
        std::thread::spawn(move || {
            for came in self.came {
                came.answer("204 No Content");
            }
        });
    }
}

fn read(from: TcpStream) -> Option<Came> {
    let mut lines = BufReader::new(from.try_clone().ok()?);
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok()?;
        let (name, value) = match line.trim_end() {
            "" => break,
            line => line.split_once(':').unwrap_or((line, "")),
        };
        match &*name.to_ascii_lowercase() {
            "webhook-id" => value.trim().clone_into(&mut id),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    Some(Came { id, body, from })
}

fn to_private_networks(_: &Path, serve: &mut Command) {
    serve.arg("--webhooks-to-private-networks");
}

/// The same data directory, served again after a SIGKILL.
fn again_after_a_kill(server: Server) -> Server {
    let credential = server.credential.clone();
    let mut again = Server::start_in(server.kill_and_keep(), to_private_networks);
    again.credential = credential;
    again
}

#[test]
fn a_server_that_is_killed_would_lose_what_it_was_about_to_tell() {
    let server = Server::start_with(to_private_networks);
    let receiver = Receiver::start();
    server.run("webhook set ops", &["--to", &receiver.url]).done();
    let mut testing = server.command("webhook test ops", &[]);
    let testing = std::thread::spawn(move || crate::process::run(&mut testing));
    let first = receiver.next();

    let told = (first.id.clone(), first.body.clone());
    let again = |receiver: &Receiver| {
        let came = receiver.next();
        assert_eq!((&came.id, &came.body), (&told.0, &told.1));
        came
    };
    // It was taken, and nobody knows.
    let server = again_after_a_kill(server);
    testing.join().unwrap();
    // It was not, and nobody has it.
    again(&receiver).answer("500 Internal Server Error");
    let server = again_after_a_kill(server);
    again(&receiver).answer("204 No Content");
    // That answer, too, may have come too late.
    receiver.takes_all();

    let began = std::time::Instant::now();
    let delivered = loop {
        let all = server.json("webhook deliveries ops", &[]);
        if all[0]["status"] == "delivered" {
            break all;
        }
        assert!(began.elapsed() < PATIENCE, "{all}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(
        (delivered.as_array().unwrap().len(), &delivered[0]["noticeId"]),
        (1, &told.0.into())
    );
}

#[test]
fn an_operator_sets_tries_and_removes_a_webhook() {
    let server = Server::start_with(to_private_networks);
    let receiver = Receiver::start();
    let url = receiver.url.clone();
    receiver.takes_all();
    let set = server.run(
        "webhook set ops",
        &["--to", &url, "--kind", "stack.behind", "--kind", "test"],
    );
    assert!(
        set.notes.contains("meterbridge webhook test ops"),
        "{}",
        set.notes
    );
    let set = set.done();
    for shown in ["ops", "good", &url, "stack.behind, test", "everything"] {
        assert!(set.contains(shown), "{shown}: {set}");
    }
    let tried = server.json("webhook test ops", &[]);
    assert_eq!(tried["status"], "delivered");
    let id = tried["noticeId"].as_str().unwrap().to_owned();
    server.run("webhook redeliver ops", &[&id]).done();
    let listed = server.run("webhook deliveries ops", &[]).done();
    assert!(
        listed.contains(&id) && listed.contains("Nothing happened"),
        "{listed}"
    );
    let keys = server.run("webhook keys", &[]).done();
    assert!(keys.contains("whpk_"), "{keys}");

    // Nobody ever listens there.
    server
        .run("webhook set ops", &["--to", "http://127.0.0.1:1/"])
        .done();
    let tried = server.run("webhook test ops", &[]);
    assert_eq!((tried.code, &*tried.data), (Some(1), ""), "{tried:?}");
    assert!(tried.notes.contains("could not be reached"), "{}", tried.notes);
    let listed = server.run("webhook list", &[]).done();
    assert!(listed.contains("failing since"), "{listed}");
    let removed = server.json("webhook remove ops", &[]);
    assert_eq!(removed["removed"], true);
    let gone = server.run("webhook test ops", &[]);
    assert!(gone.notes.contains("WebhookNotFound"), "{}", gone.notes);
}

#[test]
fn a_webhook_into_the_machine_itself_is_not_set_where_that_was_not_allowed() {
    let server = Server::start();
    let refused = server.run("webhook set ops", &["--to", "http://localhost:8080/"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.notes.contains("--webhooks-to-private-networks"),
        "{}",
        refused.notes
    );
}

/// Answers everything that comes, and as it was told last.
fn answers(receiver: Receiver) -> Arc<Mutex<&'static str>> {
    let status = Arc::new(Mutex::new("500 Internal Server Error"));
    let now = Arc::clone(&status);
    std::thread::spawn(move || {
        for came in receiver.came {
            let status = *now.lock().unwrap();
            came.answer(status);
        }
    });
    status
}

/// What `webhook test` says, as soon as it says this.
fn tried_until(server: &Server, said: &str) -> String {
    let began = std::time::Instant::now();
    loop {
        let tried = server.run("webhook test ops", &[]);
        assert_eq!(tried.code, Some(1), "{tried:?}");
        if tried.notes.contains(said) {
            return tried.notes;
        }
        assert!(began.elapsed() < PATIENCE, "{said}: {}", tried.notes);
    }
}

#[test]
fn whoever_mends_a_receiver_would_read_what_was_wrong_with_it_before_and_not_what_to_do() {
    let server = Server::start_with(to_private_networks);
    let receiver = Receiver::start();
    let url = receiver.url.clone();
    let status = answers(receiver);
    server.run("webhook set ops", &["--to", &url]).done();
    tried_until(&server, "500 Internal Server Error");
    *status.lock().unwrap() = "503 Service Unavailable";
    let notes = tried_until(&server, "503 Service Unavailable");
    assert!(!notes.contains("500"), "{notes}");
    let listed = server.run("webhook list", &[]).done();
    assert!(
        listed.contains("failing since") && listed.contains("attempt "),
        "{listed}"
    );
    let listed = server.run("webhook deliveries ops", &[]).done();
    assert!(listed.contains("waiting: It answered 503"), "{listed}");

    *status.lock().unwrap() = "410 Gone";
    let notes = tried_until(&server, "410 Gone");
    assert!(
        notes.contains("webhook set ops --to") && notes.contains("webhook redeliver ops"),
        "{notes}"
    );
    let listed = server.run("webhook list", &[]).done();
    assert!(listed.contains("stopped"), "{listed}");
    // What was answered 410 was tried; what waited behind it may not have been.
    let deliveries = server.json("webhook deliveries ops", &[]);
    let is_tried = |it: &serde_json::Value| {
        it["attempts"].as_u64() > Some(0) && it["answer"].as_str().unwrap_or("").contains("410")
    };
    assert!(
        deliveries.as_array().unwrap().iter().any(is_tried),
        "{deliveries}"
    );

    *status.lock().unwrap() = "500 Internal Server Error";
    server.run("webhook set ops", &["--to", &url]).done();
    tried_until(&server, "500 Internal Server Error");
    let waiting = server.json("webhook list", &[])[0]["waiting"].clone();
    let removed = server.json("webhook remove ops", &[]);
    assert_eq!(removed["notSent"], waiting);
}
