//! BITFIELD: integers of any width at any bit of a string, bit by bit.
//!
//! A value is calculated as if there were no limit and then made to fit. The one exception is SET
//! of a signed integer so far below that its distance to the largest value is no integer of 64
//! bits: by SAT it becomes the largest, as in Redis.

use super::bits::bit;
use super::call::{Call, SYNTAX, int};
use super::reply::Reply;
use super::{Answer, Family};

pub(super) const FAMILY: Family = Family {
    reads: &[("bitfield_ro", -2, |call| {
        let steps = steps(call)?;
        if steps.iter().any(Step::writes) {
            return Err("ERR BITFIELD_RO only supports the GET subcommand".into());
        }
        run(call, &steps)
    })],
    writes: &[("bitfield", -2, |call| {
        let steps = steps(call)?;
        run(call, &steps)
    })],
};

/// One subcommand, with the OVERFLOW that holds for it.
struct Step {
    is_signed: bool,
    width: usize,
    offset: usize,
    change: Change,
    overflow: Vec<u8>,
}

enum Change {
    Get,
    Set(i64),
    Add(i64),
}

fn steps(call: &Call<'_>) -> Result<Vec<Step>, Vec<u8>> {
    let (mut steps, mut overflow, mut at) = (Vec::new(), b"wrap".to_vec(), 2);
    while at < call.words.len() {
        let (name, left) = (call.lower(at), call.words.len() - at - 1);
        at += match &name[..] {
            b"overflow" if left >= 1 => {
                overflow = call.lower(at + 1);
                if !matches!(&overflow[..], b"wrap" | b"sat" | b"fail") {
                    return Err("ERR Invalid OVERFLOW type specified".into());
                }
                2
            }
            b"get" if left >= 2 => {
                steps.push(Step::parse(call, at, &name, &overflow)?);
                3
            }
            b"set" | b"incrby" if left >= 3 => {
                steps.push(Step::parse(call, at, &name, &overflow)?);
                4
            }
            _ => return Err(SYNTAX.into()),
        };
    }
    Ok(steps)
}

impl Step {
    fn parse(call: &Call<'_>, at: usize, name: &[u8], overflow: &[u8]) -> Result<Self, Vec<u8>> {
        let (is_signed, width) = kind(&call.words[at + 1]).ok_or(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported \
             but i64 is.",
        )?;
        let (number, unit) = match &call.words[at + 2][..] {
            [b'#', number @ ..] => (int(number), width),
            number => (int(number), 1),
        };
        let offset = number.and_then(|number| usize::try_from(number).ok()?.checked_mul(unit));
        let offset = offset.filter(|offset| offset / 8 < call.bulk_bytes_max);
        let offset = offset.ok_or("ERR bit offset is not an integer or out of range")?;
        let change = match name {
            b"get" => Change::Get,
            b"set" => Change::Set(call.int(at + 3)?),
            _ => Change::Add(call.int(at + 3)?),
        };
        Ok(Self { is_signed, width, offset, change, overflow: overflow.to_vec() })
    }

    fn writes(&self) -> bool {
        !matches!(self.change, Change::Get)
    }

    /// The smallest and the largest value.
    fn limits(&self) -> (i128, i128) {
        match self.is_signed {
            true => (-(1 << (self.width - 1)), (1 << (self.width - 1)) - 1),
            false => (0, (1 << self.width) - 1),
        }
    }

    fn read(&self, bytes: &[u8]) -> i128 {
        let bits = (self.offset..self.offset + self.width).map(|at| i128::from(bit(bytes, at)));
        self.wrapped(bits.fold(0, |number, bit| number * 2 + bit))
    }

    fn write(&self, bytes: &mut [u8], value: i128) {
        for at in 0..self.width {
            let (place, is_set) = (self.offset + at, value >> (self.width - 1 - at) & 1 == 1);
            if bit(bytes, place) != is_set {
                bytes[place / 8] ^= 1 << (7 - place % 8);
            }
        }
    }

    /// The value of which only the lower bits are kept.
    fn wrapped(&self, value: i128) -> i128 {
        let (low, _) = self.limits();
        (value - low).rem_euclid(1 << self.width) + low
    }

    /// A value as it fits; none when it must not be written.
    fn fit(&self, value: i128) -> Option<i128> {
        let (low, high) = self.limits();
        let is_set = !matches!(self.change, Change::Add(_));
        let is_too_far = is_set && self.is_signed && high - value > i128::from(i64::MAX);
        match &self.overflow[..] {
            _ if (low..=high).contains(&value) => Some(value),
            b"wrap" => Some(self.wrapped(value)),
            b"sat" if value > high || is_too_far => Some(high),
            b"sat" => Some(low),
            _ => None,
        }
    }

    /// What it answers, and whether the string has changed.
    fn run(&self, bytes: &mut [u8]) -> (Reply, bool) {
        let old = self.read(bytes);
        let (new, is_old_wanted) = match self.change {
            Change::Get => return (Reply::Int(old as i64), false),
            // What an unsigned one is set to is read as unsigned, too.
            Change::Set(value) if !self.is_signed => (self.fit(i128::from(value as u64)), true),
            Change::Set(value) => (self.fit(i128::from(value)), true),
            Change::Add(by) => (self.fit(old + i128::from(by)), false),
        };
        let Some(new) = new else { return (Reply::Null, false) };
        self.write(bytes, new);
        (Reply::Int(if is_old_wanted { old } else { new } as i64), new != old)
    }
}

/// Whether a type is signed, and how many bits it has.
fn kind(word: &[u8]) -> Option<(bool, usize)> {
    let (is_signed, digits, most) = match word {
        [b'i', digits @ ..] => (true, digits, 64),
        [b'u', digits @ ..] => (false, digits, 63),
        _ => return None,
    };
    let width = usize::try_from(int(digits)?).ok()?;
    (1..=most).contains(&width).then_some((is_signed, width))
}

/// All of them on one string, which first grows to the end of the farthest that is written.
fn run(call: &mut Call<'_>, steps: &[Step]) -> Answer {
    let old = call.text()?.unwrap_or_default();
    let ends = steps.iter().filter(|step| step.writes()).map(|step| step.offset + step.width);
    let len = ends.max().unwrap_or(0).div_ceil(8);
    let mut bytes = old.value;
    let grows = len > bytes.len();
    bytes.resize(bytes.len().max(len), 0);
    let (replies, changes): (Vec<Reply>, Vec<bool>) =
        steps.iter().map(|step| step.run(&mut bytes)).unzip();
    if grows || changes.contains(&true) {
        call.put_first(bytes, old.deadline_ms);
    }
    Ok(Reply::Array(replies))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(is_signed: bool, width: usize, overflow: &str) -> Step {
        let overflow = overflow.as_bytes().to_vec();
        Step { is_signed, width, offset: 0, change: Change::Get, overflow }
    }

    #[test]
    fn values_are_made_to_fit() {
        for (value, wrapped, saturated) in [(-129, 127, -128), (128, -128, 127), (127, 127, 127)] {
            assert_eq!(step(true, 8, "wrap").fit(value), Some(wrapped));
            assert_eq!(step(true, 8, "sat").fit(value), Some(saturated));
            let fits = (-128..128).contains(&value).then_some(value);
            assert_eq!(step(true, 8, "fail").fit(value), fits);
        }
        assert_eq!(step(true, 8, "sat").fit(i128::from(i64::MIN)), Some(127));
        let add = Step { change: Change::Add(i64::MIN), ..step(true, 8, "sat") };
        assert_eq!(add.fit(i128::from(i64::MIN)), Some(-128));
        assert_eq!(step(false, 8, "sat").fit(-1), Some(0));
        assert_eq!(step(true, 64, "wrap").fit(1 << 63), Some(i128::from(i64::MIN)));
    }

    #[test]
    fn bits_are_written_where_they_are_read() {
        let mut bytes = vec![0; 3];
        let step = Step { offset: 5, ..step(false, 10, "wrap") };
        step.write(&mut bytes, 0b10_0000_0001);
        assert_eq!(bytes, [0b100, 0b10, 0]);
        assert_eq!(step.read(&bytes), 0b10_0000_0001);
    }
}
