//! Inside `domain` a module uses only those before it. The order is the one its own documentation gives.

use crate::repository::{File, assert_none, files, line_of, word_positions};

const LIB: &str = "crates/domain/src/lib.rs";

/// The order as the documentation lists it: the names in backticks after "in this order:".
fn documented_order(lib: &str) -> Vec<&str> {
    let docs = lib
        .split_once("in this order:")
        .expect("the documentation of domain gives an order")
        .1;
    let list = docs.split("#![").next().unwrap_or(docs);
    list.split('`').skip(1).step_by(2).collect()
}

fn declared_modules(code: &str) -> Vec<&str> {
    code.lines()
        .filter_map(|line| line.trim().strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect()
}

/// The top-level modules that code names as `crate::…`, with the positions where it does.
fn used_modules(code: &str) -> Vec<(usize, &str)> {
    let identifier = |at: usize| {
        let rest = &code[at..];
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        (at, &rest[..end])
    };
    let mut used = Vec::new();
    for at in word_positions(code, "crate") {
        let Some(path) = code[at + "crate".len()..].strip_prefix("::") else {
            continue;
        };
        let path_at = code.len() - path.len();
        if !path.starts_with('{') {
            used.push(identifier(path_at));
            continue;
        }
        let mut depth = 0usize;
        for (offset, byte) in path.bytes().enumerate() {
            match byte {
                b'{' => depth += 1,
                b'}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if depth == 1 && matches!(byte, b'{' | b',') {
                let item = path[offset + 1..].trim_start();
                used.push(identifier(code.len() - item.len()));
            }
        }
    }
    used.retain(|(_, name)| !name.is_empty());
    used
}

fn check(files: &[File]) -> Vec<String> {
    let Some(lib) = files.iter().find(|file| file.path == LIB) else {
        return vec![format!("{LIB} is not there")];
    };
    let order = documented_order(&lib.text);
    let rank = |module: &str| order.iter().position(|listed| *listed == module);
    let code = lib.code();
    let declared = declared_modules(&code);
    let mut findings = Vec::new();
    for module in declared.iter().filter(|module| rank(module).is_none()) {
        findings.push(format!(
            "{LIB}: module `{module}` has no place in the documented order"
        ));
    }
    for module in order.iter().filter(|module| !declared.contains(module)) {
        findings.push(format!(
            "{LIB}: the documented order names `{module}`, which is not there"
        ));
    }
    for file in files {
        let Some(path) = file.path.strip_prefix("crates/domain/src/") else {
            continue;
        };
        let module = path.split('/').next().unwrap_or(path).trim_end_matches(".rs");
        let Some(own_rank) = rank(module) else { continue };
        let code = file.shipped_code();
        for (at, used) in used_modules(&code) {
            if rank(used).is_some_and(|used_rank| used_rank > own_rank) {
                let line = line_of(&code, at);
                findings.push(format!(
                    "{}:{line}: `{module}` comes before `{used}` and may not use it",
                    file.path
                ));
            }
        }
    }
    findings
}

#[test]
fn modules_of_domain_use_only_those_before_them() {
    assert_none(&check(files()));
}

#[test]
fn a_use_against_the_order_is_found() {
    let lib = "//! x, in this order:\n//!\n//! `ids`, `money` -> `usage` -> `gone`.\n#![warn(x)]\npub mod ids;\n\
               pub mod money;\npub mod usage;\npub mod stray;\n";
    let findings = check(&[
        File::new(LIB, lib),
        File::new(
            "crates/domain/src/money.rs",
            "//! [`crate::usage`]\nuse crate::{\n  ids::{A, usage}, usage::B,\n};\n",
        ),
        File::new(
            "crates/domain/src/usage/mod.rs",
            "use crate::money::C;\n#[cfg(test)]\nmod t { use crate::gone::D; }\n",
        ),
        File::new(
            "crates/domain/src/ids.rs",
            "fn f() -> crate::money::Money { todo() }\n",
        ),
    ]);
    assert_eq!(
        findings,
        [
            "crates/domain/src/lib.rs: module `stray` has no place in the documented order",
            "crates/domain/src/lib.rs: the documented order names `gone`, which is not there",
            "crates/domain/src/money.rs:3: `money` comes before `usage` and may not use it",
            "crates/domain/src/ids.rs:1: `ids` comes before `money` and may not use it",
        ]
    );
}
