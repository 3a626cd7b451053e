//! Others are told when a budget's threshold is reached: once for each threshold and month, whoever looks and however
//! often.

use domain::books::{Books, BudgetEntry, BudgetRecord, Entry};
use domain::budget::{Budget, BudgetOf, BudgetOwner, Threshold};
use domain::chain::{Buyer, Seller};
use domain::ids::PartnerId;
use domain::money::Money;
use domain::notices::{Notice, NoticeKind};
use domain::time::{Period, Timestamp};

use super::looking::is_open;
use crate::periods::names::account_names;
use crate::webhooks::{PLATFORM, named, occurrence};
use crate::{App, Error};

impl App {
    /// Enters what was reached, on the latest books: of a budget that was removed meanwhile nothing was.
    pub(super) async fn raise_reached(
        &self,
        period: Period,
        found: Vec<(BudgetRecord, Money)>,
    ) -> Result<usize, Error> {
        if found.is_empty() {
            return Ok(0);
        }
        let now = self.clock.now();
        self.enter(PLATFORM, |books| {
            let mut entries: Vec<Entry> = Vec::new();
            let mut raised = 0;
            for (was, spent) in &found {
                let is = books.budgets().get(&was.key());
                let Some(is) = is.filter(|is| is.created == was.created) else {
                    continue;
                };
                if !is_open(books, period) {
                    continue;
                }
                for threshold in is.newly_reached(period, *spent) {
                    let reached = BudgetEntry::Reached {
                        owner: Some(is.owner),
                        budget: is.budget.name.clone(),
                        period,
                        threshold,
                        spent: *spent,
                    };
                    let told = books.raise_notice(&notice(books, is, period, threshold, *spent, now));
                    raised += usize::from(told.is_some());
                    entries.push(reached.into());
                    entries.extend(told);
                }
            }
            Ok((entries, raised))
        })
        .await
    }
}

fn notice(
    books: &Books,
    record: &BudgetRecord,
    period: Period,
    threshold: Threshold,
    spent: Money,
    now: Timestamp,
) -> Notice {
    let Budget {
        name,
        of,
        tag,
        amount,
        ..
    } = &record.budget;
    let currency = amount.currency();
    let mut data = named([
        ("budget", name.to_string()),
        ("owner", record.owner.to_string()),
        ("period", period.to_string()),
        ("threshold", threshold.to_string()),
        ("spent", spent.to_string()),
        ("amount", amount.to_string()),
        ("currency", currency.to_string()),
    ]);
    let mut say = |name: &str, value: String| data.insert(name.to_owned(), value);
    if let Some(link) = books.budgeted_sale(*of) {
        let seller = match link.seller {
            Seller::Platform => "platform".to_owned(),
            Seller::Partner(partner) => partner.to_string(),
        };
        let buyer = match link.buyer {
            Buyer::Partner(partner) => format!("partner:{partner}"),
            Buyer::Subscription(subscription) => format!("subscription:{subscription}"),
        };
        say("seller", seller);
        say("buyer", buyer);
    }
    if let BudgetOf::Subscription(subscription) = of {
        say("subscriptionId", subscription.to_string());
    }
    if let Some(tag) = tag {
        say("tag", tag.to_string());
    }
    let with_tag = tag
        .as_ref()
        .map_or_else(String::new, |tag| format!(" for resources tagged {tag}"));
    Notice {
        id: occurrence(&[
            NoticeKind::BudgetReached.as_str(),
            name.as_ref(),
            &record.created.entry.to_string(),
            &period.to_string(),
            &threshold.to_string(),
        ]),
        kind: NoticeKind::BudgetReached,
        occurred: now,
        stack: None,
        partner: told(books, record),
        subject: name.to_string(),
        text: format!(
            "Budget {name}: {} has spent {spent} of {amount} {currency}{with_tag} in {period}, at least {threshold} % of \
             it.",
            spender(books, *of)
        ),
        data,
    }
}

/// Whose webhooks are told: the owner's and nobody else's. None for the platform, whose webhooks are told of everything.
/// Customers have no webhooks: what they set is told to whom they buy from.
fn told(books: &Books, record: &BudgetRecord) -> Option<PartnerId> {
    match record.owner {
        BudgetOwner::Platform => None,
        BudgetOwner::Partner(partner) => Some(partner),
        BudgetOwner::Subscription(_) => {
            let sale = books.budgeted_sale(record.budget.of)?;
            match (sale.seller, sale.buyer) {
                (Seller::Partner(partner), _) | (_, Buyer::Partner(partner)) => Some(partner),
                (Seller::Platform, Buyer::Subscription(_)) => None,
            }
        }
    }
}

/// Who spends, by name as far as there is one.
fn spender(books: &Books, of: BudgetOf) -> String {
    let link = match of {
        BudgetOf::Sale(link) => link,
        BudgetOf::Subscription(subscription) => {
            let known = books.subscription_ever(subscription);
            let id = || format!("subscription {subscription}");
            return known.map_or_else(id, |it| format!("{} (subscription {subscription})", it.name));
        }
    };
    match account_names(books, link.seller, Some(link.buyer)).buyer {
        Some(name) => format!("{name} ({})", link.buyer),
        None => link.buyer.to_string(),
    }
}
