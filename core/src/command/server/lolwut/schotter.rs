//! A grid of squares that falls into disorder from top to bottom, after Georg Nees's Schotter.
//!
//! A character of the picture is a Braille pattern, two dots wide and four high. A square is turned
//! by the tangent of half its angle, which gives sine and cosine without a table of either: the
//! picture is the same on every machine.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::rng::Rng;

/// Dots of the picture's height at most; what would lie below is left out.
const HEIGHT_MAX: f64 = 4000.0;

/// The picture, `columns` characters wide, with `across` times `down` squares.
pub(super) fn drawn(columns: usize, across: usize, down: usize, rng: &mut Rng) -> String {
    let width = columns as f64 * 2.0;
    let margin = if width > 4.0 { 2.0 } else { 0.0 };
    let side = (width - 2.0 * margin) / across as f64;
    let rows = down.min((HEIGHT_MAX / side) as usize).max(1);
    let height = (side * rows as f64 + 2.0 * margin) as usize;
    let mut canvas = Canvas::new(columns, height.div_ceil(4).max(1));
    for y in 0..rows {
        // The first two rows are in order.
        let disorder = if y < 2 { 0.0 } else { y as f64 / down as f64 };
        for x in 0..across {
            let mut chance = || disorder * (rng.below(2001) as f64 / 1000.0 - 1.0);
            let square = Square {
                x: margin + (x as f64 + 0.5 + chance() / 3.0) * side,
                y: margin + (y as f64 + 0.5 + chance() / 3.0) * side,
                side,
                tan_half: chance() / 2.0,
            };
            square.draw(&mut canvas);
        }
    }
    let mut text = canvas.text();
    text.push_str("\nAfter Georg Nees: Schotter, 1968. ");
    text
}

/// A square by its centre and its turn.
struct Square {
    x: f64,
    y: f64,
    side: f64,
    /// Tangent of half the angle by which it is turned.
    tan_half: f64,
}

impl Square {
    fn draw(&self, canvas: &mut Canvas) {
        let t = self.tan_half;
        let (sin, cos) = (2.0 * t / (1.0 + t * t), (1.0 - t * t) / (1.0 + t * t));
        let half = self.side / 2.0;
        let corner = |x: f64, y: f64| {
            let (x, y) = (x * half, y * half);
            ((self.x + x * cos - y * sin) as i32, (self.y + x * sin + y * cos) as i32)
        };
        let corners = [corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)];
        for (at, &from) in corners.iter().enumerate() {
            canvas.line(from, corners[(at + 1) % 4]);
        }
    }
}

/// Dots, kept as the low byte of Braille patterns.
struct Canvas {
    columns: usize,
    cells: Vec<u8>,
}

impl Canvas {
    fn new(columns: usize, rows: usize) -> Self {
        Self { columns, cells: vec![0; columns * rows] }
    }

    /// Sets a dot; one outside of the picture is lost.
    fn dot(&mut self, x: i32, y: i32) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x >= self.columns * 2 {
            return;
        }
        if let Some(cell) = self.cells.get_mut(y / 4 * self.columns + x / 2) {
            *cell |= DOTS[y % 4][x % 2];
        }
    }

    /// Draws from one dot to the other, one dot at a time along the longer way.
    fn line(&mut self, from: (i32, i32), to: (i32, i32)) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let steps = dx.abs().max(dy.abs());
        for step in 0..=steps {
            let along = |start: i32, way: i32| {
                // Rounded to the nearest, whichever way it goes.
                start + (2 * way * step + steps.max(1)).div_euclid(2 * steps.max(1))
            };
            self.dot(along(from.0, dx), along(from.1, dy));
        }
    }

    fn text(&self) -> String {
        let mut text = String::with_capacity(self.cells.len() * 3 + 100);
        for row in self.cells.chunks(self.columns) {
            text.extend(row.iter().filter_map(|&cell| char::from_u32(0x2800 + u32::from(cell))));
            text.push('\n');
        }
        text
    }
}

/// The bit of each dot of a pattern, by row and column.
const DOTS: [[u8; 2]; 4] = [[1, 8], [2, 16], [4, 32], [64, 128]];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_in_order_has_four_sides() {
        let text = drawn(6, 1, 1, &mut Rng::new([0; 32]));
        let rows: Vec<&str> = text.lines().take(3).collect();
        let expected = [
            "\u{2800}\u{2864}\u{2824}\u{2824}\u{2824}\u{2844}",
            "\u{2800}\u{2847}\u{2800}\u{2800}\u{2800}\u{2847}",
            "\u{2800}\u{2827}\u{2824}\u{2824}\u{2824}\u{2807}",
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn any_size_is_drawn_within_bounds() {
        for (columns, across, down) in [(1, 1, 1), (1, 200, 200), (1000, 1, 200), (1000, 200, 1)] {
            let text = drawn(columns, across, down, &mut Rng::new([1; 32]));
            let rows = text.lines().take_while(|line| !line.is_empty()).count();
            assert!((1..=1001).contains(&rows), "{rows} rows");
        }
    }
}
