//! Which crate may depend on which, and which crate is the one home of a library.

use crate::repository::{File, assert_none, files};

/// The arrows of the house. A crate that is not listed may not exist; an arrow that is not listed may not be drawn.
const ARROWS: [(&str, &[&str]); 13] = [
    ("domain", &[]),
    ("wire", &["domain"]),
    ("store", &["domain"]),
    ("paper", &["domain"]),
    ("app", &["domain", "paper", "store"]),
    ("server", &["app", "domain", "paper", "store", "wire"]),
    ("client", &["wire"]),
    ("bridge", &["client", "domain", "wire"]),
    ("simulator", &["domain", "wire"]),
    (
        "cli",
        &["bridge", "client", "domain", "server", "simulator", "wire"],
    ),
    // Tools for developers, outside of the house: nothing may depend on them.
    (
        "bench",
        &[
            "app",
            "client",
            "domain",
            "private-postgres",
            "server",
            "simulator",
            "store",
            "wire",
        ],
    ),
    ("private-postgres", &[]),
    ("xtask", &[]),
];

/// Further arrows for tests only.
const ARROWS_OF_TESTS: [(&str, &[&str]); 5] = [
    ("store", &["private-postgres"]),
    ("app", &["private-postgres"]),
    ("server", &["private-postgres"]),
    ("cli", &["private-postgres"]),
    ("xtask", &["private-postgres"]),
];

/// All that `domain` may know of the world outside: numbers, calendars, ids, and a way to write errors.
const LIBRARIES_OF_DOMAIN: [&str; 6] = [
    "jiff",
    "num-bigint",
    "num-rational",
    "num-traits",
    "thiserror",
    "uuid",
];

/// The crates that read and write JSON.
const SPEAKING_JSON: &[&str] = &[
    "wire",
    "store",
    "server",
    "client",
    "bridge",
    "simulator",
    "cli",
    "bench",
];

/// Libraries that stand for one concern, and the crates where that concern is at home.
const HOMES: [(&str, &[&str]); 26] = [
    // What is remembered: only `store` knows SQL; the benchmark measures against a peer.
    ("rusqlite", &["store"]),
    ("tokio-postgres", &["store", "bench"]),
    ("tokio-rustls", &["store"]),
    ("rustls-native-certs", &["store"]),
    // The door, and the simulated stack's own.
    ("axum", &["server", "simulator"]),
    ("axum-server", &["server", "simulator"]),
    ("tower-http", &["server"]),
    ("governor", &["server"]),
    ("prometheus-client", &["server"]),
    // Secrets and certificates.
    ("argon2", &["app"]),
    ("aws-lc-rs", &["server", "client", "bridge"]),
    ("jsonwebtoken", &["server", "client", "simulator"]),
    ("rcgen", &["server", "simulator"]),
    ("x509-parser", &["server"]),
    ("getrandom", &["cli"]),
    // The other side of the door; the server asks issuers of tokens elsewhere for their keys, the bridge stacks.
    ("reqwest", &["client", "server", "bridge"]),
    // What is said. `store` writes the entries of the journal as JSON of its own.
    ("serde", SPEAKING_JSON),
    ("serde_json", SPEAKING_JSON),
    ("utoipa", &["wire", "server"]),
    // What a script of the stack writes.
    ("csv-core", &["cli"]),
    // What is put on paper.
    ("krilla", &["paper"]),
    ("skrifa", &["paper"]),
    // What is printed.
    ("clap", &["cli"]),
    ("comfy-table", &["cli"]),
    ("indicatif", &["cli"]),
    ("tracing-subscriber", &["cli"]),
];

/// One line of a manifest's dependencies.
struct Dependency {
    name: String,
    for_tests: bool,
}

fn dependencies(manifest: &str) -> Vec<Dependency> {
    let manifest: toml::Table = manifest.parse().unwrap();
    let mut found = Vec::new();
    let mut tables = vec![&manifest];
    if let Some(targets) = manifest.get("target").and_then(toml::Value::as_table) {
        tables.extend(targets.values().filter_map(toml::Value::as_table));
    }
    for table in tables {
        for (section, for_tests) in [
            ("dependencies", false),
            ("build-dependencies", false),
            ("dev-dependencies", true),
        ] {
            let listed = table.get(section).and_then(toml::Value::as_table);
            for (key, value) in listed.into_iter().flatten() {
                let renamed = value.get("package").and_then(toml::Value::as_str);
                found.push(Dependency {
                    name: renamed.unwrap_or(key).to_owned(),
                    for_tests,
                });
            }
        }
    }
    found
}

fn listed<'a>(list: &[(&str, &'a [&'a str])], name: &str) -> Option<&'a [&'a str]> {
    list.iter()
        .find(|(listed, _)| *listed == name)
        .map(|(_, allowed)| *allowed)
}

fn check(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with("/Cargo.toml")) {
        let Some(name) = file.crate_name() else { continue };
        let Some(allowed) = listed(&ARROWS, name) else {
            findings.push(format!(
                "{}: the house has no room `{name}`: add it to ARROWS first",
                file.path
            ));
            continue;
        };
        let allowed_in_tests = listed(&ARROWS_OF_TESTS, name).unwrap_or_default();
        for dependency in dependencies(&file.text) {
            let Dependency { name: to, for_tests } = dependency;
            if listed(&ARROWS, &to).is_some() {
                let drawn =
                    allowed.contains(&to.as_str()) || (for_tests && allowed_in_tests.contains(&to.as_str()));
                if !drawn {
                    findings.push(format!("{}: no arrow may go from `{name}` to `{to}`", file.path));
                }
                continue;
            }
            if name == "domain" && !for_tests && !LIBRARIES_OF_DOMAIN.contains(&to.as_str()) {
                findings.push(format!("{}: `domain` may not know `{to}`", file.path));
            }
            if let Some(homes) = listed(&HOMES, &to)
                && !for_tests
                && !homes.contains(&name)
            {
                findings.push(format!("{}: `{to}` is at home in {homes:?} only", file.path));
            }
        }
    }
    findings
}

#[test]
fn crates_depend_on_each_other_as_the_house_is_drawn() {
    assert_none(&check(files()));
}

#[test]
fn every_room_that_is_drawn_exists() {
    for (name, _) in ARROWS {
        let manifest = if name == "xtask" {
            "xtask/Cargo.toml".into()
        } else {
            format!("crates/{name}/Cargo.toml")
        };
        assert!(
            files().iter().any(|file| file.path == manifest),
            "{manifest} is not there"
        );
    }
}

#[test]
fn an_arrow_against_the_drawing_is_found() {
    let manifest = |path: &str, text: &str| File::new(path, text);
    let findings = check(&[
        manifest(
            "crates/store/Cargo.toml",
            "[dependencies]\napp.workspace = true\nrusqlite = \"1\"",
        ),
        manifest(
            "crates/domain/Cargo.toml",
            "[dependencies]\nserde = \"1\"\n[dev-dependencies]\nproptest = \"1\"",
        ),
        manifest(
            "crates/wire/Cargo.toml",
            "[target.'cfg(unix)'.dependencies]\nbooks = { package = \"store\" }",
        ),
        manifest(
            "crates/app/Cargo.toml",
            "[dev-dependencies]\ncli.workspace = true\naxum = \"1\"",
        ),
        manifest("crates/attic/Cargo.toml", ""),
    ]);
    assert_eq!(
        findings,
        [
            "crates/store/Cargo.toml: no arrow may go from `store` to `app`",
            "crates/domain/Cargo.toml: `domain` may not know `serde`",
            "crates/domain/Cargo.toml: `serde` is at home in [\"wire\", \"store\", \"server\", \"client\", \
             \"bridge\", \"simulator\", \"cli\", \"bench\"] only",
            "crates/wire/Cargo.toml: no arrow may go from `wire` to `store`",
            "crates/app/Cargo.toml: no arrow may go from `app` to `cli`",
            "crates/attic/Cargo.toml: the house has no room `attic`: add it to ARROWS first",
        ]
    );
}
