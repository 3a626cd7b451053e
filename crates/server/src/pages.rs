//! Lists, a page at a time.
//!
//! A page is asked for by the key of the last item before it, in an opaque token: so nothing is skipped or repeated
//! when items come and go between two pages.

use std::str::FromStr;

use axum::http::Uri;
use wire::api;
use wire::arm::{List, SkipToken};

use crate::error::Failure;
use crate::limits::PAGE_ITEMS_MAX;
use crate::query::{Query, excerpt};

/// How the parameters of a page are called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    /// The token of the page.
    pub(crate) token: &'static str,
    /// The most items it may have.
    pub(crate) top: &'static str,
}

/// As ARM calls them.
pub(crate) const ARM: Names = Names {
    token: "$skipToken",
    top: "$top",
};
/// As our own API calls them.
pub(crate) const OWN: Names = Names {
    token: "skipToken",
    top: "top",
};

/// A key that no item of a list has.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it is no key of this list")]
pub(crate) struct NotOfThisList;

/// The page that a request asks for.
#[derive(Debug)]
pub(crate) struct PageRequest<K> {
    /// The key of the last item of the page before.
    pub(crate) after: Option<K>,
    items_max: usize,
    names: Names,
}

impl<K: FromStr> PageRequest<K> {
    pub(crate) fn of(query: &Query, names: Names) -> Result<Self, Failure> {
        let after = query
            .text(names.token)?
            .map(|token| read_token(token, names.token))
            .transpose()?;
        let items_max = query
            .text(names.top)?
            .map(|top| read_top(top, names.top))
            .transpose()?
            .unwrap_or(PAGE_ITEMS_MAX);
        Ok(Self {
            after,
            items_max,
            names,
        })
    }

    /// The page that a list of our own API is asked for which takes no other parameters.
    pub(crate) fn of_own(query: &Query) -> Result<Self, Failure> {
        query.only(&[OWN.token, OWN.top])?;
        Self::of(query, OWN)
    }
}

impl<K> PageRequest<K> {
    /// The same page, of a list with fewer items on a page than others have.
    pub(crate) fn at_most(self, items_max: usize) -> Self {
        Self {
            items_max: self.items_max.min(items_max),
            ..self
        }
    }

    /// How many items it may have.
    pub(crate) const fn items_max(&self) -> usize {
        self.items_max
    }

    /// How many items to look for: one more than fit on the page, to see whether there is another page.
    pub(crate) const fn items_wanted(&self) -> usize {
        self.items_max + 1
    }

    /// The page of items that come after the page before; [`Self::items_wanted`] of them at the most.
    pub(crate) fn page<T>(&self, mut items: Vec<T>, key: impl Fn(&T) -> K, base: &Base<'_>) -> Page<T>
    where
        K: ToString,
    {
        let more = items.len() > self.items_max;
        items.truncate(self.items_max);
        self.page_of_some(items, more, key, base)
    }

    /// The page of items that come after the page before, fewer than asked for if each may be large: `more` says whether
    /// there are others.
    pub(crate) fn page_of_some<T>(
        &self,
        items: Vec<T>,
        more: bool,
        key: impl Fn(&T) -> K,
        base: &Base<'_>,
    ) -> Page<T>
    where
        K: ToString,
    {
        let last = items.last().filter(|_| more);
        let next_link = last.map(|last| base.next_link(self.names.token, key(last).to_string()));
        Page { items, next_link }
    }

    /// The page out of all items.
    pub(crate) fn page_of_all<T>(&self, mut items: Vec<T>, key: impl Fn(&T) -> K, base: &Base<'_>) -> Page<T>
    where
        K: ToString + Ord,
    {
        items.sort_by_cached_key(&key);
        if let Some(after) = &self.after {
            items.retain(|item| key(item) > *after);
        }
        items.truncate(self.items_wanted());
        self.page(items, key, base)
    }
}

/// How many items a page may have: whoever asks for more than there may be gets as many as there may be.
fn read_top(text: &str, name: &'static str) -> Result<usize, Failure> {
    let top: Option<usize> = text.parse().ok().filter(|top| *top > 0);
    top.map(|top| top.min(PAGE_ITEMS_MAX)).ok_or_else(|| {
        let message = format!(
            "The query parameter {name} is '{}': expected a whole number from 1 to {PAGE_ITEMS_MAX}.",
            excerpt(text)
        );
        Failure::invalid("InvalidTop", message).about(name)
    })
}

fn read_token<K: FromStr>(token: &str, name: &'static str) -> Result<K, Failure> {
    let key = SkipToken::decode(token)
        .ok()
        .and_then(|token| token.after.parse().ok());
    key.ok_or_else(|| {
        let message = format!(
            "The query parameter {name} is none of this list. Expected nextLink to be followed as it is."
        );
        Failure::invalid("InvalidSkipToken", message).about(name)
    })
}

/// One page of a list, and the link to the next.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next_link: Option<String>,
}

impl<T> Page<T> {
    /// The page as ARM shows it.
    pub(crate) fn listed<U>(self, show: impl FnMut(T) -> U) -> axum::Json<List<U>> {
        axum::Json(List {
            value: self.items.into_iter().map(show).collect(),
            next_link: self.next_link,
        })
    }

    /// The page as our own API shows it.
    pub(crate) fn shown<U>(self, show: impl FnMut(T) -> U) -> axum::Json<api::Page<U>> {
        axum::Json(api::Page {
            value: self.items.into_iter().map(show).collect(),
            next_link: self.next_link,
        })
    }
}

/// What the link to the next page is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Base<'a> {
    pub(crate) public_url: &'a str,
    pub(crate) uri: &'a Uri,
}

impl Base<'_> {
    /// The URL of the request, with the token of the page after this key.
    fn next_link(&self, token_name: &str, after: String) -> String {
        let is_token = |pair: &&str| {
            let name = pair.split('=').next().unwrap_or_default().replace("%24", "$");
            name.eq_ignore_ascii_case(token_name)
        };
        let pairs = self.uri.query().unwrap_or_default().split('&');
        let kept = pairs
            .filter(|pair| !pair.is_empty() && !is_token(pair))
            .map(|pair| format!("{pair}&"));
        let token = SkipToken { after }.encode();
        let path = self.uri.path().trim_start_matches('/');
        format!(
            "{}{path}?{}{token_name}={token}",
            self.public_url,
            kept.collect::<String>()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(uri: &str) -> Page<&'static str> {
        let uri: Uri = uri.parse().unwrap();
        let request = PageRequest::<String>::of(&Query::of(&uri).unwrap(), ARM).unwrap();
        let base = Base {
            public_url: "https://localhost/",
            uri: &uri,
        };
        request.page_of_all(vec!["c", "a", "b"], |item| (*item).to_owned(), &base)
    }

    #[test]
    fn following_next_links_yields_every_item_once() {
        let first = page("/x?api-version=1&$top=2");
        assert_eq!(first.items, ["a", "b"]);
        let next = first.next_link.unwrap();
        assert_eq!(next, "https://localhost/x?api-version=1&$top=2&$skipToken=Yg");
        let second = page(&next.replace("$skipToken", "%24SKIPTOKEN"));
        assert_eq!(second.items, ["c"]);
        assert_eq!(second.next_link, None);
        assert_eq!(page("/x").items.len(), 3);
    }

    #[test]
    fn a_list_that_costs_more_gives_less_at_once_whatever_is_asked_for() {
        for (query, wanted) in [("", 3), ("?top=1000", 3), ("?top=1", 2)] {
            let uri: Uri = format!("/x{query}").parse().unwrap();
            let request = PageRequest::<String>::of(&Query::of(&uri).unwrap(), OWN).unwrap();
            assert_eq!(request.at_most(2).items_wanted(), wanted, "{query}");
        }
    }

    #[test]
    fn a_token_that_is_none_of_ours_is_refused() {
        for query in ["$skiptoken=%21", "$skiptoken=_w", "$top=0", "$top=x"] {
            let uri: Uri = format!("/x?{query}").parse().unwrap();
            assert!(
                PageRequest::<u64>::of(&Query::of(&uri).unwrap(), ARM).is_err(),
                "{query}"
            );
        }
    }
}
