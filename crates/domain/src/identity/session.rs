//! Sign-ins of people that last: each use of a refresh token gives the next one, and one that was used before ends the
//! sign-in.
//!
//! Whoever copied a refresh token and whoever it was copied from both come with it in the end. Which of them is the thief
//! cannot be told, so the second to come ends what both of them hold (RFC 9700, section 4.14.2).

// A length of time only: `core` has no clock.
use core::time::Duration;

use crate::ids::{ApplicationId, ObjectId, SessionId};
use crate::time::Timestamp;

/// For how long after a refresh token was used it may be shown again *(ours)*: an answer gets lost on its way, and
/// processes that share one file of tokens come at the same moment. For as long the next one is not used up either: whoever
/// shows that one gets it once more. So one used token at the most may be shown again at any time, and each of them for all of
/// this time.
pub const REPEAT_GRACE: Duration = Duration::from_secs(60);
/// How long after the password was entered everything that followed from it ends, however often it was used *(ours)*.
pub const SESSION_LIFETIME_MAX: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// A sign-in of a user with one client, from the password to the sign-out: all tokens that followed from one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Who signed in.
    pub user: ObjectId,
    /// The client that the tokens were given to.
    pub client: ApplicationId,
    /// What makes it void when it changes: the later of the entries since which the sign-ins of the user and of the client
    /// were good when this one was made. See [`Directories::sign_ins_since`](crate::books::Directories::sign_ins_since).
    pub since: u64,
    /// When the password was entered.
    pub begun: Timestamp,
    /// The number of the refresh token that is good now. The first has 1.
    pub number: u64,
    /// When that one was given.
    pub renewed: Timestamp,
    /// When nothing that was given is good any more.
    pub ends: Timestamp,
}

/// What follows from a refresh token that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// It is the one that is good: it is used now, and the session goes on with the next one.
    Next(Session),
    /// It was used a moment ago, or given a moment ago in the place of one that was used: whoever shows it gets what the
    /// session has.
    Repeated,
    /// It was used before, or never given: somebody has a copy, and the session ends.
    Copied,
    /// The session has ended.
    Over,
}

impl Session {
    /// When a session that began then ends, if what is given now is good for so long.
    #[must_use]
    pub fn end(begun: Timestamp, now: Timestamp, good_for: Duration) -> Timestamp {
        let after = |moment: Timestamp, life| moment.checked_add(life).unwrap_or(Timestamp::MAX);
        after(now, good_for).min(after(begun, SESSION_LIFETIME_MAX))
    }

    /// What follows if the refresh token with this number is shown now. What is then given is good for so long.
    #[must_use]
    pub fn show(&self, number: u64, now: Timestamp, good_for: Duration) -> Shown {
        if now >= self.ends {
            return Shown::Over;
        }
        // The first one has none before it that could still be shown again.
        let just_renewed = self.number > 1 && now.duration_since(self.renewed).unsigned_abs() <= REPEAT_GRACE;
        let is_last = number.checked_add(1) == Some(self.number);
        match (number == self.number, just_renewed) {
            (true, false) => Shown::Next(Self {
                number: number.saturating_add(1),
                renewed: now,
                ends: Self::end(self.begun, now, good_for).max(self.ends),
                ..*self
            }),
            (true, true) => Shown::Repeated,
            (false, true) if is_last => Shown::Repeated,
            (false, _) => Shown::Copied,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// The seventh token was given at 1000, for the sixth.
    fn session() -> Session {
        Session {
            id: SessionId::from_bytes([1; 16]),
            user: ObjectId::from_bytes([2; 16]),
            client: ApplicationId::from_bytes([3; 16]),
            since: 4,
            begun: at(0),
            number: 7,
            renewed: at(1000),
            ends: at(9000),
        }
    }

    #[test]
    fn a_refresh_token_is_good_once_and_for_a_minute_more_and_a_copy_of_it_ends_everything() {
        let next = Session {
            number: 8,
            renewed: at(5000),
            ends: at(15_000),
            ..session()
        };
        for (number, now, expected) in [
            (7, 5000, Shown::Next(next)),
            (7, 1060, Shown::Repeated),
            (6, 1000, Shown::Repeated),
            (6, 1060, Shown::Repeated),
            (6, 1061, Shown::Copied),
            (5, 1000, Shown::Copied),
            (8, 1000, Shown::Copied),
            (0, 1000, Shown::Copied),
            (u64::MAX, 1000, Shown::Copied),
            (7, 9000, Shown::Over),
        ] {
            let shown = session().show(number, at(now), Duration::from_secs(10_000));
            assert_eq!(shown, expected, "{number} at {now}");
        }
    }

    #[test]
    fn a_slow_process_is_not_taken_for_a_thief_where_others_went_on_in_the_meantime() {
        let mut session = Session {
            number: 1,
            renewed: at(0),
            ..session()
        };
        for (number, now, goes_on) in [
            (1, 3600, true),
            (2, 3659, false),
            (2, 3661, true),
            (3, 3662, false),
            (2, 3721, false),
        ] {
            match session.show(number, at(now), Duration::from_secs(5000)) {
                Shown::Next(next) if goes_on => session = next,
                Shown::Repeated if !goes_on => {}
                other => panic!("{number} at {now}: {other:?}"),
            }
        }
    }

    proptest! {
        /// Whoever used a token at `t` may come again until `t + 60`, and whoever comes later has a copy: whatever others
        /// show in between.
        #[test]
        fn every_number_that_was_used_is_repeated_for_a_minute_and_a_copy_from_then_on(
            shown in proptest::collection::vec((0..45i64, 0..6u64), 1..60)
        ) {
            let mut session = Session { number: 1, renewed: at(0), ends: at(1_000_000), ..session() };
            let mut used = vec![i64::MIN];
            let mut now = 0;
            for (pause, back) in shown {
                now += pause;
                let number = (session.number + 1).saturating_sub(back);
                let found = session.show(number, at(now), Duration::from_secs(1_000_000));
                let use_of_it = usize::try_from(number).ok().and_then(|number| used.get(number)).copied();
                match (found, use_of_it) {
                    (Shown::Next(next), None) => {
                        prop_assert_eq!(number, session.number);
                        used.push(now);
                        session = next;
                    }
                    (Shown::Repeated, None) => prop_assert_eq!(number, session.number),
                    (Shown::Copied, None) => prop_assert!(number > session.number),
                    (Shown::Repeated, Some(then)) => prop_assert!(now - then <= 60),
                    (Shown::Copied, Some(then)) => prop_assert!(now.saturating_sub(then) > 60),
                    (found, use_of_it) => prop_assert!(false, "{:?} {:?}", found, use_of_it),
                }
            }
        }
    }

    #[test]
    fn a_sign_in_that_is_used_every_day_still_ends_after_ninety_days() {
        let day = Duration::from_secs(24 * 60 * 60);
        let (mut session, mut days) = (session(), 0);
        session.ends = Session::end(at(0), at(0), day * 14);
        while let Shown::Next(next) = session.show(session.number, at(0) + day * days, day * 14) {
            session = next;
            days += 1;
        }
        assert_eq!(days, 90);
        assert_eq!(session.ends, at(0) + SESSION_LIFETIME_MAX);
    }
}
