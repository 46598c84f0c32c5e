//! A small part of everything, on each `cargo test`, and the proof that it would find something.

use seedis_core::config::AppendFsync;
use seedis_core::{IoReq, IoResult, Ticket};

use super::workloads::Policy;
use super::{Bounds, Failure, Totals, explore};
use crate::caught::catch;
use crate::finding::Invariant;
use crate::sabotage::{Boundary, Desk, Saboteur};
use crate::{Timeline, World};

/// The syncs of files are forgotten, and said to be done.
#[derive(Debug)]
struct NoSync;

impl Saboteur for NoSync {
    fn request(&mut self, ticket: Ticket, request: IoReq, desk: &mut Desk<'_>) {
        match request {
            IoReq::Sync { .. } => desk.tell(ticket, IoResult::Done),
            request => desk.ask(ticket, request),
        }
    }
}

/// The syncs of directories are.
#[derive(Debug)]
struct NoDirectorySync;

impl Saboteur for NoDirectorySync {
    fn request(&mut self, ticket: Ticket, request: IoReq, desk: &mut Desk<'_>) {
        match request {
            IoReq::SyncDir { .. } => desk.tell(ticket, IoResult::Done),
            request => desk.ask(ticket, request),
        }
    }
}

fn small(commands: usize, later_images: u64) -> Bounds {
    Bounds { commands, images: 8, later_images, ..Bounds::default() }
}

fn found(boundary: &dyn Fn() -> Boundary) -> Failure {
    let policies = vec![Policy::Log(AppendFsync::Always)];
    let explored = explore(&Bounds { policies, ..small(1, 0) }, boundary, &mut |_| {});
    explored.expect_err("a planted bug is found").1
}

fn sound(bounds: &Bounds) -> Totals {
    let explored = explore(bounds, &Boundary::honest, &mut |_| {});
    let totals = explored.unwrap_or_else(|failed| {
        panic!("after {}: {}\n{}", failed.0, failed.1.caught, failed.1.script)
    });
    assert_eq!(totals.workloads, totals.workloads_in_all);
    totals
}

#[test]
fn single_commands_survive_any_crash() {
    let totals = sound(&small(1, 0));
    assert_eq!(totals.workloads, 4 * 14 + 1);
    assert!(totals.distinct > 200, "{totals}");
}

#[test]
fn recoveries_survive_any_crash() {
    let totals = sound(&small(0, 1));
    assert!(totals.later_crashes > 1000 && totals.later_distinct > 200, "{totals}");
}

#[test]
fn a_log_that_is_never_synced_is_found_by_a_script_that_can_be_played() {
    let sabotaged = || Boundary::with(Box::new(NoSync));
    let Failure { script, caught } = found(&sabotaged);
    assert!(matches!(caught.finding.invariant, Invariant::D1 | Invariant::D2 | Invariant::D3));
    let script: crate::script::Script = script.to_string().parse().expect("it is a script");
    let again = catch(|| World::play(script, Timeline::default(), sabotaged()));
    assert_eq!(again.expect_err("it fails again"), caught);
}

#[test]
fn a_directory_that_is_never_synced_is_found() {
    let caught = found(&|| Boundary::with(Box::new(NoDirectorySync))).caught;
    assert_ne!(caught.finding.invariant, Invariant::Core, "{caught}");
}
