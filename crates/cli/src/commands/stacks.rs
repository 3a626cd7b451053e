//! `stack`.

use client::Client;
use wire::api::{Receipt, Stack};

use super::{minute, or_dash};
use crate::args::StackCommand;
use crate::failure::Failure;
use crate::figures::count;
use crate::printer::Printer;
use crate::settings::document;
use crate::table::{Table, left, right};

pub(super) async fn stack(client: &Client, command: StackCommand, printer: &Printer) -> Result<(), Failure> {
    match command {
        StackCommand::List => {
            let stacks = client.stacks().await?;
            printer.show_list(&stacks, || stacks_table(&stacks))
        }
        StackCommand::Directory { cloud_id, file } => {
            let taken = client.put_directory(&cloud_id, document(&file)?.into()).await?;
            printer.show(&taken, || {
                let [listed, added, changed] =
                    [taken.listed, taken.added, taken.changed].map(|it| count(it as u64));
                format!("{listed} local subscriptions: {added} new, {changed} changed")
            })
        }
        StackCommand::Receipts { cloud_id } => {
            let receipts = client.receipts(&cloud_id).await?;
            printer.show_list(&receipts, || receipts_table(&receipts))
        }
    }
}

fn stacks_table(stacks: &[Stack]) -> String {
    let columns = [
        left("STACK"),
        left("BILLING MODEL"),
        left("PAYS BY DEFAULT"),
        left("REPORTED THROUGH"),
    ];
    let mut table = Table::new(&columns);
    for stack in stacks {
        table.row([
            stack.cloud_id.clone(),
            stack.billing_model.clone(),
            stack.default_subscription_id.clone(),
            stack
                .reported_through
                .as_deref()
                .map_or_else(|| or_dash(None), minute),
        ]);
    }
    table.to_string()
}

fn receipts_table(receipts: &[Receipt]) -> String {
    let columns = [
        right("NO."),
        left("RECEIVED"),
        left("REPORTED FROM"),
        right("RECORDS"),
        right("ACCEPTED"),
        right("DUPLICATE"),
        right("REVISED"),
        right("QUARANTINED"),
        left("BATCH"),
    ];
    let mut table = Table::new(&columns);
    for receipt in receipts {
        let Receipt {
            received,
            accepted,
            duplicate,
            revised,
            quarantined,
            ..
        } = *receipt;
        let counts = [received, accepted, duplicate, revised, quarantined].map(|it| count(it.into()));
        let start = [
            receipt.sequence.to_string(),
            minute(&receipt.received_at),
            minute(&receipt.reported_start),
        ];
        table.row(start.into_iter().chain(counts).chain([receipt.batch_id.clone()]));
    }
    table.to_string()
}
