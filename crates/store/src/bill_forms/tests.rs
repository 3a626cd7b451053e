use std::collections::{BTreeMap, BTreeSet};

use domain::attribution::Reason;
use domain::catalog::{
    Billing, BillingMeter, Catalog, Conversion, LocalMeter, Price, PriceSource, Tariff, TariffPart, Tier,
};
use domain::chain::{Account, Buyer, Seller};
use domain::ids::{
    BillingMeterId, CloudId, LocalMeterId, LocalSubscriptionId, PartnerId, SubscriptionId, TenantId,
};
use domain::invoice::{Inputs, Invoice, InvoiceNumber};
use domain::money::{Currency, Money};
use domain::quantity::{Quantity, QuantitySum};
use domain::reckoning::{Basis, CapacityUse, Cause, Correction, LineKey, Section, reckon};
use domain::registration::BillingModel;
use domain::statement::ChargedUsage;
use domain::terms::{CapacityFee, Tax, Terms};
use domain::time::{HourInterval, Period};
use num_rational::BigRational;
use proptest::prelude::*;

use super::*;

const SUBSCRIPTION: SubscriptionId = SubscriptionId::from_bytes([0xa1; 16]);
const STACK: CloudId = CloudId::from_bytes([0x51; 16]);
const VCPU: BillingMeterId = BillingMeterId::from_bytes([0xb1; 16]);
const VM: LocalMeterId = LocalMeterId::from_bytes([1; 16]);
const IDLE: LocalMeterId = LocalMeterId::from_bytes([2; 16]);

fn period() -> Period {
    "2026-10".parse().unwrap()
}

fn catalog() -> Catalog {
    let third = BigRational::new(1.into(), 3.into());
    let local = |id, billing| LocalMeter {
        id,
        name: "VM".to_owned(),
        unit: "1 hour".to_owned(),
        meaning: "\"quoted\"".to_owned(),
        billing,
    };
    let charged = Billing::Charged {
        meter: VCPU,
        conversion: Conversion::by_factor(third).unwrap().per_hours_in_month(),
    };
    let informational = Billing::Informational {
        because: "nobody pays for it".to_owned(),
    };
    let billing = BillingMeter {
        id: VCPU,
        name: "vCPU".to_owned(),
        category: "Compute".to_owned(),
        unit: "1 hour".to_owned(),
    };
    Catalog::new([local(VM, charged), local(IDLE, informational)], [billing]).unwrap()
}

/// An account with a line of every kind: usage in two tiers past what is included, usage for development, the fee of
/// cores, and terms that are all agreed on.
fn basis(currency: Currency, quantities: &[(u8, u32)]) -> Basis {
    let tier = |from: &str, unit_price: &str| Tier {
        from: from.parse().unwrap(),
        unit_price: unit_price.parse().unwrap(),
    };
    let price = Price::new(
        vec![tier("0", "0.5"), tier("1", "0.25")],
        Quantity::new(5, 1).unwrap(),
    )
    .unwrap()
    .from_source(Some(PriceSource::Sample));
    let within = period().interval();
    let tariff = Tariff::new(vec![TariffPart {
        hours: within,
        list: "list".parse().unwrap(),
        currency,
        prices: [(VCPU, price)].into(),
    }]);
    let used = |(number, quantity): &(u8, u32)| {
        let start = within.start().plus(i32::from(*number));
        ChargedUsage {
            stack: STACK,
            local_subscription: LocalSubscriptionId::from_bytes([*number; 16]),
            tenant: (number % 2 == 0).then_some(TenantId::from_bytes([0x7e; 16])),
            reason: [
                Reason::TenantMapping,
                Reason::TenantNotMapped,
                Reason::LocalSubscriptionUnknown,
            ][usize::from(number % 3)],
            billing_model: if number % 4 == 3 {
                BillingModel::Development
            } else {
                BillingModel::PayAsYouUse
            },
            interval: HourInterval::new(start, start.plus(1)).unwrap(),
            local_meter: if number % 5 == 4 { IDLE } else { VM },
            quantity: QuantitySum::from(Quantity::new(u128::from(*quantity), 3).unwrap()),
        }
    };
    let capacity = CapacityUse {
        stack: STACK,
        days: [(Some(32), 10), (None, 2)].into(),
    };
    let section = Section {
        tariff,
        usage: quantities.iter().map(used).collect(),
        capacity: vec![capacity],
    };
    let money = |units| Some(Money::from_minor_units(units, currency));
    Basis {
        account: Account {
            seller: Seller::Partner(PartnerId::from_bytes([0x9a; 16])),
            buyer: Buyer::Subscription(SUBSCRIPTION),
            currency,
        },
        period: period(),
        sections: [(SUBSCRIPTION, section)].into(),
        terms: Terms {
            minimum_commitment: money(9_000_000_000),
            credit: money(123),
            tax: Some(Tax {
                percent: "8.1".parse().unwrap(),
                label: "MWST".to_owned(),
            }),
            capacity_fee: Some(CapacityFee {
                per_core_and_year: "144".parse().unwrap(),
                currency,
            }),
        },
    }
}

/// Its invoice, with a correction of every cause.
fn invoice(basis: &Basis) -> Invoice {
    let currency = basis.account.currency;
    let reckoning = reckon(basis, &catalog()).unwrap();
    let keys: Vec<LineKey> = reckoning.lines.keys().copied().collect();
    let corrections = Cause::ALL
        .into_iter()
        .enumerate()
        .map(|(index, cause)| Correction {
            period: "2026-09".parse().unwrap(),
            key: keys[index % keys.len()],
            billed: Money::from_minor_units(5, currency),
            now: Money::from_minor_units(-2, currency),
            amount: Money::from_minor_units(-7, currency),
            cause,
        });
    let inputs = Inputs {
        catalog: [1; 32],
        marks: [0xfe; 32],
    };
    let number = InvoiceNumber {
        seller: basis.account.seller,
        sequence: 42,
    };
    Invoice::draw_up(number, reckoning, corrections.collect(), inputs)
        .unwrap()
        .unwrap()
}

/// Compares with the file of what an earlier version wrote, which is never changed.
#[track_caller]
fn as_written(golden: &str, written: &[u8]) {
    let written = std::str::from_utf8(written).unwrap();
    assert_eq!(written, golden.trim_end());
}

const QUANTITIES: [(u8, u32); 6] = [
    (0, 100_000),
    (1, 2_000_001),
    (2, 333),
    (3, 5_000),
    (4, 7),
    (6, 1_500_000),
];

#[test]
fn what_earlier_versions_wrote_is_read_and_written_as_it_was() {
    let basis = basis(Currency::USD, &QUANTITIES);
    let invoice = invoice(&basis);
    let kinds: BTreeSet<_> = invoice
        .lines
        .keys()
        .map(std::mem::discriminant)
        .map(|kind| format!("{kind:?}"))
        .collect();
    assert_eq!(kinds.len(), 5, "a line of every kind");
    let golden = include_str!("golden_invoice_v1.json");
    as_written(golden, &encode_invoice(&invoice).unwrap());
    assert_eq!(decode_invoice(golden.as_bytes()).unwrap(), invoice);
    let golden = include_str!("golden_basis_v1.json");
    as_written(golden, &encode_basis(&basis).unwrap());
    assert_eq!(decode_basis(golden.as_bytes()).unwrap(), basis);
    let golden = include_str!("golden_catalog_v1.json");
    as_written(golden, &encode_catalog(&catalog()).unwrap());
    let read = decode_catalog(golden.as_bytes()).unwrap();
    let meters = |catalog: &Catalog| -> BTreeMap<_, _> {
        catalog
            .local_meters()
            .map(|meter| (meter.id, meter.clone()))
            .collect()
    };
    assert_eq!(meters(&read), meters(&catalog()));
}

proptest! {
    #[test]
    fn every_invoice_is_read_as_it_was_written(
        quantities in prop::collection::vec((0u8..40, 0u32..3_000_000), 0..12),
        currency in prop::sample::select(vec!["USD", "JPY", "KWD"]),
    ) {
        let basis = basis(currency.parse().unwrap(), &quantities);
        prop_assert_eq!(&decode_basis(&encode_basis(&basis).unwrap()).unwrap(), &basis);
        let invoice = invoice(&basis);
        let bytes = encode_invoice(&invoice).unwrap();
        let again = decode_invoice(&bytes).unwrap();
        prop_assert_eq!(&again, &invoice);
        prop_assert_eq!(encode_invoice(&again).unwrap(), bytes, "canonical");
    }
}

/// What is wrong with a document in which a text was put in place of another.
#[track_caller]
fn refused<T>(
    text: &str,
    (from, to): (&str, &str),
    decode: impl Fn(&[u8]) -> Result<T, StoreError>,
) -> String {
    let damaged = text.replacen(from, to, 1);
    assert_ne!(damaged, text, "{from}");
    match decode(damaged.as_bytes()) {
        Err(StoreError::Corrupt { detail }) => detail,
        Err(other) => panic!("{from}: {other}"),
        Ok(_) => panic!("{from}: it is read"),
    }
}

#[test]
fn what_cannot_be_read_says_what_is_wrong_with_it() {
    let text = include_str!("golden_invoice_v1.json");
    for (from, to, because) in [
        ("\"version\":1", "\"version\":2", "version 2"),
        ("\"number\":", "\"surprise\":1,\"number\":", "surprise"),
        ("\"sequence\":42", "\"sequence\":-1", "-1"),
        ("\"currency\":\"USD\"", "\"currency\":\"US\"", "ISO 4217"),
        ("\"several\"", "\"weather\"", "weather"),
        ("126167/4464000", "126167/0", "a stored invoice cannot be read"),
        ("}", "", "a stored invoice cannot be read"),
    ] {
        let detail = refused(text, (from, to), decode_invoice);
        assert!(detail.contains(because), "{from}: {detail}");
    }
    let text = include_str!("golden_basis_v1.json");
    for (from, to, because) in [
        ("\"version\":1", "\"version\":2", "version 2"),
        ("\"reason\":", "\"surprise\":1,\"reason\":", "surprise"),
        ("\"list\":", "\"surprise\":1,\"list\":", "surprise"),
        ("PayAsYouUse", "Barter", "Barter"),
        ("T01:00:00Z", "T00:00:00Z", "without hours"),
    ] {
        let detail = refused(text, (from, to), decode_basis);
        assert!(detail.contains(because), "{from}: {detail}");
    }
    let text = include_str!("golden_catalog_v1.json");
    for (from, to, because) in [
        ("\"version\":1", "\"version\":2", "version 2"),
        ("\"unit\":", "\"surprise\":1,\"unit\":", "surprise"),
        ("\"1/3\"", "\"-1/3\"", "above zero"),
        ("\"meter\":\"b1", "\"meter\":\"b2", "does not have"),
    ] {
        let detail = refused(text, (from, to), decode_catalog);
        assert!(detail.contains(because), "{from}: {detail}");
    }
    for nothing in [
        decode_invoice(b"").is_err(),
        decode_basis(b"[]").is_err(),
        decode_catalog(b"{}").is_err(),
    ] {
        assert!(nothing);
    }
}

/// Read and written again, it would not be what was stored, and nobody would have seen it.
#[test]
fn a_member_that_nobody_knows_is_refused_however_deep_it_is() {
    let surprise = |member: &str| format!("\"surprise\":1,{member}");
    let text = include_str!("golden_invoice_v1.json");
    for member in ["\"entry\":", "\"perCoreAndYear\":", "\"percent\":"] {
        refused(text, (member, &surprise(member)), decode_invoice);
    }
    let text = include_str!("golden_basis_v1.json");
    for member in [
        "\"entry\":",
        "\"to\":",
        "\"tiers\":",
        "\"minimumCommitment\":",
        "\"minorUnits\":",
    ] {
        refused(text, (member, &surprise(member)), decode_basis);
    }
    refused(
        include_str!("golden_catalog_v1.json"),
        ("\"entry\":", &surprise("\"entry\":")),
        decode_catalog,
    );
}

#[test]
fn a_line_that_is_there_twice_is_not_taken_for_one() {
    let twice = |text: &str, from: &str, to: &str| {
        let start = text.find(from).unwrap() + from.len();
        let end = start + text[start..].find(to).unwrap();
        let member = &text[start..end];
        format!("{}{member},{}", &text[..start], &text[start..])
    };
    let text = include_str!("golden_invoice_v1.json");
    let credit = "},{\"key\":\"credit\",\"amount\":\"-123\",\"made\":{\"credit\":{\"granted\":\"123\"}}";
    let detail = refused(text, (credit, &format!("{credit}{credit}")), decode_invoice);
    assert!(detail.contains("twice"), "{detail}");
    let text = include_str!("golden_basis_v1.json");
    let damaged = twice(text, "\"sections\":[", "],\"terms\"");
    let detail = decode_basis(damaged.as_bytes()).unwrap_err().to_string();
    assert!(detail.contains("twice"), "{detail}");
    let text = include_str!("golden_catalog_v1.json");
    for (from, to) in [
        ("\"localMeters\":[", ",{\"id\":\"02"),
        ("\"billingMeters\":[", "]}"),
    ] {
        let damaged = twice(text, from, to);
        let detail = decode_catalog(damaged.as_bytes()).unwrap_err().to_string();
        assert!(detail.contains("twice"), "{detail}");
    }
}

/// A unit of the one is a whole yen, of the other a thousandth of a dinar; the platform is not named, and partners buy.
#[test]
fn wholesale_invoices_in_yen_and_dinars_are_read_and_written_as_they_were() {
    for (currency, seller, golden) in [
        (
            "JPY",
            Seller::Platform,
            include_str!("golden_invoice_jpy_v1.json"),
        ),
        (
            "KWD",
            Seller::Partner(PartnerId::from_bytes([0x9b; 16])),
            include_str!("golden_invoice_kwd_v1.json"),
        ),
    ] {
        let mut basis = basis(currency.parse().unwrap(), &QUANTITIES);
        basis.account.seller = seller;
        basis.account.buyer = Buyer::Partner(PartnerId::from_bytes([0x9a; 16]));
        let invoice = invoice(&basis);
        as_written(golden, &encode_invoice(&invoice).unwrap());
        assert_eq!(decode_invoice(golden.as_bytes()).unwrap(), invoice);
    }
}

#[test]
fn an_amount_in_another_currency_than_the_accounts_is_not_written_as_if_it_were_in_that() {
    let mut invoice = invoice(&basis(Currency::USD, &QUANTITIES));
    invoice.total = Money::from_minor_units(1, "JPY".parse().unwrap());
    let Err(StoreError::Corrupt { detail }) = encode_invoice(&invoice) else {
        panic!("it is written");
    };
    assert!(detail.contains("JPY") && detail.contains("USD"), "{detail}");
}
