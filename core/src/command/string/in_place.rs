//! Changing a string where it lies: APPEND, SETRANGE, SETBIT, BITFIELD and PFADD.
//!
//! A bitmap of half a gigabyte must not be copied for one bit. A large value is a counted buffer
//! that is changed where it is as long as nobody else holds it; it is copied once if a reply that
//! is not sent yet, or a snapshot, still refers to it. A short value lies in its record and is
//! written anew, which is cheaper than a buffer of its own. A string that was changed like this
//! counts as `raw`, never again as an integer, until it is set as a whole.

use alloc::vec;
use alloc::vec::Vec;
use core::mem;

use bytes::{Bytes, BytesMut};

use crate::command::ctx::{Ctx, Text};
use crate::command::error::CommandError;
use crate::keyspace::{Key, NewValue, Place, ValueRef};
use crate::value::Value;

/// Values up to this length are put together on the stack.
const SMALL_BYTES_MAX: usize = 255;

impl Ctx<'_> {
    /// The length of a string of `kept` bytes and `added` ones, if it may become that long.
    pub(crate) fn checked_len(&self, kept: u64, added: usize) -> Result<usize, CommandError> {
        kept.checked_add(added as u64)
            .filter(|&len| len <= self.server.string_bytes_max(self.client))
            .and_then(|len| usize::try_from(len).ok())
            .ok_or(CommandError::StringTooLong)
    }

    /// The length of the string at `place`, zero without one; an error when it is another type.
    pub(crate) fn string_len(&self, place: Option<Place>) -> Result<usize, CommandError> {
        place.map_or(Ok(0), |place| self.string(place).map(|text| text.len()))
    }

    /// Lets `change` write to the string of `key`, which is at `place` and was found to be one, or
    /// is made. It is first grown to `len` bytes, with zero bytes, if it is shorter. The deadline
    /// stays; the key counts as changed; the event and the count of changes are the caller's.
    pub(crate) fn change_string(
        &mut self,
        key: Key<'_>,
        place: Option<Place>,
        len: usize,
        change: impl FnOnce(&mut [u8]),
    ) {
        match place {
            Some(place) if matches!(self.entry(place).value(), ValueRef::Object(_)) => {
                self.db().modify(place, |value| change_large(value, len, change));
                self.modified(key.bytes);
            }
            _ => self.rewrite_string(key, place, len, change),
        }
    }

    /// The same for a string that lies in its record, or does not exist.
    fn rewrite_string(
        &mut self,
        key: Key<'_>,
        place: Option<Place>,
        len: usize,
        change: impl FnOnce(&mut [u8]),
    ) {
        let expire_at_ms = place.and_then(|place| self.entry(place).expire_at_ms());
        let mut small = [0; SMALL_BYTES_MAX];
        let old_len = place.map_or(0, |place| self.copy_small(place, &mut small));
        let len = len.max(old_len);
        if let Some(small) = small.get_mut(..len) {
            change(small);
            self.set(key, place, NewValue::Modified(small), expire_at_ms);
            return;
        }
        let mut large = vec![0; len];
        large[..old_len].copy_from_slice(&small[..old_len]);
        change(&mut large);
        self.set_raw_string(key, place, large, expire_at_ms);
    }

    /// Has the string at `place` count as `raw`, its value unchanged, as Redis's bit commands do
    /// even when they change nothing. No watcher is told and nothing is logged.
    pub(crate) fn make_raw_string(&mut self, key: Key<'_>, place: Place) {
        let entry = self.entry(place);
        if matches!(entry.value(), ValueRef::Object(_)) || entry.is_modified_string() {
            return;
        }
        let (expire_at_ms, clock) = (entry.expire_at_ms(), entry.clock());
        let mut small = [0; SMALL_BYTES_MAX];
        let len = self.copy_small(place, &mut small);
        let value = NewValue::Modified(&small[..len]);
        self.db().set(key, Some(place), value, expire_at_ms, clock);
    }

    /// Stores a string that counts as `raw`, without a copy when it is long.
    pub(crate) fn set_raw_string(
        &mut self,
        key: Key<'_>,
        place: Option<Place>,
        bytes: Vec<u8>,
        expire_at_ms: Option<u64>,
    ) {
        if bytes.len() <= SMALL_BYTES_MAX {
            self.set(key, place, NewValue::Modified(&bytes), expire_at_ms);
        } else {
            let value = Value::String(bytes.into());
            self.set(key, place, NewValue::Object(value), expire_at_ms);
        }
    }

    /// Copies a value that lies in its record; returns its length.
    fn copy_small(&self, place: Place, small: &mut [u8; SMALL_BYTES_MAX]) -> usize {
        let Ok(text) = self.string(place) else { return 0 };
        let mut digits = itoa::Buffer::new();
        let bytes = text.bytes(&mut digits);
        small[..bytes.len()].copy_from_slice(bytes);
        bytes.len()
    }
}

impl Text<'_> {
    /// The integer whose canonical text this is.
    #[inline]
    pub(crate) fn to_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Inline(bytes) => crate::value::number::parse_i64(bytes),
            Self::Shared(bytes) => crate::value::number::parse_i64(bytes),
        }
    }
}

fn change_large(value: &mut Value, len: usize, change: impl FnOnce(&mut [u8])) {
    let Some(bytes) = value.string_mut() else { return };
    let mut buffer = match mem::take(bytes).try_into_mut() {
        Ok(buffer) => buffer,
        Err(shared) => copy(&shared, len),
    };
    if buffer.len() < len {
        buffer.resize(len, 0);
    }
    change(&mut buffer);
    *bytes = buffer.freeze();
}

/// A copy with room to grow to `len`.
fn copy(shared: &Bytes, len: usize) -> BytesMut {
    let mut copy = BytesMut::with_capacity(len.max(shared.len()));
    copy.extend_from_slice(shared);
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn large(len: usize) -> Value {
        Value::String(Bytes::from(vec![1; len]))
    }

    fn bytes(value: &mut Value) -> &Bytes {
        value.string_mut().unwrap()
    }

    #[test]
    fn a_value_of_its_own_is_not_moved() {
        let mut value = large(1 << 20);
        let address = bytes(&mut value).as_ptr();
        for at in 0..10 {
            change_large(&mut value, 0, |bytes| bytes[at] = 9);
            assert_eq!(bytes(&mut value).as_ptr(), address);
        }
        assert_eq!(&bytes(&mut value)[..11], &[9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 1]);
    }

    #[test]
    fn a_shared_value_is_copied_and_the_other_stays() {
        let mut value = large(1000);
        let other = bytes(&mut value).clone();
        change_large(&mut value, 1001, |bytes| bytes[0] = 9);
        assert_eq!(
            (bytes(&mut value)[0], bytes(&mut value)[999], bytes(&mut value)[1000]),
            (9, 1, 0)
        );
        assert_eq!(other, vec![1; 1000]);
    }

    #[test]
    fn growing_is_amortized() {
        let mut value = large(300);
        let mut moves = 0;
        for len in 301..100_000 {
            let address = bytes(&mut value).as_ptr();
            change_large(&mut value, len, |bytes| bytes[len - 1] = 2);
            moves += usize::from(bytes(&mut value).as_ptr() != address);
        }
        assert_eq!(bytes(&mut value)[300..], [2; 99_699]);
        assert!(moves < 50, "{moves} moves");
    }
}
