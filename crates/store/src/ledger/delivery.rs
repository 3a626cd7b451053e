//! A batch on its way to the writer: owned, sorted, and with nothing in it that the writer does not need.

use std::collections::{BTreeMap, HashMap};

use domain::ids::{BatchId, CloudId, LocalMeterId, LocalSubscriptionId, QuarantineActId};
use domain::quantity::Quantity;
use domain::quarantine::RECORD_TEXT_BYTES_MAX;
use domain::resource_id::append_folded;
use domain::time::{Hour, Timestamp};
use domain::usage::{Granularity, QuarantineCode, UsageRecord};

use super::cache::{Fingerprint, KnownSeries, SeriesCache};
use super::folding::former_key;
use super::ids::{SeriesId, SeriesKey};
use super::kept::text_digest;
use crate::receipt::Link;
use crate::usage::{Attributes, Batch, DeliveredRecord, LocalSubscriptionKey, ReportedWindow};

/// What one record says about its series.
#[derive(Clone, Copy)]
pub(super) struct Said {
    pub(super) start: Hour,
    /// The record's place in the batch.
    pub(super) index: u32,
    /// The place of its attributes in [`Delivery::attributes`]; nothing if they are those in force in that hour.
    pub(super) attributes: Option<usize>,
    pub(super) granularity: Granularity,
    pub(super) quantity: Quantity,
}

/// A record of a known series.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) series: SeriesId,
    /// What that is stored under.
    pub(super) key: SeriesKey,
    pub(super) said: Said,
}

impl Row {
    /// Puts rows into the order of the sheets; those with the same key stay in the order of the delivery.
    pub(super) fn sort(rows: &mut [Self]) {
        rows.sort_unstable_by_key(|row| (row.said.start, row.series, row.said.index));
    }

    /// The rows of each sheet, in order, each with all rows from there on.
    pub(super) fn by_sheet(rows: &[Self]) -> impl Iterator<Item = (&[Self], &[Self])> {
        let place = |row: &Self| (row.said.start, row.series.block());
        let mut from = 0;
        rows.chunk_by(move |one, other| place(one) == place(other))
            .map(move |of_sheet| {
                let here = &rows[from..];
                from += of_sheet.len();
                (of_sheet, here)
            })
    }
}

/// A series that the cache does not know, and its records.
pub(super) struct UnknownSeries {
    pub(super) fingerprint: Fingerprint,
    /// What it is stored under.
    pub(super) key: SeriesKey,
    /// What an earlier version stored it under, if that may be something else.
    pub(super) former_key: Option<SeriesKey>,
    pub(super) local_subscription: LocalSubscriptionId,
    pub(super) local_meter: LocalMeterId,
    pub(super) resource_uri: Box<str>,
    pub(super) records: Vec<Said>,
}

/// A set of attributes.
pub(super) struct KeyedAttributes {
    /// What it is stored under.
    pub(super) key: [u8; 16],
    pub(super) texts: Attributes,
}

/// A record in quarantine, owned.
#[derive(Clone)]
pub(super) struct Refused {
    pub(super) index: u32,
    pub(super) code: QuarantineCode,
    pub(super) message: String,
    /// Its text, or the beginning of it.
    pub(super) raw: String,
    /// How long its text is, if that is only the beginning.
    pub(super) raw_bytes: Option<usize>,
    /// What stands for its text, all of it.
    pub(super) text_digest: [u8; 32],
}

impl Refused {
    /// Of a text that is too long the beginning is kept, and the message says so.
    pub(super) fn new(index: u32, code: QuarantineCode, mut message: String, raw: &str) -> Self {
        let raw_bytes = (raw.len() > RECORD_TEXT_BYTES_MAX).then_some(raw.len());
        if let Some(bytes) = raw_bytes {
            message.push_str(&format!(
                "{}, as it has more than {RECORD_TEXT_BYTES_MAX}: deliver it again as it should be, or release it with its whole \
                 text mended",
                only_beginning(bytes)
            ));
        }
        Self {
            index,
            code,
            message,
            raw: beginning(raw).to_owned(),
            raw_bytes,
            text_digest: text_digest(raw),
        }
    }
}

/// What the message of a record says whose text has so many bytes and is not kept but for its beginning. The message is part of the
/// receipt's chain, so an audit goes by it.
pub(super) fn only_beginning(bytes: impl std::fmt::Display) -> String {
    format!(". Of its text, which has {bytes} bytes, only the beginning is kept")
}

/// As much of a text as is kept, cut between two letters.
fn beginning(text: &str) -> &str {
    let whole_letters = (0..=RECORD_TEXT_BYTES_MAX).rev();
    let mut cuts = whole_letters.filter_map(|at| text.get(..at));
    if text.len() <= RECORD_TEXT_BYTES_MAX {
        text
    } else {
        cuts.next().unwrap_or_default()
    }
}

/// What makes a delivery a release of records from quarantine.
pub(super) struct OfRelease {
    /// The act.
    pub(super) act: QuarantineActId,
    /// The records, by index.
    pub(super) records: Vec<Releasing>,
}

impl OfRelease {
    fn bytes(&self) -> usize {
        let mended = |it: &Releasing| it.mended.as_ref().map_or(0, String::len);
        self.records
            .iter()
            .map(|it| size_of::<Releasing>() + mended(it))
            .sum()
    }
}

/// A record that is to be released.
pub(super) struct Releasing {
    /// Its position in the quarantine.
    pub(super) position: u64,
    /// The text it was read from, if that is not the one that was sent.
    pub(super) mended: Option<String>,
    /// BLAKE3 of the text it was read from.
    pub(super) text_digest: [u8; 32],
}

/// A batch as the writer takes it.
pub(super) struct Delivery {
    pub(super) id: BatchId,
    pub(super) stack: CloudId,
    pub(super) received_at: Timestamp,
    pub(super) window: ReportedWindow,
    pub(super) idempotency_key: Option<String>,
    /// Receipts that have to be here for it to be stored.
    pub(super) known_receipts: Vec<Link>,
    pub(super) digest: [u8; 32],
    /// How many records were handed in: told by the batch, not by what follows, so that a record lost in between is
    /// missed.
    pub(super) received: u32,
    /// The records of known series, by usage start, series and index.
    pub(super) rows: Vec<Row>,
    pub(super) unknown: Vec<UnknownSeries>,
    /// Attributes that are not, or may not be, those in force.
    pub(super) attributes: Vec<KeyedAttributes>,
    /// The known series among whose records are such attributes.
    pub(super) changing: HashMap<SeriesId, (Fingerprint, SeriesKey)>,
    pub(super) refused: Vec<Refused>,
    /// What is known of its records, if they are released from quarantine.
    pub(super) release: Option<OfRelease>,
    /// The texts of records that the writer has asked for.
    pub(super) raw: BTreeMap<u32, String>,
    /// [`SeriesCache::forgotten`] before the first series was looked up.
    pub(super) forgotten_before: u64,
    /// [`SeriesCache::attribute_changes`] before the first series was looked up; nothing if all attributes are here.
    pub(super) looked_up_at: Option<u64>,
}

/// What the writer needs and a delivery did not bring.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// The attributes of all records: what it knew of its series is no longer so.
    pub(super) all_attributes: bool,
    /// The texts of the records with these indexes.
    pub(super) raw: Vec<u32>,
}

impl Wanted {
    pub(super) fn add(&mut self, more: Self) {
        self.all_attributes |= more.all_attributes;
        self.raw.extend(more.raw);
    }
}

impl Delivery {
    /// The memory it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let unknown = |it: &UnknownSeries| {
            size_of::<UnknownSeries>() + it.resource_uri.len() + it.records.len() * size_of::<Said>()
        };
        let attributes = |it: &KeyedAttributes| {
            let Attributes {
                location,
                tags,
                additional_info,
            } = &it.texts;
            size_of::<KeyedAttributes>() + location.len() + tags.len() + additional_info.len()
        };
        let refused = |it: &Refused| size_of::<Refused>() + it.message.len() + it.raw.len();
        size_of::<Self>()
            + self.rows.len() * size_of::<Row>()
            + self.unknown.iter().map(unknown).sum::<usize>()
            + self.attributes.iter().map(attributes).sum::<usize>()
            + self.refused.iter().map(refused).sum::<usize>()
            + self.raw.values().map(String::len).sum::<usize>()
            + self.release.as_ref().map_or(0, OfRelease::bytes)
    }

    /// Looks every series up and leaves out what the writer knows.
    pub(super) fn prepare(batch: &Batch<'_>, cache: &SeriesCache, wanted: &Wanted) -> Self {
        let mut delivery = Self {
            id: batch.id,
            stack: batch.stack,
            received_at: batch.received_at,
            window: batch.window,
            idempotency_key: batch.idempotency_key.map(str::to_owned),
            known_receipts: batch.known_receipts.to_vec(),
            digest: batch.digest,
            received: batch.received(),
            rows: Vec::with_capacity(batch.records.len()),
            unknown: Vec::new(),
            attributes: Vec::new(),
            changing: HashMap::new(),
            refused: batch.quarantined.iter().map(Refused::from).collect(),
            release: None,
            raw: wanted
                .raw
                .iter()
                .map(|index| (*index, (batch.raw)(*index)))
                .collect(),
            forgotten_before: cache.forgotten(),
            looked_up_at: (!wanted.all_attributes).then(|| cache.attribute_changes()),
        };
        let mut sorter = Sorter {
            cache,
            changed_by_others: cache.last_change_by_others(batch.stack),
            unknown: HashMap::new(),
            attributes: HashMap::new(),
            identity: Vec::new(),
            scratch: Vec::new(),
        };
        for record in batch.records {
            sorter.put(record, &mut delivery);
        }
        Row::sort(&mut delivery.rows);
        delivery
    }
}

struct Sorter<'a> {
    cache: &'a SeriesCache,
    /// [`SeriesCache::last_change_by_others`] of the stack.
    changed_by_others: u64,
    /// Places in [`Delivery::unknown`].
    unknown: HashMap<Fingerprint, usize>,
    /// Places in [`Delivery::attributes`].
    attributes: HashMap<Fingerprint, usize>,
    /// The series of the record at hand.
    identity: Vec<u8>,
    scratch: Vec<u8>,
}

impl Sorter<'_> {
    fn put(&mut self, delivered: &DeliveredRecord<'_>, delivery: &mut Delivery) {
        let DeliveredRecord { index, record } = delivered;
        let of = LocalSubscriptionKey {
            stack: delivery.stack,
            local_subscription: record.local_subscription,
        };
        identify(of, record.local_meter, &record.resource_uri, &mut self.identity);
        let series = self.cache.fingerprint(&self.identity);
        let attributes = self.cache.attributes(
            &record.location,
            &record.tags,
            &record.additional_info,
            &mut self.scratch,
        );
        let known = self.cache.get(series);
        let in_force = |known: &KnownSeries| {
            known.as_of >= self.changed_by_others
                && record.start >= known.since
                && attributes == known.attributes
        };
        let left_out = delivery.looked_up_at.is_some() && known.as_ref().is_some_and(in_force);
        let said = Said {
            start: record.start,
            index: *index,
            attributes: (!left_out).then(|| self.place_of_attributes(attributes, record, delivery)),
            granularity: record.granularity,
            quantity: record.quantity,
        };
        match known {
            Some(known) => {
                if !left_out {
                    delivery.changing.insert(known.series, (series, known.key));
                }
                delivery.rows.push(Row {
                    series: known.series,
                    key: known.key,
                    said,
                });
            }
            None => self.unknown(series, record, delivery).records.push(said),
        }
    }

    fn place_of_attributes(
        &mut self,
        fingerprint: Fingerprint,
        record: &UsageRecord<'_>,
        delivery: &mut Delivery,
    ) -> usize {
        *self.attributes.entry(fingerprint).or_insert_with(|| {
            let texts = Attributes {
                location: record.location.to_string(),
                tags: record.tags.to_string(),
                additional_info: record.additional_info.to_string(),
            };
            let key = attributes_key(&texts);
            delivery.attributes.push(KeyedAttributes { key, texts });
            delivery.attributes.len() - 1
        })
    }

    fn unknown<'d>(
        &mut self,
        fingerprint: Fingerprint,
        record: &UsageRecord<'_>,
        delivery: &'d mut Delivery,
    ) -> &'d mut UnknownSeries {
        let place = *self.unknown.entry(fingerprint).or_insert_with(|| {
            let of = LocalSubscriptionKey {
                stack: delivery.stack,
                local_subscription: record.local_subscription,
            };
            let uri = &*record.resource_uri;
            delivery.unknown.push(UnknownSeries {
                fingerprint,
                key: series_key(&self.identity),
                former_key: (!uri.is_ascii()).then(|| former_key(of, record.local_meter, uri)),
                local_subscription: record.local_subscription,
                local_meter: record.local_meter,
                resource_uri: uri.into(),
                records: Vec::new(),
            });
            delivery.unknown.len() - 1
        });
        &mut delivery.unknown[place]
    }
}

/// Writes down what makes a record's series this one and no other, the same whatever the case of its resource URI.
pub(super) fn identify(
    of: LocalSubscriptionKey,
    local_meter: LocalMeterId,
    resource_uri: &str,
    identity: &mut Vec<u8>,
) {
    identity.clear();
    identity.extend_from_slice(of.stack.as_bytes());
    identity.extend_from_slice(of.local_subscription.as_bytes());
    identity.extend_from_slice(local_meter.as_bytes());
    append_folded(resource_uri, identity);
}

/// What the series is stored under.
pub(super) fn series_key(identity: &[u8]) -> SeriesKey {
    let mut key = [0; 16];
    blake3::Hasher::new()
        .update(identity)
        .finalize_xof()
        .fill(&mut key);
    key
}

/// What a set of attributes is stored under.
pub(super) fn attributes_key(attributes: &Attributes) -> [u8; 16] {
    let Attributes {
        location,
        tags,
        additional_info,
    } = attributes;
    let mut hasher = blake3::Hasher::new();
    for text in [location, tags, additional_info] {
        hasher
            .update(&(text.len() as u64).to_be_bytes())
            .update(text.as_bytes());
    }
    let mut key = [0; 16];
    hasher.finalize_xof().fill(&mut key);
    key
}

impl From<&domain::usage::Quarantined<'_>> for Refused {
    fn from(quarantined: &domain::usage::Quarantined<'_>) -> Self {
        Self::new(
            quarantined.index,
            quarantined.code,
            quarantined.message.clone(),
            &quarantined.raw,
        )
    }
}
