//! Passwords: argon2id, on threads of their own, a few at a time.

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use domain::identity::PasswordHash;

use crate::{Error, Kind};

/// The fewest characters of a password *(ours)*: as it is guessed slowly, length is all that counts.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// The most bytes of a password: what is longer costs time and says nothing more.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// How many random bytes make one password's hash differ from another's.
pub(super) const SALT_BYTES: usize = 16;

/// The memory that one hash takes, in KiB; with [`PASSES`] and one lane OWASP's first recommendation for argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
/// How often the memory is gone through.
const PASSES: u32 = 2;

/// Whether a password may be chosen.
pub(super) fn check(password: &str) -> Result<(), Error> {
    if password.chars().count() >= PASSWORD_CHARS_MIN && password.len() <= PASSWORD_BYTES_MAX {
        return Ok(());
    }
    let message = format!(
        "Expected a password of {PASSWORD_CHARS_MIN} characters or more, {PASSWORD_BYTES_MAX} bytes at the most."
    );
    Err(Error::new(Kind::Invalid, "InvalidPassword", message).about("password"))
}

fn argon2id() -> Result<Argon2<'static>, Error> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// What is kept of a password. Takes tens of milliseconds on purpose.
pub(super) fn hash(password: &str, salt: [u8; SALT_BYTES]) -> Result<PasswordHash, Error> {
    let hash = argon2id()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(failed)?;
    Ok(PasswordHash::from_phc(hash.to_string()))
}

/// Whether a password is the one that this was kept of. Without anything kept it takes the same time and is not: so
/// that nobody learns from the time which users there are.
pub(super) fn is(password: &str, kept: Option<&PasswordHash>) -> Result<bool, Error> {
    let Some(kept) = kept else {
        hash(password, [0; SALT_BYTES])?;
        return Ok(false);
    };
    match argon2id()?.verify_password(password.as_bytes(), kept.as_phc()) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error {
        detail: Some(format!("argon2id failed: {error}")),
        ..crate::error::internal("The password could not be checked.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_password_is_the_one_that_was_kept() {
        let kept = hash("correct horse battery", [7; SALT_BYTES]).unwrap();
        assert!(
            kept.as_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            kept.as_phc()
        );
        assert!(is("correct horse battery", Some(&kept)).unwrap());
        assert!(!is("correct horse batterY", Some(&kept)).unwrap());
        assert!(!is("correct horse battery", None).unwrap());
        let damaged = PasswordHash::from_phc("$argon2id$".to_owned());
        assert!(is("correct horse battery", Some(&damaged)).is_err());
    }

    #[test]
    fn a_password_that_is_quickly_guessed_or_endless_is_refused() {
        for (password, good) in [("short", false), ("elevenchars", false), ("twelve chars", true)] {
            assert_eq!(check(password).is_ok(), good, "{password}");
        }
        assert!(check(&"x".repeat(1024)).is_ok());
        assert!(check(&"x".repeat(1025)).is_err());
    }
}
