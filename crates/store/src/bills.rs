//! The port of bills: the documents that are written when a period is closed.
//!
//! An invoice, what it was reckoned from, and the catalog that it was reckoned with are bytes under a key, to which nothing is
//! ever changed. Nobody looks into them here, and whether a period is closed is for the books to tell: a document without that
//! is one that was written before the act was done, and is written again when it is taken up.

mod kept;

use std::fmt;

use async_trait::async_trait;
use domain::chain::{Account, Buyer, Seller};
use domain::time::Period;

pub(crate) use self::kept::{
    KeptBills, Stored, StoredKey, next_bill, next_catalog, page_of_bills, page_of_catalogs,
};
use crate::error::StoreError;

/// The most bytes of one document, before it is compressed.
pub const DOCUMENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a bill is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BillKind {
    /// An invoice.
    Invoice,
    /// What an account was reckoned from.
    Basis,
}

/// What a bill is found by: an account has one of each kind for a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BillKey {
    /// What it is.
    pub kind: BillKind,
    /// The period that was closed.
    pub period: Period,
    /// Whose it is.
    pub account: Account,
}

/// What a document is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKey {
    /// An invoice, or what it was reckoned from.
    Bill(BillKey),
    /// A catalog, by the BLAKE3 of its bytes.
    Catalog([u8; 32]),
}

impl DocumentKey {
    /// The invoice of an account for a period.
    #[must_use]
    pub const fn invoice(period: Period, account: Account) -> Self {
        Self::Bill(BillKey {
            kind: BillKind::Invoice,
            period,
            account,
        })
    }

    /// What the invoice of an account for a period was reckoned from.
    #[must_use]
    pub const fn basis(period: Period, account: Account) -> Self {
        Self::Bill(BillKey {
            kind: BillKind::Basis,
            period,
            account,
        })
    }
}

impl fmt::Display for BillKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Account {
            seller,
            buyer,
            currency,
        } = self.account;
        let what = match self.kind {
            BillKind::Invoice => "the invoice",
            BillKind::Basis => "what was reckoned from",
        };
        write!(
            f,
            "{what} of {seller} to {buyer} in {currency} for {}",
            self.period
        )
    }
}

impl fmt::Display for DocumentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bill(key) => key.fmt(f),
            Self::Catalog(digest) => write!(f, "the catalog {}", hex::encode(digest)),
        }
    }
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is found by.
    pub key: DocumentKey,
    /// What it says.
    pub bytes: Vec<u8>,
}

impl Document {
    /// A catalog, which is found by its digest.
    #[must_use]
    pub fn catalog(bytes: Vec<u8>) -> Self {
        Self {
            key: DocumentKey::Catalog(*blake3::hash(&bytes).as_bytes()),
            bytes,
        }
    }
}

/// A bill that is there, without what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedBill {
    /// What it is found by.
    pub key: BillKey,
    /// BLAKE3 of its bytes.
    pub digest: [u8; 32],
    /// How many bytes it has.
    pub bytes: u64,
}

/// Which bills are asked for: of one kind, and whatever else is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BillFilter {
    /// What they are.
    pub kind: BillKind,
    /// The period that was closed.
    pub period: Option<Period>,
    /// Who sells.
    pub seller: Option<Seller>,
    /// Who buys.
    pub buyer: Option<Buyer>,
}

impl BillFilter {
    /// All of one kind.
    #[must_use]
    pub const fn all(kind: BillKind) -> Self {
        Self {
            kind,
            period: None,
            seller: None,
            buyer: None,
        }
    }
}

/// Why documents were not put there.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// There is a document with this key, and it is another one; or it is not the catalog that its key says.
    #[error("{0} is another document, and documents are never changed")]
    Different(DocumentKey),
    /// It has more bytes than [`DOCUMENT_BYTES_MAX`].
    #[error("{key} has {bytes} bytes; documents have at most {DOCUMENT_BYTES_MAX}")]
    TooLarge {
        /// What it is found by.
        key: DocumentKey,
        /// How many bytes it has.
        bytes: usize,
    },
    /// The memory failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Documents that stay as they are.
///
/// Reading sees everything acknowledged before it began.
#[async_trait]
pub trait Bills: Send + Sync {
    /// Puts documents there. Those that are there already stay as they are, so putting them again changes nothing. Once this
    /// returns `Ok` all of them are durable; whenever it does not, some of them may be.
    ///
    /// # Errors
    /// [`PutError`].
    async fn put_all(&self, documents: Vec<Document>) -> Result<(), PutError>;

    /// The bytes of a document, if it is there.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if they are not those that were put there, and [`StoreError::Unavailable`].
    async fn get(&self, key: DocumentKey) -> Result<Option<Vec<u8>>, StoreError>;

    /// The bills that fit a filter, after a key, `limit` at most: by period, seller, buyer and currency.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn list(
        &self,
        filter: BillFilter,
        after: Option<BillKey>,
        limit: usize,
    ) -> Result<Vec<ListedBill>, StoreError>;
}
