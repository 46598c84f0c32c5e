//! Hashes. Fields past their deadline are gone by the time that a command looks at a hash.

use super::call::{Call, NOT_FLOAT, NOT_INTEGER, int};
use super::float::Float;
use super::reply::{Drawn, OK, Reply};
use super::value::Fields;
use super::{Answer, Family};

pub(super) const FAMILY: Family = Family {
    reads: &[
        ("hget", 3, |call| {
            let words = call.words;
            let fields = call.read::<Fields>(&words[1])?;
            Ok(value(fields.and_then(|fields| fields.get(&words[2]))))
        }),
        ("hmget", -3, |call| {
            let words = call.words;
            let fields = call.read::<Fields>(&words[1])?;
            let one = |field: &Vec<u8>| value(fields.and_then(|fields| fields.get(field)));
            Ok(Reply::Array(words[2..].iter().map(one).collect()))
        }),
        ("hgetall", 2, |call| {
            let pairs = all(call)?.into_iter();
            Ok(Reply::Map(pairs.map(|(it, value)| (Reply::Bulk(it), Reply::Bulk(value))).collect()))
        }),
        ("hkeys", 2, |call| {
            Ok(Reply::Bag(all(call)?.into_iter().map(|it| Reply::Bulk(it.0)).collect()))
        }),
        ("hvals", 2, |call| {
            Ok(Reply::Bag(all(call)?.into_iter().map(|it| Reply::Bulk(it.1)).collect()))
        }),
        ("hlen", 2, |call| {
            let key = &call.words[1];
            Ok(call.read::<Fields>(key)?.map_or(0, Fields::len).into())
        }),
        ("hexists", 3, |call| Ok(text(call)?.is_some().into())),
        ("hstrlen", 3, |call| Ok(text(call)?.map_or(0, |text| text.len()).into())),
        ("hrandfield", -2, hrandfield),
    ],
    writes: &[
        ("hset", -4, |call| Ok(set(call)?.into())),
        ("hmset", -4, |call| set(call).map(|_| OK)),
        ("hsetnx", 4, |call| {
            let is_new = text(call)?.is_none();
            if is_new {
                put(call, call.word(3));
            }
            Ok(is_new.into())
        }),
        ("hdel", -3, hdel),
        ("hincrby", 4, hincrby),
        ("hincrbyfloat", 4, hincrbyfloat),
    ],
};

fn value(held: Option<&(Vec<u8>, Option<u64>)>) -> Reply {
    held.map_or(Reply::Null, |(value, _)| Reply::Bulk(value.clone()))
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// All fields and their values.
fn all(call: &mut Call<'_>) -> Result<Pairs, Vec<u8>> {
    let key = &call.words[1];
    let fields = call.read::<Fields>(key)?.into_iter().flatten();
    Ok(fields.map(|(field, (value, _))| (field.clone(), value.clone())).collect())
}

/// The value of the field that the second argument names.
fn text(call: &mut Call<'_>) -> Result<Option<Vec<u8>>, Vec<u8>> {
    let words = call.words;
    let fields = call.read::<Fields>(&words[1])?;
    Ok(fields.and_then(|fields| fields.get(&words[2])).map(|(value, _)| value.clone()))
}

/// Sets that field.
fn put(call: &mut Call<'_>, value: Vec<u8>) {
    let words = call.words;
    call.change(&words[1], |fields: &mut Fields| {
        let deadline = fields.get(&words[2]).and_then(|held| held.1);
        fields.insert(words[2].clone(), (value, deadline));
    });
}

fn set(call: &mut Call<'_>) -> Result<usize, Vec<u8>> {
    let words = call.words;
    if !words.len().is_multiple_of(2) {
        return Err(call.arity());
    }
    call.is_there::<Fields>(&words[1])?;
    Ok(call.change(&words[1], |fields: &mut Fields| {
        let pairs = words[2..].chunks(2);
        let new =
            |pair: &&[Vec<u8>]| fields.insert(pair[0].clone(), (pair[1].clone(), None)).is_none();
        pairs.filter(new).count()
    }))
}

fn hdel(call: &mut Call<'_>) -> Answer {
    let words = call.words;
    let Some(fields) = call.read::<Fields>(&words[1])? else { return Ok(Reply::Int(0)) };
    if !words[2..].iter().any(|field| fields.contains_key(field)) {
        return Ok(Reply::Int(0));
    }
    let removed = call.change(&words[1], |fields: &mut Fields| {
        words[2..].iter().filter(|field| fields.remove(*field).is_some()).count()
    });
    Ok(removed.into())
}

fn hincrby(call: &mut Call<'_>) -> Answer {
    let by = call.int(3)?;
    let number = match text(call)? {
        Some(text) => int(&text).ok_or("ERR hash value is not an integer")?,
        None => 0,
    };
    let sum = number.checked_add(by).ok_or("ERR increment or decrement would overflow")?;
    put(call, sum.to_string().into_bytes());
    Ok(sum.into())
}

fn hincrbyfloat(call: &mut Call<'_>) -> Answer {
    let by = match Float::parse(&call.words[3]).ok_or(NOT_FLOAT)? {
        Float::Infinite => return Err("ERR value is NaN or Infinity".into()),
        by => by,
    };
    let number = match text(call)? {
        Some(text) => Float::parse(&text).ok_or("ERR hash value is not a float")?,
        None => Float::Simple(0),
    };
    let sum = match (number, by) {
        (Float::Unknown, _) | (_, Float::Unknown) => return Ok(Reply::Lost),
        (Float::Simple(number), Float::Simple(by)) => Float::text(number + by),
        _ => return Err("ERR increment would produce NaN or Infinity".into()),
    };
    put(call, sum.clone());
    Ok(Reply::Bulk(sum))
}

fn hrandfield(call: &mut Call<'_>) -> Answer {
    let count = draw_count(call, b"withvalues")?;
    let pairs = all(call)?;
    let is_paired = call.words.len() == 4;
    let of = pairs.into_iter().map(|(it, value)| (it, is_paired.then_some(Reply::Bulk(value))));
    Ok(Drawn::reply(of.collect(), count))
}

/// The count of HRANDFIELD and its like, which may be followed by one word.
pub(super) fn draw_count(call: &Call<'_>, word: &[u8]) -> Result<Option<i64>, Vec<u8>> {
    const OUT_OF_RANGE: &str = "ERR value is out of range";
    if call.words.len() == 2 {
        return Ok(None);
    }
    let count = int(&call.words[2]).ok_or(NOT_INTEGER)?;
    if count == i64::MIN {
        return Err("ERR value is out of range, value must between -9223372036854775807 and \
                    9223372036854775807"
            .into());
    }
    match call.words.len() {
        3 => {}
        4 if !word.is_empty() && call.lower(3) == word => {
            if count.unsigned_abs() > i64::MAX as u64 / 2 {
                return Err(OUT_OF_RANGE.into());
            }
        }
        _ => return Err(super::call::SYNTAX.into()),
    }
    // A limit of this server: so many elements are never drawn at once.
    if count < -(1 << 27) { Err(OUT_OF_RANGE.into()) } else { Ok(Some(count)) }
}
