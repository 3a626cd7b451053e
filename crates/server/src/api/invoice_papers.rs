//! Bills on paper, and who is named on them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use domain::profile::Trader;
use paper::{Form, Paper};
use wire::api::{BuyerText, Profile, SellerText, SetProfile};

use super::path_only::PathOnly;
use super::{invoices, periods};
use crate::access::By;
use crate::error::Failure;
use crate::params::Params;
use crate::query::{Query, excerpt};
use crate::{Door, body};

/// The form that is asked for.
fn form(query: &Query) -> Result<Form, Failure> {
    let form = query.read("format", "InvalidQuery")?;
    form.ok_or_else(|| periods::missing_parameter("format", "csv, html or pdf"))
}

async fn printed(door: &Door, paper: Paper, form: Form) -> Result<(HeaderMap, Vec<u8>), Failure> {
    let name = format!("attachment; filename=\"{}.{}\"", paper.file_stem(), form.as_str());
    let bytes = door.app.rendered(paper, form).await?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    Ok((headers, bytes))
}

/// An invoice on paper: as comma-separated values, as one HTML document, or as a PDF. It shows what was known when its
/// period was closed, and is the same whenever it is asked for.
#[utoipa::path(get, path = "/api/v1/invoices/{number}/document", tag = "bills",
    params(("number" = String, Path), ("format" = String, Query, description = "`csv`, `html` or `pdf`")),
    responses((status = 200, description = "The invoice", content((String = "text/csv"), (String = "text/html"),
        (Vec<u8> = "application/pdf")))))]
pub(crate) async fn invoice(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<(HeaderMap, Vec<u8>), Failure> {
    query.only(&["format"])?;
    let form = form(&query)?;
    let number = invoices::number(&door, &params)?;
    let paper = door.app.invoice_paper(&caller, number).await?;
    printed(&door, paper, form).await
}

/// What the bill of one account for an open period comes to so far, on paper, and marked there as no invoice.
#[utoipa::path(get, path = "/api/v1/periods/{period}/running/document", tag = "bills",
    params(("period" = String, Path),
        ("seller" = String, Query, description = "`platform`, or the id of the partner that sells"),
        ("buyer" = String, Query, description = "`partner:` or `subscription:` and the id of who buys"),
        ("currency" = String, Query, description = "The currency of every amount, as in ISO 4217"),
        ("format" = String, Query, description = "`csv`, `html` or `pdf`")),
    responses((status = 200, description = "The statement", content((String = "text/csv"), (String = "text/html"),
        (Vec<u8> = "application/pdf")))))]
pub(crate) async fn running(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<(HeaderMap, Vec<u8>), Failure> {
    query.only(&["seller", "buyer", "currency", "format"])?;
    let (period, account) = (periods::period(&params)?, periods::account(&query)?);
    let form = form(&query)?;
    let paper = door.app.running_paper(&caller, account, period).await?;
    printed(&door, paper, form).await
}

fn seller(params: &Params) -> Result<Trader, Failure> {
    let seller: SellerText = named("seller", params)?;
    Ok(seller.0.into())
}

fn buyer(params: &Params) -> Result<Trader, Failure> {
    let buyer: BuyerText = named("buyer", params)?;
    Ok(buyer.0.into())
}

fn named<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &'static str,
    params: &Params,
) -> Result<T, Failure> {
    let text = params.text(name)?;
    let invalid = |error: T::Err| {
        let message = format!("{} is none: {error}.", excerpt(text));
        Failure::invalid("InvalidTrader", message).about(name)
    };
    text.parse().map_err(invalid)
}

/// What stands on bills for a seller.
#[utoipa::path(get, path = "/api/v1/sellers/{seller}/profile", tag = "bills",
    params(("seller" = String, Path, description = "`platform`, or the id of a partner")),
    responses((status = 200, body = Profile)))]
pub(crate) async fn seller_profile(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<Json<Profile>, Failure> {
    Ok(Json(Profile::from(&door.app.profile(&caller, seller(&params)?)?)))
}

/// Sets what stands on bills for a seller, all of it: on those that are issued from now on.
#[utoipa::path(put, path = "/api/v1/sellers/{seller}/profile", tag = "bills",
    params(("seller" = String, Path, description = "`platform`, or the id of a partner")),
    request_body = SetProfile, responses((status = 200, body = Profile)))]
pub(crate) async fn set_seller_profile(
    PathOnly { door, caller, params }: PathOnly,
    body::Json(new): body::Json<SetProfile>,
) -> Result<Json<Profile>, Failure> {
    let of = seller(&params)?;
    door.app.set_profile(&caller, of, new.into_domain()?).await?;
    Ok(Json(Profile::from(&door.app.profile(&caller, of)?)))
}

/// What stands on bills for a buyer. A partner has one profile, whether it sells or buys.
#[utoipa::path(get, path = "/api/v1/buyers/{buyer}/profile", tag = "bills",
    params(("buyer" = String, Path, description = "`partner:` or `subscription:` and the id of who buys")),
    responses((status = 200, body = Profile)))]
pub(crate) async fn buyer_profile(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<Json<Profile>, Failure> {
    Ok(Json(Profile::from(&door.app.profile(&caller, buyer(&params)?)?)))
}

/// Sets what stands on bills for a buyer, all of it: on those that are issued from now on.
#[utoipa::path(put, path = "/api/v1/buyers/{buyer}/profile", tag = "bills",
    params(("buyer" = String, Path, description = "`partner:` or `subscription:` and the id of who buys")),
    request_body = SetProfile, responses((status = 200, body = Profile)))]
pub(crate) async fn set_buyer_profile(
    PathOnly { door, caller, params }: PathOnly,
    body::Json(new): body::Json<SetProfile>,
) -> Result<Json<Profile>, Failure> {
    let of = buyer(&params)?;
    door.app.set_profile(&caller, of, new.into_domain()?).await?;
    Ok(Json(Profile::from(&door.app.profile(&caller, of)?)))
}
