//! What may be there when nothing is done any more: files, those that are open, and what waits.
//!
//! At rest a server has no file but those in use, and everything that somebody waits for has been
//! asked for. What a crash has left may stay only where nobody can know whose it is.

use seedis_core::config::AppendFsync;
use seedis_core::io::{Dir, Name};

use super::World;
use crate::finding::Invariant::{D12, L1};
use crate::finding::check;
use crate::sabotage::log_text::{INCR_LINE, Listed, listed, manifest};

impl World {
    /// Nothing is left of what has failed in a life that goes on: no file of a log that is off is
    /// open, and nothing is left half written, unless it could not be removed.
    pub(super) fn check_left(&self) {
        let disk = &self.around.disk;
        let is_off = !self.core.watermarks().is_logging;
        check(!(is_off && disk.open_files() > 0), D12, || "a file stays open".into());
        if self.around.told.has_kept_files() {
            return;
        }
        let names = [Dir::Data, Dir::Aof].into_iter().flat_map(|dir| disk.names(dir));
        for name in names {
            let is_kept = self.may_stay(Dir::Data, &name) || self.may_stay(Dir::Aof, &name);
            check(is_kept || !name.starts_with(b"temp-"), D12, || {
                format!("{} is left", name.escape_ascii())
            });
        }
    }

    /// Nothing is left open, and nothing half done.
    pub(super) fn check_rest(&self) {
        let disk = &self.around.disk;
        if self.lives.is_over || disk.pending() > 0 {
            return;
        }
        self.check_synced();
        self.lives.stock.iter().for_each(|stock| stock.check_kept(disk));
        let most = usize::from(self.core.watermarks().is_logging);
        check(disk.open_files() <= most, D12, || format!("{} files are open", disk.open_files()));
        for name in disk.names(Dir::Data) {
            let is_kept = self.may_stay(Dir::Data, &name);
            check(is_kept || !name.starts_with(b"temp-"), D12, || {
                format!("{} is left", name.escape_ascii())
            });
        }
    }

    /// Nobody waits for a sync that nobody asks for.
    fn check_synced(&self) {
        let marks = self.core.watermarks();
        let is_strict = self.core.config().appendfsync == AppendFsync::Always;
        let waits = is_strict && marks.is_logging && marks.durable < marks.enqueued;
        check(!waits || self.core.write_refusal().is_some(), L1, || {
            format!("under always this is at rest: {marks:?}")
        });
    }

    fn may_stay(&self, dir: Dir, name: &[u8]) -> bool {
        let stock = self.lives.stock.as_ref();
        stock.is_some_and(|stock| stock.may_stay(&Name::file(dir, name)))
    }

    /// All files in the directory of the log are in use.
    pub(super) fn check_files(&self) {
        let disk = &self.around.disk;
        if self.lives.is_over || !self.core.watermarks().is_logging {
            return;
        }
        let listed = listed(disk.content(&manifest()).unwrap_or_default());
        // A log that was switched on at runtime is written before a manifest names it, and a life
        // may end then. Nobody knows that file from one whose manifest was lost.
        let has_begun_log = self.lives.has_begun_log || self.around.told.begins_log();
        let is_half_begun = |name: &[u8]| {
            let content = disk.content(&Name::file(Dir::Aof, name));
            has_begun_log
                && name.ends_with(b".incr.aof")
                && content.is_some_and(|content| content.len() > INCR_LINE.len())
        };
        let has_base = listed.iter().any(|file| file.kind == 'b');
        let is_used = |name: &[u8]| {
            *name == *b"appendonly.aof.manifest"
                || is_half_begun(name)
                || is_from_before(name, &listed)
                // A manifest of stock Redis may name none: then any base may be somebody's.
                || !has_base && name.windows(6).any(|part| part == b".base.")
                || listed.iter().any(|file| file.name.as_bytes() == name)
        };
        for name in disk.names(Dir::Aof) {
            let is_used = is_used(&name) || self.may_stay(Dir::Aof, &name);
            check(is_used, D12, || format!("nobody needs {}", name.escape_ascii()));
        }
    }
}

/// Whether it is a file of a log that ended before a manifest named anything: its number is below
/// those of its kind that are named. The server cannot tell it from what is left of a log whose
/// manifest was lost.
fn is_from_before(name: &[u8], listed: &[Listed]) -> bool {
    let name = String::from_utf8_lossy(name);
    let number = |kind| {
        let rest = name.strip_prefix("appendonly.aof.")?;
        rest.split_once(kind).and_then(|(digits, _)| digits.parse::<u64>().ok())
    };
    [('b', ".base."), ('i', ".incr.")].into_iter().any(|(of, kind)| {
        let mut named = listed.iter().filter(|file| file.kind == of).peekable();
        let number = number(kind);
        named.peek().is_some() && named.all(|file| number.is_some_and(|number| number < file.seq))
    })
}
