//! Places on the earth: the number that stands for one, and how far two are apart.
//!
//! A coordinate is one of 2^26 steps from the least to the greatest; the bits of both in turns are
//! the score. These are plain sums and products of doubles in Redis's order, and so exact.
//! Distances are not: sines come from the library of whoever calculates, and may differ in the last
//! bit. So a distance is compared with some slack ([`SLACK`]), and where a search would be decided
//! within it, nothing is said of the result.

/// The greatest latitude on the map.
const NORTH: f64 = 85.05112878;
const EARTH_RADIUS_M: f64 = 6_372_797.560_856;
const STEPS: f64 = 67_108_864.0;
/// What two distances may differ by, as a part of them, and be the same.
const SLACK: f64 = 1e-11;

/// East and north, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place(pub(super) f64, pub(super) f64);

fn step(degrees: f64, most: f64) -> u64 {
    ((degrees + most) / (most + most) * STEPS) as u32 as u64
}

/// The middle of a step.
fn degrees(step: u64, most: f64) -> f64 {
    let begin = |step: u64| -most + step as f64 / STEPS * (most + most);
    ((begin(step) + begin(step + 1)) / 2.0).clamp(-most, most)
}

fn in_turns(east: u64, north: u64) -> u64 {
    (0..32).map(|bit| (east >> bit & 1) << (2 * bit + 1) | (north >> bit & 1) << (2 * bit)).sum()
}

/// A score as x86 makes an integer of it: those below 0 and above all never were a place.
fn integer(score: f64) -> u64 {
    match score {
        _ if score < 0.0 => score as i64 as u64,
        _ if score >= 18_446_744_073_709_551_616.0 => 0,
        _ => score as u64,
    }
}

impl Place {
    pub(super) fn is_on_the_map(self) -> bool {
        self.0.abs() <= 180.0 && self.1.abs() <= NORTH
    }

    pub(super) fn score(self) -> f64 {
        in_turns(step(self.0, 180.0), step(self.1, NORTH)) as f64
    }

    pub(super) fn of(score: f64) -> Self {
        let bits = integer(score);
        let every_other = |bits: u64| (0..32).map(|bit| (bits >> (2 * bit) & 1) << bit).sum();
        Self(degrees(every_other(bits >> 1), 180.0), degrees(every_other(bits), NORTH))
    }

    /// Eleven digits of five bits each, of steps that reach to the poles; the last one is 0.
    pub(super) fn geohash(self) -> Vec<u8> {
        const DIGITS: &[u8] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = in_turns(step(self.0, 180.0), step(self.1, 90.0));
        let digit = |at: u32| DIGITS[(bits >> (47 - 5 * at)) as usize & 31];
        (0..10).map(digit).chain([b'0']).collect()
    }

    /// Meters over the ground.
    pub(super) fn distance_m(self, other: Self) -> f64 {
        let [east, its_east] = [self.0, other.0].map(f64::to_radians);
        let across = ((its_east - east) / 2.0).sin();
        if across == 0.0 {
            return self.distance_north_m(other);
        }
        let [north, its_north] = [self.1, other.1].map(f64::to_radians);
        let along = ((its_north - north) / 2.0).sin();
        let both = along * along + north.cos() * its_north.cos() * across * across;
        2.0 * EARTH_RADIUS_M * both.sqrt().asin()
    }

    pub(super) fn distance_north_m(self, other: Self) -> f64 {
        EARTH_RADIUS_M * (other.1.to_radians() - self.1.to_radians()).abs()
    }
}

/// What a distance may be off by. Around the earth's other side a small difference of a sine is a
/// large one of an angle.
pub(super) fn slack(distance_m: f64) -> f64 {
    if distance_m < 15e6 { distance_m * SLACK } else { 1.0 }
}

/// What is searched.
pub(super) struct Shape {
    pub(super) center: Place,
    /// Half its width and its height in meters; of a circle its radius.
    pub(super) half_m: (f64, f64),
    pub(super) is_box: bool,
}

impl Shape {
    /// How far a place is from the middle, if it is inside; none when that cannot be told.
    pub(super) fn finds(&self, place: Place) -> Option<Option<f64>> {
        let distance_m = self.center.distance_m(place);
        let is_inside = if self.is_box {
            let north_m = self.center.distance_north_m(place);
            let beside = Place(self.center.0, place.1);
            let east_m = place.distance_m(beside);
            is_within(north_m, self.half_m.1)? && is_within(east_m, self.half_m.0)?
        } else {
            is_within(distance_m, self.half_m.0)?
        };
        Some(is_inside.then_some(distance_m))
    }

    /// Whether Redis finds all that is inside. It looks at some cells of its grid, which it does
    /// not choose well near a pole, where the map ends, and where the shape is as large as that.
    pub(super) fn is_tame(&self) -> bool {
        let (width, height) = self.half_m;
        let reach_m = if self.is_box { width.hypot(height) } else { width };
        let north = (reach_m / EARTH_RADIUS_M).to_degrees() + self.center.1.abs();
        let east = (reach_m / EARTH_RADIUS_M / north.to_radians().cos()).to_degrees();
        north < 75.0 && reach_m < 2e6 && east + self.center.0.abs() < 170.0
    }
}

fn is_within(distance_m: f64, limit_m: f64) -> Option<bool> {
    let is_decided = distance_m == 0.0 || (distance_m - limit_m).abs() > slack(distance_m);
    is_decided.then_some(distance_m <= limit_m)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_documentation() {
        let (palermo, catania) = (Place(13.361389, 38.115556), Place(15.087269, 37.502669));
        assert_eq!(palermo.score(), 3_479_099_956_230_698.0);
        let [palermo, catania] = [palermo, catania].map(|place| Place::of(place.score()));
        assert_eq!(format!("{:.4}", palermo.distance_m(catania)), "166274.1516");
        assert_eq!(palermo.geohash(), b"sqc8b49rny0");
        assert_eq!(catania.geohash(), b"sqdtr74hyu0");
        assert_eq!(format!("{:.17}", palermo.0), "13.36138933897018433");
    }

    #[test]
    fn any_score_is_a_place() {
        for score in [-1.0, f64::INFINITY, 1e18, 0.5] {
            assert!(Place::of(score).is_on_the_map(), "{score}");
        }
        assert!(Place(180.0, NORTH).is_on_the_map() && !Place(0.0, 86.0).is_on_the_map());
    }
}
