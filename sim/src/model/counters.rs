//! Strings as numbers.

use super::call::{Call, NOT_INTEGER, int};
use super::float::Float;
use super::reply::Reply;
use super::{Answer, Family};

pub(super) const FAMILY: Family = Family {
    reads: &[],
    writes: &[
        ("incr", 2, |call| add(call, 1)),
        ("decr", 2, |call| add(call, -1)),
        ("incrby", 3, |call| {
            let by = call.int(2)?;
            add(call, by)
        }),
        ("decrby", 3, |call| {
            let by = call.int(2)?;
            add(call, by.checked_neg().ok_or("ERR decrement would overflow")?)
        }),
        ("incrbyfloat", 3, incrbyfloat),
    ],
};

fn add(call: &mut Call<'_>, by: i64) -> Answer {
    let old = call.text()?;
    let number = match &old {
        Some(old) => int(&old.value).ok_or(NOT_INTEGER)?,
        None => 0,
    };
    let sum = number.checked_add(by).ok_or("ERR increment or decrement would overflow")?;
    call.put_first(sum.to_string().into_bytes(), old.and_then(|old| old.deadline_ms));
    Ok(sum.into())
}

fn incrbyfloat(call: &mut Call<'_>) -> Answer {
    const NOT_FLOAT: &str = "ERR value is not a valid float";
    let old = call.text()?;
    let number = match &old {
        Some(old) => Float::parse(&old.value).ok_or(NOT_FLOAT)?,
        None => Float::Simple(0),
    };
    let by = Float::parse(&call.words[2]).ok_or(NOT_FLOAT)?;
    let sum = match (number, by) {
        (Float::Unknown, _) | (_, Float::Unknown) => return Ok(Reply::Lost),
        (Float::Simple(number), Float::Simple(by)) => Float::text(number + by),
        _ => return Err("ERR increment would produce NaN or Infinity".into()),
    };
    call.put_first(sum.clone(), old.and_then(|old| old.deadline_ms));
    Ok(Reply::Bulk(sum))
}
