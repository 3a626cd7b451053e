//! The simulated stacks of the scenario, what their directories say, and what they report.

use std::sync::Arc;

use domain::ids::LocalSubscriptionId;
use domain::registration::BillingModel;
use domain::time::{Hour, HourInterval};
use serde_json::Value;
use simulator::{Expected, Faults, InvalidSpec, Page, Stack, StackSpec, TenantSpec};

use super::scenario::{Act, Scenario, StackPlan};

/// The most records of a page, as real stacks answer.
const PAGE_RECORDS: usize = 1_000;

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
    /// Makes the stacks, with at least so many true records together.
    pub(super) fn of(scenario: &Scenario, seed: u64, records: u64) -> Result<Self, InvalidSpec> {
        let all = scenario
            .stacks
            .iter()
            .map(|plan| Stack::new(spec(scenario, plan, seed, records)).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
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

fn spec(scenario: &Scenario, plan: &StackPlan, seed: u64, records: u64) -> StackSpec {
    let tenants = plan.tenants.iter().map(|guest| TenantSpec {
        id: guest.tenant,
        domain: guest.domain.to_owned(),
        local_subscriptions: guest.local_subscriptions,
    });
    StackSpec {
        seed,
        cloud_id: plan.cloud_id,
        region: plan.name.to_owned(),
        month: scenario.month,
        tenants: tenants.collect(),
        records_min: records.saturating_mul(plan.percent).div_ceil(100),
        faults: Faults::usual(),
    }
}
