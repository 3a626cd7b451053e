//! The status of a request that finds what it would make there already, or makes it.

use app::accounts::Created;
use axum::http::StatusCode;

/// 201 for what is new, 200 for what was there already.
pub(crate) const fn status(created: Created) -> StatusCode {
    match created {
        Created::New => StatusCode::CREATED,
        Created::Existing => StatusCode::OK,
    }
}
