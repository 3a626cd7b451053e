//! Texts in quarantine of any length: what is kept of them, and that memory does not grow with them.

use domain::quarantine::RECORD_TEXT_BYTES_MAX;
use domain::usage::QuarantineCode;
use store::QuarantineFilter;

use crate::fixtures::*;
use crate::quarantine::{Releasing, new_act, positions, released_counts, unreadable, waiting};

pub(crate) async fn one_garbage_record_of_any_size_costs_no_more_than_its_beginning(backend: &dyn Backend) {
    let store = backend.open();
    let long = "ü".repeat(RECORD_TEXT_BYTES_MAX);
    let digest = *blake3::hash(long.as_bytes()).as_bytes();
    let just_fits = "b".repeat(RECORD_TEXT_BYTES_MAX);
    let delivered = unreadable(&[&long, &just_fits]).to(&store).await;
    assert_eq!(counts(&delivered), [0, 0, 0, 2]);
    let codes: Vec<_> = delivered.problems.iter().map(|it| it.code).collect();
    assert_eq!(codes, [QuarantineCode::InvalidQuantity; 2]);
    let all = waiting(&store).await;
    let [cut, whole] = &all[..] else {
        panic!("two wait")
    };
    assert_eq!(cut.raw, long[..RECORD_TEXT_BYTES_MAX]);
    assert_eq!(
        (cut.raw_bytes, cut.raw_digest),
        (Some(long.len() as u64), Some(digest))
    );
    assert!(
        cut.message.contains("release it with its whole text mended"),
        "{}",
        cut.message
    );
    assert_eq!((&whole.raw, whole.raw_bytes), (&just_fits, None));
    // It is the same record when it comes again: by all of its text, not by the beginning.
    let again = unreadable(&[&long]).to(&store).await;
    assert_eq!((counts(&again), again.still_quarantined), ([0, 1, 0, 0], 1));
    let another = format!("{long}!");
    assert_eq!(counts(&unreadable(&[&another]).to(&store).await), [0, 0, 0, 1]);
    assert_sound(&store).await;
    // Released by a text that is whole, it counts; purged, the digest of all of it stays.
    let mut mended = Releasing::new(&all[..1], |_| record("/vm/mended", 0, "1"));
    mended.mended = true;
    assert_eq!(released_counts(&mended.to(&store).await), [1, 0, 0]);
    let last = waiting(&store).await.pop().unwrap();
    store
        .usage
        .purge(new_act(), &[last.position], false)
        .await
        .unwrap();
    let purged = store
        .usage
        .quarantined_at(&[last.position])
        .await
        .unwrap()
        .records;
    let digest = *blake3::hash(another.as_bytes()).as_bytes();
    assert_eq!((purged[0].raw.as_str(), purged[0].raw_digest), ("", Some(digest)));
    assert_eq!(counts(&unreadable(&[&another]).to(&store).await), [0, 1, 0, 0]);
    assert_sound(&store).await;
}

pub(crate) async fn a_page_of_long_texts_would_take_the_memory_of_a_thousand_of_them(backend: &dyn Backend) {
    let store = backend.open();
    // More than are read at one time by their bytes, and far fewer than by their number.
    let texts: Vec<String> = (0..80).map(|it| format!("{it}{}", "x".repeat(250_000))).collect();
    unreadable(&texts.iter().map(String::as_str).collect::<Vec<_>>())
        .to(&store)
        .await;
    let page = store
        .usage
        .quarantine(&QuarantineFilter::default(), 0, 1000)
        .await
        .unwrap();
    assert!(page.more && page.records.len() < 80, "{}", page.records.len());
    let mut all = page.records;
    loop {
        let after = all[all.len() - 1].position;
        let next = store
            .usage
            .quarantine(&QuarantineFilter::default(), after, 1000)
            .await
            .unwrap();
        all.extend(next.records);
        if !next.more {
            break;
        }
    }
    let raw: Vec<&str> = all.iter().map(|it| it.raw.as_str()).collect();
    assert_eq!(raw, texts);
    let at = store.usage.quarantined_at(&positions(&all)).await.unwrap();
    assert!(at.more && !at.records.is_empty());
    assert_eq!(at.records, all[..at.records.len()]);
    assert_sound(&store).await;
}
