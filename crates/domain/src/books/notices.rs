//! The part of the books that says what others are told: webhooks, notices, and what became of each notice at each
//! webhook.
//!
//! Who is sent a notice is decided when it is raised, and never again: by the webhooks that there are then. Old notices are
//! forgotten here, while their entries stay in the journal.

mod decisions;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

pub use self::decisions::NoticeRefused;

use super::Limit;
use crate::ids::NoticeId;
use crate::notices::{Condition, Notice, Webhook, WebhookName};
use crate::timeline::Recorded;

/// How many notices can be asked for and sent again, beside those that are waiting. *(ours)*
const NOTICES_KEPT: usize = 2_000;

/// One fact about what others are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeEntry {
    /// A webhook was set: a new one, or another form of one that was there, which begins anew if it was stopped.
    WebhookSet(Webhook),
    /// A webhook was removed. What was waiting for it is not sent.
    WebhookRemoved {
        /// The webhook.
        webhook: WebhookName,
    },
    /// A webhook's receiver wants no more notices. What was waiting for it is not sent, nor is what is raised from now on.
    WebhookStopped {
        /// The webhook.
        webhook: WebhookName,
        /// The notice that its receiver answered so, if it was said.
        notice: Option<NoticeId>,
        /// How often that was tried; 0 if it was not said.
        attempts: u32,
        /// Why.
        because: String,
    },
    /// A webhook's receiver did not take a notice. It is tried again. Of a row of attempts few are entered.
    WebhookFailing {
        /// The webhook.
        webhook: WebhookName,
        /// The notice.
        notice: Option<NoticeId>,
        /// How often that was tried; 0 if it was not said.
        attempts: u32,
        /// Why.
        because: String,
    },
    /// Others are to be told something.
    Raised {
        /// What.
        notice: Notice,
        /// The one webhook that it is for; all that want it, if none is named.
        only: Option<WebhookName>,
    },
    /// A notice is to be sent to a webhook again.
    SentAgain {
        /// The notice.
        notice: NoticeId,
        /// The webhook.
        webhook: WebhookName,
    },
    /// A webhook's receiver has taken a notice.
    Delivered {
        /// The notice.
        notice: NoticeId,
        /// The webhook.
        webhook: WebhookName,
        /// How often it was tried; 0 if it was not said.
        attempts: u32,
        /// What the receiver answered, if it was said.
        answer: String,
    },
    /// A notice is not sent to a webhook any more.
    GivenUp {
        /// The notice.
        notice: NoticeId,
        /// The webhook.
        webhook: WebhookName,
        /// How often it was tried; 0 if it was not said.
        attempts: u32,
        /// Why.
        because: String,
    },
}

/// A webhook with how it goes.
#[derive(Debug, Clone)]
pub struct WebhookRecord {
    /// The webhook.
    pub webhook: Webhook,
    /// When it was set last, and by whom.
    pub set: Recorded,
    /// Since when its receiver wants no more notices, and why.
    pub stopped: Option<(Recorded, String)>,
    /// How its receiver takes nothing.
    pub failing: Option<Failing>,
    /// The entry with which somebody set it last, or asked for a notice: with another one it is not waited any longer, but
    /// tried at once.
    pub asked: u64,
    /// What waits for it, by the entry that asked for it.
    waiting: BTreeMap<u64, NoticeId>,
}

impl WebhookRecord {
    /// Whether its receiver takes what it is sent, as far as anybody knows.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.stopped.is_none() && self.failing.is_none()
    }

    /// How many notices wait for it.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The notice that is sent next.
    #[must_use]
    pub fn next(&self) -> Option<NoticeId> {
        self.waiting.values().next().copied()
    }
}

/// How a receiver takes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// Since when.
    pub since: Recorded,
    /// The last attempt that was entered.
    pub last: Recorded,
    /// How often the notice was tried by then that it does not take; 0 if it was not said.
    pub attempts: u32,
    /// What came of it.
    pub because: String,
}

/// A notice with what became of it.
#[derive(Debug, Clone)]
pub struct NoticeRecord {
    /// The notice.
    pub notice: Notice,
    /// When it was raised.
    pub raised: Recorded,
    /// What became of it at each webhook that it was for.
    pub sendings: BTreeMap<WebhookName, Sending>,
}

/// What became of a notice at a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// When it was asked for first.
    pub asked: Recorded,
    /// When it was asked for again, the last time.
    pub again: Option<Recorded>,
    /// How often it was tried since, as far as it was entered.
    pub attempts: u32,
    /// What came of the last attempt that was entered; empty if none was.
    pub answer: String,
    /// What became of it.
    pub outcome: Outcome,
}

impl Sending {
    /// When it was asked for last.
    #[must_use]
    pub fn last_asked(&self) -> Recorded {
        self.again.unwrap_or(self.asked)
    }
}

/// How sending a notice went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is sent, or waits for those before it.
    Waiting,
    /// The receiver has taken it.
    Delivered(Recorded),
    /// It is not sent any more.
    GivenUp(Recorded, String),
}

/// What others are told.
#[derive(Debug, Clone, Default)]
pub struct Notices {
    webhooks: BTreeMap<WebhookName, WebhookRecord>,
    /// By the entry that raised them.
    notices: BTreeMap<u64, NoticeRecord>,
    entries: HashMap<NoticeId, u64>,
    open: BTreeMap<Condition, NoticeId>,
}

impl Notices {
    /// Every webhook, by name.
    pub fn webhooks(&self) -> impl Iterator<Item = &WebhookRecord> {
        self.webhooks.values()
    }

    /// A webhook.
    #[must_use]
    pub fn webhook(&self, name: &WebhookName) -> Option<&WebhookRecord> {
        self.webhooks.get(name)
    }

    /// A notice, unless it was forgotten.
    #[must_use]
    pub fn notice(&self, id: NoticeId) -> Option<&NoticeRecord> {
        self.notices.get(self.entries.get(&id)?)
    }

    /// The notices that are kept, the newest first.
    pub fn newest(&self) -> impl Iterator<Item = &NoticeRecord> {
        self.notices.values().rev()
    }

    /// The conditions that others were told of and that have not ended, with the notice that told it.
    #[must_use]
    pub const fn open(&self) -> &BTreeMap<Condition, NoticeId> {
        &self.open
    }

    pub(super) fn take_in(&mut self, entry: &NoticeEntry, recorded: Recorded) -> Result<(), &'static str> {
        match entry {
            NoticeEntry::WebhookSet(webhook) => self.set(webhook, recorded),
            NoticeEntry::WebhookRemoved { webhook } => {
                self.drop_waiting(webhook, recorded, "The webhook was removed.")?;
                self.webhooks.remove(webhook);
            }
            NoticeEntry::WebhookStopped {
                webhook,
                notice,
                attempts,
                because,
            } => {
                if let Some(sending) = notice.and_then(|id| self.sending_mut(id, webhook)) {
                    (sending.attempts, sending.answer) = (*attempts, because.clone());
                }
                self.drop_waiting(webhook, recorded, because)?;
                self.record_mut(webhook)?.stopped = Some((recorded, because.clone()));
            }
            NoticeEntry::WebhookFailing {
                webhook,
                notice,
                attempts,
                because,
            } => {
                let record = self.record_mut(webhook)?;
                record.failing = Some(Failing {
                    since: record.failing.as_ref().map_or(recorded, |before| before.since),
                    last: recorded,
                    attempts: *attempts,
                    because: because.clone(),
                });
                if let Some(sending) = notice.and_then(|id| self.sending_mut(id, webhook)) {
                    (sending.attempts, sending.answer) = (*attempts, because.clone());
                }
            }
            NoticeEntry::Raised { notice, only } => self.raise(notice, only.as_ref(), recorded)?,
            NoticeEntry::SentAgain { notice, webhook } => {
                let asked = *self.entries.get(notice).ok_or("the notice is unknown")?;
                self.record_mut(webhook)?.asked = recorded.entry;
                self.ask(asked, webhook, recorded);
            }
            NoticeEntry::Delivered {
                notice,
                webhook,
                attempts,
                answer,
            } => {
                self.end(*notice, webhook, *attempts, Outcome::Delivered(recorded))?;
                if let Some(sending) = self.sending_mut(*notice, webhook) {
                    sending.answer.clone_from(answer);
                }
                self.record_mut(webhook)?.failing = None;
            }
            NoticeEntry::GivenUp {
                notice,
                webhook,
                attempts,
                because,
            } => {
                let outcome = Outcome::GivenUp(recorded, because.clone());
                self.end(*notice, webhook, *attempts, outcome)?;
            }
        }
        Ok(())
    }

    fn record_mut(&mut self, webhook: &WebhookName) -> Result<&mut WebhookRecord, &'static str> {
        self.webhooks.get_mut(webhook).ok_or("the webhook is unknown")
    }

    fn set(&mut self, webhook: &Webhook, recorded: Recorded) {
        let before = self.webhooks.remove(&webhook.name);
        let record = WebhookRecord {
            webhook: webhook.clone(),
            set: recorded,
            stopped: None,
            failing: None,
            asked: recorded.entry,
            waiting: before.map(|record| record.waiting).unwrap_or_default(),
        };
        self.webhooks.insert(webhook.name.clone(), record);
    }

    fn raise(
        &mut self,
        notice: &Notice,
        only: Option<&WebhookName>,
        recorded: Recorded,
    ) -> Result<(), &'static str> {
        if self.entries.contains_key(&notice.id) {
            return Err("the notice was raised before");
        }
        if let Some(condition) = notice.begins() {
            self.open.insert(condition, notice.id);
        }
        self.open.retain(|open, began| !is_ended_by(open, *began, notice));
        let record = NoticeRecord {
            notice: notice.clone(),
            raised: recorded,
            sendings: BTreeMap::new(),
        };
        self.notices.insert(recorded.entry, record);
        self.entries.insert(notice.id, recorded.entry);
        let wants = |record: &&WebhookRecord| match only {
            Some(only) => record.webhook.name == *only,
            None => record.stopped.is_none() && record.webhook.wants(notice),
        };
        let receivers: Vec<WebhookName> = self
            .webhooks
            .values()
            .filter(wants)
            .map(|record| record.webhook.name.clone())
            .collect();
        for webhook in &receivers {
            self.ask(recorded.entry, webhook, recorded);
        }
        if let Some(record) = only.and_then(|only| self.webhooks.get_mut(only)) {
            record.asked = recorded.entry;
        }
        self.forget();
        Ok(())
    }

    /// Has a notice wait for a webhook, unless too much does. One that waits already keeps its place.
    fn ask(&mut self, entry: u64, webhook: &WebhookName, asked: Recorded) {
        let (Some(record), Some(known)) = (self.webhooks.get_mut(webhook), self.notices.get_mut(&entry))
        else {
            return;
        };
        let before = known.sendings.get_mut(webhook);
        if let Some(sending) = before
            && sending.outcome == Outcome::Waiting
        {
            sending.again = Some(asked);
            return;
        }
        let id = known.notice.id;
        let outcome = match Limit::NoticesOfWebhook.admits_one_more(record.waiting.len()) {
            Ok(()) => {
                record.waiting.insert(asked.entry, id);
                Outcome::Waiting
            }
            Err(reached) => Outcome::GivenUp(asked, format!("It was never sent: {reached}.")),
        };
        let first = known.sendings.get(webhook).map(|before| before.asked);
        let sending = Sending {
            asked: first.unwrap_or(asked),
            again: first.map(|_| asked),
            attempts: 0,
            answer: String::new(),
            outcome,
        };
        known.sendings.insert(webhook.clone(), sending);
    }

    /// Writes down what became of a notice that was waiting.
    fn end(
        &mut self,
        id: NoticeId,
        webhook: &WebhookName,
        attempts: u32,
        outcome: Outcome,
    ) -> Result<(), &'static str> {
        const NOT_WAITING: &str = "the notice does not wait for the webhook";
        let record = self.webhooks.get_mut(webhook).ok_or(NOT_WAITING)?;
        let waited = record.waiting.len();
        record.waiting.retain(|_, waiting| *waiting != id);
        if record.waiting.len() == waited {
            return Err(NOT_WAITING);
        }
        if let Some(sending) = self.sending_mut(id, webhook) {
            (sending.attempts, sending.outcome) = (attempts, outcome);
        }
        Ok(())
    }

    fn sending_mut(&mut self, id: NoticeId, webhook: &WebhookName) -> Option<&mut Sending> {
        let known = self.notices.get_mut(self.entries.get(&id)?)?;
        known.sendings.get_mut(webhook)
    }

    fn drop_waiting(
        &mut self,
        webhook: &WebhookName,
        recorded: Recorded,
        because: &str,
    ) -> Result<(), &'static str> {
        let waiting = std::mem::take(&mut self.record_mut(webhook)?.waiting);
        for id in waiting.into_values() {
            if let Some(sending) = self.sending_mut(id, webhook) {
                sending.outcome = Outcome::GivenUp(recorded, because.to_owned());
            }
        }
        Ok(())
    }

    /// Forgets the oldest notices that wait for nobody, as long as there are more than are kept.
    fn forget(&mut self) {
        while self.notices.len() > NOTICES_KEPT {
            let is_over = |record: &NoticeRecord| {
                let mut sendings = record.sendings.values();
                sendings.all(|sending| sending.outcome != Outcome::Waiting)
            };
            let Some(oldest) = self
                .notices
                .iter()
                .find_map(|(entry, record)| is_over(record).then_some(*entry))
            else {
                return;
            };
            if let Some(forgotten) = self.notices.remove(&oldest) {
                self.entries.remove(&forgotten.notice.id);
            }
        }
    }
}

/// Whether a notice tells the end of an open condition. Journals of earlier versions have ends under whoever had the stack
/// by then: these name the notice of the beginning.
fn is_ended_by(open: &Condition, began: NoticeId, notice: &Notice) -> bool {
    let Some(ended) = notice.ends() else {
        return false;
    };
    let names_it = || notice.data.get("began") == Some(&began.to_string());
    ended == *open
        || (names_it() && (ended.kind, ended.stack, &ended.subject) == (open.kind, open.stack, &open.subject))
}
