//! The charts: what each day was charged, and the resources that most was charged for.

use domain::money::Money;

use super::sheet::{BAR, Font, GREY, INK, RULE, Sheet, Side};
use crate::Paper;

const HEIGHT: f32 = 72.0;

/// The part of a whole that an amount is, from 0 to 1: for drawing alone.
fn part(amount: Money, of: Money) -> f32 {
    if of.minor_units() <= 0 {
        return 0.0;
    }
    (amount.minor_units() as f32 / of.minor_units() as f32).clamp(0.0, 1.0)
}

fn largest<'a>(amounts: impl Iterator<Item = &'a Money>) -> Option<Money> {
    let most = amounts.copied().max_by_key(|amount| amount.minor_units());
    most.filter(|most| most.minor_units() > 0)
}

pub(super) fn draw(sheet: &mut Sheet<'_>, paper: &Paper) {
    if let Some(most) = largest(paper.days.iter()) {
        days(sheet, paper, most);
    }
    if let Some(most) = largest(paper.resources.iter().map(|it| &it.amount)) {
        resources(sheet, paper, most);
    }
}

fn days(sheet: &mut Sheet<'_>, paper: &Paper, most: Money) {
    let (left, wide) = (sheet.left(), sheet.right() - sheet.left());
    sheet.make_room(HEIGHT + 56.0);
    heading(sheet, &format!("Usage charges by day ({})", paper.currency));
    let small = Font::regular(7.0);
    sheet.text(
        (left, sheet.y + 7.0),
        Side::Left,
        small,
        GREY,
        &paper.amount(most),
    );
    let top = sheet.y + 11.0;
    sheet.fill(left, top, (wide, 0.5), RULE);
    sheet.fill(left, top + HEIGHT / 2.0, (wide, 0.5), RULE);
    let step = wide / paper.days.len() as f32;
    for (place, amount) in paper.days.iter().enumerate() {
        let (x, tall) = (left + step * place as f32, HEIGHT * part(*amount, most));
        sheet.fill(x + step * 0.15, top + HEIGHT - tall, (step * 0.7, tall), BAR);
        if place == 0 || (place + 1) % 5 == 0 {
            let at = (x + step / 2.0, top + HEIGHT + 9.0);
            sheet.text(at, Side::Middle, small, GREY, &(place + 1).to_string());
        }
    }
    sheet.fill(left, top + HEIGHT, (wide, 0.5), GREY);
    sheet.y = top + HEIGHT + 22.0;
}

fn resources(sheet: &mut Sheet<'_>, paper: &Paper, most: Money) {
    const ROW: f32 = 19.0;
    let (left, right) = (sheet.left(), sheet.right());
    sheet.make_room(24.0 + ROW * paper.resources.len() as f32);
    heading(sheet, &format!("Largest resources ({})", paper.currency));
    let (names, amounts) = (210.0, 84.0);
    let room = right - left - names - amounts - 12.0;
    for resource in &paper.resources {
        let one_line = |sheet: &Sheet<'_>, text: &str, font: Font| {
            let lines = sheet.wrapped(text, names, font);
            let more = lines.len() > 1;
            let first = lines.into_iter().next().unwrap_or_default();
            if more { format!("{first}…") } else { first }
        };
        let (font, small) = (Font::regular(8.5), Font::regular(6.5));
        let name = one_line(sheet, &resource.name, font);
        let place = one_line(sheet, &resource.place, small);
        let y = sheet.y;
        sheet.text((left, y + 8.0), Side::Left, font, INK, &name);
        sheet.text((left, y + 15.5), Side::Left, small, GREY, &place);
        let wide = room * part(resource.amount, most);
        sheet.fill(left + names + 12.0, y + 3.5, (wide.max(0.5), 8.0), BAR);
        sheet.text(
            (right, y + 10.0),
            Side::Right,
            font,
            INK,
            &paper.amount(resource.amount),
        );
        sheet.y += ROW;
    }
    sheet.y += 12.0;
}

pub(super) fn heading(sheet: &mut Sheet<'_>, text: &str) {
    sheet.text(
        (sheet.left(), sheet.y + 10.0),
        Side::Left,
        Font::bold(10.5),
        INK,
        text,
    );
    sheet.y += 18.0;
}
