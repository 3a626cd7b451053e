//! What is asked and said of registrations beside the contract of Azure Resource Manager.

use std::sync::Arc;

use app::App;
use axum::Json;
use axum::extract::State;
use domain::registration::Registration;
use domain::registration::advice::{StackOperator, advise};
use domain::time::Hour;
use wire::api::{ActivationKeysRevoked, Advice, BackdateRegistration, MultiTenancyApproval, Stack};

use super::path_only::PathOnly;
use crate::Door;
use crate::access::By;
use crate::body;
use crate::error::Failure;
use crate::params::Params;
use crate::query::{Query, excerpt};

/// A registered stack, as our own API shows it.
pub(super) fn stack(app: &App, registration: &Registration, reported_through: Option<Hour>) -> Stack {
    Stack {
        cloud_id: registration.cloud_id().to_string(),
        registration_id: registration.path().to_string(),
        registration_name: registration.name.to_string(),
        default_subscription_id: registration.subscription.to_string(),
        billing_model: registration.token.billing_model.to_string(),
        multi_tenancy_approved: registration.multi_tenancy_approved,
        registered_at: registration.created.at.to_string(),
        valid_from: app.valid_from(registration).to_string(),
        reported_through: reported_through.map(|hour| hour.to_string()),
    }
}

/// Which kind of subscription a stack is best registered with, and why.
#[utoipa::path(get, path = "/api/v1/registration-advice", tag = "registrations",
    params(("operatedBy" = String, Query, description = "directPartner, distributor, reseller or endUser")),
    responses((status = 200, body = Advice)))]
pub(crate) async fn advice(query: Query) -> Result<Json<Advice>, Failure> {
    const PARAMETER: &str = "operatedBy";
    query.only(&[PARAMETER])?;
    let text = query.text(PARAMETER)?.unwrap_or_default();
    let operated_by = StackOperator::from_name(text).ok_or_else(|| {
        let message = format!(
            "The query parameter {PARAMETER} is '{}'. Expected directPartner, distributor, reseller or endUser: who \
             operates the stack.",
            excerpt(text)
        );
        Failure::invalid("InvalidStackOperator", message).about(PARAMETER)
    })?;
    let advice = advise(operated_by);
    Ok(Json(Advice {
        operated_by: operated_by.to_string(),
        subscription_kind: advice.kind.into(),
        reason: advice.reason.to_owned(),
    }))
}

/// Approves the registration of a stack for multi-tenancy: from now on, tenants can be added.
#[utoipa::path(post, path = "/api/v1/registrations/{cloudId}/approve-multi-tenancy", tag = "registrations",
    params(("cloudId" = String, Path)), responses((status = 200, body = MultiTenancyApproval)))]
pub(crate) async fn approve_multi_tenancy(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<Json<MultiTenancyApproval>, Failure> {
    let registration = door
        .app
        .approve_multi_tenancy(&caller, params.cloud_id()?)
        .await?;
    Ok(Json(MultiTenancyApproval {
        cloud_id: registration.cloud_id().to_string(),
        registration_name: registration.name.to_string(),
        multi_tenancy_approved: registration.multi_tenancy_approved,
    }))
}

/// Declares the activation keys that were given out for a stack so far good no more: they are refused with 401, and
/// `getActivationKey` gives one that is good.
#[utoipa::path(post, path = "/api/v1/registrations/{cloudId}/revoke-activation-keys", tag = "registrations",
    params(("cloudId" = String, Path)), responses((status = 200, body = ActivationKeysRevoked)))]
pub(crate) async fn revoke_activation_keys(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<Json<ActivationKeysRevoked>, Failure> {
    let registration = door
        .app
        .revoke_activation_keys(&caller, params.cloud_id()?)
        .await?;
    Ok(Json(ActivationKeysRevoked {
        cloud_id: registration.cloud_id().to_string(),
        registration_name: registration.name.to_string(),
        revoked_at: registration.updated.at.to_string(),
    }))
}

/// Declares that the registration of a stack was valid from an earlier hour on, for usage from before it was made.
#[utoipa::path(post, path = "/api/v1/registrations/{cloudId}/backdate", tag = "registrations",
    params(("cloudId" = String, Path)), request_body = BackdateRegistration,
    responses((status = 200, body = Stack)))]
pub(crate) async fn backdate(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::Json(asked): body::Json<BackdateRegistration>,
) -> Result<Json<Stack>, Failure> {
    query.only(&[])?;
    let cloud_id = params.cloud_id()?;
    let registration = door
        .app
        .backdate_registration(&caller, cloud_id, asked.valid_from()?)
        .await?;
    Ok(Json(stack(
        &door.app,
        &registration,
        door.app.reported_through(&caller, cloud_id).await?,
    )))
}
