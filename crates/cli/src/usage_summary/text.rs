//! Text as Windows writes it, read as UTF-8.

use std::fmt;
use std::io::{self, BufRead, BufReader, Cursor, Read};

use serde::Serialize;

const UTF_8_MARK: &[u8] = b"\xef\xbb\xbf";
const LITTLE_ENDIAN_MARK: &[u8] = b"\xff\xfe";
const BIG_ENDIAN_MARK: &[u8] = b"\xfe\xff";
/// How much UTF-16 is turned into UTF-8 at a time.
const CHUNK_BYTES: u64 = 64 * 1024;

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Encoding {
    /// As PowerShell 7 writes it. ASCII, which Windows PowerShell writes without `-Encoding`, is UTF-8, too.
    #[serde(rename = "UTF-8")]
    Utf8,
    /// As Windows PowerShell writes `-Encoding UTF8`, and Excel.
    #[serde(rename = "UTF-8 with a byte order mark")]
    Utf8WithMark,
    /// As Windows PowerShell writes `-Encoding Unicode`.
    #[serde(rename = "UTF-16LE")]
    Utf16LittleEndian,
    /// As Windows PowerShell writes `-Encoding BigEndianUnicode`.
    #[serde(rename = "UTF-16BE")]
    Utf16BigEndian,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Utf8WithMark => "UTF-8 with a byte order mark",
            Self::Utf16LittleEndian => "UTF-16, little-endian",
            Self::Utf16BigEndian => "UTF-16, big-endian",
        })
    }
}

impl Encoding {
    /// The encoding of a text that begins like this, and how long the mark is that says so. UTF-16 without a mark is
    /// recognised too: every second byte of a header is zero.
    pub(super) fn of(beginning: &[u8]) -> (Self, usize) {
        match beginning {
            _ if beginning.starts_with(UTF_8_MARK) => (Self::Utf8WithMark, UTF_8_MARK.len()),
            _ if beginning.starts_with(LITTLE_ENDIAN_MARK) => {
                (Self::Utf16LittleEndian, LITTLE_ENDIAN_MARK.len())
            }
            _ if beginning.starts_with(BIG_ENDIAN_MARK) => (Self::Utf16BigEndian, BIG_ENDIAN_MARK.len()),
            [1..=u8::MAX, 0, 1..=u8::MAX, 0, ..] => (Self::Utf16LittleEndian, 0),
            [0, 1..=u8::MAX, 0, 1..=u8::MAX, ..] => (Self::Utf16BigEndian, 0),
            _ => (Self::Utf8, 0),
        }
    }
}

/// A text in UTF-8 without a mark, whatever it is written in. UTF-8 is passed on as it is: that it is some is for the
/// reader to see.
pub(super) fn decoded<'a>(mut text: impl BufRead + 'a) -> io::Result<(Encoding, Box<dyn BufRead + 'a>)> {
    let mut beginning = Vec::new();
    (&mut text).take(4).read_to_end(&mut beginning)?;
    let (encoding, mark) = Encoding::of(&beginning);
    let mut rest = Cursor::new(beginning);
    rest.set_position(mark as u64);
    let text = rest.chain(text);
    let from_bytes = match encoding {
        Encoding::Utf8 | Encoding::Utf8WithMark => return Ok((encoding, Box::new(text))),
        Encoding::Utf16LittleEndian => u16::from_le_bytes,
        Encoding::Utf16BigEndian => u16::from_be_bytes,
    };
    let utf_16 = Utf16 {
        text,
        from_bytes,
        kept: Vec::new(),
        ready: Cursor::default(),
    };
    Ok((encoding, Box::new(BufReader::new(utf_16))))
}

/// UTF-16, read as UTF-8.
struct Utf16<R> {
    text: R,
    from_bytes: fn([u8; 2]) -> u16,
    /// What is not a whole character yet.
    kept: Vec<u8>,
    ready: Cursor<Vec<u8>>,
}

impl<R: Read> Utf16<R> {
    fn next_chunk(&mut self) -> io::Result<Vec<u8>> {
        let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("its UTF-16 {what}"));
        let mut bytes = std::mem::take(&mut self.kept);
        let read = (&mut self.text).take(CHUNK_BYTES).read_to_end(&mut bytes)?;
        let mut units: Vec<u16> = bytes
            .chunks_exact(2)
            .filter_map(|unit| unit.try_into().ok())
            .map(self.from_bytes)
            .collect();
        let at_end = read == 0;
        let is_half = |unit: &u16| (0xd800..0xdc00).contains(unit);
        let mut kept = bytes.len() % 2;
        if units.last().is_some_and(is_half) && !at_end {
            units.pop();
            kept += 2;
        }
        self.kept = bytes.split_off(bytes.len() - kept);
        if at_end && kept > 0 {
            return Err(broken("ends inside of a character"));
        }
        let text: Result<String, _> = char::decode_utf16(units).collect();
        text.map(String::into_bytes)
            .map_err(|_| broken("holds half of a character"))
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.ready.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            let chunk = self.next_chunk()?;
            if chunk.is_empty() && self.kept.is_empty() {
                return Ok(0);
            }
            self.ready = Cursor::new(chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "UsageStartTime,ort\r\n1,Zürich 東京 𝄞";

    fn utf_16(mark: &[u8], to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        let units = TEXT.encode_utf16().flat_map(to_bytes);
        mark.iter().copied().chain(units).collect()
    }

    fn read(bytes: &[u8]) -> io::Result<(Encoding, String)> {
        // As slowly as a reader may give it.
        let (encoding, mut text) = decoded(BufReader::with_capacity(1, bytes))?;
        let mut read = String::new();
        text.read_to_string(&mut read)?;
        Ok((encoding, read))
    }

    #[test]
    fn whatever_windows_writes_is_the_same_text() {
        let marked = [UTF_8_MARK, TEXT.as_bytes()].concat();
        for (bytes, expected) in [
            (TEXT.as_bytes().to_vec(), Encoding::Utf8),
            (marked, Encoding::Utf8WithMark),
            (utf_16(b"\xff\xfe", u16::to_le_bytes), Encoding::Utf16LittleEndian),
            (utf_16(b"\xfe\xff", u16::to_be_bytes), Encoding::Utf16BigEndian),
            (utf_16(b"", u16::to_le_bytes), Encoding::Utf16LittleEndian),
            (utf_16(b"", u16::to_be_bytes), Encoding::Utf16BigEndian),
        ] {
            assert_eq!(read(&bytes).unwrap(), (expected, TEXT.to_owned()));
        }
        assert_eq!(read(b"").unwrap(), (Encoding::Utf8, String::new()));
    }

    #[test]
    fn a_character_on_the_border_of_two_chunks_is_not_torn_apart() {
        let ahead = usize::try_from(CHUNK_BYTES).unwrap() / 2 - 1;
        let long = format!("{}𝄞", "a".repeat(ahead));
        let bytes: Vec<u8> = long.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&bytes).unwrap().1, long);
    }

    #[test]
    fn a_text_that_was_cut_off_is_not_taken_for_whole() {
        let whole = utf_16(b"\xff\xfe", u16::to_le_bytes);
        for cut in 1..=3 {
            let error = read(&whole[..whole.len() - cut]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{cut}");
        }
    }
}
