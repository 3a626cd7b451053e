//! The stored form of entries about what others are told.

use std::collections::BTreeMap;

use domain::books::NoticeEntry;
use domain::ids::{CloudId, NoticeId, PartnerId};
use domain::notices::{Notice, NoticeKind, Webhook, WebhookName};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::parts::Text;

/// An entry about what others are told, version 1. Variants and members are those of [`NoticeEntry`].
#[derive(Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum StoredNoticeEntry {
    WebhookSet {
        name: Text<WebhookName>,
        url: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        kinds: Vec<Text<NoticeKind>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stack: Option<Text<CloudId>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partner: Option<Text<PartnerId>>,
    },
    WebhookRemoved {
        webhook: Text<WebhookName>,
    },
    WebhookStopped {
        webhook: Text<WebhookName>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        notice: Option<Text<NoticeId>>,
        #[serde(default, skip_serializing_if = "was_not_said")]
        attempts: u32,
        because: String,
    },
    WebhookFailing {
        webhook: Text<WebhookName>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        notice: Option<Text<NoticeId>>,
        #[serde(default, skip_serializing_if = "was_not_said")]
        attempts: u32,
        because: String,
    },
    Raised {
        notice: StoredNotice,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only: Option<Text<WebhookName>>,
    },
    SentAgain {
        notice: Text<NoticeId>,
        webhook: Text<WebhookName>,
    },
    Delivered {
        notice: Text<NoticeId>,
        webhook: Text<WebhookName>,
        #[serde(default, skip_serializing_if = "was_not_said")]
        attempts: u32,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        answer: String,
    },
    GivenUp {
        notice: Text<NoticeId>,
        webhook: Text<WebhookName>,
        #[serde(default, skip_serializing_if = "was_not_said")]
        attempts: u32,
        because: String,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
const fn was_not_said(attempts: &u32) -> bool {
    *attempts == 0
}

/// A notice, version 1. Members are those of [`Notice`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredNotice {
    id: Text<NoticeId>,
    about: Text<NoticeKind>,
    occurred: Text<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stack: Option<Text<CloudId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partner: Option<Text<PartnerId>>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    subject: String,
    text: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    data: BTreeMap<String, String>,
}

impl From<&Notice> for StoredNotice {
    fn from(notice: &Notice) -> Self {
        Self {
            id: Text(notice.id),
            about: Text(notice.kind),
            occurred: Text(notice.occurred),
            stack: notice.stack.map(Text),
            partner: notice.partner.map(Text),
            subject: notice.subject.clone(),
            text: notice.text.clone(),
            data: notice.data.clone(),
        }
    }
}

impl From<StoredNotice> for Notice {
    fn from(stored: StoredNotice) -> Self {
        Self {
            id: stored.id.0,
            kind: stored.about.0,
            occurred: stored.occurred.0,
            stack: stored.stack.map(|stack| stack.0),
            partner: stored.partner.map(|partner| partner.0),
            subject: stored.subject,
            text: stored.text,
            data: stored.data,
        }
    }
}

impl From<&NoticeEntry> for StoredNoticeEntry {
    fn from(entry: &NoticeEntry) -> Self {
        match entry {
            NoticeEntry::WebhookSet(webhook) => Self::WebhookSet {
                name: Text(webhook.name.clone()),
                url: webhook.url.clone(),
                kinds: webhook.kinds.iter().copied().map(Text).collect(),
                stack: webhook.stack.map(Text),
                partner: webhook.partner.map(Text),
            },
            NoticeEntry::WebhookRemoved { webhook } => Self::WebhookRemoved {
                webhook: Text(webhook.clone()),
            },
            NoticeEntry::WebhookStopped {
                webhook,
                notice,
                attempts,
                because,
            } => Self::WebhookStopped {
                webhook: Text(webhook.clone()),
                notice: notice.map(Text),
                attempts: *attempts,
                because: because.clone(),
            },
            NoticeEntry::WebhookFailing {
                webhook,
                notice,
                attempts,
                because,
            } => Self::WebhookFailing {
                webhook: Text(webhook.clone()),
                notice: notice.map(Text),
                attempts: *attempts,
                because: because.clone(),
            },
            NoticeEntry::Raised { notice, only } => Self::Raised {
                notice: notice.into(),
                only: only.clone().map(Text),
            },
            NoticeEntry::SentAgain { notice, webhook } => Self::SentAgain {
                notice: Text(*notice),
                webhook: Text(webhook.clone()),
            },
            NoticeEntry::Delivered {
                notice,
                webhook,
                attempts,
                answer,
            } => Self::Delivered {
                notice: Text(*notice),
                webhook: Text(webhook.clone()),
                attempts: *attempts,
                answer: answer.clone(),
            },
            NoticeEntry::GivenUp {
                notice,
                webhook,
                attempts,
                because,
            } => Self::GivenUp {
                notice: Text(*notice),
                webhook: Text(webhook.clone()),
                attempts: *attempts,
                because: because.clone(),
            },
        }
    }
}

impl From<StoredNoticeEntry> for NoticeEntry {
    fn from(stored: StoredNoticeEntry) -> Self {
        match stored {
            StoredNoticeEntry::WebhookSet {
                name,
                url,
                kinds,
                stack,
                partner,
            } => Self::WebhookSet(Webhook {
                name: name.0,
                url,
                kinds: kinds.into_iter().map(|kind| kind.0).collect(),
                stack: stack.map(|stack| stack.0),
                partner: partner.map(|partner| partner.0),
            }),
            StoredNoticeEntry::WebhookRemoved { webhook } => Self::WebhookRemoved { webhook: webhook.0 },
            StoredNoticeEntry::WebhookStopped {
                webhook,
                notice,
                attempts,
                because,
            } => Self::WebhookStopped {
                webhook: webhook.0,
                notice: notice.map(|notice| notice.0),
                attempts,
                because,
            },
            StoredNoticeEntry::WebhookFailing {
                webhook,
                notice,
                attempts,
                because,
            } => Self::WebhookFailing {
                webhook: webhook.0,
                notice: notice.map(|notice| notice.0),
                attempts,
                because,
            },
            StoredNoticeEntry::Raised { notice, only } => Self::Raised {
                notice: notice.into(),
                only: only.map(|only| only.0),
            },
            StoredNoticeEntry::SentAgain { notice, webhook } => Self::SentAgain {
                notice: notice.0,
                webhook: webhook.0,
            },
            StoredNoticeEntry::Delivered {
                notice,
                webhook,
                attempts,
                answer,
            } => Self::Delivered {
                notice: notice.0,
                webhook: webhook.0,
                attempts,
                answer,
            },
            StoredNoticeEntry::GivenUp {
                notice,
                webhook,
                attempts,
                because,
            } => Self::GivenUp {
                notice: notice.0,
                webhook: webhook.0,
                attempts,
                because,
            },
        }
    }
}
