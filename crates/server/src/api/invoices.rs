//! Invoices of closed periods.

use std::sync::Arc;

use app::access::Caller;
use app::periods::{InvoiceFilter, Replay};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use domain::invoice::InvoiceNumber;
use wire::api::{BuyerText, Invoice, InvoiceReplay, InvoiceSummary, Page, SellerText};

use super::path_only::PathOnly;
use crate::Door;
use crate::access::By;
use crate::error::Failure;
use crate::pages::{self, PageRequest};
use crate::params::Params;
use crate::query::{Query, excerpt};

/// The most invoices on a page: each is read whole.
const INVOICES_PER_PAGE_MAX: usize = 200;

/// The number of the invoice in a path.
pub(super) fn number(door: &Door, params: &Params) -> Result<InvoiceNumber, Failure> {
    Ok(door.app.invoice_number(excerpt(params.text("number")?))?)
}

/// The invoices that the caller reads, by period, seller, buyer and currency: those to which all that is named applies. Who
/// sells and who buys reads an invoice.
#[utoipa::path(get, path = "/api/v1/invoices", tag = "bills",
    params(("period" = Option<String>, Query, description = "The calendar month that was closed"),
        ("seller" = Option<String>, Query, description = "`platform`, or the id of the partner that sells"),
        ("buyer" = Option<String>, Query, description = "`partner:` or `subscription:` and the id of who buys"),
        ("subscription" = Option<String>, Query,
            description = "A subscription that is charged by a line or a correction, or that buys"),
        super::documents::Paging),
    responses((status = 200, body = Page<InvoiceSummary>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<InvoiceSummary>>, Failure> {
    query.only(&[
        "period",
        "seller",
        "buyer",
        "subscription",
        pages::OWN.token,
        pages::OWN.top,
    ])?;
    let page = PageRequest::<String>::of(&query, pages::OWN)?.at_most(INVOICES_PER_PAGE_MAX);
    let seller: Option<SellerText> = query.read("seller", "InvalidQuery")?;
    let buyer: Option<BuyerText> = query.read("buyer", "InvalidQuery")?;
    let filter = InvoiceFilter {
        period: query.read("period", "InvalidPeriod")?,
        seller: seller.map(|it| it.0),
        buyer: buyer.map(|it| it.0),
        subscription: query.read("subscription", "InvalidSubscriptionId")?,
    };
    let after = page
        .after
        .as_deref()
        .map(|after| door.app.invoice_number(excerpt(after)));
    let after = after.transpose()?;
    let invoices = door
        .app
        .invoices(&caller, filter, after, page.items_wanted())
        .await?;
    let page = page.page(invoices, |it| it.number.to_string(), &door.base(&uri));
    Ok(page.shown(|it| InvoiceSummary::of(&it, &door.app.bill_names(&caller, &it))))
}

/// An invoice.
#[utoipa::path(get, path = "/api/v1/invoices/{number}", tag = "bills", params(("number" = String, Path)),
    responses((status = 200, body = Invoice)))]
pub(crate) async fn get(PathOnly { door, caller, params }: PathOnly) -> Result<Json<Invoice>, Failure> {
    let invoice = door.app.invoice(&caller, number(&door, &params)?).await?;
    Ok(Json(shown(&door, &caller, &invoice)))
}

/// An invoice as it is shown, with the names that the caller may know.
pub(super) fn shown(door: &Door, caller: &Caller, invoice: &domain::invoice::Invoice) -> Invoice {
    let issued_at = door.app.issued_at(invoice).map(|at| at.to_string());
    let names = door.app.bill_names(caller, invoice);
    Invoice::issued(invoice, issued_at, door.app.catalog(), &names)
}

/// Reckons an invoice again, from what closing its period fixed, and compares it byte for byte with what was issued.
#[utoipa::path(post, path = "/api/v1/invoices/{number}/replay", tag = "bills", params(("number" = String, Path)),
    responses((status = 200, body = InvoiceReplay)))]
pub(crate) async fn replay(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<Json<InvoiceReplay>, Failure> {
    let replay = door.app.replay(&caller, number(&door, &params)?).await?;
    Ok(Json(replayed(replay)))
}

pub(super) fn replayed(replay: Replay) -> InvoiceReplay {
    let Replay {
        number,
        stored,
        computed,
        same,
        difference,
    } = replay;
    InvoiceReplay::of(number, stored, computed, same, difference)
}
