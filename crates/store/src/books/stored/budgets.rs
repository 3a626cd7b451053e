//! The stored form of entries about budgets.

use domain::books::BudgetEntry;
use domain::budget::{Budget, BudgetName, BudgetOf, BudgetOwner, Tag, Threshold, Thresholds};
use domain::chain::Link;
use domain::ids::{PartnerId, SubscriptionId};
use domain::time::Period;
use serde::{Deserialize, Serialize};

use super::Unreadable;
use super::bills::{StoredBuyer, StoredMoney, seller, stored_seller};
use super::parts::Text;

/// An entry about budgets, version 1. Variants and members are those of [`BudgetEntry`]. Those from before budgets had
/// owners have no `owner`.
#[derive(Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum StoredBudgetEntry {
    Set {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<Text<BudgetOwner>>,
        name: Text<BudgetName>,
        of: StoredBudgetOf,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tag: Option<StoredTag>,
        amount: StoredMoney,
        thresholds: Vec<u16>,
        from: Text<Period>,
    },
    Removed {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<Text<BudgetOwner>>,
        budget: Text<BudgetName>,
    },
    Reached {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<Text<BudgetOwner>>,
        budget: Text<BudgetName>,
        period: Text<Period>,
        threshold: u16,
        spent: StoredMoney,
    },
}

/// Whose spending. The platform is the seller that is not named.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum StoredBudgetOf {
    Sale {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seller: Option<Text<PartnerId>>,
        buyer: StoredBuyer,
    },
    Subscription(Text<SubscriptionId>),
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredTag {
    name: String,
    value: String,
}

impl From<BudgetOf> for StoredBudgetOf {
    fn from(of: BudgetOf) -> Self {
        match of {
            BudgetOf::Sale(link) => Self::Sale {
                seller: stored_seller(link.seller),
                buyer: link.buyer.into(),
            },
            BudgetOf::Subscription(subscription) => Self::Subscription(Text(subscription)),
        }
    }
}

impl From<StoredBudgetOf> for BudgetOf {
    fn from(stored: StoredBudgetOf) -> Self {
        match stored {
            StoredBudgetOf::Sale { seller: by, buyer } => Self::Sale(Link {
                seller: seller(by),
                buyer: buyer.into(),
            }),
            StoredBudgetOf::Subscription(subscription) => Self::Subscription(subscription.0),
        }
    }
}

impl From<&BudgetEntry> for StoredBudgetEntry {
    fn from(entry: &BudgetEntry) -> Self {
        match entry {
            BudgetEntry::Set { owner, budget } => Self::Set {
                owner: owner.map(Text),
                name: Text(budget.name.clone()),
                of: budget.of.into(),
                tag: budget.tag.as_ref().map(|tag| StoredTag {
                    name: tag.name.clone(),
                    value: tag.value.clone(),
                }),
                amount: budget.amount.into(),
                thresholds: budget.thresholds.iter().map(Threshold::percent).collect(),
                from: Text(budget.from),
            },
            BudgetEntry::Removed { owner, budget } => Self::Removed {
                owner: owner.map(Text),
                budget: Text(budget.clone()),
            },
            BudgetEntry::Reached {
                owner,
                budget,
                period,
                threshold,
                spent,
            } => Self::Reached {
                owner: owner.map(Text),
                budget: Text(budget.clone()),
                period: Text(*period),
                threshold: threshold.percent(),
                spent: (*spent).into(),
            },
        }
    }
}

impl TryFrom<StoredBudgetEntry> for BudgetEntry {
    type Error = Unreadable;

    fn try_from(stored: StoredBudgetEntry) -> Result<Self, Unreadable> {
        Ok(match stored {
            StoredBudgetEntry::Set {
                owner,
                name,
                of,
                tag,
                amount,
                thresholds: percentages,
                from,
            } => Self::Set {
                owner: owner.map(|owner| owner.0),
                budget: Budget {
                    name: name.0,
                    of: of.into(),
                    tag: tag.map(|StoredTag { name, value }| Tag { name, value }),
                    amount: amount.into(),
                    thresholds: thresholds(&percentages)?,
                    from: from.0,
                },
            },
            StoredBudgetEntry::Removed { owner, budget } => Self::Removed {
                owner: owner.map(|owner| owner.0),
                budget: budget.0,
            },
            StoredBudgetEntry::Reached {
                owner,
                budget,
                period,
                threshold,
                spent,
            } => {
                let one = thresholds(&[threshold])?;
                let threshold = one.iter().next();
                let threshold = threshold.ok_or_else(|| Unreadable::Value("no threshold".to_owned()))?;
                Self::Reached {
                    owner: owner.map(|owner| owner.0),
                    budget: budget.0,
                    period: period.0,
                    threshold,
                    spent: spent.into(),
                }
            }
        })
    }
}

fn thresholds(percentages: &[u16]) -> Result<Thresholds, Unreadable> {
    Thresholds::new(percentages).map_err(|invalid| Unreadable::Value(invalid.to_string()))
}
