//! `stack`.

use std::path::Path;

use client::{Client, ClientError, StatusCode};
use wire::api::{Receipt, Stack};

use super::{bundles, completeness, minute, minute_or_dash, or_dash, stack_credential};
use crate::args::{ServerArgs, StackCommand};
use crate::failure::Failure;
use crate::figures::{count, counted};
use crate::printer::Printer;
use crate::settings::{caller, document};
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
    (right("NOT COUNTING").rank(1), |it| {
        let told = it.revised_not_counting.map(|some| count(some.into()));
        or_dash(told.as_deref())
    }),
    (right("QUARANTINED"), |it| count(it.quarantined.into())),
    (left("BATCH").rank(4), |it| it.batch_id.clone()),
    (left("CHAIN VALUE").rank(3), |it| it.chain.clone()),
]);

pub(super) async fn stack(
    server: &ServerArgs,
    command: StackCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    match command {
        StackCommand::List => STACKS.show(&caller(server).await?.stacks().await?, printer),
        StackCommand::Directory { cloud_id, file, key } => {
            match stack_credential::given(server, &key, Some(&cloud_id))? {
                Some(stack) => directory(&stack.client, &cloud_id, &file, printer).await,
                None => {
                    let client = caller(server).await?;
                    directory(&client, &cloud_id, &file, printer).await?;
                    doubt_cloud_id(&client, &cloud_id, printer).await;
                    Ok(())
                }
            }
        }
        StackCommand::Completeness(args) => {
            completeness::completeness(&caller(server).await?, &args, printer).await
        }
        StackCommand::Bundles { cloud_id } => bundles::list(&caller(server).await?, &cloud_id, printer).await,
        StackCommand::BundleReceipt { cloud_id, sequence } => {
            bundles::receipt(&caller(server).await?, &cloud_id, sequence, printer).await
        }
        StackCommand::Receipts { cloud_id } => {
            let receipts = caller(server).await?.receipts(&cloud_id).await;
            RECEIPTS.show(&receipts.map_err(|error| no_receipts(error, &cloud_id))?, printer)
        }
    }
}

async fn directory(client: &Client, cloud_id: &str, file: &Path, printer: &Printer) -> Result<(), Failure> {
    let taken = client.put_directory(cloud_id, document(file)?.into()).await;
    let taken = taken.map_err(|error| not_taken(error, cloud_id))?;
    if taken.listed == 0 {
        printer.warning("The list is empty, so nothing was changed: what was listed before stays.");
    }
    printer.show(&taken, || {
        let [added, changed] = [taken.added, taken.changed].map(|it| count(it as u64));
        let listed = counted(taken.listed as u64, "local subscription");
        format!("{listed}: {added} new, {changed} changed")
    })
}

/// Why a directory was not taken. Whoever may not say it for a stack may do so as the stack.
fn not_taken(error: ClientError, cloud_id: &str) -> Failure {
    let forbidden =
        matches!(&error, ClientError::Refused(refusal) if refusal.status == StatusCode::FORBIDDEN);
    let failure = Failure::from(error);
    if !forbidden {
        return failure;
    }
    failure.hint(format!(
        "Give the stack's activation key with --activation-key-file: `meterbridge registration activation-key {cloud_id} \
         > stack.key` writes it for whoever may register the stack. Without it, operators of the platform do this."
    ))
}

/// Warns if nothing else is known of a stack. Its directory may come before its registration, so that is no failure.
async fn doubt_cloud_id(client: &Client, cloud_id: &str, printer: &Printer) {
    let Ok(stacks) = client.stacks().await else {
        return;
    };
    let registered = |it: &Stack| it.cloud_id.eq_ignore_ascii_case(cloud_id);
    if stacks.iter().any(registered) {
        return;
    }
    let receipts = client.receipts(cloud_id).await;
    if receipts.is_err_and(|error| is_unknown(&error)) {
        printer.warning(&format!(
            "No stack {cloud_id} was ever registered, and none has delivered. Check the cloud id, unless it is \
             registered next."
        ));
    }
}

/// Why there is nothing to tell of a stack.
pub(super) fn no_receipts(error: ClientError, cloud_id: &str) -> Failure {
    let unknown = is_unknown(&error);
    let failure = Failure::from(error);
    if !unknown {
        return failure;
    }
    failure.hint(format!(
        "No stack {cloud_id} that you may see was ever registered. Check the cloud id; `meterbridge stack list` lists \
         stacks."
    ))
}

fn is_unknown(error: &ClientError) -> bool {
    error.code() == Some("RegistrationNotFound")
}
