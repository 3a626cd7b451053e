//! The file of lines that could not be taken: each as it stood, behind its number and what is wrong with it.
//!
//! It has the header of a summary, so it can be imported when its lines are mended.

use std::ffi::OsStr;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::{fs, iter};

use tempfile::NamedTempFile;

use super::columns::REJECTION_COLUMNS;
use super::{Rejected, Summary};

/// With it, spreadsheets take the file for UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What the name of a file of rejected lines has before its extension.
const REJECTED: &str = ".rejected";
/// How many files of rejected lines there may be of one file.
const REJECTED_FILES_MAX: u32 = 1000;

/// Where the rejected lines of a file are written; those of such a file where it is itself.
pub(crate) fn rejected_beside(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default();
    let mut name = stem
        .to_str()
        .map_or(stem, |stem| OsStr::new(rejected_from(stem)))
        .to_os_string();
    name.push(REJECTED);
    name.push(".csv");
    path.with_file_name(name)
}

/// The file whose rejected lines are in a file of this name, both without their extensions; it itself if it is no such file.
fn rejected_from(stem: &str) -> &str {
    let is_number = |text: &str| {
        let digits = text.strip_prefix('-').unwrap_or_default();
        text.is_empty() || (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match stem.rsplit_once(REJECTED) {
        Some((from, number)) if !from.is_empty() && is_number(number) => from,
        _ => stem,
    }
}

/// The file itself, then those that stand beside it where others have the name already.
fn numbered(target: &Path) -> impl Iterator<Item = PathBuf> {
    let beside = |number: u32| {
        let mut name = target.file_stem().unwrap_or_default().to_os_string();
        name.push(format!("-{number}"));
        if let Some(extension) = target.extension() {
            name.push(".");
            name.push(extension);
        }
        target.with_file_name(name)
    };
    iter::once(target.to_owned()).chain((2..=REJECTED_FILES_MAX).map(beside))
}

/// A file of rejected lines in the making.
pub(crate) struct RejectedLines {
    file: BufWriter<NamedTempFile>,
    target: PathBuf,
    separator: char,
    /// For each column of the file, whether it is the script's.
    own: Vec<bool>,
    lines: u64,
}

impl RejectedLines {
    /// Begins a file that will be at `target`, in the folder that is there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn begin(summary: &Summary, target: PathBuf) -> io::Result<Self> {
        let folder = target.parent().filter(|it| !it.as_os_str().is_empty());
        let file = NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))?;
        Self::begin_as(file, summary, target)
    }

    /// Begins one that will not be kept, for whoever wants to know where it would be: nothing is written in that folder.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn rehearse(summary: &Summary, target: PathBuf) -> io::Result<Self> {
        Self::begin_as(NamedTempFile::new()?, summary, target)
    }

    fn begin_as(file: NamedTempFile, summary: &Summary, target: PathBuf) -> io::Result<Self> {
        let names = &summary.header.names;
        let is_own = |name: &String| REJECTION_COLUMNS.iter().all(|it| !it.eq_ignore_ascii_case(name));
        let mut begun = Self {
            file: BufWriter::new(file),
            target,
            separator: summary.understanding.separator,
            own: names.iter().map(is_own).collect(),
            lines: 0,
        };
        begun.file.write_all(BYTE_ORDER_MARK.as_bytes())?;
        let own = names.iter().filter(|name| is_own(name)).map(String::as_str);
        let header: Vec<&str> = REJECTION_COLUMNS.into_iter().chain(own).collect();
        begun.write(header.into_iter())?;
        Ok(begun)
    }

    /// Adds a line.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn add(&mut self, rejected: &Rejected) -> io::Result<()> {
        let Rejected { row, why } = rejected;
        self.lines += 1;
        let line = row.line.to_string();
        let about = [line.as_str(), why.code, &why.reason];
        if row.broken.is_some() {
            return self.add_text(about, row.fields.get(0));
        }
        let is_whole = row.fields.count() == self.own.len();
        let kept: Vec<bool> = self.own.clone();
        let fields = row.fields.iter().enumerate();
        let own = fields.filter(|(place, _)| !is_whole || kept.get(*place).copied().unwrap_or(true));
        self.write(about.into_iter().chain(own.map(|(_, field)| field)))
    }

    /// Adds a line that could not be taken apart, letter by letter. If it was rejected before, what was said then
    /// stands before it already.
    fn add_text(&mut self, about: [&str; 3], text: &str) -> io::Result<()> {
        let (file, separator) = (&mut self.file, self.separator);
        if self.own.iter().all(|own| *own) {
            for field in about {
                write!(file, "{}{separator}", quoted(field))?;
            }
        }
        write!(file, "{text}\r\n")
    }

    fn write<'a>(&mut self, fields: impl Iterator<Item = &'a str>) -> io::Result<()> {
        for (place, field) in fields.enumerate() {
            if place > 0 {
                write!(self.file, "{}", self.separator)?;
            }
            write!(self.file, "{}", quoted(field))?;
        }
        self.file.write_all(b"\r\n")
    }

    /// Where the file will be, if there are lines in it: what is there already stays as it is, because somebody may have mended it
    /// or not have looked at it yet, and other lines go into a file with a number.
    ///
    /// # Errors
    /// As [`Self::keep`].
    pub(crate) fn place(&mut self) -> io::Result<Option<PathBuf>> {
        if self.lines == 0 {
            return Ok(None);
        }
        self.file.flush()?;
        for target in numbered(&self.target) {
            match fs::metadata(&target) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(target)),
                Err(error) => return Err(error),
                Ok(there) if !there.is_file() => break,
                Ok(_) if same(self.file.get_ref().path(), &target)? => return Ok(Some(target)),
                Ok(_) => {}
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Puts the file where it belongs ([`Self::place`]), if there are lines in it, and tells where that is.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if something else than a file is there, or too many files are. Or if it cannot be
    /// written.
    pub(crate) fn keep(self) -> io::Result<Option<PathBuf>> {
        if self.lines == 0 {
            return Ok(None);
        }
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.flush()?;
        for target in numbered(&self.target) {
            let refused = match file.persist_noclobber(&target) {
                Ok(_) => return Ok(Some(target)),
                Err(refused) => refused,
            };
            let is_other = refused.error.kind() != io::ErrorKind::AlreadyExists;
            if is_other || !fs::metadata(&target)?.is_file() {
                return Err(refused.error);
            }
            if same(refused.file.path(), &target)? {
                return Ok(Some(target));
            }
            file = refused.file;
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

fn quoted(field: &str) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}

/// Whether two files hold the same.
fn same(one: &Path, other: &Path) -> io::Result<bool> {
    let [one, other] = [one, other].map(|path| {
        let mut hasher = blake3::Hasher::new();
        fs::File::open(path)
            .and_then(|file| hasher.update_reader(file.take(u64::MAX)).map(|it| it.finalize()))
    });
    Ok(one? == other?)
}
