//! Data directories that were copied, as a whole or with something left out.

mod made;

use std::fs;
use std::path::Path;

use crate::process::{Outcome, meterbridge, run};
use crate::server::Server;
use crate::store_elsewhere::assert_refused;
use crate::whole_job::{deliver, open_accounts, register};

/// The directory of a server that has taken usage in and was stopped.
fn stopped() -> tempfile::TempDir {
    let server = Server::start();
    let accounts = open_accounts(&server);
    register(&server, &accounts);
    deliver(&server);
    server.stop_and_keep()
}

fn serve(data: &Path) -> Outcome {
    let listen = ["serve", "--listen", "127.0.0.1:0", "--output", "json", "--data"];
    run(meterbridge().args(listen).arg(data))
}

fn init(data: &Path) -> Outcome {
    run(meterbridge()
        .args(["init", "--output", "json", "--data"])
        .arg(data))
}

#[test]
fn a_copy_without_its_books_is_not_billed_from_as_if_nothing_were_missing() {
    let directory = stopped();
    let data = directory.path().join("data");
    let store = data.join("store");
    for file in ["books.db-wal", "usage.db-wal"] {
        assert!(
            !store.join(file).exists(),
            "{file} is left by a server that was stopped"
        );
    }
    fs::remove_file(store.join("books.db")).unwrap();
    assert_refused(&serve(&data), "FileMissing", "all of store/");
    fs::remove_file(data.join("initialised")).unwrap();
    assert_refused(&init(&data), "FileMissing", "all of store/");
}

#[test]
fn a_server_whose_usage_is_gone_would_bill_nobody_and_call_it_well() {
    let directory = stopped();
    let data = directory.path().join("data");
    let usage = data.join("store").join("usage.db");
    let backup = directory.path().join("backup");
    for emptied in [true, false] {
        if emptied {
            fs::write(&usage, "").unwrap();
        } else {
            fs::remove_file(&usage).unwrap();
        }
        assert_refused(&serve(&data), "FileMissing", "all of store/");
        let mut credential = meterbridge();
        credential.args(["init", "--new-credential", "--output", "json", "--data"]);
        assert_refused(&run(credential.arg(&data)), "FileMissing", "all of store/");
        let mut verified = meterbridge();
        verified.args(["audit", "verify", "--output", "json", "--data"]);
        assert_refused(&run(verified.arg(&data)), "FileMissing", "of the same one");
        let mut saved = meterbridge();
        saved.args(["backup", "--output", "json", "--data"]).arg(&data);
        assert_refused(
            &run(saved.arg("--to").arg(&backup)),
            "FileMissing",
            "all of store/",
        );
        assert_eq!(usage.exists(), emptied, "what was refused is left as it is");
    }
}

#[test]
fn books_whose_mark_was_not_copied_are_not_taken_for_a_new_platform() {
    let directory = stopped();
    let data = directory.path().join("data");
    let mark = data.join("initialised");
    fs::remove_file(&mark).unwrap();
    assert_refused(&serve(&data), "NotInitialised", "touch ");
    assert_refused(&init(&data), "StoreInUse", "touch ");
    fs::write(&mark, "").unwrap();
    let again = meterbridge_init_credential(&data);
    assert!(again.starts_with("mbo_"), "{again}");
}

fn meterbridge_init_credential(data: &Path) -> String {
    run(meterbridge()
        .args(["init", "--new-credential", "--data"])
        .arg(data))
    .done()
}

#[test]
fn a_platform_is_not_made_among_somebody_elses_files() {
    let directory = tempfile::tempdir().unwrap();
    // What the shell makes for the output is empty, and in nobody's way.
    fs::write(directory.path().join("operator.credential"), "").unwrap();
    fs::write(directory.path().join("letters.txt"), "Dear").unwrap();
    let told = init(directory.path());
    assert_refused(&told, "DirectoryNotEmpty", "empty or not there yet");
    assert!(told.notes.contains("letters.txt"), "{}", told.notes);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    fs::remove_file(directory.path().join("letters.txt")).unwrap();
    init(directory.path()).done();
}
