//! Marketplace products of a registration: none are offered, so lists are empty and no product is found.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use wire::arm::List;
use wire::azure_stack::Product;

use super::resource_types::{LISTED_PRODUCTS, PRODUCTS, ResourceType};
use super::version::speaks;
use super::{registration, resource_not_found};
use crate::Door;
use crate::error::Failure;
use crate::params::Params;
use crate::query::Query;

/// What stands for all products where one is named.
const ALL: &str = "_all";

type Products = Json<List<Product>>;

fn nothing() -> Products {
    Json(List {
        value: Vec::new(),
        next_link: None,
    })
}

pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<Products, Failure> {
    speaks(&query, &PRODUCTS)?;
    door.app.registration(&registration(&params)?)?;
    Ok(nothing())
}

/// The products for a device.
pub(crate) async fn get_products(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<Products, Failure> {
    some(&door, &params, &query, &PRODUCTS)
}

/// The same under the name that it has in some versions.
pub(crate) async fn list_products(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<Products, Failure> {
    some(&door, &params, &query, &LISTED_PRODUCTS)
}

fn some(door: &Door, params: &Params, query: &Query, kind: &ResourceType) -> Result<Products, Failure> {
    if params.text("productName")?.eq_ignore_ascii_case(ALL) {
        speaks(query, kind)?;
        door.app.registration(&registration(params)?)?;
        return Ok(nothing());
    }
    Err(not_found(door, params, query, kind)?)
}

/// A product, its details, or taking its log: there is none.
pub(crate) async fn none(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<StatusCode, Failure> {
    Err(not_found(&door, &params, &query, &PRODUCTS)?)
}

fn not_found(door: &Door, params: &Params, query: &Query, kind: &ResourceType) -> Result<Failure, Failure> {
    speaks(query, kind)?;
    let registration = door.app.registration(&registration(params)?)?;
    let name = format!("{}/{}", registration.name, params.text("productName")?);
    Ok(resource_not_found(
        "Microsoft.AzureStack/registrations/products",
        &name,
        Some(&registration.resource_group),
    ))
}
