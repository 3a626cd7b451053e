//! The manifest of a bundle: read strictly, since whoever carries a file may have changed it.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::bundle::{BUNDLE_HOURS_MAX, BUNDLE_PARTS_MAX, Bundle, Digest};
use domain::ids::{CloudId, RegistrationId};
use domain::time::{Hour, HourInterval, Timestamp, parse_timestamp};
use domain::usage::RECORDS_PER_DELIVERY_MAX;
use serde::{Deserialize, Serialize};

/// The most bytes of a manifest: the most parts fit in.
pub const MANIFEST_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The most bytes of a part, and of the directory, before and after compression: no answer of a stack is longer, and a server
/// takes no more.
pub const PART_BYTES_MAX: u64 = 64 * 1024 * 1024;

const FORMAT: &str = "meterbridge-bundle/2";
/// The form before, in which no hour is read again and none is left out.
const FORMER_FORMAT: &str = "meterbridge-bundle/1";
const FORMAT_OF_ANY_VERSION: &str = "meterbridge-bundle/";
const MADE_BY_CHARACTERS_MAX: usize = 200;

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The stack.
    pub stack: CloudId,
    /// The life of the stack's registration for which it was made.
    pub registration: RegistrationId,
    /// The key that it is signed with.
    pub public_key: [u8; 32],
    /// Its number among the bundles of that life.
    pub sequence: NonZeroU32,
    /// The bundle before.
    pub previous: Option<Digest>,
    /// The hours of reported time that it holds completely: their end is how far the stack has reported.
    pub window: HourInterval,
    /// From here on hours before the window were read again, up to it, for usage that came late; none if none were.
    pub read_again_from: Option<Hour>,
    /// Whoever made it, the first of its registration, has said that hours before the window, though nobody reported
    /// them, are left out.
    pub leaves_out_earlier: bool,
    /// Who is on the stack, as its admin API lists it.
    pub directory: Option<Packed>,
    /// The usage, in the order of time: each part is one delivery.
    pub parts: Vec<Part>,
    /// When it was made.
    pub made_at: Timestamp,
    /// By which program.
    pub made_by: String,
}

/// Some records of one hour of reported time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The hour.
    pub hour: Hour,
    /// How many records it holds, one in each line.
    pub records: u32,
    /// The file. Its digest is the one that the receipt of its delivery will have: BLAKE3 of the content and, after it, the
    /// window; see [`super::digested_parameters`].
    pub packed: Packed,
}

/// A file inside of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed {
    /// Its bytes.
    pub bytes: u64,
    /// Its bytes as it stands in the bundle.
    pub compressed_bytes: u64,
    /// Its digest, before compression.
    pub digest: Digest,
}

/// A text that is no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidManifest {
    /// It was written by a newer program.
    #[error("it is written in the form '{0}', which this version does not know: use a newer one")]
    Newer(String),
    /// It is something else, or contradicts itself.
    #[error("{member}: {message}")]
    Content {
        /// The member.
        member: String,
        /// What would be right.
        message: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Text {
    format: String,
    cloud_id: String,
    registration_id: String,
    public_key: String,
    sequence: NonZeroU32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    reported_start: String,
    reported_end: String,
    reported_through: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read_again_from: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    leaves_out_earlier: bool,
    records: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    directory: Option<PackedText>,
    parts: Vec<PartText>,
    made_at: String,
    made_by: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PartText {
    reported_start: String,
    reported_end: String,
    records: u32,
    bytes: u64,
    compressed_bytes: u64,
    digest: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PackedText {
    bytes: u64,
    compressed_bytes: u64,
    digest: String,
}

fn refuse(member: impl Into<String>, message: impl std::fmt::Display) -> InvalidManifest {
    InvalidManifest::Content {
        member: member.into(),
        message: message.to_string(),
    }
}

fn member<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &str,
    text: &str,
) -> Result<T, InvalidManifest> {
    text.parse().map_err(|error| refuse(name, error))
}

fn window(name: &str, start: &str, end: &str) -> Result<HourInterval, InvalidManifest> {
    let hours = HourInterval::new(
        member(&format!("{name}reportedStart"), start)?,
        member(&format!("{name}reportedEnd"), end)?,
    );
    hours.ok_or_else(|| {
        refuse(
            format!("{name}reportedEnd"),
            "expected an hour after reportedStart",
        )
    })
}

impl Manifest {
    /// The bundle that has this manifest, as far as order goes.
    #[must_use]
    pub const fn bundle(&self, digest: Digest) -> Bundle {
        Bundle {
            sequence: self.sequence,
            digest,
            previous: self.previous,
            window: self.window,
        }
    }

    /// The hours of reported time that the stack declares with it: its window, and those before it that were read again.
    #[must_use]
    pub fn declared(&self) -> HourInterval {
        let read = self.read_again_from.unwrap_or(self.window.start());
        HourInterval::new(read, self.window.end()).unwrap_or(self.window)
    }

    /// How many records it holds.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.parts.iter().map(|part| u64::from(part.records)).sum()
    }

    /// Its text.
    ///
    /// # Errors
    /// [`InvalidManifest`] if it is not one that [`Self::read`] reads.
    pub fn write(&self) -> Result<String, InvalidManifest> {
        let parts = self.parts.iter().map(|part| PartText {
            reported_start: part.hour.to_string(),
            reported_end: part.hour.plus(1).to_string(),
            records: part.records,
            bytes: part.packed.bytes,
            compressed_bytes: part.packed.compressed_bytes,
            digest: part.packed.digest.to_string(),
        });
        let text = Text {
            format: FORMAT.to_owned(),
            cloud_id: self.stack.to_string(),
            registration_id: self.registration.to_string(),
            public_key: STANDARD.encode(self.public_key),
            sequence: self.sequence,
            previous: self.previous.map(|previous| previous.to_string()),
            reported_start: self.window.start().to_string(),
            reported_end: self.window.end().to_string(),
            reported_through: self.window.end().to_string(),
            read_again_from: self.read_again_from.map(|hour| hour.to_string()),
            leaves_out_earlier: self.leaves_out_earlier,
            records: self.records(),
            directory: self.directory.map(|directory| PackedText {
                bytes: directory.bytes,
                compressed_bytes: directory.compressed_bytes,
                digest: directory.digest.to_string(),
            }),
            parts: parts.collect(),
            made_at: format!("{:.0}", self.made_at),
            made_by: self.made_by.clone(),
        };
        let text = serde_json::to_string_pretty(&text).map_err(|error| refuse("manifest", error))?;
        Self::read(&text)?;
        Ok(text)
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    /// [`InvalidManifest`].
    pub fn read(text: &str) -> Result<Self, InvalidManifest> {
        #[derive(Deserialize)]
        struct Versioned {
            format: String,
        }
        if text.len() > MANIFEST_BYTES_MAX {
            let message = format!("expected at most {MANIFEST_BYTES_MAX} bytes");
            return Err(refuse("manifest", message));
        }
        let json = |error: serde_json::Error| refuse("manifest", error);
        let Versioned { format } = serde_json::from_str(text).map_err(json)?;
        if format != FORMAT && format != FORMER_FORMAT {
            return Err(if format.starts_with(FORMAT_OF_ANY_VERSION) {
                InvalidManifest::Newer(format.chars().take(MADE_BY_CHARACTERS_MAX).collect())
            } else {
                refuse("format", format!("expected '{FORMAT}'"))
            });
        }
        serde_json::from_str::<Text>(text).map_err(json)?.read()
    }
}

impl Text {
    fn read(self) -> Result<Manifest, InvalidManifest> {
        let window = window("", &self.reported_start, &self.reported_end)?;
        if window.hours() > BUNDLE_HOURS_MAX {
            return Err(refuse(
                "reportedEnd",
                format!("expected at most {BUNDLE_HOURS_MAX} hours"),
            ));
        }
        if self.reported_through != self.reported_end {
            return Err(refuse("reportedThrough", "expected the same as reportedEnd"));
        }
        let read_again_from = self.read_again_from(window)?;
        if self.leaves_out_earlier && self.sequence > NonZeroU32::MIN {
            let message = "expected in the first bundle of a registration alone: any other begins where the one before ended";
            return Err(refuse("leavesOutEarlier", message));
        }
        if self.parts.len() > BUNDLE_PARTS_MAX {
            return Err(refuse("parts", format!("expected at most {BUNDLE_PARTS_MAX}")));
        }
        let key = STANDARD.decode(&self.public_key).ok();
        let key = key.and_then(|key| key.try_into().ok());
        let mut parts = Vec::with_capacity(self.parts.len());
        let mut earliest = read_again_from.unwrap_or(window.start());
        for (index, part) in self.parts.iter().enumerate() {
            let part = part.read(&format!("parts[{index}]."), (earliest, window.end()))?;
            earliest = part.hour;
            parts.push(part);
        }
        let made_by = self.made_by;
        if made_by.chars().count() > MADE_BY_CHARACTERS_MAX || made_by.chars().any(char::is_control) {
            return Err(refuse(
                "madeBy",
                format!("expected at most {MADE_BY_CHARACTERS_MAX} characters"),
            ));
        }
        let manifest = Manifest {
            stack: member("cloudId", &self.cloud_id)?,
            registration: member("registrationId", &self.registration_id)?,
            public_key: key.ok_or_else(|| refuse("publicKey", "expected 32 bytes in base64"))?,
            sequence: self.sequence,
            previous: self.previous.map(|text| member("previous", &text)).transpose()?,
            window,
            read_again_from,
            leaves_out_earlier: self.leaves_out_earlier,
            directory: self.directory.map(|it| it.read("directory.")).transpose()?,
            parts,
            made_at: parse_timestamp(&self.made_at).map_err(|error| refuse("madeAt", error))?,
            made_by,
        };
        if manifest.records() != self.records {
            return Err(refuse("records", "expected the sum of the parts"));
        }
        Ok(manifest)
    }

    /// Where hours before the window begin that were read again.
    fn read_again_from(&self, window: HourInterval) -> Result<Option<Hour>, InvalidManifest> {
        let Some(text) = &self.read_again_from else {
            return Ok(None);
        };
        let from = member("readAgainFrom", text)?;
        let again = HourInterval::new(from, window.start());
        if again.is_none_or(|again| again.hours() > BUNDLE_HOURS_MAX) {
            let message =
                format!("expected an hour before reportedStart, by at most {BUNDLE_HOURS_MAX} hours");
            return Err(refuse("readAgainFrom", message));
        }
        Ok(Some(from))
    }
}

impl PartText {
    fn read(&self, name: &str, (earliest, end): (Hour, Hour)) -> Result<Part, InvalidManifest> {
        let hours = window(name, &self.reported_start, &self.reported_end)?;
        if hours.hours() != 1 || hours.start() < earliest || hours.end() > end {
            let message =
                "expected parts of one hour each, of the hours that were read, in the order of time";
            return Err(refuse(format!("{name}reportedStart"), message));
        }
        let records = usize::try_from(self.records).unwrap_or(usize::MAX);
        if records == 0 || records > RECORDS_PER_DELIVERY_MAX {
            let message = format!("expected 1 to {RECORDS_PER_DELIVERY_MAX}");
            return Err(refuse(format!("{name}records"), message));
        }
        let packed = PackedText {
            bytes: self.bytes,
            compressed_bytes: self.compressed_bytes,
            digest: self.digest.clone(),
        };
        Ok(Part {
            hour: hours.start(),
            records: self.records,
            packed: packed.read(name)?,
        })
    }
}

impl PackedText {
    fn read(&self, name: &str) -> Result<Packed, InvalidManifest> {
        for (member, bytes) in [("bytes", self.bytes), ("compressedBytes", self.compressed_bytes)] {
            if bytes == 0 || bytes > PART_BYTES_MAX {
                let message = format!("expected 1 to {PART_BYTES_MAX}");
                return Err(refuse(format!("{name}{member}"), message));
            }
        }
        Ok(Packed {
            bytes: self.bytes,
            compressed_bytes: self.compressed_bytes,
            digest: member(&format!("{name}digest"), &self.digest)?,
        })
    }
}
