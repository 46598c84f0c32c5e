//! Round trips, and searches against a walk over all places.

use super::area::{Outline, Shape};
use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;

fn point() -> impl Strategy<Value = Point> {
    let near = (-3.0..3.0_f64, -3.0..3.0_f64);
    let anywhere = (-180.0..180.0_f64, -85.0..85.0_f64);
    prop_oneof![near, anywhere].prop_map(|(longitude, latitude)| Point { longitude, latitude })
}

/// Naive: bit by bit.
fn bits_by_hand(point: Point) -> u64 {
    let (mut west, mut east, mut south, mut north) = (-180.0, 180.0, LATITUDE.min, LATITUDE.max);
    let mut bits = 0;
    let halve = |low: &mut f64, high: &mut f64, value: f64, bits: &mut u64| {
        let middle = (*low + *high) / 2.0;
        let is_above = value >= middle;
        *bits = *bits << 1 | u64::from(is_above);
        if is_above { *low = middle } else { *high = middle }
    };
    for _ in 0..STEPS_MAX {
        halve(&mut west, &mut east, point.longitude, &mut bits);
        halve(&mut south, &mut north, point.latitude, &mut bits);
    }
    bits
}

#[test]
fn known_places_have_known_hashes() {
    let palermo = Point { longitude: 13.361389, latitude: 38.115556 };
    let catania = Point { longitude: 15.087269, latitude: 37.502669 };
    assert_eq!((palermo.bits(), catania.bits()), (3_479_099_956_230_698, 3_479_447_370_796_909));
    let there = Point::of_score(palermo.bits() as f64);
    assert_eq!(&there.geohash(), b"sqc8b49rny0");
    let distance = there.distance_m(Point::of_score(catania.bits() as f64));
    assert_eq!(alloc::format!("{distance:.4}"), "166274.1516");
}

#[test]
fn the_edge_has_one_bit_more() {
    let edge = Point { longitude: 180.0, latitude: 0.0 };
    assert!(edge.is_valid());
    assert!(edge.bits() >> 53 == 1);
    assert_eq!(Point::of_score(f64::INFINITY).longitude.signum(), -1.0);
}

proptest! {
    #[test]
    fn a_score_stands_for_its_place(point in point()) {
        let score = point.bits() as f64;
        let again = Point::of_score(score);
        prop_assert!(point.distance_m(again) < 0.6);
        prop_assert_eq!(again.bits() as f64, score);
        // Rounding may differ at the border of a cell.
        let by_hand = bits_by_hand(point);
        prop_assert!(Point::of_score(by_hand as f64).distance_m(again) < 1.2);
    }

    #[test]
    fn bits_come_apart_and_together(x: u32, y: u32) {
        let bits = interleave(x, y);
        prop_assert_eq!((odd_bits(bits), odd_bits(bits << 1)), (x, y));
        for at in 0..32 {
            prop_assert_eq!(bits >> (2 * at) & 1, u64::from(y >> at & 1));
            prop_assert_eq!(bits >> (2 * at + 1) & 1, u64::from(x >> at & 1));
        }
    }

    #[test]
    fn a_search_finds_what_a_walk_over_all_finds(
        points in prop::collection::vec(point(), 0..200),
        center in (-60.0..60.0_f64, -60.0..60.0_f64),
        sizes in (0.0..3.0e6_f64, 0.0..3.0e6_f64),
        is_circle: bool,
    ) {
        let center = Point { longitude: center.0, latitude: center.1 };
        let outline = match is_circle {
            true => Outline::Circle { radius: sizes.0 / 2.0 },
            false => Outline::Box { width: sizes.0, height: sizes.1 },
        };
        let shape = Shape { center, outline, meters_per_unit: 1.0 };
        let is_inside = |score: &f64| shape.distance_m(Point::of_score(*score)).is_some();
        let scores: Vec<f64> = points.iter().map(|point| point.bits() as f64).collect();
        let mut expected: Vec<f64> = scores.iter().copied().filter(is_inside).collect();
        let mut found = Vec::new();
        for (first, end) in shape.cells().map(Cell::scores) {
            let in_cell = scores.iter().copied().filter(|score| (first..end).contains(score));
            found.extend(in_cell.filter(is_inside));
        }
        expected.sort_by(f64::total_cmp);
        found.sort_by(f64::total_cmp);
        prop_assert_eq!(found, expected);
    }
}
