//! What is told of the stacks' completeness: when a stack falls behind, when it is heard of again, and when its usage
//! leaves its usual range and comes back to it.

use std::collections::BTreeMap;

use domain::books::{Books, Entry};
use domain::completeness::{Finding, FindingKind, told_since};
use domain::ids::{CloudId, NoticeId, PartnerId};
use domain::notices::{Condition, Notice, NoticeKind, Watch};
use domain::time::{Hour, HourInterval, Timestamp};

use super::sending::PLATFORM;
use crate::completeness::{OwnersFindings, partner_of};
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
        let found = self.findings_of_owners(self.clock.now()).await?;
        self.tell(watch, &found).await
    }

    /// Takes in what was found with a look, and raises what there is to tell. How many notices were raised.
    ///
    /// # Errors
    /// As the store; what could not be raised is with the next look.
    pub async fn tell(&self, watch: &mut Watch, found: &[OwnersFindings]) -> Result<usize, Error> {
        let open = self.read(open);
        let found = Found::of(found, &open);
        let changes = watch.look(
            &found.conditions.keys().cloned().collect(),
            &open.into_keys().collect(),
        );
        if changes.began.is_empty() && changes.ended.is_empty() {
            return Ok(0);
        }
        let now = self.clock.now();
        self.enter(PLATFORM, |books| {
            let began = changes.began.iter();
            let began = began.filter_map(|it| Some(beginning(books, it, found.conditions.get(it)?, now)));
            let ended = changes.ended.iter();
            let ended = ended.filter_map(|it| ending(books, it, found.again(it), now));
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

/// What others were told of and has not ended, with the first hour after those that were told; none if the notice was
/// forgotten.
type Open = BTreeMap<Condition, Option<Hour>>;

fn open(books: &Books) -> Open {
    let notices = books.notices();
    let until = |id: NoticeId| -> Option<Hour> {
        let data = &notices.notice(id)?.notice.data;
        data.get("until")?.parse().ok()
    };
    let open = notices.open().iter();
    open.filter(|(it, _)| FOUND_HERE.contains(&it.kind))
        .map(|(it, began)| (it.clone(), until(*began)))
        .collect()
}

/// What was found with a look.
struct Found<'a> {
    all: &'a [OwnersFindings],
    /// What is there: what is so now, and of what others were told also what is only not over.
    conditions: BTreeMap<Condition, &'a Finding>,
}

impl<'a> Found<'a> {
    fn of(all: &'a [OwnersFindings], open: &Open) -> Self {
        let mut conditions: BTreeMap<Condition, &'a Finding> = BTreeMap::new();
        for of_stack in all {
            for (condition, finding) in conditions_of(of_stack, open) {
                let known = conditions.get(&condition).is_some_and(|known| known.begins);
                if !known && (finding.begins || open.contains_key(&condition)) {
                    conditions.insert(condition, finding);
                }
            }
        }
        Self { all, conditions }
    }

    /// That usage came again of a stack that was behind.
    fn again(&self, condition: &Condition) -> Option<&'a Finding> {
        let is_of =
            |it: &&OwnersFindings| Some(it.stack) == condition.stack && it.partner == condition.partner;
        let mut findings = self.all.iter().filter(is_of).flat_map(|it| &it.findings);
        findings.rfind(|it| it.kind == FindingKind::Reappeared)
    }
}

/// What the findings about a stack are told as. Drops, jumps and silences of one kind and day are told once; a gap by
/// itself, under the hour under which it was told of while it is being filled. That a stack is heard of again is told when
/// it is behind no more.
fn conditions_of<'a>(of_stack: &'a OwnersFindings, open: &Open) -> Vec<(Condition, &'a Finding)> {
    let condition = |kind, subject| Condition {
        kind,
        stack: Some(of_stack.stack),
        partner: of_stack.partner,
        subject,
    };
    let unusual = |kind: FindingKind, hour: Hour| {
        condition(NoticeKind::UsageUnusual, format!("{}/{hour}", kind.code()))
    };
    let of_kind = |kind| of_stack.findings.iter().filter(move |it| it.kind == kind);
    let mut conditions = Vec::new();
    for kind in FindingKind::ALL {
        match kind {
            FindingKind::FellBehind | FindingKind::NotDeclared => {
                let what = if kind == FindingKind::FellBehind {
                    ""
                } else {
                    kind.code()
                };
                let behind = || condition(NoticeKind::StackBehind, what.to_owned());
                conditions.extend(of_kind(kind).map(|it| (behind(), it)));
            }
            FindingKind::Gap | FindingKind::NotRead => {
                let since: Vec<Hour> = of_kind(kind).map(Finding::since).collect();
                let known = open.iter().filter_map(|(it, until)| {
                    let hour: Hour = it.subject.rsplit('/').next()?.parse().ok()?;
                    let hours = HourInterval::new(hour, until.unwrap_or_else(|| hour.plus(1)))?;
                    (*it == unusual(kind, hour)).then_some(hours)
                });
                let told = told_since(&since, &known.collect::<Vec<_>>());
                conditions.extend(
                    told.into_iter()
                        .zip(of_kind(kind))
                        .map(|(hour, it)| (unusual(kind, hour), it)),
                );
            }
            FindingKind::Drop | FindingKind::Jump | FindingKind::Silent => {
                let of_day = |it: &Finding| unusual(kind, it.since().day().first_hour());
                conditions.extend(of_kind(kind).map(|it| (of_day(it), it)));
            }
            // Hours in which nobody had the stack are told to nobody. That it is heard of again ends what was told.
            FindingKind::Reappeared | FindingKind::NotRegistered => {}
        }
    }
    conditions
}

fn beginning(books: &Books, condition: &Condition, finding: &Finding, now: Timestamp) -> Notice {
    let Finding {
        stack,
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
        ("advice", finding.advice()),
    ];
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
        partner: condition.partner,
        subject: condition.subject.clone(),
        text: format!("{}: {finding}", called(books, *stack, condition.partner)),
        data: named(data),
    }
}

/// The end is told to whom the beginning was told, whoever has the stack by now.
fn ending(books: &Books, condition: &Condition, again: Option<&Finding>, now: Timestamp) -> Option<Notice> {
    let kind = condition.kind.end()?;
    let stack = condition.stack?;
    let began = *books.notices().open().get(condition)?;
    let registration = books.registration_of_stack(stack);
    let is_theirs = registration.is_some_and(|it| partner_of(books, it.subscription) == condition.partner);
    let what = match (condition.kind, again) {
        _ if !is_theirs => "It is not registered any more.".to_owned(),
        (NoticeKind::StackBehind, _) if condition.subject == FindingKind::NotDeclared.code() => {
            "It has declared again that what came of its usage is all.".to_owned()
        }
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
        partner: condition.partner,
        subject: condition.subject.clone(),
        text: format!("{}: {what}", called(books, stack, condition.partner)),
        data: named([("began", began.to_string())]),
    })
}

pub(crate) fn named<const N: usize>(data: [(&str, String); N]) -> BTreeMap<String, String> {
    data.into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The id of an occurrence: the same for whoever finds it, even on books that were restored to an earlier moment.
pub(crate) fn id(parts: &[&str]) -> NoticeId {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    NoticeId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// What a stack is called by those who have it or had it: by the name of the last registration that it had with them.
fn called(books: &Books, stack: CloudId, partner: Option<PartnerId>) -> String {
    let assertions = books
        .stack(stack)
        .into_iter()
        .flat_map(|it| it.registration.assertions());
    let terms = assertions.filter_map(|it| it.value);
    let mut theirs = terms.filter(|it| partner_of(books, it.default_subscription) == partner);
    let registration = theirs
        .next_back()
        .and_then(|it| books.registration_by_id(it.registration));
    match registration {
        Some(registration) => format!("Stack {} ({stack})", registration.name),
        None => format!("Stack {stack}"),
    }
}
