//! Who pays and what it costs: told to every server in the same way, under the same ids, so that their bills can be held
//! against each other.
//!
//! The home tenant of the stack is mapped to nobody, so the default subscription pays for it. The guest tenant is mapped to
//! a customer's subscription from the beginning and, as turns out when the month is over, to another one of it from the
//! middle of a day on. The partner sells at its own prices, which change in the middle of another day; the platform's
//! prices are those of the catalog.

use domain::ids::{LocalSubscriptionId, TenantId};
use domain::quantity::Quantity;
use domain::registration::BillingModel;
use domain::time::{Hour, HourInterval, Timestamp};
use serde_json::{Value, json};
use simulator::Stack;

use super::platform::Platform;

pub(super) const HOME_TENANT: &str = "3f1a7a0e-9a52-4f58-8a51-0c7d1b6f2e01";
pub(super) const GUEST_TENANT: &str = "3f1a7a0e-9a52-4f58-8a51-0c7d1b6f2e02";
const PARTNER: &str = "3f1a7a0e-9a52-4f58-8a51-0c7d1b6f2e10";
const PARTNER_TENANT: &str = "b1e0c1b8-5a3f-4e52-8a44-0d7f8b3f5e21";
const CUSTOMER: &str = "3f1a7a0e-9a52-4f58-8a51-0c7d1b6f2e20";
/// The stack is registered under it.
pub(super) const DEFAULT: &str = "3f1a7a0e-9a52-4f58-8a51-0c7d1b6f2e30";
/// The guest tenant is mapped to it at first.
pub(super) const FIRST: &str = "3f1a7a0e-9a52-4f58-8a51-0c7d1b6f2e31";
/// And to this one later.
pub(super) const LATER: &str = "3f1a7a0e-9a52-4f58-8a51-0c7d1b6f2e32";
/// From when on.
const LATER_FROM: &str = "2026-10-17T07:00:00Z";
/// A local meter that costs something by every price list, and how many records of it are enough to be seen on a bill.
const VCPU_HOURS: &str = "fab6eb84-500b-4a09-a8ca-7358f8bbaea5";
const RECORDS_MIN: usize = 20;
const PRICES_CHANGE: &str = "2026-10-20T05:00:00Z";

/// What somebody pays for: the local subscriptions of a tenant, in these hours.
pub(super) struct Paid {
    pub(super) payer: &'static str,
    pub(super) reason: &'static str,
    tenant: TenantId,
    pub(super) hours: HourInterval,
}

impl Paid {
    pub(super) fn includes(&self, stack: &Stack, of: LocalSubscriptionId) -> bool {
        let mut all = stack.local_subscriptions().iter();
        all.any(|it| it.id == of && it.tenant == self.tenant)
    }
}

/// Who pays for what, of everything.
pub(super) fn who_pays(stack: &Stack) -> [Paid; 3] {
    let (month, changes) = (stack.month(), LATER_FROM.parse::<Hour>().unwrap());
    let paid = |payer, reason, tenant: &str, from, to| Paid {
        payer,
        reason,
        tenant: tenant.parse().unwrap(),
        hours: HourInterval::new(from, to).unwrap(),
    };
    let mapped = "tenantMapping";
    [
        paid(
            DEFAULT,
            "tenantNotMapped",
            HOME_TENANT,
            month.start(),
            month.end(),
        ),
        paid(FIRST, mapped, GUEST_TENANT, month.start(), changes),
        paid(LATER, mapped, GUEST_TENANT, changes, month.end()),
    ]
}

/// Whether everybody who pays has to pay for so many hours of machines that they cost something.
pub(super) fn everybody_pays(stack: &Stack) -> bool {
    who_pays(stack).iter().all(|paid| {
        let used = stack.truth(paid.hours).filter(|it| {
            it.tenant == paid.tenant
                && it.quantity >= Quantity::ONE
                && it.local_meter.to_string() == VCPU_HOURS
        });
        used.count() >= RECORDS_MIN
    })
}

/// Opens the accounts, publishes prices, registers the stack and adds the guest tenant, before anything is used. Gives the
/// stack's activation key.
pub(super) fn furnish(platform: &Platform, stack: &Stack, now: Timestamp) -> String {
    let create = |command: &str, id: &str, more: &[&str]| {
        platform
            .command(now, command, &[&["--id", id], more].concat())
            .done();
    };
    create("partner create --kind direct-bill --name Northwind", PARTNER, &[]);
    let of = ["--partner", PARTNER, "--tenant"];
    let own = [of.as_slice(), &[PARTNER_TENANT]].concat();
    create(
        "subscription create --kind partner-shared-services --name Stacks",
        DEFAULT,
        &own,
    );
    let guest = [of.as_slice(), &[GUEST_TENANT]].concat();
    create("customer create --name Fabrikam", CUSTOMER, &guest);
    let sold = [guest.as_slice(), &["--customer", CUSTOMER]].concat();
    create("subscription create --kind csp --name First", FIRST, &sold);
    create("subscription create --kind csp --name Later", LATER, &sold);
    publish(platform, now);
    let token = stack.registration_token(BillingModel::PayAsYouUse);
    let cloud = stack.spec().cloud_id.to_string();
    let run = |command: &str, more: &[&str]| platform.command(now, command, more).done();
    run(
        "registration register",
        &["--subscription", DEFAULT, "--token", &token],
    );
    run("registration approve", &[&cloud]);
    run("tenant add", &[&cloud, FIRST]);
    run("registration activation-key", &[&cloud])
}

/// What turns out when the month is over.
pub(super) fn backdate(platform: &Platform, stack: &Stack, now: Timestamp) {
    let cloud = stack.spec().cloud_id.to_string();
    let map = [
        "--tenant",
        GUEST_TENANT,
        "--subscription",
        LATER,
        "--from",
        LATER_FROM,
    ];
    let map = [[cloud.as_str()].as_slice(), &map].concat();
    platform.command(now, "tenant map", &map).done();
}

/// Publishes what the partner asks: graduated, with something included, and anew in the course of the month.
fn publish(platform: &Platform, now: Timestamp) {
    let file = platform.command(now, "price-list show pay-as-you-use-usd --as-file", &[]);
    let published: Value = serde_json::from_str(&file.done()).unwrap();
    for (from, included, step, rate) in [
        ("2026-01-01T00:00:00Z", "0.25", "7", "0.00712345678"),
        (PRICES_CHANGE, "0", "20", "0.0314159"),
    ] {
        let mut own = published.clone();
        own["seller"] = PARTNER.into();
        own["effectiveFrom"] = from.into();
        for price in own["prices"].as_array_mut().unwrap() {
            price["includedQuantity"] = included.into();
            price["rates"][step] = rate.into();
        }
        let path = platform.data().join("prices.json");
        std::fs::write(&path, json!(own).to_string()).unwrap();
        let path = path.to_str().unwrap();
        platform
            .command(now, "price-list put northwind-usd --yes", &[path])
            .done();
    }
}
