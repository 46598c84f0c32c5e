//! XGROUP: groups and their consumers.

use super::ids;
use super::{Group, Seen, Stream, wrong_words};
use crate::model::Answer;
use crate::model::call::{Call, quoted};
use crate::model::reply::{OK, Reply};

const NO_KEY: &str = "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE \
                      you may want to use the MKSTREAM option to create an empty stream \
                      automatically.";

/// The refusal when a stream has no such group.
pub(super) fn no_such_group(group: &[u8], key: &[u8]) -> Vec<u8> {
    let before = &b"NOGROUP No such consumer group '"[..];
    [before, &quoted(group), b"' for key name '", &quoted(key), b"'"].concat()
}

/// The same where the key need not be there either.
pub(super) fn no_group(key: &[u8], group: &[u8], behind: &str) -> Vec<u8> {
    let before = &b"NOGROUP No such key '"[..];
    let between = b"' or consumer group '";
    [before, &quoted(key), between, &quoted(group), b"'", behind.as_bytes()].concat()
}

/// MKSTREAM, and what ENTRIESREAD says.
fn options(call: &Call<'_>, is_create: bool) -> Result<(bool, Option<u64>), Vec<u8>> {
    let (mut makes, mut read, mut at) = (false, None, 5);
    while at < call.words.len() {
        match &call.lower(at)[..] {
            b"mkstream" if is_create => makes = true,
            b"entriesread" if at + 1 < call.words.len() => {
                let number = call.int(at + 1)?;
                if number < -1 {
                    return Err("ERR value for ENTRIESREAD must be positive or -1".into());
                }
                read = u64::try_from(number).ok();
                at += 1;
            }
            _ => return Err(wrong_words(call)),
        }
        at += 1;
    }
    Ok((makes, read))
}

pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let (makes, read) = options(call, true)?;
    let words = call.words;
    let (key, name) = (&words[2], &words[3]);
    let stream = call.read::<Stream>(key)?;
    let last = stream.map(|stream| stream.last);
    let is_there = stream.is_some_and(|stream| stream.groups.contains_key(name));
    if last.is_none() && !makes {
        return Err(NO_KEY.into());
    }
    if words.len() > 8 {
        return Err(wrong_words(call));
    }
    let from = match &words[4][..] {
        b"$" => last.unwrap_or_default(),
        word => ids::id(word)?,
    };
    if is_there {
        return Err("BUSYGROUP Consumer Group name already exists".into());
    }
    let group = Group { last: from, read, ..Group::default() };
    let add = |stream: &mut Stream| drop(stream.groups.insert(name.clone(), group));
    // Who waits for the key, or watches it, hears of a new one only.
    if last.is_none() {
        call.change(key, add)
    } else {
        call.alter(key, add)
    }
    Ok(OK)
}

/// The stream of a subcommand that needs its group.
fn stream<'a>(call: &'a mut Call<'_>) -> Result<(&'a Stream, &'a Group), Vec<u8>> {
    let (key, name) = (&call.words[2], &call.words[3]);
    let stream = call.read::<Stream>(key)?.ok_or(NO_KEY)?;
    let group = stream.groups.get(name).ok_or_else(|| no_such_group(name, key))?;
    Ok((stream, group))
}

fn change<R>(call: &mut Call<'_>, change: impl FnOnce(&mut Group) -> R) -> R {
    let (key, name) = (&call.words[2], &call.words[3]);
    call.alter(key, |stream: &mut Stream| {
        change(stream.groups.get_mut(name).expect("it was looked at"))
    })
}

pub(super) fn set_id(call: &mut Call<'_>) -> Answer {
    let (_, read) = options(call, false)?;
    let last = stream(call)?.0.last;
    if call.words.len() > 7 {
        return Err(wrong_words(call));
    }
    let from = match &call.words[4][..] {
        b"$" => last,
        word => ids::loose(word, 0)?,
    };
    change(call, |group| (group.last, group.read) = (from, read));
    Ok(OK)
}

pub(super) fn destroy(call: &mut Call<'_>) -> Answer {
    let (key, name) = (&call.words[2], &call.words[3]);
    let stream = call.read::<Stream>(key)?.ok_or(NO_KEY)?;
    let is_there = stream.groups.contains_key(name);
    if is_there {
        call.alter(key, |stream: &mut Stream| drop(stream.groups.remove(name)));
        // Who waits for its entries is told.
        call.keyspace.wake(*call.db, key);
    }
    Ok(is_there.into())
}

pub(super) fn create_consumer(call: &mut Call<'_>) -> Answer {
    let name = &call.words[4];
    let is_new = !stream(call)?.1.consumers.contains_key(name);
    if is_new {
        let seen = Seen { seen_ms: call.now_ms, active_ms: None };
        change(call, |group| group.consumers.insert(name.clone(), seen));
    }
    Ok(is_new.into())
}

pub(super) fn delete_consumer(call: &mut Call<'_>) -> Answer {
    stream(call)?;
    let name = call.word(4);
    let ended = change(call, |group| {
        let before = group.pending.len();
        group.pending.retain(|_, pending| pending.consumer != name);
        group.consumers.remove(&name);
        before - group.pending.len()
    });
    Ok(Reply::from(ended))
}
