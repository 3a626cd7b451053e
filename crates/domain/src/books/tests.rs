use std::collections::BTreeMap;

use super::*;
use crate::attribution::{Reason, attribute};
use crate::catalog::{Price, PriceListScope, Prices};
use crate::ids::{BillingMeterId, CustomerId, LocalSubscriptionId, ObjectId, PartnerId, TenantId};
use crate::money::Currency;
use crate::partner::{Customer, Partner, PartnerKind, Subscription, SubscriptionKind, SubscriptionState};
use crate::registration::{BillingModel, RegistrationToken};
use crate::time::Timestamp;

pub(in crate::books) const DIRECT: PartnerId = PartnerId::from_bytes([1; 16]);
pub(in crate::books) const PROVIDER: PartnerId = PartnerId::from_bytes([2; 16]);
pub(in crate::books) const RESELLER: PartnerId = PartnerId::from_bytes([3; 16]);
pub(in crate::books) const CUSTOMER: CustomerId = CustomerId::from_bytes([4; 16]);
pub(in crate::books) const TENANT: TenantId = TenantId::from_bytes([5; 16]);
pub(in crate::books) const SUBSCRIPTION: SubscriptionId = SubscriptionId::from_bytes([6; 16]);
pub(in crate::books) const STACK: CloudId = CloudId::from_bytes([7; 16]);

/// The books after these entries, recorded one after the other.
pub(in crate::books) fn books(entries: &[Entry]) -> Books {
    let mut books = Books::default();
    for entry in entries {
        enter(&mut books, entry).unwrap();
    }
    books
}

pub(in crate::books) fn enter(books: &mut Books, entry: &Entry) -> Result<(), Contradiction> {
    let number = books.entries() + 1;
    let at = Timestamp::from_second(i64::try_from(number).unwrap()).unwrap();
    books.apply(
        entry,
        Recorded {
            entry: number,
            at,
            by: ObjectId::from_bytes([0; 16]),
        },
    )
}

pub(in crate::books) fn partner(id: PartnerId, kind: PartnerKind) -> Partner {
    Partner {
        id,
        name: "Fabrikam".to_owned(),
        kind,
    }
}

pub(in crate::books) fn customer() -> Customer {
    Customer {
        id: CUSTOMER,
        partner: DIRECT,
        name: "Contoso".to_owned(),
        tenants: vec![TENANT],
    }
}

fn csp() -> Subscription {
    Subscription {
        id: SUBSCRIPTION,
        name: "Contoso production".to_owned(),
        kind: SubscriptionKind::Csp,
        tenant: TENANT,
        owner: Some(DIRECT),
        customer: Some(CUSTOMER),
        state: SubscriptionState::Active,
    }
}

pub(in crate::books) fn sold() -> Books {
    books(&[
        Entry::PartnerCreated(partner(DIRECT, PartnerKind::DirectBill)),
        Entry::PartnerCreated(partner(PROVIDER, PartnerKind::IndirectProvider)),
        Entry::PartnerCreated(partner(
            RESELLER,
            PartnerKind::IndirectReseller { provider: PROVIDER },
        )),
        Entry::CustomerCreated(customer()),
        Entry::SubscriptionCreated(csp()),
    ])
}

pub(in crate::books) fn registered(id: u8, name: &str, from: &str) -> Entry {
    let token = RegistrationToken {
        cloud_id: STACK,
        object_id: None,
        billing_model: BillingModel::PayAsYouUse,
        marketplace_syndication_enabled: true,
        usage_reporting_enabled: true,
        agreement_number: None,
        asset_tag: None,
        region_names: Vec::new(),
        hardware: Vec::new(),
        issuer: String::new(),
        version: "1.0".to_owned(),
    };
    Entry::Registered {
        id: RegistrationId::from_bytes([id; 16]),
        subscription: SUBSCRIPTION,
        resource_group: "azurestack".parse().unwrap(),
        name: name.parse().unwrap(),
        location: "global".to_owned(),
        tags: BTreeMap::new(),
        token,
        from: from.parse().unwrap(),
    }
}

#[test]
fn an_account_created_twice_is_created_once_and_never_silently_changed() {
    let books = sold();
    assert_eq!(books.create_customer(customer()), Ok(None));
    let renamed = Customer {
        name: "Other".to_owned(),
        ..customer()
    };
    assert_eq!(
        books.create_customer(renamed),
        Err(Refused::AlreadyExists("customer"))
    );
    assert_eq!(books.create_subscription(csp()), Ok(None));
    assert_eq!(
        books.create_partner(partner(DIRECT, PartnerKind::DirectBill)),
        Ok(None)
    );
}

#[test]
fn accounts_that_do_not_fit_are_refused_with_what_is_wrong() {
    let books = sold();
    let reseller_of = |provider| {
        books.create_partner(partner(
            PartnerId::from_bytes([9; 16]),
            PartnerKind::IndirectReseller { provider },
        ))
    };
    assert_eq!(reseller_of(DIRECT), Err(Refused::NotAProvider(DIRECT)));
    let nobody = PartnerId::from_bytes([8; 16]);
    assert_eq!(
        reseller_of(nobody),
        Err(Refused::UnknownPartner {
            partner: nobody,
            member: "provider"
        })
    );

    let other = |tenants, partner| Customer {
        id: CustomerId::from_bytes([9; 16]),
        partner,
        name: "Other".to_owned(),
        tenants,
    };
    let new_tenant = TenantId::from_bytes([9; 16]);
    for (customer, refused) in [
        (other(vec![], DIRECT), Refused::NoTenant),
        (
            other(vec![new_tenant, TENANT], DIRECT),
            Refused::TenantTaken(TENANT),
        ),
        (
            other(vec![new_tenant], PROVIDER),
            Refused::ProviderHasNoCustomers(PROVIDER),
        ),
        (
            other(vec![new_tenant], nobody),
            Refused::UnknownPartner {
                partner: nobody,
                member: "partnerId",
            },
        ),
    ] {
        assert_eq!(books.create_customer(customer), Err(refused));
    }

    let new = Subscription {
        id: SubscriptionId::from_bytes([9; 16]),
        ..csp()
    };
    let shared = |owner, tenant| Subscription {
        kind: SubscriptionKind::PartnerSharedServices,
        customer: None,
        owner,
        tenant,
        ..new.clone()
    };
    for (subscription, refused) in [
        (
            Subscription {
                customer: None,
                ..new.clone()
            },
            Refused::CustomerMissing,
        ),
        (
            Subscription {
                kind: SubscriptionKind::DevTest,
                ..new.clone()
            },
            Refused::CustomerNotAllowed(SubscriptionKind::DevTest),
        ),
        (
            Subscription {
                owner: Some(RESELLER),
                ..new.clone()
            },
            Refused::OwnerIsNotSeller {
                customer: CUSTOMER,
                seller: DIRECT,
            },
        ),
        (
            Subscription {
                tenant: new_tenant,
                ..new.clone()
            },
            Refused::TenantNotOfCustomer {
                tenant: new_tenant,
                customer: CUSTOMER,
            },
        ),
        (shared(None, new_tenant), Refused::OwnerMissing),
        (
            shared(Some(RESELLER), new_tenant),
            Refused::ResellerHasNoSharedServices(RESELLER),
        ),
        (
            shared(Some(DIRECT), TENANT),
            Refused::SharedServicesInCustomerTenant(TENANT),
        ),
    ] {
        assert_eq!(books.create_subscription(subscription), Err(refused));
    }
    assert!(
        books
            .create_subscription(shared(Some(DIRECT), new_tenant))
            .unwrap()
            .is_some()
    );
}

fn month(text: &str) -> HourInterval {
    text.parse::<crate::time::Period>().unwrap().interval()
}

fn published(name: &str, scope: PriceListScope, from: &str, price: &str) -> Entry {
    let list = PriceList {
        name: name.parse().unwrap(),
        scope,
        currency: Currency::USD,
    };
    let prices = [(
        BillingMeterId::from_bytes([1; 16]),
        Price::flat(price.parse().unwrap()),
    )]
    .into();
    Entry::PriceListPublished {
        list,
        prices,
        from: from.parse().unwrap(),
    }
}

/// (first hour, list, price) of each part of what applies to a subscription in a month.
fn tariff(books: &Books, payer: &Subscription, period: &str) -> Vec<(String, String, String)> {
    let tariff = books.tariff_for(payer, month(period));
    let parts = tariff.parts().iter().map(|part| {
        let price = part.prices.values().next().unwrap().tiers()[0].unit_price;
        (
            part.hours.start().to_string(),
            part.list.to_string(),
            price.to_string(),
        )
    });
    parts.collect()
}

#[test]
fn a_new_price_list_prices_its_own_hours_and_leaves_earlier_months_as_they_were() {
    let mut books = sold();
    for entry in [
        published("platform", PriceListScope::Platform, "2026-01-01T00:00:00Z", "1"),
        published(
            "direct",
            PriceListScope::Seller(DIRECT),
            "2026-10-11T00:00:00Z",
            "2",
        ),
        published(
            "contoso",
            PriceListScope::Buyer(DIRECT, SUBSCRIPTION),
            "2026-10-21T06:00:00Z",
            "3",
        ),
    ] {
        enter(&mut books, &entry).unwrap();
    }
    let part = |from: &str, list: &str, price: &str| (from.to_owned(), list.to_owned(), price.to_owned());
    assert_eq!(
        tariff(&books, &csp(), "2026-09"),
        [part("2026-09-01T00:00:00Z", "platform", "1")]
    );
    assert_eq!(
        tariff(&books, &csp(), "2026-10"),
        [
            part("2026-10-01T00:00:00Z", "platform", "1"),
            part("2026-10-11T00:00:00Z", "direct", "2"),
            part("2026-10-21T06:00:00Z", "contoso", "3"),
        ]
    );
    assert_eq!(
        tariff(&books, &csp(), "2026-11"),
        [part("2026-11-01T00:00:00Z", "contoso", "3")]
    );
    assert_eq!(tariff(&books, &csp(), "2025-12"), []);
}

#[test]
fn a_partner_is_not_billed_at_its_own_retail_prices() {
    let shared = Subscription {
        kind: SubscriptionKind::PartnerSharedServices,
        customer: None,
        tenant: TenantId::from_bytes([9; 16]),
        ..csp()
    };
    let mut books = sold();
    for entry in [
        published("platform", PriceListScope::Platform, "2026-01-01T00:00:00Z", "1"),
        published(
            "direct",
            PriceListScope::Seller(DIRECT),
            "2026-01-01T00:00:00Z",
            "2",
        ),
    ] {
        enter(&mut books, &entry).unwrap();
    }
    assert_eq!(tariff(&books, &shared, "2026-10")[0].1, "platform");
    assert_eq!(tariff(&books, &csp(), "2026-10")[0].1, "direct");
}

#[test]
fn a_price_that_is_scheduled_is_not_cancelled_by_a_version_published_later_for_earlier_hours() {
    let mut books = sold();
    for (from, price) in [
        ("2026-01-01T00:00:00Z", "1"),
        ("2026-12-01T00:00:00Z", "2"),
        ("2026-11-15T00:00:00Z", "3"),
    ] {
        enter(
            &mut books,
            &published("platform", PriceListScope::Platform, from, price),
        )
        .unwrap();
    }
    let prices = |period| -> Vec<String> {
        tariff(&books, &csp(), period)
            .into_iter()
            .map(|(_, _, price)| price)
            .collect()
    };
    assert_eq!(prices("2026-11"), ["1", "3"]);
    assert_eq!(prices("2026-12"), ["2"]);
}

#[test]
fn prices_for_a_subscription_are_its_sellers_only() {
    let books = sold();
    let publish = |seller| {
        let scope = PriceListScope::Buyer(seller, SUBSCRIPTION);
        let list = PriceList {
            name: "x".parse().unwrap(),
            scope,
            currency: Currency::USD,
        };
        books.publish_price_list(list, Prices::new(), Hour::MIN)
    };
    assert_eq!(
        publish(RESELLER),
        Err(Refused::NotTheSeller {
            seller: RESELLER,
            buyer: SUBSCRIPTION
        })
    );
    assert!(publish(DIRECT).unwrap().is_some());
}

#[test]
fn a_suspended_subscription_can_be_created_again_without_a_conflict() {
    let mut books = sold();
    let suspended = Entry::SubscriptionStateSet {
        subscription: SUBSCRIPTION,
        state: SubscriptionState::Suspended,
    };
    enter(&mut books, &suspended).unwrap();
    assert_eq!(books.create_subscription(csp()), Ok(None));
}

#[test]
fn backdating_extends_the_terms_of_then_and_not_those_of_today() {
    let first = RegistrationId::from_bytes([1; 16]);
    let from: Hour = "2026-10-02T00:00:00Z".parse().unwrap();
    let Entry::Registered { token, .. } = registered(1, "AzureStack-one", "2026-10-02T00:00:00Z") else {
        return;
    };
    let mut books = sold();
    for entry in [
        registered(1, "AzureStack-one", "2026-10-02T00:00:00Z"),
        Entry::Reregistered {
            registration: first,
            token: RegistrationToken {
                billing_model: BillingModel::Capacity,
                ..token
            },
            tags: BTreeMap::new(),
            from: from.plus(24),
        },
        Entry::RegistrationBackdated {
            registration: first,
            valid: HourInterval::new(from.plus(-24), from).unwrap(),
        },
    ] {
        enter(&mut books, &entry).unwrap();
    }
    let model = |hour| {
        books
            .stack(STACK)
            .unwrap()
            .registration
            .at(hour)
            .unwrap()
            .value
            .unwrap()
            .billing_model
    };
    assert_eq!(model(from.plus(-24)), BillingModel::PayAsYouUse);
    assert_eq!(model(from.plus(24)), BillingModel::Capacity);
}

#[test]
fn a_price_list_is_published_once_for_a_scope_and_never_becomes_another() {
    let list = |name: &str, currency: &str| PriceList {
        name: name.parse().unwrap(),
        scope: PriceListScope::Platform,
        currency: currency.parse().unwrap(),
    };
    let prices: Prices = [(
        BillingMeterId::from_bytes([1; 16]),
        Price::flat("0.008".parse().unwrap()),
    )]
    .into();
    let mut books = sold();
    let entry = books
        .publish_price_list(list("a", "USD"), prices.clone(), Hour::MIN)
        .unwrap()
        .unwrap();
    enter(&mut books, &entry).unwrap();
    assert_eq!(
        books.publish_price_list(list("a", "USD"), prices.clone(), Hour::MIN),
        Ok(None)
    );
    assert_eq!(
        books.publish_price_list(list("a", "EUR"), prices.clone(), Hour::MIN),
        Err(Refused::ListDiffers("a".to_owned()))
    );
    assert_eq!(
        books.publish_price_list(list("b", "USD"), prices, Hour::MIN),
        Err(Refused::ScopeTaken("a".to_owned()))
    );
}

#[test]
fn usage_is_charged_by_the_registration_that_was_valid_in_its_hour() {
    let local = LocalSubscriptionId::from_bytes([9; 16]);
    let first = RegistrationId::from_bytes([1; 16]);
    let mut books = sold();
    for entry in [
        registered(1, "AzureStack-one", "2026-10-02T00:00:00Z"),
        Entry::RegistrationBackdated {
            registration: first,
            valid: HourInterval::new(
                "2026-10-01T12:00:00Z".parse().unwrap(),
                "2026-10-02T00:00:00Z".parse().unwrap(),
            )
            .unwrap(),
        },
        Entry::Deregistered {
            registration: first,
            from: "2026-10-03T00:00:00Z".parse().unwrap(),
        },
        registered(2, "AzureStack-one", "2026-10-04T00:00:00Z"),
    ] {
        enter(&mut books, &entry).unwrap();
    }
    let within = HourInterval::new(
        "2026-10-01T00:00:00Z".parse().unwrap(),
        "2026-10-05T00:00:00Z".parse().unwrap(),
    );
    let told: Vec<_> = attribute(books.stack(STACK).unwrap(), local, within.unwrap())
        .into_iter()
        .map(|answer| {
            (
                answer.interval.hours(),
                answer.charge.map(|it| (it.registration.as_bytes()[0], it.reason)),
            )
        })
        .collect();
    let unknown = Reason::LocalSubscriptionUnknown;
    assert_eq!(
        told,
        [
            (12, None),
            (36, Some((1, unknown))),
            (24, None),
            (24, Some((2, unknown)))
        ]
    );
}

#[test]
fn an_entry_that_cannot_be_true_is_reported_and_changes_nothing() {
    let mut books = sold();
    enter(
        &mut books,
        &registered(1, "AzureStack-one", "2026-10-02T00:00:00Z"),
    )
    .unwrap();
    let before = books.entries();
    for impossible in [
        registered(2, "AzureStack-two", "2026-10-02T00:00:00Z"),
        registered(3, "azurestack-ONE", "2026-10-02T00:00:00Z"),
        Entry::MultiTenancyApproved {
            registration: RegistrationId::from_bytes([9; 16]),
        },
        Entry::Deregistered {
            registration: RegistrationId::from_bytes([9; 16]),
            from: "2026-10-02T00:00:00Z".parse().unwrap(),
        },
    ] {
        assert!(enter(&mut books, &impossible).is_err());
        assert_eq!(books.entries(), before);
        assert_eq!(books.live_registrations().count(), 1);
    }
    let gap = Recorded {
        entry: before + 2,
        at: Timestamp::UNIX_EPOCH,
        by: ObjectId::from_bytes([0; 16]),
    };
    assert!(
        books
            .apply(
                &Entry::PartnerCreated(partner(DIRECT, PartnerKind::DirectBill)),
                gap
            )
            .is_err()
    );
}

#[test]
fn re_registering_keeps_the_mappings() {
    let registration = RegistrationId::from_bytes([1; 16]);
    let from: Hour = "2026-10-02T00:00:00Z".parse().unwrap();
    let mut books = sold();
    let Entry::Registered { token, .. } = registered(1, "AzureStack-one", "2026-10-02T00:00:00Z") else {
        return;
    };
    for entry in [
        registered(1, "AzureStack-one", "2026-10-02T00:00:00Z"),
        Entry::TenantMapped {
            registration,
            tenant: TENANT,
            subscription: Some(SUBSCRIPTION),
            valid: HourInterval::from(from),
        },
        Entry::Reregistered {
            registration,
            token: RegistrationToken {
                billing_model: BillingModel::Development,
                ..token
            },
            tags: BTreeMap::new(),
            from: from.plus(24),
        },
    ] {
        enter(&mut books, &entry).unwrap();
    }
    let live = books.registration_of_stack(STACK).unwrap();
    assert_eq!(live.token.billing_model, BillingModel::Development);
    let mappings = books.mappings(live, from.plus(48));
    assert_eq!(mappings.len(), 1);
    assert_eq!(
        (mappings[0].tenant, mappings[0].subscription),
        (TENANT, SUBSCRIPTION)
    );
    let terms = |hour| {
        books
            .stack(STACK)
            .unwrap()
            .registration
            .at(hour)
            .unwrap()
            .value
            .unwrap()
            .billing_model
    };
    assert_eq!(
        (terms(from), terms(from.plus(24))),
        (BillingModel::PayAsYouUse, BillingModel::Development)
    );
}
