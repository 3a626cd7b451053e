//! `usage`: what cannot be counted or charged as it should. Bringing it in is in [`super::import`].

use wire::api::{QuarantinedRecord, Reason, UnmappedUsage};

use super::{import, minute, or_dash};
use crate::args::{ServerArgs, UsageCommand};
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::figures::{count, grouped};
use crate::printer::Printer;
use crate::settings::{operator_client, period};
use crate::statement::reason_in_words;
use crate::table::{Table, left, right};

const HOURS_PER_DAY: i64 = 24;

pub(super) async fn usage(
    server: &ServerArgs,
    command: UsageCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    match command {
        UsageCommand::Import(args) => import::import(server, args, printer).await,
        UsageCommand::Unmapped { period: within } => {
            let period = period(&within, &SystemClock);
            let unmapped = operator_client(server)?.unmapped_usage(&period).await?;
            printer.show_list(&unmapped, || unmapped_table(&unmapped))?;
            if unmapped.iter().any(|it| it.reason == Reason::TenantNotMapped) {
                printer.hint(
                    "Add a tenant with `meterbridge tenant add`, or for hours that have passed with `meterbridge tenant map`.",
                );
            }
            Ok(())
        }
        UsageCommand::Quarantine { stack } => {
            let records = operator_client(server)?.quarantine(stack.as_deref()).await?;
            printer.show_list(&records, || quarantine_table(&records))
        }
    }
}

/// One line for each local meter: what was used, and who pays for it meanwhile.
fn unmapped_table(unmapped: &[UnmappedUsage]) -> String {
    let columns = [
        left("STACK"),
        left("LOCAL SUBSCRIPTION"),
        left("TENANT"),
        left("REASON"),
        left("PAYS FOR NOW"),
        right("WAITING"),
        left("METER"),
        right("QUANTITY"),
        left("UNIT"),
    ];
    let mut table = Table::new(&columns);
    for usage in unmapped {
        for used in &usage.used {
            table.row([
                usage.cloud_id.clone(),
                usage.local_subscription_id.clone(),
                or_dash(usage.tenant_id.as_deref()),
                reason_in_words(usage.reason).to_owned(),
                usage.charged_to.clone().unwrap_or_else(|| "nobody".to_owned()),
                format!("{} d", usage.age_hours / HOURS_PER_DAY),
                used.local_meter_name
                    .clone()
                    .unwrap_or_else(|| used.local_meter_id.clone()),
                grouped(&used.quantity),
                or_dash(used.unit.as_deref()),
            ]);
        }
    }
    table.to_string()
}

fn quarantine_table(records: &[QuarantinedRecord]) -> String {
    let columns = [
        right("NO."),
        left("RECEIVED"),
        left("STACK"),
        left("BATCH"),
        right("RECORD"),
        left("CODE"),
        left("MESSAGE"),
    ];
    let mut table = Table::new(&columns);
    for record in records {
        table.row([
            record.position.to_string(),
            minute(&record.received_at),
            record.cloud_id.clone(),
            record.batch_id.clone(),
            count(u64::from(record.index) + 1),
            record.code.clone(),
            record.message.clone(),
        ]);
    }
    table.to_string()
}
