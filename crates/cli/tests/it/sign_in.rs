//! Signing in and out, as a person and as a program.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};

use crate::process::{Outcome, meterbridge, run, run_with};
use crate::server::Server;
use crate::signed_in::{PASSWORD, Somebody};

/// A partner with a directory of its own, in which Anna is.
struct Northwind {
    partner: String,
    directory: String,
}

const ANNA: &str = "anna@northwind.example";

fn id(value: &serde_json::Value) -> String {
    value["id"]
        .as_str()
        .unwrap_or_else(|| panic!("no id in {value}"))
        .to_owned()
}

fn northwind(server: &Server) -> Northwind {
    let partner = id(&server.json("partner create --kind direct-bill --name Northwind", &[]));
    let directory = ["--domain", "northwind.example", "--partner", &partner];
    let directory = id(&server.json("directory create --name Northwind", &directory));
    create_user(server, ANNA);
    Northwind { partner, directory }
}

fn create_user(server: &Server, name: &str) {
    let command = ["--password-file", "-", "--display-name", "Anna Berg"];
    let mut command = server.command(&format!("user create {name}"), &command);
    run_with(&mut command, &format!("{PASSWORD}\n")).done();
}

#[track_caller]
fn assert_failed(outcome: &Outcome, expected: &[&str]) {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    for expected in expected {
        assert!(outcome.notes.contains(expected), "{expected}: {}", outcome.notes);
    }
    assert!(!outcome.notes.contains(PASSWORD), "{}", outcome.notes);
}

#[test]
fn a_person_signs_in_works_and_signs_out() {
    let server = Server::start();
    let Northwind { partner, directory } = northwind(&server);
    server
        .run("role assign", &["--admin-agent-of", &partner, "--user", ANNA])
        .done();

    let anna = Somebody::at(&server);
    assert_failed(
        &anna.run("partner list", &[]),
        &["Nobody is signed in to", "meterbridge login"],
    );
    let answer = [
        ("username", ANNA),
        ("password", PASSWORD),
        ("decision", "approve"),
    ];
    let signed_in = anna.sign_in(&answer);
    assert!(
        signed_in
            .notes
            .contains(&format!("Signed in to {} as {ANNA}.", server.url)),
        "{signed_in:?}"
    );
    assert_eq!(signed_in.json()["name"], ANNA);

    // The CA does not have to be named again.
    let me = anna.json("whoami", &[]);
    assert_eq!(
        (&me["kind"], &me["tenantId"]),
        (&"user".into(), &directory.into())
    );
    assert_eq!(me["partnerRoles"][0]["partnerName"], "Northwind");
    let shown = anna.run("whoami", &[]).done();
    assert!(
        shown.contains(ANNA) && shown.contains("admin agent of Northwind"),
        "{shown}"
    );
    assert_eq!(anna.ids("partner list"), [partner]);

    let file = anna.file_of_sign_ins();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(&file).unwrap().contains(PASSWORD));

    let mut operator = anna.command("whoami --output json", &[]);
    operator
        .env("METERBRIDGE_CREDENTIAL", &server.credential)
        .env("METERBRIDGE_CA", server.ca());
    assert_eq!(
        run(&mut operator).json()["kind"],
        "operator",
        "a credential that is given wins"
    );

    assert_eq!(anna.json("logout", &[])["servers"][0], server.url);
    assert_failed(&anna.run("whoami", &[]), &["Nobody is signed in to"]);
    assert!(!fs::read_to_string(&file).unwrap().contains("accessToken"));
    let again = anna.run("logout", &[]);
    assert!(again.notes.contains("Nobody was signed in"), "{again:?}");
    again.done();
}

#[test]
fn who_declines_is_not_signed_in() {
    let server = Server::start();
    let anna = Somebody::at(&server);
    let outcome = anna.sign_in(&[("decision", "decline")]);
    assert_failed(&outcome, &["authorization_declined"]);
    assert!(!anna.file_of_sign_ins().exists());
}

#[test]
fn people_change_their_own_password_and_sign_in_again_with_it() {
    let server = Server::start();
    northwind(&server);
    let anna = Somebody::at(&server).signed_in_as(ANNA);
    let new = "another horse battery";
    let file = |name: &str, password: &str| {
        let file = anna.home().join(name);
        fs::write(&file, format!("{password}\n")).unwrap();
        file.display().to_string()
    };
    let (old_file, new_file, wrong_file) = (
        file("old.txt", PASSWORD),
        file("new.txt", new),
        file("wrong.txt", "some other words"),
    );
    let change = |old: &str, new: &str| {
        let files = ["--old-password-file", old, "--password-file", new];
        anna.run("user change-password", &files)
    };
    assert_failed(
        &change(&wrong_file, &new_file),
        &["The old password is not right"],
    );
    let both = change("-", "-");
    assert_eq!(both.code, Some(2), "{both:?}");
    let changed = change(&old_file, &new_file).done();
    assert!(changed.contains("meterbridge login"), "{changed}");
    assert_failed(&anna.run("partner list", &[]), &["meterbridge login"]);
    let answer = [("username", ANNA), ("password", new), ("decision", "approve")];
    anna.sign_in(&answer).done();
    anna.run("whoami", &[]).done();
}

/// Makes as if the access token of a sign-in had ended.
fn age(somebody: &Somebody<'_>) {
    let file = somebody.file_of_sign_ins();
    let mut kept: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for sign_in in kept["signIns"].as_object_mut().unwrap().values_mut() {
        sign_in["expires"] = "2026-01-01T00:00:00Z".into();
        sign_in["accessToken"] = "old".into();
    }
    fs::write(&file, kept.to_string()).unwrap();
}

#[test]
fn a_sign_in_renews_itself_until_the_password_changes() {
    let server = Server::start();
    northwind(&server);
    let anna = Somebody::at(&server).signed_in_as(ANNA);
    age(&anna);
    assert_eq!(anna.json("whoami", &[])["name"], ANNA);
    assert!(
        !fs::read_to_string(anna.file_of_sign_ins())
            .unwrap()
            .contains("\"old\""),
        "it is kept renewed"
    );

    let mut change = server.command("user password", &[ANNA, "--password-file", "-"]);
    run_with(&mut change, "another horse battery\n").done();
    age(&anna);
    assert_failed(
        &anna.run("whoami", &[]),
        &["The sign-in to", "is over", "hint: Sign in again"],
    );
}

#[test]
fn a_disabled_user_is_out_at_once() {
    let server = Server::start();
    northwind(&server);
    let anna = Somebody::at(&server).signed_in_as(ANNA);
    anna.run("whoami", &[]).done();
    assert_eq!(server.json("user disable", &[ANNA])["enabled"], false);
    assert_failed(&anna.run("whoami", &[]), &["401", "meterbridge login"]);
    server.run("user enable", &[ANNA]).done();
}

#[test]
fn a_program_signs_in_with_a_secret_and_with_a_certificate() {
    let server = Server::start();
    let Northwind { directory, .. } = northwind(&server);
    let application = ["--directory", "northwind.example"];
    let application = server.json("application create --name Nightly", &application);
    let (application, principal) = (id(&application), application["servicePrincipalId"].clone());
    let secret = server.run("application add-secret", &[&application]);
    assert!(secret.notes.contains("It is shown this once"), "{secret:?}");
    let secret = secret.done();

    let program = Somebody::at(&server);
    let ca = server.ca();
    let login = ["--client-id", &application, "--ca", ca.to_str().unwrap()];
    let login = |more: &[&str]| program.command("login --service-principal", &[&login[..], more].concat());

    // From standard input: kept nowhere, so the sign-in ends.
    let signed_in = run_with(&mut login(&["--client-secret-file", "-"]), &secret);
    assert!(signed_in.notes.contains("The sign-in ends at"), "{signed_in:?}");
    signed_in.done();
    let me = program.json("whoami", &[]);
    assert_eq!(
        (&me["kind"], &me["id"], &me["applicationId"]),
        (
            &"servicePrincipal".into(),
            &principal,
            &application.as_str().into()
        )
    );
    assert_eq!(me["tenantId"], directory);
    age(&program);
    assert_failed(&program.run("whoami", &[]), &["is over"]);

    // From a file: renewed from there, and not copied.
    let file = program.home().join("secret.txt");
    fs::write(&file, &secret).unwrap();
    run(&mut login(&["--client-secret-file", file.to_str().unwrap()])).done();
    assert!(
        !fs::read_to_string(program.file_of_sign_ins())
            .unwrap()
            .contains(secret.trim())
    );
    age(&program);
    program.run("whoami", &[]).done();

    let certificate = certificate_and_key();
    let file = program.home().join("program.pem");
    fs::write(&file, &certificate).unwrap();
    let added = server.json(
        "application add-certificate",
        &[&application, file.to_str().unwrap()],
    );
    let certified = [
        "--certificate",
        file.to_str().unwrap(),
        "--directory",
        "northwind.example",
    ];
    run(&mut login(&certified)).done();
    age(&program);
    program.run("whoami", &[]).done();

    server
        .run("application remove-credential", &[&application, &id(&added)])
        .done();
    age(&program);
    assert_failed(&program.run("whoami", &[]), &["invalid_client"]);
    let shown = server.json("application show", &[&application]);
    assert_eq!(
        (
            shown["secrets"].as_array().unwrap().len(),
            shown["certificates"].as_array().unwrap().len()
        ),
        (1, 0)
    );
}

fn certificate_and_key() -> String {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let certificate = CertificateParams::new(["nightly.northwind.example".to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    format!("{}{}", key.serialize_pem(), certificate.pem())
}

#[test]
fn a_wrong_secret_is_refused_in_words_that_do_not_repeat_it() {
    let server = Server::start();
    northwind(&server);
    let application = server.json(
        "application create --name Nightly --directory northwind.example",
        &[],
    );
    let program = Somebody::at(&server);
    let login = ["--client-id", &id(&application), "--client-secret-file", "-"];
    let mut login = program.command("login --service-principal", &login);
    let outcome = run_with(login.env("METERBRIDGE_CA", server.ca()), PASSWORD);
    assert_failed(&outcome, &["invalid_client"]);
    assert!(!program.file_of_sign_ins().exists());
}

#[test]
fn nobody_is_asked_for_a_password_where_nobody_is() {
    let server = Server::start();
    northwind(&server);
    let outcome = server.run("user create kari@northwind.example", &[]);
    assert_failed(&outcome, &["nobody at a terminal", "--password-file FILE"]);
    let outcome = server.run("user create kari", &[]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    let elsewhere = ["kari@fjordbank.example", "--password-file", "-"];
    let outcome = run_with(&mut server.command("user create", &elsewhere), PASSWORD);
    assert_failed(
        &outcome,
        &["no directory with the domain fjordbank.example", "directory list"],
    );
}

#[test]
fn the_first_user_of_the_platform_is_made_with_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let init = |arguments: &[&str], input: &str| {
        let mut init = meterbridge();
        run_with(init.arg("init").args(arguments).arg("--data").arg(&data), input)
    };
    let made = init(&["--user", "anna", "--output", "json"], "").json();
    assert_eq!(made["user"]["name"], "anna@meterbridge.local");
    let password = made["user"]["password"].as_str().unwrap().to_owned();
    assert!(made["credential"].as_str().unwrap().starts_with("mbo_") && password.len() == 24);

    // Later, without another credential, and with a password that somebody chose.
    let more = init(
        &["--user", "kari", "--password-file", "-", "--output", "json"],
        PASSWORD,
    )
    .json();
    assert_eq!(more, serde_json::json!({"name": "kari@meterbridge.local"}));
    let short = init(&["--user", "per", "--password-file", "-"], "short");
    assert_failed(&short, &["User per could not be made", "12 characters"]);
    let taken = init(&["--user", "kari", "--password-file", "-"], PASSWORD);
    assert_failed(&taken, &["kari"]);

    let server = Server::serve(directory);
    let anna = Somebody::at(&server);
    let answer = [
        ("username", "anna@meterbridge.local"),
        ("password", &*password),
        ("decision", "approve"),
    ];
    anna.sign_in(&answer).done();
    assert_eq!(
        anna.json("whoami", &[])["partnerRoles"][0]["role"],
        "platformOperator"
    );
    anna.run("partner create --kind direct-bill --name Northwind", &[])
        .done();
    Somebody::at(&server)
        .signed_in_as("kari@meterbridge.local")
        .run("partner list", &[])
        .done();
}

#[test]
fn keys_are_replaced_where_that_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let init = |arguments: &[&str]| run(meterbridge().arg("init").args(arguments).arg("--data").arg(&data));
    let rotate = |arguments: &[&str]| {
        let mut rotate = meterbridge();
        run(rotate
            .args(["signing-key", "rotate"])
            .args(arguments)
            .arg("--data")
            .arg(&data))
    };
    assert_failed(&init(&["--new-activation-key"]), &["is not initialised"]);
    assert_failed(&rotate(&[]), &["is not initialised"]);
    init(&[]).done();
    let key = data.join("keys").join("activation-key.pem");
    let before = fs::read(&key).unwrap();
    let replaced = init(&["--new-activation-key", "--output", "json"]);
    assert!(
        replaced
            .notes
            .contains("no activation key made before is good any more"),
        "{replaced:?}"
    );
    assert_eq!(replaced.json()["activationKeyReplaced"], true);
    assert_ne!(fs::read(&key).unwrap(), before);

    let keys = || {
        let files = fs::read_dir(data.join("keys").join("identity"))
            .into_iter()
            .flatten();
        files.map(|file| file.unwrap().file_name()).collect::<Vec<_>>()
    };
    rotate(&[]).done();
    let replaced = rotate(&["--output", "json"]).json();
    assert_eq!(replaced["signingKeyReplaced"], true);
    let before = keys();
    assert!(before.len() > 1, "what is out stays good: {before:?}");
    let revoked = rotate(&["--revoke", "--output", "json"]);
    assert!(revoked.notes.contains("no token is good any more"), "{revoked:?}");
    assert_eq!(revoked.json()["signingKeysRevoked"], before.len());
    let left = keys();
    assert!(
        left.len() == 1 && !before.contains(&left[0]),
        "{left:?} {before:?}"
    );
}

#[test]
fn a_copy_of_a_sign_in_is_worth_nothing_after_its_owner_signed_out() {
    let server = Server::start();
    northwind(&server);
    let anna = Somebody::at(&server).signed_in_as(ANNA);
    let thief = Somebody::at(&server);
    fs::create_dir_all(thief.file_of_sign_ins().parent().unwrap()).unwrap();
    fs::copy(anna.file_of_sign_ins(), thief.file_of_sign_ins()).unwrap();
    thief.run("whoami", &[]).done();
    let signed_out = anna.run("logout --output json", &[]);
    assert!(!signed_out.notes.contains("could not be told"), "{signed_out:?}");
    signed_out.done();
    assert_failed(&thief.run("whoami", &[]), &["401", "meterbridge login"]);
    age(&thief);
    assert_failed(&thief.run("whoami", &[]), &["is over"]);
}

#[test]
fn somebody_signs_out_where_they_are_even_if_the_server_is_gone_and_is_told_so() {
    let server = Server::start();
    northwind(&server);
    let anna = Somebody::at(&server).signed_in_as(ANNA);
    let file = anna.file_of_sign_ins();
    let kept = fs::read_to_string(&file).unwrap();
    // Nothing answers there.
    fs::write(&file, kept.replace(&server.url, "https://localhost:1")).unwrap();
    let signed_out = anna.run("logout", &["--all"]);
    assert!(
        signed_out.notes.contains("https://localhost:1 could not be told"),
        "{signed_out:?}"
    );
    signed_out.done();
    assert!(!fs::read_to_string(&file).unwrap().contains("Token"));
}

#[test]
fn operators_credentials_are_made_used_and_revoked_one_by_one() {
    let server = Server::start();
    let made = server.run("operator-credential create", &["Night shift"]);
    assert!(made.notes.contains("It is shown this once"), "{made:?}");
    let night = made.done();
    let as_night = |command: &str| {
        let mut process = server.command(command, &[]);
        run(process.env("METERBRIDGE_CREDENTIAL", night.trim()))
    };
    assert_eq!(as_night("whoami --output json").json()["name"], "Night shift");
    let listed = server.json("operator-credential list", &[]);
    let of_night = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "Night shift");
    let of_night = of_night.unwrap();
    assert!(of_night["lastUsed"].is_string(), "{listed}");
    let shown = server.run("operator-credential list", &[]).done();
    assert!(shown.contains("LAST USED") && !shown.contains("mbo_"), "{shown}");
    server.run("operator-credential revoke", &[&id(of_night)]).done();
    assert_failed(&as_night("whoami"), &["401"]);
    server.run("whoami", &[]).done();
}

#[test]
fn a_server_is_told_whom_it_trusts_and_for_how_long() {
    let issuers = r#"[{"issuer": "https://login.example", "audiences": ["api://bills"],
        "tenantIds": ["d0000000-0000-4000-8000-0000000000ee"]}]"#;
    let server = Server::start_with(|data, serve| {
        let file = data.join("issuers.json");
        fs::write(&file, issuers).unwrap();
        serve
            .args(["--access-token-lifetime", "5m", "--refresh-token-lifetime", "1h"])
            .args([
                "--audience",
                "https://management.azure.com/",
                "--external-issuers",
            ])
            .arg(file);
    });
    northwind(&server);
    let anna = Somebody::at(&server).signed_in_as(ANNA);
    let token = || {
        let kept: serde_json::Value =
            serde_json::from_slice(&fs::read(anna.file_of_sign_ins()).unwrap()).unwrap();
        kept["signIns"][&server.url]["accessToken"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    // Five minutes are less than what is left when a token is renewed.
    let before = token();
    anna.run("whoami", &[]).done();
    assert_ne!(token(), before);
}

#[test]
fn a_server_does_not_start_with_settings_that_trust_nobody_or_everybody() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    run(meterbridge().args(["init", "--data"]).arg(&data)).done();
    let serve = |more: &[&str]| {
        run(meterbridge()
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(more)
            .arg("--data")
            .arg(&data))
    };
    let file = directory.path().join("issuers.json");
    for (content, expected) in [
        ("{}", "list of issuers cannot be read"),
        (
            r#"[{"issuer": "http://login.example", "audiences": ["a"], "tenantIds": []}]"#,
            "does not begin with https://",
        ),
        (
            r#"[{"issuer": "https://login.example", "audiences": [], "tenantIds": []}]"#,
            "no audience",
        ),
        (
            r#"[{"issuer": "https://login.example", "audiences": ["a"], "tenantIds": []}]"#,
            "no directory that it may speak for",
        ),
    ] {
        fs::write(&file, content).unwrap();
        let outcome = serve(&["--external-issuers", file.to_str().unwrap()]);
        assert_failed(
            &outcome,
            &[expected, "issuers.json cannot be used", "hint: Expected a list"],
        );
    }
    for (option, value) in [
        ("--access-token-lifetime", "25h"),
        ("--refresh-token-lifetime", "1"),
    ] {
        let outcome = serve(&[option, value]);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
    }
}
