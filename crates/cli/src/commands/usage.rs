//! `usage`: what cannot be counted or charged as it should. Bringing it in is in [`super::import`].

use wire::api::{QuarantinedRecord, Reason};

use super::{import, minute, unmapped};
use crate::args::{ServerArgs, UsageCommand};
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::{caller, period};
use crate::table::{Listing, left, right};

/// How much of a record in quarantine is shown; with JSON as output, all of it.
const RAW_SHOWN_CHARS: usize = 60;

const QUARANTINE: Listing<QuarantinedRecord> = Listing(&[
    (right("NO."), |it| it.position.to_string()),
    (left("RECEIVED").rank(1), |it| minute(&it.received_at)),
    (left("STACK").rank(2), |it| it.cloud_id.clone()),
    (left("BATCH").rank(3), |it| it.batch_id.clone()),
    (right("INDEX"), |it| it.index.to_string()),
    (left("CODE"), |it| it.code.clone()),
    (left("MESSAGE").wraps(), |it| it.message.clone()),
    (left("RECORD").wraps(), |it| beginning(&it.raw)),
]);

pub(super) async fn usage(
    server: &ServerArgs,
    command: UsageCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    match command {
        UsageCommand::Import(args) => import::import(server, args, printer).await,
        UsageCommand::Unmapped { period: within } => {
            let period = period(&within, &SystemClock);
            let unmapped = caller(server).await?.unmapped_usage(&period).await?;
            printer.show_list(&unmapped, || {
                unmapped::tables(&unmapped, &period, printer.style())
            })?;
            if unmapped.iter().any(|it| it.reason == Reason::TenantNotMapped) {
                printer.hint(
                    "Add a tenant with `meterbridge tenant add`, or for hours that have passed with `meterbridge tenant map`.",
                );
            }
            Ok(())
        }
        UsageCommand::Quarantine { stack } => {
            let quarantined = caller(server).await?.quarantine(stack.as_deref()).await?;
            QUARANTINE.show(&quarantined, printer)?;
            if quarantined.iter().any(|it| beginning(&it.raw).ends_with('…')) {
                printer.hint(
                    "RECORD is the beginning of what was sent; `--output json` has all of it, as `raw`.",
                );
            }
            Ok(())
        }
    }
}

/// The beginning of a record as it was sent, with its white space drawn together.
fn beginning(raw: &str) -> String {
    let text = raw.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut beginning: String = text.chars().take(RAW_SHOWN_CHARS).collect();
    if beginning.len() < text.len() {
        beginning.push('…');
    }
    beginning
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_recognised_by_its_beginning() {
        assert_eq!(beginning("{\n  \"q\": \"x\"\n}"), "{ \"q\": \"x\" }");
        let long = beginning(&"é".repeat(RAW_SHOWN_CHARS + 1));
        assert_eq!(long, format!("{}…", "é".repeat(RAW_SHOWN_CHARS)));
    }
}
