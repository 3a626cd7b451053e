//! Files as they were before they were compressed.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

const GZIP: &[u8] = b"\x1f\x8b";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";

/// A file, decompressed if its first bytes say that it is compressed with gzip or zstd, whatever it is called.
pub(crate) fn decompressed<'a>(mut file: impl BufRead + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut beginning = Vec::with_capacity(ZSTD.len());
    (&mut file).take(ZSTD.len() as u64).read_to_end(&mut beginning)?;
    let (gzip, zstd) = (beginning.starts_with(GZIP), beginning == ZSTD);
    let whole = Cursor::new(beginning).chain(file);
    Ok(if gzip {
        Box::new(BufReader::new(MultiGzDecoder::new(whole)))
    } else if zstd {
        Box::new(BufReader::new(zstd::Decoder::with_buffer(whole)?))
    } else {
        Box::new(whole)
    })
}
