//! What changes after a close, and what becomes of it in the next.

use domain::catalog::{Price, PriceList, PriceListScope, Prices, Tier};
use domain::money::{Currency, Money};

use super::{OTHER, WHOLESALE, all_replay, corrected, october, retail};
use crate::house::{CSP, House, VCPU_BILLED, operator};

/// October was closed with 10 hours in it.
async fn closed() -> House {
    let house = october().await;
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T11:00:00Z", "10")])
        .await;
    house.october_is_closed().await;
    house
}

#[tokio::test]
async fn late_usage_changes_an_issued_invoice() {
    let house = closed().await;
    let issued = house.invoices(Some("2026-10")).await;
    let totals: Vec<String> = issued.iter().map(|it| it.total.to_string()).collect();
    assert_eq!(totals, ["10.00", "15.00"], "the platform's, then the partner's");
    let usage = [("2026-10-21T11:00:00Z", "2"), ("2026-11-03T11:00:00Z", "4")];
    house.hears("2026-11-04T12:00:00Z", &usage).await;
    let november = house.november_is_closed().await;
    assert_eq!(
        house.invoices(Some("2026-10")).await,
        issued,
        "what was issued stays"
    );
    let sold = house.invoice_of("2026-11", retail(CSP)).await.unwrap();
    assert_eq!(corrected(&sold), ["2026-10 15.00 -> 18.00: 3.00 (LateUsage)"]);
    assert_eq!(
        sold.total.to_string(),
        "9.00",
        "3.00 of October, 6.00 of November"
    );
    let bought = house.invoice_of("2026-11", WHOLESALE).await.unwrap();
    assert_eq!(corrected(&bought), ["2026-10 10.00 -> 12.00: 2.00 (LateUsage)"]);
    assert_eq!(bought.total.to_string(), "6.00");
    assert_eq!(
        house.closes("2026-11").await,
        november,
        "closing twice is one close"
    );
    for period in ["2026-10", "2026-11"] {
        all_replay(&house, period).await;
    }
}

#[tokio::test]
async fn usage_that_came_late_is_corrected_once_and_not_at_every_close_after_it() {
    let house = closed().await;
    let late = [("2026-10-21T11:00:00Z", "2")];
    house.hears("2026-11-04T12:00:00Z", &late).await;
    house.november_is_closed().await;
    house.it_is("2027-01-01T02:00:00Z");
    house.declares("2027-01-01T00:00:00Z").await;
    house.closes("2026-12").await;
    assert_eq!(
        house.invoices(Some("2026-12")).await,
        [],
        "nothing is left to say"
    );
}

#[tokio::test]
async fn customer_moved_mid_month_pays_twice() {
    let house = october().await;
    let usage = [("2026-10-10T11:00:00Z", "10"), ("2026-10-20T11:00:00Z", "4")];
    house.hears("2026-10-20T12:00:00Z", &usage).await;
    house.october_is_closed().await;
    let before = house.invoice_of("2026-10", retail(CSP)).await.unwrap();
    assert_eq!(before.total.to_string(), "21.00");
    // It turns out that the tenant was the other subscription's from the middle of the month on.
    house
        .maps(Some(OTHER), "2026-10-15T00:00:00Z", "2026-11-01T00:00:00Z")
        .await;
    house.november_is_closed().await;
    let given_back = house.invoice_of("2026-11", retail(CSP)).await.unwrap();
    assert_eq!(
        corrected(&given_back),
        ["2026-10 21.00 -> 15.00: -6.00 (Attribution)"]
    );
    assert!(given_back.is_credit_note());
    let charged = house.invoice_of("2026-11", retail(OTHER)).await.unwrap();
    assert_eq!(corrected(&charged), ["2026-10 0.00 -> 6.00: 6.00 (Attribution)"]);
    // The partner buys all of it, for one subscription or for the other, and keeps what it kept.
    let bought = house.invoice_of("2026-11", WHOLESALE).await.unwrap();
    assert_eq!(bought.corrections.len(), 2, "{:?}", corrected(&bought));
    assert_eq!(bought.total, Money::zero(Currency::USD));
    let kept = total(&house, true).await - total(&house, false).await;
    assert_eq!(kept, 700, "7.00 of 14 hours");
    all_replay(&house, "2026-10").await;
    all_replay(&house, "2026-11").await;
}

/// What the partner sold, or bought, for in all invoices, in cents.
async fn total(house: &House, sold: bool) -> i128 {
    let all = house.invoices(None).await;
    let side = all.iter().filter(|it| (it.account != WHOLESALE) == sold);
    side.map(|it| it.total.minor_units()).sum()
}

#[tokio::test]
async fn tier_reset_by_price_change() {
    let house = october().await;
    let tiers = |second: &str| {
        let tier = |from: &str, price: &str| Tier {
            from: from.parse().unwrap(),
            unit_price: price.parse().unwrap(),
        };
        let price = Price::new(vec![tier("0", "2"), tier("10", second)], "0".parse().unwrap());
        let prices: Prices = [(VCPU_BILLED, price.unwrap())].into();
        prices
    };
    let publish = |second: &'static str, from: &'static str| {
        let list = PriceList {
            name: "contoso".parse().unwrap(),
            scope: PriceListScope::Buyer(crate::house::PARTNER, CSP),
            currency: Currency::USD,
        };
        let (app, prices) = (house.app(), tiers(second));
        async move {
            let from = from.parse().unwrap();
            app.publish_price_list(&operator(), list, prices, from)
                .await
                .unwrap()
        }
    };
    publish("1", "2026-10-01T00:00:00Z").await;
    let usage = [("2026-10-10T11:00:00Z", "12"), ("2026-10-20T11:00:00Z", "4")];
    house.hears("2026-10-20T12:00:00Z", &usage).await;
    house.october_is_closed().await;
    let before = house.invoice_of("2026-10", retail(CSP)).await.unwrap();
    assert_eq!(before.total.to_string(), "26.00", "10 for 2.00, 6 for 1.00");
    publish("0.5", "2026-10-15T00:00:00Z").await;
    house.november_is_closed().await;
    let sold = house.invoice_of("2026-11", retail(CSP)).await.unwrap();
    assert_eq!(
        corrected(&sold),
        [
            "2026-10 26.00 -> 22.00: -4.00 (Prices)",
            "2026-10 0.00 -> 2.00: 2.00 (Prices)"
        ],
        "12 at the first tiers; the 4 of the new price are in its second tier, where they were"
    );
    assert_eq!(sold.total.to_string(), "-2.00");
    assert!(house.invoice_of("2026-11", WHOLESALE).await.is_none());
}

#[tokio::test]
async fn a_revision_of_a_closed_month_is_given_back_and_named() {
    let house = closed().await;
    house
        .hears("2026-11-04T12:00:00Z", &[("2026-10-20T11:00:00Z", "7")])
        .await;
    house.november_is_closed().await;
    let sold = house.invoice_of("2026-11", retail(CSP)).await.unwrap();
    assert_eq!(corrected(&sold), ["2026-10 15.00 -> 10.50: -4.50 (Revision)"]);
    assert!(sold.is_credit_note());
}

#[tokio::test]
async fn a_record_that_was_reported_too_low_would_be_charged_as_usage_that_came_late() {
    let house = closed().await;
    house
        .hears("2026-11-04T12:00:00Z", &[("2026-10-20T11:00:00Z", "12")])
        .await;
    // It is revised once more after the close of November: of that November says nothing, then or when it is replayed.
    house.november_is_closed().await;
    let later = [("2026-10-20T11:00:00Z", "13"), ("2026-10-21T11:00:00Z", "1")];
    house.hears("2026-12-04T12:00:00Z", &later).await;
    let sold = house.invoice_of("2026-11", retail(CSP)).await.unwrap();
    assert_eq!(corrected(&sold), ["2026-10 15.00 -> 18.00: 3.00 (Revision)"]);
    house.it_is("2027-01-01T02:00:00Z");
    house.declares("2027-01-01T00:00:00Z").await;
    house.closes("2026-12").await;
    let sold = house.invoice_of("2026-12", retail(CSP)).await.unwrap();
    assert_eq!(corrected(&sold), ["2026-10 18.00 -> 21.00: 3.00 (Several)"]);
    for period in ["2026-10", "2026-11", "2026-12"] {
        all_replay(&house, period).await;
    }
}

#[tokio::test]
async fn what_is_said_after_a_close_changes_no_byte_of_it_when_it_is_replayed() {
    let house = closed().await;
    all_replay(&house, "2026-10").await;
    let late = [("2026-10-21T11:00:00Z", "2"), ("2026-10-20T11:00:00Z", "7")];
    house.hears("2026-11-04T12:00:00Z", &late).await;
    house
        .maps(None, "2026-10-05T00:00:00Z", "2026-10-21T00:00:00Z")
        .await;
    house.sells_for("9", "2026-10-02T00:00:00Z").await.unwrap();
    all_replay(&house, "2026-10").await;
    let house = house.restarted().await;
    all_replay(&house, "2026-10").await;
    let number = house.invoice_of("2026-10", retail(CSP)).await.unwrap().number;
    let replay = house.app().replay(&operator(), number).await.unwrap();
    assert!(replay.same && replay.difference.is_none(), "{replay:?}");
}
