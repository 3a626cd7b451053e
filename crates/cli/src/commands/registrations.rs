//! `registration` and `advice`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use client::{Client, RegistrationPath};
use serde::Serialize;
use wire::api::{self, BackdateRegistration};
use wire::azure_stack::{
    PutRegistration, PutRegistrationProperties, Registration, decode_registration_token,
};

use super::accounts::kind_in_words;
use super::{live_registration, live_stack, minute, or_dash, pass_on_warnings};
use crate::args::{BillingModel, OperatedBy, RegisterArgs, RegistrationCommand, TokenArgs};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::small_text;
use crate::table::{Table, left};

/// The tag that says who operates a stack.
const OPERATED_BY_TAG: &str = "operatedBy";

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

impl BillingModel {
    /// As registration tokens write it.
    const fn name(self) -> &'static str {
        match self {
            Self::PayAsYouUse => "PayAsYouUse",
            Self::Capacity => "Capacity",
            Self::Development => "Development",
        }
    }
}

pub(super) async fn advice(
    client: &Client,
    operated_by: OperatedBy,
    printer: &Printer,
) -> Result<(), Failure> {
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
        RegistrationCommand::Register(args) => register(client, args, printer).await,
        RegistrationCommand::Show(stack) => {
            let found = live_stack(client, &stack.cloud_id).await?;
            printer.show(&found, || describe(&found))
        }
        RegistrationCommand::List => {
            let stacks = client.stacks().await?;
            printer.show_list(&stacks, || registrations_table(&stacks))
        }
        RegistrationCommand::Delete(stack) => {
            client
                .delete_registration(&live_registration(client, &stack.cloud_id).await?)
                .await?;
            printer.note(&format!("Stack {} is not registered any more.", stack.cloud_id));
            Ok(())
        }
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
        RegistrationCommand::Backdate { stack, from } => {
            client
                .backdate_registration(
                    &stack.cloud_id,
                    &BackdateRegistration {
                        valid_from: from.clone(),
                    },
                )
                .await?;
            printer.note(&format!(
                "The registration of stack {} holds from {from} on.",
                stack.cloud_id
            ));
            Ok(())
        }
    }
}

async fn register(client: &Client, args: RegisterArgs, printer: &Printer) -> Result<(), Failure> {
    let (token, cloud_id) = token(&args.token)?;
    let mut tags: BTreeMap<String, String> = args.tags.into_iter().collect();
    if let Some(operated_by) = args.operated_by {
        tags.insert(OPERATED_BY_TAG.to_owned(), operated_by.name().to_owned());
    }
    let at = RegistrationPath {
        subscription_id: args.subscription,
        resource_group: args.resource_group,
        name: args.name.unwrap_or_else(|| format!("AzureStack-{cloud_id}")),
    };
    if client
        .resource_group(&at.subscription_id, &at.resource_group)
        .await?
        .is_none()
    {
        client
            .put_resource_group(&at.subscription_id, &at.resource_group, &args.location)
            .await?;
        printer.note(&format!("Made resource group {}.", at.resource_group));
    }
    let request = PutRegistration {
        location: Some("global".to_owned()),
        // None leaves the tags of an existing registration as they are.
        tags: (!tags.is_empty()).then_some(tags),
        properties: Some(PutRegistrationProperties {
            registration_token: Some(token),
        }),
    };
    let answered = client.put_registration(&at, &request).await?;
    let done = if answered.created {
        "Registered"
    } else {
        "Registered again"
    };
    let registration = pass_on_warnings(answered, printer);
    printer.note(&format!("{done}."));
    printer.show(&registration, || describe_registration(&registration))?;
    printer.hint(&format!(
        "Print the stack's activation key with `meterbridge registration activation-key {cloud_id}`; approve it for \
         multi-tenancy with `meterbridge registration approve {cloud_id}` before adding tenants."
    ));
    Ok(())
}

/// The registration token, given or made, and the stack it is of.
fn token(args: &TokenArgs) -> Result<(String, String), Failure> {
    let given = match (&args.token_file, &args.token) {
        (Some(path), _) => Some(small_text(path)?),
        (None, given) => given.clone(),
    };
    if let Some(token) = given {
        let unusable = |why: String| Failure::new("The registration token cannot be used.").because(why);
        let claims = decode_registration_token(&token).map_err(|error| unusable(error.to_string()))?;
        let cloud_id = claims
            .cloud_id
            .ok_or_else(|| unusable("it names no cloudId".to_owned()))?;
        return Ok((token, cloud_id.to_lowercase()));
    }
    let cloud_id = args
        .cloud_id
        .as_ref()
        .ok_or_else(|| Failure::usage("It is not said which stack to register."))?;
    Ok((
        made_token(cloud_id, args.billing_model, args.agreement_number.as_deref())?,
        cloud_id.clone(),
    ))
}

/// A token as a stack would make it.
fn made_token(
    cloud_id: &str,
    billing_model: BillingModel,
    agreement_number: Option<&str>,
) -> Result<String, Failure> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Token<'a> {
        billing_model: &'static str,
        cloud_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        agreement_number: Option<&'a str>,
        usage_reporting_enabled: bool,
        marketplace_syndication_enabled: bool,
        issuer: &'static str,
        version: &'static str,
    }
    let token = serde_json::to_vec(&Token {
        billing_model: billing_model.name(),
        cloud_id,
        agreement_number,
        // What a capacity agreement covers is not reported.
        usage_reporting_enabled: billing_model != BillingModel::Capacity,
        marketplace_syndication_enabled: false,
        issuer: "meterbridge",
        version: "1.0",
    });
    let token = token.map_err(|error| Failure::new("No token can be made.").because(error.to_string()))?;
    Ok(STANDARD.encode(token))
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

fn registrations_table(stacks: &[api::Stack]) -> String {
    let columns = [
        left("STACK"),
        left("REGISTRATION"),
        left("DEFAULT SUBSCRIPTION"),
        left("BILLING MODEL"),
        left("TENANTS"),
        left("REGISTERED"),
        left("REPORTED THROUGH"),
    ];
    let mut table = Table::new(&columns);
    for stack in stacks {
        table.row([
            stack.cloud_id.clone(),
            stack.registration_name.clone(),
            stack.default_subscription_id.clone(),
            stack.billing_model.clone(),
            if stack.multi_tenancy_approved {
                "approved"
            } else {
                "single"
            }
            .to_owned(),
            minute(&stack.registered_at),
            stack
                .reported_through
                .as_deref()
                .map_or_else(|| or_dash(None), minute),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";

    fn args(token: Option<String>, cloud_id: Option<&str>) -> TokenArgs {
        TokenArgs {
            token,
            token_file: None,
            cloud_id: cloud_id.map(str::to_owned),
            billing_model: BillingModel::Capacity,
            agreement_number: Some("A-1".into()),
        }
    }

    #[test]
    fn a_token_that_is_made_says_what_was_asked_for() {
        let (made, cloud_id) = token(&args(None, Some(STACK))).unwrap();
        assert_eq!(cloud_id, STACK);
        let claims = decode_registration_token(&made).unwrap();
        assert_eq!(claims.billing_model.as_deref(), Some("Capacity"));
        assert_eq!(claims.agreement_number.as_deref(), Some("A-1"));
        assert_eq!(claims.usage_reporting_enabled, Some(false));
    }

    #[test]
    fn a_token_that_is_given_is_passed_on_as_it_is() {
        let given = STANDARD.encode(format!(r#"{{"CloudId":"{}","x":1}}"#, STACK.to_uppercase()));
        assert_eq!(
            token(&args(Some(given.clone()), None)).unwrap(),
            (given, STACK.to_owned())
        );
        for bad in ["?", "e30="] {
            assert!(token(&args(Some(bad.into()), None)).is_err(), "{bad}");
        }
    }
}
