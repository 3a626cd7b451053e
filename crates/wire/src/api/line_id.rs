//! Ids of lines: one text that finds a line of a bill again, whatever else is on it.
//!
//! It says which bill, which period the line is of (of a correction: the one it corrects), and which line among those of
//! that period: `MB-000042.2026-10.usage.{subscription}.{meter}.2026-10-01T00`. There is nothing in it that a segment of a
//! path, a cell of a table or a shell reads as something else. *(ours)*

use std::fmt;
use std::str::FromStr;

use domain::chain::Account;
use domain::ids::InvalidGuid;
use domain::invoice::InvoiceNumber;
use domain::reckoning::LineKey;
use domain::time::{Hour, Period};

use super::sales::AccountText;

const RUNNING: &str = "running";
const USAGE: &str = "usage";
const CAPACITY_FEE: &str = "capacityFee";
const MINIMUM_COMMITMENT: &str = "minimumCommitment";
const CREDIT: &str = "credit";
const TAX: &str = "tax";
const DEVELOPMENT: &str = "development";
/// What an hour ends in that is written without minutes.
const MINUTES: &str = ":00:00Z";

/// A bill that a line is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineOf {
    /// An invoice, by its number as it is written, in upper case. Which number that is, the books know.
    Invoice(String),
    /// What the bill of an open period comes to so far.
    Running {
        /// The open period.
        period: Period,
        /// Who sells to whom, in which currency.
        account: Account,
    },
}

impl From<InvoiceNumber> for LineOf {
    fn from(number: InvoiceNumber) -> Self {
        Self::Invoice(number.to_string())
    }
}

/// Which line it is, of all bills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineId {
    /// The bill.
    pub of: LineOf,
    /// The period that the line is of: an earlier one than the bill's for a correction.
    pub period: Period,
    /// Which of its lines.
    pub key: LineKey,
}

/// A text that is no id of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the id of a line as an invoice or a running bill shows it, such as MB-000042.2026-10.tax")]
pub struct InvalidLineId;

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.of {
            LineOf::Invoice(number) => f.write_str(number)?,
            LineOf::Running { period, account } => {
                write!(f, "{RUNNING}.{period}.{}", AccountText(*account))?;
            }
        }
        write!(f, ".{}.", self.period)?;
        match self.key {
            LineKey::Usage {
                subscription,
                meter,
                since,
            } => {
                write!(f, "{USAGE}.{subscription}.{meter}.")?;
                match since {
                    Some(since) => f.write_str(since.to_string().trim_end_matches(MINUTES)),
                    None => f.write_str(DEVELOPMENT),
                }
            }
            LineKey::CapacityFee { subscription, stack } => {
                write!(f, "{CAPACITY_FEE}.{subscription}.{stack}")
            }
            LineKey::MinimumCommitment => f.write_str(MINIMUM_COMMITMENT),
            LineKey::Credit => f.write_str(CREDIT),
            LineKey::Tax => f.write_str(TAX),
        }
    }
}

impl FromStr for LineId {
    type Err = InvalidLineId;

    fn from_str(text: &str) -> Result<Self, InvalidLineId> {
        let parts: Vec<&str> = text.split('.').collect();
        let (of, rest) = match parts.as_slice() {
            [running, period, seller, buyer, currency, rest @ ..] if *running == RUNNING => {
                let account = format!("{seller}.{buyer}.{currency}");
                let account: AccountText = account.parse().map_err(|_| InvalidLineId)?;
                let of = LineOf::Running {
                    period: period.parse().map_err(|_| InvalidLineId)?,
                    account: account.0,
                };
                (of, rest)
            }
            [number, rest @ ..] => (LineOf::Invoice(invoice_number(number)?), rest),
            [] => return Err(InvalidLineId),
        };
        let [period, key @ ..] = rest else {
            return Err(InvalidLineId);
        };
        Ok(Self {
            of,
            period: period.parse().map_err(|_| InvalidLineId)?,
            key: line_key(key)?,
        })
    }
}

/// The number of an invoice as it is written: letters and digits, a dash, and a sequence.
fn invoice_number(text: &str) -> Result<String, InvalidLineId> {
    let (seller, sequence) = text.split_once('-').ok_or(InvalidLineId)?;
    let is_seller = !seller.is_empty() && seller.chars().all(|c| c.is_ascii_alphanumeric());
    let is_sequence = !sequence.is_empty() && sequence.chars().all(|c| c.is_ascii_digit());
    if is_seller && is_sequence {
        Ok(text.to_ascii_uppercase())
    } else {
        Err(InvalidLineId)
    }
}

fn line_key(parts: &[&str]) -> Result<LineKey, InvalidLineId> {
    let no_guid = |_: InvalidGuid| InvalidLineId;
    Ok(match *parts {
        [USAGE, subscription, meter, since] => LineKey::Usage {
            subscription: subscription.parse().map_err(no_guid)?,
            meter: meter.parse().map_err(no_guid)?,
            since: match since {
                DEVELOPMENT => None,
                hour => Some(hour_of(hour)?),
            },
        },
        [CAPACITY_FEE, subscription, stack] => LineKey::CapacityFee {
            subscription: subscription.parse().map_err(no_guid)?,
            stack: stack.parse().map_err(no_guid)?,
        },
        [MINIMUM_COMMITMENT] => LineKey::MinimumCommitment,
        [CREDIT] => LineKey::Credit,
        [TAX] => LineKey::Tax,
        _ => return Err(InvalidLineId),
    })
}

fn hour_of(text: &str) -> Result<Hour, InvalidLineId> {
    format!("{text}{MINUTES}").parse().map_err(|_| InvalidLineId)
}

#[cfg(test)]
mod tests {
    use domain::chain::{Buyer, Seller};
    use domain::ids::{BillingMeterId, CloudId, PartnerId, SubscriptionId};
    use domain::money::Currency;
    use proptest::prelude::*;

    use super::*;

    fn seller() -> impl Strategy<Value = Seller> {
        prop_oneof![
            Just(Seller::Platform),
            any::<[u8; 16]>().prop_map(|id| Seller::Partner(PartnerId::from_bytes(id))),
        ]
    }

    fn buyer() -> impl Strategy<Value = Buyer> {
        let id = any::<[u8; 16]>();
        prop_oneof![
            id.prop_map(|id| Buyer::Partner(PartnerId::from_bytes(id))),
            any::<[u8; 16]>().prop_map(|id| Buyer::Subscription(SubscriptionId::from_bytes(id))),
        ]
    }

    fn hour() -> impl Strategy<Value = Hour> {
        (0..Hour::MAX.epoch_hours() - 24).prop_map(|hours| Hour::from_epoch_hours(hours).unwrap())
    }

    fn period() -> impl Strategy<Value = Period> {
        hour().prop_map(Hour::period)
    }

    fn of() -> impl Strategy<Value = LineOf> {
        let running = (
            period(),
            seller(),
            buyer(),
            prop::sample::select(vec!["USD", "JPY", "KWD"]),
        );
        prop_oneof![
            (seller(), any::<u64>()).prop_map(|(seller, sequence)| InvoiceNumber { seller, sequence }.into()),
            running.prop_map(|(period, seller, buyer, currency)| LineOf::Running {
                period,
                account: Account {
                    seller,
                    buyer,
                    currency: currency.parse::<Currency>().unwrap(),
                },
            }),
        ]
    }

    fn key() -> impl Strategy<Value = LineKey> {
        let ids = || (any::<[u8; 16]>(), any::<[u8; 16]>());
        prop_oneof![
            (ids(), prop::option::of(hour())).prop_map(|((subscription, meter), since)| LineKey::Usage {
                subscription: SubscriptionId::from_bytes(subscription),
                meter: BillingMeterId::from_bytes(meter),
                since,
            }),
            ids().prop_map(|(subscription, stack)| LineKey::CapacityFee {
                subscription: SubscriptionId::from_bytes(subscription),
                stack: CloudId::from_bytes(stack),
            }),
            Just(LineKey::MinimumCommitment),
            Just(LineKey::Credit),
            Just(LineKey::Tax),
        ]
    }

    proptest! {
        #[test]
        fn the_id_of_a_line_is_one_segment_of_a_path_and_finds_the_line_again(
            of in of(), period in period(), key in key(),
        ) {
            let id = LineId { of, period, key };
            let text = id.to_string();
            prop_assert_eq!(text.parse::<LineId>(), Ok(id.clone()));
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "-.:".contains(c);
            prop_assert!(text.chars().all(is_plain), "{}", text);
        }
    }

    #[test]
    fn an_id_says_what_it_is_of() {
        let subscription = SubscriptionId::from_bytes([0xd1; 16]);
        let of = LineOf::Invoice("MB-000042".to_owned());
        let period: Period = "2026-10".parse().unwrap();
        let since = Some(period.interval().start());
        let meter = BillingMeterId::from_bytes([0xab; 16]);
        let usage = LineKey::Usage {
            subscription,
            meter,
            since,
        };
        let id = |key| {
            LineId {
                of: of.clone(),
                period,
                key,
            }
            .to_string()
        };
        assert_eq!(
            id(usage),
            "MB-000042.2026-10.usage.d1d1d1d1-d1d1-d1d1-d1d1-d1d1d1d1d1d1.\
             abababab-abab-abab-abab-abababababab.2026-10-01T00"
        );
        assert_eq!(id(LineKey::Tax), "MB-000042.2026-10.tax");
        assert_eq!("mb-000042.2026-10.tax".parse::<LineId>().unwrap().of, of);
    }

    #[test]
    fn other_texts_are_no_ids_of_lines() {
        for text in [
            "",
            "MB-000042",
            "MB-000042.2026-10",
            "MB-000042.2026-13.tax",
            "MB-000042.2026-10.taxes",
            "MB-000042.2026-10.tax.1",
            "MB-x.2026-10.tax",
            "-1.2026-10.tax",
            "running.2026-10.tax",
            "running.2026-10.platform.partner:x.USD.2026-10.tax",
            "MB-000042.2026-10.usage.x.x.development",
            "MB-000042.2026-10.usage.d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1.d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1.2026",
        ] {
            assert_eq!(text.parse::<LineId>(), Err(InvalidLineId), "{text}");
        }
    }
}
