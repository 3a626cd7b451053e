//! The files of an import: read one after the other, in a thread of its own.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use tempfile::{NamedTempFile, TempPath};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::paging::Paging;
use super::sending::IN_FLIGHT_MAX;
use crate::delivery_file::{Ended, FileError, Pages, Part, cut, named};
use crate::failure::Failure;

const READ_BYTES: usize = 1024 * 1024;

/// What a copy of standard input is called where files are written beside it.
const STANDARD_INPUT: &str = "standard-input.csv";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file, or standard input.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// As it was named on the command line.
    named: Arc<Path>,
    /// Where what came in on standard input was written to, if it has to be read more than once. It goes with the last who
    /// knows of it.
    copy: Option<Arc<TempPath>>,
}

impl Source {
    /// A file, or standard input as it comes in.
    pub(super) fn named(name: impl AsRef<Path>) -> Self {
        Self {
            named: name.as_ref().into(),
            copy: None,
        }
    }

    /// The same, if it can be opened. Pages of the API are read from standard input as they come in; what may be something
    /// else is copied.
    fn found(name: &Path) -> io::Result<Self> {
        let found = Self::named(name);
        if !found.is_standard_input() {
            let is_folder = File::open(name)?.metadata()?.is_dir();
            return if is_folder {
                Err(io::ErrorKind::IsADirectory.into())
            } else {
                Ok(found)
            };
        }
        let mut input = io::stdin().lock();
        if may_be_json(input.fill_buf()?) {
            return Ok(found);
        }
        let mut copy = NamedTempFile::new()?;
        io::copy(&mut input, &mut copy)?;
        let copy = Some(Arc::new(copy.into_temp_path()));
        Ok(Self { copy, ..found })
    }

    /// As it was named on the command line.
    pub(super) fn name(&self) -> String {
        self.named.display().to_string()
    }

    /// Where it can be opened, unless it is standard input as it comes in.
    pub(super) fn path(&self) -> &Path {
        self.copy.as_ref().map_or(&self.named, |copy| copy)
    }

    /// The file that others are written beside of.
    pub(super) fn beside(&self) -> &Path {
        if self.named.as_os_str() == "-" {
            Path::new(STANDARD_INPUT)
        } else {
            &self.named
        }
    }

    /// Whether it can be read only once.
    pub(super) fn is_standard_input(&self) -> bool {
        self.named.as_os_str() == "-" && self.copy.is_none()
    }
}

/// Whether something that begins like this may be pages or records of the API.
fn may_be_json(head: &[u8]) -> bool {
    let text = head
        .strip_prefix(BYTE_ORDER_MARK)
        .unwrap_or(head)
        .trim_ascii_start();
    text.is_empty() || text.starts_with(b"{") || text.starts_with(b"[")
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.named.as_os_str() == "-" {
            f.write_str("standard input")
        } else {
            write!(f, "{}", self.named.display())
        }
    }
}

/// A part with where it comes from.
pub(super) struct Piece {
    pub(super) source: Source,
    /// Where its records are in the source.
    pub(super) places: Places,
    pub(super) part: Part,
}

/// Where the records of a part are in their source.
#[derive(Debug, Clone)]
pub(super) enum Places {
    /// One after the other, from this index on.
    FromIndex(u64),
    /// Each in this line, from 1.
    Lines(Arc<[u64]>),
}

impl Places {
    /// The place of the record with this index in the part.
    pub(super) fn of(&self, index: u32) -> Place {
        match self {
            Self::FromIndex(first) => Place::Index(first + u64::from(index)),
            Self::Lines(lines) => {
                let line = usize::try_from(index).ok().and_then(|index| lines.get(index));
                Place::Line(line.copied().unwrap_or_default())
            }
        }
    }
}

/// Where a record is in its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Place {
    /// So many records are before it.
    Index(u64),
    /// The line, from 1.
    Line(u64),
}

impl Place {
    /// Its number, whatever is counted.
    pub(super) const fn number(self) -> u64 {
        match self {
            Self::Index(number) | Self::Line(number) => number,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "index {index}"),
            Self::Line(line) => write!(f, "line {line}"),
        }
    }
}

/// Files that can be opened, as far as that can be said before.
pub(super) struct Files(Vec<Source>);

impl Files {
    /// Looks for the files before anything is sent.
    pub(super) fn found(paths: &[PathBuf]) -> Result<Self, Failure> {
        let found = |path: &PathBuf| {
            Source::found(path)
                .map_err(|unusable| Failure::file(path, &unusable).hint("Nothing was delivered."))
        };
        paths.iter().map(found).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn sources(&self) -> &[Source] {
        &self.0
    }
}

/// Reads the files. In the end it is known what their pages say of further ones.
pub(super) fn read_files(
    files: Files,
    records_max: u32,
) -> (mpsc::Receiver<Piece>, JoinHandle<Result<Paging, Failure>>) {
    let (sender, pieces) = mpsc::channel(IN_FLIGHT_MAX);
    let reading = tokio::task::spawn_blocking(move || {
        let mut paging = Paging::default();
        for source in files.0 {
            let pages = read(&source, records_max, &sender)?;
            paging.add(&source, pages);
        }
        Ok(paging)
    });
    (pieces, reading)
}

fn read(source: &Source, records_max: u32, pieces: &mpsc::Sender<Piece>) -> Result<Pages, Failure> {
    let mut read = 0;
    let take = |part: Part| {
        let records = u64::from(part.records);
        let piece = Piece {
            source: source.clone(),
            places: Places::FromIndex(read),
            part,
        };
        read += records;
        pieces.blocking_send(piece).is_ok()
    };
    let outcome = if source.is_standard_input() {
        let input = BufReader::with_capacity(READ_BYTES, io::stdin());
        cut(input, None, records_max, take)
    } else {
        File::open(source.path()).map_err(Ended::from).and_then(|file| {
            cut(
                BufReader::with_capacity(READ_BYTES, file),
                named(source.path()),
                records_max,
                take,
            )
        })
    };
    match outcome {
        Ok(pages) => Ok(pages),
        // Whoever took the pieces has failed and says why.
        Err(Ended::NotWanted) => Ok(Pages::default()),
        Err(Ended::File(error)) => Err(unreadable(source, &error, read)),
    }
}

fn unreadable(source: &Source, error: &FileError, read: u64) -> Failure {
    let what = if read == 0 {
        "cannot be imported"
    } else {
        "cannot be read to its end"
    };
    let failure = Failure::new(format!("{source} {what}.")).because(error.to_string());
    let (code, hint) = match error {
        FileError::ErrorAnswer { .. } => (
            "ErrorAnswerOfStack",
            "Nothing of that answer was delivered. Mend what the stack names, ask it again, and import what it \
             returns then.",
        ),
        FileError::Empty => (
            "EmptyFile",
            "The stack answers an hour without usage with a page without records, {\"value\":[]}. Get the file again.",
        ),
        FileError::Utf16 => (
            "Utf16Text",
            "Nothing of it was delivered. Save it as UTF-8 and import it again; in Windows PowerShell, write it with \
             `| Out-File -Encoding utf8 FILE` instead of `> FILE`.",
        ),
        FileError::Zip => (
            "ZipArchive",
            "Nothing of it was delivered. Unpack it, and import the files that are in it.",
        ),
        _ if read > 0 => (
            "UnreadableFile",
            "What came before was delivered. Import the file again when it is whole: what is there already is \
             recognised.",
        ),
        FileError::Io(_) => (
            "UnreadableFile",
            "Nothing of it was delivered. Get the file again.",
        ),
        FileError::NotJson(_) | FileError::NotUsage { .. } => (
            "NotUsage",
            "Nothing of it was delivered. Import what the stack's provider usage API returns; `meterbridge usage \
             import --help` shows the forms.",
        ),
    };
    failure.coded(code).hint(hint)
}
