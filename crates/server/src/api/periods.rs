//! Billing periods, what their bills come to so far, and what else bills are reckoned by.

use std::sync::Arc;

use app::access::Caller;
use app::periods::{Account, PeriodView, Running};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use domain::bundle::Digest;
use domain::money::Currency;
use domain::time::{Hour, Period};
use wire::api::{
    AccountText, AgreedTerms, BillAccount, BillingPeriod, BuyerText, ClosePeriod, ExchangeRate, Invoice,
    InvoiceReplay, Page, PeriodReplay, PeriodState, PeriodWaiver, RunningAccount, RunningStatement,
    SellerText, SetExchangeRate, SetTerms, StackWithoutFee, StateCores, StatedCores, SubscriptionNotCharged,
    WaitingStack, WaiveStack,
};

use super::invoices::replayed;
use super::path_only::PathOnly;
use crate::access::By;
use crate::error::Failure;
use crate::pages::{self, PageRequest};
use crate::params::Params;
use crate::query::Query;
use crate::{Door, body};

pub(super) fn period(params: &Params) -> Result<Period, Failure> {
    params.read("period", "InvalidPeriod")
}

fn shown(view: &PeriodView) -> BillingPeriod {
    let mut shown = BillingPeriod {
        period: view.period.to_string(),
        state: PeriodState::Open,
        digest: None,
        invoices: None,
        closed_at: None,
        closed_by: None,
        waits_for: Vec::new(),
    };
    match &view.state {
        app::periods::PeriodState::Open => {}
        app::periods::PeriodState::Closing => shown.state = PeriodState::Closing,
        app::periods::PeriodState::Closed {
            digest,
            invoices,
            closed_at,
            by,
        } => {
            shown.state = PeriodState::Closed;
            shown.digest = Some(Digest::from_bytes(*digest).to_string());
            shown.invoices = Some(*invoices);
            shown.closed_at = Some(closed_at.to_string());
            shown.closed_by = Some(by.to_string());
        }
    }
    let waiting = view.gate.iter().map(|it| WaitingStack {
        cloud_id: it.stack.to_string(),
        stack_name: it.stack_name.clone(),
        reported_through: it.reported_through.map(|hour| hour.to_string()),
        expected: it.expected.to_string(),
        waived: it.waived.as_ref().map(PeriodWaiver::from),
    });
    shown.waits_for = waiting.collect();
    shown
}

/// The billing periods that were closed and those after them up to the running month, the earliest first. What an open one
/// waits for is not among it.
#[utoipa::path(get, path = "/api/v1/periods", tag = "bills", params(super::documents::Paging),
    responses((status = 200, body = Page<BillingPeriod>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<BillingPeriod>>, Failure> {
    let page = PageRequest::<Period>::of_own(&query)?;
    let periods = door.app.periods(&caller)?;
    Ok(page
        .page_of_all(periods, |it| it.period, &door.base(&uri))
        .shown(|it| shown(&it)))
}

/// A billing period, with the stacks whose usage it waits for.
#[utoipa::path(get, path = "/api/v1/periods/{period}", tag = "bills", params(("period" = String, Path)),
    responses((status = 200, body = BillingPeriod)))]
pub(crate) async fn get(PathOnly { door, caller, params }: PathOnly) -> Result<Json<BillingPeriod>, Failure> {
    Ok(Json(shown(&door.app.period(&caller, period(&params)?).await?)))
}

/// Closes a period: its invoices are numbered and issued, and never change. It has to be over for an hour, be the next one,
/// and wait for no stack that was not waived. The first one that is ever closed has to be said to be that. Closing a closed
/// one changes nothing. One that takes longer than a request may goes on; ask again.
#[utoipa::path(post, path = "/api/v1/periods/{period}/close", tag = "bills", params(("period" = String, Path)),
    request_body = Option<ClosePeriod>, responses((status = 200, body = BillingPeriod)))]
pub(crate) async fn close(
    PathOnly { door, caller, params }: PathOnly,
    body::OptionalJson(ClosePeriod { first }): body::OptionalJson<ClosePeriod>,
) -> Result<Json<BillingPeriod>, Failure> {
    let closed = door.app.close_period(&caller, period(&params)?, first).await?;
    Ok(Json(shown(&closed)))
}

/// Lets a period be closed without the rest of what a stack used in it. What comes later becomes corrections.
#[utoipa::path(post, path = "/api/v1/periods/{period}/waivers", tag = "bills", params(("period" = String, Path)),
    request_body = WaiveStack, responses((status = 200, body = BillingPeriod)))]
pub(crate) async fn waive(
    PathOnly { door, caller, params }: PathOnly,
    body::Json(waived): body::Json<WaiveStack>,
) -> Result<Json<BillingPeriod>, Failure> {
    let (period, stack) = (period(&params)?, waived.cloud_id()?);
    let view = door.app.waive(&caller, period, stack, &waived.reason).await?;
    Ok(Json(shown(&view)))
}

/// Reckons all invoices of a closed period again, from what closing it fixed, and compares them byte for byte.
#[utoipa::path(post, path = "/api/v1/periods/{period}/replay", tag = "bills", params(("period" = String, Path)),
    responses((status = 200, body = PeriodReplay)))]
pub(crate) async fn replay(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<Json<PeriodReplay>, Failure> {
    let period = period(&params)?;
    let replays = door.app.replay_period(&caller, period).await?;
    let invoices: Vec<InvoiceReplay> = replays.into_iter().map(replayed).collect();
    Ok(Json(PeriodReplay {
        period: period.to_string(),
        same: invoices.iter().all(|invoice| invoice.same),
        invoices,
    }))
}

/// The accounts of an open period so far whose bills the caller reads, with what these come to: those with something to
/// invoice, or that something was used on.
#[utoipa::path(get, path = "/api/v1/periods/{period}/running", tag = "bills",
    params(("period" = String, Path), super::documents::Paging),
    responses((status = 200, body = Page<RunningAccount>)))]
pub(crate) async fn running(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    params: Params,
    query: Query,
) -> Result<Json<Page<RunningAccount>>, Failure> {
    let page = PageRequest::<AccountText>::of_own(&query)?;
    let accounts = door.app.running_accounts(&caller, period(&params)?).await?;
    let page = page.page_of_all(accounts, |it| AccountText(it.account), &door.base(&uri));
    Ok(page.shown(|it| {
        let names = door.app.account_names(it.account.seller, Some(it.account.buyer));
        RunningAccount {
            account: BillAccount::of(it.account, &names),
            subtotal: it.subtotal.to_string(),
            tax: it.tax.to_string(),
            total: it.total.to_string(),
            unpriced: it.unpriced.iter().cloned().collect(),
        }
    }))
}

/// What the bill of one account for an open period comes to so far, with what sets right closed ones if it is the next to
/// be closed.
#[utoipa::path(get, path = "/api/v1/periods/{period}/running/statement", tag = "bills",
    params(("period" = String, Path),
        ("seller" = String, Query, description = "`platform`, or the id of the partner that sells"),
        ("buyer" = String, Query, description = "`partner:` or `subscription:` and the id of who buys"),
        ("currency" = String, Query, description = "The currency of every amount, as in ISO 4217")),
    responses((status = 200, body = RunningStatement)))]
pub(crate) async fn running_statement(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<RunningStatement>, Failure> {
    query.only(&["seller", "buyer", "currency"])?;
    let (period, account) = (period(&params)?, account(&query)?);
    let running = door.app.running(&caller, account, period).await?;
    Ok(Json(so_far(&door, &caller, &running)))
}

/// The account that a query names.
pub(super) fn account(query: &Query) -> Result<Account, Failure> {
    Ok(Account {
        seller: query
            .read::<SellerText>("seller", "InvalidQuery")?
            .ok_or_else(|| missing_parameter("seller", ACCOUNT))?
            .0,
        buyer: query
            .read::<BuyerText>("buyer", "InvalidQuery")?
            .ok_or_else(|| missing_parameter("buyer", ACCOUNT))?
            .0,
        currency: query
            .read::<Currency>("currency", "InvalidQuery")?
            .ok_or_else(|| missing_parameter("currency", ACCOUNT))?,
    })
}

/// What names an account.
const ACCOUNT: &str = "seller, buyer and currency";

/// A parameter of the query is not there, that all of these belong to.
pub(super) fn missing_parameter(name: &'static str, expected: &str) -> Failure {
    let message = format!("The query parameter {name} is missing. Expected {expected}.");
    Failure::invalid("InvalidQuery", message).about(name)
}

fn so_far(door: &Door, caller: &Caller, running: &Running) -> RunningStatement {
    let (catalog, names) = (door.app.catalog(), door.app.running_names(caller, running));
    let not_charged = running.not_charged.iter();
    let not_charged = not_charged.map(|(id, it)| SubscriptionNotCharged::of(*id, it, catalog, &names));
    let without_fee = running.without_fee.iter();
    RunningStatement {
        bill: Invoice::running(&running.invoice, catalog, &names),
        not_charged: not_charged.collect(),
        without_fee: without_fee.map(|it| StackWithoutFee::of(it, &names)).collect(),
    }
}

fn agreed(door: &Door, terms: &app::periods::AgreedTerms) -> AgreedTerms {
    let names = door.app.account_names(terms.seller, terms.buyer);
    let (between, from) = ((terms.seller, terms.buyer), terms.from);
    AgreedTerms::of(between, from, &terms.version, terms.set_by, &names)
}

/// The terms that the caller reads, by seller, buyer and first period: those of its sales and of what it buys.
#[utoipa::path(get, path = "/api/v1/terms", tag = "bills", params(super::documents::Paging),
    responses((status = 200, body = Page<AgreedTerms>)))]
pub(crate) async fn terms(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<AgreedTerms>>, Failure> {
    let page = PageRequest::<TermsKey>::of_own(&query)?;
    let terms = door.app.terms(&caller);
    Ok(page
        .page_of_all(terms, TermsKey::of, &door.base(&uri))
        .shown(|it| agreed(&door, &it)))
}

/// Sets what a seller and a buyer, or all its buyers, agreed on, from a period on. Of closed periods, what changes becomes
/// corrections.
#[utoipa::path(put, path = "/api/v1/terms", tag = "bills", request_body = SetTerms,
    responses((status = 200, body = AgreedTerms)))]
pub(crate) async fn set_terms(
    State(door): State<Arc<Door>>,
    By(caller): By,
    query: Query,
    body::Json(new): body::Json<SetTerms>,
) -> Result<Json<AgreedTerms>, Failure> {
    query.only(&[])?;
    let (seller, buyer, terms, from) = new.into_domain()?;
    door.app.set_terms(&caller, seller, buyer, terms, from).await?;
    let all = door.app.terms(&caller).into_iter();
    let mut set = all.filter(|it| (it.seller, it.buyer, it.from) == (seller, buyer, from));
    let set = set
        .next()
        .ok_or_else(|| Failure::internal("the terms that were set are not there"))?;
    Ok(Json(agreed(&door, &set)))
}

/// States how many cores a stack has in some hours, whatever its registration token says, or that the token counts again.
#[utoipa::path(put, path = "/api/v1/registrations/{cloudId}/cores", tag = "bills",
    params(("cloudId" = String, Path)), request_body = StateCores, responses((status = 200, body = StatedCores)))]
pub(crate) async fn state_cores(
    PathOnly { door, caller, params }: PathOnly,
    body::Json(stated): body::Json<StateCores>,
) -> Result<Json<StatedCores>, Failure> {
    let (stack, hours) = (params.cloud_id()?, stated.hours()?);
    door.app.state_cores(&caller, stack, stated.cores, hours).await?;
    Ok(Json(StatedCores::of(stack, stated.cores, hours)))
}

/// What units of currencies are in others.
#[utoipa::path(get, path = "/api/v1/exchange-rates", tag = "bills", params(super::documents::Paging),
    responses((status = 200, body = Page<ExchangeRate>)))]
pub(crate) async fn exchange_rates(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<ExchangeRate>>, Failure> {
    let page = PageRequest::<RateKey>::of_own(&query)?;
    let rates = door.app.rates(&caller)?;
    let key = |(from, to, rate): &(Currency, Currency, domain::books::ExchangeRate)| {
        RateKey(*from, *to, rate.since)
    };
    Ok(page
        .page_of_all(rates, key, &door.base(&uri))
        .shown(|(from, to, rate)| ExchangeRate::of(from, to, &rate)))
}

/// Sets what one unit of a currency is in another from an hour on.
#[utoipa::path(put, path = "/api/v1/exchange-rates", tag = "bills", request_body = SetExchangeRate,
    responses((status = 200, body = ExchangeRate)))]
pub(crate) async fn set_exchange_rate(
    State(door): State<Arc<Door>>,
    By(caller): By,
    query: Query,
    body::Json(new): body::Json<SetExchangeRate>,
) -> Result<Json<ExchangeRate>, Failure> {
    query.only(&[])?;
    let (from, to, rate, since) = new.into_domain()?;
    door.app.set_rate(&caller, from, to, rate, since).await?;
    let mut all = door.app.rates(&caller)?.into_iter();
    let set = all.find(|(one, other, rate)| (*one, *other, rate.since) == (from, to, since));
    let (.., rate) = set.ok_or_else(|| Failure::internal("the rate that was set is not there"))?;
    Ok(Json(ExchangeRate::of(from, to, &rate)))
}

/// Which terms they are, for the token of a page.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct TermsKey(SellerText, Option<BuyerText>, Period);

impl TermsKey {
    fn of(terms: &app::periods::AgreedTerms) -> Self {
        Self(SellerText(terms.seller), terms.buyer.map(BuyerText), terms.from)
    }
}

impl std::fmt::Display for TermsKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let buyer = self.1.map(|buyer| buyer.to_string()).unwrap_or_default();
        write!(f, "{}.{buyer}.{}", self.0, self.2)
    }
}

impl std::str::FromStr for TermsKey {
    type Err = pages::NotOfThisList;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let key = || {
            let (seller, rest) = text.split_once('.')?;
            let (buyer, from) = rest.split_once('.')?;
            let buyer = Some(buyer).filter(|buyer| !buyer.is_empty()).map(str::parse);
            Some(Self(
                seller.parse().ok()?,
                buyer.transpose().ok()?,
                from.parse().ok()?,
            ))
        };
        key().ok_or(pages::NotOfThisList)
    }
}

/// Which exchange rate it is, for the token of a page.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct RateKey(Currency, Currency, Hour);

impl std::fmt::Display for RateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl std::str::FromStr for RateKey {
    type Err = pages::NotOfThisList;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let key = || {
            let mut parts = text.splitn(3, '.');
            let mut next = || parts.next();
            Some(Self(
                next()?.parse().ok()?,
                next()?.parse().ok()?,
                next()?.parse().ok()?,
            ))
        };
        key().ok_or(pages::NotOfThisList)
    }
}
