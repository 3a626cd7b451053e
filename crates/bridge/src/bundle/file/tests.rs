use domain::time::{Hour, HourInterval};
use tempfile::TempDir;

use super::super::archive::Writer;
use super::super::key::SigningKey;
use super::super::packing::{Packer, packed};
use super::*;
use crate::disk::LocalDisk;
use crate::environment::{Clock, Environment, Random, RuntimeTimer};
use std::sync::Arc;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> domain::time::Timestamp {
        "2026-10-02T00:30:00Z".parse().unwrap()
    }
}

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// A bundle of two hours with a record each, before it is written.
struct Making {
    directory: TempDir,
    key: SigningKey,
    manifest: Manifest,
    contents: Vec<Vec<u8>>,
}

impl Making {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let environment = Environment {
            clock: Arc::new(Fixed),
            random: Arc::new(Fixed),
            timer: Arc::new(RuntimeTimer),
            disk: Arc::new(LocalDisk),
        };
        let key = SigningKey::make(directory.path(), &environment).unwrap();
        let kept = SigningKey::read(directory.path()).unwrap().unwrap();
        assert_eq!(key.public(), kept.public(), "a key reads back as it was written");
        let start: Hour = "2026-10-01T00:00:00Z".parse().unwrap();
        let listing = b"{\"value\":[]}";
        let (of_directory, content) = packed(listing, digest_of(listing)).unwrap();
        let (mut parts, mut contents) = (Vec::new(), vec![content]);
        for hours in 0..2 {
            let mut packer = Packer::new(start.plus(hours));
            packer
                .add(b"{\"value\":[{\"properties\":{\"quantity\":1.50}}]}")
                .unwrap();
            for packed in packer.finish().unwrap() {
                parts.push(packed.part);
                contents.push(packed.content);
            }
        }
        let manifest = Manifest {
            stack: "5bf881b2-6be7-42a1-9f47-d6fcb6737747".parse().unwrap(),
            registration: "0f000000-0000-4000-8000-000000000001".parse().unwrap(),
            public_key: key.public(),
            sequence: 1.try_into().unwrap(),
            previous: None,
            window: HourInterval::new(start, start.plus(24)).unwrap(),
            read_again_from: None,
            leaves_out_earlier: false,
            directory: Some(of_directory),
            parts,
            made_at: environment.clock.now(),
            made_by: "tests".to_owned(),
        };
        Self {
            directory,
            key,
            manifest,
            contents,
        }
    }

    fn archive(&self) -> Vec<u8> {
        let text = self.manifest.write().unwrap();
        self.archive_of(&text, &self.key.sign(&text))
    }

    fn archive_of(&self, text: &str, signature: &str) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        let mut add =
            |name: &str, content: &[u8]| writer.add(name, content.len() as u64, &mut &*content).unwrap();
        add(MANIFEST, text.as_bytes());
        add(SIGNATURE, signature.as_bytes());
        add(DIRECTORY, &self.contents[0]);
        for (content, number) in self.contents[1..].iter().zip(1..) {
            add(&part_name(number), content);
        }
        writer.finish().unwrap()
    }

    /// Opens and reads all of a file with this content.
    fn read(&self, archive: &[u8]) -> Result<BundleFile, Trouble> {
        let path = self.directory.path().join("it.mbz");
        std::fs::write(&path, archive).unwrap();
        let mut file = BundleFile::open(&path)?;
        file.directory()?;
        for number in 1..=file.manifest().parts.len() {
            file.part(number)?;
        }
        Ok(file)
    }
}

#[test]
fn a_bundle_reads_back_as_it_was_written() {
    let making = Making::new();
    let mut file = making.read(&making.archive()).unwrap();
    assert_eq!(file.manifest(), &making.manifest);
    let (part, content) = file.part(2).unwrap();
    assert_eq!(
        (part.records, &content.bytes[..]),
        (1, &b"{\"properties\":{\"quantity\":1.50}}\n"[..])
    );
    assert!(BundleFile::is_one(&making.directory.path().join("it.mbz")).unwrap());
    assert!(!BundleFile::is_one(&SigningKey::path(making.directory.path())).unwrap());
    assert_eq!(file.part(3).unwrap_err().code, "BundleBroken");
    assert_eq!(file.part(0).unwrap_err().code, "BundleBroken");
}

#[test]
fn a_bundle_of_which_any_byte_is_wrong_is_refused_with_the_place_or_holds_the_same() {
    let making = Making::new();
    let archive = making.archive();
    let contents = |file: &mut BundleFile| [1, 2].map(|number| file.part(number).unwrap().1.bytes);
    let good = contents(&mut making.read(&archive).unwrap());
    let mut harmless = 0;
    for at in 0..archive.len() {
        let mut damaged = archive.clone();
        damaged[at] ^= 0x10;
        // A compressed file has a few bits that mean nothing.
        let trouble = match making.read(&damaged) {
            Ok(mut same) => {
                harmless += 1;
                assert_eq!(contents(&mut same), good, "byte {at}");
                continue;
            }
            Err(trouble) => trouble,
        };
        let codes = ["BundleBroken", "BundleSignatureInvalid", "InvalidBundle"];
        assert!(codes.contains(&&*trouble.code), "byte {at}: {trouble}");
        assert!(trouble.message.contains("it.mbz"), "{trouble}");
    }
    assert!(harmless < 8, "{harmless}");
}

#[test]
fn a_bundle_that_was_cut_off_or_that_something_was_put_behind_is_refused_wherever_that_is() {
    let making = Making::new();
    let archive = making.archive();
    for length in (0..archive.len()).step_by(97).chain([archive.len() - 1]) {
        let trouble = making.read(&archive[..length]).unwrap_err();
        assert_eq!(trouble.code, "BundleBroken", "{length}: {trouble}");
    }
    for more in [&[0_u8][..], &archive] {
        let trouble = making.read(&[&archive, more].concat()).unwrap_err();
        assert!(
            trouble.message.contains("does not belong to the bundle"),
            "{trouble}"
        );
    }
}

#[test]
fn a_signed_manifest_over_other_contents_gives_nothing_away() {
    let making = Making::new();
    // Names that lead elsewhere, other orders and further files are not even looked at.
    let text = making.manifest.write().unwrap();
    let mut writer = Writer::new(Vec::new());
    for name in [MANIFEST, "../../etc/passwd"] {
        writer.add(name, text.len() as u64, &mut text.as_bytes()).unwrap();
    }
    let trouble = making.read(&writer.finish().unwrap()).unwrap_err();
    assert!(
        trouble
            .message
            .contains("something else stands where manifest.sig begins"),
        "{trouble}"
    );

    // A content that would decompress to more than is said is not decompressed any further.
    let mut bomb = Making::new();
    let content = zstd::bulk::compress(&vec![0; 64 * 1024 * 1024], 3).unwrap();
    bomb.manifest.parts[1].packed.compressed_bytes = content.len() as u64;
    bomb.contents[2] = content;
    let trouble = bomb.read(&bomb.archive()).unwrap_err();
    assert!(
        trouble
            .message
            .contains("cannot be decompressed to what the manifest says"),
        "{trouble}"
    );

    // A manifest that claims to be endless is not read.
    let mut endless = making.archive();
    endless[..512].copy_from_slice(&archive::head(MANIFEST, 1 << 32));
    let trouble = making.read(&endless).unwrap_err();
    assert!(trouble.message.contains("at most 8388608 are read"), "{trouble}");

    // Somebody else's signature.
    let signature = making.key.sign("something else");
    let trouble = making.read(&making.archive_of(&text, &signature)).unwrap_err();
    assert_eq!(trouble.code, "BundleSignatureInvalid");

    // What is counted otherwise than it is.
    let mut miscounted = Making::new();
    miscounted.manifest.parts[0].records = 2;
    let trouble = miscounted.read(&miscounted.archive()).unwrap_err();
    assert!(trouble.message.contains("not as many records"), "{trouble}");
}
