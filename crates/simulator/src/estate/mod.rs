//! What a stack has: local subscriptions, and resources that come, change and go through the month.

mod kinds;
mod names;

use std::sync::Arc;

use domain::ids::LocalSubscriptionId;
use domain::time::HourInterval;

use crate::meters::Meter;
use crate::random::Random;
use crate::record::{Names, Template, instance_data};
use crate::series::{Attributes, Measure, Phase, Power, Rhythm, Series};
use crate::spec::StackSpec;
use crate::stack::LocalSubscription;

/// How many resources in a thousand do not exist at the beginning of the month.
const CREATED_PER_MILLE: u64 = 200;
/// How many are gone at its end.
const DELETED_PER_MILLE: u64 = 150;
/// How many of those that can be resized are.
const RESIZED_PER_MILLE: u64 = 150;
/// The fewest hours a resource exists, and keeps one size.
const HOURS_MIN: u64 = 24;

/// All that a stack has.
pub(crate) struct Estate {
    pub(crate) subscriptions: Vec<LocalSubscription>,
    pub(crate) series: Vec<Series>,
}

/// Fills a stack until it has the records asked for, and each local subscription has a resource.
pub(crate) fn build(spec: &StackSpec, provider: &str, mut random: Random) -> Estate {
    let subscriptions = local_subscriptions(spec, &mut random);
    let mut builder = Builder {
        spec,
        provider,
        subscriptions: &subscriptions,
        random,
        series: Vec::new(),
        records: 0,
    };
    let mut resources = 0;
    while resources < subscriptions.len() || builder.records < spec.records_min {
        let subscription = if resources < subscriptions.len() {
            resources
        } else {
            builder.random.between(0, subscriptions.len() as u64) as usize
        };
        let place = builder.place(subscription);
        // One of each kind first, so that a small stack has something of everything.
        match kinds::ALL.get(resources) {
            Some(kind) => kind(&mut builder, &place),
            None => kinds::any(&mut builder, &place),
        }
        resources += 1;
    }
    let series = builder.series;
    Estate {
        subscriptions,
        series,
    }
}

fn local_subscriptions(spec: &StackSpec, random: &mut Random) -> Vec<LocalSubscription> {
    let mut subscriptions = Vec::new();
    for tenant in &spec.tenants {
        let organisation = tenant.domain.split('.').next().unwrap_or_default();
        for number in 1..=tenant.local_subscriptions {
            subscriptions.push(LocalSubscription {
                id: LocalSubscriptionId::from_bytes(random.guid()),
                tenant: tenant.id,
                display_name: format!(
                    "{organisation} {} {number}",
                    names::pick(random, &names::WORKLOADS)
                ),
                owner: format!("{}@{}", names::pick(random, &names::PEOPLE), tenant.domain),
            });
        }
    }
    subscriptions
}

/// Where a resource is put.
struct Place {
    /// The index of the local subscription.
    subscription: usize,
    group: String,
}

/// A resource whose meters are to be added.
struct Resource {
    subscription: usize,
    power: Power,
    phases: Vec<(HourInterval, Arc<Attributes>)>,
}

/// What is put there.
struct Description<'a> {
    /// Such as `Microsoft.Compute/disks`.
    resource_type: &'a str,
    name: &'a str,
    tags: String,
    /// The times of its sizes, with the additional info of each.
    phases: Vec<(HourInterval, String)>,
    power: Power,
}

struct Builder<'a> {
    spec: &'a StackSpec,
    provider: &'a str,
    subscriptions: &'a [LocalSubscription],
    random: Random,
    series: Vec<Series>,
    records: u64,
}

impl Builder<'_> {
    /// A resource group of the local subscription.
    fn place(&mut self, subscription: usize) -> Place {
        let workload = names::pick(&mut self.random, &names::WORKLOADS);
        let stage = names::pick(&mut self.random, &names::STAGES);
        Place {
            subscription,
            group: format!("rg-{workload}-{stage}"),
        }
    }

    /// When a resource exists.
    fn lifetime(&mut self) -> HourInterval {
        let month = self.spec.month.interval();
        let hours = u64::from(month.hours().unsigned_abs());
        let created = if self.random.happens(CREATED_PER_MILLE) {
            self.random.between(1, hours - HOURS_MIN)
        } else {
            0
        };
        let deleted = if self.random.happens(DELETED_PER_MILLE) {
            self.random.between(created + HOURS_MIN, hours)
        } else {
            hours
        };
        part(month, created, deleted)
    }

    /// The times in which a resource keeps a size: one, or two.
    fn sizes(&mut self, lifetime: HourInterval) -> Vec<HourInterval> {
        let hours = u64::from(lifetime.hours().unsigned_abs());
        if hours <= 2 * HOURS_MIN || !self.random.happens(RESIZED_PER_MILLE) {
            return vec![lifetime];
        }
        let resized = self.random.between(HOURS_MIN, hours - HOURS_MIN);
        vec![part(lifetime, 0, resized), part(lifetime, resized, hours)]
    }

    /// Puts a resource into its place. It is not used before meters are added.
    fn resource(&self, place: &Place, description: Description<'_>) -> Resource {
        let Description {
            resource_type,
            name,
            tags,
            phases,
            power,
        } = description;
        let subscription = &self.subscriptions[place.subscription].id;
        // Storage is said to be in `resourcegroups`, as on real stacks.
        let groups = if resource_type.starts_with("Microsoft.Storage") {
            "resourcegroups"
        } else {
            "resourceGroups"
        };
        let uri = format!(
            "/subscriptions/{subscription}/{groups}/{}/providers/{resource_type}/{name}",
            place.group
        );
        let attributes = |additional_info| Attributes {
            uri: uri.clone(),
            location: self.spec.region.clone(),
            tags: tags.clone(),
            additional_info,
        };
        let phases = phases
            .into_iter()
            .map(|(hours, info)| (hours, Arc::new(attributes(info))))
            .collect();
        Resource {
            subscription: place.subscription,
            power,
            phases,
        }
    }

    /// Adds a meter, with its measure in each of the resource's phases in which it is measured.
    fn meter(&mut self, resource: &Resource, meter: Meter, measure: impl Fn(usize) -> Option<Measure>) {
        let subscription = self.subscriptions[resource.subscription].id.to_string();
        let names = Names {
            provider: self.provider,
            subscription: &subscription,
            meter: meter.text,
        };
        let phases = resource
            .phases
            .iter()
            .enumerate()
            .filter_map(|(index, (hours, attributes))| {
                Some(Phase {
                    hours: *hours,
                    measure: measure(index)?,
                    attributes: Arc::clone(attributes),
                    template: Template::new(names, &instance_data(attributes)),
                })
            });
        let phases: Vec<Phase> = phases.collect();
        let series = Series {
            subscription: resource.subscription,
            meter,
            power: resource.power,
            rhythm: Rhythm {
                first: self.spec.month.interval().start(),
                hours_apart: self.spec.hours_apart,
            },
            phases,
        };
        self.records += series.records();
        self.series.push(series);
    }

    /// Adds a meter that measures the same in all phases.
    fn steady_meter(&mut self, resource: &Resource, meter: Meter, measure: Measure) {
        self.meter(resource, meter, |_| Some(measure));
    }
}

/// A part of an interval, in hours from its start.
fn part(interval: HourInterval, from: u64, to: u64) -> HourInterval {
    let hour = |hours: u64| interval.start().plus(i32::try_from(hours).unwrap_or(i32::MAX));
    HourInterval::new(hour(from), hour(to)).unwrap_or(interval)
}
