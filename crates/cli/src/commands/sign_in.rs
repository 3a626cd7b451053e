//! `login`, `logout` and `whoami`.

use std::path::PathBuf;

use client::Client;
use client::sign_in::{Proof, Secret, Tokens};
use serde::Serialize;
use wire::api::{CallerKind, Me, PartnerRole};

use super::directories::partner_role_in_words;
use crate::args::{LoginArgs, LogoutArgs, WhoamiArgs};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::secrets;
use crate::settings;
use crate::sign_ins::{Application, ProofFile, SignIn, SignIns, prove};
use crate::table::{Table, left};

/// Somebody signed out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignedOut {
    /// Of these servers.
    servers: Vec<String>,
}

pub(super) async fn login(args: LoginArgs, printer: &Printer) -> Result<(), Failure> {
    let sign_ins = SignIns::of(&args.server)?;
    let client = settings::anonymous_client(&args.server, None)?;
    let ca = settings::ca_file(&args.server)
        .map(|path| absolute(&path))
        .transpose()?;
    let application = args.client_id.is_some().then(|| application(&args)).transpose()?;
    let tokens = match &application {
        Some(application) => sign_in_application(&client, &args, application).await?,
        None => sign_in_on_device(&client, args.directory.as_deref(), printer).await?,
    };
    let sign_in = SignIn::new(tokens, args.directory, application, ca);
    let me = client.with_credential(sign_in.credential()).me().await?;
    let ends = sign_in.ends().map(str::to_owned);
    sign_ins.keep(client.server(), sign_in)?;
    printer.note(&format!("Signed in to {} as {}.", client.server(), me.name));
    if let Some(ends) = ends {
        printer.note(&format!(
            "The sign-in ends at {ends}, as the secret is kept nowhere."
        ));
    }
    if settings::operator_credential(&args.server)?.is_some() {
        printer.warning(
            "an operator's credential is given as well (METERBRIDGE_CREDENTIAL or an option), and wins over the sign-in",
        );
    }
    printer.show_to_programs(&me)
}

async fn sign_in_on_device(
    client: &Client,
    directory: Option<&str>,
    printer: &Printer,
) -> Result<Tokens, Failure> {
    let show = |code: &client::sign_in::DeviceCode| {
        printer.request(&format!(
            "To sign in, open {} in a browser and enter the code {}.",
            code.verification_uri, code.user_code
        ));
        printer.note(&format!("Waiting for {} minutes.", code.expires_in / 60));
    };
    Ok(client.sign_in_on_device(directory, show).await?)
}

/// The program that is named, and where that is with which it proves itself.
fn application(args: &LoginArgs) -> Result<Application, Failure> {
    let proof = match (&args.certificate, &args.client_secret_file) {
        (Some(path), _) => ProofFile::Certificate(absolute(path)?),
        (None, Some(path)) if path.as_os_str() != "-" => ProofFile::Secret(absolute(path)?),
        _ => ProofFile::Gone,
    };
    let client_id = args.client_id.clone().unwrap_or_default();
    Ok(Application { client_id, proof })
}

async fn sign_in_application(
    client: &Client,
    args: &LoginArgs,
    application: &Application,
) -> Result<Tokens, Failure> {
    let directory = args.directory.as_deref();
    if application.proof != ProofFile::Gone {
        return prove(client, directory, application).await;
    }
    let file = args.client_secret_file.as_deref();
    let secret = Secret::new(&secrets::given(file, "client secret", "--client-secret-file")?);
    let proof = Proof::Secret(&secret);
    Ok(client
        .sign_in_application(directory, &application.client_id, &proof)
        .await?)
}

/// A path that is good wherever the next command is run.
fn absolute(path: &std::path::Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::file(path, &error))
}

pub(super) async fn logout(args: &LogoutArgs, printer: &Printer) -> Result<(), Failure> {
    let client = settings::anonymous_client(&args.server, None);
    let server = match &client {
        _ if args.all => None,
        Ok(client) => Some(client.server()),
        // Without the CA's file one can sign out all the same.
        Err(_) => Some(args.server.url.trim_end_matches('/')),
    };
    // First here: whatever the server says, nobody goes on with it on this machine.
    let forgotten = SignIns::of(&args.server)?.forget(server)?;
    if forgotten.is_empty() {
        printer.note(&format!(
            "Nobody was signed in{}.",
            server.map_or_else(String::new, |it| format!(" to {it}"))
        ));
    }
    for (server, sign_in) in &forgotten {
        if let Err(failure) = end(args, server, sign_in).await {
            printer.warning(&format!(
                "{server} could not be told, and a copy of the sign-in would be good there still: {}",
                failure.what()
            ));
        }
        printer.note(&format!("Signed out of {server}."));
    }
    let servers = forgotten.into_keys().collect();
    printer.show_to_programs(&SignedOut { servers })
}

/// Has a server end a sign-in.
async fn end(args: &LogoutArgs, server: &str, sign_in: &SignIn) -> Result<(), Failure> {
    let client = settings::client_of(server, &args.server, sign_in.ca.as_deref())?;
    sign_in.end(&client).await
}

pub(super) async fn whoami(args: &WhoamiArgs, printer: &Printer) -> Result<(), Failure> {
    let me = settings::caller(&args.server).await?.me().await?;
    printer.show(&me, || describe(&me, printer.width()))
}

fn describe(me: &Me, width: Option<u16>) -> String {
    let mut lines = vec![
        ("Name", me.name.clone()),
        ("Kind", kind_in_words(me.kind).to_owned()),
        ("Id", me.id.clone()),
    ];
    lines.extend(me.application_id.clone().map(|id| ("Application", id)));
    let directory = me.directory_domain.clone().or_else(|| me.tenant_id.clone());
    lines.extend(directory.map(|name| ("Directory", name)));
    let groups: Vec<&str> = me
        .groups
        .iter()
        .map(|group| group.name.as_deref().unwrap_or(&group.id))
        .collect();
    lines.extend((!groups.is_empty()).then(|| ("Groups", groups.join(", "))));
    let mut roles: Vec<String> = me
        .partner_roles
        .iter()
        .map(|role: &PartnerRole| partner_role_in_words(role))
        .collect();
    if me.kind == CallerKind::Operator {
        roles.push("everything but delivering usage".to_owned());
    }
    lines.extend(roles.into_iter().map(|role| ("May", role)));
    let mut text: String = lines
        .iter()
        .map(|(label, value)| format!("{label:<12}  {value}\n"))
        .collect();
    if !me.role_assignments.is_empty() {
        let mut table = Table::new(&[left("ROLE"), left("SCOPE")]);
        for assignment in &me.role_assignments {
            table.row([assignment.role_name.as_str(), assignment.scope.as_str()]);
        }
        text.push('\n');
        text.push_str(&table.within(width));
    }
    text
}

const fn kind_in_words(kind: CallerKind) -> &'static str {
    match kind {
        CallerKind::Operator => "operator's credential",
        CallerKind::User => "user",
        CallerKind::ServicePrincipal => "service principal",
    }
}
