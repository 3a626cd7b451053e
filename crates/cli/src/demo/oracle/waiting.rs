//! What waits for a tenant mapping, and what it costs whoever pays for now.

use std::collections::BTreeMap;

use domain::ids::{BillingMeterId, CloudId, LocalMeterId, LocalSubscriptionId, SubscriptionId};
use domain::time::Hour;
use num_bigint::BigInt;
use num_rational::BigRational;

use super::bill::{Bill, User};
use super::ledger::{Ledger, Unclaimed};
use super::payer::Payment;
use super::remainder;
use super::tariff::Tariff;
use crate::demo::scenario::Scenario;

/// Whose usage of which local meter, and who pays for it.
pub(in crate::demo) type WaitingKey = (CloudId, LocalSubscriptionId, Option<Payment>, LocalMeterId);

/// What no tenant mapping claimed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::demo) struct Waiting {
    /// How much, in the local meter's unit.
    pub(in crate::demo) quantity: BigRational,
    /// How many records.
    pub(in crate::demo) records: u64,
    /// What it costs, in cents; nothing where it is not charged.
    pub(in crate::demo) amount: Option<BigInt>,
}

/// A share of a bill: whose bill, of which meter, since when at this price, and who used it.
type ShareKey = (SubscriptionId, BillingMeterId, Hour, User);
/// What a share consists of, in order: a local subscription's usage of a local meter, as long as prices were those of
/// one version of one list.
type PieceKey = (LocalSubscriptionId, usize, LocalMeterId);

/// Everything that no mapping claimed. Each share of a bill is divided among its pieces as a line is among its shares.
pub(in crate::demo) fn waiting(
    scenario: &Scenario,
    ledger: &Ledger,
    tariff: &Tariff,
    bills: &BTreeMap<String, Bill>,
) -> BTreeMap<WaitingKey, Waiting> {
    let mut waiting: BTreeMap<WaitingKey, Waiting> = BTreeMap::new();
    let mut shares: BTreeMap<ShareKey, BTreeMap<PieceKey, BigRational>> = BTreeMap::new();
    for (unclaimed, (sum, records)) in &ledger.unclaimed {
        let quantity = sum.fraction();
        if let Some((share, piece, factor)) = piece(unclaimed, scenario, tariff) {
            let pieces = shares.entry(share).or_default();
            *pieces.entry(piece).or_default() += &quantity * factor;
        }
        let Unclaimed {
            stack,
            user,
            payment,
            meter,
            ..
        } = *unclaimed;
        let waiting = waiting.entry((stack, user, payment, meter)).or_default();
        waiting.quantity += quantity;
        waiting.records += records;
    }
    for ((payer, meter, since, user), pieces) in shares {
        let bill = bills.get(&payer.to_string());
        let share = bill.and_then(|bill| bill.share(meter, since, &user));
        let Some(share) = share else { continue };
        let (keys, quantities): (Vec<PieceKey>, Vec<BigRational>) = pieces.into_iter().unzip();
        let (stack, tenant, why) = user;
        let payment = Some(Payment { payer, why, tenant });
        for ((user, _, meter), amount) in keys.into_iter().zip(remainder::split(&share.amount, &quantities)) {
            let waiting = waiting.entry((stack, user, payment, meter)).or_default();
            *waiting.amount.get_or_insert_default() += amount;
        }
    }
    waiting
}

/// To which share of which bill it belongs, as which piece, and how it is converted; nothing if it is not charged.
fn piece<'a>(
    unclaimed: &Unclaimed,
    scenario: &Scenario,
    tariff: &'a Tariff,
) -> Option<(ShareKey, PieceKey, &'a BigRational)> {
    let Payment { payer, why, tenant } = unclaimed.payment?;
    let subscription = scenario.subscription(payer)?;
    let priced = tariff.priced(subscription, unclaimed.stretch, unclaimed.meter)?;
    let share = (payer, priced.meter, priced.since, (unclaimed.stack, tenant, why));
    let version = tariff.same_version(subscription, unclaimed.stretch);
    Some((share, (unclaimed.user, version, unclaimed.meter), priced.factor))
}
