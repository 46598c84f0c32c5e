//! Lists.

use super::call::{Call, NOT_INTEGER, NOT_POSITIVE, SYNTAX, int};
use super::reply::{OK, Reply};
use super::value::List;
use super::{Answer, Family};

pub(super) const FAMILY: Family = Family {
    reads: &[
        ("llen", 2, |call| {
            let key = &call.words[1];
            Ok(call.read::<List>(key)?.map_or(0, List::len).into())
        }),
        ("lindex", 3, lindex),
        ("lrange", 4, lrange),
        ("lpos", -3, lpos),
    ],
    writes: &[
        ("lpush", -3, |call| push(call, End::Left, false)),
        ("rpush", -3, |call| push(call, End::Right, false)),
        ("lpushx", -3, |call| push(call, End::Left, true)),
        ("rpushx", -3, |call| push(call, End::Right, true)),
        ("lpop", -2, |call| pop(call, End::Left)),
        ("rpop", -2, |call| pop(call, End::Right)),
        ("lset", 4, lset),
        ("linsert", 5, linsert),
        ("lrem", 4, lrem),
        ("ltrim", 4, ltrim),
        ("lmove", 5, |call| {
            let (from, to) = (end(call, 3)?, end(call, 4)?);
            Ok(transfer(call, from, to)?.unwrap_or(Reply::Null))
        }),
        ("rpoplpush", 3, |call| Ok(transfer(call, End::Right, End::Left)?.unwrap_or(Reply::Null))),
        ("lmpop", -4, |call| {
            let wanted = Popped::parse(call, 1)?;
            Ok(wanted.pop(call)?.unwrap_or(Reply::NullArray))
        }),
        ("blpop", -3, |call| blocking_pop(call, End::Left)),
        ("brpop", -3, |call| blocking_pop(call, End::Right)),
        ("blmove", 6, |call| {
            let (from, to) = (end(call, 3)?, end(call, 4)?);
            blocking_transfer(call, from, to, 5)
        }),
        ("brpoplpush", 4, |call| blocking_transfer(call, End::Right, End::Left, 3)),
        ("blmpop", -5, blmpop),
    ],
};

#[derive(Clone, Copy, PartialEq)]
enum End {
    Left,
    Right,
}

fn end(call: &Call<'_>, at: usize) -> Result<End, Vec<u8>> {
    match &call.lower(at)[..] {
        b"left" => Ok(End::Left),
        b"right" => Ok(End::Right),
        _ => Err(SYNTAX.into()),
    }
}

fn take(list: &mut List, end: End) -> Option<Vec<u8>> {
    if end == End::Left { list.pop_front() } else { list.pop_back() }
}

fn add(list: &mut List, end: End, element: Vec<u8>) {
    if end == End::Left { list.push_front(element) } else { list.push_back(element) }
}

/// Takes so many elements of a list that is there.
fn take_some(call: &mut Call<'_>, key: &[u8], end: End, count: usize) -> Vec<Reply> {
    call.change(key, |list: &mut List| {
        let count = count.min(list.len());
        (0..count).filter_map(|_| take(list, end)).map(Reply::Bulk).collect()
    })
}

/// First and last place of a range that may count from the end; none when it is empty.
pub(super) fn ranks(start: i64, stop: i64, len: usize) -> Option<(usize, usize)> {
    let from_start = |at: i64| i128::from(at) + if at < 0 { len as i128 } else { 0 };
    let (start, stop) = (from_start(start).max(0), from_start(stop).min(len as i128 - 1));
    (start <= stop).then_some((start as usize, stop as usize))
}

/// The place of an index that may count from the end.
fn place(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(len as i64)? } else { index };
    usize::try_from(index).ok().filter(|&at| at < len)
}

fn push(call: &mut Call<'_>, end: End, must_exist: bool) -> Answer {
    let words = call.words;
    if !call.is_there::<List>(&words[1])? && must_exist {
        return Ok(Reply::Int(0));
    }
    let len = call.change(&words[1], |list: &mut List| {
        words[2..].iter().for_each(|element| add(list, end, element.clone()));
        list.len()
    });
    Ok(len.into())
}

fn pop(call: &mut Call<'_>, end: End) -> Answer {
    let key = &call.words[1];
    if call.words.len() > 3 {
        return Err(call.arity());
    }
    let count = match call.words.len() {
        2 => None,
        _ => Some(call.at_least(2, 0, NOT_POSITIVE)?),
    };
    if !call.is_there::<List>(key)? {
        return Ok(if count.is_some() { Reply::NullArray } else { Reply::Null });
    }
    Ok(match count {
        Some(0) => Reply::Array(Vec::new()),
        Some(count) => Reply::Array(take_some(call, key, end, count)),
        None => take_some(call, key, end, 1).remove(0),
    })
}

fn lindex(call: &mut Call<'_>) -> Answer {
    let words = call.words;
    let Some(list) = call.read::<List>(&words[1])? else { return Ok(Reply::Null) };
    let index = int(&words[2]).ok_or(NOT_INTEGER)?;
    let element = place(index, list.len()).and_then(|at| list.get(at));
    Ok(element.map_or(Reply::Null, |element| Reply::Bulk(element.clone())))
}

fn lrange(call: &mut Call<'_>) -> Answer {
    let (start, stop) = (call.int(2)?, call.int(3)?);
    let key = &call.words[1];
    let Some(list) = call.read::<List>(key)? else { return Ok(Reply::Array(Vec::new())) };
    let elements = ranks(start, stop, list.len()).map(|(first, last)| list.range(first..=last));
    Ok(Reply::Array(elements.into_iter().flatten().cloned().map(Reply::Bulk).collect()))
}

fn lset(call: &mut Call<'_>) -> Answer {
    let words = call.words;
    let Some(list) = call.read::<List>(&words[1])? else { return Err("ERR no such key".into()) };
    let index = int(&words[2]).ok_or(NOT_INTEGER)?;
    let at = place(index, list.len()).ok_or("ERR index out of range")?;
    call.change(&words[1], |list: &mut List| list[at] = words[3].clone());
    Ok(OK)
}

fn linsert(call: &mut Call<'_>) -> Answer {
    let words = call.words;
    let behind = match &call.lower(2)[..] {
        b"after" => 1,
        b"before" => 0,
        _ => return Err(SYNTAX.into()),
    };
    let Some(list) = call.read::<List>(&words[1])? else { return Ok(Reply::Int(0)) };
    let Some(at) = list.iter().position(|element| *element == words[3]) else {
        return Ok(Reply::Int(-1));
    };
    let len = call.change(&words[1], |list: &mut List| {
        list.insert(at + behind, words[4].clone());
        list.len()
    });
    Ok(len.into())
}

fn lrem(call: &mut Call<'_>) -> Answer {
    let (count, words) = (call.int(2)?, call.words);
    let Some(list) = call.read::<List>(&words[1])? else { return Ok(Reply::Int(0)) };
    let most = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
    let is_it = |at: &usize| list[*at] == words[3];
    let doomed: Vec<usize> = match count < 0 {
        true => (0..list.len()).rev().filter(is_it).take(most).collect(),
        false => (0..list.len()).filter(is_it).take(most).collect(),
    };
    if !doomed.is_empty() {
        call.change(&words[1], |list: &mut List| {
            let kept = std::mem::take(list).into_iter().enumerate();
            *list = kept.filter(|(at, _)| !doomed.contains(at)).map(|(_, it)| it).collect();
        });
    }
    Ok(doomed.len().into())
}

fn ltrim(call: &mut Call<'_>) -> Answer {
    let (start, stop) = (call.int(2)?, call.int(3)?);
    let key = &call.words[1];
    let Some(list) = call.read::<List>(key)? else { return Ok(OK) };
    let kept = ranks(start, stop, list.len());
    if kept == Some((0, list.len() - 1)) {
        // Who watches the key is told all the same.
        call.keyspace.touch(*call.db, key);
        return Ok(OK);
    }
    call.change(key, |list: &mut List| {
        let kept = kept.map(|(first, last)| list.range(first..=last).cloned().collect());
        *list = kept.unwrap_or_default();
    });
    Ok(OK)
}

/// What LPOS asks for.
struct Search {
    rank: i64,
    count: Option<usize>,
    most: usize,
}

fn search(call: &Call<'_>) -> Result<Search, Vec<u8>> {
    const EDGE: &str = "ERR value is out of range, value must between -9223372036854775807 and \
                        9223372036854775807";
    const ZERO: &str = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the \
                        second ... or use negative to start from the end of the list";
    let mut search = Search { rank: 1, count: None, most: 0 };
    for at in (3..call.words.len()).step_by(2) {
        let has_more = at + 1 < call.words.len();
        match &call.lower(at)[..] {
            b"rank" if has_more => search.rank = call.int(at + 1)?,
            b"count" if has_more => {
                search.count = Some(call.at_least(at + 1, 0, "ERR COUNT can't be negative")?);
            }
            b"maxlen" if has_more => {
                search.most = call.at_least(at + 1, 0, "ERR MAXLEN can't be negative")?;
            }
            _ => return Err(SYNTAX.into()),
        }
        match search.rank {
            i64::MIN => return Err(EDGE.into()),
            0 => return Err(ZERO.into()),
            _ => {}
        }
    }
    Ok(search)
}

fn lpos(call: &mut Call<'_>) -> Answer {
    let search = search(call)?;
    let words = call.words;
    let empty = List::new();
    let list = call.read::<List>(&words[1])?.unwrap_or(&empty);
    let compared = if search.most == 0 { usize::MAX } else { search.most };
    let places: Vec<usize> = match search.rank < 0 {
        true => (0..list.len()).rev().take(compared).collect(),
        false => (0..list.len()).take(compared).collect(),
    };
    let skipped = search.rank.unsigned_abs() as usize - 1;
    let found = places.into_iter().filter(|&at| list[at] == words[2]).skip(skipped);
    Ok(match search.count {
        None => found.into_iter().next().map_or(Reply::Null, Reply::from),
        Some(0) => Reply::Array(found.map(Reply::from).collect()),
        Some(count) => Reply::Array(found.take(count).map(Reply::from).collect()),
    })
}

/// Moves an element; none if there is none.
fn transfer(call: &mut Call<'_>, from: End, to: End) -> Result<Option<Reply>, Vec<u8>> {
    let (source, destination) = (&call.words[1], &call.words[2]);
    if !call.is_there::<List>(source)? {
        return Ok(None);
    }
    call.is_there::<List>(destination)?;
    let list = call.read::<List>(source)?;
    let element = list.and_then(|list| if from == End::Left { list.front() } else { list.back() });
    let element = element.cloned().unwrap_or_default();
    if source == destination {
        call.change(source, |list: &mut List| {
            take(list, from);
            add(list, to, element.clone());
        });
    } else {
        call.change(destination, |list: &mut List| add(list, to, element.clone()));
        call.change(source, |list: &mut List| take(list, from));
    }
    Ok(Some(Reply::Bulk(element)))
}

/// What LMPOP and BLMPOP ask for.
struct Popped<'a> {
    keys: &'a [Vec<u8>],
    from: End,
    count: usize,
}

impl<'a> Popped<'a> {
    fn parse(call: &Call<'a>, at: usize) -> Result<Self, Vec<u8>> {
        let (keys, count) = call.keys_and_count(at)?;
        let from = end(call, at + 1 + keys.len())?;
        Ok(Self { keys, from, count: count? })
    }

    fn pop(&self, call: &mut Call<'_>) -> Result<Option<Reply>, Vec<u8>> {
        for key in self.keys {
            if call.is_there::<List>(key)? {
                let elements = take_some(call, key, self.from, self.count);
                let key = Reply::Bulk(key.clone());
                return Ok(Some(Reply::Array(vec![key, Reply::Array(elements)])));
            }
        }
        Ok(None)
    }
}

fn blocking_pop(call: &mut Call<'_>, from: End) -> Answer {
    let (last, words) = (call.words.len() - 1, call.words);
    let until = call.until(last)?;
    for key in &words[1..last] {
        if call.is_there::<List>(key)? {
            let mut taken = take_some(call, key, from, 1);
            taken.insert(0, Reply::Bulk(key.clone()));
            return Ok(Reply::Array(taken));
        }
    }
    Ok(call.wait("list", &words[1..last], until, Reply::NullArray))
}

fn blocking_transfer(call: &mut Call<'_>, from: End, to: End, timeout: usize) -> Answer {
    let until = call.until(timeout)?;
    match transfer(call, from, to)? {
        Some(moved) => Ok(moved),
        None => Ok(call.wait("list", &call.words[1..2], until, Reply::Null)),
    }
}

fn blmpop(call: &mut Call<'_>) -> Answer {
    let until = call.until(1)?;
    let wanted = Popped::parse(call, 2)?;
    match wanted.pop(call)? {
        Some(popped) => Ok(popped),
        None => Ok(call.wait("list", wanted.keys, until, Reply::NullArray)),
    }
}
