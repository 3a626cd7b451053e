//! The stack itself: what it has, what it truly used, and how it writes what it reports.

use std::collections::BTreeMap;

use domain::ids::{LocalMeterId, LocalSubscriptionId, SubscriptionId, TenantId};
use domain::quantity::{Quantity, QuantitySum};
use domain::time::{Day, Hour, HourInterval};

use crate::amount::Amount;
use crate::estate::{self, Estate};
use crate::expected::Expected;
use crate::fate::{Fate, Odds, REPORTED_WITHIN_HOURS, WHOLE};
use crate::pages::Pages;
use crate::random::{self, Random};
use crate::record::{Names, Template, instance_data};
use crate::reports::{Content, Position, Report};
use crate::series::{Attributes, Phase, Series, hours_of};
use crate::spec::{InvalidSpec, RECORDS_MIN_MAX, StackSpec};

/// A stack that does not exist.
///
/// It keeps its resources, about 2 kB for each series, and none of its records: those are made again whenever they
/// are asked for.
#[derive(Debug)]
pub struct Stack {
    spec: StackSpec,
    month: HourInterval,
    provider: SubscriptionId,
    provider_text: String,
    subscriptions: Vec<LocalSubscription>,
    pub(crate) series: Vec<Series>,
    pub(crate) odds: Odds,
    /// The seed of what becomes of records.
    fates: u64,
    /// The seed of their quantities.
    quantities: u64,
    /// The texts of the month's hours and the one after them, as stacks write times.
    hour_texts: Vec<String>,
}

/// A subscription that exists on this stack only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalSubscription {
    /// Its id.
    pub id: LocalSubscriptionId,
    /// The directory tenant it belongs to.
    pub tenant: TenantId,
    /// What its owner calls it.
    pub display_name: String,
    /// Who owns it: a name in the tenant's directory.
    pub owner: String,
}

/// What was truly used: one local meter of one resource in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrueRecord<'a> {
    /// Whose usage it is.
    pub local_subscription: LocalSubscriptionId,
    /// The directory tenant of the local subscription.
    pub tenant: TenantId,
    /// What was measured.
    pub local_meter: LocalMeterId,
    /// The resource, spelled as its provider does. Reports may spell it in another case.
    pub resource_uri: &'a str,
    /// The usage hour.
    pub hour: Hour,
    /// How much: more than nothing.
    pub quantity: Quantity,
}

impl Stack {
    /// Makes the stack.
    ///
    /// # Errors
    /// [`InvalidSpec`] if the specification makes none.
    pub fn new(spec: StackSpec) -> Result<Self, InvalidSpec> {
        spec.faults.check()?;
        if spec.tenants.iter().all(|tenant| tenant.local_subscriptions == 0) {
            return Err(InvalidSpec::NoLocalSubscription);
        }
        if spec.records_min > RECORDS_MIN_MAX {
            return Err(InvalidSpec::TooManyRecords(spec.records_min));
        }
        let (high, low) = spec.cloud_id.as_uuid().as_u64_pair();
        let mut random = Random::new(random::draw(random::draw(spec.seed, high), low));
        let (fates, quantities) = (random.next(), random.next());
        let provider = SubscriptionId::from_bytes(random.guid());
        let provider_text = provider.to_string();
        let Estate {
            subscriptions,
            series,
        } = estate::build(&spec, &provider_text, random);
        let month = spec.month.interval();
        let hour_texts = hours_of(month).chain([month.end()]).map(hour_text).collect();
        let odds = Odds::from(spec.faults);
        Ok(Self {
            spec,
            month,
            provider,
            provider_text,
            subscriptions,
            series,
            odds,
            fates,
            quantities,
            hour_texts,
        })
    }

    /// What the stack was made from.
    #[must_use]
    pub const fn spec(&self) -> &StackSpec {
        &self.spec
    }

    /// The subscription of the stack's operator, under which the admin API is reached.
    #[must_use]
    pub const fn provider_subscription(&self) -> SubscriptionId {
        self.provider
    }

    /// All local subscriptions, tenant by tenant.
    #[must_use]
    pub fn local_subscriptions(&self) -> &[LocalSubscription] {
        &self.subscriptions
    }

    /// The hours of the month in which the stack is used.
    #[must_use]
    pub const fn month(&self) -> HourInterval {
        self.month
    }

    /// The hours in which anything is reported: the month and, for what is late, the [`REPORTED_WITHIN_HOURS`] after.
    #[must_use]
    pub fn reported_interval(&self) -> HourInterval {
        let month = self.month();
        // Usage of an hour is not reported before that hour is over.
        HourInterval::new(month.start().plus(1), month.end().plus(REPORTED_WITHIN_HOURS)).unwrap_or(month)
    }

    /// What was truly used in an interval, hour by hour; nothing outside of the month.
    pub fn truth(&self, interval: HourInterval) -> impl Iterator<Item = TrueRecord<'_>> {
        let hours = self.month().intersect(interval).into_iter().flat_map(hours_of);
        hours.flat_map(move |hour| {
            (0..self.series.len()).filter_map(move |series| self.true_record(series, hour))
        })
    }

    /// What was truly used in an interval, per local subscription and local meter.
    #[must_use]
    pub fn true_sums(
        &self,
        interval: HourInterval,
    ) -> BTreeMap<(LocalSubscriptionId, LocalMeterId), QuantitySum> {
        let mut sums = BTreeMap::<_, QuantitySum>::new();
        for record in self.truth(interval) {
            sums.entry((record.local_subscription, record.local_meter))
                .or_default()
                .add(&record.quantity.into());
        }
        sums
    }

    /// How many records there are to be read, and what a reader of all of them should count.
    #[must_use]
    pub fn expected(&self) -> Expected {
        Expected::of(self)
    }

    /// What is reported in a window of reported time, in pages of at most `page_size` records (at least 1) as the
    /// provider usage API answers them, without links. A window without reports has one empty page.
    ///
    /// The windows a reader takes should be single hours: the window's start is the only trace of the reported time,
    /// and in a longer one a lowered record cannot be told from a revised one.
    pub fn reported_pages(&self, window: HourInterval, page_size: usize) -> Pages<'_> {
        Pages::new(self, window, page_size)
    }

    /// What becomes of the record of one series and hour.
    pub(crate) fn fate(&self, series: usize, hour: Hour) -> Fate {
        Fate::of(self.fates, series, hour)
    }

    /// The truth of one series and hour.
    pub(crate) fn true_record(&self, series: usize, hour: Hour) -> Option<TrueRecord<'_>> {
        let (index, series) = (series, self.series.get(series)?);
        let phase = series.phase_at(hour)?;
        let subscription = self.subscriptions.get(series.subscription)?;
        Some(TrueRecord {
            local_subscription: subscription.id,
            tenant: subscription.tenant,
            local_meter: series.meter.id,
            resource_uri: &phase.attributes.uri,
            hour,
            quantity: self.amount(index, phase, hour).quantity().ok()?,
        })
    }

    /// The sum of one series and UTC day, if it was used on that day.
    pub(crate) fn true_day(&self, series: usize, day: Day) -> Option<QuantitySum> {
        let quantities = hours_of(day.interval()).filter_map(|hour| self.true_record(series, hour));
        quantities
            .map(|record| QuantitySum::from(record.quantity))
            .reduce(|mut sum, quantity| {
                sum.add(&quantity);
                sum
            })
    }

    fn amount(&self, series: usize, phase: &Phase, hour: Hour) -> Amount {
        let chance = random::draw(self.quantities, random::place(series, hour));
        let age = (hour.epoch_hours() - phase.hours.start().epoch_hours()).unsigned_abs();
        phase
            .measure
            .amount(chance, age.into(), self.month.hours().unsigned_abs().into())
    }

    /// Writes one item of an answer.
    pub(crate) fn write_report(&self, out: &mut String, report: &Report) {
        let Position {
            series: index, usage, ..
        } = report.at;
        let series = &self.series[index];
        let (start, end) = (self.hour_text(usage), self.hour_text(usage.plus(1)));
        match report.content {
            Content::Hour {
                hundredths,
                respelled,
            } => {
                let Some(phase) = series.phase_at(usage) else {
                    return;
                };
                let amount = self.amount(index, phase, usage);
                let amount = if hundredths == WHOLE {
                    amount
                } else {
                    amount.percent(hundredths)
                };
                if respelled {
                    self.respelled(series, phase)
                        .write(out, start, end, |out| amount.write(out));
                } else {
                    phase.template.write(out, start, end, |out| amount.write(out));
                }
            }
            Content::Day => {
                let end = self.hour_text(usage.plus(24));
                let sum = self.true_day(index, usage.day()).unwrap_or_default().to_string();
                let phase = hours_of(usage.day().interval()).find_map(|hour| series.phase_at(hour));
                let Some(phase) = phase else { return };
                phase.template.write(out, start, end, |out| out.push_str(&sum));
            }
            Content::Malformed(malformation) => {
                let Some(phase) = series.phase_at(usage) else {
                    return;
                };
                let subscription = self.subscriptions[series.subscription].id.to_string();
                let names = Names {
                    provider: &self.provider_text,
                    subscription: &subscription,
                    meter: series.meter.text,
                };
                malformation.write(out, names, &instance_data(&phase.attributes), start, end);
            }
        }
    }

    /// The template of a series with its ids in another spelling.
    fn respelled(&self, series: &Series, phase: &Phase) -> Template {
        let attributes = &phase.attributes;
        let uri = if attributes.uri.contains("/resourceGroups/") {
            attributes.uri.replace("/resourceGroups/", "/resourcegroups/")
        } else {
            attributes.uri.replace("/resourcegroups/", "/resourceGroups/")
        };
        let attributes = Attributes {
            uri,
            location: attributes.location.clone(),
            tags: attributes.tags.clone(),
            additional_info: attributes.additional_info.clone(),
        };
        let subscription = self.subscriptions[series.subscription]
            .id
            .to_string()
            .to_ascii_uppercase();
        let meter = series.meter.respelled();
        let names = Names {
            provider: &self.provider_text,
            subscription: &subscription,
            meter: &meter,
        };
        Template::new(names, &instance_data(&attributes))
    }

    fn hour_text(&self, hour: Hour) -> &str {
        let index = hour.epoch_hours() - self.month().start().epoch_hours();
        usize::try_from(index)
            .ok()
            .and_then(|index| self.hour_texts.get(index))
            .map_or("", String::as_str)
    }
}

/// A time as stacks write it: with an offset.
fn hour_text(hour: Hour) -> String {
    hour.to_string().replace('Z', "+00:00")
}
