//! The server loses its store and goes on from a backup, which does not have what was acknowledged last.
//!
//! It is backed up at some moments of the month, as it runs, and each time killed and restored a while later, as
//! `docs/operating.md` says: an embedded store by `meterbridge backup` and `meterbridge restore`, a database by the means of
//! PostgreSQL. Nobody tells the bridge: it finds out with its next delivery, and reads again what is gone. So the server goes
//! back only while usage is still to come ([`LEFT_TO_COME_HOURS_MIN`]); after the last of it nothing would be delivered by which
//! it could be found out.
//!
//! What was entered in the books after a backup is gone with it for good. Here that is nothing that anybody would miss: who
//! pays what is entered before the first backup, and what turns out when the month is over after the last one
//! ([`super::furnishing`]). Who is on the stack a bridge tells again whenever it starts, and that is waited for in the end.

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;

use domain::time::Timestamp;
use private_postgres::PrivatePostgres;

use super::DATABASE;
use super::chance::Chance;
use super::house::House;

/// How often the server goes back.
const RESTORES: u64 = 5;
/// Of a hundred kills, after how many it has gone back for the last time. The rest of the month is for what is read again.
const OVER_PERCENT: u64 = 80;
/// How many reported hours there are at least that were not acknowledged yet: more than can be on their way at once.
const LEFT_TO_COME_HOURS_MIN: i32 = 24;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    BackUp,
    GoBack,
}

/// What is to come of it, and what was.
#[derive(Default)]
pub(super) struct Restores {
    /// Each step with after how many kills it is taken, in order.
    plan: VecDeque<(u64, Step)>,
    backup: Option<Backup>,
    restored: Restored,
}

/// What was lost and had to be read again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Restored {
    pub(super) times: u64,
    /// Deliveries that had been acknowledged.
    deliveries: usize,
}

impl Restores {
    /// Spread over the month by chance, a backup and a restore in each part of it.
    pub(super) fn planned(kills: u64, chance: &Chance) -> Self {
        let part = kills * OVER_PERCENT / 100 / RESTORES;
        let in_part = |number: u64| {
            let (begin, end) = (number * part, (number + 1) * part);
            let back_up = chance.between(begin, begin + part.div_ceil(2).max(1));
            let go_back = chance.between(back_up + 1, end.max(back_up + 2));
            [(back_up, Step::BackUp), (go_back, Step::GoBack)]
        };
        Self {
            plan: (0..RESTORES).flat_map(in_part).collect(),
            ..Self::default()
        }
    }

    /// Takes the next step if it is time for it, after so many kills, and does something.
    pub(super) fn go_on(
        &mut self,
        kills: u64,
        now: Timestamp,
        house: &mut House,
        postgres: Option<&PrivatePostgres>,
    ) {
        let Some((_, step)) = self.plan.front().filter(|(at, _)| *at <= kills) else {
            return;
        };
        let number = self.plan.len();
        match (step, &self.backup) {
            (Step::GoBack, Some(backup)) if is_still_to_come(house) => {
                if !house.to_server.has_delivered_since(backup.last_receipt) {
                    // There is nothing to lose yet.
                    return;
                }
                house.platform.kill();
                let data = house.path(&format!("restored-{number}"));
                let last_receipt = backup.restore(now, house, data, postgres);
                self.restored.deliveries += house.to_server.go_back(last_receipt);
                self.restored.times += 1;
            }
            (Step::GoBack, _) => {}
            (Step::BackUp, _) => {
                let place = house.path(&format!("backup-{number}"));
                self.backup = Some(Backup::make(now, house, place, postgres));
            }
        }
        self.plan.pop_front();
    }

    pub(super) const fn restored(&self) -> Restored {
        self.restored
    }
}

/// The store as it was at one moment.
struct Backup {
    place: PathBuf,
    /// The stack's last receipt that may be in it.
    last_receipt: u64,
}

impl Backup {
    fn make(now: Timestamp, house: &House, place: PathBuf, postgres: Option<&PrivatePostgres>) -> Self {
        let last_receipt = match postgres {
            None => house.platform.back_up(now, &place),
            Some(postgres) => {
                postgres.dump(DATABASE, &place).unwrap();
                last_receipt(postgres)
            }
        };
        Self { place, last_receipt }
    }

    /// Puts it in the place of what the server has. Gives the last receipt that is in it.
    fn restore(
        &self,
        now: Timestamp,
        house: &mut House,
        data: PathBuf,
        postgres: Option<&PrivatePostgres>,
    ) -> u64 {
        match postgres {
            None => {
                house.platform.restore(now, &self.place, data);
                self.last_receipt
            }
            // The data directory holds keys alone, which are as they were.
            Some(postgres) => {
                postgres.restore(DATABASE, &self.place).unwrap();
                last_receipt(postgres)
            }
        }
    }
}

/// The last receipt in a database. There is one stack, or none that has delivered anything.
fn last_receipt(postgres: &PrivatePostgres) -> u64 {
    postgres.largest(DATABASE, "stack", "sequence").unwrap()
}

/// Whether something will be delivered for which nothing was acknowledged yet.
fn is_still_to_come(house: &House) -> bool {
    let end = house.stack.reported_interval().end();
    house.acknowledged_through() < Some(end.plus(-LEFT_TO_COME_HOURS_MIN))
}

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { times, deliveries } = self;
        write!(
            f,
            "{times}, without {deliveries} deliveries that had been acknowledged"
        )
    }
}
