//! Usage that is carried in files: whose key signs it, which file is next, and that all of it arrived.
//!
//! The parts of a bundle are deliveries like any others, under names that follow from the bundle's digest. What a bundle
//! adds is order: it is taken in when each of its deliveries is there with the content that the signed manifest says, and
//! only then the next one can be.

use domain::authorization::Deed;
use domain::books::{Books, BundleEntry, BundleKey, BundlePublicKey, KeyWasReplaced, TakenBundle};
use domain::bundle::{Bundle, Digest, OutOfOrder, Place, delivery_name, must_begin_by};
use domain::ids::{CloudId, RegistrationId};
use domain::registration::Registration;
use domain::time::Hour;
use domain::usage::latest_hour;
use store::Receipt;

use crate::access::{Caller, demand};
use crate::directory::Carried;
use crate::registrations::{WRITE_REGISTRATION, registration_of, valid_from};
use crate::seen::{registration_seen, scope_of};
use crate::usage::clocks;
use crate::{App, Error, Kind};

/// How many deliveries are looked up at a time.
const LOOKED_UP_AT_ONCE: usize = 1000;

/// What is known of a bundle before its content has arrived. Its signature was checked with the key that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncedBundle {
    /// The stack.
    pub stack: CloudId,
    /// The life of the stack's registration for which it was made.
    pub registration: RegistrationId,
    /// The key that it is signed with.
    pub key: BundlePublicKey,
    /// The bundle.
    pub bundle: Bundle,
    /// Whether it says itself that hours before it are left out.
    pub leaves_out_earlier: bool,
    /// What the stack's directory listed when it was made, if it says so.
    pub directory: Option<Carried>,
    /// How many records it holds.
    pub records: u64,
    /// The digests of its deliveries, in order: the parts and, last, the declaration of how far the stack has reported.
    pub deliveries: Vec<[u8; 32]>,
}

/// How much of a bundle is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedBundle {
    /// Where it belongs.
    pub place: Place,
    /// The deliveries that are missing, by number from 1.
    pub missing: Vec<usize>,
}

/// A bundle that was taken in, with all that proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleReceipt {
    /// The stack.
    pub stack: CloudId,
    /// This life of its registration.
    pub registration: RegistrationId,
    /// The bundle.
    pub taken: TakenBundle,
    /// The receipts of its deliveries, in order.
    pub receipts: Vec<Receipt>,
}

impl From<OutOfOrder> for Error {
    fn from(refused: OutOfOrder) -> Self {
        Self::new(Kind::Conflict, refused.code(), sentence(&refused)).about("manifest")
    }
}

impl From<KeyWasReplaced> for Error {
    fn from(refused: KeyWasReplaced) -> Self {
        Self::new(Kind::Conflict, KeyWasReplaced::CODE, sentence(&refused)).about("publicKey")
    }
}

fn sentence(refused: &impl ToString) -> String {
    let text = refused.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

impl App {
    /// Registers the key with which the bundles of a stack are signed, for this life of its registration. What was signed
    /// with another one is not taken in any more.
    ///
    /// # Errors
    /// `RegistrationNotFound`, `AuthorizationFailed`, `BundleKeyWasReplaced`, `ScopeLocked`, or as the store.
    pub async fn register_bundle_key(
        &self,
        caller: &Caller,
        stack: CloudId,
        key: BundlePublicKey,
    ) -> Result<(Registration, BundleKey), Error> {
        let registration = self
            .change(caller, |books| {
                let registration = registration_seen(books, caller, stack)?;
                let scope = scope_of(registration);
                demand(books, caller, WRITE_REGISTRATION, &scope)?;
                let entry = books.register_bundle_key(registration.id, key)?;
                if entry.is_some() {
                    books.check_locks(Deed::Write, &scope)?;
                }
                Ok((entry.into_iter().collect(), registration.clone()))
            })
            .await?;
        let known = self.read(|books| books.bundle_key(registration.id).copied());
        let known = known.ok_or_else(|| crate::error::internal("The key is gone already."))?;
        Ok((registration, known))
    }

    /// Whether a bundle may be delivered, and which of its deliveries are missing. Changes nothing.
    ///
    /// # Errors
    /// `RegistrationNotFound`, `BundleOfAnotherRegistration`, `BundleKeyNotRegistered`, `BundleKeyNotKnown`, [`OutOfOrder`],
    /// `ReportedTimeInFuture`, `BundlePartDiffers`, or as the store.
    pub async fn check_bundle(&self, announced: &AnnouncedBundle) -> Result<CheckedBundle, Error> {
        let through = self.usage.watermark(announced.stack).await?;
        let place = self.read(|books| self.admit(books, announced, through))?;
        let found = self.deliveries_of(announced).await?;
        let missing = found
            .iter()
            .zip(1..)
            .filter_map(|(receipt, number)| receipt.is_none().then_some(number));
        Ok(CheckedBundle {
            place,
            missing: missing.collect(),
        })
    }

    /// Takes note that all of a bundle has arrived. Done again, it is answered in the same way and changes nothing.
    ///
    /// # Errors
    /// As [`Self::check_bundle`], or `BundleIncomplete` or `BundleDirectoryMissing` with what is missing.
    pub async fn take_bundle(
        &self,
        caller: &Caller,
        announced: &AnnouncedBundle,
    ) -> Result<BundleReceipt, Error> {
        let through = self.usage.watermark(announced.stack).await?;
        self.read(|books| self.admit(books, announced, through))?;
        let found = self.deliveries_of(announced).await?;
        let (bundle, all) = (announced.bundle, found.len());
        if let Some(missing) = found.iter().position(Option::is_none) {
            let message = format!(
                "Delivery {} of {all} of bundle {} is not here: what has not arrived completely is not taken in. Import \
                 the file again, it goes on where it was.",
                missing + 1,
                bundle.sequence
            );
            return Err(Error::new(Kind::Conflict, "BundleIncomplete", message));
        }
        let entry = BundleEntry::Taken {
            registration: announced.registration,
            bundle,
            parts: u32::try_from(all.saturating_sub(1)).unwrap_or(u32::MAX),
            records: announced.records,
        };
        self.change(caller, |books| {
            if self.admit(books, announced, through)? == Place::Taken {
                return Ok((Vec::new(), ()));
            }
            must_be_listed(books, announced)?;
            Ok((vec![entry.clone().into()], ()))
        })
        .await?;
        let registration = announced.registration;
        let taken = self.read(|books| taken_one(books, registration, bundle.digest));
        Ok(BundleReceipt {
            stack: announced.stack,
            registration,
            taken: taken.ok_or_else(|| crate::error::internal("The bundle is gone already."))?,
            receipts: found.into_iter().flatten().collect(),
        })
    }

    /// The bundles that were taken in under the live registration of a stack, in order.
    ///
    /// # Errors
    /// `RegistrationNotFound`.
    pub fn bundles_taken(&self, caller: &Caller, stack: CloudId) -> Result<Vec<TakenBundle>, Error> {
        self.read(|books| {
            let registration = registration_seen(books, caller, stack)?;
            Ok(books.bundles_taken(registration.id).to_vec())
        })
    }

    /// What became of a bundle that was taken in under the live registration of a stack.
    ///
    /// # Errors
    /// `RegistrationNotFound`, `BundleNotFound`, or as the store.
    pub async fn bundle_receipt(
        &self,
        caller: &Caller,
        stack: CloudId,
        digest: Digest,
    ) -> Result<BundleReceipt, Error> {
        let (registration, taken) = self.read(|books| {
            let registration = registration_seen(books, caller, stack)?.id;
            let taken = taken_one(books, registration, digest).ok_or_else(|| {
                let message = format!(
                    "No bundle with digest {digest} was taken in under the registration that stack {stack} has now."
                );
                Error::not_found("BundleNotFound", message).about("digest")
            })?;
            Ok::<_, Error>((registration, taken))
        })?;
        let deliveries = usize::try_from(taken.parts)
            .unwrap_or(usize::MAX)
            .saturating_add(1);
        let found = self.delivered(stack, digest, deliveries).await?;
        Ok(BundleReceipt {
            stack,
            registration,
            taken,
            receipts: found.into_iter().flatten().collect(),
        })
    }

    /// Where a bundle belongs that may be taken in, if the stack has reported through this hour so far.
    fn admit(
        &self,
        books: &Books,
        announced: &AnnouncedBundle,
        through: Option<Hour>,
    ) -> Result<Place, Error> {
        let AnnouncedBundle {
            stack, bundle, key, ..
        } = announced;
        let live = registration_of(books, *stack)?;
        if live.id != announced.registration {
            let message = format!(
                "The bundle was made for another registration of stack {stack} than the one it has now, which was made \
                 at {}. Register the bundle key for this one, bring its activation key to the stack's side, and export \
                 again.",
                live.created.at
            );
            return Err(Error::new(Kind::Conflict, "BundleOfAnotherRegistration", message).about("manifest"));
        }
        match books.bundle_key(live.id) {
            Some(known) if known.public == *key => {}
            Some(known) => {
                let message = format!(
                    "The bundle is signed with a key that is not, or no longer, the one of stack {stack}: key {} was \
                     registered at {:.0}. If the stack's side has a new key, register it first: `meterbridge registration \
                     bundle-key {stack} --public-key FILE`, with what `meterbridge bridge bundle-key` prints there. If the \
                     key was replaced, bundles signed before are made again there: `meterbridge bridge export --restart`; the \
                     receipt of the last one that was taken in is printed by `meterbridge stack bundle-receipt {stack} NUMBER`.",
                    known.generation, known.registered.at
                );
                return Err(Error::new(Kind::Forbidden, "BundleKeyNotKnown", message).about("manifest"));
            }
            None => return Err(bundle_key_not_registered(*stack)),
        }
        let place = books.place_bundle(live.id, bundle)?;
        if place == Place::Next && !announced.leaves_out_earlier {
            must_begin_by(begins_by(books, live, through), bundle)?;
        }
        let latest = latest_hour(self.clock.now());
        if bundle.window.end() > latest {
            let message = format!(
                "The bundle says that the stack has reported through {}, which is in the future: expected {latest} or \
                 earlier.",
                bundle.window.end()
            );
            let error = Error::new(Kind::Invalid, "ReportedTimeInFuture", message).about("manifest");
            return Err(Error {
                hint: Some(clocks(latest)),
                ..error
            });
        }
        Ok(place)
    }

    /// The receipts of a bundle's deliveries, as far as they are there.
    async fn deliveries_of(&self, announced: &AnnouncedBundle) -> Result<Vec<Option<Receipt>>, Error> {
        let (digest, deliveries) = (announced.bundle.digest, &announced.deliveries);
        let found = self.delivered(announced.stack, digest, deliveries.len()).await?;
        for ((receipt, expected), number) in found.iter().zip(deliveries).zip(1..) {
            if receipt
                .as_ref()
                .is_some_and(|receipt| receipt.digest != *expected)
            {
                let message = format!(
                    "What was delivered as '{}' is not what the manifest says. Nothing of a bundle may be delivered in \
                     another way than by importing its file.",
                    delivery_name(digest, number)
                );
                return Err(Error::new(Kind::Conflict, "BundlePartDiffers", message));
            }
        }
        Ok(found)
    }

    async fn delivered(
        &self,
        stack: CloudId,
        digest: Digest,
        deliveries: usize,
    ) -> Result<Vec<Option<Receipt>>, Error> {
        let mut found = Vec::with_capacity(deliveries);
        while found.len() < deliveries {
            let until = deliveries.min(found.len() + LOOKED_UP_AT_ONCE);
            let names = (found.len()..until).map(|index| delivery_name(digest, index + 1));
            found.extend(self.usage.receipts_under(stack, names.collect()).await?);
        }
        Ok(found)
    }
}

/// The hour with which the first bundle of a registration begins at the latest: that up to which the stack has reported and,
/// unless that was certainly said under this registration, that with which it is valid.
fn begins_by(books: &Books, live: &Registration, through: Option<Hour>) -> Hour {
    let begun = valid_from(books, live);
    match through {
        Some(through) if through > latest_hour(live.created.at) => through,
        Some(through) => through.min(begun),
        None => begun,
    }
}

/// What the manifest says of the stack's directory was taken in, and as of then.
fn must_be_listed(books: &Books, announced: &AnnouncedBundle) -> Result<(), Error> {
    let Some(Carried { made_at, digest }) = announced.directory else {
        return Ok(());
    };
    if books.knows_listing(announced.stack, made_at, digest) {
        return Ok(());
    }
    let message = format!(
        "The listing of the stack's directory that bundle {} holds is not here: none came as of {made_at}, or another \
         one. Import the file with `meterbridge usage import`, which delivers it first.",
        announced.bundle.sequence
    );
    Err(Error::new(Kind::Conflict, "BundleDirectoryMissing", message))
}

fn taken_one(books: &Books, registration: RegistrationId, digest: Digest) -> Option<TakenBundle> {
    let mut taken = books.bundles_taken(registration).iter();
    taken.find(|it| it.bundle.digest == digest).copied()
}

pub(crate) fn bundle_key_not_registered(stack: CloudId) -> Error {
    let message = format!(
        "No bundle key is registered for stack {stack} as it is registered now. Register the public key that `meterbridge \
         bridge bundle-key` prints on the stack's side: `meterbridge registration bundle-key {stack} --public-key FILE`."
    );
    Error::new(Kind::Conflict, "BundleKeyNotRegistered", message)
}
