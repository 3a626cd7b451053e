//! Closing a period: one durable act in two entries. Whatever happens between them, it is taken up again and comes to
//! the same bytes.

use std::mem;

use domain::books::Closing;
use domain::ids::ObjectId;
use domain::invoice::{Inputs, Invoice, last_numbers};
use domain::reckoning::Basis;
use domain::time::{HourInterval, Period};
use store::{BillKind, Document, DocumentKey, PutError, StoreError, bill_forms};

use super::PeriodView;
use super::gathering::{Bases, Wanted, catalog_digest, digests};
use crate::access::{Caller, Right};
use crate::error::internal;
use crate::{App, Error, Kind};

/// How many documents are written at a time.
const DOCUMENTS_PER_WRITE: usize = 256;

/// What was reckoned before anything was fixed, and what it was reckoned from.
struct Drawn {
    entries: u64,
    digests: Inputs,
    invoices: Vec<Invoice>,
    bases: Bases,
}

impl App {
    /// Closes a period: its invoices are numbered and issued. Closing a closed one changes nothing, and one that is
    /// being closed is closed to its end. The first one that is ever closed has to be said to be that. An act of the
    /// platform's operators.
    ///
    /// # Errors
    /// `AuthorizationFailed`, `FirstPeriod` if nothing was closed yet and `first` does not say so, `PeriodIncomplete`
    /// naming what it waits for,
    /// [`PeriodRefused`](domain::books::PeriodRefused) if it is not its turn, `UsageOlderThanClose` if the memory is older
    /// than what was begun, or as the store: then it is closed by asking again.
    pub async fn close_period(
        &self,
        caller: &Caller,
        period: Period,
        first: bool,
    ) -> Result<PeriodView, Error> {
        self.authorize(caller, Right::Operate)?;
        let _turn = self.closing.acquire().await;
        self.catch_up().await?;
        let begun = |closing: &&Closing| closing.period == period;
        let (is_closed, is_begun) = self.read(|books| {
            let periods = books.periods();
            let is_closed = periods.closed(period).is_some();
            (is_closed, periods.closing().filter(begun).is_some())
        });
        if is_closed {
            return self.period_view(period).await;
        }
        let drawn = if is_begun {
            None
        } else {
            Some(self.begin(caller, period, first).await?)
        };
        self.finish(caller.id(), period, drawn).await?;
        self.period_view(period).await
    }

    /// Closes to its end what was begun, if anything was: to be called at the start and now and then. It is recorded as
    /// done by who began it. Nothing while somebody does so here.
    ///
    /// # Errors
    /// `UsageOlderThanClose` if the memory is older than what was begun, or as the store.
    pub async fn resume_closing(&self) -> Result<Option<PeriodView>, Error> {
        let Ok(_turn) = self.closing.try_acquire() else {
            return Ok(None);
        };
        self.catch_up().await?;
        let begun = self.read(|books| {
            let closing = books.periods().closing()?;
            Some((closing.period, closing.begun.by))
        });
        let Some((period, by)) = begun else {
            return Ok(None);
        };
        self.finish(by, period, None).await?;
        self.period_view(period).await.map(Some)
    }

    /// Fixes what the period is reckoned from. It is reckoned before that: what cannot be closed must not be begun.
    async fn begin(&self, caller: &Caller, period: Period, first: bool) -> Result<Drawn, Error> {
        let now = self.this_hour();
        self.read(|books| {
            books.check_closable(period, now)?;
            books.check_begins(period, first)
        })?;
        self.demand_complete(period).await?;
        let inputs = self.inputs_now(HourInterval::ALWAYS).await?;
        let owed = self.owed(&inputs, period, &Wanted::All).await?;
        let (invoices, bases) = self.drawn_up(&inputs, period, owed).await?;
        let catalog = self.catalog_document()?;
        let digest = catalog_digest(&catalog);
        self.put(vec![catalog]).await?;
        let marks = inputs.marks();
        self.change(caller, |books| {
            let periods = books.periods();
            let is_begun = periods.closing().is_some_and(|closing| closing.period == period);
            if is_begun || periods.closed(period).is_some() {
                return Ok((Vec::new(), ()));
            }
            let entry = books.begin_closing(period, now, marks.clone(), digest)?;
            Ok((vec![entry], ()))
        })
        .await?;
        Ok(Drawn {
            entries: inputs.books.entries(),
            digests: inputs.digests(),
            invoices,
            bases,
        })
    }

    /// Writes the documents of a period whose closing was begun, and says that it is closed. What was drawn up before
    /// that holds if nothing was entered in between; else it is drawn up from what was fixed.
    async fn finish(&self, by: ObjectId, period: Period, drawn: Option<Drawn>) -> Result<(), Error> {
        let closing = self.read(|books| books.periods().closing().cloned());
        let Some(closing) = closing.filter(|closing| closing.period == period) else {
            // Another server was faster.
            return Ok(());
        };
        // Its own entry is the next after the books that it was reckoned from, and says nothing that bills depend on.
        let fixed = digests(closing.catalog, &closing.marks);
        let holds = |drawn: &Drawn| drawn.entries + 1 == closing.begun.entry && drawn.digests == fixed;
        let (invoices, bases) = match drawn.filter(holds) {
            Some(drawn) => (drawn.invoices, drawn.bases),
            None => {
                let inputs = self.inputs_of(&closing).await?;
                let owed = self.owed(&inputs, period, &Wanted::All).await?;
                self.drawn_up(&inputs, period, owed).await?
            }
        };
        let (count, numbers) = (invoices.len() as u64, last_numbers(&invoices));
        let digest = self.write(invoices, bases).await?;
        self.enter(by, |books| {
            let entry = books.finish_closing(period, digest, count, numbers.clone())?;
            Ok((entry.into_iter().collect(), ()))
        })
        .await
    }

    /// Writes what each invoice was reckoned from, then the invoices in order: some are encoded while those before are
    /// written. Returns the digest over the digests of the invoices.
    async fn write(&self, invoices: Vec<Invoice>, bases: Bases) -> Result<[u8; 32], Error> {
        let bases = bases.into_values().map(|basis| Draft::Basis(Box::new(basis)));
        let mut drafts = bases.chain(
            invoices
                .into_iter()
                .map(|invoice| Draft::Invoice(Box::new(invoice))),
        );
        let mut digest = blake3::Hasher::new();
        let mut encoded: Vec<Document> = Vec::new();
        loop {
            let some: Vec<Draft> = drafts.by_ref().take(DOCUMENTS_PER_WRITE).collect();
            let encode = self.compute(move |_| some.iter().map(Draft::encode).collect::<Result<Vec<_>, _>>());
            let (next, ()) = tokio::try_join!(encode, self.put(mem::take(&mut encoded)))?;
            encoded = next?;
            if encoded.is_empty() {
                return Ok(*digest.finalize().as_bytes());
            }
            let invoices = encoded
                .iter()
                .filter(|it| matches!(it.key, DocumentKey::Bill(key) if key.kind == BillKind::Invoice));
            invoices.for_each(|it| {
                digest.update(blake3::hash(&it.bytes).as_bytes());
            });
        }
    }

    async fn put(&self, documents: Vec<Document>) -> Result<(), Error> {
        if documents.is_empty() {
            return Ok(());
        }
        self.bills.put_all(documents).await.map_err(not_put)
    }
}

/// What is to be written of an account.
enum Draft {
    /// What its invoice was reckoned from.
    Basis(Box<Basis>),
    Invoice(Box<Invoice>),
}

impl Draft {
    fn encode(&self) -> Result<Document, StoreError> {
        Ok(match self {
            Self::Basis(basis) => Document {
                key: DocumentKey::basis(basis.period, basis.account),
                bytes: bill_forms::encode_basis(basis)?,
            },
            Self::Invoice(invoice) => Document {
                key: DocumentKey::invoice(invoice.period, invoice.account),
                bytes: bill_forms::encode_invoice(invoice)?,
            },
        })
    }
}

fn not_put(error: PutError) -> Error {
    match error {
        PutError::Store(error) => error.into(),
        PutError::TooLarge { .. } => Error {
            detail: Some(error.to_string()),
            ..Error::new(
                Kind::Internal,
                "InvoiceTooLarge",
                "An invoice of this period has more lines than a document holds. Whoever operates the server finds in \
                 its log which; the period stays as it is.",
            )
        },
        PutError::Different(_) => Error {
            detail: Some(error.to_string()),
            hint: Some(
                "Whoever operates the server has `meterbridge audit verify` say what is damaged, and closes the period \
                 with the version of the server that began it."
                    .to_owned(),
            ),
            ..internal("What was reckoned is not what was written for this period before; nothing of it was changed.")
        },
    }
}
