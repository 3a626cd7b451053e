//! What is done with records in quarantine: some are released once they can be counted, some are purged.
//!
//! Whatever is done is done by somebody, for a reason, to records that are named. A record keeps the position it got
//! when it was put into quarantine for ever.

use std::fmt;
use std::str::FromStr;

use crate::ids::QuarantineActId;
use crate::usage::QuarantineCode;

/// The most records one act names *(ours)*.
pub const RECORDS_PER_ACT_MAX: usize = 1_000;
/// The most characters of a reason *(ours)*.
pub const REASON_CHARS_MAX: usize = 1_000;

/// The most bytes that are kept of the text of a record that cannot be counted *(ours)*: of a longer one the beginning is
/// kept, its length and its digest. Nothing that can be counted is as long, unless somebody fills it up: a resource URI, a
/// location, tags and additional info as long as they may be take seven bytes for one where all of it is escaped twice.
pub const RECORD_TEXT_BYTES_MAX: usize = 256 * 1024;

/// What was done, or begun: it is entered in the books before anything happens, and how much came of it is for the
/// ledger to tell, under the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineAct {
    /// The id under which the ledger has what came of it.
    pub id: QuarantineActId,
    /// What was done.
    pub kind: QuarantineActKind,
    /// To which records.
    pub records: Positions,
    /// Which of them were read in a text that was mended for it.
    pub mended: Positions,
    /// Why.
    pub reason: Reason,
}

/// What can be done with records in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuarantineActKind {
    /// They are read again, and those that can be counted are.
    Release,
    /// Their texts are removed, and they are never counted.
    Purge,
}

impl QuarantineActKind {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Purge => "purge",
        }
    }
}

/// Why somebody did something: a text that is there, and not too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

/// The text is no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a reason of 1 to {REASON_CHARS_MAX} characters, none of them a control character")]
pub struct NoReason;

impl Reason {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reason {
    type Err = NoReason;

    fn from_str(text: &str) -> Result<Self, NoReason> {
        let text = text.trim();
        let long = text.chars().nth(REASON_CHARS_MAX).is_some();
        if text.is_empty() || long || text.chars().any(char::is_control) {
            return Err(NoReason);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The most bytes of a text that is looked for *(ours)*.
pub const SEARCH_TEXT_BYTES_MAX: usize = 200;

/// A text that is looked for among what was sent, exactly so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(String);

/// The text is none to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a text of 1 to {SEARCH_TEXT_BYTES_MAX} bytes to look for, without the character U+0000")]
pub struct NoSearchText;

impl SearchText {
    /// The text.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl FromStr for SearchText {
    type Err = NoSearchText;

    fn from_str(text: &str) -> Result<Self, NoSearchText> {
        if text.is_empty() || text.len() > SEARCH_TEXT_BYTES_MAX || text.contains('\0') {
            return Err(NoSearchText);
        }
        Ok(Self(text.to_owned()))
    }
}

/// There is no such code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the code of a reason: {}", QuarantineCode::ALL.map(QuarantineCode::as_str).join(", "))]
pub struct NoSuchCode;

impl FromStr for QuarantineCode {
    type Err = NoSuchCode;

    fn from_str(text: &str) -> Result<Self, NoSuchCode> {
        let code = Self::ALL
            .into_iter()
            .find(|code| code.as_str().eq_ignore_ascii_case(text));
        code.ok_or(NoSuchCode)
    }
}

/// Positions in the quarantine, each once and in order. As text: `3-7,9`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Positions(Vec<u64>);

/// The text names no positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected positions in the quarantine such as 17 or 3-7,9, at most {RECORDS_PER_ACT_MAX}")]
pub struct InvalidPositions;

impl Positions {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in order.
    #[must_use]
    pub fn as_slice(&self) -> &[u64] {
        &self.0
    }

    /// Whether one is among them.
    #[must_use]
    pub fn contains(&self, position: u64) -> bool {
        self.0.binary_search(&position).is_ok()
    }
}

impl FromIterator<u64> for Positions {
    fn from_iter<I: IntoIterator<Item = u64>>(positions: I) -> Self {
        let mut positions: Vec<u64> = positions.into_iter().collect();
        positions.sort_unstable();
        positions.dedup();
        Self(positions)
    }
}

impl FromStr for Positions {
    type Err = InvalidPositions;

    fn from_str(text: &str) -> Result<Self, InvalidPositions> {
        let mut positions = Vec::new();
        for part in text.split(',').filter(|_| !text.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| text.trim().parse::<u64>().map_err(|_| InvalidPositions);
            let (first, last) = (number(first)?, number(last)?);
            let room = RECORDS_PER_ACT_MAX.saturating_sub(positions.len());
            let wanted = usize::try_from(last.checked_sub(first).ok_or(InvalidPositions)?);
            if wanted.map_or(true, |more| more >= room) {
                return Err(InvalidPositions);
            }
            positions.extend(first..=last);
        }
        Ok(positions.into_iter().collect())
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.0.chunk_by(|one, next| one.checked_add(1) == Some(*next));
        for (place, run) in runs.enumerate() {
            f.write_str(if place > 0 { "," } else { "" })?;
            match run {
                [first, .., last] => write!(f, "{first}-{last}")?,
                run => run.iter().try_for_each(|only| write!(f, "{only}"))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn positions_are_named_as_people_name_pages() {
        let positions: Positions = "9,3-7,5".parse().unwrap();
        assert_eq!(positions.as_slice(), [3, 4, 5, 6, 7, 9]);
        assert_eq!(positions.to_string(), "3-7,9");
        assert!(positions.contains(6) && !positions.contains(8));
        for none in ["x", "3-", "7-3", ",", "1-1001", "0-18446744073709551615", "-1"] {
            assert_eq!(none.parse::<Positions>(), Err(InvalidPositions), "{none}");
        }
        assert_eq!("1-1000".parse::<Positions>().unwrap().len(), RECORDS_PER_ACT_MAX);
        assert!("".parse::<Positions>().unwrap().is_empty());
    }

    #[test]
    fn whoever_misspells_a_code_would_have_to_look_for_the_list_elsewhere() {
        assert_eq!("invalidquantity".parse(), Ok(QuarantineCode::InvalidQuantity));
        let refused = "Quantity".parse::<QuarantineCode>().unwrap_err().to_string();
        for code in QuarantineCode::ALL {
            assert!(refused.contains(code.as_str()), "{refused}");
        }
    }

    #[test]
    fn a_reason_says_something_and_fits_in_a_line_of_a_log() {
        let reason: Reason = " the clock of the stack was wrong ".parse().unwrap();
        assert_eq!(reason.as_str(), "the clock of the stack was wrong");
        for none in ["", " \t ", "a\nb", &"é".repeat(REASON_CHARS_MAX + 1)] {
            assert_eq!(none.parse::<Reason>(), Err(NoReason), "{none:?}");
        }
        assert!("é".repeat(REASON_CHARS_MAX).parse::<Reason>().is_ok());
    }

    proptest! {
        #[test]
        fn positions_read_back(positions in prop::collection::vec(0u64..50, 0..40)) {
            let positions: Positions = positions.into_iter().collect();
            prop_assert_eq!(positions.to_string().parse(), Ok(positions));
        }
    }
}
