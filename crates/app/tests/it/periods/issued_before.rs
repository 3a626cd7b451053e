//! Invoices that earlier versions issued: whatever this one does, it replays them to the same bytes.
//!
//! `issued_before/VERSION/` has the databases of a platform as a version left them after [`two_months`], compressed. What
//! was issued then is the measure: if one of these does not replay any more, customers' invoices do not either, and the
//! change has to go by when a period was closed. A platform as this version leaves it is added, beside the others and
//! never in place of one, when a stored form that bills are made of changes:
//!
//! ```sh
//! METERBRIDGE_KEEP_ISSUED=crates/app/tests/it/periods/issued_before/VERSION cargo test -p app --test it -- issued_before
//! ```

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use app::periods::Opened;
use app::precondition::Precondition;
use app::registrations::RegistrationAddress;
use domain::catalog::{Derivation, Price, PriceList, PriceListScope, Prices, Pricing, Tier};
use domain::chain::{Buyer, Seller};
use domain::ids::{CloudId, CustomerId, PartnerId, SubscriptionId, TenantId};
use domain::money::{Currency, Money};
use domain::partner::{Customer, Partner, PartnerKind, Subscription, SubscriptionKind, SubscriptionState};
use domain::registration::register::PutRegistration;
use domain::registration::{BillingModel, RegistrationToken};
use domain::terms::{CapacityFee, Tax, Terms};
use domain::time::{Hour, HourInterval};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use store::StoreConfig;

use super::{OTHER, all_replay, corrected, month, october, retail};
use crate::house::{CSP, House, PARTNER, VCPU_BILLED, operator, token};

const PROVIDER: PartnerId = PartnerId::from_bytes([0xb0; 16]);
const RESELLER: PartnerId = PartnerId::from_bytes([0xb1; 16]);
const SOLD: SubscriptionId = SubscriptionId::from_bytes([0xd1; 16]);
const BY_CAPACITY: CloudId = CloudId::from_bytes([0xe1; 16]);

/// What a version left: the month in which it did, and the files with their names, compressed.
struct Left {
    version: &'static str,
    files: [(&'static str, &'static [u8]); 2],
}

const LEFT: [Left; 1] = [Left {
    version: "2026-11",
    files: [
        ("books.db", include_bytes!("issued_before/2026-11/books.db.gz")),
        ("usage.db", include_bytes!("issued_before/2026-11/usage.db.gz")),
    ],
}];

/// What was issued: the invoices with their totals, then what they set right.
const ISSUED: &str = "\
2026-10 MB-000001 01 56.13
2026-10 MB-000002 b0 342.44
2026-10 DEDDCDEB4DF5-000001 05 108.75
2026-10 9D5F6C301F08-000001 b1 370.98
2026-10 196C69186924-000001 d1 475.62
2026-11 MB-000003 01 44.50
\x20 2026-10 56.13 -> 48.63: -7.50 (Several)
\x20 2026-10 0.00 -> 9.00: 9.00 (Several)
2026-11 MB-000004 b0 331.40
2026-11 DEDDCDEB4DF5-000002 05 108.75
\x20 2026-10 54.31 -> 56.11: 1.80 (Several)
\x20 2026-10 11.97 -> 0.00: -11.97 (Several)
\x20 2026-10 17.22 -> 27.39: 10.17 (Several)
2026-11 DEDDCDEB4DF5-000003 55 15.96
\x20 2026-10 0.00 -> 11.97: 11.97 (Several)
2026-11 9D5F6C301F08-000002 b1 359.01
2026-11 196C69186924-000002 d1 460.27
";

/// October and November are closed, and December runs: a price that changes twice within a month, to tiers above an
/// included quantity and to one that follows another list; a commitment, a credit and a tax; a stack that a reseller's
/// customer pays by stated cores; then usage that comes late, and a tenant that was another subscription's.
async fn two_months() -> House {
    let house = october().await;
    prices(&house).await;
    terms(&house).await;
    capacity(&house).await;
    let usage = [
        ("2026-10-05T03:00:00Z", "4.333333"),
        ("2026-10-12T04:00:00Z", "30.1"),
        ("2026-10-13T11:00:00Z", "12.7"),
        ("2026-10-31T23:00:00Z", "9"),
    ];
    house.hears("2026-10-31T23:00:00Z", &usage).await;
    house.october_is_closed().await;
    let late = [("2026-10-13T12:00:00Z", "2.5"), ("2026-10-13T11:00:00Z", "11.7")];
    house.hears("2026-11-04T12:00:00Z", &late).await;
    house
        .maps(Some(OTHER), "2026-10-25T00:00:00Z", "2026-11-10T00:00:00Z")
        .await;
    let usage = [("2026-11-02T01:00:00Z", "3"), ("2026-11-20T01:00:00Z", "40")];
    house.hears("2026-11-21T00:00:00Z", &usage).await;
    house.november_is_closed().await;
    let usage = [("2026-11-21T05:00:00Z", "1"), ("2026-12-02T05:00:00Z", "6")];
    house.hears("2026-12-03T00:00:00Z", &usage).await;
    house
}

async fn prices(house: &House) {
    let app = house.app();
    let list = PriceList {
        name: "fabrikam".parse().unwrap(),
        scope: PriceListScope::Seller(PARTNER),
        currency: Currency::USD,
    };
    let tier = |from: &str, price: &str| Tier {
        from: from.parse().unwrap(),
        unit_price: price.parse().unwrap(),
    };
    let tiers = Price::new(
        vec![tier("0", "1.5"), tier("10", "1.25"), tier("25", "1.2")],
        "5".parse().unwrap(),
    );
    let tiers: Prices = [(VCPU_BILLED, tiers.unwrap())].into();
    let tiers_from: Hour = "2026-10-10T00:00:00Z".parse().unwrap();
    app.publish_price_list(&operator(), list.clone(), tiers, tiers_from)
        .await
        .unwrap();
    let follows = Pricing::Derived(Derivation {
        base: "list".parse().unwrap(),
        percentage: "33".parse().unwrap(),
        minimum_change: None,
        maximum_change: None,
        overrides: Prices::new(),
    });
    let follows_from: Hour = "2026-10-20T00:00:00Z".parse().unwrap();
    app.publish_price_list(&operator(), list, follows, follows_from)
        .await
        .unwrap();
}

async fn terms(house: &House) {
    let usd = |cents| Some(Money::from_minor_units(cents, Currency::USD));
    let account = retail(CSP);
    let agreed = Terms {
        minimum_commitment: usd(9_000),
        credit: usd(300),
        tax: Some(Tax {
            percent: "25".parse().unwrap(),
            label: "VAT".to_owned(),
        }),
        capacity_fee: None,
    };
    let app = house.app();
    app.set_terms(
        &operator(),
        account.seller,
        Some(account.buyer),
        agreed,
        month("2026-10"),
    )
    .await
    .unwrap();
    for (seller, per_core_and_year) in [
        (Seller::Platform, "144"),
        (Seller::Partner(PROVIDER), "156"),
        (Seller::Partner(RESELLER), "200"),
    ] {
        let fee = Terms {
            capacity_fee: Some(CapacityFee {
                per_core_and_year: per_core_and_year.parse().unwrap(),
                currency: Currency::USD,
            }),
            ..Terms::default()
        };
        if seller != Seller::Platform {
            partner(house, seller).await;
        }
        app.set_terms(&operator(), seller, None, fee, month("2026-10"))
            .await
            .unwrap();
    }
}

/// The provider, or the reseller who buys from it.
async fn partner(house: &House, seller: Seller) {
    let Seller::Partner(id) = seller else { return };
    let (name, kind) = if id == PROVIDER {
        ("Litware", PartnerKind::IndirectProvider)
    } else {
        ("Tailspin", PartnerKind::IndirectReseller { provider: PROVIDER })
    };
    let name = name.to_owned();
    house
        .app()
        .create_partner(&operator(), Partner { id, name, kind })
        .await
        .unwrap();
}

/// A stack by capacity, registered with a subscription that the reseller sells.
async fn capacity(house: &House) {
    let app = house.app();
    let (customer, tenant) = (
        CustomerId::from_bytes([0xc1; 16]),
        TenantId::from_bytes([0xc2; 16]),
    );
    let wingtip = Customer {
        id: customer,
        partner: RESELLER,
        name: "Wingtip".to_owned(),
        tenants: vec![tenant],
    };
    app.create_customer(&operator(), wingtip).await.unwrap();
    let sold = Subscription {
        id: SOLD,
        name: "Wingtip".to_owned(),
        kind: SubscriptionKind::Csp,
        tenant,
        owner: Some(RESELLER),
        customer: Some(customer),
        state: SubscriptionState::Active,
    };
    app.create_subscription(&operator(), sold).await.unwrap();
    let at = RegistrationAddress {
        subscription: SOLD,
        ..crate::house::address()
    };
    app.put_resource_group(&operator(), SOLD, &at.resource_group, "local", [].into())
        .await
        .unwrap();
    let request = PutRegistration {
        name: at.name.clone(),
        location: None,
        tags: None,
        token: Some(RegistrationToken {
            cloud_id: BY_CAPACITY,
            ..token(BillingModel::Capacity)
        }),
    };
    app.put_registration(&operator(), &at, &request, &Precondition::None)
        .await
        .unwrap();
    app.state_cores(&operator(), BY_CAPACITY, Some(28), HourInterval::ALWAYS)
        .await
        .unwrap();
}

/// What was issued for both months, as [`ISSUED`] has it.
async fn issued(house: &House) -> String {
    let mut told = String::new();
    for invoice in house.invoices(None).await {
        let account = invoice.account;
        let buyer = match account.buyer {
            Buyer::Partner(id) => id.to_string(),
            Buyer::Subscription(id) => id.to_string(),
        };
        told += &format!(
            "{} {} {} {}\n",
            invoice.period,
            invoice.number,
            &buyer[..2],
            invoice.total
        );
        for correction in corrected(&invoice) {
            told += &format!("  {correction}\n");
        }
    }
    told
}

/// The platform as a version left it.
async fn left(files: &[(&str, &[u8])]) -> House {
    let directory = tempfile::tempdir().unwrap();
    for (name, compressed) in files {
        let mut database = Vec::new();
        GzDecoder::new(*compressed).read_to_end(&mut database).unwrap();
        std::fs::write(directory.path().join(name), database).unwrap();
    }
    House::left_in(directory, "2026-12-03T00:00:00Z").await
}

#[tokio::test]
async fn an_invoice_that_an_earlier_version_issued_comes_to_other_bytes_today() {
    for Left { version, files } in LEFT {
        let house = left(&files).await;
        assert_eq!(issued(&house).await, ISSUED, "{version}");
        for period in ["2026-10", "2026-11"] {
            all_replay(&house, period).await;
        }
        for invoice in house.invoices(None).await {
            let lines = invoice.lines.keys().map(|key| (invoice.period, *key));
            let corrections = invoice.corrections.iter().map(|it| (it.period, it.key));
            for line in lines.chain(corrections) {
                let opened = house
                    .app()
                    .explain(&operator(), invoice.number, line, Opened::LINE, 0)
                    .await;
                opened.unwrap();
            }
        }
        let report = house.audited();
        assert_eq!(report.found(), 0, "{version}: {report:?}");
    }
}

#[tokio::test]
async fn a_month_that_an_earlier_version_billed_is_billed_otherwise_today() {
    let house = two_months().await;
    assert_eq!(issued(&house).await, ISSUED);
    if let Some(directory) = kept_in() {
        keep(&house, &directory);
    }
}

/// Where this version's databases are written to, if they are to be kept.
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no command line to be told this on"
)]
fn kept_in() -> Option<PathBuf> {
    std::env::var_os("METERBRIDGE_KEEP_ISSUED").map(PathBuf::from)
}

/// Writes the databases of a platform, compressed.
fn keep(house: &House, directory: &Path) {
    let StoreConfig::Sqlite { directory: from } = house.config() else {
        return;
    };
    let copied = tempfile::tempdir().unwrap();
    store::backup::copy(&from, copied.path(), &mut |_| ()).unwrap();
    std::fs::create_dir_all(directory).unwrap();
    for file in std::fs::read_dir(copied.path()).unwrap() {
        let file = file.unwrap();
        let name = format!("{}.gz", file.file_name().display());
        let kept = std::fs::File::create(directory.join(name)).unwrap();
        let mut kept = GzEncoder::new(kept, Compression::best());
        kept.write_all(&std::fs::read(file.path()).unwrap()).unwrap();
        kept.finish().unwrap();
    }
}
