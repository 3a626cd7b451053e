//! What a caller says must be the case for a change: that a resource still is as they saw it.

use crate::{Error, Kind};

/// What must be the case, as far as the caller says so. A revision is the number of the entry of the books that changed
/// a resource last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// The resource is there.
    Exists,
    /// The resource is at one of these revisions. With none of them it never is.
    OneOf(Vec<u64>),
}

impl Precondition {
    /// Whether it is the case for a resource at this revision, or for none.
    ///
    /// # Errors
    /// [`Kind::PreconditionFailed`] if not.
    pub fn check(&self, revision: Option<u64>) -> Result<(), Error> {
        let holds = match self {
            Self::None => true,
            Self::Exists => revision.is_some(),
            Self::OneOf(revisions) => revision.is_some_and(|revision| revisions.contains(&revision)),
        };
        if holds {
            return Ok(());
        }
        let message = match revision {
            Some(_) => {
                "The resource was changed since: its etag is another one than If-Match says. Get it again, and decide \
                 on what it is now."
            }
            None => {
                "The resource does not exist, and If-Match asks for one that does. Leave If-Match out to create it."
            }
        };
        Err(Error::new(Kind::PreconditionFailed, "PreconditionFailed", message).about("If-Match"))
    }
}
