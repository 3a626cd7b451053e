//! What may be entered about terms and periods.

use std::collections::BTreeMap;

use super::{BillEntry, Mark};
use crate::books::{Books, Entry};
use crate::chain::{Buyer, Link, Seller};
use crate::ids::CloudId;
use crate::money::Currency;
use crate::profile::{InvalidProfile, Profile, Trader};
use crate::quantity::Quantity;
use crate::terms::{InvalidTerms, Terms};
use crate::time::{Hour, HourInterval, Period};

/// The most characters a reason may have.
const REASON_CHARS_MAX: usize = 500;

/// Why nothing is entered about terms and periods.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodRefused {
    /// The terms themselves.
    #[error(transparent)]
    Terms(#[from] InvalidTerms),
    /// A profile.
    #[error(transparent)]
    Profile(#[from] InvalidProfile),
    /// Nobody sells or buys under this id.
    #[error("{0} does not exist, so that nothing can be said of it on invoices; create it first")]
    UnknownTrader(Trader),
    /// Nobody sells so.
    #[error("{seller} sells nothing to {buyer}")]
    NoSuchSale {
        /// Who would sell.
        seller: Seller,
        /// Who would buy.
        buyer: Buyer,
    },
    /// Who would sell is not there.
    #[error("{0} does not exist; create it first")]
    UnknownSeller(Seller),
    /// The stack was never registered.
    #[error("stack {0} was never registered")]
    UnknownStack(CloudId),
    /// No cores, which is not how to say that the token counts.
    #[error("a stack has at least one core; leave the number out to go by its registration token")]
    NoCores,
    /// A rate of a currency to itself, or of nothing.
    #[error("expected a rate above 0 between two currencies")]
    InvalidRate,
    /// A reason that says nothing, or too much.
    #[error("expected a reason of 1 to {REASON_CHARS_MAX} characters")]
    InvalidReason,
    /// The period is closed.
    #[error("{0} is closed; what changes about it becomes corrections in the open period")]
    IsClosed(Period),
    /// The period has not ended.
    #[error("{period} can be closed from {from} on: an hour after its end")]
    TooEarly {
        /// The period.
        period: Period,
        /// The first hour in which it can be closed.
        from: Hour,
    },
    /// A stack has until the end of the period to report, and nothing is missing before.
    #[error("{0} has not ended; a stack is waived when its period has, and it has not reported all of it")]
    NotEnded(Period),
    /// Another one comes first.
    #[error("{next} comes first: periods are closed in order, and none is left out")]
    NotTheNext {
        /// The next period to be closed.
        next: Period,
    },
    /// Nothing was closed yet, and nobody said that this is where the bills begin.
    #[error(
        "{0} would be the first month that is closed, and those before it would never be invoiced, for months are closed \
         in order; if the bills begin with {0}, close it with \"first\": true, else close an earlier month first"
    )]
    WouldBeFirst(Period),
    /// Another one is being closed.
    #[error("{0} is being closed; finish that first")]
    IsClosing(Period),
    /// It is not being closed.
    #[error("closing {0} was not begun")]
    NotBegun(Period),
}

impl PeriodRefused {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Terms(_) => InvalidTerms::CODE,
            Self::Profile(_) => "InvalidProfile",
            Self::UnknownTrader(_) => "TraderNotFound",
            Self::NoSuchSale { .. } => "NoSuchSale",
            Self::UnknownSeller(_) => "UnknownSeller",
            Self::UnknownStack(_) => "StackNeverRegistered",
            Self::NoCores => "InvalidCores",
            Self::InvalidRate => "InvalidRate",
            Self::InvalidReason => "InvalidReason",
            Self::IsClosed(_) => "PeriodClosed",
            Self::TooEarly { .. } | Self::NotEnded(_) => "PeriodNotOver",
            Self::NotTheNext { .. } => "PeriodNotNext",
            Self::WouldBeFirst(_) => "FirstPeriod",
            Self::IsClosing(_) => "PeriodIsClosing",
            Self::NotBegun(_) => "ClosingNotBegun",
        }
    }
}

impl Books {
    /// Sets terms from a period on, closed ones among them: what they change there becomes corrections. Setting what is
    /// set already enters nothing.
    ///
    /// # Errors
    /// [`PeriodRefused`] if they cannot hold, or nobody sells so.
    pub fn set_terms(
        &self,
        seller: Seller,
        buyer: Option<Buyer>,
        terms: Terms,
        from: Period,
    ) -> Result<Option<Entry>, PeriodRefused> {
        terms.check(buyer.is_some())?;
        if let Seller::Partner(partner) = seller
            && self.partner(partner).is_none()
        {
            return Err(PeriodRefused::UnknownSeller(seller));
        }
        if let Some(buyer) = buyer
            && !self.sells(Link { seller, buyer })
        {
            return Err(PeriodRefused::NoSuchSale { seller, buyer });
        }
        let known = self.periods.terms_version(seller, buyer, from);
        if known.is_some_and(|(since, version)| since == from && version.terms == terms) {
            return Ok(None);
        }
        let entry = BillEntry::TermsSet {
            seller,
            buyer,
            terms,
            from,
        };
        Ok(Some(entry.into()))
    }

    /// Sets what paper says of who sells or buys. Setting what is set already enters nothing.
    ///
    /// # Errors
    /// [`PeriodRefused`] if paper cannot show it, or nobody is there.
    pub fn set_profile(&self, of: Trader, profile: Profile) -> Result<Option<Entry>, PeriodRefused> {
        profile.check()?;
        let is_there = match of {
            Trader::Platform => true,
            Trader::Partner(partner) => self.partner(partner).is_some(),
            Trader::Subscription(subscription) => self.subscription(subscription).is_some(),
        };
        if !is_there {
            return Err(PeriodRefused::UnknownTrader(of));
        }
        if self
            .periods
            .profile(of)
            .is_some_and(|known| known.profile == profile)
        {
            return Ok(None);
        }
        Ok(Some(BillEntry::ProfileSet { of, profile }.into()))
    }

    /// Whether a link is one of the chains of sale that there are: of a subscription, or of partners that could own one.
    pub(in crate::books) fn sells(&self, link: Link) -> bool {
        let partner = |id| self.partner(id);
        match link.buyer {
            Buyer::Subscription(id) => self
                .subscription_ever(id)
                .is_some_and(|subscription| self.chain_of(subscription).contains(&link)),
            Buyer::Partner(id) => partner(id).is_some_and(|buyer| {
                let from = buyer.rolls_up_to();
                match link.seller {
                    Seller::Platform => from == buyer.id,
                    Seller::Partner(seller) => from == seller && seller != buyer.id,
                }
            }),
        }
    }

    /// States how many cores a stack has in some hours, or that its token counts.
    ///
    /// # Errors
    /// [`PeriodRefused`] for a stack that was never registered, or without a core.
    pub fn state_cores(
        &self,
        stack: CloudId,
        cores: Option<u32>,
        valid: HourInterval,
    ) -> Result<Entry, PeriodRefused> {
        self.ever_registered(stack)?;
        if cores == Some(0) {
            return Err(PeriodRefused::NoCores);
        }
        Ok(BillEntry::CoresStated { stack, cores, valid }.into())
    }

    /// Sets what one unit of a currency is in another from an hour on.
    ///
    /// # Errors
    /// [`PeriodRefused::InvalidRate`].
    pub fn set_rate(
        &self,
        from: Currency,
        to: Currency,
        rate: Quantity,
        since: Hour,
    ) -> Result<Entry, PeriodRefused> {
        if from == to || rate == Quantity::ZERO {
            return Err(PeriodRefused::InvalidRate);
        }
        let entry = BillEntry::RateSet {
            from,
            to,
            rate,
            since,
        };
        Ok(entry.into())
    }

    /// Waives the rest of what a stack used in a period, which has ended in this hour.
    ///
    /// # Errors
    /// [`PeriodRefused`] without a reason, for a stack that was never registered, or for a period that has not ended, is
    /// closed or being closed.
    pub fn waive(
        &self,
        period: Period,
        now: Hour,
        stack: CloudId,
        reason: &str,
    ) -> Result<Entry, PeriodRefused> {
        let reason = reason.trim();
        if !(1..=REASON_CHARS_MAX).contains(&reason.chars().count()) {
            return Err(PeriodRefused::InvalidReason);
        }
        self.ever_registered(stack)?;
        if self.periods.closed(period).is_some() {
            return Err(PeriodRefused::IsClosed(period));
        }
        if self
            .periods
            .closing()
            .is_some_and(|closing| closing.period == period)
        {
            return Err(PeriodRefused::IsClosing(period));
        }
        if now < period.interval().end() {
            return Err(PeriodRefused::NotEnded(period));
        }
        let reason = reason.to_owned();
        let entry = BillEntry::PeriodWaived {
            period,
            stack,
            reason,
        };
        Ok(entry.into())
    }

    fn ever_registered(&self, stack: CloudId) -> Result<(), PeriodRefused> {
        let history = self.stack(stack);
        let registered = history.is_some_and(|history| !history.registration.assertions().is_empty());
        if registered {
            Ok(())
        } else {
            Err(PeriodRefused::UnknownStack(stack))
        }
    }

    /// Whether closing a period can be begun in this hour, as far as the books know: it is over for an hour, it is the
    /// next, and no other is being closed. That its usage is complete is another question.
    ///
    /// # Errors
    /// [`PeriodRefused`] naming what is in the way.
    pub fn check_closable(&self, period: Period, now: Hour) -> Result<(), PeriodRefused> {
        if self.periods.closed(period).is_some() {
            return Err(PeriodRefused::IsClosed(period));
        }
        if let Some(closing) = self.periods.closing() {
            return Err(PeriodRefused::IsClosing(closing.period));
        }
        if let Some(next) = self.periods.next_to_close()
            && next != period
        {
            return Err(PeriodRefused::NotTheNext { next });
        }
        let from = period.interval().end().plus(1);
        if now < from {
            return Err(PeriodRefused::TooEarly { period, from });
        }
        Ok(())
    }

    /// Whether bills may begin with a period. Where nothing was closed yet, that takes somebody who says so *(ours)*: the
    /// months before it are never invoiced, which cannot be undone.
    ///
    /// # Errors
    /// [`PeriodRefused::WouldBeFirst`].
    pub fn check_begins(&self, period: Period, said_to_be_first: bool) -> Result<(), PeriodRefused> {
        if said_to_be_first || self.periods.next_to_close().is_some() {
            return Ok(());
        }
        Err(PeriodRefused::WouldBeFirst(period))
    }

    /// Fixes everything that the invoices of a period are reckoned from. The marks are entered in the order of their
    /// stacks.
    ///
    /// # Errors
    /// As [`Books::check_closable`].
    pub fn begin_closing(
        &self,
        period: Period,
        now: Hour,
        mut marks: Vec<Mark>,
        catalog: [u8; 32],
    ) -> Result<Entry, PeriodRefused> {
        self.check_closable(period, now)?;
        marks.sort_unstable();
        let entry = BillEntry::ClosingBegun {
            period,
            marks,
            catalog,
        };
        Ok(entry.into())
    }

    /// Says that the invoices of the period that is being closed are there. A period that is closed already enters nothing.
    ///
    /// # Errors
    /// [`PeriodRefused::NotBegun`].
    pub fn finish_closing(
        &self,
        period: Period,
        digest: [u8; 32],
        invoices: u64,
        numbers: BTreeMap<Seller, u64>,
    ) -> Result<Option<Entry>, PeriodRefused> {
        if self.periods.closed(period).is_some() {
            return Ok(None);
        }
        let begun = self.periods.closing().filter(|closing| closing.period == period);
        begun.ok_or(PeriodRefused::NotBegun(period))?;
        let entry = BillEntry::PeriodClosed {
            period,
            digest,
            invoices,
            numbers,
        };
        Ok(Some(entry.into()))
    }
}
