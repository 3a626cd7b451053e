//! `usage`: what cannot be counted or charged as it should. Bringing it in is in [`super::import`], what could not be
//! counted in [`super::quarantine`].

use wire::api::Reason;

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
            if unmapped.iter().any(|it| it.reason == Reason::TenantNotMapped) {
                printer.hint("`meterbridge tenant suggest` says what to add, and with which command.");
            }
            Ok(())
        }
        UsageCommand::Quarantine(args) => quarantine::quarantine(server, args, printer).await,
    }
}
