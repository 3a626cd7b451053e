//! What a bridge has to find as it should be before it asks anybody anything: what `run` refuses, and therefore `check`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::Duration;

use domain::time::Hour;

use crate::backfill::stack_directory;
use crate::claims::Claims;
use crate::config::{BridgeConfig, StackConfig};
use crate::environment::Environment;
use crate::spool::Spool;
use crate::trouble::Trouble;

/// The file that is locked by the bridge that uses a spool directory.
const LOCK: &str = "lock";
/// Whoever only looks whether the directory is used holds the lock for a moment: so often it is tried before another bridge
/// is said to have it, with a wait between: two seconds.
const LOCK_TRIES: u32 = 41;
const LOCK_WAIT: Duration = Duration::from_millis(50);

impl BridgeConfig {
    /// Whether a bridge could be opened with this. Nothing is made or changed by finding it out, and it may run meanwhile.
    ///
    /// # Errors
    /// What [`crate::Bridge::open`] would refuse.
    pub fn try_open(&self, environment: &Environment) -> Result<(), Trouble> {
        let it_runs = is_locked(&self.spool_directory)?;
        claims(self, environment)?;
        match self.listen {
            // Where it runs it listens itself.
            Some(address) if !it_runs => listen(address).map(drop),
            _ => Ok(()),
        }
    }
}

/// Which section works for which stack, where every section is one that can be begun with.
pub(crate) fn claims(config: &BridgeConfig, environment: &Environment) -> Result<Claims, Trouble> {
    let now = Hour::containing(environment.clock.now());
    for stack in &config.stacks {
        let directory = stack_directory(&config.spool_directory, &stack.name);
        // A stack that was read before is read on where it was, whatever `start` says.
        if stack.start > Some(now) && !Spool::is_in(&*environment.disk, &directory) {
            return Err(start_in_future(stack, now));
        }
    }
    Claims::of(&config.stacks)
}

fn start_in_future(stack: &StackConfig, now: Hour) -> Trouble {
    let start = stack.start.unwrap_or(now);
    Trouble::new(
        "StartInFuture",
        format!(
            "Stack `{}` is to be read from {start} on, and by the clock of this machine it is the hour of {now}.",
            stack.name
        ),
        "Set `start` of the stack to an hour that has begun, or leave it out: then it is the first of this month.",
    )
}

/// Makes the directory, and sure that no other process uses it.
pub(crate) fn lock(directory: &Path) -> Result<File, Trouble> {
    let refuse = |error: &dyn std::fmt::Display| unusable(directory, error);
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| refuse(&error))?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(directory.join(LOCK))
        .map_err(|error| refuse(&error))?;
    match lock_patiently(&file, || std::thread::sleep(LOCK_WAIT)) {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Trouble::new(
            "SpoolInUse",
            format!("Another bridge uses the spool directory {}.", directory.display()),
            "Stop it first, or give each bridge a spool directory of its own.",
        )),
        Err(TryLockError::Error(error)) => Err(refuse(&error)),
    }
}

/// Locks a file that somebody may hold for a moment.
fn lock_patiently(file: &File, mut wait: impl FnMut()) -> Result<(), TryLockError> {
    for _ in 1..LOCK_TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => wait(),
            outcome => return outcome,
        }
    }
    file.try_lock()
}

/// Whether a bridge has used the directory and none does now, as far as whoever asks can find out.
pub(crate) fn is_abandoned(directory: &Path) -> bool {
    // Nobody has to be able to write to the file to find out.
    File::open(directory.join(LOCK)).is_ok_and(|file| file.try_lock_shared().is_ok())
}

/// Whether a bridge uses the directory. One that is not there yet is used by nobody.
fn is_locked(directory: &Path) -> Result<bool, Trouble> {
    let refuse = |error: &io::Error| unusable(directory, error);
    let file = match OpenOptions::new().write(true).open(directory.join(LOCK)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            must_take_files(directory).map_err(|error| refuse(&error))?;
            return Ok(false);
        }
        Err(error) => return Err(refuse(&error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(unusable(directory, &error)),
    }
}

/// Whether a file could be made in a directory, or the directory where the nearest folder above it is that there is: it is
/// made for a moment.
fn must_take_files(directory: &Path) -> io::Result<()> {
    let name = format!("check.{}", std::process::id());
    if is_there(directory) {
        let probe = directory.join(name);
        OpenOptions::new().write(true).create_new(true).open(&probe)?;
        return fs::remove_file(&probe);
    }
    let above = directory.ancestors().skip(1).find(|it| is_there(it));
    // A path that begins nowhere begins in the working directory.
    let probe = above.unwrap_or(Path::new("")).join(name);
    fs::create_dir(&probe)?;
    fs::remove_dir(&probe)
}

/// Whether something has this name, also a link that leads nowhere: then nothing can be made of that name.
fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn unusable(directory: &Path, error: &dyn std::fmt::Display) -> Trouble {
    Trouble::new(
        "SpoolUnusable",
        format!(
            "The spool directory {} cannot be used: {error}.",
            directory.display()
        ),
        "Set `directory` of [spool] to a directory that the bridge may write to.",
    )
}

pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener, Trouble> {
    TcpListener::bind(address)
        .and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        })
        .map_err(|error| cannot_listen(address, &error))
}

pub(crate) fn cannot_listen(address: SocketAddr, error: &io::Error) -> Trouble {
    Trouble::new(
        "CannotListen",
        format!("Nothing can listen at {address}: {error}."),
        "Set `listen` of [status] to an address that is free.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_at_the_moment_a_bridge_starts_would_have_ended_the_bridge() {
        let spool = tempfile::tempdir().unwrap();
        let path = spool.path().join(LOCK);
        fs::write(&path, "").unwrap();
        let looking = File::open(&path).unwrap();
        looking.try_lock_shared().unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        let mut waits = 0;
        let locked = lock_patiently(&file, || {
            waits += 1;
            if waits == 3 {
                looking.unlock().unwrap();
            }
        });
        assert!(locked.is_ok(), "{locked:?}");
        assert_eq!(waits, 3);
    }

    #[test]
    fn a_bridge_that_uses_the_spool_is_not_waited_for_for_ever() {
        let spool = tempfile::tempdir().unwrap();
        let path = spool.path().join(LOCK);
        fs::write(&path, "").unwrap();
        let running = File::open(&path).unwrap();
        running.try_lock().unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        let mut waits = 0;
        let locked = lock_patiently(&file, || waits += 1);
        assert!(matches!(locked, Err(TryLockError::WouldBlock)), "{locked:?}");
        assert_eq!(waits, LOCK_TRIES - 1);
    }

    #[test]
    fn a_spool_that_cannot_be_made_would_have_been_found_out_by_running_only() {
        let place = tempfile::tempdir().unwrap();
        let good = place.path().join("var/lib/spool");
        assert!(matches!(is_locked(&good), Ok(false)));
        assert_eq!(
            fs::read_dir(place.path()).unwrap().count(),
            0,
            "nothing is left of it"
        );
        let nowhere = place.path().join("gone");
        std::os::unix::fs::symlink(place.path().join("unmounted"), &nowhere).unwrap();
        fs::write(place.path().join("file"), "").unwrap();
        for bad in [
            "gone",
            "gone/spool",
            "file/spool",
            "file/far/below",
            // No folder can be made there, by whomever.
            "/proc/self/spool",
        ] {
            let directory = place.path().join(bad);
            let checked = is_locked(&directory).unwrap_err();
            let run = lock(&directory).unwrap_err();
            assert_eq!(
                (checked.code.as_ref(), run.code.as_ref()),
                ("SpoolUnusable", "SpoolUnusable"),
                "{bad}"
            );
        }
    }
}
