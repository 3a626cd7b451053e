//! What is due to be sent, and how it went.

use domain::books::{Books, Entry, NoticeEntry};
use domain::ids::{NoticeId, ObjectId};
use domain::notices::{Notice, Webhook, WebhookName};
use domain::time::Timestamp;

use crate::{App, Error};

/// Who enters what nobody asked for.
pub(crate) const PLATFORM: ObjectId = ObjectId::from_bytes([0; 16]);

/// A notice that is due.
#[derive(Debug, Clone)]
pub struct Due {
    /// Where it goes.
    pub webhook: Webhook,
    /// The entry that set the webhook: with another one it is tried anew.
    pub set: u64,
    /// What is sent.
    pub notice: Notice,
    /// When that was asked for last.
    pub asked: Timestamp,
    /// How often it was tried since, as far as it was entered.
    pub attempts: u32,
}

/// A webhook for which something waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueWebhook {
    /// The webhook.
    pub name: WebhookName,
    /// The entry that set it: with another one, what is under way is not worth going on with.
    pub set: u64,
    /// The entry with which somebody set it or asked for something last: with another one it is tried at once.
    pub asked: u64,
}

impl App {
    /// The webhooks for which something waits, by name.
    #[must_use]
    pub fn webhooks_due(&self) -> Vec<DueWebhook> {
        self.read(|books| {
            let due = books.notices().webhooks().filter(|it| it.waiting() > 0);
            let due = due.map(|it| DueWebhook {
                name: it.webhook.name.clone(),
                set: it.set.entry,
                asked: it.asked,
            });
            due.collect()
        })
    }

    /// How many notices wait for each webhook, by name.
    #[must_use]
    pub fn notices_waiting(&self) -> Vec<(WebhookName, usize)> {
        self.read(|books| {
            let webhooks = books.notices().webhooks();
            webhooks
                .map(|it| (it.webhook.name.clone(), it.waiting()))
                .collect()
        })
    }

    /// What is sent to a webhook next: the others wait for it.
    #[must_use]
    pub fn due_next(&self, name: &WebhookName) -> Option<Due> {
        self.read(|books| {
            let record = books.notices().webhook(name)?;
            let known = books.notices().notice(record.next()?)?;
            let sending = known.sendings.get(name)?;
            Some(Due {
                webhook: record.webhook.clone(),
                set: record.set.entry,
                notice: known.notice.clone(),
                asked: sending.last_asked().at,
                attempts: sending.attempts,
            })
        })
    }

    /// The receiver has taken it, with the last of so many attempts.
    ///
    /// # Errors
    /// As the store.
    pub async fn was_delivered(&self, due: &Due, attempts: u32, answer: String) -> Result<(), Error> {
        let (notice, webhook) = (due.notice.id, due.webhook.name.clone());
        let entry = NoticeEntry::Delivered {
            notice,
            webhook,
            attempts,
            answer,
        };
        self.enter_if(entry, |books| waits(books, due, notice)).await
    }

    /// It is not tried any more, after so many attempts.
    ///
    /// # Errors
    /// As the store.
    pub async fn was_given_up(&self, due: &Due, attempts: u32, because: String) -> Result<(), Error> {
        let (notice, webhook) = (due.notice.id, due.webhook.name.clone());
        let entry = NoticeEntry::GivenUp {
            notice,
            webhook,
            attempts,
            because,
        };
        self.enter_if(entry, |books| waits(books, due, notice)).await
    }

    /// The receiver wants no more notices, as it answered to the last of so many attempts.
    ///
    /// # Errors
    /// As the store.
    pub async fn was_stopped(&self, due: &Due, attempts: u32, because: String) -> Result<(), Error> {
        let entry = NoticeEntry::WebhookStopped {
            webhook: due.webhook.name.clone(),
            notice: Some(due.notice.id),
            attempts,
            because,
        };
        let is_same = |books: &Books| {
            let known = books.notices().webhook(&due.webhook.name);
            known.is_some_and(|known| known.set.entry == due.set && known.stopped.is_none())
        };
        self.enter_if(entry, is_same).await
    }

    /// The receiver has not taken it with so many attempts: for whoever lists webhooks at whichever server. It is entered for
    /// ever, so it is worth saying of some attempts only.
    ///
    /// # Errors
    /// As the store.
    pub async fn was_not_taken(&self, due: &Due, attempts: u32, because: String) -> Result<(), Error> {
        let entry = NoticeEntry::WebhookFailing {
            webhook: due.webhook.name.clone(),
            notice: Some(due.notice.id),
            attempts,
            because,
        };
        let is_same = |books: &Books| {
            let known = books.notices().webhook(&due.webhook.name);
            known.is_some_and(|known| known.set.entry == due.set) && waits(books, due, due.notice.id)
        };
        self.enter_if(entry, is_same).await
    }

    async fn enter_if(
        &self,
        entry: NoticeEntry,
        holds: impl Fn(&Books) -> bool + Send + Sync,
    ) -> Result<(), Error> {
        let entry = Entry::from(entry);
        self.enter(PLATFORM, |books| {
            let entries = holds(books).then(|| entry.clone());
            Ok((entries.into_iter().collect(), ()))
        })
        .await
    }
}

fn waits(books: &Books, due: &Due, notice: NoticeId) -> bool {
    books.notices().is_waiting(&due.webhook.name, notice)
}
