//! Commitments, credits, taxes and fees on invoices, and how they are set right.

use app::Kind;
use domain::money::{Currency, Money};
use domain::registration::BillingModel;
use domain::terms::{CapacityFee, Tax, Terms};
use domain::time::HourInterval;

use super::{WHOLESALE, all_replay, corrected, month, october, retail};
use crate::house::{CSP, House, STACK, operator};
use crate::people::refusal;

fn usd(cents: i128) -> Option<Money> {
    Some(Money::from_minor_units(cents, Currency::USD))
}

fn vat() -> Option<Tax> {
    Some(Tax {
        percent: "25".parse().unwrap(),
        label: "VAT".to_owned(),
    })
}

#[tokio::test]
async fn late_usage_that_a_commitment_covers_costs_nothing_and_what_is_beyond_it_is_taxed() {
    let house = october().await;
    let account = retail(CSP);
    let terms = Terms {
        minimum_commitment: usd(2_000),
        credit: usd(300),
        tax: vat(),
        capacity_fee: None,
    };
    let app = house.app();
    app.set_terms(
        &operator(),
        account.seller,
        Some(account.buyer),
        terms,
        month("2026-10"),
    )
    .await
    .unwrap();
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T11:00:00Z", "10")])
        .await;
    house.october_is_closed().await;
    let issued = house.invoice_of("2026-10", account).await.unwrap();
    let amounts: Vec<String> = issued
        .lines
        .values()
        .map(|line| line.amount.to_string())
        .collect();
    assert_eq!(amounts, ["15.00", "5.00", "-3.00", "4.25"]);
    assert_eq!(issued.total.to_string(), "21.25");
    // 2 more hours are 3.00 of usage and 3.00 less that the commitment asks for.
    house
        .hears("2026-11-04T12:00:00Z", &[("2026-10-21T11:00:00Z", "2")])
        .await;
    house.november_is_closed().await;
    let november = house.invoice_of("2026-11", account).await.unwrap();
    assert_eq!(
        corrected(&november),
        [
            "2026-10 15.00 -> 18.00: 3.00 (LateUsage)",
            "2026-10 5.00 -> 2.00: -3.00 (LateUsage)"
        ]
    );
    let of_november: Vec<String> = november.lines.values().map(|it| it.amount.to_string()).collect();
    assert_eq!(
        of_november,
        ["20.00", "-3.00", "4.25"],
        "the commitment holds without usage"
    );
    // 4 more are beyond it.
    house
        .hears("2026-12-04T12:00:00Z", &[("2026-10-22T11:00:00Z", "4")])
        .await;
    house.it_is("2027-01-01T02:00:00Z");
    house.declares("2027-01-01T00:00:00Z").await;
    house.closes("2026-12").await;
    let december = house.invoice_of("2026-12", account).await.unwrap();
    assert_eq!(
        corrected(&december),
        [
            "2026-10 18.00 -> 24.00: 6.00 (LateUsage)",
            "2026-10 2.00 -> 0.00: -2.00 (LateUsage)",
            "2026-10 4.25 -> 5.25: 1.00 (LateUsage)"
        ]
    );
    for period in ["2026-10", "2026-11", "2026-12"] {
        all_replay(&house, period).await;
    }
}

#[tokio::test]
async fn terms_that_are_agreed_on_for_a_closed_month_are_corrected_by_name() {
    let house = october().await;
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T11:00:00Z", "10")])
        .await;
    house.october_is_closed().await;
    let account = retail(CSP);
    let terms = Terms {
        tax: vat(),
        ..Terms::default()
    };
    let app = house.app();
    app.set_terms(&operator(), account.seller, None, terms, month("2026-10"))
        .await
        .unwrap();
    house.november_is_closed().await;
    let november = house.invoice_of("2026-11", account).await.unwrap();
    assert_eq!(corrected(&november), ["2026-10 0.00 -> 3.75: 3.75 (Terms)"]);
    assert_eq!(
        (november.subtotal.to_string(), november.tax.to_string()),
        ("0.00".to_owned(), "3.75".to_owned())
    );
    let listed = app.terms(&operator());
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].seller, listed[0].buyer, listed[0].from),
        (account.seller, None, month("2026-10"))
    );
}

#[tokio::test]
async fn a_stack_that_pays_by_capacity_costs_its_cores_by_days_and_waits_at_no_gate() {
    let house = House::built_at("2026-10-30T00:00:00Z").await;
    house.register(BillingModel::Capacity).await;
    let app = house.app();
    app.state_cores(&operator(), STACK, Some(36), HourInterval::ALWAYS)
        .await
        .unwrap();
    let no_cores = app
        .state_cores(&operator(), STACK, Some(0), HourInterval::ALWAYS)
        .await;
    assert_eq!(refusal(no_cores), (Kind::Invalid, "InvalidCores"));
    let fee = Terms {
        capacity_fee: Some(CapacityFee {
            per_core_and_year: "146".parse().unwrap(),
            currency: Currency::USD,
        }),
        ..Terms::default()
    };
    app.set_terms(&operator(), WHOLESALE.seller, None, fee, month("2026-10"))
        .await
        .unwrap();
    let today = app
        .running(&operator(), WHOLESALE, month("2026-10"))
        .await
        .unwrap();
    assert_eq!(
        today.invoice.total.to_string(),
        "14.40",
        "the first day has begun"
    );
    house.it_is("2026-11-01T02:00:00Z");
    house.closes("2026-10").await;
    let issued = house.invoice_of("2026-10", WHOLESALE).await.unwrap();
    assert_eq!(issued.total.to_string(), "28.80", "36 cores for 2 days of 0.40");
    all_replay(&house, "2026-10").await;
}
