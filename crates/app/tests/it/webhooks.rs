//! What is raised, by whom, and which server sends it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use app::completeness::OwnersFindings;
use app::precondition::Precondition;
use app::registrations::RegistrationAddress;
use app::usage::Delivery;
use app::webhooks::SentNotice;
use domain::books::Outcome;
use domain::completeness::{Finding, FindingKind};
use domain::ids::CloudId;
use domain::notices::{Notice, NoticeKind, Watch, Webhook, WebhookName};
use domain::registration::BillingModel;
use domain::time::{Hour, HourInterval};
use store::DeliveredRecord;

use crate::completeness::machine;
use crate::house::{House, LOCAL, PARTNER, STACK, address, delivery, operator, token};
use crate::people::refusal;
use crate::strangers::{LITWARE, LITWARES, register, two_partners};

const NOW: &str = "2026-11-22T10:00:00Z";

fn finding(kind: FindingKind, from: &str, to: &str) -> Finding {
    Finding {
        stack: STACK,
        kind,
        hours: HourInterval::new(from.parse().unwrap(), to.parse().unwrap()).unwrap(),
        expected: 100,
        received: 0,
        next_bundle_by: None,
        begins: true,
    }
}

/// What was found of the house's stack.
fn of_stack(findings: &[Finding]) -> Vec<OwnersFindings> {
    let findings = OwnersFindings {
        stack: STACK,
        partner: Some(PARTNER),
        findings: findings.to_vec(),
    };
    vec![findings]
}

fn behind() -> Finding {
    finding(
        FindingKind::FellBehind,
        "2026-11-21T01:00:00Z",
        "2026-11-21T22:00:00Z",
    )
}

fn gap(from: u32, to: u32) -> Finding {
    let hour = |hour: u32| format!("2026-11-20T{hour:02}:00:00Z");
    finding(FindingKind::Gap, &hour(from), &hour(to))
}

fn name() -> WebhookName {
    "ops".parse().unwrap()
}

async fn house() -> House {
    let house = House::built_at(NOW).await;
    house.register(BillingModel::PayAsYouUse).await;
    let webhook = Webhook {
        name: name(),
        url: "https://receiver.example/".to_owned(),
        kinds: BTreeSet::new(),
        stack: None,
        partner: None,
    };
    house.app().set_webhook(&operator(), webhook).await.unwrap();
    house
}

/// Everything that was raised, the first of it first.
fn raised(house: &House) -> Vec<SentNotice> {
    let mut all = house.app().sent_notices(&operator(), &name()).unwrap();
    all.reverse();
    all
}

async fn look(house: &House, watch: &mut Watch, found: &[Finding], times: usize) {
    for _ in 0..times {
        house.app().tell(watch, &of_stack(found)).await.unwrap();
    }
}

#[tokio::test]
async fn a_stack_that_falls_behind_and_comes_back_is_told_twice_and_not_with_every_look() {
    let house = house().await;
    let mut watch = Watch::default();
    look(&house, &mut watch, &[behind()], 10).await;
    let again = finding(
        FindingKind::Reappeared,
        "2026-11-21T01:00:00Z",
        "2026-11-22T08:00:00Z",
    );
    look(&house, &mut watch, &[again], 20).await;
    let raised = raised(&house);
    let kinds: Vec<NoticeKind> = raised.iter().map(|it| it.notice.kind).collect();
    assert_eq!(kinds, [NoticeKind::StackBehind, NoticeKind::StackReappeared]);
    let [began, ended] = [&raised[0].notice, &raised[1].notice];
    assert_eq!((began.stack, began.partner), (Some(STACK), Some(PARTNER)));
    assert_eq!(began.data["since"], "2026-11-21T01:00:00Z");
    assert!(began.text.contains("Nothing was heard"), "{}", began.text);
    assert!(ended.text.contains("Usage comes again"), "{}", ended.text);
    assert_eq!(ended.data["began"], began.id.to_string());
}

#[tokio::test]
async fn a_gap_that_is_filled_hour_by_hour_raises_no_storm() {
    let house = house().await;
    let mut watch = Watch::default();
    for hour in 0..20 {
        look(&house, &mut watch, &[gap(hour, 23)], 3).await;
    }
    look(&house, &mut watch, &[], 20).await;
    let kinds: Vec<NoticeKind> = raised(&house).iter().map(|it| it.notice.kind).collect();
    assert_eq!(kinds, [NoticeKind::UsageUnusual, NoticeKind::UsageUsual]);
}

#[tokio::test]
async fn whoever_fills_the_one_gap_that_was_told_would_never_hear_of_the_other_one_of_that_day() {
    let house = house().await;
    let mut watch = Watch::default();
    look(&house, &mut watch, &[gap(2, 4)], 3).await;
    look(&house, &mut watch, &[gap(2, 4), gap(9, 12)], 3).await;
    look(&house, &mut watch, &[gap(10, 12)], 20).await;
    let told: Vec<(NoticeKind, String)> = raised(&house)
        .into_iter()
        .map(|it| (it.notice.kind, it.notice.subject))
        .collect();
    let subject = |hour: u32| format!("Gap/2026-11-20T{hour:02}:00:00Z");
    assert_eq!(
        told,
        [
            (NoticeKind::UsageUnusual, subject(2)),
            (NoticeKind::UsageUnusual, subject(9)),
            (NoticeKind::UsageUsual, subject(2)),
        ]
    );
}

#[tokio::test]
async fn a_gap_that_comes_up_while_another_one_is_being_filled_would_never_be_told_and_never_billed() {
    for kind in [FindingKind::Gap, FindingKind::NotRead] {
        let house = house().await;
        let mut watch = Watch::default();
        let of_kind = |from, to| Finding {
            kind,
            ..gap(from, to)
        };
        look(&house, &mut watch, &[of_kind(3, 5)], 3).await;
        look(&house, &mut watch, &[of_kind(8, 12)], 3).await;
        look(&house, &mut watch, &[of_kind(9, 12)], 20).await;
        let told: Vec<(NoticeKind, String)> = raised(&house)
            .into_iter()
            .map(|it| (it.notice.kind, it.notice.subject))
            .collect();
        let subject = |hour: u32| format!("{}/2026-11-20T{hour:02}:00:00Z", kind.code());
        assert_eq!(
            told,
            [
                (NoticeKind::UsageUnusual, subject(3)),
                (NoticeKind::UsageUnusual, subject(8)),
                (NoticeKind::UsageUsual, subject(3)),
            ]
        );
    }
}

#[tokio::test]
async fn a_stack_that_declares_again_would_be_said_to_use_again_what_it_used_all_the_time() {
    let house = house().await;
    let mut watch = Watch::default();
    let at = ["2026-11-21T01:00:00Z", "2026-11-21T22:00:00Z"];
    look(
        &house,
        &mut watch,
        &[finding(FindingKind::NotDeclared, at[0], at[1])],
        3,
    )
    .await;
    look(
        &house,
        &mut watch,
        &[finding(FindingKind::Reappeared, at[0], at[1])],
        20,
    )
    .await;
    let ended = &raised(&house)[1].notice;
    assert_eq!(ended.kind, NoticeKind::StackReappeared);
    assert!(ended.text.contains("declared again"), "{}", ended.text);
    assert!(!ended.text.contains("Usage comes again"), "{}", ended.text);
}

#[tokio::test]
async fn a_stack_that_limps_along_at_the_edge_would_fill_a_mailbox_in_a_night() {
    let house = house().await;
    let mut watch = Watch::default();
    let edge = Finding {
        begins: false,
        ..behind()
    };
    look(&house, &mut watch, &[edge], 20).await;
    assert_eq!(
        raised(&house).len(),
        0,
        "it is behind, but not far enough to be told"
    );
    for _ in 0..24 {
        look(&house, &mut watch, &[behind()], 6).await;
        look(&house, &mut watch, &[edge], 30).await;
    }
    assert_eq!(raised(&house).len(), 1);
    look(&house, &mut watch, &[], 11).await;
    assert_eq!(
        raised(&house).len(),
        1,
        "an hour goes by until it is said to be over"
    );
    look(&house, &mut watch, &[], 1).await;
    assert_eq!(raised(&house)[1].notice.kind, NoticeKind::StackReappeared);
}

/// Looks every five minutes of an hour, and in its middle something comes.
async fn an_hour(house: &House, watch: &mut Watch, hour: Hour, comes: impl AsyncFnOnce()) {
    let mut comes = Some(comes);
    for minutes in (0..60).step_by(5) {
        let time = hour.to_string();
        house.it_is(&time.replace(":00:00Z", &format!(":{minutes:02}:00Z")));
        if minutes == 30
            && let Some(comes) = comes.take()
        {
            comes().await;
        }
        house.app().look_after_completeness(watch).await.unwrap();
    }
}

fn kinds_raised(house: &House) -> Vec<NoticeKind> {
    raised(house).iter().map(|it| it.notice.kind).collect()
}

#[tokio::test]
async fn a_stack_that_is_read_every_hour_but_hours_late_is_told_of_once() {
    let told = [NoticeKind::StackBehind, NoticeKind::StackReappeared];
    // What is six hours old when it comes is the stack's rhythm, when that is known; what is nine hours old is late.
    for (late, while_so) in [(6, &told[..]), (9, &told[..1])] {
        let house = house().await;
        let (watch, registered) = (&mut Watch::default(), NOW.parse::<Hour>().unwrap());
        let nothing = registered..registered;
        for after in late + 1..late + 34 {
            let through = registered.plus(after - late);
            let comes = async || deliver(&house, nothing.clone(), through).await;
            an_hour(&house, watch, registered.plus(after), comes).await;
        }
        assert_eq!(kinds_raised(&house), while_so, "{late}");
        let now = registered.plus(late + 34);
        for after in 0..2 {
            let comes = async || deliver(&house, nothing.clone(), now).await;
            an_hour(&house, watch, now.plus(after), comes).await;
        }
        assert_eq!(kinds_raised(&house), told, "{late}");
    }
}

#[tokio::test]
async fn a_stack_whose_newest_hour_always_comes_an_hour_late_would_be_told_of_twice_an_hour() {
    let house = house().await;
    let (watch, registered) = (&mut Watch::default(), NOW.parse::<Hour>().unwrap());
    let begin = registered.plus(24 * 5);
    house.it_is(&begin.to_string());
    deliver(&house, registered..begin.plus(-2), begin).await;
    for after in 1..12 {
        let now = begin.plus(after);
        // What was declared is read; and its last hour is reported an hour later than usual.
        let comes = async || deliver(&house, now.plus(-3)..now.plus(-2), now).await;
        an_hour(&house, watch, now, comes).await;
    }
    assert_eq!(kinds_raised(&house), []);
}

/// Delivers a record of each of these hours, and how far the stack says that it has reported.
async fn deliver(house: &House, hours: Range<Hour>, through: Hour) {
    let starts = (0..)
        .map(|after| hours.start.plus(after))
        .take_while(|it| *it < hours.end);
    let records: Vec<DeliveredRecord<'_>> = (0..)
        .zip(starts)
        .map(|(index, start)| DeliveredRecord {
            index,
            record: machine(0, LOCAL, start),
        })
        .collect();
    let delivery = Delivery {
        reported_start: None,
        reported_through: Some(through),
        ..delivery(STACK, through, &records)
    };
    house.app().deliver_usage(delivery).await.unwrap();
}

fn october(day: i32, hour: i32) -> Hour {
    let first: Hour = "2026-10-01T00:00:00Z".parse().unwrap();
    first.plus(24 * (day - 1) + hour)
}

/// Looks for two hours, as a server does, and gives what each of two partners was told of meanwhile.
async fn told_of_two(house: &House, watch: &mut Watch, seen: &mut usize) -> [Vec<Notice>; 2] {
    for _ in 0..24 {
        house.app().look_after_completeness(watch).await.unwrap();
    }
    let new = raised(house).split_off(*seen);
    *seen += new.len();
    [PARTNER, LITWARE].map(|partner| {
        let webhook: WebhookName = if partner == PARTNER { "first" } else { "second" }
            .parse()
            .unwrap();
        let mut told = house.app().sent_notices(&operator(), &webhook).unwrap();
        told.reverse();
        let told = told.into_iter().map(|it| it.notice);
        let is_new = |it: &Notice| new.iter().any(|new| new.notice.id == it.id);
        let told: Vec<Notice> = told.filter(is_new).collect();
        assert!(told.iter().all(|it| it.partner == Some(partner)), "{told:?}");
        told
    })
}

#[tokio::test]
async fn who_gets_a_stack_would_be_told_what_it_used_for_others_and_they_how_it_goes_on() {
    let (house, _) = two_partners().await;
    let app = house.app();
    for (name, partner) in [("ops", None), ("first", Some(PARTNER)), ("second", Some(LITWARE))] {
        let webhook = Webhook {
            name: name.parse().unwrap(),
            url: "https://receiver.example/".to_owned(),
            kinds: BTreeSet::new(),
            stack: None,
            partner,
        };
        app.set_webhook(&operator(), webhook).await.unwrap();
    }
    let (mut watch, mut seen) = (Watch::default(), 0);
    let kinds = |told: &[Notice]| told.iter().map(|it| it.kind).collect::<Vec<_>>();

    // Nine days of the first partner's, with a gap on the ninth.
    house.it_is("2026-10-10T00:30:00Z");
    deliver(&house, october(1, 0)..october(9, 3), october(9, 0)).await;
    deliver(&house, october(9, 8)..october(10, 0), october(10, 0)).await;
    let [first, second] = told_of_two(&house, &mut watch, &mut seen).await;
    assert_eq!((kinds(&first), second.len()), (vec![NoticeKind::UsageUnusual], 0));
    assert_eq!(first[0].data["since"], october(9, 3).to_string());

    // From ten o'clock of the tenth on the stack is the second partner's. What was missing of the first one's hours is not
    // its business, nor is what they usually were.
    house.it_is("2026-10-10T10:30:00Z");
    app.delete_registration(&operator(), &address(), &Precondition::None)
        .await
        .unwrap();
    register(&house, &operator(), STACK).await.unwrap();
    let [first, second] = told_of_two(&house, &mut watch, &mut seen).await;
    assert_eq!(
        (kinds(&first), second),
        (vec![NoticeKind::UsageUsual], Vec::new())
    );
    assert!(
        first[0].text.ends_with("It is not registered any more."),
        "{first:?}"
    );

    // Nothing is heard of it: since its new owner has it, as far as that one is concerned.
    house.it_is("2026-10-10T18:30:00Z");
    let [first, second] = told_of_two(&house, &mut watch, &mut seen).await;
    assert_eq!(
        (first, kinds(&second)),
        (Vec::new(), vec![NoticeKind::StackBehind])
    );
    let told = &second[0].data;
    assert_eq!(
        (&*told["since"], &*told["hours"], &*told["expected"]),
        ("2026-10-10T10:00:00Z", "8", "0")
    );

    // It goes back. Whoever was told that it is behind is told that this is over, and nobody else.
    let at = RegistrationAddress {
        subscription: LITWARES,
        ..address()
    };
    app.delete_registration(&operator(), &at, &Precondition::None)
        .await
        .unwrap();
    house
        .put_registration(Some(token(BillingModel::PayAsYouUse)))
        .await
        .unwrap();
    deliver(&house, october(10, 18)..october(10, 18), october(10, 18)).await;
    let [first, second] = told_of_two(&house, &mut watch, &mut seen).await;
    assert_eq!(kinds(&second), [NoticeKind::StackReappeared]);
    assert_eq!(second[0].data.len(), 1, "when it began, and no more");
    let (own, others) = (october(10, 10), october(10, 18));
    for notice in &first {
        let since: Hour = notice.data["since"].parse().unwrap();
        assert!(since < own || since >= others, "{notice:?}");
    }
}

#[tokio::test]
async fn an_occurrence_has_the_same_id_even_for_whoever_finds_it_on_restored_books() {
    let mut ids = Vec::new();
    for _ in 0..2 {
        let house = house().await;
        look(&house, &mut Watch::default(), &[behind(), gap(3, 23)], 5).await;
        look(&house, &mut Watch::default(), &[], 15).await;
        let mut found: Vec<_> = raised(&house).iter().map(|it| it.notice.id).collect();
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 4, "each its own");
        found.sort_unstable();
        ids.push(found);
    }
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_stack_that_is_deleted_while_it_is_behind_is_not_said_to_report_again() {
    let house = house().await;
    let mut watch = Watch::default();
    let gone = CloudId::from_bytes([99; 16]);
    let stranger = OwnersFindings {
        stack: gone,
        partner: None,
        findings: vec![Finding {
            stack: gone,
            ..behind()
        }],
    };
    for _ in 0..3 {
        let found = std::slice::from_ref(&stranger);
        house.app().tell(&mut watch, found).await.unwrap();
    }
    look(&house, &mut watch, &[], 15).await;
    let raised = raised(&house);
    assert_eq!(raised[0].notice.partner, None);
    assert!(
        raised[1].notice.text.ends_with("It is not registered any more."),
        "{raised:?}"
    );
}

#[tokio::test]
async fn how_sending_went_is_remembered_through_a_restart() {
    let house = house().await;
    let app = house.app();
    for _ in 0..3 {
        app.test_webhook(&operator(), &name()).await.unwrap();
    }
    let due = app.due_next(&name()).unwrap();
    for (attempts, answer) in [(1, "It answered 500."), (2, "It answered 502.")] {
        let answer = answer.to_owned();
        app.was_not_taken(&due, attempts, answer).await.unwrap();
    }
    let failing = app.webhooks(&operator()).unwrap().remove(0).failing.unwrap();
    assert_eq!((failing.attempts, &*failing.because), (2, "It answered 502."));
    assert!(failing.since.entry < failing.last.entry, "{failing:?}");
    for _ in 0..2 {
        app.was_delivered(&due, 3, "It answered 200 OK.".to_owned())
            .await
            .unwrap();
    }
    // It was taken in the end, and so is said to be failing no more by whoever comes late.
    app.was_not_taken(&due, 4, "It answered 500.".to_owned())
        .await
        .unwrap();
    let next = app.due_next(&name()).unwrap();
    assert_ne!(next.notice.id, due.notice.id);
    app.was_given_up(&next, 12, "Too long.".to_owned()).await.unwrap();
    drop(app);
    let house = house.restarted().await;
    let raised = raised(&house);
    assert!(matches!(raised[0].sending.outcome, Outcome::Delivered(_)));
    let tried = |at: usize| (raised[at].sending.attempts, &*raised[at].sending.answer);
    assert_eq!((tried(0), tried(1).0), ((3, "It answered 200 OK."), 12));
    assert!(matches!(&raised[1].sending.outcome, Outcome::GivenUp(_, why) if why == "Too long."));
    assert_eq!(raised[2].sending.outcome, Outcome::Waiting);
    let app = house.app();
    assert_eq!(app.due_next(&name()).unwrap().notice.id, raised[2].notice.id);
    assert!(app.webhooks(&operator()).unwrap()[0].failing.is_none());
}

#[tokio::test]
async fn two_servers_would_have_the_duty_of_sending_at_once() {
    let house = house().await;
    let app = house.app();
    let long = Duration::from_secs(3600);
    let (mut one, mut other) = (app.duty_of_sending(long), app.duty_of_sending(long));
    assert!(one.take().await.unwrap());
    for _ in 0..3 {
        assert!(!other.take().await.unwrap());
        assert!(one.take().await.unwrap());
    }
    assert!(one.good_until().is_some() && other.good_until().is_none());
    one.leave().await.unwrap();
    assert!(other.take().await.unwrap(), "it need not wait for one that left");
    assert!(!one.take().await.unwrap());
    other.take().await.unwrap();
}

#[tokio::test]
async fn a_server_that_did_not_hear_that_it_has_the_duty_keeps_it_from_everybody() {
    let house = house().await;
    let app = house.app();
    let long = Duration::from_secs(3600);
    let (mut one, mut other) = (app.duty_of_sending(long), app.duty_of_sending(long));
    for _ in 0..20 {
        // Nobody waits for the answer, which comes all the same.
        let _ = tokio::time::timeout(Duration::ZERO, one.take()).await;
    }
    assert!(one.take().await.unwrap());
    assert!(!other.take().await.unwrap());
    one.leave().await.unwrap();
    assert!(other.take().await.unwrap());
}

#[tokio::test]
async fn nobody_would_send_after_a_server_that_ended_without_a_word() {
    let house = house().await;
    let app = house.app();
    let at_once = Duration::ZERO;
    let (mut gone, mut other) = (app.duty_of_sending(at_once), app.duty_of_sending(at_once));
    assert!(gone.take().await.unwrap());
    assert!(
        !other.take().await.unwrap(),
        "the first look only sees who has it"
    );
    assert!(
        other.take().await.unwrap(),
        "the second that it gives no sign of life"
    );
    assert!(
        !gone.take().await.unwrap(),
        "it comes back, and knows that it has lost it"
    );
    gone.leave().await.unwrap();
    other.leave().await.unwrap();
}

#[tokio::test]
async fn a_webhook_that_is_given_to_another_partner_would_be_sent_what_waited_for_the_one_before() {
    let (house, _) = two_partners().await;
    let app = house.app();
    let webhook = |partner| Webhook {
        name: name(),
        url: "https://receiver.example/".to_owned(),
        kinds: BTreeSet::new(),
        stack: None,
        partner: Some(partner),
    };
    app.set_webhook(&operator(), webhook(PARTNER)).await.unwrap();
    look(&house, &mut Watch::default(), &[behind()], 3).await;
    let waits = app.due_next(&name()).unwrap().notice;
    let test = app.test_webhook(&operator(), &name()).await.unwrap();
    app.set_webhook(&operator(), webhook(LITWARE)).await.unwrap();
    assert_eq!(app.due_next(&name()).unwrap().notice.id, test);
    let outcome = raised(&house).remove(0).sending.outcome;
    assert!(
        matches!(&outcome, Outcome::GivenUp(_, why) if why.contains("another partner")),
        "{outcome:?}"
    );
    let again = app.send_notice_again(&operator(), &name(), waits.id).await;
    assert_eq!(refusal(again).1, "NoticeNotFound");
    drop(app);
    let house = house.restarted().await;
    assert_eq!(house.app().due_next(&name()).unwrap().notice.id, test);
}
