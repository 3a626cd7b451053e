//! Sending notices to webhooks, in the background: by one server of all that run on one memory, signed, in order for each
//! webhook, and until the receiver has taken them or too long a time has passed.
//!
//! A notice is sent at least once. It is written down as delivered after the receiver has said so; if this server ends in
//! between, it is sent again, with the same id and the same body.

mod budgets;
mod destination;
mod keys;
mod send;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::environment::Clock;
use app::webhooks::{DueWebhook, Duty};
use domain::notices::{Watch, WebhookName};
use reqwest::Client;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};

pub(crate) use self::destination::BadDestination;
use self::destination::Reach;
pub(crate) use self::keys::{WebhookKeys, make_first};
use self::worker::GoodUntil;
use crate::config::ServerConfig;
use crate::{Door, StartError, closing};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Where notices may be sent, and how.
#[derive(Debug, Clone, Default)]
pub struct WebhooksConfig {
    /// Whether they may be sent to this machine and to private networks. Whoever sets webhooks could make the server ask what
    /// only it can reach.
    pub to_private_networks: bool,
    /// How often and for how long things are tried.
    pub pace: Pace,
}

/// How often and for how long things are tried. *(ours)*
#[derive(Debug, Clone)]
pub struct Pace {
    /// How often it is looked whether something is due, and a sign of life is given.
    pub look: Duration,
    /// How often it is looked for what there is to tell of the stacks and of budgets.
    pub watch: Duration,
    /// For how long a server gives no sign of life before another one sends in its place.
    pub lease: Duration,
    /// How long one attempt may take.
    pub attempt: Duration,
    /// How long to wait after the first attempt that failed; then twice as long each time.
    pub first_wait: Duration,
    /// The longest time to wait between two attempts.
    pub longest_wait: Duration,
    /// For how long a notice is tried.
    pub give_up_after: Duration,
    /// How often it is tried in a row at least, by whoever gives it up: a clock that is wrong gives nothing up.
    pub attempts_min: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            look: Duration::from_secs(2),
            watch: Duration::from_secs(5 * 60),
            lease: Duration::from_secs(60),
            attempt: Duration::from_secs(15),
            first_wait: Duration::from_secs(5),
            longest_wait: HOUR,
            give_up_after: HOUR.saturating_mul(3 * 24),
            attempts_min: 10,
        }
    }
}

/// Everything that sending works with.
pub(crate) struct Webhooks {
    data_directory: PathBuf,
    wall_clock: Arc<dyn Clock>,
    reach: Reach,
    http: Client,
    pace: Pace,
    /// Something is due, or it is time to stop: look at once.
    wake: Notify,
    stop: watch::Sender<bool>,
}

impl Webhooks {
    pub(crate) fn new(config: &ServerConfig) -> Result<Self, StartError> {
        let WebhooksConfig {
            to_private_networks,
            ref pace,
        } = config.webhooks;
        let reach = Reach {
            private_networks: to_private_networks,
        };
        let http =
            send::client(reach, pace.attempt).map_err(|error| StartError::CutOff(error.to_string()))?;
        Ok(Self {
            data_directory: config.data_directory.clone(),
            wall_clock: Arc::clone(&config.wall_clock),
            reach,
            http,
            pace: pace.clone(),
            wake: Notify::new(),
            stop: watch::Sender::new(false),
        })
    }

    /// The URL as it is kept, if notices may be sent there.
    pub(crate) fn destination(&self, url: &str) -> Result<String, BadDestination> {
        Ok(self.reach.url(url)?.into())
    }

    /// The keys that sign now. Blocks.
    pub(crate) fn keys(&self) -> Result<WebhookKeys, crate::KeysError> {
        WebhookKeys::read(&self.data_directory)
    }

    /// Has it looked at once whether something is due.
    pub(crate) fn look_now(&self) {
        self.wake.notify_one();
    }

    /// Has sending end: attempts under way are finished, and another server can go on at once.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }
}

/// Sends until told to stop.
pub(crate) async fn run(door: Arc<Door>) {
    let good_until = watch::Sender::new(None);
    let mut duty = door.app.duty_of_sending(door.webhooks.pace.lease);
    let mut workers = Workers::default();
    // By themselves: however much there is to reckon for budgets, nothing else waits for it.
    let mut of_budgets = JoinSet::new();
    of_budgets.spawn(budgets::watch(Arc::clone(&door), good_until.subscribe()));
    tokio::select! {
        () = send_what_is_due(&door, &mut duty, &mut workers, &good_until) => {}
        () = watch_stacks(&door, good_until.subscribe()) => {}
    }
    good_until.send_replace(None);
    of_budgets.shutdown().await;
    workers.end().await;
    if let Err(error) = duty.leave().await {
        tracing::debug!(%error, "others wait until the duty of sending is over");
    }
}

async fn send_what_is_due(
    door: &Arc<Door>,
    duty: &mut Duty,
    workers: &mut Workers,
    good_until: &watch::Sender<GoodUntil>,
) {
    let mut stop = door.webhooks.stop.subscribe();
    let mut known = Ok(false);
    while !*stop.borrow() {
        let has = look(door, duty).await.map_err(|error| error.to_string());
        good_until.send_replace(duty.good_until());
        match &has {
            Ok(true) => workers.keep_up(door, &door.app.webhooks_due(), good_until),
            Ok(false) => workers.stop(),
            // What is under way goes on for as long as the duty is good.
            Err(_) => {}
        }
        if has != known {
            match &has {
                Ok(sending) => tracing::info!(sending, "which server sends notices has changed"),
                Err(error) => tracing::warn!(error, "it is not known what is to be sent, and by whom"),
            }
            known = has;
        }
        tokio::select! {
            () = tokio::time::sleep(door.webhooks.pace.look) => {}
            () = door.webhooks.wake.notified() => {}
            _ = stop.changed() => {}
        }
    }
}

/// Whether this server sends; then it knows what everybody entered.
async fn look(door: &Door, duty: &mut Duty) -> Result<bool, app::Error> {
    let has = duty.take().await?;
    if has {
        door.app.catch_up().await?;
    }
    Ok(has)
}

/// Whether this server has the duty of sending still.
fn on_duty(good_until: &watch::Receiver<GoodUntil>) -> bool {
    good_until.borrow().is_some_and(|until| Instant::now() < until)
}

/// Looks every few minutes for what there is to tell of the stacks, and for periods that nobody closed to the end, where
/// notices are sent from.
async fn watch_stacks(door: &Arc<Door>, good_until: watch::Receiver<GoodUntil>) {
    let mut watch = Watch::default();
    loop {
        tokio::time::sleep(door.webhooks.pace.watch).await;
        if !on_duty(&good_until) {
            continue;
        }
        closing::resume(door).await;
        match door.app.look_after_completeness(&mut watch).await {
            Ok(0) => {}
            Ok(raised) => {
                tracing::info!(raised, "there is something to tell of the stacks");
                door.webhooks.look_now();
            }
            Err(error) => {
                tracing::error!(%error, "what there is to tell of the stacks was not found or not raised");
            }
        }
    }
}

/// What sends now: one for each webhook for which something is due. Dropped, all of them end at once.
#[derive(Default)]
struct Workers {
    tasks: JoinSet<()>,
    running: BTreeMap<WebhookName, Running>,
}

/// What sends to one webhook.
struct Running {
    /// The entry that set the webhook: when it is set anew, an attempt that is under way may go elsewhere.
    set: u64,
    /// Tells it that somebody asked for something.
    asked: watch::Sender<u64>,
    task: AbortHandle,
}

impl Workers {
    fn keep_up(&mut self, door: &Arc<Door>, due: &[DueWebhook], good_until: &watch::Sender<GoodUntil>) {
        while self.tasks.try_join_next().is_some() {}
        self.running.retain(|name, running| {
            let is_same = |it: &&DueWebhook| it.name == *name && it.set == running.set;
            let same = due.iter().find(is_same).filter(|_| !running.task.is_finished());
            match same {
                Some(same) => {
                    let is_new = |asked: &mut u64| std::mem::replace(asked, same.asked) != same.asked;
                    running.asked.send_if_modified(is_new);
                }
                None => running.task.abort(),
            }
            same.is_some()
        });
        for webhook in due {
            if !self.running.contains_key(&webhook.name) {
                let asked = watch::Sender::new(webhook.asked);
                let (name, asks) = (webhook.name.clone(), asked.subscribe());
                let work = worker::serve(Arc::clone(door), name, good_until.subscribe(), asks);
                let running = Running {
                    set: webhook.set,
                    asked,
                    task: self.tasks.spawn(work),
                };
                self.running.insert(webhook.name.clone(), running);
            }
        }
    }

    /// Ends all of them now.
    fn stop(&mut self) {
        self.tasks.abort_all();
        self.running.clear();
    }

    /// Waits for the attempts that are under way: no worker begins another one once it may not send any more.
    async fn end(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}
