//! Looks into the journal, shared by those who wait for one.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use crate::error::StoreError;

/// One look at a time, numbered from 1. Whoever comes while one is under way shares the next one with all who came in the
/// meantime: the one under way may have begun before what they have to see was there.
#[derive(Default)]
pub(super) struct Looks {
    begun: AtomicU64,
    last: Mutex<Look>,
}

/// A look that ended, and how.
struct Look {
    number: u64,
    outcome: Result<(), StoreError>,
}

impl Default for Look {
    /// The one before the first.
    fn default() -> Self {
        Self {
            number: 0,
            outcome: Ok(()),
        }
    }
}

impl Looks {
    /// How a look ended that began after this was called: `look`, or somebody else's.
    pub(super) async fn share(
        &self,
        look: impl Future<Output = Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        let before = self.begun.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if last.number > before {
            return last.outcome.clone();
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let outcome = look.await;
        *last = Look {
            number,
            outcome: outcome.clone(),
        };
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    /// Looks that end when they are told to.
    #[derive(Default)]
    struct Slow {
        looks: Looks,
        made: AtomicU64,
        may_end: Option<Semaphore>,
    }

    impl Slow {
        async fn look(&self) -> Result<(), StoreError> {
            let look = async {
                let number = self.made.fetch_add(1, Ordering::SeqCst) + 1;
                if let Some(may_end) = &self.may_end {
                    may_end.acquire().await.map_err(StoreError::unavailable)?.forget();
                }
                match number {
                    1 => Ok(()),
                    number => Err(StoreError::unavailable(number)),
                }
            };
            self.looks.share(look).await
        }

        fn starts(self: &Arc<Self>) -> tokio::task::JoinHandle<Result<(), StoreError>> {
            let slow = Arc::clone(self);
            tokio::spawn(async move { slow.look().await })
        }
    }

    async fn others_go_on() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn whoever_comes_during_a_look_would_miss_what_was_entered_since_it_began() {
        let slow = Arc::new(Slow {
            may_end: Some(Semaphore::new(0)),
            ..Slow::default()
        });
        let may_end = slow.may_end.as_ref().unwrap();
        let first = slow.starts();
        others_go_on().await;
        let others: Vec<_> = (0..50).map(|_| slow.starts()).collect();
        others_go_on().await;
        may_end.add_permits(1);
        first.await.unwrap().unwrap();
        others_go_on().await;
        assert!(
            others.iter().all(|it| !it.is_finished()),
            "the first began before they came"
        );
        may_end.add_permits(1);
        for other in others {
            let failed = other.await.unwrap().unwrap_err().to_string();
            assert_eq!(
                failed, "storage is unavailable: 2",
                "all are told how their look ended"
            );
        }
        assert_eq!(slow.made.load(Ordering::SeqCst), 2, "one look does for all fifty");
    }

    #[tokio::test]
    async fn a_look_that_nobody_waits_for_any_more_is_not_taken_for_one_that_ended() {
        let slow = Arc::new(Slow {
            may_end: Some(Semaphore::new(0)),
            ..Slow::default()
        });
        let gone = slow.starts();
        others_go_on().await;
        let next = slow.starts();
        others_go_on().await;
        gone.abort();
        others_go_on().await;
        assert!(!next.is_finished());
        slow.may_end.as_ref().unwrap().add_permits(1);
        next.await.unwrap().unwrap_err();
    }
}
