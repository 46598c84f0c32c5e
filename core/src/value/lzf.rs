//! LZF, the compression of strings in RDB files (the format of liblzf).
//!
//! A control byte below 32 is followed by that many plus one literal bytes. Any other holds a
//! length in its upper three bits (7 means that the next byte is added) and the upper five bits
//! of a distance, whose lower byte follows: copy length plus two bytes from distance plus one
//! back, where the copy may overlap what it writes. The compressor keeps the last position of
//! each hash of three bytes and takes what matches there; its output may differ from liblzf's but
//! reads alike. The decompressor gets bytes from files and from RESTORE: it checks every step
//! and allocates no more than the input could really expand to.

use alloc::{vec, vec::Vec};

/// Compresses to at most `bytes_max` bytes, or `None` if that does not suffice. Redis tries
/// strings of more than 20 bytes and wants to save at least 4.
pub fn compress(input: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    let mut history = History::for_input(input.len())?;
    let mut out = Vec::with_capacity(bytes_max.min(input.len()));
    let (mut position, mut literals_from) = (0, 0);
    while let Some(key) = input.get(position..)?.first_chunk() {
        let earlier = history.replace(*key, position);
        let Some((distance, length)) = find_match(input, earlier, position) else {
            position += 1;
            continue;
        };
        push_literals(&mut out, input.get(literals_from..position)?);
        push_match(&mut out, distance, length);
        if out.len() > bytes_max {
            return None;
        }
        position += length;
        literals_from = position;
    }
    push_literals(&mut out, input.get(literals_from..)?);
    (out.len() <= bytes_max).then_some(out)
}

/// Decompresses to exactly `byte_count` bytes; `None` if the input is malformed or has another
/// length.
pub fn decompress(input: &[u8], byte_count: usize) -> Option<Vec<u8>> {
    if byte_count > input.len().saturating_mul(EXPANSION_MAX) {
        return None;
    }
    let mut out = Vec::with_capacity(byte_count);
    let mut rest = input;
    while let [control, tail @ ..] = rest {
        let before = out.len();
        rest = match control {
            0..LITERALS_MAX => {
                let (literals, tail) = tail.split_at_checked(usize::from(*control) + 1)?;
                out.extend_from_slice(literals);
                tail
            }
            _ => copy_match(&mut out, *control, tail)?,
        };
        debug_assert!(out.len() > before);
        if out.len() > byte_count {
            return None;
        }
    }
    (out.len() == byte_count).then_some(out)
}

/// Positions of three-byte sequences seen, by hash.
struct History {
    /// Position plus one; 0 is none.
    last_seen: Vec<u32>,
    hash_bits: u32,
}

impl History {
    /// `None` for inputs of 4 GB, whose positions would not fit.
    fn for_input(byte_count: usize) -> Option<Self> {
        let byte_count = u32::try_from(byte_count).ok()?;
        let hash_bits = (u32::BITS - byte_count.leading_zeros()).clamp(6, 14);
        Some(Self { last_seen: vec![0; 1 << hash_bits], hash_bits })
    }

    /// Where a sequence of the same hash was last, before `position`.
    fn replace(&mut self, [a, b, c]: [u8; 3], position: usize) -> Option<usize> {
        let word = u32::from_le_bytes([0, a, b, c]);
        let hash = word.wrapping_mul(0x9e37_79b1) >> (u32::BITS - self.hash_bits);
        let slot = self.last_seen.get_mut(hash as usize)?;
        let earlier = core::mem::replace(slot, position as u32 + 1);
        (earlier as usize).checked_sub(1)
    }
}

/// Distance minus one and length of the match at an earlier position, if it is near and long
/// enough.
fn find_match(input: &[u8], earlier: Option<usize>, position: usize) -> Option<(usize, usize)> {
    let earlier = earlier?;
    let distance = position - earlier - 1;
    if distance >= DISTANCE_LIMIT {
        return None;
    }
    let (left, right) = (input.get(earlier..)?, input.get(position..)?);
    if left.first_chunk::<MATCH_BYTES_MIN>() != right.first_chunk() {
        return None;
    }
    let right = right.get(..MATCH_BYTES_MAX).unwrap_or(right);
    Some((distance, common_prefix(left, right)))
}

/// Bytes that both begin with, compared eight at a time.
fn common_prefix(left: &[u8], right: &[u8]) -> usize {
    let words = left.as_chunks::<8>().0.iter().zip(right.as_chunks::<8>().0);
    let same = words.take_while(|(left, right)| left == right).count() * 8;
    let rest = left.iter().zip(right).skip(same);
    same + rest.take_while(|(left, right)| left == right).count()
}

fn push_literals(out: &mut Vec<u8>, literals: &[u8]) {
    for run in literals.chunks(usize::from(LITERALS_MAX)) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
    }
}

fn push_match(out: &mut Vec<u8>, distance: usize, length: usize) {
    let [.., high, low] = distance.to_be_bytes();
    let length = length - 2;
    if length < 7 {
        out.push((length as u8) << 5 | high);
    } else {
        out.extend([7 << 5 | high, (length - 7) as u8]);
    }
    out.push(low);
}

/// Copies what a control byte of 32 or more asks for; returns the input after it.
fn copy_match<'a>(out: &mut Vec<u8>, control: u8, input: &'a [u8]) -> Option<&'a [u8]> {
    let (length, low, rest) = match (control >> 5, input) {
        (7, [more, low, rest @ ..]) => (usize::from(*more) + 7, low, rest),
        (1..7, [low, rest @ ..]) => (usize::from(control >> 5), low, rest),
        _ => return None,
    };
    let distance = usize::from(u16::from_be_bytes([control & 0x1f, *low])) + 1;
    let start = out.len().checked_sub(distance)?;
    let end = out.len() + length + 2;
    // An overlapping copy repeats its source: each round doubles what there is to copy from.
    while out.len() < end {
        let count = (end - out.len()).min(out.len() - start);
        out.extend_from_within(start..start + count);
    }
    Some(rest)
}

/// Literal bytes behind one control byte.
const LITERALS_MAX: u8 = 32;
const MATCH_BYTES_MIN: usize = 3;
const MATCH_BYTES_MAX: usize = 7 + 255 + 2;
const DISTANCE_LIMIT: usize = 1 << 13;

/// Three bytes of input make at most 264 of output.
const EXPANSION_MAX: usize = MATCH_BYTES_MAX / 3;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Strings that a real server has compressed in its DUMP payloads.
    #[test]
    fn reads_what_a_real_server_wrote() {
        let hundred = [0x01, 0x61, 0x61, 0xe0, 0x57, 0x00, 0x01, 0x61, 0x61];
        assert_eq!(decompress(&hundred, 100), Some(vec![b'a'; 100]));
        let abc = b"\x03abca\xe0\x0f\x02\x01bc";
        assert_eq!(decompress(abc, 30), Some(b"abc".repeat(10)));
    }

    #[test]
    fn refuses_malformed_input() {
        let cases: [(&[u8], usize); 9] = [
            (b"\x02ab", 3),              // fewer literals than promised
            (b"\x01ab", 3),              // shorter than promised
            (b"\x01abx", 2),             // a control byte too many
            (b"\x02abc", 2),             // longer than promised
            (b"\x00a\x20", 4),           // no low byte of the distance
            (b"\x00a\xe0\x01", 11),      // no low byte behind the added length
            (b"\x00a\x20\x01", 4),       // before the beginning
            (b"\x00a\xe0\xff\x00", 264), // the copy is longer than promised
            (b"\x00a", usize::MAX),
        ];
        for (input, byte_count) in cases {
            assert_eq!(decompress(input, byte_count), None, "{}", input.escape_ascii());
        }
        assert_eq!(decompress(b"\x00a\xe0\xff\x00", 265), Some(vec![b'a'; 265]));
        assert_eq!(decompress(b"", 0), Some(vec![]));
    }

    #[test]
    fn compresses_what_repeats() {
        let text = b"The server writes a snapshot; the server reads a snapshot. ".repeat(40);
        let packed = compress(&text, text.len()).unwrap();
        assert!(packed.len() < text.len() / 10, "{}", packed.len());
        assert_eq!(compress(&text, packed.len()), Some(packed.clone()));
        assert_eq!(compress(&text, packed.len() - 1), None);
        assert_eq!(compress(b"abcdefghijklmnopqrstuvwxyz", 22), None);
    }

    proptest! {
        #[test]
        fn decompression_undoes_compression(
            parts in proptest::collection::vec(
                (proptest::collection::vec(any::<u8>(), 0..40), 1usize..300), 0..12),
            order in proptest::collection::vec(any::<usize>(), 0..12),
        ) {
            let parts: Vec<Vec<u8>> =
                parts.iter().map(|(part, times)| part.repeat(*times)).collect();
            let mut input = parts.concat();
            for index in order {
                input.extend(parts.get(index % parts.len().max(1)).unwrap_or(&Vec::new()));
            }
            let packed = compress(&input, 2 * input.len() + 1).unwrap();
            prop_assert_eq!(decompress(&packed, input.len()), Some(input));
        }

        #[test]
        fn any_input_is_safe(input: Vec<u8>, byte_count in 0usize..2000) {
            if let Some(out) = decompress(&input, byte_count) {
                prop_assert_eq!(out.len(), byte_count);
            }
        }

        /// Mostly valid streams, so that the copying is reached.
        #[test]
        fn damaged_streams_are_safe(text in "[ab]{0,300}", index: usize, byte: u8) {
            let mut packed = compress(text.as_bytes(), 1000).unwrap();
            if let Some(len) = core::num::NonZero::new(packed.len()) {
                packed[index % len] = byte;
            }
            if let Some(out) = decompress(&packed, text.len()) {
                prop_assert_eq!(out.len(), text.len());
            }
        }
    }
}
