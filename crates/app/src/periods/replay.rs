//! Replaying: reckoning again what was issued, and comparing the bytes.

use std::collections::{BTreeMap, BTreeSet};

use domain::books::Closing;
use domain::chain::Account;
use domain::invoice::{Invoice, InvoiceNumber};
use domain::time::Period;
use store::{DocumentKey, bill_forms};

use super::gathering::Wanted;
use super::invoices::{invoice_not_found, period_of};
use super::reckoning::missing;
use crate::access::{Caller, Right};
use crate::{App, Error, Kind};

/// What reckoning an invoice again came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The invoice.
    pub number: InvoiceNumber,
    /// The digest of what was issued.
    pub stored: [u8; 32],
    /// The digest of what is reckoned now; none if no such invoice is.
    pub computed: Option<[u8; 32]>,
    /// Whether both are the same, byte for byte.
    pub same: bool,
    /// Where they differ first, as a sentence.
    pub difference: Option<String>,
}

impl App {
    /// Reckons an issued invoice again, from the books, the usage and the catalog as closing its period fixed them, and
    /// compares it byte for byte. For all who read it.
    ///
    /// # Errors
    /// `InvoiceNotFound`, `ReplayRunning` while another one runs, `UsageOlderThanClose` if the memory is, or as the
    /// store. That it differs is no error but the answer.
    pub async fn replay(&self, caller: &Caller, number: InvoiceNumber) -> Result<Replay, Error> {
        let key = self.key_of(caller, number).await?;
        let replays = self.replays(caller, key.period).await?;
        let replay = replays.into_iter().find(|replay| replay.number == number);
        replay.ok_or_else(|| invoice_not_found(&number.to_string()))
    }

    /// Reckons all invoices of a closed period again, as [`App::replay`], by seller, buyer and currency. For the
    /// platform's operators.
    ///
    /// # Errors
    /// `AuthorizationFailed`, `PeriodNotClosed`, `ReplayRunning` while another one runs, `UsageOlderThanClose` if the
    /// memory is, or as the store.
    pub async fn replay_period(&self, caller: &Caller, period: Period) -> Result<Vec<Replay>, Error> {
        self.authorize(caller, Right::Operate)?;
        self.replays(caller, period).await
    }

    async fn replays(&self, caller: &Caller, period: Period) -> Result<Vec<Replay>, Error> {
        let closing: Option<Closing> = self.read(|books| {
            let closed = books.periods().closed(period)?;
            Some(closed.closing.clone())
        });
        let Some(closing) = closing else {
            let message = format!(
                "{period} is not closed: there are no invoices of it. GET /api/v1/periods lists the periods that are."
            );
            return Err(Error::new(Kind::Conflict, "PeriodNotClosed", message));
        };
        let app = &self.place_to_replay(caller).await?;
        // By what is kept, and not by what somebody had read before.
        app.as_closed.forget();
        let inputs = app.inputs_of(&closing).await?;
        let owed = app.owed(&inputs, period, &Wanted::All).await?;
        let (computed, _) = app.drawn_up(&inputs, period, owed).await?;
        let mut replays = Vec::new();
        let computed: BTreeMap<Account, Invoice> = computed.into_iter().map(|it| (it.account, it)).collect();
        let mut accounts: BTreeSet<Account> = computed.keys().copied().collect();
        accounts.extend(app.invoiced(period).await?);
        for account in accounts {
            let key = DocumentKey::invoice(period, account);
            let stored = app.bills.get(key).await?.ok_or_else(|| missing(key))?;
            let computed = computed.get(&account);
            let issued = bill_forms::decode_invoice(&stored)?;
            let bytes = computed.map(bill_forms::encode_invoice).transpose()?;
            let same = bytes.as_ref() == Some(&stored);
            let known = app.read(|books| period_of(books, issued.number));
            replays.push(Replay {
                number: issued.number,
                stored: *blake3::hash(&stored).as_bytes(),
                computed: bytes.map(|bytes| *blake3::hash(&bytes).as_bytes()),
                same: same && known.is_some(),
                difference: (!same).then(|| difference(&issued, computed)),
            });
        }
        Ok(replays)
    }
}

/// Where two invoices differ first.
fn difference(issued: &Invoice, computed: Option<&Invoice>) -> String {
    let Some(computed) = computed else {
        return "Reckoned again there is nothing to invoice.".to_owned();
    };
    if issued.number != computed.number {
        return format!(
            "Issued as {}, it would be {} now.",
            issued.number, computed.number
        );
    }
    let amounts = |invoice: &Invoice| invoice.amounts().collect::<Vec<_>>();
    let (was, is) = (amounts(issued), amounts(computed));
    let lines = was.iter().zip(&is).position(|(was, is)| was != is);
    let line = lines.or((was.len() != is.len()).then(|| was.len().min(is.len())));
    match line {
        Some(line) => {
            let shown = |amounts: &[(Period, _, domain::money::Money)]| match amounts.get(line) {
                Some((period, _, amount)) => format!("{amount} for {period}"),
                None => "missing".to_owned(),
            };
            format!("Line {} was {} and is {}.", line + 1, shown(&was), shown(&is))
        }
        None if issued.total != computed.total => {
            format!("The total was {} and is {}.", issued.total, computed.total)
        }
        None if issued.inputs != computed.inputs => {
            "It was reckoned from other usage or another catalog.".to_owned()
        }
        None if issued != computed => "All amounts are the same; what they are made of differs.".to_owned(),
        None => "Both say the same, written in another way.".to_owned(),
    }
}
