//! Price lists that follow others, and drafts of versions that are not published yet.
//!
//! A version that follows another list is never written out: in each hour its prices are made from those that the base
//! has in that hour, so a new version of the base changes what follows it. That they can be made is decided whenever a
//! version is published, of the list itself and of all that follow it.

use std::collections::BTreeSet;

use super::{Books, Entry, PublishedPriceList, Refused};
use crate::catalog::{
    DERIVATION_DEPTH_MAX, Derivation, PriceList, PriceListName, Prices, Pricing, TooManyDigits,
};
use crate::time::{Hour, HourInterval};
use crate::timeline::{Assertion, Recorded, Timeline};

/// A version of a price list that somebody prepares. One list has one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceDraft {
    /// The list; it need not be there yet.
    pub list: PriceList,
    /// What the version would say.
    pub pricing: Pricing,
    /// The first hour it would price.
    pub from: Hour,
}

/// A version of a price list that makes the prices of an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceVersion {
    /// The list.
    pub list: PriceList,
    /// The hours around that one in which it holds.
    pub hours: HourInterval,
    /// Who published it, and when.
    pub recorded: Recorded,
}

/// One fact about price lists that follow others, or about drafts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceEntry {
    /// A version that follows another list was published.
    Derived {
        /// The list.
        list: PriceList,
        /// What it follows, and how.
        derivation: Derivation,
        /// The first hour this version prices. It does until the next version that was published before.
        from: Hour,
    },
    /// A version was drafted, in place of the draft of this list that there may have been.
    Drafted(PriceDraft),
    /// The draft of a list was given up, or published with the entry before this one.
    DraftDropped(PriceListName),
}

impl From<PriceEntry> for Entry {
    fn from(entry: PriceEntry) -> Self {
        Self::Price(entry)
    }
}

/// Why a version cannot follow another list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DerivationRefused {
    /// The base is not there.
    #[error("price list '{0}' does not exist, so no prices follow from it")]
    UnknownBase(PriceListName),
    /// The base has another currency.
    #[error("price list '{0}' has another currency; a list follows one of its own currency only")]
    OtherCurrency(PriceListName),
    /// The base has no prices yet in the first hour.
    #[error(
        "price list '{base}' has its first prices at {first}; expected an effectiveFrom of then or later"
    )]
    BaseBeginsLater {
        /// The base.
        base: PriceListName,
        /// Its first hour.
        first: Hour,
    },
    /// The list would follow itself.
    #[error("price list '{0}' follows this one, so this one cannot follow it")]
    Cycle(PriceListName),
    /// Too many lists would follow one another.
    #[error("expected at most {DERIVATION_DEPTH_MAX} lists that follow one another")]
    TooDeep,
    /// The least change is larger than the most.
    #[error("expected a minimumChange that is not above the maximumChange")]
    MinimumAboveMaximum,
    /// A price could not be written exactly.
    #[error("in price list '{list}', {error}")]
    TooManyDigits {
        /// The list: this one, or one that follows it.
        list: PriceListName,
        /// Whose price.
        error: TooManyDigits,
    },
}

impl DerivationRefused {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownBase(_) => "BasePriceListNotFound",
            Self::OtherCurrency(_) => "BasePriceListInOtherCurrency",
            Self::BaseBeginsLater { .. } => "BasePriceListBeginsLater",
            Self::Cycle(_) => "PriceListFollowsItself",
            Self::TooDeep => "PriceListsTooDeep",
            Self::MinimumAboveMaximum => "MinimumChangeAboveMaximum",
            Self::TooManyDigits { .. } => "DerivedPriceTooManyDigits",
        }
    }

    /// The member of the request that is at fault.
    #[must_use]
    pub const fn target(&self) -> &'static str {
        match self {
            Self::UnknownBase(_) | Self::OtherCurrency(_) | Self::Cycle(_) | Self::TooDeep => {
                "derivedFrom.base"
            }
            Self::BaseBeginsLater { .. } => "effectiveFrom",
            Self::MinimumAboveMaximum => "derivedFrom.minimumChange",
            Self::TooManyDigits { .. } => "prices",
        }
    }
}

/// A version that is supposed to be published.
#[derive(Clone, Copy)]
struct Supposed<'a> {
    name: &'a PriceListName,
    pricing: &'a Pricing,
    valid: HourInterval,
}

impl Books {
    /// The prices that a list has in an hour: its own, or those that follow from its base's of that hour. None if the
    /// list is not there, or has no version for the hour.
    #[must_use]
    pub fn prices_of(&self, name: &PriceListName, hour: Hour) -> Option<Prices> {
        // Refused at publishing and when the books are read, so that it never fails.
        self.prices_at(name, hour, None).ok().flatten()
    }

    /// The versions that make the prices that a list has in an hour: its own, then that of the list which it follows, and so
    /// on; each with the hours around that one in which it holds.
    #[must_use]
    pub fn price_versions(&self, name: &PriceListName, hour: Hour) -> Vec<PriceVersion> {
        let mut found: Vec<PriceVersion> = Vec::new();
        let mut next = Some(name);
        while let Some(published) = next.and_then(|name| self.price_lists.get(name)) {
            // Lists never follow each other in a circle; if they did, this ends all the same.
            let is_new = found.iter().all(|known| known.list.name != published.list.name);
            let Some(version) = published.versions.at(hour).filter(|_| is_new) else {
                break;
            };
            // It was published for all hours from its first on; others that were published since took some of them.
            let held = published.versions.segments(version.valid).into_iter();
            let mut held = held.map(|(hours, _)| hours).filter(|hours| hours.contains(hour));
            found.push(PriceVersion {
                list: published.list.clone(),
                hours: held.next().unwrap_or(version.valid),
                recorded: version.recorded,
            });
            next = version.value.derivation().map(|it| &it.base);
        }
        found
    }

    /// The prices that a version would have in an hour.
    ///
    /// # Errors
    /// [`DerivationRefused`] if they could not be written exactly.
    pub fn prices_from(
        &self,
        name: &PriceListName,
        pricing: &Pricing,
        hour: Hour,
    ) -> Result<Prices, DerivationRefused> {
        let supposed = Supposed {
            name,
            pricing,
            valid: HourInterval::from(hour),
        };
        let prices = self.prices_at(name, hour, Some(supposed));
        let list = name.clone();
        prices
            .map(Option::unwrap_or_default)
            .map_err(|error| DerivationRefused::TooManyDigits { list, error })
    }

    fn prices_at(
        &self,
        name: &PriceListName,
        hour: Hour,
        supposed: Option<Supposed<'_>>,
    ) -> Result<Option<Prices>, TooManyDigits> {
        let pricing = match supposed {
            Some(version) if version.name == name && version.valid.contains(hour) => Some(version.pricing),
            _ => self
                .price_lists
                .get(name)
                .and_then(|published| published.versions.at(hour))
                .map(|version| &version.value),
        };
        match pricing {
            None => Ok(None),
            Some(Pricing::Own(prices)) => Ok(Some(prices.clone())),
            Some(Pricing::Derived(derivation)) => {
                let base = self.prices_at(&derivation.base, hour, supposed)?;
                derivation.prices(&base.unwrap_or_default()).map(Some)
            }
        }
    }

    /// The hours at which the prices of a list may change: where a version of it begins or ends, or one of a list that it
    /// follows in any version.
    pub(super) fn price_changes(&self, name: &PriceListName) -> Vec<Hour> {
        let lists = self.with_bases(name);
        let versions = lists.iter().flat_map(|it| it.versions.assertions());
        versions
            .flat_map(|version| [version.valid.start(), version.valid.end()])
            .collect()
    }

    /// The number of the last entry that changed the draft of a list, the list, or one that either follows: what a draft
    /// is compared with is the same for as long as this is.
    #[must_use]
    pub fn draft_revision(&self, name: &PriceListName) -> Option<u64> {
        let (draft, recorded) = self.price_drafts.get(name)?;
        let base = draft.pricing.derivation().map(|it| &it.base);
        let lists = [Some(name), base]
            .into_iter()
            .flatten()
            .flat_map(|name| self.with_bases(name));
        let versions = lists.flat_map(|it| it.versions.assertions());
        let entries = versions.map(|version| version.recorded.entry);
        entries.chain([recorded.entry]).max()
    }

    /// The draft of a list, and who drafted it when.
    #[must_use]
    pub fn price_draft(&self, name: &PriceListName) -> Option<&(PriceDraft, Recorded)> {
        self.price_drafts.get(name)
    }

    /// Every draft, by the name of its list.
    pub fn price_drafts(&self) -> impl Iterator<Item = &(PriceDraft, Recorded)> {
        self.price_drafts.values()
    }

    /// Drafts a version. The same draft again enters nothing.
    ///
    /// # Errors
    /// [`Refused`] if it could not be published, or another draft is for the same seller and buyer.
    pub fn draft_prices(&self, draft: PriceDraft) -> Result<Option<Entry>, Refused> {
        self.publish_price_list(draft.list.clone(), draft.pricing.clone(), draft.from)?;
        let others = self.price_drafts().map(|(other, _)| &other.list);
        let mut others = others.filter(|it| it.name != draft.list.name);
        if let Some(other) = others.find(|it| it.scope == draft.list.scope) {
            return Err(Refused::ScopeTaken(other.name.to_string()));
        }
        match self.price_draft(&draft.list.name) {
            Some((known, _)) if *known == draft => Ok(None),
            _ => Ok(Some(PriceEntry::Drafted(draft).into())),
        }
    }

    /// A list, and all that it follows in any of its versions.
    fn with_bases(&self, name: &PriceListName) -> Vec<&PublishedPriceList> {
        let mut seen = BTreeSet::new();
        let (mut next, mut lists) = (vec![name], Vec::new());
        while let Some(name) = next.pop() {
            if let Some(list) = self.price_lists.get(name).filter(|_| seen.insert(name)) {
                lists.push(list);
                next.extend(bases(list));
            }
        }
        lists
    }

    /// The lists that follow this one in any of their versions, whatever comes between.
    fn followers(&self, name: &PriceListName) -> BTreeSet<&PriceListName> {
        let mut found: BTreeSet<&PriceListName> = BTreeSet::new();
        let mut next = vec![name];
        while let Some(name) = next.pop() {
            if !self.price_bases.contains(name) {
                continue;
            }
            let follow = self.price_lists.values().filter(|it| bases(it).contains(name));
            let new: Vec<_> = follow
                .map(|it| &it.list.name)
                .filter(|it| found.insert(it))
                .collect();
            next.extend(new);
        }
        found
    }

    /// How many lists follow one another, from this one to the one with its own prices that is farthest away.
    fn depth(&self, name: &PriceListName) -> usize {
        let list = self.price_lists.get(name);
        let below = list.into_iter().flat_map(bases).map(|base| 1 + self.depth(base));
        below.max().unwrap_or(0)
    }

    /// Whether a version can be what it says, and all that follows the list what it says then.
    pub(super) fn check_derivation(
        &self,
        list: &PriceList,
        pricing: &Pricing,
        from: Hour,
    ) -> Result<(), DerivationRefused> {
        let followers = self.followers(&list.name);
        if let Some(derivation) = pricing.derivation() {
            self.check_base(list, derivation, from, &followers)?;
        } else if followers.is_empty() {
            return Ok(());
        }
        let supposed = Supposed {
            name: &list.name,
            pricing,
            valid: self.hours_of_version(&list.name, from),
        };
        let base = pricing.derivation().map(|it| &it.base);
        for name in followers.into_iter().chain([&list.name]) {
            let mut hours = self.price_changes(name);
            hours.extend(base.into_iter().flat_map(|base| self.price_changes(base)));
            hours.push(from);
            for hour in hours.into_iter().filter(|hour| supposed.valid.contains(*hour)) {
                let prices = self.prices_at(name, hour, Some(supposed));
                let refused = |error| DerivationRefused::TooManyDigits {
                    list: name.clone(),
                    error,
                };
                prices.map_err(refused)?;
            }
        }
        Ok(())
    }

    fn check_base(
        &self,
        list: &PriceList,
        derivation: &Derivation,
        from: Hour,
        followers: &BTreeSet<&PriceListName>,
    ) -> Result<(), DerivationRefused> {
        let name = || derivation.base.clone();
        if derivation.base == list.name || followers.contains(&derivation.base) {
            return Err(DerivationRefused::Cycle(name()));
        }
        let Some(base) = self.price_lists.get(&derivation.base) else {
            return Err(DerivationRefused::UnknownBase(name()));
        };
        if base.list.currency != list.currency {
            return Err(DerivationRefused::OtherCurrency(name()));
        }
        let starts = base
            .versions
            .assertions()
            .iter()
            .map(|version| version.valid.start());
        match starts.min() {
            Some(first) if first > from => {
                return Err(DerivationRefused::BaseBeginsLater { base: name(), first });
            }
            _ => {}
        }
        if matches!(
            (derivation.minimum_change, derivation.maximum_change),
            (Some(least), Some(most)) if least > most
        ) {
            return Err(DerivationRefused::MinimumAboveMaximum);
        }
        let itself = self.depth(&list.name);
        let above = followers
            .iter()
            .map(|it| self.depth(it).saturating_sub(itself))
            .max();
        if 1 + self.depth(&derivation.base) + above.unwrap_or(0) > DERIVATION_DEPTH_MAX {
            return Err(DerivationRefused::TooDeep);
        }
        Ok(())
    }

    /// From an hour until the next version that is there already: publishing one never cancels another.
    fn hours_of_version(&self, name: &PriceListName, from: Hour) -> HourInterval {
        let versions = self
            .price_lists
            .get(name)
            .into_iter()
            .flat_map(|it| it.versions.assertions());
        let later = versions
            .map(|version| version.valid.start())
            .filter(|start| *start > from);
        let until = later.min().unwrap_or(Hour::MAX);
        HourInterval::new(from, until).unwrap_or(HourInterval::from(from))
    }

    pub(super) fn take_in_version(
        &mut self,
        list: &PriceList,
        pricing: Pricing,
        from: Hour,
        recorded: Recorded,
    ) -> Result<(), &'static str> {
        self.check_derivation(list, &pricing, from)
            .map_err(|_| "the price list cannot follow its base")?;
        if from >= Hour::MAX {
            return Err("the version holds for no hour");
        }
        let valid = self.hours_of_version(&list.name, from);
        let published = self
            .price_lists
            .entry(list.name.clone())
            .or_insert_with(|| PublishedPriceList {
                list: list.clone(),
                versions: Timeline::default(),
            });
        if published.list != *list {
            return Err("the price list had another scope or currency");
        }
        self.price_bases
            .extend(pricing.derivation().map(|it| it.base.clone()));
        published.versions.assert(Assertion {
            valid,
            recorded,
            value: pricing,
        });
        Ok(())
    }

    pub(super) fn take_in_price(
        &mut self,
        entry: &PriceEntry,
        recorded: Recorded,
    ) -> Result<(), &'static str> {
        match entry {
            PriceEntry::Derived {
                list,
                derivation,
                from,
            } => self.take_in_version(list, Pricing::Derived(derivation.clone()), *from, recorded),
            PriceEntry::Drafted(draft) => {
                let name = draft.list.name.clone();
                self.price_drafts.insert(name, (draft.clone(), recorded));
                Ok(())
            }
            PriceEntry::DraftDropped(name) => {
                let dropped = self.price_drafts.remove(name);
                dropped.map(drop).ok_or("the price list has no draft")
            }
        }
    }
}

/// The lists that this one follows in any of its versions.
fn bases(list: &PublishedPriceList) -> BTreeSet<&PriceListName> {
    let versions = list.versions.assertions().iter();
    let bases = versions.filter_map(|version| version.value.derivation().map(|it| &it.base));
    bases.collect()
}

#[cfg(test)]
mod tests;
