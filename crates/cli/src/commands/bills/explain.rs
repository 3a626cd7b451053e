//! `bill explain`: a line of an invoice, opened one level at a time.

use std::collections::BTreeMap;

use client::Client;
use serde::Serialize;
use wire::api::{Decided, InvoiceLine, LineExplained, LinePart, PartKind};

use crate::args::ExplainArgs;
use crate::commands::{minute, or_dash};
use crate::failure::Failure;
use crate::figures::grouped;
use crate::invoice::cause_in_words;
use crate::printer::Printer;
use crate::table::{Table, left, right};

/// How many levels are opened at most: a line may be made of millions of records.
const LEVELS_MAX: usize = 200;

/// A level, and what was opened below it.
#[derive(Debug, Serialize)]
struct Opened {
    #[serde(flatten)]
    level: LineExplained,
    /// By `open` of the part.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    below: BTreeMap<String, Self>,
}

pub(super) async fn explain(client: &Client, args: &ExplainArgs, printer: &Printer) -> Result<(), Failure> {
    let mut left = LEVELS_MAX;
    let open = args.open.clone();
    let opened = opened(client, &args.line, open, args.from, args.depth, &mut left).await?;
    printer.show(&opened, || render(&args.line, &opened, printer.width()))?;
    let level = &opened.level;
    if let Some(next) = level.next {
        let shown = next - args.from;
        printer.note(&format!("{shown} of {} parts are shown.", level.parts_in_all));
        printer.hint(&format!("`--from {next}` shows those that follow."));
    }
    if left == 0 {
        printer.note(&format!(
            "Not everything was opened: this opens {LEVELS_MAX} levels at most."
        ));
    }
    if args.depth == 1
        && let Some(open) = level.parts.iter().find_map(|part| part.open.as_deref())
    {
        printer.hint(&format!(
            "`meterbridge bill explain {} --open {open}` opens the first of them, `--depth 2` all of them.",
            args.line
        ));
    }
    Ok(())
}

/// A level with so many levels below it, of each the first page.
async fn opened(
    client: &Client,
    line: &str,
    open: Option<String>,
    from: u64,
    depth: u8,
    left: &mut usize,
) -> Result<Opened, Failure> {
    *left = left.saturating_sub(1);
    let level = client.explain_line(line, open.as_deref(), from).await?;
    let mut below = BTreeMap::new();
    if depth > 1 {
        for open in level.parts.iter().filter_map(|part| part.open.clone()) {
            if *left == 0 {
                break;
            }
            let part = opened(client, line, Some(open.clone()), 0, depth - 1, left);
            below.insert(open, Box::pin(part).await?);
        }
    }
    Ok(Opened { level, below })
}

fn render(line: &str, opened: &Opened, width: Option<u16>) -> String {
    let level = &opened.level;
    let mut text = format!("Line {line} of {}\n", level.number);
    for fact in facts(level) {
        text.push_str(&format!("  {fact}\n"));
    }
    if level.parts.is_empty() {
        return text;
    }
    let columns = [
        left("OPEN"),
        left(if opened.below.is_empty() {
            made_of(level.parts[0].kind)
        } else {
            "MADE OF"
        }),
        right("QUANTITY"),
        right("AMOUNT"),
        left("BECAUSE"),
    ];
    let mut table = Table::new(&columns);
    rows(opened, 0, &mut table);
    let quantity = level.is.quantity.as_deref().map(grouped);
    let sum = if level.parts.len() as u64 == level.parts_in_all {
        "Sum"
    } else {
        "Sum of all"
    };
    table.row([
        String::new(),
        sum.to_owned(),
        or_dash(quantity.as_deref()),
        grouped(&level.is.amount),
        String::new(),
    ]);
    text.push_str(&format!("\n{}", table.within(width)));
    text
}

/// A row for each part, and below it those that it is made of.
fn rows(opened: &Opened, depth: usize, table: &mut Table) {
    let indentation = "  ".repeat(depth);
    for part in &opened.level.parts {
        let quantity = part.quantity.as_deref().map(grouped);
        table.row([
            or_dash(part.open.as_deref()),
            format!("{indentation}{}", what(part)),
            or_dash(quantity.as_deref()),
            grouped(&part.amount),
            because(part),
        ]);
        if let Some(below) = part.open.as_ref().and_then(|open| opened.below.get(open)) {
            rows(below, depth + 1, table);
        }
    }
    let shown = opened.level.parts.len() as u64;
    if depth > 0 && opened.level.next.is_some() {
        let more = format!("{indentation}and {} more", opened.level.parts_in_all - shown);
        table.row([String::new(), more, String::new(), String::new(), String::new()]);
    }
}

/// What the line is made by, and what is opened.
fn facts(level: &LineExplained) -> Vec<String> {
    let amount = level.line.as_ref().map_or(&level.is.amount, |line| &line.amount);
    let is_taken_off = level
        .is
        .open
        .as_deref()
        .is_some_and(|open| open.starts_with("billed"));
    let as_billed = if is_taken_off {
        ", as it was billed: what it is made of is taken off"
    } else {
        ""
    };
    let mut facts = vec![format!("{} {}{as_billed}", grouped(amount), level.currency)];
    if let Some(correction) = &level.correction {
        let (billed, now) = (grouped(&correction.billed), grouped(&correction.now));
        facts.push(format!(
            "sets right a line of {}: it was billed with {billed} and costs {now}; {}",
            correction.period,
            cause_in_words(correction.cause)
        ));
    }
    let line = level.line.as_ref();
    if let Some(usage) = line.and_then(|line| line.usage.as_ref()) {
        let name = format!(
            "{}: {} {}",
            usage.meter_name,
            grouped(&usage.quantity),
            usage.unit
        );
        facts.push(name);
        if usage.included_quantity != "0" {
            facts.push(format!("{} of it included", grouped(&usage.included_quantity)));
        }
        match (&usage.tiers, &usage.unit_price) {
            (Some(tiers), _) => facts.extend(tiers.iter().map(|tier| {
                let price = grouped(&tier.tier.unit_price);
                format!(
                    "{} at {price} = {}",
                    grouped(&tier.quantity),
                    grouped(&tier.amount)
                )
            })),
            (None, Some(price)) => facts.push(format!(
                "{} at {} each, rounded once",
                grouped(&usage.charged_quantity),
                grouped(price)
            )),
            (None, None) => {}
        }
        facts.extend(usage.measured.iter().map(|measured| {
            let name = measured
                .local_meter_name
                .as_deref()
                .unwrap_or(&measured.local_meter_id);
            format!(
                "measured as {} {name}, each {}",
                grouped(&measured.quantity),
                measured.factor
            )
        }));
    }
    facts.extend(line.and_then(other_than_usage));
    facts.extend(level.decisions.iter().map(|decision| {
        let what = match (&decision.price_list, decision.cores) {
            (Some(list), _) => format!("prices of '{list}'"),
            (None, Some(cores)) => format!("{cores} cores, as was stated,"),
            (None, None) => "terms".to_owned(),
        };
        format!("{what} {}", held(decision))
    }));
    if !matches!(level.is.kind, PartKind::Line | PartKind::Correction) {
        facts.push(format!("opened: {}", what(&level.is)));
        let because = because(&level.is);
        facts.extend(Some(because).filter(|it| !it.is_empty()));
    }
    facts
}

/// From when and until when something holds and, where that is told, who set it and when.
fn held(decision: &Decided) -> String {
    let mut held = format!("from {} on", minute(&decision.valid_from));
    if let Some(until) = &decision.valid_to {
        held = format!("from {} to {}", minute(&decision.valid_from), minute(until));
    }
    if let (Some(by), Some(at)) = (&decision.set_by, &decision.set_at) {
        held.push_str(&format!(", set by {by} at {}", minute(at)));
    }
    if let Some(entry) = decision.entry {
        held.push_str(&format!(", entry {entry}"));
    }
    held
}

/// What a line is made by that is not of usage.
fn other_than_usage(line: &InvoiceLine) -> Option<String> {
    if let Some(fee) = &line.capacity_fee {
        let cores = fee
            .core_days
            .iter()
            .map(|it| format!("{} cores on {} days", it.cores, it.days));
        return Some(format!(
            "{}, at {} for a core and year of {} days = {}",
            cores.collect::<Vec<_>>().join(" and "),
            grouped(&fee.per_core_and_year),
            fee.days_of_year,
            fee.exact_amount
        ));
    }
    if let Some(it) = &line.minimum_commitment {
        let (commitment, reached) = (grouped(&it.commitment), grouped(&it.reached));
        return Some(format!(
            "a minimum of {commitment}, of which usage and fees reached {reached}"
        ));
    }
    if let Some(credit) = &line.credit {
        return Some(format!("of a credit of {}", grouped(&credit.granted)));
    }
    let tax = line.tax.as_ref()?;
    Some(format!(
        "{}, {} % on {}",
        tax.label,
        tax.percent,
        grouped(&tax.on)
    ))
}

const fn made_of(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Line | PartKind::Correction | PartKind::Billed | PartKind::Now => "WHAT",
        PartKind::Share => "STACK AND TENANT",
        PartKind::Stretch => "LOCAL SUBSCRIPTION AND HOURS",
        PartKind::Day => "DAY",
        PartKind::Resource => "RESOURCE",
        PartKind::Record => "RECORD",
    }
}

fn what(part: &LinePart) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    match part.kind {
        PartKind::Line => "the line".to_owned(),
        PartKind::Correction => "the correction".to_owned(),
        PartKind::Billed => "billed so far, taken off".to_owned(),
        PartKind::Now => "what it costs now".to_owned(),
        PartKind::Share => {
            let stack = part
                .stack_name
                .clone()
                .or_else(|| part.cloud_id.clone())
                .unwrap_or_default();
            let tenant = part.customer_name.clone().or_else(|| part.tenant_id.clone());
            tenant.map_or_else(|| stack.clone(), |tenant| format!("{stack}, {tenant}"))
        }
        PartKind::Stretch => part.stretch.as_ref().map_or_else(String::new, |it| {
            format!(
                "{} {} to {}",
                it.local_subscription_id,
                minute(&it.from),
                minute(&it.to)
            )
        }),
        PartKind::Day => text(&part.day),
        PartKind::Resource => text(&part.resource_uri),
        PartKind::Record => part.start.as_deref().map(minute).unwrap_or_default(),
    }
}

/// Why it is charged, or what was said.
fn because(part: &LinePart) -> String {
    let said = part.said.iter().map(|said| {
        let counts = if said.counts { "counts: " } else { "" };
        format!(
            "{counts}{} in receipt {} ({})",
            said.quantity, said.receipt, said.batch_id
        )
    });
    let said: Vec<String> = said.collect();
    if !said.is_empty() {
        return said.join("; ");
    }
    let mapping = part.stretch.as_ref().and_then(|stretch| stretch.mapping.as_ref());
    if let Some(mapping) = mapping {
        return format!("mapped {}", held(mapping));
    }
    let reason = part.reason.map(crate::statement::reason_in_words);
    reason.unwrap_or_default().to_owned()
}
