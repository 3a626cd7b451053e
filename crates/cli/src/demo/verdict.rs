//! Everything that must hold in the end.

use std::collections::BTreeMap;

use wire::api::Statement;

use super::Played;
use super::audit::{Check, bills, records, unclaimed};
use super::operator::{Registered, kind_text};
use super::oracle::{Bill, Ledger, Tariff};
use super::scenario::Scenario;
use super::served::Served;
use super::stacks::Stacks;
use crate::failure::Failure;

/// Differences that are told when the demonstration fails; the rest is in its document.
const DIFFERENCES_TOLD_MAX: usize = 20;

/// Everything that must hold, and whether it does.
pub(super) async fn checks(
    scenario: &Scenario,
    stacks: &Stacks,
    played: &Played,
) -> Result<Vec<Check>, Failure> {
    let served = &played.served;
    let tariff = Tariff::read(scenario.month, &served.meters, &served.prices)
        .ok_or_else(|| Failure::new("What the server says of meters and prices cannot be read."))?;
    let minor_digits = tariff.minor_digits;
    let opinion = second_opinion(scenario.clone(), stacks.clone(), tariff).await?;
    let mut checks = vec![Check::of(
        "every stack was registered with the advised kind of subscription",
        advice(&played.registered),
    )];
    checks.extend(of_records(stacks, played, &opinion));
    checks.extend(of_bills(served, &opinion, minor_digits));
    checks.extend(of_repetition(played));
    Ok(checks)
}

fn of_records(stacks: &Stacks, played: &Played, opinion: &Opinion) -> [Check; 5] {
    let (served, expected) = (&played.served, stacks.expected());
    let counts = served.laws.records;
    [
        Check::of("law 1: no record was lost", records::none_lost(counts)),
        Check::of(
            "records were counted as the simulator foretold",
            records::as_foretold(counts, &expected),
        ),
        Check::of(
            "the answers to all deliveries add up to that",
            records::as_answered(counts, played.delivered.tally),
        ),
        Check::of(
            "malformed records are in quarantine, each under its code",
            records::quarantine(&served.quarantine, &expected),
        ),
        Check::of(
            "each stack's usage of each meter is the truth, exactly",
            records::measured(&served.measured, &opinion.ledger),
        ),
    ]
}

fn of_bills(served: &Served, opinion: &Opinion, minor_digits: u32) -> [Check; 7] {
    let of_each = |compare: &dyn Fn(&Statement, &Bill) -> Vec<String>| -> Vec<String> {
        let statements = served.statements.iter();
        statements
            .flat_map(|it| compare(it, opinion.bill(&it.subscription_id)))
            .collect()
    };
    [
        Check::of(
            "law 2: every payer is charged with its usage and no other, for the right reason",
            of_each(&bills::attribution),
        ),
        Check::of(
            "every amount and total is what the second opinion says",
            of_each(&|statement, bill| bills::amounts(statement, bill, minor_digits)),
        ),
        Check::of(
            "law 3: shares sum to lines, and lines to totals",
            of_each(&|statement, _| bills::sums(statement, minor_digits)),
        ),
        Check::of(
            "law 3: the list of statements says the same as each one",
            same_in_list(&served.statements, &served.listed),
        ),
        Check::of(
            "everybody who is charged has a statement here",
            opinion.payers_without(&served.statements),
        ),
        Check::of(
            "all usage that no mapping claims is listed, and no other",
            unclaimed::unclaimed(&served.unclaimed, &opinion.ledger),
        ),
        Check::of(
            "the server's own check finds every law to hold",
            served.laws.violations.clone(),
        ),
    ]
}

fn of_repetition(played: &Played) -> [Check; 3] {
    let (before, after, again) = (&played.served, &played.served_again, &played.again);
    let statements = before.statements.iter().zip(&after.statements);
    let changed = statements
        .filter(|(before, after)| serde_json::to_vec(before).ok() != serde_json::to_vec(after).ok());
    let mut changes: Vec<String> = changed
        .map(|(before, _)| format!("the statement of {} changed", before.subscription_id))
        .collect();
    if before.measured != after.measured {
        changes.push("what the stacks measured changed".to_owned());
    }
    let counts = records::after_repetition(before.laws.records, again.looked_at, after.laws.records);
    [
        Check::of(
            "a delivery under its old name gets its old answer; under a new one it is all duplicates",
            again.differences.clone(),
        ),
        Check::of(
            "laws 4 and 5: delivering again, in another order, changed no statement by a byte",
            changes,
        ),
        Check::of(
            "law 1 holds for what was delivered again, too",
            counts.into_iter().chain(after.laws.violations.clone()).collect(),
        ),
    ]
}

/// What somebody else makes of the month.
struct Opinion {
    ledger: Ledger,
    bills: BTreeMap<String, Bill>,
    nothing: Bill,
}

impl Opinion {
    fn bill(&self, subscription_id: &str) -> &Bill {
        self.bills.get(subscription_id).unwrap_or(&self.nothing)
    }

    fn payers_without(&self, statements: &[Statement]) -> Vec<String> {
        let missing = self
            .bills
            .keys()
            .filter(|id| statements.iter().all(|it| it.subscription_id != **id));
        missing.map(|id| format!("{id} has none")).collect()
    }
}

/// Goes over everything that was truly used, where it holds nobody up.
async fn second_opinion(scenario: Scenario, stacks: Stacks, tariff: Tariff) -> Result<Opinion, Failure> {
    let work = move || {
        let ledger = Ledger::of(&scenario, stacks.all(), stacks.unlisted(), &tariff);
        let bills = ledger
            .payers()
            .into_iter()
            .map(|id| (id.to_string(), Bill::of(id, &ledger, &tariff)))
            .collect();
        Opinion {
            ledger,
            bills,
            nothing: Bill::default(),
        }
    };
    let worked = tokio::task::spawn_blocking(work).await;
    worked.map_err(|error| Failure::new("The second opinion was cut off.").because(error.to_string()))
}

fn advice(registered: &[Registered]) -> Vec<String> {
    let mut differences = Vec::new();
    for stack in registered {
        if stack.advised != stack.chosen {
            let (chosen, advised) = (kind_text(stack.chosen), kind_text(stack.advised));
            differences.push(format!(
                "{}: {chosen}, although {advised} is advised",
                stack.stack
            ));
        }
        differences.extend(
            stack
                .warnings
                .iter()
                .map(|warning| format!("{}: {warning}", stack.stack)),
        );
    }
    differences
}

/// The list has those statements that charge or show anything.
fn same_in_list(statements: &[Statement], listed: &[Statement]) -> Vec<String> {
    let of = |statements: &[Statement]| -> BTreeMap<String, Statement> {
        let some = statements
            .iter()
            .filter(|it| !it.lines.is_empty() || !it.not_charged.is_empty());
        some.map(|it| (it.subscription_id.clone(), it.clone())).collect()
    };
    let (one_by_one, listed) = (of(statements), of(listed));
    let ids = one_by_one
        .keys()
        .chain(listed.keys().filter(|id| !one_by_one.contains_key(*id)));
    let different = ids.filter(|id| one_by_one.get(*id) != listed.get(*id));
    different
        .map(|id| format!("{id}: the list says something else"))
        .collect()
}

/// Fails if anything does not hold, and says what.
pub(super) fn judge(checks: &[Check]) -> Result<(), Failure> {
    let failed: Vec<&Check> = checks.iter().filter(|check| !check.held).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let what = format!("{} of {} checks did not hold.", failed.len(), checks.len());
    let differences = failed.iter().flat_map(|check| {
        check
            .differences
            .iter()
            .map(|difference| format!("{}: {difference}", check.what))
    });
    let failure = differences
        .take(DIFFERENCES_TOLD_MAX)
        .fold(Failure::new(what), Failure::because);
    Err(failure.hint(
        "This is a defect. `--output json` shows every difference; `--keep` leaves the data for a look.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_check_that_does_not_hold_is_enough_to_fail() {
        let held = Check::of("laws", Vec::new());
        assert!(judge(std::slice::from_ref(&held)).is_ok());
        let failure = judge(&[held, Check::of("bills", vec!["a cent too much".to_owned()])]).unwrap_err();
        assert_eq!(failure.what(), "1 of 2 checks did not hold.");
        assert_eq!(failure.causes(), ["bills: a cent too much"]);
        assert_eq!(failure.exit_code(), 1);
    }
}
