//! The spool: what was read and is not yet acknowledged, on disk.
//!
//! A window of reported time is written as a whole. Its frames are appended to a segment, the segment is synced, and then
//! the cursor, which is replaced in one step, says that everything up to there holds (`commit`). So whatever is behind
//! the cursor's place is of a window that was not finished, for whatever reason, and is cut off; it will be read again.
//! And whatever is before it must be intact: damage there is an error that names file and offset, and nothing is passed
//! over. A segment is removed when everything in it was acknowledged.

mod error;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use domain::ids::CloudId;
use domain::time::Hour;
use uuid::Uuid;

pub(crate) use self::error::SpoolError;
use crate::cursor::{Cursor, Position};
use crate::disk::{Appender, Disk};
use crate::frame::{Frame, HEAD_BYTES, NotAFrame};
use crate::waypoints::Hours;

/// A segment that has grown to this many bytes gets no further window.
pub(crate) const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;
const CURSOR: &str = "cursor";
const SEGMENT_SUFFIX: &str = ".segment";

/// The spool of one stack.
pub(crate) struct Spool {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    bytes_max: u64,
    cursor: Cursor,
    /// The cursor could not be written: on disk there may be this one or another.
    unwritten: bool,
    /// There may be something behind the end of what is committed.
    unclean: bool,
    /// The segments that are there, with the length of what is committed of them.
    segments: BTreeMap<u64, u64>,
    writing: Option<Writing>,
    /// A part of the window could not be written: what came before and after it is not to be committed.
    is_broken: bool,
}

/// A window that is being written.
struct Writing {
    file: Box<dyn Appender>,
    end: Position,
}

/// A frame, and the place where it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) end: Position,
    pub(crate) frame: Frame,
}

impl Spool {
    /// Opens the spool of a stack in this directory, or makes it: then reading begins at `start`. A directory that another
    /// stack has and that nothing was read into becomes this one's: its activation key was the wrong one at first.
    /// Everything that is committed and not acknowledged is checked.
    ///
    /// # Errors
    /// [`SpoolError`]: also if it is damaged, or of another stack.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        directory: &Path,
        bytes_max: u64,
        (cloud_id, start): (CloudId, Hour),
    ) -> Result<Self, SpoolError> {
        let failed = |error| SpoolError::disk(directory, error);
        disk.make_directory(directory).map_err(failed)?;
        let found = segments_in(&disk.names(directory).map_err(failed)?);
        let kept = read_cursor(&*disk, directory)?;
        let is_without = kept.is_none();
        if is_without && let Some(segment) = found.first() {
            return Err(SpoolError::NoCursor(directory.join(segment_name(*segment))));
        }
        let kept = kept.filter(|it| it.cloud_id == cloud_id || !it.is_untouched());
        let is_new = kept.is_none();
        let mut spool = Self {
            disk,
            directory: directory.to_owned(),
            bytes_max,
            cursor: kept.unwrap_or_else(|| Cursor::new(cloud_id, start)),
            unwritten: is_new,
            unclean: true,
            segments: BTreeMap::new(),
            writing: None,
            is_broken: false,
        };
        if spool.cursor.cloud_id != cloud_id {
            return Err(SpoolError::Foreign {
                directory: spool.directory,
                of: spool.cursor.cloud_id,
                expected: cloud_id,
            });
        }
        spool.settle()?;
        spool.measure(&found)?;
        spool.cut_off()?;
        spool.check()?;
        Ok(spool)
    }

    /// How far the stack was read and delivered whose spool this directory is; none if there is none yet. Nothing is made
    /// or changed.
    ///
    /// # Errors
    /// [`SpoolError`]: also if it is the spool of another stack that something was read into.
    pub(crate) fn look(
        disk: &dyn Disk,
        directory: &Path,
        cloud_id: CloudId,
    ) -> Result<Option<Cursor>, SpoolError> {
        match read_cursor(disk, directory)? {
            Some(cursor) if cursor.cloud_id != cloud_id && cursor.is_untouched() => Ok(None),
            Some(cursor) if cursor.cloud_id != cloud_id => Err(SpoolError::Foreign {
                directory: directory.to_owned(),
                of: cursor.cloud_id,
                expected: cloud_id,
            }),
            kept => Ok(kept),
        }
    }

    /// Whether there is a spool of a stack in this directory, in whatever state.
    pub(crate) fn is_in(disk: &dyn Disk, directory: &Path) -> bool {
        matches!(disk.length(&directory.join(CURSOR)), Ok(Some(_)))
    }

    /// How far the stack was read and delivered.
    pub(crate) const fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// The bytes that are not acknowledged yet.
    pub(crate) fn bytes(&self) -> u64 {
        let Position { segment, offset } = self.cursor.acknowledged;
        let committed: u64 = self.segments.range(segment..).map(|(_, length)| length).sum();
        let being_written = self.writing.as_ref().map_or(0, |writing| {
            let Position { segment, offset } = self.cursor.committed;
            let same = writing.end.segment == segment;
            writing.end.offset - if same { offset } else { 0 }
        });
        committed.saturating_sub(offset) + being_written
    }

    /// Forgets the window that is being written, if there is one.
    ///
    /// # Errors
    /// [`SpoolError::Disk`]; then it is to be tried again before anything is appended.
    pub(crate) fn begin(&mut self) -> Result<(), SpoolError> {
        self.writing = None;
        self.is_broken = true;
        self.settle()?;
        self.cut_off()?;
        self.is_broken = false;
        Ok(())
    }

    /// Appends a frame to the window that is being written. It is not there for certain before the window is committed.
    ///
    /// # Errors
    /// [`SpoolError::Full`], after which it can be tried again when something was acknowledged; any other error ends the
    /// window: it has to be begun again.
    pub(crate) fn append(&mut self, frame: &Frame) -> Result<(), SpoolError> {
        self.must_be_whole()?;
        let bytes = frame.encode().map_err(|_| SpoolError::TooLarge)?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.bytes().saturating_add(length) > self.bytes_max {
            return Err(SpoolError::Full {
                directory: self.directory.clone(),
                bytes_max: self.bytes_max,
                alone: self.cursor.acknowledged == self.cursor.committed,
            });
        }
        self.is_broken = true;
        let mut writing = match self.writing.take() {
            Some(writing) => writing,
            None => self.open_segment()?,
        };
        let path = self.path(writing.end.segment);
        writing
            .file
            .append(&bytes)
            .map_err(|error| SpoolError::disk(&path, error))?;
        writing.end.offset += length;
        self.writing = Some(writing);
        self.is_broken = false;
        Ok(())
    }

    /// Makes the window that was written durable, together with what it changes in the cursor.
    ///
    /// # Errors
    /// [`SpoolError::Disk`]; then it did not happen, and the window has to be begun again.
    pub(crate) fn commit(&mut self, change: impl FnOnce(&mut Cursor)) -> Result<(), SpoolError> {
        self.must_be_whole()?;
        let mut next = self.cursor.clone();
        if let Some(mut writing) = self.writing.take() {
            self.is_broken = true;
            let path = self.path(writing.end.segment);
            writing
                .file
                .sync()
                .map_err(|error| SpoolError::disk(&path, error))?;
            next.committed = writing.end;
        }
        change(&mut next);
        if next == self.cursor {
            // Nothing was written and nothing has changed.
            return Ok(());
        }
        if let Err(error) = self.write(&next) {
            self.is_broken = true;
            self.unwritten = true;
            return Err(error);
        }
        self.segments
            .insert(next.committed.segment, next.committed.offset);
        self.cursor = next;
        self.unclean = false;
        self.is_broken = false;
        Ok(())
    }

    /// The frames that are delivered next, `frames_max` at the most and at least 1 if there is one. One that declares how
    /// far the stack has reported is alone: it may go only when everything before it was acknowledged.
    ///
    /// # Errors
    /// [`SpoolError`]: also if one of them is damaged.
    pub(crate) fn batch(&self, frames_max: usize) -> Result<Vec<Located>, SpoolError> {
        let mut batch = Vec::new();
        let mut at = self.cursor.acknowledged;
        while batch.len() < frames_max {
            at = self.skip_end(at);
            if at >= self.cursor.committed {
                break;
            }
            let mut located = self.read(at)?;
            if located.end <= self.cursor.undeclared && located.frame.through.take().is_some() {
                // Another delivery, under a name of its own: always the same one.
                located.frame.key = Uuid::from_u128(!located.frame.key.as_u128());
            }
            let declares = located.frame.through.is_some();
            if declares && !batch.is_empty() {
                break;
            }
            at = located.end;
            batch.push(located);
            if declares {
                break;
            }
        }
        Ok(batch)
    }

    /// Takes note that everything up to here was acknowledged, and removes what is not needed any more.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] if that could not be written. It holds all the same, as long as the process lives; afterwards
    /// something will be delivered again under the same keys.
    pub(crate) fn acknowledge(
        &mut self,
        end: Position,
        change: impl FnOnce(&mut Cursor),
    ) -> Result<(), SpoolError> {
        change(&mut self.cursor);
        self.cursor.acknowledged = self.skip_end(end);
        self.unwritten = true;
        self.settle()?;
        let done: Vec<u64> = self
            .segments
            .range(..self.cursor.acknowledged.segment)
            .map(|(segment, _)| *segment)
            .collect();
        for segment in done {
            let path = self.path(segment);
            self.disk
                .remove(&path)
                .map_err(|error| SpoolError::disk(&path, error))?;
            self.segments.remove(&segment);
        }
        Ok(())
    }

    /// Takes note that the server does not have the newest receipts any more ([`Cursor::go_back`]). A window that is being
    /// written stays as it is. Answers what is to be read again because of that.
    ///
    /// # Errors
    /// [`SpoolError::Disk`]; then it did not happen. Or as [`Self::batch`].
    pub(crate) fn go_back(&mut self) -> Result<Hours, SpoolError> {
        let mut at = self.skip_end(self.cursor.acknowledged);
        let mut declaring = None;
        while declaring.is_none() && at < self.cursor.committed {
            let located = self.read(at)?;
            at = self.skip_end(located.end);
            declaring = located.frame.through.map(|_| (located.frame.window, located.end));
        }
        self.change(|cursor| cursor.go_back(declaring))
    }

    /// Changes what is to be read. A window that is being written stays as it is.
    ///
    /// # Errors
    /// [`SpoolError::Disk`]; then it did not happen.
    pub(crate) fn change<T>(&mut self, change: impl FnOnce(&mut Cursor) -> T) -> Result<T, SpoolError> {
        let mut next = self.cursor.clone();
        let outcome = change(&mut next);
        if next == self.cursor {
            return Ok(outcome);
        }
        if let Err(error) = self.write(&next) {
            self.unwritten = true;
            return Err(error);
        }
        self.cursor = next;
        self.unwritten = false;
        Ok(outcome)
    }

    /// Nothing goes into a window of which a part is missing.
    fn must_be_whole(&self) -> Result<(), SpoolError> {
        if self.is_broken {
            let why = "a window of which a part could not be written was not begun again";
            return Err(SpoolError::BrokenOff(why.to_owned()));
        }
        Ok(())
    }

    /// What the beginning of the next segment is, for the end of one that gets nothing more.
    fn skip_end(&self, at: Position) -> Position {
        let length = self.segments.get(&at.segment).copied();
        if at.segment < self.cursor.committed.segment && length.is_none_or(|length| at.offset >= length) {
            return Position {
                segment: at.segment + 1,
                offset: 0,
            };
        }
        at
    }

    fn open_segment(&mut self) -> Result<Writing, SpoolError> {
        let mut end = self.cursor.committed;
        if end.offset >= SEGMENT_BYTES {
            end = Position {
                segment: end.segment + 1,
                offset: 0,
            };
        }
        self.unclean = true;
        let path = self.path(end.segment);
        let file = self.disk.append_to(&path);
        let file = file.map_err(|error| SpoolError::disk(&path, error))?;
        Ok(Writing { file, end })
    }

    /// Makes sure that the cursor on disk is the one here.
    fn settle(&mut self) -> Result<(), SpoolError> {
        if self.unwritten {
            self.write(&self.cursor)?;
            self.unwritten = false;
        }
        Ok(())
    }

    fn write(&self, cursor: &Cursor) -> Result<(), SpoolError> {
        let path = self.directory.join(CURSOR);
        let text = cursor.encode().map_err(|why| SpoolError::Cursor {
            path: path.clone(),
            why: why.to_string(),
        })?;
        self.disk
            .replace(&path, text.as_bytes())
            .map_err(|error| SpoolError::disk(&path, error))
    }

    /// Removes what is behind the end of what is committed. The cursor on disk has to be the one here, or it might say
    /// that what is removed holds.
    fn cut_off(&mut self) -> Result<(), SpoolError> {
        if !self.unclean {
            return Ok(());
        }
        let Position { segment, offset } = self.cursor.committed;
        let (path, next) = (self.path(segment), self.path(segment + 1));
        let failed = |error| SpoolError::disk(&path, error);
        if self
            .disk
            .length(&path)
            .map_err(failed)?
            .is_some_and(|length| length > offset)
        {
            self.disk.truncate(&path, offset).map_err(failed)?;
        }
        self.disk.remove(&next).map_err(failed)?;
        self.unclean = false;
        Ok(())
    }

    /// Finds out which segments are there and how long they are; removes those that are done.
    fn measure(&mut self, found: &[u64]) -> Result<(), SpoolError> {
        let (acknowledged, committed) = (self.cursor.acknowledged, self.cursor.committed);
        for segment in found.iter().filter(|it| **it < acknowledged.segment) {
            let path = self.path(*segment);
            self.disk
                .remove(&path)
                .map_err(|error| SpoolError::disk(&path, error))?;
        }
        for segment in acknowledged.segment..=committed.segment {
            let path = self.path(segment);
            let length = self
                .disk
                .length(&path)
                .map_err(|error| SpoolError::disk(&path, error))?;
            let least = if segment == committed.segment {
                committed.offset
            } else {
                1
            };
            let length = length.unwrap_or(0);
            if length < least {
                return Err(SpoolError::damaged(&path, length, NotAFrame::CutOff));
            }
            let length = if segment == committed.segment {
                least
            } else {
                length
            };
            self.segments.insert(segment, length);
        }
        Ok(())
    }

    /// Reads everything that is committed and not acknowledged.
    fn check(&self) -> Result<(), SpoolError> {
        let mut at = self.skip_end(self.cursor.acknowledged);
        while at < self.cursor.committed {
            at = self.skip_end(self.read(at)?.end);
        }
        Ok(())
    }

    fn read(&self, at: Position) -> Result<Located, SpoolError> {
        let path = self.path(at.segment);
        let failed = |error: io::Error| SpoolError::disk(&path, error);
        let damaged = |error| SpoolError::damaged(&path, at.offset, error);
        let head = self.disk.read(&path, at.offset, HEAD_BYTES).map_err(failed)?;
        let length = Frame::payload_length(&head).map_err(damaged)?;
        let payload_at = at.offset + u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX);
        let end = Position {
            segment: at.segment,
            offset: payload_at + u64::try_from(length).unwrap_or(u64::MAX),
        };
        if self
            .segments
            .get(&at.segment)
            .is_none_or(|segment| end.offset > *segment)
        {
            return Err(damaged(NotAFrame::CutOff));
        }
        let payload = self.disk.read(&path, payload_at, length).map_err(failed)?;
        let frame = Frame::decode(&head, &Bytes::from(payload)).map_err(damaged)?;
        Ok(Located { end, frame })
    }

    fn path(&self, segment: u64) -> PathBuf {
        self.directory.join(segment_name(segment))
    }
}

fn segment_name(segment: u64) -> String {
    format!("{segment:012}{SEGMENT_SUFFIX}")
}

/// The numbers of the segments among these names, in order.
fn segments_in(names: &[String]) -> Vec<u64> {
    let number = |name: &String| name.strip_suffix(SEGMENT_SUFFIX)?.parse().ok();
    let mut numbers: Vec<u64> = names.iter().filter_map(number).collect();
    numbers.sort_unstable();
    numbers
}

fn read_cursor(disk: &dyn Disk, directory: &Path) -> Result<Option<Cursor>, SpoolError> {
    let path = directory.join(CURSOR);
    let failed = |error| SpoolError::disk(&path, error);
    let Some(length) = disk.length(&path).map_err(failed)? else {
        return Ok(None);
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let text = disk.read(&path, 0, length).map_err(failed)?;
    Cursor::decode(&text).map(Some).map_err(|why| SpoolError::Cursor {
        path: path.clone(),
        why: why.to_string(),
    })
}
