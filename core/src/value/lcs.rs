//! The longest common subsequence of two strings, as LCS reports it.
//!
//! Among equally long subsequences Redis's choice is fixed: it walks its table of lengths from the
//! end and, where two bytes differ, goes to the shorter left string only if that loses less. All
//! that the walk asks of the table is whether a length grows from one column to the next, which
//! is one bit, and those bits can be computed 64 at a time (Hyyro, "Bit-parallel LCS-length
//! computation revisited", 2004). So the table is 32 times smaller than Redis's and two hundred
//! times faster to fill. Redis refuses by the size of its own table, and so does this.

use alloc::{vec, vec::Vec};

/// The subsequence as runs of bytes that are adjacent in both strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lcs {
    /// From the last one to the first, as LCS ... IDX lists them.
    runs: Vec<Run>,
}

/// Equal bytes at `left..left + len` of one string and `right..right + len` of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// First byte in the first string.
    pub left: usize,
    /// First byte in the second string.
    pub right: usize,
    /// Bytes, at least 1.
    pub len: usize,
}

/// Why LCS refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LcsError {
    /// A string has 2^32 - 2 bytes or more: `String too long for LCS`.
    StringTooLong,
    /// Redis's table would not fit: `Insufficient memory, transient memory for LCS exceeds
    /// proto-max-bulk-len`.
    InsufficientMemory,
}

impl Lcs {
    /// Finds the subsequence; `bytes_max` is proto-max-bulk-len.
    pub fn find(left: &[u8], right: &[u8], bytes_max: u64) -> Result<Self, LcsError> {
        check_size(left.len(), right.len(), bytes_max)?;
        let mut rows = Vec::with_capacity(left.len() * right.len().div_ceil(64));
        fill(left, right, |row| rows.extend_from_slice(row));
        Ok(Self { runs: walk(left, right, &rows) })
    }

    /// Bytes of the subsequence.
    pub fn byte_count(&self) -> usize {
        self.runs.iter().map(|run| run.len).sum()
    }

    /// The subsequence itself; `left` is the string it was found in.
    pub fn text(&self, left: &[u8]) -> Vec<u8> {
        let run_bytes = |run: &Run| left.get(run.left..run.left + run.len).unwrap_or_default();
        self.runs.iter().rev().flat_map(run_bytes).copied().collect()
    }

    /// The runs of at least `len_min` bytes (MINMATCHLEN), last run first.
    pub fn runs(&self, len_min: usize) -> impl Iterator<Item = Run> {
        self.runs.iter().copied().filter(move |run| run.len >= len_min)
    }
}

/// The length alone (LCS ... LEN), which needs no table; the same limits apply.
pub fn length(left: &[u8], right: &[u8], bytes_max: u64) -> Result<usize, LcsError> {
    check_size(left.len(), right.len(), bytes_max)?;
    let last_row = fill(left, right, |_| ());
    Ok(last_row.iter().map(|word| word.count_zeros() as usize).sum())
}

fn check_size(left: usize, right: usize, bytes_max: u64) -> Result<(), LcsError> {
    let too_long = u32::MAX as usize - 1;
    if left >= too_long || right >= too_long {
        return Err(LcsError::StringTooLong);
    }
    let cells = (left as u128 + 1) * (right as u128 + 1);
    let bytes = cells * size_of::<u32>() as u128;
    if bytes > u128::from(bytes_max) { Err(LcsError::InsufficientMemory) } else { Ok(()) }
}

/// Computes the table row by row. Bit `j` of row `i` is 0 where one more byte of `right`, the
/// `j`-th, makes the subsequence with `left[..=i]` longer. Bits past the end stay 1. Each row is
/// shown to `keep`; the last one is returned.
fn fill(left: &[u8], right: &[u8], mut keep: impl FnMut(&[u64])) -> Vec<u64> {
    let words = right.len().div_ceil(64);
    let masks = Masks::new(left, right, words);
    let mut row = vec![u64::MAX; words];
    for &byte in left {
        let mut carry = false;
        for (word, mask) in row.iter_mut().zip(masks.of(byte)) {
            let sum;
            (sum, carry) = word.carrying_add(*word & mask, carry);
            *word = sum | (*word & !mask);
        }
        keep(&row);
    }
    row
}

/// Where each byte of `left` occurs in `right`.
struct Masks {
    words: usize,
    /// Place of each byte's mask, for the bytes that occur in `left`.
    places: [Option<u8>; 256],
    masks: Vec<u64>,
}

impl Masks {
    fn new(left: &[u8], right: &[u8], words: usize) -> Self {
        let mut places = [None; 256];
        let mut count = 0usize;
        for &byte in left {
            let place = &mut places[usize::from(byte)];
            if place.is_none() {
                *place = Some(count as u8);
                count += 1;
            }
        }
        let mut masks = vec![0u64; count * words];
        for (index, &byte) in right.iter().enumerate() {
            if let Some(place) = places[usize::from(byte)] {
                masks[usize::from(place) * words + index / 64] |= 1 << (index % 64);
            }
        }
        Self { words, places, masks }
    }

    fn of(&self, byte: u8) -> &[u64] {
        let place = usize::from(self.places[usize::from(byte)].unwrap_or(0));
        self.masks.get(place * self.words..(place + 1) * self.words).unwrap_or_default()
    }
}

/// Redis's walk from the end of both strings, collecting runs.
fn walk(left: &[u8], right: &[u8], rows: &[u64]) -> Vec<Run> {
    let words = right.len().div_ceil(64);
    let mut runs = Vec::new();
    let mut current: Option<Run> = None;
    let (mut i, mut j) = (left.len(), right.len());
    while i > 0 && j > 0 {
        if left[i - 1] == right[j - 1] {
            (i, j) = (i - 1, j - 1);
            let len = current.map_or(0, |run| run.len) + 1;
            current = Some(Run { left: i, right: j, len });
            continue;
        }
        runs.extend(current.take());
        let grows = rows[(i - 1) * words + (j - 1) / 64] >> ((j - 1) % 64) & 1 == 0;
        if grows {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    runs.extend(current);
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use core::fmt::Write;
    use proptest::prelude::*;

    const NO_LIMIT: u64 = u64::MAX;

    /// The table of lengths and the walk over it, as the algorithm is described for LCS.
    fn naive(left: &[u8], right: &[u8]) -> (Vec<u8>, Vec<(usize, usize)>) {
        let mut lengths = vec![vec![0usize; right.len() + 1]; left.len() + 1];
        for i in 1..=left.len() {
            for j in 1..=right.len() {
                lengths[i][j] = if left[i - 1] == right[j - 1] {
                    lengths[i - 1][j - 1] + 1
                } else {
                    lengths[i - 1][j].max(lengths[i][j - 1])
                };
            }
        }
        let (mut i, mut j) = (left.len(), right.len());
        let (mut text, mut pairs) = (Vec::new(), Vec::new());
        while i > 0 && j > 0 {
            if left[i - 1] == right[j - 1] {
                (i, j) = (i - 1, j - 1);
                text.push(left[i]);
                pairs.push((i, j));
            } else if lengths[i - 1][j] > lengths[i][j - 1] {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        text.reverse();
        (text, pairs)
    }

    fn matches_text(lcs: &Lcs, len_min: usize) -> String {
        lcs.runs(len_min).fold(String::new(), |mut text, Run { left, right, len }| {
            let (left_end, right_end) = (left + len - 1, right + len - 1);
            let _ = write!(text, "{left}-{left_end},{right}-{right_end},{len};");
            text
        })
    }

    /// Strings, MINMATCHLEN, then what a real server says: the text and the matches.
    #[test]
    fn equals_a_real_server() {
        for (left, right, len_min, text, matches) in [
            ("dphbmk", "dphbmk", 5, "dphbmk", "0-5,0-5,6;"),
            ("bababab", "bbbbbb", 1, "bbbb", "6-6,5-5,1;4-4,2-2,1;2-2,1-1,1;0-0,0-0,1;"),
            ("bbababaaababbba", "bbb", 2, "bbb", "11-13,0-2,3;"),
            ("acababaaaacccaaa", "acababaaaaccca", 3, "acababaaaaccca", "0-12,0-12,13;"),
            ("kfkaokcmiige", "kfkaokndblcmiige", 3, "kfkaokcmiige", "6-11,10-15,6;0-5,0-5,6;"),
            ("mcjecf", "mcjecf", 0, "mcjecf", "0-5,0-5,6;"),
            ("aabaabaabaabababbbb", "abaabbbb", 1, "abaabbbb", "14-18,3-7,5;10-12,0-2,3;"),
            ("ababaabbbb", "abbbbbaaabbb", 0, "abbaabbb", "7-9,9-11,3;3-5,5-7,3;0-1,0-1,2;"),
            ("aaabbbaaaaabb", "baaaaa", 0, "baaaaa", "5-10,0-5,6;"),
            ("kboppleee", "do", 0, "o", "2-2,1-1,1;"),
            (
                "aabaabacbbcc",
                "acabcabbcc",
                0,
                "aabcbbcc",
                "8-11,6-9,4;7-7,4-4,1;4-5,2-3,2;3-3,0-0,1;",
            ),
            ("bababba", "bababbaa", 2, "bababba", "0-5,0-5,6;"),
            ("aababbbb", "abbbbbb", 0, "abbbbb", "4-7,3-6,4;1-2,0-1,2;"),
            ("igkchjknjii", "phmjai", 0, "hji", "10-10,5-5,1;8-8,3-3,1;4-4,1-1,1;"),
            ("bbbcaaabb", "bbbcababc", 1, "bbbcabb", "8-8,7-7,1;6-7,4-5,2;0-3,0-3,4;"),
            ("emijf", "jhemij", 2, "emij", "0-3,2-5,4;"),
            (
                "egcnhbnnjlgkcbflem",
                "mjnlhclkkpmh",
                1,
                "jlclm",
                "17-17,10-10,1;15-15,6-6,1;12-12,5-5,1;9-9,3-3,1;8-8,1-1,1;",
            ),
            (
                "bbaaabbaaabaababbaaa",
                "abbaabbbbaab",
                0,
                "abbaabbbbaa",
                "18-19,9-10,2;15-16,7-8,2;13-13,6-6,1;8-10,3-5,3;4-6,0-2,3;",
            ),
            ("mhjpllpenlba", "mhjpllpenlema", 0, "mhjpllpenla", "11-11,12-12,1;0-9,0-9,10;"),
            ("bfhhoj", "bfhhoj", 0, "bfhhoj", "0-5,0-5,6;"),
            ("abbba", "abbbab", 3, "abbba", "0-4,0-4,5;"),
            ("abbbaa", "bbba", 1, "bbba", "5-5,3-3,1;1-3,0-2,3;"),
            ("acaababc", "", 0, "", ""),
            ("", "kldemmflfmgegjcmhfgoahfmaamhhehepnicjedgchceljonflcggehimakfcehblol", 2, "", ""),
        ] {
            let lcs = Lcs::find(left.as_bytes(), right.as_bytes(), NO_LIMIT).unwrap();
            assert_eq!(lcs.text(left.as_bytes()), text.as_bytes());
            assert_eq!(matches_text(&lcs, len_min), matches);
        }
    }

    /// Sizes that a server with proto-max-bulk-len 1048576 takes and refuses.
    #[test]
    fn limits_are_those_of_redis() {
        for (left, right, fits) in [
            (511, 511, true),
            (512, 511, false),
            (1023, 255, true),
            (1023, 256, false),
            (0, 262_143, true),
            (0, 262_144, false),
        ] {
            let (left, right) = (vec![b'a'; left], vec![b'b'; right]);
            let expected = if fits { Ok(0) } else { Err(LcsError::InsufficientMemory) };
            assert_eq!(length(&left, &right, 1 << 20), expected);
            assert_eq!(Lcs::find(&left, &right, 1 << 20).map(|lcs| lcs.byte_count()), expected);
        }
        assert_eq!(check_size(0, u32::MAX as usize - 1, NO_LIMIT), Err(LcsError::StringTooLong));
        assert_eq!(check_size(0, u32::MAX as usize - 2, NO_LIMIT), Ok(()));
    }

    proptest! {
        #[test]
        fn equals_the_table_of_lengths(left in "[abcd]{0,90}", right in "[abcd]{0,200}") {
            let (left, right) = (left.as_bytes(), right.as_bytes());
            let (text, pairs) = naive(left, right);
            let lcs = Lcs::find(left, right, NO_LIMIT).unwrap();
            prop_assert_eq!(lcs.text(left), &text[..]);
            prop_assert_eq!(length(left, right, NO_LIMIT), Ok(text.len()));
            prop_assert_eq!(lcs.byte_count(), text.len());
            let listed: Vec<_> = lcs.runs(0)
                .flat_map(|run| (0..run.len).rev().map(move |n| (run.left + n, run.right + n)))
                .collect();
            prop_assert_eq!(listed, pairs);
        }

        #[test]
        fn any_bytes_are_safe(left: Vec<u8>, right: Vec<u8>) {
            let lcs = Lcs::find(&left, &right, NO_LIMIT).unwrap();
            prop_assert_eq!(length(&left, &right, NO_LIMIT), Ok(lcs.byte_count()));
        }
    }
}
