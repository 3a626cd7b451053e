//! Requests that schemathesis makes up from a description, and what they are answered.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::house::{House, TENANT};
use super::installation::{Clients, attempt, swagger};

/// For one description.
const LIMIT: Duration = Duration::from_secs(240);
/// Of each operation.
const EXAMPLES: &str = "12";
const STACK: &str = "3a4a1c1e-0f4b-4f0a-9d55-6a3b0f2c7d11";

/// A house with a registered stack, and schemathesis, who is an operator there.
struct Trial<'a> {
    clients: &'a Clients,
    house: House<'a>,
}

impl<'a> Trial<'a> {
    fn begin(clients: &'a Clients) -> Self {
        let house = House::open(clients);
        Self { clients, house }
    }

    /// Registers the stack, if what schemathesis made up undid that.
    fn register(&self) {
        let subscription = self.house.setting("METERBRIDGE_SUBSCRIPTION");
        let stack = ["--cloud-id", STACK, "--subscription", subscription];
        let server = &self.house.server;
        server.run("registration register", &stack).done();
        server.run("registration approve", &[STACK]).done();
    }

    /// Lets schemathesis try the server against a description, with what it allows and with what it does not. These
    /// parameters always have this value.
    fn against(&self, description: &str, parameters: &[(&str, &str)]) -> Result<String, String> {
        self.register();
        let server = &self.house.server;
        let parameters: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut schemathesis = self.clients.schemathesis();
        schemathesis
            .args([description, "--max-examples", EXAMPLES])
            // Straight at the server: what the proxy would write down is checked here already.
            .env("METERBRIDGE_URL", format!("https://{}", server.address))
            .env("METERBRIDGE_CA", server.ca())
            .env("METERBRIDGE_TOKEN", &server.credential)
            .env("METERBRIDGE_PARAMETERS", parameters.join(" "))
            .env("METERBRIDGE_CLOUD_ID", STACK);
        attempt(&mut schemathesis, LIMIT).map_err(|problem| format!("{description}: {problem}"))
    }

    /// The id of the first that this command lists.
    fn first(&self, command: &str) -> String {
        let listed = self.house.server.json(command, &[]);
        listed[0]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{command}: {listed}"))
            .to_owned()
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn whatever_is_sent_to_azures_paths_is_answered_as_the_swagger_says() {
    let test = "whatever_is_sent_to_azures_paths_is_answered_as_the_swagger_says";
    let (Some(clients), Some(swagger)) = (Clients::find(test), swagger("NOT RUN", test)) else {
        return;
    };
    let trial = Trial::begin(&clients);
    let name = format!("AzureStack-{STACK}");
    let parameters = [
        ("subscriptionId", trial.house.setting("METERBRIDGE_SUBSCRIPTION")),
        ("resourceGroup", "azurestack"),
        ("registrationName", &name),
        (
            "customerSubscriptionName",
            trial.house.setting("METERBRIDGE_CUSTOMER_SUBSCRIPTION"),
        ),
    ];
    let versions = files(&swagger).into_iter().filter(|path| path.is_dir());
    let descriptions = versions.flat_map(|version| files(&version));
    let mut problems = Vec::new();
    for path in descriptions.filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
        // Of what is there, then of what is not.
        for parameters in [parameters.as_slice(), &[]] {
            match trial.against(&path.display().to_string(), parameters) {
                Ok(said) => println!("{}: {}", path.display(), outcome(&said)),
                Err(problem) => problems.push(problem),
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

#[test]
fn whatever_is_sent_to_our_own_api_is_answered_as_its_description_says() {
    let test = "whatever_is_sent_to_our_own_api_is_answered_as_its_description_says";
    let Some(clients) = Clients::find(test) else {
        return;
    };
    let trial = Trial::begin(&clients);
    let known = [
        (
            "subscriptionId",
            trial.house.setting("METERBRIDGE_SUBSCRIPTION").to_owned(),
        ),
        ("directoryId", TENANT.to_owned()),
        (
            "applicationId",
            trial.house.setting("METERBRIDGE_CLIENT_ID").to_owned(),
        ),
        (
            "principalId",
            trial.house.setting("METERBRIDGE_PRINCIPAL").to_owned(),
        ),
        ("cloudId", STACK.to_owned()),
        ("partnerId", trial.first("partner list")),
        ("customerId", trial.first("customer list")),
        ("userId", trial.first(&format!("user list --directory {TENANT}"))),
    ];
    let known: Vec<(&str, &str)> = known
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let description = format!("https://{}/api/v1/openapi.json", trial.house.server.address);
    // Of what is not there, then of what is.
    for parameters in [&[], known.as_slice()] {
        let tried = trial.against(&description, parameters);
        println!(
            "{}",
            outcome(&tried.unwrap_or_else(|problem| panic!("{problem}")))
        );
    }
}

/// How many requests were made.
fn outcome(said: &str) -> &str {
    said.lines()
        .find(|line| line.contains(" generated, "))
        .unwrap_or_default()
        .trim()
}
