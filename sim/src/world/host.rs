//! What the core asks of the system beside files: listening, its working directory, memory.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use seedis_core::io::{IoError, IoErrorKind};
use seedis_core::{IoReq, IoResult, Ticket};

/// The system.
#[derive(Debug)]
pub(crate) struct Host {
    rng: ChaCha8Rng,
    outstanding: Vec<(Ticket, IoResult)>,
}

impl Host {
    pub(crate) fn new(rng: ChaCha8Rng) -> Self {
        Self { rng, outstanding: Vec::new() }
    }

    /// Takes a request, unless it is one for the disk.
    pub(crate) fn ask(&mut self, ticket: Ticket, request: IoReq) -> Option<IoReq> {
        let fails = self.rng.random_ratio(1, 5);
        let result = match request {
            IoReq::Listen { .. } if fails => failed("Address already in use"),
            IoReq::AllowClients { count } if fails => failed(&(count / 2).to_string()),
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

    /// A request that has completed, any of them.
    pub(crate) fn completed(&mut self) -> Option<(Ticket, IoResult)> {
        if self.outstanding.is_empty() || self.rng.random() {
            return None;
        }
        let at = self.rng.random_range(0..self.outstanding.len());
        Some(self.outstanding.swap_remove(at))
    }

    /// The process ended.
    pub(crate) fn forget(&mut self) {
        self.outstanding.clear();
    }
}

fn failed(words: &str) -> IoResult {
    IoResult::Failed(IoError::other(words))
}
