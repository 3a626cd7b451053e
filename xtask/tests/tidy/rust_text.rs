//! Just enough of Rust's grammar to tell code from comments and literals.

use std::ops::Range;

/// What a stretch of a source file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Code,
    Comment,
    Literal,
}

/// The text with everything of another kind blanked; lines and columns stay where they are.
pub(crate) fn only(kind: Kind, text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (span_kind, range) in spans(text) {
        if span_kind == kind {
            shown.push_str(&text[range]);
        } else {
            blank(&text[range], &mut shown);
        }
    }
    shown
}

/// The code with every item under `#[cfg(test)]` blanked. Takes what [`only`] gives for [`Kind::Code`].
pub(crate) fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut shown = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        shown.push_str(&rest[..at]);
        let end = at + MARK.len() + item_length(&rest[at + MARK.len()..]);
        blank(&rest[at..end], &mut shown);
        rest = &rest[end..];
    }
    shown.push_str(rest);
    shown
}

fn blank(text: &str, into: &mut String) {
    // A byte for a byte, so that positions in the blanked text are positions in the file.
    into.extend(text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
}

/// How many bytes the first item takes: to its `;`, or to the brace that closes its body.
fn item_length(code: &str) -> usize {
    let mut depth = 0usize;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// The whole text, cut into stretches of one kind each.
fn spans(text: &str) -> Vec<(Kind, Range<usize>)> {
    let mut spans = Vec::new();
    let (mut at, mut code_start) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let found = if let Some(length) = comment_length(rest) {
            Some((Kind::Comment, length))
        } else {
            literal_length(rest, &text[..at]).map(|length| (Kind::Literal, length))
        };
        let Some((kind, length)) = found else {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        };
        spans.push((Kind::Code, code_start..at));
        spans.push((kind, at..at + length));
        at += length;
        code_start = at;
    }
    spans.push((Kind::Code, code_start..text.len()));
    spans
}

fn comment_length(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let mut depth = 0usize;
    let mut at = 0;
    while at < rest.len() {
        match rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    Some(rest.len())
}

fn literal_length(rest: &str, before: &str) -> Option<usize> {
    match rest.as_bytes() {
        [b'"', ..] => Some(quoted_length(rest, b'"')),
        [b'\'', b'\\', ..] => Some(quoted_length(rest, b'\'')),
        [b'\'', ..] => {
            // 'x' is a character, 'x a lifetime.
            let character = rest[1..].chars().next()?;
            rest[1 + character.len_utf8()..]
                .starts_with('\'')
                .then(|| character.len_utf8() + 2)
        }
        [b'r', ..]
            if !before.ends_with(|c: char| (c.is_alphanumeric() && c != 'b' && c != 'c') || c == '_') =>
        {
            let hashes = rest[1..].bytes().take_while(|byte| *byte == b'#').count();
            let body = rest[1 + hashes..].strip_prefix('"')?;
            let end = format!("\"{}", "#".repeat(hashes));
            Some(
                body.find(&end)
                    .map_or(rest.len(), |at| 1 + hashes + 1 + at + end.len()),
            )
        }
        _ => None,
    }
}

fn quoted_length(rest: &str, quote: u8) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            _ if byte == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[test]
fn code_comments_and_literals_are_told_apart() {
    let text = concat!(
        "let a = \"x // \\\" y\"; // note\n",
        "/* a /* nested */ b */ let c = '\"'; let d: &'a str = r#\"raw \" text\"#;\n",
        "let e = b'\\''; let r#type = br\"\\\"; f('ä')",
    );
    let squeezed = |kind| only(kind, text).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        squeezed(Kind::Code),
        "let a = ; let c = ; let d: &'a str = ; let e = b ; let r#type = b ; f( )"
    );
    assert_eq!(squeezed(Kind::Comment), "// note /* a /* nested */ b */");
    assert_eq!(
        squeezed(Kind::Literal),
        r###""x // \" y" '"' r#"raw " text"# '\'' r"\" 'ä'"###
    );
    assert_eq!(only(Kind::Code, text).lines().count(), text.lines().count());
}

#[test]
fn items_for_tests_only_are_not_shipped() {
    let code = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { {} } }\n#[cfg(test)]\nuse x::y;\nfn c() {}\n";
    let shipped = without_tests(code);
    assert_eq!(
        shipped.split_whitespace().collect::<Vec<_>>().join(" "),
        "fn a() {} fn c() {}"
    );
    assert_eq!(shipped.len(), code.len());
}
