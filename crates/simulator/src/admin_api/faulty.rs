//! Answers with something wrong with them.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;

use super::refusal::Refusal;
use super::usage::UsagePage;
use super::{Answer, ok};
use crate::service_faults::{ServiceFault, ServiceFaults};

/// The forms in which the times of records are written instead of an offset of nothing.
const TIMES: [&str; 4] = ["Z", ".0000000Z", ".0000000", ".0000000+00:00"];
/// For how long a busy service asks to be left alone.
const RETRY_SECONDS: u64 = 1;

/// Answers with this wrong with it. `first_page` is the first one of the window.
pub(super) fn answer(
    fault: ServiceFault,
    answer: Answer,
    faults: &ServiceFaults,
    first_page: impl FnOnce() -> Answer,
) -> Response {
    match fault {
        ServiceFault::GatewayTimeout => Refusal::gateway_timeout().into_response(),
        ServiceFault::GatewayPage => (
            StatusCode::BAD_GATEWAY,
            [(header::CONTENT_TYPE, "text/html")],
            "<html><body><h1>502 Bad Gateway</h1></body></html>",
        )
            .into_response(),
        ServiceFault::Busy => Refusal::busy().into_response(),
        ServiceFault::BusyFor => Refusal::busy().for_seconds(RETRY_SECONDS).into_response(),
        ServiceFault::TooMany => Refusal::too_many().for_seconds(RETRY_SECONDS).into_response(),
        ServiceFault::NotReady => Refusal::not_ready().into_response(),
        ServiceFault::TokensExpired => Refusal::not_authenticated().into_response(),
        ServiceFault::TokenForgotten => Refusal::continuation().into_response(),
        ServiceFault::FirstPageAgain => first_page().into_response(),
        ServiceFault::CutConnection => cut_connection(&body_of(answer)),
        ServiceFault::CutJson => {
            let body = body_of(answer);
            let half: String = body.chars().take(body.chars().count() / 2).collect();
            ok(half)
        }
        ServiceFault::DoubledLink => with_link(answer, |link| format!("{link}{link}")),
        ServiceFault::EscapedLink => with_link(answer, |link| link.replace('%', "%25")),
        ServiceFault::LinkToNowhere => with_link(answer, |link| {
            let before = link.split_once("&continuationToken=");
            before.map_or_else(String::new, |(before, _)| before.to_owned())
        }),
        ServiceFault::LinkLost => match answer {
            Answer::Page(page) => ok(UsagePage {
                next_link: None,
                ..page
            }
            .close()),
            other => other.into_response(),
        },
        ServiceFault::OtherTimes => {
            let form = faults.choose(&TIMES).copied().unwrap_or("Z");
            ok(body_of(answer).replace("+00:00\"", &format!("{form}\"")))
        }
    }
}

fn body_of(answer: Answer) -> String {
    match answer {
        Answer::Body(_, body) => body,
        Answer::Page(page) => page.close(),
        Answer::Nothing(_) | Answer::Refused(_) => String::new(),
    }
}

fn with_link(answer: Answer, change: impl FnOnce(String) -> String) -> Response {
    match answer {
        Answer::Page(page) => {
            let next_link = page.next_link.map(change);
            ok(UsagePage { next_link, ..page }.close())
        }
        other => other.into_response(),
    }
}

/// Half of an answer, after which the connection breaks.
fn cut_connection(body: &str) -> Response {
    let half = Bytes::copy_from_slice(&body.as_bytes()[..body.len() / 2]);
    let broken = io::Error::from(io::ErrorKind::ConnectionReset);
    let mut response = Response::new(Body::from_stream(stream::iter([Ok(half), Err(broken)])));
    // What is missing is noticed also where there was no body at all.
    let length = body.len().max(1);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length.into());
    response
}
