//! A skyline by night: three rows of houses, the nearest black with lit windows.
//!
//! A character of the picture is a space on a background of one of four grays.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::rng::Rng;

/// Foreground and background of the grays, from black to white, as terminals know them.
const GRAYS: [&str; 4] = ["30;40", "90;100", "37;47", "97;107"];

const BLACK: u8 = 0;
const WHITE: u8 = 3;

/// The picture, `columns` times `rows` characters.
pub(super) fn drawn(columns: usize, rows: usize, rng: &mut Rng) -> String {
    let mut picture = Picture { columns, rows, grays: vec![WHITE; columns * rows] };
    for (gray, height_percent) in [(2, 90), (1, 70), (BLACK, 50)] {
        picture.street(gray, rows * height_percent / 100, rng);
    }
    let mut text = picture.text();
    text.push_str("A town by night, for the game developers of 8 bits. ");
    text
}

struct Picture {
    columns: usize,
    rows: usize,
    grays: Vec<u8>,
}

impl Picture {
    /// A row of houses up to `height_max` high, from one side of the picture to the other.
    fn street(&mut self, gray: u8, height_max: usize, rng: &mut Rng) {
        let mut left = rng.below(6) as usize;
        while left < self.columns {
            let width = 7 + rng.below(7) as usize;
            let height = height_max / 3 + rng.below(height_max as u64 * 2 / 3 + 1) as usize;
            self.house(gray, left, width, height, rng);
            left += width + rng.below(4) as usize;
        }
    }

    fn house(&mut self, gray: u8, left: usize, width: usize, height: usize, rng: &mut Rng) {
        for up in 0..height.min(self.rows) {
            let row = self.rows - 1 - up;
            for x in 0..width.min(self.columns.saturating_sub(left)) {
                let is_window = gray == BLACK && x % 2 == 1 && x + 1 < width && up % 2 == 1;
                let is_lit = is_window && up + 1 < height && rng.below(3) == 0;
                self.grays[row * self.columns + left + x] = if is_lit { WHITE } else { gray };
            }
        }
    }

    fn text(&self) -> String {
        let mut text = String::with_capacity(self.grays.len() * 15 + 100);
        for row in self.grays.chunks(self.columns) {
            for &gray in row {
                text.push_str("\x1b[0;");
                text.push_str(GRAYS[usize::from(gray)]);
                text.push_str("m \x1b[0m");
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_the_picture_is_drawn() {
        for (columns, rows) in [(1, 1), (80, 20), (3, 1000)] {
            let text = drawn(columns, rows, &mut Rng::new([2; 32]));
            assert_eq!(text.matches("m \x1b[0m").count(), columns * rows);
            assert_eq!(text.lines().count(), rows + 1);
        }
        let text = drawn(80, 20, &mut Rng::new([2; 32]));
        GRAYS.iter().for_each(|gray| assert!(text.contains(gray), "{gray}"));
    }
}
