//! What sellers keep.

use std::sync::Arc;

use app::access::Caller;
use app::periods::{MarginRow, Seller};
use axum::Json;
use axum::extract::State;
use domain::money::Currency;
use domain::time::Period;
use wire::api::{BillSeller, MarginLine, MarginRate, Margins, Party, SellerText};

use super::periods::missing_parameter;
use crate::Door;
use crate::access::By;
use crate::error::Failure;
use crate::params::Params;
use crate::query::Query;

/// What a seller keeps of what it sold in a month, line by line: what it sells it for less what it buys it for, each at the
/// prices of its link of the chain of sale. Of a closed month with everything that came late. Commitments, credits and taxes
/// belong to no line.
#[utoipa::path(get, path = "/api/v1/periods/{period}/margins", tag = "bills",
    params(("period" = String, Path),
        ("seller" = String, Query, description = "`platform`, or the id of the partner that sells"),
        ("currency" = String, Query, description = "The currency of every amount, as in ISO 4217")),
    responses((status = 200, body = Margins)))]
pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<Margins>, Failure> {
    query.only(&["seller", "currency"])?;
    let period: Period = params.read("period", "InvalidPeriod")?;
    let seller = query.read::<SellerText>("seller", "InvalidQuery")?;
    let SellerText(seller) = seller.ok_or_else(|| missing_parameter("seller", EXPECTED))?;
    let currency = query.read::<Currency>("currency", "InvalidQuery")?;
    let currency = currency.ok_or_else(|| missing_parameter("currency", EXPECTED))?;
    Ok(Json(of(&door, &caller, seller, period, currency).await?))
}

const EXPECTED: &str = "seller and currency";

async fn of(
    door: &Door,
    caller: &Caller,
    seller: Seller,
    period: Period,
    currency: Currency,
) -> Result<Margins, Failure> {
    let kept = door.app.margins(caller, seller, period, currency).await?;
    let rates = kept.rates.iter().map(|(currency, rate)| MarginRate {
        currency: currency.to_string(),
        rate: rate.to_string(),
    });
    Ok(Margins {
        seller: BillSeller::of(kept.seller, kept.seller_name.clone()),
        period: kept.period.to_string(),
        currency: kept.currency.to_string(),
        rates: rates.collect(),
        lines: kept.rows.iter().map(line).collect(),
        total: (&kept.total).into(),
    })
}

fn line(row: &MarginRow) -> MarginLine {
    MarginLine {
        subscription_id: row.sold.subscription.to_string(),
        subscription_name: row.subscription_name.clone(),
        customer: row.customer.as_ref().map(Party::from),
        cloud_id: row.sold.stack.to_string(),
        stack_name: row.stack_name.clone(),
        meter_id: row.sold.meter.map(|meter| meter.to_string()),
        meter_name: row.meter_name.clone(),
        margin: (&row.margin).into(),
    }
}
