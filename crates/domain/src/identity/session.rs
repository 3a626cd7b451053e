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
/// processes that share one file of tokens come at the same moment.
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
    /// The entry since which the user's sign-ins were good when this one was made: see
    /// [`Directories::sign_ins_since`](crate::books::Directories::sign_ins_since).
    pub since: u64,
    /// When the password was entered.
    pub begun: Timestamp,
    /// The number of the refresh token that is good now. The first has 1.
    pub number: u64,
    /// When that one was given.
    pub renewed: Timestamp,
    /// The first of the tokens that were used in quick succession, and when it was. A client with several processes uses
    /// several within seconds, and one of them may be slow.
    pub burst: (u64, Timestamp),
    /// When nothing that was given is good any more.
    pub ends: Timestamp,
}

/// What follows from a refresh token that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// It is the one that is good: it is used now, and the session goes on with the next one.
    Next(Session),
    /// It was used a moment ago: whoever shows it gets once more what they should have got.
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
        let just_now = |then: Timestamp| now.duration_since(then).unsigned_abs() <= REPEAT_GRACE;
        let (first, began) = self.burst;
        if number == self.number {
            return Shown::Next(Self {
                number: number.saturating_add(1),
                renewed: now,
                burst: if just_now(began) {
                    self.burst
                } else {
                    (number, now)
                },
                ends: Self::end(self.begun, now, good_for).max(self.ends),
                ..*self
            });
        }
        let was_last = self.number.checked_sub(1) == Some(number) && just_now(self.renewed);
        let was_in_burst = (first..self.number).contains(&number) && just_now(began);
        if was_last || was_in_burst {
            Shown::Repeated
        } else {
            Shown::Copied
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn session() -> Session {
        Session {
            id: SessionId::from_bytes([1; 16]),
            user: ObjectId::from_bytes([2; 16]),
            client: ApplicationId::from_bytes([3; 16]),
            since: 4,
            begun: at(0),
            number: 7,
            renewed: at(1000),
            burst: (5, at(980)),
            ends: at(9000),
        }
    }

    #[test]
    fn a_refresh_token_is_good_once_and_for_a_minute_more_and_a_copy_of_it_ends_everything() {
        let next = Session {
            number: 8,
            renewed: at(5000),
            burst: (7, at(5000)),
            ends: at(15_000),
            ..session()
        };
        for (number, now, expected) in [
            (7, 5000, Shown::Next(next)),
            (6, 1000, Shown::Repeated),
            (6, 1060, Shown::Repeated),
            (6, 1061, Shown::Copied),
            (5, 1040, Shown::Repeated),
            (5, 1041, Shown::Copied),
            (4, 1000, Shown::Copied),
            (8, 1000, Shown::Copied),
            (0, 1000, Shown::Copied),
            (7, 9000, Shown::Over),
        ] {
            let shown = session().show(number, at(now), Duration::from_secs(10_000));
            assert_eq!(shown, expected, "{number} at {now}");
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
