//! Commands as stock Redis appends them to its log: no batches, no checksums, each file names its
//! database first, `#TS:` lines and transactions between them. The model executes them on the way.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use seedis_core::ConnId;

use crate::model::{Keyspace, Model, Words};
use crate::sabotage::log_text::write_command;

/// Who says it all.
const WRITER: ConnId = ConnId { slot: 0, generation: 0 };

/// Before 1970, so that no deadline has passed.
const NOW_MS: i64 = -1;

/// About when the simulated servers run.
const WORLD_MS: i64 = 1_790_000_000_000;

/// A file of commands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) bytes: Vec<u8>,
    /// Where commands, transactions and lines end, from where they begin on.
    pub(crate) ends: Vec<usize>,
    /// Whole commands.
    pub(crate) commands: u64,
}

/// Who tells what was written.
pub(crate) struct Teller<'a> {
    pub(crate) rng: &'a mut ChaCha8Rng,
    model: Model,
    /// The database that the last command was for.
    db: usize,
    /// The time is told.
    pub(crate) has_times: bool,
    /// What a dump cannot hold may be said.
    pub(crate) may_stream: bool,
    entries: u64,
    bulk_bytes: usize,
}

impl<'a> Teller<'a> {
    pub(crate) fn new(databases: usize, rng: &'a mut ChaCha8Rng) -> Self {
        let mut model = Model::new(databases, 1 << 20);
        model.connect(WRITER);
        let has_times = rng.random_ratio(1, 3);
        let bulk_bytes = if rng.random_ratio(1, 12) { 150_000 } else { 600 };
        Self { rng, model, db: 0, has_times, may_stream: false, entries: 0, bulk_bytes }
    }

    /// What there is now.
    pub(crate) fn keyspace(&self) -> &Keyspace {
        self.model.keyspace()
    }

    /// A file of some commands, transactions and lines, behind `before`.
    pub(crate) fn log(&mut self, before: Vec<u8>, blocks: usize) -> Log {
        let mut log = Log { ends: vec![before.len()], bytes: before, commands: 0 };
        self.begin_file();
        for number in 0..blocks {
            if number == 0 || self.rng.random_ratio(1, 6) {
                self.select(&mut log);
            }
            if self.has_times && self.rng.random_ratio(1, 4) {
                self.time(&mut log);
                log.end(0);
            }
            if self.has_times && self.rng.random_ratio(1, 8) {
                self.note(&mut log);
                log.end(0);
            }
            self.block(&mut log);
        }
        log
    }

    /// A line that somebody has written, as long as one may be or not.
    fn note(&mut self, log: &mut Log) {
        let len = *[9, 9, 1023].choose(self.rng).unwrap_or(&9);
        let start = log.bytes.len();
        log.bytes.extend(b"# by hand");
        log.bytes.resize(start + len, b'.');
        log.bytes.push(b'\n');
    }

    /// Each file is read for a database of its own.
    pub(crate) fn begin_file(&mut self) {
        self.db = 0;
        self.execute(&[b"SELECT".to_vec(), b"0".to_vec()]);
    }

    /// Says which database the next commands are for.
    pub(crate) fn select(&mut self, log: &mut Log) {
        self.db = self.rng.random_range(0..3);
        let words = self.selection();
        self.execute(&words);
        write_command(&mut log.bytes, &words);
        log.end(1);
    }

    fn selection(&self) -> Words {
        vec![b"SELECT".to_vec(), self.db.to_string().into_bytes()]
    }

    /// A command or a transaction.
    pub(crate) fn block(&mut self, log: &mut Log) {
        if !self.rng.random_ratio(1, 8) {
            let words = self.command();
            write_command(&mut log.bytes, &words);
            return log.end(1);
        }
        write_command(&mut log.bytes, &[b"MULTI".to_vec()]);
        let count = self.rng.random_range(2..5);
        for _ in 0..count {
            if self.has_times && self.rng.random_ratio(1, 6) {
                self.time(log);
            }
            let words = self.command();
            write_command(&mut log.bytes, &words);
        }
        write_command(&mut log.bytes, &[b"EXEC".to_vec()]);
        log.end(count + 2);
    }

    /// A transaction that names its database.
    pub(crate) fn transaction(&mut self, log: &mut Log) {
        self.db = self.rng.random_range(0..3);
        let selection = self.selection();
        self.execute(&selection);
        let words = [vec![b"MULTI".to_vec()], selection, self.command(), self.command()];
        words.iter().for_each(|words| write_command(&mut log.bytes, words));
        write_command(&mut log.bytes, &[b"EXEC".to_vec()]);
        log.end(5);
    }

    fn time(&mut self, log: &mut Log) {
        let second = 1_700_000_000 + self.rng.random_range(0..1000);
        log.bytes.extend(format!("#TS:{second}\r\n").bytes());
    }

    /// What comes next, of which only a part was written: it counts for nothing.
    pub(crate) fn torn(&mut self, log: &Log) -> (Log, Keyspace) {
        let (kept, mut torn) = (self.keyspace().clone(), log.clone());
        let start = log.bytes.len();
        if self.rng.random_ratio(1, 6) {
            let zeros = *[1, 511, 4096].choose(self.rng).unwrap_or(&1);
            torn.bytes.resize(start + zeros, 0);
            return (torn, kept);
        }
        self.block(&mut torn);
        let len = self.rng.random_range(start + 1..torn.bytes.len());
        torn.bytes.truncate(len);
        (Log { bytes: torn.bytes, ..log.clone() }, kept)
    }

    fn execute(&mut self, words: &[Vec<u8>]) {
        self.model.execute(WRITER, words, NOW_MS);
    }

    fn command(&mut self) -> Words {
        let words = self.words();
        self.execute(&words);
        words
    }

    fn words(&mut self) -> Words {
        let last = if self.may_stream { 19 } else { 18 };
        let number = self.rng.random_range(0..7);
        let key = |kind: &str| format!("{kind}{number}").into_bytes();
        let said = |name: &str, rest: &[Vec<u8>]| [&[name.into()], rest].concat();
        match self.rng.random_range(0..last) {
            0 | 1 => said("SET", &[key("s"), self.value()]),
            2 => said("SET", &[key("s"), self.value(), b"PXAT".to_vec(), self.deadline()]),
            3 => said("set", &[key("s"), self.integer()]),
            4 => said("INCRBY", &[key("n"), self.small()]),
            5 => said("RPUSH", &[key("l"), self.value(), self.integer()]),
            6 => said("LPOP", &[key("l")]),
            7 => said("SADD", &[key("t"), self.small(), self.value()]),
            8 => said("SREM", &[key("t"), self.small()]),
            9 => said("HSET", &[key("h"), self.small(), self.value()]),
            10 => said("HDEL", &[key("h"), self.small()]),
            11 => {
                let (deadline, field) = (self.deadline(), self.small());
                said("HPEXPIREAT", &[key("h"), deadline, b"FIELDS".to_vec(), b"1".to_vec(), field])
            }
            12 => said("ZADD", &[key("z"), self.integer(), self.small()]),
            13 => said("ZREM", &[key("z"), self.small()]),
            14 => said("PEXPIREAT", &[self.any_key(), self.deadline()]),
            15 => said("PERSIST", &[self.any_key()]),
            16 => said("DEL", &[self.any_key(), self.any_key()]),
            17 => said("SET", &[self.long_key(), self.small()]),
            _ => {
                self.entries += 1;
                let id = format!("5-{}", self.entries).into_bytes();
                said("XADD", &[key("x"), id, b"f".to_vec(), self.value()])
            }
        }
    }

    fn any_key(&mut self) -> Vec<u8> {
        let kind = ["s", "n", "l", "t", "h", "z"].choose(self.rng).unwrap_or(&"s");
        format!("{kind}{}", self.rng.random_range(0..7)).into_bytes()
    }

    /// One of many, and sometimes a long one.
    fn long_key(&mut self) -> Vec<u8> {
        let mut key = format!("k{}", self.rng.random_range(0..1000));
        if self.rng.random_ratio(1, 10) {
            key.extend(std::iter::repeat_n('k', self.rng.random_range(500..520)));
        }
        key.into_bytes()
    }

    fn small(&mut self) -> Vec<u8> {
        self.rng.random_range(0..5).to_string().into_bytes()
    }

    fn integer(&mut self) -> Vec<u8> {
        let scale = 10_i64.pow(self.rng.random_range(0..12));
        self.rng.random_range(-scale..=scale).to_string().into_bytes()
    }

    fn value(&mut self) -> Vec<u8> {
        let len = match self.rng.random_range(0..20) {
            0 => self.rng.random_range(500..520),
            1 => self.rng.random_range(0..self.bulk_bytes),
            _ => self.rng.random_range(0..12),
        };
        let letter = self.rng.random_range(b' '..=b'~');
        vec![letter; len]
    }

    fn deadline(&mut self) -> Vec<u8> {
        let from_ms = *[-1_000_000, 0, 1_000_000_000].choose(self.rng).unwrap_or(&0);
        let deadline_ms = WORLD_MS + from_ms + self.rng.random_range(0..30_000);
        let round = if self.rng.random_ratio(1, 4) { 1000 } else { 1 };
        (deadline_ms / round * round).to_string().into_bytes()
    }
}

impl Log {
    /// A block of so many commands ends here.
    fn end(&mut self, commands: u64) {
        self.ends.push(self.bytes.len());
        self.commands += commands;
    }

    /// Where the last whole block ends.
    pub(crate) fn whole(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }
}
