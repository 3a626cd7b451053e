//! Small files that an operator names: secrets, certificates, keys.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use crate::trouble::Trouble;

/// The most bytes of such a file.
const BYTES_MAX: u64 = 1024 * 1024;

/// The text of a small file.
pub(crate) fn small_text(path: &Path) -> Result<String, Trouble> {
    let refuse = |why: String| {
        Trouble::new(
            "FileUnreadable",
            format!("{} cannot be read: {why}.", path.display()),
            "Set it right in the configuration, or see who may read the file.",
        )
    };
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| refuse(error.to_string()))?;
    let read = file.take(BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => refuse("it is not text in UTF-8".to_owned()),
        _ => refuse(error.to_string()),
    })?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > BYTES_MAX {
        return Err(refuse(format!("it has more than {BYTES_MAX} bytes")));
    }
    Ok(text)
}
