//! The check that every law holds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::attribution::{Attribution, Reason};
use domain::ids::SubscriptionId;
use domain::laws::{self, RecordCounts, UsageByMeter, Violation};
use domain::statement::ChargedUsage;
use domain::time::Period;
use store::{Audit, LocalSubscriptionKey, Slice, StoreError};

use super::charged::{Charged, Payer, attributions, charged_usage};
use crate::{App, Error, Kind};

/// What a check of the laws found.
#[derive(Debug, Clone)]
pub struct LawCheck {
    /// What became of all records ever received.
    pub records: RecordCounts,
    /// How many statements were drawn up.
    pub statements: usize,
    /// What does not hold, and who is charged without a statement; nothing, unless there is a defect, damage, or prices
    /// in two currencies.
    pub violations: Vec<String>,
}

/// How a period's usage was sliced up: for each slice, who is charged for it; and those who are.
#[derive(Default)]
struct Sliced {
    slices: Vec<(Slice, Attribution)>,
    payers: BTreeMap<SubscriptionId, Option<Payer>>,
}

impl App {
    /// Checks the laws over everything received and over one period's usage, both as of one moment, and over the
    /// statements that this usage makes.
    ///
    /// # Errors
    /// `CheckRunning` while another check runs, or as the store. A law that does not hold is no error but in the
    /// answer, and so is a payer whose statement cannot be drawn up.
    pub async fn check_laws(&self, period: Period) -> Result<LawCheck, Error> {
        let (audit, sliced) = self.audit(period).await?;
        let mut check = self.compute(move |app| app.judge(audit, &sliced, period)).await?;
        let unknown = self.stacks_unknown_to_the_books().await?.into_iter();
        check.violations.extend(unknown.map(|stack| {
            format!(
                "stack {stack} delivered usage, and the books know no registration of it: they are not the books of \
                 this usage"
            )
        }));
        Ok(check)
    }

    /// The ledger at one moment, its usage in a period sliced up by who is charged for it and at which prices.
    async fn audit(&self, period: Period) -> Result<(Audit, Sliced), Error> {
        let sliced = Arc::new(Mutex::new(Sliced::default()));
        let slicing = {
            let (app, sliced) = (self.clone(), Arc::clone(&sliced));
            move |users: &[LocalSubscriptionKey]| {
                let made = app.slice_up(users, period);
                let slices = made.slices.iter().map(|(slice, _)| *slice).collect();
                *sliced.lock().unwrap_or_else(PoisonError::into_inner) = made;
                slices
            }
        };
        let audit = match self.usage.audit(period.interval(), Box::new(slicing)).await {
            Err(StoreError::Busy) => {
                let message = "Another check of the laws is running. Ask again when it has ended.";
                return Err(Error::new(Kind::Busy, "CheckRunning", message));
            }
            audited => audited?,
        };
        let sliced = std::mem::take(&mut *sliced.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((audit, sliced))
    }

    fn slice_up(&self, users: &[LocalSubscriptionKey], period: Period) -> Sliced {
        let Sliced {
            mut slices,
            mut payers,
        } = Sliced::default();
        self.read_in_parts(users, |books, user| {
            for (slice, attribution) in attributions(books, *user, period.interval()) {
                let payer = attribution.charge.and_then(|charge| {
                    let known = || Some(Payer::of(books, books.subscription_ever(charge.payer)?, period));
                    payers.entry(charge.payer).or_insert_with(known).as_ref()
                });
                match payer {
                    Some(payer) => slices.extend(payer.cut_slice(slice).map(|slice| (slice, attribution))),
                    None => slices.push((slice, attribution)),
                }
            }
        });
        Sliced { slices, payers }
    }

    fn judge(&self, audit: Audit, sliced: &Sliced, period: Period) -> LawCheck {
        let records = RecordCounts {
            received: audit.counts.received,
            counted: audit.counts.counted,
            superseded: audit.counts.superseded,
            duplicate: audit.counts.duplicate,
            quarantined: audit.counts.quarantined,
        };
        let whole = [laws::no_record_lost(records), check_attribution(&audit, sliced)];
        let broken = whole.into_iter().filter_map(Result::err);
        let broken: Vec<String> = broken.map(|violation| violation.to_string()).collect();
        let (statements, of_bills) = self.judge_bills(&audit, sliced, period);
        let mut violations = audit.problems;
        violations.extend(broken);
        violations.extend(of_bills);
        LawCheck {
            records,
            statements,
            violations,
        }
    }

    /// How many statements could be drawn up from what was sliced up, and what is wrong with each payer's.
    fn judge_bills(&self, audit: &Audit, sliced: &Sliced, period: Period) -> (usize, Vec<String>) {
        let charged = sliced.slices.iter().map(|(slice, of)| Charged::of(*slice, *of));
        let charged: Vec<Option<Charged>> = charged.collect();
        let mut by_payer: BTreeMap<SubscriptionId, (UsageByMeter, Vec<ChargedUsage>)> = BTreeMap::new();
        for sum in &audit.sums {
            if let Some(charged) = charged.get(sum.slice).and_then(Option::as_ref) {
                let (attributed, usage) = by_payer.entry(charged.payer).or_default();
                attributed.entry(sum.local_meter).or_default().add(&sum.quantity);
                usage.extend(charged_usage(charged, sum));
            }
        }
        let (mut statements, mut violations) = (0, Vec::new());
        for (id, (attributed, usage)) in by_payer {
            let Some(payer) = sliced.payers.get(&id).and_then(Option::as_ref) else {
                violations.push(format!("subscription {id} is charged, and is not in the books"));
                continue;
            };
            match payer.draw_up(&self.catalog, period, &usage) {
                Ok(statement) => {
                    statements += 1;
                    let laws = [
                        laws::nothing_off_the_bill(&attributed, &statement),
                        laws::sums_agree(&statement),
                    ];
                    violations.extend(laws.into_iter().filter_map(Result::err).map(|it| it.to_string()));
                }
                Err(error) => violations.push(format!(
                    "subscription {id} is charged, and its statement cannot be drawn up: {error}"
                )),
            }
        }
        (statements, violations)
    }
}

/// Law 2, where each slice of the audit was charged as answered.
fn check_attribution(audit: &Audit, sliced: &Sliced) -> Result<(), Violation> {
    let mut used = UsageByMeter::new();
    for total in &audit.meter_totals {
        used.entry(total.local_meter).or_default().add(&total.quantity);
    }
    let (mut mapped, mut defaulted, mut unregistered) =
        (UsageByMeter::new(), UsageByMeter::new(), UsageByMeter::new());
    for sum in &audit.sums {
        let charge = sliced.slices.get(sum.slice).and_then(|(_, answer)| answer.charge);
        let part = match charge.map(|charge| charge.reason) {
            None => &mut unregistered,
            Some(Reason::TenantMapping) => &mut mapped,
            Some(Reason::TenantNotMapped | Reason::LocalSubscriptionUnknown) => &mut defaulted,
        };
        part.entry(sum.local_meter).or_default().add(&sum.quantity);
    }
    laws::no_usage_lost(&used, &mapped, &defaulted, &unregistered)
}
