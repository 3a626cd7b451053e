//! The units in `packaging/systemd`: what they start is understood, and finds what it names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{meterbridge, run};

const INSTALLED: &str = "/usr/local/bin/meterbridge";

fn packaged(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../packaging/systemd")
        .join(name)
}

fn unit(name: &str) -> String {
    fs::read_to_string(packaged(name)).unwrap()
}

fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(name, _)| *name == key)
        .map(|(_, value)| value)
        .collect()
}

/// What the unit starts, with these directories of credentials and of state.
fn started(unit: &str, credentials: &Path, state: &Path) -> Vec<String> {
    let [start] = values(unit, "ExecStart")[..] else {
        panic!("a unit starts one thing: {unit}");
    };
    let mut words = start.split(' ').map(|word| {
        word.replace("%d", credentials.to_str().unwrap())
            .replace("%S", state.to_str().unwrap())
    });
    assert_eq!(words.next().as_deref(), Some(INSTALLED));
    words.collect()
}

#[test]
fn the_unit_of_the_bridge_starts_a_bridge_that_finds_every_file_it_is_told_of() {
    let unit = unit("meterbridge-bridge.service");
    let directory = tempfile::tempdir().unwrap();
    let mut handed: BTreeSet<String> = BTreeSet::new();
    for credential in values(&unit, "LoadCredential") {
        let (name, from) = credential.split_once(':').unwrap();
        assert_eq!(
            from,
            format!("/etc/meterbridge-bridge/{name}"),
            "beside its configuration"
        );
        handed.insert(name.to_owned());
    }
    let configuration = fs::read_to_string(packaged("bridge.toml")).unwrap();
    let named = configuration
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .filter(|(key, _)| *key == "ca" || key.ends_with("-file"))
        .map(|(_, file)| file.trim_matches('"').to_owned());
    let named: BTreeSet<String> = named.chain(["bridge.toml".to_owned()]).collect();
    assert_eq!(
        handed, named,
        "what the example names is what the unit hands over"
    );

    fs::write(directory.path().join("bridge.toml"), configuration).unwrap();
    let state = directory.path().join("state");
    let arguments = started(&unit, directory.path(), &state);
    let kept = state.join(values(&unit, "StateDirectory")[0]);
    assert!(arguments.contains(&kept.display().to_string()), "{arguments:?}");
    // The same words, tried out: the command line and the file are understood, and the first file is missed that is not
    // there.
    let tried = arguments
        .iter()
        .map(|word| if word == "run" { "check" } else { word });
    let outcome = run(meterbridge().args(tried));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    for (said, expected) in [
        (&outcome.notes, "A bridge would not take all usage of north"),
        (&outcome.data, "FileUnreadable"),
        (&outcome.data, "stack.key cannot be read"),
    ] {
        assert!(said.contains(expected), "{expected}: {outcome:?}");
    }
}

#[test]
fn the_unit_of_the_server_starts_a_server() {
    let unit = unit("meterbridge.service");
    let state = tempfile::tempdir().unwrap();
    let arguments = started(&unit, Path::new(""), state.path());
    let data = state.path().join(values(&unit, "StateDirectory")[0]);
    assert!(arguments.contains(&data.display().to_string()), "{arguments:?}");
    // It is understood; what is missing is a data directory that was made.
    let outcome = run(meterbridge().args(&arguments));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.notes.contains("meterbridge init"), "{outcome:?}");
}

#[test]
fn what_meterbridge_toml_says_would_have_been_overruled_by_the_unit_of_the_server() {
    let unit = unit("meterbridge.service");
    let [start] = values(&unit, "ExecStart")[..] else {
        panic!("a unit starts one thing: {unit}");
    };
    assert!(!start.contains("--listen"), "{start}");
    for (key, value) in [
        ("AmbientCapabilities", "CAP_NET_BIND_SERVICE"),
        ("CapabilityBoundingSet", "CAP_NET_BIND_SERVICE"),
    ] {
        assert_eq!(values(&unit, key), [value], "port 443");
    }
    assert_eq!(values(&unit, "PrivateUsers"), [""; 0], "port 443");
    let credential = unit.lines().find(|line| line.contains("> operator.credential"));
    assert!(credential.unwrap().contains("(umask 077; "), "{credential:?}");
}

#[test]
fn what_the_unit_of_the_server_says_to_type_would_have_emptied_files_that_are_there() {
    let unit = unit("meterbridge.service");
    let typed = |file: &str| {
        unit.lines()
            .find(|line| line.ends_with(file) || line.ends_with(&format!("{file})")))
            .unwrap()
    };
    // What `init` wrote into it, such as the URL of the store.
    assert!(
        typed("/var/lib/meterbridge/meterbridge.toml").contains(" >> "),
        "{unit}"
    );
    assert!(typed("operator.credential").contains("set -C; "), "{unit}");
    assert!(
        unit.contains("# Upgrading: an earlier unit said --listen 0.0.0.0:8443"),
        "{unit}"
    );
}

#[test]
fn a_machine_that_does_not_know_the_time_yet_would_have_begun_to_read_and_to_sign() {
    for name in ["meterbridge-bridge.service", "meterbridge.service"] {
        let unit = unit(name);
        let after: Vec<_> = values(&unit, "After")
            .join(" ")
            .split(' ')
            .map(str::to_owned)
            .collect();
        assert!(
            after.contains(&"time-sync.target".to_owned()),
            "{name}: {after:?}"
        );
    }
}

/// The first systemd that knows `%d`, where a service finds its credentials, and that can be asked about a unit alone.
const SYSTEMD_MIN: u32 = 250;

/// The version of the systemd here, if there is one.
fn systemd() -> Option<u32> {
    let said = Command::new("systemd-analyze").arg("--version").output().ok()?;
    let said = String::from_utf8_lossy(&said.stdout);
    // `systemd 252 (252.38-1~deb12u1)`, `systemd 257~rc1 (…)`
    let version = said.split_whitespace().nth(1)?;
    version
        .split(|it: char| !it.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[test]
fn systemd_has_nothing_to_say_about_the_units() {
    let found = systemd();
    if found.is_none_or(|version| version < SYSTEMD_MIN) {
        eprintln!(
            "NOT TESTED: systemd {SYSTEMD_MIN} or newer is not on this machine (found: {found:?}), so nobody looked at \
             the units"
        );
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for name in ["meterbridge-bridge.service", "meterbridge.service"] {
        let path = directory.path().join(name);
        // It looks whether the program is there.
        let here = unit(name).replace(INSTALLED, env!("CARGO_BIN_EXE_meterbridge"));
        assert_eq!(verified(&path, &here), [""; 0], "{name}");
        let misspelt = here.replace("ProtectHome=yes", "ProtectHouse=yes");
        let said = verified(&path, &misspelt);
        assert!(said.iter().any(|line| line.contains("ProtectHouse")), "{said:?}");
    }
}

/// What systemd says about a unit with this text.
fn verified(path: &Path, text: &str) -> Vec<String> {
    fs::write(path, text).unwrap();
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--recursive-errors=no", "--man=no"])
        .arg(path)
        .output()
        .unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    said.lines()
        .filter(|line| line.contains(name))
        .map(ToOwned::to_owned)
        .collect()
}
