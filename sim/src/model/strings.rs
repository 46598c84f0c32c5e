//! Strings: setting, reading, changing a part.

use super::call::{Call, SYNTAX, TOO_LONG, bulk, int};
use super::reply::{OK, Reply};
use super::{Answer, Entry, Family};

pub(super) const FAMILY: Family = Family {
    reads: &[
        ("get", 2, |call| Ok(bulk(call.text()?.as_ref()))),
        ("mget", -2, mget),
        ("strlen", 2, |call| Ok(call.text()?.map_or(0, |text| text.value.len()).into())),
        ("getrange", 4, getrange),
        ("substr", 4, getrange),
    ],
    writes: &[
        ("set", -3, set),
        ("setnx", 3, setnx),
        ("setex", 4, |call| set_for(call, "ex", "setex")),
        ("psetex", 4, |call| set_for(call, "px", "psetex")),
        ("getset", 3, getset),
        ("getdel", 2, getdel),
        ("getex", -2, getex),
        ("mset", -3, mset),
        ("msetnx", -3, msetnx),
        ("append", 3, append),
        ("setrange", 4, setrange),
    ],
};

/// Options of SET and GETEX.
#[derive(Default)]
struct Options {
    /// NX, XX or IFEQ.
    condition: Option<(Vec<u8>, Vec<u8>)>,
    returns_old: bool,
    /// EX, PX, EXAT, PXAT with a number; KEEPTTL; PERSIST.
    lifetime: Option<(String, Vec<u8>)>,
}

fn options(call: &Call<'_>, from: usize, is_set: bool) -> Result<Options, Vec<u8>> {
    let mut options = Options::default();
    let mut at = from;
    while at < call.words.len() {
        let word = call.lower(at);
        let next = call.words.get(at + 1).cloned();
        at += 1;
        match (&word[..], next) {
            (b"ex" | b"px" | b"exat" | b"pxat", Some(number)) => {
                options.live(&word, number)?;
                at += 1;
            }
            (b"keepttl", _) if is_set => options.live(&word, Vec::new())?,
            (b"persist", _) if !is_set => options.live(&word, Vec::new())?,
            (b"get", _) if is_set => options.returns_old = true,
            (b"nx" | b"xx", _) if is_set => options.demand(&word, Vec::new())?,
            (b"ifeq", Some(value)) if is_set => {
                options.demand(&word, value)?;
                at += 1;
            }
            _ => return Err(SYNTAX.into()),
        }
    }
    Ok(options)
}

impl Options {
    fn live(&mut self, word: &[u8], number: Vec<u8>) -> Result<(), Vec<u8>> {
        let word = String::from_utf8_lossy(word).into_owned();
        if self.lifetime.as_ref().is_some_and(|before| before.0 != word) {
            return Err(SYNTAX.into());
        }
        self.lifetime = Some((word, number));
        Ok(())
    }

    fn demand(&mut self, word: &[u8], value: Vec<u8>) -> Result<(), Vec<u8>> {
        if self.condition.as_ref().is_some_and(|before| before.0 != word || word == b"ifeq") {
            return Err(SYNTAX.into());
        }
        self.condition = Some((word.to_vec(), value));
        Ok(())
    }

    /// The deadline that the options ask for.
    fn deadline_ms(&self, call: &Call<'_>, command: &str) -> Result<Option<i64>, Vec<u8>> {
        match &self.lifetime {
            None => Ok(None),
            Some((form, _)) if matches!(&form[..], "keepttl" | "persist") => Ok(None),
            Some((form, number)) => deadline_ms(call, form, number, command).map(Some),
        }
    }
}

fn deadline_ms(call: &Call<'_>, form: &str, number: &[u8], name: &str) -> Result<i64, Vec<u8>> {
    let number = int(number).ok_or(super::call::NOT_INTEGER)?;
    let invalid = || format!("ERR invalid expire time in '{name}' command");
    let unit_ms = if form.starts_with('e') { 1000 } else { 1 };
    let base_ms = if form.ends_with("at") { 0 } else { call.now_ms };
    let at = i128::from(number) * unit_ms + i128::from(base_ms);
    let is_fine = number > 0 && at <= i128::from(i64::MAX) && at > 0;
    if is_fine { Ok(at as i64) } else { Err(invalid().into()) }
}

fn set(call: &mut Call<'_>) -> Answer {
    let options = options(call, 3, true)?;
    let is_keepttl = options.lifetime.as_ref().is_some_and(|lifetime| lifetime.0 == "keepttl");
    let deadline = options.deadline_ms(call, "set")?;
    let is_read = matches!(&options.condition, Some((word, _)) if word == b"ifeq");
    let (kept, mut old) = (call.first().and_then(|old| old.deadline_ms), None);
    let is_there = call.first().is_some();
    if options.returns_old || is_read {
        old = call.text()?;
    }
    let holds = match &options.condition {
        None => true,
        Some((word, _)) if word == b"nx" => !is_there,
        Some((word, _)) if word == b"xx" => is_there,
        Some((_, value)) => old.as_ref().is_some_and(|old| old.value == *value),
    };
    if holds {
        call.put_first(call.word(2), if is_keepttl { kept } else { deadline });
    }
    Ok(match (options.returns_old, holds) {
        (true, _) => bulk(old.as_ref()),
        (false, true) => OK,
        (false, false) => Reply::Null,
    })
}

fn setnx(call: &mut Call<'_>) -> Answer {
    let is_free = call.first().is_none();
    if is_free {
        call.put_first(call.word(2), None);
    }
    Ok(is_free.into())
}

fn set_for(call: &mut Call<'_>, form: &str, name: &str) -> Answer {
    let deadline = deadline_ms(call, form, &call.words[2], name)?;
    call.first();
    call.put_first(call.word(3), Some(deadline));
    Ok(OK)
}

fn getset(call: &mut Call<'_>) -> Answer {
    let old = call.text()?;
    call.put_first(call.word(2), None);
    Ok(bulk(old.as_ref()))
}

fn getdel(call: &mut Call<'_>) -> Answer {
    let old = call.text()?;
    if old.is_some() {
        call.remove(&call.words[1]);
    }
    Ok(bulk(old.as_ref()))
}

fn getex(call: &mut Call<'_>) -> Answer {
    let options = options(call, 2, false)?;
    let Some(entry) = call.text()? else { return Ok(Reply::Null) };
    let bytes = entry.value.clone();
    let deadline = options.deadline_ms(call, "getex")?;
    let persists = options.lifetime.is_some() && entry.deadline_ms.is_some();
    match deadline {
        Some(deadline) if deadline <= call.now_ms => call.remove(&call.words[1]),
        Some(_) => call.put_first(bytes, deadline),
        None if persists => call.put_first(bytes, None),
        None => {}
    }
    Ok(bulk(Some(&entry)))
}

fn mget(call: &mut Call<'_>) -> Answer {
    let keys = &call.words[1..];
    let text = |key: &Vec<u8>| call.meet(key).and_then(|entry| entry.value.clone().into_string());
    let texts = keys.iter().map(text);
    Ok(Reply::Array(texts.map(|text| text.map_or(Reply::Null, Reply::Bulk)).collect()))
}

fn mset(call: &mut Call<'_>) -> Answer {
    if call.words.len().is_multiple_of(2) {
        return Err("ERR wrong number of arguments for 'mset' command".into());
    }
    set_pairs(call);
    Ok(OK)
}

fn msetnx(call: &mut Call<'_>) -> Answer {
    if call.words.len().is_multiple_of(2) {
        return Err("ERR wrong number of arguments for 'msetnx' command".into());
    }
    for pair in call.words[1..].chunks(2) {
        if call.meet(&pair[0]).is_some() {
            return Ok(Reply::Int(0));
        }
    }
    set_pairs(call);
    Ok(Reply::Int(1))
}

fn set_pairs(call: &mut Call<'_>) {
    for pair in call.words[1..].chunks(2) {
        call.meet(&pair[0]);
        call.put(&pair[0], Entry::text(pair[1].clone(), None));
    }
}

fn append(call: &mut Call<'_>) -> Answer {
    let old = call.text()?;
    let bytes = [old.clone().unwrap_or_default().value, call.word(2)].concat();
    if old.is_some() && bytes.len() > call.bulk_bytes_max {
        return Err(TOO_LONG.into());
    }
    let len = bytes.len();
    call.put_first(bytes, old.and_then(|old| old.deadline_ms));
    Ok(len.into())
}

fn getrange(call: &mut Call<'_>) -> Answer {
    let (start, end) = (call.int(2)?, call.int(3)?);
    let bytes = call.text()?.unwrap_or_default().value;
    Ok(Reply::Bulk(match range(start, end, bytes.len()) {
        Some((start, end)) => bytes[start..=end].to_vec(),
        None => Vec::new(),
    }))
}

/// First and last index of a range that may count from the end; none when it is empty.
pub(super) fn range(start: i64, end: i64, len: usize) -> Option<(usize, usize)> {
    if start < 0 && end < 0 && start > end {
        return None;
    }
    let from_start = |at: i64| {
        let at = i128::from(at) + if at < 0 { len as i128 } else { 0 };
        at.max(0)
    };
    let (start, end) = (from_start(start), from_start(end).min(len as i128 - 1));
    (start <= end).then_some((start as usize, end as usize))
}

fn setrange(call: &mut Call<'_>) -> Answer {
    let offset = usize::try_from(call.int(2)?).map_err(|_| "ERR offset is out of range")?;
    let old = call.text()?;
    let (new, mut bytes) = (call.word(3), old.clone().unwrap_or_default().value);
    if new.is_empty() {
        return Ok(bytes.len().into());
    }
    let end = offset.saturating_add(new.len());
    if end > call.bulk_bytes_max {
        return Err(TOO_LONG.into());
    }
    bytes.resize(bytes.len().max(end), 0);
    bytes[offset..end].copy_from_slice(&new);
    let len = bytes.len();
    call.put_first(bytes, old.and_then(|old| old.deadline_ms));
    Ok(len.into())
}
