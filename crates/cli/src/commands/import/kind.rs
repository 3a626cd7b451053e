//! Which kind of file somebody gives: by what is in it, and by its name only where that says nothing.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read as _};

use bridge::bundle::BundleFile;

use super::reading::{Files, Source};
use crate::args::ImportArgs;
use crate::delivery_file::decompressed;
use crate::failure::Failure;
use crate::usage_summary;

/// How far a file is looked at.
const HEAD_BYTES_MAX: u64 = 64 * 1024;

/// What a tape archive has, and where.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// How a zip archive begins with something in it.
const ZIP: [u8; 4] = *b"PK\x03\x04";

/// How names of bundles end.
const BUNDLE: &str = "mbz";

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    /// Pages or records of the provider usage API.
    Pages,
    /// The CSV that the usage summary script of Azure Stack writes.
    UsageSummary,
    /// A bundle of a stack without a connection.
    Bundle,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pages => "usage as the provider usage API returns it",
            Self::UsageSummary => "a usage summary (CSV)",
            Self::Bundle => "a bundle of a stack without a connection",
        })
    }
}

/// The kind that all files are of.
///
/// # Errors
/// If one cannot be read, or they are of different kinds: each kind has options of its own.
pub(super) fn of_all(files: &Files) -> Result<FileKind, Failure> {
    let mut known: Option<(&Source, FileKind)> = None;
    for source in files.sources() {
        let kind = of(source)?;
        match known {
            Some((first, other)) if other != kind => {
                let what = format!("{first} is {other}, and {source} is {kind}.");
                return Err(Failure::usage(what).coded("MixedKindsOfFiles").hint(
                    "Import the files of each kind with a command of its own. Nothing was delivered.",
                ));
            }
            _ => known = Some((source, kind)),
        }
    }
    Ok(known.map_or(FileKind::Pages, |(_, kind)| kind))
}

/// What a file is. Standard input that was not copied holds pages.
fn of(source: &Source) -> Result<FileKind, Failure> {
    if source.is_standard_input() {
        return Ok(FileKind::Pages);
    }
    let unusable = |error| Failure::file(source.path(), &error).hint("Nothing was delivered.");
    // One that was cut off may be too short to be known by what is in it.
    let is_named_so = source
        .path()
        .extension()
        .is_some_and(|it| it.eq_ignore_ascii_case(BUNDLE));
    if is_named_so || BundleFile::is_one(source.path()).map_err(unusable)? {
        return Ok(FileKind::Bundle);
    }
    let file = File::open(source.path()).map_err(unusable)?;
    let mut head = Vec::new();
    // What cannot be decompressed is told where it is read.
    if let Ok(file) = decompressed(BufReader::new(file)) {
        let _ = file.take(HEAD_BYTES_MAX).read_to_end(&mut head);
    }
    if is_packed(&head) {
        return Err(packed(source));
    }
    Ok(if usage_summary::is_summary(&head, source.path()) {
        FileKind::UsageSummary
    } else {
        FileKind::Pages
    })
}

/// What is said of summaries may be meant for one in an archive.
///
/// # Errors
/// If something is said of summaries, and one of the files is an archive.
pub(super) fn none_is_packed(files: &Files, args: &ImportArgs) -> Result<(), Failure> {
    if args.summary.given().next().is_none() {
        return Ok(());
    }
    let is_zip = |source: &&Source| {
        let mut head = [0; ZIP.len()];
        let file = File::open(source.path());
        !source.is_standard_input()
            && file.is_ok_and(|mut file| file.read_exact(&mut head).is_ok())
            && head == ZIP
    };
    files
        .sources()
        .iter()
        .find(is_zip)
        .map_or(Ok(()), |source| Err(packed(source)))
}

/// Whether what is in a file, decompressed, is a tape archive or a bundle that was compressed: neither is read as it is.
fn is_packed(head: &[u8]) -> bool {
    let (at, tar) = TAR;
    let is_tar = head.get(at..).is_some_and(|rest| rest.starts_with(tar));
    is_tar || BundleFile::begins(head)
}

fn packed(source: &Source) -> Failure {
    Failure::new(format!("{source} is an archive, or a bundle that was packed once more on its way."))
        .coded("FileIsPacked")
        .hint("Unpack it, and import what is in it. A bundle is imported as `bridge export` wrote it. Nothing was delivered.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_that_a_mail_gateway_packed_is_not_taken_for_usage_that_is_broken() {
        let mut tar = vec![0; 257];
        tar.extend(b"ustar  ");
        for packed in [&tar[..], b"manifest.json\0\0"] {
            assert!(is_packed(packed));
        }
        for plain in [
            &b"{\"value\":[]}"[..],
            b"UsageStartTime,UsageEndTime",
            b"",
            b"manifest.json",
        ] {
            assert!(!is_packed(plain));
        }
    }
}
