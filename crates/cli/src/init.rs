//! `init`: the data directory, and what is made in it by whoever is at the machine.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use server::{App, Random as _, Server, ServerConfig, Tls};

use crate::args::{InitArgs, RotateArgs};
use crate::environment::{SystemClock, SystemRandom};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::secrets;
use crate::serving::{not_opened, not_started};

/// A file in the data directory that is there when it has been made whole.
const MARK: &str = "initialised";
/// The folders of a data directory.
const OWN_FOLDERS: [&str; 3] = ["store", "keys", "tls"];
/// What a file system of its own has in its root.
const FILE_SYSTEM_FOLDER: &str = "lost+found";
/// What an operator is called whom nobody named.
const OPERATOR: &str = "operator";
/// How many random bytes a password has that is made up: as a text, 24 characters.
const PASSWORD_BYTES: usize = 18;

/// What `init` made. The one place where a credential is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Initialised<'a> {
    operator: &'a str,
    credential: String,
    data_directory: String,
    ca_certificate: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<MadeUser>,
}

/// A user that `init` made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MadeUser {
    name: String,
    /// Where it was made up: nobody knows it yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// What `init --new-activation-key` did.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replaced {
    data_directory: String,
    activation_key_replaced: bool,
}

/// What `signing-key rotate` did.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rotated {
    data_directory: String,
    signing_key_replaced: bool,
    /// How many older ones were removed.
    signing_keys_revoked: usize,
}

/// Makes a data directory, or something more in one.
///
/// # Errors
/// If it was made before, cannot be written, or a server has it open.
pub(crate) async fn init(args: InitArgs, printer: &Printer) -> Result<(), Failure> {
    let data = &args.data;
    let replaces = args.new_credential || args.new_activation_key;
    let was_initialised = is_initialised(data);
    match (was_initialised, replaces) {
        (true, false) if args.user.is_none() => return Err(already_initialised(data)),
        (false, true) => return Err(not_initialised(data)),
        _ => {}
    }
    if was_initialised && !replaces && args.operator.is_some() {
        return Err(no_credential_is_made(data));
    }
    let config = config(data);
    let wanted = wanted_user(&args)?;
    if !was_initialised {
        check_not_foreign(data)?;
    }
    make_private_directory(data).map_err(|error| Failure::file(data, &error))?;
    let app = server::open(
        server::embedded_store(data),
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
    )
    .await
    .map_err(not_opened)?;
    if !was_initialised && is_in_use(&app).await? {
        return Err(holds_books(data));
    }
    if args.new_activation_key {
        return replace_activation_key(&config, printer).await;
    }
    Server::prepare(&config, &app).await.map_err(not_started)?;
    let home = server::make_home_directory(&app, &args.domain).await;
    home.map_err(|error| {
        Failure::new("The platform's own directory could not be made.").because(error.to_string())
    })?;
    let user = match wanted {
        Some(wanted) => Some(make_user(&app, &args.domain, wanted, printer).await?),
        None => None,
    };
    match user {
        Some(user) if was_initialised => printer.show(&user, || user.password.clone().unwrap_or_default()),
        user => finish(&args, &app, user, printer).await,
    }
}

/// Makes the credential, and marks the data directory as whole.
async fn finish(
    args: &InitArgs,
    app: &App,
    user: Option<MadeUser>,
    printer: &Printer,
) -> Result<(), Failure> {
    let InitArgs { data, operator, .. } = args;
    let operator = operator.as_deref().unwrap_or(OPERATOR);
    let credential = server::admit_operator(app, operator).await;
    let credential = credential
        .map_err(|error| Failure::new("No credential could be made.").because(error.to_string()))?;
    let mark = data.join(MARK);
    fs::write(&mark, "").map_err(|error| Failure::file(&mark, &error))?;

    let ca = Tls::ca_certificate_path(data);
    let (directory, ca) = (data.display().to_string(), ca.display().to_string());
    printer.note(&format!(
        "The data directory is {directory}, the CA certificate {ca}."
    ));
    printer.note(&format!(
        "The credential of operator \"{operator}\" follows. It is shown this once: keep it safe."
    ));
    let made = Initialised {
        operator,
        credential,
        data_directory: directory,
        ca_certificate: ca,
        user,
    };
    printer.show(&made, || {
        let password = made.user.as_ref().and_then(|user| user.password.as_ref());
        let password = password.map(|password| format!("\n{password}"));
        format!("{}{}", made.credential, password.unwrap_or_default())
    })?;
    printer.hint(&format!(
        "Run the server with `meterbridge serve --data {0}`. Where you work with it, set METERBRIDGE_CREDENTIAL to the \
         credential and METERBRIDGE_CA to a copy of {1}.",
        made.data_directory, made.ca_certificate
    ));
    Ok(())
}

/// A user to be made.
struct WantedUser<'a> {
    name: &'a str,
    password: String,
    made_up: bool,
}

fn wanted_user(args: &InitArgs) -> Result<Option<WantedUser<'_>>, Failure> {
    let Some(name) = &args.user else { return Ok(None) };
    let given = args.password_file.as_deref();
    let given = given
        .map(|file| secrets::given(Some(file), "password", "--password-file"))
        .transpose()?;
    Ok(Some(WantedUser {
        name,
        made_up: given.is_none(),
        password: given.unwrap_or_else(made_up),
    }))
}

fn made_up() -> String {
    let mut bytes = [0; PASSWORD_BYTES];
    SystemRandom.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

async fn make_user(
    app: &App,
    domain: &str,
    wanted: WantedUser<'_>,
    printer: &Printer,
) -> Result<MadeUser, Failure> {
    let WantedUser {
        name,
        password,
        made_up,
    } = wanted;
    let made = server::admit_operator_user(app, domain, name, password.clone()).await;
    let name = made.map_err(|error| {
        Failure::new(format!("User {name} could not be made.")).because(error.to_string())
    })?;
    printer.note(&format!(
        "{name} operates the platform; sign in with `meterbridge login`."
    ));
    if made_up {
        printer.note(&format!(
            "The password of {name} is shown this once: keep it safe, or change it."
        ));
    }
    Ok(MadeUser {
        name,
        password: made_up.then_some(password),
    })
}

async fn replace_activation_key(config: &ServerConfig, printer: &Printer) -> Result<(), Failure> {
    Server::replace_activation_key(config)
        .await
        .map_err(not_started)?;
    printer.note(
        "The key that signs activation keys is a new one: no activation key made before is good any more.",
    );
    printer.hint(
        "Start the server, and give every stack what `meterbridge registration activation-key CLOUD-ID` prints.",
    );
    printer.show_to_programs(&Replaced {
        data_directory: config.data_directory.display().to_string(),
        activation_key_replaced: true,
    })
}

/// Makes a new key that signs tokens, and revokes the older ones if that is asked for.
///
/// # Errors
/// If there is no data directory, or it cannot be written.
pub(crate) async fn rotate_signing_key(args: &RotateArgs, printer: &Printer) -> Result<(), Failure> {
    if !is_initialised(&args.data) {
        return Err(not_initialised(&args.data));
    }
    let config = config(&args.data);
    let revoked = if args.revoke {
        let revoked = Server::revoke_signing_keys(&config).await.map_err(not_started)?;
        printer.note(
            "There is a new key that signs tokens, and the older ones are gone: no token is good any more, and everybody \
             signs in again. A server that runs on this directory goes by it within a second.",
        );
        printer.hint(
            "Servers that run on a copy of the directory, and back-ups of it, still hold the older keys: remove \
             keys/identity/ there, too.",
        );
        revoked
    } else {
        Server::rotate_signing_key(&config).await.map_err(not_started)?;
        printer.note("There is a new key that signs tokens. Tokens that are out stay good.");
        0
    };
    printer.show_to_programs(&Rotated {
        data_directory: args.data.display().to_string(),
        signing_key_replaced: true,
        signing_keys_revoked: revoked,
    })
}

fn config(data: &Path) -> ServerConfig {
    let loopback = ([127, 0, 0, 1], 0).into();
    ServerConfig::new(data.to_owned(), loopback, Arc::new(SystemClock))
}

/// Whether a data directory has been made whole.
pub(crate) fn is_initialised(data: &Path) -> bool {
    data.join(MARK).exists()
}

fn already_initialised(data: &Path) -> Failure {
    let data = data.display();
    Failure::new(format!("{data} is initialised already, and nothing in it was changed.")).hint(format!(
        "Run the server with `meterbridge serve --data {data}`. If the credential is lost, stop the server and make \
         another with `meterbridge init --data {data} --new-credential`; then `meterbridge operator-credential revoke` the \
         lost one.",
    ))
}

/// An operator was named for a credential that would not be made.
fn no_credential_is_made(data: &Path) -> Failure {
    let data = data.display();
    Failure::usage(format!(
        "{data} is initialised already, so --user makes a user and no credential, and --operator names nobody. Nothing \
         was changed."
    ))
    .hint(format!(
        "Leave --operator out, or make a credential with `meterbridge init --data {data} --new-credential --operator NAME`."
    ))
}

async fn is_in_use(app: &App) -> Result<bool, Failure> {
    let asked = app.is_in_use().await;
    asked.map_err(|error| Failure::new("The store cannot be read.").because(error.to_string()))
}

/// Refuses to make a data directory among files that are somebody else's.
fn check_not_foreign(data: &Path) -> Result<(), Failure> {
    let entries = match fs::read_dir(data) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::file(data, &error)),
    };
    let mut foreign = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Failure::file(data, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // A first attempt may have been cut off.
        if OWN_FOLDERS.contains(&name.as_str()) {
            return Ok(());
        }
        // An empty file may be the one that the shell has just made for what this prints.
        let empty = entry.metadata().is_ok_and(|it| it.is_file() && it.len() == 0);
        if !empty && name != FILE_SYSTEM_FOLDER {
            foreign.push(name);
        }
    }
    foreign.sort_unstable();
    let Some(first) = foreign.first() else {
        return Ok(());
    };
    let what = format!(
        "{} holds something else ({first}), and nothing was made.",
        data.display()
    );
    Err(Failure::new(what)
        .coded("DirectoryNotEmpty")
        .hint("Name a directory that is empty or not there yet, such as `--data ./meterbridge-data`."))
}

fn holds_books(data: &Path) -> Failure {
    let data = data.display();
    Failure::new(format!(
        "{data} holds the books of a platform that is in use, and nothing of them was changed."
    ))
    .coded("StoreInDirectory")
    .hint(mark_missing(data))
}

fn mark_missing(data: impl std::fmt::Display) -> String {
    format!(
        "If it is a copy of a data directory, the empty file `{MARK}` was left out. Compare it with the table of files in \
         docs/operating.md, and when all are there: `touch {data}/{MARK}`. For a new platform, name another directory."
    )
}

/// The failure that a data directory has to be made first.
pub(crate) fn not_initialised(data: &Path) -> Failure {
    if data.join("store").join("books.db").exists() {
        let what = format!(
            "{} is not initialised, and there is a store in it.",
            data.display()
        );
        return Failure::new(what).coded("NotInitialised").hint(format!(
            "If `meterbridge init` was cut off, run it again. {}",
            mark_missing(data.display())
        ));
    }
    Failure::new(format!("{} is not initialised.", data.display())).hint(format!(
        "Make it with `meterbridge init --data {}`.",
        data.display()
    ))
}

fn make_private_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
