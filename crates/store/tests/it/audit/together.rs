//! Several values are changed so that they agree with each other.

use std::path::Path;

use store::Receipt;

use super::*;

/// Another history than [`fill`] makes, in which one record said another quantity.
async fn filled_otherwise(quantity: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let store = store::open(&embedded(directory.path())).unwrap();
    deliver(&store, &two_records(quantity), 1).await;
    deliver(&store, &Delivery::new([record("/vm/a", 1, "1")]), 2).await;
    drop(store);
    directory
}

fn two_records(quantity: &str) -> Delivery {
    Delivery::new([record("/vm/a", 0, "1"), record("/vm/b", 0, quantity)])
}

async fn receipts(directory: &Path) -> Vec<Receipt> {
    let store = store::open(&embedded(directory)).unwrap();
    store.usage.receipts(stack(1), 0, 100).await.unwrap()
}

fn with_witnesses(directory: &Path, kept: &[Receipt]) -> AuditReport {
    let elsewhere = Elsewhere {
        receipts: kept.iter().map(Into::into).collect(),
        ..Elsewhere::default()
    };
    store::verify(&embedded(directory), &elsewhere, &mut |_| ()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quantity_that_was_changed_with_its_total_is_found_by_the_receipt_of_its_batch() {
    let (whole, other) = (filled_otherwise("2").await, filled_otherwise("200").await);
    let path = other.path().join("usage.db");
    execute(
        whole.path(),
        &format!(
            "ATTACH DATABASE '{}' AS other;
             UPDATE hour_sheet SET body = (SELECT body FROM other.hour_sheet AS it WHERE it.hour = hour_sheet.hour);
             UPDATE day_sheet SET body = (SELECT body FROM other.day_sheet AS it WHERE it.day = day_sheet.day)",
            path.display()
        ),
    );
    let told = sentences(&audited(&embedded(whole.path())));
    assert_eq!(told.len(), 1, "{told:?}");
    for part in [
        "receipt 1, batch 01010101",
        "hour 2026-09-25T00:00:00Z",
        "not what was taken in",
    ] {
        assert!(told[0].contains(part), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_was_written_anew_is_found_by_whoever_kept_a_receipt() {
    let (whole, anew) = (filled_otherwise("2").await, filled_otherwise("200").await);
    let kept = receipts(whole.path()).await;
    assert_eq!(sentences(&with_witnesses(whole.path(), &kept)), [""; 0]);
    assert_eq!(
        sentences(&audited(&embedded(anew.path()))),
        [""; 0],
        "it agrees with itself"
    );
    // The last one is enough: it stands for all before.
    let report = with_witnesses(anew.path(), &kept[1..]);
    assert_eq!(codes(&report), BTreeSet::from(["WitnessDiffers"]));
    assert!(
        sentences(&report)[0].contains("receipt 2, batch 02020202"),
        "{report:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_was_cut_off_is_found_by_whoever_kept_a_later_receipt() {
    let (whole, cut) = (filled_otherwise("2").await, tempfile::tempdir().unwrap());
    let store = store::open(&embedded(cut.path())).unwrap();
    deliver(&store, &two_records("2"), 1).await;
    drop(store);
    let report = with_witnesses(cut.path(), &receipts(whole.path()).await);
    assert_eq!(sentences(&report).len(), 1, "{report:?}");
    assert!(
        sentences(&report)[0]
            .starts_with("receipt 2, batch 02020202-0202-0202-0202-020202020202: this receipt was made"),
        "{report:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn years_of_receipts_lost_with_a_restore_would_be_told_one_by_one_and_hide_what_else_differs() {
    let (whole, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (directory, batches) in [(&whole, 120), (&cut, 2)] {
        let store = store::open(&embedded(directory.path())).unwrap();
        for number in 1..=batches {
            let delivery = Delivery::new([record("/vm/a", number.into(), "1")]);
            deliver(&store, &delivery, number).await;
        }
    }
    let store = store::open(&embedded(whole.path())).unwrap();
    let mut kept = store.usage.receipts(stack(1), 0, 200).await.unwrap();
    drop(store);
    // Number 60 is not among them, so what was lost is told as what is before and what is after it.
    kept.remove(59);
    let report = with_witnesses(cut.path(), &kept);
    let checked = report
        .checks
        .iter()
        .find(|it| it.kind == store::CheckKind::Witnesses);
    assert_eq!(checked.unwrap().examined, 119);
    let told = sentences(&report);
    let [before, after] = &told[..] else {
        panic!("{told:?}")
    };
    assert!(
        before.starts_with("receipts 3–59 (57), batches 03030303-") && before.contains(" to 3b3b3b3b-"),
        "{before}"
    );
    assert!(after.starts_with("receipts 61–120 (60), batches "), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn books_of_one_backup_with_usage_of_a_later_one_would_be_called_sound_and_open_for_nobody() {
    let directory = filled_otherwise("2").await;
    let earlier = copy_of(directory.path());
    let store = store::open(&embedded(directory.path())).unwrap();
    let of_another = Delivery::new([of(2, 3, record("/disk/e", 0, "10"))]);
    deliver(&store, &of_another.of_stack(2), 3).await;
    drop(store);
    assert_eq!(sentences(&audited(&embedded(directory.path()))), [""; 0]);

    std::fs::copy(directory.path().join("usage.db"), earlier.path().join("usage.db")).unwrap();
    let report = audited(&embedded(earlier.path()));
    assert_eq!(codes(&report), BTreeSet::from(["BooksMissing"]));
    let told = sentences(&report);
    assert!(
        told.len() == 1 && told[0].starts_with(&format!("stack {}: ", stack(2))),
        "{told:?}"
    );

    // The entry that cannot be read may be the registration.
    execute(earlier.path(), "UPDATE entry SET recorded_at = 'once'");
    assert_eq!(
        codes(&audited(&embedded(earlier.path()))),
        BTreeSet::from(["Unreadable"])
    );
}

/// Turns the batches of a store into those of a version that kept no digests of them.
async fn grow_older(directory: &Path) {
    let mut statements = String::from("UPDATE quarantine SET raw_digest = NULL;");
    let mut before = [0; 32];
    for receipt in receipts(directory).await {
        let receipt = Receipt {
            kept: None,
            revised_not_counting: None,
            ..receipt
        };
        before = receipt.chained_after(&before);
        let (chain, sequence) = (blake3::Hash::from_bytes(before), receipt.sequence);
        statements += &format!(
            "UPDATE batch SET kept = NULL, kept_digest = NULL, revised_not_counting = NULL, chain = x'{chain}' WHERE sequence = {sequence};
             UPDATE stack SET chain = x'{chain}';"
        );
    }
    execute(directory, &statements);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_before_batches_had_digests_is_compared_by_counts_and_said_to_be() {
    let directory = filled_otherwise("2").await;
    grow_older(directory.path()).await;
    let report = audited(&embedded(directory.path()));
    assert_eq!(sentences(&report), [""; 0]);
    let not_covered: u64 = report.checks.iter().map(|check| check.not_covered).sum();
    assert_eq!(not_covered, 2);
    let untold = receipts(directory.path()).await;
    assert!(
        untold.iter().all(|it| it.revised_not_counting.is_none()),
        "{untold:?}"
    );
    // What comes later has digests again, on the same chain.
    let store = store::open(&embedded(directory.path())).unwrap();
    deliver(&store, &Delivery::new([record("/vm/a", 2, "1")]), 3).await;
    drop(store);
    assert_eq!(sentences(&audited(&embedded(directory.path()))), [""; 0]);

    let vanish = "DELETE FROM hour_sheet WHERE hour = 497305";
    execute(directory.path(), vanish);
    let told = sentences(&audited(&embedded(directory.path())));
    let missing = "batch 02020202-0202-0202-0202-020202020202, received 2026-09-21T14:13:20.123456789Z: other records are \
                   stored of this batch than its receipt says: expected 1 to 1, found 0";
    assert!(told.iter().any(|it| it.contains(missing)), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_that_counted_would_be_said_not_to_have_by_whoever_chained_receipts_anew() {
    let directory = tempfile::tempdir().unwrap();
    let store = store::open(&embedded(directory.path())).unwrap();
    deliver(&store, &Delivery::new([record("/vm/a", 0, "5")]), 1).await;
    // In the same window the larger counts; in a later one whatever it is. Of three at once one was new.
    deliver(&store, &Delivery::new([record("/vm/a", 0, "3")]), 2).await;
    deliver(&store, &Delivery::new([record("/vm/a", 0, "4")]).reported(101), 3).await;
    let at_once = ["1", "3", "2"].map(|quantity| record("/vm/b", 0, quantity));
    deliver(&store, &Delivery::new(at_once), 4).await;
    // What counted once is dated back later: that changes no receipt.
    deliver(&store, &Delivery::new([record("/vm/a", 0, "4")]).reported(99), 5).await;
    drop(store);
    let told = |receipts: &[Receipt]| -> Vec<Option<u32>> {
        receipts.iter().map(|it| it.revised_not_counting).collect()
    };
    let before = receipts(directory.path()).await;
    assert_eq!(told(&before), [Some(0), Some(1), Some(0), Some(1), Some(0)]);
    assert_eq!(sentences(&audited(&embedded(directory.path()))), [""; 0]);

    let otherwise = [Some(0), Some(0), Some(1), Some(3), None];
    let mut chain = [0; 32];
    for (receipt, revised_not_counting) in before.into_iter().zip(otherwise) {
        let receipt = Receipt {
            revised_not_counting,
            ..receipt
        };
        chain = receipt.chained_after(&chain);
        let hex = blake3::Hash::from_bytes(chain);
        let told = revised_not_counting.map_or("NULL".to_owned(), |it| it.to_string());
        let sequence = receipt.sequence;
        execute(
            directory.path(),
            &format!(
                "UPDATE batch SET revised_not_counting = {told}, chain = x'{hex}' WHERE sequence = {sequence};
                 UPDATE stack SET chain = x'{hex}'"
            ),
        );
    }
    let told = sentences(&audited(&embedded(directory.path())));
    let expected = [
        "expected 0, found 1",
        "expected 1, found 0",
        "expected 3, found 1 to 2",
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (number, (told, expected)) in (2..).zip(told.iter().zip(expected)) {
        let receipt = format!("receipt {number}, ");
        assert!(told.contains(&receipt) && told.ends_with(expected), "{told}");
        assert!(
            told.contains("another number of revisions did not count"),
            "{told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_findings_of_a_kind_are_told_and_the_others_counted() {
    let directory = tempfile::tempdir().unwrap();
    let store = store::open(&embedded(directory.path())).unwrap();
    let records = (0..130).map(|number| record(&format!("/vm/{number}"), 0, "1"));
    deliver(&store, &Delivery::new(records), 1).await;
    drop(store);
    execute(
        directory.path(),
        "UPDATE series SET resource_uri = resource_uri || 'x'",
    );
    let report = audited(&embedded(directory.path()));
    let series = report
        .checks
        .iter()
        .find(|it| it.kind == store::CheckKind::Series)
        .unwrap();
    assert_eq!((series.found, series.findings.len()), (130, store::FINDINGS_MAX));
}
