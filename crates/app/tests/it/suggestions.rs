//! Tenants whose usage of a stack no mapping claims: which they are, what it is worth, and what assigning it takes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use app::Error;
use app::access::Caller;
use app::list_price::ListValue;
use app::suggestions::Suggestion;
use domain::attribution::LocalSubscription;
use domain::authorization::{PartnerRole, RoleDefinition, Scope};
use domain::books::Entry;
use domain::catalog::{Price, PriceList, PriceListScope, Prices};
use domain::ids::{CustomerId, LocalSubscriptionId, SubscriptionId, TenantId};
use domain::money::Currency;
use domain::partner::{Customer, Subscription, SubscriptionKind, SubscriptionState};
use domain::registration::BillingModel;
use domain::time::{Hour, HourInterval, Period};
use domain::usage::{Granularity, UsageRecord};
use store::DeliveredRecord;

use crate::house::{
    CSP, CUSTOMER, House, LOCAL, PARTNER, SHARED, STACK, TENANT, VCPU, VCPU_BILLED, delivery, operator,
};
use crate::payers::{in_csp, put};
use crate::successors::move_to_second;

fn october() -> Period {
    "2026-10".parse().unwrap()
}

/// The stack is registered and used: a vCPU hour on the second and two on the twentieth.
async fn used(model: BillingModel) -> House {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    house.register(model).await;
    house.it_is("2026-10-21T00:00:00Z");
    let usage = [("2026-10-02T00:00:00Z", "1"), ("2026-10-20T00:00:00Z", "2")];
    house.deliver("2026-10-20T01:00:00Z", &usage).await.unwrap();
    house
}

async fn suggestions(house: &House) -> Vec<Suggestion> {
    shown_to(house, &operator()).await
}

async fn shown_to(house: &House, caller: &Caller) -> Vec<Suggestion> {
    let app = house.app();
    app.tenant_suggestions(caller, october(), None, 100)
        .await
        .unwrap()
}

fn hours(from: &str, to: &str) -> HourInterval {
    HourInterval::new(from.parse().unwrap(), to.parse().unwrap()).unwrap()
}

/// Says for the stack who pays for the tenant's usage in these hours; without a subscription, the default one.
async fn map(house: &House, subscription: Option<SubscriptionId>, valid: HourInterval) {
    let app = house.app();
    app.map_tenant(&operator(), STACK, TENANT, subscription, valid)
        .await
        .unwrap();
}

fn amount(value: &Result<ListValue, Error>) -> String {
    value.as_ref().unwrap().amount.to_string()
}

#[tokio::test]
async fn a_tenant_without_a_mapping_is_suggested_with_who_could_pay_and_what_it_would_move() {
    let house = used(BillingModel::PayAsYouUse).await;
    let [suggested] = &suggestions(&house).await[..] else {
        panic!("one tenant");
    };
    assert_eq!((suggested.stack, suggested.tenant), (STACK, TENANT));
    assert_eq!(
        (suggested.default_subscription, suggested.seller),
        (SHARED, Some(PARTNER))
    );
    let customer = suggested.customer.as_ref().unwrap();
    assert_eq!((customer.id, customer.name.as_str()), (CUSTOMER, "Contoso"));
    assert_eq!(
        (&suggested.local_subscriptions[..], suggested.records),
        (&[LOCAL][..], 2)
    );
    assert_eq!(
        [suggested.used_in.start(), suggested.used_in.end()].map(|it| it.to_string()),
        ["2026-10-02T00:00:00Z", "2026-10-20T01:00:00Z"]
    );
    assert_eq!(amount(&suggested.list_value), "3.00");
    let [candidate] = &suggested.candidates[..] else {
        panic!("one subscription: {:?}", suggested.candidates);
    };
    assert_eq!(candidate.subscription, CSP);
    assert!(candidate.refusal.is_none() && candidate.warnings.is_empty() && suggested.refusal.is_none());
    let first: Hour = "2026-10-02T00:00:00Z".parse().unwrap();
    assert_eq!(
        (suggested.mapped_to, &suggested.unclaimed[..]),
        (None, &[HourInterval::from(first)][..])
    );
    // Whoever does what is suggested is not told again.
    map(&house, Some(CSP), suggested.unclaimed[0]).await;
    assert!(suggestions(&house).await.is_empty());
    assert_eq!(house.owes(CSP).await, "3.00");
}

#[tokio::test]
async fn what_a_tenant_used_before_it_was_added_would_stay_with_the_default_subscription_and_nobody_be_told()
{
    let house = used(BillingModel::PayAsYouUse).await;
    house.add_tenant(CSP, Some(TENANT)).await.unwrap();
    house
        .deliver("2026-10-21T01:00:00Z", &[("2026-10-21T00:00:00Z", "7")])
        .await
        .unwrap();
    let [suggested] = &suggestions(&house).await[..] else {
        panic!("one tenant");
    };
    let before = hours("2026-10-02T00:00:00Z", "2026-10-21T00:00:00Z");
    assert_eq!(
        (suggested.mapped_to, &suggested.unclaimed[..]),
        (Some(CSP), &[before][..])
    );
    assert_eq!(
        (suggested.records, amount(&suggested.list_value)),
        (2, "3.00".to_owned())
    );
    map(&house, suggested.mapped_to, before).await;
    assert!(suggestions(&house).await.is_empty());
    assert_eq!(house.owes(CSP).await, "10.00");
}

/// A mapping from the first of these hours on and without an end would take from the other subscription what it paid for.
#[tokio::test]
async fn assigning_usage_before_and_after_another_mapping_would_move_what_that_claims() {
    let house = used(BillingModel::PayAsYouUse).await;
    map(
        &house,
        Some(CSP),
        hours("2026-10-05T00:00:00Z", "2026-10-10T00:00:00Z"),
    )
    .await;
    let suggested = suggestions(&house).await.remove(0);
    let late: Hour = "2026-10-20T00:00:00Z".parse().unwrap();
    let early = hours("2026-10-02T00:00:00Z", "2026-10-05T00:00:00Z");
    assert_eq!(suggested.unclaimed, [early, HourInterval::from(late)]);
    assert_eq!(suggested.mapped_to, None);
    // What is mapped later anyway is left alone, too.
    let november: Hour = "2026-11-01T00:00:00Z".parse().unwrap();
    map(&house, Some(CSP), HourInterval::from(november)).await;
    let suggested = suggestions(&house).await.remove(0);
    assert_eq!(
        suggested.unclaimed,
        [early, hours("2026-10-20T00:00:00Z", "2026-11-01T00:00:00Z")]
    );
}

#[tokio::test]
async fn who_said_that_the_default_subscription_pays_would_be_told_for_ever_that_it_does() {
    let house = used(BillingModel::PayAsYouUse).await;
    house.add_tenant(CSP, Some(TENANT)).await.unwrap();
    map(
        &house,
        None,
        hours("2026-10-01T00:00:00Z", "2026-10-15T00:00:00Z"),
    )
    .await;
    let suggested = suggestions(&house).await.remove(0);
    assert_eq!(
        suggested.unclaimed,
        [hours("2026-10-20T00:00:00Z", "2026-10-21T00:00:00Z")]
    );
    map(
        &house,
        None,
        hours("2026-10-15T00:00:00Z", "2026-10-21T00:00:00Z"),
    )
    .await;
    assert!(suggestions(&house).await.is_empty());
}

/// How many customers have used the stack, and how many of them nobody has added.
const CUSTOMERS: u32 = 10_000;
const NOT_ADDED: u32 = 1_000;

fn numbered(kind: u8, number: u32) -> [u8; 16] {
    let mut id = [kind; 16];
    id[12..].copy_from_slice(&number.to_be_bytes());
    id
}

/// The stack, used by many customers for an hour each.
async fn of_many_customers() -> House {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    let registration = house.register(BillingModel::PayAsYouUse).await.registration.id;
    let tenant = |number| TenantId::from_bytes(numbered(0x71, number));
    let local = |number| LocalSubscriptionId::from_bytes(numbered(0x72, number));
    let sold = |number| {
        let id = CustomerId::from_bytes(numbered(0x73, number));
        let subscription = SubscriptionId::from_bytes(numbered(0x74, number));
        let mut entries = vec![
            Entry::CustomerCreated(Customer {
                id,
                partner: PARTNER,
                name: format!("Customer {number}"),
                tenants: vec![tenant(number)],
            }),
            Entry::SubscriptionCreated(Subscription {
                id: subscription,
                name: format!("Production {number}"),
                kind: SubscriptionKind::Csp,
                tenant: tenant(number),
                owner: Some(PARTNER),
                customer: Some(id),
                state: SubscriptionState::Active,
            }),
        ];
        if number >= NOT_ADDED {
            entries.push(Entry::TenantMapped {
                registration,
                tenant: tenant(number),
                subscription: Some(subscription),
                valid: HourInterval::from(Hour::MIN),
            });
        }
        entries
    };
    let house = house.with_entries((0..CUSTOMERS).flat_map(sold).collect()).await;
    let listed: Vec<_> = (0..CUSTOMERS)
        .map(|number| {
            let listed = LocalSubscription {
                tenant: tenant(number),
                name: "web".to_owned(),
                owner: String::new(),
                state: "Enabled".to_owned(),
            };
            (local(number), listed)
        })
        .collect();
    let app = house.app();
    app.take_directory(&operator(), STACK, &listed, None)
        .await
        .unwrap();
    let record = |index| DeliveredRecord {
        index,
        record: UsageRecord {
            local_subscription: local(index),
            local_meter: VCPU,
            resource_uri: Cow::Borrowed("/subscriptions/x/resourceGroups/g/providers/p/virtualMachines/vm"),
            location: Cow::Borrowed("north"),
            tags: Cow::Borrowed(""),
            additional_info: Cow::Borrowed(""),
            start: "2026-10-02T00:00:00Z".parse().unwrap(),
            granularity: Granularity::Hour,
            quantity: "1".parse().unwrap(),
        },
    };
    let records: Vec<_> = (0..CUSTOMERS).map(record).collect();
    house.it_is("2026-10-21T00:00:00Z");
    let reported = "2026-10-02T01:00:00Z".parse().unwrap();
    app.deliver_usage(delivery(STACK, reported, &records))
        .await
        .unwrap();
    house
}

/// How often somebody changes the books meanwhile, at the most: each change stays in the journal.
const CHANGES_MEANWHILE_MAX: usize = 100;

/// Times are printed, not asserted: `cargo test --release -p app --test it -- thousand_suggestions --nocapture`.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_suggestions_would_come_twice_or_not_at_all_when_they_are_read_by_pages() {
    let house = of_many_customers().await;
    for limit in [NOT_ADDED as usize + 1, 400] {
        let done = Arc::new(AtomicBool::new(false));
        let (over, others) = (done.clone(), house.app());
        let others = tokio::spawn(async move {
            let mut longest = Duration::ZERO;
            for _ in 0..CHANGES_MEANWHILE_MAX / 2 {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                let began = Instant::now();
                for state in [SubscriptionState::Suspended, SubscriptionState::Active] {
                    others
                        .set_subscription_state(&operator(), CSP, state)
                        .await
                        .unwrap();
                }
                longest = longest.max(began.elapsed() / 2);
            }
            longest
        });
        let (mut found, mut after, mut pages) = (Vec::new(), None, 0);
        let began = Instant::now();
        loop {
            let app = house.app();
            let page = app.tenant_suggestions(&operator(), october(), after, limit).await;
            let page = page.unwrap();
            pages += 1;
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.place());
            found.extend(page);
        }
        let took = began.elapsed();
        done.store(true, Ordering::SeqCst);
        let longest = others.await.unwrap();
        eprintln!(
            "{} suggestions, {CUSTOMERS} customers, {pages} pages of {limit}: {took:?}; the longest change of the books meanwhile: \
             {longest:?}",
            found.len()
        );
        let tenants: BTreeSet<TenantId> = found.iter().map(|it| it.tenant).collect();
        assert_eq!(
            (found.len(), tenants.len()),
            (NOT_ADDED as usize, NOT_ADDED as usize)
        );
        for it in &found {
            let number = it.tenant.to_string();
            let [candidate] = &it.candidates[..] else {
                panic!("{number}: {:?}", it.candidates);
            };
            assert_eq!(candidate.subscription.to_string()[28..], number[28..]);
            assert_eq!(amount(&it.list_value), "1.00");
        }
    }
}

#[tokio::test]
async fn what_would_be_refused_is_said_before_somebody_tries() {
    let house = used(BillingModel::Capacity).await;
    let [suggested] = &suggestions(&house).await[..] else {
        panic!("one tenant");
    };
    let refusal = suggested.refusal.as_ref().unwrap();
    assert_eq!(refusal.code, "CustomerSubscriptionsNotAllowed");
    assert_eq!(suggested.candidates[0].refusal.as_ref(), Some(refusal));

    let house = used(BillingModel::PayAsYouUse).await;
    let suspended = SubscriptionState::Suspended;
    let app = house.app();
    app.set_subscription_state(&operator(), CSP, suspended)
        .await
        .unwrap();
    let [suggested] = &suggestions(&house).await[..] else {
        panic!("one tenant");
    };
    assert!(suggested.refusal.is_none(), "another subscription would do");
    let refusal = suggested.candidates[0].refusal.as_ref().unwrap();
    assert_eq!(refusal.code, "InvalidCustomerSubscriptionId");
}

/// A seller's own prices are not what usage is worth at list price, and a price that changes inside the month counts for its
/// own hours only.
#[tokio::test]
async fn what_usage_is_worth_goes_by_list_prices_whatever_is_charged_for_it() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    let app = house.app();
    for (name, scope, price, from) in [
        (
            "own",
            PriceListScope::Seller(PARTNER),
            "0.5",
            "2026-10-01T00:00:00Z",
        ),
        ("list", PriceListScope::Platform, "10", "2026-10-15T00:00:00Z"),
    ] {
        let list = PriceList {
            name: name.parse().unwrap(),
            scope,
            currency: Currency::USD,
        };
        let prices: Prices = [(VCPU_BILLED, Price::flat(price.parse().unwrap()))].into();
        app.publish_price_list(&operator(), list, prices, from.parse().unwrap())
            .await
            .unwrap();
    }
    // What a partner sells is charged by its own list.
    let at = in_csp();
    app.put_resource_group(&operator(), CSP, &at.resource_group, "local", BTreeMap::new())
        .await
        .unwrap();
    put(&house, &operator(), &at, BillingModel::PayAsYouUse)
        .await
        .unwrap();
    house.it_is("2026-10-21T00:00:00Z");
    let usage = [("2026-10-02T00:00:00Z", "1"), ("2026-10-20T00:00:00Z", "2")];
    house.deliver("2026-10-20T01:00:00Z", &usage).await.unwrap();
    let unmapped = app.unmapped_usage(&operator(), october(), None, 9).await.unwrap();
    assert_eq!(unmapped[0].amount.unwrap().to_string(), "1.50");
    assert_eq!(amount(unmapped[0].list_value.as_ref().unwrap()), "21.00");
    assert!(
        suggestions(&house).await.is_empty(),
        "nobody knows whose the local subscription is"
    );
}

#[tokio::test]
async fn usage_without_a_list_price_says_why_its_value_is_not_told() {
    let house = House::without_prices_at("2026-10-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.it_is("2026-10-21T00:00:00Z");
    house
        .deliver("2026-10-20T01:00:00Z", &[("2026-10-02T00:00:00Z", "1")])
        .await
        .unwrap();
    let value = suggestions(&house).await.remove(0).list_value;
    assert_eq!(value.unwrap_err().code, "NoListPrices");
    // Prices, and none for what was used.
    let list = PriceList {
        name: "list".parse().unwrap(),
        scope: PriceListScope::Platform,
        currency: Currency::USD,
    };
    let app = house.app();
    app.publish_price_list(&operator(), list, BTreeMap::new(), Hour::MIN)
        .await
        .unwrap();
    let value = suggestions(&house).await.remove(0).list_value.unwrap();
    assert_eq!(
        (value.amount.to_string(), value.without_price),
        ("0.00".to_owned(), vec![VCPU])
    );
}

/// Suggestions tell no more than the usage that they are about: nothing to who does not read who pays for it.
#[tokio::test]
async fn tenants_are_suggested_to_those_who_read_their_usage() {
    let house = used(BillingModel::PayAsYouUse).await;
    let [agent, stranger] = [house.program("agent").await, house.program("stranger").await];
    house
        .give_partner_role(&agent, PartnerRole::AdminAgent(PARTNER))
        .await;
    let seen = shown_to(&house, &agent).await;
    assert_eq!((seen.len(), seen[0].candidates.len()), (1, 1));
    assert!(shown_to(&house, &stranger).await.is_empty());
}

/// It would name the registration, the seller and the default subscription of those who have the stack now.
#[tokio::test]
async fn who_had_a_stack_would_be_told_who_has_it_now() {
    let house = used(BillingModel::PayAsYouUse).await;
    let before = house.program("before").await;
    house
        .give(&before, RoleDefinition::READER, &Scope::Subscription(SHARED))
        .await;
    let seen = shown_to(&house, &before).await;
    assert_eq!(seen.len(), 1);
    house.it_is("2026-10-22T00:00:00Z");
    move_to_second(&house).await;
    let seen = shown_to(&house, &before).await;
    assert_eq!(seen.len(), 0);
    assert_eq!(
        suggestions(&house).await.len(),
        0,
        "adding it now would move nothing"
    );
}
