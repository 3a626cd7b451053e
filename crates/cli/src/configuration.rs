//! What a server is told in its configuration file, and where its store is.
//!
//! The keys of the file are the long options of `serve`. What is given on the command line or in the environment wins over
//! the file, and the file over what is usual.

mod file;

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use server::StoreConfig;

use self::file::Contents;
use crate::args::{ServeSettings, StoreArgs};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::small_file;

/// The file in a data directory that is read where no other one is named.
pub(crate) const FILE: &str = "meterbridge.toml";
/// The bit of a file's mode by which everybody on the machine can read it.
const READ_BY_ALL: u32 = 0o004;

/// What is configured for a data directory.
pub(crate) struct Configuration {
    /// Where its store is.
    pub(crate) store: StoreConfig,
    /// What the file says of the server.
    pub(crate) serve: ServeSettings,
    /// Where the store is, if that is said on the command line and by no file.
    unwritten: Option<String>,
    /// The file that says everything else, if there is one.
    file: Option<PathBuf>,
}

impl Configuration {
    /// Of this data directory, which need not be there yet. Warns of a password that everybody can read.
    ///
    /// # Errors
    /// If the file cannot be used, or what says where the store is cannot be understood.
    pub(crate) fn of(data: &Path, args: &StoreArgs, printer: &Printer) -> Result<Self, Failure> {
        let StoreArgs { given, named_here } = args;
        let file = match &given.config_file {
            Some(named) => Some(named.clone()),
            None => existing(data.join(FILE))?,
        };
        let contents = match &file {
            Some(path) => Contents::read(&small_file(path)?, path)?,
            None => Contents::default(),
        };
        if let (Some(path), Some(store)) = (&file, &contents.store) {
            warn_if_open(path, store, printer)?;
        }
        let said = given.store.as_deref().map(understood).transpose()?;
        let unwritten = *named_here && said != contents.store;
        let store = said.or(contents.store);
        Ok(Self {
            store: store.unwrap_or_else(|| server::embedded_store(data)),
            serve: contents.serve,
            unwritten: given.store.clone().filter(|_| unwritten),
            file,
        })
    }

    /// Writes down where the store is that was named on the command line, for whatever is done with the data directory later:
    /// into a file that only its owner can read, unless there is one, which is left to whoever made it. What the environment
    /// says it goes on saying, and a password in it stays there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn remember(&self, data: &Path, printer: &Printer) -> Result<(), Failure> {
        let Some(url) = &self.unwritten else {
            return Ok(());
        };
        if let Some(file) = &self.file {
            printer.warning(&format!(
                "{} does not name this store: put it there as `store = \"…\"`, or name it with each command",
                file.display()
            ));
            return Ok(());
        }
        let path = data.join(FILE);
        // A text of JSON is one of TOML, too.
        let line = format!("store = {}\n", serde_json::Value::from(url.as_str()));
        let mut options = fs::OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600).open(&path);
        opened
            .and_then(|mut file| {
                file.write_all(line.as_bytes())?;
                file.sync_all()
            })
            .map_err(|error| Failure::file(&path, &error))?;
        printer.note(&format!("{} says where the store is.", path.display()));
        Ok(())
    }
}

/// The path, if anything is there: a link that leads nowhere is a mistake that reading it will tell.
fn existing(path: PathBuf) -> Result<Option<PathBuf>, Failure> {
    match fs::symlink_metadata(&path) {
        Ok(_) => Ok(Some(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::file(&path, &error)),
    }
}

/// Where a store is that is named by an option or in the environment. What was said is not repeated: it may hold a password.
///
/// # Errors
/// If it cannot be understood.
pub(crate) fn understood(url: &str) -> Result<StoreConfig, Failure> {
    url.parse::<StoreConfig>().map_err(|error| {
        Failure::usage("--store, or METERBRIDGE_STORE, names no store.")
            .coded("InvalidStore")
            .because(error.to_string())
            .hint(
                "Expected a URL such as postgres://meterbridge@db.example/meterbridge. Where none is given, the store is in the \
                 data directory.",
            )
    })
}

fn warn_if_open(path: &Path, store: &StoreConfig, printer: &Printer) -> Result<(), Failure> {
    let metadata = fs::metadata(path).map_err(|error| Failure::file(path, &error))?;
    if store.has_password() && metadata.permissions().mode() & READ_BY_ALL != 0 {
        let path = path.display();
        printer.warning(&format!(
            "{path} holds a password, and everybody on this machine can read it: `chmod 600 {path}`"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::GivenStore;
    use crate::printer::Format;
    use crate::printer::tests::captured;

    const URL: &str = "postgres://m:s3cret@db.example/m";

    fn args(store: Option<&str>, file: Option<PathBuf>) -> StoreArgs {
        StoreArgs {
            given: GivenStore {
                store: store.map(str::to_owned),
                config_file: file,
            },
            named_here: store.is_some(),
        }
    }

    /// What is configured, and what was said meanwhile.
    fn of(data: &Path, args: &StoreArgs) -> (Result<Configuration, Failure>, String) {
        let (printer, _, notes) = captured(Format::Table, false);
        (Configuration::of(data, args, &printer), notes.text())
    }

    #[test]
    fn an_option_wins_over_the_file_and_the_file_over_the_store_in_the_data_directory() {
        let data = tempfile::tempdir().unwrap();
        let store = |said| of(data.path(), &args(said, None)).0.unwrap().store;
        assert_eq!(store(None), server::embedded_store(data.path()));
        let path = data.path().join(FILE);
        fs::write(&path, format!("store = \"{URL}\"\n")).unwrap();
        assert_eq!(store(None), URL.parse().unwrap());
        let other = "postgres://m@other.example/m";
        assert_eq!(store(Some(other)), other.parse().unwrap());
        let elsewhere = data.path().join("other.toml");
        fs::write(&elsewhere, "").unwrap();
        let named = of(data.path(), &args(None, Some(elsewhere))).0.unwrap().store;
        assert_eq!(named, server::embedded_store(data.path()));
        let missing = of(data.path(), &args(None, Some(data.path().join("none.toml"))));
        assert_eq!(missing.0.err().unwrap().code(), "UnusableFile");
    }

    #[test]
    fn where_the_store_is_is_remembered_once_and_for_its_owner_only() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join(FILE);
        let remembered = |said| {
            let (printer, _, notes) = captured(Format::Table, false);
            let configuration = Configuration::of(data.path(), &args(said, None), &printer).unwrap();
            configuration.remember(data.path(), &printer).unwrap();
            assert!(!notes.text().contains("s3cret"), "{}", notes.text());
            notes.text()
        };
        assert_eq!(remembered(None), "");
        let environment = StoreArgs {
            named_here: false,
            ..args(Some(URL), None)
        };
        let (said_there, _) = of(data.path(), &environment);
        let (printer, _, _) = captured(Format::Table, false);
        said_there.unwrap().remember(data.path(), &printer).unwrap();
        assert!(!path.exists());
        assert!(remembered(Some(URL)).contains("says where the store is"));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            of(data.path(), &args(None, None)).0.unwrap().store,
            URL.parse().unwrap()
        );
        // A file that is there is left to whoever made it.
        let written = fs::read(&path).unwrap();
        assert_eq!(remembered(Some(URL)), "");
        let other = remembered(Some("postgres://m@other.example/m"));
        assert!(other.contains("does not name this store"), "{other}");
        assert_eq!(fs::read(&path).unwrap(), written);
    }

    #[test]
    fn a_password_that_everybody_can_read_is_warned_of() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join(FILE);
        for (url, mode, warned) in [
            (URL, 0o644, true),
            (URL, 0o640, false),
            ("postgres://m@db.example/m", 0o644, false),
        ] {
            fs::write(&path, format!("store = \"{url}\"\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let (_, notes) = of(data.path(), &args(None, None));
            assert_eq!(
                notes.contains("everybody on this machine"),
                warned,
                "{url} {mode:o}: {notes}"
            );
            assert!(!notes.contains("s3cret"), "{notes}");
        }
    }

    #[test]
    fn a_file_that_leads_nowhere_is_not_taken_for_none_which_would_be_another_store() {
        let data = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(data.path().join("gone"), data.path().join(FILE)).unwrap();
        let failure = of(data.path(), &args(None, None)).0.err().unwrap();
        assert_eq!(failure.code(), "UnusableFile");
        assert!(failure.what().contains(FILE), "{failure:?}");
    }

    #[test]
    fn a_url_that_is_not_understood_is_not_repeated() {
        let data = tempfile::tempdir().unwrap();
        let failure = of(data.path(), &args(Some("mysql://m:s3cret@db/m"), None))
            .0
            .err()
            .unwrap();
        assert_eq!((failure.code(), failure.exit_code()), ("InvalidStore", 2));
        assert!(!format!("{failure:?}").contains("s3cret"), "{failure:?}");
    }
}
