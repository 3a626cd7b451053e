//! Usage as stacks really write it: an hour of our own making, and a real one where it is at hand.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::server::Server;

pub(crate) const STACK: &str = "3a4a1c1e-0f4b-4f0a-9d55-6a3b0f2c7d11";
pub(crate) const REAL_HOUR: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/real/subscriber-usage-hour.json"
);

/// In the shape of what a stack returned: ids in any case and without dashes, three hours in one window, JSON inside of
/// JSON, and quantities as a floating-point number is printed.
pub(crate) const HOUR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/usage-hour.json");

/// The sums of that: every local subscription and every meter once, however they are spelled.
const USED: [(&str, &str, &str); 11] = [
    (
        "2b94e7d0-8c13-4f6a-b5e2-0a7d3c9f1e68",
        "43daf82b-4618-444a-b994-40c23f7cd438",
        "0.02958885315925844",
    ),
    (
        "2b94e7d0-8c13-4f6a-b5e2-0a7d3c9f1e68",
        "b5c15376-6c94-4fdd-b655-1a69d138aca3",
        "98.768601169809699",
    ),
    (
        "2b94e7d0-8c13-4f6a-b5e2-0a7d3c9f1e68",
        "f271a8a3-88c4-4d93-956a-063e1d2fa80b",
        "2.75",
    ),
    (
        "2b94e7d0-8c13-4f6a-b5e2-0a7d3c9f1e68",
        "fab6eb84-500b-4a09-a8ca-7358f8bbaea5",
        "2",
    ),
    (
        "90c5b3fe-1d72-47a8-8e4b-c6f2a05d7b39",
        "43daf82b-4618-444a-b994-40c23f7cd438",
        "1234567.890625",
    ),
    (
        "90c5b3fe-1d72-47a8-8e4b-c6f2a05d7b39",
        "b5c15376-6c94-4fdd-b655-1a69d138aca3",
        "0.000000000000000001",
    ),
    (
        "90c5b3fe-1d72-47a8-8e4b-c6f2a05d7b39",
        "fab6eb84-500b-4a09-a8ca-7358f8bbaea5",
        "1",
    ),
    (
        "d1f0a6c4-52b7-4c0e-9a3d-7e6b18c5f204",
        "43daf82b-4618-444a-b994-40c23f7cd438",
        "0.00000647465847492218",
    ),
    (
        "d1f0a6c4-52b7-4c0e-9a3d-7e6b18c5f204",
        "b5c15376-6c94-4fdd-b655-1a69d138aca3",
        "49.422851799055934",
    ),
    (
        "d1f0a6c4-52b7-4c0e-9a3d-7e6b18c5f204",
        "f271a8a3-88c4-4d93-956a-063e1d2fa80b",
        "1",
    ),
    (
        "d1f0a6c4-52b7-4c0e-9a3d-7e6b18c5f204",
        "fab6eb84-500b-4a09-a8ca-7358f8bbaea5",
        "6",
    ),
];

/// A server with one stack that is registered since then, and the subscription that pays for it.
pub(crate) fn server_of_one_stack(since: &str) -> (Server, String) {
    let server = Server::start();
    let partner = server.json("partner create --kind direct-bill", &["--name", "Northwind"]);
    let subscription = server.json(
        "subscription create --kind partner-shared-services --tenant b1e0c1b8-5a3f-4e52-8a44-0d7f8b3f5e21",
        &[
            "--name",
            "Northwind stacks",
            "--partner",
            partner["id"].as_str().unwrap(),
        ],
    );
    let subscription = subscription["id"].as_str().unwrap().to_owned();
    server
        .run(
            "registration register",
            &["--subscription", &subscription, "--cloud-id", STACK],
        )
        .done();
    server
        .run("registration backdate", &["--from", since, STACK])
        .done();
    (server, subscription)
}

/// What was used, by local subscription and local meter.
pub(crate) fn used(unmapped: &Value) -> Vec<(&str, &str, &str)> {
    let mut used: Vec<_> = unmapped
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|of| {
            let subscription = of["localSubscriptionId"].as_str().unwrap();
            of["used"].as_array().unwrap().iter().map(move |used| {
                let text = |member: &str| used[member].as_str().unwrap();
                (subscription, text("localMeterId"), text("quantity"))
            })
        })
        .collect();
    used.sort_unstable();
    used
}

#[test]
fn usage_as_stacks_write_it_is_taken_exactly_and_only_once_and_joined_across_spellings() {
    let (server, subscription) = server_of_one_stack("2024-03-01");
    let import = || {
        server.run(
            "usage import --reported-start 2024-03-05T15:00:00Z --batch 7",
            &["--cloud-id", STACK, HOUR],
        )
    };
    assert_eq!(
        import().done(),
        "20 records: 20 accepted, 0 duplicate, 0 revised, 0 quarantined\n"
    );
    assert_eq!(
        import().done(),
        "20 records: 0 accepted, 20 duplicate, 0 revised, 0 quarantined\n"
    );
    let unmapped = server.json("usage unmapped --period 2024-03", &[]);
    assert_eq!(used(&unmapped), USED);
    let usage = server.json("check --period 2024-03", &[]);
    assert_eq!(usage["records"]["counted"], 20);
    let statement = server.json("statement show --period 2024-03", &[&subscription]);
    let lines = statement["lines"].as_array().unwrap();
    assert!(
        !lines.is_empty()
            && lines
                .iter()
                .all(|line| line["reason"] == "localSubscriptionUnknown"),
        "{statement}"
    );
}

#[test]
fn an_hour_of_real_usage_is_taken_exactly_and_only_once() {
    if !Path::new(REAL_HOUR).exists() {
        eprintln!(
            "\n*** NOT RUN: an_hour_of_real_usage_is_taken_exactly_and_only_once: {REAL_HOUR} is not there ***\n"
        );
        return;
    }
    let (server, subscription) = server_of_one_stack("2019-12-01");
    let import = || {
        server.run(
            "usage import --reported-start 2019-12-10T20:00:00Z --batch 100",
            &["--cloud-id", STACK, REAL_HOUR],
        )
    };
    assert_eq!(
        import().done(),
        "236 records: 236 accepted, 0 duplicate, 0 revised, 0 quarantined\n"
    );
    assert_eq!(
        import().done(),
        "236 records: 0 accepted, 236 duplicate, 0 revised, 0 quarantined\n"
    );

    let unmapped = server.json("usage unmapped --period 2019-12", &[]);
    let unmapped = unmapped.as_array().unwrap();
    let local: BTreeSet<&str> = unmapped
        .iter()
        .map(|it| it["localSubscriptionId"].as_str().unwrap())
        .collect();
    assert_eq!(local.len(), 96);
    let statement = server.json("statement show --period 2019-12", &[&subscription]);
    assert!(
        statement["lines"]
            .as_array()
            .unwrap()
            .iter()
            .all(|line| line["reason"] == "localSubscriptionUnknown")
    );
    assert_eq!(
        server.json("check --period 2019-12", &[])["records"]["counted"],
        236
    );
    // A key that was fetched is as good as one that was given.
    let key = server.run("registration activation-key", &[STACK]).done();
    let mut given = server.command("usage import", &[REAL_HOUR]);
    given
        .env_remove("METERBRIDGE_CREDENTIAL")
        .env("METERBRIDGE_ACTIVATION_KEY", key.trim());
    let given = crate::process::run(&mut given).done();
    assert_eq!(
        given,
        "236 records: 0 accepted, 236 duplicate, 0 revised, 0 quarantined\n"
    );
}
