//! Where a program asks for a code to show, and the page on which somebody enters it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::authority::Version;
use super::clients;
use super::devices::{DEVICE_CODE_LIFETIME, POLL_INTERVAL_SECONDS};
use super::discovery::unknown_directory;
use super::form::Form;
use super::grants::SignIn;
use super::html::{DECLINE, Field, Page, SIGN_IN_OR_NOT, is_from_here, name_and_password};
use super::refusal::{Circumstances, Refusal, never_stored};
use crate::Door;
use crate::error::Failure;
use crate::params::Params;
use crate::rates::network;

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
    Ok(match sign_in.begin_on_device() {
        Ok(codes) => never_stored(Json(codes).into_response()),
        Err(refusal) => refusal.answer(&asked),
    })
}

impl SignIn<'_> {
    fn begin_on_device(&self) -> Result<Codes, Refusal> {
        let client = clients::read_id(self.form.needed("client_id")?)?;
        self.door.name_of_client(client)?;
        let scope = self.asked_for(None)?;
        let directory = self.authority.directory();
        let random = self.door.app.random();
        let begun =
            self.door
                .identity
                .devices
                .begin(client, directory, scope, self.peer, self.asked.now, random)?;
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
    ask(None, "", "", StatusCode::OK)
}

/// `POST …/oauth2/deviceauth`: what somebody entered.
pub(crate) async fn entered(
    State(door): State<Arc<Door>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    asked: Circumstances,
    headers: HeaderMap,
    form: Form,
) -> Response {
    if !is_from_here(&headers, door.identity.base()) {
        let text = "The form was sent from another site. Open this page yourself and enter the code again.";
        return ask(Some(text), "", "", StatusCode::FORBIDDEN);
    }
    let (code, name) = (form.text("user_code"), form.text("username"));
    let (code, name) = (
        code.ok().flatten().unwrap_or_default(),
        name.ok().flatten().unwrap_or_default(),
    );
    match decide(&door, peer, &asked, &form).await {
        Ok(Decided::SignedIn(client)) => Page::new("Signed in")
            .paragraph(&format!(
                "You are signed in to {client} on the device that showed the code."
            ))
            .paragraph("You may close this page.")
            .answer(),
        Ok(Decided::Declined) => Page::new("Not signed in")
            .paragraph("The device that showed the code was told that you do not want to sign in.")
            .paragraph("You may close this page.")
            .answer(),
        Err(refusal) => refusal.mark(ask(Some(&refusal.description()), code, name, refusal.status())),
    }
}

enum Decided {
    SignedIn(String),
    Declined,
}

async fn decide(
    door: &Door,
    peer: SocketAddr,
    asked: &Circumstances,
    form: &Form,
) -> Result<Decided, Refusal> {
    let code = form.needed("user_code")?;
    let devices = &door.identity.devices;
    let unknown = || {
        let text = "The code is not known here, was used before, or its time is over. Look at your device, or begin again.";
        Refusal::grant(70_019, text)
    };
    let Some((client, directory)) = devices.find(code, asked.now) else {
        door.count_failed_sign_in(peer.ip())?;
        return Err(unknown());
    };
    if form.text("decision")? == Some(DECLINE) {
        return if devices.decline(code, asked.now) {
            Ok(Decided::Declined)
        } else {
            Err(unknown())
        };
    }
    let (name, password) = (form.needed("username")?, form.needed("password")?);
    let signed_in = door
        .sign_in_user(directory, name, password, client, peer.ip())
        .await?;
    asked.signed_in(&signed_in.principal);
    if devices.approve(code, signed_in.principal.id, signed_in.since, asked.now) {
        door.name_of_client(client).map(Decided::SignedIn)
    } else {
        Err(unknown())
    }
}

fn ask(alert: Option<&str>, code: &str, name: &str, status: StatusCode) -> Response {
    let [user_name, password] = name_and_password(name);
    let fields = [
        Field {
            name: "user_code",
            label: "Code",
            kind: "text",
            autocomplete: "one-time-code",
            value: code,
            hint: Some("Eight letters, as your device shows them"),
        },
        user_name,
        password,
    ];
    Page::new("Sign in on a device")
        .status(status)
        .alert(alert)
        .paragraph(
            "Enter the code that your own device or program shows. Whoever gave you a code in a message or on the phone \
             would be signed in as you: then close this page.",
        )
        .form(PAGE, &[], &fields, &SIGN_IN_OR_NOT)
        .answer()
}
