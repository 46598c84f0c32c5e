//! A log that several lives have written, and stock Redis between them, byte by byte.
//!
//! Lives of this server write batches, with a line that tells the place before the first of a file
//! and of a life; stock Redis appends plain commands. Which files the manifest knows to be ours,
//! and whether anything tells where the log begins, is drawn. The keyspace is kept at each place,
//! so that whatever is damaged later, what must come out before it is known.

use std::ops::Range;

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

use crate::model::Keyspace;
use crate::sabotage::log_text::{At, Batch, INCR_LINE, write_command, write_place};
use crate::stock::dump;
use crate::stock::story::{Log, Teller};

/// Databases of the servers here.
const DATABASES: usize = 16;

/// A file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) seq: u64,
    /// `b` or `i`.
    pub(super) kind: char,
    /// What the manifest tells of it.
    pub(super) note: Option<String>,
    pub(super) bytes: Vec<u8>,
    pub(super) items: Vec<Item>,
    /// A dump at its beginning has so many keys.
    pub(super) keys: Option<u64>,
    /// Where it begins.
    pub(super) from: Place,
}

/// Where one stands in the log, and what there is then.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) at: At,
    /// A server that has read so far knows where it is.
    pub(super) is_known: bool,
    pub(super) keyspace: Keyspace,
}

/// What was written at once: a batch, a line that tells the place, or what stock Redis appended.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) is_ours: bool,
    /// Where its lines begin; the last of a batch is its header.
    pub(super) lines: Vec<usize>,
    /// The first of them tells the place.
    pub(super) names_place: bool,
    /// A batch.
    pub(super) batch: Option<Batch>,
    pub(super) bytes: Range<usize>,
    pub(super) commands: u64,
    /// Behind the line that tells the place, and behind all of it.
    pub(super) from: At,
    pub(super) to: Place,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Logs {
    pub(super) files: Vec<File>,
}

struct Writer<'a> {
    teller: Teller<'a>,
    place: Place,
    files: Vec<File>,
    /// Where the first life began: before it all was durable at any time.
    start_lsn: u64,
    /// No batch tells that much was durable.
    is_loose: bool,
    /// Nothing tells where the log begins but what lives have written into it.
    is_unknown: bool,
    /// The next batch goes on where the last one ended.
    goes_on: bool,
}

impl Logs {
    /// Draws one whose files begin with a name.
    pub(super) fn draw(prefix: &str, rng: &mut ChaCha8Rng) -> Self {
        let (is_loose, is_unknown) = (rng.random(), rng.random_ratio(1, 4));
        let teller = Teller::new(DATABASES, rng);
        let at = At::default();
        let place = Place { at, is_known: false, keyspace: Keyspace::new(DATABASES) };
        let mut writer = Writer {
            teller,
            place,
            files: Vec::new(),
            start_lsn: 0,
            is_loose,
            is_unknown,
            goes_on: false,
        };
        writer.teller.has_times = false;
        writer.all(prefix);
        Self { files: writer.files }
    }

    /// Behind everything.
    pub(super) fn end(&self) -> Place {
        let last = self.files.last().expect("there is a file");
        last.items.last().map_or(&last.from, |item| &item.to).clone()
    }

    /// The number of the first incremental file.
    pub(super) fn first_incr(&self) -> u64 {
        self.files.iter().find(|file| file.kind == 'i').map_or(0, |file| file.seq)
    }
}

impl File {
    /// The place before an item.
    pub(super) fn before(&self, item: usize) -> &Place {
        item.checked_sub(1).map_or(&self.from, |before| &self.items[before].to)
    }

    /// Whether it is known before an item that batches of ours are to come.
    pub(super) fn has_frames(&self, item: usize) -> bool {
        self.note.is_some() || self.items[..item].iter().any(|item| item.is_ours)
    }
}

/// A log of which nothing is known may begin anywhere.
fn far(rng: &mut ChaCha8Rng) -> u64 {
    let scale = *[1 << 20, 1 << 33, 1 << 59].choose(rng).unwrap_or(&1);
    scale + rng.random_range(0..1000)
}

impl Writer<'_> {
    fn all(&mut self, prefix: &str) {
        let mut seq = self.teller.rng.random_range(1..9);
        if self.teller.rng.random_ratio(3, 4) {
            self.base(prefix, seq);
            seq = self.teller.rng.random_range(1..9);
        }
        self.teller.may_stream = true;
        let most = if self.is_unknown { 3 } else { 5 };
        for _ in 0..self.teller.rng.random_range(1..most) {
            self.file(format!("{prefix}.{seq}.incr.aof"), seq, 'i');
            let has_head = self.teller.rng.random();
            if has_head {
                let file = self.files.last_mut().expect("it was just made");
                file.bytes.extend(INCR_LINE);
            }
            for _ in 0..self.teller.rng.random_range(1..3) {
                match self.teller.rng.random_range(0..4) {
                    0 => self.stock(),
                    _ => self.life(),
                }
            }
            let file = self.files.last_mut().expect("it was just made");
            if has_head || file.items[0].is_ours && self.teller.rng.random_ratio(3, 4) {
                file.note = Some("#framed".into());
            }
            seq += self.teller.rng.random_range(1..3);
        }
    }

    fn file(&mut self, name: String, seq: u64, kind: char) {
        let from = self.place.clone();
        let (note, bytes, items, keys) = (None, Vec::new(), Vec::new(), None);
        self.files.push(File { name, seq, kind, note, bytes, items, keys, from });
        self.teller.begin_file();
    }

    fn last(&mut self) -> &mut File {
        self.files.last_mut().expect("there is one")
    }

    /// A base; it may tell where the log goes on behind it, or the manifest does.
    fn base(&mut self, prefix: &str, seq: u64) {
        let is_dump = self.teller.rng.random();
        // It is read by what it begins with, not by its name.
        let is_called_dump = is_dump || self.teller.rng.random_ratio(1, 4);
        let end = if is_called_dump { "base.rdb" } else { "base.aof" };
        self.file(format!("{prefix}.{seq}.{end}"), seq, 'b');
        let blocks = self.teller.rng.random_range(u32::from(is_called_dump)..20) as usize;
        let mut log = self.teller.log(Vec::new(), blocks);
        let keyspace = self.teller.keyspace().clone();
        let lsn = far(self.teller.rng);
        if is_dump {
            let digits = lsn.to_string();
            let tells = !self.is_unknown && self.teller.rng.random();
            let fields = [("aof-base", "1"), ("seedis-lsn", &digits)];
            let dump = dump::write(&keyspace, &fields[..1 + usize::from(tells)], self.teller.rng);
            self.place.is_known = tells && dump.has_fields();
            (log.bytes, log.commands) = (dump.bytes, 0);
            self.last().keys = Some(dump.keys);
        } else if self.teller.rng.random() {
            log.bytes.splice(0..0, *b"#base\n");
        }
        if !self.is_unknown && self.teller.rng.random_ratio(2, 3) {
            let epoch = self.teller.rng.random_range(0..4);
            let len = log.bytes.len();
            let told = if epoch > 0 { format!(" epoch {epoch}") } else { String::new() };
            self.last().note = Some(format!("#base bytes {len} lsn {lsn}{told}"));
            self.place.at.epoch = epoch;
            self.place.is_known = true;
        }
        self.place.keyspace = keyspace;
        // Commands in it count where nothing tells better.
        self.place.at.lsn = match (self.place.is_known, is_dump) {
            (true, _) => lsn,
            (false, true) => 0,
            (false, false) => log.bytes.strip_prefix(b"#base\n").unwrap_or(&log.bytes).len() as u64,
        };
        self.start_lsn = self.place.at.lsn;
        self.last().bytes = log.bytes;
        self.goes_on = false;
    }

    /// What stock Redis appends: it names its database first, perhaps in a transaction.
    fn stock(&mut self) {
        let mut log = Log::default();
        if self.teller.rng.random_ratio(1, 4) {
            self.teller.transaction(&mut log);
        } else {
            self.teller.select(&mut log);
        }
        for _ in 0..self.teller.rng.random_range(1..6) {
            self.teller.block(&mut log);
        }
        let from = self.place.at;
        self.place.at.lsn += log.bytes.len() as u64;
        self.place.keyspace = self.teller.keyspace().clone();
        let to = self.place.clone();
        let file = self.last();
        let start = file.bytes.len();
        file.bytes.extend(log.bytes);
        let bytes = start..file.bytes.len();
        file.items.push(Item {
            is_ours: false,
            lines: vec![start],
            names_place: false,
            batch: None,
            bytes,
            commands: log.commands,
            from,
            to,
        });
        self.goes_on = false;
    }

    /// A life of this server, which begins by telling the place, or goes on in another file.
    fn life(&mut self) {
        let mut is_new = !self.goes_on || self.teller.rng.random();
        if is_new {
            // Builds before there were epochs wrote none.
            let is_old = self.place.at.epoch == 0 && self.teller.rng.random_ratio(1, 6);
            let later = *[1, 1, 1, 2, 3, 15, 16, 40].choose(self.teller.rng).unwrap_or(&1);
            self.place.at.epoch += if is_old { 0 } else { later };
            if !self.place.is_known && self.teller.rng.random_ratio(3, 4) {
                self.place.at.lsn = far(self.teller.rng);
                self.start_lsn = self.place.at.lsn;
            }
        }
        is_new |= self.files.last().is_some_and(|file| file.items.is_empty());
        self.place.is_known = true;
        let mut is_first = true;
        if is_new && self.teller.rng.random() {
            self.line();
            is_new = false;
        }
        for _ in 0..self.teller.rng.random_range(u32::from(is_new)..6) {
            self.batch(is_new, is_first);
            (is_new, is_first) = (false, false);
        }
        self.goes_on = true;
    }

    fn line(&mut self) {
        let (at, to) = (self.place.at, self.place.clone());
        let file = self.last();
        let start = file.bytes.len();
        write_place(&mut file.bytes, at);
        let bytes = start..file.bytes.len();
        file.items.push(Item {
            is_ours: true,
            lines: vec![start],
            names_place: true,
            batch: None,
            bytes,
            commands: 0,
            from: at,
            to,
        });
    }

    fn batch(&mut self, names_place: bool, selects: bool) {
        let mut log = Log::default();
        if selects || self.teller.rng.random_ratio(1, 6) {
            self.teller.select(&mut log);
        }
        for _ in 0..self.teller.rng.random_range(1..4) {
            self.teller.block(&mut log);
        }
        let At { lsn, epoch } = self.place.at;
        let undurable = self.undurable(lsn);
        let has_time = self.teller.rng.random_ratio(1, 6);
        self.place.at.lsn += log.bytes.len() as u64;
        self.place.keyspace = self.teller.keyspace().clone();
        let (from, to) = (At { lsn, epoch }, self.place.clone());
        let file = self.last();
        let start = file.bytes.len();
        let mut lines = vec![start];
        if names_place {
            write_place(&mut file.bytes, from);
            lines.push(file.bytes.len());
        }
        if has_time {
            file.bytes.extend(b"#TS:1700000000\r\n");
            lines.push(file.bytes.len());
        }
        let (payload, place) = (log.bytes, 0..0);
        let batch = Batch { lsn, epoch, names_lsn: false, undurable, payload, place };
        batch.write(&mut file.bytes);
        let bytes = start..file.bytes.len();
        file.items.push(Item {
            is_ours: true,
            lines,
            names_place,
            batch: Some(batch),
            bytes,
            commands: log.commands,
            from,
            to,
        });
    }

    /// How much before a batch was not known to be durable.
    fn undurable(&mut self, lsn: u64) -> Option<u64> {
        let since = lsn.saturating_sub(self.start_lsn);
        let rng = &mut *self.teller.rng;
        match rng.random_range(0..4) {
            0 | 1 => None,
            _ if self.is_loose => Some(since + rng.random_range(0..100)),
            2 => Some(0),
            _ => Some(rng.random_range(0..=since.min(2000))),
        }
    }
}

impl Batch {
    /// Whether it tells that the log was durable beyond a place.
    pub(super) fn tells_beyond(&self, lsn: u64) -> bool {
        self.undurable.is_some_and(|bytes| self.lsn - bytes.min(self.lsn) > lsn)
    }
}

/// A command in bytes.
pub(super) fn command(words: &[&str]) -> Vec<u8> {
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    let mut bytes = Vec::new();
    write_command(&mut bytes, &words);
    bytes
}
