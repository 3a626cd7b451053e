//! Webhooks, and what is sent to them.

use std::collections::BTreeMap;

use domain::notices::{Notice, NoticeKind, WebhookName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{InvalidMember, member, optional};

/// The most characters of a URL.
const URL_CHARACTERS_MAX: usize = 2_000;

/// A webhook to be set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PutWebhook {
    /// Where notices are sent: `https`, or `http` to the server's own machine.
    pub url: String,
    /// The kinds of notices that are sent, such as `stack.behind`; all, if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Only what is about this stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_id: Option<String>,
    /// Only what is about stacks of this partner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_id: Option<String>,
}

impl PutWebhook {
    /// The webhook of this name.
    ///
    /// # Errors
    /// [`InvalidMember`]. Whether the URL can be sent to is for whoever sends to say.
    pub fn into_domain(self, name: WebhookName) -> Result<domain::notices::Webhook, InvalidMember> {
        if self.url.chars().count() > URL_CHARACTERS_MAX {
            let message = format!("expected a URL of {URL_CHARACTERS_MAX} characters at the most");
            return Err(InvalidMember::new("url", message));
        }
        let kind = |(place, text): (usize, &String)| member(&format!("kinds[{place}]"), text);
        let kinds: Vec<NoticeKind> = self
            .kinds
            .iter()
            .enumerate()
            .map(kind)
            .collect::<Result<_, _>>()?;
        Ok(domain::notices::Webhook {
            name,
            kinds: kinds.into_iter().collect(),
            stack: optional("cloudId", self.cloud_id.as_deref())?,
            partner: optional("partnerId", self.partner_id.as_deref())?,
            url: self.url,
        })
    }
}

/// Since when something is so, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// Since when.
    pub since: String,
    /// Why: what came of the last attempt that was written down.
    pub because: String,
    /// When that attempt was. Of a row of attempts the first, second, fourth, eighth and so on are written down, and the
    /// first one after somebody set or tested the webhook or had a notice sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempt: Option<String>,
    /// The how manieth attempt to send the same notice it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Its name.
    pub name: String,
    /// Where notices are sent.
    pub url: String,
    /// The kinds of notices that are sent; all, if there are none.
    pub kinds: Vec<String>,
    /// Only what is about this stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_id: Option<String>,
    /// Only what is about stacks of this partner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_id: Option<String>,
    /// When it was set last.
    pub set: String,
    /// The id of who did.
    pub set_by: String,
    /// The name of who did, as far as it is known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_by_name: Option<String>,
    /// How many notices wait for it.
    pub waiting: u64,
    /// It takes nothing at present; notices wait and are tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<Trouble>,
    /// It wants nothing any more, and is sent nothing until it is set again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Trouble>,
}

/// What became of a notice at a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum DeliveryStatus {
    /// It is sent, or waits for those before it.
    Waiting,
    /// The receiver has taken it.
    Delivered,
    /// It is not sent any more.
    GivenUp,
}

/// A notice that was for a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDelivery {
    /// The notice: what receivers see as `webhook-id`.
    pub notice_id: String,
    /// What kind of thing it tells.
    pub kind: String,
    /// When that was found.
    pub occurred: String,
    /// The stack that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_id: Option<String>,
    /// What happened, for people.
    pub text: String,
    /// When sending it was asked for first.
    pub asked: String,
    /// When it was asked for again, the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_again: Option<String>,
    /// What became of it.
    pub status: DeliveryStatus,
    /// When that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Why it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// How often it was tried since it was asked for. Of one that waits some attempts are written down only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// What the receiver answered to the last of these attempts, or why it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// A notice is to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NoticeAsked {
    /// The notice.
    pub notice_id: String,
}

/// A key with which notices are signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookKey {
    /// Its public half: `whpk_` and the Base64 of the 32 bytes of an Ed25519 key. It is no secret.
    pub public_key: String,
}

/// What a receiver is sent. The same notice is always the same bytes.
#[derive(Debug, Serialize)]
pub struct NoticeBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: NoticeData<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NoticeData<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner_id: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'a str,
    #[serde(flatten)]
    more: &'a BTreeMap<String, String>,
}

impl<'a> From<&'a Notice> for NoticeBody<'a> {
    fn from(notice: &'a Notice) -> Self {
        Self {
            kind: notice.kind.as_str(),
            timestamp: notice.occurred.to_string(),
            data: NoticeData {
                text: &notice.text,
                cloud_id: notice.stack.map(|stack| stack.to_string()),
                partner_id: notice.partner.map(|partner| partner.to_string()),
                subject: &notice.subject,
                more: &notice.data,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::{CloudId, NoticeId, PartnerId};

    use super::*;

    /// Receivers go by the id: one that is sent a notice again after an upgrade has to see what it saw before.
    #[test]
    fn a_receiver_would_see_another_body_for_a_notice_that_it_knows() {
        let data = [("finding", "Gap"), ("received", "0")];
        let notice = Notice {
            id: NoticeId::from_bytes([1; 16]),
            kind: NoticeKind::UsageUnusual,
            occurred: "2026-11-22T10:05:00Z".parse().unwrap(),
            stack: Some(CloudId::from_bytes([2; 16])),
            partner: Some(PartnerId::from_bytes([3; 16])),
            subject: "Gap/2026-11-21".to_owned(),
            text: "Stack north: no usage came.".to_owned(),
            data: data
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        };
        let body = serde_json::to_string(&NoticeBody::from(&notice)).unwrap();
        assert_eq!(
            body,
            concat!(
                r#"{"type":"usage.unusual","timestamp":"2026-11-22T10:05:00Z","data":{"text":"Stack north: no usage came.","#,
                r#""cloudId":"02020202-0202-0202-0202-020202020202","partnerId":"03030303-0303-0303-0303-030303030303","#,
                r#""subject":"Gap/2026-11-21","finding":"Gap","received":"0"}}"#
            )
        );
    }

    #[test]
    fn a_webhook_for_nothing_that_there_is_says_which_member_is_wrong() {
        let name: WebhookName = "a".parse().unwrap();
        let url = || "https://receiver.example/".to_owned();
        let put = |json: &str| {
            serde_json::from_str::<PutWebhook>(json)
                .unwrap()
                .into_domain(name.clone())
        };
        let whole =
            put(r#"{"url":"https://receiver.example/","kinds":["test","test","stack.behind"]}"#).unwrap();
        assert_eq!((whole.url, whole.kinds.len()), (url(), 2));
        for (json, target) in [
            (r#"{"url":"u","kinds":["test","stack.Behind"]}"#, "kinds[1]"),
            (r#"{"url":"u","cloudId":"north"}"#, "cloudId"),
            (r#"{"url":"u","partnerId":"x"}"#, "partnerId"),
        ] {
            assert_eq!(put(json).unwrap_err().target, target);
        }
        let long = PutWebhook {
            url: "u".repeat(URL_CHARACTERS_MAX + 1),
            ..PutWebhook::default()
        };
        assert_eq!(long.into_domain(name).unwrap_err().target, "url");
    }
}
