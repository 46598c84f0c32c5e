//! LZF, the compression of strings in RDB files (the format of liblzf).
//!
//! A control byte below 32 is followed by that many plus one literal bytes. Any other holds a
//! length in its upper three bits (7 means that the next byte is added) and the upper five bits
//! of a distance, whose lower byte follows: copy length plus two bytes from distance plus one
//! back, where the copy may overlap what it writes. The compressor keeps the last position of
//! each hash of three bytes and takes what matches there; its output may differ from liblzf's but
//! reads alike. The decompressor gets bytes from files and from RESTORE: it checks every step
//! and allocates no more than the input could really expand to.

use alloc::vec::Vec;

/// Compresses to at most `bytes_max` bytes, or `None` if that does not suffice. Redis tries
/// strings of more than 20 bytes and wants to save at least 4.
pub fn compress(input: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    Compressor::default().compress(input, bytes_max, &mut out).then_some(out)
}

/// Compresses one string after another without allocating for each: what a table of 64 KB
/// remembers of earlier strings is told apart by its place, so it need not be cleared.
#[derive(Default)]
pub struct Compressor {
    /// Where a sequence was last, by its hash, in a count of bytes over all strings; 0 is nowhere.
    last_seen: Vec<u32>,
    /// Bytes of all strings before this one.
    before: u32,
}

impl Compressor {
    /// Appends `input` in at most `bytes_max` compressed bytes to `out`; if they do not suffice,
    /// nothing is appended and the answer is false. The bytes are a function of `input` only.
    pub fn compress(&mut self, input: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let is_small = self.admit(input.len()) && self.squeeze(input, bytes_max, out);
        if !is_small {
            out.truncate(start);
        }
        is_small
    }

    /// Makes room in the table and in the count of bytes; false for 4 GB, whose positions would
    /// not fit.
    fn admit(&mut self, byte_count: usize) -> bool {
        let Some(end) = u32::try_from(byte_count).ok().and_then(|count| count.checked_add(1))
        else {
            return false;
        };
        if self.before.checked_add(end).is_none() {
            self.last_seen.clear();
            self.before = 0;
        }
        let slots = 1 << hash_bits(byte_count);
        if self.last_seen.len() < slots {
            self.last_seen.resize(slots, 0);
        }
        true
    }

    fn squeeze(&mut self, input: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> bool {
        let limit = out.len().saturating_add(bytes_max);
        let hash_bits = hash_bits(input.len());
        let before = self.before;
        self.before += input.len() as u32;
        let (mut position, mut literals_from) = (0, 0);
        while let Some(key) = input[position..].first_chunk() {
            let slot = &mut self.last_seen[hash(*key, hash_bits)];
            let earlier = slot.checked_sub(before + 1);
            *slot = before + position as u32 + 1;
            let earlier = earlier.map(|earlier| earlier as usize);
            let Some((distance, length)) = find_match(input, earlier, position) else {
                position += 1;
                continue;
            };
            push_literals(out, &input[literals_from..position]);
            push_match(out, distance, length);
            if out.len() > limit {
                return false;
            }
            position += length;
            literals_from = position;
        }
        push_literals(out, &input[literals_from..]);
        out.len() <= limit
    }
}

impl core::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Compressor({} bytes)", self.before)
    }
}

/// Bits of the part of the table that a string of so many bytes uses.
fn hash_bits(byte_count: usize) -> u32 {
    (usize::BITS - byte_count.leading_zeros()).clamp(6, HASH_BITS_MAX)
}

/// The slot of a sequence.
fn hash([a, b, c]: [u8; 3], hash_bits: u32) -> usize {
    let word = u32::from_le_bytes([0, a, b, c]);
    (word.wrapping_mul(0x9e37_79b1) >> (u32::BITS - hash_bits)) as usize
}

/// Bits of the largest table of positions.
const HASH_BITS_MAX: u32 = 14;

/// Decompresses to exactly `byte_count` bytes; `None` if the input is malformed or has another
/// length.
pub fn decompress(input: &[u8], byte_count: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    decompress_into(input, byte_count, &mut out).then_some(out)
}

/// As [`decompress`], into a buffer that is used again and again and is cleared first. The answer
/// is false, and the content of no use, where the other's is `None`.
pub fn decompress_into(input: &[u8], byte_count: usize, out: &mut Vec<u8>) -> bool {
    out.clear();
    if byte_count > input.len().saturating_mul(EXPANSION_MAX) {
        return false;
    }
    out.reserve(byte_count);
    expand(input, byte_count, out).is_some() && out.len() == byte_count
}

/// `None` if the input is malformed or holds more than `byte_count` bytes.
fn expand(input: &[u8], byte_count: usize, out: &mut Vec<u8>) -> Option<()> {
    let mut rest = input;
    while let [control, tail @ ..] = rest {
        rest = match control {
            0..LITERALS_MAX => {
                let (literals, tail) = tail.split_at_checked(usize::from(*control) + 1)?;
                out.extend_from_slice(literals);
                tail
            }
            _ => copy_match(out, *control, tail)?,
        };
        if out.len() > byte_count {
            return None;
        }
    }
    Some(())
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
    use alloc::vec;
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

        /// What a compressor has seen before changes nothing.
        #[test]
        fn one_compressor_does_for_many(
            texts in proptest::collection::vec("[ab]{0,60}|[a-d]{0,300}", 1..20),
            used: u32,
        ) {
            let mut compressor = Compressor::default();
            compressor.compress(b"x", 10, &mut Vec::new());
            compressor.before = used.saturating_sub(1000).max(1);
            for text in texts {
                let mut out = b"before".to_vec();
                let max = text.len().saturating_sub(4);
                let alone = compress(text.as_bytes(), max);
                prop_assert_eq!(
                    compressor.compress(text.as_bytes(), max, &mut out), alone.is_some());
                prop_assert_eq!(&out[6..], alone.unwrap_or_default());
                prop_assert_eq!(&out[..6], b"before");
            }
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
