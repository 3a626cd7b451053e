//! The chain of sale on invoices: everybody on the way buys before selling, at prices of its own.

use domain::attribution::LocalSubscription;
use domain::catalog::{Price, PriceList, PriceListScope, Prices};
use domain::chain::{Account, Buyer, Link, Seller};
use domain::ids::{CustomerId, LocalSubscriptionId, PartnerId, SubscriptionId, TenantId};
use domain::money::Currency;
use domain::partner::{Customer, Partner, PartnerKind, Subscription, SubscriptionKind, SubscriptionState};
use domain::reckoning::LineKey;
use domain::registration::BillingModel;

use super::{all_replay, corrected};
use crate::house::{House, LOCAL, SHARED, STACK, VCPU_BILLED, operator};

pub(super) const PROVIDER: PartnerId = PartnerId::from_bytes([0xb0; 16]);
pub(super) const RESELLER: PartnerId = PartnerId::from_bytes([0xb1; 16]);
const TAILSPIN: CustomerId = CustomerId::from_bytes([0xc1; 16]);
const DIRECTORY: TenantId = TenantId::from_bytes([0xc1; 16]);
const SOLD: SubscriptionId = SubscriptionId::from_bytes([0xd1; 16]);

fn account(seller: Seller, buyer: Buyer, currency: Currency) -> Account {
    Account::new(Link { seller, buyer }, currency)
}

/// The house's stack is registered with a subscription that a reseller sells: it is what all usage is charged to.
pub(super) async fn resold() -> House {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    let app = house.app();
    for (id, kind) in [
        (PROVIDER, PartnerKind::IndirectProvider),
        (RESELLER, PartnerKind::IndirectReseller { provider: PROVIDER }),
    ] {
        let name = "Litware".to_owned();
        app.create_partner(&operator(), Partner { id, name, kind })
            .await
            .unwrap();
    }
    let customer = Customer {
        id: TAILSPIN,
        partner: RESELLER,
        name: "Tailspin".to_owned(),
        tenants: vec![DIRECTORY],
    };
    app.create_customer(&operator(), customer).await.unwrap();
    let sold = Subscription {
        id: SOLD,
        name: "Tailspin".to_owned(),
        kind: SubscriptionKind::Csp,
        tenant: DIRECTORY,
        owner: Some(RESELLER),
        customer: Some(TAILSPIN),
        state: SubscriptionState::Active,
    };
    app.create_subscription(&operator(), sold).await.unwrap();
    let at = app::registrations::RegistrationAddress {
        subscription: SOLD,
        ..crate::house::address()
    };
    app.put_resource_group(&operator(), SOLD, &at.resource_group, "local", [].into())
        .await
        .unwrap();
    let request = domain::registration::register::PutRegistration {
        name: at.name.clone(),
        location: None,
        tags: None,
        token: Some(crate::house::token(BillingModel::PayAsYouUse)),
    };
    app.put_registration(&operator(), &at, &request, &app::precondition::Precondition::None)
        .await
        .unwrap();
    let listed = LocalSubscription {
        tenant: DIRECTORY,
        name: "web".to_owned(),
        owner: "ops@tailspin.example".to_owned(),
        state: "Enabled".to_owned(),
    };
    let listed: Vec<(LocalSubscriptionId, LocalSubscription)> = vec![(LOCAL, listed)];
    app.take_directory(&operator(), STACK, &listed, None)
        .await
        .unwrap();
    house
}

pub(super) async fn sells(house: &House, seller: PartnerId, price: &str, currency: Currency) {
    let list = PriceList {
        name: format!("list-{}", &seller.to_string()[..2]).parse().unwrap(),
        scope: PriceListScope::Seller(seller),
        currency,
    };
    let prices: Prices = [(VCPU_BILLED, Price::flat(price.parse().unwrap()))].into();
    let from = "2026-10-01T00:00:00Z".parse().unwrap();
    house
        .app()
        .publish_price_list(&operator(), list, prices, from)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_resold_subscription_is_invoiced_on_every_link_of_its_chain_and_corrected_on_every_one() {
    let house = resold().await;
    sells(&house, PROVIDER, "1.25", Currency::USD).await;
    // Each link has one currency; the next may have another.
    let euro: Currency = "EUR".parse().unwrap();
    sells(&house, RESELLER, "2", euro).await;
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T11:00:00Z", "10")])
        .await;
    house.october_is_closed().await;
    let chain = [
        account(Seller::Platform, Buyer::Partner(PROVIDER), Currency::USD),
        account(Seller::Partner(PROVIDER), Buyer::Partner(RESELLER), Currency::USD),
        account(Seller::Partner(RESELLER), Buyer::Subscription(SOLD), euro),
    ];
    let issued = house.invoices(Some("2026-10")).await;
    let shown: Vec<(Account, String)> = issued
        .iter()
        .map(|it| (it.account, it.total.to_string()))
        .collect();
    let totals = ["10.00", "12.50", "20.00"].map(str::to_owned);
    assert_eq!(shown, chain.into_iter().zip(totals).collect::<Vec<_>>());
    assert!(
        issued.iter().all(|it| it.number.sequence == 1),
        "each seller counts for itself"
    );
    house
        .hears("2026-11-04T12:00:00Z", &[("2026-10-21T11:00:00Z", "2")])
        .await;
    house.november_is_closed().await;
    for (account, expected) in chain.into_iter().zip([
        "2026-10 10.00 -> 12.00: 2.00 (LateUsage)",
        "2026-10 12.50 -> 15.00: 2.50 (LateUsage)",
        "2026-10 20.00 -> 24.00: 4.00 (LateUsage)",
    ]) {
        let november = house.invoice_of("2026-11", account).await.unwrap();
        assert_eq!(corrected(&november), [expected]);
    }
    all_replay(&house, "2026-10").await;
    all_replay(&house, "2026-11").await;
}

#[tokio::test]
async fn a_margin_is_what_a_seller_keeps_and_is_never_converted_by_a_rate_that_nobody_stated() {
    let house = resold().await;
    sells(&house, PROVIDER, "1.25", Currency::USD).await;
    let euro: Currency = "EUR".parse().unwrap();
    sells(&house, RESELLER, "2", euro).await;
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T11:00:00Z", "10")])
        .await;
    let (app, october) = (house.app(), "2026-10".parse().unwrap());
    let told = async |seller, currency| {
        let kept = app.margins(&operator(), seller, october, currency).await?;
        let sum = |of: fn(&domain::reckoning::Margin) -> i128| {
            kept.rows.iter().map(|row| of(&row.margin)).sum::<i128>()
        };
        assert_eq!(
            kept.total.keeps.minor_units(),
            sum(|margin| margin.keeps.minor_units())
        );
        let shown = [kept.total.sells, kept.total.buys, kept.total.keeps].map(|it| it.to_string());
        Ok::<_, app::Error>(shown.join(" "))
    };
    let (provider, reseller) = (Seller::Partner(PROVIDER), Seller::Partner(RESELLER));
    assert_eq!(
        told(Seller::Platform, Currency::USD).await.unwrap(),
        "10.00 0.00 10.00"
    );
    assert_eq!(told(provider, Currency::USD).await.unwrap(), "12.50 10.00 2.50");
    let refused = told(reseller, euro).await.unwrap_err();
    assert_eq!(refused.code, "ExchangeRateMissing");
    for (since, rate) in [("2026-10-01T00:00:00Z", "0.8"), ("2026-11-01T00:00:00Z", "0.9")] {
        let rate = rate.parse().unwrap();
        app.set_rate(&operator(), Currency::USD, euro, rate, since.parse().unwrap())
            .await
            .unwrap();
    }
    assert_eq!(told(reseller, euro).await.unwrap(), "20.00 10.00 10.00");
}

#[tokio::test]
async fn what_a_partner_uses_itself_is_invoiced_to_the_partner_and_to_nobody_behind_it() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T11:00:00Z", "10")])
        .await;
    house.october_is_closed().await;
    let issued = house.invoices(None).await;
    let shown: Vec<Account> = issued.iter().map(|it| it.account).collect();
    assert_eq!(shown, [super::WHOLESALE]);
    let about: Vec<_> = issued[0].lines.keys().map(LineKey::subscription).collect();
    assert_eq!(about, [Some(SHARED)]);
}
