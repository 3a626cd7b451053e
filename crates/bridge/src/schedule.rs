//! Which hour is read next. Pure: what is known goes in, what is to be done comes out.

use std::time::Duration;

use domain::time::{Hour, Timestamp};
use jiff::SignedDuration;

use crate::cursor::Backfill;
use crate::patience::WAIT_MAX;

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
}

/// A look back at the hours before one.
#[derive(Debug, Clone, Copy)]
struct LookedBack {
    from: Hour,
    next: Hour,
}

impl Schedule {
    pub(crate) const fn new(margin: Duration, lookback: i32) -> Self {
        Self {
            margin,
            lookback,
            looked_back: None,
        }
    }

    /// What to do now: new hours before old ones, what was lost before what is looked back at, and last what was asked for.
    pub(crate) fn next(&self, known: &Known<'_>) -> Next {
        let ready_at = self.ready_at(known);
        if ready_at <= known.now {
            return Next::Read(Window {
                hour: known.read_through,
                purpose: Purpose::New,
            });
        }
        let lost = known.lost.first();
        let again = lost
            .map(|lost| (lost.next, Purpose::Lost))
            .or_else(|| Some((self.next_look_back(known)?, Purpose::LookBack)))
            .or_else(|| Some((known.backfills.first()?.next, Purpose::Backfill)));
        if let Some((hour, purpose)) = again {
            return Next::Read(Window { hour, purpose });
        }
        let wait = ready_at.duration_since(known.now);
        Next::Wait(wait.try_into().unwrap_or(Duration::ZERO))
    }

    /// Takes note that a window was read.
    pub(crate) fn was_read(&mut self, window: Window, read_through: Hour) {
        if window.purpose == Purpose::LookBack {
            self.looked_back = Some(LookedBack {
                from: read_through,
                next: window.hour.plus(1),
            });
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
        // One that lies further ahead than anybody waits was said by a clock that was set back since.
        let wait_max = SignedDuration::try_from(WAIT_MAX).unwrap_or(SignedDuration::MAX);
        let not_before = known
            .not_before
            .filter(|not_before| not_before.duration_since(known.now) <= wait_max);
        not_before.map_or(ready, |not_before| not_before.max(ready))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
                        backfills[0].next = window.hour.plus(1);
                        backfills.retain(|it| it.next < it.range.end());
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
            let backfill = Backfill { range, next: range.start() };
            let mut schedule = Schedule::new(Duration::ZERO, 3);
            let (read, _) = read_all(&mut schedule, vec![backfill], &wakes);
            let asked: Vec<Hour> = read
                .iter()
                .filter(|(_, it)| it.purpose == Purpose::Backfill)
                .map(|(_, it)| it.hour)
                .collect();
            let expected: Vec<Hour> = (0..hours).map(|it| range.start().plus(it)).collect();
            prop_assert_eq!(asked, expected);
        }
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
