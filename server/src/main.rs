//! The Seedis server: the core, run for real.
//!
//! A drop-in for `redis-server`: same command line, same configuration files, same log. What this
//! package adds to the core is the system: sockets, files, clocks, signals. It decides nothing that
//! a client can see and the simulator could not replay.
#![deny(unsafe_code)]

mod accept;
mod args;
mod clock;
mod conn;
mod daemon;
mod disk;
mod facts;
mod huge_pages;
mod kept;
mod listen;
mod logging;
mod network;
mod offline;
mod open_files;
mod reactor;
mod record;
mod requests;
mod send;
mod serve;
mod settings;
mod signals;
mod startup;
mod supervise;
mod system;
mod title;
mod turn_times;

use std::process::ExitCode;

use args::Asked;
use daemon::Daemon;
use startup::Start;
use supervise::Supervisor;

fn main() -> ExitCode {
    let served = match args::asked(std::env::args_os().skip(1)) {
        Asked::Print(text) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Asked::Help => {
            eprint!("{}", args::USAGE);
            return ExitCode::FAILURE;
        }
        Asked::Refuse(reason) => Err(reason),
        Asked::Check { dir, words } => offline::check(&dir, &words),
        Asked::Salvage { dir, new_dir, words } => offline::salvage(&dir, &new_dir, &words),
        Asked::Serve(words) => serve(words),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            if !reason.is_empty() {
                eprintln!("{reason}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Runs a server until its end, or starts one in the background. An error is why there is none,
/// empty if that was said already.
fn serve(mut words: Vec<Vec<u8>>) -> Result<(), String> {
    huge_pages::ask_for();
    let recording = record::options(&mut words)?;
    let settings = settings::load(&words)?;
    if settings.config.disable_thp {
        system::do_without_huge_pages();
    }
    let supervisor = Supervisor::find(settings.config.supervised, &settings.log);
    let is_daemon = settings.config.daemonize && supervisor == Supervisor::None;
    let parent = if is_daemon {
        match daemon::daemonize() {
            Ok(Daemon::Parent(child)) => return daemon::wait(child),
            Ok(Daemon::Child(parent)) => Some(parent),
            Err(error) => {
                return Err(format!("Can't go to the background: {}", system::words(&error)));
            }
        }
    } else {
        None
    };
    Start { settings, supervisor, is_daemon, recording }.run(parent)
}
