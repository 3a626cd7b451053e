//! Usage that was taken in: the records, what no mapping claims, and what is in quarantine.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use app::unmapped::{Place, Unmapped, UnmappedMeter};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use domain::catalog::Catalog;
use domain::ids::{CloudId, LocalMeterId, LocalSubscriptionId};
use domain::quantity::QuantitySum;
use domain::time::{Hour, HourInterval};
use store::{LocalSubscriptionKey, MeterTotal, RecordCursor, Slice, StoredRecord};
use wire::api::{MeasuredUsage, Page, Reason, UnmappedQuantity, UnmappedUsage, UsageRecord, UsedQuantity};

use super::statements::why_not;
use super::suggestions;
use crate::Door;
use crate::access::By;
use crate::error::Failure;
use crate::pages::{self, PageRequest};
use crate::params::Params;
use crate::query::Query;

/// A place among records, as a token carries it.
struct Cursor(RecordCursor);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.start.epoch_hours(), self.0.series)
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (start, series) = text.split_once('.').ok_or(())?;
        let start = start.parse().ok().and_then(Hour::from_epoch_hours).ok_or(())?;
        Ok(Self(RecordCursor {
            start,
            series: series.parse().map_err(|_| ())?,
        }))
    }
}

/// A place among usage that no mapping claims, as a token carries it.
struct UnmappedPlace(Place);

impl fmt::Display for UnmappedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stack, local_subscription, from) = self.0;
        write!(f, "{stack}.{local_subscription}.{}", from.epoch_hours())
    }
}

impl FromStr for UnmappedPlace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '.');
        let mut next = || parts.next().ok_or(());
        let stack = next()?.parse().map_err(|_| ())?;
        let local_subscription = next()?.parse().map_err(|_| ())?;
        let hours = next()?.parse().map_err(|_| ())?;
        let from = Hour::from_epoch_hours(hours).ok_or(())?;
        Ok(Self((stack, local_subscription, from)))
    }
}

/// Lists the records of one local subscription that count, by hour: those of the hours in which it is charged to
/// subscriptions whose charges the caller reads.
#[utoipa::path(get, path = "/api/v1/stacks/{cloudId}/usage", tag = "usage",
    params(
        ("cloudId" = String, Path),
        ("localSubscriptionId" = String, Query),
        ("from" = Option<String>, Query, description = "The first hour; from the beginning without one"),
        ("to" = Option<String>, Query, description = "The first hour after; to the end without one"),
        super::documents::Paging,
    ),
    responses((status = 200, body = Page<UsageRecord>)))]
pub(crate) async fn records(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<UsageRecord>>, Failure> {
    query.only(&[
        "localSubscriptionId",
        "from",
        "to",
        pages::OWN.token,
        pages::OWN.top,
    ])?;
    let page = PageRequest::<Cursor>::of(&query, pages::OWN)?;
    let local_subscription: Option<LocalSubscriptionId> =
        query.read("localSubscriptionId", "InvalidLocalSubscriptionId")?;
    let local_subscription = local_subscription.ok_or_else(|| {
        let message = "The query parameter localSubscriptionId is missing. Expected the local subscription whose \
                       records are asked for.";
        Failure::invalid("InvalidLocalSubscriptionId", message).about("localSubscriptionId")
    })?;
    let of = LocalSubscriptionKey {
        stack: params.cloud_id()?,
        local_subscription,
    };
    let slice = Slice {
        of,
        interval: interval(&query)?,
    };
    let after = page.after.as_ref().map(|cursor| cursor.0);
    let records = door
        .app
        .records(&caller, slice, after, page.items_wanted())
        .await?;
    let page = page.page(records, |it| Cursor(it.cursor), &door.base(&uri));
    Ok(page.shown(|it| record(local_subscription, &it)))
}

fn interval(query: &Query) -> Result<HourInterval, Failure> {
    let from = query.hour("from")?.unwrap_or(Hour::MIN);
    let to = query.hour("to")?.unwrap_or(Hour::MAX);
    HourInterval::new(from, to).ok_or_else(|| {
        Failure::invalid(
            "InvalidTime",
            "The query parameter to is not after from. Expected a later hour.",
        )
        .about("to")
    })
}

fn record(local_subscription: LocalSubscriptionId, record: &StoredRecord) -> UsageRecord {
    let attributes = &record.attributes;
    UsageRecord {
        local_subscription_id: local_subscription.to_string(),
        local_meter_id: record.local_meter.to_string(),
        resource_uri: record.resource_uri.to_string(),
        location: attributes.location.clone(),
        tags: attributes.tags.clone(),
        additional_info: attributes.additional_info.clone(),
        usage_start: record.start.to_string(),
        usage_end: record.start.plus(record.granularity.hours()).to_string(),
        quantity: record.quantity.to_string(),
        reported: record.reported.to_string(),
        batch_id: record.batch.to_string(),
    }
}

/// A place among what stacks measured, as a token carries it.
struct MeterOfStack(CloudId, LocalMeterId);

impl fmt::Display for MeterOfStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

impl FromStr for MeterOfStack {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (stack, meter) = text.split_once('/').ok_or(())?;
        Ok(Self(
            stack.parse().map_err(|_| ())?,
            meter.parse().map_err(|_| ())?,
        ))
    }
}

/// Lists what each stack measured in a period, whoever pays for it.
#[utoipa::path(get, path = "/api/v1/usage/measured", tag = "usage",
    params(("period" = String, Query, description = "A calendar month such as 2026-10"), super::documents::Paging),
    responses((status = 200, body = Page<MeasuredUsage>)))]
pub(crate) async fn measured(
    State(door): State<Arc<Door>>,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<MeasuredUsage>>, Failure> {
    query.only(&["period", pages::OWN.token, pages::OWN.top])?;
    let page = PageRequest::<MeterOfStack>::of(&query, pages::OWN)?;
    let after = page.after.as_ref().map(|place| (place.0, place.1));
    let within = query.period()?.interval();
    let measured = door
        .app
        .measured_usage(within, after, page.items_wanted())
        .await?;
    let place = |it: &MeterTotal| MeterOfStack(it.stack, it.local_meter);
    let page = page.page(measured, place, &door.base(&uri));
    Ok(page.shown(|it| MeasuredUsage {
        cloud_id: it.stack.to_string(),
        records: it.records,
        used: used_quantity(it.local_meter, &it.quantity, door.app.catalog()),
    }))
}

/// Lists usage of a period that no tenant mapping claims: it is charged to default subscriptions, or to nobody.
#[utoipa::path(get, path = "/api/v1/usage/unmapped", tag = "usage",
    params(("period" = String, Query, description = "A calendar month such as 2026-10"), super::documents::Paging),
    responses((status = 200, body = Page<UnmappedUsage>)))]
pub(crate) async fn unmapped(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<UnmappedUsage>>, Failure> {
    query.only(&["period", pages::OWN.token, pages::OWN.top])?;
    let page = PageRequest::<UnmappedPlace>::of(&query, pages::OWN)?;
    let after = page.after.as_ref().map(|place| place.0);
    let unmapped = door
        .app
        .unmapped_usage(&caller, query.period()?, after, page.items_wanted())
        .await?;
    let now = Hour::containing(door.app.clock().now());
    let page = page.page(unmapped, |it| UnmappedPlace(it.place()), &door.base(&uri));
    Ok(page.shown(|it| unmapped_usage(&it, now, door.app.catalog())))
}

fn unmapped_usage(unmapped: &Unmapped, now: Hour, catalog: &Catalog) -> UnmappedUsage {
    let Unmapped {
        stack,
        local_subscription,
        stack_name,
        interval: _,
        used_in,
        charge,
        payer_name,
        customer_name,
        used,
        amount,
        problem,
        list_value,
        records,
    } = unmapped;
    let since = |hour: Hour| i64::from(now.epoch_hours()) - i64::from(hour.epoch_hours());
    let list_value = list_value.as_ref();
    UnmappedUsage {
        cloud_id: stack.to_string(),
        stack_name: stack_name.clone(),
        local_subscription_id: local_subscription.to_string(),
        tenant_id: charge
            .and_then(|charge| charge.tenant)
            .map(|tenant| tenant.to_string()),
        customer_name: customer_name.clone(),
        reason: charge.map_or(Reason::Unregistered, |charge| charge.reason.into()),
        charged_to: charge.map(|charge| charge.payer.to_string()),
        charged_to_name: payer_name.clone(),
        from: used_in.start().to_string(),
        to: used_in.end().to_string(),
        age_hours: since(used_in.start()),
        newest_age_hours: since(used_in.end().plus(-1)),
        records: *records,
        used: used.iter().map(|used| unmapped_quantity(used, catalog)).collect(),
        amount: amount.map(|amount| amount.to_string()),
        problem: problem.as_ref().map(why_not),
        currency: amount.map(|amount| amount.currency().to_string()),
        list_value: list_value
            .and_then(|it| it.as_ref().ok())
            .map(suggestions::list_value),
        no_list_value: list_value.and_then(|it| it.as_ref().err()).map(why_not),
    }
}

fn unmapped_quantity(used: &UnmappedMeter, catalog: &Catalog) -> UnmappedQuantity {
    let UsedQuantity {
        local_meter_id,
        local_meter_name,
        unit,
        quantity,
    } = used_quantity(used.local_meter, &used.quantity, catalog);
    UnmappedQuantity {
        local_meter_id,
        local_meter_name,
        unit,
        quantity,
        amount: used.amount.map(|amount| amount.to_string()),
    }
}

pub(super) fn used_quantity(meter: LocalMeterId, quantity: &QuantitySum, catalog: &Catalog) -> UsedQuantity {
    let known = catalog.local_meter(meter);
    UsedQuantity {
        local_meter_id: meter.to_string(),
        local_meter_name: known.map(|known| known.name.clone()),
        unit: known.map(|known| known.unit.clone()),
        quantity: quantity.to_string(),
    }
}
