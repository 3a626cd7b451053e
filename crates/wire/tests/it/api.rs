//! Our own API: what requests are refused for, and the shapes that are fixed.

use domain::books::PublishedPriceList;
use domain::ids::{CustomerId, ObjectId, PartnerId, SubscriptionId};
use domain::time::{Hour, HourInterval, Timestamp};
use domain::timeline::{Assertion, Recorded, Timeline};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wire::api::{
    BackdateRegistration, Customer, DeliveryReceipt, InvalidMember, MapTenant, Meter, NewCustomer,
    NewPartner, NewSubscription, Page, Partner, PriceList, Problem, PublishPriceList, Subscription, Warning,
};

const ID: &str = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";

fn partner(request: Value) -> Result<Partner, InvalidMember> {
    let new: NewPartner = serde_json::from_value(request).unwrap();
    new.into_domain(|| PartnerId::from_bytes([9; 16]))
        .map(|partner| Partner::from(&partner))
}

fn customer(request: Value) -> Result<Customer, InvalidMember> {
    let new: NewCustomer = serde_json::from_value(request).unwrap();
    new.into_domain(|| CustomerId::from_bytes([9; 16]))
        .map(|customer| Customer::from(&customer))
}

fn subscription(request: Value) -> Result<Subscription, InvalidMember> {
    let new: NewSubscription = serde_json::from_value(request).unwrap();
    new.into_domain(|| SubscriptionId::from_bytes([9; 16]))
        .map(|subscription| Subscription::from(&subscription))
}

/// A price list as published once and read again.
fn price_list(name: &str, request: Value) -> Result<PriceList, InvalidMember> {
    let publish: PublishPriceList = serde_json::from_value(request).unwrap();
    let (list, prices, from) = publish.into_domain(name)?;
    let recorded = Recorded {
        entry: 1,
        at: Timestamp::from_second(1_790_000_000).unwrap(),
        by: ObjectId::from_bytes([7; 16]),
    };
    let mut versions = Timeline::default();
    versions.assert(Assertion {
        valid: HourInterval::from(from),
        recorded,
        value: prices,
    });
    Ok(PriceList::of(&PublishedPriceList { list, versions }, Hour::MIN))
}

fn mapping(request: Value) -> Result<(), InvalidMember> {
    serde_json::from_value::<MapTenant>(request)
        .unwrap()
        .parts()
        .map(drop)
}

fn backdating(request: Value) -> Result<(), InvalidMember> {
    serde_json::from_value::<BackdateRegistration>(request)
        .unwrap()
        .valid_from()
        .map(drop)
}

fn with(mut request: Value, member: &str, value: Value) -> Value {
    request[member] = value;
    request
}

fn new_partner() -> Value {
    json!({ "name": "Contoso", "kind": "directBill" })
}

fn new_customer() -> Value {
    json!({ "partnerId": ID, "name": "Fjordbank", "tenantIds": [ID] })
}

fn new_subscription() -> Value {
    json!({ "name": "Shared services", "kind": "csp", "tenantId": ID, "ownerPartnerId": ID, "customerId": ID })
}

fn publication() -> Value {
    json!({ "currency": "USD", "effectiveFrom": "2026-10-01T00:00:00Z", "prices": [
        { "meterId": ID, "rates": { "0": "0.05", "100": "0.04" }, "includedQuantity": "5" },
    ] })
}

fn new_mapping() -> Value {
    json!({ "tenantId": ID, "subscriptionId": ID, "validFrom": "2026-10-01T00:00:00Z" })
}

#[test]
fn a_misspelt_member_of_a_request_is_never_lost_in_silence() {
    fn refuses<T: DeserializeOwned>(request: Value) {
        serde_json::from_value::<T>(request.clone()).map(drop).unwrap();
        let error = serde_json::from_value::<T>(with(request, "nmae", json!("x")))
            .map(drop)
            .unwrap_err();
        assert!(
            error.to_string().contains("unknown field `nmae`, expected"),
            "{error}"
        );
    }
    refuses::<NewPartner>(new_partner());
    refuses::<NewCustomer>(new_customer());
    refuses::<NewSubscription>(new_subscription());
    refuses::<PublishPriceList>(publication());
    refuses::<MapTenant>(new_mapping());
    refuses::<BackdateRegistration>(json!({ "validFrom": "2026-10-01T00:00:00Z" }));
}

#[test]
fn a_member_that_cannot_be_what_it_says_is_named_with_what_would_be_right() {
    let rates = |rates: Value| {
        with(
            publication(),
            "prices",
            json!([{ "meterId": ID, "rates": rates }]),
        )
    };
    let long = "x".repeat(201);
    for (outcome, target, message) in [
        (
            partner(with(new_partner(), "id", json!("x"))).map(drop),
            "id",
            "expected a GUID",
        ),
        (
            partner(with(new_partner(), "name", json!(" "))).map(drop),
            "name",
            "1 to 200 characters",
        ),
        (
            partner(with(new_partner(), "name", json!(long))).map(drop),
            "name",
            "1 to 200 characters",
        ),
        (
            partner(with(new_partner(), "name", json!("a\u{0}"))).map(drop),
            "name",
            "control characters",
        ),
        (
            partner(with(new_partner(), "kind", json!("indirectReseller"))).map(drop),
            "provider",
            "expected the id",
        ),
        (
            partner(with(new_partner(), "provider", json!(ID))).map(drop),
            "provider",
            "expected none",
        ),
        (
            customer(with(new_customer(), "partnerId", json!(""))).map(drop),
            "partnerId",
            "expected a GUID",
        ),
        (
            customer(with(new_customer(), "tenantIds", json!([ID, "x"]))).map(drop),
            "tenantIds[1]",
            "got 'x'",
        ),
        (
            customer(with(new_customer(), "tenantIds", json!(vec![ID; 101]))).map(drop),
            "tenantIds",
            "at most 100",
        ),
        (
            subscription(with(new_subscription(), "tenantId", json!("x"))).map(drop),
            "tenantId",
            "expected a GUID",
        ),
        (
            subscription(with(new_subscription(), "customerId", json!("x"))).map(drop),
            "customerId",
            "expected a GUID",
        ),
        (
            price_list("Usd", publication()).map(drop),
            "name",
            "lower-case letters",
        ),
        (
            price_list("usd", with(publication(), "currency", json!("usd"))).map(drop),
            "currency",
            "ISO 4217",
        ),
        (
            price_list("usd", with(publication(), "buyer", json!(ID))).map(drop),
            "seller",
            "sells to the buyer",
        ),
        (
            price_list(
                "usd",
                with(publication(), "effectiveFrom", json!("2026-10-01T00:30:00Z")),
            )
            .map(drop),
            "effectiveFrom",
            "start of an hour",
        ),
        (
            price_list("usd", rates(json!({}))).map(drop),
            "prices[0].rates",
            "lower bound 0",
        ),
        (
            price_list("usd", rates(json!({ "0": "1", "100": "-1" }))).map(drop),
            "prices[0].rates['100']",
            "a price of zero or more",
        ),
        (
            price_list("usd", rates(json!({ "0": "1", "0.0": "2" }))).map(drop),
            "prices[0].rates",
            "given twice",
        ),
        (
            mapping(with(new_mapping(), "tenantId", json!("x"))),
            "tenantId",
            "expected a GUID",
        ),
        (
            mapping(with(new_mapping(), "validFrom", json!("soon"))),
            "validFrom",
            "a date and time",
        ),
        (
            mapping(with(new_mapping(), "validTo", json!("2026-10-01T00:00:00Z"))),
            "validTo",
            "after validFrom",
        ),
        (
            backdating(json!({ "validFrom": "2026-10" })),
            "validFrom",
            "a date and time",
        ),
    ] {
        let error = outcome.expect_err(target);
        assert_eq!(error.target, target, "{error}");
        assert!(error.message.contains(message), "{message} is not in: {error}");
    }
}

#[test]
fn what_was_asked_for_is_answered_in_the_same_words() {
    let id = "09090909-0909-0909-0909-090909090909";
    for (asked, answered) in [
        (
            new_partner(),
            serde_json::to_value(partner(new_partner()).unwrap()).unwrap(),
        ),
        (
            new_customer(),
            serde_json::to_value(customer(new_customer()).unwrap()).unwrap(),
        ),
        (
            with(new_subscription(), "state", json!("active")),
            serde_json::to_value(subscription(new_subscription()).unwrap()).unwrap(),
        ),
    ] {
        assert_eq!(answered, with(asked, "id", json!(id)));
    }
    let reseller = with(
        with(new_partner(), "kind", json!("indirectReseller")),
        "provider",
        json!(ID),
    );
    assert_eq!(partner(reseller).unwrap().provider.as_deref(), Some(ID));
    let published = serde_json::to_value(price_list("usd", publication()).unwrap()).unwrap();
    assert_eq!(published["versions"][0]["prices"], publication()["prices"]);
    assert_eq!(
        published["versions"][0]["effectiveFrom"],
        publication()["effectiveFrom"]
    );
}

#[test]
fn every_kind_of_subscription_has_its_name() {
    for kind in [
        "csp",
        "partnerSharedServices",
        "enterpriseAgreement",
        "payAsYouGo",
        "devTest",
    ] {
        let answered = subscription(with(new_subscription(), "kind", json!(kind))).unwrap();
        assert_eq!(serde_json::to_value(answered).unwrap()["kind"], kind);
    }
}

#[test]
fn the_answer_to_a_delivery_is_as_fixed() {
    let problem = Problem {
        index: 3,
        code: "InvalidQuantity".to_owned(),
        message: "…".to_owned(),
    };
    let receipt = DeliveryReceipt {
        batch_id: ID.to_owned(),
        sequence: 4,
        chain: "c0".to_owned(),
        accepted: 1,
        duplicate: 2,
        revised: 3,
        revised_not_counting: Some(2),
        quarantined: 1,
        still_quarantined: 1,
        problems: vec![problem],
        unregistered: 1,
        warnings: vec![Warning {
            code: "UnregisteredUsage".to_owned(),
            message: "…".to_owned(),
        }],
    };
    let said = serde_json::to_string(&receipt).unwrap();
    let fixed = format!(
        r#"{{"batchId":"{ID}","sequence":4,"chain":"c0","accepted":1,"duplicate":2,"revised":3,"revisedNotCounting":2,"quarantined":1,"stillQuarantined":1,"problems":[{{"index":3,"code":"InvalidQuantity","message":"…"}}],"unregistered":1,"warnings":[{{"code":"UnregisteredUsage","message":"…"}}]}}"#
    );
    assert_eq!(said, fixed);
    assert_eq!(serde_json::from_str::<DeliveryReceipt>(&said).unwrap(), receipt);
    let of_earlier_versions = DeliveryReceipt {
        revised_not_counting: None,
        ..receipt
    };
    let said = serde_json::to_string(&of_earlier_versions).unwrap();
    assert!(
        !said.contains("revisedNotCounting"),
        "unknown is not none: {said}"
    );
    assert_eq!(
        serde_json::from_str::<DeliveryReceipt>(&said).unwrap(),
        of_earlier_versions
    );
}

#[test]
fn the_last_part_of_a_list_has_no_next_link() {
    let page = Page {
        value: vec![1],
        next_link: None,
    };
    assert_eq!(serde_json::to_string(&page).unwrap(), r#"{"value":[1]}"#);
    assert_eq!(
        serde_json::from_str::<Page<i32>>(r#"{"value":[1]}"#).unwrap(),
        page
    );
}

#[test]
fn every_meter_says_what_it_is_charged_as_or_why_it_is_not() {
    let catalog = wire::catalog::meters().unwrap();
    for meter in catalog.local_meters().map(|meter| Meter::of(meter, &catalog)) {
        assert_ne!(
            meter.billing.is_some(),
            meter.informational.is_some(),
            "{}",
            meter.name
        );
    }
}
