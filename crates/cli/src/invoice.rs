//! A bill as people read it: an invoice, or what the bill of an open month comes to so far.

use std::collections::BTreeMap;

use wire::api::{
    BillBuyer, BillSeller, CapacityCharge, CorrectionCause, Invoice, InvoiceCorrection, InvoiceLine,
    InvoiceStatus, LineKind, PriceSource, RunningStatement, WithoutFeeBecause,
};

use crate::figures::{aligned, counted, grouped, sum};
use crate::printer::Style;
use crate::statement::{Row, not_charged_table, rows_of, shortened, stack_in_words};
use crate::table::{Table, left, right};

/// Who sells.
pub(crate) fn seller_in_words(seller: &BillSeller) -> String {
    let name = seller.name.clone().or_else(|| seller.id.clone());
    name.unwrap_or_else(|| "platform".to_owned())
}

/// Who buys.
pub(crate) fn buyer_in_words(buyer: &BillBuyer) -> String {
    buyer.name.clone().unwrap_or_else(|| buyer.id.clone())
}

/// What changed since a line was billed.
pub(crate) const fn cause_in_words(cause: CorrectionCause) -> &'static str {
    match cause {
        CorrectionCause::LateUsage => "late usage",
        CorrectionCause::Revision => "usage revised",
        CorrectionCause::Attribution => "who pays was set right",
        CorrectionCause::Prices => "prices",
        CorrectionCause::Terms => "terms",
        CorrectionCause::Catalog => "catalog",
        CorrectionCause::Several => "several causes",
    }
}

/// The whole bill: its parties, its lines by subscription, its corrections, its total, and how its lines are called.
pub(crate) fn render(invoice: &Invoice, style: Style, width: Option<u16>) -> String {
    let lines = lines_in_order(invoice);
    let set_right = corrections_in_order(invoice);
    let mut text = head(invoice, style);
    let mut section = |title: &str, body: &str| {
        text.push_str(&format!("\n{}\n\n{body}", style.bold(title)));
    };
    for (title, body) in charges(invoice, &lines, width) {
        section(&title, &body);
    }
    if !set_right.is_empty() {
        let table = corrections(&set_right, lines.len(), width);
        section("Corrections of closed months", &table);
    }
    section("Total", &total(invoice));
    if !(invoice.lines.is_empty() && invoice.corrections.is_empty()) {
        section("Ids of the lines", &ids(&lines, &set_right));
    }
    if samples(invoice) {
        let sample =
            "* A sample price, made up for trying out. Publish your own with `meterbridge price-list put`.";
        text.push_str(&format!("\n{}\n", style.caution(sample)));
    }
    text
}

/// What a bill comes to so far, and what was used without being charged.
pub(crate) fn render_running(running: &RunningStatement, style: Style, width: Option<u16>) -> String {
    let mut text = render(&running.bill, style, width);
    for of in &running.not_charged {
        let payer = of.subscription_name.as_deref().unwrap_or(&of.subscription_id);
        let title = style.bold(&format!("Used and not charged: {payer}"));
        text.push_str(&format!("\n{title}\n\n{}", not_charged_table(&of.not_charged)));
    }
    if !running.without_fee.is_empty() {
        text.push_str(&format!("\n{}\n\n", style.bold("Capacity without a fee")));
    }
    for stack in &running.without_fee {
        let because = match stack.because {
            WithoutFeeBecause::CoresUnknown => {
                "its cores are not known: `meterbridge bill set-cores` states them"
            }
            WithoutFeeBecause::NoFeeAgreed => {
                "no fee was agreed on in this currency: `meterbridge bill set-terms --capacity-fee`"
            }
        };
        text.push_str(&format!(
            "Stack {}, {}: {because}\n",
            stack_in_words(&stack.cloud_id, stack.stack_name.as_deref()),
            counted(stack.days.into(), "day")
        ));
    }
    text
}

fn head(invoice: &Invoice, style: Style) -> String {
    let kind = if invoice.is_credit_note {
        "Credit note"
    } else {
        "Invoice"
    };
    let title = match (&invoice.number, invoice.status) {
        (Some(number), _) => format!("{kind} {number} for {}", invoice.period),
        (None, InvoiceStatus::Issued) => format!("{kind} for {}", invoice.period),
        (None, InvoiceStatus::Open) => format!("Running bill for {}", invoice.period),
    };
    let mut text = format!("{}\n", style.bold(&title));
    let mut says = |what: &str, value: &str| text.push_str(&format!("{what:<13} {value}\n"));
    says("Sold by", &seller_in_words(&invoice.account.seller));
    let buyer = &invoice.account.buyer;
    says("Sold to", &buyer_in_words(buyer));
    if buyer.name.is_some() {
        says("", &buyer.id);
    }
    if let Some(customer) = &buyer.customer {
        says("Customer", &customer.name);
    }
    match (&invoice.issued_at, invoice.status) {
        (Some(at), _) => says("Issued", &second(at)),
        (None, InvoiceStatus::Open) => says("Status", "open: it can still change, and has no number"),
        (None, InvoiceStatus::Issued) => {}
    }
    if !invoice.price_lists.is_empty() {
        says("Price lists", &invoice.price_lists.join(", "));
    }
    says("Currency", &invoice.account.currency);
    text
}

/// A time as it is shown: to the second.
fn second(time: &str) -> String {
    let shown = time.get(..19).filter(|_| time.ends_with('Z'));
    shown.map_or_else(
        || time.to_owned(),
        |shown| format!("{}Z", shown.replace('T', " ")),
    )
}

/// The lines as people look for them: by the name of the subscription, usage by its meter before fees; those of the whole
/// bill at the end, as they were reckoned.
fn lines_in_order(invoice: &Invoice) -> Vec<&InvoiceLine> {
    let mut lines: Vec<&InvoiceLine> = invoice.lines.iter().collect();
    lines.sort_by_key(|line| {
        let payer = line.subscription_id.as_deref().map(|id| {
            let meter = line
                .usage
                .as_ref()
                .map(|usage| (&*usage.meter_name, usage.price_since.as_deref()));
            let name = line.subscription_name.as_deref().unwrap_or(id);
            (name.to_lowercase(), id, meter.is_none(), meter)
        });
        (payer.is_none(), payer)
    });
    lines
}

/// Corrections by month, then as lines are.
fn corrections_in_order(invoice: &Invoice) -> Vec<&InvoiceCorrection> {
    let mut corrections: Vec<&InvoiceCorrection> = invoice.corrections.iter().collect();
    corrections.sort_by_key(|it| {
        let payer = it.subscription_id.as_deref().map(|id| {
            let name = it.subscription_name.as_deref().unwrap_or(id);
            (name.to_lowercase(), id, it.meter_name.is_none(), corrected(it))
        });
        (&it.period, payer.is_none(), payer)
    });
    corrections
}

/// The lines of one subscription, or of the whole bill, each with its place on the bill.
type Section<'a> = (Option<&'a str>, Vec<(usize, &'a InvoiceLine)>);

/// The lines of each subscription, then those of the whole bill: a title and a table for each.
fn charges(invoice: &Invoice, lines: &[&InvoiceLine], width: Option<u16>) -> Vec<(String, String)> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut places: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for (place, line) in lines.iter().copied().enumerate() {
        let payer = line.subscription_id.as_deref();
        let section = *places.entry(payer).or_insert(sections.len());
        match sections.get_mut(section) {
            Some((_, lines)) => lines.push((place + 1, line)),
            None => sections.push((payer, vec![(place + 1, line)])),
        }
    }
    let several = sections.len() > 1;
    sections
        .into_iter()
        .map(|(payer, lines)| {
            let name = lines
                .first()
                .and_then(|(_, line)| line.subscription_name.as_deref());
            let title = match (payer, name) {
                (Some(id), Some(name)) => format!("{name}, {id}"),
                (Some(id), None) => id.to_owned(),
                (None, _) => "For all of it".to_owned(),
            };
            let mut rows: Vec<Row> = lines
                .iter()
                .flat_map(|(number, line)| numbered(*number, line, &invoice.period))
                .collect();
            let amounts = lines.iter().map(|(_, line)| line.amount.as_str());
            if several
                && lines.len() > 1
                && let Some(amount) = sum(amounts)
            {
                rows.push(Row {
                    what: "Sum".to_owned(),
                    unit: invoice.account.currency.clone(),
                    amount: grouped(&amount),
                    ..Row::default()
                });
            }
            (title, Row::table(rows, width))
        })
        .collect()
}

/// The rows of a line, the first of them with its number on the bill.
fn numbered(number: usize, line: &InvoiceLine, period: &str) -> Vec<Row> {
    let mut rows = match (&line.usage, &line.capacity_fee) {
        (Some(usage), _) => rows_of(usage, period),
        (None, Some(fee)) => capacity_rows(fee, &line.amount),
        (None, None) => vec![of_account(line)],
    };
    if let Some(first) = rows.first_mut() {
        first.number = number.to_string();
    }
    rows
}

fn capacity_rows(fee: &CapacityCharge, amount: &str) -> Vec<Row> {
    let stack = fee.stack_name.as_deref().unwrap_or(&fee.cloud_id);
    let mut rows = vec![Row {
        what: format!("Cores of {stack}"),
        price: fee.per_core_and_year.clone(),
        unit: format!("core and year of {} days", fee.days_of_year),
        amount: grouped(amount),
        ..Row::default()
    }];
    rows.extend(fee.core_days.iter().map(|days| {
        let core_days = u64::from(days.cores) * u64::from(days.days);
        let cores = counted(days.cores.into(), "core");
        Row {
            what: format!("  {cores} for {}", counted(days.days.into(), "day")),
            quantity: grouped(&core_days.to_string()),
            unit: "core days".to_owned(),
            ..Row::default()
        }
    }));
    rows.push(Row {
        what: "  before rounding".to_owned(),
        amount: shortened(&fee.exact_amount, fee.exact_amount_is_exact),
        ..Row::default()
    });
    rows
}

/// A line that belongs to the whole bill.
fn of_account(line: &InvoiceLine) -> Row {
    let what = if let Some(commitment) = &line.minimum_commitment {
        format!(
            "Short of the minimum commitment of {}, reached {}",
            grouped(&commitment.commitment),
            grouped(&commitment.reached)
        )
    } else if let Some(credit) = &line.credit {
        format!("Credit of {}", grouped(&credit.granted))
    } else if let Some(tax) = &line.tax {
        format!("{}: {} % of {}", tax.label, tax.percent, grouped(&tax.on))
    } else {
        kind_in_words(line.kind).to_owned()
    };
    Row {
        what,
        amount: grouped(&line.amount),
        ..Row::default()
    }
}

const fn kind_in_words(kind: LineKind) -> &'static str {
    match kind {
        LineKind::Usage => "Usage",
        LineKind::CapacityFee => "Fee for cores",
        LineKind::MinimumCommitment => "Minimum commitment",
        LineKind::Credit => "Credit",
        LineKind::Tax => "Tax",
    }
}

/// What is corrected, in few words.
fn corrected(correction: &InvoiceCorrection) -> String {
    let meter = correction
        .meter_name
        .clone()
        .or_else(|| correction.meter_id.clone());
    let stack = correction
        .stack_name
        .clone()
        .or_else(|| correction.cloud_id.clone());
    let what = match (meter, stack) {
        (Some(meter), _) => meter,
        (None, Some(stack)) => format!("Cores of {stack}"),
        (None, None) => kind_in_words(correction.kind).to_owned(),
    };
    let first = format!("{}-01T00:00:00Z", correction.period);
    match correction.price_since.as_deref() {
        Some(since) if since != first => {
            format!(
                "{what}, price since {}",
                since.trim_end_matches(":00Z").replace('T', " ")
            )
        }
        None if correction.kind == LineKind::Usage => format!("{what}, development"),
        _ => what,
    }
}

fn corrections(corrections: &[&InvoiceCorrection], lines: usize, width: Option<u16>) -> String {
    let columns = [
        right("LINE"),
        left("PERIOD"),
        left("SUBSCRIPTION").wraps(),
        left("WHAT").wraps(),
        right("BILLED"),
        right("NOW"),
        right("CORRECTION"),
        left("BECAUSE OF").wraps(),
    ];
    let mut table = Table::new(&columns);
    for (place, it) in corrections.iter().enumerate() {
        let payer = it
            .subscription_name
            .clone()
            .or_else(|| it.subscription_id.clone());
        table.row([
            (lines + place + 1).to_string(),
            it.period.clone(),
            payer.unwrap_or_else(|| "all".to_owned()),
            corrected(it),
            grouped(&it.billed),
            grouped(&it.now),
            grouped(&it.amount),
            cause_in_words(it.cause).to_owned(),
        ]);
    }
    let amounts = corrections.iter().map(|it| it.amount.as_str());
    if corrections.len() > 1
        && let Some(amount) = sum(amounts)
    {
        table.row(["", "", "", "Sum", "", "", &grouped(&amount), ""]);
    }
    let mut text = table.within(width);
    if corrections.iter().any(|it| it.cause == CorrectionCause::Several) {
        text.push_str(
            "Several causes: usage, mapping or prices changed together;\n`meterbridge bill explain LINE` shows them.\n",
        );
    }
    text
}

fn total(invoice: &Invoice) -> String {
    let what = if invoice.is_credit_note {
        "Total, owed to the buyer"
    } else {
        "Total"
    };
    let amounts = [&invoice.subtotal, &invoice.tax, &invoice.total].map(|amount| grouped(amount));
    let amounts = aligned(amounts.iter().map(String::as_str));
    let mut table = Table::new(&[left(""), right(""), left("")]);
    for (what, amount) in ["Subtotal", "Tax", what].into_iter().zip(amounts) {
        table.row([what, &*amount, &*invoice.account.currency]);
    }
    let table = table.to_string();
    // Nothing stands above these columns.
    let rows = table.split_once('\n').map_or("", |(_, rows)| rows);
    format!("{rows}Each line is rounded once; the total is the sum of lines and corrections.\n")
}

/// What each line is called where one of them is asked for.
fn ids(lines: &[&InvoiceLine], corrections: &[&InvoiceCorrection]) -> String {
    let lines = lines.iter().map(|line| &line.id);
    let ids = lines.chain(corrections.iter().map(|it| &it.id));
    let mut table = Table::new(&[right("LINE"), left("ID")]);
    for (place, id) in ids.enumerate() {
        table.row([(place + 1).to_string(), id.clone()]);
    }
    table.to_string()
}

fn samples(invoice: &Invoice) -> bool {
    let mut usage = invoice.lines.iter().filter_map(|line| line.usage.as_ref());
    usage.any(|line| line.price_source == Some(PriceSource::Sample))
}

#[cfg(test)]
mod tests;
