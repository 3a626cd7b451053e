//! `registration register`: a stack that is new here, or one whose terms or tags change.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use client::{Answered, Client, ClientError, RegistrationPath};
use serde::Serialize;
use wire::azure_stack::{
    PutRegistration, PutRegistrationProperties, Registration, decode_registration_token,
};

use super::describe_registration;
use crate::args::{BillingModel, RegisterArgs, TokenArgs};
use crate::commands::pass_on_warnings;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::small_text;

/// The tag that says who operates a stack.
const OPERATED_BY_TAG: &str = "operatedBy";

type Tags = BTreeMap<String, String>;

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

/// What the stack says of itself, or what is said of it.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    cloud_id: String,
    /// The token that the stack made.
    token: Option<String>,
    billing_model: Option<BillingModel>,
    agreement_number: Option<String>,
}

/// Registers a stack, or changes what is given of its registration.
///
/// # Errors
/// If the token cannot be used, or it is refused. A resource group that was made for it is removed again then.
pub(super) async fn register(client: &Client, args: RegisterArgs, printer: &Printer) -> Result<(), Failure> {
    let said = Said::of(args.token)?;
    let mut tags: Tags = args.tags.into_iter().collect();
    if let Some(operated_by) = args.operated_by {
        tags.insert(OPERATED_BY_TAG.to_owned(), operated_by.name().to_owned());
    }
    let at = RegistrationPath {
        subscription_id: args.subscription,
        resource_group: args.resource_group,
        name: args
            .name
            .unwrap_or_else(|| format!("AzureStack-{}", said.cloud_id)),
    };
    let existing = existing(client, &at).await?;
    let token = said.token_to_send(existing.as_ref())?;
    let (with_token, with_tags) = (token.is_some(), !tags.is_empty());
    let request = PutRegistration {
        location: Some("global".to_owned()),
        // None leaves the tags of an existing registration as they are.
        tags: with_tags.then(|| merged(existing.map(|it| it.tags).unwrap_or_default(), tags)),
        properties: Some(PutRegistrationProperties {
            registration_token: token,
        }),
    };
    let answered = put(client, &at, &args.location, &request, printer).await?;
    let done = match (answered.created, with_token, with_tags) {
        (true, ..) => "Registered.",
        (false, true, _) => "Registered again.",
        (false, false, true) => "It is registered already, and has these tags now. Its billing model stays.",
        (false, false, false) => "It is registered already. Nothing was given that changes it.",
    };
    let single_tenant = answered
        .warnings
        .iter()
        .any(|it| it.starts_with("SingleTenantOnly:"));
    let registration = pass_on_warnings(answered, printer);
    printer.note(done);
    printer.show(&registration, || describe_registration(&registration))?;
    if with_token {
        printer.hint(&next_steps(&said.cloud_id, single_tenant));
    }
    Ok(())
}

fn next_steps(cloud_id: &str, single_tenant: bool) -> String {
    let approve = format!(
        "; approve it for multi-tenancy with `meterbridge registration approve {cloud_id}` before adding tenants"
    );
    format!(
        "Print the stack's activation key with `meterbridge registration activation-key {cloud_id}`{}. What the stack used \
         before this hour is charged to nobody, unless an operator has the registration hold from earlier on: `meterbridge \
         registration backdate {cloud_id} --from HOUR`.",
        if single_tenant { "" } else { &approve }
    )
}

/// The registration that is there already.
async fn existing(client: &Client, at: &RegistrationPath) -> Result<Option<Registration>, Failure> {
    match client.registration(at).await {
        Ok(registration) => Ok(Some(registration)),
        // What else is not there is said by the refusal of what follows.
        Err(error) if is_not_there(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn is_not_there(error: &ClientError) -> bool {
    let not_there = [
        "RegistrationNotFound",
        "ResourceNotFound",
        "ResourceGroupNotFound",
        "SubscriptionNotFound",
    ];
    error.code().is_some_and(|code| not_there.contains(&code))
}

/// The tags that a registration has, with those that are given set. Names of tags are the same in any case.
fn merged(mut tags: Tags, given: Tags) -> Tags {
    tags.retain(|known, _| !given.keys().any(|name| name.eq_ignore_ascii_case(known)));
    tags.extend(given);
    tags
}

/// Puts the registration, and makes its resource group if that is not there.
async fn put(
    client: &Client,
    at: &RegistrationPath,
    location: &str,
    request: &PutRegistration,
    printer: &Printer,
) -> Result<Answered<Registration>, Failure> {
    match client.put_registration(at, request).await {
        Err(error) if error.code() == Some("ResourceGroupNotFound") => {}
        answered => return Ok(answered?),
    }
    let group = &at.resource_group;
    client
        .put_resource_group(&at.subscription_id, group, location)
        .await?;
    match client.put_registration(at, request).await {
        Ok(answered) => {
            printer.note(&format!("Made resource group {group}."));
            Ok(answered)
        }
        Err(error) => {
            // Without an answer, the stack may be registered there.
            let refused = matches!(error, ClientError::Refused(_));
            let removed = refused && remove_if_empty(client, at).await.unwrap_or(false);
            Err(Failure::from(error).because(what_became_of_group(at, removed)))
        }
    }
}

/// Removes the resource group, if nothing is in it. Says whether it did.
async fn remove_if_empty(client: &Client, at: &RegistrationPath) -> Result<bool, ClientError> {
    let (subscription, group) = (&at.subscription_id, &at.resource_group);
    if client.holds_resources(subscription, group).await? {
        return Ok(false);
    }
    client.delete_resource_group(subscription, group).await
}

fn what_became_of_group(at: &RegistrationPath, removed: bool) -> String {
    let RegistrationPath {
        subscription_id,
        resource_group,
        ..
    } = at;
    if removed {
        return format!("resource group {resource_group}, which was made for it, is removed again");
    }
    format!(
        "resource group {resource_group} was made for it, and stays: `az group delete --name {resource_group} \
         --subscription {subscription_id}` removes it with all that is in it"
    )
}

impl Said {
    fn of(args: TokenArgs) -> Result<Self, Failure> {
        let TokenArgs {
            token,
            token_file,
            cloud_id,
            billing_model,
            agreement_number,
        } = args;
        let token = match &token_file {
            Some(path) => Some(small_text(path)?),
            None => token,
        };
        let cloud_id = match &token {
            Some(token) => Some(stack_of(token, token_file.as_deref())?),
            None => cloud_id,
        };
        Ok(Self {
            cloud_id: cloud_id.ok_or_else(|| Failure::usage("It is not said which stack to register."))?,
            token,
            billing_model,
            agreement_number,
        })
    }

    /// The token to register the stack with: the one that it made, or one that says what is said of it. None if the
    /// stack is registered already and nothing is said of how it is paid for: its token stays.
    fn token_to_send(&self, existing: Option<&Registration>) -> Result<Option<String>, Failure> {
        if let Some(token) = &self.token {
            return Ok(Some(token.clone()));
        }
        let said = self.billing_model.map(BillingModel::name);
        let agreement = self.agreement_number.as_deref();
        // The registration of another stack is none of this one, and the server says so when it is told of both.
        let known = existing.map(|it| &it.properties);
        let known = known.filter(|it| it.cloud_id.eq_ignore_ascii_case(&self.cloud_id));
        let holds = known.map(|it| it.billing_model.as_str());
        if agreement.is_none() && holds.is_some() && (said.is_none() || said == holds) {
            return Ok(None);
        }
        let model = said.or(holds).unwrap_or(BillingModel::PayAsYouUse.name());
        made_token(&self.cloud_id, model, agreement).map(Some)
    }
}

/// The stack that a token is of.
fn stack_of(token: &str, file: Option<&Path>) -> Result<String, Failure> {
    let unusable = |why: String| {
        let place = file.map_or_else(String::new, |file| format!(" in {}", file.display()));
        Failure::new(format!("The registration token{place} cannot be used."))
            .coded("InvalidRegistrationToken")
            .because(why)
    };
    let claims = decode_registration_token(token).map_err(|error| unusable(error.to_string()))?;
    let cloud_id = claims
        .cloud_id
        .ok_or_else(|| unusable("it names no cloudId".to_owned()))?;
    Ok(cloud_id.to_lowercase())
}

/// A token as a stack would make it.
fn made_token(
    cloud_id: &str,
    billing_model: &str,
    agreement_number: Option<&str>,
) -> Result<String, Failure> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Token<'a> {
        billing_model: &'a str,
        cloud_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        agreement_number: Option<&'a str>,
        usage_reporting_enabled: bool,
        marketplace_syndication_enabled: bool,
        issuer: &'static str,
        version: &'static str,
    }
    let token = serde_json::to_vec(&Token {
        billing_model,
        cloud_id,
        agreement_number,
        // What a capacity agreement covers is not reported.
        usage_reporting_enabled: billing_model != BillingModel::Capacity.name(),
        marketplace_syndication_enabled: false,
        issuer: "meterbridge",
        version: "1.0",
    });
    let token = token.map_err(|error| Failure::new("No token can be made.").because(error.to_string()))?;
    Ok(STANDARD.encode(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";

    fn said(billing_model: Option<BillingModel>, agreement_number: Option<&str>) -> Said {
        let args = TokenArgs {
            token: None,
            token_file: None,
            cloud_id: Some(STACK.to_owned()),
            billing_model,
            agreement_number: agreement_number.map(str::to_owned),
        };
        Said::of(args).unwrap()
    }

    fn registered(cloud_id: &str, billing_model: &str) -> Registration {
        serde_json::from_value(serde_json::json!({
            "id": "/subscriptions/s/north", "name": "north", "type": "Microsoft.AzureStack/registrations", "etag": "1",
            "location": "global", "properties": { "cloudId": cloud_id, "billingModel": billing_model },
        }))
        .unwrap()
    }

    #[test]
    fn a_token_that_is_made_says_what_was_asked_for() {
        let said = said(Some(BillingModel::Capacity), Some("A-1"));
        let made = said.token_to_send(None).unwrap().unwrap();
        let claims = decode_registration_token(&made).unwrap();
        assert_eq!(claims.cloud_id.as_deref(), Some(STACK));
        assert_eq!(claims.billing_model.as_deref(), Some("Capacity"));
        assert_eq!(claims.agreement_number.as_deref(), Some("A-1"));
        assert_eq!(claims.usage_reporting_enabled, Some(false));
    }

    #[test]
    fn a_registration_keeps_its_billing_model_unless_another_one_is_named() {
        let model = |said: &Said, existing: Option<&Registration>| {
            let token = said.token_to_send(existing).unwrap()?;
            decode_registration_token(&token).unwrap().billing_model
        };
        let capacity = registered(&STACK.to_uppercase(), "Capacity");
        let nothing = said(None, None);
        assert_eq!(model(&nothing, None).as_deref(), Some("PayAsYouUse"));
        assert_eq!(model(&nothing, Some(&capacity)), None);
        let same = said(Some(BillingModel::Capacity), None);
        assert_eq!(model(&same, Some(&capacity)), None);
        let agreement = said(None, Some("A-2"));
        assert_eq!(model(&agreement, Some(&capacity)).as_deref(), Some("Capacity"));
        let other = said(Some(BillingModel::PayAsYouUse), None);
        assert_eq!(model(&other, Some(&capacity)).as_deref(), Some("PayAsYouUse"));
        // Whose registration it is decides the server, so it has to be told which stack is meant.
        let others = registered("0c3f1bd2-9c7e-4d1a-8a55-0a4a6a1c2f10", "Capacity");
        assert_eq!(model(&nothing, Some(&others)).as_deref(), Some("PayAsYouUse"));
    }

    #[test]
    fn a_token_that_is_given_is_passed_on_as_it_is() {
        let given = |token: String| {
            Said::of(TokenArgs {
                token: Some(token),
                token_file: None,
                cloud_id: None,
                billing_model: None,
                agreement_number: None,
            })
        };
        let token = STANDARD.encode(format!(r#"{{"CloudId":"{}","x":1}}"#, STACK.to_uppercase()));
        let said = given(token.clone()).unwrap();
        assert_eq!(said.cloud_id, STACK);
        let existing = registered(STACK, "Capacity");
        assert_eq!(said.token_to_send(Some(&existing)).unwrap(), Some(token));
        for bad in ["?", "e30="] {
            assert!(given(bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_that_holds_no_token_would_be_looked_for_among_all_that_were_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for content in ["?", "e30="] {
            std::fs::write(file.path(), content).unwrap();
            let refused = Said::of(TokenArgs {
                token: None,
                token_file: Some(file.path().to_owned()),
                cloud_id: None,
                billing_model: None,
                agreement_number: None,
            });
            let refused = refused.err().unwrap();
            assert_eq!(refused.code(), "InvalidRegistrationToken");
            let named = file.path().to_str().unwrap();
            assert!(refused.what().contains(named), "{}", refused.what());
        }
    }

    #[test]
    fn a_tag_that_is_given_leaves_the_others_as_they_are() {
        let tags = |all: &[(&str, &str)]| -> Tags {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            all.iter().map(owned).collect()
        };
        let has = tags(&[("site", "Bergen"), ("operatedBy", "endUser")]);
        assert_eq!(
            merged(has, tags(&[("Site", "Oslo"), ("rack", "4")])),
            tags(&[("Site", "Oslo"), ("operatedBy", "endUser"), ("rack", "4")])
        );
    }
}
