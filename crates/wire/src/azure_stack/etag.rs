//! Entity tags: which revision of a resource somebody has seen.
//!
//! A tag is the number of the entry that changed the resource last, in the form that Azure's have, with the quotes
//! inside the text: `"0000002a-0000-0000-0000-000000000000"`.

const REST: &str = "-0000-0000-0000-000000000000";

/// The tag of a resource that was last changed by this entry of the books.
#[must_use]
pub fn of_revision(entry: u64) -> String {
    format!("\"{entry:08x}{REST}\"")
}

/// The entry that a tag stands for, if it is one of ours: with its quotes or without, weak or not.
#[must_use]
pub fn revision(tag: &str) -> Option<u64> {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
    u64::from_str_radix(tag.strip_suffix(REST)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_back_in_every_spelling_that_clients_send() {
        for entry in [1, 42, u64::from(u32::MAX) + 7] {
            let tag = of_revision(entry);
            assert_eq!(revision(&tag), Some(entry));
            assert_eq!(revision(&format!(" W/{tag}")), Some(entry));
            assert_eq!(revision(tag.trim_matches('"')), Some(entry));
        }
        for other in ["", "*", "\"0e00ab2b-0000-0000-0000-5a82517f0000\"", "\"x\""] {
            assert_eq!(revision(other), None, "{other}");
        }
    }
}
