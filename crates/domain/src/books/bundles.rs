//! Bundles: by which key a registration's are signed, and which were taken in.

use std::collections::HashMap;

use super::{Books, Entry};
use crate::bundle::{Bundle, OutOfOrder, Place, place};
use crate::ids::RegistrationId;
use crate::timeline::Recorded;

/// A public key of Ed25519.
pub type BundlePublicKey = [u8; 32];

/// One fact about bundles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleEntry {
    /// The bundles of a registration are signed with this key from now on, and with no other.
    KeyRegistered {
        /// The registration.
        registration: RegistrationId,
        /// The key.
        key: BundlePublicKey,
    },
    /// A bundle was taken in completely.
    Taken {
        /// The registration.
        registration: RegistrationId,
        /// The bundle.
        bundle: Bundle,
        /// In how many parts it was delivered.
        parts: u32,
        /// How many records it brought.
        records: u64,
    },
}

impl From<BundleEntry> for Entry {
    fn from(entry: BundleEntry) -> Self {
        Self::Bundle(entry)
    }
}

/// A key with which bundles are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleKey {
    /// The key.
    pub public: BundlePublicKey,
    /// Its number among those of the registration, from 1.
    pub generation: usize,
    /// Who registered it, and when.
    pub registered: Recorded,
}

/// A bundle that was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenBundle {
    /// The bundle.
    pub bundle: Bundle,
    /// In how many parts it was delivered.
    pub parts: u32,
    /// How many records it brought.
    pub records: u64,
    /// When, and by whom.
    pub taken: Recorded,
}

impl AsRef<Bundle> for TakenBundle {
    fn as_ref(&self) -> &Bundle {
        &self.bundle
    }
}

/// A key cannot be registered: it was, and another one took its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this bundle key was replaced by a newer one, and is good no more. Make a new key on the stack's side"
)]
pub struct KeyWasReplaced;

impl KeyWasReplaced {
    /// The stable code.
    pub const CODE: &'static str = "BundleKeyWasReplaced";
}

/// What is known of one life of a registration.
#[derive(Debug, Clone, Default)]
struct OfRegistration {
    keys: Vec<BundleKey>,
    taken: Vec<TakenBundle>,
}

/// The bundles of every registration.
#[derive(Debug, Clone, Default)]
pub(super) struct Bundles(HashMap<RegistrationId, OfRegistration>);

impl Bundles {
    pub(super) fn take_in(&mut self, entry: &BundleEntry, recorded: Recorded) -> Result<(), &'static str> {
        match entry {
            BundleEntry::KeyRegistered { registration, key } => {
                let keys = &mut self.0.entry(*registration).or_default().keys;
                keys.push(BundleKey {
                    public: *key,
                    generation: keys.len() + 1,
                    registered: recorded,
                });
            }
            BundleEntry::Taken {
                registration,
                bundle,
                parts,
                records,
            } => {
                let taken = &mut self.0.entry(*registration).or_default().taken;
                if place(taken, bundle) != Ok(Place::Next) {
                    return Err("the bundle is not the next one");
                }
                taken.push(TakenBundle {
                    bundle: *bundle,
                    parts: *parts,
                    records: *records,
                    taken: recorded,
                });
            }
        }
        Ok(())
    }
}

impl Books {
    /// The key with which bundles of a registration are signed now.
    #[must_use]
    pub fn bundle_key(&self, registration: RegistrationId) -> Option<&BundleKey> {
        self.bundles.0.get(&registration)?.keys.last()
    }

    /// The bundles of a registration that were taken in, in order.
    #[must_use]
    pub fn bundles_taken(&self, registration: RegistrationId) -> &[TakenBundle] {
        self.bundles
            .0
            .get(&registration)
            .map_or(&[], |known| &known.taken)
    }

    /// Where a bundle of a registration belongs.
    ///
    /// # Errors
    /// [`OutOfOrder`].
    pub fn place_bundle(&self, registration: RegistrationId, bundle: &Bundle) -> Result<Place, OutOfOrder> {
        place(self.bundles_taken(registration), bundle)
    }

    /// Registers the key with which the bundles of a registration are signed; any other is good no more. Registering the
    /// present one again enters nothing.
    ///
    /// # Errors
    /// [`KeyWasReplaced`] for one that another has replaced.
    pub fn register_bundle_key(
        &self,
        registration: RegistrationId,
        key: BundlePublicKey,
    ) -> Result<Option<Entry>, KeyWasReplaced> {
        if self
            .bundle_key(registration)
            .is_some_and(|present| present.public == key)
        {
            return Ok(None);
        }
        let known = self.bundles.0.get(&registration);
        if known.is_some_and(|known| known.keys.iter().any(|it| it.public == key)) {
            return Err(KeyWasReplaced);
        }
        Ok(Some(BundleEntry::KeyRegistered { registration, key }.into()))
    }
}

#[cfg(test)]
mod tests;
