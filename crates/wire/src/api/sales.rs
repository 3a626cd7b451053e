//! Who sells to whom, as bills name them and as queries and ids of lines spell them.

use std::fmt;
use std::str::FromStr;

use domain::chain::{Account, Buyer, Seller};
use domain::ids::InvalidGuid;
use domain::invoice::AccountNames;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{InvalidMember, Party, member};

/// What kind of seller it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SellerKind {
    /// Whoever operates the platform.
    Platform,
    /// A partner.
    Partner,
}

/// Who sells, on a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BillSeller {
    /// The platform or a partner.
    pub kind: SellerKind,
    /// The partner; the platform has no id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The partner's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What kind of buyer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum BuyerKind {
    /// A partner, for all subscriptions that it answers for.
    Partner,
    /// Whoever a subscription was sold to, for that subscription alone.
    Subscription,
}

/// Who buys, on a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BillBuyer {
    /// A partner or a subscription.
    pub kind: BuyerKind,
    /// Which.
    pub id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The customer that the subscription was sold to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Party>,
}

/// What one bill is drawn up for: all that a seller sells to a buyer in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BillAccount {
    /// Who sells.
    pub seller: BillSeller,
    /// Who buys.
    pub buyer: BillBuyer,
    /// The currency of every amount.
    pub currency: String,
}

/// An account of an open month, with what its bill comes to so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunningAccount {
    /// Who sells to whom.
    #[serde(flatten)]
    pub account: BillAccount,
    /// The sum of lines and corrections before tax.
    pub subtotal: String,
    /// The tax on them.
    pub tax: String,
    /// Both.
    pub total: String,
    /// The meters, by name, of which something was used that is not charged, because no price list that applies has a price
    /// for them; those that nobody knows by their id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unpriced: Vec<String>,
}

impl BillAccount {
    /// An account, with the names of its parties.
    #[must_use]
    pub fn of(account: Account, names: &AccountNames) -> Self {
        Self {
            seller: BillSeller::of(account.seller, names.seller.clone()),
            buyer: BillBuyer::of(account.buyer, names),
            currency: account.currency.to_string(),
        }
    }
}

impl BillSeller {
    /// A seller of this name.
    #[must_use]
    pub fn of(seller: Seller, name: Option<String>) -> Self {
        match seller {
            Seller::Platform => Self {
                kind: SellerKind::Platform,
                id: None,
                name: None,
            },
            Seller::Partner(id) => Self {
                kind: SellerKind::Partner,
                id: Some(id.to_string()),
                name,
            },
        }
    }

    /// The seller as queries and ids of lines spell it.
    #[must_use]
    pub fn text(&self) -> String {
        self.id.clone().unwrap_or_else(|| PLATFORM.to_owned())
    }
}

impl BillBuyer {
    /// A buyer, with its name and that of its customer.
    #[must_use]
    pub fn of(buyer: Buyer, names: &AccountNames) -> Self {
        let (kind, id) = match buyer {
            Buyer::Partner(id) => (BuyerKind::Partner, id.to_string()),
            Buyer::Subscription(id) => (BuyerKind::Subscription, id.to_string()),
        };
        Self {
            kind,
            id,
            name: names.buyer.clone(),
            customer: names.customer.as_ref().map(Party::from),
        }
    }

    /// The buyer as queries and ids of lines spell it.
    #[must_use]
    pub fn text(&self) -> String {
        let kind = match self.kind {
            BuyerKind::Partner => PARTNER,
            BuyerKind::Subscription => SUBSCRIPTION,
        };
        format!("{kind}:{}", self.id)
    }
}

/// A buyer that a request names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamedBuyer {
    /// A partner or a subscription.
    pub kind: BuyerKind,
    /// Which.
    pub id: String,
}

impl NamedBuyer {
    pub(super) fn into_domain(self, target: &str) -> Result<Buyer, InvalidMember> {
        let target = format!("{target}.id");
        Ok(match self.kind {
            BuyerKind::Partner => Buyer::Partner(member(&target, &self.id)?),
            BuyerKind::Subscription => Buyer::Subscription(member(&target, &self.id)?),
        })
    }
}

const PLATFORM: &str = "platform";
const PARTNER: &str = "partner";
const SUBSCRIPTION: &str = "subscription";

/// A text that names nobody who sells or buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidParty {
    /// No seller.
    #[error("expected a seller: platform, or the id of a partner")]
    Seller,
    /// No buyer.
    #[error("expected a buyer: partner: or subscription: and an id")]
    Buyer,
    /// No account.
    #[error("expected a seller, a buyer and a currency, with dots between them")]
    Account,
}

/// A seller as queries and ids of lines spell it: `platform`, or the id of a partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SellerText(pub Seller);

impl fmt::Display for SellerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Seller::Platform => f.write_str(PLATFORM),
            Seller::Partner(id) => id.fmt(f),
        }
    }
}

impl FromStr for SellerText {
    type Err = InvalidParty;

    fn from_str(text: &str) -> Result<Self, InvalidParty> {
        if text.eq_ignore_ascii_case(PLATFORM) {
            return Ok(Self(Seller::Platform));
        }
        let id = text.parse().map_err(|_: InvalidGuid| InvalidParty::Seller)?;
        Ok(Self(Seller::Partner(id)))
    }
}

/// A buyer as queries and ids of lines spell it: `partner:` or `subscription:` and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BuyerText(pub Buyer);

impl fmt::Display for BuyerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Buyer::Partner(id) => write!(f, "{PARTNER}:{id}"),
            Buyer::Subscription(id) => write!(f, "{SUBSCRIPTION}:{id}"),
        }
    }
}

impl FromStr for BuyerText {
    type Err = InvalidParty;

    fn from_str(text: &str) -> Result<Self, InvalidParty> {
        let no_buyer = |_: InvalidGuid| InvalidParty::Buyer;
        let (kind, id) = text.split_once(':').ok_or(InvalidParty::Buyer)?;
        if kind.eq_ignore_ascii_case(PARTNER) {
            Ok(Self(Buyer::Partner(id.parse().map_err(no_buyer)?)))
        } else if kind.eq_ignore_ascii_case(SUBSCRIPTION) {
            Ok(Self(Buyer::Subscription(id.parse().map_err(no_buyer)?)))
        } else {
            Err(InvalidParty::Buyer)
        }
    }
}

/// An account as ids of lines spell it: seller, buyer and currency, with dots between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountText(pub Account);

impl fmt::Display for AccountText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Account {
            seller,
            buyer,
            currency,
        } = self.0;
        write!(f, "{}.{}.{currency}", SellerText(seller), BuyerText(buyer))
    }
}

impl FromStr for AccountText {
    type Err = InvalidParty;

    fn from_str(text: &str) -> Result<Self, InvalidParty> {
        let mut parts = text.split('.');
        let (Some(seller), Some(buyer), Some(currency), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidParty::Account);
        };
        Ok(Self(Account {
            seller: seller.parse::<SellerText>()?.0,
            buyer: buyer.parse::<BuyerText>()?.0,
            currency: currency.parse().map_err(|_| InvalidParty::Account)?,
        }))
    }
}
