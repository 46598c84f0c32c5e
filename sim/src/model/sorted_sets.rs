//! Sorted sets: members and scores.

use super::call::{Call, NOT_FLOAT, NOT_POSITIVE, SYNTAX};
use super::hashes::draw_count;
use super::reply::{Drawn, Reply};
use super::scores::{in_order, parse};
use super::value::Scores;
use super::{Answer, Family};

pub(super) const FAMILY: Family = Family {
    reads: &[
        ("zcard", 2, |call| {
            let key = &call.words[1];
            Ok(call.read::<Scores>(key)?.map_or(0, Scores::len).into())
        }),
        ("zscore", 3, |call| {
            let words = call.words;
            Ok(score(call.read::<Scores>(&words[1])?, &words[2]))
        }),
        ("zmscore", -3, |call| {
            let words = call.words;
            let scores = call.read::<Scores>(&words[1])?;
            Ok(Reply::Array(words[2..].iter().map(|member| score(scores, member)).collect()))
        }),
        ("zrank", -3, |call| rank(call, false)),
        ("zrevrank", -3, |call| rank(call, true)),
        ("zrandmember", -2, zrandmember),
    ],
    writes: &[
        ("zadd", -4, zadd),
        ("zincrby", 4, |call| {
            let (reply, _) = add(call, Options { incr: true, ..Options::default() }, 2)?;
            Ok(reply)
        }),
        ("zrem", -3, zrem),
        ("zpopmin", -2, |call| zpop(call, false)),
        ("zpopmax", -2, |call| zpop(call, true)),
        ("zmpop", -4, |call| {
            let wanted = Popped::parse(call, 1)?;
            Ok(wanted.pop(call)?.unwrap_or(Reply::NullArray))
        }),
        ("bzpopmin", -3, |call| blocking_pop(call, false)),
        ("bzpopmax", -3, |call| blocking_pop(call, true)),
        ("bzmpop", -5, |call| {
            let until = call.until(1)?;
            let wanted = Popped::parse(call, 2)?;
            match wanted.pop(call)? {
                Some(popped) => Ok(popped),
                None => Ok(call.wait("zset", wanted.keys, until, Reply::NullArray)),
            }
        }),
    ],
};

fn score(scores: Option<&Scores>, member: &[u8]) -> Reply {
    scores.and_then(|scores| scores.get(member)).map_or(Reply::Null, |&score| Reply::Score(score))
}

fn rank(call: &mut Call<'_>, is_reverse: bool) -> Answer {
    let words = call.words;
    let with_score = match words.len() {
        3 => false,
        4 if call.lower(3) == b"withscore" => true,
        4 => return Err(SYNTAX.into()),
        _ => return Err(call.arity()),
    };
    let scores = call.read::<Scores>(&words[1])?;
    let items = scores.map(|scores| in_order(scores, is_reverse)).unwrap_or_default();
    let found = items.iter().position(|item| item.0 == words[2]);
    Ok(match (found, with_score) {
        (None, true) => Reply::NullArray,
        (None, false) => Reply::Null,
        (Some(at), true) => Reply::Array(vec![at.into(), Reply::Score(items[at].1)]),
        (Some(at), false) => at.into(),
    })
}

fn zrandmember(call: &mut Call<'_>) -> Answer {
    let count = draw_count(call, b"withscores")?;
    let (key, with_scores) = (&call.words[1], call.words.len() == 4);
    let scores = call.read::<Scores>(key)?.into_iter().flatten();
    let of = scores.map(|(it, &score)| (it.clone(), with_scores.then_some(Reply::Score(score))));
    Ok(Drawn::reply(of.collect(), count))
}

/// Options of ZADD.
#[derive(Clone, Copy, Default)]
pub(super) struct Options {
    pub(super) nx: bool,
    pub(super) xx: bool,
    gt: bool,
    lt: bool,
    pub(super) ch: bool,
    incr: bool,
}

fn zadd(call: &mut Call<'_>) -> Answer {
    let (mut options, mut at) = (Options::default(), 2);
    loop {
        match &call.lower(at)[..] {
            b"nx" => options.nx = true,
            b"xx" => options.xx = true,
            b"gt" => options.gt = true,
            b"lt" => options.lt = true,
            b"ch" => options.ch = true,
            b"incr" => options.incr = true,
            _ => break,
        }
        at += 1;
    }
    let Options { nx, xx, gt, lt, ch, incr } = options;
    let words = call.words.len() - at;
    if words == 0 || !words.is_multiple_of(2) {
        return Err(SYNTAX.into());
    }
    if nx && xx {
        return Err("ERR XX and NX options at the same time are not compatible".into());
    }
    if [nx, gt, lt].into_iter().filter(|&is_said| is_said).count() > 1 {
        return Err("ERR GT, LT, and/or NX options at the same time are not compatible".into());
    }
    if incr && words > 2 {
        return Err("ERR INCR option supports a single increment-element pair".into());
    }
    let (reply, (added, updated)) = add(call, options, at)?;
    Ok(match (incr, ch) {
        (true, _) => reply,
        (false, true) => (added + updated).into(),
        (false, false) => added.into(),
    })
}

/// Gives members their scores: that of the last one, and how many were added and updated.
fn add(
    call: &mut Call<'_>,
    options: Options,
    first: usize,
) -> Result<(Reply, (usize, usize)), Vec<u8>> {
    let pairs = call.words[first..].chunks(2);
    let given: Vec<(f64, &Vec<u8>)> = pairs
        .map(|pair| Ok((parse(&pair[0]).ok_or(NOT_FLOAT)?, &pair[1])))
        .collect::<Result<_, Vec<u8>>>()?;
    give(call, options, given)
}

/// The same of scores that were read.
pub(super) fn give(
    call: &mut Call<'_>,
    options: Options,
    given: Vec<(f64, &Vec<u8>)>,
) -> Result<(Reply, (usize, usize)), Vec<u8>> {
    let key = &call.words[1];
    let mut scores = call.read::<Scores>(key)?.cloned().unwrap_or_default();
    let (mut reply, mut added, mut updated) = (Reply::Null, 0, 0);
    for (given, member) in given {
        reply = Reply::Null;
        let old = scores.get(member).copied();
        if if old.is_some() { options.nx } else { options.xx } {
            continue;
        }
        let new = given + if options.incr { old.unwrap_or(0.0) } else { 0.0 };
        if new.is_nan() {
            return Err("ERR resulting score is not a number (NaN)".into());
        }
        if old.is_some_and(|old| options.gt && new <= old || options.lt && new >= old) {
            continue;
        }
        reply = Reply::Score(new);
        if old != Some(new) {
            scores.insert(member.clone(), new);
            added += usize::from(old.is_none());
            updated += usize::from(old.is_some());
        }
    }
    if added + updated > 0 {
        call.change(key, |held: &mut Scores| *held = scores);
    }
    Ok((reply, (added, updated)))
}

fn zrem(call: &mut Call<'_>) -> Answer {
    let words = call.words;
    let Some(scores) = call.read::<Scores>(&words[1])? else { return Ok(Reply::Int(0)) };
    if !words[2..].iter().any(|member| scores.contains_key(member)) {
        return Ok(Reply::Int(0));
    }
    let removed = call.change(&words[1], |scores: &mut Scores| {
        words[2..].iter().filter(|member| scores.remove(*member).is_some()).count()
    });
    Ok(removed.into())
}

/// Takes members from an end of a sorted set that is there.
fn take(call: &mut Call<'_>, key: &[u8], is_max: bool, count: usize) -> Vec<(Reply, Reply)> {
    if count == 0 {
        return Vec::new();
    }
    call.change(key, |scores: &mut Scores| {
        let mut items = in_order(scores, is_max);
        items.truncate(count);
        scores.retain(|member, _| items.iter().all(|it| it.0 != *member));
        items.into_iter().map(|(it, score)| (Reply::Bulk(it), Reply::Score(score))).collect()
    })
}

fn flat(pairs: Vec<(Reply, Reply)>) -> Vec<Reply> {
    pairs.into_iter().flat_map(|(it, score)| [it, score]).collect()
}

fn zpop(call: &mut Call<'_>, is_max: bool) -> Answer {
    let key = &call.words[1];
    let count = match call.words.len() {
        2 => None,
        3 => Some(call.at_least(2, 0, NOT_POSITIVE)?),
        _ => return Err(SYNTAX.into()),
    };
    let pairs = match call.is_there::<Scores>(key)? {
        true => take(call, key, is_max, count.unwrap_or(1)),
        false => Vec::new(),
    };
    Ok(if count.is_some() { Reply::Pairs(pairs) } else { Reply::Array(flat(pairs)) })
}

/// What ZMPOP and BZMPOP ask for.
struct Popped<'a> {
    keys: &'a [Vec<u8>],
    is_max: bool,
    count: usize,
}

impl<'a> Popped<'a> {
    fn parse(call: &Call<'a>, at: usize) -> Result<Self, Vec<u8>> {
        let (keys, count) = call.keys_and_count(at)?;
        let is_max = match &call.lower(at + 1 + keys.len())[..] {
            b"max" => true,
            b"min" => false,
            _ => return Err(SYNTAX.into()),
        };
        Ok(Self { keys, is_max, count: count? })
    }

    fn pop(&self, call: &mut Call<'_>) -> Result<Option<Reply>, Vec<u8>> {
        for key in self.keys {
            if call.is_there::<Scores>(key)? {
                let pairs = take(call, key, self.is_max, self.count).into_iter();
                let pairs = pairs.map(|(it, score)| Reply::Array(vec![it, score])).collect();
                let key = Reply::Bulk(key.clone());
                return Ok(Some(Reply::Array(vec![key, Reply::Array(pairs)])));
            }
        }
        Ok(None)
    }
}

fn blocking_pop(call: &mut Call<'_>, is_max: bool) -> Answer {
    let (last, words) = (call.words.len() - 1, call.words);
    let until = call.until(last)?;
    for key in &words[1..last] {
        if call.is_there::<Scores>(key)? {
            let taken = flat(take(call, key, is_max, 1)).into_iter();
            return Ok(Reply::Array([Reply::Bulk(key.clone())].into_iter().chain(taken).collect()));
        }
    }
    Ok(call.wait("zset", &words[1..last], until, Reply::NullArray))
}
