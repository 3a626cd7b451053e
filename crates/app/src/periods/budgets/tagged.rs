//! What was spent on resources with tags: the usage of an account is read once for all the tags that budgets of it have.
//!
//! What one tag comes to depends on no other one: usage is read cut where any of them comes or goes, and put together
//! again for each as if it were alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use domain::budget::Tag;
use domain::ids::LocalMeterId;
use domain::money::{Money, MoneyError};
use domain::quantity::QuantitySum;
use domain::reckoning::Basis;
use domain::time::{Hour, HourInterval};
use store::{ResourceSum, Slice, TaggedHours};

use crate::periods::gathering::Inputs;
use crate::periods::papers::charts::{Stretch, charged, piece, slices, stretches};
use crate::{App, Error, Kind};

/// The most pieces into which usage is cut where resources get tags or lose them. Nobody sets tags so often.
pub(crate) const PIECES_MAX: usize = 100_000;

/// The hours in which stretches of usage are cut, by their places.
type Cuts = BTreeMap<usize, BTreeSet<Hour>>;

/// Some hours of a stretch, by its place.
type Part = (usize, HourInterval);

/// The usage of a basis, in stretches of one user and one price.
struct Usage {
    basis: Basis,
    stretches: Vec<Stretch>,
}

impl Usage {
    fn of(basis: Basis) -> Self {
        let stretches = stretches(&basis).into_values().collect();
        Self { basis, stretches }
    }

    fn whole(&self) -> Vec<Slice> {
        slices(self.stretches.iter().map(|it| (it, it.used.interval)))
    }

    fn slices_of(&self, parts: &[Part]) -> Vec<Slice> {
        let known = parts
            .iter()
            .filter_map(|(place, interval)| Some((self.stretches.get(*place)?, *interval)));
        slices(known)
    }

    fn pieces(&self, cuts: &Cuts) -> usize {
        self.stretches.len() + cuts.values().map(BTreeSet::len).sum::<usize>()
    }

    /// The stretches, cut up: in order of places and hours.
    fn parts(&self, cuts: &Cuts) -> Vec<Part> {
        let places = self.stretches.iter().enumerate();
        let parts = places.flat_map(|(place, stretch)| {
            let cuts = cuts.get(&place).into_iter().flatten().copied();
            let parts = stretch.used.interval.split_at(cuts);
            parts.into_iter().map(move |interval| (place, interval))
        });
        parts.collect()
    }
}

/// Where and when resources carry one tag.
#[derive(Default)]
struct Carried {
    /// By the place of the stretch, the meter and the resource.
    hours: HashMap<(usize, LocalMeterId, Arc<str>), Vec<HourInterval>>,
    /// Where that begins or ends inside a stretch.
    cuts: Cuts,
}

impl Carried {
    fn add(&mut self, usage: &Usage, tagged: TaggedHours) {
        let whole = usage.stretches.get(tagged.slice).map(|it| it.used.interval);
        let edges = [tagged.hours.start(), tagged.hours.end()].into_iter();
        let inside = |edge: &Hour| whole.is_some_and(|it| it.start() < *edge && *edge < it.end());
        let inside: BTreeSet<Hour> = edges.filter(inside).collect();
        if !inside.is_empty() {
            self.cuts.entry(tagged.slice).or_default().extend(inside);
        }
        let series = (tagged.slice, tagged.local_meter, tagged.resource_uri);
        self.hours.entry(series).or_default().push(tagged.hours);
    }

    /// What usage that was read in these parts, or finer ones, is charged where it carries the tag: the amounts of its
    /// lines are split between what carries the tag and what does not in proportion to quantities, so that both sum to the
    /// lines.
    fn spent(
        &self,
        usage: &Usage,
        inputs: &Inputs,
        read: &[Part],
        sums: &[ResourceSum],
    ) -> Result<Money, MoneyError> {
        let parts = usage.parts(&self.cuts);
        let mut split: BTreeMap<(usize, LocalMeterId, bool), QuantitySum> = BTreeMap::new();
        for sum in sums {
            let Some((place, interval)) = read.get(sum.slice).copied() else {
                continue;
            };
            let start = interval.start();
            let ends_before = |(other, part): &Part| *other < place || *other == place && part.end() <= start;
            let part = parts.partition_point(ends_before);
            let series = (place, sum.local_meter, Arc::clone(&sum.resource_uri));
            let hours = self.hours.get(&series);
            let carries = hours.is_some_and(|hours| hours.iter().any(|it| it.contains(start)));
            let quantity = split.entry((part, sum.local_meter, carries)).or_default();
            quantity.add(&sum.quantity);
        }
        let pieces = split
            .into_iter()
            .filter_map(|((part, meter, carries), quantity)| {
                let (place, interval) = parts.get(part)?;
                let stretch = usage.stretches.get(*place)?;
                Some(piece(stretch, *interval, meter, quantity, carries))
            });
        let amounts = charged(&usage.basis, inputs, pieces.collect())?;
        let nothing = Money::zero(usage.basis.account.currency);
        Ok(amounts.get(&true).copied().unwrap_or(nothing))
    }
}

/// Tags for which usage is read together.
#[derive(Default)]
struct Pass {
    tags: Vec<(usize, Carried)>,
    cuts: Cuts,
}

impl Pass {
    /// Where usage is cut for these and for one more.
    fn cuts_with(&self, more: &Carried) -> Cuts {
        let mut cuts = self.cuts.clone();
        for (place, hours) in &more.cuts {
            cuts.entry(*place).or_default().extend(hours);
        }
        cuts
    }
}

impl App {
    /// The same, where usage is cut into fewer pieces at the most for budgets of tags.
    #[must_use]
    pub fn with_budget_pieces(self, pieces_max: usize) -> Self {
        Self {
            budget_pieces_max: pieces_max,
            ..self
        }
    }

    /// What of the usage in a basis is charged for resources with each of these tags, in their order. What keeps one from
    /// being reckoned is in its place.
    ///
    /// # Errors
    /// As the store.
    pub(super) async fn spent_on(
        &self,
        inputs: &Inputs,
        basis: Basis,
        tags: &[Tag],
    ) -> Result<Vec<Result<Money, Error>>, Error> {
        let nothing = Money::zero(basis.account.currency);
        let usage = Arc::new(Usage::of(basis));
        let mut carried: BTreeMap<usize, Carried> = BTreeMap::new();
        for tagged in self.usage.tagged_hours(&usage.whole(), tags).await? {
            carried.entry(tagged.tag).or_default().add(&usage, tagged);
        }
        let mut spent: Vec<Result<Money, Error>> = vec![Ok(nothing); tags.len()];
        let mut passes: Vec<Pass> = Vec::new();
        for (place, of_tag) in carried {
            let alone = usage.pieces(&of_tag.cuts);
            if alone > self.budget_pieces_max {
                let refused = tags.get(place).map(|tag| self.scattered(tag, alone));
                if let (Some(spent), Some(refused)) = (spent.get_mut(place), refused) {
                    *spent = Err(refused);
                }
                continue;
            }
            let fits = |pass: &&mut Pass| usage.pieces(&pass.cuts_with(&of_tag)) <= self.budget_pieces_max;
            if let Some(pass) = passes.last_mut().filter(fits) {
                pass.cuts = pass.cuts_with(&of_tag);
                pass.tags.push((place, of_tag));
            } else {
                let cuts = of_tag.cuts.clone();
                let tags = vec![(place, of_tag)];
                passes.push(Pass { tags, cuts });
            }
        }
        for Pass { tags, cuts } in passes {
            let read = usage.parts(&cuts);
            let asked = usage.slices_of(&read);
            let sums = self.usage.resource_sums_at(&asked, &inputs.marks).await?;
            let (usage, inputs) = (Arc::clone(&usage), inputs.clone());
            let amounts = self.compute(move |_| {
                let amounts = tags
                    .iter()
                    .map(|(place, of_tag)| (*place, of_tag.spent(&usage, &inputs, &read, &sums)));
                amounts.collect::<Vec<_>>()
            });
            for (place, amount) in amounts.await? {
                if let Some(spent) = spent.get_mut(place) {
                    *spent = amount.map_err(Error::from);
                }
            }
        }
        Ok(spent)
    }

    fn scattered(&self, tag: &Tag, pieces: usize) -> Error {
        let message = format!(
            "Resources get the tag {tag} or lose it so often that their usage would be cut into {pieces} pieces; {} are \
             the most. Choose a tag that stays, or a budget of one subscription.",
            self.budget_pieces_max
        );
        Error::new(Kind::Conflict, "BudgetTagScattered", message)
    }
}
