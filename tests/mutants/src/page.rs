//! The page: how many mutants of each part are killed, by what, and why the others live.
//!
//! Reasons are kept in a file, a line each: name, ` => `, `equivalent:` or `blind:`, why. A name
//! may end with `*` where one reason holds for several.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::copy::Mutant;
use crate::hunt::Fate;

/// What is written above the tables.
const STORY: &str = include_str!("story.md");

/// Why a mutant lives.
struct Reason<'t> {
    name: &'t str,
    is_equivalent: bool,
    words: &'t str,
}

#[derive(Default)]
struct Sum {
    all: usize,
    viable: usize,
    hunted: usize,
    killed: usize,
    equivalent: usize,
}

/// Everything that the page tells.
pub(crate) struct Page<'a> {
    pub(crate) mutants: &'a [Mutant],
    pub(crate) fates: &'a BTreeMap<String, Fate>,
    pub(crate) reasons: &'a str,
    /// What the figures were made with.
    pub(crate) made: String,
}

impl Page<'_> {
    /// The page; and names of reasons that no survivor has.
    pub(crate) fn write(&self) -> (String, Vec<String>) {
        let reasons: Vec<Reason<'_>> = self.reasons.lines().filter_map(reason).collect();
        let mut page = STORY.to_string();
        let _ = writeln!(page, "{}\n", self.made);
        self.totals(&mut page, &reasons);
        self.checks(&mut page);
        self.survivors(&mut page, &reasons);
        let is_used = |reason: &&Reason<'_>| self.living().any(|(it, _)| reason.is_of(&it.key));
        let unused = reasons.iter().filter(|reason| !is_used(reason));
        (page, unused.map(|reason| reason.name.to_string()).collect())
    }

    fn living(&self) -> impl Iterator<Item = (&Mutant, &Fate)> {
        let viable = self.mutants.iter().filter(|mutant| mutant.is_viable);
        let fates = viable.filter_map(|mutant| Some((mutant, self.fates.get(&mutant.key)?)));
        fates.filter(|(_, fate)| !fate.is_killed())
    }

    fn totals(&self, page: &mut String, reasons: &[Reason<'_>]) {
        let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
        for mutant in self.mutants {
            for name in [mutant.part, "~all"] {
                let sum = sums.entry(name).or_default();
                sum.all += 1;
                sum.viable += usize::from(mutant.is_viable);
                let fate = self.fates.get(&mutant.key).filter(|_| mutant.is_viable);
                let Some(fate) = fate else { continue };
                sum.hunted += 1;
                sum.killed += usize::from(fate.is_killed());
                let is_equivalent = |reason: &Reason<'_>| reason.is_equivalent;
                let reason = find(reasons, &mutant.key).filter(|_| !fate.is_killed());
                sum.equivalent += usize::from(reason.is_some_and(is_equivalent));
            }
        }
        *page += "| part | mutants | do not compile | hunted | not yet | killed | of the hunted \
                  | equivalent | not seen | of those that are not equivalent |\n|---|---|---|---\
                  |---|---|---|---|---|---|\n";
        for (name, Sum { all, viable, hunted, killed, equivalent }) in sums {
            let _ = writeln!(
                page,
                "| {} | {all} | {} | {hunted} | {} | {killed} | {} | {equivalent} | {} | {} |",
                name.trim_start_matches('~'),
                all - viable,
                viable - hunted,
                percent(killed, hunted),
                hunted - killed - equivalent,
                percent(killed, hunted - equivalent)
            );
        }
    }

    fn checks(&self, page: &mut String) {
        let mut checks: BTreeMap<&str, usize> = BTreeMap::new();
        let viable = self.mutants.iter().filter(|mutant| mutant.is_viable);
        for fate in viable.filter_map(|it| self.fates.get(&it.key)).filter(|it| it.is_killed()) {
            *checks.entry(&fate.check).or_default() += 1;
        }
        let mut checks: Vec<(&str, usize)> = checks.into_iter().collect();
        checks.sort_by_key(|&(_, count)| usize::MAX - count);
        *page += "\n## What kills them\n\nThe first check that fails. `Core` is an assertion or \
                  a panic of the core, `hang` a seed that takes far too long, `abort` the end of \
                  the process.\n\n| check | mutants |\n|---|---|\n";
        for (check, count) in checks {
            let _ = writeln!(page, "| {check} | {count} |");
        }
    }

    fn survivors(&self, page: &mut String, reasons: &[Reason<'_>]) {
        *page += "\n## Those that live\n\n| mutant | line | kind | why |\n|---|---|---|---|\n";
        for (mutant, fate) in self.living() {
            let (kind, words) = match find(reasons, &mutant.key) {
                Some(reason) if reason.is_equivalent => ("equivalent", reason.words),
                Some(reason) => ("not seen", reason.words),
                None if fate.is_unreached() => ("not seen", "no seed comes by it"),
                None => ("not seen", "not looked at"),
            };
            let key = mutant.key.replace('|', "\\|");
            let _ = writeln!(page, "| {key} | {} | {kind} | {words} |", mutant.line);
        }
    }
}

impl Reason<'_> {
    fn is_of(&self, key: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(beginning) => key.starts_with(beginning),
            None => key == self.name,
        }
    }
}

fn reason(line: &str) -> Option<Reason<'_>> {
    let (name, why) = line.split_once(" => ")?;
    let (kind, words) = why.split_once(": ")?;
    Some(Reason { name, is_equivalent: kind == "equivalent", words })
}

fn find<'r, 't>(reasons: &'r [Reason<'t>], key: &str) -> Option<&'r Reason<'t>> {
    reasons.iter().find(|reason| reason.is_of(key))
}

fn percent(part: usize, whole: usize) -> String {
    match whole {
        0 => String::new(),
        _ => format!("{:.1} %", 100.0 * part as f64 / whole as f64),
    }
}
