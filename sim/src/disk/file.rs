//! A file of the simulated disk: what is durable, what processes see, and the changes in between.
//!
//! A write that makes a file longer is two changes, its length and its data, because a power loss
//! may keep either without the other. Changes stay in the order in which they were made; each has
//! a fate, which a sync, a journal or a failure may decide long before a crash does.

use std::ops::Range;

/// A file.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    durable: Vec<u8>,
    visible: Vec<u8>,
    changes: Vec<Change>,
    shows_lost: bool,
}

/// Something done to a file that is not known to be durable.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// Its place in the order of all changes of the disk; a write and the length that comes with
    /// it have the same.
    pub(super) seq: u64,
    pub(super) what: What,
    pub(super) fate: Fate,
}

/// What was done.
#[derive(Clone, Debug)]
pub(super) enum What {
    Write { at: usize, bytes: Vec<u8> },
    Resize(usize),
}

impl Change {
    /// Whether data were written.
    pub(super) fn is_write(&self) -> bool {
        matches!(self.what, What::Write { .. })
    }
}

/// What is known of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// A power loss decides.
    Open,
    /// It is durable.
    Kept,
    /// It never reaches the disk: a sync failed.
    Lost,
}

impl File {
    /// A file with this durable content.
    pub(super) fn new(durable: Vec<u8>) -> Self {
        Self { visible: durable.clone(), durable, changes: Vec::new(), shows_lost: false }
    }

    /// What processes see.
    pub(super) fn visible(&self) -> &[u8] {
        &self.visible
    }

    /// Writes, beyond the end if need be.
    pub(super) fn write(&mut self, seq: u64, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if end > self.visible.len() {
            self.visible.resize(end, 0);
            self.push(seq, What::Resize(end));
        }
        self.visible[at..end].copy_from_slice(bytes);
        self.push(seq, What::Write { at, bytes: bytes.to_vec() });
    }

    /// Cuts or lengthens.
    pub(super) fn resize(&mut self, seq: u64, len: usize) {
        if len != self.visible.len() {
            self.visible.resize(len, 0);
            self.push(seq, What::Resize(len));
        }
    }

    fn push(&mut self, seq: u64, what: What) {
        self.changes.push(Change { seq, what, fate: Fate::Open });
    }

    /// Makes everything up to `upto` durable that is not lost.
    pub(super) fn commit(&mut self, upto: u64) {
        self.decide(upto, Fate::Kept, |_| true);
        self.settle();
    }

    /// Makes lengths up to `upto` durable, and with them the data that came with them if asked to.
    pub(super) fn commit_lengths(&mut self, upto: u64, with_data: bool) {
        let resized = self.resized(upto);
        self.decide(upto, Fate::Kept, |change| match change.what {
            What::Resize(_) => true,
            What::Write { .. } => with_data && resized.contains(&change.seq),
        });
        self.settle();
    }

    /// Data written up to `upto` never reaches the disk; processes go on seeing it unless it is
    /// `reverted`.
    pub(super) fn lose(&mut self, upto: u64, is_reverted: bool) {
        self.decide(upto, Fate::Lost, |change| matches!(change.what, What::Write { .. }));
        self.shows_lost = true;
        if is_reverted {
            self.revert();
        }
    }

    /// Takes back from what processes see what is lost.
    pub(super) fn revert(&mut self) {
        let mut canvas = Canvas::new(self.durable.clone());
        for change in self.changes.iter().filter(|change| change.fate != Fate::Lost) {
            canvas.apply(&change.what);
        }
        self.visible = canvas.finish();
        self.shows_lost = false;
    }

    /// Whether processes see what never reaches the disk.
    pub(super) fn shows_lost(&self) -> bool {
        self.shows_lost
    }

    fn decide(&mut self, upto: u64, fate: Fate, concerns: impl Fn(&Change) -> bool) {
        for change in &mut self.changes {
            if change.seq <= upto && change.fate == Fate::Open && concerns(change) {
                change.fate = fate;
            }
        }
    }

    /// Moves the changes whose fate is known, up to the first that is open, into what is durable.
    fn settle(&mut self) {
        let known = self.changes.iter().take_while(|change| change.fate != Fate::Open).count();
        if known == 0 {
            return;
        }
        let mut canvas = Canvas::new(std::mem::take(&mut self.durable));
        for change in self.changes.drain(..known) {
            if change.fate == Fate::Kept {
                canvas.apply(&change.what);
            }
        }
        self.durable = canvas.finish();
    }

    /// Places in the order of changes up to `upto` at which the length changed and may be kept.
    pub(super) fn resized(&self, upto: u64) -> Vec<u64> {
        let lengths = self.changes.iter().filter(|change| matches!(change.what, What::Resize(_)));
        lengths.map(|change| change.seq).filter(|&seq| seq <= upto).collect()
    }

    /// The changes whose fate is not settled, in order, and the canvas to apply some of them to.
    pub(super) fn unsettled(&self) -> (&[Change], Canvas) {
        (&self.changes, Canvas::new(self.durable.clone()))
    }

    /// Flips a bit of what is durable and of what is seen.
    pub(super) fn flip(&mut self, at: usize, bit: u32) {
        for bytes in [&mut self.durable, &mut self.visible] {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }
}

/// Content that is being put together: data may lie beyond the length for a while.
#[derive(Debug)]
pub(super) struct Canvas {
    bytes: Vec<u8>,
    len: usize,
}

impl Canvas {
    fn new(bytes: Vec<u8>) -> Self {
        Self { len: bytes.len(), bytes }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn apply(&mut self, what: &What) {
        match what {
            What::Resize(len) => self.resize(*len, &[]),
            What::Write { at, bytes } => self.write(*at, bytes, 0..bytes.len()),
        }
    }

    /// Changes the length. New space holds `stale` bytes, as if their blocks had been given to this
    /// file, and zeros where there are none.
    pub(super) fn resize(&mut self, len: usize, stale: &[u8]) {
        let from = self.bytes.len();
        if from < len {
            let until = stale.len().min(len);
            self.bytes.extend_from_slice(stale.get(from..until).unwrap_or_default());
        }
        // Whatever lies further on was cut off before this change was made.
        self.bytes.resize(len, 0);
        self.len = len;
    }

    /// Puts a part of what was written in its place.
    pub(super) fn write(&mut self, at: usize, bytes: &[u8], part: Range<usize>) {
        let end = at + part.end;
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[at + part.start..end].copy_from_slice(&bytes[part]);
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.len, 0);
        self.bytes
    }
}
