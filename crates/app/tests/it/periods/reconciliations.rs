//! What the platform charged, day by day, beside what somebody else says.

use app::Kind;
use app::access::Caller;
use app::periods::{Buyer, Reconciled};
use domain::authorization::{PartnerRole, RoleDefinition, Scope};
use domain::catalog::{Price, PriceList, PriceListScope, Prices};
use domain::ids::{PartnerId, SubscriptionId};
use domain::money::Currency;
use domain::partner::{Partner, PartnerKind};
use domain::quantity::{Quantity, Rational};
use domain::reconciliation::{Charge, Class, Days, Theirs};
use domain::time::Hour;

use super::{OTHER, WHOLESALE, month, october};
use crate::house::{CSP, House, PARTNER, VCPU_BILLED, operator};
use crate::people::refusal;

const LITWARE: PartnerId = PartnerId::from_bytes([0xb1; 16]);

fn amount(text: &str) -> Rational {
    let quantity: Quantity = text.parse().unwrap();
    quantity.to_rational()
}

fn line(subscription: SubscriptionId, day: &str, quantity: &str, dollars: &str) -> Theirs {
    Theirs {
        subscription,
        meter: VCPU_BILLED,
        days: Days::one(day.parse().unwrap()),
        quantity: amount(quantity),
        charge: Some(Charge {
            currency: Currency::USD,
            amount: amount(dollars),
        }),
    }
}

/// What Microsoft would say of the usage of [`two_payers`].
fn the_same() -> Vec<Theirs> {
    vec![
        line(CSP, "2026-10-10", "10", "10"),
        line(CSP, "2026-10-11", "0.5", "0.5"),
        line(OTHER, "2026-10-20", "4", "4"),
    ]
}

/// Two subscriptions are charged in October.
async fn two_payers() -> House {
    let house = october().await;
    let usage = [
        ("2026-10-10T11:00:00Z", "7"),
        ("2026-10-10T23:00:00Z", "3"),
        ("2026-10-11T00:00:00Z", "0.5"),
        ("2026-10-20T11:00:00Z", "4"),
    ];
    house.hears("2026-10-20T12:00:00Z", &usage).await;
    house
        .maps(Some(OTHER), "2026-10-15T00:00:00Z", "2026-11-01T00:00:00Z")
        .await;
    house
}

async fn compared(house: &House, caller: &Caller, theirs: Vec<Theirs>) -> Reconciled {
    let compared = house
        .app()
        .reconcile(caller, month("2026-10"), None, theirs)
        .await;
    compared.unwrap()
}

fn classes(found: &Reconciled) -> Vec<(Class, SubscriptionId, String)> {
    assert!(found.found.adds_up());
    let differences = found.found.differences.iter();
    differences
        .map(|it| (it.class, it.item.subscription, it.days.to_string()))
        .collect()
}

#[tokio::test]
async fn what_was_charged_is_compared_day_by_day_and_comes_to_the_lines_of_the_invoice() {
    let house = two_payers().await;
    let open = compared(&house, &operator(), the_same()).await;
    assert_eq!((open.closed, classes(&open)), (false, vec![]));

    house.october_is_closed().await;
    let invoice = house.invoice_of("2026-10", WHOLESALE).await.unwrap();
    let closed = compared(&house, &operator(), the_same()).await;
    assert_eq!((closed.closed, classes(&closed)), (true, vec![]));
    let totals = &closed.found.by_currency[&Some(Currency::USD)];
    assert_eq!(totals.ours.amount, invoice.subtotal.to_rational());
    assert_eq!(totals.matched.count, 3);

    // It is a month's invoice that is compared, whatever came later.
    let late = [("2026-10-12T11:00:00Z", "8")];
    house.hears("2026-11-03T12:00:00Z", &late).await;
    assert_eq!(compared(&house, &operator(), the_same()).await, closed);
}

#[tokio::test]
async fn usage_past_midnight_that_they_have_a_day_later_is_shifted_and_not_missing() {
    let house = two_payers().await;
    let mut theirs = the_same();
    theirs[0] = line(CSP, "2026-10-10", "7", "7");
    theirs[1] = line(CSP, "2026-10-11", "3.5", "3.5");
    let found = compared(&house, &operator(), theirs).await;
    let days = "2026-10-10 to 2026-10-11".to_owned();
    assert_eq!(classes(&found), [(Class::ShiftedDay, CSP, days)]);
}

#[tokio::test]
async fn a_price_that_changes_in_the_middle_of_a_day_still_comes_to_one_day() {
    let house = two_payers().await;
    let noon: Hour = "2026-10-10T12:00:00Z".parse().unwrap();
    let list = PriceList {
        name: "list".parse().unwrap(),
        scope: PriceListScope::Platform,
        currency: Currency::USD,
    };
    let prices: Prices = [(VCPU_BILLED, Price::flat("2".parse().unwrap()))].into();
    house
        .app()
        .publish_price_list(&operator(), list, prices, noon)
        .await
        .unwrap();
    let mut theirs = the_same();
    theirs[0] = line(CSP, "2026-10-10", "10", "13");
    theirs[1] = line(CSP, "2026-10-11", "0.5", "1");
    theirs[2] = line(OTHER, "2026-10-20", "4", "8");
    assert_eq!(classes(&compared(&house, &operator(), theirs).await), []);
}

#[tokio::test]
async fn nobody_learns_what_others_are_charged() {
    let house = two_payers().await;
    let app = house.app();
    let litware = Partner {
        id: LITWARE,
        name: "Litware".to_owned(),
        kind: PartnerKind::DirectBill,
    };
    app.create_partner(&operator(), litware).await.unwrap();
    let (buyer, rival) = (house.program("buyer").await, house.program("rival").await);
    house
        .give_partner_role(&buyer, PartnerRole::AdminAgent(PARTNER))
        .await;
    house
        .give_partner_role(&rival, PartnerRole::AdminAgent(LITWARE))
        .await;
    let reader = house.program("reader").await;
    house
        .give(&reader, RoleDefinition::READER, &Scope::Subscription(OTHER))
        .await;
    assert_eq!(classes(&compared(&house, &buyer, the_same()).await), []);
    for stranger in [&rival, &reader] {
        let found = compared(&house, stranger, the_same()).await.found;
        assert!(found.differences.iter().all(|it| it.class == Class::MissingHere));
        let totals = &found.by_currency[&Some(Currency::USD)];
        assert_eq!(totals.ours.lines, 0, "the platform sells nothing to who this is");
    }
    let unknown = compared(&house, &rival, the_same()).await.found;
    assert!(
        unknown
            .differences
            .iter()
            .all(|it| it.cause.code() == "UnknownSubscription")
    );

    let of = async |caller: &Caller, partner| {
        let buyer = Some(Buyer::Partner(partner));
        app.reconcile(caller, month("2026-10"), buyer, the_same()).await
    };
    assert_eq!(classes(&of(&operator(), PARTNER).await.unwrap()), []);
    let of_litware = of(&operator(), LITWARE).await.unwrap();
    assert!(
        classes(&of_litware)
            .iter()
            .all(|(class, ..)| *class == Class::MissingHere)
    );
    for refused in [
        of(&rival, PARTNER).await,
        of(&operator(), PartnerId::from_bytes([0xb2; 16])).await,
    ] {
        assert_eq!(refusal(refused), (Kind::NotFound, "AccountNotFound"));
    }
}
