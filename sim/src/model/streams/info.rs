//! XINFO: what a stream, its groups and their consumers are.
//!
//! How many nodes there are is not the model's to know.

use super::groups::no_such_group;
use super::ids::{self, FIRST, Id};
use super::{Group, Pending, Seen, Stream, entry_of, wrong_words};
use crate::model::Answer;
use crate::model::call::Call;
use crate::model::reply::Reply;

fn find<'a>(call: &'a mut Call<'_>) -> Result<&'a Stream, Vec<u8>> {
    let key = &call.words[2];
    call.read::<Stream>(key)?.ok_or_else(|| "ERR no such key".into())
}

fn map<const N: usize>(pairs: [(&str, Reply); N]) -> Reply {
    let pairs = pairs.into_iter().map(|(name, value)| (Reply::Bulk(name.into()), value));
    Reply::Map(pairs.collect())
}

fn array(replies: impl Iterator<Item = Reply>) -> Reply {
    Reply::Array(replies.collect())
}

/// How many of all FULL shows; nothing without FULL.
fn full(call: &Call<'_>) -> Result<Option<usize>, Vec<u8>> {
    let is = |at: usize, word: &[u8]| call.lower(at) == word;
    match call.words.len() {
        3 => Ok(None),
        4 if is(3, b"full") => Ok(Some(10)),
        6 if is(3, b"full") && is(4, b"count") => Ok(Some(match call.int(5)? {
            0 => usize::MAX,
            count => usize::try_from(count).unwrap_or(10),
        })),
        _ => Err(wrong_words(call)),
    }
}

pub(super) fn stream(call: &mut Call<'_>) -> Answer {
    find(call)?;
    let full = full(call)?;
    let stream = find(call)?;
    let len = stream.entries.len() as i64;
    let mut told = vec![
        ("length", Reply::Int(len)),
        ("radix-tree-keys", Reply::Between(i64::from(len > 0), len)),
        ("radix-tree-nodes", Reply::Between(i64::from(len > 0) + 1, len + 1)),
        ("last-generated-id", ids::reply(stream.last)),
        ("max-deleted-entry-id", ids::reply(stream.max_deleted)),
        ("entries-added", Reply::Int(stream.added as i64)),
        ("recorded-first-entry-id", ids::reply(stream.first())),
    ];
    let edge = |entry: Option<_>| entry.map_or(Reply::Null, entry_of);
    match full {
        Some(count) => {
            let groups = stream.groups.iter().map(|it| group_in_full(stream, it, count));
            told.push(("entries", array(stream.entries.iter().take(count).map(entry_of))));
            told.push(("groups", array(groups)));
        }
        None => {
            told.push(("groups", stream.groups.len().into()));
            told.push(("first-entry", edge(stream.entries.iter().next())));
            told.push(("last-entry", edge(stream.entries.iter().next_back())));
        }
    }
    let told = told.into_iter().map(|(name, value)| (Reply::Bulk(name.into()), value));
    Ok(Reply::Map(told.collect()))
}

fn or_null(number: Option<i64>) -> Reply {
    number.map_or(Reply::Null, Reply::Int)
}

fn group_in_full(stream: &Stream, (name, group): (&Vec<u8>, &Group), count: usize) -> Reply {
    let pending = group.pending.iter().take(count).map(|(&id, it)| delivered(id, it, true));
    let consumers = group.consumers.iter().map(|it| consumer_in_full(group, it, count));
    map([
        ("name", Reply::Bulk(name.clone())),
        ("last-delivered-id", ids::reply(group.last)),
        ("entries-read", or_null(group.read.map(|read| read as i64))),
        ("lag", or_null(stream.lag(group))),
        ("pel-count", group.pending.len().into()),
        ("pending", array(pending)),
        ("consumers", array(consumers)),
    ])
}

fn delivered(id: Id, pending: &Pending, with_consumer: bool) -> Reply {
    let consumer = with_consumer.then(|| Reply::Bulk(pending.consumer.clone()));
    let times = [pending.delivered_ms, pending.deliveries as i64].map(Reply::Int);
    array([ids::reply(id)].into_iter().chain(consumer).chain(times))
}

fn consumer_in_full(group: &Group, (name, seen): (&Vec<u8>, &Seen), count: usize) -> Reply {
    let own = || group.own(name, FIRST);
    map([
        ("name", Reply::Bulk(name.clone())),
        ("seen-time", Reply::Int(seen.seen_ms)),
        ("active-time", Reply::Int(seen.active_ms.unwrap_or(-1))),
        ("pel-count", own().count().into()),
        ("pending", array(own().take(count).map(|(id, it)| delivered(id, it, false)))),
    ])
}

pub(super) fn groups(call: &mut Call<'_>) -> Answer {
    let stream = find(call)?;
    Ok(array(stream.groups.iter().map(|(name, group)| {
        map([
            ("name", Reply::Bulk(name.clone())),
            ("consumers", group.consumers.len().into()),
            ("pending", group.pending.len().into()),
            ("last-delivered-id", ids::reply(group.last)),
            ("entries-read", or_null(group.read.map(|read| read as i64))),
            ("lag", or_null(stream.lag(group))),
        ])
    })))
}

pub(super) fn consumers(call: &mut Call<'_>) -> Answer {
    let (key, name, now_ms) = (&call.words[2], &call.words[3], call.now_ms);
    let group = find(call)?.groups.get(name).ok_or_else(|| no_such_group(name, key))?;
    let since = |at_ms: i64| (now_ms - at_ms).max(0);
    Ok(array(group.consumers.iter().map(|(name, seen)| {
        map([
            ("name", Reply::Bulk(name.clone())),
            ("pending", group.own(name, FIRST).count().into()),
            ("idle", Reply::Int(since(seen.seen_ms))),
            ("inactive", Reply::Int(seen.active_ms.map_or(-1, since))),
        ])
    })))
}
