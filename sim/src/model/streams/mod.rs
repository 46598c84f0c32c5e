//! Streams: their entries. Groups, and what is pending in them, are beside.
//!
//! How much XADD trims when it may trim about so much depends on how entries lie in nodes, which
//! is nothing that a model should know: what it trimmed stands in the log of the turn. The model
//! believes it as long as it is no more than was asked for. Of XTRIM the log tells only when
//! something was deleted, so there the model is lost, and the workload does not say it.

mod claim;
mod groups;
mod ids;
mod info;
mod pending;
mod read;
mod references;
mod value;

#[cfg(test)]
mod tests;

pub use ids::Id;
pub use value::{Group, Pending, Seen, Stream};

use std::collections::BTreeMap;

use super::call::{Call, SYNTAX, quoted};
use super::reply::{OK, Reply};
use super::{Answer, Family, Words};
use ids::{FIRST, LAST, Wish, id};

pub(super) const FAMILY: Family = Family {
    reads: &[
        ("xlen", 2, |call| {
            let key = &call.words[1];
            Ok(call.read::<Stream>(key)?.map_or(0, |stream| stream.entries.len()).into())
        }),
        ("xrange", -4, |call| range(call, false)),
        ("xrevrange", -4, |call| range(call, true)),
        ("xread", -4, read::xread),
        ("xpending", -3, pending::xpending),
        ("xinfo|stream", -3, info::stream),
        ("xinfo|groups", 3, info::groups),
        ("xinfo|consumers", 4, info::consumers),
        ("xinfo|help", 2, |_| Ok(Reply::Any)),
        ("xgroup|help", 2, |_| Ok(Reply::Any)),
    ],
    writes: &[
        ("xadd", -5, xadd),
        ("xtrim", -4, xtrim),
        ("xdel", -3, xdel),
        ("xdelex", -5, references::xdelex),
        ("xackdel", -6, references::xackdel),
        ("xsetid", -3, xsetid),
        ("xgroup|create", -5, groups::create),
        ("xgroup|setid", -5, groups::set_id),
        ("xgroup|destroy", 4, groups::destroy),
        ("xgroup|createconsumer", 5, groups::create_consumer),
        ("xgroup|delconsumer", 5, groups::delete_consumer),
        ("xreadgroup", -7, read::xreadgroup),
        ("xack", -4, pending::xack),
        ("xclaim", -6, claim::xclaim),
        ("xautoclaim", -6, claim::xautoclaim),
    ],
};

/// Commands that have subcommands.
pub(super) fn is_container(name: &[u8]) -> bool {
    matches!(name, b"xgroup" | b"xinfo")
}

/// The refusal of a container with a word that is no subcommand, or without any.
pub(super) fn no_subcommand(words: &[Vec<u8>]) -> Vec<u8> {
    let name = String::from_utf8_lossy(&words[0]);
    let Some(word) = words.get(1) else {
        let name = name.to_lowercase();
        return format!("ERR wrong number of arguments for '{name}' command").into();
    };
    let behind = format!("'. Try {} HELP.", name.to_uppercase());
    let word = quoted(&word[..word.len().min(128)]);
    [&b"ERR unknown subcommand '"[..], &word, behind.as_bytes()].concat()
}

/// The refusal of words that a subcommand does not take.
fn wrong_words(call: &Call<'_>) -> Vec<u8> {
    let behind = format!("'. Try {} HELP.", String::from_utf8_lossy(&call.words[0]).to_uppercase());
    let word = &call.words[1];
    let before = &b"ERR unknown subcommand or wrong number of arguments for '"[..];
    [before, &quoted(&word[..word.len().min(128)]), behind.as_bytes()].concat()
}

/// What is kept of a stream.
#[derive(Clone, Copy, Debug)]
enum Keep {
    Last(usize),
    From(Id),
}

impl Keep {
    /// How many entries are too many.
    fn count(self, entries: &BTreeMap<Id, Vec<Vec<u8>>>) -> usize {
        match self {
            Self::Last(most) => entries.len().saturating_sub(most),
            Self::From(id) => entries.range(..id).count(),
        }
    }

    /// What an option says; the threshold stands at `at`.
    fn parse(call: &Call<'_>, is_length: bool, at: usize) -> Result<Self, Vec<u8>> {
        if !is_length {
            return Ok(Self::From(id(&call.words[at])?));
        }
        call.int(at)?;
        Ok(Self::Last(call.at_least(at, 0, "ERR The MAXLEN argument must be >= 0.")?))
    }
}

/// The options of XADD in front of the ID, and it; or those of XTRIM.
#[derive(Default)]
struct Options {
    keep: Option<Keep>,
    is_about: bool,
    limit: Option<usize>,
    makes_none: bool,
    wish: Wish,
    /// Where they end: behind the ID.
    end: usize,
}

impl Options {
    fn parse(call: &Call<'_>, is_xadd: bool) -> Result<Self, Vec<u8>> {
        let (mut options, mut at, len) = (Self::default(), 2, call.words.len());
        while at < len {
            let has_more = at + 1 < len;
            match &call.lower(at)[..] {
                b"*" if is_xadd => break,
                name @ (b"maxlen" | b"minid") if has_more => {
                    at = options.parse_trim(call, name == b"maxlen", at)?;
                }
                b"limit" if has_more => {
                    call.int(at + 1)?;
                    let limit = call.at_least(at + 1, 0, "ERR The LIMIT argument must be >= 0.")?;
                    options.limit = Some(limit);
                    at += 1;
                }
                b"nomkstream" if is_xadd => options.makes_none = true,
                _ if is_xadd => {
                    options.wish = ids::wish(&call.words[at])?;
                    break;
                }
                _ => return Err(SYNTAX.into()),
            }
            at += 1;
        }
        options.end = at + 1;
        options.check(is_xadd)?;
        Ok(options)
    }

    /// Where the threshold stands.
    fn parse_trim(
        &mut self,
        call: &Call<'_>,
        is_length: bool,
        at: usize,
    ) -> Result<usize, Vec<u8>> {
        if self.keep.is_some() {
            return Err("ERR syntax error, MAXLEN and MINID options at the same time are not \
                        compatible"
                .into());
        }
        let sign = Some(&call.words[at + 1][..]).filter(|_| at + 2 < call.words.len());
        self.is_about = sign == Some(b"~");
        let threshold = at + 1 + usize::from(matches!(sign, Some(b"~" | b"=")));
        self.keep = Some(Keep::parse(call, is_length, threshold)?);
        Ok(threshold)
    }

    fn check(&self, is_xadd: bool) -> Result<(), Vec<u8>> {
        let wrong = match (self.keep, self.limit) {
            (None, Some(1..)) => "LIMIT cannot be used without specifying a trimming strategy",
            (None, _) if !is_xadd => "XTRIM must be called with a trimming strategy",
            (_, Some(_)) if !self.is_about => "LIMIT cannot be used without the special ~ option",
            _ => return Ok(()),
        };
        Err(format!("ERR syntax error, {wrong}").into())
    }

    /// How many entries go, at most where it is only about.
    fn trimmed(&self, stream: &Stream) -> usize {
        let count = self.keep.map_or(0, |keep| keep.count(&stream.entries));
        match self.limit {
            Some(limit @ 1..) if self.is_about => count.min(limit),
            _ => count,
        }
    }
}

/// The ID that an entry gets behind `last`, if it may have it.
fn resolve((ms, seq): Wish, last: Id, now_ms: i64) -> Option<Id> {
    let id = match (ms, seq) {
        (Some(ms), Some(seq)) => (ms, seq),
        (Some(ms), None) if ms == last.0 => (ms, last.1.checked_add(1)?),
        (Some(ms), None) => (ms, 0),
        (None, _) => match u64::try_from(now_ms).unwrap_or(0) {
            ms if ms > last.0 => (ms, 0),
            _ => ids::next(last)?,
        },
    };
    (id > last).then_some(id)
}

fn xadd(call: &mut Call<'_>) -> Answer {
    let options = Options::parse(call, true)?;
    let (words, key) = (call.words, &call.words[1]);
    let fields = words.get(options.end..).unwrap_or_default();
    if fields.is_empty() || fields.len() % 2 == 1 {
        return Err(call.arity());
    }
    if options.wish == (Some(0), Some(0)) {
        return Err("ERR The ID specified in XADD must be greater than 0-0".into());
    }
    let last = match call.read::<Stream>(key)? {
        None if options.makes_none => return Ok(Reply::Null),
        None => FIRST,
        Some(stream) => stream.last,
    };
    if last == LAST {
        return Err(
            "ERR The stream has exhausted the last possible ID, unable to add more items".into()
        );
    }
    let id = resolve(options.wish, last, call.now_ms).ok_or(
        "ERR The ID specified in XADD is equal or smaller than the target stream top item",
    )?;
    let logged = call.logged.next_addition(options.is_about);
    let known = logged.as_ref().and_then(kept);
    let is_known = call.change(key, |stream: &mut Stream| {
        stream.add(id, fields);
        let most = options.trimmed(stream);
        let count = known.map_or(most, |kept| kept.count(&stream.entries).min(most));
        stream.trim(count);
        most == 0 || known.is_some() || !options.is_about
    });
    Ok(if is_known { ids::reply(id) } else { Reply::Lost })
}

/// What was kept by an XADD that was logged.
fn kept(words: &Words) -> Option<Keep> {
    let threshold = words.get(4)?;
    match &words[2].to_ascii_lowercase()[..] {
        b"maxlen" => std::str::from_utf8(threshold).ok()?.parse().ok().map(Keep::Last),
        b"minid" => ids::strict(threshold, 0).map(Keep::From),
        _ => None,
    }
}

fn xtrim(call: &mut Call<'_>) -> Answer {
    let options = Options::parse(call, false)?;
    let key = &call.words[1];
    let Some(stream) = call.read::<Stream>(key)? else { return Ok(Reply::Int(0)) };
    let count = options.trimmed(stream);
    if count > 0 && options.is_about {
        return Ok(Reply::Lost);
    }
    if count > 0 {
        call.change(key, |stream: &mut Stream| stream.trim(count));
    }
    Ok(count.into())
}

fn xdel(call: &mut Call<'_>) -> Answer {
    let (words, key) = (call.words, &call.words[1]);
    let Some(stream) = call.read::<Stream>(key)? else { return Ok(Reply::Int(0)) };
    let ids = ids::ids(&words[2..])?;
    if !ids.iter().any(|id| stream.entries.contains_key(id)) {
        return Ok(Reply::Int(0));
    }
    let delete = |stream: &mut Stream| ids.iter().filter(|&&id| stream.delete(id)).count();
    Ok(call.change(key, delete).into())
}

fn xsetid(call: &mut Call<'_>) -> Answer {
    let (words, key) = (call.words, &call.words[1]);
    let last = id(&words[2])?;
    let (mut added, mut deleted) = (None, FIRST);
    for at in (3..words.len()).step_by(2) {
        let has_more = at + 1 < words.len();
        match &call.lower(at)[..] {
            b"entriesadded" if has_more => {
                call.int(at + 1)?;
                added = Some(call.at_least(at + 1, 0, "ERR entries_added must be positive")?);
            }
            b"maxdeletedid" if has_more => deleted = id(&words[at + 1])?,
            _ => return Err(SYNTAX.into()),
        }
        if last < deleted {
            return Err(smaller("the provided max_deleted_entry_id"));
        }
    }
    let stream = call.read::<Stream>(key)?.ok_or("ERR no such key")?;
    if last < stream.max_deleted {
        return Err(smaller("current max_deleted_entry_id"));
    }
    if last < stream.top() {
        return Err(smaller("the target stream top item"));
    }
    if added.is_some_and(|added| added < stream.entries.len()) {
        return Err("ERR The entries_added specified in XSETID is smaller than the target stream \
                    length"
            .into());
    }
    call.alter(key, |stream: &mut Stream| {
        stream.last = last;
        stream.added = added.map_or(stream.added, |added| added as u64);
        stream.max_deleted = if deleted == FIRST { stream.max_deleted } else { deleted };
    });
    Ok(OK)
}

fn smaller(than: &str) -> Vec<u8> {
    format!("ERR The ID specified in XSETID is smaller than {than}").into()
}

/// An entry: its ID, fields and values by turns.
fn entry(id: Id, fields: &[Vec<u8>]) -> Reply {
    let fields = fields.iter().cloned().map(Reply::Bulk).collect();
    Reply::Array(vec![ids::reply(id), Reply::Array(fields)])
}

fn entry_of((&id, fields): (&Id, &Vec<Vec<u8>>)) -> Reply {
    entry(id, fields)
}

fn range(call: &mut Call<'_>, is_reverse: bool) -> Answer {
    let (words, key) = (call.words, &call.words[1]);
    let (first, last) = if is_reverse { (3, 2) } else { (2, 3) };
    let (start, end) = (ids::start(&words[first])?, ids::end(&words[last])?);
    let mut count = None;
    for at in (4..words.len()).step_by(2) {
        if at + 1 == words.len() || call.lower(at) != b"count" {
            return Err(SYNTAX.into());
        }
        count = Some(call.int(at + 1)?);
    }
    let Some(stream) = call.read::<Stream>(key)? else { return Ok(Reply::Array(Vec::new())) };
    if count.is_some_and(|count| count <= 0) {
        return Ok(Reply::NullArray);
    }
    if start > end {
        return Ok(Reply::Array(Vec::new()));
    }
    let (count, all) =
        (count.map_or(usize::MAX, |it| it as usize), stream.entries.range(start..=end));
    Ok(Reply::Array(match is_reverse {
        true => all.rev().take(count).map(entry_of).collect(),
        false => all.take(count).map(entry_of).collect(),
    }))
}
