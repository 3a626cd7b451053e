//! Ranges of reported time that somebody asks for while the bridge runs: a file in the folder of the stack.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use domain::time::{Hour, HourInterval};

use crate::cursor::{BACKFILLS_MAX, Backfill};
use crate::disk::Disk;
use crate::spool::{Spool, SpoolError};
use crate::trouble::Trouble;

/// Where in the directory of the spool the stacks have their folders.
const STACKS: &str = "stacks";
const FILE: &str = "backfill.request";
/// The most bytes of the file: two hours.
const BYTES_MAX: usize = 256;
/// The mode of the file.
const READABLE: u32 = 0o644;

/// Asks the bridge with this spool directory to read a range of reported time of a stack again. It is taken up within
/// seconds unless the stack is busy, and what can be seen of it is in [`crate::StackStatus::backfills`].
///
/// # Errors
/// [`Trouble`] if there is no such stack, or a range that was asked for has not been taken up yet.
pub fn request_backfill(spool_directory: &Path, stack: &str, range: HourInterval) -> Result<(), Trouble> {
    let directory = stack_directory(spool_directory, stack);
    let path = directory.join(FILE);
    let refuse = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound => Trouble::new(
            "NoSuchStack",
            format!(
                "There is no spool {}: the bridge never ran for that stack.",
                directory.display()
            ),
            "See the name of the stack in the configuration, and that the bridge runs.",
        ),
        io::ErrorKind::AlreadyExists => Trouble::new(
            "BackfillWaits",
            "Another range of this stack was asked for and is not taken up yet.",
            "See that the bridge runs, and ask again in a minute.",
        ),
        _ => Trouble::new(
            "BackfillNotAsked",
            format!("{} cannot be written: {error}.", path.display()),
            "Ask as the user that the bridge runs as.",
        ),
    };
    // Written beside and linked into place, so that the bridge never reads half of it and no request replaces another.
    let unfinished = directory.join(format!("{FILE}.unfinished"));
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&unfinished)?;
        writeln!(file, "{} {}", range.start(), range.end())?;
        // The bridge reads it, as whoever it runs.
        file.set_permissions(Permissions::from_mode(READABLE))?;
        file.sync_all()?;
        fs::hard_link(&unfinished, &path)
    };
    let written = write();
    let _ = fs::remove_file(&unfinished);
    written.map_err(|error| refuse(&error))
}

/// The folder of a stack.
pub(crate) fn stack_directory(spool_directory: &Path, stack: &str) -> PathBuf {
    spool_directory.join(STACKS).join(stack)
}

/// The range that was asked for and is not taken up yet, by the bridge with this spool directory.
#[must_use]
pub fn waiting_backfill(spool_directory: &Path, stack: &str) -> Option<HourInterval> {
    let text = fs::read(stack_directory(spool_directory, stack).join(FILE)).ok()?;
    range_in(&text)
}

/// Takes up what somebody asked for, as far as it has been read before: what is newer is read anyway. Says whether there
/// was something: then the request is to be removed.
pub(crate) fn take_up(disk: &dyn Disk, directory: &Path, spool: &mut Spool) -> Result<bool, SpoolError> {
    let path = directory.join(FILE);
    let failed = |cause: io::Error| SpoolError::Disk {
        path: path.clone(),
        cause,
    };
    if spool.cursor().backfills.len() >= BACKFILLS_MAX || disk.length(&path).map_err(failed)?.is_none() {
        return Ok(false);
    }
    let text = disk.read(&path, 0, BYTES_MAX).map_err(failed)?;
    if let Some(range) = range_of(&text, spool.cursor().read_through) {
        let backfill = Backfill {
            range,
            next: range.start(),
        };
        // Taken up before it is removed: if that fails, the same range is found again and is there already.
        spool.begin()?;
        spool.commit(|cursor| {
            if !cursor.backfills.iter().any(|it| it.range == range) {
                cursor.backfills.push(backfill);
            }
        })?;
    }
    Ok(true)
}

/// Removes a request that was taken up.
pub(crate) fn forget_request(disk: &dyn Disk, directory: &Path) -> Result<(), SpoolError> {
    let path = directory.join(FILE);
    disk.remove(&path)
        .map_err(|cause| SpoolError::Disk { path, cause })
}

fn range_of(text: &[u8], read_through: Hour) -> Option<HourInterval> {
    let range = range_in(text)?;
    HourInterval::new(range.start(), range.end().min(read_through))
}

fn range_in(text: &[u8]) -> Option<HourInterval> {
    let text = std::str::from_utf8(text).ok()?;
    let (from, to) = text.trim().split_once(' ')?;
    HourInterval::new(from.parse().ok()?, to.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_read_before_is_read_again() {
        let hour = |text: &str| text.parse::<Hour>().unwrap();
        let through = hour("2026-10-02T00:00:00Z");
        let range = |text: &str| range_of(text.as_bytes(), through).map(|it| it.to_string());
        assert_eq!(
            range("2026-10-01T00:00:00Z 2026-10-05T00:00:00Z\n").as_deref(),
            Some("[2026-10-01T00:00:00Z, 2026-10-02T00:00:00Z)")
        );
        for nothing in ["", "x y", "2026-10-03T00:00:00Z 2026-10-05T00:00:00Z"] {
            assert_eq!(range(nothing), None, "{nothing}");
        }
    }
}
