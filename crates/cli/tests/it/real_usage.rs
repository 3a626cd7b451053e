//! An hour of real usage, where it is at hand.

use std::path::Path;

use crate::server::Server;

const STACK: &str = "3a4a1c1e-0f4b-4f0a-9d55-6a3b0f2c7d11";
const REAL_HOUR: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/real/subscriber-usage-hour.json"
);

#[test]
fn an_hour_of_real_usage_is_taken_exactly_and_only_once() {
    if !Path::new(REAL_HOUR).exists() {
        eprintln!(
            "\n*** NOT RUN: an_hour_of_real_usage_is_taken_exactly_and_only_once: {REAL_HOUR} is not there ***\n"
        );
        return;
    }
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
    let subscription = subscription["id"].as_str().unwrap();
    server
        .run(
            "registration register",
            &["--subscription", subscription, "--cloud-id", STACK],
        )
        .done();
    server
        .run("registration backdate --from 2019-12-01", &[STACK])
        .done();

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
    let local: std::collections::BTreeSet<&str> = unmapped
        .iter()
        .map(|it| it["localSubscriptionId"].as_str().unwrap())
        .collect();
    assert_eq!(local.len(), 96);
    let statement = server.json("statement show --period 2019-12", &[subscription]);
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
