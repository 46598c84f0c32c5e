//! The directory: which segment a hash belongs to, and how segments come and go.
//!
//! It maps the top bits of a hash to the number of a segment; it has 2^depth entries of 4 bytes,
//! and a segment that shares fewer top bits than that stands in several of them. When a segment
//! splits whose bits are all used, the directory doubles, a copy of a few kilobytes. When deletions
//! leave both halves of a segment nearly empty they merge, one pair for each removal at most, so
//! nobody waits for a shrinking table either; and when no segment needs the last bit, the directory
//! halves.
//!
//! Numbers of segments have no gaps: the last segment takes the number of one that goes.

use triomphe::Arc;

use super::db::Db;
use super::segment::{NEVER, SPLIT_MIN, Segment};

/// Top bits that the directory may use at most. With a secret hash key none comes near it.
pub(super) const DEPTH_MAX: u8 = 34;

/// Keys of a prepared segment at most: few enough that hardly any splits all the same.
const RESERVED_LEN: usize = SPLIT_MIN * 17 / 20;

impl Db {
    #[inline]
    pub(super) fn segment_id(&self, hash: u64) -> Option<u32> {
        self.index.get(((hash >> 1) >> (63 - u32::from(self.depth))) as usize).copied()
    }

    /// Makes the one segment of a database that had none.
    #[cold]
    pub(super) fn add_first_segment(&mut self) -> u32 {
        self.index.push(0);
        self.add_segment(Segment::new(0, 0))
    }

    /// Prepares a database without keys for so many: the segments that it would have by splitting
    /// are there from the start, so no key moves. Each takes 5 KB.
    pub fn reserve(&mut self, keys: usize) {
        let fits = |depth: &u8| keys >> depth <= RESERVED_LEN;
        let depth = (0..DEPTH_MAX).find(fits).unwrap_or(0);
        if !self.segments.is_empty() || depth == 0 {
            return;
        }
        self.depth = depth;
        for number in 0..1_u64 << depth {
            let id = self.add_segment(Segment::new(depth, number << (64 - depth)));
            self.index.push(id);
        }
    }

    fn add_segment(&mut self, segment: Segment) -> u32 {
        let id = self.segments.len() as u32;
        self.segment_bytes += segment.bytes();
        self.depths[segment.depth as usize] += 1;
        self.reorder(id, NEVER, segment.expire_min_ms);
        self.segments.push(Arc::new(segment));
        id
    }

    /// Puts another segment in the place of `id`, at other bits of the hash.
    fn replace_segment(&mut self, id: u32, segment: Segment, old_bytes: usize) {
        let old = &self.segments[id as usize];
        let (old_depth, old_bound) = (old.depth, old.expire_min_ms);
        self.depths[old_depth as usize] -= 1;
        self.depths[segment.depth as usize] += 1;
        self.segment_bytes = self.segment_bytes + segment.bytes() - old_bytes;
        self.reorder(id, old_bound, segment.expire_min_ms);
        self.segments[id as usize] = Arc::new(segment);
    }

    /// Splits the segment `id`.
    pub(super) fn split(&mut self, id: u32) {
        let hasher = self.hasher;
        let old = self.segment_mut(id);
        let (old_bytes, old_depth) = (old.bytes(), old.depth);
        let [low, high] = old.split(&hasher);
        self.replace_segment(id, low, old_bytes);
        let high = self.add_segment(high);
        if old_depth == self.depth {
            self.double();
        }
        self.redirect(high);
    }

    /// Merges the segment `id` with its other half when both are nearly empty.
    #[cold]
    pub(super) fn merge(&mut self, id: u32) {
        let segment = &self.segments[id as usize];
        let other_base = segment.base ^ 1 << (64 - u32::from(segment.depth));
        let other_id = self.segment_id(other_base).expect("the directory covers every hash");
        let other = &self.segments[other_id as usize];
        if !segment.may_merge(other) {
            return;
        }
        let (bytes, other_bytes) = (segment.bytes(), other.bytes());
        let hasher = self.hasher;
        let pair = self.segments.get_disjoint_mut([id as usize, other_id as usize]);
        let halves = pair.expect("a segment is not its own half").map(Arc::make_mut);
        let whole = Segment::merge(halves, &hasher);
        self.replace_segment(id, whole, bytes);
        self.redirect(id);
        self.drop_segment(other_id, other_bytes);
        self.shrink();
    }

    /// Forgets a segment that no directory entry names; the last one takes its number.
    fn drop_segment(&mut self, id: u32, bytes: usize) {
        let gone = self.segments.swap_remove(id as usize);
        self.depths[gone.depth as usize] -= 1;
        self.segment_bytes -= bytes;
        self.reorder(id, gone.expire_min_ms, NEVER);
        let moved_id = self.segments.len() as u32;
        if moved_id != id {
            let bound = self.segments[id as usize].expire_min_ms;
            self.reorder(moved_id, bound, NEVER);
            self.reorder(id, NEVER, bound);
            self.redirect(id);
        }
    }

    /// Points the directory entries of a segment's hashes at it.
    fn redirect(&mut self, id: u32) {
        let Segment { base, depth, .. } = *self.segments[id as usize];
        let first = ((base >> 1) >> (63 - u32::from(self.depth))) as usize;
        let span = 1_usize << (self.depth - depth);
        self.index[first..first + span].fill(id);
    }

    fn double(&mut self) {
        assert!(self.depth < DEPTH_MAX, "hashes under a secret key do not share so many bits");
        self.index = self.index.iter().flat_map(|&id| [id, id]).collect();
        self.depth += 1;
    }

    /// Gives back what the directory does not need any more.
    fn shrink(&mut self) {
        while self.depth > 0 && self.depths[self.depth as usize] == 0 {
            self.index = self.index.iter().step_by(2).copied().collect();
            self.depth -= 1;
        }
        if self.segments.len() < self.segments.capacity() / 4 {
            self.segments.shrink_to(self.segments.len() * 2);
        }
    }

    /// Asserts that directory and segments agree.
    pub(super) fn check_directory(&self) {
        let mut depths = [0; DEPTH_MAX as usize + 1];
        for (id, segment) in self.segments.iter().enumerate() {
            depths[segment.depth as usize] += 1;
            let first = ((segment.base >> 1) >> (63 - u32::from(self.depth))) as usize;
            let span = 1_usize << (self.depth - segment.depth);
            let entries = &self.index[first..first + span];
            assert!(entries.iter().all(|&entry| entry as usize == id), "a segment is found");
        }
        assert_eq!(depths, self.depths, "segments are counted by depth");
        let deepest = self.segments.iter().map(|segment| segment.depth).max();
        assert_eq!(deepest.unwrap_or(0), self.depth, "the directory is no deeper than needed");
    }
}
