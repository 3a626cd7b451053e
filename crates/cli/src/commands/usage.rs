//! `usage`: what cannot be counted or charged as it should. Bringing it in is in [`super::import`], what could not be
//! counted in [`super::quarantine`].

use wire::api::{Reason, UnmappedUsage};

use super::{import, quarantine, unmapped};
use crate::args::{ServerArgs, UsageCommand};
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::{caller, period};

pub(super) async fn usage(
    server: &ServerArgs,
    command: UsageCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    match command {
        UsageCommand::Import(args) => import::import(server, args, printer).await,
        UsageCommand::Unmapped { period: within } => {
            let period = period(&within, &SystemClock);
            let mut unmapped = caller(server).await?.unmapped_usage(&period).await?;
            unmapped::most_valuable_first(&mut unmapped);
            printer.show_list(&unmapped, || {
                unmapped::tables(&unmapped, &period, printer.style())
            })?;
            for step in next_steps(&unmapped) {
                printer.hint(step);
            }
            Ok(())
        }
        UsageCommand::Quarantine(args) => quarantine::quarantine(server, args, printer).await,
    }
}

/// What can be done about usage that no tenant mapping claims, for each reason that there is.
fn next_steps(unmapped: &[UnmappedUsage]) -> impl Iterator<Item = &'static str> {
    let steps = [
        (
            Reason::TenantNotMapped,
            "`meterbridge tenant suggest` says what to add, and with which command.",
        ),
        (
            Reason::LocalSubscriptionUnknown,
            "Whose a local subscription is, the platform is told by its stack's directory. A bridge brings that by itself; \
             without one `meterbridge stack directory CLOUD-ID FILE` does. Then there is a tenant to add.",
        ),
    ];
    let occurs = move |reason: Reason| unmapped.iter().any(|it| it.reason == reason);
    steps
        .into_iter()
        .filter(move |(reason, _)| occurs(*reason))
        .map(|(_, step)| step)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn usage_of_an_unknown_local_subscription_would_stay_with_the_default_subscription_for_want_of_a_command()
    {
        let unmapped = |reason: &str| -> UnmappedUsage {
            serde_json::from_value(json!({
                "cloudId": "5bf881b2-6be7-42a1-9f47-d6fcb6737747",
                "localSubscriptionId": "2d1b5c7d-9e0f-4a6e-8d07-3a1b5c7d9e0f", "reason": reason,
                "from": "2026-10-01T00:00:00Z", "to": "2026-10-16T14:00:00Z", "ageHours": 1230, "newestAgeHours": 857,
                "records": 2, "used": [],
            }))
            .unwrap()
        };
        let named = |reasons: &[&str]| -> Vec<bool> {
            let unmapped: Vec<_> = reasons.iter().map(|reason| unmapped(reason)).collect();
            let steps: Vec<&str> = next_steps(&unmapped).collect();
            let commands = ["`meterbridge stack directory ", "`meterbridge tenant suggest`"];
            let is_named = |command: &&str| steps.iter().any(|step| step.contains(*command));
            commands.iter().map(is_named).collect()
        };
        assert_eq!(named(&["localSubscriptionUnknown"]), [true, false]);
        assert_eq!(
            named(&["tenantNotMapped", "localSubscriptionUnknown"]),
            [true, true]
        );
        assert_eq!(named(&["unregistered"]), [false, false]);
    }
}
