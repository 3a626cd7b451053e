//! Billing periods, and what else bills are reckoned by: terms, cores and exchange rates.

use domain::books;
use domain::chain::{Buyer, Seller};
use domain::ids::ObjectId;
use domain::invoice::AccountNames;
use domain::money::{Currency, Money};
use domain::quantity::{InvalidQuantity, Quantity, Rational};
use domain::terms;
use domain::time::{Hour, HourInterval, Period};
use domain::timeline::Recorded;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::prices::unit_price;
use super::sales::{BillBuyer, BillSeller, NamedBuyer};
use super::{InvalidMember, member, optional, shortened};

/// How far a billing period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PeriodState {
    /// Its bills are still made.
    Open,
    /// Everything that its invoices are made from is fixed, and they are being issued.
    Closing,
    /// Its invoices were issued.
    Closed,
}

/// That a period may be closed without the rest of what a stack used in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeriodWaiver {
    /// Why.
    pub reason: String,
    /// When somebody said so.
    pub waived_at: String,
    /// Who said so.
    pub waived_by: String,
}

impl From<&books::Waiver> for PeriodWaiver {
    fn from(waiver: &books::Waiver) -> Self {
        Self {
            reason: waiver.reason.clone(),
            waived_at: waiver.recorded.at.to_string(),
            waived_by: waiver.recorded.by.to_string(),
        }
    }
}

/// A stack that has not said yet that it has reported everything of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingStack {
    /// The stack.
    pub cloud_id: String,
    /// The name of its registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_name: Option<String>,
    /// How far it says that it has reported everything; absent if it never said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_through: Option<String>,
    /// How far it has to: to the end of the period, or of its registration.
    pub expected: String,
    /// Why the period may be closed without the rest, if somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<PeriodWaiver>,
}

/// A billing period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BillingPeriod {
    /// The calendar month.
    pub period: String,
    /// How far it is.
    pub state: PeriodState,
    /// Of a closed one: the BLAKE3 digest over the digests of all its invoices, in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Of a closed one: how many invoices were issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoices: Option<u64>,
    /// Of a closed one: when that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<String>,
    /// Of a closed one: who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<String>,
    /// Of an open one: the stacks whose usage it waits for, those among them that were waived. In a list of periods it is
    /// left out; ask for the period.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<WaitingStack>,
}

/// Lets a period be closed without the rest of what a stack used in it. What comes later becomes corrections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaiveStack {
    /// The stack.
    pub stack: String,
    /// Why: 1 to 500 characters.
    pub reason: String,
}

impl WaiveStack {
    /// The stack.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn cloud_id(&self) -> Result<domain::ids::CloudId, InvalidMember> {
        member("stack", &self.stack)
    }
}

/// How a period is closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClosePeriod {
    /// That it is the first one that is ever closed: the months before it are never invoiced.
    #[serde(default)]
    pub first: bool,
}

/// An amount in a currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Amount {
    /// How much, to the currency's minor unit at the most.
    pub amount: String,
    /// The currency, as in ISO 4217.
    pub currency: String,
}

impl From<Money> for Amount {
    fn from(money: Money) -> Self {
        Self {
            amount: money.to_string(),
            currency: money.currency().to_string(),
        }
    }
}

impl Amount {
    pub(super) fn into_domain(self, target: &str) -> Result<Money, InvalidMember> {
        let currency: Currency = member(&format!("{target}.currency"), &self.currency)?;
        let at = format!("{target}.amount");
        if self.amount.parse::<Quantity>() == Err(InvalidQuantity::Negative) {
            let message = format!(
                "expected an amount of zero or more; got '{}'",
                shortened(&self.amount)
            );
            return Err(InvalidMember::new(at, message));
        }
        let amount: Quantity = member(&at, &self.amount)?;
        let scale = Rational::from_integer(10u32.pow(u32::from(currency.minor_digits())).into());
        let minor_units = amount.to_rational() * scale;
        let minor_units = Some(minor_units).filter(Rational::is_integer);
        let minor_units = minor_units.and_then(|units| i128::try_from(units.to_integer()).ok());
        let minor_units = minor_units.ok_or_else(|| {
            let message = format!(
                "expected an amount with at most {} decimal places; got '{}'",
                currency.minor_digits(),
                shortened(&self.amount)
            );
            InvalidMember::new(at, message)
        })?;
        Ok(Money::from_minor_units(minor_units, currency))
    }
}

/// A tax that is added to what is charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TermsTax {
    /// Its rate in percent, such as 25: at most 100.
    pub percent: String,
    /// What it is called, such as `VAT`.
    pub label: String,
}

/// What a stack that pays by capacity costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TermsCapacityFee {
    /// What one core costs in a year. It is charged by days.
    pub per_core_and_year: String,
    /// The currency, as in ISO 4217.
    pub currency: String,
}

/// What a seller and a buyer, or all its buyers, agreed on beside prices. What is absent is not agreed on with this buyer,
/// and what holds for all buyers does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TermsOfSale {
    /// What is charged at least in each period, before credit and tax. Of one buyer only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_commitment: Option<Amount>,
    /// What is not charged in each period, as far as there is something to charge. Of one buyer only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<Amount>,
    /// The tax that is added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<TermsTax>,
    /// What stacks that pay by capacity cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_fee: Option<TermsCapacityFee>,
}

impl TermsOfSale {
    fn into_domain(self) -> Result<terms::Terms, InvalidMember> {
        let amount = |target: &str, amount: Option<Amount>| {
            let amount = amount.map(|amount| amount.into_domain(&format!("terms.{target}")));
            amount.transpose()
        };
        let tax = self.tax.map(|tax| {
            Ok(terms::Tax {
                percent: member("terms.tax.percent", &tax.percent)?,
                label: tax.label,
            })
        });
        let fee = self.capacity_fee.map(|fee| {
            Ok(terms::CapacityFee {
                per_core_and_year: unit_price("terms.capacityFee.perCoreAndYear", &fee.per_core_and_year)?,
                currency: member("terms.capacityFee.currency", &fee.currency)?,
            })
        });
        Ok(terms::Terms {
            minimum_commitment: amount("minimumCommitment", self.minimum_commitment)?,
            credit: amount("credit", self.credit)?,
            tax: tax.transpose()?,
            capacity_fee: fee.transpose()?,
        })
    }
}

impl From<&terms::Terms> for TermsOfSale {
    fn from(terms: &terms::Terms) -> Self {
        Self {
            minimum_commitment: terms.minimum_commitment.map(Amount::from),
            credit: terms.credit.map(Amount::from),
            tax: terms.tax.as_ref().map(|tax| TermsTax {
                percent: tax.percent.to_string(),
                label: tax.label.clone(),
            }),
            capacity_fee: terms.capacity_fee.map(|fee| TermsCapacityFee {
                per_core_and_year: fee.per_core_and_year.to_string(),
                currency: fee.currency.to_string(),
            }),
        }
    }
}

/// Terms to be set, from a period on: all of them. Those that were set for that period before are replaced; of closed
/// periods, what changes becomes corrections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetTerms {
    /// The partner that sells; without one, the platform does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<String>,
    /// Who buys; without one, all who buy from the seller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer: Option<NamedBuyer>,
    /// The first calendar month that they hold for.
    pub from: String,
    /// The terms.
    pub terms: TermsOfSale,
}

impl SetTerms {
    /// Who sells, who buys, the terms, and from which period they hold.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn into_domain(self) -> Result<(Seller, Option<Buyer>, terms::Terms, Period), InvalidMember> {
        let seller = optional("seller", self.seller.as_deref())?;
        let seller = seller.map_or(Seller::Platform, Seller::Partner);
        let buyer = self.buyer.map(|buyer| buyer.into_domain("buyer")).transpose()?;
        Ok((
            seller,
            buyer,
            self.terms.into_domain()?,
            member("from", &self.from)?,
        ))
    }
}

/// Terms, and whose they are. They hold until the next period from which others do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgreedTerms {
    /// Who sells.
    pub seller: BillSeller,
    /// Who buys; absent for all who buy from the seller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer: Option<BillBuyer>,
    /// The first calendar month that they hold for.
    pub from: String,
    /// The terms.
    pub terms: TermsOfSale,
    /// When they were set.
    pub set_at: String,
    /// Who set them, for those who act for the seller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_by: Option<String>,
}

impl AgreedTerms {
    /// Terms of a seller for a buyer, with the names of both, and who set them, for those who may know.
    #[must_use]
    pub fn of(
        (seller, buyer): (Seller, Option<Buyer>),
        from: Period,
        version: &books::TermsVersion,
        set_by: Option<ObjectId>,
        names: &AccountNames,
    ) -> Self {
        Self {
            seller: BillSeller::of(seller, names.seller.clone()),
            buyer: buyer.map(|buyer| BillBuyer::of(buyer, names)),
            from: from.to_string(),
            terms: TermsOfSale::from(&version.terms),
            set_at: version.recorded.at.to_string(),
            set_by: set_by.map(|by| by.to_string()),
        }
    }
}

/// How many cores a stack has in some hours, whatever its registration token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StateCores {
    /// Its cores; left out to go by the registration token again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
    /// The first hour.
    pub from: String,
    /// The hour after the last; without one, all hours from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl StateCores {
    /// The hours.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn hours(&self) -> Result<HourInterval, InvalidMember> {
        let from: Hour = member("from", &self.from)?;
        let to = optional("to", self.to.as_deref())?.unwrap_or(Hour::MAX);
        HourInterval::new(from, to)
            .ok_or_else(|| InvalidMember::new("to", "expected an hour after that of 'from'"))
    }
}

/// How many cores a stack has, as somebody stated it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatedCores {
    /// The stack.
    pub cloud_id: String,
    /// Its cores; absent where its registration token counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
    /// The first hour.
    pub from: String,
    /// The hour after the last; absent for all hours from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl StatedCores {
    /// The cores of a stack in some hours.
    #[must_use]
    pub fn of(stack: domain::ids::CloudId, cores: Option<u32>, hours: HourInterval) -> Self {
        let to = Some(hours.end()).filter(|end| *end != Hour::MAX);
        Self {
            cloud_id: stack.to_string(),
            cores,
            from: hours.start().to_string(),
            to: to.map(|end| end.to_string()),
        }
    }
}

/// What one unit of a currency is in another, from an hour on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetExchangeRate {
    /// The one, as in ISO 4217.
    pub from: String,
    /// The other.
    pub to: String,
    /// How many major units of the other one major unit of the one is.
    pub rate: String,
    /// The first hour.
    pub since: String,
}

impl SetExchangeRate {
    /// The one currency, the other, the rate, and since when.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn into_domain(self) -> Result<(Currency, Currency, Quantity, Hour), InvalidMember> {
        Ok((
            member("from", &self.from)?,
            member("to", &self.to)?,
            member("rate", &self.rate)?,
            member("since", &self.since)?,
        ))
    }
}

/// What one unit of a currency is in another, from an hour until the next one from which it is something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeRate {
    /// The one.
    pub from: String,
    /// The other.
    pub to: String,
    /// How many major units of the other one major unit of the one is.
    pub rate: String,
    /// The first hour.
    pub since: String,
    /// When it was set.
    pub set_at: String,
    /// Who set it.
    pub set_by: String,
}

impl ExchangeRate {
    /// The rate of two currencies.
    #[must_use]
    pub fn of(from: Currency, to: Currency, rate: &books::ExchangeRate) -> Self {
        let Recorded { at, by, .. } = rate.recorded;
        Self {
            from: from.to_string(),
            to: to.to_string(),
            rate: rate.rate.to_string(),
            since: rate.since.to_string(),
            set_at: at.to_string(),
            set_by: by.to_string(),
        }
    }
}
