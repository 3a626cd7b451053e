//! What is asked of a server: a module for each word, or two.

mod accounts;
mod bills;
mod bridges;
mod budgets;
mod bundles;
mod completeness;
mod completions;
mod directories;
mod import;
mod locks;
mod operator_credentials;
mod people;
mod prices;
mod quarantine;
mod registrations;
mod revisions;
mod roles;
mod sign_in;
mod simulator;
mod stack_credential;
mod stacks;
mod statements;
mod suggestions;
mod tenants;
mod unmapped;
mod usage;
mod webhooks;

use client::{Answered, Client, RegistrationPath};
use serde::Serialize;
use wire::api::Stack;

use crate::args::{AtServer, Command};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::caller;

/// Carries a command out.
///
/// # Errors
/// If it cannot be.
pub(crate) async fn run(command: Command, printer: &Printer) -> Result<(), Failure> {
    match command {
        Command::Init(_)
        | Command::Serve(_)
        | Command::Demo(_)
        | Command::SigningKey(_)
        | Command::Audit(_)
        | Command::Backup(_)
        | Command::Restore(_)
        | Command::Store(_) => Err(Failure::new("This command is not carried out by a server.")),
        Command::Bridge(command) => bridges::bridge(command, printer).await,
        Command::Simulator(command) => simulator::simulator(command, printer).await,
        Command::Login(args) => sign_in::login(args, printer).await,
        Command::Logout(args) => sign_in::logout(&args, printer).await,
        Command::Whoami(args) => sign_in::whoami(&args, printer).await,
        Command::Partner(AtServer { server, command }) => {
            accounts::partner(&caller(&server).await?, command, printer).await
        }
        Command::Customer(AtServer { server, command }) => {
            accounts::customer(&caller(&server).await?, command, printer).await
        }
        Command::Subscription(AtServer { server, command }) => {
            accounts::subscription(&caller(&server).await?, command, printer).await
        }
        Command::Registration(AtServer { server, command }) => {
            registrations::registration(&caller(&server).await?, command, printer).await
        }
        Command::Tenant(AtServer { server, command }) => {
            tenants::tenant(&caller(&server).await?, command, printer).await
        }
        Command::Stack(AtServer { server, command }) => stacks::stack(&server, command, printer).await,
        Command::PriceList(AtServer { server, command }) => {
            prices::price_list(&caller(&server).await?, command, printer).await
        }
        Command::Meter(AtServer { server, command }) => {
            prices::meter(&caller(&server).await?, command, printer).await
        }
        Command::Usage(AtServer { server, command }) => usage::usage(&server, command, printer).await,
        Command::Statement(AtServer { server, command }) => {
            statements::statement(&caller(&server).await?, command, printer).await
        }
        Command::Bill(AtServer { server, command }) => {
            bills::bill(&caller(&server).await?, command, printer).await
        }
        Command::Budget(AtServer { server, command }) => {
            budgets::budget(&caller(&server).await?, command, printer).await
        }
        Command::Directory(AtServer { server, command }) => {
            directories::directory(&caller(&server).await?, command, printer).await
        }
        Command::User(AtServer { server, command }) => {
            people::user(&caller(&server).await?, command, printer).await
        }
        Command::Application(AtServer { server, command }) => {
            people::application(&caller(&server).await?, command, printer).await
        }
        Command::Group(AtServer { server, command }) => {
            directories::group(&caller(&server).await?, command, printer).await
        }
        Command::Role(AtServer { server, command }) => {
            roles::role(&caller(&server).await?, command, printer).await
        }
        Command::Lock(AtServer { server, command }) => {
            locks::lock(&caller(&server).await?, command, printer).await
        }
        Command::OperatorCredential(AtServer { server, command }) => {
            operator_credentials::operator_credential(&caller(&server).await?, command, printer).await
        }
        Command::Webhook(AtServer { server, command }) => {
            webhooks::webhook(&caller(&server).await?, command, printer).await
        }
        Command::Completions(args) => completions::completions(args.shell, printer),
        Command::Check(args) => statements::check(&caller(&args.server).await?, &args, printer).await,
    }
}

/// Where the live registration of a stack is.
async fn live_registration(client: &Client, cloud_id: &str) -> Result<RegistrationPath, Failure> {
    path_of(&live_stack(client, cloud_id).await?)
}

async fn live_stack(client: &Client, cloud_id: &str) -> Result<Stack, Failure> {
    let mut stacks = client.stacks().await?.into_iter();
    let found = stacks.find(|stack| stack.cloud_id.eq_ignore_ascii_case(cloud_id));
    found.ok_or_else(|| not_registered(cloud_id))
}

fn path_of(stack: &Stack) -> Result<RegistrationPath, Failure> {
    RegistrationPath::of_resource_id(&stack.registration_id).ok_or_else(|| {
        Failure::new("The server names the registration in an unknown way.").because(&stack.registration_id)
    })
}

fn not_registered(cloud_id: &str) -> Failure {
    Failure::new(format!("Stack {cloud_id} is not registered.")).coded("StackNotRegistered").hint(
        "Register it with `meterbridge registration register`, or list stacks with `meterbridge stack list`.",
    )
}

/// Says what the server wants to be known about what was done.
fn pass_on_warnings<T>(answered: Answered<T>, printer: &Printer) -> T {
    for warning in &answered.warnings {
        printer.warning(warning);
    }
    answered.value
}

/// Something was deleted.
#[derive(Serialize)]
struct Deleted<'a> {
    id: &'a str,
    deleted: bool,
}

/// Says that something was deleted.
fn say_deleted(what: &str, id: &str, printer: &Printer) -> Result<(), Failure> {
    let deleted = Deleted { id, deleted: true };
    printer.show(&deleted, || format!("{what} {id} is deleted."))
}

/// A text that may be missing, in a table.
fn or_dash(text: Option<&str>) -> String {
    text.unwrap_or("-").to_owned()
}

/// A time that may be missing, in a table.
fn minute_or_dash(time: Option<&str>) -> String {
    time.map_or_else(|| or_dash(None), minute)
}

/// A time as tables show it: to the minute.
fn minute(time: &str) -> String {
    let shown = time.get(..16).filter(|_| time.ends_with('Z'));
    shown.map_or_else(|| time.to_owned(), |start| start.replace('T', " "))
}
