//! DEBUG DIGEST: one number for the whole dataset, the same that Redis computes.
//!
//! SHA-1 sums combined in two ways. What has an order (the fields of a key, the elements of a
//! list) is mixed: the sum of the next part is added by exclusive or, and the result is summed
//! again. What has none (keys, members of a set) is only added, so that the order in which a
//! table happens to give it does not matter. The digest of an empty dataset is all zeros. Two
//! servers hold the same data exactly when they answer the same: replicas, replayed logs and other
//! implementations are compared by it.
//!
//! Keys whose deadline has passed and which nobody has removed count as well, as in Redis.

use alloc::format;
use alloc::string::String;

use sha1::{Digest as _, Sha1};

use super::debug::hex;
use crate::command::ctx::Ctx;
use crate::command::error::Outcome;
use crate::keyspace::{Entry, ValueRef};
use crate::server::Server;
use crate::value::intset::Intset;
use crate::value::listpack::Listpack;
use crate::value::number::format_g17;
use crate::value::pack::Shape;
use crate::value::stream::id::StreamId;
use crate::value::walk::{Part, walk_pack};
use crate::value::{Stream, Value};

/// Answers with the digest of the dataset.
pub(super) fn digest(ctx: &mut Ctx<'_>) -> Outcome {
    let keys: usize = ctx.server.dbs.iter().map(crate::keyspace::Db::len).sum();
    ctx.work(keys * 10);
    let digest = ctx.server.dataset_digest();
    ctx.reply().simple(&digest);
    Ok(())
}

/// Answers with the digests of values; zeros for a key that does not exist.
pub(super) fn digest_value(ctx: &mut Ctx<'_>) -> Outcome {
    let args = ctx.args;
    ctx.reply().array(args.len() - 2);
    for at in 2..args.len() {
        let key = ctx.key(at);
        let place = ctx.db().find(key);
        let digest = place.map(|place| of_value(&ctx.entry(place))).unwrap_or_default();
        ctx.reply().simple(&digest.text());
    }
    Ok(())
}

impl Server {
    /// The digest of all databases, 40 hexadecimal digits.
    pub(crate) fn dataset_digest(&self) -> String {
        let mut whole = Digest::default();
        for (number, db) in self.dbs.numbered().filter(|(_, db)| !db.is_empty()) {
            // The number is mixed in: the same keys in another database are other data.
            whole.mix(&(number as u32).to_be_bytes());
            db.iter().for_each(|entry| whole.add(&of_entry(&entry).0));
        }
        whole.text()
    }
}

fn room() -> itoa::Buffer {
    itoa::Buffer::new()
}

fn of_entry(entry: &Entry<'_>) -> Digest {
    let mut digest = Digest::default();
    digest.mix(entry.key());
    digest.mix_value(entry);
    digest
}

impl Entry<'_> {
    /// A number for the value, the same that Redis computes (DEBUG DIGEST-VALUE): equal for equal
    /// values, however they are stored.
    #[must_use]
    pub fn value_digest(&self) -> [u8; 20] {
        of_value(self).0
    }
}

fn of_value(entry: &Entry<'_>) -> Digest {
    let mut digest = Digest::default();
    digest.mix_value(entry);
    digest
}

/// A digest in the making.
#[derive(Clone, Copy, Default)]
struct Digest([u8; 20]);

impl Digest {
    /// Adds what has no place in an order.
    fn add(&mut self, bytes: &[u8]) {
        let sum = Sha1::digest(bytes);
        self.0.iter_mut().zip(sum).for_each(|(byte, other)| *byte ^= other);
    }

    /// Adds the next part of what has an order.
    fn mix(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    /// Mixes the type, the value and whether there is a deadline (but not which).
    fn mix_value(&mut self, entry: &Entry<'_>) {
        let value = entry.value();
        self.mix(&type_number(value).to_be_bytes());
        match value {
            ValueRef::String(bytes) => self.mix(bytes),
            ValueRef::Int(number) => self.mix(itoa::Buffer::new().format(number).as_bytes()),
            ValueRef::Object(Value::String(bytes)) => self.mix(bytes),
            ValueRef::Pack(pack) => self.mix_pack(pack),
            ValueRef::Object(value) => self.mix_large(value),
        }
        if entry.expire_at_ms().is_some() {
            self.add(b"!!expire!!");
        }
    }

    /// Mixes an aggregate that is no pack.
    fn mix_large(&mut self, value: &Value) {
        if let Value::Stream(stream) = value {
            return self.mix_stream(stream);
        }
        let Some((mut walk, _)) = value.walk(true) else { return };
        let is_list = matches!(value, Value::List(_));
        while walk.step(&mut |part| self.mix_part(part, is_list)) {}
    }

    /// Mixes the entries, each with its ID. Groups do not count.
    fn mix_stream(&mut self, stream: &Stream) {
        for entry in stream.iter_from(StreamId::MIN) {
            self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
            for (field, value) in entry.pairs() {
                self.mix(field.bytes(&mut room()));
                self.mix(value.bytes(&mut room()));
            }
        }
    }

    fn mix_part(&mut self, part: Part<'_>, is_list: bool) {
        match part {
            Part::Text(text) if is_list => self.mix(text),
            Part::Text(member) => self.add(member),
            Part::Chunk(chunk) => {
                chunk.iter().for_each(|(_, element)| self.mix(element.bytes(&mut room())));
            }
            Part::Field(field, value, at_ms) => self.add_pair(field, value, at_ms.is_some()),
            Part::Scored(member, score) => self.add_scored(member, score),
        }
    }

    /// The text of a score is that of Redis 7.0; servers from 7.2 on sum fewer digits.
    fn add_scored(&mut self, member: &[u8], score: f64) {
        self.add_pair(member, &format_g17(score), false);
    }

    /// Adds a member with its score, or a field with its value and whether it has a deadline.
    fn add_pair(&mut self, name: &[u8], value: &[u8], has_deadline: bool) {
        let mut inner = Self::default();
        inner.mix(name);
        inner.mix(value);
        if has_deadline {
            inner.add(b"!!hexpire!!");
        }
        self.add(&inner.0);
    }

    fn mix_pack(&mut self, pack: &[u8]) {
        let texts = || Listpack::new(pack).iter().map(|(_, element)| element);
        match Shape::of(pack) {
            Shape::List => texts().for_each(|element| self.mix(element.bytes(&mut room()))),
            Shape::Set => texts().for_each(|member| self.add(member.bytes(&mut room()))),
            Shape::Intset => Intset::new(pack).iter().for_each(|member| {
                self.add(room().format(member).as_bytes());
            }),
            Shape::Hash | Shape::HashTtl | Shape::SortedSet => {
                walk_pack(pack, &mut |part| self.mix_part(part, false));
            }
        }
    }

    fn text(&self) -> String {
        hex(&self.0)
    }
}

/// Redis's number of a type: 0 string, 1 list, 2 set, 3 sorted set, 4 hash, 5 module, 6 stream.
fn type_number(value: ValueRef<'_>) -> u32 {
    match value {
        ValueRef::String(_) | ValueRef::Int(_) | ValueRef::Object(Value::String(_)) => 0,
        ValueRef::Pack(pack) => match Shape::of(pack) {
            Shape::List => 1,
            Shape::Set | Shape::Intset => 2,
            Shape::SortedSet => 3,
            Shape::Hash | Shape::HashTtl => 4,
        },
        ValueRef::Object(Value::List(_)) => 1,
        ValueRef::Object(Value::Set(_)) => 2,
        ValueRef::Object(Value::SortedSet(_)) => 3,
        ValueRef::Object(Value::Hash(_)) => 4,
        ValueRef::Object(Value::Stream(_)) => 6,
    }
}
