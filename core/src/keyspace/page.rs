//! Pages: the 2 KB blocks that records are packed in.
//!
//! Blocks of one size keep any allocator tidy, and a reference count in front of each lets a
//! snapshot share them: the first write to a shared page copies that page only. The count is a
//! `triomphe::Arc`, 8 bytes, so that count and payload together fill 2048 bytes exactly.
//! A record never crosses a page; what is left at the end of a page is lost until the segment
//! is compacted.

use core::sync::atomic::{AtomicU64, Ordering};

use triomphe::Arc;

/// Bytes of records in a page; with the count in front an allocation of 2048.
pub(super) const PAGE_BYTES: usize = 2040;

/// Bytes that a page costs.
pub(super) const PAGE_ALLOC_BYTES: usize = 2048;

/// Bytes of a unit, in which handles count. Records start on a unit.
pub(super) const UNIT: usize = 4;

/// Units in a page.
pub(super) const PAGE_UNITS: usize = PAGE_BYTES / UNIT;

/// One page.
pub(super) struct Page(pub(super) [u8; PAGE_BYTES]);

/// What [`copied_bytes`] tells.
static COPIED_BYTES: AtomicU64 = AtomicU64::new(0);

/// Bytes of pages that this process has copied because a snapshot shared them. That depends on how
/// far the writer of the snapshot has come, so the core does not look at it: the shell does, and
/// hands it in with the facts of the system.
#[must_use]
pub fn copied_bytes() -> u64 {
    COPIED_BYTES.load(Ordering::Relaxed)
}

impl Clone for Page {
    fn clone(&self) -> Self {
        COPIED_BYTES.fetch_add(PAGE_ALLOC_BYTES as u64, Ordering::Relaxed);
        Self(self.0)
    }
}

/// A page without records.
pub(super) fn empty() -> Arc<Page> {
    Arc::new(Page([0; PAGE_BYTES]))
}
