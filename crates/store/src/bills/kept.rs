//! Documents, whatever database is behind them.

use std::fmt;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use domain::chain::{Account, Buyer, Seller};
use domain::ids::{PartnerId, SubscriptionId};
use domain::money::Currency;
use domain::time::{Day, Period};
use zstd::bulk::Compressor;

use super::{
    BillFilter, BillKey, BillKind, Bills, DOCUMENT_BYTES_MAX, Document, DocumentKey, ListedBill, PutError,
};
use crate::error::StoreError;
use crate::portion::rows_at_once;
use crate::transaction::{Columns, Readers, Transaction, Value, Writer, values};
use crate::turns::Turns;

/// How much work is put into compressing: what takes little more time than writing.
const COMPRESSION_LEVEL: i32 = 3;
/// Documents on connections of a back end.
pub(crate) struct KeptBills<R: Readers, W: Writer> {
    readers: R,
    writer: Arc<Turns<W>>,
}

impl<R: Readers, W: Writer> KeptBills<R, W> {
    pub(crate) fn new(readers: R, writer: Arc<Turns<W>>) -> Self {
        Self { readers, writer }
    }
}

impl<R: Readers, W: Writer> Drop for KeptBills<R, W> {
    fn drop(&mut self) {
        self.readers.close_idle();
    }
}

#[async_trait]
impl<R: Readers, W: Writer> Bills for KeptBills<R, W> {
    async fn put_all(&self, documents: Vec<Document>) -> Result<(), PutError> {
        let packing = tokio::task::spawn_blocking(move || {
            let mut compressor = Compressor::new(COMPRESSION_LEVEL).map_err(StoreError::unavailable)?;
            let packed = documents.into_iter().map(|it| Packed::new(it, &mut compressor));
            packed.collect::<Result<Vec<_>, _>>()
        });
        let mut packed = packing.await.map_err(StoreError::unavailable)??;
        // A part in each transaction: the books wait for it.
        while !packed.is_empty() {
            let first = rows_at_once(packed.iter().map(|it| it.body.len() as u64));
            let rest = packed.split_off(first);
            let part = std::mem::replace(&mut packed, rest);
            let different = self.writer.write(move |transaction| put(transaction, &part));
            if let Some(key) = different.await? {
                return Err(PutError::Different(key));
            }
        }
        Ok(())
    }

    async fn get(&self, key: DocumentKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.readers
            .read(move |transaction| {
                let Some(stored) = stored(transaction, &key)? else {
                    return Ok(None);
                };
                let opened = stored.open();
                let opened = opened
                    .map_err(|unfit| StoreError::corrupt(format!("{key} is not what was written: {unfit}")));
                opened.map(Some)
            })
            .await
    }

    async fn list(
        &self,
        filter: BillFilter,
        after: Option<BillKey>,
        limit: usize,
    ) -> Result<Vec<ListedBill>, StoreError> {
        self.readers
            .read(move |transaction| list(transaction, filter, after, limit))
            .await
    }
}

/// Bills, of which a condition says which, as [`Stored::of_bill`] reads them.
macro_rules! bills_where {
    ($condition:expr) => {
        concat!(
            "SELECT kind, period, seller, buyer, currency, digest, size, bound, body FROM bill WHERE ",
            $condition
        )
    };
}

/// Catalogs, as [`Stored::of_catalog`] reads them.
macro_rules! catalogs_where {
    ($condition:expr) => {
        concat!("SELECT digest, size, body FROM catalog WHERE ", $condition)
    };
}

/// Somebody as they are stored.
type Party = [u8; 17];

fn party(kind: u8, id: &[u8; 16]) -> Party {
    let mut party = [kind; 17];
    party[1..].copy_from_slice(id);
    party
}

fn of_seller(seller: Seller) -> Party {
    match seller {
        Seller::Platform => party(0, &[0; 16]),
        Seller::Partner(partner) => party(1, partner.as_bytes()),
    }
}

fn of_buyer(buyer: Buyer) -> Party {
    match buyer {
        Buyer::Partner(partner) => party(1, partner.as_bytes()),
        Buyer::Subscription(subscription) => party(2, subscription.as_bytes()),
    }
}

fn first_day(period: Period) -> Day {
    period.interval().start().day()
}

const fn number_of(kind: BillKind) -> i64 {
    match kind {
        BillKind::Invoice => 1,
        BillKind::Basis => 2,
    }
}

/// What a bill is found by, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyColumns {
    kind: i64,
    period: i64,
    seller: Vec<u8>,
    buyer: Vec<u8>,
    currency: Vec<u8>,
}

impl From<&BillKey> for KeyColumns {
    fn from(key: &BillKey) -> Self {
        let Account {
            seller,
            buyer,
            currency,
        } = key.account;
        Self {
            kind: number_of(key.kind),
            period: first_day(key.period).epoch_days().into(),
            seller: of_seller(seller).to_vec(),
            buyer: of_buyer(buyer).to_vec(),
            currency: currency.code().as_bytes().to_vec(),
        }
    }
}

impl KeyColumns {
    /// Before every key.
    pub(crate) const fn first() -> Self {
        Self {
            kind: 0,
            period: i32::MIN as i64,
            seller: Vec::new(),
            buyer: Vec::new(),
            currency: Vec::new(),
        }
    }

    fn from_row(row: &dyn Columns) -> Result<Self, StoreError> {
        Ok(Self {
            kind: row.get(0)?,
            period: row.get(1)?,
            seller: row.get(2)?,
            buyer: row.get(3)?,
            currency: row.get(4)?,
        })
    }

    fn values(&self) -> [Value<'_>; 5] {
        let Self {
            kind,
            period,
            seller,
            buyer,
            currency,
        } = self;
        let [kind, period] = [*kind, *period].map(Value::Integer);
        [kind, period, seller.into(), buyer.into(), currency.into()]
    }

    /// What it says, if it is what was ever written.
    fn key(&self) -> Option<BillKey> {
        let id = |party: &[u8]| <[u8; 16]>::try_from(party).ok();
        let seller = match self.seller.split_first()? {
            (0, _) => Seller::Platform,
            (1, partner) => Seller::Partner(PartnerId::from_bytes(id(partner)?)),
            _ => return None,
        };
        let buyer = match self.buyer.split_first()? {
            (1, partner) => Buyer::Partner(PartnerId::from_bytes(id(partner)?)),
            (2, subscription) => Buyer::Subscription(SubscriptionId::from_bytes(id(subscription)?)),
            _ => return None,
        };
        let currency = match std::str::from_utf8(&self.currency).ok()? {
            none if none == Currency::NONE.code() => Currency::NONE,
            code => code.parse().ok()?,
        };
        let key = BillKey {
            kind: match self.kind {
                1 => BillKind::Invoice,
                2 => BillKind::Basis,
                _ => return None,
            },
            period: Day::from_epoch_days(i32::try_from(self.period).ok()?)
                .first_hour()
                .period(),
            account: Account {
                seller,
                buyer,
                currency,
            },
        };
        (Self::from(&key) == *self).then_some(key)
    }

    /// What binds a document with this digest to this key.
    fn bound_to(&self, digest: &[u8; 32]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.kind.to_be_bytes());
        hasher.update(&self.period.to_be_bytes());
        for part in [&self.seller, &self.buyer, &self.currency] {
            hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
        }
        *hasher.update(digest).finalize().as_bytes()
    }
}

impl fmt::Display for KeyColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = self.key() {
            return key.fmt(f);
        }
        let Self { kind, period, .. } = self;
        let [seller, buyer, currency] = [&self.seller, &self.buyer, &self.currency].map(hex::encode);
        write!(f, "`bill` {kind}, {period}, {seller}, {buyer}, {currency}")
    }
}

/// A document as it is written.
struct Packed {
    key: DocumentKey,
    size: usize,
    digest: [u8; 32],
    body: Vec<u8>,
}

impl Packed {
    fn new(Document { key, bytes }: Document, compressor: &mut Compressor<'_>) -> Result<Self, PutError> {
        let size = bytes.len();
        if size > DOCUMENT_BYTES_MAX {
            return Err(PutError::TooLarge { key, bytes: size });
        }
        let digest = *blake3::hash(&bytes).as_bytes();
        if matches!(key, DocumentKey::Catalog(of) if of != digest) {
            return Err(PutError::Different(key));
        }
        let body = compressor.compress(&bytes).map_err(StoreError::unavailable)?;
        Ok(Self {
            key,
            size,
            digest,
            body,
        })
    }
}

/// Puts documents there, where none is under their keys. Tells one under whose key another one is.
fn put(transaction: &dyn Transaction, documents: &[Packed]) -> Result<Option<DocumentKey>, StoreError> {
    let (mut bills, mut catalogs) = (Vec::new(), Vec::new());
    for document in documents {
        match &document.key {
            DocumentKey::Bill(key) => {
                let columns = KeyColumns::from(key);
                let bound = columns.bound_to(&document.digest);
                bills.push((key, document, columns, bound));
            }
            DocumentKey::Catalog(_) => {
                catalogs.push(values![&document.digest, document.size, &document.body]);
            }
        }
    }
    transaction.execute_each(
        "INSERT INTO catalog (digest, size, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        &catalogs,
    )?;
    let rows: Vec<_> = bills
        .iter()
        .map(|(_, document, columns, bound)| {
            let [kind, period, seller, buyer, currency] = columns.values();
            let Packed {
                size, digest, body, ..
            } = document;
            let [size, digest, bound, body] = [(*size).into(), digest.into(), bound.into(), body.into()];
            [kind, period, seller, buyer, currency, size, digest, bound, body]
        })
        .collect();
    transaction.execute_each(
        "INSERT INTO bill (kind, period, seller, buyer, currency, size, digest, bound, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
        &rows,
    )?;
    let keys: Vec<_> = bills.iter().map(|(_, _, columns, _)| columns.values()).collect();
    let there: Vec<Option<[u8; 32]>> = transaction.row_each(
        "SELECT digest FROM bill WHERE kind = ?1 AND period = ?2 AND seller = ?3 AND buyer = ?4 AND currency = ?5",
        &keys,
        |row| row.get(0),
    )?;
    let mut compared = bills.iter().zip(there);
    let different = compared.find(|((_, document, ..), there)| *there != Some(document.digest));
    Ok(different.map(|((key, ..), _)| DocumentKey::Bill(**key)))
}

/// How a list is asked for, by which of period, seller and buyer are given: a bit each. What is given is in front of the cursor,
/// so that of an index no more is read than is answered.
static LISTS: LazyLock<[String; 8]> = LazyLock::new(|| {
    std::array::from_fn(|given| {
        let columns = ["period", "seller", "buyer", "currency"];
        let is_given = |at: &usize| given >> at & 1 == 1;
        let fixed: Vec<&str> = (0..4).filter(is_given).map(|at| columns[at]).collect();
        let free: Vec<&str> = (0..4).filter(|at| !is_given(at)).map(|at| columns[at]).collect();
        let conditions: Vec<String> = (2..)
            .zip(&fixed)
            .map(|(number, it)| format!(" AND {it} = ?{number}"))
            .collect();
        let cursor = fixed.len() + 2;
        let cursors: Vec<String> = (cursor..cursor + free.len())
            .map(|number| format!("?{number}"))
            .collect();
        let (free, cursors, limit) = (free.join(", "), cursors.join(", "), cursor + free.len());
        format!(
            "SELECT kind, period, seller, buyer, currency, digest, size FROM bill
             WHERE kind = ?1{} AND ({free}) > ({cursors}) ORDER BY {free} LIMIT ?{limit}",
            conditions.concat()
        )
    })
});

fn list(
    transaction: &dyn Transaction,
    filter: BillFilter,
    after: Option<BillKey>,
    limit: usize,
) -> Result<Vec<ListedBill>, StoreError> {
    let after = after.as_ref().map_or(KeyColumns::first(), KeyColumns::from);
    let (seller, buyer) = (filter.seller.map(of_seller), filter.buyer.map(of_buyer));
    let given: [Option<Value<'_>>; 4] = [
        filter.period.map(|it| first_day(it).into()),
        seller.as_ref().map(|it| it.as_slice().into()),
        buyer.as_ref().map(|it| it.as_slice().into()),
        None,
    ];
    let which = given.iter().enumerate().filter(|(_, it)| it.is_some());
    let which = which.fold(0, |which, (at, _)| which | 1 << at);
    let [_, cursor @ ..] = after.values();
    let free = given.iter().zip(cursor).filter(|(given, _)| given.is_none());
    let mut values: Vec<Value<'_>> = vec![Value::Integer(number_of(filter.kind))];
    values.extend(given.iter().flatten());
    values.extend(free.map(|(_, cursor)| cursor));
    values.push(limit.into());
    let lists: &'static [String; 8] = &LISTS;
    transaction.rows(&lists[which], &values, |row| {
        let columns = KeyColumns::from_row(row)?;
        let key = columns.key();
        Ok(ListedBill {
            key: key.ok_or_else(|| StoreError::corrupt(format!("{columns} has a key that nobody wrote")))?,
            digest: row.get(5)?,
            bytes: row.get(6)?,
        })
    })
}

/// A document, if it is there.
fn stored(transaction: &dyn Transaction, key: &DocumentKey) -> Result<Option<Stored>, StoreError> {
    match key {
        DocumentKey::Bill(bill) => {
            let columns = KeyColumns::from(bill);
            let sql =
                bills_where!("kind = ?1 AND period = ?2 AND seller = ?3 AND buyer = ?4 AND currency = ?5");
            transaction.row(sql, &columns.values(), Stored::of_bill)
        }
        DocumentKey::Catalog(digest) => transaction.row(
            catalogs_where!("digest = ?1"),
            &values![digest],
            Stored::of_catalog,
        ),
    }
}

/// Why a document is not what was written.
#[derive(Debug)]
pub(crate) struct Unfit(String);

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a document is found by, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoredKey {
    Bill(KeyColumns),
    Catalog(Vec<u8>),
}

impl fmt::Display for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bill(columns) => columns.fmt(f),
            Self::Catalog(digest) => write!(f, "the catalog {}", hex::encode(digest)),
        }
    }
}

/// A document as it is stored.
pub(crate) struct Stored {
    pub(crate) key: StoredKey,
    digest: Vec<u8>,
    size: u64,
    bound: Option<Vec<u8>>,
    body: Vec<u8>,
}

impl Stored {
    fn of_bill(row: &dyn Columns) -> Result<Self, StoreError> {
        Ok(Self {
            key: StoredKey::Bill(KeyColumns::from_row(row)?),
            digest: row.get(5)?,
            size: row.get(6)?,
            bound: Some(row.get(7)?),
            body: row.get(8)?,
        })
    }

    fn of_catalog(row: &dyn Columns) -> Result<Self, StoreError> {
        let digest: Vec<u8> = row.get(0)?;
        Ok(Self {
            key: StoredKey::Catalog(digest.clone()),
            digest,
            size: row.get(1)?,
            bound: None,
            body: row.get(2)?,
        })
    }

    /// Its bytes, if they and its key are those that were written.
    pub(crate) fn open(&self) -> Result<Vec<u8>, Unfit> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        if size > DOCUMENT_BYTES_MAX {
            return Err(Unfit(format!("it is said to have {size} bytes")));
        }
        let unpacked = zstd::bulk::decompress(&self.body, size);
        let bytes = unpacked.map_err(|error| Unfit(format!("it cannot be unpacked: {error}")))?;
        let digest = *blake3::hash(&bytes).as_bytes();
        if bytes.len() != size || *self.digest != digest {
            return Err(Unfit(format!(
                "expected {size} bytes with the digest {}, found {} with {}",
                hex::encode(&self.digest),
                bytes.len(),
                hex::encode(digest)
            )));
        }
        if let (StoredKey::Bill(columns), Some(bound)) = (&self.key, &self.bound)
            && **bound != columns.bound_to(&digest)
        {
            return Err(Unfit("it was written under another key".to_owned()));
        }
        Ok(bytes)
    }
}

/// The bills that come after one.
macro_rules! after_bill {
    ($columns:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM bill WHERE (kind, period, seller, buyer, currency) > (?1, ?2, ?3, ?4, ?5)
             ORDER BY kind, period, seller, buyer, currency LIMIT ?6"
        )
    };
}

/// The bills after a key, in order: no more of them than fit easily into memory.
pub(crate) fn page_of_bills(
    transaction: &dyn Transaction,
    after: Option<&StoredKey>,
    limit: usize,
) -> Result<Vec<Stored>, StoreError> {
    let after = after_of_bills(after);
    let [kind, period, seller, buyer, currency] = after.values();
    let mut values = [kind, period, seller, buyer, currency, limit.into()];
    let sql = after_bill!("CAST(octet_length(body) AS bigint), size");
    let bytes = transaction.rows(sql, &values, bytes_of_row)?;
    values[5] = rows_at_once(bytes).into();
    let sql = after_bill!("kind, period, seller, buyer, currency, digest, size, bound, body");
    transaction.rows(sql, &values, Stored::of_bill)
}

/// The key of the next bill.
pub(crate) fn next_bill(
    transaction: &dyn Transaction,
    after: Option<&StoredKey>,
) -> Result<Option<StoredKey>, StoreError> {
    let after = after_of_bills(after);
    let [kind, period, seller, buyer, currency] = after.values();
    let values = [kind, period, seller, buyer, currency, 1u32.into()];
    transaction.row(
        after_bill!("kind, period, seller, buyer, currency"),
        &values,
        |row| Ok(StoredKey::Bill(KeyColumns::from_row(row)?)),
    )
}

fn after_of_bills(after: Option<&StoredKey>) -> KeyColumns {
    match after {
        Some(StoredKey::Bill(columns)) => columns.clone(),
        _ => KeyColumns::first(),
    }
}

/// The catalogs after a key, likewise.
pub(crate) fn page_of_catalogs(
    transaction: &dyn Transaction,
    after: Option<&StoredKey>,
    limit: usize,
) -> Result<Vec<Stored>, StoreError> {
    let mut values = values![after_of_catalogs(after), limit];
    let sql = "SELECT CAST(octet_length(body) AS bigint), size FROM catalog WHERE digest > ?1 ORDER BY digest LIMIT ?2";
    let bytes = transaction.rows(sql, &values, bytes_of_row)?;
    values[1] = rows_at_once(bytes).into();
    let sql = catalogs_where!("digest > ?1 ORDER BY digest LIMIT ?2");
    transaction.rows(sql, &values, Stored::of_catalog)
}

/// The key of the next catalog.
pub(crate) fn next_catalog(
    transaction: &dyn Transaction,
    after: Option<&StoredKey>,
) -> Result<Option<StoredKey>, StoreError> {
    let sql = "SELECT digest FROM catalog WHERE digest > ?1 ORDER BY digest LIMIT 1";
    transaction.row(sql, &values![after_of_catalogs(after)], |row| {
        Ok(StoredKey::Catalog(row.get(0)?))
    })
}

fn after_of_catalogs(after: Option<&StoredKey>) -> &[u8] {
    match after {
        Some(StoredKey::Catalog(digest)) => digest,
        _ => &[],
    }
}

/// The bytes that a document takes in memory while it is looked at.
fn bytes_of_row(row: &dyn Columns) -> Result<u64, StoreError> {
    let (body, size): (u64, i64) = (row.get(0)?, row.get(1)?);
    Ok(body.saturating_add(u64::try_from(size).unwrap_or_default()))
}
