//! A platform that moves: its store is copied to PostgreSQL and back, and nobody who uses it notices.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::process::{Outcome, meterbridge, run, run_with};
use crate::server::Server;
use crate::store_elsewhere::{PASSWORD, assert_refused, database, url_of};
use crate::whole_job::{deliver, open_accounts, register};

const STACK: &str = "3a4a1c1e-0f4b-4f0a-9d55-6a3b0f2c7d11";
const PAGE: &str = include_str!("fixtures/usage-page.json");

fn copy_to(process: &mut Command, from: &str, to: &str) -> Outcome {
    let copied = run(process.args(["store", "copy", "--output", "json", "--from", from, "--to", to]));
    assert!(!format!("{copied:?}").contains(PASSWORD), "{copied:?}");
    copied
}

fn copy(from: &str, to: &str) -> Outcome {
    copy_to(&mut meterbridge(), from, to)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What is billed, who sells, and what was delivered.
fn seen(server: &Server) -> [Value; 4] {
    [
        "statement list --period 2024-03",
        "partner list",
        "stack list",
        "usage quarantine",
    ]
    .map(|asked| server.json(asked, &[]))
}

#[test]
fn a_platform_moves_to_postgresql_and_back_and_nobody_notices() {
    let Some(database) = database() else { return };
    let server = Server::start();
    let credential = server.credential.clone();
    register(&server, &open_accounts(&server));
    deliver(&server);
    let before = seen(&server);
    let directory = server.stop_and_keep();
    let data = directory.path().join("data");

    // Somebody is too early: the server that is refused leaves nothing where the platform is to be brought.
    let mut early = serve(&data);
    assert_refused(
        &run(early.env("METERBRIDGE_STORE", url_of(&database))),
        "StoreEmpty",
        "METERBRIDGE_STORE",
    );
    let copied = copy(text(&data), &url_of(&database));
    let notes = copied.notes.clone();
    assert!(notes.contains("meterbridge.toml"), "{notes}");
    let copied = copied.json();
    assert_eq!(copied["usageRecords"], 4);
    assert_eq!(copied["digestOfSource"], copied["digestOfTarget"]);
    assert_eq!(copied["tables"][0]["table"], "entry");

    set_aside(&notes, &data);
    let file = data.join("meterbridge.toml");
    fs::write(&file, format!("store = \"{}\"\n", url_of(&database))).unwrap();
    let mut moved = Server::serve(directory);
    moved.credential = credential.clone();
    assert_eq!(seen(&moved), before);
    let again = run_with(
        &mut moved.command("usage import", &["--cloud-id", STACK, "-"]),
        PAGE,
    );
    assert_eq!(
        again.done(),
        "5 records: 0 accepted, 5 duplicate, 0 revised, 0 quarantined\n"
    );
    moved
        .run("partner create --kind direct-bill --name Southwind", &[])
        .done();
    let later = seen(&moved);
    let directory = moved.stop_and_keep();

    // Back again, with the password where nobody sees it.
    let used_by_nobody = copy(&url_of(&database), text(&data));
    assert_refused(&used_by_nobody, "StoreElsewhere", "Remove `store` from");
    fs::remove_file(&file).unwrap();
    let back = run(meterbridge()
        .env("METERBRIDGE_COPY_FROM", url_of(&database))
        .args(["store", "copy", "--to", text(&data)]));
    assert!(back.notes.contains("METERBRIDGE_STORE"), "{}", back.notes);
    let shown = back.done();
    assert!(
        shown.contains("no record of any month is lost")
            && shown.contains("drawn up of no month")
            && shown.contains("4 usage records"),
        "{shown}"
    );
    let mut back = Server::serve(directory);
    back.credential = credential;
    assert_eq!(seen(&back), later);
    assert_eq!(back.json("check --period 2024-03", &[])["holds"], true);
}

/// A server that has nothing to serve: it leaves by itself.
fn serve(data: &Path) -> Command {
    let mut process = meterbridge();
    process
        .args(["serve", "--listen", "127.0.0.1:0", "--output", "json", "--data"])
        .arg(data);
    process
}

/// Does what the hint says to do with the old store. Without the setting that is forgotten next nothing starts then.
fn set_aside(notes: &str, data: &Path) {
    let told = notes.split('`').find(|it| it.starts_with("mv ")).unwrap();
    assert!(
        Command::new("sh").args(["-c", told]).status().unwrap().success(),
        "{told}"
    );
    assert_refused(&run(&mut serve(data)), "StoreEmpty", "METERBRIDGE_STORE");
    assert!(
        !data.join("store").exists(),
        "what was moved is in nobody's way when it comes back"
    );
}

#[test]
fn a_store_that_was_left_is_copied_only_by_whoever_names_it() {
    let server = Server::start();
    let credential = server.credential.clone();
    let directory = server.stop_and_keep();
    let data = directory.path().join("data");
    let [other, third] = ["other", "third"].map(|name| directory.path().join(name));

    let copied = copy(text(&data), text(&other));
    let notes = copied.notes.clone();
    assert!(notes.contains("bring the folders `keys`"), "{notes}");
    copied.done();
    set_aside(&notes, &data);
    assert_refused(&copy(text(&data), text(&third)), "NoStore", "Nothing was made");

    // A server that goes on with the old store, and one that was told of another one and forgot.
    let aside = data.join("store.old");
    fs::rename(&aside, data.join("store")).unwrap();
    let used = format!("postgres://m:{PASSWORD}@db.invalid/m");
    let mut told = meterbridge();
    told.env("METERBRIDGE_STORE", &used);
    let by_environment = copy_to(&mut told, text(&data), text(&third));
    assert_refused(&by_environment, "StoreElsewhere", "name it by its URL");
    assert!(by_environment.notes.contains("METERBRIDGE_STORE says"));
    fs::write(data.join("meterbridge.toml"), format!("store = \"{used}\"\n")).unwrap();
    let by_file = copy(text(&data), text(&third));
    let folder = data.join("store");
    assert_refused(
        &by_file,
        "StoreElsewhere",
        &format!("`--from {}`", folder.display()),
    );
    assert!(!third.exists());

    copy(text(&folder), text(&third)).done();
    for kept in ["keys", "tls"] {
        fs::rename(data.join(kept), third.join(kept)).unwrap();
    }
    fs::rename(data.join("initialised"), third.join("initialised")).unwrap();
    fs::rename(&data, directory.path().join("before")).unwrap();
    fs::rename(&third, &data).unwrap();
    let mut moved = Server::serve(directory);
    moved.credential = credential;
    moved.run("partner list", &[]).done();
}

#[test]
fn a_store_is_not_copied_to_itself_by_another_path() {
    let directory = Server::start().stop_and_keep();
    let data = directory.path().join("data");
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&data, &link).unwrap();
    for same in [&data, &link, &data.join("store"), &data.join("../data")] {
        assert_refused(&copy(text(&data), text(same)), "SameStore", "--to");
    }
}

#[test]
fn what_cannot_be_copied_is_said_with_what_to_do() {
    let Some(database) = database() else { return };
    let server = Server::start();
    let (data, url) = (server.data(), url_of(&database));
    assert_refused(&copy(text(&data), &url), "StoreInUse", "Stop the server");
    let directory = server.stop_and_keep();
    let nowhere = directory.path().join("nowhere");
    assert_refused(&copy(text(&nowhere), &url), "NoStore", "data directory");
    assert!(!nowhere.exists());
    copy(text(&data), &url).done();
    assert_refused(&copy(text(&data), &url), "StoreNotEmpty", "empty");
    let away = format!("postgres://m:{PASSWORD}@127.0.0.1:1/m?sslmode=disable");
    assert_refused(&copy(text(&data), &away), "StoreUnavailable", "to be reached");
    for url in [
        format!("postgres://m:{PASSWORD}@db.example:port/m"),
        format!("postgres:/m:{PASSWORD}@db.example/m"),
    ] {
        let unreadable = copy(text(&data), &url);
        assert_eq!(unreadable.code, Some(2), "{unreadable:?}");
        assert!(unreadable.notes.contains("InvalidStore"), "{unreadable:?}");
    }
}
