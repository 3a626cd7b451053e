//! The simulated stacks of the scenario, what their directories say, and what they report.

use std::num::NonZeroU16;
use std::sync::Arc;

use domain::ids::LocalSubscriptionId;
use domain::registration::BillingModel;
use domain::time::{Hour, HourInterval};
use serde_json::Value;
use simulator::{Expected, Faults, InvalidSpec, Page, Stack, StackSpec, TenantSpec};

use super::scenario::{Act, Scenario, StackPlan};

/// The most records of a page, as real stacks answer.
const PAGE_RECORDS: usize = 1_000;

/// What lives shortest lives a day: measured less seldom, it has a record.
const HOURS_APART_MAX: u16 = 23;
/// Below so many records a fault that meets one in a thousand might meet none.
const FEW_RECORDS: u64 = 20_000;

/// The stacks of a scenario.
#[derive(Debug, Clone)]
pub(super) struct Stacks {
    all: Vec<Arc<Stack>>,
    unlisted: Vec<LocalSubscriptionId>,
}

/// One page of usage on its way.
#[derive(Debug)]
pub(super) struct Parcel {
    /// The place of the stack.
    pub(super) stack: usize,
    /// The hour of reported time it was read from.
    pub(super) window: Hour,
    /// Its number in that window, from 0.
    pub(super) page: usize,
    /// The page.
    pub(super) body: String,
    /// How many records are in it.
    pub(super) records: usize,
    /// Whether it is the last of its window.
    pub(super) is_last: bool,
}

impl Stacks {
    /// Makes the stacks, with at least so many true records together. Where one resource for each local subscription
    /// is more than that already, they are measured seldom, so that there are few records and everything else.
    pub(super) fn of(scenario: &Scenario, seed: u64, records: u64) -> Result<Self, InvalidSpec> {
        let every_hour = Self::measured(scenario, seed, records, NonZeroU16::MIN)?;
        let too_many = every_hour.expected().counted / records.max(1);
        // What is measured at the same hour of each day, or every few hours of it, misses what sleeps then.
        let seldom = (2..=u16::try_from(too_many).unwrap_or(u16::MAX).min(HOURS_APART_MAX))
            .rev()
            .find(|hours| hours % 2 != 0 && hours % 3 != 0);
        match seldom.and_then(NonZeroU16::new) {
            Some(hours) => Self::measured(scenario, seed, records, hours),
            None => Ok(every_hour),
        }
    }

    fn measured(
        scenario: &Scenario,
        seed: u64,
        records: u64,
        hours_apart: NonZeroU16,
    ) -> Result<Self, InvalidSpec> {
        let stack = |plan: &StackPlan| {
            let tenants = plan.tenants.iter().map(|guest| TenantSpec {
                id: guest.tenant,
                domain: guest.domain.to_owned(),
                local_subscriptions: guest.local_subscriptions,
            });
            let spec = StackSpec {
                seed,
                cloud_id: plan.cloud_id,
                region: plan.name.to_owned(),
                month: scenario.month,
                tenants: tenants.collect(),
                records_min: records.saturating_mul(plan.percent).div_ceil(100),
                hours_apart,
                faults: faults(records),
            };
            Stack::new(spec).map(Arc::new)
        };
        let all = scenario.stacks.iter().map(stack).collect::<Result<Vec<_>, _>>()?;
        let unlisted = scenario.stacks.iter().zip(&all).filter_map(|(plan, stack)| {
            let of = plan.unlisted_of?;
            stack
                .local_subscriptions()
                .iter()
                .rfind(|subscription| subscription.tenant == of)
                .map(|it| it.id)
        });
        Ok(Self {
            unlisted: unlisted.collect(),
            all,
        })
    }

    /// The stacks, in the order of the scenario.
    pub(super) fn all(&self) -> &[Arc<Stack>] {
        &self.all
    }

    /// The local subscriptions that no directory lists.
    pub(super) fn unlisted(&self) -> &[LocalSubscriptionId] {
        &self.unlisted
    }

    /// The token a stack is registered with.
    pub(super) fn token(&self, stack: usize) -> Option<String> {
        Some(self.all.get(stack)?.registration_token(BillingModel::PayAsYouUse))
    }

    /// What a stack's directory answers, without what it does not list.
    pub(super) fn directory(&self, stack: usize) -> Option<Value> {
        let mut answer: Value = serde_json::from_str(&self.all.get(stack)?.subscriptions_json()).ok()?;
        let listed = |item: &Value| {
            let id = item
                .get("subscriptionId")
                .and_then(Value::as_str)
                .and_then(|id| id.parse().ok());
            id.is_none_or(|id| !self.unlisted.contains(&id))
        };
        answer.get_mut("value")?.as_array_mut()?.retain(listed);
        Some(answer)
    }

    /// What a reader of all reports should count, all stacks together.
    pub(super) fn expected(&self) -> Expected {
        let mut all = Expected::default();
        for stack in self.all.iter().map(|stack| stack.expected()) {
            all.sent += stack.sent;
            all.counted += stack.counted;
            all.superseded += stack.superseded;
            all.duplicates += stack.duplicates;
            all.late += stack.late;
            for (code, records) in stack.quarantined {
                *all.quarantined.entry(code).or_default() += records;
            }
        }
        all
    }

    /// The hours in which anything is reported.
    pub(super) fn reported(&self) -> Option<HourInterval> {
        self.all.first().map(|stack| stack.reported_interval())
    }

    /// The pages of one hour of a stack's reported time.
    pub(super) fn pages(&self, stack: usize, window: Hour) -> impl Iterator<Item = Parcel> + '_ {
        let hours = HourInterval::new(window, window.plus(1));
        let found = self.all.get(stack).zip(hours);
        let pages = found
            .into_iter()
            .flat_map(|(it, hours)| it.reported_pages(hours, PAGE_RECORDS));
        let mut pages = pages.enumerate().peekable();
        std::iter::from_fn(move || {
            let (page, Page { body, records }) = pages.next()?;
            let is_last = pages.peek().is_none();
            Some(Parcel {
                stack,
                window,
                page,
                body,
                records,
                is_last,
            })
        })
    }
}

/// The hour in which a stack is registered.
pub(super) fn registered_in(scenario: &Scenario, stack: usize) -> Option<Hour> {
    let mut events = scenario.events.iter();
    events
        .find(|event| event.act == Act::Register { stack })
        .map(|event| event.at.hour)
}

/// What goes wrong when so many records are reported. Of few of them more are malformed, or none might be.
fn faults(records: u64) -> Faults {
    let usual = Faults::usual();
    Faults {
        malformed_per_mille: if records < FEW_RECORDS {
            10
        } else {
            usual.malformed_per_mille
        },
        ..usual
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_of_few_records_has_everything_that_a_month_of_many_has() {
        let scenario = Scenario::in_month("2026-10".parse().unwrap());
        for seed in 0..20 {
            let stacks = Stacks::of(&scenario, seed, 1_000).unwrap();
            let expected = stacks.expected();
            assert!(
                (1_000..3_000).contains(&expected.counted),
                "seed {seed}: {expected:?}"
            );
            for (fault, records) in [
                ("late", expected.late),
                ("superseded", expected.superseded),
                ("duplicate", expected.duplicates),
                ("malformed", expected.quarantined.values().sum()),
            ] {
                assert!(records > 0, "seed {seed}: no record is {fault}");
            }
            assert_eq!(stacks.unlisted().len(), 1, "seed {seed}");
            let everything = scenario.month.interval();
            for (plan, stack) in scenario.stacks.iter().zip(stacks.all()) {
                let before = scenario.month.interval().start();
                assert!(
                    stack
                        .truth(HourInterval::new(before, before.plus(5)).unwrap())
                        .count()
                        > 0
                );
                for user in stack.local_subscriptions() {
                    let used = stack
                        .truth(everything)
                        .any(|record| record.local_subscription == user.id);
                    assert!(
                        used,
                        "seed {seed}, {}: nothing is used under {}",
                        plan.name, user.display_name
                    );
                }
            }
        }
    }
}
