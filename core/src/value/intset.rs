//! Intsets: sets of integers as one sorted run of numbers of one width.
//!
//! A pack of the shape [`Intset`](super::pack::Shape::Intset) is the shape's byte, the bytes of a
//! number (2, 4 or 8), a byte that is zero, and the numbers in ascending order, little-endian. That
//! is Redis's intset (intset.c) with a shorter header. A number that needs more bytes widens all.

use alloc::vec::Vec;

use super::pack::Shape;

/// Bytes in front of the numbers.
const HEAD_BYTES: usize = 3;

/// An intset read in place.
#[derive(Clone, Copy, Debug)]
pub struct Intset<'a>(&'a [u8]);

impl<'a> Intset<'a> {
    /// The intset that the bytes of a pack are.
    #[must_use]
    pub fn new(pack: &'a [u8]) -> Self {
        Self(pack)
    }

    fn width(self) -> usize {
        self.0[1] as usize
    }

    /// Members.
    #[must_use]
    pub fn len(self) -> usize {
        (self.0.len() - HEAD_BYTES) / self.width()
    }

    /// Whether it has no member.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The member with this index, in ascending order.
    #[inline]
    #[must_use]
    pub fn get(self, index: usize) -> i64 {
        let width = self.width();
        let at = HEAD_BYTES + index * width;
        let bytes = &self.0[at..at + width];
        match width {
            2 => i16::from_le_bytes([bytes[0], bytes[1]]).into(),
            4 => i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]).into(),
            _ => {
                let mut wide = [0; 8];
                wide.copy_from_slice(bytes);
                i64::from_le_bytes(wide)
            }
        }
    }

    /// Members in ascending order.
    pub fn iter(self) -> impl Iterator<Item = i64> + Clone + 'a {
        (0..self.len()).map(move |index| self.get(index))
    }

    /// The index of `number`, or where it would be.
    ///
    /// # Errors
    ///
    /// The index that it would have, when it is not there.
    pub fn search(self, number: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle).cmp(&number) {
                core::cmp::Ordering::Equal => return Ok(middle),
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }
}

fn width_of(number: i64) -> usize {
    match number {
        -0x8000..=0x7fff => 2,
        -0x8000_0000..=0x7fff_ffff => 4,
        _ => 8,
    }
}

/// Adds a number to a pack; `false` when it was there.
pub fn insert(pack: &mut Vec<u8>, number: i64) -> bool {
    let Err(index) = Intset::new(pack).search(number) else { return false };
    if width_of(number) > Intset::new(pack).width() {
        widen(pack, width_of(number));
    }
    let width = Intset::new(pack).width();
    let at = HEAD_BYTES + index * width;
    let end = pack.len();
    pack.resize(end + width, 0);
    pack.copy_within(at..end, at + width);
    pack[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
    true
}

/// Takes a number out of a pack; `false` when it was not there.
pub fn remove(pack: &mut Vec<u8>, number: i64) -> bool {
    let Ok(index) = Intset::new(pack).search(number) else { return false };
    let width = Intset::new(pack).width();
    let at = HEAD_BYTES + index * width;
    pack.drain(at..at + width);
    true
}

fn widen(pack: &mut Vec<u8>, width: usize) {
    let old = pack.clone();
    pack.truncate(HEAD_BYTES);
    pack[1] = width as u8;
    for number in Intset::new(&old).iter() {
        pack.extend_from_slice(&number.to_le_bytes()[..width]);
    }
}

/// Adds the same set as Redis has it: width and length of 4 bytes each, then the numbers.
pub fn to_redis(pack: &[u8], out: &mut Vec<u8>) {
    let set = Intset::new(pack);
    out.extend_from_slice(&(set.width() as u32).to_le_bytes());
    out.extend_from_slice(&(set.len() as u32).to_le_bytes());
    out.extend_from_slice(&pack[HEAD_BYTES..]);
}

/// A pack of the set that Redis's bytes are; `None` when they are damaged. They may be hostile.
#[must_use]
pub fn from_redis(blob: &[u8]) -> Option<Vec<u8>> {
    let (header, numbers) = blob.split_first_chunk::<8>()?;
    let width = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
    let len = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
    if !matches!(width, 2 | 4 | 8)
        || len == 0
        || numbers.len() != len.checked_mul(width as usize)?
    {
        return None;
    }
    let mut pack = alloc::vec![Shape::Intset.tag(), width as u8, 0];
    pack.extend_from_slice(numbers);
    Intset::new(&pack).iter().is_sorted_by(|low, high| low < high).then_some(pack)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![-9..9_i64, -40_000..40_000_i64, any::<i32>().prop_map(i64::from), any::<i64>()]
    }

    proptest! {
        #[test]
        fn it_is_a_set(steps in prop::collection::vec((any::<bool>(), number()), 0..100)) {
            let (mut pack, mut model) = (Shape::Intset.empty().to_vec(), BTreeSet::new());
            for (adds, number) in steps {
                if adds {
                    prop_assert_eq!(insert(&mut pack, number), model.insert(number));
                } else {
                    prop_assert_eq!(remove(&mut pack, number), model.remove(&number));
                }
                prop_assert!(Intset::new(&pack).iter().eq(model.iter().copied()));
            }
            let mut blob = Vec::new();
            to_redis(&pack, &mut blob);
            prop_assert_eq!(from_redis(&blob), (!model.is_empty()).then_some(pack));
        }

        #[test]
        fn any_bytes_are_safe(blob: Vec<u8>) {
            let _as_it_is = from_redis(&blob);
            let header = [2, 0, 0, 0, (blob.len() / 2) as u8, 0, 0, 0];
            let _with_header = from_redis(&[&header[..], &blob].concat());
        }
    }
}
