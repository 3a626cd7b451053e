//! Requests that say everything in their path.

use std::sync::Arc;

use app::access::Caller;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::Door;
use crate::access::By;
use crate::error::Failure;
use crate::params::Params;
use crate::query::Query;

/// Who asks, and about what. There is no query: a parameter in it is refused.
pub(crate) struct PathOnly {
    pub(super) door: Arc<Door>,
    pub(super) caller: Caller,
    pub(super) params: Params,
}

impl FromRequestParts<Arc<Door>> for PathOnly {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Failure> {
        let By(caller) = By::from_request_parts(parts, door).await?;
        let params = Params::from_request_parts(parts, door).await?;
        Query::from_request_parts(parts, door).await?.only(&[])?;
        Ok(Self {
            door: Arc::clone(door),
            caller,
            params,
        })
    }
}
