//! What is missing of a stack's usage, and who is told.

use std::borrow::Cow;
use std::ops::Range;

use app::access::Caller;
use app::completeness::StackCompleteness;
use app::usage::Delivery;
use app::{App, Kind};
use domain::authorization::{PartnerRole, RoleDefinition, Scope};
use domain::completeness::{FELL_BEHIND_AFTER_HOURS, Finding, FindingKind, HourState};
use domain::ids::{CloudId, LocalSubscriptionId};
use domain::registration::BillingModel;
use domain::time::{Hour, Period, Timestamp};
use domain::usage::{Granularity, UsageRecord};
use store::DeliveredRecord;

use crate::house::{House, LOCAL, PARTNER, SHARED, STACK, VCPU, operator};
use crate::people::refusal;
use crate::strangers::{register, two_partners};

/// How many machines the stack has.
const MACHINES: u32 = 12;

fn hour(text: &str) -> Hour {
    text.parse().unwrap()
}

fn october() -> Period {
    "2026-10".parse().unwrap()
}

/// Hours since the beginning of October.
fn october_hour(after: i32) -> Hour {
    hour("2026-10-01T00:00:00Z").plus(after)
}

fn first_of_october(after: i32) -> Timestamp {
    october_hour(after).start()
}

pub(crate) fn machine(number: u32, of: LocalSubscriptionId, start: Hour) -> UsageRecord<'static> {
    UsageRecord {
        local_subscription: of,
        local_meter: VCPU,
        resource_uri: Cow::Owned(format!(
            "/subscriptions/x/providers/p/virtualMachines/vm-{number}"
        )),
        location: Cow::Borrowed("north"),
        tags: Cow::Borrowed(""),
        additional_info: Cow::Borrowed(""),
        start,
        granularity: Granularity::Hour,
        quantity: "1".parse().unwrap(),
    }
}

/// Delivers an hour of each of some machines, and how far the stack says it has reported.
async fn deliver(app: &App, machines: Range<u32>, hours: &[i32], through: Option<i32>) {
    deliver_read(app, machines, hours, (None, through)).await;
}

/// The same, read from a window of reported time.
async fn deliver_read(
    app: &App,
    machines: Range<u32>,
    hours: &[i32],
    (window, through): (Option<Range<i32>>, Option<i32>),
) {
    let started = |after: &i32| {
        let start = october_hour(*after);
        machines.clone().map(move |number| machine(number, LOCAL, start))
    };
    let records: Vec<DeliveredRecord<'_>> = (0..)
        .zip(hours.iter().flat_map(started))
        .map(|(index, record)| DeliveredRecord { index, record })
        .collect();
    let delivery = Delivery {
        stack: STACK,
        reported_start: window.as_ref().map(|window| october_hour(window.start)),
        reported_end: window.map(|window| october_hour(window.end)),
        reported_through: through.map(october_hour),
        idempotency_key: None,
        known_receipts: &[],
        digest: [0; 32],
        records: &records,
        quarantined: &[],
        raw: &|index| format!("record {index}"),
    };
    app.deliver_usage(delivery).await.unwrap();
}

/// A stack that is registered since the beginning of October, and the first minutes after so many hours.
async fn stack_at(after: i32, model: BillingModel) -> House {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    house.register(model).await;
    house.it_is(&first_of_october(after).to_string());
    house
}

fn all_but(missing: Range<i32>, until: i32) -> Vec<i32> {
    (0..until).filter(|after| !missing.contains(after)).collect()
}

/// What is told of all stacks at a moment.
async fn findings_at(app: &App, now: Timestamp) -> Vec<Finding> {
    let stacks = app.completeness_now(now).await.unwrap();
    let findings = stacks.into_iter().flat_map(|it| it.findings);
    findings.filter(|it| it.begins).collect()
}

fn found(completeness: &StackCompleteness) -> Vec<(FindingKind, i32, i32)> {
    let after = |hour: Hour| hour.epoch_hours() - october_hour(0).epoch_hours();
    let findings = completeness.findings.iter();
    findings
        .map(|it| (it.kind, after(it.since()), after(it.until())))
        .collect()
}

async fn of_october(app: &App, caller: &Caller) -> StackCompleteness {
    app.completeness(caller, STACK, october()).await.unwrap()
}

#[tokio::test]
async fn a_window_that_was_lost_on_the_way_is_told_of_until_it_comes_and_no_longer() {
    let house = stack_at(241, BillingModel::PayAsYouUse).await;
    let app = house.app();
    deliver(&app, 0..MACHINES, &all_but(150..155, 240), Some(241)).await;
    let month = of_october(&app, &operator()).await;
    assert_eq!(found(&month), [(FindingKind::Gap, 150, 155)]);
    assert_eq!(month.count(HourState::Gap), 5);
    assert_eq!(month.count(HourState::Complete), 235);
    assert!(!month.is_complete());
    let now = first_of_october(241);
    let findings = findings_at(&app, now).await;
    assert_eq!(findings, month.findings);
    assert_eq!(
        (findings[0].expected, findings[0].received),
        (u64::from(5 * MACHINES), 0)
    );

    deliver(&app, 0..MACHINES, &(150..155).collect::<Vec<_>>(), None).await;
    assert_eq!(found(&of_october(&app, &operator()).await), []);
    assert_eq!(findings_at(&app, now).await, []);
}

#[tokio::test]
async fn hours_before_the_bridge_began_are_missing_until_somebody_has_them_read() {
    let house = stack_at(241, BillingModel::PayAsYouUse).await;
    let app = house.app();
    // The bridge began four days late: what it read first holds the end of what nobody read.
    let of_bridge: Vec<i32> = (95..240).collect();
    deliver_read(&app, 0..MACHINES, &of_bridge, (Some(96..241), Some(241))).await;
    let month = of_october(&app, &operator()).await;
    assert_eq!(found(&month), [(FindingKind::NotRead, 0, 95)]);
    assert_eq!(month.count(HourState::NotRead), 95);
    assert_eq!(month.reported_through, Some(october_hour(241)));
    assert!(!month.is_complete());
    let now = first_of_october(241);
    let stacks = app.completeness_now(now).await.unwrap();
    assert_eq!((stacks[0].not_read_hours, stacks[0].gap_hours), (95, 0));
    assert_eq!(findings_at(&app, now).await, month.findings);
    // The command that is advised reads the hours in which these were reported, some of them without any usage.
    assert!(
        month.findings[0]
            .advice()
            .contains("--from 2026-10-01T00:00:00Z --to 2026-10-05T01:00:00Z"),
        "{}",
        month.findings[0].advice()
    );
    let backfilled: Vec<i32> = (0..95).collect();
    deliver_read(&app, 0..MACHINES, &backfilled, (Some(0..90), Some(90))).await;
    deliver_read(&app, 0..MACHINES, &[], (Some(90..96), Some(96))).await;
    let month = of_october(&app, &operator()).await;
    assert_eq!((found(&month), month.count(HourState::NotRead)), (vec![], 0));
    assert_eq!(findings_at(&app, now).await, []);
}

#[tokio::test]
async fn a_stack_whose_bridge_declares_nothing_any_more_is_told_of_though_its_usage_comes() {
    let house = stack_at(241, BillingModel::PayAsYouUse).await;
    let app = house.app();
    deliver(&app, 0..MACHINES, &all_but(0..0, 150), Some(150)).await;
    deliver(&app, 0..MACHINES, &(150..240).collect::<Vec<_>>(), None).await;
    let month = of_october(&app, &operator()).await;
    assert_eq!(found(&month), [(FindingKind::NotDeclared, 150, 240)]);
    assert!(month.findings[0].kind.is_missing_usage());
    assert_eq!(findings_at(&app, first_of_october(241)).await, month.findings);
}

#[tokio::test]
async fn the_order_in_which_deliveries_came_shows_in_no_month() {
    let mut months = Vec::new();
    for backwards in [false, true] {
        let house = stack_at(200, BillingModel::PayAsYouUse).await;
        let hours = all_but(100..103, 190);
        let mut deliveries: Vec<_> = hours.chunks(38).zip([40, 80, 120, 160, 191]).collect();
        if backwards {
            deliveries.reverse();
        }
        for (hours, through) in deliveries {
            deliver(&house.app(), 0..3, hours, Some(through)).await;
            deliver(&house.app(), 0..2, &hours[..3], None).await;
        }
        let month = of_october(&house.app(), &operator()).await;
        months.push((month.hours, month.findings, month.reported_through));
    }
    assert_eq!(months[0], months[1]);
    assert_eq!(
        months[0].1.len(),
        2,
        "the gap, and that it is far behind: {:?}",
        months[0].1
    );
}

#[tokio::test]
async fn a_stack_that_stops_is_told_of_after_hours_and_not_before_and_once() {
    let house = stack_at(0, BillingModel::PayAsYouUse).await;
    let app = house.app();
    let silent_since = 100;
    house.it_is(&first_of_october(silent_since).to_string());
    deliver(
        &app,
        0..MACHINES,
        &all_but(0..0, silent_since),
        Some(silent_since),
    )
    .await;
    let found_at = async |after: i32| findings_at(&app, first_of_october(after)).await;
    assert_eq!(found_at(silent_since + FELL_BEHIND_AFTER_HOURS).await, []);
    let early = found_at(silent_since + FELL_BEHIND_AFTER_HOURS + 1).await;
    let late = found_at(silent_since + 100).await;
    assert_eq!((early.len(), late.len()), (1, 1));
    assert_eq!(early[0].kind, FindingKind::FellBehind);
    assert_eq!(early[0].id(), late[0].id());
    assert_eq!(late[0].expected, u64::from(100 * MACHINES));
    let now = app
        .completeness_now(first_of_october(silent_since + 100))
        .await
        .unwrap();
    assert_eq!((now[0].behind_hours, now[0].gap_hours), (100, 0), "{now:?}");
}

#[tokio::test]
async fn nothing_is_missed_of_a_stack_that_pays_by_its_cores() {
    let house = stack_at(300, BillingModel::Capacity).await;
    let app = house.app();
    let token = domain::registration::RegistrationToken {
        usage_reporting_enabled: false,
        ..crate::house::token(BillingModel::Capacity)
    };
    house.put_registration(Some(token)).await.unwrap();
    assert_eq!(findings_at(&app, first_of_october(300)).await, []);
    let month = of_october(&app, &operator()).await;
    assert_eq!(month.count(HourState::NotAsked), 744);
    assert!(month.is_complete());
    assert_eq!(month.behind, None);
}

#[tokio::test]
async fn a_machine_that_vanished_from_the_reports_is_named_to_those_who_may_read_it() {
    let house = stack_at(150, BillingModel::PayAsYouUse).await;
    let app = house.app();
    let agent = house.program("agent").await;
    house
        .give_partner_role(&agent, PartnerRole::AdminAgent(PARTNER))
        .await;
    deliver(&app, 0..MACHINES, &all_but(0..0, 100), None).await;
    deliver(&app, 0..MACHINES - 1, &(100..149).collect::<Vec<_>>(), Some(149)).await;
    for caller in [&operator(), &agent] {
        let month = of_october(&app, caller).await;
        assert_eq!((month.silence.total(), month.silence.series.len()), (1, 1));
        let silent = &month.silence.series[0];
        assert!(silent.resource_uri.ends_with("vm-11"), "{}", silent.resource_uri);
        assert_eq!(silent.rhythm.last, october_hour(99));
        assert_eq!(found(&month), [], "one machine is no alarm");
    }
}

#[tokio::test]
async fn what_is_missing_is_told_to_operators_and_to_whose_stack_it_is_and_to_nobody_else() {
    let (house, other) = two_partners().await;
    let app = house.app();
    house.it_is("2026-10-03T00:00:00Z");
    let (agent, stranger) = (house.program("fabrikam").await, house.program("stranger").await);
    house
        .give_partner_role(&agent, PartnerRole::AdminAgent(PARTNER))
        .await;
    let listed = async |caller: &Caller| {
        let all = app
            .completeness_of_all(caller, october(), None, 10)
            .await
            .unwrap();
        all.iter().map(|it| it.stack).collect::<Vec<CloudId>>()
    };
    for caller in [&operator(), &agent] {
        assert_eq!(listed(caller).await, [STACK]);
        assert!(app.completeness(caller, STACK, october()).await.is_ok());
    }
    for caller in [&other, &stranger] {
        assert_eq!(listed(caller).await, []);
        let refused = refusal(app.completeness(caller, STACK, october()).await);
        assert_eq!(refused, (Kind::NotFound, "RegistrationNotFound"));
    }
    let unknown = CloudId::from_bytes([0xee; 16]);
    let refused = refusal(app.completeness(&operator(), unknown, october()).await);
    assert_eq!(refused, (Kind::NotFound, "RegistrationNotFound"));
}

#[tokio::test]
async fn who_gets_a_stack_sees_nothing_of_the_hours_in_which_others_had_it_nor_they_of_its_own() {
    let (house, successor) = two_partners().await;
    let (app, reader) = (house.app(), house.program("reader").await);
    house
        .give(&reader, RoleDefinition::READER, &Scope::Subscription(SHARED))
        .await;
    house.it_is("2026-10-02T10:30:00Z");
    deliver(&app, 0..MACHINES, &all_but(0..0, 34), Some(34)).await;
    app.delete_registration(
        &operator(),
        &crate::house::address(),
        &app::precondition::Precondition::None,
    )
    .await
    .unwrap();
    register(&house, &operator(), STACK).await.unwrap();
    house.it_is("2026-10-03T00:00:00Z");
    deliver(&app, 0..MACHINES, &(34..47).collect::<Vec<_>>(), Some(48)).await;
    for (caller, theirs) in [(&reader, 0..34), (&successor, 34..47)] {
        let month = of_october(&app, caller).await;
        let seen: Vec<i32> = (0..)
            .zip(&month.hours)
            .filter(|(_, it)| it.received > 0)
            .map(|(after, _)| after)
            .collect();
        assert_eq!(seen, theirs.collect::<Vec<i32>>());
    }
    let all = of_october(&app, &operator()).await;
    assert_eq!(all.hours.iter().filter(|it| it.received > 0).count(), 47);
}

#[tokio::test]
async fn a_stack_whose_usage_is_brought_once_a_month_would_be_called_behind_for_all_of_every_month() {
    let house = House::built_at("2026-05-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    let (app, after) = (house.app(), |moment: &str| {
        hour(moment).epoch_hours() - october_hour(0).epoch_hours()
    });
    for first in ["2026-06-01", "2026-07-01", "2026-08-01", "2026-09-01"] {
        house.it_is(&format!("{first}T08:10:00Z"));
        let through = after(&format!("{first}T00:00:00Z"));
        deliver(&app, 0..0, &[], Some(through)).await;
    }
    for (moment, expected) in [
        ("2026-09-30T00:10:00Z", &[][..]),
        ("2026-11-20T00:10:00Z", &[FindingKind::FellBehind]),
    ] {
        house.it_is(moment);
        let found = findings_at(&app, moment.parse().unwrap()).await;
        let kinds: Vec<FindingKind> = found.iter().map(|it| it.kind).collect();
        assert_eq!(kinds, expected, "{moment}");
    }
}

#[tokio::test]
async fn a_series_that_fell_silent_before_the_month_would_be_said_to_be_silent_for_no_hour() {
    let house = stack_at(241, BillingModel::PayAsYouUse).await;
    let app = house.app();
    deliver(&app, 0..1, &all_but(0..0, 100), None).await;
    deliver(&app, 1..2, &all_but(0..0, 240), Some(241)).await;
    house.it_is("2026-11-03T00:10:00Z");
    let november = app
        .completeness(&operator(), STACK, "2026-11".parse().unwrap())
        .await
        .unwrap();
    let [silent] = &november.silence.series[..] else {
        panic!("{november:?}");
    };
    assert_eq!(
        (silent.rhythm.last, november.latest),
        (october_hour(99), Some(october_hour(239)))
    );
}
