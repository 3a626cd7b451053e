//! Gathering what accounts are reckoned from: usage as of marks, by books and a catalog as of some point.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::attribution::Attribution;
use domain::books::{Books as State, Closing, Mark};
use domain::catalog::{Catalog, Tariff, TariffPart};
use domain::chain::{Account, Link};
use domain::ids::{CloudId, LocalMeterId, SubscriptionId};
use domain::invoice::Inputs as InputDigests;
use domain::money::Currency;
use domain::quantity::QuantitySum;
use domain::reckoning::{Basis, Section, Used, UsedTotals, capacity_of};
use domain::statement::ChargedUsage;
use domain::time::{Hour, HourInterval, Period};
use store::{Books, Document, DocumentKey, LocalSubscriptionKey, Slice, bill_forms};

use super::reckoning::missing;
use super::terms::reads_account;
use crate::access::View;
use crate::bills::attributions;
use crate::{App, Error, Kind};

/// Everything that bills are reckoned from, as of one point.
#[derive(Clone)]
pub(super) struct Inputs {
    /// The books.
    pub(super) books: Arc<State>,
    /// Up to which delivery of each stack usage counts, by stack.
    pub(super) marks: Arc<[(CloudId, u64)]>,
    /// The meters.
    pub(super) catalog: Arc<Catalog>,
    /// The digest of these.
    pub(super) catalog_digest: [u8; 32],
    /// The hours that are known: of the running month those up to now.
    pub(super) known: HourInterval,
}

impl Inputs {
    /// What an invoice says of them.
    pub(super) fn digests(&self) -> InputDigests {
        digests(self.catalog_digest, &self.marks())
    }

    /// The marks as closing a period fixes them.
    pub(super) fn marks(&self) -> Vec<Mark> {
        let marks = self.marks.iter();
        marks
            .map(|(stack, sequence)| Mark {
                stack: *stack,
                sequence: *sequence,
            })
            .collect()
    }
}

/// What an invoice says of what it was reckoned from: of the marks, the digest of stack and number of each.
pub(super) fn digests(catalog: [u8; 32], marks: &[Mark]) -> InputDigests {
    let mut digest = blake3::Hasher::new();
    for mark in marks {
        digest.update(mark.stack.as_uuid().as_bytes());
        digest.update(&mark.sequence.to_be_bytes());
    }
    InputDigests {
        catalog,
        marks: *digest.finalize().as_bytes(),
    }
}

/// What a link sells for one subscription.
struct Sale {
    link: Link,
    tariff: Tariff,
    /// The currencies of its prices in the order of their hours; without prices that of the fee for cores.
    currencies: Vec<Currency>,
}

impl Sale {
    /// The account that usage of an hour belongs to; that without a price to the first.
    fn account_at(&self, hour: Hour) -> Option<Account> {
        let priced = self.tariff.parts().iter().find(|part| part.hours.contains(hour));
        let currency = priced.map(|part| part.currency);
        let currency = currency.or_else(|| self.currencies.first().copied())?;
        Some(Account::new(self.link, currency))
    }

    /// The prices in one currency: an account has no others.
    fn tariff_in(&self, currency: Currency) -> Tariff {
        let parts = self.tariff.parts().iter();
        let parts: Vec<TariffPart> = parts.filter(|part| part.currency == currency).cloned().collect();
        Tariff::new(parts)
    }
}

/// All that is sold for one subscription.
struct Sales {
    subscription: SubscriptionId,
    chain: Vec<Sale>,
    changes: Vec<Hour>,
}

impl Sales {
    fn of(books: &State, subscription: SubscriptionId, period: Period) -> Option<Self> {
        let subscription = books.subscription_ever(subscription)?;
        let sale = |link| {
            let tariff = books.tariff_on(link, subscription.id, period.interval());
            let mut currencies: Vec<Currency> = Vec::new();
            let fee = books.periods().terms_on(link, period).capacity_fee;
            let priced = tariff.parts().iter().map(|part| part.currency);
            for currency in priced.chain(fee.map(|fee| fee.currency)) {
                if !currencies.contains(&currency) {
                    currencies.push(currency);
                }
            }
            Sale {
                link,
                tariff,
                currencies,
            }
        };
        let chain: Vec<Sale> = books.chain_of(subscription).into_iter().map(sale).collect();
        let changes = chain.iter().flat_map(|sale| sale.tariff.changes()).collect();
        Some(Self {
            subscription: subscription.id,
            chain,
            changes,
        })
    }

    fn accounts(&self) -> impl Iterator<Item = Account> {
        self.chain.iter().flat_map(|sale| {
            let currencies = sale.currencies.iter();
            currencies.map(|currency| Account::new(sale.link, *currency))
        })
    }
}

/// The accounts that what a subscription is charged for in a period may belong to, along its chain of sale.
pub(super) fn accounts_of(books: &State, subscription: SubscriptionId, period: Period) -> Vec<Account> {
    let sales = Sales::of(books, subscription, period);
    sales.iter().flat_map(Sales::accounts).collect()
}

/// Which accounts are gathered. Nothing of any other is read or reckoned.
#[derive(Clone)]
pub(super) enum Wanted {
    /// All of them.
    All,
    /// These, whether anything was sold to them or not.
    Named(Arc<BTreeSet<Account>>),
    /// Those of which this holds.
    Where(Arc<dyn Fn(&Account) -> bool + Send + Sync>),
}

impl Wanted {
    /// These, whether anything was sold to them or not.
    pub(super) fn named(accounts: BTreeSet<Account>) -> Self {
        Self::Named(Arc::new(accounts))
    }

    /// Those whose bills are read with a view, by the rule for every bill.
    pub(super) fn read_with(books: &Arc<State>, view: View) -> Self {
        if view.everything {
            return Self::All;
        }
        let books = Arc::clone(books);
        Self::Where(Arc::new(move |account| reads_account(&books, &view, *account)))
    }

    /// Whether an account is among them.
    pub(super) fn has(&self, account: &Account) -> bool {
        match self {
            Self::All => true,
            Self::Named(accounts) => accounts.contains(account),
            Self::Where(holds) => holds(account),
        }
    }

    /// Those that are gathered even if nothing was sold to them.
    pub(super) fn by_name(&self) -> impl Iterator<Item = Account> {
        let named = match self {
            Self::Named(accounts) => Some(accounts),
            Self::All | Self::Where(_) => None,
        };
        named.into_iter().flat_map(|accounts| accounts.iter().copied())
    }
}

/// A stretch of usage, who is charged for it, and how it gets there.
pub(super) struct Piece {
    pub(super) slice: Slice,
    attribution: Attribution,
    sales: Arc<Sales>,
}

impl Piece {
    /// The accounts that it is charged to, along the chain of sale.
    pub(super) fn accounts(&self) -> impl Iterator<Item = Account> {
        let hour = self.slice.interval.start();
        self.sales
            .chain
            .iter()
            .filter_map(move |sale| sale.account_at(hour))
    }
}

/// The bases of accounts.
pub(super) type Bases = BTreeMap<Account, Basis>;

impl App {
    /// Everything as it is now.
    ///
    /// # Errors
    /// As the store.
    pub(super) async fn inputs_now(&self, known: HourInterval) -> Result<Inputs, Error> {
        self.catch_up().await?;
        let progress = self.usage.progress().await?.into_iter();
        let mut marks: Vec<(CloudId, u64)> = progress.map(|it| (it.stack, it.sequence)).collect();
        marks.sort_unstable();
        Ok(Inputs {
            books: Arc::new(self.read(State::clone)),
            marks: marks.into(),
            catalog: Arc::clone(&self.catalog),
            catalog_digest: catalog_digest(&self.catalog_document()?),
            known,
        })
    }

    /// Everything as closing a period fixed it.
    ///
    /// # Errors
    /// `UsageOlderThanClose` if deliveries that count are not there, `StoreDamaged` if the catalog is not, or as the store.
    pub(super) async fn inputs_of(&self, closing: &Closing) -> Result<Inputs, Error> {
        self.demand_deliveries(closing).await?;
        let entry = closing.begun.entry;
        let read = async {
            let books = Books::at(&*self.journal, entry).await?;
            Ok((Arc::new(books), self.catalog_of(closing.catalog).await?))
        };
        let (books, catalog) = self.as_closed.books.get(entry, read).await?;
        let marks = closing.marks.iter().map(|mark| (mark.stack, mark.sequence));
        Ok(Inputs {
            books,
            marks: marks.collect(),
            catalog,
            catalog_digest: closing.catalog,
            known: HourInterval::ALWAYS,
        })
    }

    /// Whether every delivery that counts for a period is there: without one, as in a memory that was restored from
    /// before the close, other bills would be reckoned.
    async fn demand_deliveries(&self, closing: &Closing) -> Result<(), Error> {
        let progress = self.usage.progress().await?.into_iter();
        let there: BTreeMap<CloudId, u64> = progress.map(|it| (it.stack, it.sequence)).collect();
        for Mark { stack, sequence } in &closing.marks {
            let last = there.get(stack).copied().unwrap_or_default();
            if last < *sequence {
                let period = closing.period;
                let message = format!(
                    "Closing {period} counted the usage of stack {stack} up to its delivery number {sequence}, and the \
                     last that is there has number {last}: the usage is older than the close. Nothing was reckoned. \
                     Restore a backup that was made after the close, with books and usage of one moment."
                );
                return Err(Error::new(Kind::Conflict, "UsageOlderThanClose", message));
            }
        }
        Ok(())
    }

    /// The catalog as it is kept.
    pub(super) fn catalog_document(&self) -> Result<Document, Error> {
        Ok(Document::catalog(bill_forms::encode_catalog(&self.catalog)?))
    }

    async fn catalog_of(&self, digest: [u8; 32]) -> Result<Arc<Catalog>, Error> {
        let kept = self.bills.get(DocumentKey::Catalog(digest)).await?;
        let Some(kept) = kept else {
            let key = DocumentKey::Catalog(digest);
            return Err(missing(key));
        };
        Ok(Arc::new(bill_forms::decode_catalog(&kept)?))
    }

    /// What the accounts that are wanted are reckoned from for a period. Those that nothing was sold to are among it if
    /// they are wanted by name, or committed to something.
    ///
    /// # Errors
    /// As the store.
    pub(super) async fn gather(
        &self,
        inputs: &Inputs,
        period: Period,
        wanted: &Wanted,
    ) -> Result<Bases, Error> {
        let users = self
            .usage
            .local_subscriptions_at(period.interval(), &inputs.marks)
            .await?;
        let pieces = {
            let (inputs, wanted) = (inputs.clone(), wanted.clone());
            self.compute(move |_| cut_up(&inputs, &users, period, period.interval(), &wanted))
                .await?
        };
        let slices: Vec<Slice> = pieces.iter().map(|piece| piece.slice).collect();
        let sums = self.usage.sums_at(&slices, &inputs.marks).await?;
        let (inputs, wanted) = (inputs.clone(), wanted.clone());
        self.compute(move |_| {
            let mut bases = Bases::new();
            for sum in &sums {
                let Some(piece) = pieces.get(sum.slice) else {
                    continue;
                };
                charge(&mut bases, piece, period, &wanted, sum.local_meter, &sum.quantity);
            }
            add_capacity(&mut bases, &inputs, period, &wanted);
            let committed = inputs.books.periods().committed(period);
            let committed = committed.filter(|account| wanted.has(account));
            for account in committed.chain(wanted.by_name()) {
                let nothing = || Basis::nothing(account, period);
                bases.entry(account).or_insert_with(nothing);
            }
            for basis in bases.values_mut() {
                basis.terms = inputs.books.periods().terms_on(basis.account.link(), period);
            }
            bases
        })
        .await
    }

    /// What users used in a period by what was known `then` and is `now`, whoever pays for it; `now` with how many records
    /// were revised in between.
    ///
    /// # Errors
    /// As the store.
    pub(super) async fn used_then_and_now(
        &self,
        (then, now): (&Inputs, &Inputs),
        period: Period,
        users: &BTreeSet<LocalSubscriptionKey>,
    ) -> Result<(UsedTotals, UsedTotals), Error> {
        let used_then = self.used(then, period, users).await?;
        let mut used_now = self.used(now, period, users).await?;
        let interval = period.interval();
        let slices: Vec<Slice> = users.iter().map(|of| Slice { of: *of, interval }).collect();
        for revised in self
            .usage
            .revised_between(&slices, &then.marks, &now.marks)
            .await?
        {
            if let Some(Slice { of, .. }) = slices.get(revised.slice) {
                let slice = (of.stack, of.local_subscription, revised.local_meter);
                used_now.entry(slice).or_default().revisions = revised.records;
            }
        }
        Ok((used_then, used_now))
    }

    async fn used(
        &self,
        inputs: &Inputs,
        period: Period,
        users: &BTreeSet<LocalSubscriptionKey>,
    ) -> Result<UsedTotals, Error> {
        let interval = period.interval();
        let slices: Vec<Slice> = users.iter().map(|of| Slice { of: *of, interval }).collect();
        let sums = self.usage.sums_at(&slices, &inputs.marks).await?;
        let mut totals = UsedTotals::new();
        for sum in sums {
            if let Some(Slice { of, .. }) = slices.get(sum.slice) {
                let slice = (of.stack, of.local_subscription, sum.local_meter);
                let used: &mut Used = totals.entry(slice).or_default();
                used.quantity.add(&sum.quantity);
                used.records += sum.records;
            }
        }
        Ok(totals)
    }
}

pub(super) fn catalog_digest(document: &Document) -> [u8; 32] {
    *blake3::hash(&document.bytes).as_bytes()
}

/// The local subscriptions whose usage is in some bases.
pub(super) fn users<'a>(bases: impl Iterator<Item = &'a Basis>) -> BTreeSet<LocalSubscriptionKey> {
    let sections = bases.flat_map(|basis| basis.sections.values());
    let usage = sections.flat_map(|section| &section.usage);
    usage
        .map(|used| LocalSubscriptionKey {
            stack: used.stack,
            local_subscription: used.local_subscription,
        })
        .collect()
}

/// The usage of local subscriptions in hours of a period, cut where who pays changes and where any price of the chain
/// of sale does.
pub(super) fn cut_up(
    inputs: &Inputs,
    users: &[LocalSubscriptionKey],
    period: Period,
    within: HourInterval,
    wanted: &Wanted,
) -> Vec<Piece> {
    let mut known: BTreeMap<SubscriptionId, Option<Arc<Sales>>> = BTreeMap::new();
    let mut pieces = Vec::new();
    for user in users {
        for (slice, attribution) in attributions(&inputs.books, *user, within) {
            let Some(charge) = attribution.charge else {
                continue;
            };
            let sales = known.entry(charge.payer).or_insert_with(|| {
                let sales = Sales::of(&inputs.books, charge.payer, period)?;
                let is_asked_for = sales.accounts().any(|account| wanted.has(&account));
                is_asked_for.then(|| Arc::new(sales))
            });
            let Some(sales) = sales else { continue };
            let parts = slice.interval.split_at(sales.changes.iter().copied());
            pieces.extend(parts.into_iter().map(|interval| Piece {
                slice: Slice { interval, ..slice },
                attribution,
                sales: Arc::clone(sales),
            }));
        }
    }
    pieces
}

/// Charges the usage of one piece along its chain of sale.
pub(super) fn charge(
    bases: &mut Bases,
    piece: &Piece,
    period: Period,
    wanted: &Wanted,
    local_meter: LocalMeterId,
    quantity: &QuantitySum,
) {
    let Some(charge) = piece.attribution.charge else {
        return;
    };
    let interval = piece.slice.interval;
    for sale in &piece.sales.chain {
        let account = sale.account_at(interval.start());
        let Some(account) = account.filter(|account| wanted.has(account)) else {
            continue;
        };
        let section = section(bases, account, period, sale, piece.sales.subscription);
        section.usage.push(ChargedUsage {
            stack: piece.slice.of.stack,
            local_subscription: piece.slice.of.local_subscription,
            tenant: charge.tenant,
            reason: charge.reason,
            billing_model: charge.billing_model,
            interval,
            local_meter,
            quantity: quantity.clone(),
        });
    }
}

fn section<'a>(
    bases: &'a mut Bases,
    account: Account,
    period: Period,
    sale: &Sale,
    subscription: SubscriptionId,
) -> &'a mut Section {
    let basis = bases
        .entry(account)
        .or_insert_with(|| Basis::nothing(account, period));
    basis.sections.entry(subscription).or_insert_with(|| Section {
        tariff: sale.tariff_in(account.currency),
        ..Section::default()
    })
}

/// The stacks that pay by capacity: in the currency of the fee, or, where none is agreed on, in that of the prices, so
/// that it is seen.
fn add_capacity(bases: &mut Bases, inputs: &Inputs, period: Period, wanted: &Wanted) {
    for (stack, history) in inputs.books.stacks() {
        let stated = inputs.books.periods().stated_cores(stack);
        let payers = capacity_of(stack, history, stated, period, inputs.known);
        for (subscription, used) in payers {
            let Some(sales) = Sales::of(&inputs.books, subscription, period) else {
                continue;
            };
            for sale in &sales.chain {
                let fee = inputs.books.periods().terms_on(sale.link, period).capacity_fee;
                let currency = fee.map(|fee| fee.currency);
                let currency = currency.or_else(|| sale.currencies.first().copied());
                let account = currency.map(|currency| Account::new(sale.link, currency));
                if let Some(account) = account.filter(|account| wanted.has(account)) {
                    let section = section(bases, account, period, sale, subscription);
                    section.capacity.push(used.clone());
                }
            }
        }
    }
}
