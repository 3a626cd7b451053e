//! The two fonts, and how wide texts are in them.
//!
//! They hold Latin, Greek and Cyrillic letters, signs and currencies. What they do not have is shown as `�`, never
//! left out.

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider as _};

static REGULAR: &[u8] = include_bytes!("../../fonts/NotoSans-Regular.ttf");
static BOLD: &[u8] = include_bytes!("../../fonts/NotoSans-Bold.ttf");

/// What stands for a character that the fonts do not have.
pub(super) const REPLACEMENT: char = '\u{fffd}';

/// Which of the fonts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

struct Face {
    drawn: Font,
    measured: FontRef<'static>,
    units_per_em: f32,
}

impl Face {
    fn new(bytes: &'static [u8]) -> Option<Self> {
        let measured = FontRef::new(bytes).ok()?;
        let units_per_em = measured
            .metrics(Size::unscaled(), LocationRef::default())
            .units_per_em;
        Some(Self {
            drawn: Font::new(bytes.into(), 0)?,
            measured,
            units_per_em: f32::from(units_per_em),
        })
    }

    /// The glyph of a character, and how wide it is in parts of the size.
    fn glyph(&self, char: char) -> Option<(GlyphId, f32)> {
        let id = self.measured.charmap().map(char)?;
        let metrics = self
            .measured
            .glyph_metrics(Size::unscaled(), LocationRef::default());
        let wide = metrics.advance_width(id)? / self.units_per_em;
        Some((GlyphId::new(id.to_u32()), wide))
    }
}

/// Both fonts.
pub(super) struct Faces {
    regular: Face,
    bold: Face,
}

impl Faces {
    pub(super) fn new() -> Option<Self> {
        Some(Self {
            regular: Face::new(REGULAR)?,
            bold: Face::new(BOLD)?,
        })
    }

    const fn face(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    pub(super) fn drawn(&self, weight: Weight) -> Font {
        self.face(weight).drawn.clone()
    }

    /// A text with everything in it that the fonts have.
    pub(super) fn printable(&self, text: &str) -> String {
        let printable = |char: char| match char {
            '\t' | '\n' | '\r' => ' ',
            char if self.regular.glyph(char).is_some() && self.bold.glyph(char).is_some() => char,
            _ => REPLACEMENT,
        };
        text.chars().map(printable).collect()
    }

    pub(super) fn glyphs(&self, weight: Weight, text: &str) -> Vec<KrillaGlyph> {
        let face = self.face(weight);
        let glyphs = text.char_indices().filter_map(|(start, char)| {
            let (id, wide) = face.glyph(char)?;
            let range = start..start + char.len_utf8();
            Some(KrillaGlyph::new(id, wide, 0.0, 0.0, 0.0, range, None))
        });
        glyphs.collect()
    }

    /// How wide a text is at a size of 1.
    pub(super) fn width(&self, weight: Weight, text: &str) -> f32 {
        let face = self.face(weight);
        text.chars()
            .filter_map(|char| face.glyph(char))
            .map(|(_, wide)| wide)
            .sum()
    }

    /// A text in lines that are no wider than that: broken at blanks, and inside of words that are wider.
    pub(super) fn wrapped(&self, weight: Weight, text: &str, size: f32, wide: f32) -> Vec<String> {
        let fits = |line: &str| self.width(weight, line) * size <= wide;
        let mut lines: Vec<String> = Vec::new();
        let mut line = String::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let longer = if line.is_empty() {
                word.to_owned()
            } else {
                format!("{line} {word}")
            };
            if fits(&longer) {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for char in word.chars() {
                line.push(char);
                if !fits(&line) && line.chars().count() > 1 {
                    line.pop();
                    lines.push(std::mem::replace(&mut line, char.to_string()));
                }
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }
}
