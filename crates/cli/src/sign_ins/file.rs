//! The file of sign-ins.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::SignIn;
use crate::args::ServerArgs;
use crate::failure::Failure;

const FILE: &str = "sign-ins.json";
const LOCK: &str = "sign-ins.lock";
/// For its owner only.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// Where sign-ins are kept.
#[derive(Debug, Clone)]
pub(crate) struct SignIns {
    directory: PathBuf,
}

/// What the file holds.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    /// By the server's URL, without a slash at its end.
    #[serde(default)]
    sign_ins: BTreeMap<String, SignIn>,
}

impl SignIns {
    /// Those that are kept where the command line says, or in the user's directory of configurations.
    ///
    /// # Errors
    /// If it is not known where that is.
    pub(crate) fn of(args: &ServerArgs) -> Result<Self, Failure> {
        let directory = args.config.clone().or_else(users_directory);
        let directory = directory.ok_or_else(|| {
            Failure::new("It is not known where your sign-ins are kept: you have no home directory.")
                .hint("Name a directory with --config or METERBRIDGE_CONFIG.")
        })?;
        Ok(Self { directory })
    }

    /// The sign-in to this server, if there is one.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn find(&self, server: &str) -> Result<Option<SignIn>, Failure> {
        Ok(self.read()?.sign_ins.remove(server))
    }

    /// Keeps a sign-in to this server, instead of the one before.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn keep(&self, server: &str, sign_in: SignIn) -> Result<(), Failure> {
        self.change(|kept| {
            kept.sign_ins.insert(server.to_owned(), sign_in);
        })
    }

    /// Removes the sign-in to this server, or to every server. Gives what there was, by server.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn forget(&self, server: Option<&str>) -> Result<BTreeMap<String, SignIn>, Failure> {
        let mut forgotten = BTreeMap::new();
        let is_meant = |known: &String| server.is_none_or(|server| server == known);
        if self.read()?.sign_ins.keys().any(is_meant) {
            self.change(|kept| {
                let all = std::mem::take(&mut kept.sign_ins);
                (forgotten, kept.sign_ins) = all.into_iter().partition(|(known, _)| is_meant(known));
            })?;
        }
        Ok(forgotten)
    }

    fn path(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    fn read(&self) -> Result<Kept, Failure> {
        let path = self.path();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
            Err(error) => return Err(Failure::file(&path, &error)),
        };
        serde_json::from_slice(&text).map_err(|error| {
            Failure::new(format!("The sign-ins in {} cannot be read.", path.display()))
                .coded("UnusableFile")
                .because(error.to_string())
                .hint("Remove the file, and sign in again with `meterbridge login`.")
        })
    }

    /// Changes the file, one process at a time; others see it before or after, never in between.
    fn change(&self, change: impl FnOnce(&mut Kept)) -> Result<(), Failure> {
        let failed = |error| Failure::file(&self.path(), &error);
        let _turn = self.take_turn().map_err(failed)?;
        let mut kept = self.read()?;
        change(&mut kept);
        let text = serde_json::to_vec_pretty(&kept).map_err(|error| failed(error.into()))?;
        self.replace(&text).map_err(failed)
    }

    /// Waits until no other process changes the file, until the lock is dropped.
    fn take_turn(&self) -> io::Result<File> {
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(&self.directory)?;
        let lock = private(
            &self.directory.join(LOCK),
            OpenOptions::new().create(true).truncate(false),
        )?;
        lock.lock()?;
        Ok(lock)
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let (path, new) = (self.path(), self.directory.join(format!("{FILE}.new")));
        // What a process left that was killed.
        let _ = fs::remove_file(&new);
        let mut file = private(&new, OpenOptions::new().create_new(true))?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(new, path)
    }
}

fn private(path: &Path, how: &mut OpenOptions) -> io::Result<File> {
    how.write(true).mode(FILE_MODE).open(path)
}

/// `meterbridge` in the user's directory of configurations (the XDG Base Directory Specification).
fn users_directory() -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "where a user's configurations are is no setting of this program, and common to all"
    )]
    let named = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    // A relative one is invalid, by the specification.
    let configurations = named.filter(|path| path.is_absolute());
    let configurations = configurations.or_else(|| Some(std::env::home_dir()?.join(".config")))?;
    configurations
        .is_absolute()
        .then(|| configurations.join("meterbridge"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::signed_in;
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const HERE: &str = "https://bills.example";
    const THERE: &str = "https://localhost:8443";

    #[test]
    fn a_sign_in_is_found_at_its_server_until_it_is_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let sign_ins = SignIns {
            directory: home.path().join("a/meterbridge"),
        };
        assert!(sign_ins.find(HERE).unwrap().is_none());
        assert!(sign_ins.forget(None).unwrap().is_empty());
        assert!(!sign_ins.directory.exists(), "reading makes nothing");

        sign_ins.keep(HERE, signed_in("one")).unwrap();
        sign_ins.keep(THERE, signed_in("two")).unwrap();
        sign_ins.keep(HERE, signed_in("three")).unwrap();
        assert!(
            sign_ins.find(HERE).unwrap() == Some(signed_in("three")),
            "the newest is kept"
        );
        let forgotten = sign_ins.forget(Some(HERE)).unwrap();
        assert!(forgotten.into_iter().eq([(HERE.to_owned(), signed_in("three"))]));
        assert!(sign_ins.find(HERE).unwrap().is_none());
        assert!(sign_ins.forget(None).unwrap().into_keys().eq([THERE]));
    }

    #[test]
    fn nobody_else_can_read_sign_ins() {
        let home = tempfile::tempdir().unwrap();
        let sign_ins = SignIns {
            directory: home.path().join("meterbridge"),
        };
        sign_ins.keep(HERE, signed_in("one")).unwrap();
        // Somebody opened it to all; the next change closes it again.
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        fs::set_permissions(sign_ins.path(), fs::Permissions::from_mode(0o644)).unwrap();
        sign_ins.keep(HERE, signed_in("two")).unwrap();
        assert_eq!(mode(&sign_ins.path()), FILE_MODE);
        assert_eq!(mode(&sign_ins.directory), DIRECTORY_MODE);
    }

    #[test]
    fn processes_that_sign_in_at_once_do_not_undo_each_other() {
        let home = tempfile::tempdir().unwrap();
        let keep = |number: usize| {
            let sign_ins = SignIns {
                directory: home.path().to_owned(),
            };
            sign_ins
                .keep(&format!("https://{number}.example"), signed_in("x"))
                .unwrap();
        };
        std::thread::scope(|scope| {
            for number in 0..16 {
                scope.spawn(move || keep(number));
            }
        });
        let sign_ins = SignIns {
            directory: home.path().to_owned(),
        };
        assert_eq!(sign_ins.read().unwrap().sign_ins.len(), 16);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        let sign_ins = SignIns {
            directory: home.path().to_owned(),
        };
        fs::write(sign_ins.path(), "{").unwrap();
        let failure = sign_ins.find(HERE).err().unwrap();
        assert!(failure.what().contains(FILE), "{failure:?}");
        assert!(failure.hint_text().unwrap().contains("meterbridge login"));
        assert!(
            sign_ins.keep(HERE, signed_in("x")).is_err(),
            "nothing is overwritten unread"
        );
    }
}
