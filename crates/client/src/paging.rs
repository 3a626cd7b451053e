//! Lists, however many pages they come in.

use std::marker::PhantomData;

use reqwest::Method;
use serde::de::DeserializeOwned;
use wire::api::Page;

use crate::call::Call;
use crate::{Client, ClientError};

/// The most items of one list that is taken as a whole: it has to fit into memory.
pub const ITEMS_MAX: usize = 1_000_000;

/// A list, of which one page is asked for after the other.
pub struct Pages<'c, T> {
    client: &'c Client,
    path: Vec<String>,
    /// The request for the next page, if there is one.
    next: Option<Call>,
    items: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Pages<'_, T> {
    /// The items of the next page, which may have none; nothing after the last.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn next(&mut self) -> Result<Option<Vec<T>>, ClientError> {
        let Some(call) = self.next.take() else {
            return Ok(None);
        };
        let page: Page<T> = self.client.ask(call).await?;
        if let Some(link) = page.next_link {
            // Only what the link says beyond the path is used: the server may be known under another name here, and
            // the credential goes nowhere else.
            let query = link.split_once('?').map(|(_, query)| query.to_owned());
            let query = query.ok_or_else(|| self.unintelligible("its nextLink has no query".into()))?;
            let path = self.path.iter().map(String::as_str);
            self.next = Some(Call::new(Method::GET, path).raw_query(query));
        }
        Ok(Some(page.value))
    }

    fn request(&self) -> String {
        format!("GET /{}", self.path.join("/"))
    }

    fn unintelligible(&self, cause: String) -> ClientError {
        ClientError::Unintelligible {
            server: self.client.server().to_owned(),
            request: self.request(),
            cause,
        }
    }
}

impl Client {
    /// A list, page by page. `path` and `query` make the request for its first page.
    pub(crate) fn pages<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&'static str, Option<&str>)],
    ) -> Pages<'_, T> {
        let call = Call::new(Method::GET, path.iter().copied());
        let first = query
            .iter()
            .fold(call, |call, (name, value)| call.query(name, *value));
        Pages {
            client: self,
            path: path.iter().map(|&part| part.to_owned()).collect(),
            next: Some(first),
            items: PhantomData,
        }
    }

    /// Every item of a list.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&'static str, Option<&str>)],
    ) -> Result<Vec<T>, ClientError> {
        let mut pages = self.pages(path, query);
        let mut items = Vec::new();
        while let Some(mut page) = pages.next().await? {
            if items.len() + page.len() > ITEMS_MAX {
                return Err(ClientError::ListTooLong {
                    server: self.server().to_owned(),
                    request: pages.request(),
                    items_max: ITEMS_MAX,
                });
            }
            items.append(&mut page);
        }
        Ok(items)
    }
}
