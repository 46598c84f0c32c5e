//! Sets.

use super::call::{Call, NOT_POSITIVE, SYNTAX};
use super::hashes::draw_count;
use super::reply::{Drawn, Reply};
use super::value::Set;
use super::{Answer, Family};

pub(super) const FAMILY: Family = Family {
    reads: &[
        ("scard", 2, |call| {
            let key = &call.words[1];
            Ok(call.read::<Set>(key)?.map_or(0, Set::len).into())
        }),
        ("sismember", 3, |call| {
            let words = call.words;
            Ok(call.read::<Set>(&words[1])?.is_some_and(|set| set.contains(&words[2])).into())
        }),
        ("smismember", -3, |call| {
            let words = call.words;
            let set = call.read::<Set>(&words[1])?;
            let has = |member: &Vec<u8>| set.is_some_and(|set| set.contains(member)).into();
            Ok(Reply::Array(words[2..].iter().map(has).collect()))
        }),
        ("smembers", 2, |call| combined(call, 1, union)),
        ("sunion", -2, |call| combined(call, 1, union)),
        ("sinter", -2, |call| combined(call, 1, intersection)),
        ("sdiff", -2, |call| combined(call, 1, difference)),
        ("sintercard", -3, sintercard),
        ("srandmember", -2, srandmember),
    ],
    writes: &[
        ("sadd", -3, sadd),
        ("srem", -3, srem),
        ("smove", 4, smove),
        ("spop", -2, spop),
        ("sunionstore", -3, |call| store(call, union)),
        ("sinterstore", -3, |call| store(call, intersection)),
        ("sdiffstore", -3, |call| store(call, difference)),
    ],
};

type Combine = fn(Vec<Set>) -> Set;

fn union(sets: Vec<Set>) -> Set {
    sets.into_iter().flatten().collect()
}

fn intersection(sets: Vec<Set>) -> Set {
    let all = sets.into_iter().reduce(|all, set| all.intersection(&set).cloned().collect());
    all.unwrap_or_default()
}

fn difference(sets: Vec<Set>) -> Set {
    let all = sets.into_iter().reduce(|all, set| all.difference(&set).cloned().collect());
    all.unwrap_or_default()
}

/// Sets by their keys, empty when they are not there. All are looked at before one is refused.
fn sets(call: &mut Call<'_>, keys: &[Vec<u8>]) -> Result<Vec<Set>, Vec<u8>> {
    let sets: Vec<_> = keys.iter().map(|key| call.read::<Set>(key).map(|it| it.cloned())).collect();
    sets.into_iter().map(|set| Ok(set?.unwrap_or_default())).collect()
}

fn combined(call: &mut Call<'_>, first: usize, combine: Combine) -> Answer {
    let sets = sets(call, &call.words[first..])?;
    Ok(Reply::Set(combine(sets).into_iter().map(Reply::Bulk).collect()))
}

fn store(call: &mut Call<'_>, combine: Combine) -> Answer {
    let sets = sets(call, &call.words[2..])?;
    let result = combine(sets);
    let len = result.len();
    call.store(&call.words[1], result);
    Ok(len.into())
}

fn sintercard(call: &mut Call<'_>) -> Answer {
    let count = call.at_least(1, 1, "ERR numkeys should be greater than 0")?;
    if count > call.words.len() - 2 {
        return Err("ERR Number of keys can't be greater than number of args".into());
    }
    let mut limit = 0;
    for at in (2 + count..call.words.len()).step_by(2) {
        if call.lower(at) != b"limit" || at + 1 == call.words.len() {
            return Err(SYNTAX.into());
        }
        limit = call.at_least(at + 1, 0, "ERR LIMIT can't be negative")?;
    }
    let sets = sets(call, &call.words[2..2 + count])?;
    let len = intersection(sets).len();
    Ok(if limit == 0 { len } else { len.min(limit) }.into())
}

fn srandmember(call: &mut Call<'_>) -> Answer {
    if call.words.len() > 3 {
        return Err(SYNTAX.into());
    }
    let count = draw_count(call, b"")?;
    let key = &call.words[1];
    let members = call.read::<Set>(key)?.into_iter().flatten();
    Ok(Drawn::reply(members.map(|member| (member.clone(), None)).collect(), count))
}

fn sadd(call: &mut Call<'_>) -> Answer {
    let words = call.words;
    let is_new = |set: Option<&Set>| {
        words[2..].iter().any(|member| set.is_none_or(|set| !set.contains(member)))
    };
    if !is_new(call.read::<Set>(&words[1])?) {
        return Ok(Reply::Int(0));
    }
    let added = call.change(&words[1], |set: &mut Set| {
        words[2..].iter().filter(|member| set.insert(member.to_vec())).count()
    });
    Ok(added.into())
}

fn srem(call: &mut Call<'_>) -> Answer {
    let words = call.words;
    let Some(set) = call.read::<Set>(&words[1])? else { return Ok(Reply::Int(0)) };
    if !words[2..].iter().any(|member| set.contains(member)) {
        return Ok(Reply::Int(0));
    }
    call.logged.next_removal();
    let removed = call.change(&words[1], |set: &mut Set| {
        words[2..].iter().filter(|member| set.remove(*member)).count()
    });
    Ok(removed.into())
}

fn smove(call: &mut Call<'_>) -> Answer {
    let (from, to, member) = (&call.words[1], &call.words[2], &call.words[3]);
    if !call.is_there::<Set>(from)? {
        return Ok(Reply::Int(0));
    }
    call.is_there::<Set>(to)?;
    let is_there = call.read::<Set>(from)?.is_some_and(|set| set.contains(member));
    if is_there && from != to {
        call.change(from, |set: &mut Set| set.remove(member));
        let is_new = call.read::<Set>(to)?.is_none_or(|set| !set.contains(member));
        if is_new {
            call.change(to, |set: &mut Set| set.insert(member.clone()));
        }
    }
    Ok(is_there.into())
}

fn spop(call: &mut Call<'_>) -> Answer {
    let key = &call.words[1];
    let count = match call.words.len() {
        2 => None,
        3 => Some(call.at_least(2, 0, NOT_POSITIVE)?),
        _ => return Err(SYNTAX.into()),
    };
    let Some(set) = call.read::<Set>(key)? else {
        return Ok(if count.is_some() { Reply::Set(Vec::new()) } else { Reply::Null });
    };
    let wanted = count.unwrap_or(1).min(set.len());
    let taken: Vec<Vec<u8>> = if wanted == set.len() {
        set.iter().cloned().collect()
    } else if wanted == 0 {
        Vec::new()
    } else {
        match drawn(set.clone(), key, wanted, call.logged.next_removal()) {
            Some(taken) => taken,
            None => return Ok(Reply::OneOf(Vec::new())),
        }
    };
    if !taken.is_empty() {
        call.change(key, |set: &mut Set| set.retain(|member| !taken.contains(member)));
    }
    let mut taken = taken.into_iter().map(Reply::Bulk);
    Ok(match count {
        Some(_) => Reply::Set(taken.collect()),
        None => taken.next().unwrap_or(Reply::Null),
    })
}

/// What was drawn, if it could be: so many different members of this set.
fn drawn(
    mut set: Set,
    key: &[u8],
    wanted: usize,
    logged: Option<Vec<Vec<u8>>>,
) -> Option<Vec<Vec<u8>>> {
    let mut members = logged?;
    let is_it = !members.is_empty() && members.remove(0) == key && members.len() == wanted;
    (is_it && members.iter().all(|member| set.remove(member))).then_some(members)
}
