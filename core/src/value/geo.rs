//! Places on the earth as the scores of a sorted set.
//!
//! Longitude and latitude are each halved 26 times, and the bits of the two numbers in turns are
//! one number of 52 bits: a score that a double holds exactly. Two places in the same cell of a
//! grid have the same first bits, so a cell is a range of scores, whatever its size; a search looks
//! at the nine cells around its middle (see [`area`]).
//!
//! The grid ends at 85.05112878 degrees north and south, as that of Web Mercator does. At the very
//! edge, 180 degrees east or that far north, a coordinate has one bit more than 26: such places lie
//! beyond all others, as in Redis, and only a search from there finds them. Distances are those on
//! a ball (haversine).

pub mod area;

use core::f64::consts::PI;

/// Halvings of each coordinate in a score.
pub const STEPS_MAX: u8 = 26;

const LONGITUDE: Range = Range { min: -180.0, max: 180.0 };
const LATITUDE: Range = Range { min: -85.051_128_78, max: 85.051_128_78 };
/// Of geohashes as texts.
const LATITUDE_WHOLE: Range = Range { min: -90.0, max: 90.0 };

const EARTH_RADIUS_M: f64 = 6_372_797.560_856;

/// The digits of a geohash: no a, i, l, o.
const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// Where a coordinate may be.
#[derive(Clone, Copy, Debug)]
struct Range {
    min: f64,
    max: f64,
}

impl Range {
    /// In which of the `2^steps` parts a value is.
    fn part(self, value: f64, steps: u8) -> u32 {
        let offset = (value - self.min) / (self.max - self.min);
        (offset * parts(steps)) as u32
    }

    /// Where a part begins; the next one begins where it ends.
    fn begin(self, part: u64, steps: u8) -> f64 {
        self.min + part as f64 / parts(steps) * (self.max - self.min)
    }

    /// A part's middle, within the range.
    fn middle(self, part: u64, steps: u8) -> f64 {
        let middle = (self.begin(part, steps) + self.begin(part + 1, steps)) / 2.0;
        middle.clamp(self.min, self.max)
    }
}

fn parts(steps: u8) -> f64 {
    (1_u64 << steps) as f64
}

/// A place, in degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Degrees east.
    pub longitude: f64,
    /// Degrees north.
    pub latitude: f64,
}

impl Point {
    /// Whether it is on the grid.
    #[must_use]
    pub fn is_valid(self) -> bool {
        (LONGITUDE.min..=LONGITUDE.max).contains(&self.longitude)
            && (LATITUDE.min..=LATITUDE.max).contains(&self.latitude)
    }

    /// The number that is its score.
    #[must_use]
    pub fn bits(self) -> u64 {
        Cell::around(self, STEPS_MAX).bits()
    }

    /// The place that a score stands for; any score stands for one.
    #[must_use]
    pub fn of_score(score: f64) -> Self {
        let bits = bits_of(score);
        let (longitude, latitude) = (odd_bits(bits), odd_bits(bits << 1));
        Self {
            longitude: LONGITUDE.middle(longitude.into(), STEPS_MAX),
            latitude: LATITUDE.middle(latitude.into(), STEPS_MAX),
        }
    }

    /// The geohash that others use: eleven digits of five bits, on a grid that goes to the poles.
    /// There are 52 bits, so the last digit is 0.
    #[must_use]
    pub fn geohash(self) -> [u8; 11] {
        let x = LONGITUDE.part(self.longitude, STEPS_MAX);
        let y = LATITUDE_WHOLE.part(self.latitude, STEPS_MAX);
        let bits = interleave(x, y);
        let digit = |at: usize| match at {
            10 => DIGITS[0],
            _ => DIGITS[(bits >> (52 - (at + 1) * 5)) as usize & 31],
        };
        core::array::from_fn(digit)
    }

    /// Meters from here to there over the ground.
    #[must_use]
    pub fn distance_m(self, other: Self) -> f64 {
        let across = libm::sin((radians(other.longitude) - radians(self.longitude)) / 2.0);
        if across == 0.0 {
            return self.latitude_distance_m(other);
        }
        let (from, to) = (radians(self.latitude), radians(other.latitude));
        let along = libm::sin((to - from) / 2.0);
        let half_chord = along * along + libm::cos(from) * libm::cos(to) * across * across;
        2.0 * EARTH_RADIUS_M * libm::asin(libm::sqrt(half_chord))
    }

    /// Meters between the latitudes.
    fn latitude_distance_m(self, other: Self) -> f64 {
        EARTH_RADIUS_M * (radians(other.latitude) - radians(self.latitude)).abs()
    }
}

fn radians(degrees: f64) -> f64 {
    degrees * (PI / 180.0)
}

fn degrees(radians: f64) -> f64 {
    radians / (PI / 180.0)
}

/// A score as the number that C makes of it on x86: what is negative or too large was never made
/// of a place, but is answered all the same.
fn bits_of(score: f64) -> u64 {
    const TOO_LARGE: f64 = 18_446_744_073_709_551_616.0;
    match score {
        score if score < 0.0 => score as i64 as u64,
        score if score >= TOO_LARGE => 0,
        score => score as u64,
    }
}

/// A cell of the grid with so many halvings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    x: u32,
    y: u32,
    steps: u8,
}

impl Cell {
    /// The cell that a place is in.
    #[must_use]
    pub fn around(point: Point, steps: u8) -> Self {
        let x = LONGITUDE.part(point.longitude, steps);
        let y = LATITUDE.part(point.latitude, steps);
        Self { x, y, steps }
    }

    fn bits(self) -> u64 {
        interleave(self.x, self.y)
    }

    /// The scores of the places in it: from the first on, and below the second.
    #[must_use]
    pub fn scores(self) -> (f64, f64) {
        let shift = 2 * (STEPS_MAX - self.steps);
        ((self.bits() << shift) as f64, ((self.bits() + 1) << shift) as f64)
    }

    /// A neighbour, so many cells to the east and north; the grid goes round in both directions.
    fn beside(self, east: i32, north: i32) -> Self {
        let mask = ((1_u64 << self.steps) - 1) as u32;
        let moved = |from: u32, by: i32| match by {
            0 => from,
            by => from.wrapping_add_signed(by) & mask,
        };
        Self { x: moved(self.x, east), y: moved(self.y, north), steps: self.steps }
    }

    fn west(self) -> f64 {
        LONGITUDE.begin(self.x.into(), self.steps)
    }

    fn east(self) -> f64 {
        LONGITUDE.begin(u64::from(self.x) + 1, self.steps)
    }

    fn south(self) -> f64 {
        LATITUDE.begin(self.y.into(), self.steps)
    }

    fn north(self) -> f64 {
        LATITUDE.begin(u64::from(self.y) + 1, self.steps)
    }
}

/// The bits of two numbers in turns, those of `odd` above those of `even`.
fn interleave(odd: u32, even: u32) -> u64 {
    spread(odd) << 1 | spread(even)
}

/// Leaves room for another bit above every bit.
fn spread(number: u32) -> u64 {
    let mut bits = u64::from(number);
    for (shift, mask) in SPREADS {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

/// Every other bit, from the second on.
fn odd_bits(bits: u64) -> u32 {
    let mut bits = bits >> 1 & 0x5555_5555_5555_5555;
    let masks = SPREADS.iter().rev().skip(1).map(|(_, mask)| *mask).chain([u32::MAX.into()]);
    for ((shift, _), mask) in SPREADS.iter().rev().zip(masks) {
        bits = (bits | bits >> shift) & mask;
    }
    bits as u32
}

/// Groups of bits come apart, in halves of halves.
const SPREADS: [(u32, u64); 5] = [
    (16, 0x0000_ffff_0000_ffff),
    (8, 0x00ff_00ff_00ff_00ff),
    (4, 0x0f0f_0f0f_0f0f_0f0f),
    (2, 0x3333_3333_3333_3333),
    (1, 0x5555_5555_5555_5555),
];

#[cfg(test)]
mod tests;
