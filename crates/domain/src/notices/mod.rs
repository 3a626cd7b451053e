//! What others are told of their own accord: notices, and the webhooks that they are sent to. *(ours)*
//!
//! A notice is raised once and never changes. Most begin or end a [`Condition`], such as that a stack is behind; when,
//! [`Watch`] says from what is found each time somebody looks.

mod name;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

pub use name::{InvalidWebhookName, WebhookName};
pub use watch::{Changes, Watch};

use crate::ids::{CloudId, NoticeId, PartnerId};
use crate::time::Timestamp;

/// What kind of thing a notice tells. Whoever has something new to tell adds a kind: receivers pass over those that they
/// do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeKind {
    /// A stack has not reported hours that it should have.
    StackBehind,
    /// A stack that was behind has reported what was missing.
    StackReappeared,
    /// What a stack uses has left its usual range: a gap, a silence, a drop or a jump.
    UsageUnusual,
    /// What a stack uses is in its usual range again.
    UsageUsual,
    /// What was spent in a month has reached a threshold of a budget.
    BudgetReached,
    /// Nothing happened: somebody tries whether a webhook works.
    Test,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::StackBehind,
        Self::StackReappeared,
        Self::UsageUnusual,
        Self::UsageUsual,
        Self::BudgetReached,
        Self::Test,
    ];

    /// The kind's name: for ever, since receivers go by it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StackBehind => "stack.behind",
            Self::StackReappeared => "stack.reappeared",
            Self::UsageUnusual => "usage.unusual",
            Self::UsageUsual => "usage.usual",
            Self::BudgetReached => "budget.reached",
            Self::Test => "test",
        }
    }

    /// The kind that tells the end of what this one tells the beginning of.
    #[must_use]
    pub const fn end(self) -> Option<Self> {
        match self {
            Self::StackBehind => Some(Self::StackReappeared),
            Self::UsageUnusual => Some(Self::UsageUsual),
            Self::StackReappeared | Self::UsageUsual | Self::BudgetReached | Self::Test => None,
        }
    }

    /// The kind that told the beginning of what this one tells the end of.
    fn beginning(self) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.end() == Some(self))
    }
}

impl fmt::Display for NoticeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no kind of notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected one of stack.behind, stack.reappeared, usage.unusual, usage.usual, budget.reached and test"
)]
pub struct UnknownNoticeKind;

impl FromStr for NoticeKind {
    type Err = UnknownNoticeKind;

    fn from_str(text: &str) -> Result<Self, UnknownNoticeKind> {
        let named = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        named.ok_or(UnknownNoticeKind)
    }
}

/// Something that lasts from a notice on until another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// The kind of the notice that tells its beginning.
    pub kind: NoticeKind,
    /// The stack that it is about.
    pub stack: Option<CloudId>,
    /// The partner that had the stack when it began: who gets the stack later does not learn of it, not even its end.
    pub partner: Option<PartnerId>,
    /// What of the stack; empty if all of it.
    pub subject: String,
}

/// Something that others are told. It never changes: whoever is sent it twice is sent the same under the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its id. The same occurrence has the same one, whoever finds it and however often.
    pub id: NoticeId,
    /// What kind of thing it tells.
    pub kind: NoticeKind,
    /// When that was found.
    pub occurred: Timestamp,
    /// The stack that it is about.
    pub stack: Option<CloudId>,
    /// The partner whose business it is: that had the stack in the hours that it is about, or whose budget it is.
    pub partner: Option<PartnerId>,
    /// What of the stack; empty if all of it.
    pub subject: String,
    /// What happened and what to do, for people.
    pub text: String,
    /// What happened, for programs. Decimals, hours and ids are texts, as in our own API.
    pub data: BTreeMap<String, String>,
}

impl Notice {
    /// The condition that it tells the beginning of.
    #[must_use]
    pub fn begins(&self) -> Option<Condition> {
        self.kind.end().map(|_| self.condition(self.kind))
    }

    /// The condition that it tells the end of.
    #[must_use]
    pub fn ends(&self) -> Option<Condition> {
        self.kind.beginning().map(|kind| self.condition(kind))
    }

    fn condition(&self, kind: NoticeKind) -> Condition {
        Condition {
            kind,
            stack: self.stack,
            partner: self.partner,
            subject: self.subject.clone(),
        }
    }
}

/// Where notices are sent, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its name.
    pub name: WebhookName,
    /// Where they are sent: `https`, or `http` to this machine itself. May hold what only the receiver should know.
    pub url: String,
    /// The kinds that are sent; all, if there are none.
    pub kinds: BTreeSet<NoticeKind>,
    /// Only what is about this stack.
    pub stack: Option<CloudId>,
    /// Only what is this partner's business: about its stacks and its budgets.
    pub partner: Option<PartnerId>,
}

impl Webhook {
    /// Whether a notice is sent there.
    #[must_use]
    pub fn wants(&self, notice: &Notice) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&notice.kind))
            && (self.stack.is_none() || self.stack == notice.stack)
            && self.may_learn(notice)
    }

    /// Whether a notice is nobody else's business: of a webhook that is another partner's by now it may be.
    #[must_use]
    pub fn may_learn(&self, notice: &Notice) -> bool {
        self.partner.is_none() || self.partner == notice.partner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(kind: NoticeKind) -> Notice {
        Notice {
            id: NoticeId::from_bytes([1; 16]),
            kind,
            occurred: Timestamp::UNIX_EPOCH,
            stack: Some(CloudId::from_bytes([2; 16])),
            partner: Some(PartnerId::from_bytes([3; 16])),
            subject: "drop".to_owned(),
            text: String::new(),
            data: BTreeMap::new(),
        }
    }

    #[test]
    fn what_ends_ends_what_began() {
        for kind in NoticeKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert!(UnknownNoticeKind.to_string().contains(kind.as_str()), "{kind}");
            if let Some(end) = kind.end() {
                assert_eq!(notice(end).ends(), notice(kind).begins());
                assert_eq!((notice(end).begins(), notice(kind).ends()), (None, None));
            }
        }
        let test = notice(NoticeKind::Test);
        assert_eq!((test.begins(), test.ends()), (None, None));
        assert!("stack.Behind".parse::<NoticeKind>().is_err());
    }

    #[test]
    fn a_webhook_of_a_partner_is_not_told_about_the_stacks_of_others() {
        let all = Webhook {
            name: "all".parse().unwrap(),
            url: "https://receiver.example/".to_owned(),
            kinds: BTreeSet::new(),
            stack: None,
            partner: None,
        };
        let behind = notice(NoticeKind::StackBehind);
        for (wants, webhook) in [
            (true, all.clone()),
            (
                true,
                Webhook {
                    kinds: [NoticeKind::StackBehind].into(),
                    ..all.clone()
                },
            ),
            (
                false,
                Webhook {
                    kinds: [NoticeKind::UsageUnusual].into(),
                    ..all.clone()
                },
            ),
            (
                true,
                Webhook {
                    stack: behind.stack,
                    partner: behind.partner,
                    ..all.clone()
                },
            ),
            (
                false,
                Webhook {
                    stack: Some(CloudId::from_bytes([9; 16])),
                    ..all.clone()
                },
            ),
            (
                false,
                Webhook {
                    partner: Some(PartnerId::from_bytes([9; 16])),
                    ..all.clone()
                },
            ),
        ] {
            assert_eq!(webhook.wants(&behind), wants, "{webhook:?}");
        }
        let of_nobody = Notice {
            partner: None,
            ..behind
        };
        let of_partner = Webhook {
            partner: Some(PartnerId::from_bytes([3; 16])),
            ..all
        };
        assert!(!of_partner.wants(&of_nobody));
    }
}
