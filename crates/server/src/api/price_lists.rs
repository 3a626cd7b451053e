//! Price lists.

use std::sync::Arc;

use crate::created::status;
use app::access::Caller;
use app::prices::{Published, Repricing};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use domain::catalog::PriceListName;
use domain::money::Money;
use domain::time::Hour;
use wire::api::{CurrencyTotal, Page, PriceList, PublishPriceList, PublishedPriceList, RepricedMonth};

use super::path_only::PathOnly;
use crate::access::By;
use crate::error::Failure;
use crate::pages::PageRequest;
use crate::params::Params;
use crate::query::Query;
use crate::{Door, body, notes};

pub(super) fn name(params: &Params) -> Result<PriceListName, Failure> {
    params.read("name", "InvalidPriceListName")
}

pub(super) fn this_hour(door: &Door) -> Hour {
    Hour::containing(door.app.clock().now())
}

fn shown(door: &Door, caller: &Caller, name: &PriceListName) -> Result<PriceList, Failure> {
    let (list, now) = (door.app.price_list(caller, name)?, this_hour(door));
    let prices = door.app.prices_of(caller, name, now);
    Ok(PriceList::of(&list, now).with_current_prices(prices.as_ref()))
}

/// Lists the price lists that the caller reads, by name.
#[utoipa::path(get, path = "/api/v1/price-lists", tag = "prices", params(super::documents::Paging),
    responses((status = 200, body = Page<PriceList>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<PriceList>>, Failure> {
    let page = PageRequest::<PriceListName>::of_own(&query)?;
    let lists = door.app.price_lists(&caller);
    let now = this_hour(&door);
    Ok(page
        .page_of_all(lists, |it| it.list.name.clone(), &door.base(&uri))
        .shown(|it| PriceList::of(&it, now)))
}

/// A price list with all its versions.
#[utoipa::path(get, path = "/api/v1/price-lists/{name}", tag = "prices", params(("name" = String, Path)),
    responses((status = 200, body = PriceList)))]
pub(crate) async fn get(PathOnly { door, caller, params }: PathOnly) -> Result<Json<PriceList>, Failure> {
    Ok(Json(shown(&door, &caller, &name(&params)?)?))
}

/// Publishes a version of a price list. The same version again changes nothing. What it changes about usage that there is
/// already is in the answer, and named in a header `x-meterbridge-warning`, as are billing meters that it has no price
/// for. With `dryRun` nothing is published, and the answer is the same.
#[utoipa::path(put, path = "/api/v1/price-lists/{name}", tag = "prices",
    params(("name" = String, Path),
        ("dryRun" = Option<bool>, Query, description = "Answers without publishing anything")),
    request_body = PublishPriceList,
    responses((status = 201, body = PublishedPriceList),
        (status = 200, body = PublishedPriceList, description = "It was there already, or this is a dry run")))]
pub(crate) async fn put(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    request: Request,
) -> Result<(StatusCode, HeaderMap, Json<PublishedPriceList>), Failure> {
    query.only(&["dryRun"])?;
    let dry_run: Option<bool> = query.read("dryRun", "InvalidQuery")?;
    let name = name(&params)?;
    // Before a body is taken into memory that is larger than others: whose price lists these are is in it.
    door.app.publishes_price_lists(&caller)?;
    let new: PublishPriceList = body::price_list(&door, request).await?;
    let (list, pricing, from) = new.into_domain(name.as_str())?;
    let (status, published) = if dry_run == Some(true) {
        let would_be = door.app.try_price_list(&caller, list, pricing, from).await?;
        (StatusCode::OK, would_be)
    } else {
        let published = door.app.publish_price_list(&caller, list, pricing, from).await?;
        (status(published.created), published)
    };
    let warnings = notes::price_list_warnings(&published.warnings);
    Ok((status, warnings, Json(answer(&published, this_hour(&door)))))
}

pub(super) fn answer(published: &Published, now: Hour) -> PublishedPriceList {
    let Repricing {
        months,
        compared_from,
    } = &published.repricing;
    PublishedPriceList {
        list: PriceList::of(&published.list, now),
        repriced: months.iter().map(repriced_month).collect(),
        compared_from: compared_from.map(|period| period.to_string()),
    }
}

pub(super) fn repriced_month(month: &app::prices::RepricedMonth) -> RepricedMonth {
    let total = |total: &Money| CurrencyTotal {
        currency: total.currency().to_string(),
        total: total.to_string(),
    };
    RepricedMonth {
        period: month.period.to_string(),
        is_over: month.is_over,
        subscriptions: month.subscriptions as u64,
        before: month.before.iter().map(total).collect(),
        after: month.after.iter().map(total).collect(),
    }
}
