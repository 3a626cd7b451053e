//! What is told of the stacks' completeness: when a stack falls behind, when it is heard of again, and when its usage
//! leaves its usual range and comes back to it.

use std::collections::{BTreeMap, BTreeSet};

use domain::books::{Books, Entry};
use domain::completeness::{Finding, FindingKind};
use domain::ids::{CloudId, NoticeId, PartnerId};
use domain::notices::{Condition, Notice, NoticeKind, Watch};
use domain::time::Timestamp;

use super::sending::PLATFORM;
use crate::{App, Error};

/// The kinds of conditions that come from findings about completeness. *(ours)* The others are somebody else's to end.
const FOUND_HERE: [NoticeKind; 2] = [NoticeKind::StackBehind, NoticeKind::UsageUnusual];

impl App {
    /// Looks what there is to tell about completeness, and raises it. To be called every few minutes, by one server at a
    /// time. How many notices were raised.
    ///
    /// # Errors
    /// As the store; what could not be raised is with the next look.
    pub async fn look_after_completeness(&self, watch: &mut Watch) -> Result<usize, Error> {
        let findings = self.completeness_findings(self.clock.now()).await?;
        self.tell(watch, &findings).await
    }

    /// Takes in what was found with a look, and raises what there is to tell. How many notices were raised.
    ///
    /// # Errors
    /// As the store; what could not be raised is with the next look.
    pub async fn tell(&self, watch: &mut Watch, findings: &[Finding]) -> Result<usize, Error> {
        let mut found: BTreeMap<Condition, &Finding> = BTreeMap::new();
        for finding in findings {
            if let Some(condition) = condition(finding) {
                found.entry(condition).or_insert(finding);
            }
        }
        let open = self.read(|books| books.notices().open().clone());
        let open: BTreeSet<Condition> = open
            .into_keys()
            .filter(|it| FOUND_HERE.contains(&it.kind))
            .collect();
        let changes = watch.look(&found.keys().cloned().collect(), &open);
        if changes.began.is_empty() && changes.ended.is_empty() {
            return Ok(0);
        }
        let now = self.clock.now();
        self.enter(PLATFORM, |books| {
            let began = changes
                .began
                .iter()
                .filter_map(|it| Some(beginning(books, it, found.get(it)?, now)));
            let ended = changes
                .ended
                .iter()
                .filter_map(|it| ending(books, it, findings, now));
            let entries: Vec<Entry> = began
                .chain(ended)
                .filter_map(|notice| books.raise_notice(&notice))
                .collect();
            let raised = entries.len();
            Ok((entries, raised))
        })
        .await
    }
}

/// What a finding is told as. Those of one kind and day are told once: a gap that is filled hour by hour begins at another
/// hour with each look. That a stack is heard of again is told when it is behind no more.
fn condition(finding: &Finding) -> Option<Condition> {
    let (kind, subject) = match finding.kind {
        FindingKind::FellBehind => (NoticeKind::StackBehind, String::new()),
        FindingKind::Gap | FindingKind::Drop | FindingKind::Jump | FindingKind::Silent => {
            let subject = format!("{}/{}", finding.kind.code(), finding.since().day().first_hour());
            (NoticeKind::UsageUnusual, subject)
        }
        FindingKind::Reappeared => return None,
    };
    Some(Condition {
        kind,
        stack: Some(finding.stack),
        subject,
    })
}

fn beginning(books: &Books, condition: &Condition, finding: &Finding, now: Timestamp) -> Notice {
    let Finding {
        kind,
        hours,
        expected,
        received,
        ..
    } = finding;
    let since = finding.since().to_string();
    let data = [
        ("finding", kind.code().to_owned()),
        ("since", since.clone()),
        ("until", finding.until().to_string()),
        ("hours", hours.hours().to_string()),
        ("expected", expected.to_string()),
        ("received", received.to_string()),
        ("advice", kind.advice().to_owned()),
    ];
    let stack = finding.stack;
    Notice {
        id: id(&[
            condition.kind.as_str(),
            &stack.to_string(),
            &condition.subject,
            &since,
        ]),
        kind: condition.kind,
        occurred: now,
        stack: condition.stack,
        partner: partner(books, stack),
        subject: condition.subject.clone(),
        text: format!("{}: {finding}", called(books, stack)),
        data: named(data),
    }
}

fn ending(books: &Books, condition: &Condition, findings: &[Finding], now: Timestamp) -> Option<Notice> {
    let kind = condition.kind.end()?;
    let stack = condition.stack?;
    let began = *books.notices().open().get(condition)?;
    let again = findings
        .iter()
        .rfind(|it| it.kind == FindingKind::Reappeared && it.stack == stack);
    let what = match (condition.kind, again) {
        _ if books.registration_of_stack(stack).is_none() => "It is not registered any more.".to_owned(),
        (NoticeKind::StackBehind, Some(again)) => again.to_string(),
        (NoticeKind::StackBehind, None) => "It has reported what was missing.".to_owned(),
        _ => "What was told of its usage is not so any more: what was missing came, or it is long ago."
            .to_owned(),
    };
    Some(Notice {
        id: id(&[kind.as_str(), &began.to_string()]),
        kind,
        occurred: now,
        stack: Some(stack),
        partner: partner(books, stack),
        subject: condition.subject.clone(),
        text: format!("{}: {what}", called(books, stack)),
        data: named([("began", began.to_string())]),
    })
}

fn named<const N: usize>(data: [(&str, String); N]) -> BTreeMap<String, String> {
    data.into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The id of an occurrence: the same for whoever finds it, even on books that were restored to an earlier moment.
fn id(parts: &[&str]) -> NoticeId {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    NoticeId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// What people call a stack.
fn called(books: &Books, stack: CloudId) -> String {
    match books.registration_of_stack(stack) {
        Some(registration) => format!("Stack {} ({stack})", registration.name),
        None => format!("Stack {stack}"),
    }
}

/// The partner whose subscription a stack is registered with.
fn partner(books: &Books, stack: CloudId) -> Option<PartnerId> {
    let registration = books.registration_of_stack(stack)?;
    books.subscription(registration.subscription)?.owner
}
