//! `init`: the data directory, and what is made in it by whoever is at the machine.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::identity::DomainName;
use serde::Serialize;
use server::{App, Origin, Random as _, Server, ServerConfig, StoreConfig, Tls};

use crate::args::{InitArgs, RotateArgs};
use crate::configuration::{self, Configuration};
use crate::environment::{SystemClock, SystemRandom};
use crate::failure::Failure;
use crate::platform::Belonging;
use crate::printer::Printer;
use crate::secrets;
use crate::serving::{not_started, open, open_made};

/// A file in the data directory that is there when it has been made whole.
const MARK: &str = "initialised";
/// The folders of a data directory.
const OWN_FOLDERS: [&str; 3] = ["store", KEYS, "tls"];
/// The one for what signs.
const KEYS: &str = "keys";
/// What a file system of its own has in its root.
const FILE_SYSTEM_FOLDER: &str = "lost+found";
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
    let was_initialised = is_initialised(data)?;
    match (was_initialised, replaces) {
        (true, false) if args.user.is_none() => return Err(already_initialised(data)),
        (false, true) => return Err(not_initialised(data)),
        _ => {}
    }
    if was_initialised && !replaces && args.operator.is_some() {
        return Err(no_credential_is_made(data));
    }
    check_domain(&args.domain)?;
    let configuration = Configuration::of(data, &args.store, printer)?;
    let config = config(data);
    let wanted = wanted_user(&args)?;
    if !was_initialised {
        check_not_foreign(data)?;
    }
    make_private_directory(data).map_err(|error| Failure::file(data, &error))?;
    let store = &configuration.store;
    let app = if was_initialised {
        open_made(store, data).await?
    } else {
        open(store, Arc::new(SystemClock)).await?
    };
    let belonging = Belonging::of(&app, store, data).await?;
    if !was_initialised {
        check_not_taken(&app, store, data).await?;
    }
    if args.new_activation_key {
        return replace_activation_key(&config, store, printer).await;
    }
    Server::prepare(&config, &app).await.map_err(not_started)?;
    let credential = match (was_initialised, args.new_credential) {
        (false, _) => {
            belonging.write_down()?;
            configuration.remember(data, printer)?;
            Some(begin(&app, store, &args).await?)
        }
        (true, true) => Some(admit(&app, args.operator()).await?),
        (true, false) => None,
    };
    let user = furnish(&app, &args.domain, wanted, printer).await;
    tell(&args, credential, user, printer)
}

/// Shows what was made. A credential is shown whatever became of the user, who can be made later.
fn tell(
    args: &InitArgs,
    credential: Option<String>,
    user: Result<Option<MadeUser>, Failure>,
    printer: &Printer,
) -> Result<(), Failure> {
    match (credential, user) {
        (Some(credential), Ok(user)) => show(args, credential, user, printer),
        (Some(credential), Err(failure)) => {
            show(args, credential, None, printer)?;
            Err(failure.hint(format!(
                "The data directory is made, and the credential is good. Once this is put right, run `meterbridge init --data \
                 {} --user NAME`: it makes the user alone.",
                args.data.display()
            )))
        }
        (None, user) => user?.map_or(Ok(()), |user| {
            printer.show(&user, || user.password.clone().unwrap_or_default())
        }),
    }
}

fn check_domain(said: &str) -> Result<(), Failure> {
    let understood = said.parse::<DomainName>();
    understood.map(drop).map_err(|error| {
        Failure::usage(format!("--domain {said} is no domain, and nothing was made."))
            .coded("InvalidDomain")
            .because(error.to_string())
            .hint("Name one that you own, such as `--domain bills.example`, or leave it out.")
    })
}

/// Makes the credential of the first operator, which makes the store this directory's, and marks the directory as whole.
///
/// # Errors
/// `StoreInUse` if somebody else was faster.
async fn begin(app: &App, store: &StoreConfig, args: &InitArgs) -> Result<String, Failure> {
    let credential = if app.has_operators() {
        // A first attempt was cut off, and its credential is lost.
        admit(app, args.operator()).await?
    } else {
        let admitted = server::admit_first_operator(app, args.operator()).await;
        let admitted = admitted.map_err(|error| no_credential(&error))?;
        admitted.ok_or_else(|| taken(store, &args.data, true))?
    };
    let mark = args.data.join(MARK);
    fs::write(&mark, "").map_err(|error| Failure::file(&mark, &error))?;
    Ok(credential)
}

async fn admit(app: &App, operator: &str) -> Result<String, Failure> {
    let credential = server::admit_operator(app, operator).await;
    credential.map_err(|error| no_credential(&error))
}

fn no_credential(error: &dyn std::fmt::Display) -> Failure {
    Failure::new("No credential could be made.").because(error.to_string())
}

/// Makes the platform's own directory, if it has none, and the user that is wanted.
async fn furnish(
    app: &App,
    domain: &str,
    wanted: Option<WantedUser<'_>>,
    printer: &Printer,
) -> Result<Option<MadeUser>, Failure> {
    let home = server::make_home_directory(app, domain).await;
    home.map_err(|error| {
        Failure::new("The platform's own directory could not be made.").because(error.to_string())
    })?;
    match wanted {
        Some(wanted) => Ok(Some(make_user(app, domain, wanted, printer).await?)),
        None => Ok(None),
    }
}

/// Shows what was made, the credential foremost.
fn show(
    args: &InitArgs,
    credential: String,
    user: Option<MadeUser>,
    printer: &Printer,
) -> Result<(), Failure> {
    let (data, operator) = (&args.data, args.operator());
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

async fn replace_activation_key(
    config: &ServerConfig,
    store: &StoreConfig,
    printer: &Printer,
) -> Result<(), Failure> {
    Server::replace_activation_key(config)
        .await
        .map_err(not_started)?;
    // Nobody has the embedded store open now, and so no server runs.
    if *store == server::embedded_store(&config.data_directory) {
        printer.note(
            "The key that signs activation keys is a new one: no activation key made before is good any more.",
        );
        printer.hint(
            "Start the server, and give every stack what `meterbridge registration activation-key CLOUD-ID` prints.",
        );
    } else {
        printer.note("The key that signs activation keys is a new one.");
        printer.warning(
            "servers that run still accept activation keys made with the old one, and make more, until they are restarted",
        );
        printer.hint(
            "Restart every server now, those with a copy of the data directory after they got the new \
             keys/activation-key.pem; then give every stack what `meterbridge registration activation-key CLOUD-ID` prints.",
        );
    }
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
    if !is_initialised(&args.data)? {
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
///
/// # Errors
/// `UnusableFile`, if it cannot be seen: what cannot be seen may be there.
pub(crate) fn is_initialised(data: &Path) -> Result<bool, Failure> {
    let seen = data.join(MARK).try_exists();
    seen.map_err(|error| not_readable(data, &error))
}

/// The failure that a data directory cannot be looked into.
fn not_readable(data: &Path, error: &io::Error) -> Failure {
    use std::os::unix::fs::MetadataExt as _;
    let failure = Failure::new(format!("{} cannot be read.", data.display()))
        .coded("UnusableFile")
        .because(error.to_string());
    if error.kind() != io::ErrorKind::PermissionDenied {
        return failure;
    }
    let owner = fs::metadata(data).map_or_else(
        |_| "its owner".to_owned(),
        |it| format!("the user with the number {}, who owns it", it.uid()),
    );
    failure.hint(format!(
        "The user that runs this command may not look into it. A data directory is its owner's only: run the command as \
         {owner}."
    ))
}

fn already_initialised(data: &Path) -> Failure {
    let data = data.display();
    let failure = Failure::new(format!(
        "{data} is initialised already, and nothing in it was changed."
    ));
    failure.coded("AlreadyInitialised").hint(format!(
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

/// Refuses a store that is a platform's already. That a first attempt was cut off, and what it made is this directory's, is
/// known of the embedded store alone: an operator is admitted when the keys are there.
async fn check_not_taken(app: &App, store: &StoreConfig, data: &Path) -> Result<(), Failure> {
    let in_use = app.is_in_use().await;
    let in_use =
        in_use.map_err(|error| Failure::new("The store cannot be read.").because(error.to_string()))?;
    let begun_here = *store == server::embedded_store(data) && data.join(KEYS).exists();
    if in_use || (app.has_operators() && !begun_here) {
        return Err(taken(store, data, !in_use));
    }
    Ok(())
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
        if !empty && ![FILE_SYSTEM_FOLDER, configuration::FILE, Origin::FILE].contains(&&*name) {
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

/// The failure that a store is another platform's, which nobody may have begun to use.
fn taken(store: &StoreConfig, data: &Path, is_new: bool) -> Failure {
    let cut_off = if is_new && *store != server::embedded_store(data) {
        format!(
            " If `meterbridge init` was cut off before it showed a credential, nothing but its first entries is in the \
             database: drop that and create it anew, remove {}, and run it again.",
            Origin::file_in(data).display()
        )
    } else {
        String::new()
    };
    Failure::new(format!(
        "The store is that of a platform that is there already, and nothing in it was changed: {store}."
    ))
    .coded("StoreInUse")
    .hint(format!(
        "A further server of that platform gets its data directory, or a copy of it: see docs/operating.md. {}{cut_off}",
        mark_missing(data.display())
    ))
}

fn mark_missing(data: impl std::fmt::Display) -> String {
    format!(
        "If {data} is a copy of a data directory, the empty file `{MARK}` was left out: compare it with the table of files \
         in docs/operating.md, and when all are there, `touch {data}/{MARK}`. For a new platform, name another directory and \
         another store."
    )
}

/// The failure that a data directory has to be made first.
pub(crate) fn not_initialised(data: &Path) -> Failure {
    let begun = OWN_FOLDERS.iter().any(|folder| data.join(folder).exists());
    if begun {
        let what = format!(
            "{} is not initialised, and there is something of a platform in it.",
            data.display()
        );
        return Failure::new(what).coded("NotInitialised").hint(format!(
            "If `meterbridge init` was cut off, run it again. {}",
            mark_missing(data.display())
        ));
    }
    Failure::new(format!("{} is not initialised.", data.display()))
        .coded("NotInitialised")
        .hint(format!(
            "Make it with `meterbridge init --data {}`.",
            data.display()
        ))
}

fn make_private_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_not_look_into_a_directory_is_told_whose_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let refused = not_readable(directory.path(), &io::ErrorKind::PermissionDenied.into());
        assert!(refused.what().ends_with(" cannot be read."), "{refused:?}");
        assert!(refused.causes()[0].contains("permission denied"), "{refused:?}");
        let hint = refused.hint_text().unwrap();
        assert!(hint.contains("the user with the number "), "{hint}");

        assert!(is_initialised(&directory.path().join("none")).is_ok_and(|it| !it));
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(is_initialised(&file.path().join("data")).is_err());
    }
}
