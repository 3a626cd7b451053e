use proptest::prelude::*;

use super::*;
use crate::catalog::{Price, PriceListScope, UnitPrice};
use crate::ids::{BillingMeterId, ObjectId, PartnerId};
use crate::partner::{Partner, PartnerKind};
use crate::time::Timestamp;

const METER: BillingMeterId = BillingMeterId::from_bytes([1; 16]);

fn seller(number: u8) -> PartnerId {
    PartnerId::from_bytes([number; 16])
}

fn enter(books: &mut Books, entry: &Entry) {
    let recorded = Recorded {
        entry: books.entries() + 1,
        at: Timestamp::from_second(0).unwrap(),
        by: ObjectId::from_bytes([0; 16]),
    };
    books.apply(entry, recorded).unwrap();
}

/// Books with partners 1 to 20, each of which has a list of its own, `list-<number>`; `list-0` is the platform's.
fn partners() -> Books {
    let mut books = Books::default();
    for number in 1..=20 {
        let partner = Partner {
            id: seller(number),
            name: format!("Partner {number}"),
            kind: PartnerKind::DirectBill,
        };
        enter(&mut books, &Entry::PartnerCreated(partner));
    }
    books
}

fn list(number: u8, currency: &str) -> PriceList {
    PriceList {
        name: name(number),
        scope: match number {
            0 => PriceListScope::Platform,
            number => PriceListScope::Seller(seller(number)),
        },
        currency: currency.parse().unwrap(),
    }
}

fn name(number: u8) -> PriceListName {
    format!("list-{number}").parse().unwrap()
}

fn flat(text: &str) -> Prices {
    [(METER, Price::flat(text.parse().unwrap()))].into()
}

fn follows(base: u8, percentage: &str) -> Pricing {
    Pricing::Derived(Derivation {
        base: name(base),
        percentage: percentage.parse().unwrap(),
        minimum_change: None,
        maximum_change: None,
        overrides: Prices::new(),
    })
}

fn hour(month: u32) -> Hour {
    format!("2026-{month:02}-01T00:00:00Z").parse().unwrap()
}

fn publish(books: &mut Books, number: u8, pricing: impl Into<Pricing>, month: u32) {
    let entry = books.publish_price_list(list(number, "EUR"), pricing, hour(month));
    enter(books, &entry.unwrap().unwrap());
}

fn refused(books: &Books, list: PriceList, pricing: impl Into<Pricing>, month: u32) -> &'static str {
    books
        .publish_price_list(list, pricing, hour(month))
        .unwrap_err()
        .code()
}

fn costs(books: &Books, number: u8, month: u32) -> UnitPrice {
    books.prices_of(&name(number), hour(month)).unwrap()[&METER].tiers()[0].unit_price
}

#[test]
fn prices_follow_their_base_from_the_hour_at_which_it_changes() {
    let mut books = partners();
    publish(&mut books, 0, flat("1"), 1);
    publish(&mut books, 1, follows(0, "10"), 2);
    publish(&mut books, 2, follows(1, "-50"), 3);
    publish(&mut books, 0, flat("2"), 5);
    for (number, month, expected) in [
        (1, 2, "1.1"),
        (1, 4, "1.1"),
        (1, 5, "2.2"),
        (2, 4, "0.55"),
        (2, 5, "1.1"),
    ] {
        let name = format!("list {number} in month {month}");
        assert_eq!(costs(&books, number, month), expected.parse().unwrap(), "{name}");
    }
    assert_eq!(
        books.prices_of(&name(1), hour(1)),
        None,
        "before its first version"
    );
    assert!(
        books.price_changes(&name(2)).contains(&hour(5)),
        "usage is summed apart there"
    );
}

#[test]
fn a_price_names_the_versions_that_made_it_and_the_hours_in_which_they_held() {
    let mut books = partners();
    publish(&mut books, 0, flat("1"), 1);
    publish(&mut books, 1, follows(0, "10"), 2);
    publish(&mut books, 0, flat("2"), 5);
    let versions = |number, month| -> Vec<(PriceListName, Hour, Hour)> {
        let versions = books.price_versions(&name(number), hour(month)).into_iter();
        let shown = versions.map(|it| (it.list.name, it.hours.start(), it.hours.end()));
        shown.collect()
    };
    let own = (name(1), hour(2), Hour::MAX);
    let bases = [(name(0), hour(1), hour(5)), (name(0), hour(5), Hour::MAX)];
    assert_eq!(versions(1, 3), [own.clone(), bases[0].clone()]);
    assert_eq!(versions(1, 6), [own, bases[1].clone()]);
    assert_eq!(versions(0, 3), bases[..1]);
    assert_eq!(versions(1, 1), [], "before its first version");
}

#[test]
fn a_version_that_cannot_follow_is_refused_with_its_code() {
    let mut books = partners();
    publish(&mut books, 0, flat("1"), 2);
    publish(&mut books, 1, follows(0, "10"), 2);
    let euro = |number| list(number, "EUR");
    let bounds = Pricing::Derived(Derivation {
        minimum_change: Some("2".parse().unwrap()),
        maximum_change: Some("1".parse().unwrap()),
        ..follows(0, "1").derivation().unwrap().clone()
    });
    for (what, list, pricing, month, code) in [
        ("no base", euro(2), follows(9, "1"), 2, "BasePriceListNotFound"),
        (
            "currency",
            list(2, "USD"),
            follows(0, "1"),
            2,
            "BasePriceListInOtherCurrency",
        ),
        (
            "too early",
            euro(2),
            follows(0, "1"),
            1,
            "BasePriceListBeginsLater",
        ),
        ("itself", euro(1), follows(1, "1"), 2, "PriceListFollowsItself"),
        ("a circle", euro(0), follows(1, "1"), 3, "PriceListFollowsItself"),
        ("bounds", euro(2), bounds, 2, "MinimumChangeAboveMaximum"),
    ] {
        assert_eq!(refused(&books, list, pricing, month), code, "{what}");
    }
}

#[test]
fn lists_follow_one_another_up_to_the_limit_whichever_end_is_added_last() {
    let limit = u8::try_from(DERIVATION_DEPTH_MAX).unwrap();
    let mut books = partners();
    publish(&mut books, 0, flat("1"), 1);
    for number in 1..=limit {
        publish(&mut books, number, follows(number - 1, "1"), 1);
    }
    let last = refused(&books, list(limit + 1, "EUR"), follows(limit, "1"), 1);
    assert_eq!(last, "PriceListsTooDeep");
    publish(&mut books, limit + 2, flat("1"), 1);
    let first = refused(&books, list(0, "EUR"), follows(limit + 2, "1"), 2);
    assert_eq!(first, "PriceListsTooDeep");
}

#[test]
fn a_base_whose_new_prices_nobody_could_write_for_a_list_that_follows_is_refused() {
    let mut books = partners();
    publish(&mut books, 0, flat("1"), 1);
    publish(&mut books, 1, follows(0, "0.0001"), 1);
    let long = flat("1.234567890123456789012345678");
    assert_eq!(
        refused(&books, list(0, "EUR"), long.clone(), 2),
        "DerivedPriceTooManyDigits"
    );
    publish(&mut books, 2, long, 1);
    assert_eq!(
        refused(&books, list(3, "EUR"), follows(2, "0.0001"), 1),
        "DerivedPriceTooManyDigits"
    );
}

#[test]
fn a_draft_changes_no_price_and_its_revision_moves_with_whatever_it_is_compared_with() {
    let mut books = partners();
    publish(&mut books, 0, flat("1"), 1);
    publish(&mut books, 1, follows(0, "10"), 1);
    let draft = PriceDraft {
        list: list(1, "EUR"),
        pricing: follows(0, "20"),
        from: hour(3),
    };
    let entry = books.draft_prices(draft.clone()).unwrap().unwrap();
    enter(&mut books, &entry);
    assert_eq!(books.draft_prices(draft), Ok(None), "the same again");
    assert_eq!(costs(&books, 1, 3), "1.1".parse().unwrap());
    let mut before = books.draft_revision(&name(1)).unwrap();
    publish(&mut books, 2, flat("7"), 1);
    assert_eq!(
        books.draft_revision(&name(1)),
        Some(before),
        "another list says nothing"
    );
    for (what, number, pricing) in [
        ("its base", 0, flat("3").into()),
        ("the list", 1, follows(0, "12")),
    ] {
        publish(&mut books, number, pricing, 2);
        let now = books.draft_revision(&name(1)).unwrap();
        assert!(now > before, "{what}");
        before = now;
    }
    enter(&mut books, &PriceEntry::DraftDropped(name(1)).into());
    assert_eq!(books.draft_revision(&name(1)), None);
}

#[test]
fn a_draft_that_could_not_be_published_is_refused() {
    let books = partners();
    let draft = PriceDraft {
        list: list(1, "EUR"),
        pricing: follows(0, "20"),
        from: hour(3),
    };
    assert_eq!(
        books.draft_prices(draft).unwrap_err().code(),
        "BasePriceListNotFound"
    );
}

proptest! {
    /// Whatever is published for the base, in whatever order, what follows it is always that with the percentage.
    #[test]
    fn what_follows_is_at_every_hour_made_from_what_the_base_has_at_that_hour(
        versions in prop::collection::vec((1u32..13, 0u32..1000), 0..6), percentage in 0u32..200,
    ) {
        let mut books = partners();
        publish(&mut books, 0, flat("1"), 1);
        let derived = follows(0, &percentage.to_string());
        publish(&mut books, 1, derived.clone(), 1);
        for (month, price) in versions {
            let entry = books.publish_price_list(list(0, "EUR"), flat(&price.to_string()), hour(month)).unwrap();
            entry.iter().for_each(|entry| enter(&mut books, entry));
        }
        for month in 1..13 {
            let base = books.prices_of(&name(0), hour(month)).unwrap();
            let expected = derived.derivation().unwrap().prices(&base).unwrap();
            prop_assert_eq!(books.prices_of(&name(1), hour(month)), Some(expected));
        }
    }
}
