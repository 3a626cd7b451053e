//! Operations that a client polls for, as Azure Resource Manager has it: `202 Accepted`, a `Location` to ask, and in the
//! end the answer there.
//!
//! What is asked for is done when the first answer is given; the polls only tell of it. So nothing is remembered: an
//! operation's id is a few random bytes and a checksum over them, the subscription and the outcome, by which whichever server
//! is asked finds the outcome. It is no proof, and need not be one: who makes an id up is told that nothing came of nothing.

use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use domain::ids::SubscriptionId;
use uuid::Uuid;

use super::resource_types::OPERATION_RESULTS;
use super::subscription;
use super::version::speaks_if_said;
use crate::Door;
use crate::error::Failure;
use crate::params::Params;
use crate::query::Query;

/// How many bytes of an id are random. The others follow from them, the subscription and the outcome.
const RANDOM_BYTES: usize = 6;

/// How an operation ended. What would not succeed was refused at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As a deletion does: 200.
    Ok,
    /// As a move does: 204.
    NoContent,
}

const OUTCOMES: [Outcome; 2] = [Outcome::Ok, Outcome::NoContent];

impl Outcome {
    const fn status(self) -> StatusCode {
        match self {
            Self::Ok => StatusCode::OK,
            Self::NoContent => StatusCode::NO_CONTENT,
        }
    }
}

/// The id of an operation, of which the first bytes are random.
fn operation(random: Uuid, subscription: SubscriptionId, outcome: Outcome) -> Uuid {
    let mut bytes = *random.as_bytes();
    let mut hasher = blake3::Hasher::new_derive_key("meterbridge operation of Azure Resource Manager");
    hasher
        .update(&bytes[..RANDOM_BYTES])
        .update(subscription.as_bytes())
        .update(&outcome.status().as_u16().to_be_bytes());
    hasher.finalize_xof().fill(&mut bytes[RANDOM_BYTES..]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// The first answer to an operation that is done: the client asks for the outcome.
pub(crate) fn accepted(
    door: &Door,
    uri: &Uri,
    subscription: SubscriptionId,
    outcome: Outcome,
) -> Result<(StatusCode, HeaderMap), Failure> {
    let id = operation(door.app.random().uuid(), subscription, outcome);
    let mut pairs = uri.query().unwrap_or_default().split('&');
    let version = pairs
        .rfind(|pair| pair.to_ascii_lowercase().starts_with("api-version="))
        .map(|pair| format!("?{pair}"))
        .unwrap_or_default();
    let base = door.public_url.trim_end_matches('/');
    let location = format!("{base}/subscriptions/{subscription}/operationresults/{id}{version}");
    let location = HeaderValue::from_str(&location)
        .map_err(|error| Failure::internal(format!("a location is no header: {error}")))?;
    let headers = [(LOCATION, location), (RETRY_AFTER, HeaderValue::from_static("1"))];
    Ok((StatusCode::ACCEPTED, headers.into_iter().collect()))
}

/// How an operation went.
pub(crate) async fn result(params: Params, query: Query) -> Result<StatusCode, Failure> {
    speaks_if_said(&query, &OPERATION_RESULTS)?;
    let id = Uuid::try_parse(params.text("operationId")?).ok();
    let asked = id.and_then(|id| Some((id, subscription(&params).ok()?)));
    let outcome = asked.and_then(|(id, of)| OUTCOMES.into_iter().find(|it| operation(id, of, *it) == id));
    outcome.map(Outcome::status).ok_or_else(|| {
        let message = "The operation is not known. Look at the resource itself.";
        Failure::new(StatusCode::NOT_FOUND, "OperationNotFound", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_known_for_its_subscription_and_one_that_was_made_up_is_not() {
        let [one, other] = [1, 2].map(|id| SubscriptionId::from_bytes([id; 16]));
        let made_up = Uuid::from_bytes([7; 16]);
        for outcome in OUTCOMES {
            let id = operation(made_up, one, outcome);
            assert_ne!(made_up, id);
            let found = |of| OUTCOMES.into_iter().find(|it| operation(id, of, *it) == id);
            assert_eq!((found(one), found(other)), (Some(outcome), None));
        }
    }
}
