//! Operators' credentials: several, each revoked by itself.

use std::sync::Arc;

use app::access::Caller;
use app::operators;
use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, StatusCode, Uri};
use wire::api::{MadeOperatorCredential, NewOperatorCredential, OperatorCredential, Page};

use super::path_only::PathOnly;
use crate::access::By;
use crate::error::Failure;
use crate::pages::PageRequest;
use crate::query::Query;
use crate::{Door, body, credential};

fn shown(door: &Door, caller: &Caller, credential: operators::OperatorCredential) -> OperatorCredential {
    let by = credential.created_by;
    OperatorCredential {
        id: credential.id.to_string(),
        name: credential.name,
        created: credential.created.to_string(),
        created_by: by.map(|by| by.to_string()),
        created_by_name: by.and_then(|by| door.app.name_of(caller, by)),
        last_used: credential.last_used.map(|used| used.to_string()),
    }
}

/// Lists the operators' credentials that are good, the oldest first.
#[utoipa::path(get, path = "/api/v1/operator-credentials", tag = "identity", params(super::documents::Paging),
    responses((status = 200, body = Page<OperatorCredential>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<OperatorCredential>>, Failure> {
    let page = PageRequest::<String>::of_own(&query)?;
    let all = door.app.operator_credentials(&caller).await?;
    let key = |it: &operators::OperatorCredential| format!("{} {}", it.created, it.id);
    let page = page.page_of_all(all, key, &door.base(&uri));
    Ok(page.shown(|it| shown(&door, &caller, it)))
}

/// Makes another operator's credential. Its text is in this answer and nowhere else: it cannot be asked for again.
#[utoipa::path(post, path = "/api/v1/operator-credentials", tag = "identity", request_body = NewOperatorCredential,
    responses((status = 201, body = MadeOperatorCredential)))]
pub(crate) async fn create(
    State(door): State<Arc<Door>>,
    By(caller): By,
    query: Query,
    body::Json(new): body::Json<NewOperatorCredential>,
) -> Result<
    (
        StatusCode,
        [(HeaderName, &'static str); 1],
        Json<MadeOperatorCredential>,
    ),
    Failure,
> {
    query.only(&[])?;
    let name = new.name()?;
    let (text, digest) = credential::generate(door.app.random());
    let made = door
        .app
        .create_operator_credential(&caller, &name, digest)
        .await?;
    let made = MadeOperatorCredential {
        id: made.id.to_string(),
        name: made.name,
        created: made.created.to_string(),
        text,
    };
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(made)))
}

/// Revokes an operator's credential: it is not accepted any longer.
#[utoipa::path(delete, path = "/api/v1/operator-credentials/{operatorId}", tag = "identity",
    params(("operatorId" = String, Path)), responses((status = 204, description = "It is revoked")))]
pub(crate) async fn revoke(PathOnly { door, caller, params }: PathOnly) -> Result<StatusCode, Failure> {
    let id = params.read("operatorId", "InvalidOperatorId")?;
    door.app.revoke_operator_credential(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
