//! What was found out about each stack, kept until something changes: several ask for it, each every few minutes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::books::Books;
use domain::completeness::{BundleRhythm, Duty, Facts, Finding, LOOK_BACK_DAYS, Records, Silence};
use domain::ids::CloudId;
use domain::time::{Hour, HourInterval};

use super::owners::{Owner, owner};
use super::{StackNow, bundles, duties, first_watched, is_recent};
use crate::{App, Error};

/// How many hours of a month that is over are looked at after it: usage that came then shows that what came before it is
/// due.
const AFTERMATH_HOURS: i32 = 48;

/// What an evaluation follows from. While it is the same, so is what comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) stack: CloudId,
    pub(super) this_hour: Hour,
    /// The number of its last batch.
    pub(super) sequence: u64,
    pub(super) duties: Vec<(HourInterval, Duty)>,
    pub(super) bundles: Option<BundleRhythm>,
    pub(super) owner: Owner,
}

impl Known {
    pub(super) fn of(books: &Books, stack: CloudId, this_hour: Hour, sequence: u64) -> Self {
        Self {
            stack,
            this_hour,
            sequence,
            duties: duties(books, None, stack),
            bundles: bundles(books, stack),
            owner: owner(books, stack, this_hour),
        }
    }
}

/// What is known of a stack in an hour.
pub(super) struct Evaluated {
    pub(super) known: Known,
    pub(super) facts: Facts,
    pub(super) silence: Silence,
    pub(super) now: StackNow,
    /// What is worth telling to its owner, of the hours in which that one had it.
    pub(super) of_owner: Vec<Finding>,
}

/// The last evaluation of each stack.
#[derive(Default)]
pub(crate) struct Evaluations(Mutex<BTreeMap<CloudId, Arc<Evaluated>>>);

impl Evaluations {
    fn of(&self, known: &Known) -> Option<Arc<Evaluated>> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(&known.stack).filter(|it| it.known == *known).cloned()
    }

    fn keep(&self, evaluated: &Arc<Evaluated>) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.insert(evaluated.known.stack, Arc::clone(evaluated));
    }
}

/// What is known of a stack for a month, whoever asks.
pub(super) struct OfMonth {
    pub(super) facts: Facts,
    /// What fell silent up to an hour, if that was found out already; no series are named.
    pub(super) silence: Option<(Option<Hour>, Silence)>,
}

impl App {
    /// The number of the last batch of each stack that has ever delivered.
    pub(super) async fn sequences(&self) -> Result<BTreeMap<CloudId, u64>, Error> {
        let progress = self.usage.progress().await?.into_iter();
        Ok(progress.map(|it| (it.stack, it.sequence)).collect())
    }

    /// What was found out about a stack, and is still so.
    pub(super) async fn evaluated(&self, known: Known) -> Result<Arc<Evaluated>, Error> {
        if let Some(same) = self.evaluations.of(&known) {
            return Ok(same);
        }
        let this_hour = known.this_hour;
        let facts = self
            .looked_up(&known, first_watched(this_hour), this_hour.plus(1))
            .await?;
        let silence = self
            .silence_of(known.stack, facts.records.last_start(), 0)
            .await?;
        let now = StackNow::of(&facts, &silence, this_hour.start());
        let evaluated = Arc::new(Evaluated {
            of_owner: self.findings_of_owner(&known, &facts, &now).await?,
            now,
            known,
            facts,
            silence,
        });
        self.evaluations.keep(&evaluated);
        Ok(evaluated)
    }

    /// What is known of a stack, whose last batch has this number, for a month.
    pub(super) async fn facts_of(
        &self,
        stack: CloudId,
        sequence: u64,
        month: HourInterval,
    ) -> Result<OfMonth, Error> {
        let this_hour = self.this_hour();
        let known = self.read(|books| Known::of(books, stack, this_hour, sequence));
        if month.start() >= first_watched(this_hour) {
            let Evaluated { facts, silence, .. } = &*self.evaluated(known).await?;
            return Ok(OfMonth {
                silence: Some((facts.records.last_start(), silence.clone())),
                facts: facts.clone(),
            });
        }
        let until = if is_recent(month, this_hour) {
            this_hour.plus(1)
        } else {
            month.end().plus(AFTERMATH_HOURS)
        };
        Ok(OfMonth {
            facts: self.looked_up(&known, month.start(), until).await?,
            silence: None,
        })
    }

    /// What the store knows of a stack up to an hour, from as long before `first` as hours are compared with.
    async fn looked_up(&self, known: &Known, first: Hour, until: Hour) -> Result<Facts, Error> {
        let from = first.day().first_hour().plus(-24 * LOOK_BACK_DAYS);
        // Before the records: what a stack declares is here when it has declared it.
        let (declared, arrivals) = self.usage.declared(known.stack, from).await?;
        Ok(Facts {
            stack: known.stack,
            duties: known.duties.clone(),
            declared,
            arrivals,
            records: match HourInterval::new(from, until.max(first)) {
                Some(hours) => self.usage.records_by_hour(known.stack, hours).await?,
                None => Records::default(),
            },
            bundles: known.bundles,
        })
    }

    /// The series that used to report, of a stack whose last usage is of hour `latest`.
    pub(super) async fn silence_of(
        &self,
        stack: CloudId,
        latest: Option<Hour>,
        listed: usize,
    ) -> Result<Silence, Error> {
        match latest {
            Some(latest) => Ok(self.usage.silence(stack, latest, listed).await?),
            None => Ok(Silence::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::completeness::FindingKind;
    use domain::ids::PartnerId;

    use super::*;

    fn known() -> Known {
        Known {
            stack: CloudId::from_bytes([6; 16]),
            this_hour: Hour::MIN.plus(500_000),
            sequence: 7,
            duties: vec![(HourInterval::ALWAYS, Duty::Reports)],
            bundles: None,
            owner: Owner {
                partner: None,
                duties: vec![(HourInterval::from(Hour::MIN.plus(499_000)), Duty::Reports)],
                bundles: None,
            },
        }
    }

    fn finding() -> Finding {
        Finding {
            stack: known().stack,
            kind: FindingKind::Gap,
            hours: HourInterval::from(known().this_hour),
            expected: 9,
            received: 0,
            next_bundle_by: None,
            begins: true,
        }
    }

    fn evaluated(known: Known) -> Arc<Evaluated> {
        let facts = Facts {
            stack: known.stack,
            duties: known.duties.clone(),
            declared: domain::completeness::Declared::default(),
            arrivals: domain::completeness::Arrivals::default(),
            records: Records::default(),
            bundles: None,
        };
        let now = StackNow::of(&facts, &Silence::default(), known.this_hour.start());
        Arc::new(Evaluated {
            known,
            facts,
            silence: Silence::default(),
            now,
            of_owner: vec![finding()],
        })
    }

    #[test]
    fn whoever_asks_every_minute_reads_no_weeks_of_every_stack_every_minute() {
        let evaluations = Evaluations::default();
        assert!(evaluations.of(&known()).is_none());
        evaluations.keep(&evaluated(known()));
        let kept = evaluations.of(&known()).unwrap();
        // Of a stack that changed hands as well.
        assert_eq!(kept.of_owner, [finding()]);
        // And what has changed is found out anew.
        let changes: [fn(&mut Known); 8] = [
            |it| it.stack = CloudId::from_bytes([7; 16]),
            |it| it.this_hour = it.this_hour.plus(1),
            |it| it.sequence += 1,
            |it| it.duties[0].1 = Duty::NotAsked,
            |it| it.bundles = BundleRhythm::of(&[HourInterval::ALWAYS]),
            |it| it.owner.partner = Some(PartnerId::from_bytes([8; 16])),
            |it| it.owner.duties.clear(),
            |it| it.owner.bundles = BundleRhythm::of(&[HourInterval::ALWAYS]),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut changed = known();
            change(&mut changed);
            assert!(evaluations.of(&changed).is_none(), "change {number}");
        }
    }
}
