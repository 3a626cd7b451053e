//! `user` and `application`: people and programs that sign in.

use std::path::Path;

use client::Client;
use serde::Serialize;
use wire::api;

use super::directories::{directory_id, user_id};
use super::{minute, say_deleted};
use crate::args::{ApplicationCommand, PasswordArgs, UserCommand};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::secrets;
use crate::settings::document;
use crate::table::{Listing, Table, left};

const USERS: Listing<api::User> = Listing(&[
    (left("USER"), |it| it.id.clone()),
    (left("SIGNS IN AS"), |it| it.name.clone()),
    (left("NAME").wraps(), |it| it.display_name.clone()),
    (left("STATE"), |it| state(it.enabled).to_owned()),
]);

const APPLICATIONS: Listing<api::Application> = Listing(&[
    (left("APPLICATION"), |it| it.id.clone()),
    (left("NAME").wraps(), |it| it.name.clone()),
    (left("SERVICE PRINCIPAL").rank(1), |it| {
        it.service_principal_id.clone()
    }),
    (left("STATE"), |it| state(it.enabled).to_owned()),
]);

const CERTIFICATES: Listing<api::Certificate> = Listing(&[
    (left("CREDENTIAL"), |it| it.id.clone()),
    (left("SHA-1 THUMBPRINT").rank(1), |it| it.sha1_thumbprint.clone()),
    (left("EXPIRES"), |it| minute(&it.expires)),
]);

/// A user has another password.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PasswordSet<'a> {
    user_id: &'a str,
    password_set: bool,
}

/// Whoever called has another password.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PasswordChanged {
    password_changed: bool,
}

/// A secret or a certificate was removed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CredentialRemoved<'a> {
    application_id: &'a str,
    credential_id: &'a str,
    removed: bool,
}

const fn state(enabled: bool) -> &'static str {
    if enabled { "enabled" } else { "disabled" }
}

pub(super) async fn user(client: &Client, command: UserCommand, printer: &Printer) -> Result<(), Failure> {
    let shown = match command {
        UserCommand::Create {
            name,
            display_name,
            password,
        } => create_user(client, name, display_name, &password).await?,
        UserCommand::Show(user) => client.user(&user_id(client, &user.user).await?).await?,
        UserCommand::Delete(user) => {
            let id = user_id(client, &user.user).await?;
            client.delete_user(&id).await?;
            return say_deleted("User", &id, printer);
        }
        UserCommand::List(directory) => {
            let directory = directory_id(client, &directory.directory).await?;
            return USERS.show(&client.users(&directory).await?, printer);
        }
        UserCommand::Password { user, password } => {
            let id = user_id(client, &user.user).await?;
            client.set_password(&id, &chosen(&password)?).await?;
            let set = PasswordSet {
                user_id: &id,
                password_set: true,
            };
            return printer.show(&set, || format!("{} has another password.", user.user));
        }
        UserCommand::ChangePassword {
            old_password_file,
            password,
        } => return change_password(client, old_password_file.as_deref(), &password, printer).await,
        UserCommand::Disable(user) => client.disable_user(&user_id(client, &user.user).await?).await?,
        UserCommand::Enable(user) => client.enable_user(&user_id(client, &user.user).await?).await?,
    };
    USERS.show_one(&shown, printer)
}

async fn create_user(
    client: &Client,
    name: String,
    display_name: Option<String>,
    password: &PasswordArgs,
) -> Result<api::User, Failure> {
    let Some((_, domain)) = name.split_once('@') else {
        return Err(Failure::usage(format!("'{name}' is no user's name."))
            .hint("It ends in the domain of the directory: anna@northwind.example."));
    };
    let directory = directory_id(client, domain).await?;
    let password = chosen(password)?;
    let user = api::NewUser {
        name,
        display_name,
        password,
    };
    Ok(client.create_user(&directory, &user).await?)
}

async fn change_password(
    client: &Client,
    old: Option<&Path>,
    new: &PasswordArgs,
    printer: &Printer,
) -> Result<(), Failure> {
    let both = [old, new.password_file.as_deref()];
    if both.iter().all(|file| *file == Some(Path::new("-"))) {
        return Err(
            Failure::usage("Both passwords would come from standard input, which holds one.")
                .hint("Give one of them in a file, or type it at the terminal."),
        );
    }
    let old = secrets::given(old, "old password", "--old-password-file")?;
    let new = secrets::made_up(new.password_file.as_deref(), "new password", "--password-file")?;
    client.change_password(&old, &new).await?;
    let changed = PasswordChanged {
        password_changed: true,
    };
    printer.show(&changed, || {
        "You have another password. Sign in again, here too: meterbridge login".to_owned()
    })
}

fn chosen(password: &PasswordArgs) -> Result<String, Failure> {
    secrets::made_up(password.password_file.as_deref(), "password", "--password-file")
}

pub(super) async fn application(
    client: &Client,
    command: ApplicationCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    let shown = match command {
        ApplicationCommand::Create { directory, id, name } => {
            let directory = directory_id(client, &directory.directory).await?;
            let application = api::NewApplication { id, name };
            client.create_application(&directory, &application).await?
        }
        ApplicationCommand::Show(application) => {
            let application = client.application(&application.application).await?;
            return printer.show(&application, || describe(&application, printer.width()));
        }
        ApplicationCommand::Delete(application) => {
            client.delete_application(&application.application).await?;
            return say_deleted("Application", &application.application, printer);
        }
        ApplicationCommand::List(directory) => {
            let directory = directory_id(client, &directory.directory).await?;
            return APPLICATIONS.show(&client.applications(&directory).await?, printer);
        }
        ApplicationCommand::Disable(application) => {
            client.disable_application(&application.application).await?
        }
        ApplicationCommand::Enable(application) => {
            client.enable_application(&application.application).await?
        }
        ApplicationCommand::AddSecret { application, expires } => {
            return add_secret(client, &application.application, expires.as_deref(), printer).await;
        }
        ApplicationCommand::AddCertificate { application, file } => {
            let pem = certificate(&String::from_utf8_lossy(&document(&file)?))?;
            let added = client.add_certificate(&application.application, &pem).await?;
            return CERTIFICATES.show_one(&added, printer);
        }
        ApplicationCommand::RemoveCredential {
            application,
            credential_id,
        } => {
            return remove_credential(client, &application.application, &credential_id, printer).await;
        }
    };
    APPLICATIONS.show_one(&shown, printer)
}

async fn add_secret(
    client: &Client,
    application: &str,
    expires: Option<&str>,
    printer: &Printer,
) -> Result<(), Failure> {
    let secret = client.add_secret(application, expires).await?;
    printer.note(&format!(
        "Secret {} follows. It is shown this once: keep it safe. It is good until {}.",
        secret.id, secret.expires
    ));
    printer.show(&secret, || secret.text.clone())
}

async fn remove_credential(
    client: &Client,
    application: &str,
    credential: &str,
    printer: &Printer,
) -> Result<(), Failure> {
    client.remove_credential(application, credential).await?;
    let removed = CredentialRemoved {
        application_id: application,
        credential_id: credential,
        removed: true,
    };
    printer.show(&removed, || {
        format!("Nothing is proven with {credential} any more.")
    })
}

/// The first certificate of a file, and nothing else that may be in it: a private key is nobody else's business.
fn certificate(pem: &str) -> Result<String, Failure> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let found = pem.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END));
    let (content, _) = found.ok_or_else(|| {
        Failure::new("There is no certificate in the file.")
            .coded("InvalidCertificate")
            .hint(format!("Expected PEM text that holds a line {BEGIN}."))
    })?;
    Ok(format!("{BEGIN}{content}{END}\n"))
}

fn describe(application: &api::Application, width: Option<u16>) -> String {
    let lines = [
        ("Application", application.id.as_str()),
        ("Name", &application.name),
        ("Service principal", &application.service_principal_id),
        ("Directory", &application.directory_id),
        ("State", state(application.enabled)),
    ];
    let mut text: String = lines
        .iter()
        .map(|(label, value)| format!("{label:<17}  {value}\n"))
        .collect();
    let mut table = Table::new(&[
        left("CREDENTIAL"),
        left("KIND"),
        left("EXPIRES"),
        left("SHA-1 THUMBPRINT").rank(1),
    ]);
    for secret in &application.secrets {
        table.row([secret.id.as_str(), "secret", &minute(&secret.expires), "-"]);
    }
    for certificate in &application.certificates {
        let thumbprint = certificate.sha1_thumbprint.as_str();
        table.row([
            certificate.id.as_str(),
            "certificate",
            &minute(&certificate.expires),
            thumbprint,
        ]);
    }
    text.push('\n');
    text.push_str(&table.within(width));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_beside_the_certificate_stays_here() {
        let file = "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\nBag Attributes\n\
                    -----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n\
                    -----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n";
        assert_eq!(
            certificate(file).unwrap(),
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        );
        assert!(certificate("-----BEGIN PRIVATE KEY-----\n").is_err());
    }
}
