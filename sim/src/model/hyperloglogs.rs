//! HyperLogLogs: strings with 16,384 registers of six bits, side by side or as runs.
//!
//! Clients can read these strings, so that the model has them byte by byte. Which runs there are
//! depends on the order in which registers were raised: one that is raised cuts its run in up to
//! three, and then runs of equal values are joined, of five from the one before on. Here they are a
//! list that is read from the string and written back for each element.

use super::call::{Call, WRONG_TYPE};
use super::reply::{OK, Reply};
use super::{Answer, Family};

pub(super) const FAMILY: Family = Family {
    reads: &[("pfcount", -2, pfcount)],
    writes: &[("pfadd", -2, pfadd), ("pfmerge", -2, pfmerge)],
};

const REGISTERS: usize = 1 << 14;
const HEADER: usize = 16;
const DENSE: usize = HEADER + REGISTERS / 8 * 6;
/// Runs that take more bytes become registers side by side.
const SPARSE_MAX: usize = 3000;
/// The highest bit of this byte says that the count in the header does not hold any more.
const STALE_AT: usize = 15;
const CORRUPTED: &str = "INVALIDOBJ Corrupted HLL object detected";

/// A run of registers.
#[derive(Clone, Copy)]
enum Run {
    Zeros(usize),
    /// Of two bytes.
    ManyZeros(usize),
    Value(u8, usize),
}

impl Run {
    fn zeros(len: usize) -> Self {
        if len > 64 { Self::ManyZeros(len) } else { Self::Zeros(len) }
    }

    fn value(self) -> u8 {
        if let Self::Value(value, _) = self { value } else { 0 }
    }

    fn len(self) -> usize {
        let (Self::Zeros(len) | Self::ManyZeros(len) | Self::Value(_, len)) = self;
        len
    }

    /// One as long, or shorter, in its place.
    fn part(self, len: usize) -> Self {
        match self {
            Self::Value(value, _) => Self::Value(value, len),
            _ => Self::zeros(len),
        }
    }

    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Zeros(len) => vec![(len - 1) as u8],
            Self::ManyZeros(len) => vec![0x40 | ((len - 1) >> 8) as u8, (len - 1) as u8],
            Self::Value(value, len) => vec![0x80 | (value - 1) << 2 | (len - 1) as u8],
        }
    }
}

/// A HyperLogLog.
#[derive(Clone)]
struct Hll {
    header: Vec<u8>,
    body: Body,
}

#[derive(Clone)]
enum Body {
    Dense(Vec<u8>),
    /// Runs, and what is behind them that is none.
    Sparse(Vec<Run>, Vec<u8>),
}

impl Hll {
    fn new() -> Self {
        let header = [&b"HYLL\x01"[..], &[0; 11]].concat();
        Self { header, body: Body::Sparse(vec![Run::ManyZeros(REGISTERS)], Vec::new()) }
    }

    /// The one that a string is, as far as header and length tell.
    fn read(text: &[u8]) -> Option<Self> {
        let (header, rest) = text.split_at_checked(HEADER)?;
        let body = match header[4] {
            0 if text.len() == DENSE => Body::Dense(rest.to_vec()),
            1 => sparse(rest),
            _ => return None,
        };
        header.starts_with(b"HYLL").then(|| Self { header: header.to_vec(), body })
    }

    /// The string that it is.
    fn text(&self) -> Vec<u8> {
        let body = match &self.body {
            Body::Dense(bytes) => bytes.clone(),
            Body::Sparse(runs, rest) => {
                runs.iter().flat_map(|run| run.bytes()).chain(rest.iter().copied()).collect()
            }
        };
        [self.header.clone(), body].concat()
    }

    /// All registers; none if the runs make no sense.
    fn registers(&self) -> Option<Vec<u8>> {
        match &self.body {
            Body::Dense(bytes) => {
                Some((0..REGISTERS).map(|index| register(bytes, index)).collect())
            }
            Body::Sparse(runs, rest) => {
                let len: usize = runs.iter().map(|run| run.len()).sum();
                let all = runs.iter().flat_map(|run| std::iter::repeat_n(run.value(), run.len()));
                (len == REGISTERS && rest.is_empty()).then(|| all.collect())
            }
        }
    }

    /// Raises a register; whether that changed it.
    fn raise(&mut self, index: usize, value: u8) -> Result<bool, Vec<u8>> {
        if let Body::Sparse(runs, rest) = &mut self.body {
            let len = HEADER + rest.len() + runs.iter().map(|run| run.bytes().len()).sum::<usize>();
            match raise_run(runs, index, value, len).ok_or(CORRUPTED)? {
                Raised::No => return Ok(false),
                Raised::Yes => return Ok(true),
                Raised::IsTooLong => self.make_dense()?,
            }
        }
        let Body::Dense(bytes) = &mut self.body else { return Ok(false) };
        let is_raised = register(bytes, index) < value;
        if is_raised {
            set_register(bytes, index, value);
        }
        Ok(is_raised)
    }

    fn make_dense(&mut self) -> Result<(), Vec<u8>> {
        let mut bytes = vec![0; DENSE - HEADER];
        for (index, value) in self.registers().ok_or(CORRUPTED)?.into_iter().enumerate() {
            set_register(&mut bytes, index, value);
        }
        self.header[4] = 0;
        self.body = Body::Dense(bytes);
        Ok(())
    }

    fn is_dense(&self) -> bool {
        matches!(self.body, Body::Dense(_))
    }

    /// The count in its header, if it holds.
    fn counted(&self) -> Option<u64> {
        let bytes: [u8; 8] = self.header[8..].try_into().ok()?;
        (self.header[STALE_AT] < 0x80).then(|| u64::from_le_bytes(bytes))
    }
}

fn sparse(mut bytes: &[u8]) -> Body {
    let mut runs = Vec::new();
    loop {
        let (run, rest) = match bytes {
            [byte @ 0x80..=0xff, rest @ ..] => {
                (Run::Value((byte >> 2 & 0x1f) + 1, usize::from(byte & 3) + 1), rest)
            }
            [byte @ 0..=0x3f, rest @ ..] => (Run::Zeros(usize::from(*byte) + 1), rest),
            [high @ 0x40..=0x7f, low, rest @ ..] => {
                (Run::ManyZeros((usize::from(high & 0x3f) << 8 | usize::from(*low)) + 1), rest)
            }
            _ => return Body::Sparse(runs, bytes.to_vec()),
        };
        runs.push(run);
        bytes = rest;
    }
}

/// Six bits, the lowest first.
fn register(bytes: &[u8], index: usize) -> u8 {
    let bit = |at: usize| bytes[at / 8] >> (at % 8) & 1;
    (0..6).map(|at| bit(index * 6 + at) << at).sum()
}

fn set_register(bytes: &mut [u8], index: usize, value: u8) {
    for at in 0..6 {
        let place = index * 6 + at;
        bytes[place / 8] &= !(1 << (place % 8));
        bytes[place / 8] |= (value >> at & 1) << (place % 8);
    }
}

enum Raised {
    No,
    Yes,
    IsTooLong,
}

/// Raises a register among runs in a string of `len` bytes; none if it is not among them.
fn raise_run(runs: &mut Vec<Run>, index: usize, value: u8, len: usize) -> Option<Raised> {
    if value > 32 {
        return Some(Raised::IsTooLong);
    }
    let mut first = 0;
    let at = runs.iter().position(|run| {
        first += run.len();
        index < first
    })?;
    let run = runs[at];
    first -= run.len();
    if run.value() >= value {
        return Some(Raised::No);
    }
    let (before, behind) = (index - first, first + run.len() - 1 - index);
    let mut new = vec![run.part(before), Run::Value(value, 1), run.part(behind)];
    new.retain(|run| run.len() > 0);
    let grown: usize = new.iter().map(|run| run.bytes().len()).sum();
    let old = run.bytes().len();
    if grown > old && len + grown - old > SPARSE_MAX {
        return Some(Raised::IsTooLong);
    }
    runs.splice(at..=at, new);
    join(runs, at.saturating_sub(1));
    Some(Raised::Yes)
}

/// Joins neighbours of equal values.
fn join(runs: &mut Vec<Run>, mut at: usize) {
    for _ in 0..5 {
        match (runs.get(at).copied(), runs.get(at + 1).copied()) {
            (Some(Run::Value(value, one)), Some(Run::Value(its, other)))
                if value == its && one + other <= 4 =>
            {
                runs[at] = Run::Value(value, one + other);
                runs.remove(at + 1);
            }
            _ => at += 1,
        }
    }
}

/// Which register an element raises, and to what.
fn target(element: &[u8]) -> (usize, u8) {
    let hash = murmur(element);
    let rest = hash >> 14 | 1 << 50;
    (hash as usize % REGISTERS, rest.trailing_zeros() as u8 + 1)
}

/// MurmurHash64A.
fn murmur(text: &[u8]) -> u64 {
    const BY: u64 = 0xc6a4_a793_5bd1_e995;
    let mut hash = 0xadc8_3b19 ^ (text.len() as u64).wrapping_mul(BY);
    for bytes in text.chunks(8) {
        let number = bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let mut word = number;
        if bytes.len() == 8 {
            word = word.wrapping_mul(BY);
            word = (word ^ word >> 47).wrapping_mul(BY);
        }
        hash = (hash ^ word).wrapping_mul(BY);
    }
    hash = (hash ^ hash >> 47).wrapping_mul(BY);
    hash ^ hash >> 47
}

/// How many elements were added, as the paper of Otmar Ertl estimates it.
fn count(registers: &[u8]) -> i64 {
    let m = REGISTERS as f64;
    let mut having = [0_u32; 64];
    registers.iter().for_each(|value| having[usize::from(*value)] += 1);
    let mut z = m * tau((m - f64::from(having[51])) / m);
    for value in (1..=50).rev() {
        z = (z + f64::from(having[value])) * 0.5;
    }
    z += m * sigma(f64::from(having[0]) / m);
    let estimate = (0.721_347_520_444_481_7 * m * m / z).round();
    // What C makes of a number that is too large.
    if estimate < 9.2e18 { estimate as i64 } else { i64::MIN }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z, mut before) = (1.0, x, f64::NAN);
    while before != z {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    }
    z
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z, mut before) = (1.0, 1.0 - x, f64::NAN);
    while before != z {
        x = x.sqrt();
        before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
    }
    z / 3.0
}

/// The HyperLogLog in a key, and its deadline.
fn held(call: &mut Call<'_>, key: &[u8]) -> Result<Option<(Hll, Option<i64>)>, Vec<u8>> {
    let Some(entry) = call.meet(key) else { return Ok(None) };
    let deadline_ms = entry.deadline_ms;
    let text = entry.value.clone().into_string().ok_or(WRONG_TYPE)?;
    let hll = Hll::read(&text).ok_or("WRONGTYPE Key is not a valid HyperLogLog string value.")?;
    Ok(Some((hll, deadline_ms)))
}

fn put(call: &mut Call<'_>, mut hll: Hll, deadline_ms: Option<i64>, counted: Option<u64>) {
    match counted {
        Some(count) => hll.header[8..].copy_from_slice(&count.to_le_bytes()),
        None => hll.header[STALE_AT] |= 0x80,
    }
    call.put_first(hll.text(), deadline_ms);
}

fn pfadd(call: &mut Call<'_>) -> Answer {
    let words = call.words;
    let held = held(call, &words[1])?;
    let mut is_changed = held.is_none();
    let (mut hll, deadline_ms) = held.unwrap_or_else(|| (Hll::new(), None));
    for element in &words[2..] {
        let (index, value) = target(element);
        is_changed |= hll.raise(index, value)?;
    }
    if is_changed {
        put(call, hll, deadline_ms, None);
    }
    Ok(is_changed.into())
}

/// The greatest of each register of these keys, and whether one has them side by side.
fn merged(call: &mut Call<'_>, keys: &[Vec<u8>]) -> Result<(Vec<u8>, bool), Vec<u8>> {
    let (mut merged, mut is_dense) = (vec![0; REGISTERS], false);
    for key in keys {
        let Some((hll, _)) = held(call, key)? else { continue };
        is_dense |= hll.is_dense();
        let registers = hll.registers().ok_or(CORRUPTED)?;
        merged.iter_mut().zip(registers).for_each(|(most, value)| *most = value.max(*most));
    }
    Ok((merged, is_dense))
}

fn pfmerge(call: &mut Call<'_>) -> Answer {
    let words = call.words;
    let (registers, is_dense) = merged(call, &words[1..])?;
    let held = held(call, &words[1])?;
    let (mut hll, deadline_ms) = held.unwrap_or_else(|| (Hll::new(), None));
    if is_dense && !hll.is_dense() {
        hll.make_dense()?;
    }
    for (index, value) in registers.into_iter().enumerate().filter(|(_, value)| *value > 0) {
        hll.raise(index, value)?;
    }
    put(call, hll, deadline_ms, None);
    Ok(OK)
}

/// Of one key the count is kept in its header, which is a change as any other.
fn pfcount(call: &mut Call<'_>) -> Answer {
    let words = call.words;
    if words.len() > 2 {
        return Ok(Reply::Int(count(&merged(call, &words[1..])?.0)));
    }
    let Some((hll, deadline_ms)) = held(call, &words[1])? else { return Ok(Reply::Int(0)) };
    if let Some(counted) = hll.counted() {
        return Ok(Reply::Int(counted as i64));
    }
    let count = count(&hll.registers().ok_or(CORRUPTED)?);
    put(call, hll, deadline_ms, Some(count as u64));
    Ok(Reply::Int(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(elements: usize) -> Hll {
        let mut hll = Hll::new();
        for number in 0..elements {
            let (index, value) = target(number.to_string().as_bytes());
            hll.raise(index, value).expect("it is sound");
        }
        hll
    }

    #[test]
    fn strings_are_read_as_they_were_written() {
        for elements in [0, 1, 100, 1000, 5000] {
            let hll = text(elements);
            let read = Hll::read(&hll.text()).expect("it is one");
            assert_eq!(read.registers(), hll.registers());
            let counted = count(&hll.registers().expect("it is sound"));
            assert!(counted.abs_diff(elements as i64) <= elements as u64 / 50, "{counted}");
            assert_eq!(hll.is_dense(), elements > 2000);
        }
    }

    #[test]
    fn what_is_none_is_told_apart() {
        assert!(Hll::read(b"HYLL").is_none() && Hll::read(b"HYLX\x01...........").is_none());
        let cut = [&Hll::new().text()[..], b"\x40"].concat();
        assert_eq!(Hll::read(&cut).expect("its header is right").registers(), None);
    }
}
