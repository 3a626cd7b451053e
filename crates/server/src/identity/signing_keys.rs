//! The keys that sign tokens, and their rotation.
//!
//! Each key is a file in the data directory, named by the second in which it was made. The newest signs; an older one
//! verifies until the last token that it can have signed is dead, and then its file goes. A new one is made when the
//! newest has signed for [`KEY_PERIOD`], or when the operator asks for it: the server looks into the folder every second,
//! so nothing has to be told to it. A key whose file is gone verifies nothing any more, and that is how a key that leaked
//! is revoked: nobody is locked out, people and programs sign in anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::time::Timestamp;
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::Serialize;

use crate::keys::{self, KeysError};
use crate::secret_file;

/// The one way in which tokens are signed here.
pub(super) const ALGORITHM: Algorithm = Algorithm::RS256;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a key signs before the next one takes over. *(ours)*
const KEY_PERIOD: Duration = DAY.saturating_mul(90);
/// How often the folder is looked into: for no longer than this is a key good that an operator revoked.
pub(crate) const KEY_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The keys that sign and verify tokens.
pub(crate) struct SigningKeys {
    directory: PathBuf,
    /// For how long after the last signature of a key something that it signed can be good.
    signed_for: Duration,
    /// The newest first; empty only between the revocation of all of them and the next one.
    keys: RwLock<Arc<[Arc<SigningKey>]>>,
}

struct SigningKey {
    made: i64,
    /// What was in its file.
    pem: String,
    id: String,
    signing: EncodingKey,
    verifying: DecodingKey,
    public: Jwk,
}

impl SigningKeys {
    /// Reads the keys of a data directory, makes one if the newest is too old or there is none, and removes those that
    /// verify nothing any more: nothing is good for longer than `signed_for` after it was signed.
    pub(crate) fn open(
        data_directory: &Path,
        signed_for: Duration,
        now: Timestamp,
    ) -> Result<Self, KeysError> {
        let directory = directory(data_directory);
        let keys = load(&directory, signed_for, now)?;
        Ok(Self {
            directory,
            signed_for,
            keys: RwLock::new(keys),
        })
    }

    /// Looks into the folder again, and does what [`SigningKeys::open`] does.
    pub(crate) fn renew(&self, now: Timestamp) -> Result<(), KeysError> {
        let found = sorted(listed(&self.directory)?);
        // Without what was revoked, before anything else: whatever fails then, it verifies nothing any more.
        self.keep(|key| found.contains(&key.made));
        let current = self.current();
        let known = current.iter().map(|key| key.made);
        // Of two servers that made a key in the same second, one has put its own in the place of the other's.
        let same = known.eq(found.iter().copied()) && current.iter().all(|key| key.is_in(&self.directory));
        if !same || plan(&found, self.signed_for, now) != Plan::default() {
            let keys = load(&self.directory, self.signed_for, now)?;
            *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        }
        Ok(())
    }

    fn keep(&self, keeps: impl Fn(&SigningKey) -> bool) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if !keys.iter().all(|key| keeps(key)) {
            *keys = keys.iter().filter(|key| keeps(key)).map(Arc::clone).collect();
        }
    }

    /// Signs claims with the newest key.
    pub(super) fn sign(
        &self,
        kind: &str,
        claims: &impl Serialize,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let keys = self.current();
        let newest = keys
            .first()
            .ok_or(jsonwebtoken::errors::ErrorKind::InvalidKeyFormat)?;
        let header = Header {
            typ: Some(kind.to_owned()),
            kid: Some(newest.id.clone()),
            ..Header::new(ALGORITHM)
        };
        jsonwebtoken::encode(&header, claims, &newest.signing)
    }

    /// The key with this id.
    pub(super) fn verifying(&self, id: &str) -> Option<DecodingKey> {
        let keys = self.current();
        keys.iter()
            .find(|key| key.id == id)
            .map(|key| key.verifying.clone())
    }

    /// The public halves of all keys.
    pub(super) fn published(&self) -> JwkSet {
        JwkSet {
            keys: self.current().iter().map(|key| key.public.clone()).collect(),
        }
    }

    fn current(&self) -> Arc<[Arc<SigningKey>]> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Puts a new key into the data directory; a server that runs on it signs with it within [`KEY_CHECK_INTERVAL`]. Tokens
/// that older keys signed stay good.
pub(crate) fn rotate(data_directory: &Path, now: Timestamp) -> Result<(), KeysError> {
    let directory = directory(data_directory);
    let newest = listed(&directory)?.into_iter().max();
    let made = now.as_second().max(newest.map_or(0, |newest| newest + 1));
    make(&directory, made)
}

/// Puts a new key into the data directory and removes all others: within [`KEY_CHECK_INTERVAL`] nothing that they signed is
/// good any more, at a server that runs on it. Gives how many were removed.
pub(crate) fn revoke(data_directory: &Path, now: Timestamp) -> Result<usize, KeysError> {
    let directory = directory(data_directory);
    let old = listed(&directory)?;
    rotate(data_directory, now)?;
    for made in &old {
        let path = path(&directory, *made);
        fs::remove_file(&path).map_err(|error| KeysError::File { path, error })?;
    }
    Ok(old.len())
}

fn directory(data_directory: &Path) -> PathBuf {
    data_directory.join("keys").join("identity")
}

fn path(directory: &Path, made: i64) -> PathBuf {
    directory.join(format!("{made}.pem"))
}

/// What is to be done about the keys in a folder.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    /// The newest has signed for long enough, or there is none.
    due: bool,
    /// Those that verify nothing any more, by when they were made.
    dead: Vec<i64>,
}

fn plan(made: &[i64], signed_for: Duration, now: Timestamp) -> Plan {
    let age = |made: i64| now.as_second().saturating_sub(made);
    let due = made.first().is_none_or(|made| age(*made) >= seconds(KEY_PERIOD));
    // Each signed until the next one was made.
    let dead = made.windows(2).filter(|pair| age(pair[0]) > seconds(signed_for));
    Plan {
        due,
        dead: dead.map(|pair| pair[1]).collect(),
    }
}

fn load(directory: &Path, signed_for: Duration, now: Timestamp) -> Result<Arc<[Arc<SigningKey>]>, KeysError> {
    let mut made = sorted(listed(directory)?);
    let Plan { due, dead } = plan(&made, signed_for, now);
    for dead in &dead {
        remove(&path(directory, *dead));
    }
    made.retain(|made| !dead.contains(made));
    if due {
        make(directory, now.as_second())?;
        made.insert(0, now.as_second());
    }
    let read = |made: i64| SigningKey::read(&path(directory, made), made).map(Arc::new);
    made.into_iter().map(read).collect()
}

/// The newest first.
fn sorted(mut made: Vec<i64>) -> Vec<i64> {
    made.sort_unstable_by(|one, other| other.cmp(one));
    made
}

/// A file that stays does no harm: nothing that its key signed is good any more.
fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "a signing key that verifies nothing any more was not removed");
    }
}

/// When the keys in a folder were made.
fn listed(directory: &Path) -> Result<Vec<i64>, KeysError> {
    let failed = |error| KeysError::File {
        path: directory.to_owned(),
        error,
    };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut made = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let second = name.to_str().and_then(|name| name.strip_suffix(".pem"));
        made.extend(second.and_then(|second| second.parse::<i64>().ok()));
    }
    Ok(made)
}

fn make(directory: &Path, made: i64) -> Result<(), KeysError> {
    let path = path(directory, made);
    let pem = keys::make()?;
    secret_file::make_directory(directory)
        .and_then(|()| secret_file::write(&path, pem.as_bytes()))
        .map_err(|error| KeysError::File { path, error })
}

const fn seconds(duration: Duration) -> i64 {
    duration.as_secs().cast_signed()
}

impl SigningKey {
    fn read(path: &Path, made: i64) -> Result<Self, KeysError> {
        let missing = || std::io::ErrorKind::NotFound.into();
        let pem = secret_file::read(path).and_then(|pem| pem.ok_or_else(missing));
        let pem = pem.map_err(|error| KeysError::File {
            path: path.to_owned(),
            error,
        })?;
        Self::from_pem(pem, made).map_err(|error| KeysError::Content {
            path: path.to_owned(),
            error,
        })
    }

    fn is_in(&self, directory: &Path) -> bool {
        let read = secret_file::read(&path(directory, self.made));
        read.is_ok_and(|pem| pem.as_deref() == Some(&*self.pem))
    }

    fn from_pem(pem: String, made: i64) -> Result<Self, jsonwebtoken::errors::Error> {
        let signing = EncodingKey::from_rsa_pem(pem.as_bytes())?;
        let mut public = Jwk::from_encoding_key(&signing, ALGORITHM)?;
        let id = public.thumbprint(ThumbprintHash::SHA256)?;
        public.common.key_id = Some(id.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        public.common.key_algorithm = Some(KeyAlgorithm::RS256);
        Ok(Self {
            made,
            id,
            verifying: DecodingKey::from_jwk(&public)?,
            pem,
            signing,
            public,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED_FOR: Duration = DAY.saturating_mul(14);

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + day * seconds(DAY)).unwrap()
    }

    fn ids(keys: &SigningKeys) -> Vec<String> {
        let published = keys.published().keys.into_iter();
        published.map(|key| key.common.key_id.unwrap()).collect()
    }

    #[test]
    fn a_key_signs_for_its_period_and_verifies_until_what_it_signed_is_dead() {
        let data = tempfile::tempdir().unwrap();
        let keys = SigningKeys::open(data.path(), SIGNED_FOR, at(0)).unwrap();
        let first = ids(&keys);
        keys.renew(at(89)).unwrap();
        assert_eq!(ids(&keys), first);
        let token = keys.sign("JWT", &serde_json::json!({})).unwrap();

        keys.renew(at(90)).unwrap();
        let both = ids(&keys);
        assert_eq!((both.len(), &both[1]), (2, &first[0]));
        let id = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
        assert!(keys.verifying(&id(&token)).is_some());
        let newer = keys.sign("JWT", &serde_json::json!({})).unwrap();
        assert_eq!(id(&newer), both[0]);

        keys.renew(at(104)).unwrap();
        assert_eq!(ids(&keys), both);
        keys.renew(at(105)).unwrap();
        assert_eq!(ids(&keys), both[..1]);
        let files = fs::read_dir(directory(data.path())).unwrap().count();
        assert_eq!(files, 1);
    }

    #[test]
    fn a_key_that_the_operator_asks_for_signs_at_once_even_twice_in_a_second() {
        let data = tempfile::tempdir().unwrap();
        let keys = SigningKeys::open(data.path(), SIGNED_FOR, at(0)).unwrap();
        let first = ids(&keys);
        rotate(data.path(), at(0)).unwrap();
        rotate(data.path(), at(0)).unwrap();
        keys.renew(at(0)).unwrap();
        let all = ids(&keys);
        assert_eq!((all.len(), &all[2]), (3, &first[0]));
        let again = SigningKeys::open(data.path(), SIGNED_FOR, at(1)).unwrap();
        assert_eq!(ids(&again), all);
    }

    #[test]
    fn two_servers_that_make_a_key_in_the_same_second_go_on_with_one_and_the_same() {
        let data = tempfile::tempdir().unwrap();
        let one = SigningKeys::open(data.path(), SIGNED_FOR, at(0)).unwrap();
        let other = SigningKeys::open(data.path(), SIGNED_FOR, at(0)).unwrap();
        one.renew(at(90)).unwrap();
        // The other one had seen that a key is due, and comes with its own in place of the first.
        make(&directory(data.path()), at(90).as_second()).unwrap();
        other.renew(at(90)).unwrap();
        assert_ne!(ids(&one), ids(&other));
        one.renew(at(90)).unwrap();
        assert_eq!(ids(&one), ids(&other));
    }

    #[test]
    fn a_key_that_leaked_verifies_nothing_any_more_once_it_is_revoked() {
        let data = tempfile::tempdir().unwrap();
        let keys = SigningKeys::open(data.path(), SIGNED_FOR, at(0)).unwrap();
        rotate(data.path(), at(1)).unwrap();
        keys.renew(at(1)).unwrap();
        let leaked = ids(&keys);
        assert_eq!(leaked.len(), 2);
        assert_eq!(revoke(data.path(), at(2)).unwrap(), 2);
        keys.renew(at(2)).unwrap();
        let left = ids(&keys);
        assert_eq!(left.len(), 1);
        assert!(!leaked.contains(&left[0]));
        for id in &leaked {
            assert!(keys.verifying(id).is_none());
        }
        assert!(keys.sign("JWT", &serde_json::json!({})).is_ok());
        let again = SigningKeys::open(data.path(), SIGNED_FOR, at(2)).unwrap();
        assert_eq!(ids(&again), left);
    }

    #[test]
    fn a_revoked_key_is_dropped_even_if_no_new_one_can_be_made() {
        let data = tempfile::tempdir().unwrap();
        let keys = SigningKeys::open(data.path(), SIGNED_FOR, at(0)).unwrap();
        let folder = directory(data.path());
        fs::remove_dir_all(&folder).unwrap();
        fs::write(&folder, "in the way").unwrap();
        assert!(keys.renew(at(0)).is_err());
        fs::remove_file(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("1.pem"), "no key").unwrap();
        assert!(keys.renew(at(0)).is_err());
        assert_eq!(ids(&keys), [""; 0]);
    }

    #[test]
    fn what_is_published_says_what_it_is_for_and_holds_no_secret() {
        let data = tempfile::tempdir().unwrap();
        let keys = SigningKeys::open(data.path(), SIGNED_FOR, at(0)).unwrap();
        let published = serde_json::to_value(keys.published()).unwrap();
        let key = published["keys"][0].as_object().unwrap();
        let mut members: Vec<&str> = key.keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
        assert_eq!(
            (key["alg"].as_str(), key["use"].as_str()),
            (Some("RS256"), Some("sig"))
        );
    }
}
