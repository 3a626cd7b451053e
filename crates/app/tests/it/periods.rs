//! Closing periods, the invoices that are issued then, and the corrections of what changes later.

mod backdating;
mod budgets;
mod chains;
mod closing;
mod corrections;
mod explain;
mod forecasts;
mod histories;
mod issued_before;
mod papers;
mod places;
mod readers;
mod reconciliations;
mod terms;

use std::sync::Arc;

use app::Error;
use app::periods::{InvoiceFilter, PeriodView};
use app::usage::Delivery;
use domain::catalog::{Price, PriceList, PriceListScope, Prices};
use domain::chain::{Account, Buyer, Link, Seller};
use domain::ids::SubscriptionId;
use domain::invoice::Invoice;
use domain::money::Currency;
use domain::partner::Subscription;
use domain::registration::BillingModel;
use domain::time::{Hour, HourInterval, Period};

use crate::house::{CSP, House, PARTNER, STACK, TENANT, VCPU_BILLED, operator};

/// Another subscription of the customer.
pub(crate) const OTHER: SubscriptionId = SubscriptionId::from_bytes([0x55; 16]);

pub(crate) const WHOLESALE: Account = Account {
    seller: Seller::Platform,
    buyer: Buyer::Partner(PARTNER),
    currency: Currency::USD,
};

pub(crate) fn retail(subscription: SubscriptionId) -> Account {
    let link = Link {
        seller: Seller::Partner(PARTNER),
        buyer: Buyer::Subscription(subscription),
    };
    Account::new(link, Currency::USD)
}

pub(crate) fn month(text: &str) -> Period {
    text.parse().unwrap()
}

/// A stack that was registered for the whole of October, whose tenant is the customer's. The platform sells a vCPU hour
/// for 1.00, the partner for 1.50.
pub(crate) async fn october() -> House {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.add_tenant(CSP, None).await.unwrap();
    let csp = house.app().subscription(CSP).unwrap();
    let other = Subscription { id: OTHER, ..csp };
    house.app().create_subscription(&operator(), other).await.unwrap();
    house.sells_for("1.5", "2026-10-01T00:00:00Z").await.unwrap();
    house
}

impl House {
    /// The partner sells a vCPU hour for so much from an hour on.
    pub(crate) async fn sells_for(&self, price: &str, from: &str) -> Result<(), Error> {
        let list = PriceList {
            name: "fabrikam".parse().unwrap(),
            scope: PriceListScope::Seller(PARTNER),
            currency: Currency::USD,
        };
        let prices: Prices = [(VCPU_BILLED, Price::flat(price.parse().unwrap()))].into();
        let from: Hour = from.parse().unwrap();
        let published = self
            .app()
            .publish_price_list(&operator(), list, prices, from)
            .await;
        published.map(drop)
    }

    /// In an hour, what was used in these is reported.
    pub(crate) async fn hears(&self, reported: &str, usage: &[(&str, &str)]) {
        self.it_is(reported);
        self.deliver(reported, usage).await.unwrap();
    }

    /// The stack says that it has reported everything up to an hour.
    pub(crate) async fn declares(&self, through: &str) {
        let delivery = Delivery {
            stack: STACK,
            reported_start: None,
            reported_end: None,
            reported_through: Some(through.parse().unwrap()),
            idempotency_key: None,
            known_receipts: &[],
            digest: [0; 32],
            records: &[],
            quarantined: &[],
            raw: &|_| String::new(),
        };
        self.app().deliver_usage(delivery).await.unwrap();
    }

    pub(crate) async fn closes(&self, period: &str) -> PeriodView {
        self.app()
            .close_period(&operator(), month(period), true)
            .await
            .unwrap()
    }

    /// October is over and reported, and closed.
    pub(crate) async fn october_is_closed(&self) -> PeriodView {
        self.it_is("2026-11-01T02:00:00Z");
        self.declares("2026-11-01T00:00:00Z").await;
        self.closes("2026-10").await
    }

    /// November is over and reported, and closed.
    pub(crate) async fn november_is_closed(&self) -> PeriodView {
        self.it_is("2026-12-01T02:00:00Z");
        self.declares("2026-12-01T00:00:00Z").await;
        self.closes("2026-11").await
    }

    /// All invoices of a period, or of all.
    pub(crate) async fn invoices(&self, period: Option<&str>) -> Vec<Arc<Invoice>> {
        let filter = InvoiceFilter {
            period: period.map(month),
            ..InvoiceFilter::default()
        };
        let app = self.app();
        app.invoices(&operator(), filter, None, usize::MAX).await.unwrap()
    }

    pub(crate) async fn invoice_of(&self, period: &str, account: Account) -> Option<Arc<Invoice>> {
        let all = self.invoices(Some(period)).await;
        all.into_iter().find(|invoice| invoice.account == account)
    }

    /// The customer's tenant is another subscription's in some hours.
    pub(crate) async fn maps(&self, to: Option<SubscriptionId>, from: &str, until: &str) {
        let hours = HourInterval::new(from.parse().unwrap(), until.parse().unwrap()).unwrap();
        let app = self.app();
        app.map_tenant(&operator(), STACK, TENANT, to, hours)
            .await
            .unwrap();
    }
}

/// The corrections of an invoice: what line, what was billed, what it costs now, why.
pub(crate) fn corrected(invoice: &Invoice) -> Vec<String> {
    let corrections = invoice.corrections.iter();
    let shown = corrections.map(|it| {
        format!(
            "{} {} -> {}: {} ({})",
            it.period, it.billed, it.now, it.amount, it.cause
        )
    });
    shown.collect()
}

/// All of them replay to the same bytes.
pub(crate) async fn all_replay(house: &House, period: &str) {
    let replays = house
        .app()
        .replay_period(&operator(), month(period))
        .await
        .unwrap();
    assert!(!replays.is_empty(), "nothing of {period} was issued");
    for replay in replays {
        assert!(replay.same, "{replay:?}");
        assert_eq!(Some(replay.stored), replay.computed);
    }
}
