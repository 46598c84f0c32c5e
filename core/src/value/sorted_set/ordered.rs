//! Members in the order of their scores: the index of a large sorted set.
//!
//! A tree of three levels: groups of chunks of members. Every level knows how many members are
//! below it, so a rank is a sum over two short rows and a walk in one chunk. A chunk is one run of
//! bytes: score (8 bytes), length of the member (4 bytes), member; it is cut in two when it has
//! more than 64 members, and so is a group. Chunks and groups are counted nodes, so a snapshot
//! shares what is not changed.

use alloc::vec::Vec;
use core::cmp::Ordering;

use triomphe::Arc;

/// Members of a chunk at most.
const CHUNK_MAX: usize = 64;

/// Chunks of a group at most.
const GROUP_MAX: usize = 256;

const HEAD_BYTES: usize = 12;

/// A member with its score.
pub(super) type Item<'a> = (f64, &'a [u8]);

#[derive(Clone, Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    len: usize,
}

#[derive(Clone, Debug, Default)]
struct Group {
    chunks: Vec<Arc<Chunk>>,
    len: usize,
}

/// Members in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Ordered {
    groups: Vec<Arc<Group>>,
    len: usize,
    bytes: usize,
}

fn compare(one: Item<'_>, other: Item<'_>) -> Ordering {
    // Scores are no NaN, and -0 equals 0.
    one.0.partial_cmp(&other.0).unwrap_or(Ordering::Equal).then_with(|| one.1.cmp(other.1))
}

impl Chunk {
    fn item(&self, at: usize) -> (Item<'_>, usize) {
        let head = &self.bytes[at..at + HEAD_BYTES];
        let mut score = [0; 8];
        score.copy_from_slice(&head[..8]);
        let len = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
        let end = at + HEAD_BYTES + len;
        ((f64::from_le_bytes(score), &self.bytes[at + HEAD_BYTES..end]), end)
    }

    fn items(&self) -> impl Iterator<Item = (usize, Item<'_>)> + '_ {
        let mut next = 0;
        core::iter::from_fn(move || {
            if next == self.bytes.len() {
                return None;
            }
            let at = next;
            let (item, end) = self.item(at);
            next = end;
            Some((at, item))
        })
    }

    /// Offset of the first member that is not before `item`, and how many are.
    fn position(&self, item: Item<'_>) -> (usize, usize) {
        let mut before = 0;
        for (at, other) in self.items() {
            if compare(other, item) != Ordering::Less {
                return (at, before);
            }
            before += 1;
        }
        (self.bytes.len(), before)
    }

    fn insert(&mut self, at: usize, (score, member): Item<'_>) {
        let (end, new) = (self.bytes.len(), HEAD_BYTES + member.len());
        self.bytes.resize(end + new, 0);
        self.bytes.copy_within(at..end, at + new);
        self.bytes[at..at + 8].copy_from_slice(&score.to_le_bytes());
        self.bytes[at + 8..at + 12].copy_from_slice(&(member.len() as u32).to_le_bytes());
        self.bytes[at + HEAD_BYTES..at + new].copy_from_slice(member);
        self.len += 1;
    }

    /// Takes the second half out.
    fn cut(&mut self) -> Self {
        let kept = self.len / 2;
        let at = self.items().nth(kept).map_or(self.bytes.len(), |(at, _)| at);
        let second = Self { bytes: self.bytes.split_off(at), len: self.len - kept };
        self.len = kept;
        self.bytes.shrink_to_fit();
        second
    }

    fn first(&self) -> Item<'_> {
        self.item(0).0
    }
}

impl Group {
    /// The chunk that `item` belongs to: the last that does not begin after it.
    fn find(&self, item: Item<'_>) -> usize {
        let after = |chunk: &Arc<Chunk>| compare(chunk.first(), item) != Ordering::Greater;
        self.chunks.partition_point(after).saturating_sub(1)
    }
}

impl Ordered {
    /// Members.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn bytes(&self) -> usize {
        let chunk = size_of::<Chunk>() + 2 * size_of::<usize>();
        self.bytes + self.groups.len() * size_of::<Group>() + self.len / (CHUNK_MAX / 2) * chunk
    }

    /// The group that `item` belongs to.
    fn find(&self, item: Item<'_>) -> usize {
        let after =
            |group: &Arc<Group>| compare(group.chunks[0].first(), item) != Ordering::Greater;
        self.groups.partition_point(after).saturating_sub(1)
    }

    /// Adds a member that is not there.
    pub(super) fn insert(&mut self, item: Item<'_>) {
        self.len += 1;
        self.bytes += HEAD_BYTES + item.1.len();
        if self.groups.is_empty() {
            let chunks = Vec::from([Arc::new(Chunk::default())]);
            self.groups.push(Arc::new(Group { chunks, len: 0 }));
        }
        let number = if self.len == 1 { 0 } else { self.find(item) };
        let group = Arc::make_mut(&mut self.groups[number]);
        let at = if group.len == 0 { 0 } else { group.find(item) };
        group.len += 1;
        let chunk = Arc::make_mut(&mut group.chunks[at]);
        let (offset, _) = chunk.position(item);
        chunk.insert(offset, item);
        if chunk.len > CHUNK_MAX {
            let second = chunk.cut();
            group.chunks.insert(at + 1, Arc::new(second));
        }
        if group.chunks.len() > GROUP_MAX {
            let chunks = group.chunks.split_off(GROUP_MAX / 2);
            let len = chunks.iter().map(|chunk| chunk.len).sum();
            group.len -= len;
            self.groups.insert(number + 1, Arc::new(Group { chunks, len }));
        }
    }

    /// Takes a member out that is there.
    pub(super) fn remove(&mut self, item: Item<'_>) {
        if self.groups.is_empty() {
            return;
        }
        let number = self.find(item);
        let group = Arc::make_mut(&mut self.groups[number]);
        let at = group.find(item);
        let chunk = Arc::make_mut(&mut group.chunks[at]);
        let (offset, _) = chunk.position(item);
        if offset == chunk.bytes.len() || compare(chunk.item(offset).0, item) != Ordering::Equal {
            return;
        }
        let end = chunk.item(offset).1;
        chunk.bytes.drain(offset..end);
        chunk.len -= 1;
        group.len -= 1;
        self.len -= 1;
        self.bytes -= end - offset;
        if chunk.len == 0 {
            group.chunks.remove(at);
        }
        if group.chunks.is_empty() {
            self.groups.remove(number);
        }
    }

    /// How many members are before `item`.
    pub(super) fn rank(&self, item: Item<'_>) -> usize {
        self.count_before(|other| compare(other, item) == Ordering::Less)
    }

    /// How many members are at the beginning for which `is_before` holds; it holds for none behind
    /// the first for which it does not.
    pub(super) fn count_before(&self, is_before: impl Fn(Item<'_>) -> bool) -> usize {
        let number = self.groups.partition_point(|group| is_before(group.chunks[0].first()));
        let Some(number) = number.checked_sub(1) else { return 0 };
        let before: usize = self.groups[..number].iter().map(|group| group.len).sum();
        let group = &self.groups[number];
        let at = group.chunks.partition_point(|chunk| is_before(chunk.first())).saturating_sub(1);
        let in_group: usize = group.chunks[..at].iter().map(|chunk| chunk.len).sum();
        let within = group.chunks[at].items().take_while(|(_, item)| is_before(*item)).count();
        before + in_group + within
    }

    /// Group, chunk and place in it of the member with this rank.
    fn locate(&self, rank: usize) -> Option<(usize, usize, usize)> {
        let mut left = rank;
        for (number, group) in self.groups.iter().enumerate() {
            if left >= group.len {
                left -= group.len;
                continue;
            }
            for (at, chunk) in group.chunks.iter().enumerate() {
                if left < chunk.len {
                    return Some((number, at, left));
                }
                left -= chunk.len;
            }
        }
        None
    }

    /// The members from the one with this rank on.
    pub(super) fn iter_from(&self, rank: usize) -> impl Iterator<Item = Item<'_>> + '_ {
        let (number, at, within) = self.locate(rank).unwrap_or((self.groups.len(), 0, 0));
        let groups = self.groups.iter().skip(number).enumerate();
        let chunks = groups.flat_map(move |(order, group)| {
            group.chunks.iter().skip(if order == 0 { at } else { 0 })
        });
        chunks.enumerate().flat_map(move |(order, chunk)| {
            chunk.items().skip(if order == 0 { within } else { 0 }).map(|(_, item)| item)
        })
    }

    /// The members in front of the one with this rank, from the last of them to the first.
    pub(super) fn iter_before(&self, rank: usize) -> impl Iterator<Item = Item<'_>> + '_ {
        let last = rank.min(self.len).checked_sub(1).and_then(|last| self.locate(last));
        let (number, at, within) = last.unwrap_or_default();
        let groups = self.groups.iter().take(if last.is_some() { number + 1 } else { 0 }).rev();
        let chunks = groups.enumerate().flat_map(move |(order, group)| {
            let count = if order == 0 { at + 1 } else { group.chunks.len() };
            group.chunks.iter().take(count).rev()
        });
        chunks.enumerate().flat_map(move |(order, chunk)| {
            let count = if order == 0 { within + 1 } else { chunk.len };
            let items: Vec<_> = chunk.items().take(count).map(|(_, item)| item).collect();
            items.into_iter().rev()
        })
    }
}
