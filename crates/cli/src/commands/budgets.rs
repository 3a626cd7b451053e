//! `budget`: what is meant to be spent in a month, and how far that is.

use client::Client;
use serde::Serialize;
use wire::api::{Amount, Budget, BudgetReached, BudgetTag, BuyerKind, NamedBuyer, SetBudget};

use super::{minute, or_dash};
use crate::args::{BudgetCommand, SetBudgetArgs};
use crate::failure::Failure;
use crate::figures::grouped;
use crate::invoice::{buyer_in_words, seller_in_words};
use crate::printer::Printer;
use crate::table::{Listing, left, right};

/// How many cells a bar has.
const BAR: usize = 10;

const BUDGETS: Listing<Budget> = Listing(&[
    (left("BUDGET"), |it| it.name.clone()),
    (left("OF").wraps(), whose),
    (right("SPENT"), |it| {
        or_dash(it.spent.as_deref().map(grouped).as_deref())
    }),
    (right("OF AMOUNT"), |it| {
        format!("{} {}", grouped(&it.amount.amount), it.amount.currency)
    }),
    (right("%"), |it| {
        or_dash(it.percent.as_deref().map(short).as_deref())
    }),
    (left("THIS MONTH"), |it| {
        it.percent.as_deref().map_or_else(String::new, bar)
    }),
    (left("REACHED").wraps(), |it| reached(&it.reached)),
    (left("OWNER").rank(1).wraps(), |it| {
        it.owner_name.clone().unwrap_or_else(|| it.owner.clone())
    }),
    (left("THRESHOLDS").rank(1), |it| {
        let thresholds: Vec<String> = it.thresholds.iter().map(ToString::to_string).collect();
        thresholds.join(", ")
    }),
    (left("MONTH").rank(2), |it| it.period.clone()),
    (left("FROM").rank(3), |it| it.from.clone()),
    (left("SET").rank(4), |it| minute(&it.set_at)),
]);

/// Whose spending it is.
fn whose(budget: &Budget) -> String {
    let of = match (&budget.seller, &budget.buyer, &budget.subscription_id) {
        (Some(seller), Some(buyer), _) => {
            format!("{} from {}", buyer_in_words(buyer), seller_in_words(seller))
        }
        (_, _, Some(id)) => budget.subscription_name.clone().unwrap_or_else(|| id.clone()),
        _ => or_dash(None),
    };
    match &budget.tag {
        Some(BudgetTag { name, value }) => format!("{of}, tag {name}={value}"),
        None => of,
    }
}

/// A percentage without its decimal places: it is for people, and rounded down, as thresholds are.
fn short(percent: &str) -> String {
    percent
        .split_once('.')
        .map_or(percent, |(whole, _)| whole)
        .to_owned()
}

/// How much of the amount is spent, as a bar: full with all of it, and never before.
fn bar(percent: &str) -> String {
    let whole: usize = short(percent).parse().unwrap_or_default();
    let full = (whole * BAR / 100).min(BAR);
    format!("{}{}", "█".repeat(full), "░".repeat(BAR - full))
}

fn reached(reached: &[BudgetReached]) -> String {
    let shown = reached.iter();
    let shown = shown.map(|it| format!("{} % {}", it.threshold, minute(&it.at)));
    let shown: Vec<String> = shown.collect();
    or_dash(Some(shown.join(", ")).filter(|it| !it.is_empty()).as_deref())
}

/// A budget was removed.
#[derive(Serialize)]
struct Removed<'a> {
    name: &'a str,
    removed: bool,
}

pub(super) async fn budget(
    client: &Client,
    command: BudgetCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    match command {
        BudgetCommand::List => {
            let budgets = client.budgets().await?;
            warn(&budgets, printer);
            BUDGETS.show(&budgets, printer)?;
            if budgets.is_empty() {
                printer.hint("`meterbridge budget set --help` shows how to set one.");
            }
            Ok(())
        }
        BudgetCommand::Show { name, owner } => {
            show_one(&client.budget(&name, owner.as_deref()).await?, printer)
        }
        BudgetCommand::Set(args) => {
            let name = args.name.clone();
            show_one(&client.set_budget(&name, &asked(*args)).await?, printer)
        }
        BudgetCommand::Remove { name, owner } => {
            client.remove_budget(&name, owner.as_deref()).await?;
            let removed = Removed {
                name: &name,
                removed: true,
            };
            printer.show(&removed, || format!("Budget {name} is removed."))
        }
    }
}

fn show_one(budget: &Budget, printer: &Printer) -> Result<(), Failure> {
    warn(std::slice::from_ref(budget), printer);
    BUDGETS.show_one(budget, printer)
}

/// Says of which budgets it is not known what was spent.
fn warn(budgets: &[Budget], printer: &Printer) {
    for budget in budgets {
        if let Some(problem) = &budget.problem {
            printer.warning(&format!(
                "What was spent of {} is not known: {}",
                budget.name, problem.message
            ));
        }
    }
}

fn asked(args: SetBudgetArgs) -> SetBudget {
    let buyer = args.buyer.as_deref().and_then(|buyer| buyer.split_once(':'));
    SetBudget {
        owner: args.owner,
        seller: args.seller.filter(|seller| seller != "platform"),
        buyer: buyer.map(|(kind, id)| NamedBuyer {
            kind: if kind == "partner" {
                BuyerKind::Partner
            } else {
                BuyerKind::Subscription
            },
            id: id.to_owned(),
        }),
        subscription_id: args.subscription,
        tag: args.tag.map(|(name, value)| BudgetTag { name, value }),
        amount: Amount {
            amount: args.amount,
            currency: args.currency,
        },
        thresholds: Some(args.thresholds).filter(|thresholds| !thresholds.is_empty()),
        from: args.from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_with_the_last_percent_and_never_longer() {
        for (percent, expected) in [
            ("0", "░░░░░░░░░░"),
            ("9.9", "░░░░░░░░░░"),
            ("10", "█░░░░░░░░░"),
            ("99.9", "█████████░"),
            ("100", "██████████"),
            ("1234.5", "██████████"),
        ] {
            assert_eq!(bar(percent), expected, "{percent}");
        }
    }
}
