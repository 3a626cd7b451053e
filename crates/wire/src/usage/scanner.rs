//! Reading JSON text from left to right, as long as it is as expected.

use serde_json::value::RawValue;

/// A place in JSON text. Every method returns nothing when the text there is not what was asked for; the place is
/// then somewhere inside what was read, and whoever wants to read on from before has to come back to it.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// How much is left.
    pub(super) const fn bytes_left(&self) -> usize {
        self.text.len() - self.at
    }

    /// The next byte that is not white space, without taking it.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    /// Takes this byte, after any white space.
    #[inline]
    pub(super) fn token(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Takes this text if it comes next, white space included.
    #[inline]
    pub(super) fn literal(&mut self, text: &str) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at..)?;
        rest.starts_with(text.as_bytes()).then(|| self.at += text.len())
    }

    /// Takes what stands before the next quotation mark, backslash or control character.
    #[inline]
    pub(super) fn run(&mut self) -> &'a str {
        let start = self.at;
        self.at += run_length(&self.text.as_bytes()[start..]);
        // The byte there, if any, is ASCII, so this is the border of a character.
        &self.text[start..self.at]
    }

    /// Takes a string in which nothing is escaped.
    #[inline]
    pub(super) fn string(&mut self) -> Option<&'a str> {
        self.token(b'"')?;
        let content = self.run();
        self.literal("\"")?;
        Some(content)
    }

    /// Takes what can be part of a number. It is not checked to be one.
    #[inline]
    pub(super) fn number(&mut self) -> Option<&'a str> {
        self.peek()?;
        let rest = self.text.get(self.at..)?;
        let end = rest
            .bytes()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
        let number = &rest[..end.unwrap_or(rest.len())];
        self.at += number.len();
        Some(number)
    }

    /// Takes one of these texts if one comes next, and gives what stands beside it. They are tried in a circle that
    /// begins at `next`, which is then moved behind the one taken: whoever writes them in this order is read fastest.
    #[inline]
    pub(super) fn one_of<T: Copy>(&mut self, texts: &[(&str, T)], next: &mut usize) -> Option<T> {
        for turn in 0..texts.len() {
            let index = (*next + turn) % texts.len();
            let (text, meaning) = texts[index];
            if self.literal(text).is_some() {
                *next = index + 1;
                return Some(meaning);
            }
        }
        None
    }

    /// Takes an object that has none but these members, calling for each with the place after its colon. Their names
    /// are given with quotation marks and colon.
    #[inline]
    pub(super) fn object<T: Copy>(
        &mut self,
        members: &[(&str, T)],
        mut member: impl FnMut(&mut Self, T) -> Option<()>,
    ) -> Option<()> {
        self.token(b'{')?;
        let mut next = 0;
        loop {
            self.peek()?;
            let meaning = self.one_of(members, &mut next)?;
            member(self, meaning)?;
            if !self.goes_on(b'}')? {
                return Some(());
            }
        }
    }

    /// Takes an array, calling for each element.
    #[inline]
    pub(super) fn array(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.token(b'[')?;
        if self.peek()? == b']' {
            return self.token(b']');
        }
        loop {
            element(self)?;
            if !self.goes_on(b']')? {
                return Some(());
            }
        }
    }

    /// Takes a comma, or what closes the list of members or elements; says whether it was a comma.
    #[inline]
    fn goes_on(&mut self, close: u8) -> Option<bool> {
        let byte = self.peek()?;
        self.at += 1;
        match byte {
            b',' => Some(true),
            byte if byte == close => Some(false),
            _ => None,
        }
    }

    /// Takes any value and gives its text.
    pub(super) fn value(&mut self) -> Option<&'a str> {
        self.peek()?;
        let rest = self.text.get(self.at..)?;
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        let value = values.next()?.ok()?.get();
        self.at += value.len();
        Some(value)
    }

    /// Takes what `read` takes, or else any value; gives the value's text, and what was read if it was.
    #[inline]
    pub(super) fn value_read_by<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<(&'a str, Option<T>)> {
        self.peek()?;
        let start = self.at;
        if let Some(read) = read(self) {
            return Some((&self.text[start..self.at], Some(read)));
        }
        self.at = start;
        Some((self.value()?, None))
    }

    /// Whether nothing but white space is left.
    pub(super) fn at_end(&mut self) -> bool {
        self.peek().is_none()
    }
}

/// `01` in every byte, and `80` in every byte.
const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// How many bytes stand before the first quotation mark, backslash or control character.
///
/// Looks at eight bytes at a time. Subtracting `n` from every byte of a word sets the high bit of those below `n` (if
/// they are ASCII), and may set it in bytes above them, which a borrow has reached: so the lowest bit found is always
/// right, and only that one is used.
#[inline]
fn run_length(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quotation_marks = (word ^ (ONES * 0x22)).wrapping_sub(ONES);
        let backslashes = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
        let controls = word.wrapping_sub(ONES * 0x20);
        let found = (quotation_marks | backslashes | controls) & !word & HIGHS;
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let plain = rest
        .iter()
        .take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20));
    words.len() * 8 + plain.count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MEMBERS: [(&str, char); 2] = [("\"a\":", 'a'), ("\"b\":", 'b')];

    #[test]
    fn a_list_is_taken_whole_and_what_follows_is_left() {
        let mut scanner = Scanner::new(" { \"b\": [ 1 , {} , [] ] , \"a\":\"x\" } tail");
        let mut seen = Vec::new();
        let taken = scanner.object(&MEMBERS, |scanner, name| {
            seen.push(name);
            if name == 'a' {
                scanner.string().map(drop)
            } else {
                scanner.array(|it| it.value().map(drop))
            }
        });
        assert_eq!(taken, Some(()));
        assert_eq!(seen, ['b', 'a']);
        assert_eq!(scanner.literal(" tail"), Some(()));
        assert!(scanner.at_end());
    }

    #[test]
    fn lists_that_are_not_json_are_not_taken() {
        for text in [
            "{",
            "{}}",
            "{,}",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{\"a\":1 \"b\":2}",
            "{\"c\":1}",
            "{\"a\":01}",
        ] {
            let mut scanner = Scanner::new(text);
            let taken = scanner.object(&MEMBERS, |scanner, _| scanner.value().map(drop));
            assert!(taken.is_none() || !scanner.at_end(), "{text}");
        }
        for text in ["[", "[]]", "[,]", "[1,]", "[1 2]", "[1x]", "{}"] {
            let mut scanner = Scanner::new(text);
            let taken = scanner.array(|scanner| scanner.value().map(drop));
            assert!(taken.is_none() || !scanner.at_end(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_run_ends_where_looking_at_every_byte_finds_its_end(
            bytes in prop::collection::vec(prop_oneof![0u8..=255, Just(b'"'), Just(b'\\'), Just(0x1f), Just(0x7f)], 0..40),
        ) {
            let one_by_one = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
            prop_assert_eq!(run_length(&bytes), one_by_one.unwrap_or(bytes.len()));
        }
    }
}
