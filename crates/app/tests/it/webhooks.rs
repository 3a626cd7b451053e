//! What is raised, by whom, and which server sends it.

use std::collections::BTreeSet;
use std::time::Duration;

use app::webhooks::SentNotice;
use domain::books::Outcome;
use domain::completeness::{Finding, FindingKind};
use domain::ids::CloudId;
use domain::notices::{NoticeKind, Watch, Webhook, WebhookName};
use domain::registration::BillingModel;
use domain::time::HourInterval;

use crate::house::{House, PARTNER, STACK, operator};

const NOW: &str = "2026-11-22T10:00:00Z";

fn finding(kind: FindingKind, from: &str, to: &str) -> Finding {
    Finding {
        stack: STACK,
        kind,
        hours: HourInterval::new(from.parse().unwrap(), to.parse().unwrap()).unwrap(),
        expected: 100,
        received: 0,
    }
}

fn behind() -> Finding {
    finding(
        FindingKind::FellBehind,
        "2026-11-21T01:00:00Z",
        "2026-11-21T22:00:00Z",
    )
}

fn gap(hour: u32) -> Finding {
    finding(
        FindingKind::Gap,
        &format!("2026-11-20T{hour:02}:00:00Z"),
        "2026-11-20T23:00:00Z",
    )
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
        house.app().tell(watch, found).await.unwrap();
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
    look(&house, &mut watch, &[again], 10).await;
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
        look(&house, &mut watch, &[gap(hour)], 3).await;
    }
    look(&house, &mut watch, &[], 20).await;
    let kinds: Vec<NoticeKind> = raised(&house).iter().map(|it| it.notice.kind).collect();
    assert_eq!(kinds, [NoticeKind::UsageUnusual, NoticeKind::UsageUsual]);
}

#[tokio::test]
async fn an_occurrence_has_the_same_id_even_for_whoever_finds_it_on_restored_books() {
    let mut ids = Vec::new();
    for _ in 0..2 {
        let house = house().await;
        look(&house, &mut Watch::default(), &[behind(), gap(3)], 5).await;
        look(&house, &mut Watch::default(), &[], 5).await;
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
    let stranger = Finding {
        stack: CloudId::from_bytes([99; 16]),
        ..behind()
    };
    look(&house, &mut watch, &[stranger], 3).await;
    look(&house, &mut watch, &[], 5).await;
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
    app.was_not_taken(&due, "It answered 500.".to_owned())
        .await
        .unwrap();
    app.was_not_taken(&due, "It answered 502.".to_owned())
        .await
        .unwrap();
    let failing = app.webhooks(&operator()).unwrap().remove(0).failing.unwrap();
    assert_eq!(failing.1, "It answered 500.", "the first of them");
    app.was_delivered(&due).await.unwrap();
    app.was_delivered(&due).await.unwrap();
    let next = app.due_next(&name()).unwrap();
    assert_ne!(next.notice.id, due.notice.id);
    app.was_given_up(&next, "Too long.".to_owned()).await.unwrap();
    drop(app);
    let house = house.restarted().await;
    let raised = raised(&house);
    assert!(matches!(raised[0].sending.outcome, Outcome::Delivered(_)));
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
