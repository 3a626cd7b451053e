//! Billing periods: which are closed, what closing fixed, and what sellers and buyers agreed on.
//!
//! A period closes in two entries. The first fixes everything that its invoices are reckoned from, by reference: the
//! books are those of that entry's own number, usage is that of the deliveries up to a mark of each stack, the catalog is
//! named by its digest. The second says that the invoices are there. Whatever happens in between, the same is reckoned
//! again.

mod decisions;

use std::collections::BTreeMap;

use super::Entry;
use crate::chain::{Account, Buyer, Link, Seller};
use crate::ids::CloudId;
use crate::money::Currency;
use crate::profile::{Profile, Trader};
use crate::quantity::Quantity;
use crate::terms::Terms;
use crate::time::{Hour, HourInterval, Period};
use crate::timeline::{Assertion, Recorded, Timeline};

pub use decisions::PeriodRefused;

/// Up to which delivery of a stack usage counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The stack.
    pub stack: CloudId,
    /// The number of the last delivery of it that counts.
    pub sequence: u64,
}

/// One fact about terms and periods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BillEntry {
    /// What a seller and a buyer, or all its buyers, agreed on from a period on. It holds until the next period from
    /// which others hold; of two for one period the later entry.
    TermsSet {
        /// Who sells.
        seller: Seller,
        /// Who buys; none for all who buy.
        buyer: Option<Buyer>,
        /// The terms, all of them.
        terms: Terms,
        /// The first period.
        from: Period,
    },
    /// What paper says of who sells or buys. It is on all that is issued from then on.
    ProfileSet {
        /// Who it is.
        of: Trader,
        /// What paper says.
        profile: Profile,
    },
    /// How many cores a stack has in some hours, whatever its token says; none to go by the token again.
    CoresStated {
        /// The stack.
        stack: CloudId,
        /// Its cores.
        cores: Option<u32>,
        /// The hours.
        valid: HourInterval,
    },
    /// What one unit of a currency is in another, from an hour on.
    RateSet {
        /// The one.
        from: Currency,
        /// The other.
        to: Currency,
        /// How many major units of the other one major unit of the one is.
        rate: Quantity,
        /// The first hour.
        since: Hour,
    },
    /// A period may be closed without the rest of what a stack used in it.
    PeriodWaived {
        /// The period.
        period: Period,
        /// The stack.
        stack: CloudId,
        /// Why.
        reason: String,
    },
    /// Everything that the invoices of a period are reckoned from was fixed.
    ClosingBegun {
        /// The period.
        period: Period,
        /// Up to where usage counts, by stack. Of a stack that is not among them nothing does.
        marks: Vec<Mark>,
        /// The digest of the catalog.
        catalog: [u8; 32],
    },
    /// The invoices of a period were issued.
    PeriodClosed {
        /// The period.
        period: Period,
        /// The digest over the digests of all its invoices, in order.
        digest: [u8; 32],
        /// How many there are.
        invoices: u64,
        /// The last number that each seller has given, of those who issued any in this period.
        numbers: BTreeMap<Seller, u64>,
    },
}

impl From<BillEntry> for Entry {
    fn from(entry: BillEntry) -> Self {
        Self::Bill(entry)
    }
}

/// Terms from some period on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsVersion {
    /// The terms.
    pub terms: Terms,
    /// Who said so, and when.
    pub recorded: Recorded,
}

/// The terms that decide one member of what holds on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecidingTerms<'a> {
    /// Whose they are: the buyer's own; none of the seller's for all buyers.
    pub buyer: Option<Buyer>,
    /// The first period that they hold for.
    pub from: Period,
    /// The first later period in which others decide the member, or none do.
    pub until: Option<Period>,
    /// The terms.
    pub version: &'a TermsVersion,
}

/// A profile that was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileVersion {
    /// What paper says.
    pub profile: Profile,
    /// Who said so, and when.
    pub recorded: Recorded,
}

/// A stack without which a period may be closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// Why.
    pub reason: String,
    /// Who said so, and when.
    pub recorded: Recorded,
}

/// What closing a period fixed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The period.
    pub period: Period,
    /// Up to where usage counts, by stack.
    pub marks: Vec<Mark>,
    /// The digest of the catalog.
    pub catalog: [u8; 32],
    /// The entry that fixed it: the books are those of its number.
    pub begun: Recorded,
}

/// A closed period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// What it was closed with.
    pub closing: Closing,
    /// The digest over the digests of all its invoices, in order.
    pub digest: [u8; 32],
    /// How many there are.
    pub invoices: u64,
    /// The last number of each seller who issued any.
    pub numbers: BTreeMap<Seller, u64>,
    /// Who closed it, and when.
    pub recorded: Recorded,
}

/// What one unit of a currency is in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeRate {
    /// How many major units of the other currency.
    pub rate: Quantity,
    /// The first hour.
    pub since: Hour,
    /// Who said so, and when.
    pub recorded: Recorded,
}

/// Terms, by the first period that they hold for.
type Versions = BTreeMap<Period, TermsVersion>;

/// Terms and billing periods.
#[derive(Debug, Clone, Default)]
pub struct Periods {
    terms: BTreeMap<(Seller, Option<Buyer>), Versions>,
    profiles: BTreeMap<Trader, ProfileVersion>,
    cores: BTreeMap<CloudId, Timeline<Option<u32>>>,
    rates: BTreeMap<(Currency, Currency), BTreeMap<Hour, ExchangeRate>>,
    waivers: BTreeMap<(Period, CloudId), Waiver>,
    closing: Option<Closing>,
    closed: BTreeMap<Period, Closed>,
    numbers: BTreeMap<Seller, u64>,
}

impl Periods {
    pub(super) fn take_in(&mut self, entry: &BillEntry, recorded: Recorded) -> Result<(), &'static str> {
        match entry {
            BillEntry::TermsSet {
                seller,
                buyer,
                terms,
                from,
            } => {
                let terms = terms.clone();
                let version = TermsVersion { terms, recorded };
                let versions = self.terms.entry((*seller, *buyer)).or_default();
                versions.insert(*from, version);
            }
            BillEntry::ProfileSet { of, profile } => {
                let profile = profile.clone();
                self.profiles.insert(*of, ProfileVersion { profile, recorded });
            }
            BillEntry::CoresStated { stack, cores, valid } => {
                self.cores.entry(*stack).or_default().assert(Assertion {
                    valid: *valid,
                    recorded,
                    value: *cores,
                });
            }
            BillEntry::RateSet {
                from,
                to,
                rate,
                since,
            } => {
                let rate = ExchangeRate {
                    rate: *rate,
                    since: *since,
                    recorded,
                };
                self.rates.entry((*from, *to)).or_default().insert(*since, rate);
            }
            BillEntry::PeriodWaived {
                period,
                stack,
                reason,
            } => {
                let reason = reason.clone();
                let waiver = Waiver { reason, recorded };
                self.waivers.insert((*period, *stack), waiver);
            }
            BillEntry::ClosingBegun {
                period,
                marks,
                catalog,
            } => {
                if self.closing.is_some() {
                    return Err("another period is being closed");
                }
                if self.next_to_close().is_some_and(|next| next != *period) {
                    return Err("the period is not the next one to be closed");
                }
                self.closing = Some(Closing {
                    period: *period,
                    marks: marks.clone(),
                    catalog: *catalog,
                    begun: recorded,
                });
            }
            BillEntry::PeriodClosed { .. } => self.close(entry, recorded)?,
        }
        Ok(())
    }

    fn close(&mut self, entry: &BillEntry, recorded: Recorded) -> Result<(), &'static str> {
        let BillEntry::PeriodClosed {
            period,
            digest,
            invoices,
            numbers,
        } = entry
        else {
            return Ok(());
        };
        if numbers
            .iter()
            .any(|(seller, last)| *last <= self.last_number(*seller))
        {
            return Err("a number of an invoice would be given twice");
        }
        let closing = self.closing.take_if(|closing| closing.period == *period);
        let closing = closing.ok_or("closing the period was not begun")?;
        self.numbers.extend(numbers);
        let closed = Closed {
            closing,
            digest: *digest,
            invoices: *invoices,
            numbers: numbers.clone(),
            recorded,
        };
        self.closed.insert(*period, closed);
        Ok(())
    }

    /// What holds on a link in a period: member by member what seller and buyer agreed on, else what the seller's terms for
    /// all its buyers say.
    #[must_use]
    pub fn terms_on(&self, link: Link, period: Period) -> Terms {
        let own = self.terms_version(link.seller, Some(link.buyer), period);
        let for_all = self.terms_version(link.seller, None, period);
        let terms = |version: Option<(Period, &TermsVersion)>| {
            version.map_or_else(Terms::default, |(_, version)| version.terms.clone())
        };
        terms(own).or(terms(for_all))
    }

    /// The terms of a seller for a buyer, or for all of them, that hold in a period, and the first period of theirs.
    #[must_use]
    pub fn terms_version(
        &self,
        seller: Seller,
        buyer: Option<Buyer>,
        period: Period,
    ) -> Option<(Period, &TermsVersion)> {
        let versions = self.terms.get(&(seller, buyer))?;
        let (from, version) = versions.range(..=period).next_back()?;
        Some((*from, version))
    }

    /// The terms that decide a member of what holds on a link in a period, as [`Self::terms_on`] merges them: the buyer's own
    /// if these say it, else the seller's for all buyers, if those do.
    #[must_use]
    pub fn terms_deciding(
        &self,
        link: Link,
        period: Period,
        says: impl Fn(&Terms) -> bool,
    ) -> Option<DecidingTerms<'_>> {
        let deciding = |period| {
            [Some(link.buyer), None].into_iter().find_map(|buyer| {
                let (from, version) = self.terms_version(link.seller, buyer, period)?;
                says(&version.terms).then_some((buyer, from, version))
            })
        };
        let (buyer, from, version) = deciding(period)?;
        let all = [Some(link.buyer), None].into_iter();
        let versions = all.filter_map(|buyer| self.terms.get(&(link.seller, buyer)));
        let firsts = versions.flat_map(BTreeMap::keys).copied();
        let ends = firsts.filter(|first| {
            let same = deciding(*first).is_some_and(|(.., other)| other.recorded == version.recorded);
            *first > period && !same
        });
        Some(DecidingTerms {
            buyer,
            from,
            until: ends.min(),
            version,
        })
    }

    /// All terms, by seller, buyer and first period; those that others for the same period replaced are not among them.
    pub fn terms(&self) -> impl Iterator<Item = (Seller, Option<Buyer>, Period, &TermsVersion)> {
        self.terms.iter().flat_map(|((seller, buyer), versions)| {
            let versions = versions.iter();
            versions.map(move |(from, version)| (*seller, *buyer, *from, version))
        })
    }

    /// What paper says of who sells or buys, if somebody set it.
    #[must_use]
    pub fn profile(&self, of: Trader) -> Option<&ProfileVersion> {
        self.profiles.get(&of)
    }

    /// The accounts to which something is to be charged in a period even if nothing was used: those with a minimum
    /// commitment, in its currency.
    pub fn committed(&self, period: Period) -> impl Iterator<Item = Account> {
        self.terms.iter().filter_map(move |((seller, buyer), versions)| {
            let (_, version) = versions.range(..=period).next_back()?;
            let (seller, buyer) = (*seller, (*buyer)?);
            let currency = version.terms.minimum_commitment?.currency();
            Some(Account::new(Link { seller, buyer }, currency))
        })
    }

    /// The cores that were stated for a stack; where there are none its token counts.
    #[must_use]
    pub fn stated_cores(&self, stack: CloudId) -> Option<&Timeline<Option<u32>>> {
        self.cores.get(&stack)
    }

    /// What one unit of a currency is in another in an hour, if somebody said so.
    #[must_use]
    pub fn rate(&self, from: Currency, to: Currency, at: Hour) -> Option<&ExchangeRate> {
        let rates = self.rates.get(&(from, to))?;
        rates.range(..=at).next_back().map(|(_, rate)| rate)
    }

    /// All exchange rates, by currencies and first hour; those that others for the same hour replaced are not among them.
    pub fn rates(&self) -> impl Iterator<Item = (Currency, Currency, ExchangeRate)> {
        self.rates
            .iter()
            .flat_map(|((from, to), rates)| rates.values().map(move |rate| (*from, *to, *rate)))
    }

    /// Whether and why a period may be closed without the rest of what a stack used in it.
    #[must_use]
    pub fn waiver(&self, period: Period, stack: CloudId) -> Option<&Waiver> {
        self.waivers.get(&(period, stack))
    }

    /// The stacks without which a period may be closed, by id.
    pub fn waivers(&self, period: Period) -> impl Iterator<Item = (CloudId, &Waiver)> {
        let of_period = self.waivers.iter().filter(move |((of, _), _)| *of == period);
        of_period.map(|((_, stack), waiver)| (*stack, waiver))
    }

    /// The period that is being closed.
    #[must_use]
    pub const fn closing(&self) -> Option<&Closing> {
        self.closing.as_ref()
    }

    /// A closed period.
    #[must_use]
    pub fn closed(&self, period: Period) -> Option<&Closed> {
        self.closed.get(&period)
    }

    /// Every closed period, the earliest first.
    pub fn all_closed(&self) -> impl DoubleEndedIterator<Item = &Closed> {
        self.closed.values()
    }

    /// The period after the last that was closed; none if none was: then any can be the first.
    #[must_use]
    pub fn next_to_close(&self) -> Option<Period> {
        let (last, _) = self.closed.last_key_value()?;
        last.next()
    }

    /// The last number that a seller gave an invoice; 0 if there is none.
    #[must_use]
    pub fn last_number(&self, seller: Seller) -> u64 {
        self.numbers.get(&seller).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
