//! Sheets of paper that are filled from top to bottom.

use std::cell::Cell;

use domain::profile::Locale;

use super::face::{Faces, REPLACEMENT, Weight};

/// Red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour(pub(super) u8, pub(super) u8, pub(super) u8);

pub(super) const INK: Colour = Colour(0x1c, 0x27, 0x33);
pub(super) const GREY: Colour = Colour(0x52, 0x60, 0x6d);
pub(super) const RULE: Colour = Colour(0xdd, 0xe3, 0xe9);
pub(super) const DARK_RULE: Colour = Colour(0x7b, 0x87, 0x94);
pub(super) const BAR: Colour = Colour(0x2f, 0x6f, 0x9f);
pub(super) const WARNING: Colour = Colour(0xb4, 0x53, 0x09);
pub(super) const WARNING_GROUND: Colour = Colour(0xff, 0xf7, 0xe6);

/// A font at a size, in points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Font {
    pub(super) weight: Weight,
    pub(super) size: f32,
}

impl Font {
    pub(super) const fn regular(size: f32) -> Self {
        let weight = Weight::Regular;
        Self { weight, size }
    }

    pub(super) const fn bold(size: f32) -> Self {
        let weight = Weight::Bold;
        Self { weight, size }
    }

    /// From one line to the next.
    pub(super) const fn leading(self) -> f32 {
        self.size * 1.35
    }
}

/// What is drawn.
#[derive(Debug, Clone)]
pub(super) enum Mark {
    /// A text whose line begins there.
    Text {
        x: f32,
        y: f32,
        font: Font,
        text: String,
        colour: Colour,
    },
    /// A filled box.
    Box {
        x: f32,
        y: f32,
        w: f32,
        h: f32,
        colour: Colour,
    },
}

/// On which side a text begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
    Middle,
}

const MARGIN: f32 = 48.0;
/// What is kept free at the bottom for the line with the page's number.
const FOOT: f32 = 24.0;

/// Pages of one size. Points are counted from the upper left corner.
pub(super) struct Sheet<'f> {
    pub(super) faces: &'f Faces,
    width: f32,
    height: f32,
    pages: Vec<Vec<Mark>>,
    /// How far the page is filled.
    pub(super) y: f32,
    replaced: Cell<bool>,
}

impl<'f> Sheet<'f> {
    /// An empty page: of US Letter in the United States, of A4 elsewhere.
    pub(super) fn new(locale: Locale, faces: &'f Faces) -> Self {
        let (width, height) = match locale {
            Locale::EnUs => (612.0, 792.0),
            _ => (595.28, 841.89),
        };
        Self {
            faces,
            width,
            height,
            pages: vec![Vec::new()],
            y: MARGIN,
            replaced: Cell::new(false),
        }
    }

    pub(super) const fn size(&self) -> (f32, f32) {
        (self.width, self.height)
    }

    pub(super) fn pages(&self) -> &[Vec<Mark>] {
        &self.pages
    }

    /// Where lines begin.
    pub(super) const fn left(&self) -> f32 {
        MARGIN
    }

    /// Where lines end.
    pub(super) const fn right(&self) -> f32 {
        self.width - MARGIN
    }

    /// Whether a character had to be replaced that the fonts do not have.
    pub(super) const fn has_replaced(&self) -> bool {
        self.replaced.get()
    }

    /// A text as it can be drawn.
    pub(super) fn printable(&self, text: &str) -> String {
        let printable = self.faces.printable(text);
        if printable.contains(REPLACEMENT) {
            self.replaced.set(true);
        }
        printable
    }

    /// Whether so much more fits on the page.
    pub(super) const fn has_room(&self, height: f32) -> bool {
        self.y + height <= self.height - MARGIN - FOOT
    }

    pub(super) fn turn(&mut self) {
        self.pages.push(Vec::new());
        self.y = MARGIN;
    }

    /// Turns the page if so much does not fit on it any more.
    pub(super) fn make_room(&mut self, height: f32) {
        if !self.has_room(height) {
            self.turn();
        }
    }

    pub(super) fn mark(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    pub(super) fn fill(&mut self, x: f32, y: f32, (w, h): (f32, f32), colour: Colour) {
        self.mark(Mark::Box { x, y, w, h, colour });
    }

    /// A rule over the width of the page, where it is filled to.
    pub(super) fn rule(&mut self, colour: Colour, thick: f32) {
        let (left, wide) = (self.left(), self.right() - self.left());
        self.fill(left, self.y, (wide, thick), colour);
    }

    /// One line of text with its baseline at `y`, beginning, ending or centred at `x`.
    pub(super) fn text(&mut self, (x, y): (f32, f32), side: Side, font: Font, colour: Colour, text: &str) {
        let text = self.printable(text);
        if text.is_empty() {
            return;
        }
        let wide = self.faces.width(font.weight, &text) * font.size;
        let x = match side {
            Side::Left => x,
            Side::Right => x - wide,
            Side::Middle => x - wide / 2.0,
        };
        self.mark(Mark::Text {
            x,
            y,
            font,
            text,
            colour,
        });
    }

    /// A text in lines of some width, the first of them `y` below the top; answers how high it is.
    pub(super) fn paragraph(
        &mut self,
        (x, y): (f32, f32),
        wide: f32,
        font: Font,
        colour: Colour,
        text: &str,
    ) -> f32 {
        let lines = self.wrapped(text, wide, font);
        for (place, line) in lines.iter().enumerate() {
            let baseline = y + font.size + font.leading() * place as f32;
            self.text((x, baseline), Side::Left, font, colour, line);
        }
        font.leading() * lines.len() as f32
    }

    pub(super) fn wrapped(&self, text: &str, wide: f32, font: Font) -> Vec<String> {
        self.faces
            .wrapped(font.weight, &self.printable(text), font.size, wide)
    }

    /// Writes at the foot of each page what bill it belongs to, and which of how many it is.
    pub(super) fn number_pages(&mut self, bill: &str) {
        let bill = self.printable(bill);
        let count = self.pages.len();
        let font = Font::regular(7.5);
        let (left, right, y) = (self.left(), self.right(), self.height - MARGIN + 4.0);
        for (place, page) in self.pages.iter_mut().enumerate() {
            let number = format!("Page {} of {count}", place + 1);
            let wide = self.faces.width(font.weight, &number) * font.size;
            let room = right - left - wide - 12.0;
            let lines = self.faces.wrapped(font.weight, &bill, font.size, room);
            let first = lines.into_iter().next().unwrap_or_default();
            for (x, text) in [(left, first), (right - wide, number)] {
                page.push(Mark::Text {
                    x,
                    y,
                    font,
                    text,
                    colour: GREY,
                });
            }
        }
    }
}
