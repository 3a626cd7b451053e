use super::*;
use crate::books::{Entry, Refused};
use crate::catalog::{Price, Prices};
use crate::chain::Buyer;
use crate::ids::{BillingMeterId, CustomerId, ObjectId, PartnerId, TenantId};
use crate::partner::{Customer, Partner, PartnerKind, SubscriptionKind, SubscriptionState};
use crate::time::Timestamp;
use crate::timeline::Recorded;

const SELLER: PartnerId = PartnerId::from_bytes([1; 16]);
const BUYER: SubscriptionId = SubscriptionId::from_bytes([2; 16]);

fn enter(books: &mut Books, entry: &Entry) {
    let recorded = Recorded {
        entry: books.entries() + 1,
        at: Timestamp::from_second(0).unwrap(),
        by: ObjectId::from_bytes([0; 16]),
    };
    books.apply(entry, recorded).unwrap();
}

/// A partner that sells one subscription.
fn sold() -> Books {
    let (customer, tenant) = (CustomerId::from_bytes([3; 16]), TenantId::from_bytes([4; 16]));
    let mut books = Books::default();
    for entry in [
        Entry::PartnerCreated(Partner {
            id: SELLER,
            name: "Harbour".to_owned(),
            kind: PartnerKind::DirectBill,
        }),
        Entry::CustomerCreated(Customer {
            id: customer,
            partner: SELLER,
            name: "Fjordbank".to_owned(),
            tenants: vec![tenant],
        }),
        Entry::SubscriptionCreated(Subscription {
            id: BUYER,
            name: "Fjordbank CSP".to_owned(),
            kind: SubscriptionKind::Csp,
            tenant,
            owner: Some(SELLER),
            customer: Some(customer),
            state: SubscriptionState::Active,
        }),
    ] {
        enter(&mut books, &entry);
    }
    books
}

const PLATFORM: PriceListScope = PriceListScope::Platform;
const OF_SELLER: PriceListScope = PriceListScope::Seller(SELLER);
const FOR_BUYER: PriceListScope = PriceListScope::Buyer(SELLER, BUYER);

/// Publishes a version of the list of this scope from this day of 2026 on; says why not.
fn publish(books: &mut Books, scope: PriceListScope, currency: &str, day: &str) -> Result<(), String> {
    let name = match scope {
        PriceListScope::Platform => "platform",
        PriceListScope::Seller(_) => "seller",
        PriceListScope::Buyer(..) => "buyer",
    };
    let list = PriceList {
        name: name.parse().unwrap(),
        scope,
        currency: currency.parse().unwrap(),
    };
    let from = format!("2026-{day}:00:00Z").parse().unwrap();
    match books.publish_price_list(list, Prices::new(), from) {
        Ok(entry) => enter(books, &entry.unwrap()),
        Err(refused @ Refused::CurrencyChange(_)) => return Err(refused.to_string()),
        Err(refused) => panic!("{refused}"),
    }
    Ok(())
}

#[test]
fn a_list_in_another_currency_from_mid_month_on_does_not_cost_everybody_that_months_bills() {
    let mut books = sold();
    publish(&mut books, PLATFORM, "USD", "01-01T00").unwrap();
    let refused = publish(&mut books, OF_SELLER, "EUR", "10-16T00").unwrap_err();
    assert_eq!(
        refused,
        "at 2026-10-16T00:00:00Z, inside a month, price list 'seller' in EUR would follow 'platform' in USD for the \
         same payers; all prices of a month are in one currency. Expected an effectiveFrom at the start of a month, \
         such as 2026-10-01T00:00:00Z or 2026-11-01T00:00:00Z"
    );
    publish(&mut books, OF_SELLER, "EUR", "11-01T00").unwrap();
    assert!(
        publish(&mut books, OF_SELLER, "EUR", "10-31T23").is_err(),
        "nor does a later version for earlier hours"
    );
    publish(&mut books, OF_SELLER, "EUR", "11-16T05").unwrap();
    publish(&mut books, OF_SELLER, "EUR", "10-01T00").unwrap();
}

#[test]
fn a_list_for_one_buyer_has_the_currency_of_what_it_follows_or_begins_with_a_month() {
    let mut books = sold();
    publish(&mut books, PLATFORM, "USD", "01-01T00").unwrap();
    publish(&mut books, OF_SELLER, "EUR", "05-01T00").unwrap();
    assert!(publish(&mut books, FOR_BUYER, "USD", "06-02T00").is_err());
    assert!(
        publish(&mut books, FOR_BUYER, "EUR", "04-02T00").is_err(),
        "then it follows the platform's"
    );
    publish(&mut books, FOR_BUYER, "EUR", "06-02T00").unwrap();
}

#[test]
fn the_first_list_of_all_may_begin_in_mid_month() {
    let mut books = sold();
    publish(&mut books, OF_SELLER, "EUR", "10-16T00").unwrap();
    let refused = publish(&mut books, PLATFORM, "USD", "01-01T00").unwrap_err();
    assert!(
        refused.ends_with("Publish a version of 'seller' from 2026-10-01T00:00:00Z on first"),
        "{refused}"
    );
    publish(&mut books, OF_SELLER, "EUR", "10-01T00").unwrap();
    publish(&mut books, PLATFORM, "USD", "01-01T00").unwrap();
}

#[test]
fn a_month_that_has_two_currencies_from_former_times_can_be_mended() {
    let mut books = sold();
    let version = |scope, currency: &str, from: &str| Entry::PriceListPublished {
        list: PriceList {
            name: if scope == PLATFORM { "platform" } else { "seller" }
                .parse()
                .unwrap(),
            scope,
            currency: currency.parse().unwrap(),
        },
        prices: Prices::new(),
        from: from.parse().unwrap(),
    };
    enter(&mut books, &version(PLATFORM, "USD", "2026-01-01T00:00:00Z"));
    enter(&mut books, &version(OF_SELLER, "EUR", "2026-10-16T00:00:00Z"));
    let october = "2026-10".parse::<Period>().unwrap().interval();
    let currency = |books: &Books| {
        let payer = books.subscription(BUYER).unwrap();
        books.tariff_for(payer, october).currency()
    };
    assert!(currency(&books).is_err());
    publish(&mut books, OF_SELLER, "EUR", "10-20T00").unwrap();
    publish(&mut books, OF_SELLER, "EUR", "10-01T00").unwrap();
    assert_eq!(currency(&books), Ok(Some("EUR".parse().unwrap())));
}

const PROVIDER: PartnerId = PartnerId::from_bytes([5; 16]);

/// A provider whose reseller sells one subscription.
fn resold() -> Books {
    let (customer, tenant) = (CustomerId::from_bytes([3; 16]), TenantId::from_bytes([4; 16]));
    let mut books = Books::default();
    let partner = |id, kind| {
        let name = "Harbour".to_owned();
        Entry::PartnerCreated(Partner { id, name, kind })
    };
    for entry in [
        partner(PROVIDER, PartnerKind::IndirectProvider),
        partner(SELLER, PartnerKind::IndirectReseller { provider: PROVIDER }),
        Entry::CustomerCreated(Customer {
            id: customer,
            partner: SELLER,
            name: "Fjordbank".to_owned(),
            tenants: vec![tenant],
        }),
        Entry::SubscriptionCreated(Subscription {
            id: BUYER,
            name: "Fjordbank CSP".to_owned(),
            kind: SubscriptionKind::Csp,
            tenant,
            owner: Some(SELLER),
            customer: Some(customer),
            state: SubscriptionState::Active,
        }),
    ] {
        enter(&mut books, &entry);
    }
    books
}

#[test]
fn each_link_of_a_chain_is_priced_by_its_seller() {
    let mut books = resold();
    let meter = BillingMeterId::from_bytes([9; 16]);
    let mut publish = |name: &str, scope, currency: &str, from: &str, unit_price: &str| {
        let list = PriceList {
            name: name.parse().unwrap(),
            scope,
            currency: currency.parse().unwrap(),
        };
        let prices: Prices = [(meter, Price::flat(unit_price.parse().unwrap()))].into();
        let entry = books.publish_price_list(list, prices, from.parse().unwrap());
        enter(&mut books, &entry.unwrap().unwrap());
    };
    let (october, december) = ("2026-10-01T00:00:00Z", "2026-12-01T00:00:00Z");
    publish("platform", PLATFORM, "USD", october, "1");
    publish(
        "provider",
        PriceListScope::Seller(PROVIDER),
        "USD",
        "2026-11-01T00:00:00Z",
        "2",
    );
    publish(
        "for-one",
        PriceListScope::Buyer(PROVIDER, BUYER),
        "EUR",
        december,
        "3",
    );
    publish("reseller", OF_SELLER, "USD", "2026-11-01T00:00:00Z", "4");
    let sold = books.subscription(BUYER).unwrap();
    let chain = books.chain_of(sold);
    let links: Vec<(Seller, Buyer)> = chain.iter().map(|link| (link.seller, link.buyer)).collect();
    assert_eq!(
        links,
        [
            (Seller::Platform, Buyer::Partner(PROVIDER)),
            (Seller::Partner(PROVIDER), Buyer::Partner(SELLER)),
            (Seller::Partner(SELLER), Buyer::Subscription(BUYER)),
        ]
    );
    for (month, expected) in [
        ("2026-09", [None, None, None]),
        (
            "2026-10",
            [Some(("1", "USD")), Some(("1", "USD")), Some(("1", "USD"))],
        ),
        (
            "2026-11",
            [Some(("1", "USD")), Some(("2", "USD")), Some(("4", "USD"))],
        ),
        (
            "2026-12",
            [Some(("1", "USD")), Some(("3", "EUR")), Some(("4", "USD"))],
        ),
    ] {
        let period: Period = month.parse().unwrap();
        for (link, expected) in chain.iter().zip(expected) {
            let tariff = books.tariff_on(*link, BUYER, period.interval());
            let price = tariff.price(meter, period.interval().start());
            let price = price.map(|(price, _)| price.tiers()[0].unit_price.to_string());
            assert_eq!(
                price.as_deref(),
                expected.map(|(price, _)| price),
                "{month} {link:?}"
            );
            let account = books.account_on(*link, BUYER, period).unwrap();
            let currency = expected.map(|(_, currency)| currency.parse().unwrap());
            let expected = currency.map(|currency| Account::new(*link, currency));
            assert_eq!(account, expected, "{month} {link:?}");
        }
        assert_eq!(
            books.tariff_on(chain[2], BUYER, period.interval()),
            books.tariff_for(sold, period.interval()),
            "{month}: what the customer is billed at"
        );
    }
}

#[test]
fn a_chain_keeps_its_links_when_the_seller_is_deleted() {
    let mut books = sold();
    let chain = |books: &Books| books.chain_of(books.subscription_ever(BUYER).unwrap());
    let before = chain(&books);
    assert_eq!(before.len(), 2);
    enter(&mut books, &Entry::SubscriptionDeleted { subscription: BUYER });
    enter(&mut books, &Entry::PartnerDeleted { partner: SELLER });
    assert_eq!(chain(&books), before, "what it was charged for stays sold");
}
