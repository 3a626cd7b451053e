//! Terms of sale: what a seller and a buyer agreed on beside prices.

use num_rational::BigRational;

use crate::catalog::UnitPrice;
use crate::money::{Currency, Money};
use crate::quantity::Quantity;

/// A tax that is added to what is charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tax {
    /// Its rate in percent, such as 25.
    pub percent: Quantity,
    /// What it is called, such as `VAT`.
    pub label: String,
}

impl Tax {
    /// The rate as a fraction: 1/4 for 25 percent.
    #[must_use]
    pub fn rate(&self) -> BigRational {
        self.percent.to_rational() / BigRational::from_integer(100.into())
    }
}

/// What a stack that pays by capacity costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapacityFee {
    /// What one core costs in a year, in the major unit of the currency. It is charged by days: of a year with 365 days
    /// each takes its 365th part.
    pub per_core_and_year: UnitPrice,
    /// The currency. Accounts in other currencies are not charged by it.
    pub currency: Currency,
}

/// What holds between a seller and a buyer in a month. Members that are absent are not agreed on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// What is charged at least in each period, before credit and tax: what usage and fees fall short of it is a line of
    /// its own. It holds for the account in its currency.
    pub minimum_commitment: Option<Money>,
    /// What is not charged in each period, as far as there is something to charge. What is left of it is gone. It holds
    /// for the account in its currency.
    pub credit: Option<Money>,
    /// The tax that is added.
    pub tax: Option<Tax>,
    /// What stacks that pay by capacity cost.
    pub capacity_fee: Option<CapacityFee>,
}

impl Terms {
    /// These terms, with those of another where they say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            minimum_commitment: self.minimum_commitment.or(other.minimum_commitment),
            credit: self.credit.or(other.credit),
            tax: self.tax.or(other.tax),
            capacity_fee: self.capacity_fee.or(other.capacity_fee),
        }
    }
}

/// Terms that nobody can be held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTerms {
    /// Less than nothing to be charged, or to be given.
    #[error("{0} is below zero; expected an amount of at least 0")]
    Negative(&'static str),
    /// More tax than the amount itself.
    #[error("a tax of {0} percent; expected at most {TAX_PERCENT_MAX}")]
    TaxTooHigh(Quantity),
    /// A tax without a name, or with one that fills the page.
    #[error("the name of a tax has 1 to {TAX_LABEL_CHARS_MAX} characters, such as VAT")]
    TaxLabel,
    /// Commitment or credit for everybody at once.
    #[error(
        "a minimum commitment or a credit is agreed on with one buyer: name it. Terms for all buyers are tax and \
         capacityFee"
    )]
    WithNobody,
}

/// The most a tax may be, in percent.
pub const TAX_PERCENT_MAX: u8 = 100;
/// The most characters the name of a tax may have.
pub const TAX_LABEL_CHARS_MAX: usize = 64;

impl InvalidTerms {
    /// The stable code.
    pub const CODE: &'static str = "InvalidTerms";
}

impl Terms {
    /// Whether they can hold: for one buyer, or for all buyers of a seller.
    ///
    /// # Errors
    /// [`InvalidTerms`].
    pub fn check(&self, for_one_buyer: bool) -> Result<(), InvalidTerms> {
        for (what, amount) in [
            ("the minimum commitment", self.minimum_commitment),
            ("the credit", self.credit),
        ] {
            if amount.is_some_and(|amount| amount.minor_units() < 0) {
                return Err(InvalidTerms::Negative(what));
            }
        }
        if let Some(tax) = &self.tax {
            let max = BigRational::from_integer(TAX_PERCENT_MAX.into());
            if tax.percent.to_rational() > max {
                return Err(InvalidTerms::TaxTooHigh(tax.percent));
            }
            if !(1..=TAX_LABEL_CHARS_MAX).contains(&tax.label.chars().count()) || tax.label.trim().is_empty()
            {
                return Err(InvalidTerms::TaxLabel);
            }
        }
        if !for_one_buyer && (self.minimum_commitment.is_some() || self.credit.is_some()) {
            return Err(InvalidTerms::WithNobody);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(minor_units: i128) -> Option<Money> {
        Some(Money::from_minor_units(minor_units, Currency::USD))
    }

    fn tax(percent: &str, label: &str) -> Terms {
        Terms {
            tax: Some(Tax {
                percent: percent.parse().unwrap(),
                label: label.to_owned(),
            }),
            ..Terms::default()
        }
    }

    #[test]
    fn terms_that_would_charge_nonsense_are_refused() {
        let committed = |units| Terms {
            minimum_commitment: usd(units),
            ..Terms::default()
        };
        let credit = |units| Terms {
            credit: usd(units),
            ..Terms::default()
        };
        let negative = |what| Err(InvalidTerms::Negative(what));
        for (terms, for_one_buyer, expected) in [
            (Terms::default(), false, Ok(())),
            (committed(0), true, Ok(())),
            (committed(-1), true, negative("the minimum commitment")),
            (committed(1), false, Err(InvalidTerms::WithNobody)),
            (credit(1), true, Ok(())),
            (credit(-1), true, negative("the credit")),
            (credit(1), false, Err(InvalidTerms::WithNobody)),
            (tax("25", "VAT"), false, Ok(())),
            (tax("0", "VAT"), true, Ok(())),
            (
                tax("100.1", "VAT"),
                true,
                Err(InvalidTerms::TaxTooHigh("100.1".parse().unwrap())),
            ),
            (tax("25", " "), true, Err(InvalidTerms::TaxLabel)),
            (tax("25", &"x".repeat(65)), true, Err(InvalidTerms::TaxLabel)),
        ] {
            assert_eq!(terms.check(for_one_buyer), expected, "{terms:?}");
        }
    }

    #[test]
    fn a_buyers_own_terms_come_before_those_for_everybody_member_by_member() {
        let own = Terms {
            credit: usd(5),
            ..tax("0", "VAT")
        };
        let fee = CapacityFee {
            per_core_and_year: "144".parse().unwrap(),
            currency: Currency::USD,
        };
        let for_all = Terms {
            capacity_fee: Some(fee),
            ..tax("25", "VAT")
        };
        let both = own.clone().or(for_all);
        assert_eq!(both.tax, own.tax);
        assert_eq!(both.credit, own.credit);
        assert_eq!(both.capacity_fee, Some(fee));
    }
}
