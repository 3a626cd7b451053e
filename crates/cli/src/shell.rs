//! Commands that are printed to be pasted.

/// A text as one word of a command: in double quotes, which all shells know, unless one of them would read something into
/// what is in it; then as POSIX shells take it.
pub(crate) fn word(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._/:+-".contains(letter);
    // PowerShell takes typographic quotes for quotes.
    let read_in_quotes = |letter: char| {
        letter.is_control() || "\"$`\\!%".contains(letter) || ('\u{201c}'..='\u{201f}').contains(&letter)
    };
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else if text.contains(read_in_quotes) {
        format!("'{}'", text.replace('\'', "'\\''"))
    } else {
        format!("\"{text}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_would_be_taken_for_something_else_by_the_shell_that_it_is_pasted_into() {
        for (text, expected) in [
            ("usage.rejected-2.csv", "usage.rejected-2.csv"),
            ("+02:00", "+02:00"),
            ("", "\"\""),
            ("Fjord's bank & sons", "\"Fjord's bank & sons\""),
            ("Ops <ops@fjord.example>", "\"Ops <ops@fjord.example>\""),
            ("a; rm -rf *", "\"a; rm -rf *\""),
            ("$(halt) isn't", "'$(halt) isn'\\''t'"),
            ("100 %\u{201d}", "'100 %\u{201d}'"),
        ] {
            assert_eq!(word(text), expected);
        }
    }

    #[test]
    fn a_shell_gives_a_word_back_as_it_was() {
        for text in [
            "Ops <ops@fjord.example>",
            "a'b\"c\\d $HOME `x` !y",
            "\u{201c}Nord\u{201d} > *",
            "-x;y",
        ] {
            let script = format!("printf %s {}", word(text));
            let said = std::process::Command::new("sh")
                .args(["-c", &script])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), text);
        }
    }
}
