//! Several servers of one platform that take in usage and change who pays for it at the same time, against a model that is
//! too simple to be wrong: what was said last about an hour decides, record by record.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app::precondition::Precondition;
use app::registrations::RegistrationAddress;
use app::{Error, Kind};
use domain::attribution::{LocalSubscription, StackHistory};
use domain::ids::{CloudId, LocalSubscriptionId, SubscriptionId, TenantId};
use domain::partner::{Subscription, SubscriptionKind, SubscriptionState};
use domain::quantity::QuantitySum;
use domain::registration::register::PutRegistration;
use domain::registration::{BillingModel, RegistrationToken, Warning};
use domain::time::{Hour, HourInterval, Period};
use domain::timeline::Timeline;
use domain::usage::{Granularity, Observation, UsageRecord, that_counts};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{Books, DeliveredRecord};

use crate::house::{
    CSP, CUSTOMER, House, PARTNER, SHARED, STACK, Server, TENANT, VCPU, address, delivery, operator, token,
};

const SERVERS: usize = 4;
const CASES: u32 = 8;
/// How often a server is asked for the same while it is busy: more often than any of the others is faster.
const ATTEMPTS_MAX: u32 = 1000;
/// The hours in which something is used, from [`begin`] on, and in which it is changed who pays.
const HOURS: i32 = 48;
/// The hour in which deliveries come in.
const DELIVERED: i32 = 96;

/// One of a few stacks, tenants, customers' subscriptions, local subscriptions.
type Number = u8;
const STACKS: Number = 2;
const TENANTS: Number = 3;
const SUBSCRIPTIONS: Number = 3;
const LOCALS: Number = 3;

/// Quantities are told in quarters.
const QUANTITIES: [&str; 4] = ["0.25", "0.5", "3", "10.75"];

/// What one of the servers is asked to do.
#[derive(Debug, Clone)]
enum Asked {
    /// Usage: local subscription, machine, hour and quantity of each record, and the hour it was reported in. All servers
    /// are asked this.
    Deliver(Number, i32, Vec<(Number, Number, i32, &'static str)>),
    /// For stated hours, past ones too, or from an hour on.
    Map(Number, Number, Option<Number>, i32, Option<i32>),
    /// From the hour it is.
    Add(Number, Number, Number, i32),
    /// From the hour it is.
    Remove(Number, Number, i32),
    /// The stack says to which tenant a local subscription belongs, from the hour it is.
    List(Number, Number, Number, i32),
}

fn asked() -> impl Strategy<Value = Asked> {
    let (stack, tenant, subscription, local) = (0..STACKS, 0..TENANTS, 0..SUBSCRIPTIONS, 0..LOCALS);
    let record = (
        local.clone(),
        0..2u8,
        0..HOURS,
        prop::sample::select(QUANTITIES.to_vec()),
    );
    let records = prop::collection::vec(record, 1..30);
    prop_oneof![
        4 => (stack.clone(), HOURS..HOURS + 4, records).prop_map(|(stack, reported, records)| {
            Asked::Deliver(stack, reported, records)
        }),
        3 => (
            stack.clone(),
            tenant.clone(),
            prop::option::weighted(0.8, subscription.clone()),
            0..HOURS,
            prop::option::of(1..HOURS),
        )
            .prop_map(|(stack, tenant, subscription, from, length)| {
                Asked::Map(stack, tenant, subscription, from, length)
            }),
        2 => (stack.clone(), tenant.clone(), subscription.clone(), 0..HOURS)
            .prop_map(|(stack, tenant, subscription, now)| Asked::Add(stack, tenant, subscription, now)),
        1 => (stack.clone(), subscription, 0..HOURS)
            .prop_map(|(stack, subscription, now)| Asked::Remove(stack, subscription, now)),
        2 => (stack, local, tenant, 0..HOURS)
            .prop_map(|(stack, local, tenant, now)| Asked::List(stack, local, tenant, now)),
    ]
}

fn begin() -> Hour {
    "2026-10-10T00:00:00Z".parse().unwrap()
}

fn hour(number: i32) -> Hour {
    begin().plus(number)
}

fn october() -> Period {
    "2026-10".parse().unwrap()
}

fn stack(number: Number) -> CloudId {
    [STACK, CloudId::from_bytes([0x66; 16])][usize::from(number)]
}

fn registration(number: Number) -> RegistrationAddress {
    let name = ["AzureStack-North", "AzureStack-South"][usize::from(number)];
    RegistrationAddress {
        name: name.parse().unwrap(),
        ..address()
    }
}

fn tenant(number: Number) -> TenantId {
    [
        TENANT,
        TenantId::from_bytes([0x33; 16]),
        TenantId::from_bytes([0x34; 16]),
    ][usize::from(number)]
}

fn customers_subscription(number: Number) -> SubscriptionId {
    [
        CSP,
        SubscriptionId::from_bytes([0x55; 16]),
        SubscriptionId::from_bytes([0x56; 16]),
    ][usize::from(number)]
}

fn local(number: Number) -> LocalSubscriptionId {
    LocalSubscriptionId::from_bytes([0x70 + number; 16])
}

/// Two stacks that are registered by a partner for its customers.
async fn built() -> Option<House> {
    let house = House::shared_at("2026-10-10T00:00:00Z").await?;
    let app = house.app();
    for number in 1..SUBSCRIPTIONS {
        let subscription = Subscription {
            id: customers_subscription(number),
            name: format!("Contoso {number}"),
            kind: SubscriptionKind::Csp,
            tenant: TENANT,
            owner: Some(PARTNER),
            customer: Some(CUSTOMER),
            state: SubscriptionState::Active,
        };
        app.create_subscription(&operator(), subscription).await.unwrap();
    }
    let group = "azurestack".parse().unwrap();
    app.put_resource_group(&operator(), SHARED, &group, "westcentralus", BTreeMap::new())
        .await
        .unwrap();
    for number in 0..STACKS {
        let request = PutRegistration {
            name: registration(number).name,
            location: None,
            tags: None,
            token: Some(RegistrationToken {
                cloud_id: stack(number),
                ..token(BillingModel::PayAsYouUse)
            }),
        };
        app.put_registration(&operator(), &registration(number), &request, &Precondition::None)
            .await
            .unwrap();
        app.approve_multi_tenancy(&operator(), stack(number))
            .await
            .unwrap();
    }
    Some(house)
}

/// What was acknowledged of what changes who pays for stated hours.
type Mapped = (CloudId, TenantId, Option<SubscriptionId>, HourInterval);

impl Server {
    /// Does what is asked; tells what was mapped for stated hours that end.
    async fn does(&self, asked: &Asked) -> Result<Option<Mapped>, Error> {
        let (app, operator) = (&self.app, operator());
        match asked {
            Asked::Deliver(number, reported, records) => {
                self.it_is(hour(DELIVERED));
                self.deliver(stack(*number), hour(*reported), records).await?;
            }
            Asked::Map(number, of, subscription, from, length) => {
                self.it_is(hour(HOURS));
                let (of, subscription) = (tenant(*of), subscription.map(customers_subscription));
                let end = length.map_or(Hour::MAX, |length| hour(from + length));
                let valid = HourInterval::new(hour(*from), end).unwrap();
                let (_, warnings) = app
                    .map_tenant(&operator, stack(*number), of, subscription, valid)
                    .await?;
                let unchanged = |it: &Warning| matches!(it, Warning::MappingUnchanged { .. });
                if length.is_some() && !warnings.iter().any(unchanged) {
                    return Ok(Some((stack(*number), of, subscription, valid)));
                }
            }
            Asked::Add(number, of, subscription, now) => {
                self.it_is(hour(*now));
                let (at, subscription) = (registration(*number), customers_subscription(*subscription));
                let of = Some(tenant(*of));
                app.add_tenant(&operator, &at, &subscription.to_string(), of, &Precondition::None)
                    .await?;
            }
            Asked::Remove(number, subscription, now) => {
                self.it_is(hour(*now));
                let (at, subscription) = (registration(*number), customers_subscription(*subscription));
                app.remove_tenant(&operator, &at, &subscription.to_string(), &Precondition::None)
                    .await?;
            }
            Asked::List(number, of, tenant_number, now) => {
                self.it_is(hour(*now));
                let listed = LocalSubscription {
                    tenant: tenant(*tenant_number),
                    name: "web".to_owned(),
                    owner: "ops@contoso.example".to_owned(),
                    state: "Enabled".to_owned(),
                };
                app.take_directory(&operator, stack(*number), &[(local(*of), listed)], None)
                    .await?;
            }
        }
        Ok(None)
    }

    async fn deliver(
        &self,
        stack: CloudId,
        reported: Hour,
        said: &[(Number, Number, i32, &str)],
    ) -> Result<(), Error> {
        let records: Vec<DeliveredRecord<'_>> = (0..)
            .zip(said)
            .map(|(index, (of, machine, start, quantity))| DeliveredRecord {
                index,
                record: UsageRecord {
                    local_subscription: local(*of),
                    local_meter: VCPU,
                    resource_uri: Cow::Owned(format!("/virtualMachines/vm{machine}")),
                    location: Cow::Borrowed("north"),
                    tags: Cow::Borrowed(""),
                    additional_info: Cow::Borrowed(""),
                    start: hour(*start),
                    granularity: Granularity::Hour,
                    quantity: quantity.parse().unwrap(),
                },
            })
            .collect();
        let delivery = delivery(stack, reported, &records);
        let counts = self.app.deliver_usage(delivery).await?.receipt.counts;
        assert_eq!(counts.quarantined, 0, "{counts:?}");
        Ok(())
    }

    /// Does what this server is asked of everything, from some place on: all deliveries, and its share of the changes.
    async fn does_its_share(&self, number: usize, everything: &[Asked]) -> Vec<Mapped> {
        let mut mapped = Vec::new();
        let from = number * everything.len() / SERVERS;
        let in_turn = everything.iter().enumerate().cycle();
        for (index, asked) in in_turn.skip(from).take(everything.len()) {
            if !matches!(asked, Asked::Deliver(..)) && index % SERVERS != number {
                continue;
            }
            let mut attempts = 1;
            loop {
                match self.does(asked).await {
                    Ok(done) => mapped.extend(done),
                    // Everybody else was faster, again and again.
                    Err(error) if error.kind == Kind::Busy && attempts < ATTEMPTS_MAX => {
                        attempts += 1;
                        continue;
                    }
                    Err(error) => assert!(
                        matches!(error.kind, Kind::Invalid | Kind::Conflict | Kind::NotFound),
                        "{asked:?}: {error:?}"
                    ),
                }
                break;
            }
        }
        mapped
    }

    /// What each subscription owes.
    async fn bills(&self) -> BTreeMap<SubscriptionId, String> {
        let mut bills = BTreeMap::new();
        for payer in (0..SUBSCRIPTIONS).map(customers_subscription).chain([SHARED]) {
            let statement = self.app.statement(&operator(), payer, october()).await.unwrap();
            bills.insert(payer, statement.total.to_string());
        }
        bills
    }
}

/// What counts of everything that was said, by stack, local subscription, machine and hour.
fn usage(everything: &[Asked]) -> BTreeMap<(Number, Number, Number, i32), Observation> {
    let mut said: BTreeMap<_, Vec<Observation>> = BTreeMap::new();
    for asked in everything {
        if let Asked::Deliver(stack, reported, records) = asked {
            for (local, machine, start, quantity) in records {
                let observation = Observation {
                    quantity: quantity.parse().unwrap(),
                    reported: hour(*reported),
                };
                said.entry((*stack, *local, *machine, *start))
                    .or_default()
                    .push(observation);
            }
        }
    }
    let counts = |(key, said): (_, Vec<_>)| (key, that_counts(&said).unwrap());
    said.into_iter().map(counts).collect()
}

/// What was entered last about an hour.
fn last<T>(timeline: &Timeline<T>, hour: Hour) -> Option<&T> {
    let about = timeline.assertions().iter().filter(|it| it.valid.contains(hour));
    about.max_by_key(|it| it.recorded.entry).map(|it| &it.value)
}

/// Who pays for what was used in an hour.
fn payer(history: &StackHistory, local: LocalSubscriptionId, hour: Hour) -> SubscriptionId {
    let terms = last(&history.registration, hour).copied().flatten().unwrap();
    let tenant = history
        .directory
        .get(&local)
        .and_then(|it| last(it, hour))
        .map(|it| it.tenant);
    let mapping = tenant.and_then(|tenant| history.mappings.get(&(terms.registration, tenant)));
    let charged = mapping.and_then(|it| last(it, hour)).copied().flatten();
    charged.unwrap_or(terms.default_subscription)
}

/// What each subscription owes at a price of 1, and what everybody used together.
async fn owed(books: &Books, everything: &[Asked]) -> (BTreeMap<SubscriptionId, String>, QuantitySum) {
    let payers = (0..SUBSCRIPTIONS).map(customers_subscription).chain([SHARED]);
    let mut owed: BTreeMap<_, _> = payers.map(|payer| (payer, QuantitySum::default())).collect();
    let mut all = QuantitySum::default();
    for ((number, of, _, start), counts) in usage(everything) {
        let payer = books.read(|books| payer(books.stack(stack(number)).unwrap(), local(of), hour(start)));
        owed.get_mut(&payer).unwrap().add(&counts.quantity.into());
        all.add(&counts.quantity.into());
    }
    let shown = |(payer, sum): (_, QuantitySum)| (payer, in_cents(&sum));
    (owed.into_iter().map(shown).collect(), all)
}

/// A sum of quarters as an amount of money.
fn in_cents(sum: &QuantitySum) -> String {
    let text = sum.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}.{part:0<2}")
}

/// The mappings for stated hours that end, in the books.
fn mapped_for_hours(books: &Books) -> Vec<Mapped> {
    let mut mapped = Vec::new();
    for stack in (0..STACKS).map(stack) {
        books.read(|books| {
            for ((_, tenant), timeline) in &books.stack(stack).unwrap().mappings {
                let ending = timeline
                    .assertions()
                    .iter()
                    .filter(|it| it.valid.end() != Hour::MAX);
                mapped.extend(ending.map(|it| (stack, *tenant, it.value, it.valid)));
            }
        });
    }
    mapped
}

fn in_order(mut mapped: Vec<Mapped>) -> Vec<Mapped> {
    mapped.sort_by_key(|it| format!("{it:?}"));
    mapped
}

/// Asks servers for all of this at once and compares what they bill. Tells how many mappings for stated hours were made.
async fn check(house: &House, everything: Vec<Asked>) -> usize {
    let mut servers = Vec::new();
    for number in 1..=SERVERS {
        servers.push(Arc::new(house.server(u32::try_from(number).unwrap()).await));
    }
    let tasks: Vec<_> = (0..SERVERS)
        .map(|number| {
            let (server, everything) = (Arc::clone(&servers[number]), everything.clone());
            tokio::spawn(async move { server.does_its_share(number, &everything).await })
        })
        .collect();
    let mut acknowledged = Vec::new();
    for task in tasks {
        acknowledged.extend(task.await.unwrap());
    }
    // One that has seen nothing of all this as well.
    servers.push(Arc::new(house.server(9).await));
    let books = Books::load(Arc::clone(&servers[0].store.journal)).await.unwrap();
    let mapped = acknowledged.len();
    assert_eq!(in_order(mapped_for_hours(&books)), in_order(acknowledged));
    let (owed, all) = owed(&books, &everything).await;
    for (number, server) in servers.iter().enumerate() {
        server.app.catch_up().await.unwrap();
        server.it_is(hour(DELIVERED));
        assert_eq!(server.bills().await, owed, "server {number}");
        let laws = server.app.check_laws(october()).await.unwrap();
        assert_eq!(laws.violations, Vec::<String>::new(), "server {number}");
    }
    let totals = servers[0]
        .store
        .usage
        .meter_totals(october().interval())
        .await
        .unwrap();
    let mut measured = QuantitySum::default();
    totals.iter().for_each(|total| measured.add(&total.quantity));
    assert_eq!(measured, all);
    mapped
}

#[tokio::test(flavor = "multi_thread")]
async fn four_servers_that_bill_and_change_who_pays_at_once_charge_all_usage_once_and_to_whom_the_journal_says()
 {
    if built().await.is_none() {
        return;
    }
    let runtime = tokio::runtime::Handle::current();
    let mapped = AtomicUsize::new(0);
    tokio::task::block_in_place(|| {
        let config = Config {
            cases: CASES,
            failure_persistence: None,
            ..Config::default()
        };
        let run = |everything| {
            let house = runtime.block_on(built()).unwrap();
            mapped.fetch_add(runtime.block_on(check(&house, everything)), Ordering::Relaxed);
            Ok(())
        };
        let everything = prop::collection::vec(asked(), SERVERS * 6..SERVERS * 16);
        TestRunner::new(config).run(&everything, run).unwrap();
    });
    assert!(mapped.into_inner() > 0, "nobody changed anything");
}
