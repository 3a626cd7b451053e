//! Trying out a configuration: everything that a bridge would ask, once, and nothing that changes anything.

use std::path::Path;

use bytes::Bytes;
use domain::time::Hour;
use serde::Serialize;

use crate::activation::ActivationKey;
use crate::backfill::stack_directory;
use crate::config::StackConfig;
use crate::deliver::{ServerAddress, Verdict, judge};
use crate::environment::Environment;
use crate::spool::Spool;
use crate::stack::{Failure, Stack, UsageReading};
use crate::status::Reporter;
use crate::trouble::Trouble;

/// A listing of no local subscriptions: the server takes note of those it is told, and leaves all others as they are.
const NOBODY: &[u8] = br#"{"value":[]}"#;

/// What a bridge would find at a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StackFound {
    /// Who gives its tokens.
    pub authority: String,
    /// The registration that it was activated under, if it says so.
    pub activated_under: Option<String>,
    /// The subscription of the stack's operator, from which its usage is read.
    pub provider_subscription: String,
    /// How many local subscriptions it has.
    pub local_subscriptions: usize,
    /// Usage that it has.
    pub usage: UsageFound,
}

/// The usage of an hour that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageFound {
    /// The hour of reported time.
    pub hour: String,
    /// How many records its first page has; none if the stack does not have that hour ready.
    pub records: Option<u32>,
    /// Whether there are further pages.
    pub is_more: bool,
}

impl StackConfig {
    /// The stack that the activation key is for.
    ///
    /// # Errors
    /// [`Trouble`] if it cannot be read.
    pub fn cloud_id_of_key(&self) -> Result<String, Trouble> {
        ActivationKey::read(&self.activation_key_file).map(|key| key.cloud_id.to_string())
    }

    /// The hour of reported time with which a bridge goes on reading this stack, if it was read before.
    ///
    /// # Errors
    /// [`Trouble`] if there is a spool that is another stack's, or cannot be read.
    pub fn try_spool(
        &self,
        spool_directory: &Path,
        environment: &Environment,
    ) -> Result<Option<String>, Trouble> {
        let key = ActivationKey::read(&self.activation_key_file)?;
        let directory = stack_directory(spool_directory, &self.name);
        let cursor = Spool::look(&*environment.disk, &directory, key.cloud_id);
        let cursor = cursor.map_err(|error| error.trouble())?;
        Ok(cursor.map(|cursor| cursor.read_through.to_string()))
    }

    /// Signs in to the stack and reads of everything a little. Whoever asks waits for the answer: nothing is tried twice.
    ///
    /// # Errors
    /// [`Trouble`]: what would hold the bridge up.
    pub async fn try_stack(&self, environment: &Environment) -> Result<StackFound, Trouble> {
        let key = ActivationKey::read(&self.activation_key_file)?;
        let found = self.find(&key, environment).await;
        found.map_err(Failure::into_trouble)
    }

    async fn find(&self, key: &ActivationKey, environment: &Environment) -> Result<StackFound, Failure> {
        let reporter = Reporter::impatient();
        let stack = Stack::connect(&self.address, environment, &reporter).await?;
        let activation = stack.activation().await?;
        key.must_match(activation.as_ref(), self.cloud_id)
            .map_err(Failure::Refused)?;
        let registration = activation.and_then(|it| it.properties.azure_registration_resource_identifier);
        Ok(StackFound {
            authority: stack.authority_url().to_string(),
            activated_under: registration,
            provider_subscription: stack.provider().to_owned(),
            local_subscriptions: stack.local_subscriptions(&reporter).await?.value.len(),
            usage: usage_of(&stack, &reporter).await?,
        })
    }

    /// Asks the server whether it accepts the activation key. Answers the first hour of usage that the stack's registration
    /// pays for, if the server says it.
    ///
    /// # Errors
    /// [`Trouble`]: what would hold the bridge up.
    pub async fn try_server(
        &self,
        server: &ServerAddress,
        environment: &Environment,
    ) -> Result<Option<String>, Trouble> {
        let key = ActivationKey::read(&self.activation_key_file)?;
        let client = server.client(&key)?;
        let listed = client
            .put_directory(&key.cloud_id.to_string(), Bytes::from_static(NOBODY))
            .await;
        match listed.map_err(|error| judge(&error)) {
            Ok(taken) => Ok(taken.registered_from),
            Err(Verdict::Again(trouble)) => Err(server.with_scheme(trouble)),
            Err(Verdict::Held(trouble)) => Err(server.explained(trouble, environment).await),
        }
    }
}

async fn usage_of(stack: &Stack, reporter: &Reporter) -> Result<UsageFound, Failure> {
    // The newest hour that is over may not be ready yet: the one before it is.
    let hour = Hour::containing(stack.environment.clock.now()).plus(-2);
    let page = match UsageReading::new(stack, reporter, hour).next().await {
        Ok(page) => page,
        Err(Failure::NotReady(_)) => None,
        Err(failure) => return Err(failure),
    };
    Ok(UsageFound {
        hour: hour.to_string(),
        records: page.as_ref().map(|it| it.records),
        is_more: page.is_some_and(|it| !it.is_last),
    })
}
