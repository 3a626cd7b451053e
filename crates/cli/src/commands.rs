//! What an operator asks of a server: one module for each word.

mod accounts;
mod import;
mod prices;
mod registrations;
mod stack_credential;
mod stacks;
mod statements;
mod tenants;
mod usage;

use client::{Answered, Client, RegistrationPath};

use crate::args::{AdviceArgs, AtServer, Command};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::operator_client;

/// Carries a command out.
///
/// # Errors
/// If it cannot be.
pub(crate) async fn run(command: Command, printer: &Printer) -> Result<(), Failure> {
    match command {
        Command::Init(_) | Command::Serve(_) | Command::Demo(_) => {
            Err(Failure::new("This command is not carried out by a server."))
        }
        Command::Advice(AdviceArgs { server, operated_by }) => {
            registrations::advice(&operator_client(&server)?, operated_by, printer).await
        }
        Command::Partner(AtServer { server, command }) => {
            accounts::partner(&operator_client(&server)?, command, printer).await
        }
        Command::Customer(AtServer { server, command }) => {
            accounts::customer(&operator_client(&server)?, command, printer).await
        }
        Command::Subscription(AtServer { server, command }) => {
            accounts::subscription(&operator_client(&server)?, command, printer).await
        }
        Command::Registration(AtServer { server, command }) => {
            registrations::registration(&operator_client(&server)?, command, printer).await
        }
        Command::Tenant(AtServer { server, command }) => {
            tenants::tenant(&operator_client(&server)?, command, printer).await
        }
        Command::Stack(AtServer { server, command }) => {
            stacks::stack(&operator_client(&server)?, command, printer).await
        }
        Command::PriceList(AtServer { server, command }) => {
            prices::price_list(&operator_client(&server)?, command, printer).await
        }
        Command::Meter(AtServer { server, command }) => {
            prices::meter(&operator_client(&server)?, command, printer).await
        }
        Command::Usage(AtServer { server, command }) => usage::usage(&server, command, printer).await,
        Command::Statement(AtServer { server, command }) => {
            statements::statement(&operator_client(&server)?, command, printer).await
        }
        Command::Check(args) => statements::check(&operator_client(&args.server)?, &args, printer).await,
    }
}

/// Where the live registration of a stack is.
async fn live_registration(client: &Client, cloud_id: &str) -> Result<RegistrationPath, Failure> {
    let stack = live_stack(client, cloud_id).await?;
    RegistrationPath::of_resource_id(&stack.registration_id).ok_or_else(|| {
        Failure::new("The server names the registration in an unknown way.").because(stack.registration_id)
    })
}

async fn live_stack(client: &Client, cloud_id: &str) -> Result<wire::api::Stack, Failure> {
    let stacks = client.stacks().await?;
    stacks.into_iter().find(|stack| stack.cloud_id.eq_ignore_ascii_case(cloud_id)).ok_or_else(|| {
        Failure::new(format!("Stack {cloud_id} is not registered."))
            .hint("Register it with `meterbridge registration register`, or list stacks with `meterbridge stack list`.")
    })
}

/// Says what the server wants to be known about what was done.
fn pass_on_warnings<T>(answered: Answered<T>, printer: &Printer) -> T {
    for warning in &answered.warnings {
        printer.warning(warning);
    }
    answered.value
}

/// A text that may be missing, in a table.
fn or_dash(text: Option<&str>) -> String {
    text.unwrap_or("-").to_owned()
}

/// A time as tables show it: to the minute.
fn minute(time: &str) -> String {
    let shown = time.get(..16).filter(|_| time.ends_with('Z'));
    shown.map_or_else(|| time.to_owned(), |start| start.replace('T', " "))
}
