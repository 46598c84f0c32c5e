//! Bit operations against one bit at a time.

use super::*;
use alloc::{vec, vec::Vec};
use proptest::prelude::*;

/// The definition, with offsets resolved as the documentation of BITCOUNT says.
fn naive_range(units: i64, start: i64, end: i64) -> core::ops::RangeInclusive<i64> {
    let resolve = |offset: i64| if offset < 0 { (units + offset).max(0) } else { offset };
    resolve(start)..=resolve(end).min(units - 1)
}

fn naive_positions(bytes: &[u8], wanted: bool, start: i64, end: i64, unit: Unit) -> Vec<u64> {
    let bits = bytes.len() as i64 * 8;
    let range = match unit {
        Unit::Bit => naive_range(bits, start, end),
        Unit::Byte => naive_range(bits / 8, start, end),
    };
    let scale = if unit == Unit::Bit { 1 } else { 8 };
    (0..bits)
        .filter(|position| range.contains(&(position / scale)))
        .map(|position| position as u64)
        .filter(|position| bit(bytes, *position) == wanted)
        .collect()
}

fn unit(is_bit: bool) -> Unit {
    if is_bit { Unit::Bit } else { Unit::Byte }
}

proptest! {
    #[test]
    fn counts_all(bytes in proptest::collection::vec(any::<u8>(), 0..5000)) {
        let expected: u64 = bytes.iter().map(|byte| u64::from(byte.count_ones())).sum();
        prop_assert_eq!(count_ones(&bytes), expected);
    }

    #[test]
    fn counts_ranges(
        bytes in proptest::collection::vec(any::<u8>(), 0..12),
        start in -110i64..110, end in -110i64..110, is_bit: bool,
    ) {
        prop_assume!(!(start < 0 && end < 0 && start > end));
        let expected = naive_positions(&bytes, true, start, end, unit(is_bit)).len() as u64;
        prop_assert_eq!(bitcount(&bytes, start, end, unit(is_bit)), expected);
    }

    #[test]
    fn finds_the_first(
        runs in proptest::collection::vec((0usize..90, any::<u8>()), 0..4), wanted: bool,
        start in -110i64..110, end in proptest::option::of(-2200i64..2200), is_bit: bool,
    ) {
        let filler = if wanted { 0 } else { 0xff };
        let bytes_of = |(run, byte): &(usize, u8)| [vec![filler; *run], vec![*byte]].concat();
        let bytes: Vec<u8> = runs.iter().flat_map(bytes_of).collect();
        let unit = unit(is_bit && end.is_some());
        let all = naive_positions(&bytes, wanted, start, end.unwrap_or(-1), unit);
        let is_empty = naive_range(bytes.len() as i64, start, -1).is_empty();
        let past_end = (!wanted && end.is_none() && !is_empty).then_some(bytes.len() as u64 * 8);
        let expected = all.first().copied().or(past_end);
        prop_assert_eq!(bitpos(&bytes, wanted, start, end, unit), expected);
    }

    #[test]
    fn any_range_is_safe(bytes: Vec<u8>, start: i64, end: i64, is_bit: bool, wanted: bool) {
        let all = count_ones(&bytes);
        prop_assert!(bitcount(&bytes, start, end, unit(is_bit)) <= all);
        bitpos(&bytes, wanted, start, Some(end), unit(is_bit));
        bitpos(&bytes, wanted, start, None, Unit::Byte);
        bit(&bytes, start as u64);
    }
}

const KEY: &[u8] = b"\xff\xf0\x00\x0f\xff";

/// Answers of a real server for a key with these bytes.
#[test]
fn bitcount_of_a_real_server() {
    for (start, end, unit, expected) in [
        (0, -1, Unit::Byte, 24),
        (-1, 0, Unit::Byte, 0),
        (-2, -1, Unit::Byte, 12),
        (100, 200, Unit::Byte, 0),
        (-100, 0, Unit::Byte, 8),
        (-100, -90, Unit::Byte, 8),
        (-90, -100, Unit::Byte, 0),
        (4, 1, Unit::Byte, 0),
        (0, -100, Unit::Byte, 8),
        (5, 30, Unit::Bit, 10),
        (-3, -1, Unit::Bit, 3),
        (4, 4, Unit::Bit, 1),
        (i64::MIN, i64::MAX, Unit::Byte, 24),
        (i64::MIN, i64::MAX, Unit::Bit, 24),
    ] {
        assert_eq!(bitcount(KEY, start, end, unit), expected, "{start} {end} {unit:?}");
    }
    assert_eq!(bitcount(b"", 0, -1, Unit::Byte), 0);
}

/// Answers of a real server; `None` is its -1.
#[test]
fn bitpos_of_a_real_server() {
    let (ones, zeros) = (&b"\xff\xff\xff"[..], &b"\0\0\0"[..]);
    for (bytes, wanted, start, end, unit, expected) in [
        (KEY, false, 0, None, Unit::Byte, Some(12)),
        (KEY, false, 4, None, Unit::Byte, Some(40)),
        (KEY, false, 4, Some(-1), Unit::Byte, None),
        (KEY, false, 5, None, Unit::Byte, None),
        (KEY, true, 2, Some(2), Unit::Byte, None),
        (KEY, true, 2, None, Unit::Byte, Some(28)),
        (KEY, false, -1, None, Unit::Byte, Some(40)),
        (KEY, false, 5, Some(11), Unit::Bit, None),
        (KEY, true, 12, Some(27), Unit::Bit, None),
        (KEY, true, 12, Some(28), Unit::Bit, Some(28)),
        (KEY, true, -3, Some(-1), Unit::Bit, Some(37)),
        (ones, false, 0, None, Unit::Byte, Some(24)),
        (ones, false, 0, Some(-1), Unit::Byte, None),
        (ones, false, 0, Some(100), Unit::Bit, None),
        (zeros, true, 0, None, Unit::Byte, None),
        (zeros, false, -90, Some(-100), Unit::Byte, Some(0)),
        (zeros, false, -2, Some(-3), Unit::Byte, None),
        (b"", false, 0, None, Unit::Byte, None),
    ] {
        assert_eq!(bitpos(bytes, wanted, start, end, unit), expected, "{wanted} {start} {end:?}");
    }
}
