//! `--salvage`: what can be read, in a directory that a server starts on.
//!
//! Of the log this is the longest prefix: what follows damage was executed on a state that is not
//! known. For the same reason nothing of the log is kept behind a base of which keys are missing.
//! Of a damaged dump it is the keys before the damage, with an end and a checksum of their own.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use seedis_core::io::Dir;
use seedis_core::recovery::inspect::{Closing, Files, Keep, Part, Verdict};

use super::report::{self, kept, lost};
use super::{Examination, Examined, READ_BYTES, configured, examine};
use crate::{settings, system};

/// Writes what can be read of the files in `dir` into `new_dir`, and says what that is.
pub(crate) fn salvage(dir: &Path, new_dir: &Path, words: &[Vec<u8>]) -> Result<(), String> {
    let config = configured(words)?;
    refuse_used(new_dir)?;
    let examined = examine(&config, dir)?;
    report::print(&examined);
    if let Some(Err(words)) = examined.manifest.as_ref().map(|manifest| &manifest.files) {
        return Err(format!(
            "The manifest is damaged ({words}): which files belong together only a person can \
             tell. Write it anew in a copy of the directory, and salvage that."
        ));
    }
    let saved = write(&examined, new_dir, settings::path(&config.appenddirname), |files, parts| {
        (Files::manifest_name(&config), files.manifest_of(parts))
    });
    let saved = saved
        .map_err(|error| format!("Can't write {}: {}", new_dir.display(), system::words(&error)))?;
    if saved.is_empty() {
        return Err("Nothing could be salvaged.".into());
    }
    println!("{}", saved.join("\n"));
    let lost = lost(&examined.log);
    if !lost.is_empty() {
        println!("Left out of the log: {lost}");
    }
    Ok(())
}

fn refuse_used(new_dir: &Path) -> Result<(), String> {
    match fs::read_dir(new_dir) {
        Ok(entries) => match entries.count() {
            0 => Ok(()),
            _ => Err(format!("{} is not empty", new_dir.display())),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(format!("Can't use {}: {}", new_dir.display(), system::words(&error))),
    }
}

/// Writes what is kept; returns a line for each file.
fn write(
    examined: &Examined,
    new_dir: &Path,
    aof: &Path,
    manifest: impl Fn(&Files, &[Part]) -> (Vec<u8>, Vec<u8>),
) -> io::Result<Vec<String>> {
    let log = log_to_keep(examined);
    let is_whole = matches!(examined.dump_verdict, Verdict::Whole);
    let dump = examined.dump.iter().filter(|_| is_whole || log.is_empty());
    let new_aof = new_dir.join(aof);
    make_dir(new_dir)?;
    let mut lines = Vec::new();
    for file in dump.chain(log.iter().copied()) {
        let dir = match file.part.dir {
            Dir::Data => new_dir,
            Dir::Aof => {
                make_dir(&new_aof)?;
                &new_aof
            }
        };
        lines.extend(write_part(file, &dir.join(settings::path(&file.part.name)))?);
    }
    let parts: Vec<Part> = log.iter().map(|file| file.part.clone()).collect();
    if let Some(Ok(files)) = examined.manifest.as_ref().map(|manifest| &manifest.files)
        && !parts.is_empty()
    {
        // Last, since it makes a log of the files.
        File::open(&new_aof)?.sync_all()?;
        let (name, bytes) = manifest(files, &parts);
        let mut file = create(&new_aof.join(settings::path(&name)))?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        File::open(&new_aof)?.sync_all()?;
    }
    File::open(new_dir)?.sync_all()?;
    Ok(lines)
}

/// The files of the log that something is kept of: those up to the damage.
fn log_to_keep(examined: &Examined) -> Vec<&Examination> {
    let is_kept = |file: &&Examination| {
        file.finding.as_ref().is_ok_and(|finding| finding.keep != Keep::Nothing)
    };
    examined.log.iter().take_while(is_kept).collect()
}

fn write_part(file: &Examination, path: &Path) -> io::Result<Option<String>> {
    let Ok(finding) = &file.finding else { return Ok(None) };
    let mut closing = match (finding.keep, finding.dump) {
        (Keep::Nothing, _) => return Ok(None),
        (Keep::Keys(_), Some(dump)) => Some(Closing::of(dump)),
        _ => None,
    };
    let bytes = kept(finding);
    let mut from = File::open(&file.path)?.take(bytes);
    let mut to = create(path)?;
    let mut piece = vec![0; READ_BYTES];
    loop {
        let count = from.read(&mut piece)?;
        if count == 0 {
            break;
        }
        to.write_all(&piece[..count])?;
        if let Some(closing) = &mut closing {
            closing.push(&piece[..count]);
        }
    }
    let is_cut = closing.is_some() || bytes < file.len;
    if let Some(closing) = closing {
        to.write_all(&closing.end())?;
    }
    to.sync_all()?;
    let how = if is_cut { "what is before the damage" } else { "all of it" };
    Ok(Some(format!("{}: {how}, {bytes} of {} bytes", path.display(), file.len)))
}

fn make_dir(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o755).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)
}
