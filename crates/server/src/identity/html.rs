//! The few pages on which people sign in: plain HTML without scripts, for every browser and screen reader.

use std::fmt::{self, Display, Write as _};

use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::refusal::never_stored;

const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Small enough for a phone, dark where the reader wants it dark, and nothing that moves.
const STYLE: &str = "
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 28rem; margin: 4rem auto; padding: 0 1rem; overflow-wrap: anywhere }
dt { font-weight: 600 }
dd { margin: 0 0 .5rem 0 }
label { display: block; margin-top: 1rem; font-weight: 600 }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; margin-top: .25rem }
button { font: inherit; padding: .5rem 1.5rem; margin: 1.5rem .5rem 0 0 }
[role=alert] { border-left: .3rem solid #c50f1f; padding: .25rem .75rem }
small { display: block }
";

/// Text that cannot be taken for markup.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => f.write_char(c),
        })
    }
}

/// A page in the making.
pub(super) struct Page {
    status: StatusCode,
    title: &'static str,
    body: String,
    /// Where, beside here, its forms may lead to.
    leads_to: Option<String>,
}

impl Page {
    pub(super) fn new(title: &'static str) -> Self {
        Self {
            status: StatusCode::OK,
            title,
            body: String::new(),
            leads_to: None,
        }
    }

    /// With the status of what went wrong.
    pub(super) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Browsers ask where a form may lead to, and count redirects of its answer.
    pub(super) fn leading_to(self, origin: String) -> Self {
        Self {
            leads_to: Some(origin),
            ..self
        }
    }

    pub(super) fn paragraph(mut self, text: &str) -> Self {
        let _ = writeln!(self.body, "<p>{}</p>", Escaped(text));
        self
    }

    /// What somebody is to look at before they decide, each with its name. Nothing in it turns around what is beside it.
    pub(super) fn facts(mut self, facts: &[(&str, &str)]) -> Self {
        self.body.push_str("<dl>\n");
        for (name, value) in facts {
            let _ = writeln!(
                self.body,
                "<dt>{}</dt>\n<dd><bdi>{}</bdi></dd>",
                Escaped(name),
                Escaped(value)
            );
        }
        self.body.push_str("</dl>\n");
        self
    }

    /// What went wrong, read aloud at once.
    pub(super) fn alert(mut self, text: Option<&str>) -> Self {
        if let Some(text) = text {
            let _ = writeln!(self.body, "<p role=\"alert\">{}</p>", Escaped(text));
        }
        self
    }

    /// A form that is sent to an address: hidden fields, then fields for people, then buttons.
    pub(super) fn form(
        mut self,
        action: &str,
        hidden: &[(&str, &str)],
        fields: &[Field<'_>],
        buttons: &[Button],
    ) -> Self {
        let body = &mut self.body;
        let _ = writeln!(body, "<form method=\"post\" action=\"{}\">", Escaped(action));
        for (name, value) in hidden {
            let _ = writeln!(
                body,
                "<input type=\"hidden\" name=\"{}\" value=\"{}\">",
                Escaped(name),
                Escaped(value)
            );
        }
        for field in fields {
            let _ = writeln!(body, "{field}");
        }
        for Button { text, decision } in buttons {
            let said = match *decision {
                GO_ON => String::new(),
                DECLINE => format!(" name=\"decision\" value=\"{DECLINE}\" formnovalidate"),
                other => format!(" name=\"decision\" value=\"{other}\""),
            };
            let _ = writeln!(body, "<button type=\"submit\"{said}>{text}</button>");
        }
        body.push_str("</form>\n");
        self
    }

    pub(super) fn answer(self) -> Response {
        let Self {
            status,
            title,
            body,
            leads_to,
        } = self;
        let html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title} - Meterbridge</title>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>{STYLE}</style>\n</head>\n\
             <body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n"
        );
        never_stored((status, headers(leads_to.as_deref()), html).into_response())
    }
}

fn headers(leads_to: Option<&str>) -> HeaderMap {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; form-action 'self'{}{}; base-uri 'none'; frame-ancestors 'none'",
        style_digest(),
        if leads_to.is_some() { " " } else { "" },
        leads_to.unwrap_or_default(),
    );
    let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(
        "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    ));
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, policy),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (
            CROSS_ORIGIN_OPENER_POLICY,
            HeaderValue::from_static("same-origin"),
        ),
        (
            CROSS_ORIGIN_RESOURCE_POLICY,
            HeaderValue::from_static("same-origin"),
        ),
    ])
}

/// The style is the one thing in a page that a browser may apply.
fn style_digest() -> String {
    use base64::Engine as _;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, STYLE.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(digest.as_ref())
}

/// A field that people fill in.
pub(super) struct Field<'a> {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) kind: &'static str,
    /// How a keyboard on a screen writes letters.
    pub(super) capitals: &'static str,
    /// What a browser or password manager may put there.
    pub(super) autocomplete: &'static str,
    pub(super) value: &'a str,
    pub(super) hint: Option<&'static str>,
}

impl Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            label,
            kind,
            capitals,
            autocomplete,
            value,
            hint,
        } = self;
        let described = if hint.is_some() {
            format!(" aria-describedby=\"{name}-hint\"")
        } else {
            String::new()
        };
        write!(
            f,
            "<label for=\"{name}\">{label}</label>\n<input id=\"{name}\" name=\"{name}\" type=\"{kind}\" \
             autocomplete=\"{autocomplete}\" autocapitalize=\"{capitals}\" spellcheck=\"false\" value=\"{}\"{described} required>",
            Escaped(value)
        )?;
        if let Some(hint) = hint {
            write!(f, "\n<small id=\"{name}-hint\">{hint}</small>")?;
        }
        Ok(())
    }
}

/// What is sent where there is nothing to decide yet.
pub(super) const GO_ON: &str = "";
/// What somebody decides who wants to sign in.
pub(super) const APPROVE: &str = "approve";
/// What somebody decides who does not want to sign in. Their form may be sent half filled in.
pub(super) const DECLINE: &str = "decline";

/// A button that sends a form.
pub(super) struct Button {
    pub(super) text: &'static str,
    /// What is sent as `decision`; nothing if empty.
    pub(super) decision: &'static str,
}

/// The buttons with which people sign in or do not.
pub(super) const SIGN_IN_OR_NOT: [Button; 2] = [
    Button {
        text: "Sign in",
        decision: APPROVE,
    },
    Button {
        text: "Cancel",
        decision: DECLINE,
    },
];

/// Name and password, as both pages ask for them.
pub(super) const fn name_and_password(name: &str) -> [Field<'_>; 2] {
    [
        Field {
            name: "username",
            label: "User name",
            kind: "text",
            capitals: "none",
            autocomplete: "username",
            value: name,
            hint: Some("Such as anna@contoso.example"),
        },
        Field {
            name: "password",
            label: "Password",
            kind: "password",
            capitals: "none",
            autocomplete: "current-password",
            value: "",
            hint: None,
        },
    ]
}

/// Whether a form was sent from one of our own pages. The pages keep nothing in the browser that another site could
/// misuse; this is a second wall, so that nobody's browser can be made to try passwords or codes here.
pub(super) fn is_from_here(headers: &HeaderMap, base: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // `none` is what the browser's user does by hand, such as loading the page once more.
    let site = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    // A page that says no-referrer sends `null` in some browsers; then `Sec-Fetch-Site` has said it.
    let origin = match text("origin") {
        None => true,
        Some("null") => text("sec-fetch-site").is_some(),
        Some(origin) => origin.eq_ignore_ascii_case(base),
    };
    site && origin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_typed_is_never_markup() {
        let nasty = "\"><script>alert('x')</script>&";
        let page = Page::new("T")
            .alert(Some(nasty))
            .paragraph(nasty)
            .facts(&[("Application", nasty)])
            .form(nasty, &[("state", nasty)], &name_and_password(nasty), &[]);
        assert!(!page.body.contains("<script>"), "{}", page.body);
        assert!(!page.body.contains("'x'"), "{}", page.body);
        assert_eq!(page.body.matches("&quot;&gt;&lt;script&gt;").count(), 6);
    }

    #[test]
    fn a_form_of_another_site_is_not_taken_for_ours() {
        let base = "https://bills.example:8443";
        for (origin, site, ours) in [
            (None, None, true),
            (Some(base), None, true),
            (Some(base), Some("same-origin"), true),
            (Some("null"), Some("same-origin"), true),
            (Some("null"), Some("none"), true),
            (Some("null"), None, false),
            (Some("null"), Some("cross-site"), false),
            (Some("https://evil.example"), None, false),
            (Some("https://bills.example"), None, false),
            (None, Some("cross-site"), false),
            (None, Some("same-site"), false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [("origin", origin), ("sec-fetch-site", site)] {
                if let Some(value) = value {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
            assert_eq!(is_from_here(&headers, base), ours, "{origin:?} {site:?}");
        }
    }
}
