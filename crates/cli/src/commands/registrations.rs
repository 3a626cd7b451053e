//! `registration`.

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
use super::{
    live_registration, live_stack, minute, minute_or_dash, not_registered, pass_on_warnings, path_of,
};
use crate::args::{BillingModel, OperatedBy, RegisterArgs, RegistrationCommand, TokenArgs};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::small_text;
use crate::table::{Listing, left};

/// The tag that says who operates a stack.
const OPERATED_BY_TAG: &str = "operatedBy";

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
    (left("REGISTERED").rank(4), |it| minute(&it.registered_at)),
    (left("REPORTED THROUGH").rank(5), |it| {
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
        RegistrationCommand::Backdate { stack, from } => {
            let request = BackdateRegistration {
                valid_from: from.clone(),
            };
            let backdated = client.backdate_registration(&stack.cloud_id, &request).await?;
            printer.show(&backdated, || {
                format!(
                    "The registration of stack {} holds from {from} on.",
                    backdated.cloud_id
                )
            })
        }
    }
}

async fn delete(client: &Client, cloud_id: &str, printer: &Printer) -> Result<(), Failure> {
    let stack = live_stack(client, cloud_id).await?;
    if !client.delete_registration(&path_of(&stack)?).await? {
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
    let made_group = make_resource_group(client, &at, &args.location).await?;
    let request = PutRegistration {
        location: Some("global".to_owned()),
        // None leaves the tags of an existing registration as they are.
        tags: (!tags.is_empty()).then_some(tags),
        properties: Some(PutRegistrationProperties {
            registration_token: Some(token),
        }),
    };
    let answered = client.put_registration(&at, &request).await;
    let answered = answered.map_err(|error| {
        let failure = Failure::from(error);
        if made_group {
            failure.because(format!(
                "resource group {} was made for it, and stays",
                at.resource_group
            ))
        } else {
            failure
        }
    })?;
    if made_group {
        printer.note(&format!("Made resource group {}.", at.resource_group));
    }
    let done = if answered.created {
        "Registered"
    } else {
        "Registered again"
    };
    let single_tenant = answered
        .warnings
        .iter()
        .any(|it| it.starts_with("SingleTenantOnly:"));
    let registration = pass_on_warnings(answered, printer);
    printer.note(&format!("{done}."));
    printer.show(&registration, || describe_registration(&registration))?;
    let approve = format!(
        "; approve it for multi-tenancy with `meterbridge registration approve {cloud_id}` before adding tenants"
    );
    printer.hint(&format!(
        "Print the stack's activation key with `meterbridge registration activation-key {cloud_id}`{}.",
        if single_tenant { "" } else { &approve }
    ));
    Ok(())
}

/// Makes the resource group, if it is not there. Says whether it was made.
async fn make_resource_group(
    client: &Client,
    at: &RegistrationPath,
    location: &str,
) -> Result<bool, Failure> {
    let (subscription, group) = (&at.subscription_id, &at.resource_group);
    if client.resource_group(subscription, group).await?.is_some() {
        return Ok(false);
    }
    client.put_resource_group(subscription, group, location).await?;
    Ok(true)
}

/// The registration token, given or made, and the stack it is of.
fn token(args: &TokenArgs) -> Result<(String, String), Failure> {
    let given = match (&args.token_file, &args.token) {
        (Some(path), _) => Some(small_text(path)?),
        (None, given) => given.clone(),
    };
    if let Some(token) = given {
        let unusable = |why: String| {
            Failure::new("The registration token cannot be used.")
                .coded("InvalidRegistrationToken")
                .because(why)
        };
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
