//! One HTML document: readable by people and by screen readers, and printable.

use std::fmt::Write as _;

use domain::money::Money;

use crate::shown::{self, cause};
use crate::{Correction, Kind, Line, Paper, Trader};

const STYLE: &str = include_str!("html.css");
/// The colours of bars, rules and small letters.
const BAR: &str = "#2f6f9f";
const RULE: &str = "#b8c2cc";
const GREY: &str = "#52606d";
/// The drawing area of the chart of days.
const CHART_WIDTH: f32 = 720.0;
const CHART_HEIGHT: f32 = 120.0;

/// A document in the making. Every text goes through [`Page::text`].
#[derive(Default)]
struct Page {
    html: String,
}

impl Page {
    fn raw(&mut self, markup: &str) {
        self.html.push_str(markup);
    }

    /// A text of anybody's, harmless in an element and in a quoted attribute.
    fn text(&mut self, text: &str) {
        for char in text.chars() {
            match char {
                '&' => self.html.push_str("&amp;"),
                '<' => self.html.push_str("&lt;"),
                '>' => self.html.push_str("&gt;"),
                '"' => self.html.push_str("&quot;"),
                '\'' => self.html.push_str("&#39;"),
                // Of no meaning in HTML, and not allowed there.
                char if char.is_control() && !matches!(char, '\n' | '\t') => self.html.push('\u{fffd}'),
                char => self.html.push(char),
            }
        }
    }

    fn element(&mut self, open: &str, text: &str) {
        let name = open.split(' ').next().unwrap_or(open);
        self.raw(&format!("<{open}>"));
        self.text(text);
        self.raw(&format!("</{name}>\n"));
    }

    fn number_cell(&mut self, text: &str) {
        self.element("td class=\"n\"", text);
    }
}

pub(crate) fn render(paper: &Paper) -> String {
    let mut page = Page::default();
    let heading = match &paper.number {
        Some(number) => format!("{} {number}", paper.title()),
        None => format!("{} of {}", paper.title(), shown::period(paper.period)),
    };
    page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    // Nothing is loaded and nothing runs, whatever got in.
    page.raw(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
    );
    page.element("title", &format!("{heading} · {}", paper.seller.name));
    page.raw("<style>\n");
    page.raw(STYLE);
    page.raw("</style>\n</head>\n<body>\n<main>\n");
    head(&mut page, paper, &heading);
    charts(&mut page, paper);
    lines(&mut page, paper);
    corrections(&mut page, paper);
    totals(&mut page, paper);
    page.raw("<footer>\n");
    for note in paper.notes() {
        page.element("p", &note);
    }
    page.raw("</footer>\n</main>\n</body>\n</html>\n");
    page.html
}

fn head(page: &mut Page, paper: &Paper, heading: &str) {
    page.raw("<header>\n<div class=\"seller\">\n");
    trader(page, &paper.seller);
    page.raw("</div>\n");
    page.element("h1", heading);
    page.raw("</header>\n");
    if let Some(warning) = paper.warning() {
        page.element("p class=\"warning\" role=\"note\"", &warning);
    }
    page.raw("<div class=\"parties\">\n<section aria-labelledby=\"to\">\n<h2 id=\"to\">");
    page.text(match paper.kind {
        Kind::Invoice => "Bill to",
        Kind::CreditNote => "Credit to",
        Kind::RunningStatement => "For",
    });
    page.raw("</h2>\n");
    trader(page, &paper.buyer);
    page.raw("</section>\n<dl>\n");
    for (what, fact) in paper.facts() {
        page.element("dt", what);
        page.element("dd", &fact);
    }
    page.element("dt", paper.total_name());
    page.element("dd class=\"total\"", &paper.total_text());
    page.raw("</dl>\n</div>\n");
}

fn trader(page: &mut Page, trader: &Trader) {
    page.element("p class=\"name\"", &trader.name);
    page.raw("<p>");
    for (place, line) in trader.address.iter().enumerate() {
        if place > 0 {
            page.raw("<br>\n");
        }
        page.text(line);
    }
    page.raw("</p>\n");
    if let Some(number) = &trader.tax_number {
        page.element("p", &format!("Tax number {number}"));
    }
}

/// The part of a whole that an amount is, from 0 to 1: for drawing alone.
fn part(amount: Money, of: Money) -> f32 {
    if of.minor_units() <= 0 {
        return 0.0;
    }
    (amount.minor_units() as f32 / of.minor_units() as f32).clamp(0.0, 1.0)
}

fn largest<'a>(amounts: impl Iterator<Item = &'a Money>) -> Option<Money> {
    amounts.copied().max_by_key(|amount| amount.minor_units())
}

fn charts(page: &mut Page, paper: &Paper) {
    let most = largest(paper.days.iter()).filter(|most| most.minor_units() > 0);
    if let Some(most) = most {
        page.raw("<section aria-labelledby=\"days\">\n<h2 id=\"days\">Usage charges by day</h2>\n");
        days(page, paper, most);
        page.raw("</section>\n");
    }
    let most = largest(paper.resources.iter().map(|it| &it.amount)).filter(|most| most.minor_units() > 0);
    if let Some(most) = most {
        page.raw("<section aria-labelledby=\"resources\">\n<h2 id=\"resources\">Largest resources</h2>\n");
        page.raw("<table class=\"bars\">\n<thead><tr><th scope=\"col\">Resource</th>");
        page.raw("<th scope=\"col\"><span class=\"hidden\">Share</span></th>");
        page.element(
            "th scope=\"col\" class=\"n\"",
            &format!("Amount ({})", paper.currency),
        );
        page.raw("</tr></thead>\n<tbody>\n");
        for resource in &paper.resources {
            page.raw("<tr><th scope=\"row\">");
            page.text(&resource.name);
            if !resource.place.is_empty() {
                page.element("small", &resource.place);
            }
            page.raw(
                "</th><td><svg viewBox=\"0 0 200 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
            );
            let width = 200.0 * part(resource.amount, most);
            let _ = write!(
                page.html,
                "<rect width=\"{width:.1}\" height=\"10\" fill=\"{BAR}\"/></svg></td>"
            );
            page.number_cell(&paper.amount(resource.amount));
            page.raw("</tr>\n");
        }
        page.raw("</tbody>\n</table>\n</section>\n");
    }
}

fn days(page: &mut Page, paper: &Paper, most: Money) {
    let height = CHART_HEIGHT + 40.0;
    let _ = write!(
        page.html,
        "<svg class=\"days\" viewBox=\"0 0 {CHART_WIDTH} {height}\" role=\"img\" aria-label=\""
    );
    page.text(&paper.days_in_words());
    page.raw("\">\n");
    let _ = write!(
        page.html,
        "<text x=\"0\" y=\"10\" font-size=\"11\" fill=\"{GREY}\">"
    );
    page.text(&paper.amount(most));
    page.raw("</text>\n");
    for y in [16.0, CHART_HEIGHT + 16.0] {
        let _ = writeln!(
            page.html,
            "<line x1=\"0\" x2=\"{CHART_WIDTH}\" y1=\"{y}\" y2=\"{y}\" stroke=\"{RULE}\"/>"
        );
    }
    let step = CHART_WIDTH / paper.days.len() as f32;
    for (place, amount) in paper.days.iter().enumerate() {
        let tall = CHART_HEIGHT * part(*amount, most);
        let left = step * place as f32;
        let (x, y, wide) = (left + step * 0.15, CHART_HEIGHT + 16.0 - tall, step * 0.7);
        let _ = write!(
            page.html,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{tall:.1}\" fill=\"{BAR}\"><title>"
        );
        page.text(&format!("Day {}: {}", place + 1, paper.amount(*amount)));
        page.raw("</title></rect>");
        if place == 0 || (place + 1) % 5 == 0 {
            let middle = left + step / 2.0;
            let _ = write!(
                page.html,
                "<text x=\"{middle:.1}\" y=\"{}\" font-size=\"11\" fill=\"{GREY}\" text-anchor=\"middle\">{}</text>",
                CHART_HEIGHT + 31.0,
                place + 1
            );
        }
        page.raw("\n");
    }
    page.raw("</svg>\n");
}

fn lines(page: &mut Page, paper: &Paper) {
    let sections = paper.sections();
    if sections.is_empty() {
        return;
    }
    page.raw("<section aria-labelledby=\"lines\">\n<h2 id=\"lines\">");
    page.text(&format!("Charges for {}", shown::period(paper.period)));
    page.raw(
        "</h2>\n<table>\n<thead><tr><th scope=\"col\">Item</th><th scope=\"col\" class=\"n\">Quantity</th>",
    );
    page.raw("<th scope=\"col\">Unit</th><th scope=\"col\" class=\"n\">Unit price</th>");
    page.element(
        "th scope=\"col\" class=\"n\"",
        &format!("Amount ({})", paper.currency),
    );
    page.raw("</tr></thead>\n");
    for section in sections {
        page.raw("<tbody>\n");
        if let Some((name, id)) = &section.subscription {
            page.raw("<tr class=\"of\"><th scope=\"rowgroup\" colspan=\"5\">");
            page.text(name);
            page.raw(" ");
            page.element("small", &id.to_string());
            page.raw("</th></tr>\n");
        } else {
            page.raw(
                "<tr class=\"of\"><th scope=\"rowgroup\" colspan=\"5\">For the whole account</th></tr>\n",
            );
        }
        for it in &section.lines {
            line(page, paper, it);
        }
        if let Some(sum) = &section.sum {
            page.raw("<tr class=\"sum\"><th scope=\"row\" colspan=\"4\">Sum of this subscription</th>");
            page.number_cell(sum);
            page.raw("</tr>\n");
        }
        page.raw("</tbody>\n");
    }
    page.raw("</table>\n</section>\n");
}

fn line(page: &mut Page, paper: &Paper, line: &Line) {
    page.raw("<tr><td>");
    page.text(&line.item.name);
    for detail in paper.details(line) {
        page.element("small", &detail);
    }
    page.raw("</td>");
    page.number_cell(
        &line
            .quantity
            .as_ref()
            .map_or_else(String::new, |it| paper.quantity(it)),
    );
    page.element("td", &line.unit);
    page.number_cell(&paper.one_price(line).unwrap_or_default());
    page.number_cell(&paper.amount(line.amount));
    page.raw("</tr>\n");
}

fn corrections(page: &mut Page, paper: &Paper) {
    let corrections = paper.corrections();
    if corrections.is_empty() {
        return;
    }
    page.raw("<section aria-labelledby=\"corrections\">\n<h2 id=\"corrections\">Corrections of closed periods</h2>\n");
    page.raw("<table>\n<thead><tr><th scope=\"col\">Period</th><th scope=\"col\">Item</th>");
    page.raw("<th scope=\"col\">Cause</th><th scope=\"col\" class=\"n\">Billed so far</th>");
    page.raw("<th scope=\"col\" class=\"n\">Costs now</th>");
    page.element(
        "th scope=\"col\" class=\"n\"",
        &format!("Amount ({})", paper.currency),
    );
    page.raw("</tr></thead>\n<tbody>\n");
    for it in corrections {
        correction(page, paper, it);
    }
    page.raw("</tbody>\n</table>\n</section>\n");
}

fn correction(page: &mut Page, paper: &Paper, correction: &Correction) {
    page.raw("<tr>");
    page.element("td", &shown::period(correction.period));
    page.raw("<td>");
    page.text(&correction.item.name);
    let subscription = paper.subscription_name(&correction.item).unwrap_or_default();
    for detail in [&*paper.detail(&correction.item), subscription] {
        if !detail.is_empty() {
            page.element("small", detail);
        }
    }
    page.raw("</td>");
    page.element("td", cause(correction.cause));
    for amount in [correction.billed, correction.now, correction.amount] {
        page.number_cell(&paper.amount(amount));
    }
    page.raw("</tr>\n");
}

fn totals(page: &mut Page, paper: &Paper) {
    page.raw("<section aria-labelledby=\"totals\">\n<h2 id=\"totals\" class=\"hidden\">Totals</h2>\n");
    page.raw("<table class=\"totals\">\n<tbody>\n");
    for (name, amount) in paper.sums() {
        page.raw("<tr>");
        page.element("th scope=\"row\"", &name);
        page.number_cell(&paper.amount(amount));
        page.raw("</tr>\n");
    }
    page.raw("<tr class=\"total\">");
    page.element("th scope=\"row\"", paper.total_name());
    page.number_cell(&paper.total_text());
    page.raw("</tr>\n</tbody>\n</table>\n</section>\n");
}

#[cfg(test)]
mod tests {
    use crate::sample;

    #[test]
    fn a_customer_whose_name_is_a_script_runs_nothing_in_the_browser_of_the_finance_department() {
        let hostile = "<script>alert(1)</script>\"' onload=x &amp; <img src=x>";
        let mut paper = sample::invoice();
        paper.seller.name = hostile.to_owned();
        paper.seller.address = vec![hostile.to_owned()];
        paper.seller.tax_number = Some(hostile.to_owned());
        paper.buyer.name = hostile.to_owned();
        paper.number = Some(hostile.to_owned());
        for line in &mut paper.lines {
            line.item.name = hostile.to_owned();
            line.item.detail = crate::Detail::Text(hostile.to_owned());
            line.unit = hostile.to_owned();
        }
        for correction in &mut paper.corrections {
            correction.item.name = hostile.to_owned();
            correction.item.detail = crate::Detail::Text(hostile.to_owned());
        }
        for subscription in &mut paper.subscriptions {
            subscription.name = hostile.to_owned();
        }
        for resource in &mut paper.resources {
            resource.name = hostile.to_owned();
            resource.place = hostile.to_owned();
        }
        let html = paper.html();
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("<img"), "{html}");
        assert!(!html.contains("' onload"), "{html}");
        let escaped = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39; onload=x &amp;amp; &lt;img src=x&gt;";
        assert!(
            html.matches(escaped).count() > 10,
            "it is shown all the same: {html}"
        );
    }

    #[test]
    fn the_document_needs_nothing_from_anywhere() {
        let html = sample::invoice().html();
        for outside in [
            "http://", "https://", "src=", "href=", "url(", "@import", "<script",
        ] {
            assert!(!html.contains(outside), "{outside}");
        }
        assert!(html.contains("@media print"));
    }

    #[test]
    fn what_people_read_is_in_the_form_of_the_sellers_country() {
        let html = sample::invoice().html();
        for text in [
            "<h1>Invoice MB-000042</h1>",
            "Fabrikam Cloud Österreich GmbH",
            "Tax number ATU12345678",
            "05.11.2026",
            "October 2026",
            "1.234,50",
            "Usage that came in late",
            "September 2026",
            "VAT 20 % on 2.829,35",
            "Usage charges by day",
            "Largest resources",
        ] {
            assert!(html.contains(text), "{text} in {html}");
        }
    }

    #[test]
    fn a_running_statement_cannot_be_taken_for_an_invoice() {
        let html = sample::statement().html();
        assert!(html.contains("<h1>Statement of October 2026</h1>"));
        assert!(html.contains("This is not an invoice."));
        assert!(html.contains("Total so far"));
        assert!(!html.contains("Invoice number"));
        assert!(!html.contains("Total due"));
        let html = sample::credit_note().html();
        assert!(html.contains("<h1>Credit note MB-000043</h1>"));
        assert!(html.contains("Total credited to you"));
    }
}
