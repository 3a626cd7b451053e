//! The stored forms of bills: an invoice, what an account was reckoned from, and a catalog, as JSON with a version.
//!
//! They are canonical: the same value has the same bytes, always, since the digest of an invoice is that of its bytes,
//! and whoever replays a closed period compares them. Numbers are text, exact: decimals as such, fractions as `1/3`,
//! money in minor units of the account's currency. A version never changes; a changed form gets a version of its own.

mod basis;
mod catalog;
mod invoice;

use std::collections::BTreeMap;

use domain::chain::{Account, Buyer, Seller};
use domain::ids::{CloudId, PartnerId, SubscriptionId, TenantId};
use domain::money::{Currency, Money};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::basis::{decode_basis, encode_basis};
pub use self::catalog::{decode_catalog, encode_catalog};
pub use self::invoice::{decode_invoice, encode_invoice};
use crate::books::stored::bills::StoredBuyer;
use crate::books::stored::parts::Text;
use crate::books::stored::{Unreadable, Versioned};
use crate::error::StoreError;

/// The version that is written of each.
const VERSION: u32 = 1;

/// The bytes of a form.
fn written(form: impl Serialize) -> Result<Vec<u8>, StoreError> {
    let versioned = Versioned {
        version: VERSION,
        entry: form,
    };
    serde_json::to_vec(&versioned).map_err(StoreError::unavailable)
}

/// The form that these bytes are. All of it: a member that the form does not have would be lost without anybody seeing
/// it, so bytes are refused that say more than the form, or say it in another way.
fn read<F: Serialize + DeserializeOwned, T>(
    what: &str,
    bytes: &[u8],
    value: impl FnOnce(F) -> Result<T, Unreadable>,
) -> Result<T, StoreError> {
    let form = || {
        let Versioned { version, .. } =
            serde_json::from_slice::<Versioned<serde::de::IgnoredAny>>(bytes).map_err(Unreadable::Form)?;
        if version > VERSION {
            return Err(Unreadable::Newer(version));
        }
        let form = serde_json::from_slice::<Versioned<F>>(bytes)?;
        if serde_json::to_value(&form)? != serde_json::from_slice::<serde_json::Value>(bytes)? {
            return Err(Unreadable::Value(format!(
                "it has a member that version {version} does not have, or a value that is written in another way"
            )));
        }
        value(form.entry)
    };
    form().map_err(|error| StoreError::corrupt(format!("{what} cannot be read: {error}")))
}

/// Values by their keys, each of which is there once: of two with the same key one would be lost.
fn by_key<K: Ord, T>(
    what: &str,
    values: impl IntoIterator<Item = Result<(K, T), Unreadable>>,
) -> Result<BTreeMap<K, T>, Unreadable> {
    let mut by_key = BTreeMap::new();
    for value in values {
        let (key, value) = value?;
        if by_key.insert(key, value).is_some() {
            return Err(Unreadable::Value(format!("{what} is there twice")));
        }
    }
    Ok(by_key)
}

/// Whose it is. The platform is the seller that is not named.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredAccount {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seller: Option<Text<PartnerId>>,
    buyer: StoredBuyer,
    currency: Text<Currency>,
}

impl From<Account> for StoredAccount {
    fn from(account: Account) -> Self {
        Self {
            seller: stored_seller(account.seller),
            buyer: account.buyer.into(),
            currency: Text(account.currency),
        }
    }
}

impl From<StoredAccount> for Account {
    fn from(stored: StoredAccount) -> Self {
        Self {
            seller: seller(stored.seller),
            buyer: Buyer::from(stored.buyer),
            currency: stored.currency.0,
        }
    }
}

fn stored_seller(seller: Seller) -> Option<Text<PartnerId>> {
    match seller {
        Seller::Platform => None,
        Seller::Partner(partner) => Some(Text(partner)),
    }
}

fn seller(stored: Option<Text<PartnerId>>) -> Seller {
    stored.map_or(Seller::Platform, |partner| Seller::Partner(partner.0))
}

/// Minor units of the account's currency.
type Units = Text<i128>;

fn units(money: Money, currency: Currency) -> Result<Units, StoreError> {
    if money.currency() == currency {
        Ok(Text(money.minor_units()))
    } else {
        Err(StoreError::corrupt(format!(
            "an amount in {} on an account in {currency}",
            money.currency()
        )))
    }
}

fn money(units: &Units, currency: Currency) -> Money {
    Money::from_minor_units(units.0, currency)
}

/// Why a payer pays.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum StoredReason {
    TenantMapping,
    TenantNotMapped,
    LocalSubscriptionUnknown,
}

impl From<domain::attribution::Reason> for StoredReason {
    fn from(reason: domain::attribution::Reason) -> Self {
        match reason {
            domain::attribution::Reason::TenantMapping => Self::TenantMapping,
            domain::attribution::Reason::TenantNotMapped => Self::TenantNotMapped,
            domain::attribution::Reason::LocalSubscriptionUnknown => Self::LocalSubscriptionUnknown,
        }
    }
}

impl From<StoredReason> for domain::attribution::Reason {
    fn from(stored: StoredReason) -> Self {
        match stored {
            StoredReason::TenantMapping => Self::TenantMapping,
            StoredReason::TenantNotMapped => Self::TenantNotMapped,
            StoredReason::LocalSubscriptionUnknown => Self::LocalSubscriptionUnknown,
        }
    }
}

type StoredStack = Text<CloudId>;
type StoredSubscription = Text<SubscriptionId>;
type StoredTenant = Text<TenantId>;

#[cfg(test)]
mod tests;
