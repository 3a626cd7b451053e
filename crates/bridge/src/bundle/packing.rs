//! Putting the pages of one hour into parts: records one to a line, as the stack wrote them, compressed.

use domain::bundle::Digest;
use domain::time::Hour;
use wire::bundle::{PART_BYTES_MAX, Packed, Part, digested_parameters};
use wire::stack_admin::records_of_page;

use crate::frame::compress;
use crate::stack::Failure;
use crate::trouble::Trouble;

/// How many records a part has at the most: many enough to compress well, few enough to be sent again.
const RECORDS_MAX: u32 = 10_000;
/// From how many bytes on a part is closed.
const BYTES_WANTED: usize = 8 * 1024 * 1024;

/// A part with its content, compressed.
pub(super) struct PackedPart {
    pub(super) part: Part,
    pub(super) content: Vec<u8>,
}

/// The digest of a part: that of the receipt of its delivery.
pub(super) fn digest_of_part(content: &[u8], hour: Hour) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(content);
    hasher.update(digested_parameters(Some(hour), Some(hour.plus(1)), None).as_bytes());
    Digest::from_bytes(hasher.finalize().into())
}

/// The digest of the directory.
pub(super) fn digest_of(content: &[u8]) -> Digest {
    Digest::from_bytes(blake3::hash(content).into())
}

/// Compresses a file of a bundle.
pub(super) fn packed(content: &[u8], digest: Digest) -> Result<(Packed, Vec<u8>), Trouble> {
    let compressed = compress(content).map_err(|error| too_large(&error))?;
    let bytes = |content: &[u8]| u64::try_from(content.len()).unwrap_or(u64::MAX);
    let packed = Packed {
        bytes: bytes(content),
        compressed_bytes: bytes(&compressed),
        digest,
    };
    if packed.bytes.max(packed.compressed_bytes) > PART_BYTES_MAX {
        return Err(too_large(&format!("it has {} bytes", packed.bytes)));
    }
    Ok((packed, compressed.into()))
}

fn too_large(why: &dyn std::fmt::Display) -> Trouble {
    Trouble::new(
        "PartTooLarge",
        format!("Something that the stack answered cannot be put into a bundle: {why}."),
        "Report it to the makers of the bridge: no answer of a stack is that large.",
    )
}

/// The parts of one hour in the making.
pub(super) struct Packer {
    hour: Hour,
    lines: Vec<u8>,
    records: u32,
    parts: Vec<PackedPart>,
}

impl Packer {
    pub(super) const fn new(hour: Hour) -> Self {
        Self {
            hour,
            lines: Vec::new(),
            records: 0,
            parts: Vec::new(),
        }
    }

    /// Adds a page as the stack sent it. What its records say is for the server to judge: those that cannot be counted are
    /// put into quarantine there, and cost none of the others.
    ///
    /// # Errors
    /// [`Failure::Temporary`] if it is no page: it is asked for again, as the bridge does, and never passed over.
    pub(super) fn add(&mut self, page: &[u8]) -> Result<(), Failure> {
        let records = records_of_page(page).map_err(|error| {
            let message = format!(
                "A page of the reported hour {} cannot be read: {error}.",
                self.hour
            );
            Failure::temporary("AnswerBroken", message)
        })?;
        for record in records {
            let record = record.get().as_bytes();
            if self.records > 0 && self.lines.len() + record.len() > BYTES_WANTED {
                self.close().map_err(Failure::Refused)?;
            }
            // A line end can only be white space between the members.
            self.lines.extend(record.iter().map(|byte| match byte {
                b'\n' | b'\r' => b' ',
                byte => *byte,
            }));
            self.lines.push(b'\n');
            self.records += 1;
            if self.records == RECORDS_MAX {
                self.close().map_err(Failure::Refused)?;
            }
        }
        Ok(())
    }

    /// The parts; none if nothing was reported.
    pub(super) fn finish(mut self) -> Result<Vec<PackedPart>, Trouble> {
        if self.records > 0 {
            self.close()?;
        }
        Ok(self.parts)
    }

    fn close(&mut self) -> Result<(), Trouble> {
        let digest = digest_of_part(&self.lines, self.hour);
        let (packed, content) = packed(&self.lines, digest)?;
        self.parts.push(PackedPart {
            part: Part {
                hour: self.hour,
                records: self.records,
                packed,
            },
            content,
        });
        (self.lines, self.records) = (Vec::new(), 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_pass_as_they_were_written_one_to_a_line() {
        let mut packer = Packer::new("2026-10-01T05:00:00Z".parse().unwrap());
        packer
            .add(b"{\"value\": [ {\"q\":\n 0.10000000000000000000000001,\r\n\"t\":\"\\n\"}, 5 ], \"nextLink\": \"x\"}")
            .unwrap();
        packer.add(b"{\"value\":[]}").unwrap();
        let parts = packer.finish().unwrap();
        assert_eq!((parts.len(), parts[0].part.records), (1, 2));
        let text = zstd::decode_all(&*parts[0].content).unwrap();
        let expected = b"{\"q\":  0.10000000000000000000000001,  \"t\":\"\\n\"}\n5\n";
        assert_eq!(text, expected);
        assert_eq!(parts[0].part.packed.bytes, expected.len() as u64);
    }

    #[test]
    fn whatever_the_bridge_delivers_is_put_into_a_bundle_and_what_is_no_page_is_asked_for_again() {
        let mut packer = Packer::new("2026-10-01T05:00:00Z".parse().unwrap());
        let long = format!("\"{}\"", "x".repeat(40 * 1024 * 1024));
        for page in [
            "\u{feff}{\"value\":[{\"properties\":{}}]}".to_owned(),
            r#"{"odata.nextLink":"x","Value":[null,"\ud800",[],{"properties":{"quantity":"many"}}]}"#
                .to_owned(),
            format!(r#"{{"value":[{long}]}}"#),
        ] {
            packer.add(page.as_bytes()).unwrap();
        }
        for page in ["", "<html>", "{\"value\":[{}", "{\"value\":null}"] {
            let failure = packer.add(page.as_bytes()).unwrap_err();
            assert!(matches!(failure, Failure::Temporary(..)), "{page}: {failure:?}");
        }
        let parts = packer.finish().unwrap();
        let records: u32 = parts.iter().map(|it| it.part.records).sum();
        assert_eq!(records, 6, "nothing of what was refused stays behind");
    }

    #[test]
    fn an_hour_with_many_records_has_several_parts_and_one_without_has_none() {
        let hour = "2026-10-01T05:00:00Z".parse().unwrap();
        let page = format!("{{\"value\":[{}]}}", vec!["{}"; 6000].join(","));
        let mut packer = Packer::new(hour);
        for _ in 0..2 {
            packer.add(page.as_bytes()).unwrap();
        }
        let records: Vec<_> = packer
            .finish()
            .unwrap()
            .iter()
            .map(|it| it.part.records)
            .collect();
        assert_eq!(records, [10_000, 2000]);
        assert!(Packer::new(hour).finish().unwrap().is_empty());
    }
}
