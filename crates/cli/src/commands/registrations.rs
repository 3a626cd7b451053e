//! `registration`.

mod register;

use client::Client;
use serde::Serialize;
use wire::api::{self, BackdateRegistration};
use wire::azure_stack::Registration;

use self::register::register;
use super::accounts::kind_in_words;
use super::{
    bundles, live_registration, live_stack, minute, minute_or_dash, not_registered, pass_on_warnings, path_of,
};
use crate::args::{OperatedBy, RegistrationCommand};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::table::{Listing, left};

const REGISTRATIONS: Listing<api::Stack> = Listing(&[
    (left("STACK"), |it| it.cloud_id.clone()),
    (left("REGISTRATION").rank(3), |it| it.registration_name.clone()),
    (left("DEFAULT SUBSCRIPTION"), |it| {
        it.default_subscription_id.clone()
    }),
    (left("BILLING MODEL").rank(2), |it| it.billing_model.clone()),
    (left("TENANTS").rank(1), |it| {
        if it.multi_tenancy_approved {
            "approved"
        } else {
            "single"
        }
        .to_owned()
    }),
    (left("REGISTERED").rank(5), |it| minute(&it.registered_at)),
    (left("HOLDS FROM").rank(4), |it| minute(&it.valid_from)),
    (left("REPORTED THROUGH").rank(6), |it| {
        minute_or_dash(it.reported_through.as_deref())
    }),
]);

/// A registration was ended.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deleted<'a> {
    cloud_id: &'a str,
    registration_id: &'a str,
    deleted: bool,
}

impl OperatedBy {
    /// As the API writes it.
    const fn name(self) -> &'static str {
        match self {
            Self::DirectPartner => "directPartner",
            Self::Distributor => "distributor",
            Self::Reseller => "reseller",
            Self::EndUser => "endUser",
        }
    }
}

async fn advise(client: &Client, operated_by: OperatedBy, printer: &Printer) -> Result<(), Failure> {
    let advice = client.registration_advice(operated_by.name()).await?;
    printer.show(&advice, || {
        format!(
            "Use a {} subscription: {}.",
            kind_in_words(advice.subscription_kind),
            advice.reason
        )
    })
}

pub(super) async fn registration(
    client: &Client,
    command: RegistrationCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    match command {
        RegistrationCommand::Advise { operated_by } => advise(client, operated_by, printer).await,
        RegistrationCommand::Register(args) => register(client, args, printer).await,
        RegistrationCommand::Show(stack) => {
            let found = live_stack(client, &stack.cloud_id).await?;
            printer.show(&found, || describe(&found))
        }
        RegistrationCommand::List => REGISTRATIONS.show(&client.stacks().await?, printer),
        RegistrationCommand::Delete(stack) => delete(client, &stack.cloud_id, printer).await,
        RegistrationCommand::Approve(stack) => {
            let approved = client.approve_multi_tenancy(&stack.cloud_id).await?;
            printer.show(&approved, || {
                format!("Tenants can be added to {}.", approved.registration_name)
            })
        }
        RegistrationCommand::ActivationKey(stack) => {
            let key = client
                .activation_key(&live_registration(client, &stack.cloud_id).await?)
                .await?;
            printer.show(&key, || key.activation_key.clone())
        }
        RegistrationCommand::RevokeActivationKeys(stack) => {
            let cloud_id = &stack.cloud_id;
            let revoked = client.revoke_activation_keys(cloud_id).await?;
            printer.show(&revoked, || {
                format!("The activation keys that stack {cloud_id} was given so far are good no more.")
            })?;
            printer.hint(&format!(
                "Print the one that is good now with `meterbridge registration activation-key {cloud_id}`, and activate \
                 the stack with it."
            ));
            Ok(())
        }
        RegistrationCommand::BundleKey { stack, public_key } => {
            bundles::register_key(client, &stack.cloud_id, &public_key, printer).await
        }
        RegistrationCommand::Backdate { stack, from } => {
            let request = BackdateRegistration { valid_from: from };
            let backdated = client.backdate_registration(&stack.cloud_id, &request).await?;
            printer.show(&backdated, || {
                format!(
                    "The registration of stack {} holds from {} on.",
                    backdated.cloud_id, backdated.valid_from
                )
            })
        }
    }
}

async fn delete(client: &Client, cloud_id: &str, printer: &Printer) -> Result<(), Failure> {
    let stack = live_stack(client, cloud_id).await?;
    let answered = client.delete_registration(&path_of(&stack)?).await?;
    if !pass_on_warnings(answered, printer) {
        return Err(not_registered(cloud_id));
    }
    let deleted = Deleted {
        cloud_id,
        registration_id: &stack.registration_id,
        deleted: true,
    };
    printer.show(&deleted, || {
        format!("Stack {cloud_id} is not registered any more.")
    })
}

fn describe_registration(registration: &Registration) -> String {
    let properties = &registration.properties;
    let mut lines = vec![
        format!("Registration   {}", registration.name),
        format!("Stack          {}", properties.cloud_id),
        format!("Billing model  {}", properties.billing_model),
        format!("Resource id    {}", registration.id),
    ];
    lines.extend(
        registration
            .tags
            .iter()
            .map(|(name, value)| format!("Tag            {name}={value}")),
    );
    lines.join("\n")
}

fn describe(stack: &api::Stack) -> String {
    let tenants = if stack.multi_tenancy_approved {
        "may be added"
    } else {
        "not approved for multi-tenancy"
    };
    let lines = [
        ("Registration", stack.registration_name.as_str()),
        ("Stack", &stack.cloud_id),
        ("Default subscription", &stack.default_subscription_id),
        ("Billing model", &stack.billing_model),
        ("Tenants", tenants),
        ("Registered", &stack.registered_at),
        ("Holds from", &stack.valid_from),
        (
            "Reported through",
            stack.reported_through.as_deref().unwrap_or("-"),
        ),
        ("Resource id", &stack.registration_id),
    ];
    lines
        .map(|(label, value)| format!("{label:<20}  {value}"))
        .join("\n")
}
