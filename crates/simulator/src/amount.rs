//! Exact amounts and the decimal texts in which a stack writes them.

use domain::quantity::{InvalidQuantity, Quantity};

/// Significant digits of an amount that does not come out even, as stacks write them.
const DIGITS: u32 = 17;
/// Below this power of ten an amount is written with an exponent.
const PLAIN_EXPONENT_MIN: i32 = -4;

/// `coefficient / 10^scale`, more than nothing. Trailing zeros are kept: they are part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount {
    coefficient: u64,
    scale: u32,
}

impl Amount {
    /// A whole number, written `4.0`.
    pub(crate) const fn whole(number: u32) -> Self {
        Self {
            coefficient: number as u64,
            scale: 0,
        }
    }

    /// A fraction to 17 significant digits, rounded half up, without trailing zeros. Neither part may be 0, and the
    /// fraction lies between 10^-20 and 10^16.
    pub(crate) fn fraction(numerator: u64, denominator: u64) -> Self {
        // The fraction lies within a factor of 10 of 10^(difference of the logarithms): this makes 16 or 17 digits.
        let scale = (DIGITS - 1 + denominator.ilog10()).saturating_sub(numerator.ilog10());
        let mut amount = Self {
            coefficient: rounded(numerator, denominator, scale),
            scale,
        };
        if amount.coefficient < 10u64.pow(DIGITS - 1) {
            amount = Self {
                coefficient: rounded(numerator, denominator, scale + 1),
                scale: scale + 1,
            };
        }
        while amount.scale > 0 && amount.coefficient.is_multiple_of(10) {
            amount.coefficient /= 10;
            amount.scale -= 1;
        }
        amount
    }

    /// A fraction to exactly so many decimal places: `2.4000000000`.
    pub(crate) fn with_places(numerator: u64, denominator: u64, places: u32) -> Self {
        Self {
            coefficient: rounded(numerator, denominator, places).max(1),
            scale: places,
        }
    }

    /// So many hundredths of it, up to 150.
    pub(crate) const fn percent(self, hundredths: u8) -> Self {
        // At most 17 digits times 150 fit.
        Self {
            coefficient: self.coefficient * hundredths as u64,
            scale: self.scale + 2,
        }
    }

    /// The number itself.
    pub(crate) fn quantity(self) -> Result<Quantity, InvalidQuantity> {
        let scale = u8::try_from(self.scale).map_err(|_| InvalidQuantity::OutOfRange)?;
        Quantity::new(u128::from(self.coefficient), scale)
    }

    /// Writes it as stacks do: `1.0`, `16.461425899527967`, `6.36465847492218e-06`.
    pub(crate) fn write(self, out: &mut String) {
        let mut buffer = [b'0'; 20];
        let mut first = buffer.len();
        let mut rest = self.coefficient;
        while rest > 0 {
            first -= 1;
            // A single digit always fits.
            buffer[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let digits = str::from_utf8(&buffer[first..]).unwrap_or("0");
        let point = digits.len() as i32 - self.scale as i32;
        if point <= PLAIN_EXPONENT_MIN {
            write_with_exponent(out, digits, point - 1);
        } else if point <= 0 {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', point.unsigned_abs() as usize));
            out.push_str(digits);
        } else {
            let (whole, fraction) = digits.split_at(point.unsigned_abs() as usize);
            out.push_str(whole);
            out.push('.');
            out.push_str(if fraction.is_empty() { "0" } else { fraction });
        }
    }
}

/// `numerator / denominator * 10^places`, rounded half up.
fn rounded(numerator: u64, denominator: u64, places: u32) -> u64 {
    let denominator = u128::from(denominator);
    let scaled = u128::from(numerator) * 10u128.pow(places) + denominator / 2;
    u64::try_from(scaled / denominator).unwrap_or(u64::MAX)
}

fn write_with_exponent(out: &mut String, digits: &str, exponent: i32) {
    let (first, rest) = digits.split_at(1);
    out.push_str(first);
    if !rest.is_empty() {
        out.push('.');
        out.push_str(rest);
    }
    out.push_str(&format!("e-{:02}", exponent.unsigned_abs()));
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn text(amount: Amount) -> String {
        let mut out = String::new();
        amount.write(&mut out);
        out
    }

    #[test]
    fn amounts_are_written_as_stacks_write_them() {
        for (amount, written) in [
            (Amount::whole(1), "1.0"),
            (Amount::whole(16), "16.0"),
            (Amount::fraction(1, 744), "0.0013440860215053763"),
            (Amount::fraction(200_703, GIB), "0.00018691923469305038"),
            (Amount::fraction(200_704, GIB), "0.000186920166015625"),
            (Amount::fraction(6834, GIB), "6.3646584749221802e-06"),
            (Amount::fraction(90, GIB), "8.3819031715393066e-08"),
            (Amount::fraction(17_675_321_345, GIB), "16.461425782181323"),
            (Amount::fraction(1, 10_000), "0.0001"),
            (Amount::fraction(1, 100_000), "1e-05"),
            (Amount::fraction(123_000, 10_000), "12.3"),
            (Amount::fraction(GIB << 14, GIB), "16384.0"),
            (Amount::with_places(12, 5, 10), "2.4000000000"),
            (Amount::with_places(12, 5, 10).percent(50), "1.200000000000"),
            (Amount::whole(1).percent(7), "0.07"),
        ] {
            assert_eq!(text(amount), written);
        }
    }

    #[test]
    fn the_text_and_the_quantity_are_the_same_number() {
        for numerator in [1, 7, 90, 6834, 999_999_999_999_999, 1 << 49] {
            for denominator in [1, 3, 744, 10_000, GIB, GIB * 744] {
                for percent in [1, 33, 99, 101, 150] {
                    let amount = Amount::fraction(numerator, denominator);
                    assert_eq!(text(amount).parse(), amount.quantity(), "{amount:?}");
                    let part = amount.percent(percent);
                    assert_eq!(text(part).parse(), part.quantity(), "{part:?}");
                    assert_ne!(part.quantity(), amount.quantity());
                }
            }
        }
    }
}
