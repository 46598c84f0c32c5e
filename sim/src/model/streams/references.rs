//! XDELEX and XACKDEL: what becomes of pending entries when the entry is deleted.

use super::Stream;
use super::ids::{self, Id};
use crate::model::Answer;
use crate::model::call::{Call, SYNTAX, int};
use crate::model::reply::Reply;

/// What becomes of those that are pending.
#[derive(Clone, Copy, PartialEq)]
enum References {
    Keep,
    Delete,
    /// An entry stays until all groups have read and acknowledged it.
    Acked,
}

struct Request<'a> {
    references: References,
    ids: &'a [Vec<u8>],
}

impl<'a> Request<'a> {
    fn parse(call: &Call<'a>, mut at: usize) -> Result<Self, Vec<u8>> {
        let (mut references, mut ids, words) = (None, None, call.words);
        while at < words.len() {
            let said = match &call.lower(at)[..] {
                b"keepref" => References::Keep,
                b"delref" => References::Delete,
                b"acked" => References::Acked,
                b"ids" if at + 1 < words.len() => {
                    let count = int(&words[at + 1]).filter(|&count| count > 0);
                    let count = count.ok_or("ERR Number of IDs must be a positive integer")?;
                    let named = words[at + 2..].get(..usize::try_from(count).unwrap_or(usize::MAX));
                    let named = named
                        .ok_or("ERR The `numids` parameter must match the number of arguments")?;
                    at += 2 + named.len();
                    ids = Some(named);
                    continue;
                }
                _ => return Err(SYNTAX.into()),
            };
            if references.replace(said).is_some() {
                return Err(SYNTAX.into());
            }
            at += 1;
        }
        let ids = ids.ok_or(SYNTAX)?;
        Ok(Self { references: references.unwrap_or(References::Keep), ids })
    }

    /// The reply where there is nothing.
    fn nothing(&self) -> Reply {
        Reply::Array(self.ids.iter().map(|_| Reply::Int(-1)).collect())
    }
}

impl Stream {
    fn forget(&mut self, id: Id) {
        self.groups.values_mut().for_each(|group| drop(group.pending.remove(&id)));
    }

    /// Deletes an entry; what is told of it.
    fn delete_with(&mut self, id: Id, references: References) -> i64 {
        let is_held = |stream: &Self| {
            stream.groups.values().any(|it| it.last < id || it.pending.contains_key(&id))
        };
        if references == References::Delete {
            self.forget(id);
        }
        if !self.entries.contains_key(&id) {
            return -1;
        }
        if references == References::Acked && is_held(self) {
            return 2;
        }
        self.delete(id);
        1
    }
}

/// Does something to each ID; who watches the key or waits for it hears of what was deleted.
fn answer(call: &mut Call<'_>, ids: &[Id], mut each: impl FnMut(&mut Stream, Id) -> i64) -> Reply {
    let key = &call.words[1];
    let results: Vec<i64> =
        call.alter(key, |stream: &mut Stream| ids.iter().map(|&id| each(stream, id)).collect());
    if results.contains(&1) {
        call.keyspace.touch(*call.db, key);
    }
    Reply::Array(results.into_iter().map(Reply::Int).collect())
}

pub(super) fn xdelex(call: &mut Call<'_>) -> Answer {
    let request = Request::parse(call, 2)?;
    let key = &call.words[1];
    if !call.is_there::<Stream>(key)? {
        return Ok(request.nothing());
    }
    let ids = ids::ids(request.ids)?;
    Ok(answer(call, &ids, |stream, id| stream.delete_with(id, request.references)))
}

pub(super) fn xackdel(call: &mut Call<'_>) -> Answer {
    let request = Request::parse(call, 3)?;
    let (key, name) = (&call.words[1], &call.words[2]);
    let stream = call.read::<Stream>(key)?;
    if !stream.is_some_and(|stream| stream.groups.contains_key(name)) {
        return Ok(request.nothing());
    }
    let ids = ids::ids(request.ids)?;
    Ok(answer(call, &ids, |stream, id| {
        let group = stream.groups.get_mut(name).expect("it was looked at");
        if group.pending.remove(&id).is_none() {
            return -1;
        }
        // It was pending, though nothing may be left of it.
        stream.delete_with(id, request.references).abs()
    }))
}
