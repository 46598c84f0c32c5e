//! Deadlines.

use super::call::{Call, quoted};
use super::reply::Reply;
use super::{Answer, Entry, Family};

pub(super) const FAMILY: Family = Family {
    reads: &[
        ("ttl", 2, |call| time(call, 1000, call.now_ms)),
        ("pttl", 2, |call| time(call, 1, call.now_ms)),
        ("expiretime", 2, |call| time(call, 1000, 0)),
        ("pexpiretime", 2, |call| time(call, 1, 0)),
    ],
    writes: &[
        ("expire", -3, |call| expire(call, "expire", 1000, call.now_ms)),
        ("pexpire", -3, |call| expire(call, "pexpire", 1, call.now_ms)),
        ("expireat", -3, |call| expire(call, "expireat", 1000, 0)),
        ("pexpireat", -3, |call| expire(call, "pexpireat", 1, 0)),
        ("persist", 2, persist),
    ],
};

fn expire(call: &mut Call<'_>, name: &str, unit_ms: i64, base_ms: i64) -> Answer {
    let flags = flags(call)?;
    let number = call.int(2)?;
    let number_ms = number.checked_mul(unit_ms).filter(|&ms| {
        // Redis guards the sum against one side only, since its clock is never before 1970.
        i128::from(ms) + i128::from(base_ms) <= i128::from(i64::MAX)
    });
    let Some(number_ms) = number_ms else {
        return Err(format!("ERR invalid expire time in '{name}' command").into());
    };
    let at = number_ms.saturating_add(base_ms);
    let Some(entry) = call.first().cloned() else { return Ok(Reply::Int(0)) };
    let is_refused = flags.iter().any(|flag| match (&flag[..], entry.deadline_ms) {
        (b"nx", now) => now.is_some(),
        (b"xx", now) => now.is_none(),
        (b"gt", now) => now.is_none_or(|now| at <= now),
        (_, now) => now.is_some_and(|now| at >= now),
    });
    if is_refused {
        return Ok(Reply::Int(0));
    }
    let key = call.word(1);
    match at <= call.now_ms {
        true => call.remove(&key),
        false => call.put(&key, Entry { deadline_ms: Some(at), ..entry }),
    }
    Ok(Reply::Int(1))
}

fn flags(call: &Call<'_>) -> Result<Vec<Vec<u8>>, Vec<u8>> {
    let mut flags = Vec::new();
    for at in 3..call.words.len() {
        let flag = call.lower(at);
        if !matches!(&flag[..], b"nx" | b"xx" | b"gt" | b"lt") {
            return Err([b"ERR Unsupported option ", &quoted(&call.words[at])[..]].concat());
        }
        flags.push(flag);
    }
    let has = |flag: &[u8]| flags.iter().any(|it| it == flag);
    if has(b"nx") && (has(b"xx") || has(b"gt") || has(b"lt")) {
        let text = "ERR NX and XX, GT or LT options at the same time are not compatible";
        return Err(text.into());
    }
    if has(b"gt") && has(b"lt") {
        return Err("ERR GT and LT options at the same time are not compatible".into());
    }
    Ok(flags)
}

fn time(call: &mut Call<'_>, unit_ms: i64, base_ms: i64) -> Answer {
    let Some(entry) = call.first() else { return Ok(Reply::Int(-2)) };
    let Some(deadline) = entry.deadline_ms else { return Ok(Reply::Int(-1)) };
    let left = i128::from(deadline) - i128::from(base_ms);
    let units = (left + i128::from(unit_ms / 2)) / i128::from(unit_ms);
    Ok(Reply::Int(units as i64))
}

fn persist(call: &mut Call<'_>) -> Answer {
    let entry = call.first().filter(|entry| entry.deadline_ms.is_some()).cloned();
    let Some(entry) = entry else { return Ok(Reply::Int(0)) };
    let key = call.word(1);
    call.put(&key, Entry { deadline_ms: None, ..entry });
    Ok(Reply::Int(1))
}
