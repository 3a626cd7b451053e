//! An OpenID provider that is not ours, trusted by the server: `oidc-provider` as it comes from its registry.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::house::{TENANT, certificates};
use super::installation::{Background, Clients, run};
use crate::server::Server;

const LIMIT: Duration = Duration::from_secs(30);
const KEYS_ARE_KNOWN_WITHIN: Duration = Duration::from_secs(60);
const AUDIENCE: &str = "api://bills";
const AUDIENCE_OF_OTHERS: &str = "api://wages";
const APPLICATION: &str = "5e0c7a94-3d1f-4b8a-8c62-9f4e1d7b2a60";
const OBJECT: &str = "71b6f2d8-0a9c-4e35-b7d4-2c8e5f1a3096";
/// Its id here: `uuidgen --sha1 --namespace TENANT --name OBJECT`.
const OBJECT_HERE: &str = "0db0ce88-d57b-5195-8aba-09661d63683f";

/// A provider, and the application that signs in there.
struct Provider<'a> {
    clients: &'a Clients,
    process: Background,
    folder: TempDir,
}

impl<'a> Provider<'a> {
    fn start(clients: &'a Clients, data: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificates(clients, data, folder.path());
        let ca = data.join("tls/ca.pem");
        let mut command = clients.node("oidc/provider.mjs", &ca);
        command
            .env("OIDC_CERTIFICATE", folder.path().join("localhost.pem"))
            .env("OIDC_KEY", folder.path().join("localhost.key"))
            .env("OIDC_AUDIENCES", format!("{AUDIENCE} {AUDIENCE_OF_OTHERS}"))
            .env("OIDC_TENANT", TENANT)
            .env("OIDC_OBJECT_ID", OBJECT);
        let process = Background::start(application(&mut command));
        let trusted = json!([{ "issuer": process.address, "audiences": [AUDIENCE], "tenantIds": [TENANT], "caFile": ca }]);
        std::fs::write(folder.path().join("issuers.json"), trusted.to_string()).unwrap();
        Self {
            clients,
            process,
            folder,
        }
    }

    /// A server that trusts this provider, and nobody at first.
    fn trusted(clients: &'a Clients) -> (Self, Server) {
        let mut provider = None;
        let server = Server::start_with(|data, serve| {
            let provider = provider.insert(Self::start(clients, data));
            serve
                .arg("--external-issuers")
                .arg(provider.folder.path().join("issuers.json"));
        });
        (provider.unwrap(), server)
    }

    fn token(&self, server: &Server, audience: &str) -> String {
        let mut command = self.clients.node("oidc/token.mjs", &server.ca());
        command.args([&self.process.address, audience]);
        run(application(&mut command), LIMIT).trim().to_owned()
    }

    fn rotate_keys(&self) {
        let id = self.process.id().to_string();
        let mut hang_up = Command::new("kill");
        assert!(hang_up.args(["-HUP", &id]).status().unwrap().success());
    }
}

fn application(command: &mut Command) -> &mut Command {
    command
        .env("OIDC_CLIENT_ID", APPLICATION)
        .env("OIDC_CLIENT_SECRET", "as good as any")
}

/// What the server answers somebody with this token.
fn ask(clients: &Clients, server: &Server, token: &str) -> Value {
    let mut command = clients.node("oidc/ask.mjs", &server.ca());
    command.arg(&server.url).env("TOKEN", token);
    let said = run(&mut command, LIMIT);
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

#[track_caller]
fn assert_refused(answer: &Value, status: u16, code: &str) {
    assert_eq!(answer["status"], status, "{answer}");
    assert_eq!(answer["body"]["error"]["code"], code, "{answer}");
}

#[test]
fn tokens_of_a_trusted_issuer_are_taken_and_those_for_somebody_else_are_not() {
    let test = "tokens_of_a_trusted_issuer_are_taken_and_those_for_somebody_else_are_not";
    let Some(clients) = Clients::find(test) else {
        return;
    };
    let (provider, server) = Provider::trusted(&clients);
    let partner = server.json("partner create --kind direct-bill --name Northwind", &[]);
    let own = ["--partner", partner["id"].as_str().unwrap(), "--tenant", TENANT];
    let subscription = server.json(
        "subscription create --kind partner-shared-services --name Stacks",
        &own,
    );
    let reader = [
        "--subscription",
        subscription["id"].as_str().unwrap(),
        "--principal",
        OBJECT_HERE,
    ];
    server
        .run(
            "role assign --role Reader --principal-kind service-principal",
            &reader,
        )
        .done();

    let answer = ask(&clients, &server, &provider.token(&server, AUDIENCE));
    assert_eq!(answer["status"], 200, "{answer}");
    let me = &answer["body"];
    assert_eq!(
        (&me["id"], &me["tenantId"]),
        (&json!(OBJECT_HERE), &json!(TENANT)),
        "{answer}"
    );
    assert_eq!(me["applicationId"], APPLICATION, "{answer}");
    assert_eq!(me["roleAssignments"][0]["roleName"], "Reader", "{answer}");

    let answer = ask(&clients, &server, &provider.token(&server, AUDIENCE_OF_OTHERS));
    assert_refused(&answer, 401, "InvalidAuthenticationTokenAudience");
    let challenge = answer["challenge"].as_str().unwrap_or_default();
    assert!(
        challenge.starts_with("Bearer ") && challenge.contains("invalid_token"),
        "{challenge}"
    );
}

#[test]
fn an_issuer_that_takes_a_new_key_or_goes_away_costs_no_token_that_could_be_checked_before() {
    let test = "an_issuer_that_takes_a_new_key_or_goes_away_costs_no_token_that_could_be_checked_before";
    let Some(clients) = Clients::find(test) else {
        return;
    };
    let (provider, server) = Provider::trusted(&clients);
    let is_taken = |token: &str| {
        let answer = ask(&clients, &server, token);
        assert_eq!(answer["status"], 200, "{answer}");
    };
    let old = provider.token(&server, AUDIENCE);
    is_taken(&old);
    provider.rotate_keys();
    let new = provider.token(&server, AUDIENCE);
    // An issuer is not asked for its keys more often than twice a minute, whatever tokens are sent.
    let start = Instant::now();
    while ask(&clients, &server, &new)["status"] != 200 {
        assert!(
            start.elapsed() < KEYS_ARE_KNOWN_WITHIN,
            "the new key is not known"
        );
        std::thread::sleep(Duration::from_secs(2));
    }
    is_taken(&old);

    provider.rotate_keys();
    let unseen = provider.token(&server, AUDIENCE);
    let issuers = provider.folder.path().join("issuers.json").display().to_string();
    let another = Server::start_with(|_, serve| {
        serve.args(["--external-issuers", &issuers]);
    });
    drop(provider.process);
    is_taken(&new);
    is_taken(&old);
    // Its key cannot be asked for any more: it is not taken, and the next token with a known key is.
    let answer = ask(&clients, &server, &unseen);
    assert_ne!(answer["status"], 200, "{answer}");
    is_taken(&new);
    // Who never knew a key says that it is not the token's fault.
    assert_refused(&ask(&clients, &another, &unseen), 503, "IssuerUnavailable");
}
