//! A command that is running: its words, and what it may do to the keys.

use super::keyspace::{Entry, Keyspace};
use super::logged::Logged;
use super::reply::Reply;
use super::scans::Walks;
use super::value::{Kind, Value};
use super::waits::Wanted;

pub(super) const SYNTAX: &str = "ERR syntax error";
pub(super) const NOT_INTEGER: &str = "ERR value is not an integer or out of range";
pub(super) const NOT_FLOAT: &str = "ERR value is not a valid float";
pub(super) const NOT_POSITIVE: &str = "ERR value is out of range, must be positive";
pub(super) const TOO_LONG: &str = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
pub(super) const WRONG_TYPE: &str =
    "WRONGTYPE Operation against a key holding the wrong kind of value";
pub(super) const NO_DB: &str = "ERR DB index is out of range";

/// A string in its key.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    pub(super) value: Vec<u8>,
    pub(super) deadline_ms: Option<i64>,
}

pub(super) struct Call<'a> {
    pub(super) keyspace: &'a mut Keyspace,
    pub(super) words: &'a [Vec<u8>],
    pub(super) now_ms: i64,
    /// The monotonic clock.
    pub(super) now_ns: u64,
    pub(super) bulk_bytes_max: usize,
    pub(super) db: &'a mut usize,
    /// The number of the connection.
    pub(super) id: i64,
    /// What the core has logged in this turn: what luck chose stands there.
    pub(super) logged: &'a mut Logged,
    /// Walks of SCAN and its relatives.
    pub(super) walks: &'a mut Walks,
    /// It may wait for a key: it is not in a transaction.
    pub(super) may_wait: bool,
    /// What it waits for, when it does.
    pub(super) waits_for: Option<Wanted>,
}

impl Call<'_> {
    pub(super) fn word(&self, at: usize) -> Vec<u8> {
        self.words[at].clone()
    }

    /// A word in lower case, empty when there is none.
    pub(super) fn lower(&self, at: usize) -> Vec<u8> {
        self.words.get(at).map(|word| word.to_ascii_lowercase()).unwrap_or_default()
    }

    /// The error for a number of arguments that is not its own.
    pub(super) fn arity(&self) -> Vec<u8> {
        let name = String::from_utf8_lossy(&self.words[0]).to_ascii_lowercase();
        format!("ERR wrong number of arguments for '{name}' command").into()
    }

    /// A number of at least `least`, or this error.
    pub(super) fn at_least(&self, at: usize, least: i64, error: &str) -> Result<usize, Vec<u8>> {
        let number = int(&self.words[at]).filter(|&number| number >= least);
        number.map(|number| number as usize).ok_or_else(|| error.into())
    }

    pub(super) fn int(&self, at: usize) -> Result<i64, Vec<u8>> {
        int(&self.words[at]).ok_or_else(|| NOT_INTEGER.into())
    }

    /// A key of the connection's database.
    pub(super) fn meet(&mut self, key: &[u8]) -> Option<&Entry> {
        self.keyspace.meet(*self.db, key, self.now_ms)
    }

    /// The key that the first argument names.
    pub(super) fn first(&mut self) -> Option<&Entry> {
        self.meet(&self.words[1])
    }

    /// The string that the first argument names.
    pub(super) fn text(&mut self) -> Result<Option<Text>, Vec<u8>> {
        self.text_of(&self.words[1])
    }

    /// The string of a key.
    pub(super) fn text_of(&mut self, key: &[u8]) -> Result<Option<Text>, Vec<u8>> {
        let Some(entry) = self.meet(key) else { return Ok(None) };
        let Value::String(value) = &entry.value else { return Err(WRONG_TYPE.into()) };
        Ok(Some(Text { value: value.clone(), deadline_ms: entry.deadline_ms }))
    }

    /// The aggregate of a key, which must be of its type: `call.read::<List>(key)?`.
    pub(super) fn read<T: Kind>(&mut self, key: &[u8]) -> Result<Option<&T>, Vec<u8>> {
        let Some(entry) = self.meet(key) else { return Ok(None) };
        T::of(&entry.value).map(Some).ok_or_else(|| WRONG_TYPE.into())
    }

    /// Checks the type of a key: whether it is there.
    pub(super) fn is_there<T: Kind>(&mut self, key: &[u8]) -> Result<bool, Vec<u8>> {
        Ok(self.read::<T>(key)?.is_some())
    }

    /// Changes the aggregate of a key, whose type was looked at, or makes one. It keeps its
    /// deadline; when it is empty it is removed.
    pub(super) fn change<T: Kind, R>(&mut self, key: &[u8], change: impl FnOnce(&mut T) -> R) -> R {
        let old = self.keyspace.take(*self.db, key);
        let mut entry =
            old.unwrap_or_else(|| Entry { value: T::default().wrap(), deadline_ms: None });
        let it = T::of_mut(&mut entry.value).expect("its type was looked at");
        let result = change(it);
        if it.is_nothing() {
            self.keyspace.touch(*self.db, key);
        } else {
            self.put(key, entry);
        }
        result
    }

    /// The same of a key that is there, when neither who watches it nor who waits for it is told;
    /// nothing is removed.
    pub(super) fn alter<T: Kind, R>(&mut self, key: &[u8], change: impl FnOnce(&mut T) -> R) -> R {
        let change = |value: &mut _| change(T::of_mut(value).expect("its type was looked at"));
        self.keyspace.alter(*self.db, key, change).expect("it was looked at")
    }

    /// Sets a key to an aggregate without a deadline, or removes it when that is empty.
    pub(super) fn store<T: Kind>(&mut self, key: &[u8], value: T) {
        let is_there = self.meet(key).is_some();
        if !value.is_nothing() {
            self.put(key, Entry { value: value.wrap(), deadline_ms: None });
        } else if is_there {
            self.remove(key);
        }
    }

    pub(super) fn put(&mut self, key: &[u8], entry: Entry) {
        self.keyspace.put(*self.db, key, entry);
    }

    /// Sets the first argument's key to a string.
    pub(super) fn put_first(&mut self, bytes: Vec<u8>, deadline_ms: Option<i64>) {
        self.put(&self.words[1], Entry::text(bytes, deadline_ms));
    }

    pub(super) fn remove(&mut self, key: &[u8]) {
        self.keyspace.remove(*self.db, key);
    }

    /// The number of a database.
    pub(super) fn db_number(&self, at: usize) -> Result<usize, Vec<u8>> {
        let number = self.int(at)?;
        if i32::try_from(number).is_err() {
            return Err(
                "ERR value is out of range, value must between -2147483648 and 2147483647".into()
            );
        }
        self.existing_db(number)
    }

    pub(super) fn existing_db(&self, number: i64) -> Result<usize, Vec<u8>> {
        let number = usize::try_from(number).ok();
        number.filter(|&number| number < self.keyspace.databases()).ok_or_else(|| NO_DB.into())
    }
}

/// A number as Redis reads it: as it would write it, and in no other way.
pub(super) fn int(word: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(word).ok()?.parse().ok()?;
    (itoa::Buffer::new().format(number).as_bytes() == word).then_some(number)
}

/// A word as C sees it: up to its first NUL.
pub(super) fn until_nul(word: &[u8]) -> &[u8] {
    word.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// What an error quotes of a word: all on one line.
pub(super) fn quoted(word: &[u8]) -> Vec<u8> {
    let is_end = |byte: u8| matches!(byte, b'\r' | b'\n');
    until_nul(word).iter().map(|&byte| if is_end(byte) { b' ' } else { byte }).collect()
}

/// A string or nothing.
pub(super) fn bulk(text: Option<&Text>) -> Reply {
    text.map_or(Reply::Null, |text| Reply::Bulk(text.value.clone()))
}
