//! The order of the chunks of a large sorted set, and how many members are in front of each.
//!
//! Groups of up to 256 chunks. A group has the first score and the number of members of each chunk
//! side by side, and so has the whole for its groups: a search halves a row of scores, and looks
//! at a chunk only where scores are equal; a rank is a sum of a short row. Chunks are numbers here,
//! and groups are counted, so that a snapshot shares them.

use alloc::vec::Vec;
use core::cmp::Ordering;

use triomphe::Arc;

/// Chunks of a group at most.
const GROUP_MAX: usize = 256;

#[derive(Clone, Debug, Default)]
struct Group {
    chunks: Vec<u32>,
    firsts: Vec<f64>,
    lens: Vec<u8>,
}

/// Where a chunk stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    group: usize,
    at: usize,
}

/// Chunks in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    groups: Vec<Arc<Group>>,
    firsts: Vec<f64>,
    lens: Vec<usize>,
}

/// The last of a row that is not greater than what is searched, or the first. `compare` says how
/// one with this first score and this place compares with it; the score decides unless it is equal.
fn last_not_greater(
    firsts: &[f64],
    score: f64,
    compare_equal: impl Fn(usize) -> Ordering,
) -> usize {
    let below = firsts.partition_point(|&first| first < score);
    let equal = firsts[below..].partition_point(|&first| first <= score);
    let (mut low, mut high) = (below, below + equal);
    while low < high {
        let middle = low.midpoint(high);
        if compare_equal(middle) == Ordering::Greater { high = middle } else { low = middle + 1 }
    }
    low.saturating_sub(1)
}

impl Order {
    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        let of_chunk = size_of::<u32>() + size_of::<f64>() + 1;
        self.groups.len() * (size_of::<Group>() + GROUP_MAX * of_chunk * 3 / 4 + 32)
    }

    /// Where the chunk stands that a member with this score belongs to; `None` without chunks.
    /// `compare_equal` compares the first member of a chunk, whose score is equal, with it.
    pub(super) fn find(&self, score: f64, compare_equal: impl Fn(u32) -> Ordering) -> Option<Spot> {
        if self.groups.is_empty() {
            return None;
        }
        let of_group = |group: usize| compare_equal(self.groups[group].chunks[0]);
        let number = last_not_greater(&self.firsts, score, of_group);
        let group = &self.groups[number];
        let at = last_not_greater(&group.firsts, score, |at| compare_equal(group.chunks[at]));
        Some(Spot { group: number, at })
    }

    /// The last chunk of those at the beginning for which `is_before` holds.
    pub(super) fn last_before(&self, is_before: impl Fn(u32) -> bool) -> Option<Spot> {
        let groups = self.groups.partition_point(|group| is_before(group.chunks[0]));
        let number = groups.checked_sub(1)?;
        let chunks = &self.groups[number].chunks;
        let at = chunks.partition_point(|&chunk| is_before(chunk)).saturating_sub(1);
        Some(Spot { group: number, at })
    }

    /// The chunk at a spot.
    pub(super) fn chunk(&self, spot: Spot) -> u32 {
        self.groups[spot.group].chunks[spot.at]
    }

    /// Members in front of a chunk.
    pub(super) fn before(&self, spot: Spot) -> usize {
        let groups: usize = self.lens[..spot.group].iter().sum();
        let lens = &self.groups[spot.group].lens[..spot.at];
        groups + lens.iter().map(|&len| usize::from(len)).sum::<usize>()
    }

    /// The spot of the chunk that has the member with this rank, and the member's place in it.
    pub(super) fn locate(&self, rank: usize) -> Option<(Spot, usize)> {
        let mut left = rank;
        let group = self.lens.iter().position(|&len| {
            let is_here = left < len;
            left -= if is_here { 0 } else { len };
            is_here
        })?;
        let at = self.groups[group].lens.iter().position(|&len| {
            let is_here = left < usize::from(len);
            left -= if is_here { 0 } else { len.into() };
            is_here
        })?;
        Some((Spot { group, at }, left))
    }

    /// The next chunk.
    pub(super) fn next(&self, spot: Spot) -> Option<Spot> {
        if spot.at + 1 < self.groups[spot.group].chunks.len() {
            return Some(Spot { at: spot.at + 1, ..spot });
        }
        (spot.group + 1 < self.groups.len()).then_some(Spot { group: spot.group + 1, at: 0 })
    }

    /// The chunk in front of one.
    pub(super) fn prev(&self, spot: Spot) -> Option<Spot> {
        if let Some(at) = spot.at.checked_sub(1) {
            return Some(Spot { at, ..spot });
        }
        let group = spot.group.checked_sub(1)?;
        Some(Spot { group, at: self.groups[group].chunks.len() - 1 })
    }

    /// Whether it is the last chunk.
    pub(super) fn is_last(&self, spot: Spot) -> bool {
        self.next(spot).is_none()
    }

    /// Says what the first score and the number of members of a chunk are now.
    pub(super) fn update(&mut self, spot: Spot, first: f64, len: usize) {
        let group = Arc::make_mut(&mut self.groups[spot.group]);
        self.lens[spot.group] = self.lens[spot.group] + len - usize::from(group.lens[spot.at]);
        (group.firsts[spot.at], group.lens[spot.at]) = (first, len as u8);
        if spot.at == 0 {
            self.firsts[spot.group] = first;
        }
    }

    /// Adds a chunk behind a spot, or at the beginning.
    pub(super) fn insert_behind(&mut self, spot: Option<Spot>, chunk: u32, first: f64, len: usize) {
        if self.groups.is_empty() {
            self.groups.push(Arc::default());
            self.firsts.push(first);
            self.lens.push(0);
        }
        let (number, at) = spot.map_or((0, 0), |spot| (spot.group, spot.at + 1));
        let group = Arc::make_mut(&mut self.groups[number]);
        group.chunks.insert(at, chunk);
        group.firsts.insert(at, first);
        group.lens.insert(at, len as u8);
        self.lens[number] += len;
        if at == 0 {
            self.firsts[number] = first;
        }
        if group.chunks.len() > GROUP_MAX {
            self.cut(number, at);
        }
    }

    /// Cuts a group in two: in the middle, or where it has grown at its end.
    fn cut(&mut self, number: usize, grown: usize) {
        let group = Arc::make_mut(&mut self.groups[number]);
        let kept = if grown == GROUP_MAX { GROUP_MAX } else { GROUP_MAX / 2 };
        let second = Group {
            chunks: group.chunks.split_off(kept),
            firsts: group.firsts.split_off(kept),
            lens: group.lens.split_off(kept),
        };
        let len = second.lens.iter().map(|&len| usize::from(len)).sum();
        self.lens[number] -= len;
        self.firsts.insert(number + 1, second.firsts[0]);
        self.lens.insert(number + 1, len);
        self.groups.insert(number + 1, Arc::new(second));
    }

    /// Takes a chunk out.
    pub(super) fn remove(&mut self, spot: Spot) {
        let group = Arc::make_mut(&mut self.groups[spot.group]);
        group.chunks.remove(spot.at);
        group.firsts.remove(spot.at);
        self.lens[spot.group] -= usize::from(group.lens.remove(spot.at));
        if group.chunks.is_empty() {
            self.groups.remove(spot.group);
            self.firsts.remove(spot.group);
            self.lens.remove(spot.group);
        } else {
            self.firsts[spot.group] = group.firsts[0];
        }
    }
}
