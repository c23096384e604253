//! Drawing: shapes and text in user units, turned into SVG, and into PNG by resvg with a font that
//! ships along.

use crate::support::text::printable;
use anyhow::{Context, Result};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};
use std::fmt::Write;

const FONT: &[u8] = include_bytes!("../../../assets/DejaVuSans.ttf");
/// Pixels of the PNG a user unit.
const ZOOM: f32 = 2.0;

/// A drawing of fixed size on white.
#[derive(Clone, Debug)]
pub struct Drawing {
    width: f64,
    height: f64,
    body: String,
}

/// Where a text stands with respect to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// It is centred there.
    Middle,
    /// It ends there.
    End,
}

impl Drawing {
    /// An empty drawing.
    #[must_use]
    pub fn new(width: f64, height: f64) -> Drawing {
        Drawing {
            width,
            height,
            body: String::new(),
        }
    }

    fn add(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.body.write_fmt(element);
        self.body.push('\n');
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.add(format_args!(
            r#"<line x1="{x1:.2}" y1="{y1:.2}" x2="{x2:.2}" y2="{y2:.2}" stroke="{colour}" stroke-width="{width}"/>"#
        ));
    }

    /// A line through points.
    pub fn polyline(&mut self, points: &[(f64, f64)], colour: &str, width: f64) {
        let path = path_of(points);
        self.add(format_args!(
            r#"<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"/>"#
        ));
    }

    /// A filled area.
    pub fn area(&mut self, points: &[(f64, f64)], colour: &str, opacity: f64) {
        let path = path_of(points);
        self.add(format_args!(
            r#"<path d="{path}Z" fill="{colour}" fill-opacity="{opacity}"/>"#
        ));
    }

    /// A filled rectangle.
    pub fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, colour: &str) {
        self.add(format_args!(
            r#"<rect x="{x:.2}" y="{y:.2}" width="{width:.2}" height="{height:.2}" fill="{colour}"/>"#
        ));
    }

    /// A dot.
    pub fn dot(&mut self, x: f64, y: f64, radius: f64, colour: &str) {
        self.add(format_args!(
            r#"<circle cx="{x:.2}" cy="{y:.2}" r="{radius}" fill="{colour}"/>"#
        ));
    }

    /// A circle.
    pub fn ring(&mut self, x: f64, y: f64, radius: f64, colour: &str) {
        self.add(format_args!(
            r#"<circle cx="{x:.2}" cy="{y:.2}" r="{radius}" fill="none" stroke="{colour}" stroke-width="1"/>"#
        ));
    }

    /// A text.
    pub fn text(&mut self, x: f64, y: f64, size: f64, anchor: Anchor, text: &str) {
        self.turned_text(x, y, size, anchor, 0.0, text);
    }

    /// A text turned by `angle` degrees about its point.
    pub fn turned_text(
        &mut self,
        x: f64,
        y: f64,
        size: f64,
        anchor: Anchor,
        angle: f64,
        text: &str,
    ) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };

        let turn = if angle == 0.0 {
            String::new()
        } else {
            format!(r#" transform="rotate({angle} {x:.2} {y:.2})""#)
        };

        let text = escaped(text);
        self.add(format_args!(
            r#"<text x="{x:.2}" y="{y:.2}" font-size="{size}" text-anchor="{anchor}"{turn}>{text}</text>"#
        ));
    }

    /// The drawing as an SVG file.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let Drawing {
            width,
            height,
            body,
        } = self;

        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} \
             {height}\" font-family=\"DejaVu Sans, sans-serif\" fill=\"#222\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n{body}</svg>\n"
        )
    }

    /// The drawing as a PNG file.
    ///
    /// # Errors
    /// If the drawing is too large for memory.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let mut options = Options {
            font_family: "DejaVu Sans".into(),
            ..Options::default()
        };

        options.fontdb_mut().load_font_data(FONT.to_vec());

        let tree =
            Tree::from_str(&self.to_svg(), &options).context("the figure is no valid SVG")?;
        let size = (
            (self.width as f32 * ZOOM) as u32,
            (self.height as f32 * ZOOM) as u32,
        );
        let mut pixels = Pixmap::new(size.0, size.1).context("the figure is too large")?;

        resvg::render(
            &tree,
            Transform::from_scale(ZOOM, ZOOM),
            &mut pixels.as_mut(),
        );

        pixels
            .encode_png()
            .context("the figure cannot be written as PNG")
    }
}

/// Text that XML takes for nothing but text.
fn escaped(text: &str) -> String {
    printable(text)
        .replace(['\n', '\t'], " ")
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn path_of(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (i, (x, y)) in points.iter().enumerate() {
        let _ = write!(path, "{}{x:.2} {y:.2}", if i == 0 { 'M' } else { 'L' });
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_drawn_with_the_font_that_ships_along() {
        let blank = Drawing::new(60.0, 20.0).to_png().unwrap();
        let mut drawing = Drawing::new(60.0, 20.0);
        drawing.text(5.0, 15.0, 12.0, Anchor::Start, "a < b & µ");
        assert_ne!(drawing.to_png().unwrap(), blank);
    }
}
