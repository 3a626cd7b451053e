//! The page on which somebody signs in for a program that opened their browser, and the way back to it.

use std::net::SocketAddr;
use std::sync::Arc;

use app::identity::SignedIn;
use axum::extract::{ConnectInfo, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use domain::ids::ApplicationId;
use reqwest::Url;

use super::audiences::Asked;
use super::authority::Authority;
use super::clients;
use super::codes::Code;
use super::discovery::unknown_directory;
use super::form::Form;
use super::grants::not_given;
use super::html::{Button, DECLINE, GO_ON, Page, SIGN_IN_OR_NOT, is_from_here, name_and_password};
use super::kept::Text;
use super::refusal::{Circumstances, Refusal, never_stored};
use crate::Door;
use crate::error::Failure;
use crate::params::Params;

/// What a program says that opens a browser; the page repeats it when it is sent.
const REPEATED: [&str; 10] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "resource",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
];
/// The characters of a digest of 32 bytes in base64.
const CHALLENGE_CHARS: usize = 43;
/// The most characters of what is carried along: some clients put a page's whole state into it.
const CARRIED_CHARS_MAX: usize = 4096;

/// Where the answer goes. Once this is known to be good, refusals go there, too.
struct WayBack<'a> {
    /// What the client is called.
    client: String,
    redirect_uri: Url,
    by_form: bool,
    state: Option<&'a str>,
}

/// What a program asks for.
struct Wanted<'a> {
    client: ApplicationId,
    redirect_uri: &'a str,
    challenge: &'a str,
    asked: Asked,
    nonce: Option<&'a str>,
}

/// `GET …/oauth2/authorize` and `GET …/oauth2/v2.0/authorize`: the page.
pub(crate) async fn page(
    State(door): State<Arc<Door>>,
    params: Params,
    asked: Circumstances,
    uri: Uri,
) -> Result<Response, Failure> {
    let form = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let (_, back) = match begun(&door, params.text("authority")?, &form) {
        Ok(begun) => begun,
        Err(refusal) => return Ok(stop(&refusal, refusal.status())),
    };
    Ok(match first_look(&door, &form) {
        Ok(name) => ask(uri.path(), &form, &back, None, name),
        Err(refusal) => back.refuse(&refusal, &asked),
    })
}

/// As whom the browser's user may want to sign in, if the request is as it should be.
fn first_look<'a>(door: &Door, form: &'a Form) -> Result<&'a str, Refusal> {
    Wanted::read(door, form)?;
    if form.text("prompt")? == Some("none") {
        let text = "Nobody is signed in in this browser, and the request forbids to ask.";
        return Err(Refusal::new("login_required", 50_058, text));
    }
    Ok(form.text("login_hint")?.unwrap_or_default())
}

/// `POST …/oauth2/authorize` and `POST …/oauth2/v2.0/authorize`: what somebody entered.
pub(crate) async fn entered(
    State(door): State<Arc<Door>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    params: Params,
    asked: Circumstances,
    headers: HeaderMap,
    uri: Uri,
    form: Form,
) -> Result<Response, Failure> {
    if !is_from_here(&headers, door.identity.base()) {
        let text =
            "The form was sent from another site. Begin again in the program that you want to sign in to.";
        return Ok(stop(&Refusal::request(90_023, text), StatusCode::FORBIDDEN));
    }
    let (authority, back) = match begun(&door, params.text("authority")?, &form) {
        Ok(begun) => begun,
        Err(refusal) => return Ok(stop(&refusal, refusal.status())),
    };
    let wanted = match Wanted::read(&door, &form) {
        Ok(wanted) => wanted,
        Err(refusal) => return Ok(back.refuse(&refusal, &asked)),
    };
    if form.text("decision").ok().flatten() == Some(DECLINE) {
        let refusal = Refusal::new("access_denied", 65_004, "The user does not want to sign in.");
        return Ok(back.refuse(&refusal, &asked));
    }
    let field = |name| form.text(name).ok().flatten().unwrap_or_default();
    let (name, password) = (field("username"), field("password"));
    let directory = authority.directory();
    let signed_in = door
        .sign_in_user(directory, name, password, wanted.client, peer.ip())
        .await;
    let signed_in = match signed_in {
        Ok(signed_in) => signed_in,
        // The page once more: whoever mistyped tries again.
        Err(refusal) => return Ok(ask(uri.path(), &form, &back, Some(&refusal), name)),
    };
    asked.signed_in(&signed_in.principal);
    let code = wanted.code(&signed_in);
    let issued = door
        .identity
        .codes
        .issue(code, asked.now, door.app.random())
        .await;
    Ok(match issued {
        Ok(code) => back.send(&[("code", &code)]),
        Err(refusal) => back.refuse(&refusal, &asked),
    })
}

/// Where somebody signs in, and the way back. Until that is known to be good, nothing is sent there, be it only that
/// something is wrong.
fn begun<'a>(door: &Door, name: &str, form: &'a Form) -> Result<(Authority, WayBack<'a>), Refusal> {
    let authority = door.authority(name).ok_or_else(|| unknown_directory(name))?;
    Ok((authority, WayBack::read(door, form)?))
}

impl<'a> WayBack<'a> {
    fn read(door: &Door, form: &'a Form) -> Result<Self, Refusal> {
        let id = clients::read_id(form.needed("client_id")?)?;
        let client = door.name_of_client(id)?;
        let text = form.needed("redirect_uri")?;
        let redirect_uri = registered(id, text)?;
        let mode = form.text("response_mode")?.unwrap_or("query");
        if mode != "query" && mode != "form_post" {
            let shown = crate::query::excerpt(mode);
            let text = format!("The response_mode is '{shown}'. Expected 'query' or 'form_post'.");
            return Err(Refusal::request(70_007, text));
        }
        let state = form.text("state")?;
        if state.is_some_and(|state| state.chars().count() > CARRIED_CHARS_MAX) {
            let text = format!("The state has more than {CARRIED_CHARS_MAX} characters.");
            return Err(Refusal::request(90_015, text));
        }
        Ok(Self {
            client,
            redirect_uri,
            by_form: mode == "form_post",
            state,
        })
    }

    /// Sends the browser back with a refusal.
    fn refuse(&self, refusal: &Refusal, asked: &Circumstances) -> Response {
        let (text, time) = (refusal.description(), asked.now.to_string());
        let answer = [
            ("error", refusal.error),
            ("error_description", &text),
            ("timestamp", &time),
        ];
        refusal.mark(self.send(&answer))
    }

    /// Sends the browser back with an answer.
    fn send(&self, answer: &[(&str, &str)]) -> Response {
        let state = self.state.map(|state| ("state", state));
        let all: Vec<(&str, &str)> = answer.iter().copied().chain(state).collect();
        if self.by_form {
            let back = Button {
                text: "Continue",
                decision: GO_ON,
            };
            return Page::new("Almost done")
                .leading_to(form_target(&self.redirect_uri))
                .paragraph("Go back to the program that you came from.")
                .form(self.redirect_uri.as_str(), &all, &[], &[back])
                .answer();
        }
        let mut to = self.redirect_uri.clone();
        to.query_pairs_mut().extend_pairs(all);
        match HeaderValue::from_str(to.as_str()) {
            Ok(to) => never_stored((StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()),
            Err(error) => stop(
                &Refusal::internal(error.to_string()),
                StatusCode::INTERNAL_SERVER_ERROR,
            ),
        }
    }
}

/// The redirect URI, if it is one of those that are registered for the client. For programs of people that is this
/// machine, at any port (RFC 8252, section 7.3); applications of directories have none.
fn registered(client: ApplicationId, text: &str) -> Result<Url, Refusal> {
    let shown = crate::query::excerpt(text);
    if clients::native(client).is_none() {
        let text = format!(
            "Nobody is sent to the redirect_uri '{shown}': none is registered for the application '{client}'. Sign in with \
             a device code, or with the program itself as its own application."
        );
        return Err(Refusal::request(50_011, text));
    }
    let url = Url::parse(text).ok().filter(is_on_machine);
    url.ok_or_else(|| {
        let text = format!(
            "Nobody is sent to the redirect_uri '{shown}'. Expected http://localhost or http://127.0.0.1 with any port."
        );
        Refusal::request(50_011, text)
    })
}

fn is_on_machine(url: &Url) -> bool {
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
        && url.query().is_none()
        && url.path() == "/";
    plain && url.scheme() == "http" && matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// What a browser is told that a form may lead to. Such a policy has no way to write an IPv6 address.
fn form_target(url: &Url) -> String {
    match url.host_str() {
        Some("[::1]") => "http:".to_owned(),
        _ => url.origin().ascii_serialization(),
    }
}

impl<'a> Wanted<'a> {
    fn read(door: &Door, form: &'a Form) -> Result<Self, Refusal> {
        let kind = form.needed("response_type")?;
        if kind != "code" {
            let shown = crate::query::excerpt(kind);
            let text = format!("The response_type is '{shown}'. Expected 'code'.");
            return Err(Refusal::new("unsupported_response_type", 700_051, text));
        }
        let challenge = form.needed("code_challenge")?;
        let method = form.needed("code_challenge_method")?;
        if method != "S256" || challenge.len() != CHALLENGE_CHARS {
            let text = "Expected code_challenge to be the digest of a secret and code_challenge_method to be 'S256' (RFC 7636).";
            return Err(Refusal::request(501_491, text));
        }
        let asked = door
            .identity
            .audiences
            .read(form.text("scope")?, form.text("resource")?);
        let nonce = form.text("nonce")?;
        if nonce.is_some_and(|nonce| nonce.chars().count() > CARRIED_CHARS_MAX) {
            let text = format!("The nonce has more than {CARRIED_CHARS_MAX} characters.");
            return Err(Refusal::request(90_015, text));
        }
        Ok(Self {
            client: clients::read_id(form.needed("client_id")?)?,
            redirect_uri: form.needed("redirect_uri")?,
            challenge,
            asked: asked.map_err(|unasked| not_given(&unasked))?,
            nonce,
        })
    }

    /// What the code stands for with which somebody is sent back.
    fn code(self, signed_in: &SignedIn) -> Code {
        Code {
            client: Text(self.client),
            redirect_uri: self.redirect_uri.to_owned(),
            challenge: self.challenge.to_owned(),
            user: Text(signed_in.principal.id),
            since: signed_in.since,
            asked: self.asked,
            nonce: self.nonce.map(str::to_owned),
        }
    }
}

fn ask(path: &str, form: &Form, back: &WayBack<'_>, refusal: Option<&Refusal>, name: &str) -> Response {
    let repeated: Vec<(&str, &str)> = REPEATED
        .into_iter()
        .filter_map(|field| Some((field, form.text(field).ok().flatten()?)))
        .collect();
    let alert = refusal.map(Refusal::description);
    let page = Page::new("Sign in")
        .status(refusal.map_or(StatusCode::OK, Refusal::status))
        .leading_to(form_target(&back.redirect_uri))
        .alert(alert.as_deref())
        .paragraph(&format!(
            "{} on this computer wants to act as you. Go on only if you began this yourself.",
            back.client
        ))
        .form(path, &repeated, &name_and_password(name), &SIGN_IN_OR_NOT)
        .answer();
    match refusal {
        Some(refusal) => refusal.mark(page),
        None => page,
    }
}

/// A refusal that goes no further than this browser.
fn stop(refusal: &Refusal, status: StatusCode) -> Response {
    refusal.mark(
        Page::new("Sign-in is not possible")
            .status(status)
            .alert(Some(&refusal.description()))
            .paragraph(
                "Nobody was signed in. Close this page, and begin again in the program that opened it.",
            )
            .answer(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_anywhere_but_to_a_program_on_their_own_machine() {
        let az = "04b07795-8ddb-461a-bbee-02f9e1bf7b46".parse().unwrap();
        let application = ApplicationId::from_bytes([7; 16]);
        for (text, good) in [
            ("http://localhost", true),
            ("http://localhost:8400", true),
            ("http://LOCALHOST:8400/", true),
            ("http://127.0.0.1:1/", true),
            ("http://[::1]:1/", true),
            ("http://localhost:8400/callback", false),
            ("http://localhost:8400/?x=1", false),
            ("https://bills.example:8443/", false),
            ("https://bills.example:8443/signed-in", false),
            ("https://evil.example/", false),
            ("http://localhost.evil.example/", false),
            ("http://localhost@evil.example/", false),
            ("http://user@localhost/", false),
            ("http://localhost/#x", false),
            ("https://localhost/", false),
            ("javascript:alert(1)", false),
            ("ftp://localhost/", false),
            ("not a url", false),
        ] {
            assert_eq!(registered(az, text).is_ok(), good, "{text}");
            assert!(registered(application, text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_a_form_may_lead_to_is_written_as_browsers_understand_it() {
        for (text, target) in [
            ("http://localhost:8400/", "http://localhost:8400"),
            ("http://[::1]:8400/", "http:"),
        ] {
            assert_eq!(form_target(&Url::parse(text).unwrap()), target);
        }
    }
}
