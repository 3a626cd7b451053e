//! `bridge check`: everything that a bridge would ask, once.

use bridge::{BridgeConfig, StackConfig, StackFound, Trouble, UsageFound};
use domain::time::{Hour, HourInterval};
use serde::Serialize;
use server::Clock as _;

use super::{configuration, environment, refused};
use crate::args::BridgeCheckArgs;
use crate::commands::minute;
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::figures::{count, counted};
use crate::printer::{Printer, Style};

/// What was found out about one stack.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    name: String,
    endpoint: String,
    /// The stack that the activation key is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_id: Option<String>,
    /// The hour of reported time that would be read first.
    #[serde(skip_serializing_if = "Option::is_none")]
    reads_from: Option<String>,
    #[serde(flatten)]
    stack: Option<StackFound>,
    server: String,
    /// Whether the server accepts the activation key.
    server_accepts_key: bool,
    /// The first hour of usage that the stack's registration pays for.
    #[serde(skip_serializing_if = "Option::is_none")]
    registered_from: Option<String>,
    /// The first hour of reported time that would be read, whatever was read before.
    #[serde(skip)]
    first: Hour,
    troubles: Vec<Trouble>,
}

/// Tries out a configuration.
///
/// # Errors
/// What a bridge would refuse to run with; or if something in it would hold one up.
pub(super) async fn check(args: BridgeCheckArgs, printer: &Printer) -> Result<(), Failure> {
    let config = configuration::of_bridge(args.bridge)?;
    config.try_open(&environment()).map_err(refused)?;
    let progress = printer.progress(Some(config.stacks.len() as u64), "stacks");
    let mut all = Vec::new();
    for stack in &config.stacks {
        progress.say(&stack.name);
        all.push(tried(stack, &config).await);
        progress.add(1);
    }
    progress.finish();
    printer.show_list(&all, || {
        let texts: Vec<String> = all.iter().map(|it| it.text(printer.style())).collect();
        texts.join("\n")
    })?;
    let failed: Vec<&str> = all
        .iter()
        .filter(|it| !it.troubles.is_empty())
        .map(|it| it.name.as_str())
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    let what = format!(
        "A bridge would not take all usage of {} to the server.",
        failed.join(", ")
    );
    Err(Failure::new(what).coded("CheckFailed"))
}

async fn tried(stack: &StackConfig, config: &BridgeConfig) -> Checked {
    let mut troubles = Vec::new();
    let mut keep = |trouble: Trouble| {
        // A key that cannot be read is in the way of everything, and said once.
        if !troubles.contains(&trouble) {
            troubles.push(trouble);
        }
    };
    let cloud_id = stack.cloud_id_of_key().map_err(&mut keep).ok();
    let read = stack.try_spool(&config.spool_directory, &environment());
    let goes_on = read.map_err(&mut keep).ok().flatten();
    let found = stack.try_stack(&environment()).await.map_err(&mut keep).ok();
    let accepted = stack.try_server(&config.server, &environment()).await;
    let accepted = accepted.map_err(&mut keep).ok();
    let this_month = Hour::containing(SystemClock.now()).period().interval().start();
    Checked {
        first: stack.start.unwrap_or(this_month),
        name: stack.name.clone(),
        endpoint: stack.address.endpoint.clone(),
        cloud_id,
        reads_from: goes_on.or_else(|| stack.start.map(|hour| hour.to_string())),
        stack: found,
        server: config.server.url.clone(),
        server_accepts_key: accepted.is_some(),
        registered_from: accepted.flatten(),
        troubles,
    }
}

impl Checked {
    /// How many of the hours that are read lie before the registration of the stack, and when that begins.
    fn charged_to_nobody(&self) -> Option<(i32, String)> {
        let from = self.registered_from.as_deref()?;
        let before = HourInterval::new(self.first, from.parse().ok()?)?;
        Some((before.hours(), minute(from)))
    }

    fn text(&self, style: Style) -> String {
        let mut text = format!("{}\n", self.name);
        let mut line = |label: &str, value: &str| text.push_str(&format!("  {label:<10} {value}\n"));
        if let Some(cloud_id) = &self.cloud_id {
            line("stack", &format!("{cloud_id} at {}", self.endpoint));
        }
        if let Some(found) = &self.stack {
            line("signs in", &format!("at {}", found.authority));
            let registration = found.activated_under.as_deref();
            line(
                "activated",
                &registration.map_or_else(
                    || "it does not say under which registration".to_owned(),
                    |it| format!("under {it}"),
                ),
            );
            let local = counted(found.local_subscriptions as u64, "local subscription");
            line(
                "reads",
                &format!("subscription {}, {local}", found.provider_subscription),
            );
            line("usage", &usage(&found.usage));
            let from = self.reads_from.as_deref();
            line(
                "from",
                &from.map_or_else(|| "the first of this month".to_owned(), minute),
            );
        }
        if self.server_accepts_key {
            line(
                "delivers",
                &format!("to {}, which accepts the activation key", self.server),
            );
        }
        if let Some((hours, from)) = self.charged_to_nobody() {
            let id = self.cloud_id.as_deref().unwrap_or_default();
            line(
                "note",
                &format!(
                    "usage of the {} before {from} is charged to nobody: its registration begins then. If it shall pay for them: \
                     `meterbridge registration backdate {id} --from {}`",
                    counted(u64::from(hours.unsigned_abs()), "hour"),
                    self.first
                ),
            );
        }
        for Trouble {
            code,
            message,
            advice,
        } in &self.troubles
        {
            text.push_str(&format!("  {} {message}\n    {advice}\n", style.bad(code)));
        }
        text
    }
}

fn usage(found: &UsageFound) -> String {
    let hour = minute(&found.hour);
    match found.records {
        None => format!("{hour} is not ready yet; the bridge waits for it"),
        Some(records) if found.is_more => format!(
            "{hour}: {} records on its first page, and more",
            count(records.into())
        ),
        Some(records) => format!("{hour}: {}", counted(records.into(), "record")),
    }
}
