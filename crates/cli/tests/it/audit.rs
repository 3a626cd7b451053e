//! Whether anything was changed: `audit verify` on a store, a backup, and one that somebody has meddled with.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::process::{Outcome, meterbridge, run};
use crate::server::Server;
use crate::store_elsewhere::assert_refused;
use crate::whole_job::{deliver, open_accounts, register};

const STACK: &str = "3a4a1c1e-0f4b-4f0a-9d55-6a3b0f2c7d11";
const DIFFERS: Option<i32> = Some(4);

fn verify(data: &Path) -> Command {
    let mut command = meterbridge();
    command.args(["audit", "verify", "--data"]).arg(data);
    command
}

fn as_json(command: &mut Command) -> Outcome {
    run(command.args(["--output", "json"]))
}

/// What differs, of a comparison in which something does.
fn findings(outcome: &Outcome, check: &str) -> Vec<Value> {
    assert_eq!(outcome.code, DIFFERS, "{outcome:?}");
    assert!(outcome.notes.contains("StoreDiffers"), "{outcome:?}");
    let told: Value = serde_json::from_str(&outcome.data).unwrap();
    assert_eq!(told["holds"], false);
    let checks = told["checks"].as_array().unwrap();
    let check = checks.iter().find(|it| it["check"] == check).unwrap();
    check["findings"].as_array().unwrap().clone()
}

/// Writes other letters over the first of these in a file.
fn meddle(file: &Path, letters: &str, others: &str) {
    assert_eq!(letters.len(), others.len());
    let mut bytes = fs::read(file).unwrap();
    let place = bytes
        .windows(letters.len())
        .position(|it| it == letters.as_bytes())
        .unwrap();
    bytes[place..place + others.len()].copy_from_slice(others.as_bytes());
    fs::write(file, bytes).unwrap();
}

#[test]
fn whoever_meddles_with_a_store_is_found_out_and_whoever_kept_receipts_can_prove_it() {
    let server = Server::start();
    register(&server, &open_accounts(&server));
    deliver(&server);
    let receipts = server.json("stack receipts", &[STACK]);
    let table = server.run("stack receipts", &[STACK]).done();
    assert!(table.contains(receipts[1]["chain"].as_str().unwrap()), "{table}");
    let data = server.data();
    let backup = data.with_file_name("backup");
    run(meterbridge()
        .args(["backup", "--data"])
        .arg(&data)
        .arg("--to")
        .arg(&backup))
    .done();
    assert_refused(&as_json(&mut verify(&data)), "StoreInUse", "Stop the server");
    let directory = server.stop_and_keep();

    let kept = directory.path().join("receipts.json");
    fs::write(&kept, receipts.to_string()).unwrap();
    let shown = run(verify(&data).arg("--receipts").arg(&kept)).done();
    assert_eq!(shown.matches("nothing differs").count(), 14, "{shown}");
    let told = as_json(&mut verify(&backup)).json();
    assert_eq!(
        (&told["holds"], &told["counts"]["received"]),
        (&true.into(), &10.into())
    );
    let last = receipts.as_array().unwrap().last().unwrap();
    assert_eq!(told["stacks"][0]["chain"], last["chain"], "{receipts}");

    // What was told, and what a backup says of itself, is what later comparisons go by.
    let noted = directory.path().join("heads.json");
    fs::write(&noted, told.to_string()).unwrap();
    let expecting = |data: &Path, noted: &Path| as_json(verify(data).arg("--expect").arg(noted));
    assert_eq!(expecting(&data, &noted).json()["holds"], true);
    let manifest = backup.join("manifest.json");
    assert_eq!(expecting(&data, &manifest).json()["holds"], true);
    let mut later = told.clone();
    later["stacks"][0]["sequence"] = 5.into();
    fs::write(&noted, later.to_string()).unwrap();
    let found = findings(&expecting(&data, &noted), "heads");
    assert_eq!((found.len(), &found[0]["code"]), (1, &"HeadMissing".into()));
    let missing = found[0]["found"].as_str().unwrap();
    assert!(missing.ends_with("to 5 are missing"), "{missing}");

    meddle(
        &data.join("store/usage.db"),
        "virtualMachines/ledger-1",
        "virtualMachines/ledger-9",
    );
    let found = findings(&as_json(&mut verify(&data)), "series");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (&found[0]["code"], &found[0]["place"]["cloudId"]),
        (&"SeriesKey".into(), &STACK.into())
    );
    let resource = found[0]["place"]["resourceUri"].as_str().unwrap();
    assert!(resource.ends_with("virtualMachines/ledger-9"), "{resource}");
    let shown = run(&mut verify(&data));
    assert_eq!(shown.code, DIFFERS);
    for part in ["1 difference", "ledger-9", "SeriesKey", "expected "] {
        assert!(shown.data.contains(part), "{part}: {}", shown.data);
    }
    assert!(shown.notes.contains("meterbridge restore"), "{}", shown.notes);

    // The same receipts, and one that was never made out.
    let forged = receipts
        .to_string()
        .replacen("\"accepted\":4", "\"accepted\":5", 1);
    fs::write(&kept, forged).unwrap();
    let found = findings(
        &as_json(verify(&backup).arg("--receipts").arg(&kept)),
        "witnesses",
    );
    assert_eq!(
        (found.len(), &found[0]["code"]),
        (1, &"WitnessDiffers".into()),
        "{found:?}"
    );
    assert_eq!(found[0]["place"]["receipt"], 1);
}

#[test]
fn what_is_no_store_and_what_are_no_receipts_is_said() {
    let directory = tempfile::tempdir().unwrap();
    assert_refused(&as_json(&mut verify(directory.path())), "NoStore", "a backup");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    let nothing = run(meterbridge().args(["audit", "verify"]));
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
    let file = directory.path().join("receipts.json");
    for text in ["[{\"sequence\": 1}]", "[]", "{}"] {
        fs::write(&file, text).unwrap();
        let refused = as_json(verify(directory.path()).arg("--receipts").arg(&file));
        assert_refused(&refused, "InvalidReceipts", "stack receipts");
        let refused = as_json(verify(directory.path()).arg("--expect").arg(&file));
        assert_refused(&refused, "InvalidHeads", "manifest.json");
    }
    let half = directory.path().join("store");
    fs::create_dir(&half).unwrap();
    fs::write(half.join("usage.db"), "").unwrap();
    for data in [directory.path(), &half] {
        let refused = as_json(&mut verify(data));
        assert_refused(&refused, "FileMissing", "of the same one");
        assert!(refused.notes.contains("books.db"), "{refused:?}");
    }
}

#[test]
fn a_backup_that_was_cut_on_its_way_would_be_found_out_on_the_day_it_is_needed() {
    let server = Server::start();
    let backup = server.data().with_file_name("backup");
    let mut made = meterbridge();
    made.args(["backup", "--data"]).arg(server.data());
    run(made.arg("--to").arg(&backup)).done();
    let _directory = server.stop_and_keep();
    let told = as_json(&mut verify(&backup)).json();
    let checks = told["checks"].as_array().unwrap();
    assert_eq!(
        (&checks[0]["check"], &checks[0]["found"]),
        (&"backup".into(), &0.into())
    );
    assert!(
        checks.iter().any(|it| it["check"] == "heads"),
        "by its own manifest: {told}"
    );

    let books = backup.join("store/books.db");
    let whole = fs::read(&books).unwrap();
    fs::write(&books, &whole[..whole.len() / 2]).unwrap();
    let found = findings(&as_json(&mut verify(&backup)), "backup");
    assert_eq!((found.len(), &found[0]["code"]), (1, &"BackupFile".into()));
    assert_eq!(found[0]["place"]["file"], "store/books.db");
    let expected = found[0]["expected"].as_str().unwrap();
    assert!(
        expected.starts_with(&format!("{} bytes", whole.len())),
        "{expected}"
    );

    fs::remove_file(&books).unwrap();
    let found = findings(&as_json(&mut verify(&backup)), "backup");
    assert_eq!(found[0]["found"], "it is not there");
    fs::write(&books, &whole).unwrap();

    let manifest = backup.join("manifest.json");
    meddle(&manifest, "createdAt", "createdat");
    let shown = run(&mut verify(&backup));
    assert_eq!(shown.code, DIFFERS, "{shown:?}");
    assert!(shown.data.contains("BackupManifest"), "{}", shown.data);
}
