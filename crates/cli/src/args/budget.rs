//! `budget`.

use clap::{ArgGroup, Args, Subcommand};
use domain::budget::BudgetOwner;

use super::bill::{buyer, seller};
use super::texts;

/// What is done with budgets.
#[derive(Debug, Subcommand)]
pub(crate) enum BudgetCommand {
    /// List the budgets of your side, and what was spent of each this month.
    #[command(after_help = "Example:\n  meterbridge budget list")]
    List,
    /// Show a budget, what was spent of it this month, and which thresholds were reached.
    #[command(after_help = "Example:\n  meterbridge budget show contoso")]
    Show {
        /// The budget.
        #[arg(value_name = "NAME")]
        name: String,
        /// Whose it is, if several of that name are yours: `platform`, `partner:` or `subscription:` and its id.
        #[arg(long, value_name = "OWNER", value_parser = owner)]
        owner: Option<String>,
    },
    /// Set a budget: a new one, or another amount, other thresholds or another first month of one that is there.
    #[command(after_help = "\
It is of all that a seller sells to a buyer, or of what one subscription is charged; with --tag, of what resources \
with that tag cost. What is spent are usage and fees of a calendar month, before commitments, credits, corrections \
and tax. It stops nothing: webhooks of the kind budget.reached are told once in each month of each threshold. What \
was told of a month is not told again, whatever becomes of the amount.

A budget is its owner's: the platform's, a partner's that sells or buys, or the subscription's. No other side reads it \
or is told, not even the one that spends, and each side gives names of its own. Whose it is follows from who sets it; \
who is on several sides says so with --owner.

Examples:
  meterbridge budget set contoso --buyer subscription:<SUBSCRIPTION-ID> --seller <PARTNER-ID> \\
      --amount 1500 --currency USD
  meterbridge budget set web-prod --subscription <SUBSCRIPTION-ID> --tag env=prod \\
      --amount 200 --currency EUR --at 80,100,150")]
    Set(Box<SetBudgetArgs>),
    /// Remove a budget, with what was reached of it.
    #[command(after_help = "Example:\n  meterbridge budget remove contoso")]
    Remove {
        /// The budget.
        #[arg(value_name = "NAME")]
        name: String,
        /// Whose it is, if several of that name are yours. Operators remove others' with it.
        #[arg(long, value_name = "OWNER", value_parser = owner)]
        owner: Option<String>,
    },
}

/// A budget.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whose").required(true).args(["buyer", "subscription"]))]
pub(crate) struct SetBudgetArgs {
    /// Its name: lower-case letters, digits and dashes.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Whose it shall be, if you are on several sides: `platform`, `partner:` or `subscription:` and its id.
    #[arg(long, value_name = "OWNER", value_parser = owner)]
    pub(crate) owner: Option<String>,
    /// Who buys: `partner:` or `subscription:` and its id.
    #[arg(long, value_name = "BUYER", value_parser = buyer)]
    pub(crate) buyer: Option<String>,
    /// Who sells: `platform`, or a partner's id [default: platform].
    #[arg(long, value_name = "SELLER", value_parser = seller, requires = "buyer")]
    pub(crate) seller: Option<String>,
    /// The subscription whose charges count.
    #[arg(long, value_name = "SUBSCRIPTION-ID", value_parser = texts::guid)]
    pub(crate) subscription: Option<String>,
    /// Only what resources with this tag cost.
    #[arg(long, value_name = "NAME=VALUE", value_parser = tag)]
    pub(crate) tag: Option<(String, String)>,
    /// What is to be spent in a month, before tax.
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) amount: String,
    /// Its currency. Charges in others do not count.
    #[arg(long, value_name = "CURRENCY", value_parser = texts::currency)]
    pub(crate) currency: String,
    /// Where others are told, in percent of the amount [default: 50,80,100].
    #[arg(long = "at", value_name = "PERCENT", value_delimiter = ',')]
    pub(crate) thresholds: Vec<u16>,
    /// The first calendar month [default: as it was; of a new budget this month].
    #[arg(long, value_name = "YYYY-MM", value_parser = texts::period)]
    pub(crate) from: Option<String>,
}

/// An owner of budgets, spelled as the API does.
fn owner(text: &str) -> Result<String, String> {
    let owner: BudgetOwner = text.parse().map_err(|error| format!("{error}"))?;
    Ok(owner.to_string())
}

/// A tag: its name up to the first equals sign, then its value.
fn tag(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.trim().is_empty())
        .ok_or_else(|| "expected the name and the value of a tag, such as env=prod".to_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_a_budget_is_is_spelled_as_in_the_api() {
        let id = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";
        assert_eq!(owner("Platform").as_deref(), Ok("platform"));
        let spelled = format!("subscription:{id}");
        assert_eq!(owner(&spelled.to_uppercase()), Ok(spelled));
        assert!(owner(id).unwrap_err().contains("partner:"));
    }

    #[test]
    fn the_value_of_a_tag_may_hold_an_equals_sign_and_may_be_empty() {
        let read = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
        assert_eq!(tag("env=prod"), read("env", "prod"));
        assert_eq!(tag("cost=a=b"), read("cost", "a=b"));
        assert_eq!(tag("env="), read("env", ""));
        for text in ["", "env", "=prod", " =prod"] {
            assert!(tag(text).unwrap_err().contains("env=prod"), "{text}");
        }
    }
}
