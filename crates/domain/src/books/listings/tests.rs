use proptest::prelude::*;

use super::*;
use crate::books::BundleEntry;
use crate::books::tests::{STACK, enter, registered, sold};
use crate::ids::{ObjectId, TenantId};
use crate::timeline::Recorded;

const HOURS: i32 = 30;

/// A listing that was carried: when it was made, and the tenants of those of the local subscriptions that it lists.
type Made = (i64, [Option<u8>; 3]);

fn moment(minutes: i64) -> Timestamp {
    let begin: Timestamp = "2026-10-01T00:00:00Z".parse().unwrap();
    begin + jiff::SignedDuration::from_mins(minutes)
}

fn local(number: usize) -> LocalSubscriptionId {
    LocalSubscriptionId::from_bytes([u8::try_from(number).unwrap(); 16])
}

fn of_tenant(tenant: u8) -> LocalSubscription {
    LocalSubscription {
        tenant: TenantId::from_bytes([tenant; 16]),
        name: "web".to_owned(),
        owner: String::new(),
        state: "Enabled".to_owned(),
    }
}

fn digest_of(tenants: &[Option<u8>; 3]) -> Digest {
    let digits = tenants.iter().map(|tenant| tenant.unwrap_or(3));
    Digest::from_bytes([digits.fold(0, |number, digit| number * 4 + digit); 32])
}

/// What the books make of a listing, which was carried or comes from the stack just then. Nothing is entered yet.
fn listed(books: &Books, carried: bool, (minutes, tenants): &Made) -> Listed {
    let listed = tenants.iter().enumerate();
    let listed: Vec<_> = listed
        .filter_map(|(number, tenant)| Some((local(number), of_tenant((*tenant)?))))
        .collect();
    books.list_directory(&Listing {
        stack: STACK,
        made_at: moment(*minutes),
        carried: carried.then(|| digest_of(tenants)),
        local_subscriptions: &listed,
        speaks_from: Hour::MIN,
    })
}

fn list(books: &mut Books, made: &Made) -> Listed {
    let outcome = listed(books, true, made);
    for entry in &outcome.entries {
        enter(books, entry).unwrap();
    }
    outcome
}

/// Whose each local subscription is in each hour.
fn whose(listings: &[Made]) -> Vec<Vec<Option<TenantId>>> {
    let mut books = Books::default();
    for made in listings {
        list(&mut books, made);
    }
    whose_in(&books)
}

fn whose_in(books: &Books) -> Vec<Vec<Option<TenantId>>> {
    let in_hour = |number, hour| {
        let timeline = books.stack(STACK)?.directory.get(&local(number))?;
        Some(timeline.at(hour)?.value.tenant)
    };
    let hour = |after: i32| Hour::containing(moment(0)).plus(after);
    (0..3)
        .map(|number| (-2..HOURS).map(|after| in_hour(number, hour(after))).collect())
        .collect()
}

#[test]
fn a_listing_that_comes_late_does_not_take_back_what_a_newer_one_said() {
    let (old, between, new) = (
        (60, [Some(1), None, None]),
        (600, [Some(2), None, None]),
        (1200, [Some(1), None, None]),
    );
    let expected = whose(&[old, between, new]);
    assert_eq!(expected[0][2 + 10], Some(TenantId::from_bytes([2; 16])));
    assert_eq!(expected[0][2 + 20], Some(TenantId::from_bytes([1; 16])));
    // What the newest one says was known already when it came: it is a listing all the same.
    assert_eq!(whose(&[old, new, between]), expected);
    assert_eq!(whose(&[new, between, old]), expected);
}

#[test]
fn who_moved_within_the_hour_in_which_a_bundle_was_made_would_pay_by_when_it_is_imported() {
    let (before, moved) = ((600, [Some(1), None, None]), (640, [Some(2), None, None]));
    let expected = whose(&[before, moved]);
    assert_eq!(
        expected[0][2 + 10],
        Some(TenantId::from_bytes([2; 16])),
        "all of the hour"
    );
    assert_eq!(whose(&[moved, before]), expected);
    // Two of one moment that contradict each other, and one of them again.
    let (one, other) = ((600, [Some(1), None, None]), (600, [Some(2), None, None]));
    let expected = whose(&[one, other]);
    assert_eq!(whose(&[other, one]), expected);
    assert_eq!(whose(&[other, one, other, one]), expected);
}

#[test]
fn a_listing_that_is_taken_in_twice_enters_nothing_the_second_time() {
    let mut books = Books::default();
    let made = (60, [Some(1), Some(2), None]);
    let first = list(&mut books, &made);
    assert_eq!((first.added, first.changed, first.entries.len()), (2, 0, 3));
    assert_eq!(list(&mut books, &made), Listed::default());
    let digest = digest_of(&made.1);
    assert!(books.knows_listing(STACK, moment(60), digest));
    assert!(!books.knows_listing(STACK, moment(60), Digest::from_bytes([99; 32])));
    assert!(!books.knows_listing(STACK, moment(61), digest));
}

#[test]
fn a_listing_never_speaks_of_hours_in_which_others_had_the_stack() {
    let mut books = Books::default();
    list(&mut books, &(60, [Some(1), None, None]));
    let theirs = Hour::containing(moment(600));
    let listed = [(local(0), of_tenant(2)), (local(1), of_tenant(2))];
    let outcome = books.list_directory(&Listing {
        stack: STACK,
        made_at: moment(300),
        carried: None,
        local_subscriptions: &listed,
        speaks_from: theirs,
    });
    let valid = outcome.entries.iter().map(|entry| match entry {
        Entry::LocalSubscriptionListed { valid, .. } => *valid,
        other => panic!("{other:?}"),
    });
    assert_eq!(valid.collect::<Vec<_>>(), [HourInterval::from(theirs); 2]);
}

#[test]
fn a_configuration_that_is_tried_out_would_have_left_an_entry_each_time_in_books_that_keep_everything() {
    let mut books = with_bundle_key();
    let listed = |books: &Books, locals: &[(LocalSubscriptionId, LocalSubscription)]| {
        books.list_directory(&Listing {
            stack: STACK,
            made_at: moment(600),
            carried: None,
            local_subscriptions: locals,
            speaks_from: Hour::MIN,
        })
    };
    assert_eq!(listed(&books, &[]), Listed::default());
    // One that lists somebody is kept, also where it changes nothing.
    let somebody = [(local(0), of_tenant(1))];
    for entry in listed(&books, &somebody).entries {
        enter(&mut books, &entry).unwrap();
    }
    assert_eq!(listed(&books, &somebody).entries.len(), 1);
    assert_eq!(listed(&books, &[]), Listed::default());
}

/// Listings, some of them of one hour or of one moment.
fn listings() -> impl Strategy<Value = Vec<Made>> {
    let tenants = prop::array::uniform3(prop::option::of(0u8..3));
    let minutes = prop_oneof![0..i64::from(HOURS) * 60, 600..605i64, 655..665i64];
    prop::collection::vec((minutes, tenants), 1..8)
}

/// The books of a stack whose listings may come late.
fn with_bundle_key() -> Books {
    let mut books = sold();
    let begin = "2026-10-01T00:00:00Z";
    enter(&mut books, &registered(1, "AzureStack-one", begin)).unwrap();
    let registration = books.registration_of_stack(STACK).unwrap().id;
    let key = BundleEntry::KeyRegistered {
        registration,
        key: [1; 32],
    };
    enter(&mut books, &key.into()).unwrap();
    books
}

/// A listing that comes at a moment: from the stack just then, or in a file that was made a while before.
fn come(books: &mut Books, came: i64, carried: bool, made: &Made) {
    for entry in &listed(books, carried, made).entries {
        let recorded = Recorded {
            entry: books.entries() + 1,
            at: moment(came),
            by: ObjectId::from_bytes([0; 16]),
        };
        books.apply(entry, recorded).unwrap();
    }
}

/// Whose each local subscription is in each hour, by the rule alone: as the last listing says that was made by the end of the
/// hour, or else the first; and of one moment, the one that says the most.
fn by_the_rule(listings: &[Made]) -> Vec<Vec<Option<TenantId>>> {
    let first_hour = Hour::containing(moment(0));
    let in_hour = |number: usize, after: i32| {
        let said = listings
            .iter()
            .filter_map(|(minutes, tenants)| Some((*minutes, tenants[number]?)));
        let by_then = said
            .clone()
            .filter(|(minutes, _)| Hour::containing(moment(*minutes)) <= first_hour.plus(after));
        let first = said.clone().map(|(minutes, _)| minutes).min();
        let of_first = said.filter(|(minutes, _)| Some(*minutes) == first);
        let holds = by_then.max().or_else(|| of_first.max());
        holds.map(|(_, tenant)| TenantId::from_bytes([tenant; 16]))
    };
    (0..3)
        .map(|number| (-2..HOURS).map(|after| in_hour(number, after)).collect())
        .collect()
}

proptest! {
    #[test]
    fn who_pays_does_not_depend_on_when_or_in_which_order_listings_come(
        (in_order, shuffled) in listings().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
        again in any::<prop::sample::Index>(),
    ) {
        let expected = by_the_rule(&in_order);
        prop_assert_eq!(whose(&in_order), &*expected);
        let once_more = shuffled[again.index(shuffled.len())];
        let shuffled: Vec<Made> = shuffled.into_iter().chain([once_more]).collect();
        prop_assert_eq!(whose(&shuffled), expected);
    }

    #[test]
    fn a_bundle_that_travels_changes_nothing_of_what_the_stack_says_meanwhile(
        listings in listings(),
        travels in prop::collection::vec((any::<bool>(), 0..4000i64), 8),
    ) {
        let arrive = |late: bool| {
            let listed = listings.iter().zip(&travels);
            let mut arrivals: Vec<_> = listed
                .map(|(made, (carried, travel))| (if *carried && late { made.0 + travel } else { made.0 }, *carried, *made))
                .collect();
            arrivals.sort_by_key(|(came, ..)| *came);
            let mut books = with_bundle_key();
            for (came, carried, made) in arrivals {
                come(&mut books, came, carried, &made);
            }
            whose_in(&books)
        };
        prop_assert_eq!(arrive(true), arrive(false));
    }
}
