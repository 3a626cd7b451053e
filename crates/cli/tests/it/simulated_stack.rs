//! The first hour without a stack: one that does not exist, a bridge, and a server, over TLS.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{meterbridge, run};
use crate::server::Server;

const PATIENCE: Duration = Duration::from_secs(180);
const LOOKED_AFTER: Duration = Duration::from_millis(100);
/// The month of the stack, and where its reading begins: a part of it is enough.
const MONTH: &str = "2026-10";
const START: &str = "2026-10-30T00:00:00Z";
/// When all of the month has been reported.
const THROUGH: &str = "2026-11-03T06:00:00Z";

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves a stack; what it says of itself.
fn serve_stack(server: &Server, directory: &Path) -> (Process, Value) {
    let mut serve = meterbridge();
    serve
        .args([
            "simulator",
            "serve",
            "--output",
            "ndjson",
            "--quiet",
            "--listen",
            "127.0.0.1:0",
        ])
        .args(["--month", MONTH, "--records", "1500", "--clock-ahead", "-4"])
        .args(["--url", &server.url])
        .arg("--data")
        .arg(server.data())
        .arg("--directory")
        .arg(directory)
        .stdout(Stdio::piped());
    let mut process = serve.spawn().unwrap();
    let mut line = String::new();
    let said = BufReader::new(process.stdout.take().unwrap()).read_line(&mut line);
    said.unwrap();
    (Process(process), serde_json::from_str(&line).unwrap())
}

/// Registers the stack as its operator would.
fn register(server: &Server, stack: &Value, directory: &Path) {
    let id = |value: Value| value["id"].as_str().unwrap().to_owned();
    let partner = id(server.json("partner create --kind direct-bill --name Northwind", &[]));
    let tenant = "b1e0c1b8-5a3f-4e52-8a44-0d7f8b3f5e21";
    let subscription = "subscription create --kind partner-shared-services --name Stacks";
    let subscription = id(server.json(subscription, &["--partner", &partner, "--tenant", tenant]));
    let token = stack["registrationTokenFile"].as_str().unwrap();
    server.json(
        "registration register",
        &["--subscription", &subscription, "--token-file", token],
    );
    let cloud = stack["cloudId"].as_str().unwrap();
    server
        .run("registration backdate --from 2026-10-01", &[cloud])
        .done();
    let key = server.run("registration activation-key", &[cloud]).done();
    std::fs::write(directory.join("activation.key"), key).unwrap();
}

#[test]
fn usage_of_a_stack_that_does_not_exist_arrives_over_tls_with_a_certificate_for_an_account() {
    let (server, directory) = (Server::start(), tempfile::tempdir().unwrap());
    let (_serving, stack) = serve_stack(&server, directory.path());
    register(&server, &stack, directory.path());
    let configuration = stack["bridgeConfiguration"].as_str().unwrap();
    let written = std::fs::read_to_string(configuration).unwrap();
    let changed = written
        .replace(
            "secret-file = \"bridge.secret\"",
            "certificate-file = \"bridge.crt\"\nkey-file = \"bridge.keyfile\"",
        )
        .replace("2026-10-01T00:00:00Z", START);
    assert_eq!(changed.matches(START).count(), 1, "{written}");
    assert!(!changed.contains("secret"), "{written}");
    std::fs::write(configuration, changed).unwrap();
    let bridge = meterbridge()
        .args(["bridge", "run", "--config", configuration, "--log", "error"])
        .stderr(Stdio::null())
        .spawn();
    let _bridge = Process(bridge.unwrap());
    let began = Instant::now();
    loop {
        let stacks = server.json("stack list", &[]);
        if stacks[0]["reportedThrough"].as_str() >= Some(THROUGH) {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{stacks:#}");
        std::thread::sleep(LOOKED_AFTER);
    }
    let check = server.json("check", &["--period", MONTH]);
    assert_eq!(check["holds"], true, "{check:#}");
    assert!(check["records"]["counted"].as_u64().unwrap() > 0, "{check:#}");
}

#[test]
fn a_stack_that_is_served_again_is_the_same_and_what_somebody_wrote_stays() {
    let server = Server::start();
    let directory = tempfile::tempdir().unwrap();
    let (serving, first) = serve_stack(&server, directory.path());
    drop(serving);
    let configuration = directory.path().join("bridge.toml");
    let says = |stack: &Value| {
        let endpoint = format!("endpoint = {}\n", stack["endpoint"]);
        std::fs::read_to_string(&configuration)
            .unwrap()
            .contains(&endpoint)
    };
    assert!(says(&first));
    // Somewhere else: a bridge has to find it there.
    let (serving, elsewhere) = serve_stack(&server, directory.path());
    assert!(first["endpoint"] != elsewhere["endpoint"] && says(&elsewhere));
    drop(serving);
    std::fs::write(&configuration, "# mine").unwrap();
    let kept = [
        "ca.pem",
        "bridge.secret",
        "bridge.crt",
        "registration.token",
        "bridge.toml",
    ];
    let read = || kept.map(|name| std::fs::read(directory.path().join(name)).unwrap());
    let before = read();
    let (_serving, again) = serve_stack(&server, directory.path());
    assert_eq!(read(), before);
    assert_eq!(again["cloudId"], first["cloudId"]);
    assert_eq!(again["providerSubscriptionId"], first["providerSubscriptionId"]);
}

#[test]
fn a_stack_that_cannot_be_served_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let mut serve = meterbridge();
    serve
        .args(["simulator", "serve", "--listen", &address, "--directory"])
        .arg(directory.path());
    let refused = run(&mut serve);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.notes.contains("--listen"), "{}", refused.notes);
}
