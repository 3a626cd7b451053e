//! Money: whole minor units of one currency, and the only place where anything is rounded to them.

use std::fmt;
use std::str::FromStr;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::ToPrimitive;

/// Why an amount cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a currency in use.
    #[error("expected a currency code of ISO 4217 in capitals, such as USD")]
    UnknownCurrency,
    /// Two currencies in one operation. Conversion takes an explicit, dated rate.
    #[error("amounts in {0} and {1} cannot be added")]
    MixedCurrencies(Currency, Currency),
    /// More minor units than 38 digits hold.
    #[error("the amount is too large")]
    Overflow,
}

/// A currency of ISO 4217, with the digits of its minor unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: [u8; 3],
    minor_digits: u8,
}

/// The active codes of ISO 4217 with no minor unit, with two digits and with three.
const CODES: [(u8, &str); 3] = [
    (
        0,
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    ),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY \
         COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR \
         ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK \
         MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP \
         SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER \
         ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
];

impl Currency {
    /// No currency, by the code that ISO 4217 has for that: of a statement without prices. No price list can have it.
    pub const NONE: Self = Self {
        code: *b"XXX",
        minor_digits: 0,
    };

    /// The United States dollar.
    pub const USD: Self = Self {
        code: *b"USD",
        minor_digits: 2,
    };

    /// How many decimal digits the minor unit has: 0, 2 or 3.
    #[must_use]
    pub const fn minor_digits(self) -> u8 {
        self.minor_digits
    }

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        // Only ever built from ASCII letters.
        std::str::from_utf8(&self.code).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let code: [u8; 3] = text
            .as_bytes()
            .try_into()
            .map_err(|_| MoneyError::UnknownCurrency)?;
        CODES
            .iter()
            .find(|(_, codes)| codes.split_ascii_whitespace().any(|known| known == text))
            .map(|(minor_digits, _)| Self {
                code,
                minor_digits: *minor_digits,
            })
            .ok_or(MoneyError::UnknownCurrency)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in whole minor units of its currency. Prints as the amount alone: `12.30`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor_units: i128,
    currency: Currency,
}

impl Money {
    /// Nothing, in this currency.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self {
            minor_units: 0,
            currency,
        }
    }

    /// This many minor units (cents, for USD).
    #[must_use]
    pub const fn from_minor_units(minor_units: i128, currency: Currency) -> Self {
        Self {
            minor_units,
            currency,
        }
    }

    /// The amount in minor units.
    #[must_use]
    pub const fn minor_units(self) -> i128 {
        self.minor_units
    }

    /// How much of the currency's major unit it is.
    #[must_use]
    pub fn to_rational(self) -> BigRational {
        let scale = BigInt::from(10u8).pow(u32::from(self.currency.minor_digits));
        BigRational::new(self.minor_units.into(), scale)
    }

    /// The amount's currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum of both.
    ///
    /// # Errors
    /// [`MoneyError::MixedCurrencies`] or [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::MixedCurrencies(self.currency, other.currency));
        }
        let minor_units = self
            .minor_units
            .checked_add(other.minor_units)
            .ok_or(MoneyError::Overflow)?;
        Ok(Self {
            minor_units,
            currency: self.currency,
        })
    }

    /// The sum of many; nothing, in this currency, of none.
    ///
    /// # Errors
    /// As [`Money::checked_add`].
    pub fn checked_sum(
        currency: Currency,
        amounts: impl IntoIterator<Item = Self>,
    ) -> Result<Self, MoneyError> {
        amounts
            .into_iter()
            .try_fold(Self::zero(currency), Self::checked_add)
    }

    /// Splits the amount in proportion to the weights, by largest remainder: each share is the exact one rounded
    /// down or up to a minor unit, and the shares sum to the amount. Of equal remainders the earlier is rounded
    /// first. Weights that sum to zero leave all of the amount with the first.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] if a share cannot be kept, which needs weights of both signs.
    pub fn split(self, weights: &[BigRational]) -> Result<Vec<Self>, MoneyError> {
        let whole: BigRational = weights.iter().sum();
        let zero = BigRational::from_integer(0.into());
        if whole == zero {
            let shares = weights.iter().enumerate();
            return Ok(shares
                .map(|(index, _)| {
                    if index == 0 {
                        self
                    } else {
                        Self::zero(self.currency)
                    }
                })
                .collect());
        }
        let amount = BigRational::from_integer(self.minor_units.into());
        let mut shares = Vec::with_capacity(weights.len());
        let mut remainders = Vec::with_capacity(weights.len());
        let mut left = BigInt::from(self.minor_units);
        for (index, weight) in weights.iter().enumerate() {
            let exact = &amount * weight / &whole;
            let floor = exact.floor();
            remainders.push((&exact - &floor, index));
            let share = floor.to_integer();
            left -= &share;
            shares.push(share);
        }
        remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        // The remainders sum to what is left, and each is below one: there is at most one unit for each share.
        for (_, index) in remainders.iter().take(left.to_usize().unwrap_or(0)) {
            shares[*index] += 1;
        }
        let currency = self.currency;
        shares
            .into_iter()
            .map(|share| share.to_i128().ok_or(MoneyError::Overflow))
            .map(|units| {
                Ok(Self {
                    minor_units: units?,
                    currency,
                })
            })
            .collect()
    }
}

/// Rounds an exact amount of the currency's major unit to its minor unit, half away from zero. Nothing else in this
/// project rounds to money.
///
/// # Errors
/// [`MoneyError::Overflow`] if it is more than can be kept.
pub fn round(amount: &BigRational, currency: Currency) -> Result<Money, MoneyError> {
    let scale = BigInt::from(10u8).pow(u32::from(currency.minor_digits));
    // `Ratio::round` rounds half away from zero.
    let minor_units = (amount * scale)
        .round()
        .to_integer()
        .to_i128()
        .ok_or(MoneyError::Overflow)?;
    Ok(Money {
        minor_units,
        currency,
    })
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor_units < 0 { "-" } else { "" };
        let digits = usize::from(self.currency.minor_digits);
        let units = self.minor_units.unsigned_abs();
        if digits == 0 {
            return f.pad(&format!("{sign}{units}"));
        }
        let scale = 10u128.pow(u32::from(self.currency.minor_digits));
        f.pad(&format!("{sign}{}.{:0digits$}", units / scale, units % scale))
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} {}", self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ratio(numerator: impl Into<BigInt>, denominator: i64) -> BigRational {
        BigRational::new(numerator.into(), denominator.into())
    }

    #[test]
    fn halves_are_rounded_away_from_zero_to_the_minor_unit_of_the_currency() {
        for (numerator, denominator, currency, shown) in [
            (5, 1000, "USD", "0.01"),
            (-5, 1000, "USD", "-0.01"),
            (4999, 1_000_000, "USD", "0.00"),
            (12_345, 1000, "EUR", "12.35"),
            (5, 10, "JPY", "1"),
            (5, 10_000, "KWD", "0.001"),
            (-1, 3, "USD", "-0.33"),
        ] {
            let money = round(&ratio(numerator, denominator), currency.parse().unwrap()).unwrap();
            assert_eq!(money.to_string(), shown, "{numerator}/{denominator} {currency}");
        }
        let huge = BigRational::from_integer(i128::MAX.into());
        assert_eq!(round(&huge, Currency::USD), Err(MoneyError::Overflow));
    }

    #[test]
    fn the_largest_quantity_that_is_kept_has_an_amount_so_that_it_stops_no_bill() {
        let quantity: crate::quantity::Quantity = "9999999999999999999999999999".parse().unwrap();
        let price = ratio(46, 1000);
        let amount = round(&(quantity.to_rational() * price), Currency::USD).unwrap();
        assert_eq!(amount.to_string(), "459999999999999999999999999.95");
    }

    #[test]
    fn only_currencies_in_use_are_known() {
        assert_eq!("USD".parse::<Currency>().unwrap(), Currency::USD);
        for text in ["usd", "US", "USDX", "XXX", "DEM", "", " "] {
            assert_eq!(
                text.parse::<Currency>(),
                Err(MoneyError::UnknownCurrency),
                "{text}"
            );
        }
    }

    #[test]
    fn amounts_in_two_currencies_are_never_added() {
        let euro = Money::zero("EUR".parse().unwrap());
        assert!(matches!(
            euro.checked_add(Money::zero(Currency::USD)),
            Err(MoneyError::MixedCurrencies(..))
        ));
    }

    #[test]
    fn a_cent_that_cannot_be_divided_goes_to_the_largest_remainder() {
        let split = |units, weights: &[BigRational]| -> Vec<i128> {
            let shares = Money::from_minor_units(units, Currency::USD)
                .split(weights)
                .unwrap();
            shares.into_iter().map(Money::minor_units).collect()
        };
        assert_eq!(split(100, &[ratio(1, 3), ratio(1, 3), ratio(1, 3)]), [34, 33, 33]);
        assert_eq!(split(1, &[ratio(1, 10), ratio(8, 10), ratio(1, 10)]), [0, 1, 0]);
        assert_eq!(
            split(-100, &[ratio(1, 3), ratio(1, 3), ratio(1, 3)]),
            [-33, -33, -34]
        );
        assert_eq!(split(7, &[ratio(0, 1), ratio(0, 1)]), [7, 0]);
        assert_eq!(split(7, &[]), [0i128; 0]);
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_amount_and_are_within_a_unit_of_the_exact_ones(
            units in -1_000_000i64..1_000_000, weights in prop::collection::vec(0i64..1000, 1..20),
        ) {
            let amount = Money::from_minor_units(i128::from(units), Currency::USD);
            let weights: Vec<BigRational> = weights.into_iter().map(|weight| ratio(weight, 7)).collect();
            let whole: BigRational = weights.iter().sum();
            let shares = amount.split(&weights).unwrap();
            prop_assert_eq!(Money::checked_sum(Currency::USD, shares.iter().copied()).unwrap(), amount);
            if whole > ratio(0, 1) {
                for (share, weight) in shares.iter().zip(&weights) {
                    let exact = ratio(units, 1) * weight / &whole;
                    let error = ratio(share.minor_units(), 1) - exact;
                    prop_assert!(error > ratio(-1, 1) && error < ratio(1, 1));
                }
            }
        }
    }
}
