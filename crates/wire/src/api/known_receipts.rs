//! Receipts that a deliverer relies on, in a header of the delivery.

use std::fmt;
use std::str::FromStr;

/// The header that names them.
pub const KNOWN_RECEIPTS: &str = "x-meterbridge-known-receipts";
/// The most receipts that a delivery may name.
pub const KNOWN_RECEIPTS_MAX: usize = 16;

/// A receipt by its number among the stack's, and its chain value. As text it is both with a colon between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownReceipt {
    /// Its number, from 1.
    pub sequence: u64,
    /// BLAKE3 over the stack's receipts up to it.
    pub chain: [u8; 32],
}

/// Receipts that a deliverer relies on. As text they have commas between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownReceipts(pub Vec<KnownReceipt>);

/// A text that names no receipts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected 1 to {KNOWN_RECEIPTS_MAX} receipts with commas between them, each its number, a colon and its chain value of 64 \
     hexadecimal digits, as the answers to deliveries have them"
)]
pub struct InvalidKnownReceipts;

impl fmt::Display for KnownReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.sequence)?;
        self.chain.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for KnownReceipts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, receipt) in self.0.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { "," })?;
            receipt.fmt(f)?;
        }
        Ok(())
    }
}

impl FromStr for KnownReceipt {
    type Err = InvalidKnownReceipts;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (sequence, digits) = text.split_once(':').ok_or(InvalidKnownReceipts)?;
        let mut chain = [0; 32];
        let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if digits.len() != 2 * chain.len() || !is_hexadecimal {
            return Err(InvalidKnownReceipts);
        }
        for (place, byte) in chain.iter_mut().enumerate() {
            let pair = digits.get(2 * place..2 * place + 2);
            let value = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
            *byte = value.ok_or(InvalidKnownReceipts)?;
        }
        let sequence = sequence.parse().ok().filter(|sequence| *sequence > 0);
        Ok(Self {
            sequence: sequence.ok_or(InvalidKnownReceipts)?,
            chain,
        })
    }
}

impl FromStr for KnownReceipts {
    type Err = InvalidKnownReceipts;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let receipts = text.split(',').map(|receipt| receipt.trim().parse());
        let receipts: Vec<KnownReceipt> = receipts.take(KNOWN_RECEIPTS_MAX + 1).collect::<Result<_, _>>()?;
        if receipts.len() > KNOWN_RECEIPTS_MAX {
            return Err(InvalidKnownReceipts);
        }
        Ok(Self(receipts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(sequence: u64) -> KnownReceipt {
        let mut chain = [0xa0; 32];
        chain[31] = 7;
        KnownReceipt { sequence, chain }
    }

    #[test]
    fn known_receipts_read_back_as_they_were_written() {
        for many in 1..=KNOWN_RECEIPTS_MAX as u64 {
            let receipts = KnownReceipts((1..=many).map(receipt).collect());
            assert_eq!(receipts.to_string().parse(), Ok(receipts));
        }
    }

    #[test]
    fn what_names_no_receipts_is_refused() {
        let one = receipt(3).to_string();
        let many = vec![one.as_str(); KNOWN_RECEIPTS_MAX + 1].join(",");
        let short = &one[..one.len() - 1];
        let signed = format!("3:+{}", &one[3..]);
        let none = one.replacen('3', "0", 1);
        for wrong in [
            "",
            "3",
            ",",
            short,
            &signed,
            &none,
            &many,
            &format!("{one},"),
            "x:ü",
        ] {
            assert_eq!(
                wrong.parse::<KnownReceipts>(),
                Err(InvalidKnownReceipts),
                "{wrong}"
            );
        }
    }
}
