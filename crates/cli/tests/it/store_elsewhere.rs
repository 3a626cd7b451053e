//! Data directories whose store is in PostgreSQL, and the file that says so.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use private_postgres::Database;
use tempfile::TempDir;

use crate::process::{Outcome, meterbridge, run};
use crate::server::Server;
use crate::whole_job::{deliver, open_accounts, register};

/// What is in every URL here and may be printed nowhere. The servers of tests trust whoever reaches their socket.
pub(crate) const PASSWORD: &str = "s3cret";

/// An empty database of PostgreSQL. None where that is missing, which is told; in continuous integration it may not be.
pub(crate) fn database() -> Option<Database<'static>> {
    Database::opened(|_| ())
}

/// Refused with this code, for a program and for people.
#[track_caller]
pub(crate) fn assert_refused(outcome: &Outcome, code: &str, hint: &str) {
    assert_eq!(
        (outcome.code, outcome.data.as_str()),
        (Some(1), ""),
        "{outcome:?}"
    );
    let last = outcome.notes.lines().last().unwrap();
    let error: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(error["error"]["code"], code, "{error}");
    assert!(error["error"]["hint"].as_str().unwrap().contains(hint), "{error}");
    assert!(!outcome.notes.contains(PASSWORD), "{}", outcome.notes);
}

pub(crate) fn url_of(database: &Database<'_>) -> String {
    let url = database.url();
    url.replacen('@', &format!(":{PASSWORD}@"), 1)
}

fn told(command: &str, data: &Path) -> Command {
    let mut process = meterbridge();
    process
        .args(command.split_whitespace())
        .args(["--output", "json", "--data"])
        .arg(data);
    process
}

/// `serve` that has nothing to serve: it leaves by itself.
fn serve(data: &Path) -> Command {
    told("serve --listen 127.0.0.1:0", data)
}

/// A data directory whose store is in this database, and the credential of its operator.
fn initialised(database: &Database<'_>) -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let init = run(told("init", &directory.path().join("data")).args(["--store", &url_of(database)]));
    assert!(!init.notes.contains(PASSWORD), "{}", init.notes);
    let credential = init.json()["credential"].as_str().unwrap().to_owned();
    (directory, credential)
}

#[test]
fn the_url_is_said_once_and_kept_where_its_owner_alone_can_read_it() {
    let Some(database) = database() else { return };
    let (directory, credential) = initialised(&database);
    let data = directory.path().join("data");
    let file = data.join("meterbridge.toml");
    assert!(fs::read_to_string(&file).unwrap().contains(PASSWORD));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!data.join("store").exists());

    let mut server = Server::serve(directory);
    server.credential = credential;
    register(&server, &open_accounts(&server));
    assert!(database.rows_of("entry") > 0);
    let directory = server.stop_and_keep();
    let mut again = Server::serve(directory);
    again.credential = String::new();
    assert!(again.initialised.notes.contains("is initialised already"));
}

#[test]
fn a_dump_would_have_been_restored_by_half_into_tables_that_a_server_had_made_before() {
    let Some(database) = database() else { return };
    let (directory, credential) = initialised(&database);
    let data = directory.path().join("data");
    let mut server = Server::serve(directory);
    server.credential = credential;
    register(&server, &open_accounts(&server));
    deliver(&server);
    let _directory = server.stop_and_keep();
    let empty = database.another("");
    let on_the_empty_one = run(serve(&data).env("METERBRIDGE_STORE", url_of(&empty)));
    assert_refused(&on_the_empty_one, "StoreEmpty", "backup");
    assert_eq!(
        empty.rows_of("pg_class WHERE relnamespace = 'public'::regnamespace"),
        0
    );

    assert!(database.rows_of("batch") > 0);
    let _ = database.execute("TRUNCATE batch CASCADE");
    assert_refused(&run(&mut serve(&data)), "StoreDamaged", "backup");
}

#[test]
fn a_data_directory_whose_file_is_lost_does_not_become_a_second_platform() {
    let Some(database) = database() else { return };
    let (directory, _) = initialised(&database);
    let data = directory.path().join("data");
    fs::remove_file(data.join("meterbridge.toml")).unwrap();
    assert_refused(&run(&mut serve(&data)), "StoreEmpty", "--store");
    let init = run(&mut told("init --new-credential", &data));
    assert_refused(&init, "StoreEmpty", "METERBRIDGE_STORE");

    let server = Server::start_in(directory, |data, serve| {
        serve.env("METERBRIDGE_STORE", url_of(&database));
        fs::write(
            data.join("meterbridge.toml"),
            "store = \"postgres://nobody@db.invalid/m\"\n",
        )
        .unwrap();
    });
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "the environment wins over the file: {log}");
    assert!(!log.contains(PASSWORD), "{log}");
}

#[test]
fn two_servers_with_one_data_directory_and_one_database_are_one_platform() {
    let Some(database) = database() else { return };
    let one = Server::start_on(&url_of(&database));
    let other = beside(&one);
    let accounts = open_accounts(&one);
    register(&other, &accounts);
    // The activation key is signed by the one and recognised by the other.
    deliver(&one);
    let [bills, same] = [&one, &other].map(|server| server.json("statement list --period 2024-03", &[]));
    assert_eq!(bills, same);
    assert_ne!(bills, serde_json::json!([]));

    let credential = one.run("operator-credential create Night", &[]).done();
    let mut told = other.command("partner list", &["--output", "json"]);
    let partners = run(told.env("METERBRIDGE_CREDENTIAL", credential.trim())).json();
    assert_eq!(partners.as_array().unwrap().len(), 1);
    assert_eq!(other.json("check --period 2024-03", &[])["holds"], true);
    let _data = one.stop_and_keep();
    assert_eq!(other.json("statement list --period 2024-03", &[]), bills);
}

/// Another server on the same data directory.
fn beside(server: &Server) -> Server {
    let directory = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(server.data(), directory.path().join("data")).unwrap();
    let mut other = Server::serve(directory);
    other.credential.clone_from(&server.credential);
    other
}

#[test]
fn a_database_is_of_one_platform() {
    let Some(database) = database() else { return };
    let (first, _) = initialised(&database);
    let other = tempfile::tempdir().unwrap();
    let data = other.path().join("data");
    let before = database.rows_of("entry");
    let second = run(told("init", &data).args(["--store", &url_of(&database)]));
    assert_refused(&second, "StoreInUse", "gets its data directory");
    assert_eq!(database.rows_of("entry"), before);
    assert!(!data.join("keys").exists() && !data.join("meterbridge.toml").exists());

    // Keys that are there are anybody's.
    fs::create_dir_all(data.join("keys")).unwrap();
    let third = run(told("init", &data).args(["--store", &url_of(&database)]));
    assert_refused(&third, "StoreInUse", "cut off");
    assert_eq!(database.rows_of("entry"), before);

    // Whoever lost the mark alone is told how to get it back, and nothing is made twice.
    let data = first.path().join("data");
    fs::remove_file(data.join("initialised")).unwrap();
    assert_refused(&run(&mut told("init", &data)), "StoreInUse", "touch ");
    assert_eq!(database.rows_of("entry"), before);
    fs::write(data.join("initialised"), "").unwrap();
    Server::serve(first);
}

#[test]
fn what_an_init_left_that_was_cut_off_is_dropped_and_made_anew() {
    let Some(database) = database() else { return };
    let (directory, _) = initialised(&database);
    let data = directory.path().join("data");
    fs::remove_file(data.join("initialised")).unwrap();
    let anew = database.again();
    let init = || run(told("init", &data).env("METERBRIDGE_STORE", url_of(&anew)));
    assert_refused(&init(), "OtherPlatform", "platform");
    fs::remove_file(data.join("platform")).unwrap();
    assert!(init().json()["credential"].as_str().unwrap().starts_with("mbo_"));
}

#[test]
fn of_two_who_begin_on_one_database_at_once_one_alone_has_a_platform() {
    let Some(database) = database() else { return };
    let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let init = |place: &TempDir| {
        let mut init = told("init --user anna", &place.path().join("data"));
        init.args(["--store", &url_of(&database)]);
        run(&mut init)
    };
    let outcomes = std::thread::scope(|scope| {
        let begun = places.each_ref().map(|place| scope.spawn(|| init(place)));
        begun.map(|it| it.join().unwrap())
    });
    let by_outcome = |won: bool| {
        places
            .iter()
            .zip(&outcomes)
            .filter(move |(_, it)| (it.code == Some(0)) == won)
    };
    let (winner, _) = by_outcome(true).next().unwrap();
    let (loser, refused) = by_outcome(false).next().unwrap();
    assert_refused(refused, "StoreInUse", "");
    assert!(!refused.notes.contains("anna"), "{}", refused.notes);
    assert_eq!(database.entries_saying("anna@"), 1);

    let before = database.rows_of("entry");
    assert_refused(&init(loser), "StoreInUse", "");
    assert_refused(&run(&mut serve(&loser.path().join("data"))), "NotInitialised", "");
    assert_eq!(database.rows_of("entry"), before);
    let again = run(&mut told("init --new-credential", &winner.path().join("data")));
    assert!(again.json()["credential"].as_str().unwrap().starts_with("mbo_"));
}

#[test]
fn a_server_does_not_run_a_platform_with_the_keys_of_another() {
    let Some(database) = database() else { return };
    let (_first, _) = initialised(&database);
    let other = tempfile::tempdir().unwrap();
    let data = other.path().join("data");
    run(&mut told("init", &data)).done();
    let before = database.rows_of("entry");
    for command in [
        "serve --listen 127.0.0.1:0",
        "init --new-credential",
        "init --new-activation-key",
        "init --user anna",
    ] {
        let outcome = run(told(command, &data).env("METERBRIDGE_STORE", url_of(&database)));
        assert_refused(&outcome, "OtherPlatform", "METERBRIDGE_STORE");
        assert!(outcome.notes.contains("another platform"), "{}", outcome.notes);
    }
    assert_eq!(database.rows_of("entry"), before);
    Server::serve(other);
}

#[test]
fn a_data_directory_of_an_earlier_version_learns_where_it_belongs() {
    let Some(database) = database() else { return };
    let (directory, _) = initialised(&database);
    let file = directory.path().join("data/platform");
    let said = fs::read_to_string(&file).unwrap();
    assert_eq!(said.trim().len(), 64);
    fs::remove_file(&file).unwrap();
    let directory = Server::serve(directory).stop_and_keep();
    assert_eq!(fs::read_to_string(&file).unwrap(), said);
    drop(directory);
}

#[test]
fn servers_that_run_are_not_said_to_know_a_new_activation_key() {
    let Some(database) = database() else { return };
    let (directory, _) = initialised(&database);
    let replaced = run(&mut told(
        "init --new-activation-key",
        &directory.path().join("data"),
    ));
    assert!(
        !replaced.notes.contains("no activation key made before"),
        "{replaced:?}"
    );
    for told in ["until they are restarted", "Restart every server"] {
        assert!(replaced.notes.contains(told), "{told}: {replaced:?}");
    }
    assert_eq!(replaced.json()["activationKeyReplaced"], true);
}

#[test]
fn a_database_of_somebody_elses_is_left_alone() {
    let Some(database) = database() else { return };
    for (made, named) in [
        ("TABLE shop_order (id bigint)", "public.shop_order"),
        (
            "TABLE schema_version (version) AS VALUES (99::bigint)",
            "schema_version",
        ),
        ("VIEW today (day) AS VALUES (current_date)", "public.today"),
    ] {
        let theirs = database.another("");
        theirs.create(made);
        let relations = || theirs.rows_of("pg_class");
        let before = relations();
        let directory = tempfile::tempdir().unwrap();
        let init = run(told("init", &directory.path().join("data")).args(["--store", &url_of(&theirs)]));
        assert_refused(&init, "DatabaseNotEmpty", "Make a database");
        assert!(init.notes.contains(named), "{named}: {}", init.notes);
        assert_eq!(relations(), before);
    }
}

#[test]
fn a_database_that_does_not_answer_is_named_without_its_password() {
    let Some(database) = database() else { return };
    let (directory, _) = initialised(&database);
    let data = directory.path().join("data");
    let file = data.join("meterbridge.toml");
    let there = fs::read_to_string(&file).unwrap();
    let name = url_of(&database);
    let name = name.rsplit('/').next().unwrap();
    fs::write(&file, there.replace(name, "nowhere")).unwrap();
    let outcome = run(&mut serve(&data));
    assert_refused(&outcome, "StoreUnavailable", "has to run and to be reached");
    for told in ["nowhere", "3D000"] {
        assert!(outcome.notes.contains(told), "{told}: {}", outcome.notes);
    }
    // Nobody listens there.
    fs::write(
        &file,
        format!("store = \"postgres://m:{PASSWORD}@127.0.0.1:1/m?sslmode=disable\"\n"),
    )
    .unwrap();
    let outcome = run(&mut serve(&data));
    assert_refused(&outcome, "StoreUnavailable", "has to run and to be reached");
    assert!(outcome.notes.contains("127.0.0.1"), "{}", outcome.notes);
}

#[test]
fn a_backup_of_the_data_directory_alone_is_not_taken_for_one_of_the_store() {
    let Some(database) = database() else { return };
    let (directory, _) = initialised(&database);
    let to = directory.path().join("backup");
    let outcome = run(told("backup", &directory.path().join("data"))
        .arg("--to")
        .arg(&to));
    assert_refused(&outcome, "StoreElsewhere", "pg_dump");
    assert!(!to.exists());
}

#[test]
fn the_file_tells_the_server_what_the_command_line_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    fs::create_dir(&data).unwrap();
    // The address is given as an option, which wins.
    let text = "listen = \"192.0.2.1:1\"\npublic-url = \"https://bills.example\"\nlog-format = \"json\"\n";
    fs::write(data.join("meterbridge.toml"), text).unwrap();
    let server = Server::serve(directory);
    assert_eq!(server.url, "https://bills.example");
    let address = server.address.clone();
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    // Whoever reads the log line by line reads nothing else on the same stream.
    assert!(log.lines().all(|line| line.starts_with('{')), "{log}");

    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let elsewhere = directory.path().join("server.toml");
    fs::write(&elsewhere, "# ours\nlisen = \"127.0.0.1:0\"\n").unwrap();
    let init = run(told("init", &data).arg("--config-file").arg(&elsewhere));
    assert_refused(&init, "InvalidConfiguration", "serve --help");
    for told in ["server.toml", "line 2", "lisen", "listen"] {
        assert!(init.notes.contains(told), "{told}: {}", init.notes);
    }
    assert!(!data.exists());
}
