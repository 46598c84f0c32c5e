//! Strings as bits.

use super::call::{Call, SYNTAX, int};
use super::reply::Reply;
use super::strings::range;
use super::{Answer, Entry, Family};

pub(super) const FAMILY: Family = Family {
    reads: &[("getbit", 3, getbit), ("bitcount", -2, bitcount), ("bitpos", -3, bitpos)],
    writes: &[("setbit", 4, setbit), ("bitop", -4, bitop)],
};

fn bit_offset(call: &Call<'_>) -> Result<usize, Vec<u8>> {
    let offset = int(&call.words[2]).and_then(|offset| usize::try_from(offset).ok());
    let fits = offset.filter(|offset| offset / 8 < call.bulk_bytes_max);
    fits.ok_or_else(|| "ERR bit offset is not an integer or out of range".into())
}

/// A bit, counted from the most significant of the first byte.
pub(super) fn bit(bytes: &[u8], at: usize) -> bool {
    bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1)
}

fn setbit(call: &mut Call<'_>) -> Answer {
    let offset = bit_offset(call)?;
    let new = match int(&call.words[3]) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err("ERR bit is not an integer or out of range".into()),
    };
    let old = call.text()?;
    let mut bytes = old.clone().unwrap_or_default().value;
    let before = bit(&bytes, offset);
    let is_grown = bytes.len() < offset / 8 + 1;
    if is_grown {
        bytes.resize(offset / 8 + 1, 0);
    }
    if new != before {
        bytes[offset / 8] ^= 1 << (7 - offset % 8);
    }
    if is_grown || new != before {
        call.put_first(bytes, old.and_then(|old| old.deadline_ms));
    }
    Ok(before.into())
}

fn getbit(call: &mut Call<'_>) -> Answer {
    let offset = bit_offset(call)?;
    Ok(bit(&call.text()?.unwrap_or_default().value, offset).into())
}

/// Whether a range is in bits.
fn is_in_bits(call: &Call<'_>, at: usize) -> Result<bool, Vec<u8>> {
    match &call.lower(at)[..] {
        _ if call.words.len() <= at => Ok(false),
        b"byte" => Ok(false),
        b"bit" => Ok(true),
        _ => Err(SYNTAX.into()),
    }
}

fn bitcount(call: &mut Call<'_>) -> Answer {
    let Some(entry) = call.text()? else { return Ok(Reply::Int(0)) };
    let bits = entry.value.len() * 8;
    let bits = match call.words.len() {
        2 => 0..bits,
        4 | 5 => {
            let (start, end) = (call.int(2)?, call.int(3)?);
            if start < 0 && end < 0 && start > end {
                return Ok(Reply::Int(0));
            }
            let unit = if is_in_bits(call, 4)? { 1 } else { 8 };
            match range(start, end, bits / unit) {
                Some((start, end)) => start * unit..(end + 1) * unit,
                None => 0..0,
            }
        }
        _ => return Err(SYNTAX.into()),
    };
    Ok(bits.filter(|&at| bit(&entry.value, at)).count().into())
}

fn bitpos(call: &mut Call<'_>) -> Answer {
    let wanted = match call.int(2)? {
        0 => false,
        1 => true,
        _ => return Err("ERR The bit argument must be 1 or 0.".into()),
    };
    let Some(entry) = call.text()? else { return Ok(Reply::Int(if wanted { -1 } else { 0 })) };
    if call.words.len() > 6 {
        return Err(SYNTAX.into());
    }
    let start = if call.words.len() > 3 { call.int(3)? } else { 0 };
    let unit = if is_in_bits(call, 5)? { 1 } else { 8 };
    let has_end = call.words.len() > 4;
    let end = if has_end { call.int(4)? } else { -1 };
    let len = entry.value.len() * 8 / unit;
    // A reversed range is empty here by arithmetic: both ends below the first count as the first.
    let clamp = |at: i64| (i128::from(at) + if at < 0 { len as i128 } else { 0 }).max(0);
    let (start, end) = (clamp(start), clamp(end).min(len as i128 - 1));
    if start > end {
        return Ok(Reply::Int(-1));
    }
    let mut bits = start as usize * unit..(end as usize + 1) * unit;
    let found = bits.find(|&at| bit(&entry.value, at) == wanted);
    Ok(match found {
        Some(at) => at.into(),
        // A string is thought of as followed by zeros, unless its end was given.
        None if !wanted && !has_end => (entry.value.len() * 8).into(),
        None => Reply::Int(-1),
    })
}

fn bitop(call: &mut Call<'_>) -> Answer {
    let operation = call.lower(1);
    let sources = call.words.len() - 3;
    match &operation[..] {
        b"and" | b"or" | b"xor" | b"one" => {}
        b"not" if sources > 1 => {
            return Err("ERR BITOP NOT must be called with a single source key.".into());
        }
        b"not" => {}
        b"diff" | b"diff1" | b"andor" if sources < 2 => {
            let name = String::from_utf8_lossy(&operation).to_uppercase();
            let text = format!("ERR BITOP {name} must be called with at least two source keys.");
            return Err(text.into());
        }
        b"diff" | b"diff1" | b"andor" => {}
        _ => return Err(SYNTAX.into()),
    }
    let keys = &call.words[3..];
    let text = |key: &Vec<u8>| call.text_of(key);
    let texts = keys.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let values: Vec<Vec<u8>> =
        texts.into_iter().map(|text| text.unwrap_or_default().value).collect();
    let len = values.iter().map(Vec::len).max().unwrap_or(0);
    let byte = |value: &Vec<u8>, at: usize| value.get(at).copied().unwrap_or(0);
    let result: Vec<u8> = (0..len)
        .map(|at| combine(&operation, &values.iter().map(|it| byte(it, at)).collect::<Vec<_>>()))
        .collect();
    let to = call.word(2);
    let is_there = call.meet(&to).is_some();
    if len > 0 {
        call.put(&to, Entry::text(result, None));
    } else if is_there {
        call.remove(&to);
    }
    Ok(len.into())
}

fn combine(operation: &[u8], bytes: &[u8]) -> u8 {
    let (first, others) = (bytes[0], bytes[1..].iter().fold(0, |all, byte| all | byte));
    match operation {
        b"and" => bytes.iter().fold(0xff, |all, byte| all & byte),
        b"or" => first | others,
        b"xor" => bytes.iter().fold(0, |all, byte| all ^ byte),
        b"not" => !first,
        b"diff" => first & !others,
        b"diff1" => others & !first,
        b"andor" => first & others,
        _ => (0..8)
            .filter(|bit| bytes.iter().filter(|byte| *byte >> bit & 1 == 1).count() == 1)
            .fold(0, |all, bit| all | 1 << bit),
    }
}
