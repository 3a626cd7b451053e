//! Budgets: what was spent of them, and that others are told once.

mod looking;
mod sides;
mod tagged;

use std::borrow::Cow;
use std::collections::BTreeSet;

use app::Kind;
use app::access::Caller;
use app::accounts::Created;
use app::periods::BudgetWatch;
use domain::authorization::PartnerRole;
use domain::budget::{Budget, BudgetOf, Tag, Thresholds};
use domain::ids::PartnerId;
use domain::money::{Currency, Money};
use domain::notices::{Notice, Webhook};
use domain::partner::{Partner, PartnerKind};
use domain::usage::{Granularity, UsageRecord};
use store::DeliveredRecord;

use super::{OTHER, WHOLESALE, month, october, retail};
use crate::house::{CSP, House, LOCAL, PARTNER, SHARED, STACK, VCPU, delivery, operator};
use crate::people::refusal;

const LITWARE: PartnerId = PartnerId::from_bytes([0xb1; 16]);

fn usd(cents: i128) -> Money {
    Money::from_minor_units(cents, Currency::USD)
}

fn budget(name: &str, of: BudgetOf, cents: i128, percentages: &[u16]) -> Budget {
    Budget {
        name: name.parse().unwrap(),
        of,
        tag: None,
        amount: usd(cents),
        thresholds: Thresholds::new(percentages).unwrap(),
        from: month("2026-10"),
    }
}

fn sale(account: domain::chain::Account) -> BudgetOf {
    BudgetOf::Sale(account.link())
}

async fn set(house: &House, budget: &Budget) -> Created {
    set_by(house, &operator(), budget).await
}

async fn set_by(house: &House, caller: &Caller, budget: &Budget) -> Created {
    let set = house.app().set_budget(caller, budget.clone().into()).await;
    set.unwrap().0
}

/// Somebody who acts for a partner.
async fn agent(house: &House, name: &str, partner: PartnerId) -> Caller {
    let agent = house.program(name).await;
    house
        .give_partner_role(&agent, PartnerRole::AdminAgent(partner))
        .await;
    agent
}

async fn listens(house: &House, name: &str, partner: Option<PartnerId>) {
    let webhook = Webhook {
        name: name.parse().unwrap(),
        url: format!("https://{name}.example/"),
        kinds: BTreeSet::new(),
        stack: None,
        partner,
    };
    house.app().set_webhook(&operator(), webhook).await.unwrap();
}

/// What a webhook is sent of budgets, the first of it first.
fn told(house: &House, webhook: &str) -> Vec<Notice> {
    let sent = house
        .app()
        .sent_notices(&operator(), &webhook.parse().unwrap())
        .unwrap();
    sent.into_iter().rev().map(|it| it.notice).collect()
}

/// The budgets, months and thresholds that a webhook was told of.
fn heard(house: &House, webhook: &str) -> Vec<String> {
    let told = told(house, webhook);
    let shown = told.iter().map(|notice| {
        let of = |name: &str| notice.data.get(name).cloned().unwrap_or_default();
        format!(
            "{} {} {}: {}",
            of("budget"),
            of("period"),
            of("threshold"),
            of("spent")
        )
    });
    shown.collect()
}

/// The names of the budgets of which the webhook `ops` was told.
fn names(house: &House) -> Vec<String> {
    let heard = heard(house, "ops");
    let names = heard.iter().map(|it| it.split(' ').next().unwrap().to_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

async fn look(house: &House, watch: &mut BudgetWatch) -> usize {
    house.app().look_after_budgets(watch, || true).await.unwrap()
}

async fn spent(house: &House, name: &str) -> String {
    let view = house
        .app()
        .budget(&operator(), &name.parse().unwrap(), None)
        .await;
    view.unwrap().spent.unwrap().to_string()
}

#[tokio::test]
async fn a_threshold_would_be_told_with_every_look_or_again_after_a_restart() {
    let house = october().await;
    listens(&house, "ops", None).await;
    set(
        &house,
        &budget("contoso", sale(retail(CSP)), 2_000, &[50, 80, 100]),
    )
    .await;
    let mut watch = BudgetWatch::default();
    assert_eq!(look(&house, &mut watch).await, 0);
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T11:00:00Z", "6.666")])
        .await;
    assert_eq!(
        look(&house, &mut watch).await,
        1,
        "9.999 are 10.00, which is half of it"
    );
    assert_eq!(look(&house, &mut watch).await, 0);
    let told = told(&house, "ops");
    assert_eq!((told[0].partner, &*told[0].data["owner"]), (None, "platform"));
    assert_eq!(
        told[0].text,
        format!(
            "Budget contoso: Contoso production (subscription {CSP}) has spent 10.00 of 20.00 USD in 2026-10, at least 50 % \
             of it."
        )
    );
    assert_eq!(told[0].data["buyer"], format!("subscription:{CSP}"));
    // A restarted server looks with nothing in mind.
    let house = house.restarted().await;
    let mut watch = BudgetWatch::default();
    assert_eq!(look(&house, &mut watch).await, 0);
    house
        .hears("2026-10-20T13:00:00Z", &[("2026-10-20T12:00:00Z", "10")])
        .await;
    assert_eq!(look(&house, &mut watch).await, 2);
    assert_eq!(look(&house, &mut BudgetWatch::default()).await, 0);
    assert_eq!(
        heard(&house, "ops"),
        [
            "contoso 2026-10 50: 10.00",
            "contoso 2026-10 80: 25.00",
            "contoso 2026-10 100: 25.00"
        ]
    );
    let view = house
        .app()
        .budget(&operator(), &"contoso".parse().unwrap(), None)
        .await
        .unwrap();
    let reached = view.record.reached(month("2026-10"));
    assert_eq!(
        reached.map(|(it, _)| it.percent()).collect::<Vec<_>>(),
        [50, 80, 100]
    );
    assert_eq!(view.spent, Ok(usd(2_500)));
}

#[tokio::test]
async fn late_usage_of_a_month_that_is_over_is_told_until_the_month_is_closed() {
    let house = october().await;
    listens(&house, "ops", None).await;
    set(&house, &budget("contoso", sale(retail(CSP)), 1_000, &[50, 100])).await;
    house
        .hears("2026-11-01T01:00:00Z", &[("2026-10-31T23:00:00Z", "4")])
        .await;
    let mut watch = BudgetWatch::default();
    assert_eq!(look(&house, &mut watch).await, 1);
    assert_eq!(heard(&house, "ops"), ["contoso 2026-10 50: 6.00"]);
    assert_eq!(spent(&house, "contoso").await, "0.00", "of November nothing");
    house.october_is_closed().await;
    house
        .hears(
            "2026-11-02T12:00:00Z",
            &[("2026-10-30T11:00:00Z", "40"), ("2026-11-02T11:00:00Z", "1")],
        )
        .await;
    assert_eq!(
        look(&house, &mut watch).await,
        0,
        "that is a correction of the open month"
    );
    assert_eq!(spent(&house, "contoso").await, "1.50", "and no spending of it");
    house
        .hears("2026-11-03T12:00:00Z", &[("2026-11-03T11:00:00Z", "9")])
        .await;
    assert_eq!(look(&house, &mut watch).await, 2);
    assert_eq!(
        heard(&house, "ops")[1..],
        ["contoso 2026-11 50: 15.00", "contoso 2026-11 100: 15.00"]
    );
}

#[tokio::test]
async fn a_budget_that_was_removed_tells_nothing_and_another_partner_learns_nothing() {
    let house = october().await;
    let app = house.app();
    let litware = Partner {
        id: LITWARE,
        name: "Litware".to_owned(),
        kind: PartnerKind::DirectBill,
    };
    app.create_partner(&operator(), litware).await.unwrap();
    for (name, partner) in [
        ("all", None),
        ("theirs", Some(PARTNER)),
        ("rivals", Some(LITWARE)),
    ] {
        listens(&house, name, partner).await;
    }
    let buyer = agent(&house, "buyer", PARTNER).await;
    let there = budget("there", sale(WHOLESALE), 100, &[1]);
    set_by(&house, &buyer, &budget("gone", sale(retail(CSP)), 100, &[1])).await;
    set_by(&house, &buyer, &there).await;
    app.remove_budget(&buyer, &"gone".parse().unwrap(), None)
        .await
        .unwrap();
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T11:00:00Z", "2")])
        .await;
    assert_eq!(look(&house, &mut BudgetWatch::default()).await, 1);
    let expected = ["there 2026-10 1: 2.00"];
    assert_eq!(heard(&house, "all"), expected);
    assert_eq!(heard(&house, "theirs"), expected);
    assert_eq!(heard(&house, "rivals"), [""; 0]);
    let gone = app.budget(&operator(), &"gone".parse().unwrap(), None).await;
    assert_eq!(refusal(gone), (Kind::NotFound, "BudgetNotFound"));
    // Set anew, it is another budget, whose thresholds nobody was told of.
    app.remove_budget(&buyer, &there.name, None).await.unwrap();
    set_by(&house, &buyer, &there).await;
    assert_eq!(look(&house, &mut BudgetWatch::default()).await, 1);
}

#[tokio::test]
async fn a_subscription_spends_what_it_is_charged_in_the_end_and_no_other_one() {
    let house = october().await;
    let usage = [("2026-10-10T11:00:00Z", "10"), ("2026-10-20T11:00:00Z", "4")];
    house.hears("2026-10-20T12:00:00Z", &usage).await;
    house
        .maps(None, "2026-10-15T00:00:00Z", "2026-11-01T00:00:00Z")
        .await;
    for (name, of) in [
        ("csp", BudgetOf::Subscription(CSP)),
        ("shared", BudgetOf::Subscription(SHARED)),
        ("other", BudgetOf::Subscription(OTHER)),
        ("wholesale", sale(WHOLESALE)),
    ] {
        set(&house, &budget(name, of, 10_000, &[100])).await;
    }
    let euro = Money::from_minor_units(100, "EUR".parse().unwrap());
    set(
        &house,
        &Budget {
            amount: euro,
            ..budget("euro", BudgetOf::Subscription(CSP), 1, &[1])
        },
    )
    .await;
    let later = Budget {
        from: month("2026-11"),
        ..budget("later", BudgetOf::Subscription(CSP), 1, &[1])
    };
    set(&house, &later).await;
    let all = house.app().budgets(&operator(), None, 10).await.unwrap();
    let shown: Vec<(String, String)> = all
        .iter()
        .map(|it| {
            (
                it.record.budget.name.to_string(),
                it.spent.clone().unwrap().to_string(),
            )
        })
        .collect();
    let expected = [
        ("csp", "15.00"),
        ("euro", "0.00"),
        ("later", "0.00"),
        ("other", "0.00"),
        ("shared", "4.00"),
        ("wholesale", "14.00"),
    ];
    assert_eq!(
        shown,
        expected.map(|(name, spent)| (name.to_owned(), spent.to_owned()))
    );
    let after = house
        .app()
        .budgets(&operator(), Some(&"later/platform".parse().unwrap()), 1)
        .await
        .unwrap();
    assert_eq!(after[0].record.budget.name.to_string(), "other");
}

/// Delivers an hour of machines with tags.
async fn hears_tagged(house: &House, reported: &str, usage: &[(&str, &str, &str, &str)]) {
    house.it_is(reported);
    let records: Vec<DeliveredRecord<'_>> = (0..)
        .zip(usage)
        .map(|(index, (machine, tags, start, quantity))| DeliveredRecord {
            index,
            record: UsageRecord {
                local_subscription: LOCAL,
                local_meter: VCPU,
                resource_uri: Cow::Owned(format!("/subscriptions/x/virtualMachines/{machine}")),
                location: Cow::Borrowed("north"),
                tags: Cow::Borrowed(*tags),
                additional_info: Cow::Borrowed(""),
                start: start.parse().unwrap(),
                granularity: Granularity::Hour,
                quantity: quantity.parse().unwrap(),
            },
        })
        .collect();
    let delivery = delivery(STACK, reported.parse().unwrap(), &records);
    house.app().deliver_usage(delivery).await.unwrap();
}

#[tokio::test]
async fn what_a_machine_cost_before_it_had_a_tag_is_not_spent_on_it() {
    let house = october().await;
    let (prod, test) = (r#"{"env":"prod"}"#, r#"{"env":"test"}"#);
    hears_tagged(
        &house,
        "2026-10-20T12:00:00Z",
        &[
            ("a", "", "2026-10-10T10:00:00Z", "1.001"),
            ("a", prod, "2026-10-10T11:00:00Z", "2"),
            ("a", r#"{"ENV":"prod","x":"y"}"#, "2026-10-10T12:00:00Z", "3"),
            ("a", test, "2026-10-11T12:00:00Z", "10"),
            ("b", prod, "2026-10-11T12:00:00Z", "0.5"),
            ("c", "null", "2026-10-11T12:00:00Z", "7"),
        ],
    )
    .await;
    listens(&house, "ops", None).await;
    let tagged = |name: &str, of, value: &str| Budget {
        tag: Some(Tag {
            name: "Env".to_owned(),
            value: value.to_owned(),
        }),
        ..budget(name, of, 825, &[100])
    };
    for (name, of, value) in [
        ("prod", sale(retail(CSP)), "prod"),
        ("prod-of-csp", BudgetOf::Subscription(CSP), "prod"),
        ("prod-of-other", BudgetOf::Subscription(OTHER), "prod"),
        ("prod-wholesale", sale(WHOLESALE), "prod"),
        ("test", sale(retail(CSP)), "test"),
        ("upper", sale(retail(CSP)), "PROD"),
    ] {
        set(&house, &tagged(name, of, value)).await;
    }
    set(&house, &budget("whole", sale(retail(CSP)), 825, &[1_000])).await;
    // 5.5 hours at 1.50, 10 hours at 1.50; the rest of 23.501 hours has no tag.
    for (name, expected) in [
        ("prod", "8.25"),
        ("prod-of-csp", "8.25"),
        ("prod-of-other", "0.00"),
        ("prod-wholesale", "5.50"),
        ("test", "15.00"),
        ("upper", "0.00"),
        ("whole", "35.25"),
    ] {
        assert_eq!(spent(&house, name).await, expected, "{name}");
    }
    let mut watch = BudgetWatch::default();
    assert_eq!(look(&house, &mut watch).await, 3);
    let heard = heard(&house, "ops");
    assert_eq!(
        heard,
        [
            "prod 2026-10 100: 8.25",
            "prod-of-csp 2026-10 100: 8.25",
            "test 2026-10 100: 15.00"
        ]
    );
    assert_eq!(told(&house, "ops")[0].data["tag"], "Env=prod");
    // Who pays for it changes in the middle of what carries the tag.
    house
        .maps(Some(OTHER), "2026-10-10T12:00:00Z", "2026-10-10T13:00:00Z")
        .await;
    assert_eq!(spent(&house, "prod-of-csp").await, "3.75");
    assert_eq!(spent(&house, "prod-of-other").await, "4.50");
}
