//! Buckets: 20 slots in one cache line.
//!
//! A slot is a tag (8 bits of the hash, 0 = empty) and a handle (the record's place in the
//! segment's pages). A lookup compares all tags of the line at once and then only the records whose
//! tag agrees, one in 13 of them in vain. An entry that finds its home bucket full goes to the next
//! one; every bucket that it passed counts it, so that a lookup knows where to stop and a removal
//! takes it back exactly.

/// Slots in a bucket: 20 tags, 4 bytes of counts and 20 handles fill 64 bytes.
pub(super) const SLOTS: usize = 20;

/// One bucket.
#[derive(Clone)]
#[repr(align(64))]
pub(super) struct Bucket {
    tags: [u8; SLOTS],
    /// Entries that were placed in a later bucket because this one was full.
    pub(super) passed: u16,
    handles: [u16; SLOTS],
}

const _: () = assert!(size_of::<Bucket>() == 64, "a bucket is one cache line");

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

impl Bucket {
    pub(super) const EMPTY: Self = Self { tags: [0; SLOTS], passed: 0, handles: [0; SLOTS] };

    /// The tag of a hash: never 0.
    #[inline]
    pub(super) fn tag(hash: u64) -> u8 {
        ((hash >> 8) as u8).max(1)
    }

    /// Slots whose tag may be `tag`; the few false ones fail the comparison of the key.
    #[inline]
    pub(super) fn candidates(&self, tag: u8) -> Candidates {
        let pattern = u64::from(tag) * LOW;
        let [a, b, c] = self.words();
        Candidates { mask: zeros(a ^ pattern), first: 0, next: [b ^ pattern, c ^ pattern] }
    }

    /// The tags as three words; the last four bytes are a value that is no tag's.
    #[inline]
    fn words(&self) -> [u64; 3] {
        let t = &self.tags;
        [
            u64::from_le_bytes([t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]]),
            u64::from_le_bytes([t[8], t[9], t[10], t[11], t[12], t[13], t[14], t[15]]),
            u64::from(u32::from_le_bytes([t[16], t[17], t[18], t[19]])),
        ]
    }

    /// The first empty slot.
    #[inline]
    pub(super) fn vacant(&self) -> Option<usize> {
        let [a, b, c] = self.words();
        for (word, first) in [(a, 0), (b, 8), (c | 0xffff_ffff_0000_0000, 16)] {
            let mask = zeros(word);
            if mask != 0 {
                return Some(first + mask.trailing_zeros() as usize / 8);
            }
        }
        None
    }

    #[inline]
    pub(super) fn has_tag(&self, slot: usize, tag: u8) -> bool {
        self.tags.get(slot) == Some(&tag)
    }

    #[inline]
    pub(super) fn tag_at(&self, slot: usize) -> u8 {
        self.tags[slot]
    }

    #[inline]
    pub(super) fn handle(&self, slot: usize) -> u16 {
        self.handles[slot]
    }

    pub(super) fn set_handle(&mut self, slot: usize, handle: u16) {
        self.handles[slot] = handle;
    }

    pub(super) fn set(&mut self, slot: usize, tag: u8, handle: u16) {
        self.tags[slot] = tag;
        self.handles[slot] = handle;
    }

    pub(super) fn clear(&mut self, slot: usize) {
        self.tags[slot] = 0;
    }

    pub(super) fn is_used(&self, slot: usize) -> bool {
        self.tags[slot] != 0
    }

    /// The slots in use.
    pub(super) fn used(&self) -> impl Iterator<Item = usize> + '_ {
        (0..SLOTS).filter(|&slot| self.is_used(slot))
    }

    /// A byte of the line, for pulling it into the cache.
    #[inline]
    pub(super) fn warm(&self) -> u8 {
        self.tags[0]
    }
}

/// The high bit of every zero byte, and perhaps of bytes above one.
#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(LOW) & !word & HIGH
}

/// Slot numbers that may hold the tag, ascending. Most are found in one of the first words, so the
/// others are looked at only when it is their turn.
pub(super) struct Candidates {
    mask: u64,
    first: usize,
    next: [u64; 2],
}

impl Iterator for Candidates {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.mask == 0 {
            let word = *self.next.get(self.first / 8)?;
            self.mask = zeros(word);
            self.first += 8;
        }
        let slot = self.first + self.mask.trailing_zeros() as usize / 8;
        self.mask &= self.mask - 1;
        (slot < SLOTS).then_some(slot)
    }
}
