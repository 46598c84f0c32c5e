//! The copy of the workspace in which every mutant is present: written, compiled, and what the
//! compiler refuses taken out again.
//!
//! An error is the fault of the mutant in whose text it lies, or else of all mutants of the
//! innermost place around it. The compiler looks at borrows only when all types are right, so this
//! takes some rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::find::{Site, sites};
use crate::target::TARGETS;
use crate::weave::{Id, Woven, weave};

/// What is copied.
const COPIED: [&str; 4] = ["core", "sim", "Cargo.toml", "Cargo.lock"];

/// A mutant, and what it is called: file, function, what is changed, how.
#[derive(Clone, Debug)]
pub(crate) struct Mutant {
    pub(crate) part: &'static str,
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) is_viable: bool,
}

/// A file that is changed.
struct Source {
    name: String,
    text: String,
    sites: Vec<Site>,
    first: Id,
}

/// The copy, and all mutants by number.
pub(crate) struct Copy {
    to: PathBuf,
    sources: Vec<Source>,
    pub(crate) mutants: Vec<Mutant>,
}

impl Copy {
    /// Copies the workspace and finds the mutants of it.
    pub(crate) fn new(root: &Path, to: &Path) -> Self {
        for name in COPIED {
            copy(&root.join(name), &to.join(name));
        }
        let manifest = to.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).expect("the manifest can be read");
        let all = r#"members = ["core", "server", "sim", "tests"]"#;
        assert!(text.contains(all), "the members of the workspace are others");
        write(&manifest, &text.replace(all, r#"members = ["core", "sim"]"#));
        let mut all = Self { to: to.into(), sources: Vec::new(), mutants: Vec::new() };
        for target in TARGETS {
            for name in target.files(root) {
                all.add(root, name, target.name, target.only);
            }
        }
        all.add_switch();
        all
    }

    fn add(&mut self, root: &Path, name: String, part: &'static str, only: &[&str]) {
        let text = fs::read_to_string(root.join(&name)).expect("a source can be read");
        let sites = sites(&text, only).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        let first = self.mutants.len() as Id;
        let short = name.trim_start_matches("core/src/");
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for choice in sites.iter().flat_map(|site| &site.choices) {
            let key = format!("{short} {}", choice.words);
            let nth = times.entry(key.clone()).or_default();
            *nth += 1;
            let key = if *nth == 1 { key } else { format!("{key} ({nth})") };
            self.mutants.push(Mutant { part, key, line: choice.line, is_viable: true });
        }
        self.sources.push(Source { name, text, sites, first });
    }

    /// The module that tells which mutant is on, and the program that hunts one.
    fn add_switch(&self) {
        write(&self.to.join("core/src/mutant.rs"), include_str!("../added/mutant.rs"));
        write(&self.to.join("sim/src/bin/hunt.rs"), include_str!("../added/bin/hunt.rs"));
        let lib = self.to.join("core/src/lib.rs");
        let text = fs::read_to_string(&lib).expect("the core can be read");
        write(&lib, &text.replacen("pub mod io;", "pub mod io;\npub mod mutant;", 1));
    }

    /// Takes out what does not compile, but for what is known not to.
    pub(crate) fn make_viable(&mut self, known: &BTreeSet<String>) {
        for mutant in &mut self.mutants {
            mutant.is_viable = !known.contains(&mutant.key);
        }
        for round in 1.. {
            let woven = self.write();
            let errors = self.errors();
            if errors.is_empty() {
                return;
            }
            let wrong: BTreeSet<Id> =
                errors.iter().flat_map(|error| to_blame(error, &woven)).collect();
            eprintln!("round {round}: {} errors, {} mutants taken out", errors.len(), wrong.len());
            assert!(!wrong.is_empty(), "the copy does not compile: {}", errors[0]["rendered"]);
            wrong.iter().for_each(|&id| self.mutants[id as usize].is_viable = false);
        }
    }

    /// Writes all files with the mutants that are viable as far as is known.
    fn write(&self) -> BTreeMap<String, Woven> {
        let is_in = |id: Id| self.mutants[id as usize].is_viable;
        let mut all = BTreeMap::new();
        for Source { name, text, sites, first } in &self.sources {
            let woven = weave(text, sites, *first, is_in);
            write(&self.to.join(name), &woven.text);
            all.insert(name.clone(), woven);
        }
        all
    }

    /// What the compiler refuses.
    fn errors(&self) -> Vec<Value> {
        let output = self
            .cargo()
            .args(["check", "-q", "-p", "seedis-core", "--message-format=json"])
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo can be run");
        let text = String::from_utf8_lossy(&output.stdout);
        let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let of_compiler = messages.map(|mut message| message["message"].take());
        of_compiler.filter(|message| message["level"] == "error" && is_placed(message)).collect()
    }

    /// Builds the program that hunts.
    pub(crate) fn build(&self) -> PathBuf {
        let built = self
            .cargo()
            .args(["build", "-q", "--profile", "sim", "-p", "seedis-sim", "--bin", "hunt"])
            .status()
            .expect("cargo can be run");
        assert!(built.success(), "the copy does not build");
        self.to.join("target/sim/hunt")
    }

    fn cargo(&self) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&self.to).env("CARGO_TARGET_DIR", self.to.join("target"));
        cargo.env("RUSTFLAGS", "--cap-lints=allow");
        cargo
    }
}

fn is_placed(message: &Value) -> bool {
    message["spans"].as_array().is_some_and(|spans| !spans.is_empty())
}

/// The mutants that an error is the fault of.
fn to_blame(error: &Value, woven: &BTreeMap<String, Woven>) -> Vec<Id> {
    let spans = error["spans"].as_array().into_iter().flatten();
    let spans = spans.filter_map(|span| {
        let file = woven.get(span["file_name"].as_str()?)?;
        let at = |name: &str| span[name].as_u64().map(|at| at as usize);
        Some((file, at("byte_start")?..at("byte_end")?, span["is_primary"] == true))
    });
    let spans: Vec<(&Woven, Range<usize>, bool)> = spans.collect();
    let holds = |outer: &Range<usize>, inner: &Range<usize>| {
        outer.start <= inner.start && inner.end <= outer.end
    };
    let mut wrong = Vec::new();
    for (file, span, _) in &spans {
        let pieces = file.pieces.iter().filter(|(piece, _)| holds(piece, span));
        wrong.extend(pieces.map(|&(_, id)| id));
    }
    for (file, span, _) in spans.iter().filter(|(_, _, is_primary)| *is_primary) {
        if wrong.is_empty() {
            let around = file.places.iter().filter(|(place, _)| holds(place, span));
            let inner = around.min_by_key(|(place, _)| place.len());
            wrong.extend(inner.iter().flat_map(|(_, ids)| ids));
        }
    }
    wrong
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        for entry in fs::read_dir(from).expect("the source can be read").flatten() {
            if entry.file_name() != "target" {
                copy(&entry.path(), &to.join(entry.file_name()));
            }
        }
    } else {
        write(to, &fs::read(from).expect("the source can be read"));
    }
}

/// Writes a file if it has another content, so that what is built stays built.
fn write(path: &Path, content: impl AsRef<[u8]>) {
    if fs::read(path).is_ok_and(|is| is == content.as_ref()) {
        return;
    }
    let folder = path.parent().expect("a file is in a folder");
    fs::create_dir_all(folder).expect("a folder can be made");
    fs::write(path, content).expect("a file can be written");
}
