//! Quantities as PowerShell writes them: with the decimal mark of the culture, if they are numbers there.

use serde::Serialize;

use super::times::Witness;

/// What separates whole units from parts of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum DecimalMark {
    /// `16.4`
    Point,
    /// `16,4`
    Comma,
}

/// What the quantities of a file say about their decimal mark.
#[derive(Debug, Clone, Default)]
pub(super) struct MarkEvidence {
    point: Option<Witness>,
    /// A comma that cannot separate thousands.
    comma: Option<Witness>,
    /// A comma that could.
    either: Option<Witness>,
}

/// Why the decimal mark is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MarkError {
    /// A comma may separate thousands, and nothing in the file says that it does not.
    #[error("line {}: whether the comma in {} is a decimal comma or separates thousands cannot be told", .0.line, .0.text)]
    Ambiguous(Witness),
    /// Some quantities have a comma and others a point.
    #[error(
        "line {}: {} has a comma, and line {}: {} has a point",
        .comma.line, .comma.text, .point.line, .point.text
    )]
    Mixed { comma: Witness, point: Witness },
}

impl MarkEvidence {
    /// Takes the quantity of the next line.
    pub(super) fn add(&mut self, line: u64, text: &str) {
        let evidence = match text.split_once(',') {
            Some(_) if text.contains('.') => return,
            Some((whole, fraction)) if may_be_thousands(whole, fraction) => &mut self.either,
            Some((_, fraction)) if fraction.contains(',') => return,
            Some(_) => &mut self.comma,
            None if text.contains('.') => &mut self.point,
            None => return,
        };
        evidence.get_or_insert_with(|| Witness {
            line,
            text: text.to_owned(),
        });
    }

    /// What follows from all lines, or was said.
    pub(super) fn conclusion(self, comma_is_given: bool) -> Result<DecimalMark, MarkError> {
        if comma_is_given {
            return Ok(DecimalMark::Comma);
        }
        match (self.comma.clone(), self.either, self.point) {
            (None, None, _) => Ok(DecimalMark::Point),
            (Some(_), _, None) => Ok(DecimalMark::Comma),
            (None, Some(either), None) => Err(MarkError::Ambiguous(either)),
            (Some(comma), _, Some(point)) | (None, Some(comma), Some(point)) => {
                Err(MarkError::Mixed { comma, point })
            }
        }
    }
}

/// Whether what is around the first comma could be groups of three digits.
fn may_be_thousands(whole: &str, fraction: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let leading = (1..=3).contains(&whole.len()) && digits(whole) && !whole.starts_with('0');
    leading && fraction.split(',').all(|group| group.len() == 3 && digits(group))
}

/// A quantity with a point; nothing if it has the other mark.
pub(super) fn with_point(text: &str, mark: DecimalMark) -> Option<String> {
    let text = text.trim();
    let (own, other) = match mark {
        DecimalMark::Point => ('.', ','),
        DecimalMark::Comma => (',', '.'),
    };
    (!text.contains(other) && text.matches(own).count() <= 1).then(|| text.replace(own, "."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conclusion(quantities: &[&str]) -> Result<DecimalMark, MarkError> {
        let mut evidence = MarkEvidence::default();
        for (line, text) in (2..).zip(quantities) {
            evidence.add(line, text);
        }
        evidence.conclusion(false)
    }

    #[test]
    fn a_comma_is_decimal_only_where_the_file_proves_it() {
        for (quantities, expected) in [
            (&["1", "2"][..], DecimalMark::Point),
            (&["16.4", "1", "6.3E-06"], DecimalMark::Point),
            (&["1", "16,4"], DecimalMark::Comma),
            (&["1,500", "0,25"], DecimalMark::Comma),
            (&["6,36465847492218E-06"], DecimalMark::Comma),
            (&["0,125"], DecimalMark::Comma),
            (&["1234,125"], DecimalMark::Comma),
        ] {
            assert_eq!(conclusion(quantities), Ok(expected), "{quantities:?}");
        }
        for quantities in [&["1,500"][..], &["1", "1,500,000"]] {
            let asked = conclusion(quantities).unwrap_err();
            assert!(matches!(asked, MarkError::Ambiguous(_)), "{asked}");
        }
        for quantities in [&["0.5", "0,5"][..], &["1.5", "1,500"]] {
            let torn = conclusion(quantities).unwrap_err();
            assert!(matches!(torn, MarkError::Mixed { .. }), "{torn}");
        }
    }

    #[test]
    fn a_quantity_with_the_other_mark_is_not_made_another_number() {
        use DecimalMark::{Comma, Point};
        for (text, mark, expected) in [
            ("16.461425899527967", Point, Some("16.461425899527967")),
            ("16,461425899527967", Comma, Some("16.461425899527967")),
            (" 2,4000000000 ", Comma, Some("2.4000000000")),
            ("1,500", Point, None),
            ("1.500,25", Comma, None),
            ("1,500,000", Comma, None),
            ("7", Comma, Some("7")),
        ] {
            assert_eq!(with_point(text, mark).as_deref(), expected, "{text}");
        }
    }
}
