//! Texts with the character U+0000. JSON may bring it, a text of PostgreSQL cannot hold it, and what was sent is kept as it
//! was sent: it is written as `␛0`, and `␛` itself, which nobody sends, as `␛␛`.

use std::borrow::Cow;

/// SYMBOL FOR ESCAPE.
const ESCAPE: char = '\u{241b}';
const ZERO: char = '0';

/// The text as it is written.
pub(super) fn written(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => written.extend([ESCAPE, ZERO]),
            ESCAPE => written.extend([ESCAPE, ESCAPE]),
            other => written.push(other),
        }
    }
    Cow::Owned(written)
}

/// The text that was written so, if one was.
pub(super) fn read(written: &str) -> Option<Cow<'_, str>> {
    if !written.contains(ESCAPE) {
        return Some(Cow::Borrowed(written));
    }
    let mut text = String::with_capacity(written.len());
    let mut characters = written.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            ESCAPE => match characters.next()? {
                ZERO => '\0',
                ESCAPE => ESCAPE,
                _ => return None,
            },
            other => other,
        });
    }
    Some(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_text_reads_back_and_none_is_written_with_a_zero(parts in prop::collection::vec("[a\u{0}\u{241b}0ü]{0,4}", 0..6)) {
            let text = parts.concat();
            let kept = written(&text).into_owned();
            prop_assert!(!kept.contains('\0'));
            prop_assert_eq!(read(&kept), Some(Cow::Borrowed(text.as_str())));
        }
    }

    #[test]
    fn a_text_that_was_never_written_so_is_refused() {
        assert_eq!(read("a\u{241b}"), None);
        assert_eq!(read("a\u{241b}b"), None);
    }
}
