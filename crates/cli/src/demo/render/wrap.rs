//! Sentences in lines.

/// The columns of a terminal that nobody had to make wider.
const COLUMNS: usize = 100;

/// A text in lines of at most a hundred columns, as far as its words allow. All but the first are indented.
pub(super) fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let mut column = 0;
    // Spaces at the beginning and between columns stay: only single ones are places to break.
    for word in text.split_inclusive(' ') {
        let width = word.trim_end().chars().count();
        if column > 0 && column + width > COLUMNS {
            lines.truncate(lines.trim_end().len());
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            column = indent;
        }
        lines.push_str(word);
        column += word.chars().count();
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_longer_than_a_hundred_columns_and_no_word_is_lost() {
        let text = "word and longerword ".repeat(20);
        let lines = wrapped(text.trim_end(), 4);
        assert!(lines.lines().all(|line| line.chars().count() <= 100), "{lines}");
        assert!(
            lines.lines().skip(1).all(|line| line.starts_with("    w")
                || line.starts_with("    l")
                || line.starts_with("    a"))
        );
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&lines), words(&text));
        assert_eq!(wrapped("12:00  short", 7), "12:00  short\n");
    }
}
