//! Budgets.

use domain::books::BudgetRecord;
use domain::budget::{self, BudgetAsked, BudgetName, BudgetOf, Thresholds};
use domain::chain::{Link, Seller};
use domain::invoice::AccountNames;
use domain::money::Money;
use domain::quantity::{Rational, decimal_text};
use domain::time::Period;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Amount, BillBuyer, BillSeller, InvalidMember, NamedBuyer, WhyNot, optional};

/// The decimal places of a percentage that has no end.
const PERCENT_PLACES: u32 = 1;
/// At which thresholds others are told where none are named, in percent.
const DEFAULT_THRESHOLDS: [u16; 3] = [50, 80, 100];

/// A tag of resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BudgetTag {
    /// Its name, which is the same one in whatever case.
    pub name: String,
    /// Its value, to the letter.
    pub value: String,
}

/// A budget that is to be set: of all that somebody sells to a buyer, or of one subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetBudget {
    /// Whose it shall be: `platform`, or `partner:` or `subscription:` and its id. Needed only by who is on several sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The partner that sells; without one, the platform does. Only beside `buyer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<String>,
    /// Who buys, if it is of a sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer: Option<NamedBuyer>,
    /// The subscription, if it is of one: of what is charged for it to whoever pays for it in the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// Only what resources with this tag cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<BudgetTag>,
    /// What is to be spent in a calendar month, before tax. Only charges in its currency count.
    pub amount: Amount,
    /// Where others are told, in percent of the amount: 1 to 10 whole numbers from 1 to 1000; 50, 80 and 100 if none are
    /// named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Vec<u16>>,
    /// The first calendar month that it is for. Left out, it is what it was; of a new budget the running month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

impl SetBudget {
    /// The budget of this name that is asked for.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn into_domain(self, name: BudgetName) -> Result<BudgetAsked, InvalidMember> {
        let owner = optional("owner", self.owner.as_deref())?;
        let subscription = optional("subscriptionId", self.subscription_id.as_deref())?;
        let seller = optional("seller", self.seller.as_deref())?;
        let of = match (self.buyer, subscription) {
            (Some(buyer), None) => BudgetOf::Sale(Link {
                seller: seller.map_or(Seller::Platform, Seller::Partner),
                buyer: buyer.into_domain("buyer")?,
            }),
            (None, Some(_)) if seller.is_some() => {
                let message = "expected a seller beside a buyer only; of a subscription its last sale counts";
                return Err(InvalidMember::new("seller", message));
            }
            (None, Some(subscription)) => BudgetOf::Subscription(subscription),
            (Some(_), Some(_)) => {
                let message = "expected either a buyer or a subscription; got both";
                return Err(InvalidMember::new("subscriptionId", message));
            }
            (None, None) => {
                let message = "expected either a buyer or a subscription (subscriptionId); got neither";
                return Err(InvalidMember::new("buyer", message));
            }
        };
        let thresholds = self.thresholds.as_deref().unwrap_or(&DEFAULT_THRESHOLDS);
        let thresholds = Thresholds::new(thresholds);
        let thresholds = thresholds.map_err(|error| InvalidMember::new("thresholds", error.to_string()))?;
        let from = optional("from", self.from.as_deref())?;
        Ok(BudgetAsked {
            owner,
            name,
            of,
            tag: self
                .tag
                .map(|BudgetTag { name, value }| budget::Tag { name, value }),
            amount: self.amount.into_domain("amount")?,
            thresholds,
            from,
        })
    }
}

/// A threshold that was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BudgetReached {
    /// The threshold, in percent.
    pub threshold: u16,
    /// When that was found, and others were told.
    pub at: String,
    /// What was spent by then.
    pub spent: String,
    /// What the budget was then.
    pub amount: String,
}

/// A budget and how far it is in the running month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// Its name: that of no other one of its owner.
    pub name: String,
    /// Whose it is: `platform`, or `partner:` or `subscription:` and its id. Nobody on another side reads it.
    pub owner: String,
    /// The name of the partner or subscription whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_name: Option<String>,
    /// Who sells, if it is of a sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<BillSeller>,
    /// Who buys, if it is of a sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer: Option<BillBuyer>,
    /// The subscription, if it is of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// The subscription's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_name: Option<String>,
    /// The tag of the resources whose costs count; all of them without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<BudgetTag>,
    /// What is to be spent in a calendar month, before tax.
    pub amount: Amount,
    /// Where others are told, in percent of the amount.
    pub thresholds: Vec<u16>,
    /// The first calendar month that it is for.
    pub from: String,
    /// When it was set.
    pub set_at: String,
    /// Who set it.
    pub set_by: String,
    /// The running month.
    pub period: String,
    /// What was spent in it so far, in the currency of the amount: usage and fees, before commitments, credits,
    /// corrections and tax. Absent if that cannot be reckoned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<String>,
    /// How many percent of the amount that is; to one decimal place where it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<String>,
    /// Why what was spent cannot be reckoned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<WhyNot>,
    /// The thresholds that were reached in the running month, the lowest first.
    pub reached: Vec<BudgetReached>,
    /// Those that were reached in the month before, which counts until it is closed.
    pub reached_before: Vec<BudgetReached>,
}

/// Who is meant by a budget, by name as far as there is one.
#[derive(Debug, Clone, Default)]
pub struct BudgetNames {
    /// Of the owner.
    pub owner: Option<String>,
    /// Of the sale.
    pub account: AccountNames,
    /// Of the subscription.
    pub subscription: Option<String>,
}

impl Budget {
    /// A budget in a month, with what was spent, or why that cannot be said.
    #[must_use]
    pub fn of(
        record: &BudgetRecord,
        period: Period,
        spent: Result<Money, WhyNot>,
        names: &BudgetNames,
    ) -> Self {
        let budget = &record.budget;
        let (link, subscription) = match budget.of {
            BudgetOf::Sale(link) => (Some(link), None),
            BudgetOf::Subscription(subscription) => (None, Some(subscription)),
        };
        let reached_in = |month: Period| {
            let reached = record.reached(month);
            let shown = reached.map(|(threshold, reached)| BudgetReached {
                threshold: threshold.percent(),
                at: reached.recorded.at.to_string(),
                spent: reached.spent.to_string(),
                amount: reached.amount.to_string(),
            });
            shown.collect::<Vec<_>>()
        };
        let (spent, problem) = match spent {
            Ok(spent) => (Some(spent), None),
            Err(problem) => (None, Some(problem)),
        };
        Self {
            name: budget.name.to_string(),
            owner: record.owner.to_string(),
            owner_name: names.owner.clone(),
            seller: link.map(|link| BillSeller::of(link.seller, names.account.seller.clone())),
            buyer: link.map(|link| BillBuyer::of(link.buyer, &names.account)),
            subscription_id: subscription.map(|id| id.to_string()),
            subscription_name: names.subscription.clone(),
            tag: budget.tag.as_ref().map(|tag| BudgetTag {
                name: tag.name.clone(),
                value: tag.value.clone(),
            }),
            amount: budget.amount.into(),
            thresholds: budget.thresholds.iter().map(budget::Threshold::percent).collect(),
            from: budget.from.to_string(),
            set_at: record.set.at.to_string(),
            set_by: record.set.by.to_string(),
            period: period.to_string(),
            spent: spent.map(|spent| spent.to_string()),
            percent: spent.map(|spent| percent(spent, budget.amount)),
            problem,
            reached: reached_in(period),
            reached_before: period.previous().map(reached_in).unwrap_or_default(),
        }
    }
}

fn percent(spent: Money, amount: Money) -> String {
    let hundred = Rational::from_integer(100.into());
    let part = spent.to_rational() * hundred / amount.to_rational();
    decimal_text(&part, PERCENT_PLACES).0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BudgetAsked, InvalidMember> {
        let set: SetBudget = serde_json::from_str(text).unwrap();
        set.into_domain("web".parse().unwrap())
    }

    #[test]
    fn a_budget_that_says_little_is_of_the_running_month_and_its_usual_thresholds() {
        let id = "03000000-0000-4000-8000-000000000001";
        let budget = read(&format!(
            r#"{{"subscriptionId":"{id}","amount":{{"amount":"1500","currency":"USD"}}}}"#
        ));
        let asked = budget.unwrap();
        assert_eq!((asked.owner, asked.from), (None, None));
        let budget = asked.from_month("2026-11".parse().unwrap());
        assert_eq!(budget.of, BudgetOf::Subscription(id.parse().unwrap()));
        assert_eq!(
            (budget.amount.to_string(), budget.from.to_string()),
            ("1500.00".into(), "2026-11".into())
        );
        let thresholds: Vec<u16> = budget.thresholds.iter().map(budget::Threshold::percent).collect();
        assert_eq!(thresholds, DEFAULT_THRESHOLDS);
        for (members, target) in [
            (String::new(), "buyer"),
            (format!(r#""subscriptionId":"{id}","seller":"{id}","#), "seller"),
            (
                format!(r#""subscriptionId":"{id}","buyer":{{"kind":"partner","id":"{id}"}},"#),
                "subscriptionId",
            ),
            (r#""subscriptionId":"x","#.to_owned(), "subscriptionId"),
            (format!(r#""subscriptionId":"{id}","owner":"{id}","#), "owner"),
            (format!(r#""subscriptionId":"{id}","from":"2026","#), "from"),
        ] {
            let text = format!(r#"{{{members}"amount":{{"amount":"1500","currency":"USD"}}}}"#);
            assert_eq!(read(&text).unwrap_err().target, target, "{text}");
        }
    }

    #[test]
    fn a_percentage_is_a_whole_number_where_it_is_one() {
        let usd = |cents| Money::from_minor_units(cents, domain::money::Currency::USD);
        for (spent, amount, expected) in [
            (0, 300, "0"),
            (150, 300, "50"),
            (100, 300, "33.3"),
            (900, 300, "300"),
        ] {
            assert_eq!(percent(usd(spent), usd(amount)), expected);
        }
    }
}
