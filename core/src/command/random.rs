//! Drawing elements of aggregates: what HRANDFIELD, SRANDMEMBER and ZRANDMEMBER share.
//!
//! A positive count asks for so many different elements at most, a negative one for exactly so
//! many, perhaps the same again. Three ways, by what is cheapest: all there are, all without those
//! that are drawn to be left out, or draws that are repeated when they hit the same.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::args::Args;
use super::error::CommandError;
use crate::rng::Rng;
use crate::value::number;

/// More than so many elements are not drawn at once: they are held until they are written.
const DRAWN_MAX: u64 = 1 << 27;

/// How many elements to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Draw {
    count: usize,
    may_repeat: bool,
}

impl Draw {
    /// What the arguments behind a key say: nothing, a count, or a count and the word with which
    /// each element comes with another. Whether the word was said, too.
    pub(crate) fn parse_with(
        args: Args<'_>,
        word: &str,
    ) -> Result<(Option<Self>, bool), CommandError> {
        if args.len() == 2 {
            return Ok((None, false));
        }
        let in_pairs = args.len() == 4 && args.is(3, word);
        if args.len() > 3 && !in_pairs {
            return Err(count(args.at(2)).err().unwrap_or(CommandError::Syntax));
        }
        Ok((Some(Self::parse(args.at(2), in_pairs)?), in_pairs))
    }

    /// The count that an argument is; `in_pairs` when each element is written with another.
    pub(crate) fn parse(text: &[u8], in_pairs: bool) -> Result<Self, CommandError> {
        let count = count(text)?;
        let is_too_many = in_pairs && count.unsigned_abs() > i64::MAX as u64 / 2;
        if is_too_many || count < 0 && count.unsigned_abs() > DRAWN_MAX {
            return Err(CommandError::Fixed("ERR value is out of range"));
        }
        Ok(Self { count: count.unsigned_abs() as usize, may_repeat: count < 0 })
    }

    /// So many different elements at most.
    pub(crate) fn of(count: usize) -> Self {
        Self { count, may_repeat: false }
    }

    /// Draws from `len` elements: `one` by one, or of `all`; `name` tells them apart.
    pub(crate) fn draw<T>(
        self,
        len: usize,
        rng: &mut Rng,
        mut one: impl FnMut(&mut Rng) -> Option<T>,
        all: impl FnOnce() -> Vec<T>,
        name: impl Fn(&T) -> Vec<u8>,
    ) -> Vec<T> {
        if self.may_repeat {
            return (0..self.count).filter_map(|_| one(rng)).collect();
        }
        if self.count >= len {
            return all();
        }
        if self.count * 3 > len {
            return some_of(all(), self.count, rng);
        }
        let (mut names, mut drawn) = (BTreeSet::new(), Vec::new());
        while drawn.len() < self.count {
            let Some(element) = one(rng) else { break };
            if names.insert(name(&element)) {
                drawn.push(element);
            }
        }
        drawn
    }
}

fn count(text: &[u8]) -> Result<i64, CommandError> {
    match number::parse_i64(text).ok_or(CommandError::NotInteger)? {
        i64::MIN => Err(CommandError::Fixed(
            "ERR value is out of range, value must between -9223372036854775807 and \
             9223372036854775807",
        )),
        count => Ok(count),
    }
}

/// `count` of the elements, each with the same chance.
fn some_of<T>(mut all: Vec<T>, count: usize, rng: &mut Rng) -> Vec<T> {
    for at in 0..count {
        let other = at + rng.below((all.len() - at) as u64) as usize;
        all.swap(at, other);
    }
    all.truncate(count);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_asked_for_and_all_about_equally_often() {
        let mut rng = Rng::new([1; 32]);
        for count in [1, 3, 5, 9, 10, 20] {
            let mut hits = [0_usize; 10];
            for _round in 0..2000 {
                let draw = Draw { count, may_repeat: false };
                let one = |rng: &mut Rng| Some(rng.below(10) as u8);
                let drawn = draw.draw(10, &mut rng, one, || (0..10).collect(), |&n| [n].to_vec());
                assert_eq!(drawn.len(), count.min(10));
                assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), drawn.len());
                drawn.iter().for_each(|&number| hits[usize::from(number)] += 1);
            }
            let expected = 200 * count.min(10);
            assert!(hits.iter().all(|&hit| (hit * 10).abs_diff(expected * 10) < expected * 3));
        }
        let draw = Draw::parse(b"-30", false).unwrap();
        let one = |rng: &mut Rng| Some(rng.below(10) as u8);
        assert_eq!(draw.draw(10, &mut rng, one, Vec::new, |&n| [n].to_vec()).len(), 30);
    }

    #[test]
    fn counts_out_of_range_are_refused() {
        assert_eq!(Draw::parse(b"x", false), Err(CommandError::NotInteger));
        assert!(Draw::parse(b"-9223372036854775808", false).is_err());
        assert!(Draw::parse(b"-9223372036854775807", false).is_err());
        assert!(Draw::parse(b"9223372036854775807", false).is_ok());
        assert!(Draw::parse(b"9223372036854775807", true).is_err());
    }
}
