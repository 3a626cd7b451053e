//! The stack's side: its admin API, asked with patience.

mod authority;
mod call;
mod directory;
mod endpoints;
mod guest;
mod link;
mod usage;
mod who;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use client::is_loopback;
use domain::time::Timestamp;
use reqwest::{Certificate, Method, Url};
use serde::de::DeserializeOwned;
use wire::stack_admin::{Activation, AdminEndpoints, VisibleSubscriptions};

use self::authority::Authority;
pub use self::authority::{Account, Proof};
use self::call::{Answer, Http, NOT_TRUSTED, Trust, judge};
pub(crate) use self::call::{Failure, safe_url};
pub use self::directory::{Admission, DirectoryAdmin};
use self::endpoints::sign_in;
pub use self::guest::DirectoryName;
pub(crate) use self::usage::UsageReading;
use crate::environment::Environment;
use crate::files::small_text;
use crate::status::Reporter;
use crate::trouble::Trouble;

const ACTIVATION_VERSION: &str = "2016-01-01";
const SUBSCRIPTIONS_VERSION: &str = "2015-11-01";
/// What the subscription of a stack's operator is called on every stack.
const PROVIDER_NAME: &str = "Default Provider Subscription";

/// How a stack is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackAddress {
    /// Its admin endpoint of Azure Resource Manager.
    pub endpoint: String,
    /// A file with the certificates that it is trusted by, and no others.
    pub ca: Option<PathBuf>,
    /// The directory of the account, where the stack does not have its own.
    pub tenant: Option<String>,
    /// The account.
    pub account: Account,
    /// The subscription of the stack's operator; found by itself if there is no doubt.
    pub provider_subscription: Option<String>,
}

/// A stack whose authority is known.
pub(crate) struct Stack {
    http: Http,
    arm: Url,
    authority: Authority,
    /// Where its directories are.
    authority_url: Url,
    provider: String,
    pub(crate) environment: Environment,
}

impl Stack {
    /// Finds out where the stack's tokens come from and what its operator's subscription is.
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) async fn connect(
        address: &StackAddress,
        environment: &Environment,
        reporter: &Reporter,
    ) -> Result<Arc<Self>, Failure> {
        let (arm, http, certificates) = open(address).map_err(Failure::Refused)?;
        let endpoints = ask_anonymously(&http, &arm, environment).await?;
        let now = environment.clock.now();
        if names_a_host(&endpoints) && who::is_server(&http, &arm, now).await {
            return Err(Failure::Refused(endpoint_is_server(&arm)));
        }
        let sign_in = sign_in(endpoints, address.tenant.as_deref()).map_err(Failure::Refused)?;
        // A stack's own certificate proves nothing about a directory elsewhere.
        let direct = is_loopback(&sign_in.token_endpoint);
        let login = Http::new(Trust::Also(&certificates), direct).map_err(Failure::Refused)?;
        let authority_url = sign_in.authority.clone();
        let mut stack = Self {
            http,
            arm,
            authority: Authority::new(login, sign_in, address.account.clone()),
            authority_url,
            provider: address.provider_subscription.clone().unwrap_or_default(),
            environment: environment.clone(),
        };
        if stack.provider.is_empty() {
            stack.provider = stack.find_provider(reporter).await?;
        }
        Ok(Arc::new(stack))
    }

    /// How the stack is called in messages.
    pub(crate) fn name(&self) -> String {
        format!("the stack at {}", self.arm.as_str().trim_end_matches('/'))
    }

    /// Where its directories are.
    pub(crate) const fn authority_url(&self) -> &Url {
        &self.authority_url
    }

    /// The subscription of the stack's operator.
    pub(crate) fn provider(&self) -> &str {
        &self.provider
    }

    /// What the stack was activated with; none if it was not.
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) async fn activation(&self) -> Result<Option<Activation>, Failure> {
        let mut url = self.url(&[
            "subscriptions",
            &self.provider,
            "resourceGroups",
            "azurestack-activation",
            "providers",
            "Microsoft.AzureBridge.Admin",
            "activations",
            "default",
        ]);
        url.query_pairs_mut()
            .append_pair("api-version", ACTIVATION_VERSION);
        let answer = self.send(Method::GET, &url, None).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        judge(&answer, &self.name())?;
        self.json(&answer.body).map(Some)
    }

    async fn find_provider(&self, reporter: &Reporter) -> Result<String, Failure> {
        let mut url = self.url(&["subscriptions"]);
        url.query_pairs_mut()
            .append_pair("api-version", SUBSCRIPTIONS_VERSION);
        let seen: VisibleSubscriptions = self.ask(reporter, &url, |body: Vec<u8>| self.json(&body)).await?;
        let seen = seen.into_vec();
        let named = seen.iter().filter(|it| {
            it.display_name
                .as_deref()
                .is_some_and(|name| name.eq_ignore_ascii_case(PROVIDER_NAME))
        });
        let mut candidates: Vec<_> = named.collect();
        if candidates.is_empty() {
            candidates = seen.iter().collect();
        }
        match candidates.as_slice() {
            [only] => Ok(only.subscription_id.clone()),
            _ => {
                let message = format!(
                    "The account sees {} subscriptions of the stack, and which one is its operator's is not clear.",
                    seen.len()
                );
                let advice = format!(
                    "Set `provider-subscription` of the stack to the id of its \"{PROVIDER_NAME}\", and give the \
                     account the role Reader there."
                );
                Err(Failure::Refused(Trouble::new(
                    "ProviderSubscriptionUnknown",
                    message,
                    advice,
                )))
            }
        }
    }

    /// A URL of the stack's API.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.arm.clone();
        // An https or http URL always has a path to add to.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// Asks, again and again while that may help and somebody has the patience, and tells the reporter meanwhile.
    async fn ask<T>(
        &self,
        reporter: &Reporter,
        url: &Url,
        read: impl Fn(Vec<u8>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut failures = 0;
        loop {
            let answer = self.send(Method::GET, url, None).await;
            let outcome = answer.and_then(|answer| {
                judge(&answer, &self.name())?;
                read(answer.body)
            });
            match outcome {
                // Who is not trusted will not be, by this connection.
                Err(Failure::Temporary(trouble, asked))
                    if trouble.code != NOT_TRUSTED && reporter.is_patient(failures) =>
                {
                    failures += 1;
                    let wait = self.environment.wait_after(failures, asked);
                    reporter.failed(&trouble, failures, wait);
                    self.environment.timer.pause(wait).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Sends a request with a token, and once more with another one if the first is not accepted.
    async fn send(&self, method: Method, url: &Url, body: Option<&str>) -> Result<Answer, Failure> {
        let token = self.authority.token(&self.environment, None).await?;
        let answer = self.send_as(&token, method.clone(), url, body).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        let another = self.authority.token(&self.environment, Some(&token)).await?;
        self.send_as(&another, method, url, body).await
    }

    async fn send_as(
        &self,
        token: &str,
        method: Method,
        url: &Url,
        body: Option<&str>,
    ) -> Result<Answer, Failure> {
        let mut request = self
            .http
            .client()
            .request(method, url.clone())
            .bearer_auth(token)
            .header("accept", "application/json");
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_owned());
        }
        self.http
            .send(request, self.environment.clock.now(), &self.name())
            .await
    }

    fn json<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(body).map_err(|error| broken(&self.name(), &error))
    }
}

fn broken(whom: &str, error: &serde_json::Error) -> Failure {
    Failure::temporary(
        "AnswerBroken",
        format!("The answer of {whom} cannot be read: {error}."),
    )
}

/// Whether tokens are for a host and nothing below it. A stack's are for one with the id of its directory.
fn names_a_host(endpoints: &AdminEndpoints) -> bool {
    let audience = endpoints.authentication.audiences.first();
    let audience = audience.and_then(|it| it.parse::<Url>().ok());
    audience.is_some_and(|it| it.path() == "/")
}

fn endpoint_is_server(arm: &Url) -> Trouble {
    Trouble::new(
        "EndpointIsServer",
        format!(
            "What answers at {} is a Meterbridge server and no stack.",
            arm.as_str().trim_end_matches('/')
        ),
        "Set `endpoint` of the stack to its admin endpoint of Azure Resource Manager, such as \
         https://adminmanagement.local.azurestack.external. The server is what `url` of [server] names.",
    )
}

/// The certificates in a file that is trusted by; none without one.
fn certificates(file: Option<&Path>) -> Result<Vec<Certificate>, Trouble> {
    let Some(path) = file else {
        return Ok(Vec::new());
    };
    Certificate::from_pem_bundle(small_text(path)?.as_bytes())
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| {
            Trouble::new(
                "InvalidSettings",
                format!("{} is no certificate.", path.display()),
                "Set `ca` to a file with text that begins with -----BEGIN CERTIFICATE-----.",
            )
        })
}

/// Whether a stack is at this URL, where a server was expected. What cannot be found out is not so.
pub(crate) async fn is_stack_at(url: &str, ca: Option<&Path>, now: Timestamp) -> bool {
    let (Ok(url), Ok(certificates)) = (safe_url(url), certificates(ca)) else {
        return false;
    };
    match Http::new(Trust::Only(&certificates), is_loopback(&url)) {
        Ok(http) => who::is_stack(&http, &url, now).await,
        Err(_) => false,
    }
}

/// The address, a client for it, and the certificates that it trusts.
fn open(address: &StackAddress) -> Result<(Url, Http, Vec<Certificate>), Trouble> {
    let invalid = |message: String, advice: &str| Trouble::new("InvalidSettings", message, advice);
    let arm = safe_url(&address.endpoint).map_err(|why| {
        invalid(
            format!("The endpoint {why}."),
            "Set `endpoint` to the stack's admin endpoint, such as https://adminmanagement.local.azurestack.external.",
        )
    })?;
    let certificates = certificates(address.ca.as_deref())?;
    let http = Http::new(Trust::Only(&certificates), is_loopback(&arm))?;
    Ok((arm, http, certificates))
}

async fn ask_anonymously(
    http: &Http,
    arm: &Url,
    environment: &Environment,
) -> Result<AdminEndpoints, Failure> {
    let url = who::metadata_url(arm, endpoints::VERSION);
    let whom = format!("the stack at {}", arm.as_str().trim_end_matches('/'));
    let answer = http
        .send(http.client().get(url), environment.clock.now(), &whom)
        .await?;
    judge(&answer, &whom)?;
    serde_json::from_slice(&answer.body).map_err(|error| broken(&whom, &error))
}
