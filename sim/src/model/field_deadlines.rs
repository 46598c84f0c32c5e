//! Deadlines of fields of hashes.
//!
//! Fields are named one by one and changed one by one, as Redis does: who names a field twice
//! meets the second time what the first has made of it. A deadline that has passed removes the
//! field; a hash goes with its last one.

use super::call::{Call, int, quoted};
use super::reply::Reply;
use super::value::Fields;
use super::{Answer, Family, Words};

pub(super) const FAMILY: Family = Family {
    reads: &[
        ("httl", -5, |call| times(call, 1000, call.now_ms)),
        ("hpttl", -5, |call| times(call, 1, call.now_ms)),
        ("hexpiretime", -5, |call| times(call, 1000, 0)),
        ("hpexpiretime", -5, |call| times(call, 1, 0)),
    ],
    writes: &[
        ("hexpire", -6, |call| expire(call, "hexpire", 1000, call.now_ms)),
        ("hpexpire", -6, |call| expire(call, "hpexpire", 1, call.now_ms)),
        ("hexpireat", -6, |call| expire(call, "hexpireat", 1000, 0)),
        ("hpexpireat", -6, |call| expire(call, "hpexpireat", 1, 0)),
        ("hpersist", -5, persist),
        ("hgetex", -5, hgetex),
        ("hgetdel", -5, hgetdel),
        ("hsetex", -6, hsetex),
    ],
};

/// No deadline of a field is later, in ms since 1970.
const LATEST_MS: i64 = (1 << 46) - 1;

const NOT_POSITIVE: &str = "ERR Number of fields must be a positive integer";

/// What becomes of a field that is there.
#[derive(Clone, Copy)]
enum Fate {
    Stays,
    Goes,
    /// It has this deadline, or none.
    Lives(Option<i64>),
}

impl Fate {
    /// What this deadline makes of a field.
    fn until(at_ms: i64, now_ms: i64) -> Self {
        // A clock before 1970 may allow a deadline that is there too, which no field can have.
        if at_ms <= now_ms { Self::Goes } else { Self::Lives(Some(at_ms.max(1))) }
    }

    /// Does it.
    fn befall(self, fields: &mut Fields, name: &[u8]) {
        match self {
            Self::Stays => {}
            Self::Goes => drop(fields.remove(name)),
            Self::Lives(until) => {
                if let Some(held) = fields.get_mut(name) {
                    held.1 = until.map(|at_ms| at_ms as u64);
                }
            }
        }
    }
}

/// The names behind `FIELDS` and their number, which stand at `at`.
fn names(call: &Call<'_>, at: usize, not_positive: &str) -> Result<Words, Vec<u8>> {
    if call.lower(at) != b"fields" {
        let error = "ERR Mandatory argument FIELDS is missing or not at the right position";
        return Err(error.into());
    }
    let number = call.words.get(at + 1).and_then(|word| int(word)).filter(|&number| number > 0);
    let number = number.ok_or(not_positive)?;
    let names = call.words.get(at + 2..).unwrap_or_default();
    if number != names.len() as i64 {
        return Err("ERR The `numfields` parameter must match the number of arguments".into());
    }
    Ok(names.to_vec())
}

/// Answers about each of these fields, with what becomes of it; about one that is not there with
/// `missing`.
fn each(
    call: &mut Call<'_>,
    names: &[Vec<u8>],
    missing: &Reply,
    mut of: impl FnMut(&[u8], Option<i64>) -> (Reply, Fate),
) -> Answer {
    let key = &call.words[1];
    let held = call.read::<Fields>(key)?;
    let (mut fields, mut is_changed) = (held.cloned().unwrap_or_default(), false);
    let mut replies = Vec::new();
    for name in names {
        let held = fields.get(name);
        let answer = held.map(|(value, until)| of(value, until.map(|at_ms| at_ms as i64)));
        let (reply, fate) = answer.unwrap_or_else(|| (missing.clone(), Fate::Stays));
        fate.befall(&mut fields, name);
        is_changed |= !matches!(fate, Fate::Stays);
        replies.push(reply);
    }
    if is_changed {
        call.change(key, |held: &mut Fields| *held = fields);
    }
    Ok(Reply::Array(replies))
}

fn times(call: &mut Call<'_>, unit_ms: i64, base_ms: i64) -> Answer {
    call.is_there::<Fields>(&call.words[1])?;
    let names = names(call, 2, NOT_POSITIVE)?;
    each(call, &names, &Reply::Int(-2), |_, until| {
        let units = |at_ms: i64| (at_ms - base_ms + unit_ms - 1) / unit_ms;
        (Reply::Int(until.map_or(-1, units)), Fate::Stays)
    })
}

/// The time that the word at `at` tells in these units from `base_ms` on.
fn time(
    call: &Call<'_>,
    at: usize,
    name: &str,
    unit_ms: i64,
    base_ms: i64,
) -> Result<i64, Vec<u8>> {
    let number = call.words.get(at).and_then(|word| int(word));
    let number = number.ok_or(super::call::NOT_INTEGER)?;
    if number < 0 {
        return Err("ERR invalid expire time, must be >= 0".into());
    }
    let at_ms = i128::from(number) * i128::from(unit_ms) + i128::from(base_ms);
    if at_ms > i128::from(LATEST_MS) {
        return Err(format!("ERR invalid expire time in '{name}' command").into());
    }
    Ok(at_ms as i64)
}

/// The time behind EX, PX, EXAT or PXAT at `at`, if one of these stands there.
fn time_option(call: &Call<'_>, at: usize, name: &str) -> Result<Option<i64>, Vec<u8>> {
    let (unit_ms, base_ms) = match &call.lower(at)[..] {
        b"ex" => (1000, call.now_ms),
        b"px" => (1, call.now_ms),
        b"exat" => (1000, 0),
        b"pxat" => (1, 0),
        _ => return Ok(None),
    };
    time(call, at + 1, name, unit_ms, base_ms).map(Some)
}

fn expire(call: &mut Call<'_>, name: &str, unit_ms: i64, base_ms: i64) -> Answer {
    call.is_there::<Fields>(&call.words[1])?;
    let at_ms = time(call, 2, name, unit_ms, base_ms)?;
    let condition = call.lower(3);
    let has_condition = matches!(&condition[..], b"nx" | b"xx" | b"gt" | b"lt");
    let not_positive = "ERR Parameter `numFields` should be greater than 0";
    let names = names(call, if has_condition { 4 } else { 3 }, not_positive)?;
    let fate = Fate::until(at_ms, call.now_ms);
    let done = if matches!(fate, Fate::Goes) { 2 } else { 1 };
    each(call, &names, &Reply::Int(-2), |_, until| {
        // A field without a deadline lives for ever: no time is later, any is sooner.
        let is_refused = match &condition[..] {
            b"nx" => until.is_some(),
            b"xx" => until.is_none(),
            b"gt" => until.is_none_or(|until| at_ms <= until),
            b"lt" => until.is_some_and(|until| at_ms >= until),
            _ => false,
        };
        if is_refused { (Reply::Int(0), Fate::Stays) } else { (Reply::Int(done), fate) }
    })
}

fn persist(call: &mut Call<'_>) -> Answer {
    call.is_there::<Fields>(&call.words[1])?;
    let names = names(call, 2, NOT_POSITIVE)?;
    each(call, &names, &Reply::Int(-2), |_, until| match until {
        Some(_) => (Reply::Int(1), Fate::Lives(None)),
        None => (Reply::Int(-1), Fate::Stays),
    })
}

fn hgetdel(call: &mut Call<'_>) -> Answer {
    call.is_there::<Fields>(&call.words[1])?;
    let names = names(call, 2, NOT_POSITIVE)?;
    each(call, &names, &Reply::Null, |value, _| (Reply::Bulk(value.into()), Fate::Goes))
}

fn hgetex(call: &mut Call<'_>) -> Answer {
    call.is_there::<Fields>(&call.words[1])?;
    let until = time_option(call, 2, "hgetex")?;
    let persists = call.lower(2) == b"persist";
    let at = if until.is_some() { 4 } else { 2 + usize::from(persists) };
    if call.words.len() < at + 2 {
        return Err(call.arity());
    }
    let names = names(call, at, NOT_POSITIVE)?;
    let now_ms = call.now_ms;
    each(call, &names, &Reply::Null, |value, old| {
        let fate = match until {
            Some(at_ms) => Fate::until(at_ms, now_ms),
            None if persists && old.is_some() => Fate::Lives(None),
            None => Fate::Stays,
        };
        (Reply::Bulk(value.into()), fate)
    })
}

/// What HSETEX is told besides the fields.
#[derive(Default)]
struct Options {
    /// FNX or FXX.
    condition: Option<Vec<u8>>,
    keeps: bool,
    until: Option<i64>,
    /// Where FIELDS stands.
    fields_at: usize,
}

fn options(call: &Call<'_>) -> Result<Options, Vec<u8>> {
    let mut options = Options { fields_at: 2, ..Options::default() };
    while options.fields_at < call.words.len() {
        let at = options.fields_at;
        let word = call.lower(at);
        match &word[..] {
            b"fields" => return Ok(options),
            b"fnx" | b"fxx" if options.condition.is_none() => options.condition = Some(word),
            b"fnx" | b"fxx" => {
                return Err("ERR Only one of FXX or FNX arguments can be specified".into());
            }
            b"ex" | b"px" | b"exat" | b"pxat" | b"keepttl"
                if options.keeps || options.until.is_some() =>
            {
                let error = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be \
                             specified";
                return Err(error.into());
            }
            b"keepttl" => options.keeps = true,
            b"ex" | b"px" | b"exat" | b"pxat" => {
                options.until = time_option(call, at, "hsetex")?;
                options.fields_at += 1;
            }
            _ => return Err([b"ERR unknown argument: ", &quoted(&call.words[at])[..]].concat()),
        }
        options.fields_at += 1;
    }
    Err("ERR missing FIELDS argument".into())
}

fn hsetex(call: &mut Call<'_>) -> Answer {
    let options = options(call)?;
    let (key, at) = (&call.words[1], options.fields_at);
    if call.words.len() < at + 4 {
        return Err(call.arity());
    }
    let number = int(&call.words[at + 1]).filter(|&number| number > 0);
    let number = number.filter(|&number| i32::try_from(number).is_ok());
    let number = number.ok_or("ERR invalid number of fields")?;
    let pairs = &call.words[at + 2..];
    if pairs.len() as i64 != 2 * number {
        return Err(call.arity());
    }
    let fields = call.read::<Fields>(key)?;
    let is_there = |pair: &[Vec<u8>]| fields.is_some_and(|fields| fields.contains_key(&pair[0]));
    let is_refused = match options.condition.as_deref() {
        Some(b"fnx") => pairs.chunks(2).any(is_there),
        Some(_) => !pairs.chunks(2).all(is_there),
        None => false,
    };
    if is_refused {
        return Ok(Reply::Int(0));
    }
    let fate = options.until.map_or(Fate::Stays, |at_ms| Fate::until(at_ms, call.now_ms));
    call.change(key, |fields: &mut Fields| {
        for pair in pairs.chunks(2) {
            let old = fields.get(&pair[0]).and_then(|held| held.1);
            fields.insert(pair[0].clone(), (pair[1].clone(), old.filter(|_| options.keeps)));
        }
        pairs.chunks(2).for_each(|pair| fate.befall(fields, &pair[0]));
    });
    Ok(Reply::Int(1))
}
