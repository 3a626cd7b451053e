//! A store as it is named to `store copy`: by its URL, by the data directory of a server, or as the folder that it is.

use std::env;
use std::path::{Path, PathBuf};

use server::{StoreConfig, backup};

use crate::args::StoreArgs;
use crate::configuration::{Configuration, FILE};
use crate::failure::Failure;
use crate::init::is_initialised;
use crate::printer::Printer;

/// The option that names the source.
pub(super) const FROM: &str = "--from";
/// The option that names the target.
pub(super) const TO: &str = "--to";
/// The folder of a data directory that has its store in it.
pub(super) const STORE: &str = "store";
/// How a URL of PostgreSQL begins, also one that is mistyped behind that.
const SCHEMES: [&str; 2] = ["postgres:", "postgresql:"];
/// What a server is told by where its store is, beside its configuration file.
const TELLS_STORE: &str = "METERBRIDGE_STORE";
/// What names that file, if it is not in the data directory.
const TELLS_FILE: &str = "METERBRIDGE_CONFIG_FILE";

/// One side of a copy.
pub(super) struct Side {
    /// Where it is.
    pub(super) store: StoreConfig,
    /// The data directory that it is in, if it is in one.
    pub(super) data: Option<PathBuf>,
}

impl Side {
    /// What was said with an option. A data directory stands for the store that a server of it uses, so it has to be the one
    /// in it. The folder of a store, such as `./data/store`, is that store whatever servers are told.
    ///
    /// # Errors
    /// If no store is named, or a data directory whose store is elsewhere.
    pub(super) fn understood(option: &str, said: &str, printer: &Printer) -> Result<Self, Failure> {
        if is_url(said) {
            let store = said.parse::<StoreConfig>();
            let store = store.map_err(|error| no_store(option, &error.to_string()))?;
            return Ok(Self { store, data: None });
        }
        let path = Path::new(said);
        if let Some(folder) = Self::of_folder(path) {
            return Ok(folder);
        }
        let embedded = server::embedded_store(path);
        let told = told();
        let used = Configuration::of(path, &told, printer)?.store;
        if used != embedded {
            return Err(elsewhere(option, path, &used, &told));
        }
        Ok(Self {
            store: embedded,
            data: Some(path.to_owned()),
        })
    }

    /// The store that this folder is: databases are in it, or it is where those of a data directory belong.
    fn of_folder(folder: &Path) -> Option<Self> {
        let above = match folder.parent()? {
            here if here == Path::new("") => Path::new("."),
            above => above,
        };
        let name = folder.file_name()?;
        let data = (name == STORE && matches!(is_initialised(above), Ok(true))).then(|| above.to_owned());
        (data.is_some() || backup::has_databases(folder)).then(|| Self {
            store: StoreConfig::in_folder(above.join(name)),
            data,
        })
    }
}

/// A path that looks like one is none: it would be repeated, and what looks like a URL may hold a password.
fn is_url(said: &str) -> bool {
    let lower = said.to_ascii_lowercase();
    SCHEMES.iter().any(|scheme| lower.starts_with(scheme)) || said.contains("://") || said.contains('@')
}

/// What the environment tells servers.
#[expect(
    clippy::disallowed_methods,
    reason = "this command has no such options: of which side would they tell?"
)]
fn told() -> StoreArgs {
    let said = |name| env::var_os(name).filter(|said| !said.is_empty());
    let mut told = StoreArgs::default();
    told.given.store = said(TELLS_STORE).map(|url| url.to_string_lossy().into_owned());
    told.given.config_file = said(TELLS_FILE).map(PathBuf::from);
    told
}

fn no_store(option: &str, error: &str) -> Failure {
    // What was said is not repeated: it may hold a password.
    Failure::usage(format!("{option} names no store."))
        .coded("InvalidStore")
        .because(error)
        .hint(
            "Name a database such as postgres://meterbridge@db.example/meterbridge, or a data directory by a path without \
             `@` and `://`.",
        )
}

fn elsewhere(option: &str, data: &Path, used: &StoreConfig, told: &StoreArgs) -> Failure {
    let (folder, data) = (data.join(STORE), data.display());
    let (teller, remedy) = if told.given.store.is_some() {
        (TELLS_STORE.to_owned(), format!("Unset {TELLS_STORE}"))
    } else {
        let file = told
            .given
            .config_file
            .as_ref()
            .map_or_else(|| format!("{data}/{FILE}"), |file| file.display().to_string());
        let remedy = format!("Remove `store` from {file}");
        (file, remedy)
    };
    let hint = match option {
        FROM => format!(
            "To copy the store that a server of {data} uses, name it by its URL. To copy the one in the data directory \
             nevertheless, name its folder: `{FROM} {}`.",
            folder.display()
        ),
        _ => format!("A server of {data} would not use the copy. {remedy}, and run the same command again."),
    };
    Failure::new(format!("{option} names {data}, whose store is elsewhere."))
        .coded("StoreElsewhere")
        .because(format!("{teller} says that it is {used}"))
        .hint(hint)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::printer::Format;
    use crate::printer::tests::captured;

    fn understood(said: &str) -> Result<Side, Failure> {
        Side::understood(FROM, said, &captured(Format::Table, false).0)
    }

    #[test]
    fn a_url_with_a_slip_in_it_is_no_directory_whose_name_shows_its_password() {
        for said in [
            "postgres:/m:s3cret@db/m",
            "postgres:m:s3cret",
            "PostgreSQL:/s3cret/m",
            "mysql://m:s3cret/m",
            "m:s3cret@db/m",
        ] {
            let failure = understood(said).err().unwrap();
            assert_eq!((failure.code(), failure.exit_code()), ("InvalidStore", 2));
            assert!(!format!("{failure:?}").contains("s3cret"), "{failure:?}");
        }
    }

    #[test]
    fn a_data_directory_is_the_store_that_its_server_uses_and_the_folder_of_a_store_is_that_one() {
        let parent = tempfile::tempdir().unwrap();
        let data = parent.path().join("data");
        fs::create_dir(&data).unwrap();
        let of = |path: &Path| understood(path.to_str().unwrap());
        assert_eq!(of(&data).unwrap().store, server::embedded_store(&data));
        let store = data.join("store");
        assert_eq!(
            of(&store).unwrap().data,
            Some(store.clone()),
            "nothing says that it is not one"
        );

        fs::write(data.join("initialised"), "").unwrap();
        fs::write(data.join(FILE), "store = \"postgres://m@db.example/m\"\n").unwrap();
        let refused = of(&data).err().unwrap();
        assert_eq!((refused.code(), refused.exit_code()), ("StoreElsewhere", 1));
        let folder = of(&store).unwrap();
        assert_eq!(
            (folder.store, folder.data),
            (server::embedded_store(&data), Some(data.clone()))
        );

        let aside = data.join("store.old");
        fs::create_dir(&aside).unwrap();
        for name in ["books.db", "usage.db"] {
            fs::write(aside.join(name), "").unwrap();
        }
        let folder = of(&aside).unwrap();
        assert_eq!(
            (folder.store, folder.data),
            (StoreConfig::Sqlite { directory: aside }, None)
        );
    }
}
