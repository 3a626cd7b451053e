//! A part of the month told to a second server, whose usage comes in no order at all: only when it was reported may
//! count.

use domain::ids::CloudId;
use wire::api::Statement;

use super::cast;
use super::delivery::{Courier, deliver_all, shuffled};
use super::operator::Operator;
use super::platform::{Place, Platform};
use super::scenario::Scenario;
use super::served;
use super::stacks::Stacks;
use crate::failure::Failure;

/// The stacks whose usage the second server is told: half of all records, since all of them would take as long as the
/// month itself did. They have tenants that are removed and unlisted, and prices of every kind.
pub(super) const STACKS: [CloudId; 2] = [cast::STACK_BASEL, cast::STACK_KAI];

/// How many records that is.
pub(super) fn records(stacks: &Stacks) -> u64 {
    let stacks = stacks.all().iter();
    let told = stacks.filter(|stack| STACKS.contains(&stack.spec().cloud_id));
    told.map(|stack| stack.expected().sent).sum()
}

/// What each subscription owes according to a second server. It is there for this only, and is gone afterwards.
pub(super) async fn statements(
    seed: u64,
    scenario: &Scenario,
    stacks: &Stacks,
    courier: Courier,
) -> Result<Vec<Statement>, Failure> {
    let start = scenario.month.interval().start().start();
    let platform = Platform::start(Place::default(), start).await?;
    // However it ends, the server is stopped before its data is removed.
    let statements = told_in_no_order(seed, scenario, stacks, &platform, courier).await;
    platform.stop().await?;
    statements
}

async fn told_in_no_order(
    seed: u64,
    scenario: &Scenario,
    stacks: &Stacks,
    platform: &Platform,
    courier: Courier,
) -> Result<Vec<Statement>, Failure> {
    let mut operator = Operator::at(platform.operator.clone(), scenario, stacks);
    operator.open_accounts().await?;
    for event in &scenario.events {
        platform.clock.advance_to(event.at.instant());
        operator.perform(event).await?;
    }
    if let Some(reported) = stacks.reported() {
        platform.clock.advance_to(reported.end().start());
    }
    let mut windows = shuffled(stacks, seed.wrapping_add(1));
    windows.retain(|(stack, _)| is_told(scenario, *stack));
    let clients = operator.outcome().stack_clients;
    deliver_all(stacks, &clients, windows, courier).await?;
    served::statements(&platform.operator, scenario).await
}

/// Whether the second server is told what the stack of this place used.
fn is_told(scenario: &Scenario, stack: usize) -> bool {
    let stack = scenario.stacks.get(stack);
    stack.is_some_and(|stack| STACKS.contains(&stack.cloud_id))
}
