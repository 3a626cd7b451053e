//! Telling others of their own accord: webhooks are set, notices are raised and sent.
//!
//! Everything is entered in the books: which webhooks there are, what is raised, and what became of it. So of several
//! servers one raises it, and a restart forgets nothing. Sending itself is the transport's, which asks here what is due and
//! says how it went.

mod duty;
mod sending;
mod telling;

use std::collections::BTreeMap;

use domain::books::{NoticeRefused, Sending, WebhookRecord};
use domain::ids::NoticeId;
use domain::notices::{Notice, NoticeKind, Webhook, WebhookName};

use crate::access::{Caller, Right};
use crate::accounts::Created;
use crate::{App, Error, Kind};

pub use duty::Duty;
pub(crate) use sending::PLATFORM;
pub use sending::{Due, DueWebhook};
pub(crate) use telling::{id as occurrence, named};

/// A notice that was for a webhook, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentNotice {
    /// The notice.
    pub notice: Notice,
    /// What became of it.
    pub sending: Sending,
}

impl From<NoticeRefused> for Error {
    fn from(refused: NoticeRefused) -> Self {
        let (kind, target) = match refused {
            NoticeRefused::UnknownWebhook(_) | NoticeRefused::UnknownNotice(_) => (Kind::NotFound, None),
            NoticeRefused::UnknownPartner(_) => (Kind::Invalid, Some("partnerId")),
            NoticeRefused::TooMany(_) | NoticeRefused::Stopped(_) | NoticeRefused::IsWaiting(_) => {
                (Kind::Conflict, None)
            }
        };
        let error = Self::new(kind, refused.code(), refused.to_string());
        Self { target, ..error }
    }
}

impl App {
    /// Every webhook, by name.
    ///
    /// # Errors
    /// `AuthorizationFailed`, if the caller does not operate the platform.
    pub fn webhooks(&self, caller: &Caller) -> Result<Vec<WebhookRecord>, Error> {
        self.authorize(caller, Right::Operate)?;
        Ok(self.read(|books| books.notices().webhooks().cloned().collect()))
    }

    /// Sets a webhook. What waits for one of this name goes where this one says, at once, unless it is set for another partner
    /// whose business it is not; one that was stopped begins anew, with what is raised from now on.
    ///
    /// # Errors
    /// `AuthorizationFailed`, [`NoticeRefused`], or as the store.
    pub async fn set_webhook(
        &self,
        caller: &Caller,
        webhook: Webhook,
    ) -> Result<(Created, WebhookRecord), Error> {
        self.authorize(caller, Right::Operate)?;
        let created = self
            .change(caller, |books| {
                let is_new = books.notices().webhook(&webhook.name).is_none();
                let mut entries = books.give_up_what_is_others(&webhook);
                entries.extend(books.set_webhook(&webhook)?);
                Ok((entries, Created::from(is_new)))
            })
            .await?;
        let set = self.read(|books| books.notices().webhook(&webhook.name).cloned());
        let set = set.ok_or(NoticeRefused::UnknownWebhook(webhook.name))?;
        Ok((created, set))
    }

    /// Removes a webhook. What waits for it is not sent.
    ///
    /// # Errors
    /// `AuthorizationFailed`, `WebhookNotFound`, or as the store.
    pub async fn remove_webhook(&self, caller: &Caller, name: &WebhookName) -> Result<(), Error> {
        self.authorize(caller, Right::Operate)?;
        self.change(caller, |books| Ok((vec![books.remove_webhook(name)?], ())))
            .await
    }

    /// Sends a webhook a notice that nothing happened. It waits for those before it, which are tried at once.
    ///
    /// # Errors
    /// `AuthorizationFailed`, [`NoticeRefused`], or as the store.
    pub async fn test_webhook(&self, caller: &Caller, name: &WebhookName) -> Result<NoticeId, Error> {
        self.authorize(caller, Right::Operate)?;
        let notice = Notice {
            id: NoticeId::from_uuid(self.random.uuid()),
            kind: NoticeKind::Test,
            occurred: self.clock.now(),
            stack: None,
            partner: None,
            subject: String::new(),
            text: "Nothing happened: somebody tries whether this webhook works.".to_owned(),
            data: BTreeMap::new(),
        };
        self.change(caller, |books| {
            Ok((vec![books.raise_notice_for(name, &notice)?], notice.id))
        })
        .await
    }

    /// The last notices that were for a webhook, the one that was asked for last first.
    ///
    /// # Errors
    /// `AuthorizationFailed`, `WebhookNotFound`.
    pub fn sent_notices(&self, caller: &Caller, name: &WebhookName) -> Result<Vec<SentNotice>, Error> {
        self.authorize(caller, Right::Operate)?;
        self.read(|books| {
            let notices = books.notices();
            let known = notices.webhook(name);
            known.ok_or_else(|| NoticeRefused::UnknownWebhook(name.clone()))?;
            let of_this = notices.newest().filter_map(|record| {
                let sending = record.sendings.get(name)?.clone();
                let notice = record.notice.clone();
                Some(SentNotice { notice, sending })
            });
            let mut sent: Vec<SentNotice> = of_this.collect();
            sent.sort_by_key(|it| std::cmp::Reverse(it.sending.last_asked().entry));
            Ok(sent)
        })
    }

    /// Sends a notice to a webhook again that it was for. Those that wait before it are tried at once.
    ///
    /// # Errors
    /// `AuthorizationFailed`, [`NoticeRefused`], or as the store.
    pub async fn send_notice_again(
        &self,
        caller: &Caller,
        name: &WebhookName,
        id: NoticeId,
    ) -> Result<(), Error> {
        self.authorize(caller, Right::Operate)?;
        self.change(caller, |books| Ok((vec![books.send_notice_again(name, id)?], ())))
            .await
    }
}
