//! What months come to at their end, and what they would with other prices.

use std::sync::Arc;

use app::periods::{Account, Change};
use axum::Json;
use axum::extract::State;
use domain::catalog::PriceListName;
use domain::forecast::COMPLETE_DAYS_MIN;
use domain::money::Money;
use wire::api::{
    AccountChange, AccountForecast, AmountChange, BillAccount, BillPart, BillPartKind, BillSeller, Forecast,
    ForecastMethod, PartChange, PartForecast, PriceListDraft, StackForecast, TotalChange, WhatIf,
};

use super::path_only::PathOnly;
use super::periods::{missing_parameter, period};
use crate::Door;
use crate::access::By;
use crate::error::Failure;
use crate::params::Params;
use crate::query::Query;

fn named(door: &Door, account: Account) -> BillAccount {
    BillAccount::of(
        account,
        &door.app.account_names(account.seller, Some(account.buyer)),
    )
}

fn part(door: &Door, part: app::periods::BillPart) -> BillPart {
    use app::periods::BillPart as Part;
    let kind = match part {
        Part::Meter(_) => BillPartKind::Usage,
        Part::CapacityFee => BillPartKind::CapacityFee,
        Part::MinimumCommitment => BillPartKind::MinimumCommitment,
        Part::Credit => BillPartKind::Credit,
        Part::Tax => BillPartKind::Tax,
        Part::Corrections => BillPartKind::Corrections,
    };
    let meter = match part {
        Part::Meter(meter) => Some(meter),
        _ => None,
    };
    let known = meter.and_then(|meter| door.app.catalog().billing_meter(meter));
    BillPart {
        kind,
        meter_id: meter.map(|meter| meter.to_string()),
        meter_name: known.map(|meter| meter.name.clone()),
    }
}

fn change(change: Change) -> Result<AmountChange, Failure> {
    let difference = change.difference().map_err(app::Error::from)?;
    Ok(AmountChange {
        before: change.before.to_string(),
        after: change.after.to_string(),
        difference: difference.to_string(),
    })
}

/// What a month comes to, and what it would with the draft of a price list published as it is: for each bill that the
/// caller reads and that changes, by the size of the difference, with its meters, and in total. A draft that begins
/// after the month is supposed to hold in all of it (`isMoved`). Corrections of earlier months are not part of it.
/// Nothing is changed.
#[utoipa::path(get, path = "/api/v1/periods/{period}/what-if", tag = "bills",
    params(("period" = String, Path),
        ("draft" = String, Query, description = "The name of a price list that has a draft")),
    responses((status = 200, body = WhatIf)))]
pub(crate) async fn what_if(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<WhatIf>, Failure> {
    query.only(&["draft"])?;
    let period = period(&params)?;
    let draft = query.read::<PriceListName>("draft", "InvalidQuery")?;
    let draft = draft.ok_or_else(|| missing_parameter("draft", "draft"))?;
    let compared = door.app.what_if(&caller, &draft, period).await?;
    let mut shown = WhatIf {
        period: period.to_string(),
        is_over: compared.is_over,
        draft: PriceListDraft::of(
            &compared.kept.draft,
            compared.kept.recorded,
            compared.kept.revision,
        ),
        supposed_from: compared.supposed_from.to_string(),
        is_moved: compared.is_moved,
        accounts: Vec::new(),
        left_out: u64::try_from(compared.left_out).unwrap_or(u64::MAX),
        unchanged: u64::try_from(compared.unchanged).unwrap_or(u64::MAX),
        by_seller: Vec::new(),
        totals: Vec::new(),
    };
    for it in &compared.accounts {
        let mut parts = Vec::new();
        for (which, of_part) in &it.parts {
            parts.push(PartChange {
                part: part(&door, *which),
                change: change(*of_part)?,
            });
        }
        shown.accounts.push(AccountChange {
            account: named(&door, it.account),
            total: change(it.total)?,
            parts,
        });
    }
    for ((seller, currency), of_seller) in &compared.by_seller {
        let names = door.app.account_names(*seller, None);
        shown.by_seller.push(TotalChange {
            seller: Some(BillSeller::of(*seller, names.seller)),
            currency: currency.to_string(),
            change: change(*of_seller)?,
        });
    }
    for (currency, of_all) in &compared.totals {
        shown.totals.push(TotalChange {
            seller: None,
            currency: currency.to_string(),
            change: change(*of_all)?,
        });
    }
    Ok(Json(shown))
}

/// What the bills of an open month that the caller reads come to so far, and at its end: each hour that is not complete
/// is taken to be like the mean of the month's complete days, of each local subscription and meter, and the quantities
/// are reckoned as for a bill. Where a stack has too few complete days there is no projection, and its days say so.
#[utoipa::path(get, path = "/api/v1/periods/{period}/forecast", tag = "bills", params(("period" = String, Path)),
    responses((status = 200, body = Forecast)))]
pub(crate) async fn forecast(PathOnly { door, caller, params }: PathOnly) -> Result<Json<Forecast>, Failure> {
    let forecast = door.app.forecast(&caller, period(&params)?).await?;
    let text = |amount: Option<Money>| amount.map(|amount| amount.to_string());
    let stack = |it: &app::periods::StackForecast| StackForecast {
        cloud_id: it.stack.to_string(),
        stack_name: it.stack_name.clone(),
        reported_through: it.reported_through.map(|hour| hour.to_string()),
        days_counted: u32::try_from(it.known.days()).unwrap_or_default(),
        incomplete_from: it.known.rest.map(|rest| rest.start().to_string()),
        is_enough: it.known.is_enough(),
    };
    let account = |it: &app::periods::AccountForecast| AccountForecast {
        account: named(&door, it.account),
        so_far: it.so_far.to_string(),
        projected: text(it.projected),
        parts: it
            .parts
            .iter()
            .map(|(which, amounts)| PartForecast {
                part: part(&door, *which),
                so_far: amounts.so_far.to_string(),
                projected: text(amounts.projected),
            })
            .collect(),
        stacks: it.stacks.iter().map(stack).collect(),
    };
    Ok(Json(Forecast {
        period: forecast.period.to_string(),
        as_of: forecast.as_of.to_string(),
        method: ForecastMethod::DailyMean,
        days_needed: u32::try_from(COMPLETE_DAYS_MIN).unwrap_or_default(),
        accounts: forecast.accounts.iter().map(account).collect(),
        left_out: u64::try_from(forecast.left_out).unwrap_or(u64::MAX),
    }))
}
