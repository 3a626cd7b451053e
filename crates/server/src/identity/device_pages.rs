//! Where a program asks for a code to show, and the page on which somebody enters it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use app::network::network;
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::ids::TenantId;
use domain::time::Timestamp;
use serde::Serialize;

use super::authority::Version;
use super::clients;
use super::devices::{DEVICE_CODE_LIFETIME, POLL_INTERVAL_SECONDS, Shown, Wait};
use super::discovery::unknown_directory;
use super::form::Form;
use super::grants::SignIn;
use super::html::{
    APPROVE, Button, DECLINE, Field, GO_ON, Page, SIGN_IN_OR_NOT, is_from_here, name_and_password,
};
use super::refusal::{Circumstances, Refusal, never_stored};
use crate::Door;
use crate::error::Failure;
use crate::params::Params;

/// The path of the page, below the server's URL.
const PAGE: &str = "/adfs/oauth2/deviceauth";

/// The answer to a program (RFC 8628, section 3.2).
#[derive(Serialize)]
struct Codes {
    device_code: String,
    user_code: String,
    verification_uri: String,
    /// What the first form of the protocol calls it.
    verification_url: String,
    expires_in: u64,
    interval: u64,
    message: String,
}

/// `POST …/oauth2/devicecode` and `POST …/oauth2/v2.0/devicecode`.
pub(crate) async fn begin(
    State(door): State<Arc<Door>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    params: Params,
    asked: Circumstances,
    form: Form,
) -> Result<Response, Failure> {
    let name = params.text("authority")?;
    let Some(authority) = door.authority(name) else {
        return Ok(unknown_directory(name).answer(&asked));
    };
    let sign_in = SignIn {
        door: &door,
        authority,
        version: Version::V2,
        form: &form,
        peer: network(peer.ip()),
        asked: &asked,
    };
    Ok(match sign_in.begin_on_device().await {
        Ok(codes) => never_stored(Json(codes).into_response()),
        Err(refusal) => refusal.answer(&asked),
    })
}

impl SignIn<'_> {
    async fn begin_on_device(&self) -> Result<Codes, Refusal> {
        let client = clients::read_id(self.form.needed("client_id")?)?;
        self.door.name_of_client(client)?;
        let scope = self.asked_for(None)?;
        let directory = self.authority.directory();
        let random = self.door.app.random();
        let devices = &self.door.identity.devices;
        let begun = devices
            .begin(client, directory, scope, self.peer, self.asked.now, random)
            .await?;
        let page = format!("{}{PAGE}", self.door.identity.base());
        Ok(Codes {
            message: format!(
                "To sign in, open {page} in a browser on any device and enter the code {}.",
                begun.user_code
            ),
            device_code: begun.device_code,
            user_code: begun.user_code,
            verification_uri: page.clone(),
            verification_url: page,
            expires_in: DEVICE_CODE_LIFETIME.as_secs(),
            interval: POLL_INTERVAL_SECONDS,
        })
    }
}

/// `GET …/oauth2/deviceauth`: the page.
pub(crate) async fn page() -> Response {
    ask_for_code(None, "", StatusCode::OK)
}

/// `POST …/oauth2/deviceauth`: what somebody entered. First the code, then, on a page that says who would be let in, name
/// and password.
pub(crate) async fn entered(
    State(door): State<Arc<Door>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    asked: Circumstances,
    headers: HeaderMap,
    form: Form,
) -> Response {
    if !is_from_here(&headers, door.identity.base()) {
        let text = "The form was sent from another site. Open this page yourself and enter the code again.";
        return ask_for_code(Some(text), "", StatusCode::FORBIDDEN);
    }
    let entered = Entered {
        door: &door,
        peer: peer.ip(),
        asked: &asked,
        form: &form,
    };
    match entered.code().await {
        Ok((code, shown)) => entered.decide(code, &shown).await,
        Err(refusal) => {
            let code = form.text("user_code").ok().flatten().unwrap_or_default();
            refused(code, &refusal)
        }
    }
}

/// A form that somebody sent.
struct Entered<'a> {
    door: &'a Door,
    peer: IpAddr,
    asked: &'a Circumstances,
    form: &'a Form,
}

impl<'a> Entered<'a> {
    /// The code, and who shows it.
    async fn code(&self) -> Result<(&'a str, Shown), Refusal> {
        let code = self.form.needed("user_code")?;
        let devices = &self.door.identity.devices;
        let entered = devices.enter(code, self.peer, self.asked.now).await?;
        let shown = entered.map_err(|Wait(seconds)| {
            let text = "Too many wrong codes were entered. Wait a little and enter it again.";
            Refusal::later(text, seconds)
        })?;
        shown.map(|shown| (code, shown)).ok_or_else(unknown)
    }

    async fn decide(&self, code: &str, shown: &Shown) -> Response {
        let devices = &self.door.identity.devices;
        let decision = match (self.form.text("decision"), self.door.name_of_client(shown.client)) {
            (Ok(decision), Ok(client)) => Ok((decision.unwrap_or(GO_ON), client)),
            (Err(refusal), _) | (_, Err(refusal)) => Err(refusal),
        };
        match decision {
            Ok((DECLINE, _)) => match devices
                .decline(code, self.asked.now, self.door.app.random())
                .await
            {
                Ok(_) => declined(),
                Err(refusal) => refused(code, &refusal),
            },
            Ok((APPROVE, client)) => match self.sign_in(code, shown).await {
                Ok(()) => signed_in(&client),
                // The page once more: whoever mistyped tries again, as long as the code is good.
                Err(refusal) => match devices.find(code, self.asked.now).await {
                    Ok(Some(_)) => refusal.mark(self.confirm(code, shown, &client, Some(&refusal))),
                    Ok(None) | Err(_) => refused("", &refusal),
                },
            },
            Ok((_, client)) => self.confirm(code, shown, &client, None),
            Err(refusal) => refused(code, &refusal),
        }
    }

    async fn sign_in(&self, code: &str, shown: &Shown) -> Result<(), Refusal> {
        let (devices, random) = (&self.door.identity.devices, self.door.app.random());
        let (name, password) = (self.form.needed("username")?, self.form.needed("password")?);
        let signed_in = self
            .door
            .sign_in_user(shown.directory, name, password, shown.client, self.peer)
            .await;
        // Who was slowed down did not even try.
        let tried = |refusal: &Refusal| refusal.error == "invalid_grant";
        if let Err(refusal) = &signed_in
            && tried(refusal)
        {
            devices.failed(code, self.asked.now, random).await?;
        }
        let signed_in = signed_in?;
        self.asked.signed_in(&signed_in.principal);
        let (user, since) = (signed_in.principal.id, signed_in.since);
        if devices.approve(code, user, since, self.asked.now, random).await? {
            Ok(())
        } else {
            Err(unknown())
        }
    }

    /// What people know the only directory by whose accounts may sign in.
    fn directory(&self, id: TenantId) -> String {
        let id = id.to_string();
        let known = self.door.app.directory_named(&id);
        known.map_or(id, |directory| format!("{} only", directory.domain))
    }

    /// Says who would be let in, and asks whether to.
    fn confirm(&self, code: &str, shown: &Shown, client: &str, refusal: Option<&Refusal>) -> Response {
        let (id, from) = (shown.client.to_string(), shown.network.to_string());
        let same = shown.network == network(self.peer);
        let warning = if same {
            "Go on only if you began this yourself. Whoever gave you the code in a message or on the phone would be signed in \
             as you: then press Cancel."
        } else {
            "That is another network than the one that you are in now. Go on only if you began this yourself, on a device \
             there. Whoever gave you the code in a message or on the phone would be signed in as you: then press Cancel."
        };
        let name = self.form.text("username").ok().flatten().unwrap_or_default();
        let alert = refusal.map(Refusal::description);
        let directory = shown.directory.map(|id| self.directory(id));
        let mut facts = vec![
            ("Application", client),
            ("Its id", &id),
            ("Asked from the network", &from),
        ];
        facts.extend(directory.as_deref().map(|name| ("For accounts of", name)));
        let when = ago(shown.begun, self.asked.now);
        facts.push(("When", &when));
        Page::new("Sign in on a device")
            .status(refusal.map_or(StatusCode::OK, Refusal::status))
            .alert(alert.as_deref())
            .paragraph("Somebody wants to act as you:")
            .facts(&facts)
            .paragraph(warning)
            .form(
                PAGE,
                &[("user_code", code)],
                &name_and_password(name),
                &SIGN_IN_OR_NOT,
            )
            .answer()
    }
}

fn unknown() -> Refusal {
    let text = "The code is not known here, was used before, or its time is over. Look at your device, or begin again.";
    Refusal::grant(70_019, text)
}

fn ago(begun: Timestamp, now: Timestamp) -> String {
    match now.duration_since(begun).as_secs() / 60 {
        ..=0 => "less than a minute ago".to_owned(),
        1 => "a minute ago".to_owned(),
        minutes => format!("{minutes} minutes ago"),
    }
}

fn signed_in(client: &str) -> Response {
    Page::new("Signed in")
        .paragraph(&format!(
            "You are signed in to {client} on the device that showed the code. You may close this page and go on there."
        ))
        .paragraph("If you did not begin this yourself, change your password at once: that signs out everybody.")
        .answer()
}

fn declined() -> Response {
    Page::new("Not signed in")
        .paragraph("The device that showed the code was told that you do not want to sign in.")
        .paragraph("You may close this page.")
        .answer()
}

/// The page once more, with what was refused.
fn refused(code: &str, refusal: &Refusal) -> Response {
    refusal.mark(ask_for_code(Some(&refusal.description()), code, refusal.status()))
}

fn ask_for_code(alert: Option<&str>, code: &str, status: StatusCode) -> Response {
    let field = Field {
        name: "user_code",
        label: "Code",
        kind: "text",
        capitals: "characters",
        autocomplete: "off",
        value: code,
        hint: Some("Eight letters, as your device shows them"),
    };
    let go_on = Button {
        text: "Continue",
        decision: GO_ON,
    };
    Page::new("Sign in on a device")
        .status(status)
        .alert(alert)
        .paragraph(
            "Enter the code that your own device or program shows. Whoever gave you a code in a message or on the phone \
             would be signed in as you: then close this page.",
        )
        .form(PAGE, &[], &[field], &[go_on])
        .answer()
}
