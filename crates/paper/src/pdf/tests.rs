use super::face::{REPLACEMENT, Weight};
use super::*;
use crate::sample;
use domain::profile::Locale;

/// The texts of all pages, in the order in which they are written.
fn texts(paper: &Paper) -> Vec<String> {
    let faces = Faces::new().unwrap();
    let sheet = blocks::lay_out(paper, &faces);
    let marks = sheet.pages().iter().flatten();
    let texts = marks.filter_map(|mark| match mark {
        Mark::Text { text, .. } => Some(text.clone()),
        Mark::Box { .. } => None,
    });
    texts.collect()
}

#[test]
fn the_same_bill_has_the_same_bytes_whenever_it_is_printed() {
    for paper in [sample::invoice(), sample::statement(), sample::credit_note()] {
        let (first, second) = (paper.pdf().unwrap(), paper.pdf().unwrap());
        assert!(first.starts_with(b"%PDF-1."));
        assert_eq!(first, second);
        assert!(
            first.len() < 200_000,
            "{}: fonts are cut down to what is used",
            first.len()
        );
    }
}

#[test]
fn all_that_a_finance_department_looks_for_is_on_the_pages() {
    // A cell of several lines is written one after the other.
    let texts = texts(&sample::invoice()).join(" ");
    for text in [
        "Fabrikam Cloud Österreich GmbH",
        "Tax number ATU12345678",
        "Invoice",
        "MB-000042",
        "Contoso Ελλάς & Ко",
        "05.11.2026",
        "October 2026",
        "Contoso production",
        "Bs-series VM, Λειτουργία и Ёлка",
        "12\u{a0}345,5",
        "1.234,50",
        "~\u{a0}15\u{a0}000,1235",
        "1\u{a0}000 included in the price",
        "10\u{a0}000 × 0,0375 + ~\u{a0}4\u{a0}000,1235 × 0,03125",
        "Capacity fee of Linz-West",
        "100,00 granted",
        "-100,00",
        "96 cores on 31 days; 144 per core and year of 365 days",
        "For the whole account",
        "Corrections of closed periods",
        "Usage that came in late",
        "September 2026",
        "Subtotal",
        "2.829,35",
        "VAT 20 % on 2.829,35",
        "565,87",
        "Total due",
        "USD\u{a0}3.395,22",
        "Page 1 of 2",
        "Page 2 of 2",
    ] {
        assert!(texts.contains(text), "{text:?} in\n{texts}");
    }
}

#[test]
fn a_name_in_letters_that_the_fonts_do_not_have_is_seen_to_be_missing() {
    let mut paper = sample::invoice();
    paper.buyer.name = "株式会社 Contoso".to_owned();
    let texts = texts(&paper).join("\n");
    assert!(texts.contains("���� Contoso"), "{texts}");
    assert!(texts.contains("is shown as"), "{texts}");
    assert!(paper.pdf().is_ok());
    assert!(paper.html().contains("株式会社 Contoso"));
    let texts = self::texts(&sample::invoice()).join("\n");
    assert!(
        !texts.contains(REPLACEMENT),
        "Latin, Greek and Cyrillic are there"
    );
}

#[test]
fn no_text_of_a_bill_of_many_pages_runs_out_of_the_page_or_over_another() {
    let mut paper = sample::long_invoice();
    let word = "W".repeat(120);
    paper.seller.name = word.clone();
    paper.seller.address = vec![word.clone(); 8];
    paper.buyer.name = word.clone();
    paper.lines[3].item.name = word.clone();
    paper.lines[3].item.detail = crate::Detail::Text(word.clone());
    paper.resources[0].name = word;
    let faces = Faces::new().unwrap();
    let sheet = blocks::lay_out(&paper, &faces);
    let (width, height) = sheet.size();
    assert!(sheet.pages().len() > 5);
    for (page, marks) in sheet.pages().iter().enumerate() {
        let mut seen: Vec<(f32, f32, f32, &str)> = Vec::new();
        for mark in marks {
            let Mark::Text { x, y, font, text, .. } = mark else {
                continue;
            };
            let end = x + faces.width(font.weight, text) * font.size;
            assert!(
                *x >= 47.0 && end <= width - 47.0,
                "page {page}: {text} from {x} to {end}"
            );
            assert!(*y > 40.0 && *y < height - 40.0, "page {page}: {text} at {y}");
            for (other_x, other_end, other_y, other) in &seen {
                let beside = *x >= *other_end - 0.5 || end <= *other_x + 0.5;
                assert!(
                    beside || (y - other_y).abs() > 5.0,
                    "page {page}: {text} over {other}"
                );
            }
            seen.push((*x, end, *y, text));
        }
    }
}

#[test]
fn american_bills_are_on_american_paper() {
    let mut paper = sample::invoice();
    let faces = Faces::new().unwrap();
    assert_eq!(blocks::lay_out(&paper, &faces).size(), (595.28, 841.89));
    paper.locale = Locale::EnUs;
    assert_eq!(blocks::lay_out(&paper, &faces).size(), (612.0, 792.0));
}

#[test]
fn a_running_statement_says_on_every_page_that_it_is_no_invoice() {
    let mut paper = sample::long_invoice();
    (paper.kind, paper.number) = (crate::Kind::RunningStatement, None);
    let faces = Faces::new().unwrap();
    let sheet = blocks::lay_out(&paper, &faces);
    for marks in sheet.pages() {
        let says_so =
            |mark: &Mark| matches!(mark, Mark::Text { text, .. } if text.contains("not an invoice"));
        assert!(marks.iter().any(says_so));
    }
    let texts = texts(&paper).join("\n");
    assert!(texts.contains("This is not an invoice.") && !texts.contains("Invoice number"));
}

#[test]
fn digits_are_of_one_width_so_that_columns_of_amounts_can_be_read_down() {
    let faces = Faces::new().unwrap();
    for weight in [Weight::Regular, Weight::Bold] {
        let widths = "0123456789"
            .chars()
            .map(|digit| faces.width(weight, &digit.to_string()));
        let widths: Vec<f32> = widths.collect();
        assert!(
            widths.iter().all(|wide| (wide - widths[0]).abs() < 0.001),
            "{widths:?}"
        );
    }
}
