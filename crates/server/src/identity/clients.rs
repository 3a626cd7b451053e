//! Which program asks for tokens, and whether it is the one that it says.

pub(super) use app::identity::native_client as native;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ids::ApplicationId;

use super::form::Form;
use super::refusal::Refusal;

/// What a client sent about itself.
pub(super) struct Presented<'a> {
    pub(super) id: ApplicationId,
    pub(super) proof: Proof<'a>,
}

/// With what a client proves itself.
pub(super) enum Proof<'a> {
    None,
    Secret(std::borrow::Cow<'a, str>),
    Assertion(&'a str),
}

impl<'a> Presented<'a> {
    /// Reads it from the form, or from the `Authorization` header (RFC 6749, section 2.3.1).
    pub(super) fn read(form: &'a Form, headers: &HeaderMap) -> Result<Self, Refusal> {
        let basic = basic(headers)?;
        let in_form = form.text("client_id")?;
        let proof = match (
            &basic,
            form.text("client_secret")?,
            form.text("client_assertion")?,
        ) {
            (None, None, None) => Proof::None,
            (Some((_, secret)), None, None) => Proof::Secret(secret.clone().into()),
            (None, Some(secret), None) => Proof::Secret(secret.into()),
            (None, None, Some(assertion)) => {
                if form.needed("client_assertion_type")? != super::assertion::TYPE {
                    let text = format!(
                        "Expected client_assertion_type to be '{}'.",
                        super::assertion::TYPE
                    );
                    return Err(Refusal::request(50_027, text));
                }
                Proof::Assertion(assertion)
            }
            _ => {
                let text = "The client proves itself in several ways at once. Expected one of them.";
                return Err(Refusal::request(90_023, text));
            }
        };
        let in_header = basic.as_ref().map(|(id, _)| id.as_str());
        let id = match (in_form, in_header) {
            (Some(one), Some(other)) if !one.eq_ignore_ascii_case(other) => {
                let text = "The form and the Authorization header name different clients.";
                return Err(Refusal::request(90_023, text));
            }
            (Some(id), _) | (None, Some(id)) => read_id(id)?,
            // An assertion names its client by itself.
            (None, None) => match proof {
                Proof::Assertion(text) => super::assertion::Assertion::parse(text)
                    .map(|assertion| assertion.client)
                    .map_err(|_| Refusal::missing("client_id"))?,
                _ => return Err(Refusal::missing("client_id")),
            },
        };
        Ok(Self { id, proof })
    }
}

/// The id of a client.
pub(super) fn read_id(text: &str) -> Result<ApplicationId, Refusal> {
    text.parse().map_err(|error| {
        let shown = crate::query::excerpt(text);
        Refusal::new(
            "unauthorized_client",
            700_038,
            format!("The client_id is '{shown}': {error}."),
        )
    })
}

/// The name and the secret of an `Authorization` header of the kind `Basic`; both are written as in forms.
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, Refusal> {
    let Some(header) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let unreadable = || {
        let text = "The Authorization header cannot be read. Expected 'Basic', a blank, and base64 of the client_id, \
                    a colon and the secret.";
        Refusal::client(7_000_216, text)
    };
    let text = header.to_str().map_err(|_| unreadable())?;
    let (scheme, encoded) = text.split_once(' ').ok_or_else(unreadable)?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return Ok(None);
    }
    let decoded = STANDARD.decode(encoded.trim()).map_err(|_| unreadable())?;
    let decoded = String::from_utf8(decoded).map_err(|_| unreadable())?;
    let (id, secret) = decoded.split_once(':').ok_or_else(unreadable)?;
    Ok(Some((in_form(id), in_form(secret))))
}

fn in_form(text: &str) -> String {
    // A lone value parses as a name without one.
    let mut parsed = form_urlencoded::parse(text.as_bytes());
    match parsed.next() {
        Some((value, rest)) if rest.is_empty() && parsed.next().is_none() => value.into_owned(),
        // It holds what would be written otherwise in a form: then it was not written as in one.
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const ID: &str = "11111111-0000-4000-8000-000000000001";

    fn headers(pair: &str) -> HeaderMap {
        let value = format!("Basic {}", STANDARD.encode(pair));
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(&value).unwrap())])
    }

    fn secret(form: &str, headers: &HeaderMap) -> Result<String, &'static str> {
        let form = Form::parse(form.as_bytes());
        let presented = Presented::read(&form, headers).map_err(|refusal| refusal.error)?;
        assert_eq!(presented.id.to_string(), ID);
        match presented.proof {
            Proof::Secret(secret) => Ok(secret.into_owned()),
            Proof::None | Proof::Assertion(_) => Ok("none".to_owned()),
        }
    }

    #[test]
    fn a_secret_is_found_in_the_form_or_in_the_header_and_only_in_one() {
        let none = HeaderMap::new();
        let id = format!("client_id={ID}");
        assert_eq!(secret(&id, &none).as_deref(), Ok("none"));
        assert_eq!(
            secret(&format!("{id}&client_secret=a%3Db%26c"), &none).as_deref(),
            Ok("a=b&c")
        );
        for (sent, read) in [
            ("s%26t", "s&t"),
            ("a=b", "a=b"),
            ("a+b", "a b"),
            ("a:b", "a:b"),
            ("x~_-9", "x~_-9"),
        ] {
            assert_eq!(
                secret("", &headers(&format!("{ID}:{sent}"))).as_deref(),
                Ok(read),
                "{sent}"
            );
        }
        assert_eq!(secret(&id, &headers(&format!("{ID}:s"))).as_deref(), Ok("s"));
        let other = "client_id=22222222-0000-4000-8000-000000000002";
        assert_eq!(
            secret(other, &headers(&format!("{ID}:s"))),
            Err("invalid_request")
        );
        assert_eq!(
            secret(&format!("{id}&client_secret=s"), &headers(&format!("{ID}:s"))),
            Err("invalid_request")
        );
        assert_eq!(secret("client_id=x", &none), Err("unauthorized_client"));
        assert_eq!(secret("", &none), Err("invalid_request"));
        assert_eq!(secret("", &headers("no colon")), Err("invalid_client"));
    }
}
