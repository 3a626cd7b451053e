//! What is missing of a simulated month, from the outside.

use std::fs;
use std::num::NonZeroU16;

use domain::time::{Hour, HourInterval, Period};
use serde_json::Value;
use simulator::{Faults, Stack, StackSpec, TenantSpec};
use tempfile::TempDir;

use crate::real_usage::{STACK, server_of_one_stack};
use crate::server::Server;

fn hour(text: &str) -> Hour {
    text.parse().unwrap()
}

fn simulated() -> Stack {
    let tenant = |id: &str| TenantSpec {
        id: id.parse().unwrap(),
        domain: "contoso.onmicrosoft.com".to_owned(),
        local_subscriptions: 2,
    };
    let spec = StackSpec {
        seed: 20_261_001,
        cloud_id: STACK.parse().unwrap(),
        region: "north".to_owned(),
        month: "2026-10".parse().unwrap(),
        tenants: vec![
            tenant("b1e0c1b8-5a3f-4e52-8a44-0d7f8b3f5e21"),
            tenant("9e3c1d5a-2f64-4b6e-8d07-3a1b5c7d9e0f"),
        ],
        records_min: 12_000,
        hours_apart: NonZeroU16::MIN,
        faults: Faults::none(),
    };
    Stack::new(spec).unwrap()
}

/// Imports what the stack reported in a window.
fn import(server: &Server, stack: &Stack, window: HourInterval, options: &[&str]) {
    let folder = TempDir::new().unwrap();
    let pages = stack
        .reported_pages(window, 10_000)
        .enumerate()
        .map(|(number, page)| {
            let path = folder.path().join(format!("{number}.json"));
            fs::write(&path, page.body).unwrap();
            path.to_str().unwrap().to_owned()
        });
    let pages: Vec<String> = pages.collect();
    let words = ["--cloud-id", STACK].iter().chain(options).copied();
    let words: Vec<&str> = words.chain(pages.iter().map(String::as_str)).collect();
    server.run("usage import", &words).done();
}

/// Code, first hour, and first hour after, of each finding.
fn found(month: &Value) -> Vec<[&str; 3]> {
    let findings = month["findings"].as_array().unwrap();
    let told = findings.iter();
    told.map(|it| ["code", "since", "until"].map(|member| it[member].as_str().unwrap()))
        .collect()
}

#[test]
fn a_window_lost_of_a_simulated_month_shows_as_exactly_that_gap_and_is_gone_when_it_is_imported() {
    let (server, _) = server_of_one_stack("2026-10-01T00:00:00Z");
    let stack = simulated();
    let month: Period = "2026-10".parse().unwrap();
    let end = month.interval().end().plus(48);
    // What is reported in these hours was used in the hours before each.
    let lost = HourInterval::new(hour("2026-10-20T07:00:00Z"), hour("2026-10-20T13:00:00Z")).unwrap();
    let before = HourInterval::new(month.interval().start(), lost.start()).unwrap();
    import(&server, &stack, before, &[]);
    let through = end.to_string();
    import(
        &server,
        &stack,
        HourInterval::new(lost.end(), end).unwrap(),
        &["--reported-through", &through],
    );

    let of_month = ["--period", "2026-10", STACK];
    let told = server.json("stack completeness", &of_month);
    assert_eq!(
        found(&told),
        [["Gap", "2026-10-20T06:00:00Z", "2026-10-20T12:00:00Z"]]
    );
    assert_eq!(
        (&told["hourCounts"]["gap"], &told["hourCounts"]["complete"]),
        (&6.into(), &738.into())
    );
    let listed = server.json("stack completeness --period 2026-10", &[]);
    assert_eq!(listed[0]["findings"], told["findings"]);
    let checked = server.run("stack completeness --check", &of_month);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    for said in [
        "2026-10-20  ######!!!!!!############",
        "2026-10-19  ########################",
        "\nGap\n",
    ] {
        assert!(checked.data.contains(said), "{said}\n{}", checked.data);
    }
    assert!(
        checked.notes.contains("Usage is missing of 1 stack in 2026-10."),
        "{}",
        checked.notes
    );

    import(&server, &stack, lost, &[]);
    let told = server.json("stack completeness --check", &of_month);
    assert_eq!(found(&told), [[""; 3]; 0]);
    assert_eq!(told["complete"], true);
    assert_eq!(told["hourCounts"]["complete"], 744);
    let checked = server.run("stack completeness --check", &of_month);
    for said in [
        "No usage of 2026-10 is missing",
        "Other months were not looked at",
    ] {
        assert!(checked.notes.contains(said), "{said}\n{}", checked.notes);
    }
    checked.done();
}
