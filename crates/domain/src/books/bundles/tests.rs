use std::num::NonZeroU32;

use super::*;
use crate::bundle::Digest;
use crate::ids::ObjectId;
use crate::time::{Hour, HourInterval};

const LIFE: RegistrationId = RegistrationId::from_bytes([1; 16]);
const NEXT_LIFE: RegistrationId = RegistrationId::from_bytes([2; 16]);

fn books(entries: &[BundleEntry]) -> Books {
    let mut books = Books::default();
    for (entry, number) in entries.iter().zip(1..) {
        books.apply(&entry.clone().into(), recorded(number)).unwrap();
    }
    books
}

fn recorded(entry: u64) -> Recorded {
    Recorded {
        entry,
        at: "2026-10-01T00:00:00Z".parse().unwrap(),
        by: ObjectId::from_bytes([9; 16]),
    }
}

fn key(registration: RegistrationId, key: u8) -> BundleEntry {
    BundleEntry::KeyRegistered {
        registration,
        key: [key; 32],
    }
}

fn taken(sequence: u32) -> BundleEntry {
    let digest = |number| Digest::from_bytes([number; 32]);
    let number = u8::try_from(sequence).unwrap();
    let start = Hour::from_epoch_hours(500_000).unwrap().plus(i32::from(number));
    BundleEntry::Taken {
        registration: LIFE,
        bundle: Bundle {
            sequence: NonZeroU32::new(sequence).unwrap(),
            digest: digest(number),
            previous: (sequence > 1).then(|| digest(number - 1)),
            window: HourInterval::new(start, start.plus(1)).unwrap(),
        },
        parts: 1,
        records: 7,
    }
}

#[test]
fn a_key_that_was_replaced_never_signs_for_the_registration_again() {
    let books = books(&[key(LIFE, 1), key(LIFE, 2)]);
    let present = books.bundle_key(LIFE).unwrap();
    assert_eq!(
        (present.public, present.generation, present.registered.entry),
        ([2; 32], 2, 2)
    );
    assert_eq!(books.register_bundle_key(LIFE, [2; 32]), Ok(None));
    assert_eq!(books.register_bundle_key(LIFE, [1; 32]), Err(KeyWasReplaced));
    assert_eq!(
        books.register_bundle_key(LIFE, [3; 32]),
        Ok(Some(key(LIFE, 3).into()))
    );
}

#[test]
fn a_new_life_of_a_registration_begins_without_a_key_and_without_bundles() {
    let books = books(&[key(LIFE, 1), taken(1), taken(2)]);
    assert_eq!(books.bundles_taken(LIFE).len(), 2);
    assert!(books.bundle_key(NEXT_LIFE).is_none());
    assert!(books.bundles_taken(NEXT_LIFE).is_empty());
}

#[test]
fn a_journal_in_which_a_bundle_is_missing_is_refused() {
    let mut books = books(&[key(LIFE, 1), taken(1)]);
    let contradiction = books.apply(&taken(3).into(), recorded(3)).unwrap_err();
    assert_eq!(contradiction.because, "the bundle is not the next one");
}
