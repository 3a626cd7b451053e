//! What a bridge has to find as it should be before it asks anybody anything: what `run` refuses, and therefore `check`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use domain::time::Hour;

use crate::backfill::stack_directory;
use crate::claims::Claims;
use crate::config::{BridgeConfig, StackConfig};
use crate::environment::Environment;
use crate::spool::Spool;
use crate::trouble::Trouble;

/// The file that is locked by the bridge that uses a spool directory.
const LOCK: &str = "lock";

impl BridgeConfig {
    /// Whether a bridge could be opened with this. Nothing is made or changed by finding it out, and it may run meanwhile.
    ///
    /// # Errors
    /// What [`crate::Bridge::open`] would refuse.
    pub fn try_open(&self, environment: &Environment) -> Result<(), Trouble> {
        claims(self, environment)?;
        let it_runs = is_locked(&self.spool_directory)?;
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
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Trouble::new(
            "SpoolInUse",
            format!("Another bridge uses the spool directory {}.", directory.display()),
            "Stop it first, or give each bridge a spool directory of its own.",
        )),
        Err(TryLockError::Error(error)) => Err(refuse(&error)),
    }
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

/// Whether a file could be made in a directory, if it is there: one is made for a moment.
fn must_take_files(directory: &Path) -> io::Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    let probe = directory.join(format!("check.{}", std::process::id()));
    OpenOptions::new().write(true).create_new(true).open(&probe)?;
    fs::remove_file(&probe)
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
