//! Usage of a stack without a connection: carried in files, and the same in the end as if it had been delivered.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use domain::time::Hour;
use serde_json::Value;

use super::process::RunningBridge;
use super::world::{CLOUD, World, hour};

const PATIENCE: Duration = Duration::from_secs(300);

impl World {
    /// Makes the key and has it registered.
    fn register_bundle_key(&self) {
        let made = self
            .bridge("bundle-key --config bridge.toml --out key.pem --output json")
            .json();
        assert_eq!(made["made"], true, "{made}");
        let again = self.bridge("bundle-key --config bridge.toml").done();
        assert_eq!(
            again,
            fs::read_to_string(self.path("key.pem")).unwrap(),
            "it is made once"
        );
        let key = self.path("key.pem");
        let registered = ["--public-key", key.to_str().unwrap(), CLOUD];
        let registered = self.server.json("registration bundle-key", &registered);
        assert_eq!(registered["generation"], 1, "{registered}");
    }

    fn export(&self, more: &str) -> Value {
        self.bridge(&format!("export --config bridge.toml --output json {more}"))
            .json()
    }

    /// An import of a file here, not yet started.
    fn import(&self, words: &str) -> Command {
        let mut command = self.server.command("usage import", &[]);
        command.current_dir(self.path("")).args(words.split_whitespace());
        command
    }

    fn imported(&self, words: &str) -> Value {
        crate::process::run(&mut self.import(&format!("{words} --output json"))).json()
    }

    fn import_refused(&self, words: &str, code: &str) -> String {
        let outcome = crate::process::run(&mut self.import(&format!("{words} --output json")));
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.notes.contains(code), "{code}: {outcome:?}");
        outcome.notes
    }

    fn statement(&self) -> String {
        let period = self.start.period().to_string();
        let said = ["--period", &period, &self.subscription, "--output", "json"];
        let statement: Value =
            serde_json::from_str(&self.server.run("statement show", &said).done()).unwrap();
        statement["lines"].to_string()
    }

    fn batches(&self) -> usize {
        let receipts = self.server.json("stack receipts", &[CLOUD]);
        receipts.as_array().unwrap().len()
    }

    /// What the stack's side knows of its bundles, in order.
    fn states(&self) -> Vec<String> {
        let bundles = self.bridge("bundles --config bridge.toml --output json").json();
        let bundles = bundles.as_array().unwrap().iter();
        bundles
            .map(|it| it["state"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[test]
fn usage_that_is_carried_in_files_counts_as_if_it_had_been_delivered() {
    let world = World::new();
    world.write_configuration();
    let no_key = world.bridge("export --config bridge.toml --out 1.mbz");
    assert!(no_key.notes.contains("bridge bundle-key"), "{no_key:?}");
    world.register_bundle_key();

    let middle = world.start.plus(9);
    let first = world.export(&format!("--to {middle} --leave-out-earlier --out 1.mbz"));
    assert_eq!(first["records"], world.reported(world.start, middle), "{first}");
    let second = world.export("--out 2.mbz");
    assert_eq!(
        hour(&second["readAgainFrom"]),
        Some(middle.plus(-6)),
        "usage may have come late: {second}"
    );
    let end = hour(&second["reportedEnd"]).unwrap();
    assert_eq!(hour(&second["reportedStart"]), Some(middle), "{second}");
    let gap = world.bridge(&format!(
        "export --config bridge.toml --from {} --out 3.mbz",
        end.plus(1)
    ));
    assert!(gap.notes.contains("The last bundle ended at"), "{gap:?}");

    let missing = world.import_refused("2.mbz", "BundlesMissing");
    assert!(missing.contains("bundle 1 has not arrived"), "{missing}");
    assert_eq!(
        world.imported("1.mbz --dry-run")["missing"],
        10,
        "nine hours and the declaration"
    );
    assert_eq!(
        world.batches(),
        0,
        "nothing of what was refused or tried was delivered"
    );

    world.interrupted_import("1.mbz");
    let taken = world.imported("1.mbz --receipt 1.json");
    assert_eq!(
        (&taken["accepted"], &taken["duplicate"]),
        (&first["records"], &0.into()),
        "{taken}"
    );
    assert_eq!(taken["leavesOutEarlier"], true, "{taken}");
    assert_eq!(
        taken["missing"], 0,
        "whoever watches for it imports it again: {taken}"
    );
    let batches = world.batches();
    // Whoever repeats the command is done: the receipt is there.
    let receipt = fs::read(world.path("1.json")).unwrap();
    let repeated = world.imported("1.mbz --receipt 1.json");
    assert_eq!(repeated["receipt"], taken["receipt"]);
    assert_eq!(fs::read(world.path("1.json")).unwrap(), receipt);
    fs::write(world.path("else.json"), "something else").unwrap();
    let there = world.import_refused("1.mbz --receipt else.json", "FileExists");
    assert!(there.contains("Nothing was delivered"), "{there}");
    let again = world.imported("1.mbz --receipt 1-again.json");
    assert_eq!(
        (&again["takenBefore"], &again["accepted"]),
        (&true.into(), &taken["accepted"]),
        "{again}"
    );
    assert_eq!(world.batches(), batches, "imported twice, nothing changes");
    assert_eq!(
        fs::read(world.path("1.json")).unwrap(),
        fs::read(world.path("1-again.json")).unwrap()
    );
    let taken = world.imported("2.mbz --receipt 2.json");
    assert_eq!(
        taken["duplicate"],
        world.reported(middle.plus(-6), middle),
        "what was read again costs nothing: {taken}"
    );
    for file in ["1.mbz", "2.json"] {
        let mode = fs::metadata(world.path(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file} is for nobody else to read");
    }
    assert_eq!(
        hour(&world.server.json("stack list", &[])[0]["reportedThrough"]),
        Some(end)
    );
    assert_receipts_come_back(&world);
    assert_the_same_comes_online(&world, end);
}

#[test]
fn a_bundle_that_was_lost_is_exported_again_and_what_was_changed_on_the_way_is_refused() {
    let world = World::new();
    world.write_configuration();
    world.register_bundle_key();
    let to = world.start.plus(4);
    world.export(&format!("--to {to} --out silent.mbz"));
    // The registration began ten days before: nobody has said that those are left out.
    let refused = world.import_refused("silent.mbz", "BundleNotJoined");
    let advice = format!("--restart --from {}", world.start.plus(-240));
    assert!(refused.contains(&advice), "{refused}");
    world.export(&format!("--restart --leave-out-earlier --to {to} --out lost.mbz"));
    let later = world.export(&format!("--to {} --out later.mbz", to.plus(2)));
    assert_eq!(later["sequence"], 2);
    let again = world.export(&format!(
        "--restart --leave-out-earlier --to {} --out again.mbz",
        to.plus(2)
    ));
    assert_eq!(
        (&again["sequence"], hour(&again["reportedStart"])),
        (&1.into(), Some(world.start))
    );
    assert_eq!(world.states(), ["givenUp", "givenUp", "givenUp", "outstanding"]);

    let good = fs::read(world.path("again.mbz")).unwrap();
    let mut changed = good.clone();
    let middle = good.len() - 1024 - 1024;
    changed[middle] ^= 1;
    fs::write(world.path("changed.mbz"), &changed).unwrap();
    let refused = world.import_refused("changed.mbz", "BundleBroken");
    assert!(
        refused.contains("parts/") && refused.contains("at byte"),
        "{refused}"
    );
    fs::write(world.path("cut.mbz"), &good[..good.len() / 2]).unwrap();
    let refused = world.import_refused("cut.mbz", "BundleBroken");
    assert!(refused.contains("it was cut off"), "{refused}");
    assert_eq!(world.batches(), 0);

    world.imported("again.mbz --receipt again.json");
    world.import_refused("lost.mbz", "BundleSuperseded");
    let shown = || world.bridge("bundle-key --config bridge.toml").done();
    let before = shown();
    let not_asked = world.bridge("bundle-key --config bridge.toml --replace --output json");
    assert_eq!(not_asked.code, Some(1), "{not_asked:?}");
    for said in ["NotAgreed", "--yes", "on their way, are refused"] {
        assert!(not_asked.notes.contains(said), "{said}: {}", not_asked.notes);
    }
    assert_eq!(shown(), before, "what nobody agreed to is not done");
    let key = world
        .bridge("bundle-key --config bridge.toml --replace --yes --output json")
        .json();
    assert_ne!(shown(), before);
    assert_eq!(key["made"], true);
    world
        .bridge("accept-receipt again.json --config bridge.toml")
        .done();
    world.export("--out foreign.mbz");
    world.import_refused("foreign.mbz", "BundleKeyNotKnown");
}

#[test]
fn a_side_that_lost_what_it_knew_goes_on_behind_the_last_receipt() {
    let world = World::new();
    world.write_configuration();
    world.register_bundle_key();
    let to = world.start.plus(4);
    world.export(&format!("--leave-out-earlier --to {to} --out 1.mbz"));
    world.export(&format!("--to {} --out 2.mbz", to.plus(4)));
    let none = world.server.run("stack bundles", &[CLOUD]);
    assert!(none.notes.contains("No bundle of stack"), "{none:?}");
    world.imported("1.mbz");
    world.imported("2.mbz");
    world.forget_bundles();

    // Whoever does not know it begins again, and is told what to do.
    world.export(&format!("--leave-out-earlier --to {} --out anew.mbz", to.plus(6)));
    let refused = world.import_refused("anew.mbz", "BundleSuperseded");
    for said in ["bundle 2,", "stack bundle-receipt", "bridge accept-receipt"] {
        assert!(refused.contains(said), "{said}: {refused}");
    }
    let receipt = world.server.run("stack bundle-receipt", &[CLOUD, "2"]).done();
    fs::write(world.path("2.json"), receipt).unwrap();
    let accepted = world
        .bridge("accept-receipt 2.json --config bridge.toml --output json")
        .json();
    assert_eq!(
        (&accepted["sequence"], &accepted["restored"]),
        (&2.into(), &true.into())
    );
    assert_eq!(world.states(), ["givenUp", "arrived"]);
    world.bridge("bundles --config bridge.toml").done();

    let third = world.export(&format!("--to {} --out 3.mbz", to.plus(6)));
    assert_eq!(
        (&third["sequence"], hour(&third["reportedStart"])),
        (&3.into(), Some(to.plus(4)))
    );
    let taken = world.imported("3.mbz --receipt 3.json");
    let accepted = world
        .bridge("accept-receipt 3.json --config bridge.toml --output json")
        .json();
    assert_eq!(
        (
            &accepted["sequence"],
            &accepted["restored"],
            &taken["quarantined"]
        ),
        (&3.into(), &false.into(), &0.into())
    );
}

impl World {
    /// The stack's side loses what it knows of its bundles, but for the key.
    fn forget_bundles(&self) {
        let bundles = self.path("spool/stacks/north/bundles");
        let lives = fs::read_dir(bundles).unwrap().map(|it| it.unwrap().path());
        for life in lives.filter(|it| it.is_dir()) {
            fs::remove_dir_all(life).unwrap();
        }
    }

    /// An import that is killed when something of it has arrived, or that was quicker.
    fn interrupted_import(&self, file: &str) {
        let mut importing = self
            .import(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while self.batches() == 0 {
            assert!(began.elapsed() < PATIENCE, "nothing ever arrived");
        }
        // SIGKILL; if it had ended already, all of it is there.
        importing.kill().unwrap();
        importing.wait().unwrap();
    }
}

/// The stack's side believes good receipts and no others.
fn assert_receipts_come_back(world: &World) {
    assert_eq!(world.states(), ["outstanding", "outstanding"]);
    let receipt = fs::read_to_string(world.path("2.json")).unwrap();
    for (what, from, to, code) in [
        (
            "fewer records",
            "\\\"received\\\":",
            "\\\"received\\\":1",
            "ReceiptSignatureInvalid",
        ),
        ("another key", "\"n\": \"", "\"n\": \"A", "ForeignReceipt"),
        ("no receipt", "\"receipt\"", "\"deceit\"", "InvalidReceipt"),
    ] {
        let changed = receipt.replacen(from, to, 1);
        assert_ne!(changed, receipt, "{what}");
        fs::write(world.path("changed.json"), changed).unwrap();
        let refused = world.bridge("accept-receipt changed.json --config bridge.toml --output json");
        assert_eq!(refused.code, Some(1), "{what}: {refused:?}");
        assert!(refused.notes.contains(code), "{what}: {refused:?}");
    }
    assert_eq!(world.states(), ["outstanding", "outstanding"]);
    // The first one has arrived with the second: bundles are taken in in order.
    let accepted = world
        .bridge("accept-receipt 2.json --config bridge.toml --output json")
        .json();
    assert_eq!(
        (&accepted["sequence"], &accepted["outstanding"]),
        (&2.into(), &0.into())
    );
    assert_eq!(world.states(), ["arrived", "arrived"]);
    let listed = world.server.json("stack bundles", &[CLOUD]);
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    let lost = world.server.run("stack bundle-receipt", &[CLOUD, "1"]).done();
    fs::write(world.path("1-lost.json"), lost).unwrap();
    world
        .bridge("accept-receipt 1-lost.json --config bridge.toml")
        .done();
}

/// A bridge that delivers the same hours brings nothing that is not there already, and changes no statement.
fn assert_the_same_comes_online(world: &World, end: Hour) {
    let statement = world.statement();
    assert_ne!(statement, "[]");
    // Not the hours before the start, which no bundle had: a new bridge of a stack that the server knows looks back at those.
    let bridge = RunningBridge::start(&mut world.command("run --config bridge.toml --lookback 0"));
    let status = world.until_delivered();
    bridge.stop();
    let through = hour(&status["acknowledgedThrough"]).unwrap();
    let (before, after) = (
        world.reported(world.start, end),
        world.reported_after(end, through),
    );
    let delivered = &status["delivered"];
    assert_eq!(
        (
            &delivered["duplicate"],
            &delivered["accepted"],
            &delivered["revised"]
        ),
        (&before.into(), &after.into(), &0.into()),
        "{status}"
    );
    if after == 0 {
        assert_eq!(world.statement(), statement);
    }
}

impl World {
    fn reported_after(&self, from: Hour, to: Hour) -> u64 {
        if from < to { self.reported(from, to) } else { 0 }
    }
}
