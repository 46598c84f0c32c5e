//! The hunt: for each mutant a process of the simulator, until something fails or time is up.
//!
//! A process for each, so that one that aborts, loops or wants all memory takes nothing with it.
//! What became of each is added to a file at once: a hunt that was ended goes on where it was.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use crate::copy::Mutant;

/// Kilobytes of memory that a mutant may have.
const MEMORY_KB: u64 = 4_000_000;

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fate {
    /// The invariant, `Core` for an assertion or panic of the core, `hang`, `abort`, or `lives`.
    pub(crate) check: String,
    /// The run that failed, or how many did not.
    pub(crate) run: String,
    pub(crate) words: String,
}

impl Fate {
    pub(crate) fn is_killed(&self) -> bool {
        self.check != "lives"
    }

    /// It lives because no run came by it.
    pub(crate) fn is_unreached(&self) -> bool {
        self.check == "lives" && self.run == "0 seeds"
    }
}

/// Fates by the name of the mutant; what was told last counts.
pub(crate) fn read(file: &Path) -> BTreeMap<String, Fate> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let fate = |line: &str| {
        let mut parts = line.split('\t').map(str::to_string);
        let key = parts.next()?;
        let (check, run, place, words) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some((key, Fate { check, run, words: format!("{words} {place}") }))
    };
    text.lines().filter_map(fate).collect()
}

/// A hunt of some mutants.
pub(crate) struct Hunt<'a> {
    /// The program, and the map of which seed comes by what.
    pub(crate) program: PathBuf,
    pub(crate) map: PathBuf,
    /// CPU seconds for each.
    pub(crate) seconds: u64,
    pub(crate) jobs: usize,
    pub(crate) fates: &'a Path,
}

impl Hunt<'_> {
    /// Makes the map.
    pub(crate) fn reach(&self, seeds: u64) {
        let mut command = Command::new(&self.program);
        command.arg("reach").arg(seeds.to_string()).arg(&self.map);
        assert!(command.status().is_ok_and(|status| status.success()), "no map");
    }

    /// Hunts these and writes down what becomes of them.
    pub(crate) fn run(&self, mutants: &[(usize, &Mutant)]) {
        let file = OpenOptions::new().append(true).create(true).open(self.fates);
        let file = Mutex::new(file.expect("fates can be written"));
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(&(id, mutant)) = mutants.get(next.fetch_add(1, Relaxed)) {
                let fate = self.hunt(id);
                let mut file = file.lock().expect("nobody panics with it");
                tell(&mut file, mutant, &fate);
            }
        };
        thread::scope(|scope| {
            (0..self.jobs).for_each(|_| {
                scope.spawn(work);
            });
        });
    }

    /// The line that the process tells, or how it has ended.
    fn hunt(&self, id: usize) -> String {
        let limits = format!(
            "ulimit -c 0; ulimit -v {MEMORY_KB}; ulimit -t {}; exec \"$@\"",
            self.seconds + 30
        );
        let output = Command::new("sh")
            .args(["-c", &limits, "sh"])
            .arg(&self.program)
            .args(["kill", &id.to_string()])
            .arg(&self.map)
            .arg(self.seconds.to_string())
            .stderr(Stdio::null())
            .output()
            .expect("a process can be started");
        let line = String::from_utf8_lossy(&output.stdout);
        match line.lines().last() {
            Some(line) => line.into(),
            None => format!("abort\t\t\t{}", output.status),
        }
    }
}

fn tell(file: &mut File, mutant: &Mutant, fate: &str) {
    writeln!(file, "{}\t{fate}", mutant.key).expect("fates can be written");
}
