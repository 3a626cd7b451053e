//! Which hour is read next. Pure: what is known goes in, what is to be done comes out.

use std::time::Duration;

use domain::time::{Hour, Timestamp};
use jiff::SignedDuration;

use crate::patience::WAIT_MAX;
use crate::range::Backfill;

/// How many new hours are read in a row, while more of them are ready and old ones wait: a stack that is caught up with for
/// days does not keep what was lost, or asked for, waiting for as long. *(ours)*
const NEW_IN_A_ROW_MAX: u32 = 4;

/// Why an hour of reported time is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It is the first one that was not yet read: reading it completely says that the stack has reported through it.
    New,
    /// It was read, and something may have been added since.
    LookBack,
    /// The server lost what it had acknowledged of it.
    Lost,
    /// Somebody asked for it.
    Backfill,
}

/// An hour of reported time that is read as a whole, `[hour, hour + 1)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// The hour.
    pub(crate) hour: Hour,
    /// Why it is read.
    pub(crate) purpose: Purpose,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Read this window.
    Read(Window),
    /// There is nothing to read for as long.
    Wait(Duration),
}

/// Why an hour is read that is not new, in the order in which they begin to take turns.
const OLD: [Purpose; 3] = [Purpose::LookBack, Purpose::Lost, Purpose::Backfill];

/// What is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// The time here.
    pub(crate) now: Timestamp,
    /// The hour with which reading began.
    pub(crate) start: Hour,
    /// Everything before this hour was read.
    pub(crate) read_through: Hour,
    /// What is to be read again because the server lost it.
    pub(crate) lost: &'a [Backfill],
    /// What is to be read on command.
    pub(crate) backfills: &'a [Backfill],
    /// The stack said that its newest hour is not ready: it is not asked for before this moment.
    pub(crate) not_before: Option<Timestamp>,
}

/// How one stack is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    /// How long an hour has to be over before it is read: clocks differ, and reports take their time.
    pub(crate) margin: Duration,
    /// How many hours are read again each time a new one was read.
    pub(crate) lookback: i32,
    /// Which hours of these were read again since then.
    looked_back: Option<LookedBack>,
    /// Whose turn it is, where an old hour can be read for several reasons.
    turns: [Turn; OLD.len()],
    /// How many new hours were read since an old one was, or was tried.
    new_in_a_row: u32,
}

/// A reason to read old hours, in the line of those that wait for their turn.
#[derive(Debug, Clone, Copy)]
struct Turn {
    purpose: Purpose,
    /// How often in a row it did not work.
    failures: u32,
    /// It did not work, and is left alone until then.
    not_before: Option<Timestamp>,
}

impl Turn {
    const fn of(purpose: Purpose) -> Self {
        Self {
            purpose,
            failures: 0,
            not_before: None,
        }
    }
}

/// A look back at the hours before one.
#[derive(Debug, Clone, Copy)]
struct LookedBack {
    from: Hour,
    next: Hour,
}

impl Schedule {
    pub(crate) fn new(margin: Duration, lookback: i32) -> Self {
        Self {
            margin,
            lookback,
            looked_back: None,
            turns: OLD.map(Turn::of),
            new_in_a_row: 0,
        }
    }

    /// What to do now: new hours before old ones, but for one old one after [`NEW_IN_A_ROW_MAX`] new ones. What is looked back at, what was lost and what was asked for take turns:
    /// neither a long loss nor a long range keeps late usage from being found while it is looked for, and the other way
    /// round.
    pub(crate) fn next(&self, known: &Known<'_>) -> Next {
        let mut wakes_at = self.ready_at(known);
        if wakes_at <= known.now {
            let new = Window {
                hour: known.read_through,
                purpose: Purpose::New,
            };
            return Next::Read(self.old_between_new(known).unwrap_or(new));
        }
        for turn in &self.turns {
            let purpose = turn.purpose;
            let Some(hour) = self.next_of(purpose, known) else {
                continue;
            };
            match still_ahead(turn.not_before, known.now) {
                None => return Next::Read(Window { hour, purpose }),
                Some(not_before) => wakes_at = wakes_at.min(not_before),
            }
        }
        let wait = wakes_at.duration_since(known.now);
        Next::Wait(wait.try_into().unwrap_or(Duration::ZERO))
    }

    /// The old hour whose turn it is although a new one is ready. Looking back waits: an hour that is read late had its late
    /// usage when it was read, and the last ones are looked at again when there is nothing new.
    fn old_between_new(&self, known: &Known<'_>) -> Option<Window> {
        if self.new_in_a_row < NEW_IN_A_ROW_MAX {
            return None;
        }
        let turn = self.turns.iter().find(|it| {
            it.purpose != Purpose::LookBack
                && still_ahead(it.not_before, known.now).is_none()
                && self.next_of(it.purpose, known).is_some()
        })?;
        let hour = self.next_of(turn.purpose, known)?;
        Some(Window {
            hour,
            purpose: turn.purpose,
        })
    }

    /// Takes note that a window was read, or left out for good.
    pub(crate) fn was_read(&mut self, window: Window, read_through: Hour) {
        self.new_in_a_row = match window.purpose {
            Purpose::New => self.new_in_a_row.saturating_add(1),
            Purpose::LookBack | Purpose::Lost | Purpose::Backfill => 0,
        };
        if window.purpose == Purpose::LookBack {
            self.looked_back = Some(LookedBack {
                from: read_through,
                next: window.hour.plus(1),
            });
        }
        self.put_behind(Turn::of(window.purpose));
    }

    /// Takes note that an old window did not work: for this reason nothing is read until then, for others it is.
    pub(crate) fn did_not_work(&mut self, window: Window, not_before: Option<Timestamp>) {
        self.new_in_a_row = 0;
        self.put_behind(Turn {
            purpose: window.purpose,
            failures: self.failures_of(window.purpose) + 1,
            not_before,
        });
    }

    /// How often in a row it did not work to read an hour for this reason.
    pub(crate) fn failures_of(&self, purpose: Purpose) -> u32 {
        let turn = self.turns.iter().find(|it| it.purpose == purpose);
        turn.map_or(0, |it| it.failures)
    }

    /// Whether something did not work last time.
    pub(crate) fn is_in_trouble(&self) -> bool {
        self.turns.iter().any(|it| it.failures > 0)
    }

    /// Where nothing is to be read any more, nothing is in the way.
    pub(crate) fn forget_what_is_over(&mut self, known: &Known<'_>) {
        let mut turns = self.turns;
        for turn in &mut turns {
            if self.next_of(turn.purpose, known).is_none() {
                *turn = Turn::of(turn.purpose);
            }
        }
        self.turns = turns;
    }

    /// Whose turn it was is behind the others; looking back is behind the next one only, since late usage is looked for while
    /// there is time. New hours wait for one old one at a time.
    fn put_behind(&mut self, turn: Turn) {
        let Some(place) = self.turns.iter().position(|it| it.purpose == turn.purpose) else {
            return;
        };
        let end = match turn.purpose {
            Purpose::LookBack => self.turns.len().min(place + 2),
            Purpose::New | Purpose::Lost | Purpose::Backfill => self.turns.len(),
        };
        if let Some(line) = self.turns.get_mut(place..end) {
            line.rotate_left(1);
            if let Some(last) = line.last_mut() {
                *last = turn;
            }
        }
    }

    /// The first hour that there is to be read for this reason.
    fn next_of(&self, purpose: Purpose, known: &Known<'_>) -> Option<Hour> {
        match purpose {
            Purpose::New => Some(known.read_through),
            Purpose::LookBack => self.next_look_back(known),
            Purpose::Lost => Some(known.lost.first()?.next),
            Purpose::Backfill => Some(known.backfills.first()?.next),
        }
    }

    /// The first hour that is still looked back at.
    pub(crate) fn oldest_looked_at(&self, start: Hour, read_through: Hour) -> Hour {
        // The newest of them has only just been read: it is looked at again with the next one.
        start.max(read_through.plus(-1 - self.lookback))
    }

    fn next_look_back(&self, known: &Known<'_>) -> Option<Hour> {
        let end = known.read_through.plus(-1);
        let next = match self.looked_back {
            Some(LookedBack { from, next }) if from == known.read_through => next,
            _ => self.oldest_looked_at(known.start, known.read_through),
        };
        (known.start <= next && next < end).then_some(next)
    }

    fn ready_at(&self, known: &Known<'_>) -> Timestamp {
        let margin = SignedDuration::try_from(self.margin).unwrap_or(SignedDuration::ZERO);
        let over = known.read_through.plus(1).start();
        let ready = over.saturating_add(margin).unwrap_or(over);
        let not_before = still_ahead(known.not_before, known.now);
        not_before.map_or(ready, |not_before| not_before.max(ready))
    }
}

/// A moment that somebody waits for, unless it is over. One that lies further ahead than anybody waits was said by a clock
/// that was set back since.
fn still_ahead(moment: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let wait_max = SignedDuration::try_from(WAIT_MAX).unwrap_or(SignedDuration::MAX);
    moment.filter(|it| *it > now && it.duration_since(now) <= wait_max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range::read_on;
    use domain::time::HourInterval;
    use proptest::prelude::*;

    const START: i32 = 500_000;

    fn hour(after_start: i32) -> Hour {
        Hour::from_epoch_hours(START + after_start).unwrap()
    }

    /// What a reader does that is never refused, until this much time has passed.
    fn read_all(
        schedule: &mut Schedule,
        backfills: Vec<Backfill>,
        wakes: &[i64],
    ) -> (Vec<(Timestamp, Window)>, Hour) {
        let (mut read_through, mut backfills, mut read) = (hour(0), backfills, Vec::new());
        let mut now = hour(0).start();
        for seconds in wakes {
            now = now.saturating_add(SignedDuration::from_secs(*seconds)).unwrap();
            loop {
                let known = Known {
                    now,
                    start: hour(0),
                    read_through,
                    lost: &[],
                    backfills: &backfills,
                    not_before: None,
                };
                let Next::Read(window) = schedule.next(&known) else {
                    break;
                };
                read.push((now, window));
                match window.purpose {
                    Purpose::New => read_through = window.hour.plus(1),
                    Purpose::LookBack | Purpose::Lost => {}
                    Purpose::Backfill => {
                        read_on(&mut backfills, window.hour);
                    }
                }
                schedule.was_read(window, read_through);
                assert!(read.len() < 100_000, "the reader never rests");
            }
        }
        (read, read_through)
    }

    proptest! {
        #[test]
        fn every_hour_is_read_once_as_new_in_order_and_never_before_it_is_over(
            wakes in prop::collection::vec(1i64..20_000, 1..60), margin in 0u64..7200, lookback in 0i32..30,
        ) {
            let mut schedule = Schedule::new(Duration::from_secs(margin), lookback);
            let (read, through) = read_all(&mut schedule, Vec::new(), &wakes);
            let new: Vec<_> = read.iter().filter(|(_, it)| it.purpose == Purpose::New).collect();
            for (index, (at, window)) in new.iter().enumerate() {
                prop_assert_eq!(window.hour, hour(i32::try_from(index).unwrap()));
                let over = window.hour.plus(1).start().as_second() + i64::try_from(margin).unwrap();
                prop_assert!(at.as_second() >= over);
            }
            let end: i64 = hour(0).start().as_second() + wakes.iter().sum::<i64>() - i64::try_from(margin).unwrap();
            prop_assert!(through.plus(1).start().as_second() > end, "an hour that was ready was not read");
        }

        #[test]
        fn what_is_looked_back_at_was_read_before_and_is_read_once_for_each_new_hour(
            wakes in prop::collection::vec(1i64..20_000, 1..60), lookback in 0i32..30,
        ) {
            let mut schedule = Schedule::new(Duration::ZERO, lookback);
            let (read, _) = read_all(&mut schedule, Vec::new(), &wakes);
            let (mut through, mut of_this_hour) = (hour(0), Vec::new());
            for (_, window) in read {
                match window.purpose {
                    Purpose::New => {
                        through = window.hour.plus(1);
                        of_this_hour.clear();
                    }
                    Purpose::LookBack => {
                        prop_assert!(window.hour < through && window.hour >= through.plus(-1 - lookback));
                        prop_assert!(!of_this_hour.contains(&window.hour));
                        of_this_hour.push(window.hour);
                    }
                    Purpose::Lost | Purpose::Backfill => prop_assert!(false),
                }
            }
        }

        #[test]
        fn a_range_that_was_asked_for_is_read_whole_and_never_before_what_is_new(
            wakes in prop::collection::vec(1i64..20_000, 2..40), from in -200i32..0, hours in 1i32..100,
        ) {
            let range = HourInterval::new(hour(from), hour(from + hours)).unwrap();
            let mut schedule = Schedule::new(Duration::ZERO, 3);
            let (read, _) = read_all(&mut schedule, vec![Backfill::whole(range)], &wakes);
            let asked: Vec<Hour> = read
                .iter()
                .filter(|(_, it)| it.purpose == Purpose::Backfill)
                .map(|(_, it)| it.hour)
                .collect();
            let expected: Vec<Hour> = (0..hours).map(|it| range.start().plus(it)).collect();
            prop_assert_eq!(asked, expected);
        }
    }

    fn range(from: i32, to: i32) -> Vec<Backfill> {
        let range = HourInterval::new(hour(from), hour(to));
        range.into_iter().map(Backfill::whole).collect()
    }

    #[test]
    fn a_long_loss_would_have_kept_late_usage_from_being_found_until_nobody_looked_for_it_any_more() {
        const LOOKBACK: i32 = 6;
        // Each hour takes so long to be read, in minutes, that neither what was lost nor a range is read in a day.
        for minutes in [2, 5, 12, 14, 19] {
            let mut schedule = Schedule::new(Duration::ZERO, LOOKBACK);
            let (mut lost, mut backfills) = (range(-3000, 0), range(-6000, -3000));
            let (mut read_through, mut now) = (hour(0), hour(1).start());
            let mut last_looks = Vec::new();
            while read_through < hour(40) {
                let known = Known {
                    now,
                    start: hour(-8000),
                    read_through,
                    lost: &lost,
                    backfills: &backfills,
                    not_before: None,
                };
                let Next::Read(window) = schedule.next(&known) else {
                    panic!("there is always something to be read");
                };
                match window.purpose {
                    Purpose::New => read_through = window.hour.plus(1),
                    Purpose::LookBack if window.hour == read_through.plus(-1 - LOOKBACK) => {
                        last_looks.push(window.hour);
                    }
                    Purpose::LookBack => {}
                    Purpose::Lost => assert!(read_on(&mut lost, window.hour)),
                    Purpose::Backfill => assert!(read_on(&mut backfills, window.hour)),
                }
                schedule.was_read(window, read_through);
                now = now.saturating_add(SignedDuration::from_mins(minutes)).unwrap();
            }
            let expected: Vec<Hour> = (-6..33).map(hour).collect();
            assert_eq!(
                last_looks[..39],
                expected,
                "an hour was not looked at before it was too late"
            );
            let hours =
                |ranges: &[Backfill]| ranges[0].next.epoch_hours() - ranges[0].range.start().epoch_hours();
            assert!(hours(&lost) >= 15 && hours(&backfills) >= 15, "{minutes}");
            assert!(hours(&lost).abs_diff(hours(&backfills)) <= 2, "they take turns");
        }
    }

    #[test]
    fn what_was_lost_would_have_waited_for_days_until_a_stack_was_caught_up_with() {
        let (mut lost, mut backfills) = (range(-30, -26), range(-60, -57));
        let mut schedule = Schedule::new(Duration::ZERO, 6);
        let (mut read_through, mut read) = (hour(0), String::new());
        // One of them does not work for the first time: new hours go on meanwhile, and it comes again.
        let mut fails = true;
        while read_through < hour(40) {
            let known = Known {
                now: hour(100).start(),
                start: hour(-8000),
                read_through,
                lost: &lost,
                backfills: &backfills,
                not_before: None,
            };
            let Next::Read(window) = schedule.next(&known) else {
                panic!("there is always something to be read");
            };
            match window.purpose {
                Purpose::New => {
                    assert_eq!(window.hour, read_through);
                    read_through = window.hour.plus(1);
                    read.push('n');
                }
                Purpose::LookBack => read.push('b'),
                Purpose::Lost if fails => {
                    fails = false;
                    read.push('f');
                    schedule.did_not_work(window, None);
                    continue;
                }
                Purpose::Lost => {
                    assert!(read_on(&mut lost, window.hour));
                    read.push('l');
                }
                Purpose::Backfill => {
                    assert!(read_on(&mut backfills, window.hour));
                    read.push('a');
                }
            }
            schedule.was_read(window, read_through);
        }
        let taking_turns = "nnnnf nnnna nnnnl nnnna nnnnl nnnna nnnnl nnnnl".replace(' ', "");
        assert_eq!(
            read,
            taking_turns + "nnnnnnnn",
            "and what is new alone is not held up by looking back"
        );
    }

    #[test]
    fn a_lost_hour_that_never_answers_would_have_kept_everything_else_from_being_read() {
        let (lost, backfills) = (range(-30, -20), range(-60, -50));
        let known = Known {
            now: hour(10).start(),
            start: hour(0),
            read_through: hour(10),
            lost: &lost,
            backfills: &backfills,
            not_before: None,
        };
        let mut schedule = Schedule::new(Duration::ZERO, 0);
        let window = |at: i32, purpose| Window {
            hour: hour(at),
            purpose,
        };
        let until = |minutes| known.now.saturating_add(SignedDuration::from_mins(minutes)).ok();
        let (lost_one, asked) = (window(-30, Purpose::Lost), window(-60, Purpose::Backfill));
        assert_eq!(schedule.next(&known), Next::Read(lost_one));
        schedule.did_not_work(lost_one, until(2));
        for _ in 0..3 {
            assert_eq!(schedule.next(&known), Next::Read(asked));
            schedule.was_read(asked, hour(10));
        }
        schedule.did_not_work(asked, until(4));
        assert_eq!(schedule.next(&known), Next::Wait(Duration::from_secs(120)));
        assert_eq!(
            (schedule.failures_of(Purpose::Lost), schedule.is_in_trouble()),
            (1, true)
        );
        let later = Known {
            now: until(3).unwrap(),
            ..known
        };
        assert_eq!(schedule.next(&later), Next::Read(lost_one));
        // The clock was set back since: nobody waits that long.
        let set_back = Known {
            now: until(-60).unwrap(),
            read_through: hour(9),
            ..known
        };
        assert_eq!(schedule.next(&set_back), Next::Read(lost_one));
        // Both were taken back: nothing is in the way of what is asked for next.
        schedule.forget_what_is_over(&Known {
            lost: &[],
            backfills: &[],
            ..known
        });
        assert!(!schedule.is_in_trouble());
        assert!(matches!(schedule.next(&known), Next::Read(_)));
    }

    #[test]
    fn a_stack_that_is_not_ready_is_left_alone_and_old_hours_are_read_meanwhile() {
        let now = hour(10).start();
        let known = Known {
            now,
            start: hour(0),
            read_through: hour(5),
            lost: &[],
            backfills: &[],
            not_before: Some(now.saturating_add(SignedDuration::from_secs(90)).unwrap()),
        };
        let mut schedule = Schedule::new(Duration::ZERO, 1);
        let window = Window {
            hour: hour(3),
            purpose: Purpose::LookBack,
        };
        assert_eq!(schedule.next(&known), Next::Read(window));
        schedule.was_read(window, hour(5));
        assert_eq!(schedule.next(&known), Next::Wait(Duration::from_secs(90)));
        // The clock was set back since.
        let set_back = Known {
            now: now.saturating_sub(SignedDuration::from_mins(4)).unwrap(),
            ..known
        };
        let asked = Next::Read(Window {
            hour: hour(5),
            purpose: Purpose::New,
        });
        assert_eq!(schedule.next(&set_back), asked);
    }
}
