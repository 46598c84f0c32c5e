//! `--check` and `--salvage`: the files of a server that does not run.
//!
//! The core reads them with the code of its recovery; here are the system's part of it and the
//! words. Both read piece by piece and change nothing in the directory. A server that runs goes on
//! writing meanwhile, so a check of its files may see a tail that is not whole yet.

mod report;
mod salvage;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use seedis_core::Config;
use seedis_core::io::Dir;
use seedis_core::recovery::inspect::{Files, Finding, Inspector, Part, Verdict};

use crate::{settings, system};

pub(crate) use salvage::salvage;

/// Bytes that are read at once.
const READ_BYTES: usize = 1 << 20;

/// Says what the files in `dir` hold. An error, empty if it was said already: they are broken.
pub(crate) fn check(dir: &Path, words: &[Vec<u8>]) -> Result<(), String> {
    let examined = examine(&configured(words)?, dir)?;
    report::print(&examined);
    if examined.is_broken() { Err(String::new()) } else { Ok(()) }
}

fn configured(words: &[Vec<u8>]) -> Result<Config, String> {
    // A checksum that is there is compared, whatever a server would do.
    settings::read(words).map(|(loaded, _)| Config { rdbchecksum: true, ..loaded.config })
}

/// Everything that was found in a directory.
struct Examined {
    manifest: Option<Manifest>,
    /// The append-only file.
    log: Vec<Examination>,
    log_verdict: Verdict,
    dump: Option<Examination>,
    dump_verdict: Verdict,
    /// Files with names of the append-only file's that nobody names.
    unnamed: Vec<PathBuf>,
}

struct Manifest {
    path: PathBuf,
    len: u64,
    /// Or what is wrong with it.
    files: Result<Files, String>,
}

/// What was found in a file.
struct Examination {
    part: Part,
    path: PathBuf,
    len: u64,
    /// Or why it cannot be read.
    finding: Result<Finding, String>,
}

impl Examined {
    fn is_broken(&self) -> bool {
        matches!(self.log_verdict, Verdict::Broken(_))
            || matches!(self.dump_verdict, Verdict::Broken(_))
    }
}

fn examine(config: &Config, dir: &Path) -> Result<Examined, String> {
    if !dir.is_dir() {
        return Err(format!("There is no directory {}", dir.display()));
    }
    let paths = Paths { data: dir.into(), aof: dir.join(settings::path(&config.appenddirname)) };
    let manifest = read_manifest(config, &paths)?;
    let old_log = Part::old_log(config);
    let files = manifest.as_ref().and_then(|manifest| manifest.files.as_ref().ok());
    let parts = match files {
        Some(files) => files.parts(),
        None if manifest.is_none() && paths.of(&old_log).is_file() => vec![old_log],
        _ => Vec::new(),
    };
    let mut inspector = Inspector::new(config);
    let log: Vec<_> = parts.into_iter().map(|part| read(&mut inspector, &paths, part)).collect();
    let log_verdict = match &manifest {
        Some(Manifest { files: Err(words), .. }) => Verdict::Broken(format!("manifest, {words}")),
        _ => verdict(&inspector, &log),
    };
    let part = Part::dump(config);
    let mut inspector = Inspector::new(config);
    let has_dump = paths.of(&part).is_file();
    let dump = has_dump.then(|| read(&mut inspector, &paths, part));
    let dump_verdict = verdict(&inspector, dump.as_slice());
    let unnamed = unnamed(&paths, manifest.as_ref());
    Ok(Examined { manifest, log, log_verdict, dump, dump_verdict, unnamed })
}

/// Where the files are.
struct Paths {
    data: PathBuf,
    aof: PathBuf,
}

impl Paths {
    fn of(&self, part: &Part) -> PathBuf {
        let dir = match part.dir {
            Dir::Data => &self.data,
            Dir::Aof => &self.aof,
        };
        dir.join(settings::path(&part.name))
    }
}

fn read_manifest(config: &Config, paths: &Paths) -> Result<Option<Manifest>, String> {
    let path = paths.aof.join(settings::path(&Files::manifest_name(config)));
    match fs::read(&path) {
        Ok(bytes) => {
            let (len, files) = (bytes.len() as u64, Files::parse(&bytes));
            Ok(Some(Manifest { path, len, files }))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("Can't read {}: {}", path.display(), system::words(&error))),
    }
}

fn read(inspector: &mut Inspector, paths: &Paths, part: Part) -> Examination {
    let path = paths.of(&part);
    let read = read_file(inspector, &path, part.clone());
    let (len, finding) = match read {
        Ok((len, finding)) => (len, Ok(finding)),
        Err(error) => (0, Err(system::words(&error))),
    };
    Examination { part, path, len, finding }
}

fn read_file(inspector: &mut Inspector, path: &Path, part: Part) -> io::Result<(u64, Finding)> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    let mut inspection = inspector.begin(part, len);
    let mut piece = vec![0; READ_BYTES];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok((len, inspection.end())),
            Ok(count) => inspection.push(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn verdict(inspector: &Inspector, files: &[Examination]) -> Verdict {
    let unreadable = files.iter().find_map(|file| {
        let words = file.finding.as_ref().err()?;
        Some(format!("{}: {words}", file.part.shown()))
    });
    unreadable.map_or_else(|| inspector.verdict(), Verdict::Broken)
}

/// Files beside the manifest that it does not name: no server looks at them.
fn unnamed(paths: &Paths, manifest: Option<&Manifest>) -> Vec<PathBuf> {
    let Some(Manifest { path: own, files: Ok(files), .. }) = manifest else { return Vec::new() };
    let parts = files.parts();
    let entries = fs::read_dir(&paths.aof).into_iter().flatten().flatten();
    let is_named = |path: &PathBuf| path == own || parts.iter().any(|part| paths.of(part) == *path);
    let mut unnamed: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| !is_named(path)).collect();
    unnamed.sort();
    unnamed
}
