//! Which entries about notices are made.

use super::{NoticeEntry, Notices, Outcome};
use crate::books::{Books, Entry, Limit, LimitReached};
use crate::ids::{NoticeId, PartnerId};
use crate::notices::{Notice, NoticeKind, Webhook, WebhookName};

/// Why nothing is entered. The text says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeRefused {
    /// There are too many already.
    #[error("{0}")]
    TooMany(LimitReached),
    /// The webhook is not there.
    #[error("there is no webhook '{0}'; list those that there are")]
    UnknownWebhook(WebhookName),
    /// The partner whose stacks a webhook is for is not there.
    #[error("partner {0} does not exist")]
    UnknownPartner(PartnerId),
    /// The webhook's receiver wanted no more notices.
    #[error("the webhook '{0}' was stopped by its receiver; set it again first")]
    Stopped(WebhookName),
    /// The notice was not for the webhook, or was forgotten.
    #[error("no notice {0} that this webhook was sent is kept any more; list its deliveries")]
    UnknownNotice(NoticeId),
    /// The notice waits for the webhook.
    #[error("notice {0} waits for this webhook, and is sent as soon as its receiver takes it in")]
    IsWaiting(NoticeId),
}

impl NoticeRefused {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooMany(reached) => reached.0.code(),
            Self::UnknownWebhook(_) => "WebhookNotFound",
            Self::UnknownPartner(_) => "PartnerNotFound",
            Self::Stopped(_) => "WebhookStopped",
            Self::UnknownNotice(_) => "NoticeNotFound",
            Self::IsWaiting(_) => "NoticeWaiting",
        }
    }
}

impl From<LimitReached> for NoticeRefused {
    fn from(reached: LimitReached) -> Self {
        Self::TooMany(reached)
    }
}

impl Books {
    /// Sets a webhook. None if it is as it should be already, and its receiver takes what it is sent.
    ///
    /// # Errors
    /// [`NoticeRefused::TooMany`], [`NoticeRefused::UnknownPartner`].
    pub fn set_webhook(&self, webhook: &Webhook) -> Result<Option<Entry>, NoticeRefused> {
        if let Some(partner) = webhook.partner.filter(|it| self.partner(*it).is_none()) {
            return Err(NoticeRefused::UnknownPartner(partner));
        }
        let notices = self.notices();
        match notices.webhook(&webhook.name) {
            Some(known) if known.webhook == *webhook && known.is_good() => return Ok(None),
            Some(_) => {}
            None => Limit::Webhooks.admits_one_more(notices.webhooks.len())?,
        }
        Ok(Some(NoticeEntry::WebhookSet(webhook.clone()).into()))
    }

    /// Gives up what waits for a webhook of this name and is none of its business in this form: it may be somebody else's now.
    #[must_use]
    pub fn give_up_what_is_others(&self, webhook: &Webhook) -> Vec<Entry> {
        let notices = self.notices();
        let waiting = notices.webhook(&webhook.name).into_iter();
        let waiting = waiting.flat_map(|record| record.waiting.values());
        let others = waiting.filter(|id| {
            notices
                .notice(**id)
                .is_some_and(|it| !is_for(webhook, &it.notice))
        });
        let given_up = others.map(|id| NoticeEntry::GivenUp {
            notice: *id,
            webhook: webhook.name.clone(),
            attempts: 0,
            because: "The webhook was set for another partner.".to_owned(),
        });
        given_up.map(Entry::from).collect()
    }

    /// Removes a webhook.
    ///
    /// # Errors
    /// [`NoticeRefused::UnknownWebhook`].
    pub fn remove_webhook(&self, name: &WebhookName) -> Result<Entry, NoticeRefused> {
        self.notices().known(name)?;
        let webhook = name.clone();
        Ok(NoticeEntry::WebhookRemoved { webhook }.into())
    }

    /// Raises a notice. None if that would say nothing new: it was raised before, what it begins has begun, or what it ends
    /// has not.
    #[must_use]
    pub fn raise_notice(&self, notice: &Notice) -> Option<Entry> {
        let notices = self.notices();
        let known = notices.notice(notice.id).is_some()
            || notice.begins().is_some_and(|it| notices.open.contains_key(&it))
            || notice.ends().is_some_and(|it| !notices.open.contains_key(&it));
        let (notice, only) = (notice.clone(), None);
        (!known).then(|| NoticeEntry::Raised { notice, only }.into())
    }

    /// Raises a notice for one webhook.
    ///
    /// # Errors
    /// [`NoticeRefused`].
    pub fn raise_notice_for(&self, name: &WebhookName, notice: &Notice) -> Result<Entry, NoticeRefused> {
        self.notices().takes_one_more(name)?;
        let (notice, only) = (notice.clone(), Some(name.clone()));
        Ok(NoticeEntry::Raised { notice, only }.into())
    }

    /// Has a notice sent again to a webhook that it was for. One that waits because its receiver takes nothing keeps its
    /// place, and is tried at once.
    ///
    /// # Errors
    /// [`NoticeRefused`].
    pub fn send_notice_again(&self, name: &WebhookName, id: NoticeId) -> Result<Entry, NoticeRefused> {
        let notices = self.notices();
        if !notices.is_waiting(name, id) {
            notices.takes_one_more(name)?;
        } else if notices.known(name)?.is_good() {
            return Err(NoticeRefused::IsWaiting(id));
        }
        let webhook = &notices.known(name)?.webhook;
        let known = notices.notice(id).filter(|it| it.sendings.contains_key(name));
        let known = known.filter(|it| is_for(webhook, &it.notice));
        known.ok_or(NoticeRefused::UnknownNotice(id))?;
        let webhook = name.clone();
        Ok(NoticeEntry::SentAgain { notice: id, webhook }.into())
    }
}

/// Whether a notice that a webhook was to be sent may be sent there as it is set now.
fn is_for(webhook: &Webhook, notice: &Notice) -> bool {
    notice.kind == NoticeKind::Test || webhook.may_learn(notice)
}

impl Notices {
    /// Whether a notice waits for a webhook.
    #[must_use]
    pub fn is_waiting(&self, webhook: &WebhookName, id: NoticeId) -> bool {
        let sending = self.notice(id).and_then(|record| record.sendings.get(webhook));
        sending.is_some_and(|sending| sending.outcome == Outcome::Waiting)
    }

    fn known(&self, name: &WebhookName) -> Result<&super::WebhookRecord, NoticeRefused> {
        let unknown = || NoticeRefused::UnknownWebhook(name.clone());
        self.webhook(name).ok_or_else(unknown)
    }

    fn takes_one_more(&self, name: &WebhookName) -> Result<(), NoticeRefused> {
        let record = self.known(name)?;
        if record.stopped.is_some() {
            return Err(NoticeRefused::Stopped(name.clone()));
        }
        Ok(Limit::NoticesOfWebhook.admits_one_more(record.waiting())?)
    }
}
