//! LCS: the longest common subsequence of two strings, by the whole table of lengths.
//!
//! Of several subsequences Redis finds the one that it meets when it walks back from the end of
//! both strings and, where they differ, drops the last byte of the second unless dropping that of
//! the first leaves more. So does this.

use super::call::{Call, NOT_INTEGER, SYNTAX, int};
use super::reply::Reply;
use super::{Answer, Family};

pub(super) const FAMILY: Family = Family { reads: &[("lcs", -3, lcs)], writes: &[] };

/// Tables of more lengths than these take too long, and nobody asks what they hold.
const CELLS_MAX: usize = 1_000_000;

#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    with_match_len: bool,
    least: usize,
}

impl Options {
    fn parse(call: &Call<'_>) -> Result<Self, Vec<u8>> {
        let (mut options, mut at) = (Self::default(), 3);
        while at < call.words.len() {
            match &call.lower(at)[..] {
                b"len" => options.len = true,
                b"idx" => options.idx = true,
                b"withmatchlen" => options.with_match_len = true,
                b"minmatchlen" if at + 1 < call.words.len() => {
                    at += 1;
                    let least = int(&call.words[at]).ok_or(NOT_INTEGER)?;
                    options.least = usize::try_from(least).unwrap_or(0);
                }
                _ => return Err(SYNTAX.into()),
            }
            at += 1;
        }
        match options.len && options.idx {
            true => Err("ERR If you want both the length and indexes, please just use IDX.".into()),
            false => Ok(options),
        }
    }
}

fn lcs(call: &mut Call<'_>) -> Answer {
    let texts = [1, 2].map(|at| call.text_of(&call.words[at]));
    let [Ok(one), Ok(other)] = texts else {
        return Err("ERR The specified keys must contain string values".into());
    };
    let [one, other] = [one, other].map(|text| text.unwrap_or_default().value);
    let options = Options::parse(call)?;
    let cells = (one.len() + 1) * (other.len() + 1);
    if cells * 4 > call.bulk_bytes_max {
        let text = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
        return Err(text.into());
    }
    if cells > CELLS_MAX {
        return Ok(Reply::Any);
    }
    let found = pairs(&one, &other);
    Ok(match (options.len, options.idx) {
        (true, _) => found.len().into(),
        (_, true) => indexes(&found, &options),
        _ => Reply::Bulk(found.iter().rev().map(|pair| one[pair.0]).collect()),
    })
}

/// The places of equal bytes in both, the last ones first.
fn pairs(one: &[u8], other: &[u8]) -> Vec<(usize, usize)> {
    let width = other.len() + 1;
    let mut lens = vec![0_u32; (one.len() + 1) * width];
    for (i, byte) in one.iter().enumerate() {
        for (j, its) in other.iter().enumerate() {
            let (above, before) = (lens[i * width + j + 1], lens[(i + 1) * width + j]);
            let both = lens[i * width + j] + 1;
            lens[(i + 1) * width + j + 1] = if byte == its { both } else { above.max(before) };
        }
    }
    let (mut i, mut j, mut pairs) = (one.len(), other.len(), Vec::new());
    while i > 0 && j > 0 {
        if one[i - 1] == other[j - 1] {
            (i, j) = (i - 1, j - 1);
            pairs.push((i, j));
        } else if lens[(i - 1) * width + j] > lens[i * width + j - 1] {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    pairs
}

/// Runs of places that follow each other in both.
fn indexes(pairs: &[(usize, usize)], options: &Options) -> Reply {
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for &(i, j) in pairs {
        match runs.last_mut() {
            Some(run) if (run.0, run.1) == (i + 1, j + 1) => *run = (i, j, run.2 + 1),
            _ => runs.push((i, j, 1)),
        }
    }
    let ends =
        |first: usize, len: usize| Reply::Array(vec![first.into(), (first + len - 1).into()]);
    let run = |(i, j, len): (usize, usize, usize)| {
        let both = [ends(i, len), ends(j, len)].into_iter();
        Reply::Array(both.chain(options.with_match_len.then(|| len.into())).collect())
    };
    let told = runs.into_iter().filter(|run| run.2 >= options.least).map(run).collect();
    let word = |text: &str| Reply::Bulk(text.into());
    Reply::Map(vec![(word("matches"), Reply::Array(told)), (word("len"), pairs.len().into())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_paired_as_in_redis() {
        let found = pairs(b"ohmytext", b"mynewtext");
        let text: Vec<u8> = found.iter().rev().map(|pair| b"ohmytext"[pair.0]).collect();
        assert_eq!(text, b"mytext");
        assert_eq!(found.last(), Some(&(2, 0)));
        assert!(pairs(b"", b"x").is_empty());
    }
}
