//! What the core asks of the system beside files: listening, its working directory, memory.

use rand::RngExt as _;
use seedis_core::io::{IoError, IoErrorKind};
use seedis_core::{IoReq, IoResult, Ticket};

use crate::decisions::{Decisions, Stream};
use crate::script::Event;

/// The system.
#[derive(Debug)]
pub(crate) struct Host {
    decisions: Decisions,
    outstanding: Vec<(Ticket, IoResult)>,
}

impl Host {
    pub(crate) fn new(decisions: Decisions) -> Self {
        Self { decisions, outstanding: Vec::new() }
    }

    /// Takes a request, unless it is one for the disk.
    pub(crate) fn ask(&mut self, ticket: Ticket, request: IoReq) -> Option<IoReq> {
        let fails = || self.decisions.host_fails();
        let result = match request {
            IoReq::Listen { .. } if fails() => failed("Address already in use"),
            IoReq::AllowClients { count } if fails() => failed(&(count / 2).to_string()),
            IoReq::Listen { .. } | IoReq::AllowClients { .. } | IoReq::Drop(_) => IoResult::Done,
            // There is one directory here, and it is the working directory already.
            IoReq::ChangeDir { path } if matches!(&path[..], b"/data" | b"." | b"./") => {
                IoResult::Bytes(b"/data".to_vec())
            }
            IoReq::ChangeDir { .. } => IoResult::Failed(IoError {
                kind: IoErrorKind::NotFound,
                words: "No such file or directory".into(),
            }),
            request => return Some(request),
        };
        self.outstanding.push((ticket, result));
        None
    }

    /// The requests that have completed, none of them or all.
    pub(crate) fn completed(&mut self) -> Vec<(Ticket, IoResult)> {
        if self.outstanding.is_empty() || self.waits() {
            return Vec::new();
        }
        std::mem::take(&mut self.outstanding)
    }

    fn waits(&self) -> bool {
        let decided = self.decisions.decide(
            Stream::Host,
            |rng| rng.random::<bool>().then_some(()),
            |()| Event::HostWaits,
            |event| (*event == Event::HostWaits).then_some(()),
        );
        decided.is_some()
    }

    /// The process ended.
    pub(crate) fn forget(&mut self) {
        self.outstanding.clear();
    }
}

fn failed(words: &str) -> IoResult {
    IoResult::Failed(IoError::other(words))
}
