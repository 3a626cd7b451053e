//! The archive: a tar (ustar) with nothing in it that the manifest does not say, in one order and one form.
//!
//! So it is read by comparing: what stands in place of an expected head is damage, whatever it may mean to others.

use std::io::{self, Read, Write};

/// The unit of a tar.
pub(super) const BLOCK: u64 = 512;
const BLOCK_BYTES: usize = 512;
/// What stands after the last file.
pub(super) const END_BYTES: u64 = 2 * BLOCK;

pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const SIGNATURE: &str = "manifest.sig";
pub(super) const DIRECTORY: &str = "directory.json.zst";

/// The name of a part, from 1.
pub(super) fn part_name(number: usize) -> String {
    format!("parts/{number:05}.ndjson.zst")
}

/// The bytes that are missing to a whole number of blocks.
pub(super) const fn padding(bytes: u64) -> u64 {
    (BLOCK - bytes % BLOCK) % BLOCK
}

/// The head of a file. The fields of a tar are octal digits.
pub(super) fn head(name: &str, bytes: u64) -> [u8; BLOCK_BYTES] {
    let mut head = [0; BLOCK_BYTES];
    let mut put = |at: usize, text: &str| {
        if let Some(field) = head.get_mut(at..at + text.len()) {
            field.copy_from_slice(text.as_bytes());
        }
    };
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{bytes:011o}\0"));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = head.iter().copied().map(u32::from).sum();
    let sum = format!("{sum:06o}\0 ");
    if let Some(field) = head.get_mut(148..156) {
        field.copy_from_slice(sum.as_bytes());
    }
    head
}

/// How many bytes the file has that this is the head of, if it is called so.
pub(super) fn bytes_of(head: &[u8], name: &str) -> Option<u64> {
    let digits = std::str::from_utf8(head.get(124..135)?).ok()?;
    let bytes = u64::from_str_radix(digits, 8).ok()?;
    (*head == self::head(name, bytes)).then_some(bytes)
}

/// Writes an archive.
pub(super) struct Writer<W>(W);

impl<W: Write> Writer<W> {
    pub(super) const fn new(to: W) -> Self {
        Self(to)
    }

    /// Writes a file with exactly so many bytes of a content.
    pub(super) fn add(&mut self, name: &str, bytes: u64, content: &mut dyn Read) -> io::Result<()> {
        self.0.write_all(&head(name, bytes))?;
        let copied = io::copy(&mut content.take(bytes), &mut self.0)?;
        if copied != bytes {
            let message = format!("{name} has {copied} bytes and should have {bytes}");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        io::copy(&mut io::repeat(0).take(padding(bytes)), &mut self.0).map(drop)
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        io::copy(&mut io::repeat(0).take(END_BYTES), &mut self.0)?;
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_head_says_how_long_its_file_is_and_nothing_else_passes_for_one() {
        let good = head("manifest.json", 1234);
        assert_eq!(bytes_of(&good, "manifest.json"), Some(1234));
        assert_eq!(bytes_of(&good, "manifest.sig"), None);
        for at in 0..good.len() {
            let mut damaged = good;
            damaged[at] ^= 1;
            assert_ne!(bytes_of(&damaged, "manifest.json"), Some(1234), "byte {at}");
        }
        assert_eq!(bytes_of(&good[..100], "manifest.json"), None);
    }

    #[test]
    fn any_tar_lists_and_unpacks_it() {
        let mut writer = Writer::new(Vec::new());
        for (name, content) in [("manifest.json", "{}"), ("parts/00001.ndjson.zst", "abc")] {
            writer
                .add(name, content.len() as u64, &mut content.as_bytes())
                .unwrap();
        }
        let archive = writer.finish().unwrap();
        assert_eq!(archive.len() % BLOCK_BYTES, 0);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.tar");
        std::fs::write(&path, archive).unwrap();
        let tar = Command::new("tar")
            .arg("-xvf")
            .arg(&path)
            .current_dir(directory.path())
            .stdout(Stdio::piped())
            .output();
        let Ok(listed) = tar else {
            eprintln!("NOT RUN: there is no tar here");
            return;
        };
        assert_eq!(
            String::from_utf8(listed.stdout).unwrap(),
            "manifest.json\nparts/00001.ndjson.zst\n"
        );
        let part = std::fs::read_to_string(directory.path().join("parts/00001.ndjson.zst")).unwrap();
        assert_eq!(part, "abc");
    }
}
