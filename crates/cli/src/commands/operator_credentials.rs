//! `operator-credential`: what opens everything.

use client::Client;
use serde::Serialize;
use wire::api;

use super::{minute, minute_or_dash};
use crate::args::OperatorCredentialCommand;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::table::{Listing, left};

const CREDENTIALS: Listing<api::OperatorCredential> = Listing(&[
    (left("CREDENTIAL"), |it| it.id.clone()),
    (left("NAME").wraps(), |it| it.name.clone()),
    (left("MADE"), |it| minute(&it.created)),
    (left("MADE BY").wraps(), |it| made_by(it).to_owned()),
    (left("LAST USED"), |it| minute_or_dash(it.last_used.as_deref())),
]);

/// A name, or else an id.
fn made_by(it: &api::OperatorCredential) -> &str {
    let by = it.created_by_name.as_deref().or(it.created_by.as_deref());
    by.unwrap_or("at the machine")
}

/// A credential was revoked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Revoked<'a> {
    id: &'a str,
    revoked: bool,
}

pub(super) async fn operator_credential(
    client: &Client,
    command: OperatorCredentialCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    match command {
        OperatorCredentialCommand::Create { name } => {
            let made = client.create_operator_credential(&name).await?;
            printer.note(&format!(
                "Credential {} of operator \"{}\" follows. It is shown this once: keep it safe.",
                made.id, made.name
            ));
            printer.show(&made, || made.text.clone())
        }
        OperatorCredentialCommand::List => CREDENTIALS.show(&client.operator_credentials().await?, printer),
        OperatorCredentialCommand::Revoke { credential_id } => {
            client.revoke_operator_credential(&credential_id).await?;
            let revoked = Revoked {
                id: &credential_id,
                revoked: true,
            };
            printer.show(&revoked, || {
                format!("{credential_id} is good for nothing any more.")
            })
        }
    }
}
