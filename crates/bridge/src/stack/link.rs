//! Links to the next page: what matters of them is the continuation token, however the link around it is written.
//!
//! Services of 2017 wrote a link twice into one. The bridge never follows a link as it is: it asks its own question
//! again with the token, so that no link can lead its credential somewhere else either.

use form_urlencoded::parse;

const TOKEN: &str = "continuationtoken=";
/// How often a token may be escaped: once for each time that a link was put into another, and once for itself.
const ESCAPED_MAX: usize = 4;

/// The tokens in a link, the last one first; none twice.
pub(crate) fn continuations(link: &str) -> Vec<String> {
    let mut link = link.trim().to_owned();
    for _ in 0..ESCAPED_MAX {
        let found = tokens_in(&link);
        if !found.is_empty() {
            return found;
        }
        // A link that was escaped as a whole and put into another one.
        link = unescaped(&link);
    }
    Vec::new()
}

fn tokens_in(link: &str) -> Vec<String> {
    let folded = link.to_ascii_lowercase();
    let mut tokens: Vec<String> = Vec::new();
    for (at, _) in folded.rmatch_indices(TOKEN) {
        let rest = link.get(at + TOKEN.len()..).unwrap_or_default();
        let token = plain(rest.get(..end_of(rest)).unwrap_or(rest));
        if !token.is_empty() && !tokens.contains(&token) {
            tokens.push(token);
        }
    }
    tokens
}

/// Where the value ends: at the next member, or where another link begins.
fn end_of(value: &str) -> usize {
    let member = value.find(|c: char| matches!(c, '&' | '#' | '?' | '"') || c.is_whitespace());
    let folded = value.to_ascii_lowercase();
    let link = ["https:", "http:"]
        .iter()
        .filter_map(|scheme| folded.find(scheme));
    link.chain(member).min().unwrap_or(value.len())
}

/// The token as it was before it was escaped. The tokens that were seen are base64, in which nothing is escaped.
fn plain(token: &str) -> String {
    let mut token = token.to_owned();
    for _ in 0..ESCAPED_MAX {
        if !is_escaped(&token) {
            break;
        }
        token = unescaped(&token);
    }
    token
}

fn is_escaped(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes
        .windows(3)
        .any(|it| it[0] == b'%' && it[1].is_ascii_hexdigit() && it[2].is_ascii_hexdigit())
}

/// Percent escapes resolved; a plus stays one, since base64 has it.
fn unescaped(text: &str) -> String {
    let kept = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    parse(kept.as_bytes()).map(|(text, _)| text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGE: &str = "https://adminmanagement.local.azurestack.external/subscriptions/s/providers/\
                        Microsoft.Commerce.Admin/subscriberUsageAggregates?api-version=2015-06-01-preview&\
                        reportedStartTime=2019-12-10T18%3a00%3a00Z";

    fn escape(text: &str) -> String {
        form_urlencoded::byte_serialize(text.as_bytes()).collect()
    }

    #[test]
    fn a_token_is_found_in_every_link_that_leads_anywhere() {
        let token = "L3N1YnM+a/b==";
        let escaped = escape(token);
        for link in [
            format!("{PAGE}&continuationToken={token}"),
            format!("{PAGE}&continuationToken={escaped}"),
            format!("{PAGE}&CONTINUATIONTOKEN={escaped}&x=y"),
            format!("{PAGE}&continuationToken={}", escape(&escaped)),
            // Two links in one, in the ways that two texts can be put together.
            format!("{PAGE}&continuationToken={escaped}{PAGE}&continuationToken={escaped}"),
            format!("{PAGE}&continuationToken={escaped}&continuationToken={escaped}"),
            format!("{PAGE}&continuationToken={escaped}?api-version=1&continuationToken={escaped}"),
            format!("https://a.example{PAGE}&continuationToken={token}"),
            format!(
                "{PAGE}&next={}",
                escape(&format!("{PAGE}&continuationToken={escaped}"))
            ),
            format!("  {PAGE}&continuationToken={escaped}\n"),
            format!("?continuationToken={escaped}#fragment"),
        ] {
            assert_eq!(continuations(&link), [token], "{link}");
        }
    }

    #[test]
    fn of_several_tokens_the_last_is_tried_first() {
        let link = format!("{PAGE}&continuationToken=one{PAGE}&continuationToken=two");
        assert_eq!(continuations(&link), ["two", "one"]);
    }

    #[test]
    fn a_link_without_a_token_has_none() {
        for link in [
            "",
            "null",
            PAGE,
            &format!("{PAGE}&continuationToken="),
            "%%%",
            "%25%25",
        ] {
            assert_eq!(continuations(link), [""; 0], "{link}");
        }
    }

    proptest! {
        #[test]
        fn no_token_is_lost_however_often_its_link_was_escaped_or_doubled(
            token in "[A-Za-z0-9+/_-]{1,60}={0,2}", escapes in 0usize..3, doubled: bool,
        ) {
            let mut value = token.clone();
            for _ in 0..escapes {
                value = escape(&value);
            }
            let once = format!("{PAGE}&continuationToken={value}");
            let link = if doubled { format!("{once}{once}") } else { once };
            prop_assert_eq!(continuations(&link), [token]);
        }

        #[test]
        fn any_text_at_all_can_be_looked_at(text in any::<String>()) {
            let _ = continuations(&text);
        }
    }
}
