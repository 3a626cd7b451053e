//! Budgets: what somebody means to spend in a month, and at which parts of it others are told. *(ours)*
//!
//! A budget stops nothing and changes no bill. What is spent is the usage and the fees of a calendar month, before
//! commitments, credits, corrections and tax: what grows with what is used, and with nothing else.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use num_bigint::BigInt;

use crate::chain::{Buyer, Link};
use crate::ids::{PartnerId, SubscriptionId};
use crate::money::{Money, MoneyError};
use crate::reckoning::Reckoning;
use crate::time::Period;

/// The most characters of a budget's name.
const NAME_CHARS_MAX: usize = 64;
/// The most thresholds of a budget.
pub const THRESHOLDS_MAX: usize = 10;
/// The highest threshold, in percent.
pub const PERCENT_MAX: u16 = 1_000;
/// The most characters of a tag's name: Azure's own limit.
pub const TAG_NAME_CHARS_MAX: usize = 512;
/// The most characters of a tag's value: Azure's own limit.
pub const TAG_VALUE_CHARS_MAX: usize = 256;

/// The name of a budget: lower-case letters, digits and dashes, so that it can stand in a path and in a log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BudgetName(String);

/// The text is no name of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected 1 to {NAME_CHARS_MAX} lower-case letters, digits and dashes, with a letter or digit at both ends, such \
     as contoso-web"
)]
pub struct InvalidBudgetName;

impl FromStr for BudgetName {
    type Err = InvalidBudgetName;

    fn from_str(text: &str) -> Result<Self, InvalidBudgetName> {
        let legal = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let whole = !text.is_empty() && text.len() <= NAME_CHARS_MAX && text.bytes().all(legal);
        if whole && !text.starts_with('-') && !text.ends_with('-') {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidBudgetName)
        }
    }
}

impl AsRef<str> for BudgetName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BudgetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A part of a budget at which others are told, in whole percent of its amount: from 1 to [`PERCENT_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Threshold(u16);

impl Threshold {
    /// The percentage.
    #[must_use]
    pub const fn percent(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Thresholds that no budget can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidThresholds {
    /// None, or too many.
    #[error("{0} thresholds; expected 1 to {THRESHOLDS_MAX}")]
    Number(usize),
    /// Not a percentage that is asked about.
    #[error("a threshold of {0} percent; expected 1 to {PERCENT_MAX}")]
    Percent(u16),
    /// The same one twice.
    #[error("the threshold of {0} percent is there twice")]
    Twice(u16),
}

/// The thresholds of a budget: at least one, each once, rising.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thresholds(BTreeSet<Threshold>);

impl Thresholds {
    /// These percentages, in whatever order they are given.
    ///
    /// # Errors
    /// [`InvalidThresholds`].
    pub fn new(percentages: &[u16]) -> Result<Self, InvalidThresholds> {
        if percentages.is_empty() || percentages.len() > THRESHOLDS_MAX {
            return Err(InvalidThresholds::Number(percentages.len()));
        }
        let mut thresholds = BTreeSet::new();
        for percent in percentages {
            if !(1..=PERCENT_MAX).contains(percent) {
                return Err(InvalidThresholds::Percent(*percent));
            }
            if !thresholds.insert(Threshold(*percent)) {
                return Err(InvalidThresholds::Twice(*percent));
            }
        }
        Ok(Self(thresholds))
    }

    /// Each of them, the lowest first.
    pub fn iter(&self) -> impl Iterator<Item = Threshold> {
        self.0.iter().copied()
    }

    /// Whether this is one of them.
    #[must_use]
    pub fn contains(&self, threshold: Threshold) -> bool {
        self.0.contains(&threshold)
    }
}

/// Whose spending a budget is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BudgetOf {
    /// All that somebody sells to somebody.
    Sale(Link),
    /// What is charged for one subscription to whoever pays for it in the end: by the last sale of its chain.
    Subscription(SubscriptionId),
}

/// The platform as an owner of budgets, in texts.
const PLATFORM: &str = "platform";
/// What stands before the id of an owner that is a partner.
const PARTNER: &str = "partner";
/// What stands before the id of an owner that is a subscription.
const SUBSCRIPTION: &str = "subscription";

/// The side that set a budget, whose it is: nobody on another side reads it, not even whoever it watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BudgetOwner {
    /// Whoever operates the platform.
    Platform,
    /// A partner that sells or buys.
    Partner(PartnerId),
    /// Whoever a subscription was sold to.
    Subscription(SubscriptionId),
}

impl From<Buyer> for BudgetOwner {
    fn from(buyer: Buyer) -> Self {
        match buyer {
            Buyer::Partner(partner) => Self::Partner(partner),
            Buyer::Subscription(subscription) => Self::Subscription(subscription),
        }
    }
}

impl fmt::Display for BudgetOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str(PLATFORM),
            Self::Partner(id) => write!(f, "{PARTNER}:{id}"),
            Self::Subscription(id) => write!(f, "{SUBSCRIPTION}:{id}"),
        }
    }
}

/// The text names no owner of budgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected platform, or partner: or subscription: and its id")]
pub struct InvalidBudgetOwner;

impl FromStr for BudgetOwner {
    type Err = InvalidBudgetOwner;

    fn from_str(text: &str) -> Result<Self, InvalidBudgetOwner> {
        if text.eq_ignore_ascii_case(PLATFORM) {
            return Ok(Self::Platform);
        }
        let (kind, id) = text.split_once(':').ok_or(InvalidBudgetOwner)?;
        if kind.eq_ignore_ascii_case(PARTNER) {
            return Ok(Self::Partner(id.parse().map_err(|_| InvalidBudgetOwner)?));
        }
        if kind.eq_ignore_ascii_case(SUBSCRIPTION) {
            return Ok(Self::Subscription(id.parse().map_err(|_| InvalidBudgetOwner)?));
        }
        Err(InvalidBudgetOwner)
    }
}

/// What tells budgets apart: each owner gives names of its own. In order of names, so that lists are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BudgetKey {
    /// The name.
    pub name: BudgetName,
    /// Whose it is.
    pub owner: BudgetOwner,
}

impl fmt::Display for BudgetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.owner)
    }
}

/// The text tells no budget apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of a budget, a slash, and its owner")]
pub struct InvalidBudgetKey;

impl FromStr for BudgetKey {
    type Err = InvalidBudgetKey;

    fn from_str(text: &str) -> Result<Self, InvalidBudgetKey> {
        let (name, owner) = text.split_once('/').ok_or(InvalidBudgetKey)?;
        Ok(Self {
            name: name.parse().map_err(|_| InvalidBudgetKey)?,
            owner: owner.parse().map_err(|_| InvalidBudgetKey)?,
        })
    }
}

/// A tag of resources.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    /// Its name, which is the same one in whatever case: Azure's rule.
    pub name: String,
    /// Its value, to the letter.
    pub value: String,
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

/// What somebody means to spend in each month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Its name.
    pub name: BudgetName,
    /// Whose spending.
    pub of: BudgetOf,
    /// Only what resources with this tag cost.
    pub tag: Option<Tag>,
    /// What is to be spent in a calendar month, before tax. Only charges in its currency count.
    pub amount: Money,
    /// Where others are told.
    pub thresholds: Thresholds,
    /// The first month that it is for.
    pub from: Period,
}

/// A budget as somebody asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetAsked {
    /// Whose it shall be; none where whoever asks is on one side alone.
    pub owner: Option<BudgetOwner>,
    /// Its name.
    pub name: BudgetName,
    /// Whose spending.
    pub of: BudgetOf,
    /// Only what resources with this tag cost.
    pub tag: Option<Tag>,
    /// What is to be spent in a calendar month.
    pub amount: Money,
    /// Where others are told.
    pub thresholds: Thresholds,
    /// The first month that it is for; none for what it was, and of a new one the running month.
    pub from: Option<Period>,
}

impl BudgetAsked {
    /// The budget, from a month on where none is asked for.
    #[must_use]
    pub fn from_month(&self, otherwise: Period) -> Budget {
        Budget {
            name: self.name.clone(),
            of: self.of,
            tag: self.tag.clone(),
            amount: self.amount,
            thresholds: self.thresholds.clone(),
            from: self.from.unwrap_or(otherwise),
        }
    }
}

impl From<Budget> for BudgetAsked {
    fn from(budget: Budget) -> Self {
        Self {
            owner: None,
            name: budget.name,
            of: budget.of,
            tag: budget.tag,
            amount: budget.amount,
            thresholds: budget.thresholds,
            from: Some(budget.from),
        }
    }
}

/// A budget that says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBudget {
    /// Nothing, or less, to be spent.
    #[error("a budget of {0:?}; expected an amount above 0")]
    Amount(Money),
    /// No tag has this name.
    #[error("the name of a tag has 1 to {TAG_NAME_CHARS_MAX} characters")]
    TagName,
    /// No tag has this value.
    #[error("the value of a tag has {TAG_VALUE_CHARS_MAX} characters at the most")]
    TagValue,
}

impl InvalidBudget {
    /// The member at fault.
    #[must_use]
    pub const fn member(&self) -> &'static str {
        match self {
            Self::Amount(_) => "amount",
            Self::TagName => "tag.name",
            Self::TagValue => "tag.value",
        }
    }
}

impl Budget {
    /// Whether it says something.
    ///
    /// # Errors
    /// [`InvalidBudget`].
    pub fn check(&self) -> Result<(), InvalidBudget> {
        if self.amount.minor_units() <= 0 {
            return Err(InvalidBudget::Amount(self.amount));
        }
        if let Some(Tag { name, value }) = &self.tag {
            if !(1..=TAG_NAME_CHARS_MAX).contains(&name.chars().count()) || name.trim().is_empty() {
                return Err(InvalidBudget::TagName);
            }
            if value.chars().count() > TAG_VALUE_CHARS_MAX {
                return Err(InvalidBudget::TagValue);
            }
        }
        Ok(())
    }

    /// Whether another one is about the same spending: then one can take the place of the other.
    #[must_use]
    pub fn is_about_the_same_as(&self, other: &Self) -> bool {
        (self.of, &self.tag, self.amount.currency()) == (other.of, &other.tag, other.amount.currency())
    }
}

/// The thresholds that spending has reached, the lowest first: spent at least that part of the amount, exactly. None of
/// an amount in another currency.
#[must_use]
pub fn crossed(spent: Money, amount: Money, thresholds: &Thresholds) -> Vec<Threshold> {
    if spent.currency() != amount.currency() {
        return Vec::new();
    }
    let spent = BigInt::from(spent.minor_units()) * 100;
    let amount = BigInt::from(amount.minor_units());
    let reached = |threshold: &Threshold| spent >= &amount * threshold.percent();
    thresholds.iter().filter(reached).collect()
}

/// What was spent, of all that an account owes or of what one subscription is charged: the lines of usage and of fees.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn spent(reckoning: &Reckoning, of: Option<SubscriptionId>) -> Result<Money, MoneyError> {
    let counted = reckoning.lines.iter().filter(|(key, _)| {
        let charged = key.subscription();
        charged.is_some() && (of.is_none() || charged == of)
    });
    Money::checked_sum(reckoning.account.currency, counted.map(|(_, line)| line.amount))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::Currency;
    use crate::reckoning::{LineKey, Made, ReckonedLine};

    fn usd(cents: i128) -> Money {
        Money::from_minor_units(cents, Currency::USD)
    }

    fn percents(thresholds: Vec<Threshold>) -> Vec<u16> {
        thresholds.into_iter().map(Threshold::percent).collect()
    }

    fn budget() -> Budget {
        Budget {
            name: "web".parse().unwrap(),
            of: BudgetOf::Subscription(SubscriptionId::from_bytes([5; 16])),
            tag: None,
            amount: usd(10_000),
            thresholds: Thresholds::new(&[50, 100]).unwrap(),
            from: "2026-10".parse().unwrap(),
        }
    }

    #[test]
    fn a_threshold_is_reached_with_its_last_cent_and_not_one_before() {
        let thresholds = Thresholds::new(&[120, 50, 100]).unwrap();
        for (spent, expected) in [
            (0, &[][..]),
            (4_999, &[]),
            (5_000, &[50]),
            (9_999, &[50]),
            (10_000, &[50, 100]),
            (11_999, &[50, 100]),
            (12_000, &[50, 100, 120]),
            (-1, &[]),
        ] {
            let reached = crossed(usd(spent), usd(10_000), &thresholds);
            assert_eq!(percents(reached), expected, "{spent}");
        }
        // A third of a cent does not round anything up: 33 percent of 1.01 are 0.3333.
        let third = Thresholds::new(&[33]).unwrap();
        assert!(crossed(usd(33), usd(101), &third).is_empty());
        assert_eq!(percents(crossed(usd(34), usd(101), &third)), [33]);
        let euro = Money::from_minor_units(i128::MAX, "EUR".parse().unwrap());
        assert!(crossed(euro, usd(1), &third).is_empty(), "another currency");
    }

    #[test]
    fn what_is_no_budget_is_refused_with_its_member() {
        assert_eq!(budget().check(), Ok(()));
        let tag = |name: &str, value: &str| {
            let (name, value) = (name.to_owned(), value.to_owned());
            let tag = Some(Tag { name, value });
            Budget { tag, ..budget() }
        };
        let longest = tag(&"n".repeat(TAG_NAME_CHARS_MAX), &"v".repeat(TAG_VALUE_CHARS_MAX));
        assert_eq!(longest.check(), Ok(()));
        assert_eq!(tag("env", "").check(), Ok(()));
        for (wrong, member) in [
            (
                Budget {
                    amount: usd(0),
                    ..budget()
                },
                "amount",
            ),
            (
                Budget {
                    amount: usd(-1),
                    ..budget()
                },
                "amount",
            ),
            (tag(" ", "prod"), "tag.name"),
            (tag(&"n".repeat(TAG_NAME_CHARS_MAX + 1), "v"), "tag.name"),
            (tag("env", &"v".repeat(TAG_VALUE_CHARS_MAX + 1)), "tag.value"),
        ] {
            assert_eq!(wrong.check().unwrap_err().member(), member, "{wrong:?}");
        }
        let too_many: Vec<u16> = (1..=11).collect();
        for (percentages, expected) in [
            (&[][..], InvalidThresholds::Number(0)),
            (&too_many, InvalidThresholds::Number(11)),
            (&[0], InvalidThresholds::Percent(0)),
            (&[1_001], InvalidThresholds::Percent(1_001)),
            (&[80, 80], InvalidThresholds::Twice(80)),
        ] {
            assert_eq!(Thresholds::new(percentages), Err(expected), "{percentages:?}");
        }
    }

    #[test]
    fn a_name_needs_no_quotes_wherever_it_stands() {
        let longest = "a".repeat(NAME_CHARS_MAX);
        for text in ["a", "7", "contoso-web", &*longest] {
            assert_eq!(text.parse::<BudgetName>().unwrap().to_string(), text);
        }
        let too_long = "a".repeat(NAME_CHARS_MAX + 1);
        for text in ["", "-", "-a", "a-", "A", "a b", "a/b", "ä", "a_b", &*too_long] {
            assert_eq!(text.parse::<BudgetName>(), Err(InvalidBudgetName), "{text}");
        }
    }

    #[test]
    fn an_owner_is_read_as_it_is_written_and_a_key_with_it() {
        let id = "03000000-0000-4000-8000-000000000001";
        for text in [
            "platform".to_owned(),
            format!("partner:{id}"),
            format!("subscription:{id}"),
        ] {
            let owner: BudgetOwner = text.parse().unwrap();
            assert_eq!(owner.to_string(), text);
            assert_eq!(text.to_uppercase().parse(), Ok(owner));
            let key: BudgetKey = format!("web/{text}").parse().unwrap();
            assert_eq!((key.owner, key.to_string()), (owner, format!("web/{text}")));
        }
        for text in [
            "",
            "partner",
            "partner:",
            "customer:1",
            id,
            "subscription:x",
            ":platform",
        ] {
            assert_eq!(text.parse::<BudgetOwner>(), Err(InvalidBudgetOwner), "{text}");
            assert_eq!(
                format!("web/{text}").parse::<BudgetKey>(),
                Err(InvalidBudgetKey),
                "{text}"
            );
        }
        for text in ["web", "/platform", "Web/platform", ""] {
            assert_eq!(text.parse::<BudgetKey>(), Err(InvalidBudgetKey), "{text}");
        }
    }

    #[test]
    fn a_commitment_or_a_tax_is_not_spent_by_whoever_uses_something() {
        let ids = [[1; 16], [2; 16]].map(SubscriptionId::from_bytes);
        let line = |cents| ReckonedLine {
            amount: usd(cents),
            made: Made::Credit { granted: usd(0) },
        };
        let account = crate::chain::Account {
            seller: crate::chain::Seller::Platform,
            buyer: Buyer::Subscription(ids[0]),
            currency: Currency::USD,
        };
        let fee = |subscription| LineKey::CapacityFee {
            subscription,
            stack: crate::ids::CloudId::from_bytes([7; 16]),
        };
        let usage = LineKey::Usage {
            subscription: ids[0],
            meter: crate::ids::BillingMeterId::from_bytes([9; 16]),
            since: None,
        };
        let lines = [
            (usage, line(100)),
            (fee(ids[0]), line(20)),
            (fee(ids[1]), line(3)),
            (LineKey::MinimumCommitment, line(5_000)),
            (LineKey::Credit, line(-700)),
            (LineKey::Tax, line(1_000)),
        ];
        let reckoning = Reckoning {
            account,
            period: "2026-10".parse().unwrap(),
            lines: lines.into(),
            not_charged: std::collections::BTreeMap::new(),
            without_fee: Vec::new(),
            price_lists: BTreeSet::new(),
        };
        assert_eq!(spent(&reckoning, None), Ok(usd(123)));
        assert_eq!(spent(&reckoning, Some(ids[0])), Ok(usd(120)));
        assert_eq!(spent(&reckoning, Some(ids[1])), Ok(usd(3)));
    }

    fn thresholds() -> impl Strategy<Value = Thresholds> {
        proptest::collection::btree_set(1..=PERCENT_MAX, 1..=THRESHOLDS_MAX)
            .prop_map(|it| Thresholds::new(&it.into_iter().collect::<Vec<_>>()).unwrap())
    }

    proptest! {
        #[test]
        fn spending_more_never_takes_a_threshold_back(
            amount in 1..=i128::MAX, one in 0..=i128::MAX, other in 0..=i128::MAX, thresholds in thresholds(),
        ) {
            let (less, more) = (one.min(other), one.max(other));
            let before = crossed(usd(less), usd(amount), &thresholds);
            let after = crossed(usd(more), usd(amount), &thresholds);
            prop_assert!(after.starts_with(&before), "{before:?} {after:?}");
        }

        #[test]
        fn nothing_is_reached_below_it_and_everything_at_it(
            units in 1..1_000_000_000_000i128, thresholds in thresholds(),
        ) {
            // An amount of whole hundreds has every percentage in whole minor units.
            let amount = usd(units * 100);
            for threshold in thresholds.iter() {
                let at = units * i128::from(threshold.percent());
                prop_assert!(crossed(usd(at), amount, &thresholds).contains(&threshold));
                prop_assert!(!crossed(usd(at - 1), amount, &thresholds).contains(&threshold));
            }
        }
    }
}
