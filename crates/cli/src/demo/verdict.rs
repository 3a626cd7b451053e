//! Everything that must hold in the end.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use wire::api::Statement;

use super::Played;
use super::audit::{Check, bills, meters, prices, records, unclaimed};
use super::catalog;
use super::decimal::dollars;
use super::operator::{Registered, kind_text};
use super::oracle::{Bill, Ledger, Tariff, Waiting, WaitingKey, waiting};
use super::reordered;
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
    let published = &played.outcome.published;
    let reviewed = catalog::meters()?;
    let tariff = Tariff::read(scenario.month, &reviewed, published)
        .ok_or_else(|| Failure::new("What was published, or what the catalog says, cannot be read."))?;
    let opinion = second_opinion(scenario.clone(), stacks.clone(), tariff).await?;
    let mut checks = vec![Check::of(
        "every stack was registered with the advised kind of subscription",
        advice(&played.outcome.registered),
    )];
    checks.extend(of_records(stacks, played, &opinion));
    checks.push(Check::of(
        "every local meter means what the catalog's files say",
        meters::as_reviewed(&served.meters, &reviewed),
    ));
    checks.push(Check::of(
        "every price list says what was published in it, and the platform's what the catalog's file says",
        prices::published(&served.price_lists, published),
    ));
    checks.extend(of_bills(served, &opinion));
    checks.extend(of_repetition(played, &opinion));
    Ok(checks)
}

fn of_records(stacks: &Stacks, played: &Played, opinion: &Opinion) -> [Check; 6] {
    let (served, expected) = (&played.served, stacks.expected());
    let counts = served.laws.records;
    let ledger = &opinion.ledger;
    [
        Check::of("law 1: no record was lost", records::none_lost(counts)).with(records::law_1(counts)),
        Check::of(
            "records were counted as the simulator foretold",
            records::as_foretold(counts, &expected),
        ),
        Check::of(
            "the answers to all deliveries add up to that",
            records::as_answered(counts, played.delivered.tally()),
        ),
        Check::of(
            "malformed records are in quarantine, each under its code",
            records::quarantine(&served.quarantine, &expected),
        ),
        Check::of(
            "each stack's usage of each meter is the truth, exactly",
            records::measured(&served.measured, ledger),
        ),
        records::law_2(&served.measured, &served.unclaimed, ledger),
    ]
}

fn of_bills(served: &Served, opinion: &Opinion) -> [Check; 8] {
    let of_each = |compare: &dyn Fn(&Statement, &Bill) -> Vec<String>| -> Vec<String> {
        let statements = served.statements.iter();
        statements
            .flat_map(|it| compare(it, opinion.bill(&it.subscription_id)))
            .collect()
    };
    let statements = &served.statements;
    [
        Check::of(
            "law 2: every payer is charged with its usage and no other, for the right reason",
            of_each(&bills::attribution),
        ),
        Check::of(
            "every price, amount, share and total is what the second opinion says",
            of_each(&bills::amounts),
        )
        .with(format!(
            "{} in all = {} by the second opinion",
            bills::charged(statements).total,
            dollars(&opinion.total())
        )),
        Check::of(
            "law 3: shares sum to lines, and lines to totals",
            of_each(&|statement, _| bills::sums(statement)),
        )
        .with(bills::law_3(statements)),
        Check::of(
            "law 3: the list of statements says the same as each one",
            same_in_list(statements, &served.listed),
        )
        .with(format!(
            "{} one by one = {} in the list",
            bills::charged(statements).total,
            bills::charged(&served.listed).total
        )),
        Check::of(
            "everybody who is charged has a statement here",
            opinion.payers_without(statements),
        ),
        Check::of(
            "all usage that no mapping claims is listed, and no other",
            unclaimed::unclaimed(&served.unclaimed, &opinion.waiting),
        ),
        Check::of(
            "what no mapping claims costs its payer its part of that bill's shares",
            unclaimed::amounts(&served.unclaimed, &opinion.waiting),
        ),
        Check::of(
            "the server's own check finds every law to hold",
            served.laws.violations.clone(),
        ),
    ]
}

fn of_repetition(played: &Played, opinion: &Opinion) -> [Check; 4] {
    let (before, after, again) = (&played.served, &played.served_again, &played.again);
    let mut changes = changed(&before.statements, &after.statements);
    if before.measured != after.measured {
        changes.push("what the stacks measured changed".to_owned());
    }
    let counts = records::after_repetition(before.laws.records, again.renamed, after.laws.records);
    let totals = |before: &[Statement], after: &[Statement], when: &str| {
        let [before, after] = [before, after].map(|it| bills::charged(it).total);
        format!("{before} before = {after} {when}")
    };
    let alone = opinion.ledger.payers_on(&reordered::STACKS);
    let of_these = |statements: &[Statement]| -> Vec<Statement> {
        let is_one = |it: &&Statement| alone.iter().any(|id| id.to_string() == it.subscription_id);
        statements.iter().filter(is_one).cloned().collect()
    };
    let [told_once, reordered] = [&before.statements, &played.reordered].map(|it| of_these(it));
    [
        Check::of(
            "a delivery under its old name gets its old answer; under a new one it is all duplicates",
            again.differences.clone(),
        ),
        Check::of(
            "law 4: delivering everything again, in another order, changed no statement by a byte",
            changes,
        )
        .with(totals(&before.statements, &after.statements, "after")),
        Check::of(
            "law 1 holds for what was delivered again, too",
            counts.into_iter().chain(after.laws.violations.clone()).collect(),
        )
        .with(records::law_1(after.laws.records)),
        Check::of(
            "law 5: a server that is told of stacks basel and kai in no order draws up the same statements of who pays \
             for nothing else",
            changed(&told_once, &reordered),
        )
        .with(totals(&told_once, &reordered, "on the second server")),
    ]
}

/// Statements that are not the same to the byte.
fn changed(before: &[Statement], after: &[Statement]) -> Vec<String> {
    let text = |statement: &Statement| serde_json::to_vec(statement).ok();
    let differs = |(before, after): &(&Statement, &Statement)| text(before) != text(after);
    let of = |(before, _): (&Statement, &Statement)| {
        format!("the statement of {} changed", before.subscription_id)
    };
    let mut changes: Vec<String> = before.iter().zip(after).filter(differs).map(of).collect();
    if before.len() != after.len() {
        changes.push(format!("{} statements became {}", before.len(), after.len()));
    }
    changes
}

/// What somebody else makes of the month.
struct Opinion {
    ledger: Ledger,
    bills: BTreeMap<String, Bill>,
    waiting: BTreeMap<WaitingKey, Waiting>,
    nothing: Bill,
}

impl Opinion {
    fn bill(&self, subscription_id: &str) -> &Bill {
        self.bills.get(subscription_id).unwrap_or(&self.nothing)
    }

    /// What everybody owes, in cents.
    fn total(&self) -> BigInt {
        self.bills.values().map(Bill::total).sum()
    }

    fn payers_without(&self, statements: &[Statement]) -> Vec<String> {
        let missing = self
            .ledger
            .payers()
            .into_iter()
            .map(|id| id.to_string())
            .filter(|id| statements.iter().all(|it| it.subscription_id != *id));
        missing.map(|id| format!("{id} has none")).collect()
    }
}

/// Goes over everything that was truly used, where it holds nobody up.
async fn second_opinion(scenario: Scenario, stacks: Stacks, tariff: Tariff) -> Result<Opinion, Failure> {
    let work = move || {
        let ledger = Ledger::of(&scenario, stacks.all(), stacks.unlisted(), &tariff);
        let bills = scenario
            .subscriptions
            .iter()
            .map(|it| (it.id.to_string(), Bill::of(it, &ledger, &tariff)))
            .collect();
        Opinion {
            waiting: waiting(&scenario, &ledger, &tariff, &bills),
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
