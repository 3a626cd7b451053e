//! Price lists.

use std::sync::Arc;

use app::accounts::Created;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use domain::catalog::PriceListName;
use wire::api::{Page, PriceList, PublishPriceList};

use crate::Door;
use crate::access::By;
use crate::body;
use crate::error::Failure;
use crate::pages::{self, PageRequest};
use crate::params::Params;
use crate::query::Query;

fn name(params: &Params) -> Result<PriceListName, Failure> {
    params.read("name", "InvalidPriceListName")
}

/// Lists price lists by name.
#[utoipa::path(get, path = "/api/v1/price-lists", tag = "prices", params(super::documents::Paging),
    responses((status = 200, body = Page<PriceList>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<PriceList>>, Failure> {
    query.only(&[pages::OWN.token, pages::OWN.top])?;
    let page = PageRequest::<PriceListName>::of(&query, pages::OWN)?;
    let lists = door.app.price_lists();
    Ok(page
        .page_of_all(lists, |it| it.list.name.clone(), &door.base(&uri))
        .shown(|it| PriceList::from(&it)))
}

/// A price list with all its versions.
#[utoipa::path(get, path = "/api/v1/price-lists/{name}", tag = "prices", params(("name" = String, Path)),
    responses((status = 200, body = PriceList)))]
pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<Json<PriceList>, Failure> {
    query.only(&[])?;
    Ok(Json(PriceList::from(&door.app.price_list(&name(&params)?)?)))
}

/// Publishes a version of a price list. The same version again changes nothing.
#[utoipa::path(put, path = "/api/v1/price-lists/{name}", tag = "prices", params(("name" = String, Path)),
    request_body = PublishPriceList,
    responses((status = 201, body = PriceList), (status = 200, body = PriceList, description = "It was there already")))]
pub(crate) async fn put(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::LargeJson(new): body::LargeJson<PublishPriceList>,
) -> Result<(StatusCode, Json<PriceList>), Failure> {
    query.only(&[])?;
    let name = name(&params)?;
    let (list, prices, from) = new.into_domain(name.as_str())?;
    let status = match door.app.publish_price_list(&caller, list, prices, from).await? {
        Created::New => StatusCode::CREATED,
        Created::Existing => StatusCode::OK,
    };
    Ok((status, Json(PriceList::from(&door.app.price_list(&name)?))))
}
