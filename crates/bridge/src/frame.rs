//! Frames: deliveries as they stand in a segment of the spool.
//!
//! ```text
//! "MBF1" | length of the payload, u32 | BLAKE3 of everything else, 16 bytes | payload
//! payload = window, i32 | through, i32 or -1 | idempotency key, 16 bytes | records, u32 | page, zstd
//! ```
//! Numbers are little-endian; hours are counted from 1970-01-01T00:00Z.

use bytes::Bytes;
use domain::time::Hour;
use uuid::Uuid;

const MAGIC: &[u8; 4] = b"MBF1";
const CHECKSUM_BYTES: usize = 16;
/// What stands before the payload.
pub(crate) const HEAD_BYTES: usize = 4 + 4 + CHECKSUM_BYTES;
/// What stands in the payload before the page.
const DESCRIPTION_BYTES: usize = 4 + 4 + 16 + 4;
/// The most bytes of a payload: no page is longer, and what claims to be is damaged.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 80 * 1024 * 1024;
/// How hard pages are compressed: more costs more time than it saves bytes.
const COMPRESSION_LEVEL: i32 = 3;

/// One delivery, as it will be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The reported hour that it was read from.
    pub(crate) window: Hour,
    /// The stack has reported completely up to here, if this is what declares it.
    pub(crate) through: Option<Hour>,
    /// Under which name it is delivered, however often.
    pub(crate) key: Uuid,
    /// How many records are on the page.
    pub(crate) records: u32,
    /// The page as the stack sent it, compressed.
    pub(crate) page: Bytes,
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAFrame {
    #[error("it ends in the middle of a frame")]
    CutOff,
    #[error("no frame begins there")]
    NoBeginning,
    #[error("the checksum of the frame is not right")]
    Checksum,
    #[error("the frame says what no frame can say")]
    Content,
}

/// Compresses a page.
pub(crate) fn compress(page: &[u8]) -> std::io::Result<Bytes> {
    zstd::bulk::compress(page, COMPRESSION_LEVEL).map(Bytes::from)
}

impl Frame {
    /// The bytes of the frame.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, NotAFrame> {
        let length = DESCRIPTION_BYTES + self.page.len();
        let stated = u32::try_from(length).ok().filter(|_| length <= PAYLOAD_BYTES_MAX);
        let stated = stated.ok_or(NotAFrame::Content)?.to_le_bytes();
        let mut payload = Vec::with_capacity(length);
        payload.extend(self.window.epoch_hours().to_le_bytes());
        payload.extend(self.through.map_or(-1, Hour::epoch_hours).to_le_bytes());
        payload.extend(self.key.as_bytes());
        payload.extend(self.records.to_le_bytes());
        payload.extend(&self.page);
        Ok([
            MAGIC.as_slice(),
            stated.as_slice(),
            checksum(stated, &payload).as_slice(),
            payload.as_slice(),
        ]
        .concat())
    }

    /// How long the payload is that follows these bytes.
    pub(crate) fn payload_length(head: &[u8]) -> Result<usize, NotAFrame> {
        let head = head.first_chunk::<HEAD_BYTES>().ok_or(NotAFrame::CutOff)?;
        let [a, b, c, d, rest @ ..] = head;
        if [*a, *b, *c, *d] != *MAGIC {
            return Err(NotAFrame::NoBeginning);
        }
        let length = rest.first_chunk().map_or(0, |stated| u32::from_le_bytes(*stated));
        usize::try_from(length)
            .ok()
            .filter(|length| (DESCRIPTION_BYTES..=PAYLOAD_BYTES_MAX).contains(length))
            .ok_or(NotAFrame::Content)
    }

    /// Reads the frame of this head and payload.
    pub(crate) fn decode(head: &[u8], payload: &Bytes) -> Result<Self, NotAFrame> {
        if payload.len() < Self::payload_length(head)? {
            return Err(NotAFrame::CutOff);
        }
        let stated = head.get(4..).and_then(<[u8]>::first_chunk::<4>);
        let expected = head.get(8..HEAD_BYTES).ok_or(NotAFrame::CutOff)?;
        if checksum(*stated.ok_or(NotAFrame::CutOff)?, payload) != expected {
            return Err(NotAFrame::Checksum);
        }
        let mut fields = Fields(payload);
        let window = Hour::from_epoch_hours(i32::from_le_bytes(fields.take()?));
        let through = match i32::from_le_bytes(fields.take()?) {
            -1 => None,
            hours => Some(Hour::from_epoch_hours(hours).ok_or(NotAFrame::Content)?),
        };
        Ok(Self {
            window: window.ok_or(NotAFrame::Content)?,
            through,
            key: Uuid::from_bytes(fields.take()?),
            records: u32::from_le_bytes(fields.take()?),
            page: payload.slice(DESCRIPTION_BYTES..),
        })
    }
}

/// What is left to read of a payload.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], NotAFrame> {
        let (field, rest) = self.0.split_first_chunk::<N>().ok_or(NotAFrame::CutOff)?;
        self.0 = rest;
        Ok(*field)
    }
}

fn checksum(stated: [u8; 4], payload: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(MAGIC).update(&stated).update(payload);
    let mut sum = [0; CHECKSUM_BYTES];
    hasher.finalize_xof().fill(&mut sum);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames() -> impl Strategy<Value = Frame> {
        let hours = 0i32..Hour::MAX.epoch_hours();
        let page = prop::collection::vec(any::<u8>(), 0..200);
        (
            hours.clone(),
            prop::option::of(hours),
            any::<u128>(),
            any::<u32>(),
            page,
        )
            .prop_map(|(window, through, key, records, page)| Frame {
                window: Hour::from_epoch_hours(window).unwrap(),
                through: through.and_then(Hour::from_epoch_hours),
                key: Uuid::from_u128(key),
                records,
                page: page.into(),
            })
    }

    fn decode(bytes: &[u8]) -> Result<Frame, NotAFrame> {
        let length = Frame::payload_length(bytes)?;
        let payload = bytes[HEAD_BYTES..]
            .iter()
            .copied()
            .take(length)
            .collect::<Vec<_>>();
        Frame::decode(&bytes[..HEAD_BYTES], &payload.into())
    }

    proptest! {
        #[test]
        fn a_frame_reads_back_as_it_was_written(frame in frames()) {
            prop_assert_eq!(decode(&frame.encode().unwrap()), Ok(frame));
        }

        #[test]
        fn a_frame_of_which_one_bit_is_wrong_is_none(frame in frames(), at: prop::sample::Index, bit in 0u8..8) {
            let mut bytes = frame.encode().unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(decode(&bytes).is_err());
        }

        #[test]
        fn a_frame_that_is_cut_off_is_none(frame in frames(), at: prop::sample::Index) {
            let bytes = frame.encode().unwrap();
            let cut = at.index(bytes.len());
            prop_assert!(decode(&bytes[..cut]).is_err());
        }

        #[test]
        fn a_page_is_what_it_was_before_it_was_compressed(page in prop::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert_eq!(zstd::decode_all(&*compress(&page).unwrap()).unwrap(), page);
        }
    }
}
