//! As which stack usage is delivered: with its activation key, given or fetched.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use client::{Client, Credential};
use serde::Deserialize;

use crate::args::{ActivationKeyArgs, ServerArgs};
use crate::commands::live_registration;
use crate::failure::Failure;
use crate::settings;

/// A stack's client.
pub(super) struct StackCredential {
    /// The client, with the activation key.
    pub(super) client: Client,
    /// The stack.
    pub(super) cloud_id: String,
}

/// Finds the activation key and the stack that it is of.
///
/// # Errors
/// If there is no key and none can be fetched, or it is another stack's.
pub(super) async fn stack_credential(
    server: &ServerArgs,
    key: &ActivationKeyArgs,
    cloud_id: Option<&str>,
) -> Result<StackCredential, Failure> {
    match given(server, key, cloud_id)? {
        Some(given) => Ok(given),
        None => fetch(server, cloud_id).await,
    }
}

/// The activation key that was given, and the stack that it is of.
///
/// # Errors
/// If it cannot be read, or is another stack's.
pub(super) fn given(
    server: &ServerArgs,
    key: &ActivationKeyArgs,
    cloud_id: Option<&str>,
) -> Result<Option<StackCredential>, Failure> {
    let key = match &key.activation_key_file {
        Some(path) => settings::small_text(path)?,
        None => match &key.activation_key {
            Some(key) => key.clone(),
            None => return Ok(None),
        },
    };
    let cloud_id = stack_of(&key, cloud_id)?;
    Ok(Some(StackCredential {
        client: settings::client(server, Credential::new(&key))?,
        cloud_id,
    }))
}

async fn fetch(server: &ServerArgs, cloud_id: Option<&str>) -> Result<StackCredential, Failure> {
    let Some(cloud_id) = cloud_id else {
        return Err(Failure::usage("It is not said which stack's usage this is.")
            .hint("Name the stack with --cloud-id, or give its activation key with --activation-key-file."));
    };
    let operator = settings::caller(server).await?;
    let key = operator
        .activation_key(&live_registration(&operator, cloud_id).await?)
        .await?;
    Ok(StackCredential {
        client: operator.with_credential(Credential::new(&key.activation_key)),
        cloud_id: cloud_id.to_owned(),
    })
}

/// The stack that a key is of, which has to be the one that is named.
fn stack_of(key: &str, named: Option<&str>) -> Result<String, Failure> {
    let stack = claimed_stack(key);
    match (stack, named) {
        (Some(stack), Some(named)) if !stack.eq_ignore_ascii_case(named) => Err(Failure::new(format!(
            "The activation key is of stack {stack}, not of {named}."
        ))),
        (Some(stack), _) => Ok(stack),
        (None, Some(named)) => Ok(named.to_owned()),
        (None, None) => Err(
            Failure::new("The activation key does not say which stack it is of.")
                .hint("Print the key with `meterbridge registration activation-key CLOUD-ID`."),
        ),
    }
}

/// The stack that a key names. Only the server can tell whether that is true.
fn claimed_stack(key: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Claims {
        cloud_id: String,
    }
    let claims = URL_SAFE_NO_PAD.decode(key.trim().split('.').nth(1)?).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    Some(claims.cloud_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";

    fn key(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn the_stack_is_the_one_that_the_key_is_of() {
        let key = key(&format!(
            r#"{{"cloudId":"{STACK}","billingModel":"PayAsYouUse"}}"#
        ));
        assert_eq!(stack_of(&key, None).unwrap(), STACK);
        assert_eq!(
            stack_of(&format!(" {key}\n"), Some(&STACK.to_uppercase())).unwrap(),
            STACK
        );
        let other = stack_of(&key, Some("0c3f1bd2-9c7e-4d1a-8a55-0a4a6a1c2f10")).unwrap_err();
        assert_eq!(other.exit_code(), 1);
    }

    #[test]
    fn a_key_that_says_nothing_needs_the_stack_to_be_named() {
        for text in ["", "x", "a.b.c", &key("{}"), &key("not JSON")] {
            assert!(stack_of(text, None).is_err(), "{text}");
            assert_eq!(stack_of(text, Some(STACK)).unwrap(), STACK);
        }
    }
}
