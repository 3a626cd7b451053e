//! Users change their own password.

use std::net::IpAddr;

use domain::books::DirectoryEntry;
use domain::identity::User;

use super::password;
use super::sign_in::{SignInRefused, waiting};
use crate::access::Caller;
use crate::error::internal;
use crate::{App, Error, Kind};

/// Why a password was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotChanged {
    /// Too many wrong passwords were given before.
    #[error("too many wrong passwords were given; wait {} and try again", waiting(*.seconds))]
    Slowed {
        /// How long to wait.
        seconds: u64,
    },
    /// It was refused, or it failed.
    #[error(transparent)]
    Refused(#[from] Error),
}

impl App {
    /// Gives the caller, a user kept here, another password. Whoever only has a token of theirs does not know the old
    /// one: it is proved as when signing in, with the same waits. Wherever the user was signed in, here too, it has to
    /// sign in again.
    ///
    /// # Errors
    /// [`NotChanged`]: `PasswordNotKeptHere`, `InvalidPassword`, `WrongPassword`, or as the store.
    pub async fn change_password(
        &self,
        caller: &Caller,
        old: &str,
        new: String,
        peer: IpAddr,
    ) -> Result<(), NotChanged> {
        let user = self.read(|books| {
            let user = books.directories().user(caller.id());
            user.cloned().ok_or_else(not_kept_here)
        })?;
        password::check(&new).map_err(|error| error.about("newPassword"))?;
        if new == old {
            let message = "The new password is the old one. Choose another one.";
            return Err(Error::new(Kind::Invalid, "InvalidPassword", message)
                .about("newPassword")
                .into());
        }
        self.prove_own(&user, old, peer).await?;
        let password = self.hash(new).await?;
        let changed = self.change(caller, |books| {
            // It may have been changed while the old one was proved.
            match books.directories().user(user.id) {
                Some(now) if now.password == user.password => {
                    let (user, password) = (user.id, password.clone());
                    Ok((vec![DirectoryEntry::PasswordSet { user, password }.into()], ()))
                }
                _ => Err(wrong()),
            }
        });
        changed.await?;
        self.forget_void_sessions_of(user.id).await;
        Ok(())
    }

    async fn prove_own(&self, user: &User, old: &str, peer: IpAddr) -> Result<(), NotChanged> {
        if old.len() > password::PASSWORD_BYTES_MAX {
            return Err(wrong().into());
        }
        let (name, kept) = (user.name.as_str(), Some(user.password.clone()));
        let now = self.clock.now();
        match self.sign_ins.prove(name, old, kept, peer, now).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(wrong().into()),
            Err(SignInRefused::Slowed { seconds }) => Err(NotChanged::Slowed { seconds }),
            Err(SignInRefused::Busy) => {
                let message = "Too many passwords are being checked at this moment. Nothing was changed. Try again in a \
                               second.";
                Err(Error::new(Kind::Busy, "TooManySignIns", message).into())
            }
            Err(SignInRefused::Failed(error)) => Err(error.into()),
            Err(other) => Err(Error {
                detail: Some(other.to_string()),
                ..internal("The password could not be checked.")
            }
            .into()),
        }
    }
}

fn wrong() -> Error {
    let message = "The old password is not right. Nothing was changed.";
    Error::new(Kind::Invalid, "WrongPassword", message).about("oldPassword")
}

fn not_kept_here() -> Error {
    let message = "Only users of directories that are kept here have a password here. An operator's credential and the \
                   secrets of applications are replaced by whoever manages them; accounts of other issuers change theirs \
                   there.";
    Error::new(Kind::Forbidden, "PasswordNotKeptHere", message)
}
