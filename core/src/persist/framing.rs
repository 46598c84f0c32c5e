//! What stands in front of the batches that this life writes.
//!
//! All that is told only when it changed is remembered here: what was durable, and the second.

use alloc::format;
use alloc::vec::Vec;

use super::incr::Batch;
use crate::log::FRONT_BYTES;
use crate::log::frame::{self, Header};

/// What headers have told so far.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    /// The life that writes; zero in one that never heard of files.
    pub(crate) epoch: u64,
    /// The durable watermark that the last header told.
    told_lsn: u64,
    /// The last second that a `#TS:` line told.
    timestamp_s: i64,
}

impl Framing {
    /// A batch of the log's end up to `end_lsn`: its annotations are put in front of its payload.
    /// The log is durable up to `durable`.
    pub(crate) fn frame(
        &mut self,
        mut bytes: Vec<u8>,
        end_lsn: u64,
        durable: u64,
        names_lsn: bool,
        timestamp_s: Option<i64>,
    ) -> Batch {
        let payload = &bytes[FRONT_BYTES..];
        let lsn = end_lsn - payload.len() as u64;
        let is_news = durable > self.told_lsn || names_lsn;
        self.told_lsn = durable;
        let undurable = is_news.then(|| lsn - durable.min(lsn));
        let mut lines = Vec::new();
        if names_lsn {
            frame::write_lsn(&mut lines, lsn, self.epoch);
        }
        if let Some(now_s) = timestamp_s.filter(|&now_s| now_s != self.timestamp_s) {
            self.timestamp_s = now_s;
            lines.extend_from_slice(format!("#TS:{now_s}\r\n").as_bytes());
        }
        Header::of(payload, lsn, self.epoch, undurable).write(&mut lines);
        let from = FRONT_BYTES - lines.len();
        bytes[from..FRONT_BYTES].copy_from_slice(&lines);
        Batch { bytes, from, end_lsn }
    }
}
