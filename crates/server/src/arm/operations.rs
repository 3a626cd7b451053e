//! Operations that a client polls for, as Azure Resource Manager has it: `202 Accepted`, a `Location` to ask, and in the
//! end the answer there.
//!
//! What is asked for is done when the first answer is given; the polls only tell of it. So nothing has to be resumed after
//! a restart, and what is remembered of an operation may be forgotten.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use domain::ids::SubscriptionId;
use uuid::Uuid;

use super::resource_types::OPERATION_RESULTS;
use super::subscription;
use super::version::speaks_if_said;
use crate::Door;
use crate::error::Failure;
use crate::limits::OPERATIONS_REMEMBERED_MAX;
use crate::params::Params;
use crate::query::Query;

/// The operations that were done lately.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    done: Mutex<VecDeque<Operation>>,
}

#[derive(Debug, Clone, Copy)]
struct Operation {
    subscription: SubscriptionId,
    id: Uuid,
    outcome: StatusCode,
}

impl Operations {
    fn remember(&self, operation: Operation) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if done.len() == OPERATIONS_REMEMBERED_MAX {
            done.pop_front();
        }
        done.push_back(operation);
    }

    fn outcome(&self, subscription: SubscriptionId, id: Uuid) -> Option<StatusCode> {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let found = done
            .iter()
            .find(|it| it.id == id && it.subscription == subscription);
        found.map(|it| it.outcome)
    }
}

/// The first answer to an operation that is done: the client asks for the outcome.
pub(crate) fn accepted(
    door: &Door,
    uri: &Uri,
    subscription: SubscriptionId,
    outcome: StatusCode,
) -> Result<(StatusCode, HeaderMap), Failure> {
    let id = door.app.random().uuid();
    door.operations.remember(Operation {
        subscription,
        id,
        outcome,
    });
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
pub(crate) async fn result(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<StatusCode, Failure> {
    speaks_if_said(&query, &OPERATION_RESULTS)?;
    let id = Uuid::try_parse(params.text("operationId")?).ok();
    let outcome = id.and_then(|id| Some((subscription(&params).ok()?, id)));
    outcome
        .and_then(|(subscription, id)| door.operations.outcome(subscription, id))
        .ok_or_else(|| {
            let message = "The operation is not known, or it was done long ago. Look at the resource itself.";
            Failure::new(StatusCode::NOT_FOUND, "OperationNotFound", message)
        })
}
