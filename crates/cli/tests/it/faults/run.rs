//! The month goes by, and everything is killed again and again.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use domain::time::{Hour, Timestamp};
use jiff::SignedDuration;
use private_postgres::PrivatePostgres;
use serde_json::Value;
use simulator::ServiceFault;

use super::chance::Chance;
use super::house::House;
use super::machine::{MachineFaults, Runs, Weather};
use super::network::{NETWORK_FAULTS, NetworkFault};
use super::restores::{Restored, Restores};

/// How long something lives before it is killed: milliseconds, from and to.
const LIFE: (u64, u64) = (30, 300);
/// Some lives are longer, so that the month goes by.
const LONGER_LIFE: (u64, u64) = (300, 900);
const LONGER_LIFE_PER_MILLE: u64 = 250;
/// How long it lives where all has been killed often enough, and a slow machine has not come to the end of the month.
const LONGEST_LIFE: (u64, u64) = (600, 2000);
/// The longest that it is let live, where nothing moves otherwise.
const LIFE_MAX: Duration = Duration::from_secs(20);
/// After how many lives without any progress they get longer.
const LIVES_WITHOUT_PROGRESS: u32 = 6;
/// In how many of a thousand times it is the database that is killed.
const POSTGRES_PER_MILLE: u64 = 40;
/// How far the stack's clock is off.
const STACK_CLOCK_OFF_MAX: i64 = 9 * 60;
/// How long it may take beyond that until the month has gone by and everything was met; and in the end until everything has
/// arrived.
const PATIENCE: Duration = Duration::from_secs(900);
const LOOKED_AFTER: Duration = Duration::from_millis(50);

/// What was killed. What had given up by itself was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Killed {
    Bridge,
    Server,
    Postgres,
}

pub(super) struct Run<'p> {
    pub(super) house: House,
    postgres: Option<&'p PrivatePostgres>,
    chance: Chance,
    killed: BTreeMap<Killed, u64>,
    clocks_off: u64,
    restores: Restores,
}

/// What was survived.
#[derive(Debug)]
pub(super) struct Survived {
    killed: BTreeMap<Killed, u64>,
    clocks_off: u64,
    restored: Restored,
    machines: [(Runs, MachineFaults); 2],
    network: Vec<(&'static str, BTreeMap<NetworkFault, u64>)>,
    service: BTreeMap<ServiceFault, u64>,
    with_postgres: bool,
    /// How far the server had acknowledged what the stack reported when all of that was over.
    acknowledged_through: Option<Hour>,
}

impl<'p> Run<'p> {
    pub(super) fn new(house: House, postgres: Option<&'p PrivatePostgres>, seed: u64) -> Self {
        Self {
            house,
            postgres,
            chance: Chance::new(seed),
            killed: BTreeMap::new(),
            clocks_off: 0,
            restores: Restores::default(),
        }
    }

    /// When the month begins.
    pub(super) fn start(&self) -> Timestamp {
        self.house.stack.month().start().start()
    }

    /// After everything that is ever reported.
    pub(super) fn end(&self) -> Timestamp {
        self.house.stack.reported_interval().end().plus(3).start()
    }

    /// Kills something so many times, while the clocks go from the beginning of the month to when all has been reported; and
    /// then on until the server has acknowledged all of that and every kind of fault was met, which a slow machine takes
    /// longer for. So the whole month goes by under faults, and nothing of it is left for quiet times but what was
    /// written to the spool again by looking back.
    pub(super) fn live_through_the_month(&mut self, kills: u64) {
        let all = self.end().duration_since(self.start()).as_secs();
        self.restores = Restores::planned(kills, &self.chance);
        let (mut cursor, mut without_progress) = (Vec::new(), 0_u32);
        let (mut number, mut beyond) = (0, None);
        loop {
            if number >= kills {
                let survived = self.survived();
                if self.has_gone_by() && survived.not_met().is_empty() {
                    break;
                }
                let since = *beyond.get_or_insert_with(Instant::now);
                assert!(
                    since.elapsed() < PATIENCE,
                    "never met: {:?}; {survived}\n{:?}",
                    survived.not_met(),
                    self.house
                );
            }
            let gone = all * i64::try_from(number.min(kills)).unwrap() / i64::try_from(kills).unwrap();
            let life = if number >= kills {
                LONGEST_LIFE
            } else if self.chance.happens(LONGER_LIFE_PER_MILLE) {
                LONGER_LIFE
            } else {
                LIFE
            };
            let longer = 1 << (without_progress / LIVES_WITHOUT_PROGRESS).min(8);
            let life = Duration::from_millis(self.chance.between(life.0, life.1) * longer);
            let moment = self.start() + SignedDuration::from_secs(gone);
            self.live(moment, life.min(LIFE_MAX));
            self.restores
                .go_on(number, moment, &mut self.house, self.postgres);
            number += u64::from(self.kill());
            let now = self.house.cursor();
            without_progress = if now == cursor { without_progress + 1 } else { 0 };
            cursor = now;
        }
    }

    /// Whether all that the stack ever reports was acknowledged, and what was lost of that was read again.
    fn has_gone_by(&self) -> bool {
        let end = self.house.stack.reported_interval().end();
        self.house.acknowledged_through() >= Some(end) && !self.house.misses_something()
    }

    /// How often the server went back to a backup.
    pub(super) fn restored(&self) -> u64 {
        self.restores.restored().times
    }

    /// Lets everything live for a while at a time of the month.
    fn live(&mut self, now: Timestamp, life: Duration) {
        let off = self.chance.between(0, 2 * STACK_CLOCK_OFF_MAX.unsigned_abs());
        let off = i64::try_from(off).unwrap() - STACK_CLOCK_OFF_MAX;
        self.house.set_stack_clock(now + SignedDuration::from_secs(off));
        self.clocks_off += u64::from(off.abs() >= 60);
        let chance = &self.chance;
        self.house.revive(|| Weather::drawn(now, chance));
        std::thread::sleep(life);
    }

    /// Whether it killed anything.
    fn kill(&mut self) -> bool {
        let (bridge, server) = match self.chance.between(0, 1000) {
            draw if draw < POSTGRES_PER_MILLE && self.postgres.is_some() => (false, false),
            draw if draw < 550 => (true, false),
            draw if draw < 900 => (false, true),
            _ => (true, true),
        };
        let mut killed = Vec::new();
        if bridge && self.house.kill_bridge() {
            killed.push(Killed::Bridge);
        }
        if server && self.house.platform.kill() {
            killed.push(Killed::Server);
        }
        if let (false, false, Some(postgres)) = (bridge, server, self.postgres) {
            postgres.kill_and_restart().unwrap();
            killed.push(Killed::Postgres);
        }
        for it in &killed {
            *self.killed.entry(*it).or_default() += 1;
        }
        !killed.is_empty()
    }

    /// Everything works now, and has time: until all that is in the stack is in the server.
    pub(super) fn settle(&mut self) -> Survived {
        let survived = self.survived();
        let end = self.end();
        self.house.service.set_share(0);
        self.house.to_stack.set_share(0);
        self.house.to_server.set_share(0);
        self.house.set_stack_clock(end);
        self.house.kill_bridge();
        self.house.platform.kill();
        self.house.revive(|| Weather::fine(end));
        let through = self.house.stack.reported_interval().end().to_string();
        let began = Instant::now();
        loop {
            let status = self.house.status();
            let stack = &status["stacks"][0];
            let is_done = stack["acknowledgedThrough"].as_str() >= Some(&*through)
                && stack["spoolBytes"] == 0
                && ["backfills", "lost"]
                    .iter()
                    .all(|left| stack[left] == Value::Array(Vec::new()))
                && self.house.to_server.knows_directory();
            if is_done {
                return survived;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "it does not arrive:\n{:?}",
                self.house
            );
            // What may give up by itself is started again, as a service manager does.
            self.house.revive(|| Weather::fine(end));
            std::thread::sleep(LOOKED_AFTER);
        }
    }

    fn survived(&self) -> Survived {
        let machine = &self.house.machine;
        Survived {
            killed: self.killed.clone(),
            clocks_off: self.clocks_off,
            restored: self.restores.restored(),
            machines: [Runs::Server, Runs::Bridge].map(|runs| (runs, machine.faults(runs))),
            network: vec![
                ("to the stack", self.house.to_stack.met()),
                ("to the server", self.house.to_server.met()),
            ],
            service: self.house.service.met(),
            with_postgres: self.postgres.is_some(),
            acknowledged_through: self.house.acknowledged_through(),
        }
    }
}

impl fmt::Display for Survived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: u64 = self.killed.values().sum::<u64>()
            + self.restored.times
            + self.machines.iter().map(|(_, met)| met.count()).sum::<u64>()
            + self.network.iter().flat_map(|(_, met)| met.values()).sum::<u64>()
            + self.service.values().sum::<u64>();
        writeln!(f, "{all} faults survived")?;
        let through = self.acknowledged_through.map(|hour| hour.to_string());
        let through = through.unwrap_or_default();
        writeln!(
            f,
            "  all that was reported through {through} had been acknowledged by then"
        )?;
        writeln!(f, "  killed: {:?}", self.killed)?;
        writeln!(
            f,
            "  clocks of the stack set off by minutes: {} times",
            self.clocks_off
        )?;
        writeln!(f, "  servers restored from backups: {}", self.restored)?;
        for (runs, met) in &self.machines {
            writeln!(f, "  machine of the {runs:?}: {met}")?;
        }
        for (way, met) in &self.network {
            writeln!(f, "  network {way}: {met:?}")?;
        }
        write!(f, "  service of the stack: {:?}", self.service)
    }
}

impl Survived {
    /// The kinds of faults that were not met. Requests to the stack go one after the other, mostly: that one overtakes
    /// another may happen on either way. A server whose store is in PostgreSQL writes no file of its own.
    pub(super) fn not_met(&self) -> Vec<String> {
        let mut killed = vec![Killed::Bridge, Killed::Server];
        if self.with_postgres {
            killed.push(Killed::Postgres);
        }
        let mut missing: Vec<String> = Vec::new();
        missing.extend(not_met(&self.killed, &killed));
        if self.restored.times == 0 {
            missing.push("a restore from a backup".to_owned());
        }
        missing.extend(not_met(&self.service, &ServiceFault::ALL));
        let overtaken = |met: &BTreeMap<_, _>| met.contains_key(&NetworkFault::Overtaken);
        if !self.network.iter().any(|(_, met)| overtaken(met)) {
            missing.push(format!("{:?}", NetworkFault::Overtaken));
        }
        for (way, met) in &self.network {
            let names = not_met(met, &NETWORK_FAULTS).filter(|name| name != "Overtaken");
            missing.extend(names.map(|name| format!("{name} {way}")));
        }
        for (runs, met) in &self.machines {
            if *runs == Runs::Bridge || !self.with_postgres {
                missing.extend(met.not_met().map(|kind| format!("{kind} of the {runs:?}")));
            }
        }
        missing
    }
}

fn not_met<K: Ord + fmt::Debug>(met: &BTreeMap<K, u64>, all: &[K]) -> impl Iterator<Item = String> {
    let missing: Vec<_> = all.iter().filter(|kind| !met.contains_key(kind)).collect();
    missing.into_iter().map(|kind| format!("{kind:?}"))
}
