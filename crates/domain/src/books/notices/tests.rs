use std::collections::BTreeSet;

use super::*;
use crate::books::tests::enter;
use crate::books::{Books, Contradiction, Entry};
use crate::ids::{CloudId, PartnerId};
use crate::notices::NoticeKind;
use crate::time::Timestamp;

fn webhook(name: &str) -> Webhook {
    Webhook {
        name: name.parse().unwrap(),
        url: format!("https://{name}.example/"),
        kinds: BTreeSet::new(),
        stack: None,
        partner: None,
    }
}

fn notice(number: u16, kind: NoticeKind) -> Notice {
    let mut id = [0; 16];
    id[..2].copy_from_slice(&number.to_be_bytes());
    Notice {
        id: NoticeId::from_bytes(id),
        kind,
        occurred: Timestamp::UNIX_EPOCH,
        stack: Some(CloudId::from_bytes([7; 16])),
        partner: None,
        subject: String::new(),
        text: "Something happened.".to_owned(),
        data: BTreeMap::new(),
    }
}

fn with(names: &[&str]) -> Books {
    let mut books = Books::default();
    for name in names {
        let set = books.set_webhook(&webhook(name)).unwrap().unwrap();
        enter(&mut books, &set).unwrap();
    }
    books
}

fn raise(books: &mut Books, number: u16, kind: NoticeKind) -> Option<NoticeId> {
    let notice = notice(number, kind);
    let entry = books.raise_notice(&notice)?;
    enter(books, &entry).unwrap();
    Some(notice.id)
}

fn name(text: &str) -> WebhookName {
    text.parse().unwrap()
}

fn delivered(books: &mut Books, notice: NoticeId, webhook: &str) -> Result<(), Contradiction> {
    let taken = NoticeEntry::Delivered {
        notice,
        webhook: name(webhook),
        attempts: 3,
        answer: "It answered 204 No Content.".to_owned(),
    };
    enter(books, &taken.into())
}

fn failed(books: &mut Books, notice: NoticeId, webhook: &str, attempts: u32) {
    let failing = NoticeEntry::WebhookFailing {
        webhook: name(webhook),
        notice: Some(notice),
        attempts,
        because: format!("It answered {}.", 500 + attempts),
    };
    enter(books, &failing.into()).unwrap();
}

fn record<'a>(books: &'a Books, webhook: &str) -> &'a WebhookRecord {
    books.notices().webhook(&name(webhook)).unwrap()
}

fn sending<'a>(books: &'a Books, notice: NoticeId, webhook: &str) -> &'a Sending {
    &books.notices().notice(notice).unwrap().sendings[&name(webhook)]
}

fn next(books: &Books, webhook: &str) -> Option<NoticeId> {
    books.notices().webhook(&name(webhook)).unwrap().next()
}

#[test]
fn each_webhook_gets_every_notice_in_the_order_in_which_they_were_raised() {
    let mut books = with(&["a", "b"]);
    let first = raise(&mut books, 2, NoticeKind::StackBehind).unwrap();
    let second = raise(&mut books, 1, NoticeKind::StackReappeared).unwrap();
    assert_eq!((next(&books, "a"), next(&books, "b")), (Some(first), Some(first)));
    delivered(&mut books, first, "a").unwrap();
    assert_eq!(
        (next(&books, "a"), next(&books, "b")),
        (Some(second), Some(first))
    );
    assert!(delivered(&mut books, first, "a").is_err(), "it is delivered once");
    delivered(&mut books, second, "a").unwrap();
    assert_eq!(next(&books, "a"), None);
    assert_eq!(books.notices().webhook(&name("b")).unwrap().waiting(), 2);
}

#[test]
fn what_two_servers_find_at_once_is_raised_once_and_ends_once() {
    let mut books = with(&["a"]);
    assert_eq!(
        raise(&mut books, 9, NoticeKind::StackReappeared),
        None,
        "nothing has begun"
    );
    let began = raise(&mut books, 1, NoticeKind::StackBehind).unwrap();
    assert_eq!(raise(&mut books, 1, NoticeKind::StackBehind), None);
    assert_eq!(
        raise(&mut books, 2, NoticeKind::StackBehind),
        None,
        "it is behind already"
    );
    let open: Vec<_> = books.notices().open().values().copied().collect();
    assert_eq!(open, [began]);
    raise(&mut books, 3, NoticeKind::StackReappeared).unwrap();
    assert_eq!(raise(&mut books, 4, NoticeKind::StackReappeared), None);
    assert!(books.notices().open().is_empty());
    assert_eq!(
        raise(&mut books, 1, NoticeKind::StackBehind),
        None,
        "the same occurrence"
    );
    raise(&mut books, 5, NoticeKind::StackBehind).unwrap();
}

#[test]
fn a_webhook_is_sent_what_is_raised_while_it_is_there_and_nothing_else() {
    let mut books = with(&[]);
    let before = raise(&mut books, 1, NoticeKind::StackBehind).unwrap();
    let set = books.set_webhook(&webhook("late")).unwrap().unwrap();
    enter(&mut books, &set).unwrap();
    assert_eq!(next(&books, "late"), None);
    let after = raise(&mut books, 2, NoticeKind::StackReappeared).unwrap();
    assert_eq!(next(&books, "late"), Some(after));
    let refused = books.send_notice_again(&name("late"), before);
    assert_eq!(refused, Err(NoticeRefused::UnknownNotice(before)));
    let removed = books.remove_webhook(&name("late")).unwrap();
    enter(&mut books, &removed).unwrap();
    let outcome = &books.notices().notice(after).unwrap().sendings[&name("late")].outcome;
    assert!(matches!(outcome, Outcome::GivenUp(_, why) if why == "The webhook was removed."));
    enter(&mut books, &set).unwrap();
    assert_eq!(
        next(&books, "late"),
        None,
        "a new one of the same name begins anew"
    );
}

#[test]
fn a_receiver_that_is_gone_gets_nothing_until_its_webhook_is_set_again() {
    let mut books = with(&["a"]);
    let waiting = raise(&mut books, 1, NoticeKind::StackBehind).unwrap();
    let behind_it = raise(&mut books, 4, NoticeKind::UsageUnusual).unwrap();
    let stopped = NoticeEntry::WebhookStopped {
        webhook: name("a"),
        notice: Some(waiting),
        attempts: 1,
        because: "It answered 410 Gone.".to_owned(),
    };
    enter(&mut books, &stopped.into()).unwrap();
    let answered = sending(&books, waiting, "a");
    assert_eq!(
        (answered.attempts, &*answered.answer),
        (1, "It answered 410 Gone.")
    );
    assert_eq!(sending(&books, behind_it, "a").attempts, 0, "it was never sent");
    raise(&mut books, 2, NoticeKind::StackReappeared).unwrap();
    assert_eq!(next(&books, "a"), None);
    let refused = Err(NoticeRefused::Stopped(name("a")));
    assert_eq!(
        books.raise_notice_for(&name("a"), &notice(3, NoticeKind::Test)),
        refused
    );
    assert_eq!(books.send_notice_again(&name("a"), waiting), refused);
    let again = books
        .set_webhook(&webhook("a"))
        .unwrap()
        .expect("the same, and no more stopped");
    enter(&mut books, &again).unwrap();
    let again = books.send_notice_again(&name("a"), waiting).unwrap();
    enter(&mut books, &again).unwrap();
    assert_eq!(next(&books, "a"), Some(waiting));
    let refused = books.send_notice_again(&name("a"), waiting);
    assert_eq!(refused, Err(NoticeRefused::IsWaiting(waiting)));
}

#[test]
fn a_receiver_that_takes_nothing_for_ever_does_not_fill_the_memory() {
    let mut books = with(&["dead", "alive"]);
    let max = Limit::NoticesOfWebhook.max();
    for number in 0..u16::try_from(NOTICES_KEPT + max + 10).unwrap() {
        let kind = if number % 2 == 0 {
            NoticeKind::StackBehind
        } else {
            NoticeKind::StackReappeared
        };
        let id = raise(&mut books, number, kind).unwrap();
        delivered(&mut books, id, "alive").unwrap();
    }
    let notices = books.notices();
    assert_eq!(notices.webhook(&name("dead")).unwrap().waiting(), max);
    assert_eq!(
        next(&books, "dead"),
        Some(notice(0, NoticeKind::Test).id),
        "nothing that waits is forgotten"
    );
    let kept = notices.newest().count();
    assert_eq!((kept, notices.entries.len()), (NOTICES_KEPT, NOTICES_KEPT));
    let newest = notices.newest().next().unwrap();
    let outcome = &newest.sendings[&name("dead")].outcome;
    assert!(
        matches!(outcome, Outcome::GivenUp(_, why) if why.contains("1000 notices")),
        "{outcome:?}"
    );
    let refused = books.raise_notice_for(&name("dead"), &notice(60_000, NoticeKind::Test));
    assert_eq!(refused.unwrap_err().code(), "TooManyNoticesWaiting");
}

#[test]
fn what_does_not_fit_the_entries_before_it_is_a_contradiction() {
    let (known, unknown) = (notice(1, NoticeKind::StackBehind), NoticeId::from_bytes([9; 16]));
    let (here, elsewhere) = (name("a"), name("b"));
    let because = || "because".to_owned();
    for entry in [
        NoticeEntry::WebhookRemoved {
            webhook: elsewhere.clone(),
        },
        NoticeEntry::WebhookStopped {
            webhook: elsewhere.clone(),
            notice: Some(known.id),
            attempts: 1,
            because: because(),
        },
        NoticeEntry::WebhookFailing {
            webhook: elsewhere.clone(),
            notice: Some(known.id),
            attempts: 1,
            because: because(),
        },
        NoticeEntry::Raised {
            notice: known.clone(),
            only: None,
        },
        NoticeEntry::SentAgain {
            notice: unknown,
            webhook: here.clone(),
        },
        NoticeEntry::SentAgain {
            notice: known.id,
            webhook: elsewhere.clone(),
        },
        NoticeEntry::Delivered {
            notice: unknown,
            webhook: here.clone(),
            attempts: 1,
            answer: because(),
        },
        NoticeEntry::GivenUp {
            notice: known.id,
            webhook: elsewhere,
            attempts: 1,
            because: because(),
        },
    ] {
        let mut books = with(&["a"]);
        raise(&mut books, 1, NoticeKind::StackBehind).unwrap();
        assert!(
            enter(&mut books, &Entry::from(entry.clone())).is_err(),
            "{entry:?}"
        );
    }
}

#[test]
fn a_webhook_that_nobody_can_be_behind_is_not_set() {
    let books = with(&["a"]);
    assert_eq!(books.set_webhook(&webhook("a")), Ok(None));
    let stranger = PartnerId::from_bytes([1; 16]);
    let refused = books.set_webhook(&Webhook {
        partner: Some(stranger),
        ..webhook("b")
    });
    assert_eq!(refused, Err(NoticeRefused::UnknownPartner(stranger)));
    let names: Vec<String> = (0..Limit::Webhooks.max())
        .map(|number| format!("w{number}"))
        .collect();
    let full = with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(
        full.set_webhook(&webhook("one-more")).unwrap_err().code(),
        "TooManyWebhooks"
    );
    assert!(
        full.set_webhook(&Webhook {
            url: "https://new.example/".to_owned(),
            ..webhook("w1")
        })
        .is_ok()
    );
    assert!(books.remove_webhook(&name("b")).is_err());
}

#[test]
fn whoever_has_repaired_a_receiver_and_says_so_would_wait_on() {
    let mut books = with(&["a"]);
    let (first, second) = (
        raise(&mut books, 1, NoticeKind::StackBehind).unwrap(),
        raise(&mut books, 2, NoticeKind::StackReappeared).unwrap(),
    );
    let refused = books.send_notice_again(&name("a"), first);
    assert_eq!(refused, Err(NoticeRefused::IsWaiting(first)), "it is being sent");
    failed(&mut books, first, "a", 1);
    failed(&mut books, first, "a", 4);
    let failing = record(&books, "a").failing.clone().unwrap();
    assert!(failing.since.entry < failing.last.entry, "{failing:?}");
    assert_eq!((failing.attempts, &*failing.because), (4, "It answered 504."));

    let mut asked = record(&books, "a").asked;
    let test = notice(9, NoticeKind::Test);
    for entry in [
        books.send_notice_again(&name("a"), first).unwrap(),
        books.raise_notice_for(&name("a"), &test).unwrap(),
        books
            .set_webhook(&webhook("a"))
            .unwrap()
            .expect("it takes nothing"),
    ] {
        enter(&mut books, &entry).unwrap();
        assert!(record(&books, "a").asked > asked, "{entry:?}");
        asked = record(&books, "a").asked;
        assert_eq!(next(&books, "a"), Some(first), "what waits keeps its place");
    }
    assert!(record(&books, "a").is_good());
    raise(&mut books, 3, NoticeKind::StackBehind).unwrap();
    assert_eq!(record(&books, "a").asked, asked, "nobody asked for it");
    delivered(&mut books, first, "a").unwrap();
    assert_eq!(next(&books, "a"), Some(second));
}

#[test]
fn what_is_sent_again_would_seem_to_be_asked_for_the_first_time() {
    let mut books = with(&["a"]);
    let id = raise(&mut books, 1, NoticeKind::StackBehind).unwrap();
    failed(&mut books, id, "a", 2);
    let tried = sending(&books, id, "a");
    assert_eq!((tried.attempts, &*tried.answer), (2, "It answered 502."));
    delivered(&mut books, id, "a").unwrap();
    let before = sending(&books, id, "a").clone();
    assert_eq!(
        (before.attempts, &*before.answer),
        (3, "It answered 204 No Content.")
    );
    assert_eq!(before.last_asked(), before.asked);
    let again = books.send_notice_again(&name("a"), id).unwrap();
    enter(&mut books, &again).unwrap();
    let again = sending(&books, id, "a");
    assert_eq!(
        (again.asked, again.attempts, &*again.answer),
        (before.asked, 0, "")
    );
    assert!(again.last_asked().entry > before.asked.entry);
}

#[test]
fn after_an_upgrade_a_stack_that_was_behind_once_would_raise_no_alarm_ever_again() {
    let mut books = with(&["a"]);
    let partner = Some(PartnerId::from_bytes([3; 16]));
    let behind = |number| Notice {
        partner,
        ..notice(number, NoticeKind::StackBehind)
    };
    let raised = |notice| NoticeEntry::Raised { notice, only: None }.into();
    enter(&mut books, &raised(behind(1))).unwrap();
    // As earlier versions entered it when the stack had gone to somebody else.
    let ended = |number, began: NoticeId| Notice {
        data: [("began".to_owned(), began.to_string())].into(),
        ..notice(number, NoticeKind::StackReappeared)
    };
    enter(
        &mut books,
        &raised(ended(2, notice(7, NoticeKind::StackBehind).id)),
    )
    .unwrap();
    assert_eq!(books.notices().open().len(), 1, "it is the end of another one");
    enter(&mut books, &raised(ended(3, behind(1).id))).unwrap();
    assert_eq!(books.notices().open().len(), 0);
    assert!(books.raise_notice(&behind(4)).is_some());
}
