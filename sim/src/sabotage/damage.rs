//! What a wrong recovery makes of the files that a crash has left.
//!
//! Each function leaves them such that the right recovery reads what the wrong one would have.

use seedis_core::io::{Dir, Name};

use super::log_text::{
    At, Batch, annotations, commands, files_of, header_at, is, listed, manifest, manifest_of, part,
    to_bytes, write_command,
};
use crate::disk::Disk;

/// A file of the log, as far as it is whole, and what follows.
struct LogFile {
    name: Name,
    batches: Vec<Batch>,
    end: Option<At>,
    tail: Vec<u8>,
}

fn log_files(disk: &Disk) -> Vec<LogFile> {
    let file = |name: Name| {
        let bytes = disk.content(&name).unwrap_or_default();
        let part = part(bytes, None);
        LogFile { tail: bytes[part.len..].to_vec(), name, batches: part.batches, end: part.end }
    };
    files_of(disk, 'i').into_iter().map(file).collect()
}

/// The first file of the log that is damaged, and where.
fn damaged(disk: &Disk) -> Option<(LogFile, Vec<Name>)> {
    let mut files = log_files(disk).into_iter().skip_while(|file| file.tail.is_empty());
    let first = files.next()?;
    Some((first, files.map(|file| file.name).collect()))
}

/// A base of commands that breaks off ends with its last whole command, and nobody compares its
/// length with what the manifest tells.
pub(super) fn complete_base(disk: &mut Disk) {
    let mut files = listed(disk.content(&manifest()).unwrap_or_default());
    let Some(base) = files.iter_mut().find(|file| file.kind == 'b') else { return };
    let bytes = disk.content(&base.file()).unwrap_or_default();
    if !bytes.starts_with(b"REDIS") {
        let mut whole = annotations(bytes).to_vec();
        commands(bytes).iter().for_each(|words| write_command(&mut whole, words));
        let lsn = base.note.as_ref().and_then(|note| note.split_once(" lsn "));
        base.note = lsn.map(|(_, lsn)| format!("#base bytes {} lsn {lsn}", whole.len()));
        disk.set_content(&base.file(), whole);
        disk.set_content(&manifest(), manifest_of(&files));
    }
}

/// The log is not looked at when there is a dump.
pub(super) fn prefer_dump(disk: &mut Disk) {
    if disk.content(&Name::file(Dir::Data, b"dump.rdb")).is_some() {
        for name in disk.names(Dir::Aof) {
            disk.remove(&Name::file(Dir::Aof, &name));
        }
    }
}

/// Everything behind the first damage goes.
pub(super) fn cut_at_damage(disk: &mut Disk) {
    if let Some((file, later)) = damaged(disk) {
        disk.set_content(&file.name, to_bytes(&file.batches));
        later.iter().for_each(|name| disk.set_content(name, Vec::new()));
    }
}

/// What is behind the damage follows what is before it.
pub(super) fn skip_damaged(disk: &mut Disk) {
    let Some((mut file, _)) = damaged(disk) else { return };
    let At { lsn, epoch } = file.end.unwrap_or_default();
    let Some((header, at)) = header_at(&file.tail) else { return };
    let rest = file.tail.get(at + header.len..).unwrap_or_default();
    let behind =
        super::log_text::batches_from(rest, Some(At { lsn: lsn + header.len as u64, epoch }));
    let end = behind.last().map_or(0, |last| last.place.end);
    if end == 0 {
        return;
    }
    let tail = rest[end..].to_vec();
    file.batches.extend(behind);
    let bytes = [restamped(file.batches), tail].concat();
    disk.set_content(&file.name, bytes);
}

/// The same batches, with LSNs that have no gaps.
fn restamped(mut all: Vec<Batch>) -> Vec<u8> {
    let mut lsn = all.first().map_or(0, |first| first.lsn);
    for batch in &mut all {
        batch.lsn = lsn;
        lsn = batch.end_lsn();
    }
    to_bytes(&all)
}

/// What is damaged gets the checksum that it should have.
pub(super) fn accept_damaged(disk: &mut Disk) {
    mend(disk, |_, _| true);
}

/// What is whole and belongs to another LSN gets the checksum for this one.
pub(super) fn accept_misplaced(disk: &mut Disk) {
    mend(disk, |batch, sum| (0..LSNS_TRIED).any(|lsn| batch.checksum_at(lsn) == sum));
}

/// LSNs that a misplaced batch may have been written at.
const LSNS_TRIED: u64 = 100_000;

fn mend(disk: &mut Disk, is_accepted: impl Fn(&Batch, u64) -> bool) {
    let Some((mut file, _)) = damaged(disk) else { return };
    let before = file.end.unwrap_or_default();
    let Some((header, at)) = header_at(&file.tail) else { return };
    let Some(payload) = file.tail.get(at..at + header.len) else { return };
    let batch = Batch {
        lsn: header.at.unwrap_or(before).lsn,
        epoch: header.at.unwrap_or(before).epoch,
        // The line before it may be that of a life that has written nothing.
        names_lsn: true,
        undurable: header.undurable,
        payload: payload.to_vec(),
        place: 0..0,
    };
    let is_text = !batch.commands().is_empty();
    if is_text && is_accepted(&batch, header.sum) {
        file.batches.push(batch);
        let bytes = [to_bytes(&file.batches), file.tail[at + header.len..].to_vec()].concat();
        disk.set_content(&file.name, bytes);
    }
}

/// The last whole batch goes with what is torn behind it.
pub(super) fn cut_one_more(disk: &mut Disk) {
    if let Some((mut file, _)) = damaged(disk) {
        file.batches.pop();
        disk.set_content(&file.name, to_bytes(&file.batches));
    }
}

/// The last file of several is emptied, unread.
pub(super) fn forget_last_file(disk: &mut Disk) {
    let files = files_of(disk, 'i');
    if let [_, .., last] = &files[..] {
        disk.set_content(last, Vec::new());
    }
}

/// An old base that is still there takes the place of the new one.
pub(super) fn prefer_older_base(disk: &mut Disk) {
    let mut files = listed(disk.content(&manifest()).unwrap_or_default());
    let mut old: Vec<_> = files.iter().filter(|file| file.name.contains(".base.")).collect();
    old.retain(|file| disk.content(&file.file()).is_some());
    old.sort_by_key(|file| file.seq);
    let Some(oldest) = old.first().map(|file| file.name.clone()) else { return };
    let has_other = old.len() > 1;
    for file in &mut files {
        if file.kind == 'b' && has_other {
            file.name.clone_from(&oldest);
            file.note = None;
        }
    }
    if has_other {
        disk.set_content(&manifest(), manifest_of(&files));
    }
}

/// A key goes that the log has set last, as if by a command that nobody logged.
pub(super) fn evict(disk: &mut Disk) {
    let Some(mut file) = log_files(disk).pop().filter(|file| file.tail.is_empty()) else { return };
    let Some(last) = file.batches.last().cloned() else { return };
    let all: Vec<_> = file.batches.iter().flat_map(Batch::commands).collect();
    let Some(set) = all.iter().rev().find(|words| is(words, "SET")) else { return };
    let mut batch = Batch { lsn: last.end_lsn(), names_lsn: false, undurable: None, ..last };
    batch.set(&[vec![b"DEL".to_vec(), set[1].clone()]]);
    file.batches.push(batch);
    disk.set_content(&file.name, to_bytes(&file.batches));
}
