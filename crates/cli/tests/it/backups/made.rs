//! Backups as `meterbridge backup` makes them, and what `meterbridge restore` makes of them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{serve, stopped};
use crate::process::{Outcome, meterbridge, run, run_with};
use crate::server::Server;
use crate::store_elsewhere::assert_refused;
use crate::whole_job::{deliver, open_accounts, register};

const STACK: &str = "3a4a1c1e-0f4b-4f0a-9d55-6a3b0f2c7d11";
const PAGE: &str = include_str!("../fixtures/usage-page.json");

fn backup(data: &Path, to: &Path) -> Outcome {
    let command = ["backup", "--output", "json", "--data"];
    run(meterbridge().args(command).arg(data).arg("--to").arg(to))
}

fn verify(backup: &Path) -> Outcome {
    run(meterbridge()
        .args(["backup", "verify", "--output", "json"])
        .arg(backup))
}

fn restore(from: &Path, data: &Path) -> Outcome {
    let command = ["restore", "--output", "json", "--from"];
    run(meterbridge().args(command).arg(from).arg("--data").arg(data))
}

/// The files below a folder, by their paths from there on.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn file_names(folder: &Path) -> Vec<String> {
    let names = files(folder).into_iter();
    names.map(|it| it.to_str().unwrap().to_owned()).collect()
}

/// What two machines used in one hour of 6 March 2024.
fn page(hour: usize) -> String {
    let user = "7e5c0a9d-3b2f-4a18-9c6d-1f0e2d3c4b5a";
    let record = |machine: usize| {
        let resource = json!({ "Microsoft.Resources": {
            "resourceUri": format!("/subscriptions/{user}/resourceGroups/harbour/providers/Microsoft.Compute/\
                                    virtualMachines/crane-{machine}"),
            "location": "harbour", "tags": "", "additionalInfo": "",
        } });
        json!({ "properties": {
            "subscriptionId": user, "meterId": "fab6eb84-500b-4a09-a8ca-7358f8bbaea5",
            "usageStartTime": format!("2024-03-06T{hour:02}:00:00+00:00"),
            "usageEndTime": format!("2024-03-06T{:02}:00:00+00:00", hour + 1),
            "instanceData": resource.to_string(), "quantity": machine + hour,
        } })
    };
    json!({ "value": [record(1), record(2)] }).to_string()
}

fn import(server: &Server, page: &str) -> Outcome {
    let window = "usage import --reported-start 2024-03-07T00:00:00Z";
    run_with(&mut server.command(window, &["--cloud-id", STACK, "-"]), page)
}

fn receipts(server: &Server) -> Vec<Value> {
    let receipts = server.json("stack receipts", &[STACK]);
    receipts.as_array().unwrap().clone()
}

fn bills(server: &Server) -> Value {
    server.json("statement list --period 2024-03", &[])
}

/// Serves what was restored.
fn served(restored: tempfile::TempDir, original: &Server) -> Server {
    let mut server = Server::serve(restored);
    server.credential.clone_from(&original.credential);
    server
}

#[test]
fn a_backup_made_while_usage_is_delivered_has_what_was_acknowledged_and_comes_to_the_same_bills() {
    const HOURS: usize = 12;
    let server = Server::start();
    let accounts = open_accounts(&server);
    register(&server, &accounts);
    deliver(&server);
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("backup");
    let acknowledged = AtomicUsize::new(0);
    let (before, made) = thread::scope(|scope| {
        scope.spawn(|| {
            for hour in 0..HOURS {
                import(&server, &page(hour)).done();
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
        });
        while acknowledged.load(Ordering::SeqCst) < 2 {
            thread::sleep(Duration::from_millis(5));
        }
        let before = receipts(&server);
        (before, backup(&server.data(), &to))
    });
    assert!(made.notes.contains("holds the keys"), "{}", made.notes);
    let made = made.json();
    let (all, bill) = (receipts(&server), bills(&server));
    assert!(before.len() >= 5, "{before:?}");
    assert_eq!(all.len(), HOURS + 3, "{all:?}");

    let restored = tempfile::tempdir().unwrap();
    let data = restored.path().join("data");
    let outcome = restore(&to, &data).json();
    assert_eq!(outcome["restored"], true);
    assert_eq!(outcome["backup"]["journal"], made["journal"]);
    let checked = outcome["checks"].as_array().unwrap().iter();
    let checked: Vec<_> = checked
        .map(|it| {
            (
                it["what"].as_str().unwrap(),
                it["problems"].as_array().unwrap().len(),
            )
        })
        .collect();
    let names = [
        "files",
        "databases",
        "journal",
        "receipts",
        "ledger",
        "books and usage",
    ];
    assert_eq!(checked, names.map(|name| (name, 0)));

    let again = served(restored, &server);
    let there = receipts(&again);
    assert!(
        there.starts_with(&before),
        "acknowledged before, and not restored: {there:?}"
    );
    assert!(all.starts_with(&there), "never given by the original: {there:?}");
    assert_eq!(made["stacks"][0]["sequence"], there.len());
    for page in (0..HOURS).map(page).chain([PAGE.to_owned()]) {
        import(&again, &page).done();
    }
    assert_eq!(bills(&again), bill);
    again.run("check --period 2024-03", &[]).done();
    // The original went on as if nothing had been.
    server.run("check --period 2024-03", &[]).done();
}

#[test]
fn a_changed_byte_in_any_file_of_a_backup_is_found_and_the_file_named() {
    let directory = stopped();
    let to = directory.path().join("backup");
    backup(&directory.path().join("data"), &to).done();
    verify(&to).done();
    let names = file_names(&to);
    for expected in [
        "initialised",
        "keys/activation-key.pem",
        "store/books.db",
        "tls/ca.key",
    ] {
        assert!(names.iter().any(|it| it == expected), "{names:?}");
    }
    let untouched = directory.path().join("restored");
    for name in &names {
        let path = to.join(name);
        let whole = fs::read(&path).unwrap();
        let mut changed = whole.clone();
        match changed.len() {
            0 => changed.push(b' '),
            length => changed[length / 2] ^= 1,
        }
        fs::write(&path, changed).unwrap();
        for outcome in [verify(&to), restore(&to, &untouched)] {
            assert_refused(&outcome, "BackupDamaged", "another copy");
            assert!(outcome.notes.contains(name), "{name}: {}", outcome.notes);
        }
        fs::write(&path, whole).unwrap();
    }
    fs::remove_file(to.join("store/books.db")).unwrap();
    fs::write(to.join("store/usage.db"), "cut").unwrap();
    let outcome = restore(&to, &untouched);
    assert_refused(&outcome, "BackupDamaged", "another copy");
    for told in ["store/books.db is missing", "store/usage.db has 3 bytes"] {
        assert!(outcome.notes.contains(told), "{}", outcome.notes);
    }
    assert!(!untouched.exists());
}

#[test]
fn a_backup_that_was_killed_is_never_taken_for_one_and_the_next_one_is_made() {
    let server = Server::start();
    register(&server, &open_accounts(&server));
    // Megabytes that are kept as they were sent, since their quantity cannot be read.
    let mut large: Value = serde_json::from_str(&page(0)).unwrap();
    large["value"][0]["properties"]["quantity"] = "x".repeat(20_000_000).into();
    import(&server, &large.to_string()).done();
    let folder = tempfile::tempdir().unwrap();
    let copied = |to: &Path| to.with_extension("unfinished").join("store/usage.db");
    let killed = (0..20)
        .map(|number| folder.path().join(number.to_string()))
        .find(|to| {
            let mut command = meterbridge();
            command
                .args(["backup", "--data"])
                .arg(server.data())
                .arg("--to")
                .arg(to);
            let mut process = command
                .stderr(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            while process.try_wait().unwrap().is_none() && !copied(to).exists() {
                thread::sleep(Duration::from_millis(1));
            }
            process.kill().unwrap();
            process.wait().unwrap();
            !to.exists()
        });
    let to = killed.expect("one of them was killed before it was whole");
    let half = to.with_extension("unfinished");
    assert!(half.exists());
    let data = folder.path().join("data");
    for from in [&to, &half] {
        assert_refused(&restore(from, &data), "NotABackup", "has made");
        assert_refused(&verify(from), "NotABackup", "has made");
    }
    assert!(!data.exists());
    backup(&server.data(), &to).done();
    assert!(!half.exists());
    restore(&to, &data).done();
}

#[test]
fn nothing_is_written_over_or_into_what_is_there() {
    let directory = stopped();
    let data = directory.path().join("data");
    let to = directory.path().join("backup");
    fs::create_dir(&to).unwrap();
    backup(&data, &to).done();
    let of_backup = files(&to);
    let of_data = files(&data);
    assert_refused(&backup(&data, &to), "DirectoryNotEmpty", "not there yet");
    assert_refused(&restore(&to, &data), "DirectoryNotEmpty", "not there yet");
    assert_refused(
        &backup(&data, &data.join("backups/today")),
        "BackupInDataDirectory",
        "outside",
    );
    assert_refused(
        &backup(&to.join("keys"), &directory.path().join("other")),
        "NotInitialised",
        "init",
    );
    assert_eq!((files(&to), files(&data)), (of_backup, of_data));
    let mut beside: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    beside.sort();
    assert_eq!(beside, ["backup", "data"]);
}

#[test]
fn nobody_but_its_owner_reads_a_backup_or_what_is_restored() {
    let directory = stopped();
    let to = directory.path().join("above").join("backup");
    backup(&directory.path().join("data"), &to).done();
    let data = directory.path().join("restored");
    restore(&to, &data).done();
    for folder in [to.parent().unwrap(), &data] {
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&next), 0o700, "{}", next.display());
            for entry in fs::read_dir(&next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    assert_eq!(mode(&path), 0o600, "{}", path.display());
                }
            }
        }
    }
}

#[test]
fn a_backup_without_keys_holds_none_and_is_served_once_they_are_back() {
    let directory = stopped();
    let data = directory.path().join("data");
    let to = directory.path().join("backup");
    let mut command = meterbridge();
    command
        .args(["backup", "--without-keys", "--data"])
        .arg(&data)
        .arg("--to")
        .arg(&to);
    assert!(run(&mut command).done().contains("is backed up in"));
    let names = [
        "initialised",
        "manifest.json",
        "manifest.json.blake3",
        "platform",
        "store/books.db",
        "store/usage.db",
    ];
    assert_eq!(file_names(&to), names);

    let restored = tempfile::tempdir().unwrap();
    let again = restored.path().join("data");
    let mut command = meterbridge();
    let outcome = run(command
        .args(["restore", "--from"])
        .arg(&to)
        .arg("--data")
        .arg(&again));
    assert!(
        outcome
            .notes
            .contains("Put the folders `keys` and `tls` back first"),
        "{}",
        outcome.notes
    );
    assert!(outcome.done().contains("as backed up"));
    let refused = serve(&again);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.notes.contains("activation-key.pem"), "{}", refused.notes);
    for name in files(&data) {
        if name.starts_with("keys") || name.starts_with("tls") {
            fs::create_dir_all(again.join(&name).parent().unwrap()).unwrap();
            fs::copy(data.join(&name), again.join(&name)).unwrap();
        }
    }
    drop(Server::serve(restored));
}

#[test]
fn verifying_asks_for_nothing_but_the_backup() {
    let directory = stopped();
    let data = directory.path().join("data");
    let to = directory.path().join("backup");
    backup(&data, &to).done();
    let mut command = meterbridge();
    let verified = run(command
        .args(["backup", "verify"])
        .arg(&to)
        .env("METERBRIDGE_DATA", &data));
    assert!(verified.done().ends_with("is as it was backed up.\n"));
    let both = run(meterbridge()
        .args(["backup", "--to", "elsewhere", "verify"])
        .arg(&to));
    assert_eq!(both.code, Some(2), "{both:?}");
    let nothing = run(meterbridge().arg("backup"));
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
    assert!(nothing.notes.contains("--to <FOLDER>"), "{}", nothing.notes);
}

#[test]
fn a_server_that_went_on_from_a_plain_copy_of_a_backup_would_never_be_backed_up_again() {
    let directory = stopped();
    let at = |name: &str| directory.path().join(name);
    backup(&at("data"), &at("first")).done();
    run(std::process::Command::new("cp")
        .arg("-r")
        .args([at("first"), at("copied")]))
    .done();
    assert!(at("copied").join("manifest.json").exists());
    backup(&at("copied"), &at("second")).done();
    verify(&at("second")).done();
    restore(&at("second"), &at("restored")).done();
    assert!(!at("restored").join("manifest.json").exists());
}
