//! Sending everything that waits for one webhook, one after the other: what happened first is told first. A receiver that
//! is away holds up nobody else's. It is asked less and less often, until somebody says that it is back: whoever sets the
//! webhook, tests it or has a notice sent again does not wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use app::Error;
use app::environment::Random;
use app::webhooks::Due;
use domain::ids::NoticeId;
use domain::notices::WebhookName;
use tokio::sync::watch::Receiver;

use super::Pace;
use super::send::Attempt;
use crate::Door;

/// How long to wait before it is tried again to write down how an attempt went.
const WRITING_AGAIN: Duration = Duration::from_secs(1);

/// Until when something may be sent here; none if it may not.
pub(super) type GoodUntil = Option<Instant>;

/// Sends until nothing is due any more, or this server has to stop. With each change of `asked` it is tried at once.
pub(super) async fn serve(
    door: Arc<Door>,
    name: WebhookName,
    good_until: Receiver<GoodUntil>,
    asked: Receiver<u64>,
) {
    let mut worker = Worker {
        door,
        good_until,
        asked,
        failures: 0,
        tried: None,
    };
    while worker.may_send()
        && let Some(due) = worker.door.app.due_next(&name)
    {
        if worker.send(&due).await.is_err() {
            return;
        }
    }
}

/// This server does not have the duty any more.
struct OffDuty;

struct Worker {
    door: Arc<Door>,
    good_until: Receiver<GoodUntil>,
    asked: Receiver<u64>,
    /// How many attempts in a row failed, since somebody asked for one.
    failures: u32,
    /// What was tried last, and how often.
    tried: Option<Tried>,
}

/// How often a notice was tried.
#[derive(Clone, Copy)]
struct Tried {
    notice: NoticeId,
    /// By this worker.
    here: u32,
    /// In all: by those before this one, too, as far as they entered it.
    in_all: u32,
}

impl Worker {
    fn may_send(&self) -> bool {
        self.good_until
            .borrow()
            .is_some_and(|until| Instant::now() < until)
    }

    async fn send(&mut self, due: &Due) -> Result<(), OffDuty> {
        let Tried {
            here,
            in_all: attempts,
            ..
        } = self.count(due);
        let attempt = self.door.webhooks.attempt(due).await;
        self.door.metrics.count_webhook_attempt(
            due.webhook.name.as_str(),
            matches!(attempt, Attempt::Taken { .. }),
        );
        let (webhook, notice) = (&due.webhook.name, due.notice.id);
        let app = self.door.app.clone();
        match attempt {
            Attempt::Taken { answer } => {
                tracing::info!(%webhook, %notice, attempts, "a notice was delivered");
                self.failures = 0;
                self.write_down(|| app.was_delivered(due, attempts, answer.clone()))
                    .await
            }
            Attempt::Gone => {
                tracing::warn!(%webhook, "a receiver wants no more notices; its webhook is stopped");
                let because = "It answered 410 Gone: it wants no more notices.";
                self.write_down(|| app.was_stopped(due, attempts, because.to_owned()))
                    .await
            }
            Attempt::NotTaken { because, come_again } => {
                tracing::warn!(%webhook, %notice, attempts, because, "a notice was not taken");
                self.failures = self.failures.saturating_add(1);
                // The first one after somebody asked, and ever fewer of those that follow: they are kept for ever.
                if self.failures.is_power_of_two() {
                    self.write_down(|| app.was_not_taken(due, attempts, because.clone()))
                        .await?;
                }
                let pace = &self.door.webhooks.pace;
                // What was tried before a long outage gives nothing up with the first attempt after it.
                if here >= pace.attempts_min && self.age(due) >= pace.give_up_after {
                    tracing::error!(%webhook, %notice, attempts, "a notice was given up");
                    let because = format!("It was tried for {}. {because}", in_words(pace.give_up_after));
                    return self
                        .write_down(|| app.was_given_up(due, attempts, because.clone()))
                        .await;
                }
                let wait = pace.wait(self.failures, come_again, app.random());
                self.rest(wait).await
            }
        }
    }

    /// Counts one more attempt. Whoever takes over goes on from what was entered.
    fn count(&mut self, due: &Due) -> Tried {
        let notice = due.notice.id;
        let before = self.tried.filter(|it| it.notice == notice).unwrap_or(Tried {
            notice,
            here: 0,
            in_all: due.attempts,
        });
        let tried = Tried {
            notice,
            here: before.here.saturating_add(1),
            in_all: before.in_all.saturating_add(1),
        };
        self.tried = Some(tried);
        tried
    }

    /// How long ago it was asked for, by the clock that this is written down with.
    fn age(&self, due: &Due) -> Duration {
        let age = self.door.app.clock().now().duration_since(due.asked);
        age.try_into().unwrap_or_default()
    }

    /// Waits, until somebody asks for a notice at the most.
    async fn rest(&mut self, wait: Duration) -> Result<(), OffDuty> {
        tokio::select! {
            _ = self.good_until.wait_for(Option::is_none) => Err(OffDuty),
            asked = self.asked.changed() => {
                self.failures = 0;
                asked.map_err(|_| OffDuty)
            }
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }

    /// Writes down how it went. While that cannot be done nothing more is sent: what is not written down is sent again.
    async fn write_down<F: Future<Output = Result<(), Error>>>(
        &mut self,
        mut write: impl FnMut() -> F,
    ) -> Result<(), OffDuty> {
        while let Err(error) = write().await {
            tracing::error!(%error, "what became of a notice was not written down; it is tried again");
            self.rest(WRITING_AGAIN).await?;
            if !self.may_send() {
                return Err(OffDuty);
            }
        }
        Ok(())
    }
}

fn in_words(time: Duration) -> String {
    let hours = time.as_secs() / 3600;
    if hours >= 48 {
        format!("{} days", hours / 24)
    } else {
        format!("{hours} hours")
    }
}

impl Pace {
    /// How long to wait after this many failures in a row: twice as long each time, to a limit, and somewhat less by chance,
    /// so that receivers that come back are not met by everybody at once.
    fn wait(&self, failures: u32, come_again: Option<Duration>, random: &dyn Random) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let longest = self
            .first_wait
            .saturating_mul(doubled)
            .max(come_again.unwrap_or_default())
            .min(self.longest_wait);
        let mut chance = [0; 1];
        random.fill(&mut chance);
        let less = longest / 4 * u32::from(chance[0]) / u32::from(u8::MAX);
        come_again
            .unwrap_or_default()
            .min(longest)
            .max(longest.saturating_sub(less))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Always(u8);

    impl Random for Always {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn a_receiver_that_is_away_is_asked_less_and_less_often_but_asked() {
        let pace = Pace::default();
        let wait = |failures, come_again| pace.wait(failures, come_again, &Always(0));
        let seconds = Duration::from_secs;
        assert_eq!(wait(1, None), pace.first_wait);
        assert_eq!(wait(2, None), pace.first_wait * 2);
        assert_eq!(wait(5, None), pace.first_wait * 16);
        for failures in [20, 100, u32::MAX] {
            assert_eq!(wait(failures, None), pace.longest_wait);
        }
        assert_eq!(wait(1, Some(seconds(90))), seconds(90));
        assert_eq!(wait(1, Some(seconds(u64::MAX))), pace.longest_wait);
        let sooner = pace.wait(3, None, &Always(u8::MAX));
        assert_eq!(sooner, pace.first_wait * 3);
        let not_sooner = pace.wait(1, Some(seconds(90)), &Always(u8::MAX));
        assert_eq!(not_sooner, seconds(90), "it said when");
        assert_eq!(in_words(pace.give_up_after), "3 days");
    }
}
