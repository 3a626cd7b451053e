//! The plain path: usage of a stack arrives on a statement, and goes on arriving.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use domain::time::Hour;
use serde_json::Value;

use super::process::RunningBridge;
use super::world::{CLOUD, World, hour};
use crate::process::Outcome;

/// How long a line of the bridge's log may take.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn usage_of_a_stack_arrives_on_the_statement_and_goes_on_after_a_restart() {
    let world = World::new();
    world.write_configuration();
    assert_checked(&world);

    let bridge = RunningBridge::start(&mut world.command("run --config bridge.toml"));
    let status = world.until_delivered();
    assert_counted(&world, &status);
    assert_on_the_statement(&world);
    assert_watched(&world, &bridge);
    bridge.stop();

    // Started with options alone, it finds its spool and begins where it was.
    let mut again = world.command("run");
    let bridge = RunningBridge::start(again.args(world.options()));
    let before = &status["delivered"]["accepted"];
    let status = world.until("it goes on", |stack| {
        stack["state"] == "working" && stack["readThrough"] == stack["acknowledgedThrough"]
    });
    assert!(
        status["delivered"]["accepted"].as_u64() >= before.as_u64(),
        "{status}"
    );
    assert_counted(&world, &world.until_delivered());
    assert_backfilled(&world);
    bridge.stop();
}

#[test]
fn a_stack_that_is_held_is_said_to_be_with_what_to_do_and_by_the_exit_code() {
    let world = World::new();
    world.write_configuration();
    std::fs::write(world.path("stack.secret"), "not it").unwrap();
    let checked = world.bridge("check --config bridge.toml");
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.data.contains("StackSignInRefused"), "{checked:?}");
    assert!(
        checked.data.contains("which accepts the activation key"),
        "{checked:?}"
    );

    let bridge = RunningBridge::start(&mut world.command("run --config bridge.toml"));
    world.until("it is held", |stack| stack["state"] == "held");
    let outcome = world.bridge("status --config bridge.toml");
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    for expected in ["held", "StackSignInRefused", "See that `client-id`"] {
        assert!(outcome.data.contains(expected), "{expected}: {outcome:?}");
    }
    assert!(
        outcome
            .notes
            .contains("Held until somebody sets it right: north."),
        "{outcome:?}"
    );
    bridge.stop();
}

#[test]
fn a_replaced_authority_of_the_server_would_not_have_been_believed_before_a_restart() {
    let world = World::new();
    world.write_configuration();
    let configuration = std::fs::read_to_string(world.path("bridge.toml")).unwrap();
    let (own, ca) = (world.path("server-ca.pem"), world.server.ca());
    let named = configuration.replace(ca.to_str().unwrap(), own.to_str().unwrap());
    assert_ne!(named, configuration);
    std::fs::write(world.path("bridge.toml"), named).unwrap();
    // That of the stack: a good authority, and not the server's.
    std::fs::copy(world.path("stack-ca.pem"), &own).unwrap();
    let bridge = RunningBridge::start(&mut world.command("run --config bridge.toml"));
    let delivering = |stack: &Value| {
        let troubles = stack["troubles"].as_array().unwrap().clone();
        troubles.into_iter().find(|it| it["part"] == "delivering")
    };
    world.until("the server is not trusted", |stack| {
        delivering(stack).is_some_and(|it| it["code"] == "ServerNotTrusted")
    });
    std::fs::copy(&ca, &own).unwrap();
    assert_counted(&world, &world.until_delivered());
    bridge.stop();
    // Nobody is told that it works when it was stopped a moment ago.
    let stopped = world.bridge("status --config bridge.toml --output json");
    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    assert!(stopped.notes.contains("it was stopped at"), "{stopped:?}");
    let shown: Value = serde_json::from_str(&stopped.data).unwrap();
    assert_eq!(
        (&shown["runs"], &shown["stopped"], &shown["stacks"][0]["state"]),
        (&false.into(), &true.into(), &"stopped".into())
    );
}

#[test]
fn a_guest_directory_is_admitted_and_removed_only_by_somebody_who_agrees() {
    let world = World::new();
    world.write_configuration();
    let admit = "admit-directory guest.example --config bridge.toml";
    let asked = world.bridge(admit);
    assert_eq!(asked.code, Some(1), "{asked:?}");
    for expected in ["/directoryTenants/guest.example", "Nothing was changed", "--yes"] {
        assert!(asked.notes.contains(expected), "{expected}: {asked:?}");
    }
    for changed in [true, false] {
        let admitted = world.bridge(&format!("{admit} --yes --output json")).json();
        assert_eq!(
            (&admitted["admitted"], &admitted["changed"]),
            (&true.into(), &changed.into()),
            "{admitted}"
        );
    }
    // By its id it is the same one, and what is neither is not even asked for.
    let admitted = world.bridge(&format!("{admit} --yes --output json")).json();
    let id = admitted["tenantId"].as_str().unwrap();
    let by_id = format!("admit-directory {id} --config bridge.toml --yes --output json");
    let by_id = world.bridge(&by_id).json();
    assert_eq!(
        (&by_id["domain"], &by_id["changed"]),
        (&"guest.example".into(), &false.into()),
        "{by_id}"
    );
    for (name, code) in [
        ("8d3b0c1e-7f52-4b6a-9c0d-1e2f3a4b5c6d", "DirectoryUnknown"),
        ("guest", "InvalidDirectoryName"),
    ] {
        let refused = world.bridge(&format!(
            "admit-directory {name} --config bridge.toml --yes --output json"
        ));
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.notes.contains(code), "{refused:?}");
    }
    let remove = "remove-directory guest.example --config bridge.toml";
    let asked = world.bridge(remove);
    assert_eq!(asked.code, Some(1), "{asked:?}");
    assert!(asked.notes.contains("is no longer let in"), "{asked:?}");
    assert_eq!(
        world.bridge(&format!("{remove} --yes")).done(),
        "guest.example is not admitted any more.\n"
    );
    // A script that is run again has nothing to do.
    let again = world.bridge(&format!("{remove} --yes --output json"));
    assert!(
        again
            .notes
            .contains("It admits fjordbank.example, northwind.example."),
        "{again:?}"
    );
    let again = again.json();
    assert_eq!(
        (&again["admitted"], &again["changed"]),
        (&false.into(), &false.into())
    );
}

/// It can be seen before anything runs that everything will work, and nothing is left behind by looking.
fn assert_checked(world: &World) {
    let checked = world.bridge("check --config bridge.toml --output json").json();
    let stack = &checked[0];
    assert_eq!(stack["troubles"], Value::Array(Vec::new()), "{stack}");
    assert_eq!(
        (&stack["localSubscriptions"], &stack["serverAcceptsKey"]),
        (&4.into(), &true.into())
    );
    // What lies before its registration is said to be charged to nobody, with what can be done about it.
    let checked = world.bridge("check --config bridge.toml").done();
    assert!(!checked.contains("charged to nobody"), "{checked}");
    let early = world.start.plus(-250);
    let checked = world
        .bridge(&format!("check --config bridge.toml --start {early}"))
        .done();
    let note = format!(
        "usage of the 10 hours before {}",
        &world.start.plus(-240).to_string()[..10]
    );
    let command = format!("`meterbridge registration backdate {CLOUD} --from {early}`");
    assert!(checked.contains(&note) && checked.contains(&command), "{checked}");
    // At the beginning of a month, the stack of the month before reports nothing any more.
    assert!(stack["usage"]["records"].is_u64(), "{stack}");
    assert!(!world.path("spool").exists());
    let unmapped = world.server.json("stack list", &[]);
    assert_eq!(unmapped[0]["reportedThrough"], Value::Null, "{unmapped}");
}

/// What was counted is what the stack reported in the hours that were read, and the server says the same.
fn assert_counted(world: &World, status: &Value) {
    let delivered = &status["delivered"];
    let through = hour(&status["acknowledgedThrough"]).unwrap();
    let expected = world.reported(world.start, through);
    assert!(expected > 0);
    assert_eq!(delivered["accepted"], expected, "{status}");
    assert_eq!(
        (
            &delivered["duplicate"],
            &delivered["revised"],
            &delivered["quarantined"]
        ),
        (&0.into(), &0.into(), &0.into()),
        "{status}"
    );
    let stacks = world.server.json("stack list", &[]);
    assert!(hour(&stacks[0]["reportedThrough"]) >= Some(through), "{stacks}");
}

fn assert_on_the_statement(world: &World) {
    let period = world.start.period().to_string();
    let statement = ["--period", &period, &world.subscription];
    let statement = world.server.json("statement show", &statement);
    let lines = statement["lines"].as_array().unwrap();
    assert!(!lines.is_empty(), "{statement}");
    let total = statement["total"].as_str().unwrap();
    assert!(
        total.bytes().any(|byte| (b'1'..=b'9').contains(&byte)),
        "{statement}"
    );
}

/// Whoever watches the bridge sees the same.
fn assert_watched(world: &World, bridge: &RunningBridge) {
    let outcome = world.bridge("status --config bridge.toml");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.data.contains("working"), "{outcome:?}");
    let address = listening(bridge);
    for (path, expected) in [
        (
            "/metrics",
            "meterbridge_bridge_trouble{stack=\"north\",part=\"delivering\"} 0",
        ),
        ("/healthz", "ok"),
    ] {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: bridge\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 OK") && answer.contains(expected),
            "{answer}"
        );
    }
}

/// Where the bridge says that it listens.
fn listening(bridge: &RunningBridge) -> String {
    let began = Instant::now();
    loop {
        let said = bridge.said();
        let address = said
            .split("http://")
            .nth(1)
            .and_then(|rest| rest.split('/').next());
        if let Some(address) = address {
            return address.to_owned();
        }
        assert!(
            began.elapsed() < PATIENCE,
            "it never said where it listens: {said}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Hours before the first one that was ever read are read on command, and counted once however often that is done.
fn assert_backfilled(world: &World) {
    let (from, to) = (world.start.plus(-5), world.start.plus(2));
    let earlier = world.reported(from, world.start);
    let backfill = format!("backfill north --from {from} --to {to} --spool spool --output json");
    assert_eq!(state_of(world, from), "notRead", "nobody has read it yet");
    let checked = completeness(world, from, "--check");
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(
        checked.data.contains("meterbridge bridge backfill STACK --from"),
        "{checked:?}"
    );
    for _ in 0..2 {
        let read = world.bridge(&backfill).json();
        assert_eq!(read["hours"], 7, "{read}");
        let status = world.until("it is delivered", |stack| stack["spoolBytes"] == 0);
        let through = hour(&status["acknowledgedThrough"]).unwrap();
        let counted = earlier + world.reported(world.start, through);
        assert_eq!(status["delivered"]["accepted"], counted, "{status}");
    }
    assert_eq!(state_of(world, from), "complete", "it was read to its last page");
    let stopped = world
        .bridge("backfill north --stop --spool spool --output json")
        .json();
    assert_eq!(stopped["stopped"], true, "{stopped}");
    // Nothing is lost: nobody has to agree.
    let given_up = world
        .bridge("backfill north --give-up-lost --spool spool --output json")
        .json();
    assert_eq!(
        (&given_up["hours"], &given_up["givenUp"]),
        (&0.into(), &Value::Array(Vec::new()))
    );
    let long_ago =
        world.bridge("backfill north --from 2015-01-01 --to 2015-02-01 --spool spool --output json");
    assert!(
        long_ago.notes.contains("\"code\":\"InvalidWindow\""),
        "{long_ago:?}"
    );
    assert_eq!(state_of(world, from.plus(-2)), "notRead");
    let outcome = world.bridge(&format!("backfill north --from {to} --to {from} --spool spool"));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(
        outcome.notes.contains("There is nothing to read again"),
        "{outcome:?}"
    );
}

/// What the server says of the month of an hour.
fn completeness(world: &World, hour: Hour, options: &str) -> Outcome {
    let period = hour.period().to_string();
    let command = format!("stack completeness {CLOUD} --period {period} {options}");
    world.server.run(&command, &[])
}

/// How it is with an hour.
fn state_of(world: &World, hour: Hour) -> String {
    let month = completeness(world, hour, "--output json").json();
    let hours = month["hours"].as_array().unwrap();
    let found = hours.iter().find(|it| it["hour"] == hour.to_string());
    found.unwrap()["state"].as_str().unwrap().to_owned()
}
