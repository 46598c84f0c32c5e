//! What was found, in words.

use seedis_core::rdb::load::Checksum;
use seedis_core::recovery::inspect::{DumpFacts, Finding, Keep, PartKind, Verdict};

use super::{Examination, Examined};

/// Prints what was found, file by file, and what a server would do.
pub(super) fn print(examined: &Examined) {
    if let Some(manifest) = &examined.manifest {
        let (path, len) = (manifest.path.display(), manifest.len);
        match &manifest.files {
            Ok(files) => println!("{path}: manifest, {len} bytes, {} files", files.parts().len()),
            Err(words) => println!("{path}: manifest, {len} bytes, broken: {words}"),
        }
    }
    for file in examined.log.iter().chain(&examined.dump) {
        println!("{}", described(file));
    }
    for path in &examined.unnamed {
        println!("{}: not named by the manifest, so it is never loaded", path.display());
    }
    if examined.manifest.is_some() || !examined.log.is_empty() {
        println!("The append only file {}", log_verdict(examined));
    }
    match &examined.dump_verdict {
        _ if examined.dump.is_none() => {}
        Verdict::Broken(why) => println!("The dump is broken: {why}"),
        Verdict::Whole | Verdict::TornTail => println!("The dump is fine"),
    }
    if examined.manifest.is_none() && examined.log.is_empty() && examined.dump.is_none() {
        println!("Nothing here: a server starts empty");
    }
}

fn log_verdict(examined: &Examined) -> String {
    let lost = lost(&examined.log);
    match &examined.log_verdict {
        Verdict::Whole => "is fine".into(),
        Verdict::TornTail => format!("has a torn tail, which a server cuts off: {lost}"),
        Verdict::Broken(why) if lost.is_empty() => format!("is broken: {why}"),
        Verdict::Broken(why) => {
            format!("is broken: {why}. What a salvage leaves out: {lost}")
        }
    }
}

/// What of the log cannot be kept.
pub(super) fn lost(log: &[Examination]) -> String {
    let found: Vec<(u64, &Finding)> =
        log.iter().filter_map(|file| Some((file.len, file.finding.as_ref().ok()?))).collect();
    let bytes: u64 = found.iter().map(|(len, finding)| len - kept(finding).min(*len)).sum();
    if bytes == 0 {
        return String::new();
    }
    let whole = |finding: &Finding| match kept(finding) {
        0 => finding.batches + finding.batches_behind,
        _ => finding.batches_behind,
    };
    let batches: u64 = found.iter().map(|(_, finding)| whole(finding)).sum();
    format!("{bytes} bytes, among them {batches} whole batches")
}

/// Bytes of a file that can be kept.
pub(super) fn kept(finding: &Finding) -> u64 {
    match finding.keep {
        Keep::Nothing => 0,
        Keep::Bytes(bytes) | Keep::Keys(bytes) => bytes,
    }
}

fn described(file: &Examination) -> String {
    let kind = match file.part.kind {
        PartKind::Dump => "dump",
        PartKind::Base => "base",
        PartKind::Incr => "log",
    };
    let path = file.path.display();
    let finding = match &file.finding {
        Ok(finding) => finding,
        Err(words) => return format!("{path}: {kind}, cannot be read: {words}"),
    };
    let mut text = format!("{path}: {kind}, {} bytes", file.len);
    if let Some(dump) = finding.dump {
        text.push_str(&shown_dump(dump));
    }
    if finding.commands > 0 {
        let (commands, batches) = (finding.commands, finding.batches);
        text.push_str(&format!(", {commands} commands in {batches} batches"));
    }
    if let Some(lsns) = &finding.lsns {
        text.push_str(&format!(", LSN {} to {}", lsns.start, lsns.end));
    }
    if let Some(flaw) = &finding.flaw {
        let lsn = flaw.lsn.map_or_else(String::new, |lsn| format!(" (LSN {lsn})"));
        text.push_str(&format!("\n  damage at offset {}{lsn}: {}", flaw.at, flaw.words));
        let behind = file.len - flaw.at.min(file.len);
        text.push_str(&format!("\n  {behind} bytes from there on"));
    }
    if finding.batches_behind > 0 {
        text.push_str(&format!(", {} whole batches behind damage", finding.batches_behind));
    }
    text
}

fn shown_dump(dump: DumpFacts) -> String {
    let checksum = match dump.checksum {
        Some(Checksum::Verified) => ", checksum fits",
        Some(Checksum::Unknown) => ", no checksum that fits",
        None => "",
    };
    format!(", RDB version {}, {} keys{checksum}", dump.version, dump.keys)
}
