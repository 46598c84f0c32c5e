//! A command that is running: its words, and what it may do to the keys.

use super::keyspace::{Entry, Keyspace};
use super::reply::Reply;
use super::value::Value;

pub(super) const SYNTAX: &str = "ERR syntax error";
pub(super) const NOT_INTEGER: &str = "ERR value is not an integer or out of range";
pub(super) const TOO_LONG: &str = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
pub(super) const WRONG_TYPE: &str =
    "WRONGTYPE Operation against a key holding the wrong kind of value";
pub(super) const NO_DB: &str = "ERR DB index is out of range";

/// What a key holds, when it is of the type that was asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Typed<T> {
    pub(super) value: T,
    pub(super) deadline_ms: Option<i64>,
}

/// A string in its key.
pub(super) type Text = Typed<Vec<u8>>;

pub(super) struct Call<'a> {
    pub(super) keyspace: &'a mut Keyspace,
    pub(super) words: &'a [Vec<u8>],
    pub(super) now_ms: i64,
    pub(super) bulk_bytes_max: usize,
    pub(super) db: &'a mut usize,
}

impl Call<'_> {
    pub(super) fn word(&self, at: usize) -> Vec<u8> {
        self.words[at].clone()
    }

    /// A word in lower case, empty when there is none.
    pub(super) fn lower(&self, at: usize) -> Vec<u8> {
        self.words.get(at).map(|word| word.to_ascii_lowercase()).unwrap_or_default()
    }

    pub(super) fn int(&self, at: usize) -> Result<i64, Vec<u8>> {
        int(&self.words[at]).ok_or_else(|| NOT_INTEGER.into())
    }

    /// A key of the connection's database.
    pub(super) fn meet(&mut self, key: &[u8]) -> Option<Entry> {
        self.keyspace.meet(*self.db, key, self.now_ms)
    }

    /// The key that the first argument names.
    pub(super) fn first(&mut self) -> Option<Entry> {
        self.meet(&self.words[1])
    }

    /// A key that must be of a type: `call.typed(key, Value::into_list)?`.
    pub(super) fn typed<T>(
        &mut self,
        key: &[u8],
        of: fn(Value) -> Option<T>,
    ) -> Result<Option<Typed<T>>, Vec<u8>> {
        let Some(Entry { value, deadline_ms }) = self.meet(key) else { return Ok(None) };
        let value = of(value).ok_or(WRONG_TYPE)?;
        Ok(Some(Typed { value, deadline_ms }))
    }

    /// The string that the first argument names.
    pub(super) fn text(&mut self) -> Result<Option<Text>, Vec<u8>> {
        self.typed(&self.words[1], Value::into_string)
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
    (number.to_string().as_bytes() == word).then_some(number)
}

/// A string or nothing.
pub(super) fn bulk(text: Option<&Text>) -> Reply {
    text.map_or(Reply::Null, |text| Reply::Bulk(text.value.clone()))
}
