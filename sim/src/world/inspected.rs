//! What `--check` says of the files of a life that has ended, held against what is there and what
//! the next life makes of it.
//!
//! An operator asks it when a server does not start, and goes by what it says. Batches, commands
//! and places in the log are counted by a hand that shares no code with it; where it says that a
//! server starts on the files one must, at the very LSN; what it says can be kept must be whole.

use std::sync::Arc;

use seedis_core::Config;
use seedis_core::io::Name;
use seedis_core::recovery::inspect::{
    Closing, Files, Finding, Inspector, Keep, Part, PartKind, Verdict,
};

use seedis_core::rdb::load::Checksum;

use super::Timeline;
use crate::commands;
use crate::disk::Disk;
use crate::finding::Invariant::F1;
use crate::finding::check;
use crate::sabotage::log_text::{self, Listed, listed, manifest, manifest_of};

const FIRST_WITH_CHECKSUM: u16 = 5;

/// What is expected of the next life.
#[derive(Debug)]
pub(crate) struct Inspected {
    verdict: Verdict,
    /// Where the log ends, if that is known.
    end_lsn: Option<u64>,
    /// Keys of the dump at the beginning.
    keys: u64,
}

/// Inspects the files of the log.
pub(crate) fn inspect(config: &Config, disk: &Disk) -> Option<Inspected> {
    let text = disk.content(&manifest())?;
    let files = match Files::parse(text) {
        Ok(files) => files,
        Err(why) => {
            let verdict = Verdict::Broken(why);
            return Some(Inspected { verdict, end_lsn: None, keys: 0 });
        }
    };
    check_parts(&files, text);
    let (mut inspector, mut end_lsn, mut at) = (inspector(config), None, end_of_base(text));
    let (mut is_whole, mut keys) = (true, 0);
    for part in files.parts() {
        let bytes = disk.content(&Name::file(part.dir, &part.name))?;
        let (kind, finding) = (part.kind, read(&mut inspector, part, bytes));
        let flaw = finding.flaw.as_ref();
        keys += finding.dump.map_or(0, |dump| dump.keys);
        if is_whole {
            end_lsn = flaw
                .and_then(|flaw| flaw.lsn)
                .or_else(|| finding.lsns.as_ref().map(|it| it.end))
                .or(end_lsn);
        }
        if kind == PartKind::Incr && is_whole {
            at = check_incr(&finding, bytes, at);
        } else if finding.dump.is_some() {
            check_dump(config, &finding, bytes);
        }
        is_whole &= finding.flaw.is_none();
    }
    let verdict = inspector.verdict();
    let says_whole = verdict == Verdict::Whole;
    check(says_whole == is_whole, F1, || format!("files are whole: {is_whole}, {verdict:?}"));
    Some(Inspected { verdict, end_lsn, keys })
}

pub(super) fn inspector(config: &Config) -> Inspector {
    Inspector::sharing(Arc::clone(commands::registry()), config)
}

pub(super) fn read(inspector: &mut Inspector, part: Part, bytes: &[u8]) -> Finding {
    let mut inspection = inspector.begin(part, bytes.len() as u64);
    let pieces = bytes.len() / 3 + 1;
    bytes.chunks(pieces).for_each(|piece| inspection.push(piece));
    inspection.end()
}

/// A manifest with the files that are loaded, and no other.
fn check_parts(files: &Files, text: &[u8]) {
    let is_plain = |byte: &u8| matches!(byte, b'\n' | b' '..=b'~') && !b"\\\"'".contains(byte);
    if !text.iter().all(is_plain) {
        // The name of a file has changed by itself, and is quoted now.
        return;
    }
    let parts = files.parts();
    let all = listed(text).into_iter().filter(|file| file.kind != 'h');
    let note = |file: Listed| match file.kind {
        'b' => Listed { note: None, ..file },
        _ => file,
    };
    let expected: Vec<Listed> = all.map(note).collect();
    let made = files.manifest_of(&parts);
    check(made == manifest_of(&expected), F1, || "another manifest is made of it".into());
    let names = parts.iter().map(|part| &part.name[..]);
    check(names.eq(expected.iter().map(|file| file.name.as_bytes())), F1, || {
        format!("other files are loaded: {parts:?}")
    });
    let last = files.parts().pop().map(|part| part.name);
    let without: Vec<Part> =
        parts.into_iter().filter(|it| Some(&it.name) != last.as_ref()).collect();
    let fewer = &expected[..expected.len().saturating_sub(1)];
    check(files.manifest_of(&without) == manifest_of(fewer), F1, || {
        "a file is not left out".into()
    });
}

/// Batches and commands as another hand counts them.
fn check_incr(finding: &Finding, bytes: &[u8], at: Option<log_text::At>) -> Option<log_text::At> {
    let part = in_order(log_text::part(bytes, at), at);
    let batches = part.batches.len() as u64;
    check(finding.batches == batches, F1, || {
        let shown = Timeline::shown(bytes);
        let (told, flaw) = (finding.batches, &finding.flaw);
        format!("{told} batches are told, {flaw:?}, there are {batches} behind {at:?}: {shown}")
    });
    let commands: usize = part.batches.iter().map(|batch| batch.commands().len()).sum();
    check(finding.commands == commands as u64, F1, || {
        let shown = Timeline::shown(bytes);
        format!(
            "{} commands are told, there are {commands}: {shown}, {finding:?}",
            finding.commands
        )
    });
    if let (Some(first), Some(last)) = (part.batches.first(), part.batches.last()) {
        let lsns = Some(first.lsn..last.end_lsn());
        check(finding.lsns == lsns, F1, || format!("{:?}, it is {lsns:?}", finding.lsns));
    }
    let flaw = finding.flaw.as_ref().map(|flaw| flaw.at);
    // Lines before what is damaged may be kept or not.
    let whole = part.batches.last().map_or(0, |batch| batch.place.end);
    let lines = log_text::annotations(&bytes[whole..]).len();
    let (least, most) = (whole as u64, (whole + lines) as u64);
    let is_there = flaw.map_or(most == bytes.len() as u64, |at| (least..=most).contains(&at));
    check(is_there, F1, || format!("a flaw at {flaw:?}, it is at {least} to {most}"));
    let kept = Keep::Bytes(flaw.unwrap_or(most));
    check(finding.keep == kept, F1, || format!("{:?} can be kept, of {kept:?}", finding.keep));
    part.end
}

/// Without what is behind a gap, or was written by an earlier life behind a later one.
pub(super) fn in_order(mut part: log_text::Part, at: Option<log_text::At>) -> log_text::Part {
    let mut end = at;
    let does_not_follow = |batch: &log_text::Batch| {
        let before = end.replace(batch.end());
        before.is_some_and(|at| batch.lsn != at.lsn || batch.epoch < at.epoch)
    };
    if let Some(first) = part.batches.iter().position(does_not_follow) {
        (part.len, part.end) = (part.batches[first].place.start, at);
        part.batches.truncate(first);
    }
    part
}

/// The place in the log behind a base, as the manifest tells it.
pub(super) fn end_of_base(text: &[u8]) -> Option<log_text::At> {
    let note = listed(text).into_iter().find(|file| file.kind == 'b')?.note?;
    let words: Vec<&str> = note.split(' ').collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse().ok());
    Some(log_text::At { lsn: number(4)?, epoch: number(6).unwrap_or(0) })
}

/// A dump that was cut anywhere is whole again when it is closed behind the last whole key.
pub(crate) fn check_dump(config: &Config, all: &Finding, bytes: &[u8]) {
    let Some(facts) = all.dump else { return };
    let cut = &bytes[..bytes.len() * 2 / 3];
    let dump = |bytes: &[u8]| {
        let mut inspector = inspector(config);
        let finding = read(&mut inspector, Part::dump(config), bytes);
        (finding, inspector.verdict())
    };
    let (found, verdict) = dump(cut);
    check(matches!(verdict, Verdict::Broken(_)), F1, || "half a dump is whole".into());
    let (Keep::Keys(len), Some(kept)) = (found.keep, found.dump) else { return };
    check(kept.keys <= facts.keys && len <= cut.len() as u64, F1, || "more than there is".into());
    let mut closing = Closing::of(kept);
    let mut closed = cut[..len as usize].to_vec();
    closing.push(&closed);
    closed.extend(closing.end());
    let (again, verdict) = dump(&closed);
    check(verdict == Verdict::Whole, F1, || format!("what was kept is no dump: {again:?}"));
    let sum = again.dump.and_then(|dump| dump.checksum);
    let is_summed = sum == Some(Checksum::Verified) || kept.version < FIRST_WITH_CHECKSUM;
    check(is_summed, F1, || format!("what was kept has no checksum: {again:?}"));
    let keys = again.dump.map(|dump| dump.keys);
    check(keys == Some(kept.keys), F1, || format!("{keys:?} keys of {}", kept.keys));
}

impl Inspected {
    /// A life does not start for a torn end.
    pub(crate) fn refused_torn(&self) {
        let Self { verdict, .. } = self;
        check(*verdict == Verdict::TornTail, F1, || format!("{verdict:?} was refused as torn"));
    }

    /// Nothing is damaged.
    pub(crate) fn is_whole(&self) -> bool {
        self.verdict == Verdict::Whole
    }

    /// Keys of the dump at the beginning.
    pub(crate) fn keys(&self) -> u64 {
        self.keys
    }

    /// A life serves what it has read of these files, up to this LSN.
    pub(crate) fn recovered(&self, lsn: u64) {
        let Self { verdict, end_lsn, .. } = self;
        check(!matches!(verdict, Verdict::Broken(_)), F1, || {
            format!("a server starts where none should: {verdict:?}")
        });
        check(end_lsn.is_none_or(|end| end == lsn), F1, || {
            format!("the log ends at {lsn}, it was told that it does at {end_lsn:?}")
        });
    }
}
