//! What a bill consists of, from the letterhead to the notes at its end.

use super::charts::{self, heading};
use super::face::Faces;
use super::sheet::{DARK_RULE, Font, GREY, INK, RULE, Sheet, Side, WARNING, WARNING_GROUND};
use crate::shown::{self, cause};
use crate::{Correction, Kind, Line, Paper, Trader};

const BODY: Font = Font::regular(9.0);
const BOLD: Font = Font::bold(9.0);
const SMALL: Font = Font::regular(7.5);
const PADDING: f32 = 4.0;

pub(super) fn lay_out<'f>(paper: &Paper, faces: &'f Faces) -> Sheet<'f> {
    let mut sheet = Sheet::new(paper.locale, faces);
    letterhead(&mut sheet, paper);
    warning(&mut sheet, paper);
    parties(&mut sheet, paper);
    charts::draw(&mut sheet, paper);
    lines(&mut sheet, paper);
    corrections(&mut sheet, paper);
    totals(&mut sheet, paper);
    notes(&mut sheet, paper);
    let bill = match &paper.number {
        Some(number) => format!("{} {number} · {}", paper.title(), paper.seller.name),
        None => format!(
            "{} of {}, not an invoice · {}",
            paper.title(),
            shown::period(paper.period),
            paper.seller.name
        ),
    };
    sheet.number_pages(&bill);
    sheet
}

fn letterhead(sheet: &mut Sheet<'_>, paper: &Paper) {
    let (left, right, top) = (sheet.left(), sheet.right(), sheet.y);
    let half = (right - left) * 0.58;
    let mut y = top;
    y += sheet.paragraph((left, y), half, Font::bold(13.0), INK, &paper.seller.name);
    y = address(sheet, (left, y), half, &paper.seller);
    sheet.text(
        (right, top + 18.0),
        Side::Right,
        Font::bold(20.0),
        INK,
        paper.title(),
    );
    let below = match &paper.number {
        Some(number) => number.clone(),
        None => shown::period(paper.period),
    };
    sheet.text(
        (right, top + 33.0),
        Side::Right,
        Font::regular(10.5),
        GREY,
        &below,
    );
    sheet.y = y.max(top + 40.0) + 10.0;
    sheet.rule(DARK_RULE, 0.75);
    sheet.y += 14.0;
}

fn address(sheet: &mut Sheet<'_>, (x, mut y): (f32, f32), wide: f32, trader: &Trader) -> f32 {
    for line in &trader.address {
        y += sheet.paragraph((x, y), wide, BODY, GREY, line);
    }
    if let Some(number) = &trader.tax_number {
        y += sheet.paragraph((x, y), wide, BODY, GREY, &format!("Tax number {number}"));
    }
    y
}

fn warning(sheet: &mut Sheet<'_>, paper: &Paper) {
    let Some(warning) = paper.warning() else { return };
    let (left, wide) = (sheet.left(), sheet.right() - sheet.left());
    let count = sheet.wrapped(&warning, wide - 24.0, BOLD).len();
    let height = BOLD.leading() * count as f32 + 14.0;
    let y = sheet.y;
    sheet.fill(left, y, (wide, height), WARNING_GROUND);
    sheet.fill(left, y, (3.0, height), WARNING);
    sheet.paragraph((left + 12.0, y + 6.0), wide - 24.0, BOLD, INK, &warning);
    sheet.y += height + 14.0;
}

fn parties(sheet: &mut Sheet<'_>, paper: &Paper) {
    let (left, right, top) = (sheet.left(), sheet.right(), sheet.y);
    let half = (right - left) * 0.5;
    let to = match paper.kind {
        Kind::Invoice => "Bill to",
        Kind::CreditNote => "Credit to",
        Kind::RunningStatement => "For",
    };
    sheet.text((left, top + 8.0), Side::Left, SMALL, GREY, to);
    let mut y = top + 12.0;
    y += sheet.paragraph((left, y), half - 16.0, Font::bold(10.5), INK, &paper.buyer.name);
    y = address(sheet, (left, y), half - 16.0, &paper.buyer);
    let mut fact_y = top;
    let middle = left + half + 16.0;
    for (what, fact) in paper.facts() {
        sheet.text((middle, fact_y + BODY.size), Side::Left, BODY, GREY, what);
        sheet.text((right, fact_y + BODY.size), Side::Right, BODY, INK, &fact);
        fact_y += BODY.leading() + 1.0;
    }
    fact_y += 4.0;
    sheet.fill(middle, fact_y, (right - middle, 0.5), DARK_RULE);
    let total = Font::bold(12.0);
    sheet.text((middle, fact_y + 17.0), Side::Left, BOLD, INK, paper.total_name());
    sheet.text(
        (right, fact_y + 17.0),
        Side::Right,
        total,
        INK,
        &paper.total_text(),
    );
    sheet.y = y.max(fact_y + 24.0) + 18.0;
}

/// Where a column begins and ends, from the left margin, and on which side its texts begin.
struct Column {
    title: String,
    from: f32,
    to: f32,
    side: Side,
}

fn columns<const N: usize>(sheet: &Sheet<'_>, parts: [(&str, f32, Side); N]) -> Vec<Column> {
    const BETWEEN: f32 = 8.0;
    let wide = sheet.right() - sheet.left() - BETWEEN * (N as f32 - 1.0);
    let mut from = sheet.left();
    let column = |(title, part, side): (&str, f32, Side)| {
        let column = Column {
            title: title.to_owned(),
            from,
            to: from + wide * part,
            side,
        };
        from = column.to + BETWEEN;
        column
    };
    parts.into_iter().map(column).collect()
}

/// A cell: its text, and what stands below it in small letters.
type CellText = (String, Vec<String>);

fn plain(text: impl Into<String>) -> CellText {
    (text.into(), Vec::new())
}

fn titles(sheet: &mut Sheet<'_>, columns: &[Column]) {
    let lines: Vec<Vec<String>> = columns
        .iter()
        .map(|column| sheet.wrapped(&column.title, column.to - column.from, SMALL))
        .collect();
    let high = lines.iter().map(Vec::len).max().unwrap_or(1) as f32 * SMALL.leading();
    for (column, lines) in columns.iter().zip(lines) {
        let first = sheet.y + high - SMALL.leading() * lines.len() as f32 + SMALL.size;
        cell_lines(sheet, column, first, SMALL, GREY, &lines);
    }
    sheet.y += high + 2.0;
    sheet.rule(DARK_RULE, 0.75);
    sheet.y += 1.0;
}

fn cell_lines(
    sheet: &mut Sheet<'_>,
    column: &Column,
    first: f32,
    font: Font,
    colour: super::sheet::Colour,
    lines: &[String],
) {
    for (place, line) in lines.iter().enumerate() {
        let x = if column.side == Side::Right {
            column.to
        } else {
            column.from
        };
        let y = first + font.leading() * place as f32;
        sheet.text((x, y), column.side, font, colour, line);
    }
}

/// A row of a table, on a new page below its titles again if it does not fit.
fn row(sheet: &mut Sheet<'_>, columns: &[Column], cells: &[CellText]) {
    let wrapped: Vec<(Vec<String>, Vec<String>)> = columns
        .iter()
        .zip(cells)
        .map(|(column, (text, below))| {
            let wide = column.to - column.from;
            let below = below.iter().flat_map(|it| sheet.wrapped(it, wide, SMALL));
            (sheet.wrapped(text, wide, BODY), below.collect())
        })
        .collect();
    let height = |(text, below): &(Vec<String>, Vec<String>)| {
        BODY.leading() * text.len() as f32 + SMALL.leading() * below.len() as f32
    };
    let high = wrapped.iter().map(height).fold(0.0, f32::max) + 2.0 * PADDING;
    if !sheet.has_room(high) {
        sheet.turn();
        titles(sheet, columns);
    }
    let top = sheet.y + PADDING - 1.0;
    for (column, (text, below)) in columns.iter().zip(&wrapped) {
        cell_lines(sheet, column, top + BODY.size, BODY, INK, text);
        let below_y = top + BODY.leading() * text.len() as f32 + SMALL.size;
        cell_lines(sheet, column, below_y, SMALL, GREY, below);
    }
    sheet.y += high;
    sheet.rule(RULE, 0.5);
}

fn lines(sheet: &mut Sheet<'_>, paper: &Paper) {
    let sections = paper.sections();
    if sections.is_empty() {
        return;
    }
    sheet.make_room(90.0);
    heading(sheet, &format!("Charges for {}", shown::period(paper.period)));
    let amount = format!("Amount ({})", paper.currency);
    let columns = columns(
        sheet,
        [
            ("Item", 0.42, Side::Left),
            ("Quantity", 0.18, Side::Right),
            ("Unit", 0.13, Side::Left),
            ("Unit price", 0.11, Side::Right),
            (&amount, 0.16, Side::Right),
        ],
    );
    titles(sheet, &columns);
    for section in sections {
        if !sheet.has_room(60.0) {
            sheet.turn();
            titles(sheet, &columns);
        }
        sheet.y += 6.0;
        let wide = sheet.right() - sheet.left();
        let (name, id) = match &section.subscription {
            Some((name, id)) => (&**name, id.to_string()),
            None => ("For the whole account", String::new()),
        };
        let high = sheet.paragraph((sheet.left(), sheet.y), wide, BOLD, INK, name);
        sheet.y += high;
        let high = sheet.paragraph((sheet.left(), sheet.y), wide, SMALL, GREY, &id);
        sheet.y += high + 3.0;
        sheet.rule(RULE, 0.5);
        for line in &section.lines {
            row(sheet, &columns, &line_cells(paper, line));
        }
        if let Some(sum) = &section.sum {
            sheet.make_room(20.0);
            let (right, y) = (sheet.right(), sheet.y + PADDING + BOLD.size);
            sheet.text(
                (right - 96.0, y),
                Side::Right,
                BOLD,
                INK,
                "Sum of this subscription",
            );
            sheet.text((right, y), Side::Right, BOLD, INK, sum);
            sheet.y += BOLD.leading() + 2.0 * PADDING;
            sheet.rule(DARK_RULE, 0.5);
        }
    }
    sheet.y += 16.0;
}

fn line_cells(paper: &Paper, line: &Line) -> [CellText; 5] {
    [
        (line.item.name.clone(), paper.details(line)),
        plain(
            line.quantity
                .as_ref()
                .map_or_else(String::new, |it| paper.quantity(it)),
        ),
        plain(line.unit.clone()),
        plain(paper.one_price(line).unwrap_or_default()),
        plain(paper.amount(line.amount)),
    ]
}

fn corrections(sheet: &mut Sheet<'_>, paper: &Paper) {
    let corrections = paper.corrections();
    if corrections.is_empty() {
        return;
    }
    sheet.make_room(80.0);
    heading(sheet, "Corrections of closed periods");
    let amount = format!("Amount ({})", paper.currency);
    let columns = columns(
        sheet,
        [
            ("Period", 0.16, Side::Left),
            ("Item", 0.24, Side::Left),
            ("Cause", 0.22, Side::Left),
            ("Billed so far", 0.12, Side::Right),
            ("Costs now", 0.12, Side::Right),
            (&amount, 0.14, Side::Right),
        ],
    );
    titles(sheet, &columns);
    for correction in corrections {
        row(sheet, &columns, &correction_cells(paper, correction));
    }
    sheet.y += 16.0;
}

fn correction_cells(paper: &Paper, correction: &Correction) -> [CellText; 6] {
    let item = &correction.item;
    let subscription = paper.subscription_name(item).unwrap_or_default();
    let below = [paper.detail(item), subscription.to_owned()];
    let below = below.into_iter().filter(|it| !it.is_empty());
    [
        plain(shown::period(correction.period)),
        (item.name.clone(), below.collect()),
        plain(cause(correction.cause)),
        plain(paper.amount(correction.billed)),
        plain(paper.amount(correction.now)),
        plain(paper.amount(correction.amount)),
    ]
}

fn totals(sheet: &mut Sheet<'_>, paper: &Paper) {
    let sums = paper.sums();
    let (right, wide) = (sheet.right(), 270.0);
    let left = right - wide;
    let high = BODY.leading() + 3.0;
    sheet.make_room(high * sums.len() as f32 + 40.0);
    for (name, amount) in sums {
        let amount = paper.amount(amount);
        let room = wide - sheet.faces.width(BODY.weight, &amount) * BODY.size - 12.0;
        let tall = sheet.paragraph((left, sheet.y), room, BODY, INK, &name);
        sheet.text((right, sheet.y + BODY.size), Side::Right, BODY, INK, &amount);
        sheet.y += tall.max(BODY.leading()) + 3.0;
        sheet.fill(left, sheet.y - 1.5, (wide, 0.5), RULE);
    }
    let total = Font::bold(12.0);
    sheet.text(
        (left, sheet.y + 15.0),
        Side::Left,
        Font::bold(10.5),
        INK,
        paper.total_name(),
    );
    sheet.text(
        (right, sheet.y + 15.0),
        Side::Right,
        total,
        INK,
        &paper.total_text(),
    );
    sheet.fill(left, sheet.y + 20.0, (wide, 0.75), INK);
    sheet.fill(left, sheet.y + 22.0, (wide, 0.75), INK);
    sheet.y += 40.0;
}

fn notes(sheet: &mut Sheet<'_>, paper: &Paper) {
    let wide = sheet.right() - sheet.left();
    let mut notes = paper.notes();
    if sheet.has_replaced() {
        notes.push(
            "The fonts of this document do not have every character of the names above; what is missing is shown as \
             \u{fffd}. The same bill as HTML and as CSV has all of them."
                .to_owned(),
        );
    }
    for note in notes {
        let high = SMALL.leading() * sheet.wrapped(&note, wide, SMALL).len() as f32;
        sheet.make_room(high);
        sheet.paragraph((sheet.left(), sheet.y), wide, SMALL, GREY, &note);
        sheet.y += high + 2.0;
    }
}
