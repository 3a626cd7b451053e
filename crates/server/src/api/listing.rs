//! What all lists of our own API have in common.

use std::str::FromStr;
use std::sync::Arc;

use app::App;
use app::access::Caller;
use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use wire::api::Page;

use crate::Door;
use crate::access::By;
use crate::error::Failure;
use crate::pages::PageRequest;
use crate::params::Params;
use crate::query::Query;

/// Who asks for a page of a list, and for which one.
pub(crate) struct Listing {
    door: Arc<Door>,
    caller: Caller,
    /// The parameters of the path: what the list is of.
    pub(super) of: Params,
    uri: Uri,
    query: Query,
}

impl FromRequestParts<Arc<Door>> for Listing {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Failure> {
        let By(caller) = By::from_request_parts(parts, door).await?;
        Ok(Self {
            door: Arc::clone(door),
            caller,
            of: Params::from_request_parts(parts, door).await?,
            uri: parts.uri.clone(),
            query: Query::from_request_parts(parts, door).await?,
        })
    }
}

impl Listing {
    /// The page, of what `list` answers for the key of the last item before it and the most items wanted.
    pub(super) fn page<K, Item, Shown>(
        self,
        list: impl FnOnce(&App, &Caller, Option<K>, usize) -> Result<Vec<Item>, app::Error>,
        key: impl Fn(&Item) -> K,
    ) -> Result<Json<Page<Shown>>, Failure>
    where
        K: FromStr + ToString + Clone,
        Shown: for<'a> From<&'a Item>,
    {
        let page = PageRequest::of_own(&self.query)?;
        let items = list(
            &self.door.app,
            &self.caller,
            page.after.clone(),
            page.items_wanted(),
        )?;
        let page = page.page(items, key, &self.door.base(&self.uri));
        Ok(page.shown(|item| Shown::from(&item)))
    }
}
