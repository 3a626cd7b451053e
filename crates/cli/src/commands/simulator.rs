//! `simulator`: a stack that does not exist, served like a real one.

mod files;

use std::fs;
use std::net::TcpListener;
use std::num::NonZeroU16;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::registration::BillingModel;
use domain::time::{Hour, Period};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use server::{Clock as _, Random as _, Tls};
use simulator::{
    Account, AccountCertificate, AdminApi, Faults, ServiceFaults, Stack, StackCertificate, StackSpec,
    TenantSpec,
};

use self::files::{keep_configuration, write_new, write_token};
use crate::args::{SimulatorCommand, SimulatorServeArgs};
use crate::commands::minute;
use crate::environment::{SystemClock, SystemRandom};
use crate::failure::Failure;
use crate::long_running::Stop;
use crate::printer::Printer;
use crate::settings::small_text;

/// By what the account of the bridge is known.
const CLIENT_ID: &str = "bridge";
const REGION: &str = "simulated";

/// Where the stack is, and what a bridge needs for it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Served {
    endpoint: String,
    cloud_id: String,
    provider_subscription_id: String,
    ca_certificate: PathBuf,
    client_id: &'static str,
    secret_file: PathBuf,
    certificate_file: PathBuf,
    key_file: PathBuf,
    registration_token_file: PathBuf,
    bridge_configuration: PathBuf,
    /// The hours in which it is used.
    used_from: String,
    used_to: String,
}

/// Carries a command out.
///
/// # Errors
/// If it cannot be.
pub(super) async fn simulator(command: SimulatorCommand, printer: &Printer) -> Result<(), Failure> {
    match command {
        SimulatorCommand::Serve(args) => serve(&args, printer).await,
    }
}

async fn serve(args: &SimulatorServeArgs, printer: &Printer) -> Result<(), Failure> {
    let stop = Stop::listen()?;
    let now = SystemClock.now();
    let stack = stack(args, now)?;
    let listener =
        TcpListener::bind(args.listen).and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
    let (port, listener) = listener.map_err(|error| {
        Failure::new(format!("Nothing can listen at {}.", args.listen))
            .because(error.to_string())
            .hint("Give --listen an address that is free, such as 127.0.0.1:0 for any port.")
    })?;
    let endpoint = format!("https://localhost:{port}");
    let folder = Folder(args.directory.clone());
    folder.make()?;
    let (certificate, account) = (folder.stack_certificate(now)?, folder.account(now)?);
    let served = folder.describe(&endpoint, &stack);
    let token = stack.registration_token(BillingModel::PayAsYouUse);
    write_token(&served.registration_token_file, &token, printer)?;
    let configuration = configuration(args, &stack, &served);
    keep_configuration(&served.bridge_configuration, &configuration, printer)?;
    let clock_ahead = SignedDuration::from_mins(args.clock_ahead.into());
    let api = AdminApi {
        registration: Some(registration(&stack)),
        stack: Arc::new(stack),
        base_url: endpoint,
        account: Some(account),
        now: Arc::new(move || {
            let now = SystemClock.now();
            now.saturating_add(clock_ahead).unwrap_or(now)
        }),
        page_size: usize::try_from(args.page_size).unwrap_or(usize::MAX),
        faults: Arc::new(ServiceFaults::new(args.seed, args.faults)),
    };
    let by_its_clock = now.saturating_add(clock_ahead).unwrap_or(now);
    announce(&served, Hour::containing(by_its_clock), printer)?;
    tokio::select! {
        served = simulator::serve(api, listener, Some(certificate)) => {
            served.map_err(|error| Failure::new("The listener failed.").because(error.to_string()))
        }
        () = stop.told() => {
            printer.note("Stopped.");
            Ok(())
        }
    }
}

fn announce(served: &Served, now: Hour, printer: &Printer) -> Result<(), Failure> {
    printer.note(&format!(
        "A stack that does not exist answers at {} (cloud id {}).",
        served.endpoint, served.cloud_id
    ));
    printer.note(&format!(
        "What a bridge needs for it is in {}; its configuration is {}.",
        served.ca_certificate.parent().unwrap_or(Path::new(".")).display(),
        served.bridge_configuration.display()
    ));
    printer.note(&used(&served.used_from, &served.used_to, &now.to_string()));
    printer.note("Stop it with Ctrl-C.");
    printer.show_to_programs(served)
}

/// Of which hours it has usage, and what of that can be read in this hour of its clock.
fn used(from: &str, to: &str, now: &str) -> String {
    // Times of one form are in the order of their texts.
    let readable = if now >= to {
        "all of that can be read".to_owned()
    } else if now > from {
        format!(
            "what is before {} can be read, and every further hour when it is over",
            minute(now)
        )
    } else {
        "nothing of that can be read before it has happened (--month serves another one)".to_owned()
    };
    format!(
        "It is used from {} to {} UTC: {readable}.",
        minute(from),
        minute(to)
    )
}

/// A stack of two directories: its own, and a guest.
fn stack(args: &SimulatorServeArgs, now: Timestamp) -> Result<Stack, Failure> {
    let invalid = |error: String| Failure::new("There can be no such stack.").because(error);
    let month: Period = match &args.month {
        Some(month) => month.parse().map_err(|error| invalid(format!("{error}")))?,
        None => Hour::containing(now).period(),
    };
    let tenant = |number: u8, domain: &str, local_subscriptions| TenantSpec {
        id: domain::ids::TenantId::from_bytes([
            0x5e, 0xed, 0, number, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, number,
        ]),
        domain: domain.to_owned(),
        local_subscriptions,
    };
    Stack::new(StackSpec {
        seed: args.seed,
        cloud_id: (args.cloud_id.parse()).map_err(|error| invalid(format!("{error}")))?,
        region: REGION.to_owned(),
        month,
        tenants: vec![
            tenant(2, "contoso.onmicrosoft.com", 3),
            tenant(3, "fabrikam.onmicrosoft.com", 2),
        ],
        records_min: args.records,
        hours_apart: NonZeroU16::MIN,
        faults: Faults::usual(),
    })
    .map_err(|error| invalid(error.to_string()))
}

/// The registration that the stack says it was activated with: its name says the cloud id, as by convention.
fn registration(stack: &Stack) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/AzureStack-{}",
        stack.provider_subscription(),
        stack.spec().cloud_id
    )
}

/// The configuration of a bridge. Paths in it are relative to its folder, but for that of the server's CA.
fn configuration(args: &SimulatorServeArgs, stack: &Stack, served: &Served) -> String {
    // A text of JSON is one of TOML, too.
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let of_data = || args.data.as_deref().map(Tls::ca_certificate_path);
    let ca = args.ca.clone().or_else(of_data).map(|path| {
        let path = fs::canonicalize(&path).unwrap_or(path);
        format!("ca = {}\n", text(&path.display().to_string()))
    });
    format!(
        "[server]\nurl = {url}\n{ca}\n\
         [spool]\ndirectory = \"spool\"\n\n\
         [[stack]]\nname = \"simulated\"\nendpoint = {endpoint}\nca = \"ca.pem\"\nclient-id = \"{CLIENT_ID}\"\n\
         secret-file = \"bridge.secret\"\n\
         # `meterbridge registration activation-key {cloud_id}` prints it, once the stack is registered.\n\
         activation-key-file = \"activation.key\"\nstart = \"{start}\"\n",
        url = text(&args.url),
        ca = ca.unwrap_or_default(),
        endpoint = text(&served.endpoint),
        cloud_id = served.cloud_id,
        start = stack.month().start(),
    )
}

/// The directory of a simulated stack.
struct Folder(PathBuf);

impl Folder {
    fn make(&self) -> Result<(), Failure> {
        let mut builder = fs::DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(&self.0);
        made.map_err(|error| Failure::file(&self.0, &error))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn describe(&self, endpoint: &str, stack: &Stack) -> Served {
        Served {
            endpoint: endpoint.to_owned(),
            cloud_id: stack.spec().cloud_id.to_string(),
            provider_subscription_id: stack.provider_subscription().to_string(),
            ca_certificate: self.file("ca.pem"),
            client_id: CLIENT_ID,
            secret_file: self.file("bridge.secret"),
            certificate_file: self.file("bridge.crt"),
            key_file: self.file("bridge.keyfile"),
            registration_token_file: self.file("registration.token"),
            bridge_configuration: self.file("bridge.toml"),
            used_from: stack.month().start().to_string(),
            used_to: stack.month().end().to_string(),
        }
    }

    fn stack_certificate(&self, now: Timestamp) -> Result<StackCertificate, Failure> {
        let (authority, certificate, key) = (
            self.file("ca.pem"),
            self.file("stack.crt"),
            self.file("stack.keyfile"),
        );
        if !key.exists() {
            let made = StackCertificate::make(now).map_err(|error| unusable(&error))?;
            write_new(&authority, &made.authority)?;
            write_new(&certificate, &made.certificate)?;
            write_new(&key, &made.key)?;
        }
        Ok(StackCertificate {
            authority: small_text(&authority)?,
            certificate: small_text(&certificate)?,
            key: small_text(&key)?,
        })
    }

    fn account(&self, now: Timestamp) -> Result<Account, Failure> {
        let (secret, certificate, key) = (
            self.file("bridge.secret"),
            self.file("bridge.crt"),
            self.file("bridge.keyfile"),
        );
        if !secret.exists() {
            write_new(&secret, &SystemRandom.uuid().simple().to_string())?;
        }
        if !key.exists() {
            let made = AccountCertificate::make(now).map_err(|error| unusable(&error))?;
            write_new(&certificate, &made.certificate)?;
            write_new(&key, &made.key)?;
        }
        let made = AccountCertificate::of(small_text(&certificate)?, small_text(&key)?);
        Ok(Account {
            client_id: CLIENT_ID.to_owned(),
            secret: small_text(&secret)?,
            certificate_key: Some(made.map_err(|error| unusable(&error))?.public_key),
        })
    }
}

fn unusable(error: &simulator::CertificateError) -> Failure {
    Failure::new("The certificates of the stack cannot be made or used.")
        .because(error.to_string())
        .hint("Give --directory a new directory: it is made there anew.")
}

#[cfg(test)]
mod tests {
    use super::used;

    #[test]
    fn it_is_said_which_hours_have_usage_that_can_be_read() {
        let said = |now: &str| used("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z", now);
        let month = "It is used from 2026-10-01 00:00 to 2026-11-01 00:00 UTC: ";
        for (now, expected) in [
            ("2026-11-22T14:00:00Z", "all of that can be read."),
            (
                "2026-10-05T14:00:00Z",
                "what is before 2026-10-05 14:00 can be read, and every further hour when it is over.",
            ),
            (
                "2026-10-01T00:00:00Z",
                "nothing of that can be read before it has happened",
            ),
        ] {
            assert!(
                said(now).starts_with(&format!("{month}{expected}")),
                "{}",
                said(now)
            );
        }
    }
}
