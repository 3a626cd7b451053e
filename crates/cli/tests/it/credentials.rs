//! What is proven with what, and what somebody reads who proves nothing any more.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};

use crate::process::{Outcome, meterbridge, run, run_with};
use crate::server::Server;
use crate::signed_in::{PASSWORD, Somebody};

const HOME: &str = "meterbridge.local";
const ANNA: &str = "anna@meterbridge.local";

#[track_caller]
fn assert_failed(outcome: &Outcome, expected: &[&str]) {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    for expected in expected {
        assert!(outcome.notes.contains(expected), "{expected}: {}", outcome.notes);
    }
}

fn anna(server: &Server) {
    let mut create = server.command("user create", &[ANNA, "--password-file", "-"]);
    run_with(&mut create, PASSWORD).done();
}

/// A program of the platform's directory, with a file that holds its secret.
fn program(server: &Server, somebody: &Somebody<'_>) -> (String, PathBuf) {
    let made = server.json("application create --name Nightly", &["--directory", HOME]);
    let application = made["id"].as_str().unwrap().to_owned();
    let secret = server.run("application add-secret", &[&application]).done();
    let file = somebody.home().join("secret.txt");
    fs::write(&file, secret).unwrap();
    (application, file)
}

/// Revokes the keys that sign tokens, and waits until the server goes by it.
fn revoke_keys(server: &Server, token_of: &Somebody<'_>) -> Outcome {
    let mut rotate = meterbridge();
    run(rotate
        .args(["signing-key", "rotate", "--revoke", "--data"])
        .arg(server.data()))
    .done();
    let begun = Instant::now();
    loop {
        let outcome = token_of.run("whoami", &[]);
        if outcome.code == Some(1) || begun.elapsed() > Duration::from_secs(30) {
            return outcome;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn after_keys_were_revoked_people_are_told_so_and_programs_go_on() {
    let server = Server::start();
    anna(&server);
    let anna = Somebody::at(&server).signed_in_as(ANNA);
    let robot = Somebody::at(&server);
    let (application, secret) = program(&server, &robot);
    let ca = server.ca();
    let login = [
        "--client-id",
        &application,
        "--ca",
        ca.to_str().unwrap(),
        "--client-secret-file",
        secret.to_str().unwrap(),
    ];
    robot.run("login --service-principal", &login).done();
    let kept = fs::read(robot.file_of_sign_ins()).unwrap();

    let told = revoke_keys(&server, &anna);
    assert_failed(
        &told,
        &[
            "InvalidAuthenticationToken",
            "is not used here any more",
            "hint: Sign in again with `meterbridge login`.",
        ],
    );
    assert!(
        !told.notes.contains("issuer") && !told.notes.contains("--new-credential"),
        "{}",
        told.notes
    );
    robot.run("whoami", &[]).done();
    assert_ne!(
        fs::read(robot.file_of_sign_ins()).unwrap(),
        kept,
        "it is kept renewed"
    );
}

#[test]
fn a_program_that_was_disabled_is_told_that_and_not_asked_about_its_secret() {
    let server = Server::start();
    let robot = Somebody::at(&server);
    let (application, secret) = program(&server, &robot);
    server.run("application disable", &[&application]).done();
    let ca = server.ca();
    let login = ["--client-id", &application, "--ca", ca.to_str().unwrap()];
    let login = [&login[..], &["--client-secret-file", secret.to_str().unwrap()]].concat();
    let refused = robot.run("login --service-principal", &login);
    assert_failed(&refused, &["disabled"]);
    assert!(!refused.notes.contains("hint:"), "{}", refused.notes);
}

#[test]
fn what_init_printed_is_a_credential_file_whatever_stands_below_it() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut init = meterbridge();
    let printed = run(init.args(["init", "--user", "anna", "--data"]).arg(&data)).done();
    assert_eq!(printed.lines().count(), 2, "the credential, and a password");
    let file = directory.path().join("operator.credential");
    fs::write(&file, &printed).unwrap();

    let server = Server::serve(directory);
    let asked = |given: &str, more: &[&str]| {
        let mut whoami = server.command("whoami --output json", more);
        run(whoami.env("METERBRIDGE_CREDENTIAL", given))
    };
    // An option wins over the environment, whatever is in there.
    let file = file.to_str().unwrap();
    for environment in ["mbo_another", &printed] {
        let me = asked(environment, &["--credential-file", file]).json();
        assert_eq!(me["kind"], "operator", "{environment}");
    }
    assert_failed(&asked(&printed, &[]), &["several lines", "head -n 1"]);
}

#[test]
fn an_operator_is_not_named_for_a_credential_that_nobody_makes() {
    let directory = tempfile::tempdir().unwrap();
    let init = |arguments: &[&str]| {
        let mut init = meterbridge();
        run(init
            .arg("init")
            .args(arguments)
            .arg("--data")
            .arg(directory.path()))
    };
    init(&[]).done();
    let refused = init(&["--user", "carl", "--operator", "zz"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.notes.contains("--new-credential --operator"),
        "{}",
        refused.notes
    );
    init(&["--user", "carl"]).done();
}

#[test]
fn a_certificate_that_an_application_has_is_named_and_a_key_of_another_kind_is_too() {
    let server = Server::start();
    let robot = Somebody::at(&server);
    let (application, _) = program(&server, &robot);
    let pem = |key: &KeyPair| {
        let params = CertificateParams::new(["nightly.example".to_owned()]).unwrap();
        let certificate = params.self_signed(key).unwrap();
        let file = robot.home().join("program.pem");
        fs::write(&file, format!("{}{}", key.serialize_pem(), certificate.pem())).unwrap();
        file.display().to_string()
    };
    let file = pem(&KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap());
    let add = || {
        server.run(
            "application add-certificate --output json",
            &[&application, &file],
        )
    };
    let added = add().json();
    let (id, thumbprint) = (
        added["id"].as_str().unwrap(),
        added["sha1Thumbprint"].as_str().unwrap(),
    );
    assert_failed(&add(), &["has this certificate already", id, thumbprint]);

    let file = pem(&KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap());
    let ca = server.ca();
    let login = ["--client-id", &application, "--ca", ca.to_str().unwrap()];
    let login = [&login[..], &["--certificate", &file]].concat();
    assert_failed(&robot.run("login --service-principal", &login), &["no RSA key"]);
}
