//! One line of an invoice is opened, level by level, down to what a batch said about a record.

use client::Client;
use num_bigint::BigInt;
use num_rational::BigRational;
use wire::api::{Invoice, LineExplained, LinePart, PartKind};

use super::audit::Check;
use super::decimal::{cents, decimal};
use crate::failure::Failure;

/// The check that the line which costs the most is what its records come to, along its largest parts.
pub(super) async fn explained(client: &Client, issued: &[Invoice]) -> Result<Check, Failure> {
    const NAME: &str =
        "the largest line of the invoices opens to its records, and each level sums to the one above";
    let lines = issued.iter().flat_map(|invoice| &invoice.lines);
    let of_usage = lines.filter(|line| line.usage.is_some());
    let Some(line) = of_usage.max_by_key(|line| cents(&line.amount)) else {
        return Ok(Check::of(NAME, vec!["no line is of usage".to_owned()]));
    };
    let mut wrong = Vec::new();
    let (mut open, mut parts): (Option<String>, usize) = (None, 0);
    let last = loop {
        let (level, of_level) = whole(client, &line.id, open.as_deref()).await?;
        parts += of_level.len();
        let amounts: Option<BigInt> = of_level.iter().map(|part| cents(&part.amount)).sum();
        if amounts != cents(&level.is.amount) {
            wrong.push(format!("{}: the amounts of {open:?} do not sum to it", line.id));
        }
        let exact = of_level
            .iter()
            .chain([&level.is])
            .all(|part| part.quantity_is_exact);
        if exact && quantities(&of_level) != quantities(std::slice::from_ref(&level.is)) {
            wrong.push(format!(
                "{}: the quantities of {open:?} do not sum to it",
                line.id
            ));
        }
        let largest = of_level.into_iter().max_by_key(|part| cents(&part.amount));
        open = largest.as_ref().and_then(|part| part.open.clone());
        if open.is_none() {
            break largest;
        }
    };
    let record = last.filter(|part| part.kind == PartKind::Record);
    let said =
        record.and_then(|record| Some((record.start?, record.said.into_iter().find(|said| said.counts)?)));
    let Some((start, said)) = said else {
        wrong.push(format!(
            "{}: it does not end in a record of which something counts",
            line.id
        ));
        return Ok(Check::of(NAME, wrong));
    };
    Ok(Check::of(NAME, wrong).with(format!(
        "{} of {}: {parts} parts, such as {} in the hour from {start}, by receipt {}",
        line.amount, line.id, said.quantity, said.receipt
    )))
}

/// A level with all its parts.
async fn whole(
    client: &Client,
    line: &str,
    open: Option<&str>,
) -> Result<(LineExplained, Vec<LinePart>), Failure> {
    let mut level = client.explain_line(line, open, 0).await?;
    let mut parts = std::mem::take(&mut level.parts);
    let mut next = level.next;
    while let Some(from) = next {
        let page = client.explain_line(line, open, from).await?;
        parts.extend(page.parts);
        next = page.next;
    }
    Ok((level, parts))
}

fn quantities(parts: &[LinePart]) -> Option<BigRational> {
    parts.iter().map(|part| decimal(part.quantity.as_deref()?)).sum()
}
