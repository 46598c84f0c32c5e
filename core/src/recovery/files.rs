//! One file, read in pieces and loaded as it arrives.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::log_reader::{Found, LogReader};
use super::plan::{Part, PartKind};
use super::repair::Torn;
use super::scan::Scan;
use super::{Stage, dump};
use crate::io::{FileId, IoReq};
use crate::server::Server;
use crate::turn::Core;

/// Bytes read at once: about a millisecond of work.
const READ_BYTES: usize = 256 << 10;

/// A file that is being read.
#[derive(Debug)]
pub(crate) struct Loading {
    pub(crate) part: Part,
    pub(crate) file: FileId,
    pub(crate) len: u64,
    pub(crate) read_to: u64,
    format: Format,
}

/// What a file turned out to be.
#[derive(Debug)]
enum Format {
    /// Its first bytes are not here yet.
    Unknown(Vec<u8>),
    Dump(Box<dump::Dump>),
    Log(LogReader),
    /// It lies behind damage.
    Scanned,
}

/// What is to be done after some bytes.
enum Next {
    Read,
    End,
}

impl Server {
    pub(crate) fn part_opened(&mut self, part: Part, len: u64) -> Result<(), String> {
        let Some(recovery) = &mut self.recovery else { return Ok(()) };
        let Some(file) = recovery.progress.file else { return Ok(()) };
        if let Some(why) = part.wrong_length(len) {
            return Err(format!("Bad AOF base file {}: {why}", part.shown()));
        }
        let format = match &mut recovery.torn {
            Some(torn) => {
                torn.later.push(part.clone());
                Format::Scanned
            }
            None => Format::Unknown(Vec::new()),
        };
        if part.is_last {
            recovery.log_file = Some((file, len));
        }
        let loading = Loading { part, file, len, read_to: 0, format };
        self.announce_part(&loading);
        self.read_on(Box::new(loading))
    }

    pub(crate) fn read_on(&mut self, loading: Box<Loading>) -> Result<(), String> {
        let (file, at) = (loading.file, loading.read_to);
        self.recover_asks(Stage::Read(loading), IoReq::ReadAt { file, at, len: READ_BYTES });
        Ok(())
    }

    /// A file was read to its end: what was read of the log is made durable before it is served.
    fn part_ended(&mut self, loading: Box<Loading>) -> Result<(), String> {
        let is_reload = self.recovery.as_ref().is_some_and(|recovery| recovery.is_reload);
        let request = match loading.part.kind {
            PartKind::Base => {
                self.log_goes_on_at(loading.part.end_of_base());
                return self.part_synced(&loading);
            }
            PartKind::Incr if is_reload => return self.part_synced(&loading),
            // Its name may be newer than what a power loss would leave.
            PartKind::Dump => IoReq::SyncDir { dir: loading.part.dir },
            PartKind::Incr => IoReq::Sync { file: loading.file },
        };
        self.recover_asks(Stage::Sync(loading), request);
        Ok(())
    }

    pub(crate) fn part_synced(&mut self, loading: &Loading) -> Result<(), String> {
        self.request(IoReq::Close { file: loading.file }, None);
        if self.recovery.as_ref().is_some_and(|recovery| recovery.is_reload) {
            // A server that reads its own log back knows how long it is.
            return self.load_next();
        }
        let torn = self.recovery.as_ref().and_then(|recovery| recovery.torn.as_ref());
        let kept = match torn {
            None => loading.len,
            Some(torn) if torn.part.name == loading.part.name => torn.damage.at,
            Some(_) => 0,
        };
        let aof = &mut self.persist.aof;
        match loading.part.kind {
            PartKind::Base => (aof.base_bytes, aof.rewritten_bytes) = (loading.len, loading.len),
            // Of those before the last one no more is known later.
            PartKind::Incr if !loading.part.is_last => aof.base_bytes += kept,
            PartKind::Incr | PartKind::Dump => {}
        }
        self.load_next()
    }
}

impl Core {
    /// The next bytes of a file are here.
    pub(crate) fn part_read(
        &mut self,
        mut loading: Box<Loading>,
        bytes: &[u8],
    ) -> Result<(), String> {
        loading.read_to += bytes.len() as u64;
        let is_end = bytes.is_empty() || loading.read_to >= loading.len;
        self.server.note_progress(bytes.len() as u64);
        match self.load(&mut loading, bytes, is_end)? {
            Next::Read => self.server.read_on(loading),
            Next::End => self.server.part_ended(loading),
        }
    }

    fn load(&mut self, loading: &mut Loading, bytes: &[u8], is_end: bool) -> Result<Next, String> {
        match &mut loading.format {
            Format::Unknown(first) => {
                first.extend_from_slice(bytes);
                if first.len() < dump::MAGIC_BYTES && !is_end {
                    return Ok(Next::Read);
                }
                let first = core::mem::take(first);
                loading.format = self.format_of(loading, &first)?;
                self.load(loading, &first, is_end)
            }
            Format::Dump(dump) => {
                let complete = dump.load(&mut self.server, bytes, is_end);
                let complete = complete.map_err(|error| refusal(&loading.part, &error))?;
                match complete {
                    false => Ok(Next::Read),
                    true if loading.part.kind == PartKind::Dump => Ok(Next::End),
                    true => {
                        let (rest, at) = dump.rest();
                        loading.format =
                            Format::Log(self.log_reader(&loading.part, at, loading.len));
                        self.load(loading, &rest, is_end)
                    }
                }
            }
            Format::Log(_) => self.load_commands(loading, bytes, is_end),
            Format::Scanned => {
                if let Some(torn) = self.server.recovery.as_mut().and_then(|all| all.torn.as_mut())
                {
                    torn.scan.push(bytes, is_end);
                }
                Ok(if is_end { Next::End } else { Next::Read })
            }
        }
    }

    fn format_of(&self, loading: &Loading, first: &[u8]) -> Result<Format, String> {
        if loading.part.kind != PartKind::Incr && dump::is_dump(first) {
            let Server { config, hasher, .. } = &self.server;
            return Ok(Format::Dump(Box::new(dump::Dump::new(config, loading.len, *hasher))));
        }
        if dump::is_due(&loading.part, first) {
            return Err(refusal(&loading.part, "wrong signature"));
        }
        Ok(Format::Log(self.log_reader(&loading.part, 0, loading.len)))
    }

    fn log_reader(&self, part: &Part, at: u64, len: u64) -> LogReader {
        let recovery = self.server.recovery.as_ref();
        let (lsn, knows, epoch) =
            recovery.map_or((0, false, 0), |all| (all.lsn, all.knows_lsn, all.epoch));
        LogReader::new(at, len, lsn, knows, part.is_framed()).of_epoch(epoch)
    }

    fn load_commands(
        &mut self,
        loading: &mut Loading,
        bytes: &[u8],
        is_end: bool,
    ) -> Result<Next, String> {
        let Format::Log(reader) = &mut loading.format else { return Ok(Next::End) };
        let Some(mut client) = self.server.recovery.as_mut().and_then(|all| all.client.take())
        else {
            return Ok(Next::End);
        };
        reader.push(bytes);
        let next = loop {
            match reader.next(is_end) {
                Found::Run(ranges) => {
                    for range in ranges {
                        let at = reader.offset_of(range.start);
                        self.replay(&mut client, &reader.bytes()[range]).map_err(|why| {
                            format!("Bad AOF file {} at offset {at}: {why}", loading.part.shown())
                        })?;
                    }
                    reader.run_is_done();
                }
                Found::More => break Next::Read,
                Found::End => break Next::End,
                Found::Damage(damage) => {
                    let torn = Torn::new(
                        loading.part.clone(),
                        damage.clone(),
                        reader.has_frames,
                        Scan::new(damage.lsn, reader.knows_lsn()).of_epoch(reader.epoch()),
                    );
                    let again = loading.read_to - damage.at;
                    loading.read_to = damage.at;
                    if let Some(recovery) = &mut self.server.recovery {
                        recovery.progress.loaded_bytes -= again;
                        recovery.torn = Some(torn);
                    }
                    break Next::Read;
                }
            }
        };
        if let Some(recovery) = &mut self.server.recovery {
            (recovery.lsn, recovery.knows_lsn) = (reader.lsn(), reader.knows_lsn());
            recovery.epoch = reader.epoch();
            if recovery.torn.is_some() {
                loading.format = Format::Scanned;
                client = super::replay::client();
            } else if matches!(next, Next::End) {
                // Each file says its database anew.
                client = super::replay::client();
            }
            recovery.client = Some(client);
        }
        Ok(next)
    }
}

fn refusal(part: &Part, error: &str) -> String {
    format!("Bad RDB file {}: {error}", part.shown())
}
