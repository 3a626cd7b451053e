//! Lists, however many pages they come in.

use reqwest::Method;
use serde::de::DeserializeOwned;
use wire::api::Page;

use crate::call::Call;
use crate::{Client, ClientError};

/// The most items of one list; a list that does not end is no list.
pub const ITEMS_MAX: usize = 1_000_000;

impl Client {
    /// Every item of a list. `call` makes the request for its first page.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&'static str, Option<&str>)],
    ) -> Result<Vec<T>, ClientError> {
        let call = Call::new(Method::GET, path.iter().copied());
        let first = query
            .iter()
            .fold(call, |call, (name, value)| call.query(name, *value));
        let mut page: Page<T> = self.ask(first).await?;
        let mut items = std::mem::take(&mut page.value);
        while let Some(link) = page.next_link.take() {
            if items.len() > ITEMS_MAX {
                return Err(self.unintelligible(path, format!("the list has more than {ITEMS_MAX} items")));
            }
            // Only what the link says beyond the path is used: the server may be known under another name here, and
            // the credential goes nowhere else.
            let query = link.split_once('?').map(|(_, query)| query.to_owned());
            let query = query.ok_or_else(|| self.unintelligible(path, "its nextLink has no query".into()))?;
            let next = Call::new(Method::GET, path.iter().copied()).raw_query(query);
            page = self.ask(next).await?;
            items.append(&mut page.value);
        }
        Ok(items)
    }

    fn unintelligible(&self, path: &[&str], cause: String) -> ClientError {
        let request = format!("GET /{}", path.join("/"));
        ClientError::Unintelligible {
            server: self.server().to_owned(),
            request,
            cause,
        }
    }
}
