//! Others are told when a budget's threshold is reached: once for each threshold and month, whoever looks and however
//! often.

use domain::books::{Books, BudgetEntry, BudgetRecord, Entry};
use domain::budget::{Budget, BudgetOf, BudgetOwner, Threshold};
use domain::chain::{Buyer, Seller};
use domain::ids::{CloudId, PartnerId};
use domain::money::Money;
use domain::notices::{Notice, NoticeKind};
use domain::time::{Hour, Period, Timestamp};

use crate::periods::names::account_names;
use crate::webhooks::{PLATFORM, named, occurrence};
use crate::{App, Error};

/// The most months that are looked at, the running one among them, where nobody closes any.
const MONTHS_LOOKED_AT: usize = 12;

/// What everything was like with the last look: where nothing has changed since, nothing is reckoned.
#[derive(Debug, Default)]
pub struct BudgetWatch {
    seen: Option<Seen>,
}

/// The hour, the entries of the books, and the deliveries of each stack.
type Seen = (Hour, u64, Vec<(CloudId, u64)>);

impl App {
    /// Looks which thresholds of budgets were reached in the running month, and in those before it that are not closed
    /// yet, and raises a notice for each. To be called every few minutes, by one server at a time. How many notices were
    /// raised. What cannot be reckoned of one budget is in the log, and keeps no other one from being told.
    ///
    /// # Errors
    /// As the store; what could not be raised is with the next look.
    pub async fn look_after_budgets(&self, watch: &mut BudgetWatch) -> Result<usize, Error> {
        self.catch_up().await?;
        let pending = self.read(|books| pending(books, self.this_hour().period()));
        if pending.is_empty() {
            return Ok(0);
        }
        let inputs = self.inputs_so_far().await?;
        let now = (self.this_hour(), inputs.books.entries(), inputs.marks.to_vec());
        if watch.seen.as_ref() == Some(&now) {
            return Ok(0);
        }
        let (mut raised, mut failed) = (0, false);
        for (period, records) in pending {
            let spent = match self.spent(&inputs, period, &records).await {
                Ok(spent) => spent,
                Err(error) => {
                    tracing::error!(%error, %period, "what was spent of budgets was not reckoned");
                    failed = true;
                    continue;
                }
            };
            let mut reached = Vec::new();
            for (record, spent) in records.into_iter().zip(spent) {
                match spent {
                    Ok(spent) if !record.newly_reached(period, spent).is_empty() => {
                        reached.push((record, spent));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        let budget = record.key();
                        tracing::error!(%error, %period, %budget, "what was spent of a budget was not reckoned");
                        failed = true;
                    }
                }
            }
            raised += self.raise_reached(period, reached).await?;
        }
        watch.seen = (!failed).then_some(now);
        Ok(raised)
    }

    /// Enters what was reached, on the latest books: of a budget that was removed meanwhile nothing was.
    async fn raise_reached(&self, period: Period, found: Vec<(BudgetRecord, Money)>) -> Result<usize, Error> {
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
                if books.periods().closed(period).is_some() {
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

/// The budgets with a threshold that was not reached yet, by month: the running one, and those before it that are open
/// still. Of one that is being closed everything is fixed already.
fn pending(books: &Books, this_month: Period) -> Vec<(Period, Vec<BudgetRecord>)> {
    let periods = books.periods();
    let is_open = |month: Period| {
        periods.closed(month).is_none() && periods.closing().is_none_or(|it| it.period != month)
    };
    let first = periods
        .next_to_close()
        .or(this_month.previous())
        .unwrap_or(this_month);
    let months = std::iter::successors(Some(this_month), |month| month.previous());
    let months = months.take(MONTHS_LOOKED_AT).take_while(|month| *month >= first);
    let mut pending: Vec<(Period, Vec<BudgetRecord>)> = months
        .filter(|month| is_open(*month))
        .map(|month| {
            let all = books.budgets().all();
            let pending = all.filter(|record| {
                record.is_pending(month) && books.is_budget_of(record.owner, record.budget.of)
            });
            (month, pending.cloned().collect())
        })
        .filter(|(_, records): &(_, Vec<BudgetRecord>)| !records.is_empty())
        .collect();
    pending.reverse();
    pending
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
