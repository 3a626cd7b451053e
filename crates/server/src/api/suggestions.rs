//! Tenants whose usage no mapping claims.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use app::list_price::ListValue;
use app::suggestions::{Candidate, Suggestion, SuggestionPlace};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use domain::time::{Hour, HourInterval};
use wire::api::{self, Page, SuggestedSubscription, TenantSuggestion, UnclaimedHours};

use super::statements::why_not;
use crate::Door;
use crate::access::By;
use crate::error::Failure;
use crate::pages::{self, PageRequest};
use crate::query::Query;

/// A place among suggestions, as a token carries it.
struct PlaceToken(SuggestionPlace);

impl fmt::Display for PlaceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.0, self.0.1)
    }
}

impl FromStr for PlaceToken {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (stack, tenant) = text.split_once('.').ok_or(())?;
        let stack = stack.parse().map_err(|_| ())?;
        Ok(Self((stack, tenant.parse().map_err(|_| ())?)))
    }
}

/// Lists tenants that used a stack in hours of a period in which no tenant mapping of its registration names them, with who
/// could pay for them.
#[utoipa::path(get, path = "/api/v1/tenant-suggestions", tag = "usage",
    params(("period" = String, Query, description = "A calendar month such as 2026-10"), super::documents::Paging),
    responses((status = 200, body = Page<TenantSuggestion>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<TenantSuggestion>>, Failure> {
    query.only(&["period", pages::OWN.token, pages::OWN.top])?;
    let page = PageRequest::<PlaceToken>::of(&query, pages::OWN)?;
    let after = page.after.as_ref().map(|place| place.0);
    let suggestions = door
        .app
        .tenant_suggestions(&caller, query.period()?, after, page.items_wanted())
        .await?;
    let now = Hour::containing(door.app.clock().now());
    let page = page.page(suggestions, |it| PlaceToken(it.place()), &door.base(&uri));
    Ok(page.shown(|it| shown(&it, now)))
}

fn shown(suggestion: &Suggestion, now: Hour) -> TenantSuggestion {
    let Suggestion {
        stack,
        stack_name,
        tenant,
        customer,
        default_subscription,
        mapped_to,
        seller,
        local_subscriptions,
        used_in,
        unclaimed,
        records,
        list_value: value,
        candidates,
        refusal,
    } = suggestion;
    TenantSuggestion {
        cloud_id: stack.to_string(),
        stack_name: stack_name.clone(),
        tenant_id: tenant.to_string(),
        customer_id: customer.as_ref().map(|it| it.id.to_string()),
        customer_name: customer.as_ref().map(|it| it.name.clone()),
        default_subscription_id: default_subscription.to_string(),
        partner_id: seller.map(|it| it.to_string()),
        local_subscription_ids: local_subscriptions.iter().map(ToString::to_string).collect(),
        mapped_to: mapped_to.map(|it| it.to_string()),
        unclaimed: unclaimed.iter().map(|it| unclaimed_hours(*it)).collect(),
        from: used_in.start().to_string(),
        to: used_in.end().to_string(),
        age_hours: i64::from(now.epoch_hours()) - i64::from(used_in.start().epoch_hours()),
        records: *records,
        list_value: value.as_ref().ok().map(list_value),
        no_list_value: value.as_ref().err().map(why_not),
        subscriptions: candidates.iter().map(candidate).collect(),
        refused: refusal.as_ref().map(why_not),
    }
}

fn unclaimed_hours(hours: HourInterval) -> UnclaimedHours {
    UnclaimedHours {
        from: hours.start().to_string(),
        to: (hours.end() < Hour::MAX).then(|| hours.end().to_string()),
    }
}

fn candidate(candidate: &Candidate) -> SuggestedSubscription {
    SuggestedSubscription {
        id: candidate.subscription.to_string(),
        name: candidate.name.clone(),
        refused: candidate.refusal.as_ref().map(why_not),
        warnings: candidate.warnings.iter().map(ToString::to_string).collect(),
    }
}

/// What usage is worth, as the API says it.
pub(super) fn list_value(value: &ListValue) -> api::ListValue {
    api::ListValue {
        amount: value.amount.to_string(),
        currency: value.amount.currency().to_string(),
        without_price: value.without_price.iter().map(ToString::to_string).collect(),
    }
}
