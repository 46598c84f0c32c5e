//! Hunts one mutant with the simulator: the corpus, then each seed that comes by it.
//!
//! Not a part of the product: the tool in `tests/mutants` adds it to the copy that it changes. A
//! seed that never comes by a mutant is the same run with and without it, so a map of who comes by
//! what is made once, with all of them off. One that makes a seed take much too long is a failure
//! too, told by a second thread; one that aborts the process is told by whoever waits for it.

use std::fs;
use std::path::Path;
use std::process::{ExitCode, exit};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use seedis_core::mutant;
use seedis_sim::caught::{Caught, catch};
use seedis_sim::marks::Marks;
use seedis_sim::profile::Profile;
use seedis_sim::script::Script;
use seedis_sim::{Plan, Timeline, check_script, run_seed_marked};

/// A seed takes some milliseconds.
const SEED_CPU_MAX: Duration = Duration::from_secs(8);

/// CPU time at the start of the seed that runs, in milliseconds.
static BEGAN_MS: AtomicU64 = AtomicU64::new(0);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().expect("a number");
    match words[1..] {
        ["reach", seeds, map] => reach(number(seeds), map),
        ["kill", mutant, map, seconds] => kill(number(mutant), map, number(seconds)),
        _ => panic!("reach SEEDS MAP, or kill MUTANT MAP SECONDS"),
    }
}

/// Which seeds come by which mutant: a bit for each, in a row for each mutant.
fn reach(seeds: u64, map: &str) -> ExitCode {
    let width = (seeds as usize).div_ceil(8);
    let mut bits = vec![0_u8; width * mutant::COUNT];
    for seed in 1..=seeds {
        mutant::take_reached().for_each(drop);
        if let Err(caught) = run_seed(seed) {
            println!("seed {seed} fails without a mutant: {caught}");
            continue;
        }
        let at = seed as usize - 1;
        for mutant in mutant::take_reached() {
            bits[mutant * width + at / 8] |= 1 << (at % 8);
        }
    }
    fs::write(map, bits).expect("the map can be written");
    ExitCode::SUCCESS
}

fn run_seed(seed: u64) -> Result<(), Caught> {
    let plan = Plan { seed, commands: 1000 };
    let twice = seed.is_multiple_of(10);
    catch(|| {
        let _ = run_seed_marked(plan, Profile::default(), twice, &mut Marks::default());
    })
}

fn kill(number: u64, map: &str, seconds: u64) -> ExitCode {
    thread::spawn(move || watch(number));
    mutant::set(number as u32);
    for (name, script) in corpus() {
        BEGAN_MS.store(cpu_time().as_millis() as u64, Relaxed);
        if let Err(caught) = catch(|| check_script(script, Timeline::default())) {
            return told(&format!("corpus {name}"), &caught);
        }
    }
    let mut runs = 0;
    for seed in seeds_of(number as usize, map) {
        if cpu_time() > Duration::from_secs(seconds) {
            break;
        }
        BEGAN_MS.store(cpu_time().as_millis() as u64, Relaxed);
        runs += 1;
        if let Err(caught) = run_seed(seed) {
            return told(&format!("seed {seed}"), &caught);
        }
    }
    println!("lives\t{runs} seeds\t\t");
    ExitCode::SUCCESS
}

fn told(run: &str, caught: &Caught) -> ExitCode {
    let words = caught.finding.words.replace(['\n', '\t'], " ");
    println!("{}\t{run}\t{}\t{words}", caught.finding.invariant, caught.place);
    ExitCode::SUCCESS
}

/// Ends the process when a seed takes too long.
fn watch(number: u64) {
    loop {
        thread::sleep(Duration::from_millis(500));
        let took = cpu_time().saturating_sub(Duration::from_millis(BEGAN_MS.load(Relaxed)));
        if took > SEED_CPU_MAX {
            println!("hang\tmutant {number}\t\ta seed takes {took:.0?}");
            exit(0);
        }
    }
}

fn seeds_of(mutant: usize, map: &str) -> Vec<u64> {
    let bits = fs::read(map).expect("the map can be read");
    let width = bits.len() / mutant::COUNT;
    let row = &bits[mutant * width..][..width];
    let is_set = |at: &usize| row[at / 8] & 1 << (at % 8) != 0;
    (0..width * 8).filter(is_set).map(|at| at as u64 + 1).collect()
}

fn corpus() -> Vec<(String, Script)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut scripts: Vec<(String, Script)> = fs::read_dir(folder)
        .expect("the corpus is there")
        .map(|entry| {
            let path = entry.expect("an entry of the corpus").path();
            let text = fs::read_to_string(&path).expect("a script can be read");
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, text.parse().expect("a script"))
        })
        .collect();
    scripts.sort_by(|a, b| a.0.cmp(&b.0));
    scripts
}

/// CPU time of the first thread.
fn cpu_time() -> Duration {
    let text = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let ns = text.split(' ').next().and_then(|ns| ns.parse().ok());
    Duration::from_nanos(ns.unwrap_or(0))
}
