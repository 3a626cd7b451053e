//! A server that is restored from a backup while a bridge delivers to it.

use std::time::{Duration, Instant};

use crate::process::{meterbridge, run};
use crate::server::Server;

use super::process::RunningBridge;
use super::world::{PATIENCE, World, hour};

/// Puts a server in the place of the one there is that has what is in a backup, and is reached elsewhere.
fn restore(world: &mut World, backup: &str) {
    let directory = tempfile::tempdir().unwrap();
    run(meterbridge()
        .args(["restore", "--from"])
        .arg(world.path(backup))
        .arg("--data")
        .arg(directory.path().join("data")))
    .done();
    let mut restored = Server::serve(directory);
    restored.credential.clone_from(&world.server.credential);
    std::mem::replace(&mut world.server, restored).kill_and_keep();
    world.write_configuration();
}

#[test]
fn hours_that_were_acknowledged_after_the_backup_would_never_be_billed() {
    let mut world = World::new();
    world.write_configuration();
    // Of the stack, but of none of its usage.
    run(meterbridge()
        .args(["backup", "--data"])
        .arg(world.server.data())
        .arg("--to")
        .arg(world.path("backup")))
    .done();
    let bridge = RunningBridge::start(&mut world.command("run --config bridge.toml"));
    let delivered = world.until_delivered();
    drop(bridge);
    // Killed a moment ago, when all was well.
    let killed = world.bridge("status --config bridge.toml");
    assert_eq!(killed.code, Some(1), "{killed:?}");
    assert!(
        killed.data.contains("stopped") && !killed.data.contains("working"),
        "{killed:?}"
    );
    assert!(killed.notes.contains("it was killed"), "{killed:?}");

    restore(&mut world, "backup");
    let bridge = RunningBridge::start(&mut world.command("run --config bridge.toml"));
    // Something has to be delivered for it to be found out: within the hour it is. A bridge that has only just begun says
    // that nothing was read yet.
    let (from, to) = (world.start.to_string(), world.start.plus(1).to_string());
    let backfill = format!("backfill north --config bridge.toml --from {from} --to {to}");
    let began = Instant::now();
    let mut asked = world.bridge(&backfill);
    while asked.code != Some(0) && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(200));
        asked = world.bridge(&backfill);
    }
    assert_eq!(asked.code, Some(0), "{asked:?}");
    let through = hour(&delivered["acknowledgedThrough"]).unwrap();
    let status = world.until("everything is there again", |stack| {
        let stacks = world.server.json("stack list", &[]);
        let declared = hour(&stacks[0]["reportedThrough"]) >= Some(through);
        declared && stack["spoolBytes"] == 0 && stack["lost"].as_array().is_some_and(Vec::is_empty)
    });
    let said = bridge.said();
    assert!(
        said.contains("ReceiptNotKnown") && said.contains("it is read again"),
        "{said}"
    );
    bridge.stop();

    let through = hour(&status["acknowledgedThrough"]).unwrap();
    let expected = world.reported(world.start, through);
    let place = std::mem::replace(&mut world.server, Server::start()).stop_and_keep();
    let found = run(meterbridge()
        .args(["audit", "verify", "--output", "json", "--data"])
        .arg(place.path().join("data")))
    .json();
    assert_eq!(
        (&found["holds"], &found["counts"]["counted"]),
        (&true.into(), &expected.into()),
        "{found}"
    );
}
