//! A server with a partner's house on it: what the clients work with.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::installation::{Background, Clients, run, swagger};
use crate::process::run_with;
use crate::server::Server;

/// The directory of the partner: its applications, its users, and its own subscription.
pub(super) const TENANT: &str = "b1e0c1b8-5a3f-4e52-8a44-0d7f8b3f5e21";
const TENANT_OF_CUSTOMER: &str = "c2d7a9f4-1b6e-4c3d-9e8f-5a4b3c2d1e0f";
const TENANT_OF_ANOTHER: &str = "d3e8b0a5-2c7f-4d4e-8f90-6b5c4d3e2f10";
const USER: &str = "anna@northwind.example";
const PASSWORD: &str = "a bridge, a meter, a bill";

/// The audience that Azure's JavaScript SDK asks a token for, whatever it talks to.
const AUDIENCE_OF_AZURE: &str = "https://management.azure.com";

/// The settings that somebody signs in with.
const SECRETS: [&str; 3] = [
    "METERBRIDGE_CREDENTIAL",
    "METERBRIDGE_CLIENT_SECRET",
    "METERBRIDGE_PASSWORD",
];

const SHORT: Duration = Duration::from_secs(60);

/// A server that clients reach through a recording proxy, and what was made there for them.
pub(super) struct House<'a> {
    clients: &'a Clients,
    pub(super) server: Server,
    // Dropped after the server, which it stands before.
    _proxy: Background,
    folder: TempDir,
    /// What the drivers take from their environment.
    settings: Vec<(&'static str, String)>,
}

impl<'a> House<'a> {
    pub(super) fn open(clients: &'a Clients) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut proxy = None;
        let server = Server::start_with(|data, serve| {
            certificates(clients, data, folder.path());
            let proxy = proxy.insert(start_proxy(clients, data, folder.path()));
            serve.args(["--public-url", &proxy.address, "--audience", AUDIENCE_OF_AZURE]);
        });
        let mut proxy = proxy.unwrap();
        proxy.tell(&format!("https://{}", server.address));
        let settings = furnish(&server, folder.path());
        Self {
            clients,
            server,
            _proxy: proxy,
            folder,
            settings,
        }
    }

    /// Lets a driver run, and looks at what it says of its steps.
    #[track_caller]
    pub(super) fn drive(&self, driver: &mut Command, limit: Duration) {
        let said = run(driver.envs(self.settings.iter().cloned()), limit);
        println!("{said}");
        assert!(said.ends_with("all steps passed\n"), "{said}");
        assert!(!said.lines().any(|line| line.starts_with("FAIL")), "{said}");
    }

    /// Holds every answer that went through the proxy to the published descriptions.
    #[track_caller]
    pub(super) fn assert_answers_are_as_described(&self, test: &str) {
        self.assert_nothing_recorded_lets_anybody_in();
        let Some(swagger) = swagger("RUN IN PART", test) else {
            return;
        };
        let mut validator = self.clients.node("oav/validate.mjs", &self.ca());
        let validator = validator
            .arg(self.recording())
            .env("METERBRIDGE_SWAGGER", swagger);
        println!("{}", run(validator, SHORT));
    }

    /// What was recorded may be kept and passed on.
    #[track_caller]
    fn assert_nothing_recorded_lets_anybody_in(&self) {
        let recorded = std::fs::read_to_string(self.recording()).unwrap();
        let secrets = SECRETS.map(|name| self.setting(name));
        // The last is what every signed token has in it.
        for secret in secrets.into_iter().chain(["\"authorization\":", ".eyJ"]) {
            let line = recorded.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} was recorded");
        }
    }

    pub(super) fn ca(&self) -> PathBuf {
        self.server.ca()
    }

    /// What the drivers are told under this name.
    pub(super) fn setting(&self, name: &str) -> &str {
        let found = self.settings.iter().find(|(known, _)| *known == name);
        found.map_or_else(|| panic!("{name} is not set"), |(_, value)| value)
    }

    fn recording(&self) -> PathBuf {
        recording(self.folder.path())
    }
}

fn recording(folder: &Path) -> PathBuf {
    folder.join("pairs.ndjson")
}

/// Makes certificates that those who trust the server trust, for what stands beside it, and one for an application.
pub(super) fn certificates(clients: &Clients, data: &Path, folder: &Path) {
    let mut made = clients.python("python/certificates.py");
    made.arg(data.join("tls/ca.pem"))
        .arg(data.join("tls/ca.key"))
        .arg(folder);
    run(&mut made, SHORT);
}

fn start_proxy(clients: &Clients, data: &Path, folder: &Path) -> Background {
    let ca = data.join("tls/ca.pem");
    let mut proxy = clients.node("oav/record.mjs", &ca);
    proxy
        .env("RECORD_CERTIFICATE", folder.join("localhost.pem"))
        .env("RECORD_KEY", folder.join("localhost.key"))
        .env("RECORD_UPSTREAM_CA", ca)
        .env("RECORD_FILE", recording(folder));
    Background::start(&mut proxy)
}

/// The text that a command answers in this member.
#[track_caller]
fn made(server: &Server, command: &str, more: &[&str], member: &str) -> String {
    let answer = server.json(command, more);
    let text = answer.get(member).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("{command}: no {member} in {answer}"))
        .to_owned()
}

/// Makes, as an operator does, what the drivers' settings name.
fn furnish(server: &Server, folder: &Path) -> Vec<(&'static str, String)> {
    let partner = partner(server, "Northwind");
    let customer_subscription = sold(server, &partner, "Fjordbank", TENANT_OF_CUSTOMER);
    let another = self::partner(server, "Harbour");
    let foreign_subscription = sold(server, &another, "Quayside", TENANT_OF_ANOTHER);
    let own = [
        "--name",
        "Northwind stacks",
        "--partner",
        &partner,
        "--tenant",
        TENANT,
    ];
    let subscription = made(
        server,
        "subscription create --kind partner-shared-services",
        &own,
        "id",
    );
    let card = ["--name", "By card", "--tenant", TENANT_OF_CUSTOMER];
    let non_csp_subscription = made(server, "subscription create --kind pay-as-you-go", &card, "id");

    let directory = ["--id", TENANT, "--name", "Northwind", "--partner", &partner];
    server
        .run("directory create --domain northwind.example", &directory)
        .done();
    let mut user = server.command("user create --display-name Anna --password-file -", &[USER]);
    run_with(&mut user, PASSWORD).done();
    let application = application(server, "Registrar");
    let secret = made(server, "application add-secret", &[&application.id], "text");
    let certificate = folder.join("application.pem").display().to_string();
    server
        .run("application add-certificate", &[&application.id, &certificate])
        .done();
    let everything = ["--subscription", &subscription, "--application", &application.id];
    server.run("role assign --role Owner", &everything).done();
    server
        .run(
            "role assign --role Reader",
            &["--subscription", &subscription, "--user", USER],
        )
        .done();
    // Only who sees a subscription of somebody else is told of what kind it is.
    server
        .run(
            "role assign --role Reader",
            &[
                "--subscription",
                &non_csp_subscription,
                "--application",
                &application.id,
            ],
        )
        .done();

    let bridge = self::application(server, "Bridge");

    vec![
        ("METERBRIDGE_URL", server.url.clone()),
        ("METERBRIDGE_CA", server.ca().display().to_string()),
        ("METERBRIDGE_CREDENTIAL", server.credential.clone()),
        ("METERBRIDGE_TENANT", TENANT.to_owned()),
        ("METERBRIDGE_CLIENT_ID", application.id),
        ("METERBRIDGE_CLIENT_SECRET", secret),
        ("METERBRIDGE_CLIENT_CERTIFICATE", certificate),
        ("METERBRIDGE_USER", USER.to_owned()),
        ("METERBRIDGE_PASSWORD", PASSWORD.to_owned()),
        ("METERBRIDGE_PRINCIPAL", bridge.principal),
        ("METERBRIDGE_PRINCIPAL_APPLICATION", bridge.id),
        ("METERBRIDGE_SUBSCRIPTION", subscription),
        ("METERBRIDGE_CUSTOMER_SUBSCRIPTION", customer_subscription),
        ("METERBRIDGE_FOREIGN_SUBSCRIPTION", foreign_subscription),
        ("METERBRIDGE_NON_CSP_SUBSCRIPTION", non_csp_subscription),
    ]
}

fn partner(server: &Server, name: &str) -> String {
    made(
        server,
        "partner create --kind direct-bill",
        &["--name", name],
        "id",
    )
}

/// A CSP subscription that a partner sells to a customer.
fn sold(server: &Server, partner: &str, name: &str, tenant: &str) -> String {
    let customer = ["--name", name, "--partner", partner, "--tenant", tenant];
    let customer = made(server, "customer create", &customer, "id");
    let csp = [
        "--name",
        name,
        "--partner",
        partner,
        "--customer",
        &customer,
        "--tenant",
        tenant,
    ];
    made(server, "subscription create --kind csp", &csp, "id")
}

/// An application of the partner's directory.
struct Application {
    id: String,
    /// The object id of its service principal.
    principal: String,
}

fn application(server: &Server, name: &str) -> Application {
    let made = server.json("application create", &["--directory", TENANT, "--name", name]);
    let text = |member: &str| made[member].as_str().unwrap_or_default().to_owned();
    Application {
        id: text("id"),
        principal: text("servicePrincipalId"),
    }
}
