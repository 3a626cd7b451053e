//! The PDF of a bill.

mod blocks;
mod charts;
mod face;
mod sheet;

use domain::time::Timestamp;
use jiff::tz::TimeZone;
use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::{Document, SerializeSettings};

use crate::Paper;
use face::Faces;
use sheet::{Colour, Mark};

/// Why there is no PDF of a bill.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unprintable {
    /// The fonts that are built in cannot be read.
    #[error("the fonts of the PDF cannot be read")]
    Fonts,
    /// The library refuses what it was told to write.
    #[error("the PDF cannot be written: {0}")]
    Refused(String),
}

pub(crate) fn render(paper: &Paper) -> Result<Vec<u8>, Unprintable> {
    let faces = Faces::new().ok_or(Unprintable::Fonts)?;
    let sheet = blocks::lay_out(paper, &faces);
    let refused = |error: &dyn std::fmt::Debug| Unprintable::Refused(format!("{error:?}"));
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_B)
        .finish()
        .map_err(|error| refused(&error))?;
    let mut document = Document::new_with(SerializeSettings {
        configuration,
        ..SerializeSettings::default()
    });
    document.set_metadata(metadata(paper));
    for marks in sheet.pages() {
        let (width, height) = sheet.size();
        let size = PageSettings::from_wh(width, height);
        let mut page = document.start_page_with(size.ok_or_else(|| refused(&"the page has no size"))?);
        let mut surface = page.surface();
        for mark in marks {
            draw(&mut surface, mark, &faces);
        }
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|error| refused(&error))
}

fn draw(surface: &mut Surface<'_>, mark: &Mark, faces: &Faces) {
    match mark {
        Mark::Text {
            x,
            y,
            font,
            text,
            colour,
        } => {
            surface.set_fill(Some(fill(*colour)));
            let glyphs = faces.glyphs(font.weight, text);
            let face = faces.drawn(font.weight);
            surface.draw_glyphs(Point::from_xy(*x, *y), &glyphs, face, text, font.size, false);
        }
        Mark::Box { x, y, w, h, colour } => {
            let Some(rect) = Rect::from_xywh(*x, *y, *w, *h) else {
                return;
            };
            let mut path = PathBuilder::new();
            path.push_rect(rect);
            if let Some(path) = path.finish() {
                surface.set_fill(Some(fill(*colour)));
                surface.draw_path(&path);
            }
        }
    }
}

fn fill(Colour(red, green, blue): Colour) -> Fill {
    Fill {
        paint: rgb::Color::new(red, green, blue).into(),
        ..Fill::default()
    }
}

fn metadata(paper: &Paper) -> Metadata {
    let title = match &paper.number {
        Some(number) => format!("{} {number}", paper.title()),
        None => format!("{} of {}", paper.title(), crate::shown::period(paper.period)),
    };
    Metadata::new()
        .title(title)
        .authors(vec![paper.seller.name.clone()])
        .creator("Meterbridge".to_owned())
        .language("en".to_owned())
        .creation_date(instant(paper.dated))
}

/// The date of the bill: the same paper has the same bytes whenever it is printed.
fn instant(instant: Timestamp) -> DateTime {
    let at = instant.to_zoned(TimeZone::UTC).datetime();
    let small = |part: i8| u8::try_from(part).unwrap_or_default();
    DateTime::new(u16::try_from(at.year()).unwrap_or_default())
        .month(small(at.month()))
        .day(small(at.day()))
        .hour(small(at.hour()))
        .minute(small(at.minute()))
        .second(small(at.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}

#[cfg(test)]
mod tests;
