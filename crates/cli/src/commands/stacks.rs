//! `stack`.

use client::Client;
use wire::api::{Receipt, Stack};

use super::{minute, minute_or_dash};
use crate::args::StackCommand;
use crate::failure::Failure;
use crate::figures::{count, counted};
use crate::printer::Printer;
use crate::settings::document;
use crate::table::{Listing, left, right};

const STACKS: Listing<Stack> = Listing(&[
    (left("STACK"), |it| it.cloud_id.clone()),
    (left("BILLING MODEL").rank(2), |it| it.billing_model.clone()),
    (left("PAYS BY DEFAULT").rank(1), |it| {
        it.default_subscription_id.clone()
    }),
    (left("REPORTED THROUGH"), |it| {
        minute_or_dash(it.reported_through.as_deref())
    }),
]);

const RECEIPTS: Listing<Receipt> = Listing(&[
    (right("NO."), |it| it.sequence.to_string()),
    (left("RECEIVED"), |it| minute(&it.received_at)),
    (left("REPORTED FROM").rank(2), |it| minute(&it.reported_start)),
    (right("RECORDS"), |it| count(it.received.into())),
    (right("ACCEPTED"), |it| count(it.accepted.into())),
    (right("DUPLICATE"), |it| count(it.duplicate.into())),
    (right("REVISED"), |it| count(it.revised.into())),
    (right("QUARANTINED"), |it| count(it.quarantined.into())),
    (left("BATCH").rank(3), |it| it.batch_id.clone()),
]);

pub(super) async fn stack(client: &Client, command: StackCommand, printer: &Printer) -> Result<(), Failure> {
    match command {
        StackCommand::List => STACKS.show(&client.stacks().await?, printer),
        StackCommand::Directory { cloud_id, file } => {
            let taken = client.put_directory(&cloud_id, document(&file)?.into()).await?;
            if taken.listed == 0 {
                printer.warning("The list is empty, so nothing was changed: what was listed before stays.");
            }
            printer.show(&taken, || {
                let [added, changed] = [taken.added, taken.changed].map(|it| count(it as u64));
                let listed = counted(taken.listed as u64, "local subscription");
                format!("{listed}: {added} new, {changed} changed")
            })
        }
        StackCommand::Receipts { cloud_id } => RECEIPTS.show(&client.receipts(&cloud_id).await?, printer),
    }
}
