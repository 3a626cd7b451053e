//! Drafts of price lists.

use std::sync::Arc;

use app::prices::KeptDraft;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::ETAG;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use domain::books::PriceDraft;
use domain::catalog::PriceListName;
use wire::api::{
    MeterDifference, Page, PriceImport, PriceListDiff, PriceListDraft, PublishPriceList, PublishedPriceList,
};
use wire::price_import::{self, ImportFormat};

use super::path_only::PathOnly;
use super::price_lists::{answer, name, repriced_month, this_hour};
use crate::access::By;
use crate::arm::etag::IfMatch;
use crate::created::status;
use crate::error::Failure;
use crate::pages::PageRequest;
use crate::params::Params;
use crate::query::Query;
use crate::{Door, body, notes};

fn shown(kept: &KeptDraft) -> PriceListDraft {
    PriceListDraft::of(&kept.draft, kept.recorded, kept.revision)
}

fn tagged(tag: &str, mut headers: HeaderMap) -> HeaderMap {
    if let Ok(value) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, value);
    }
    headers
}

/// Lists the drafts of price lists that the caller publishes, by name.
#[utoipa::path(get, path = "/api/v1/price-list-drafts", tag = "prices", params(super::documents::Paging),
    responses((status = 200, body = Page<PriceListDraft>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<PriceListDraft>>, Failure> {
    let page = PageRequest::<PriceListName>::of_own(&query)?;
    let drafts = door.app.price_drafts(&caller);
    Ok(page
        .page_of_all(drafts, |it| it.draft.list.name.clone(), &door.base(&uri))
        .shown(|it| shown(&it)))
}

/// The draft of a price list.
#[utoipa::path(get, path = "/api/v1/price-list-drafts/{name}", tag = "prices", params(("name" = String, Path)),
    responses((status = 200, body = PriceListDraft)))]
pub(crate) async fn get(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<(HeaderMap, Json<PriceListDraft>), Failure> {
    let draft = shown(&door.app.price_draft(&caller, &name(&params)?)?);
    Ok((tagged(&draft.etag, HeaderMap::new()), Json(draft)))
}

/// Drafts a version of a price list, in place of the draft of it that there may be. It prices nothing.
#[utoipa::path(put, path = "/api/v1/price-list-drafts/{name}", tag = "prices", params(("name" = String, Path)),
    request_body = PublishPriceList,
    responses((status = 201, body = PriceListDraft),
        (status = 200, body = PriceListDraft, description = "In place of one that there was")))]
pub(crate) async fn put(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    request: Request,
) -> Result<(StatusCode, HeaderMap, Json<PriceListDraft>), Failure> {
    query.only(&[])?;
    let name = name(&params)?;
    // Before a body is taken into memory that is larger than others: whose price lists these are is in it.
    door.app.publishes_price_lists(&caller)?;
    let new: PublishPriceList = body::price_list(&door, request).await?;
    let (list, pricing, from) = new.into_domain(name.as_str())?;
    let draft = PriceDraft { list, pricing, from };
    let (created, kept) = door.app.draft_prices(&caller, draft).await?;
    let draft = shown(&kept);
    Ok((
        status(created),
        tagged(&draft.etag, HeaderMap::new()),
        Json(draft),
    ))
}

/// Gives up the draft of a price list.
#[utoipa::path(delete, path = "/api/v1/price-list-drafts/{name}", tag = "prices", params(("name" = String, Path)),
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn delete(PathOnly { door, caller, params }: PathOnly) -> Result<StatusCode, Failure> {
    door.app.drop_price_draft(&caller, &name(&params)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What publishing the draft of a price list would change: what meters cost in its first hour, and the statements of
/// months with usage. Its etag is what publishing asks for.
#[utoipa::path(get, path = "/api/v1/price-list-drafts/{name}/diff", tag = "prices", params(("name" = String, Path)),
    responses((status = 200, body = PriceListDiff)))]
pub(crate) async fn diff(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<(HeaderMap, Json<PriceListDiff>), Failure> {
    let diff = door.app.price_diff(&caller, &name(&params)?).await?;
    let draft = shown(&diff.kept);
    let headers = tagged(&draft.etag, notes::price_list_warnings(&diff.warnings));
    let shown = PriceListDiff {
        draft,
        meters: diff.meters.iter().map(MeterDifference::from).collect(),
        repriced: diff.repricing.months.iter().map(repriced_month).collect(),
        compared_from: diff.repricing.compared_from.map(|period| period.to_string()),
    };
    Ok((headers, Json(shown)))
}

/// Publishes the draft of a price list and gives it up. `If-Match` names the etag of its diff: if the draft, the list or
/// one that either follows was changed since, nothing is published (412, `PreconditionFailed`).
#[utoipa::path(post, path = "/api/v1/price-list-drafts/{name}/publish", tag = "prices",
    params(("name" = String, Path), ("If-Match" = String, Header, description = "The etag of the diff, or `*`")),
    responses((status = 201, body = PublishedPriceList),
        (status = 200, body = PublishedPriceList, description = "The list said the same already"),
        (status = 412, description = "Something was changed since")))]
pub(crate) async fn publish(
    PathOnly { door, caller, params }: PathOnly,
    IfMatch(seen): IfMatch,
) -> Result<(StatusCode, HeaderMap, Json<PublishedPriceList>), Failure> {
    let name = name(&params)?;
    let published = door.app.publish_price_draft(&caller, &name, &seen).await?;
    let warnings = notes::price_list_warnings(&published.warnings);
    let answer = answer(&published, this_hour(&door));
    Ok((status(published.created), warnings, Json(answer)))
}

/// Reads prices as others write them, and drafts a version of a price list of them: those of Azure's `RateCard`, of
/// Partner Center's `ratecards/azure-shared`, or a table of comma-separated values with the columns `meterId`, `from`,
/// `unitPrice` and, if there are any, `includedQuantity`. Meters that the catalog does not have and rows that are not
/// understood are listed; with any of them a draft is made only if they are to be left out.
#[utoipa::path(post, path = "/api/v1/price-list-drafts/{name}/import", tag = "prices",
    params(("name" = String, Path),
        ("format" = String, Query, description = "`rateCard`, `partnerCenter` or `csv`"),
        ("effectiveFrom" = String, Query, description = "The first hour that the prices are for"),
        ("currency" = Option<String>, Query, description = "Where the document names none"),
        ("seller" = Option<String>, Query, description = "The partner whose prices these are"),
        ("buyer" = Option<String>, Query, description = "The one subscription that they are for"),
        ("leaveOut" = Option<bool>, Query, description = "Leave out what is unknown or not understood"),
        ("dryRun" = Option<bool>, Query, description = "Say what is understood, and draft nothing")),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = PriceImport)))]
pub(crate) async fn import(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    request: Request,
) -> Result<Json<PriceImport>, Failure> {
    query.only(&[
        "format",
        "effectiveFrom",
        "currency",
        "seller",
        "buyer",
        "leaveOut",
        "dryRun",
    ])?;
    let name = name(&params)?;
    door.app.publishes_price_lists(&caller)?;
    let format: Option<ImportFormat> = query.read("format", "InvalidQuery")?;
    let format = format.ok_or_else(|| {
        Failure::invalid("InvalidQuery", "Expected format=rateCard, partnerCenter or csv.").about("format")
    })?;
    let leave_out = query.read("leaveOut", "InvalidQuery")?.unwrap_or(false);
    let dry_run = query.read("dryRun", "InvalidQuery")?.unwrap_or(false);
    let held = body::prices(&door, request).await?;
    let unreadable = |message: String| Failure::invalid("UnreadablePrices", message);
    let text = std::str::from_utf8(&held).map_err(|error| unreadable(format!("Expected UTF-8: {error}.")))?;
    let imported = price_import::read(format, text).map_err(|error| unreadable(format!("{error}.")))?;
    let mut shown = PriceImport::of(&imported, door.app.catalog());
    if dry_run {
        return Ok(Json(shown));
    }
    let (unknown, rejected) = (shown.unknown.len(), shown.rejected.len());
    if unknown + rejected > 0 && !leave_out {
        let message = format!(
            "{unknown} meters are not in the catalog and {rejected} rows were not understood. Look at them with \
             dryRun=true, and leave them out with leaveOut=true."
        );
        return Err(Failure::invalid("PricesLeftOut", message));
    }
    let given = |name| query.text(name).map(|text| text.map(str::to_owned));
    let (document, said) = (shown.currency.clone(), given("currency")?);
    if let (Some(document), Some(said)) = (&document, &said)
        && document != said
    {
        let message = format!("The document has prices in {document}, and currency says {said}.");
        return Err(Failure::invalid("InvalidQuery", message).about("currency"));
    }
    let new = PublishPriceList {
        currency: said.or(document).unwrap_or_default(),
        seller: given("seller")?,
        buyer: given("buyer")?,
        effective_from: given("effectiveFrom")?.unwrap_or_default(),
        derived_from: None,
        prices: shown.prices.clone(),
    };
    let (list, pricing, from) = new.into_domain(name.as_str())?;
    let (_, kept) = door
        .app
        .draft_prices(&caller, PriceDraft { list, pricing, from })
        .await?;
    shown.draft = Some(self::shown(&kept));
    Ok(Json(shown))
}
