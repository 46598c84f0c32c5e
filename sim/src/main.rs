//! The simulator's command line: which subcommand, and its options.

mod command;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if let Some(code) = seedis_sim::recording::options::recorded() {
        return code;
    }
    match command::parse(lexopt::Parser::from_env()) {
        Ok(Some(command)) => command.run(),
        Ok(None) => {
            println!("{}", command::HELP);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("seedis-sim: {error}\n{}", command::HELP);
            ExitCode::from(2)
        }
    }
}
