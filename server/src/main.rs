//! The Seedis server: the core, run for real.

mod clock;
mod conn;
mod reactor;

use std::process::ExitCode;

use seedis_core::{Config, Core};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let port = args.iter().position(|a| a == "--port").map_or("6379", |at| &args[at + 1]);
    let addr = format!("127.0.0.1:{port}").parse().expect("an address");
    let listener = mio::net::TcpListener::bind(addr).expect("the port is free");
    let mut seed = [0; 32];
    std::io::Read::read_exact(
        &mut std::fs::File::open("/dev/urandom").expect("urandom"),
        &mut seed,
    )
    .expect("randomness");
    let mut core = Core::new(Config::default(), seed);
    core.turn(clock::Clock::new().now()).observe(reactor::host_facts());
    let mut reactor = reactor::Reactor::new(core, vec![listener]).expect("epoll");
    match reactor.run() {
        Ok(code) => ExitCode::from(code as u8),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
