//! A bundle that was brought: read strictly, since nobody knows what became of it on the way.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use domain::bundle::Digest;
use wire::bundle::{AnnouncedBundle, MANIFEST_BYTES_MAX, Manifest, Packed, Part};

use super::archive::{self, BLOCK, DIRECTORY, END_BYTES, MANIFEST, SIGNATURE, padding, part_name};
use super::key::is_signed_with;
use super::packing::{digest_of, digest_of_part};
use crate::trouble::Trouble;

/// The most bytes of a signature in base64.
const SIGNATURE_BYTES_MAX: u64 = 128;

/// A file of a bundle, compressed as it stands there, after its digest was found to be right.
#[derive(Debug, Clone)]
pub struct Content {
    /// Its bytes.
    pub compressed: Bytes,
    /// The same, decompressed.
    pub bytes: Bytes,
}

/// A bundle in a file. Its layout and its signature were checked when it was opened; its contents are when they are read.
#[derive(Debug)]
pub struct BundleFile {
    path: PathBuf,
    file: File,
    manifest: Manifest,
    announced: AnnouncedBundle,
    digest: Digest,
    directory_at: u64,
    parts_at: Vec<u64>,
}

/// Where reading is, and of what.
struct Reader<'a> {
    path: &'a Path,
    file: &'a File,
    at: u64,
    length: u64,
}

impl BundleFile {
    /// Whether a file claims to be a bundle: it begins as one does.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn is_one(path: &Path) -> io::Result<bool> {
        let mut head = Vec::new();
        File::open(path)?.take(BLOCK).read_to_end(&mut head)?;
        Ok(Self::begins(&head))
    }

    /// Whether bytes are what a bundle begins with.
    #[must_use]
    pub fn begins(bytes: &[u8]) -> bool {
        bytes
            .strip_prefix(MANIFEST.as_bytes())
            .is_some_and(|rest| rest.first() == Some(&0))
    }

    /// Opens a bundle.
    ///
    /// # Errors
    /// [`Trouble`] that says what of it is broken, from which byte on, and what to do.
    pub fn open(path: &Path) -> Result<Self, Trouble> {
        let unreadable = |error: io::Error| unreadable(path, &error);
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        if length == 0 {
            let what = format!("{} is empty: nothing of a bundle is in it.", path.display());
            return Err(Trouble::new("BundleBroken", what, COPY_AGAIN));
        }
        let mut reader = Reader {
            path,
            file: &file,
            at: 0,
            length,
        };
        let manifest_max = u64::try_from(MANIFEST_BYTES_MAX).unwrap_or(u64::MAX);
        let text = reader.text(MANIFEST, manifest_max)?;
        let signature = reader.text(SIGNATURE, SIGNATURE_BYTES_MAX)?;
        let manifest = Manifest::read(&text).map_err(|error| {
            Trouble::new(
                "InvalidBundle",
                format!("The manifest in {} cannot be read: {error}.", path.display()),
                COPY_AGAIN,
            )
        })?;
        if !is_signed_with(manifest.public_key, &text, &signature) {
            return Err(Trouble::new(
                "BundleSignatureInvalid",
                format!(
                    "The signature in {} is not that of the key that its manifest names: the manifest was damaged, or \
                     somebody changed it.",
                    path.display()
                ),
                COPY_AGAIN,
            ));
        }
        let directory = manifest.directory.as_ref();
        let directory_at = directory.map(|it| reader.skip(DIRECTORY, it)).transpose()?;
        let parts = manifest.parts.iter().zip(1..);
        let parts_at = parts.map(|(part, number)| reader.skip(&part_name(number), &part.packed));
        let parts_at = parts_at.collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self {
            digest: digest_of(text.as_bytes()),
            announced: AnnouncedBundle {
                manifest: text,
                signature,
            },
            path: path.to_owned(),
            directory_at: directory_at.unwrap_or_default(),
            parts_at,
            manifest,
            file,
        })
    }

    /// What it says of itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its digest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// How it is announced to the server.
    #[must_use]
    pub const fn announced(&self) -> &AnnouncedBundle {
        &self.announced
    }

    /// Reads a part, from 1, and checks it.
    ///
    /// # Errors
    /// [`Trouble`] if it is broken, or there is none.
    pub fn part(&mut self, number: usize) -> Result<(Part, Content), Trouble> {
        let index = number.checked_sub(1);
        let found =
            index.and_then(|index| Some((*self.manifest.parts.get(index)?, *self.parts_at.get(index)?)));
        let name = part_name(number);
        let (part, at) = found.ok_or_else(|| self.broken(&name, 0, "there is no such part"))?;
        let content = self.content(&name, at, part.packed)?;
        let lines = content.bytes.iter().filter(|byte| **byte == b'\n').count();
        if digest_of_part(&content.bytes, part.hour) != part.packed.digest {
            return Err(self.broken(&name, at, "its digest is not the one that the manifest says"));
        }
        if u32::try_from(lines) != Ok(part.records) {
            return Err(self.broken(&name, at, "it has not as many records as the manifest says"));
        }
        Ok((part, content))
    }

    /// Reads who is on the stack, if the bundle says it, and checks it.
    ///
    /// # Errors
    /// [`Trouble`] if it is broken.
    pub fn directory(&mut self) -> Result<Option<Content>, Trouble> {
        let Some(packed) = self.manifest.directory else {
            return Ok(None);
        };
        let content = self.content(DIRECTORY, self.directory_at, packed)?;
        if digest_of(&content.bytes) != packed.digest {
            let why = "its digest is not the one that the manifest says";
            return Err(self.broken(DIRECTORY, self.directory_at, why));
        }
        Ok(Some(content))
    }

    fn content(&mut self, name: &str, at: u64, packed: Packed) -> Result<Content, Trouble> {
        let length = usize::try_from(packed.compressed_bytes).unwrap_or(usize::MAX);
        let mut compressed = vec![0; length];
        let read = self
            .file
            .seek(SeekFrom::Start(at))
            .and_then(|_| self.file.read_exact(&mut compressed));
        read.map_err(|error| unreadable(&self.path, &error))?;
        // No more is ever decompressed than the manifest says, whatever the content claims.
        let limit = usize::try_from(packed.bytes).unwrap_or(usize::MAX);
        let bytes = zstd::bulk::decompress(&compressed, limit).ok();
        let bytes = bytes.filter(|bytes| bytes.len() == limit);
        let bytes = bytes
            .ok_or_else(|| self.broken(name, at, "it cannot be decompressed to what the manifest says"))?;
        Ok(Content {
            compressed: compressed.into(),
            bytes: bytes.into(),
        })
    }

    fn broken(&self, name: &str, at: u64, why: &str) -> Trouble {
        broken(&self.path, name, at, why)
    }
}

const COPY_AGAIN: &str = "Copy the file again from where it was exported. If it is broken there too, export it again with \
                          `meterbridge bridge export --restart`.";

fn unreadable(path: &Path, error: &io::Error) -> Trouble {
    Trouble::new(
        "FileUnreadable",
        format!("{} cannot be read: {error}.", path.display()),
        "See that it is there, and who may read it.",
    )
}

fn broken(path: &Path, name: &str, at: u64, why: &str) -> Trouble {
    Trouble::new(
        "BundleBroken",
        format!("{} is broken at byte {at}, in {name}: {why}.", path.display()),
        COPY_AGAIN,
    )
}

impl Reader<'_> {
    /// Reads a head, and says how long the file is that follows.
    fn head(&mut self, name: &str) -> Result<u64, Trouble> {
        let mut head = Vec::new();
        let mut file = self.file;
        let read = file
            .seek(SeekFrom::Start(self.at))
            .and_then(|_| file.take(BLOCK).read_to_end(&mut head));
        read.map_err(|error| unreadable(self.path, &error))?;
        let bytes = archive::bytes_of(&head, name).ok_or_else(|| {
            let why = if self.at.saturating_add(BLOCK) > self.length {
                "the file ends before it: it was cut off".to_owned()
            } else {
                format!("something else stands where {name} begins")
            };
            broken(self.path, name, self.at, &why)
        })?;
        self.at += BLOCK;
        Ok(bytes)
    }

    /// Goes over a file, and says where it begins.
    fn pass(&mut self, name: &str, bytes: u64) -> Result<u64, Trouble> {
        let begins = self.at;
        let end = begins.saturating_add(bytes).saturating_add(padding(bytes));
        if end > self.length {
            let why = format!(
                "the file has {} bytes, and this needs it to have {end}: it was cut off",
                self.length
            );
            return Err(broken(self.path, name, begins, &why));
        }
        let mut rest = Vec::new();
        let mut file = self.file;
        let read = file
            .seek(SeekFrom::Start(begins + bytes))
            .and_then(|_| file.take(end - begins - bytes).read_to_end(&mut rest));
        read.map_err(|error| unreadable(self.path, &error))?;
        if rest.iter().any(|byte| *byte != 0) {
            return Err(broken(
                self.path,
                name,
                begins + bytes,
                "something stands after its end",
            ));
        }
        self.at = end;
        Ok(begins)
    }

    fn skip(&mut self, name: &str, packed: &Packed) -> Result<u64, Trouble> {
        let at = self.at;
        if self.head(name)? != packed.compressed_bytes {
            return Err(broken(
                self.path,
                name,
                at,
                "it is not as long as the manifest says",
            ));
        }
        self.pass(name, packed.compressed_bytes)
    }

    fn text(&mut self, name: &str, bytes_max: u64) -> Result<String, Trouble> {
        let at = self.at;
        let bytes = self.head(name)?;
        if bytes > bytes_max {
            let why = format!("it has {bytes} bytes, and at most {bytes_max} are read");
            return Err(broken(self.path, name, at, &why));
        }
        let begins = self.pass(name, bytes)?;
        let mut text = String::new();
        let mut file = self.file;
        let read = file
            .seek(SeekFrom::Start(begins))
            .and_then(|_| file.take(bytes).read_to_string(&mut text));
        match read {
            Ok(_) => Ok(text),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(broken(self.path, name, begins, "it is no text"))
            }
            Err(error) => Err(unreadable(self.path, &error)),
        }
    }

    /// Nothing but the end may follow.
    fn end(&self) -> Result<(), Trouble> {
        let mut rest = Vec::new();
        let mut file = self.file;
        let read = file
            .seek(SeekFrom::Start(self.at))
            .and_then(|_| file.take(END_BYTES + 1).read_to_end(&mut rest));
        read.map_err(|error| unreadable(self.path, &error))?;
        let expected = usize::try_from(END_BYTES).unwrap_or(usize::MAX);
        if rest.len() != expected || rest.iter().any(|byte| *byte != 0) {
            let why = if rest.len() < expected {
                "it was cut off"
            } else {
                "something follows that does not belong to the bundle"
            };
            return Err(broken(self.path, "the end", self.at, why));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
