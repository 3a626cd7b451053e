//! Whatever breaks: a month of usage on its way from a stack to the server, through everything that can go wrong at once.
//!
//! Real processes of the binary, server and bridge, are killed (SIGKILL) again and again while the clocks move through a
//! simulated month. The stack's service has faults ([`simulator::ServiceFault`]), the network has faults
//! ([`network::NetworkFault`]), and the machines have: clocks that are off by minutes, disks that are full for a while, syncs
//! that fail and lose what was written ([`machine`]). On PostgreSQL, that is killed too. A few times the store is gone, and the
//! server goes on from a backup that does not have what it acknowledged last ([`restores`]). Of the stack's two tenants one is
//! mapped to a customer, at prices that change ([`furnishing`]). When all that the stack ever reports has been acknowledged
//! under these faults, and each kind of them did something to each process that it can do something to, they end; then the
//! server has to have exactly what the stack truly used, and to charge for exactly that ([`laws`]).
//!
//! Everything is drawn from a seed, which is printed. It repeats what is drawn, though not how processes run beside each
//! other. In the environment, for runs by hand:
//! - `METERBRIDGE_FAULTS_SEED`: the seed of an earlier run.
//! - `METERBRIDGE_FAULTS_KILLS`: how often something is killed, instead of [`KILLS`] times.
//! - `METERBRIDGE_FAULTS_RECORDS`: how many records the month has at least.
//!
//! `METERBRIDGE_FAULTS_KILLS=3000 cargo test -p cli --test it -- --nocapture faults::` takes about a quarter of an hour.

mod chance;
mod furnishing;
mod house;
mod laws;
mod machine;
mod network;
mod platform;
mod process;
mod restores;
mod run;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::Write as _;
use std::num::NonZeroU16;

use private_postgres::{PrivatePostgres, SETTINGS, there};
use simulator::{Faults, Stack, StackSpec, TenantSpec};

use self::furnishing::{GUEST_TENANT, HOME_TENANT, everybody_pays};
use self::house::House;
use self::run::Run;

/// How often something is killed.
const KILLS: u64 = 300;
/// How many records the month has at least.
const RECORDS: u64 = 2_500;
/// Of a thousand requests, how many meet a fault of the network, and how many one of the stack's service.
const REQUEST_FAULTS_PER_MILLE: u16 = 30;
/// Of a server whose store is in PostgreSQL.
const DATABASE: &str = "faults";

#[test]
fn no_record_is_lost_and_none_counted_twice_whatever_breaks() {
    survive(None);
}

#[test]
fn no_record_is_lost_and_none_counted_twice_whatever_breaks_on_postgresql() {
    let Some(postgres) = there(PrivatePostgres::start(&SETTINGS)) else {
        return;
    };
    let create = format!("CREATE DATABASE {DATABASE}");
    postgres.execute("postgres", &create).unwrap();
    survive(Some(&postgres));
}

fn survive(postgres: Option<&PrivatePostgres>) {
    let seed =
        asked("METERBRIDGE_FAULTS_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish() >> 1);
    let kills = asked("METERBRIDGE_FAULTS_KILLS").unwrap_or(KILLS);
    say(&format!(
        "fault suite: METERBRIDGE_FAULTS_SEED={seed}, {kills} kills"
    ));
    let store = postgres.map(|it| it.url(DATABASE));
    let house = House::build(stack(seed), store.as_deref(), seed, REQUEST_FAULTS_PER_MILLE);
    let mut run = Run::new(house, postgres, seed);
    run.live_through_the_month(kills);
    let survived = run.settle();
    assert_eq!(survived.not_met(), [""; 0], "was never met");
    say(&format!("fault suite, seed {seed}: {survived}"));
    laws::hold(&run);
    laws::hold_at_rest(&mut run);
    say(&format!("fault suite, seed {seed}: every law holds"));
}

/// The first stack from a seed on of which everybody who pays has something to pay.
fn stack(seed: u64) -> Stack {
    let mut stacks = (0..).map(|more| stack_of(seed.wrapping_add(more)));
    stacks.find(everybody_pays).unwrap()
}

fn stack_of(seed: u64) -> Stack {
    let tenant = |id: &str, domain: &str, local_subscriptions| TenantSpec {
        id: id.parse().unwrap(),
        domain: domain.to_owned(),
        local_subscriptions,
    };
    Stack::new(StackSpec {
        seed,
        cloud_id: "0c9e0b47-36a7-4c4e-9d6b-2f8a5f6f8a11".parse().unwrap(),
        region: "north".to_owned(),
        month: "2026-10".parse().unwrap(),
        tenants: vec![
            tenant(HOME_TENANT, "contoso.onmicrosoft.com", 2),
            tenant(GUEST_TENANT, "fabrikam.onmicrosoft.com", 1),
        ],
        records_min: asked("METERBRIDGE_FAULTS_RECORDS").unwrap_or(RECORDS),
        hours_apart: NonZeroU16::new(5).unwrap(),
        faults: Faults {
            late_per_mille: 150,
            revised_per_mille: 100,
            lowered_per_mille: 50,
            duplicated_per_mille: 120,
            malformed_per_mille: 10,
            respelled_per_mille: 200,
        },
    })
    .unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is asked of tests is no setting of this project"
)]
fn asked(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text}: expected a number")),
    )
}

/// Tells it whether or not the test succeeds: which seed it was has to be known, and what was survived.
fn say(text: &str) {
    // Not `eprintln!`: the test harness would keep it.
    writeln!(std::io::stderr().lock(), "{text}").unwrap();
}
