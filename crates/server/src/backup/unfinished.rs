//! A folder that is put in place when it is whole, and leaves nothing behind when it is not.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::BackupError;
use super::contents::{STORE, make_folder, sync_folder};

/// What is added to the name until it is whole.
const SUFFIX: &str = ".unfinished";

/// A folder beside the place that it is made for. It goes away with this, unless it was put there.
pub(super) struct Unfinished {
    place: PathBuf,
    path: PathBuf,
    finished: bool,
    /// Tells a folder that somebody is making from one that was left behind.
    _lock: File,
}

impl Unfinished {
    /// Makes an empty folder for a place where nothing is, or an empty folder.
    ///
    /// # Errors
    /// [`BackupError::NotEmpty`], [`BackupError::NotAFolderOfItsOwn`], [`BackupError::InProgress`] or
    /// [`BackupError::File`]; nothing was changed then.
    pub(super) fn make_for(place: &Path) -> Result<Self, BackupError> {
        let parent = parent(place)?;
        check_free(place, parent)?;
        make_folder(parent)?;
        let mut path = place.as_os_str().to_owned();
        path.push(SUFFIX);
        let path = PathBuf::from(path);
        let lock = claim(&path)?;
        Ok(Self {
            place: place.to_owned(),
            path,
            finished: false,
            _lock: lock,
        })
    }

    /// Where it is until it is finished.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts it in its place. What is in it is durable already.
    pub(super) fn finish(mut self) -> Result<(), BackupError> {
        sync_folders(&self.path)?;
        fs::rename(&self.path, &self.place).map_err(BackupError::file(&self.place))?;
        self.finished = true;
        sync_folder(parent(&self.place)?)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "what was not finished could not be removed");
        }
    }
}

fn parent(place: &Path) -> Result<&Path, BackupError> {
    if place.file_name().is_none() {
        return Err(BackupError::NotAFolderOfItsOwn(place.to_owned()));
    }
    let parent = place.parent().filter(|it| !it.as_os_str().is_empty());
    Ok(parent.unwrap_or(Path::new(".")))
}

/// Nothing is there, or an empty folder that another one can be renamed to.
fn check_free(place: &Path, parent: &Path) -> Result<(), BackupError> {
    let mut entries = match fs::read_dir(place) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !place.is_symlink() => return Ok(()),
        Err(error) => return Err(BackupError::file(place)(error)),
    };
    if entries.next().is_some() {
        return Err(BackupError::NotEmpty(place.to_owned()));
    }
    let looked = fs::symlink_metadata(place).map_err(BackupError::file(place))?;
    let above = fs::metadata(parent).map_err(BackupError::file(parent))?;
    if looked.is_symlink() || looked.dev() != above.dev() {
        return Err(BackupError::NotAFolderOfItsOwn(place.to_owned()));
    }
    Ok(())
}

/// An empty folder that is ours as long as the lock lives. One that a process left behind that was killed is removed.
fn claim(path: &Path) -> Result<File, BackupError> {
    let lock = || {
        let folder = File::open(path).map_err(BackupError::file(path))?;
        match folder.try_lock() {
            Ok(()) => Ok(folder),
            Err(TryLockError::WouldBlock) => Err(BackupError::InProgress(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(BackupError::file(path)(error)),
        }
    };
    if path.exists() {
        let _left_behind = lock()?;
        if !is_ours(path)? {
            return Err(BackupError::NotEmpty(path.to_owned()));
        }
        fs::remove_dir_all(path).map_err(BackupError::file(path))?;
    }
    make_folder(path)?;
    lock()
}

/// Whatever is made here has the folder of the databases before anything else. What has not may be somebody's work.
fn is_ours(path: &Path) -> Result<bool, BackupError> {
    let mut entries = fs::read_dir(path).map_err(BackupError::file(path))?;
    Ok(path.join(STORE).is_dir() || entries.next().is_none())
}

fn sync_folders(path: &Path) -> Result<(), BackupError> {
    for entry in fs::read_dir(path).map_err(BackupError::file(path))? {
        let entry = entry.map_err(BackupError::file(path))?;
        if entry.file_type().map_err(BackupError::file(path))?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    sync_folder(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|it| it.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_folder_is_there_as_a_whole_or_not_at_all() {
        let parent = tempfile::tempdir().unwrap();
        let place = parent.path().join("above").join("backup");
        let dropped = Unfinished::make_for(&place).unwrap();
        fs::write(dropped.path().join("a"), "1").unwrap();
        assert!(!place.exists());
        drop(dropped);
        assert_eq!(names(&parent.path().join("above")), [""; 0]);

        fs::create_dir(&place).unwrap();
        let made = Unfinished::make_for(&place).unwrap();
        fs::write(made.path().join("b"), "2").unwrap();
        made.finish().unwrap();
        assert_eq!(names(&place), ["b"]);
        assert_eq!(names(&parent.path().join("above")), ["backup"]);
        let again = Unfinished::make_for(&place).err().unwrap();
        assert!(matches!(again, BackupError::NotEmpty(_)), "{again}");
    }

    #[test]
    fn what_a_killed_process_left_behind_is_in_nobodys_way_and_what_one_is_making_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        let place = parent.path().join("backup");
        let left = parent.path().join("backup.unfinished");
        fs::create_dir_all(left.join(STORE)).unwrap();
        fs::write(left.join(STORE).join("half"), "1").unwrap();
        let first = Unfinished::make_for(&place).unwrap();
        assert_eq!(names(first.path()), [""; 0]);
        fs::write(first.path().join("mine"), "1").unwrap();
        let second = Unfinished::make_for(&place).err().unwrap();
        assert!(matches!(second, BackupError::InProgress(_)), "{second}");
        assert_eq!(names(first.path()), ["mine"]);
    }

    #[test]
    fn somebody_elses_work_under_the_name_of_what_is_unfinished_is_not_removed() {
        let parent = tempfile::tempdir().unwrap();
        let place = parent.path().join("novel");
        let work = parent.path().join("novel.unfinished");
        fs::create_dir(&work).unwrap();
        fs::write(work.join("chapter one"), "It was").unwrap();
        let refused = Unfinished::make_for(&place).err().unwrap();
        assert!(matches!(refused, BackupError::NotEmpty(_)), "{refused}");
        assert_eq!(names(&work), ["chapter one"]);
    }

    #[test]
    fn a_place_without_a_name_of_its_own_is_refused_before_anything_is_done() {
        let parent = tempfile::tempdir().unwrap();
        let link = parent.path().join("link");
        let elsewhere = parent.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        for place in [Path::new("/"), Path::new(".."), &link] {
            let refused = Unfinished::make_for(place).err().unwrap();
            assert!(!matches!(refused, BackupError::InProgress(_)), "{refused}");
        }
        assert_eq!(names(parent.path()), ["elsewhere", "link"]);
    }
}
