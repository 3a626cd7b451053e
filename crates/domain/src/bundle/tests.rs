use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn hour(after: i32) -> Hour {
    Hour::from_epoch_hours(500_000 + after).unwrap()
}

fn digest(number: u32) -> Digest {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Digest::from_bytes(bytes)
}

fn bundle(sequence: u32, previous: u32, window: (i32, i32)) -> Bundle {
    Bundle {
        sequence: NonZeroU32::new(sequence).unwrap(),
        digest: digest(sequence),
        previous: (previous > 0).then(|| digest(previous)),
        window: HourInterval::new(hour(window.0), hour(window.1)).unwrap(),
    }
}

#[test]
fn a_bundle_follows_the_last_one_or_is_refused_with_what_is_wanted() {
    let taken = [bundle(1, 0, (0, 10)), bundle(2, 1, (10, 20))];
    let another = |sequence, previous, window, number| Bundle {
        digest: digest(number),
        ..bundle(sequence, previous, window)
    };
    for (what, bundle, expected) in [
        ("the next", bundle(3, 2, (20, 30)), Ok(Place::Next)),
        ("the last again", taken[1], Ok(Place::Taken)),
        ("an earlier one again", taken[0], Ok(Place::Taken)),
        (
            "one left out",
            bundle(4, 3, (30, 40)),
            Err("bundle 3 has not arrived"),
        ),
        (
            "two left out",
            bundle(5, 4, (40, 50)),
            Err("bundles 3 to 4 have not arrived"),
        ),
        (
            "another second",
            another(2, 1, (10, 20), 9),
            Err("was taken in already"),
        ),
        (
            "after another second",
            bundle(3, 9, (20, 30)),
            Err("not the last one that was taken in"),
        ),
        (
            "after none",
            bundle(3, 0, (20, 30)),
            Err("not the last one that was taken in"),
        ),
        (
            "hours left out",
            bundle(3, 2, (21, 30)),
            Err("Export again, from 2027-01-16T04:00:00Z on"),
        ),
        (
            "hours twice",
            bundle(3, 2, (19, 30)),
            Err("would be lost or read twice"),
        ),
    ] {
        match (place(&taken, &bundle), expected) {
            (Ok(place), expected) => assert_eq!(Ok(place), expected, "{what}"),
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{what}: {error}"),
            (Err(error), Ok(_)) => panic!("{what}: {error}"),
        }
    }
    let none: [Bundle; 0] = [];
    assert_eq!(place(&none, &bundle(1, 0, (5, 6))), Ok(Place::Next));
    assert_eq!(place(&none, &bundle(1, 9, (5, 6))), Err(OutOfOrder::FirstFollows));
    assert!(matches!(
        place(&none, &bundle(2, 1, (5, 6))),
        Err(OutOfOrder::Missing { first: 1, .. })
    ));
}

#[test]
fn a_digest_reads_back_as_it_was_written_and_nothing_else_is_one() {
    let it = Digest::from_bytes([0xa7; 32]);
    assert_eq!(it.to_string().parse(), Ok(it));
    let text = it.to_string();
    for wrong in [
        "",
        "a7",
        &text[1..],
        &text.to_uppercase(),
        &text.replace('7', "+"),
    ] {
        assert_eq!(wrong.parse::<Digest>(), Err(InvalidDigest), "{wrong}");
    }
}

#[test]
fn a_late_receipt_of_a_bundle_that_was_given_up_puts_the_chain_back_behind_it() {
    let mut chain = Chain::default();
    chain.add(bundle(1, 0, (0, 10)));
    chain.give_up();
    chain.add(Bundle {
        digest: digest(77),
        ..bundle(1, 0, (0, 12))
    });
    assert_eq!(chain.next().start, Some(hour(12)));
    assert!(!chain.arrived(bundle(1, 0, (0, 10))));
    let next = chain.next();
    assert_eq!(
        (next.sequence.get(), next.previous, next.start),
        (2, Some(digest(1)), Some(hour(10)))
    );
    assert_eq!(states(&chain), [State::Arrived, State::GivenUp]);
}

#[test]
fn a_side_that_lost_its_memory_goes_on_behind_the_receipt_of_a_bundle_that_it_does_not_know() {
    let mut chain = Chain::default();
    // It had begun again, which the platform refuses.
    chain.add(bundle(1, 0, (0, 40)));
    assert!(chain.arrived(bundle(3, 0, (20, 30))));
    let next = chain.next();
    assert_eq!(
        (next.sequence.get(), next.previous, next.start, chain.begins()),
        (4, Some(digest(3)), Some(hour(30)), None)
    );
    assert_eq!(states(&chain), [State::GivenUp, State::Arrived]);
    // The receipt of an earlier one, too, changes nothing of what is made behind it.
    chain.add(bundle(4, 3, (30, 40)));
    assert!(chain.arrived(bundle(2, 0, (10, 20))));
    assert_eq!(
        states(&chain),
        [State::GivenUp, State::Arrived, State::Outstanding, State::Arrived]
    );
    assert_eq!(chain.next().sequence.get(), 5);
    assert!(!chain.arrived(bundle(3, 0, (20, 30))));
}

#[test]
fn what_was_made_after_an_old_backup_was_brought_back_is_given_up_for_what_has_arrived() {
    let mut chain = Chain::default();
    chain.add(bundle(1, 0, (0, 10)));
    chain.arrived(bundle(1, 0, (0, 10)));
    for (sequence, number, previous) in [(2, 72, 1), (3, 73, 72)] {
        let window = (10 * (sequence - 1), 10 * sequence);
        chain.add(Bundle {
            digest: digest(number),
            ..bundle(u32::try_from(sequence).unwrap(), previous, window)
        });
    }
    assert!(chain.arrived(bundle(2, 0, (10, 15))));
    assert_eq!(chain.next().previous, Some(digest(2)));
    assert_eq!(chain.begins(), Some(hour(0)));
    assert_eq!(
        states(&chain),
        [State::Arrived, State::GivenUp, State::GivenUp, State::Arrived]
    );
}

#[test]
fn a_first_bundle_that_leaves_hours_out_that_nobody_gave_up_is_refused_with_the_hour() {
    for (expected, is_good) in [(5, true), (6, true), (4, false)] {
        let begun = must_begin_by(hour(expected), &bundle(1, 0, (5, 6)));
        assert_eq!(begun.is_ok(), is_good, "{expected}: {begun:?}");
    }
    let refused = must_begin_by(hour(4), &bundle(1, 0, (5, 6))).unwrap_err();
    assert_eq!(refused.code(), "BundleNotJoined");
    assert!(
        refused.to_string().contains(&format!("--from {}", hour(4))),
        "{refused}"
    );
    assert_eq!(must_begin_by(hour(4), &bundle(2, 1, (5, 6))), Ok(()));
}

#[test]
fn a_platform_that_was_restored_to_before_a_bundle_with_a_receipt_is_not_refused_all_that_follows_for_ever() {
    let mut chain = three_made();
    chain.arrived(bundle(2, 1, (10, 20)));
    // The platform knows of the first one only, and names it.
    let refused = place(&[bundle(1, 0, (0, 10))], &bundle(3, 2, (20, 30))).unwrap_err();
    assert!(refused.to_string().contains("--restart --after 1"), "{refused}");
    assert_eq!(
        chain.clone().give_up_after(7),
        None,
        "nobody knows where that ended"
    );
    assert_eq!(chain.give_up_after(1), Some(vec![bundle(2, 1, (10, 20))]));
    let next = chain.next();
    assert_eq!(
        (next.sequence.get(), next.previous, next.start),
        (2, Some(digest(1)), Some(hour(10)))
    );
    let anew = Bundle {
        digest: digest(72),
        ..bundle(2, 1, (10, 30))
    };
    chain.add(anew);
    chain.arrived(anew);
    assert_eq!(
        states(&chain),
        [State::Arrived, State::GivenUp, State::GivenUp, State::Arrived]
    );
    // Restored to before the first one: everything begins again.
    assert_eq!(chain.give_up_after(0), Some(vec![bundle(1, 0, (0, 10)), anew]));
    assert_eq!((chain.next().sequence.get(), chain.next().start), (1, None));
}

/// Three bundles of ten hours each, all of them on their way.
fn three_made() -> Chain {
    let mut chain = Chain::default();
    for bundle in [
        bundle(1, 0, (0, 10)),
        bundle(2, 1, (10, 20)),
        bundle(3, 2, (20, 30)),
    ] {
        chain.add(bundle);
    }
    chain
}

fn states(chain: &Chain) -> Vec<State> {
    chain.made().iter().map(|it| it.state).collect()
}

#[test]
fn an_old_receipt_that_comes_late_gives_up_nothing_that_is_on_its_way() {
    let mut chain = three_made();
    chain.arrived(bundle(2, 1, (10, 20)));
    chain.arrived(bundle(1, 0, (0, 10)));
    assert_eq!(
        states(&chain),
        [State::Arrived, State::Arrived, State::Outstanding]
    );
}

/// What happens between a stack and the platform.
#[derive(Debug, Clone, Copy)]
enum Event {
    Export(i32),
    Restart,
    /// A bundle that is on its way arrives: which of them, and whether it stays on its way as a copy.
    Arrives(prop::sample::Index, bool),
    BundleLost(prop::sample::Index),
    ReceiptArrives(prop::sample::Index),
    ReceiptLost(prop::sample::Index),
    Backup,
    /// What the stack's side knows is lost, and what it knew at the last backup brought back.
    MemoryLost,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        3 => (1..50i32).prop_map(Event::Export),
        1 => Just(Event::Restart),
        4 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(which, copy)| Event::Arrives(which, copy)),
        1 => any::<prop::sample::Index>().prop_map(Event::BundleLost),
        3 => any::<prop::sample::Index>().prop_map(Event::ReceiptArrives),
        1 => any::<prop::sample::Index>().prop_map(Event::ReceiptLost),
        1 => Just(Event::Backup),
        1 => Just(Event::MemoryLost),
    ];
    prop::collection::vec(event, 0..80)
}

/// A stack, the platform, and what is between them.
#[derive(Default)]
struct World {
    chain: Chain,
    backup: Chain,
    taken: Vec<Bundle>,
    bundles: VecDeque<Bundle>,
    receipts: VecDeque<Bundle>,
    made: u32,
}

impl World {
    fn export(&mut self, hours: i32) -> Bundle {
        let NextBundle {
            sequence,
            previous,
            start,
        } = self.chain.next();
        let start = start.unwrap_or(hour(0));
        self.made += 1;
        let bundle = Bundle {
            sequence,
            digest: digest(self.made),
            previous,
            window: HourInterval::new(start, start.plus(hours)).unwrap(),
        };
        self.chain.add(bundle);
        bundle
    }

    fn import(&mut self, bundle: Bundle) -> bool {
        match place(&self.taken, &bundle) {
            Ok(Place::Next) => self.taken.push(bundle),
            Ok(Place::Taken) => {}
            Err(_) => return false,
        }
        // A receipt does not say what the bundle follows.
        self.receipts.push_back(Bundle {
            previous: None,
            ..bundle
        });
        true
    }

    fn happens(&mut self, event: Event) {
        let (bundles, receipts) = (self.bundles.len(), self.receipts.len());
        match event {
            Event::Export(hours) => {
                let bundle = self.export(hours);
                self.bundles.push_back(bundle);
            }
            Event::Restart => self.chain.give_up(),
            Event::Arrives(which, copy) if bundles > 0 => {
                let bundle = self.bundles.remove(which.index(bundles)).unwrap();
                self.import(bundle);
                if copy {
                    self.bundles.push_back(bundle);
                }
            }
            Event::BundleLost(which) if bundles > 0 => drop(self.bundles.remove(which.index(bundles))),
            Event::ReceiptArrives(which) if receipts > 0 => {
                let taken = self.receipts.remove(which.index(receipts)).unwrap();
                self.chain.arrived(taken);
            }
            Event::Backup => self.backup = self.chain.clone(),
            Event::MemoryLost => self.chain = self.backup.clone(),
            Event::ReceiptLost(which) if receipts > 0 => drop(self.receipts.remove(which.index(receipts))),
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_lost_swapped_or_copied_no_hour_is_left_out_and_the_chain_goes_on(events in events()) {
        let mut world = World::default();
        for event in events {
            world.happens(event);
            for (number, pair) in world.taken.windows(2).enumerate() {
                prop_assert_eq!(pair[1].window.start(), pair[0].window.end(), "after {}", number + 1);
                prop_assert_eq!(pair[1].previous, Some(pair[0].digest));
            }
            if let Some(first) = world.taken.first() {
                prop_assert_eq!(first.window.start(), hour(0));
            }
        }
        // The receipt of the last one that was taken in can always be had again, and then the next one follows it.
        world.chain.give_up();
        if let Some(last) = world.taken.last().copied() {
            world.chain.arrived(Bundle { previous: None, ..last });
        }
        let next = world.export(5);
        prop_assert_eq!(place(&world.taken, &next), Ok(Place::Next));
    }
}
