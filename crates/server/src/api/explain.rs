//! Lines of invoices, opened down to the records.

use std::sync::Arc;

use app::periods::{Decided as What, Decision, Explained, Level, Opened, Part, PartIs, Side, Stretch};
use axum::Json;
use axum::extract::State;
use domain::invoice::BillNames;
use domain::time::Day;
use wire::api::{
    Decided, InvoiceCorrection, InvoiceLine, LineExplained, LineId, LineOf, LinePart, PartKind, SaidByBatch,
    StretchOfUsage,
};

use crate::Door;
use crate::access::By;
use crate::error::Failure;
use crate::params::Params;
use crate::query::{Query, excerpt};

/// A line of an issued invoice, opened: what it costs, by which price and tiers, and what it is made of; or one of its parts,
/// down to everything that was said about each record until the period was closed. Each level says how to open the next. A
/// correction opens to what its line costs now (`now`), less what was billed for it so far (`billed`), of which every part is
/// taken off. Who set prices, terms, cores and mappings is told to those who read that elsewhere.
#[utoipa::path(get, path = "/api/v1/invoice-lines/{lineId}/explain", tag = "bills",
    params(("lineId" = String, Path, description = "The id of the line, as its invoice shows it"),
        ("open" = Option<String>, Query, description = "Which part, as the level above says; without it the line"),
        ("from" = Option<u64>, Query, description = "From which part on, as `next` says")),
    responses((status = 200, body = LineExplained)))]
pub(crate) async fn explain(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<LineExplained>, Failure> {
    query.only(&["open", "from"])?;
    let id: LineId = params.read("lineId", "InvalidLineId")?;
    let LineOf::Invoice(number) = &id.of else {
        let message = "A running bill changes with every delivery: its lines are opened once they are issued. Expected the id \
                       of a line of an invoice.";
        return Err(Failure::invalid("InvalidLineId", message).about("lineId"));
    };
    let number = door.app.invoice_number(excerpt(number))?;
    let opened = query.read::<OpenedText>("open", "InvalidQuery")?;
    let opened = opened.map_or(Opened::LINE, |it| it.0);
    let from = query.read::<usize>("from", "InvalidQuery")?.unwrap_or(0);
    let explained = door
        .app
        .explain(&caller, number, (id.period, id.key), opened, from)
        .await?;
    let names = door.app.bill_names(&caller, &explained.invoice);
    Ok(Json(shown(&door, &explained, &id, &names)))
}

fn shown(door: &Door, explained: &Explained, id: &LineId, names: &BillNames) -> LineExplained {
    let catalog = door.app.catalog();
    let line = explained.line.as_ref();
    let next = explained.from + explained.parts.len();
    LineExplained {
        number: explained.invoice.number.to_string(),
        currency: explained.invoice.account.currency.to_string(),
        line: line.map(|line| InvoiceLine::of(id.to_string(), id.key, line, catalog, names)),
        correction: explained
            .correction
            .as_ref()
            .map(|correction| InvoiceCorrection::of(id.to_string(), correction, catalog, names)),
        decisions: explained.decisions.iter().map(decided).collect(),
        is: part(door, &explained.is, names),
        parts: explained.parts.iter().map(|it| part(door, it, names)).collect(),
        parts_in_all: explained.of as u64,
        next: (next < explained.of).then_some(next as u64),
    }
}

fn part(door: &Door, part: &Part, names: &BillNames) -> LinePart {
    let mut shown = LinePart::of(PartKind::Line, part.amount, part.quantity.as_ref());
    shown.open = part
        .opens
        .map(|it| OpenedText(it).to_string())
        .filter(|it| !it.is_empty());
    match &part.what {
        PartIs::Line => {}
        PartIs::Correction => shown.kind = PartKind::Correction,
        PartIs::Billed => shown.kind = PartKind::Billed,
        PartIs::Now => shown.kind = PartKind::Now,
        PartIs::Share {
            stack,
            tenant,
            reason,
        } => {
            shown.kind = PartKind::Share;
            shown.cloud_id = Some(stack.to_string());
            shown.stack_name = names.users.stacks.get(stack).cloned();
            shown.tenant_id = tenant.map(|tenant| tenant.to_string());
            shown.customer_name = tenant.and_then(|tenant| names.users.tenants.get(&tenant).cloned());
            shown.reason = Some((*reason).into());
        }
        PartIs::Stretch(stretch) => {
            shown.kind = PartKind::Stretch;
            shown.local_quantity = Some(stretch.quantity.to_string());
            shown.stretch = Some(of_stretch(door, stretch));
        }
        PartIs::Day(day, quantity) => {
            shown.kind = PartKind::Day;
            shown.local_quantity = Some(quantity.to_string());
            shown.day = Some(day.to_string());
        }
        PartIs::Resource(resource, quantity) => {
            shown.kind = PartKind::Resource;
            shown.local_quantity = Some(quantity.to_string());
            shown.resource_uri = Some(resource.to_string());
        }
        PartIs::Record(record) => {
            shown.kind = PartKind::Record;
            shown.start = Some(record.start.to_string());
            let said = record.sayings.iter().enumerate();
            let said = said.map(|(place, said)| SaidByBatch {
                quantity: said.quantity.to_string(),
                reported: said.reported.to_string(),
                batch_id: said.batch.to_string(),
                receipt: said.receipt,
                counts: place == record.counts,
            });
            shown.said = said.collect();
            let counts = shown.said.iter().find(|said| said.counts);
            shown.local_quantity = counts.map(|said| said.quantity.clone());
        }
    }
    shown
}

fn of_stretch(door: &Door, stretch: &Stretch) -> StretchOfUsage {
    let meter = door.app.catalog().local_meter(stretch.local_meter);
    let mapping = stretch.mapping.as_ref().map(decided);
    StretchOfUsage {
        local_subscription_id: stretch.local_subscription.to_string(),
        local_meter_id: stretch.local_meter.to_string(),
        local_meter_name: meter.map(|it| it.name.clone()).filter(|it| !it.is_empty()),
        local_unit: meter.map(|it| it.unit.clone()).filter(|it| !it.is_empty()),
        from: stretch.interval.start().to_string(),
        to: stretch.interval.end().to_string(),
        factor: stretch.factor.to_string(),
        registration_id: stretch.registration.map(|it| it.to_string()),
        mapping,
    }
}

fn decided(decision: &Decision) -> Decided {
    let recorded = decision.recorded;
    Decided {
        price_list: match &decision.what {
            What::Prices(list) => Some(list.name.to_string()),
            _ => None,
        },
        cores: match decision.what {
            What::Cores(cores) => Some(cores),
            _ => None,
        },
        entry: recorded.map(|it| it.entry),
        set_at: recorded.map(|it| it.at.to_string()),
        set_by: recorded.map(|it| it.by.to_string()),
        valid_from: decision.from.to_string(),
        valid_to: decision.until.map(|until| until.to_string()),
    }
}

/// What is opened, as the level above says it: of a correction first the side, then a place for each level, such as
/// `0.2.2026-10-05.7` or `now.0.2`.
struct OpenedText(Opened);

impl std::fmt::Display for OpenedText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Opened { side, level } = self.0;
        let mut parts = match side {
            Side::Issued => Vec::new(),
            Side::Billed => vec!["billed".to_owned()],
            Side::Now => vec!["now".to_owned()],
        };
        match level {
            Level::Line => {}
            Level::Share(share) => parts.push(share.to_string()),
            Level::Stretch(share, stretch) => parts.push(format!("{share}.{stretch}")),
            Level::Day(share, stretch, day) => parts.push(format!("{share}.{stretch}.{day}")),
            Level::Resource(share, stretch, day, resource) => {
                parts.push(format!("{share}.{stretch}.{day}.{resource}"));
            }
        }
        f.write_str(&parts.join("."))
    }
}

/// A text that opens nothing.
#[derive(Debug, thiserror::Error)]
#[error("expected what `open` of a part says, such as 0, 0.2, 0.2.2026-10-05, 0.2.2026-10-05.7 or now.0.2")]
struct NotOpened;

impl std::str::FromStr for OpenedText {
    type Err = NotOpened;

    fn from_str(text: &str) -> Result<Self, NotOpened> {
        let place = |text: &str| text.parse::<usize>().map_err(|_| NotOpened);
        let date = |text: &str| text.parse::<Day>().map_err(|_| NotOpened);
        let parts: Vec<&str> = text.split('.').filter(|_| !text.is_empty()).collect();
        let (side, parts) = match parts.as_slice() {
            ["billed", rest @ ..] => (Side::Billed, rest),
            ["now", rest @ ..] => (Side::Now, rest),
            all => (Side::Issued, all),
        };
        let level = match *parts {
            [] => Level::Line,
            [share] => Level::Share(place(share)?),
            [share, stretch] => Level::Stretch(place(share)?, place(stretch)?),
            [share, stretch, day] => Level::Day(place(share)?, place(stretch)?, date(day)?),
            [share, stretch, day, resource] => {
                Level::Resource(place(share)?, place(stretch)?, date(day)?, place(resource)?)
            }
            _ => return Err(NotOpened),
        };
        Ok(Self(Opened { side, level }))
    }
}
