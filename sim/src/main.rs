//! The simulator's command line: which subcommand, and its options.

mod command;

use std::process::ExitCode;

fn main() -> ExitCode {
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
