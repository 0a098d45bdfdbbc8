//! Where glyphs come to stand: matrices (ISO 32000-1 section 8.3), and the pen that goes along a string.

use super::content::State;
use super::file::File;
use super::font::Font;
use super::object::Dict;
use super::words::Spot;

/// A matrix as PDF writes it.
pub(super) type Matrix = [f64; 6];

pub(super) const IDENTITY: Matrix = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

/// First the left, then the right.
pub(super) fn times(left: &Matrix, right: &Matrix) -> Matrix {
    let [a, b, c, d, e, f] = *left;
    let [g, h, i, j, k, l] = *right;
    [a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + l]
}

/// A matrix that stands in a dictionary.
pub(super) fn matrix(file: &File<'_>, dict: &Dict) -> Matrix {
    let list = file.at(dict, b"Matrix");
    let numbers: Vec<f64> =
        list.array().unwrap_or_default().iter().filter_map(|item| file.resolve(item).number()).collect();
    numbers.try_into().unwrap_or(IDENTITY)
}

/// Six operands.
pub(super) fn six(number: &dyn Fn(usize) -> f64) -> Matrix {
    std::array::from_fn(number)
}

/// Where the glyphs of one string come to stand.
pub(super) struct Pen {
    angle: i16,
    at: f64,
    line: f64,
    /// Points of the page for one unit of text.
    scale: f64,
    size: f64,
}

impl Pen {
    /// None where nothing can be seen for size or number.
    pub(super) fn new(state: &State, matrix: &Matrix, font: &Font) -> Option<Self> {
        let [a, b, c, d, ..] = *matrix;
        let (mut x, mut y) = if font.vertical { (-c, -d) } else { (a, b) };
        let length = x.hypot(y);
        let across = if font.vertical { a.hypot(b) } else { (a * d - b * c).abs() / length };
        // A negative size or stretch writes to the left.
        let backwards = !font.vertical && (state.size < 0.0) != (state.stretch < 0.0);
        if backwards {
            (x, y) = (-x, -y);
        }
        let angle = (y.atan2(x).to_degrees() * 10.0).round();
        let size = (state.size.abs() * across * font.em).max(0.01);
        if !(length > 0.0 && length.is_finite() && size.is_finite() && angle.is_finite()) {
            return None;
        }
        let angle = if angle == -1800.0 { 1800.0 } else { angle };
        let (sin, cos) = (angle / 10.0).to_radians().sin_cos();
        let [_, _, _, _, left, up] = times(&[1.0, 0.0, 0.0, 1.0, 0.0, state.rise], matrix);
        Some(Self {
            angle: angle as i16,
            at: left * cos + up * sin,
            line: up * cos - left * sin,
            scale: if backwards { -length } else { length },
            size,
        })
    }

    /// The next glyph, so wide and with so much space behind it, in units of text.
    pub(super) fn glyph(&mut self, width: f64, spacing: f64) -> Spot {
        let (width, spacing) = (width * self.scale, spacing * self.scale);
        let from = self.at;
        self.at += width + spacing;
        // Letter spacing belongs to the glyph; what is wider than a letter divides.
        let to = from + width + if spacing.abs() < self.size { spacing } else { 0.0 };
        Spot { angle: self.angle, from: from as f32, to: to as f32, line: self.line as f32, size: self.size as f32 }
    }
}
