//! Records that could not be counted, and what is done about them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use app::Kind;
use app::quarantine::{PurgeAsked, ReleaseAsked, Selection};
use domain::registration::BillingModel;
use domain::usage::{Granularity, QuarantineCode, UsageRecord};
use store::QuarantineFilter;

use crate::house::{House, LOCAL, SHARED, VCPU, operator};

/// What the house delivers has the name of its place for a text. It reads as two units of the hour with this number.
fn read(text: &str) -> Result<UsageRecord<'_>, (QuarantineCode, String)> {
    let hour = text
        .strip_prefix("record ")
        .and_then(|hour| hour.parse::<u8>().ok());
    let hour = hour.ok_or((QuarantineCode::MalformedRecord, format!("{text} is no record")))?;
    Ok(UsageRecord {
        local_subscription: LOCAL,
        local_meter: VCPU,
        resource_uri: Cow::Borrowed("/vm"),
        location: Cow::Borrowed("north"),
        tags: Cow::Borrowed(""),
        additional_info: Cow::Borrowed(""),
        start: format!("2026-10-10T{:02}:00:00Z", 14 + hour).parse().unwrap(),
        granularity: Granularity::Hour,
        quantity: "2".parse().unwrap(),
    })
}

fn release(records: Selection) -> ReleaseAsked {
    ReleaseAsked {
        records,
        mended: BTreeMap::new(),
        reason: "the hour has come".parse().unwrap(),
        dry_run: false,
    }
}

fn all(expected: Option<u64>) -> Selection {
    Selection::Fitting {
        filter: QuarantineFilter::default(),
        expected,
    }
}

/// Two records of the future, at 14:00 and 15:00.
async fn house_with_two_waiting() -> House {
    let house = House::built_at("2026-10-10T08:10:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.it_is("2026-10-10T12:30:00Z");
    let usage = [("2026-10-10T14:00:00Z", "2"), ("2026-10-10T15:00:00Z", "2")];
    house.deliver("2026-10-10T12:00:00Z", &usage).await.unwrap();
    house
}

#[tokio::test]
async fn what_was_reported_too_early_is_charged_when_its_hour_has_come_and_somebody_says_so() {
    let house = house_with_two_waiting().await;
    let before = house.owes(SHARED).await;
    // One of the hours has come, the other is further away than a clock may be wrong.
    house.it_is("2026-10-10T13:10:00Z");
    let dry_run = ReleaseAsked {
        dry_run: true,
        ..release(all(None))
    };
    let app = house.app();
    let told = app.release_quarantined(&operator(), dry_run, read).await.unwrap();
    assert_eq!(
        (told.act, told.outcome.receipts.len(), told.outcome.refused.len()),
        (None, 1, 1)
    );
    assert_eq!(house.owes(SHARED).await, before);
    assert_eq!(app.quarantine_history(&operator(), 0, 10).await.unwrap(), []);

    let done = app
        .release_quarantined(&operator(), release(all(Some(2))), read)
        .await
        .unwrap();
    assert_eq!(done.outcome.receipts[0].counts.accepted, 1);
    assert_eq!(
        done.outcome.receipts[0].window.start,
        "2026-10-10T12:00:00Z".parse().unwrap()
    );
    let [refused] = &done.outcome.refused[..] else {
        panic!("{done:?}");
    };
    assert_eq!(refused.code, QuarantineCode::UsageInFuture);
    assert!(
        refused.message.contains("Release the record again"),
        "{}",
        refused.message
    );
    assert_ne!(house.owes(SHARED).await, before);

    let [past] = &app.quarantine_history(&operator(), 0, 10).await.unwrap()[..] else {
        panic!("one act");
    };
    assert_eq!(Some(past.act.id), done.act);
    assert_eq!(
        (past.act.reason.as_str(), past.outcome.records),
        ("the hour has come", 1)
    );
    assert_eq!(past.outcome.batches, [done.outcome.receipts[0].batch]);
    assert_eq!(past.act.records.len(), 2, "it says what was asked for");
    assert_eq!(past.recorded.by, operator().id());
}

#[tokio::test]
async fn a_range_with_numbers_that_never_were_takes_what_is_there_and_says_so() {
    let house = house_with_two_waiting().await;
    house.it_is("2026-10-10T16:00:00Z");
    let app = house.app();
    let waiting = app
        .quarantine(&QuarantineFilter::default(), 0, 10)
        .await
        .unwrap()
        .records;
    let last = waiting[1].position;
    let range = Selection::At((waiting[0].position..last + 40).collect());
    let done = app
        .release_quarantined(&operator(), release(range.clone()), read)
        .await
        .unwrap();
    assert_eq!(done.outcome.receipts[0].counts.accepted, 2);
    assert_eq!(done.unknown, (last + 1..last + 40).collect::<Vec<_>>());
    let purge = PurgeAsked {
        records: range,
        reason: "a test".parse().unwrap(),
        dry_run: false,
    };
    let purged = app.purge_quarantined(&operator(), purge).await.unwrap();
    assert_eq!((purged.act, purged.unknown.len()), (None, 39));
    assert_eq!(purged.outcome.gone, [waiting[0].position, last]);
    let past = app.quarantine_history(&operator(), 0, 10).await.unwrap();
    assert_eq!(past[0].act.records.len(), 2, "nobody acted on what never was");
}

#[tokio::test]
async fn nothing_is_done_with_records_that_nobody_has_seen() {
    let house = house_with_two_waiting().await;
    let app = house.app();
    let refused = async |asked: ReleaseAsked| {
        let error = app
            .release_quarantined(&operator(), asked, read)
            .await
            .unwrap_err();
        (error.kind, error.code)
    };
    let differs = (Kind::Conflict, "QuarantineCountDiffers");
    assert_eq!(refused(release(all(Some(3)))).await, differs);
    assert_eq!(
        refused(release(all(None))).await,
        (Kind::Invalid, "ExpectedCountMissing")
    );
    let nobody = Selection::At([99].into_iter().collect());
    assert_eq!(
        refused(release(nobody.clone())).await,
        (Kind::NotFound, "QuarantinedRecordNotFound")
    );
    let waiting = app
        .quarantine(&QuarantineFilter::default(), 0, 10)
        .await
        .unwrap()
        .records;
    let first = Selection::At([waiting[0].position].into_iter().collect());
    let mending = |position, text: &str| ReleaseAsked {
        mended: BTreeMap::from([(position, text.to_owned())]),
        ..release(first.clone())
    };
    let second = mending(waiting[1].position, "record 0");
    assert_eq!(refused(second).await, (Kind::Invalid, "MendedRecordNotNamed"));
    for text in ["no record", "record 9"] {
        let asked = mending(waiting[0].position, text);
        assert_eq!(
            refused(asked).await,
            (Kind::Invalid, "MendedRecordNotCountable"),
            "{text}"
        );
    }
    let purge = PurgeAsked {
        records: all(Some(1)),
        reason: "a test".parse().unwrap(),
        dry_run: false,
    };
    let error = app.purge_quarantined(&operator(), purge).await.unwrap_err();
    assert_eq!((error.kind, error.code), differs);
    assert_eq!(app.quarantine_history(&operator(), 0, 10).await.unwrap(), []);
    assert_eq!(
        app.quarantine(&QuarantineFilter::default(), 0, 10)
            .await
            .unwrap()
            .records,
        waiting
    );
}

#[tokio::test]
async fn a_release_that_failed_midway_would_say_that_nothing_was_stored_of_what_is_charged_already() {
    let house = house_with_two_waiting().await;
    house.it_is("2026-10-10T16:10:00Z");
    let before = house.owes(SHARED).await;
    let app = house.app();
    // Where nothing came of it, that is the answer.
    house.usage.releases_one_by_one(0);
    let failed = app
        .release_quarantined(&operator(), release(all(Some(2))), read)
        .await;
    assert_eq!(failed.unwrap_err().kind, Kind::Unavailable);
    assert_eq!(house.owes(SHARED).await, before);

    house.usage.releases_one_by_one(1);
    let done = app
        .release_quarantined(&operator(), release(all(Some(2))), read)
        .await
        .unwrap();
    assert_eq!(
        done.outcome
            .receipts
            .iter()
            .map(|it| it.counts.accepted)
            .sum::<u32>(),
        1
    );
    let stopped = done.stopped.unwrap();
    assert_eq!(
        (stopped.error.code, &stopped.left[..]),
        ("StorageUnavailable", &[2][..])
    );
    let told = &stopped.error.message;
    assert!(
        told.contains("A part") && told.contains("Release the others once more"),
        "{told}"
    );
    assert!(!told.contains("Nothing of this request"), "{told}");
    let half = house.owes(SHARED).await;
    assert_ne!(half, before);

    house.usage.releases_one_by_one(1);
    let rest = ReleaseAsked {
        records: Selection::At([1, 2].into_iter().collect()),
        ..release(all(None))
    };
    let done = app.release_quarantined(&operator(), rest, read).await.unwrap();
    assert_eq!((done.outcome.gone, done.stopped), (vec![1], None));
    assert_ne!(house.owes(SHARED).await, half);
}
