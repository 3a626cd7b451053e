//! What forms send, from programs and from our own pages.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::response::Response;

use super::refusal::{Circumstances, Refusal};
use crate::{Door, body};

/// The fields of a form or of a query. Whatever is not asked for is passed over: clients send much that means nothing
/// here.
#[derive(Default)]
pub(crate) struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        Self {
            fields: form_urlencoded::parse(bytes).into_owned().collect(),
        }
    }

    /// The field of this name; none if it is not there or empty.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&str>, Refusal> {
        let mut found = self.fields.iter().filter(|(field, _)| field == name);
        let value = found.next().map(|(_, value)| value.as_str());
        if found.next().is_some() {
            let text = format!("The field '{name}' is given more than once. Expected it once.");
            return Err(Refusal::request(90_100, text));
        }
        Ok(value.filter(|value| !value.is_empty()))
    }

    /// The field of this name, which has to be there.
    pub(super) fn needed(&self, name: &'static str) -> Result<&str, Refusal> {
        self.text(name)?.ok_or_else(|| Refusal::missing(name))
    }
}

impl FromRequest<Arc<Door>> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, door: &Arc<Door>) -> Result<Self, Response> {
        let asked = Circumstances::of(request.headers(), request.extensions(), door);
        match body::form(door, request).await {
            Ok(bytes) => Ok(Self::parse(&bytes)),
            Err(failure) => Err(asked.refuse(failure)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_once_or_refused() {
        let form = Form::parse(b"scope=a%2Fb+c&empty=&twice=1&twice=1");
        assert_eq!(form.needed("scope"), Ok("a/b c"));
        assert_eq!(form.text("empty"), Ok(None));
        assert_eq!(form.text("absent"), Ok(None));
        assert!(form.needed("empty").is_err());
        assert!(form.text("twice").is_err());
    }
}
