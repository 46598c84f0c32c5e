//! A directory of the simulated disk: entries that are durable, entries that processes see, and
//! the changes in between, apart from the data of the files they name.
//!
//! A rename inside a directory is one change, since no file system worth running a database on
//! tears it. A rename from one directory to another is one change in each, with the same place in
//! the order: a journal keeps both or none, a disk that promises only what POSIX does may keep one.

use std::collections::BTreeMap;

/// A file or a directory by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Inode(pub(super) u64);

/// Names and what they name.
pub(super) type Entries = BTreeMap<Box<[u8]>, Inode>;

/// A directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    durable: Entries,
    visible: Entries,
    changes: Vec<Change>,
}

/// Names that changed at once, each with what it names from then on.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// Its place in the order of all changes of the disk.
    pub(super) seq: u64,
    names: Vec<(Box<[u8]>, Option<Inode>)>,
}

impl Change {
    pub(super) fn apply(&self, entries: &mut Entries) {
        for (name, inode) in &self.names {
            match inode {
                Some(inode) => drop(entries.insert(name.clone(), *inode)),
                None => drop(entries.remove(name)),
            }
        }
    }
}

impl Directory {
    /// A directory with these durable entries.
    pub(super) fn new(durable: Entries) -> Self {
        Self { visible: durable.clone(), durable, changes: Vec::new() }
    }

    /// What processes see.
    pub(super) fn visible(&self) -> &Entries {
        &self.visible
    }

    /// Changes what names mean.
    pub(super) fn change(&mut self, seq: u64, names: &[(&[u8], Option<Inode>)]) {
        let names = names.iter().map(|&(name, inode)| (name.into(), inode)).collect();
        let change = Change { seq, names };
        change.apply(&mut self.visible);
        self.changes.push(change);
    }

    /// Makes the changes up to `upto` durable.
    pub(super) fn commit(&mut self, upto: u64) {
        let known = self.changes.iter().take_while(|change| change.seq <= upto).count();
        for change in self.changes.drain(..known) {
            change.apply(&mut self.durable);
        }
    }

    /// The changes that are not durable, in order, and the durable entries.
    pub(super) fn unsettled(&self) -> (&[Change], Entries) {
        (&self.changes, self.durable.clone())
    }
}
