//! Operators' credentials: several, each with a name, and each revoked by itself.

use domain::books::{Entry, Operator, OperatorRecord};
use domain::ids::{ObjectId, OperatorId};
use domain::time::Timestamp;

use crate::access::{Caller, CredentialDigest, Right};
use crate::{App, Error, Kind};

/// The most operators' credentials that are good at once. *(ours)*
pub const OPERATOR_CREDENTIALS_MAX: usize = 64;

/// An operator's credential, without what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorCredential {
    /// Its id, under which what is done with it is recorded.
    pub id: OperatorId,
    /// Its name, for people.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// Who made it; none if it was made at the machine, without asking the server.
    pub created_by: Option<ObjectId>,
    /// When it was last used, to the minute; none if it never was.
    pub last_used: Option<Timestamp>,
}

impl App {
    /// The operators' credentials that are good, the oldest first.
    ///
    /// # Errors
    /// `AuthorizationFailed`, if the caller does not operate the platform, or as the store.
    pub async fn operator_credentials(&self, caller: &Caller) -> Result<Vec<OperatorCredential>, Error> {
        self.authorize(caller, Right::Operate)?;
        let mut live: Vec<OperatorRecord> =
            self.read(|books| books.operators().filter(|it| !it.revoked).cloned().collect());
        live.sort_unstable_by_key(|it| it.admitted.entry);
        let seen = self.operators_last_seen().await?;
        let described = live.into_iter().map(|it| OperatorCredential {
            last_used: seen.get(&it.operator.id).copied(),
            ..described(it.operator, it.admitted.at, it.admitted.by)
        });
        Ok(described.collect())
    }

    /// Makes another operator's credential. The caller keeps it; only its digest is stored.
    ///
    /// # Errors
    /// `AuthorizationFailed`, `TooManyOperatorCredentials`, or as the store.
    pub async fn create_operator_credential(
        &self,
        caller: &Caller,
        name: &str,
        digest: CredentialDigest,
    ) -> Result<OperatorCredential, Error> {
        let operator = Operator {
            id: OperatorId::from_uuid(self.random.uuid()),
            name: name.to_owned(),
            credential_digest: digest,
        };
        self.authorize(caller, Right::Operate)?;
        self.change(caller, |books| {
            if books.operators().filter(|it| !it.revoked).count() >= OPERATOR_CREDENTIALS_MAX {
                let message = format!(
                    "There are {OPERATOR_CREDENTIALS_MAX} operators' credentials, which is the most. Revoke those that \
                     nobody uses."
                );
                return Err(Error::new(Kind::Conflict, "TooManyOperatorCredentials", message));
            }
            Ok((vec![Entry::OperatorAdmitted(operator.clone())], ()))
        })
        .await?;
        Ok(described(operator, self.clock.now(), caller.id()))
    }

    /// Revokes an operator's credential: it is good for nothing from the next request on. Revoking the last one is no
    /// mistake, since whoever is at the machine can make another.
    ///
    /// # Errors
    /// `AuthorizationFailed`, `OperatorCredentialNotFound`, or as the store.
    pub async fn revoke_operator_credential(&self, caller: &Caller, id: OperatorId) -> Result<(), Error> {
        self.authorize(caller, Right::Operate)?;
        self.change(caller, |books| {
            if !books.operators().any(|it| it.operator.id == id && !it.revoked) {
                let message =
                    format!("There is no operator's credential '{id}', or it was revoked before. List those that there are.");
                return Err(Error::new(Kind::NotFound, "OperatorCredentialNotFound", message));
            }
            Ok((vec![Entry::OperatorRevoked { operator: id }], ()))
        })
        .await
    }
}

/// A credential that nobody has used.
fn described(operator: Operator, created: Timestamp, by: ObjectId) -> OperatorCredential {
    // What is made at the machine is recorded as its own act.
    let own = ObjectId::from_uuid(operator.id.as_uuid());
    OperatorCredential {
        created_by: (by != own).then_some(by),
        last_used: None,
        id: operator.id,
        name: operator.name,
        created,
    }
}
