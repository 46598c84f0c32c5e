//! Keys of any type.

use super::call::{Call, SYNTAX};
use super::reply::{OK, Reply};
use super::{Answer, Family};

pub(super) const FAMILY: Family = Family {
    reads: &[
        ("exists", -2, count),
        ("touch", -2, count),
        ("type", 2, |call| {
            Ok(Reply::Simple(call.first().map_or("none", |entry| entry.value.type_name())))
        }),
    ],
    writes: &[
        ("del", -2, delete),
        ("unlink", -2, delete),
        ("rename", 3, |call| rename(call, false)),
        ("renamenx", 3, |call| rename(call, true)),
        ("copy", -3, copy),
        ("move", 3, move_key),
    ],
};

const SAME: &str = "ERR source and destination objects are the same";

fn delete(call: &mut Call<'_>) -> Answer {
    let mut deleted = 0_i64;
    for key in &call.words[1..] {
        if call.meet(key).is_some() {
            call.remove(key);
            deleted += 1;
        }
    }
    Ok(deleted.into())
}

fn count(call: &mut Call<'_>) -> Answer {
    let keys = &call.words[1..];
    Ok(keys.iter().filter(|key| call.meet(key).is_some()).count().into())
}

fn rename(call: &mut Call<'_>, only_if_free: bool) -> Answer {
    let Some(entry) = call.first().cloned() else { return Err("ERR no such key".into()) };
    let (from, to) = (call.word(1), call.word(2));
    let is_refused = only_if_free && (from == to || call.meet(&to).is_some());
    if !is_refused && from != to {
        call.meet(&to);
        call.remove(&from);
        call.put(&to, entry);
    }
    Ok(if only_if_free { (!is_refused).into() } else { OK })
}

fn copy(call: &mut Call<'_>) -> Answer {
    let (mut db, mut replaces) = (*call.db, false);
    let mut at = 3;
    while at < call.words.len() {
        match &call.lower(at)[..] {
            b"replace" => replaces = true,
            b"db" if at + 1 < call.words.len() => {
                at += 1;
                db = call.db_number(at)?;
            }
            _ => return Err(SYNTAX.into()),
        }
        at += 1;
    }
    if db == *call.db && call.words[1] == call.words[2] {
        return Err(SAME.into());
    }
    let Some(entry) = call.first().cloned() else { return Ok(Reply::Int(0)) };
    let is_free = call.keyspace.meet(db, &call.words[2], call.now_ms).is_none();
    if is_free || replaces {
        call.keyspace.put(db, &call.words[2], entry);
    }
    Ok((is_free || replaces).into())
}

fn move_key(call: &mut Call<'_>) -> Answer {
    let db = call.db_number(2)?;
    if db == *call.db {
        return Err(SAME.into());
    }
    let Some(entry) = call.first().cloned() else { return Ok(Reply::Int(0)) };
    let is_free = call.keyspace.meet(db, &call.words[1], call.now_ms).is_none();
    if is_free {
        call.remove(&call.words[1]);
        call.keyspace.put(db, &call.words[1], entry);
    }
    Ok(is_free.into())
}
