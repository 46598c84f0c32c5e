//! SIGTERM and SIGINT: the first asks for an orderly end, and a SIGINT after it ends at once.
//!
//! A thread of its own waits for them, so that no code runs inside a signal handler, and so that
//! the second one works even while the loop is busy or the end takes long. SIGHUP and SIGPIPE are
//! ignored, as in Redis. Everything here happens before the first other thread is started, because
//! threads inherit which signals they are not disturbed by.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;

use mio::Waker;
use seedis_core::turn::Signal;

use crate::system;

/// What arrived since it was last asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals(Arc<State>);

#[derive(Debug, Default)]
struct State {
    arrived: AtomicU8,
    /// The end has begun: the next SIGINT insists.
    is_ending: AtomicBool,
}

/// Signals that are held back until somebody waits for them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held(system::Signals);

/// Holds signals back from now on, before there is another thread.
pub(crate) fn hold() -> Held {
    Held(system::Signals::block())
}

const NONE: u8 = 0;
const INT: u8 = 1;
const TERM: u8 = 2;

impl Signals {
    /// Takes the signals that [`hold`] holds back; `waker` is called when one arrives.
    pub(crate) fn watch(held: Held, waker: Arc<Waker>) -> io::Result<Self> {
        let signals = Self::default();
        let state = signals.0.clone();
        let wait = move || {
            loop {
                let is_interrupt = held.0.wait();
                if state.is_ending.swap(true, Ordering::Relaxed) && is_interrupt {
                    // Without a word: the log may be what holds the end up.
                    std::process::exit(1);
                }
                state.arrived.store(if is_interrupt { INT } else { TERM }, Ordering::Relaxed);
                // Without a loop to wake, the next SIGINT still ends the process.
                let _ = waker.wake();
            }
        };
        thread::Builder::new().name("signals".into()).spawn(wait)?;
        Ok(signals)
    }

    /// The signal that has arrived since the last call.
    pub(crate) fn arrived(&self) -> Option<Signal> {
        match self.0.arrived.swap(NONE, Ordering::Relaxed) {
            NONE => None,
            INT => Some(Signal::Interrupt),
            _ => Some(Signal::Terminate),
        }
    }

    /// The core goes on in spite of a signal: the next one asks again.
    pub(crate) fn go_on(&self) {
        self.0.is_ending.store(false, Ordering::Relaxed);
    }
}
