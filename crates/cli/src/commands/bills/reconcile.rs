//! `bill reconcile`: what was charged, beside what Partner Center billed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use client::Client;
use domain::quantity::QuantitySum;
use wire::api::{
    Compared, DifferenceClass, LineItemKind, ReconciledAmounts, ReconciledDifference, Reconciliation,
    UnderstoodFile,
};

use super::papers::write;
use crate::args::ReconcileArgs;
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::figures::{aligned, count, counted, grouped};
use crate::printer::Printer;
use crate::settings::{document, period};
use crate::table::{Table, left, right};
use crate::usage_summary::rejected_beside;

/// With it, spreadsheets take a file for UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";
/// The columns of the file of differences.
const COLUMNS: [&str; 17] = [
    "subscriptionId",
    "meterId",
    "meter",
    "currency",
    "from",
    "to",
    "class",
    "cause",
    "explanation",
    "oursLines",
    "oursQuantity",
    "oursAmount",
    "theirsLines",
    "theirsQuantity",
    "theirsAmount",
    "quantityDifference",
    "amountDifference",
];
/// What the file of rejected lines has before the columns of the table.
const REJECTION_COLUMNS: [&str; 3] = ["RejectedLine", "RejectedCode", "RejectedReason"];

pub(super) async fn reconcile(
    client: &Client,
    args: &ReconcileArgs,
    printer: &Printer,
) -> Result<(), Failure> {
    let period = period(&args.period, &SystemClock);
    if let Some(differences) = &args.differences
        && !args.replace
        && differences.exists()
    {
        let what = format!(
            "{} is there already; nothing was compared.",
            differences.display()
        );
        return Err(Failure::new(what).hint("Name another file, or write over it with --replace."));
    }
    let query = [
        ("period", Some(period.as_str())),
        ("buyer", args.buyer.as_deref()),
        ("decimalMark", args.decimal_mark.as_deref()),
        ("dateOrder", args.date_order.as_deref()),
        ("dryRun", args.dry_run.then_some("true")),
    ];
    let progress = printer.progress(Some(2), "steps");
    progress.say("reading");
    let file = Bytes::from(document(&args.file)?);
    progress.add(1);
    progress.say(&format!(
        "comparing {} bytes with {period}",
        count(file.len() as u64)
    ));
    let found = client.reconcile(&query, file).await?;
    progress.finish();
    printer.show(&found, || told(&found, args))?;
    if let Some(to) = args.differences.as_deref().filter(|_| !args.dry_run) {
        write(to, differences_file(&found, to)?.as_bytes(), args.replace)?;
        let differences = counted(found.differences.len() as u64, "difference");
        printer.note(&format!("Wrote {differences} to {}.", to.display()));
    } else if !found.differences.is_empty() {
        printer.hint("Each difference, with its cause and its amounts: --differences <FILE>");
    }
    keep_rejected(&found.file, args, printer)
}

fn told(found: &Reconciliation, args: &ReconcileArgs) -> String {
    let mut text = understood(&found.file, &args.file);
    if args.dry_run {
        text.push_str("\nNothing was compared.\n");
        return text;
    }
    let with = if found.closed {
        "what its invoices were reckoned from"
    } else {
        "its bills so far, since it is not closed"
    };
    text.push_str(&format!("\n{} is compared with {with}.\n", found.period));
    for amounts in &found.amounts {
        text.push_str(&format!("\n{}", totals(amounts)));
    }
    if found.differences.is_empty() {
        text.push_str("\nNothing differs.\n");
    } else {
        text.push_str(&format!("\n{}", causes(&found.differences)));
    }
    text
}

fn understood(file: &UnderstoodFile, path: &Path) -> String {
    let kind = match file.kind {
        LineItemKind::UsageBased => "usage-based line items",
        LineItemKind::DailyUsage => "daily usage without amounts",
        LineItemKind::DailyRated => "daily rated usage",
    };
    let written = match file.separator.as_deref() {
        None => "JSON".to_owned(),
        Some("\t") => "a table with tabs".to_owned(),
        Some(separator) => format!("a table with '{separator}'"),
    };
    let dates = match file.date_order.as_deref() {
        Some("dayFirst") => ", the day before the month",
        Some(_) => ", the month before the day",
        None => "",
    };
    let days = match (&file.first_day, &file.last_day) {
        (Some(first), Some(last)) => format!(" from {first} to {last}"),
        _ => String::new(),
    };
    let amounts: Vec<String> = file
        .amounts
        .iter()
        .map(|(currency, amount)| format!("{} {currency}", grouped(amount)))
        .collect();
    let amounts = if amounts.is_empty() {
        "no amounts".to_owned()
    } else {
        amounts.join(", ")
    };
    format!(
        "{}: {kind}, {written}, a decimal {}{dates}\n{}{days}, {} and {}: {amounts}\n{} take something back, {} not \
         understood\n",
        path.display(),
        file.decimal_mark,
        counted(file.lines, "line"),
        counted(file.subscriptions, "subscription"),
        counted(file.meters, "meter"),
        count(file.corrections),
        match file.rejected.len() {
            1 => "1 line was".to_owned(),
            lines => format!("{} lines were", count(lines as u64)),
        },
    )
}

const fn class_in_words(class: DifferenceClass) -> &'static str {
    match class {
        DifferenceClass::MissingHere => "missing here",
        DifferenceClass::MissingThere => "missing there",
        DifferenceClass::Quantity => "quantity",
        DifferenceClass::Price => "price",
        DifferenceClass::ShiftedDay => "shifted day",
        DifferenceClass::Rounding => "rounding",
    }
}

fn totals(amounts: &ReconciledAmounts) -> String {
    let mut rows: Vec<(&str, &Compared)> = vec![("matched", &amounts.matched)];
    let classes = amounts.classes.iter();
    rows.extend(classes.map(|it| (class_in_words(it.class), &it.compared)));
    rows.push(("total", &amounts.total));
    let column = |of: fn(&Compared) -> &String| {
        let texts: Vec<String> = rows.iter().map(|(_, it)| grouped(of(it))).collect();
        aligned(texts.iter().map(String::as_str))
    };
    let (ours, theirs) = (column(|it| &it.ours), column(|it| &it.theirs));
    let differences = column(|it| &it.difference);
    let header = [
        left(""),
        right("COUNT"),
        right("OURS"),
        right("THEIRS"),
        right("DIFFERENCE"),
    ];
    let mut table = Table::new(&header);
    let cells = rows.iter().zip(ours).zip(theirs).zip(differences);
    for ((((name, compared), ours), theirs), difference) in cells {
        table.row([
            (*name).to_owned(),
            count(compared.count),
            ours,
            theirs,
            difference,
        ]);
    }
    let currency = amounts.currency.as_deref().unwrap_or("No currency");
    let unpriced = match amounts.unpriced {
        0 => String::new(),
        lines => format!("{} of theirs without an amount.\n", counted(lines, "line")),
    };
    let proof = if amounts.adds_up {
        "What matches and what differs are all there is, on both sides, exactly."
    } else {
        "What matches and what differs are not all there is."
    };
    format!("{currency}\n{table}{unpriced}{proof}\n")
}

/// What differs, by class and cause.
fn causes(differences: &[ReconciledDifference]) -> String {
    #[derive(Default)]
    struct Cause<'a> {
        number: u64,
        amount: QuantitySum,
        first: &'a str,
    }
    let mut causes: BTreeMap<(&str, &str, &str), Cause<'_>> = BTreeMap::new();
    for it in differences {
        let currency = it.currency.as_deref().unwrap_or_default();
        let cause = causes
            .entry((class_in_words(it.class), it.cause.as_str(), currency))
            .or_default();
        if cause.number == 0 {
            cause.first = &it.explanation;
        }
        cause.number += 1;
        if let Some(Ok(amount)) = it.amount_difference.as_deref().map(str::parse::<QuantitySum>) {
            cause.amount.add(&amount);
        }
    }
    let header = [
        left("CLASS"),
        right("COUNT"),
        right("DIFFERENCE"),
        left(""),
        left("LIKELY CAUSE; OF SEVERAL, OF THE FIRST").wraps(),
    ];
    let mut table = Table::new(&header);
    for ((class, _, currency), cause) in causes {
        table.row([
            class.to_owned(),
            count(cause.number),
            grouped(&cause.amount.to_string()),
            currency.to_owned(),
            cause.first.to_owned(),
        ]);
    }
    table.to_string()
}

/// All differences: as JSON with everything around them where the file is named so, and otherwise as a table.
fn differences_file(found: &Reconciliation, to: &Path) -> Result<String, Failure> {
    if to
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
    {
        let text = serde_json::to_string_pretty(found);
        return text
            .map_err(|error| Failure::new("The differences cannot be written.").because(error.to_string()));
    }
    let mut text = format!("{BYTE_ORDER_MARK}{}\r\n", COLUMNS.join(","));
    for it in &found.differences {
        let optional = |text: &Option<String>| text.clone().unwrap_or_default();
        let cells = [
            it.subscription_id.clone(),
            it.meter_id.clone(),
            optional(&it.meter),
            optional(&it.currency),
            it.from.clone(),
            it.to.clone(),
            class_in_words(it.class).to_owned(),
            it.cause.clone(),
            it.explanation.clone(),
            it.ours.lines.to_string(),
            it.ours.quantity.clone(),
            optional(&it.ours.amount),
            it.theirs.lines.to_string(),
            it.theirs.quantity.clone(),
            optional(&it.theirs.amount),
            it.quantity_difference.clone(),
            optional(&it.amount_difference),
        ];
        let cells = cells.map(|cell| quoted(&cell));
        text.push_str(&format!("{}\r\n", cells.join(",")));
    }
    Ok(text)
}

fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\r', '\n']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell.to_owned()
}

/// Writes the lines that were not understood into a file of their own. It is a file of line items, too, so that it
/// can be
/// compared when its lines are mended.
fn keep_rejected(file: &UnderstoodFile, args: &ReconcileArgs, printer: &Printer) -> Result<(), Failure> {
    let Some(first) = file.rejected.first() else {
        return Ok(());
    };
    let lines = counted(file.rejected.len() as u64, "line");
    let why = format!("line {}: {}: {}", first.line, first.code, first.message);
    if args.dry_run {
        printer.warning(&format!("{lines} would be left out of all totals, first {why}"));
        return Ok(());
    }
    let to = args
        .rejected
        .clone()
        .unwrap_or_else(|| beside(&args.file, file.header.is_none()));
    write(&to, rejected_text(file).as_bytes(), args.replace)?;
    let what = format!("{lines} could not be understood and are in no total.");
    Err(Failure::in_part(what)
        .because(why)
        .hint(format!("They are in {}.", to.display())))
}

fn beside(file: &Path, is_json: bool) -> PathBuf {
    let named = if file.as_os_str() == "-" {
        Path::new("line-items.csv")
    } else {
        file
    };
    let beside = rejected_beside(named);
    if is_json {
        beside.with_extension("ndjson")
    } else {
        beside
    }
}

fn rejected_text(file: &UnderstoodFile) -> String {
    let Some(header) = &file.header else {
        let items = file
            .rejected
            .iter()
            .map(|it| format!("{}\n", it.text.replace(['\r', '\n'], " ")));
        return items.collect();
    };
    let separator = file.separator.as_deref().unwrap_or(",");
    let joined = |cells: [&str; 3]| {
        cells
            .map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")))
            .join(separator)
    };
    let mut text = format!(
        "{BYTE_ORDER_MARK}{}{separator}{header}\r\n",
        REJECTION_COLUMNS.join(separator)
    );
    for it in &file.rejected {
        let about = joined([&it.line.to_string(), &it.code, &it.message]);
        text.push_str(&format!("{about}{separator}{}\r\n", it.text));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejected_lines_stand_behind_what_is_wrong_with_them_in_a_file_that_can_be_compared() {
        let file = |header: Option<&str>, text: &str| UnderstoodFile {
            kind: LineItemKind::DailyRated,
            separator: header.map(|_| ";".to_owned()),
            date_order: None,
            decimal_mark: "comma".to_owned(),
            header: header.map(str::to_owned),
            lines: 0,
            first_day: None,
            last_day: None,
            subscriptions: 0,
            meters: 0,
            amounts: BTreeMap::new(),
            corrections: 0,
            rejected: vec![wire::api::RejectedLineItem {
                line: 7,
                code: "InvalidDate".to_owned(),
                message: "expected \"a\" date".to_owned(),
                text: text.to_owned(),
            }],
        };
        let header = "subscriptionId;meterId;usageDate;quantity;billingPreTaxTotal;billingCurrency";
        let text = rejected_text(&file(Some(header), "a;b;c;1;2;USD"));
        assert_eq!(
            text,
            format!(
                "\u{feff}RejectedLine;RejectedCode;RejectedReason;{header}\r\n\
                 \"7\";\"InvalidDate\";\"expected \"\"a\"\" date\";a;b;c;1;2;USD\r\n"
            )
        );
        let choices = wire::partner_center::Choices::default();
        let read = wire::partner_center::read(&text, "2026-10".parse().unwrap(), choices).unwrap();
        assert_eq!(
            read.rejected[0].code, "InvalidSubscriptionId",
            "its columns are found again"
        );
        assert_eq!(rejected_text(&file(None, "{\n\"a\": 1}")), "{ \"a\": 1}\n");
        assert_eq!(
            beside(Path::new("o/b.json"), true),
            Path::new("o/b.rejected.ndjson")
        );
        assert_eq!(
            beside(Path::new("-"), false),
            Path::new("line-items.rejected.csv")
        );
    }
}
