//! Which of several servers sends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::time::Timestamp;
use store::{CodeKey, Codes};

use crate::{App, Error};

/// What a server writes down with each sign of life, so that it recognises its own.
const MARK_BYTES: usize = 16;

/// How often it is looked who has the duty, while writes are under way that nobody waits for.
const LOOKS_MAX: u32 = 8;

/// The duty of sending, which of all servers on one memory one has at a time.
///
/// Whoever has it gives a sign of life by writing a number that counts up. Others see whether the number moves, each by a
/// clock of its own that only measures how long something took: so no two clocks have to agree. If it stands still for
/// [`Duty::lease`], one of them takes the duty over. Whoever had it stops sending well before that.
pub struct Duty {
    codes: Arc<dyn Codes>,
    key: CodeKey,
    lease: Duration,
    /// Drawn for this server: what it writes.
    mark: [u8; MARK_BYTES],
    /// The number that was written here last, and when that was begun.
    held: Option<(u64, Instant)>,
    /// The number that somebody else wrote, and when it was first seen.
    seen: Option<(u64, Instant)>,
}

impl App {
    /// The duty of sending notices, for one server. It is taken over from a server that gives no sign of life for `lease`.
    #[must_use]
    pub fn duty_of_sending(&self, lease: Duration) -> Duty {
        let mut mark = [0; MARK_BYTES];
        self.random.fill(&mut mark);
        Duty {
            codes: Arc::clone(&self.codes),
            key: blake3::hash(b"meterbridge duty of sending notices").into(),
            lease,
            mark,
            held: None,
            seen: None,
        }
    }
}

impl Duty {
    /// Until when this server may begin to send something: nobody else does before that. None if it does not have the duty.
    #[must_use]
    pub fn good_until(&self) -> Option<Instant> {
        self.held.map(|(_, begun)| begun + self.lease / 2)
    }

    /// Gives a sign of life, or takes the duty if nobody has it. To be called several times within the lease.
    ///
    /// # Errors
    /// As the store: then this server has the duty for as long as it was known to have it.
    pub async fn take(&mut self) -> Result<bool, Error> {
        let begun = Instant::now();
        if let Some((number, _)) = self.held {
            if self.write_after(number, begun).await? {
                return Ok(true);
            }
            self.held = None;
        }
        for _ in 0..LOOKS_MAX {
            // It never ends by a clock: those of the servers need not agree.
            let now = Timestamp::UNIX_EPOCH;
            let Some(code) = self.codes.get(self.key, now).await? else {
                let mark = self.mark.to_vec();
                if self.codes.put(self.key, mark, Timestamp::MAX, now).await? {
                    self.held = Some((1, begun));
                    self.seen = None;
                    return Ok(true);
                }
                continue;
            };
            if code.body == self.mark {
                // It was written here, and nobody waited for the answer, or it was lost. When that was is not known: it is
                // written again, unless another write that nobody waited for came first.
                if self.write_after(code.version, begun).await? {
                    return Ok(true);
                }
                continue;
            }
            return match self.seen {
                Some((number, since)) if number == code.version => {
                    Ok(since.elapsed() >= self.lease && self.write_after(number, begun).await?)
                }
                _ => {
                    self.seen = Some((code.version, begun));
                    Ok(false)
                }
            };
        }
        Ok(false)
    }

    /// Leaves the duty to others at once, if this server has it still.
    ///
    /// # Errors
    /// As the store.
    pub async fn leave(&mut self) -> Result<(), Error> {
        if self.take().await? {
            self.codes.remove(self.key).await?;
            self.held = None;
        }
        Ok(())
    }

    /// Writes the number after this one, if nobody has; then the duty is this server's.
    async fn write_after(&mut self, number: u64, begun: Instant) -> Result<bool, Error> {
        let written = self.codes.replace(self.key, number, self.mark.to_vec()).await?;
        if written {
            self.held = Some((number + 1, begun));
            self.seen = None;
        }
        Ok(written)
    }
}
