//! Replay: the effects log, fed into an empty core without a clock, gives the same keyspace.
//!
//! The second core stands at the beginning of 1970, so that no deadline ever passes there: what
//! expired must be in the log. Values are compared as text and deadlines exactly.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use seedis_core::keyspace::{Db, Entry, ValueRef};
use seedis_core::value::Value as Held;
use seedis_core::value::listpack::Element;
use seedis_core::value::pack::Shape;
use seedis_core::value::stream::group::ConsumerGroup;
use seedis_core::value::stream::id::StreamId;
use seedis_core::value::walk::{Part, walk_pack};
use seedis_core::{Config, ConnId, Core, Now, Peer};

use crate::commands;
use crate::model::{Group, Id, Pending, Seen, Stream, Value};

/// A keyspace as a map: (database, key) to value and deadline.
pub type Dump = BTreeMap<(usize, Vec<u8>), (Value, Option<u64>)>;

/// Everything that a core holds.
#[must_use]
pub fn dump(core: &Core) -> Dump {
    let mut all = Dump::new();
    for (number, db) in core.databases().numbered() {
        add(&mut all, number, db);
    }
    all
}

fn add(all: &mut Dump, number: usize, db: &Db) {
    for entry in db.iter() {
        all.insert((number, entry.key().to_vec()), (value_of(&entry), entry.expire_at_ms()));
    }
}

/// Whether a key holds a hash some of whose fields have deadlines.
#[must_use]
pub fn has_timed_fields(entry: &Entry<'_>) -> bool {
    let may_have = match entry.value() {
        ValueRef::Pack(bytes) => matches!(Shape::of(bytes), Shape::Hash | Shape::HashTtl),
        ValueRef::Object(held) => held.type_name() == "hash",
        ValueRef::String(_) | ValueRef::Int(_) => false,
    };
    may_have && value_of(entry).has_deadlines()
}

/// What a key holds, as the model has it.
fn value_of(entry: &Entry<'_>) -> Value {
    match entry.value() {
        ValueRef::String(bytes) => Value::String(bytes.to_vec()),
        ValueRef::Int(number) => Value::String(number.to_string().into_bytes()),
        ValueRef::Object(Held::String(bytes)) => Value::String(bytes.to_vec()),
        ValueRef::Pack(bytes) => {
            let mut value = empty(match Shape::of(bytes) {
                Shape::List => "list",
                Shape::Set | Shape::Intset => "set",
                Shape::Hash | Shape::HashTtl => "hash",
                Shape::SortedSet => "zset",
            });
            walk_pack(bytes, &mut |part| add_part(&mut value, &part));
            value
        }
        ValueRef::Object(Held::Stream(stream)) => Value::Stream(stream_of(stream)),
        ValueRef::Object(held) => {
            let mut value = empty(held.type_name());
            match (&mut value, held.walk(true)) {
                (Value::Opaque(_, digest), _) => *digest = entry.value_digest().to_vec(),
                (value, Some((mut walk, _))) => {
                    while walk.step(&mut |part| add_part(value, &part)) {}
                }
                _ => {}
            }
            value
        }
    }
}

fn stream_of(stream: &seedis_core::value::Stream) -> Stream {
    let figures = stream.figures();
    let entries = stream.iter_from(StreamId::MIN).map(|entry| {
        let words = entry.pairs().flat_map(|(field, value)| [text(field), text(value)]);
        (id_of(entry.id), words.collect())
    });
    Stream {
        entries: entries.collect(),
        last: id_of(figures.last_id),
        max_deleted: id_of(figures.max_deleted_id),
        added: figures.entries_added,
        groups: stream.groups().map(|(name, group)| (name.to_vec(), group_of(group))).collect(),
    }
}

fn text(element: Element<'_>) -> Vec<u8> {
    match element {
        Element::Int(number) => number.to_string().into_bytes(),
        Element::Text(text) => text.to_vec(),
    }
}

fn group_of(group: &ConsumerGroup) -> Group {
    let name = |number| group.consumer(number).map(|consumer| consumer.name().to_vec());
    let pending = group.pending().iter().map(|it| {
        let consumer = name(it.consumer).unwrap_or_default();
        let (delivered_ms, deliveries) = (it.delivered_at_ms, it.deliveries);
        (id_of(it.id), Pending { consumer, delivered_ms, deliveries })
    });
    let consumers = group.consumers().map(|(_, it)| {
        (it.name().to_vec(), Seen { seen_ms: it.seen_at_ms, active_ms: it.active_at_ms })
    });
    Group {
        last: id_of(group.last_id),
        read: group.entries_read,
        pending: pending.collect(),
        consumers: consumers.collect(),
    }
}

fn id_of(id: StreamId) -> Id {
    (id.ms, id.seq)
}

/// Nothing yet, of a type by its name.
fn empty(type_name: &'static str) -> Value {
    match type_name {
        "list" => Value::List(VecDeque::new()),
        "hash" => Value::Hash(BTreeMap::new()),
        "set" => Value::Set(BTreeSet::new()),
        "zset" => Value::SortedSet(BTreeMap::new()),
        other => Value::Opaque(other, Vec::new()),
    }
}

fn add_part(value: &mut Value, part: &Part<'_>) {
    match (value, part) {
        (Value::List(list), Part::Text(element)) => list.push_back(element.to_vec()),
        (Value::List(list), Part::Chunk(chunk)) => {
            list.extend(chunk.iter().map(|(_, element)| text(element)));
        }
        (Value::Set(set), Part::Text(member)) => drop(set.insert(member.to_vec())),
        (Value::Hash(hash), &Part::Field(field, value, deadline)) => {
            hash.insert(field.to_vec(), (value.to_vec(), deadline));
        }
        (Value::SortedSet(set), &Part::Scored(member, score)) => {
            set.insert(member.to_vec(), score);
        }
        (value, part) => unreachable!("{value:?} has no {part:?}"),
    }
}

/// Feeds a log into an empty core.
///
/// # Panics
///
/// When the log is not consumed to its end: it does not end with a whole command.
#[must_use]
pub fn replay(log: &[u8]) -> Core {
    let mut core = commands::server(Config::default(), [0; 32]);
    let conn = ConnId { slot: 0, generation: 0 };
    let mut turn = core.turn(Now { mono_ns: 1, wall_us: 0 });
    let peer = Peer { addr: "".into(), laddr: "".into(), is_local: true, is_unix: false, fd: 0 };
    turn.accept(conn, peer);
    let mut at = 0;
    while at < log.len() {
        let fed = turn.feed(conn, &log[at..]);
        assert!(fed.consumed > 0, "the log ends inside a command at {at}");
        at += fed.consumed;
    }
    turn.seal();
    core
}
