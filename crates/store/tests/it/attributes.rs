//! Location, tags and additional info: attributes of a series, with their history.

use domain::budget::Tag;
use domain::time::HourInterval;

use crate::fixtures::*;

/// The tags of the records of a resource, by hour.
async fn tags(store: &store::Store) -> Vec<(i32, String)> {
    let everything = slice(subscription(1, 1), HourInterval::ALWAYS);
    let records = store.usage.records(everything, None, 10_000).await.unwrap();
    records
        .iter()
        .map(|it| (it.start.epoch_hours() - EPOCH, it.attributes.tags.clone()))
        .collect()
}

fn expected(tags: &[(i32, &str)]) -> Vec<(i32, String)> {
    tags.iter()
        .map(|(hour, tags)| (*hour, (*tags).to_owned()))
        .collect()
}

pub(crate) async fn attributes_hold_from_the_record_that_brings_them(backend: &dyn Backend) {
    let store = backend.open();
    for (hour, tags) in [(0, "a"), (1, "a"), (2, "b"), (30, "b"), (31, "a")] {
        Delivery::new([tagged(tags, record("/vm/a", hour, "1"))])
            .to(&store)
            .await;
    }
    assert_eq!(
        tags(&store).await,
        expected(&[(0, "a"), (1, "a"), (2, "b"), (30, "b"), (31, "a")])
    );
}

pub(crate) async fn late_attributes_change_no_other_record(backend: &dyn Backend) {
    let mut store = backend.open();
    let said = [
        (60, "b"),
        (10, "a"),
        (50, "a"),
        (30, "c"),
        (31, "a"),
        (5, "a"),
        (29, "c"),
        (61, "c"),
        (0, "b"),
    ];
    for (number, (hour, tags)) in said.into_iter().enumerate() {
        if number % 2 == 0 {
            // A ledger that has just been opened remembers nothing of its series.
            drop(store);
            store = backend.open();
        }
        Delivery::new([tagged(tags, record("/vm/a", hour, "1"))])
            .to(&store)
            .await;
    }
    let mut sorted = said;
    sorted.sort_unstable();
    assert_eq!(tags(&store).await, expected(&sorted));
    assert_sound(&store).await;
}

pub(crate) async fn attributes_of_records_that_do_not_count_are_not_taken(backend: &dyn Backend) {
    let store = backend.open();
    let say = |tags, quantity, reported| {
        Delivery::new([
            tagged(tags, record("/vm/a", 0, quantity)),
            record("/vm/a", 1, "1"),
        ])
        .reported(reported)
    };
    for (tags_said, quantity, reported, kept) in [
        ("first", "1", 10, "first"),
        ("again", "1", 11, "first"),
        ("older", "2", 9, "first"),
        ("newer", "3", 12, "newer"),
    ] {
        say(tags_said, quantity, reported).to(&store).await;
        assert_eq!(tags(&store).await, expected(&[(0, kept), (1, "")]));
    }
}

pub(crate) async fn attributes_changing_while_others_deliver_are_exact(backend: &dyn Backend) {
    let store = backend.open();
    let of_hour = |hour: i32| format!("tags of {}", hour * 7 % 5);
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let (store, hour) = (store.clone(), number * 37 % 200);
            let delivery = Delivery::new([tagged(&of_hour(hour), record("/vm/a", hour, "1"))]);
            tokio::spawn(async move { delivery.to(&store).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(
        tags(&store).await,
        (0..200).map(|hour| (hour, of_hour(hour))).collect::<Vec<_>>()
    );
    assert_sound(&store).await;
}

pub(crate) async fn a_budget_of_a_tag_would_count_hours_in_which_a_resource_did_not_carry_it(
    backend: &dyn Backend,
) {
    let store = backend.open();
    let (prod, test) = (r#"{"env":"prod"}"#, r#"{"Env":"test"}"#);
    for (resource, hour, tags) in [
        ("/vm/a", 0, ""),
        ("/vm/a", 2, prod),
        ("/vm/a", 3, r#"{"ENV":"prod","cost":"7"}"#),
        ("/vm/a", 30, test),
        ("/vm/a", 31, prod),
        ("/vm/b", 1, test),
        ("/vm/c", 5, prod),
        // It comes last and is the first of its resource.
        ("/vm/b", 0, prod),
    ] {
        Delivery::new([tagged(tags, record(resource, hour, "1"))])
            .to(&store)
            .await;
    }
    let hours = |from: i32, to: i32| {
        let hour = |hour: i32| domain::time::Hour::from_epoch_hours(EPOCH + hour).unwrap();
        HourInterval::new(hour(from), hour(to)).unwrap()
    };
    let (whole, cut) = (hours(0, 40), hours(3, 31));
    let slices = [whole, cut].map(|interval| slice(subscription(1, 1), interval));
    let nobody = slice(subscription(1, 2), whole);
    let asked = [slices[0], slices[1], nobody];
    let tag = |value: &str| Tag {
        name: "env".to_owned(),
        value: value.to_owned(),
    };
    let found = async |value: &str| {
        let tags = [tag(value)];
        let found = store.usage.tagged_hours(&asked, &tags).await.unwrap();
        let shown = found
            .into_iter()
            .map(|it| (it.slice, it.resource_uri.to_string(), it.hours));
        shown.collect::<Vec<_>>()
    };
    let of = |slice: usize, resource: &str, hours| (slice, resource.to_owned(), hours);
    assert_eq!(
        found("prod").await,
        [
            of(0, "/vm/a", hours(2, 30)),
            of(0, "/vm/a", hours(31, 40)),
            of(0, "/vm/b", hours(0, 1)),
            of(0, "/vm/c", hours(5, 40)),
            of(1, "/vm/a", hours(3, 30)),
            of(1, "/vm/c", hours(5, 31)),
        ]
    );
    assert_eq!(
        found("test").await,
        [
            of(0, "/vm/a", hours(30, 31)),
            of(0, "/vm/b", hours(1, 40)),
            of(1, "/vm/a", hours(30, 31)),
            of(1, "/vm/b", hours(3, 31)),
        ]
    );
    assert_eq!(found("none").await, []);
    // Asked for together, each has what it has alone.
    let tags = ["test", "none", "prod"].map(tag);
    let together = store.usage.tagged_hours(&asked, &tags).await.unwrap();
    let of_tag = |place: usize| {
        let found = together.iter().filter(move |it| it.tag == place);
        let shown = found.map(|it| (it.slice, it.resource_uri.to_string(), it.hours));
        shown.collect::<Vec<_>>()
    };
    for (place, value) in ["test", "none", "prod"].into_iter().enumerate() {
        assert_eq!(of_tag(place), found(value).await, "{value}");
    }
}
