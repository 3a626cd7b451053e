//! `deny.toml`, held to on every run: its licences, bans and sources. (Duplicates and advisories take `cargo deny`.)

use std::process::Command;

use crate::repository::{assert_none, root};

/// What `deny.toml` says, as far as it is checked here.
struct Policy {
    licences: Vec<String>,
    banned: Vec<String>,
    registries: Vec<String>,
}

impl Policy {
    fn parse(text: &str) -> Self {
        let table: toml::Table = text.parse().unwrap();
        let texts = |value: &toml::Value| -> Vec<String> {
            let items = value.as_array().unwrap().iter();
            items
                .map(|item| item.get("crate").unwrap_or(item).as_str().unwrap().to_owned())
                .collect()
        };
        Self {
            licences: texts(&table["licenses"]["allow"]),
            banned: texts(&table["bans"]["deny"]),
            registries: texts(&table["sources"]["allow-registry"]),
        }
    }

    /// Takes lines of `name version<TAB>licence`.
    fn check_tree(&self, tree: &str) -> Vec<String> {
        let mut findings = Vec::new();
        for line in tree.lines().filter(|line| !line.is_empty()) {
            let (package, licence) = line.split_once('\t').expect("a package and its licence");
            let licence = licence.trim_end_matches(" (*)");
            let name = package.split(' ').next().unwrap_or(package);
            if self.banned.iter().any(|banned| banned == name) {
                findings.push(format!("{package}: banned by deny.toml"));
            }
            if !self.permits(licence) {
                findings.push(format!(
                    "{package}: the licence \"{licence}\" is not allowed by deny.toml"
                ));
            }
        }
        findings.sort_unstable();
        findings.dedup();
        findings
    }

    fn check_lock(&self, lock: &str) -> Vec<String> {
        let lock: toml::Table = lock.parse().unwrap();
        let mut findings = Vec::new();
        for package in lock["package"].as_array().unwrap() {
            // A package without a source is one of our own.
            let Some(source) = package.get("source").and_then(toml::Value::as_str) else {
                continue;
            };
            let known = source
                .strip_prefix("registry+")
                .is_some_and(|it| self.registries.iter().any(|r| r == it));
            if !known {
                findings.push(format!(
                    "{}: comes from {source}",
                    package["name"].as_str().unwrap()
                ));
            }
        }
        findings
    }

    /// Whether a licence expression can be satisfied with allowed licences alone.
    fn permits(&self, expression: &str) -> bool {
        let spaced = expression
            .replace('(', " ( ")
            .replace(')', " ) ")
            .replace('/', " OR ");
        let tokens: Vec<&str> = spaced.split_whitespace().collect();
        let mut rest = tokens.as_slice();
        self.any_of(&mut rest) && rest.is_empty()
    }

    fn any_of(&self, rest: &mut &[&str]) -> bool {
        let mut permitted = self.all_of(rest);
        while let ["OR", after @ ..] = *rest {
            *rest = after;
            permitted |= self.all_of(rest);
        }
        permitted
    }

    fn all_of(&self, rest: &mut &[&str]) -> bool {
        let mut permitted = self.one(rest);
        while let ["AND", after @ ..] = *rest {
            *rest = after;
            permitted &= self.one(rest);
        }
        permitted
    }

    fn one(&self, rest: &mut &[&str]) -> bool {
        match *rest {
            ["(", inside @ ..] => {
                *rest = inside;
                let permitted = self.any_of(rest);
                let [")", after @ ..] = *rest else { return false };
                *rest = after;
                permitted
            }
            [licence, "WITH", exception, after @ ..] => {
                *rest = after;
                self.licences.contains(&format!("{licence} WITH {exception}"))
            }
            [licence, after @ ..] => {
                *rest = after;
                self.licences.iter().any(|allowed| allowed == licence)
            }
            [] => false,
        }
    }
}

fn policy() -> Policy {
    Policy::parse(&std::fs::read_to_string(root().join("deny.toml")).unwrap())
}

#[test]
fn everything_we_depend_on_is_licensed_and_not_banned() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "tree",
        "--workspace",
        "--locked",
        "--prefix",
        "none",
        "--format",
        "{p}\t{l}",
    ]);
    let tree = cargo.current_dir(root()).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(
        tree.lines().count() > 20,
        "cargo tree lists no dependencies:\n{tree}"
    );
    assert_none(&policy().check_tree(&tree));
}

#[test]
fn everything_we_depend_on_comes_from_the_public_registry() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    assert_none(&policy().check_lock(&lock));
}

const STRICT: &str = "[licenses]\nallow = [\"MIT\", \"Apache-2.0\"]\n[bans]\ndeny = [{ crate = \"ring\" }]\n\
                      [sources]\nallow-registry = [\"https://r.example/index\"]";

#[test]
fn a_licence_is_permitted_if_it_can_be_satisfied() {
    let policy = Policy::parse(STRICT);
    for (expression, permitted) in [
        ("MIT", true),
        ("MIT/GPL-3.0", true),
        ("GPL-3.0", false),
        ("MIT AND GPL-3.0", false),
        ("MIT AND (GPL-3.0 OR Apache-2.0)", true),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", false),
        ("GPL-2.0 WITH Classpath-exception-2.0", false),
        ("Apache-2.0 WITH LLVM-exception OR MIT", true),
        ("", false),
        ("(MIT", false),
        ("MIT)", false),
    ] {
        assert_eq!(policy.permits(expression), permitted, "{expression}");
    }
}

#[test]
fn a_banned_unlicensed_or_foreign_dependency_is_found() {
    let policy = Policy::parse(STRICT);
    let tree = "a v1.0.0\tMIT\n\nring v0.17.0\tApache-2.0 (*)\nb v2.0.0\t\nb v2.0.0\t (*)\n";
    assert_eq!(
        policy.check_tree(tree),
        [
            "b v2.0.0: the licence \"\" is not allowed by deny.toml",
            "ring v0.17.0: banned by deny.toml"
        ]
    );
    let lock = "[[package]]\nname = \"ours\"\n[[package]]\nname = \"c\"\nsource = \"git+https://x.example/c\"\n\
                [[package]]\nname = \"d\"\nsource = \"registry+https://r.example/index\"";
    assert_eq!(policy.check_lock(lock), ["c: comes from git+https://x.example/c"]);
}
