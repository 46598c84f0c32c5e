//! Mutants of the log, of expiry and of recovery, hunted by the simulator alone.
//!
//! The problem: a build for each of thousands of mutants takes days. The idea: all of them in one
//! build, each behind a question at run time ([`weave`]), and a process of the simulator for each
//! ([`hunt`]). The hard case is a mutant that does not compile: it is taken out by the place of the
//! error ([`copy`]). Limits: macros, constants and patterns stay as they are.

mod copy;
mod find;
mod hunt;
mod operators;
mod page;
mod target;
mod weave;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lexopt::prelude::*;

use copy::{Copy, Mutant};
use hunt::Hunt;
use page::Page;

const HELP: &str = "\
usage: seedis-mutants [--only BEGINNING] [--again] [--list] [--page] [--dir DIR]
                      [--seeds N] [--seconds T] [--jobs N]
  --only BEGINNING  mutants whose name begins so
  --again           those that live once more
  --list            tells what there is and hunts nothing
  --page            makes the page of what is known
  --dir DIR         where the copy is (default target/mutants)
  --seeds N         seeds that are asked what they come by (default 4000)
  --seconds T       CPU time for a mutant (default 20)
  --jobs N          processes at once (default 1)
What became of each is kept in DIR/fates.tsv, and a hunt goes on from there.";

struct Options {
    only: String,
    again: bool,
    list: bool,
    page: bool,
    dir: PathBuf,
    seeds: u64,
    seconds: u64,
    jobs: usize,
}

fn main() -> Result<(), lexopt::Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().expect("the workspace is there");
    let Some(options) = parse(root.join("target/mutants"))? else {
        println!("{HELP}");
        return Ok(());
    };
    let mut copy = Copy::new(&root, &options.dir);
    let refused = options.dir.join("refused.txt");
    let known = fs::read_to_string(&refused).unwrap_or_default();
    copy.make_viable(&known.lines().map(str::to_string).collect());
    let wrong = copy.mutants.iter().filter(|mutant| !mutant.is_viable);
    let wrong: BTreeSet<&str> = wrong.map(|mutant| mutant.key.as_str()).collect();
    eprintln!("{} mutants, {} do not compile", copy.mutants.len(), wrong.len());
    fs::write(refused, wrong.into_iter().collect::<Vec<_>>().join("\n"))
        .expect("the copy can be written");
    if options.list {
        let line = |(id, mutant): (usize, &Mutant)| println!("{id} {}", mutant.key);
        copy.mutants.iter().enumerate().filter(|(_, it)| it.is_viable).for_each(line);
        return Ok(());
    }
    if !options.page {
        hunt(&copy, &options);
    }
    write_page(&root, &copy, &options);
    Ok(())
}

fn hunt(copy: &Copy, options: &Options) {
    let fates = options.dir.join("fates.tsv");
    let known = hunt::read(&fates);
    let is_wanted = |mutant: &Mutant| {
        let fate = known.get(&mutant.key);
        let is_new = fate.is_none_or(|fate| options.again && !fate.is_killed());
        mutant.is_viable && is_new && mutant.key.starts_with(&options.only)
    };
    let mutants = copy.mutants.iter().enumerate().filter(|(_, mutant)| is_wanted(mutant));
    let mutants: Vec<(usize, &Mutant)> = mutants.collect();
    let hunt = Hunt {
        program: copy.build(),
        map: options.dir.join("reached.bits"),
        seconds: options.seconds,
        jobs: options.jobs,
        fates: &fates,
    };
    eprintln!("{} mutants to hunt", mutants.len());
    hunt.reach(options.seeds);
    hunt.run(&mutants);
}

fn write_page(root: &Path, copy: &Copy, options: &Options) {
    let reasons = fs::read_to_string(root.join("tests/mutants/reasons.txt")).unwrap_or_default();
    let fates = hunt::read(&options.dir.join("fates.tsv"));
    let made = format!(
        "Made with commit {}: seeds 1 to {} of 1000 commands, and up to {} CPU seconds for each \
         mutant.",
        commit(root),
        options.seeds,
        options.seconds
    );
    let page = Page { mutants: &copy.mutants, fates: &fates, reasons: &reasons, made };
    let (text, unused) = page.write();
    unused.iter().for_each(|name| eprintln!("no survivor has this reason: {name}"));
    fs::write(root.join("sim/MUTANTS.md"), text).expect("the page can be written");
}

fn commit(root: &Path) -> String {
    let mut git = Command::new("git");
    let output = git.args(["rev-parse", "--short", "HEAD"]).current_dir(root).output();
    output.map_or(String::new(), |it| String::from_utf8_lossy(&it.stdout).trim().into())
}

fn parse(dir: PathBuf) -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options {
        only: String::new(),
        again: false,
        list: false,
        page: false,
        dir,
        seeds: 4000,
        seconds: 20,
        jobs: 1,
    };
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("only") => options.only = args.value()?.string()?,
            Long("again") => options.again = true,
            Long("list") => options.list = true,
            Long("page") => options.page = true,
            Long("dir") => options.dir = args.value()?.into(),
            Long("seeds") => options.seeds = args.value()?.parse()?,
            Long("seconds") => options.seconds = args.value()?.parse()?,
            Long("jobs") => options.jobs = args.value()?.parse()?,
            Long("help") | Short('h') => return Ok(None),
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(Some(options))
}
