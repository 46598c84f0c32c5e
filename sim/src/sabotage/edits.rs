//! What wrong logging makes of one command.

use super::log_text::is;
use super::logged::Place;
use crate::model::Words;

fn same(words: &Words) -> Vec<Words> {
    vec![words.clone()]
}

fn nothing_if(holds: bool, words: &Words) -> Vec<Words> {
    if holds { Vec::new() } else { same(words) }
}

fn words(all: &[&[u8]]) -> Words {
    all.iter().map(|word| word.to_vec()).collect()
}

/// The place of a deadline in a command, and it.
fn deadline(words: &Words) -> Option<(usize, i64)> {
    let at = match () {
        () if is(words, "SET") => 4,
        () if is(words, "PEXPIREAT") => 2,
        () => return None,
    };
    Some((at, std::str::from_utf8(words.get(at)?).ok()?.parse().ok()?))
}

fn with_deadline(words: &Words, change: impl FnOnce(i64) -> i64) -> Vec<Words> {
    let mut words = words.clone();
    if let Some((at, deadline)) = deadline(&words) {
        words[at] = change(deadline).to_string().into_bytes();
    }
    vec![words]
}

/// Whether this is the DEL of a key whose deadline has passed.
fn is_expiry(words: &Words, place: &Place<'_>) -> bool {
    words[0] == b"DEL" && place.deadline.is_some_and(|deadline| deadline <= place.logged_ms)
}

pub(super) fn no_select(words: &Words, place: &Place<'_>) -> Vec<Words> {
    nothing_if(place.begins_file && is(words, "SELECT"), words)
}

pub(super) fn relative(words: &Words, place: &Place<'_>) -> Vec<Words> {
    with_deadline(words, |deadline| deadline.saturating_add(place.load_ms - place.logged_ms).max(1))
}

pub(super) fn dead_dropped(words: &Words, place: &Place<'_>) -> Vec<Words> {
    let is_dead = deadline(words).is_some_and(|(_, deadline)| deadline <= place.load_ms);
    if is_dead { vec![self::words(&[b"DEL", &words[1]])] } else { same(words) }
}

pub(super) fn lazy_unlogged(words: &Words, place: &Place<'_>) -> Vec<Words> {
    let has_more = place.all.iter().any(|other| other[0] != b"DEL" && other[0] != b"SELECT");
    nothing_if(has_more && is_expiry(words, place), words)
}

pub(super) fn active_unlogged(words: &Words, place: &Place<'_>) -> Vec<Words> {
    let is_alone = place.all.iter().all(|other| other[0] == b"DEL" || other[0] == b"SELECT");
    nothing_if(is_alone && is_expiry(words, place), words)
}

pub(super) fn expiry_late(words: &Words, place: &Place<'_>) -> Vec<Words> {
    let before = place.at.checked_sub(1).map(|at| &place.all[at]);
    let next = place.all.get(place.at + 1);
    let is_del = |words: &Words| words[0] == b"DEL" && words.len() == 2;
    let meets = |next: &Words| next.get(1) == words.get(1) && !is_del(next);
    if is_del(words) && place.deadline.is_some() && next.is_some_and(meets) {
        return Vec::new();
    }
    match before {
        Some(del) if is_del(del) && del.get(1) == words.get(1) && !is_del(words) => {
            vec![words.clone(), del.clone()]
        }
        _ => same(words),
    }
}

pub(super) fn no_keepttl(words: &Words, _: &Place<'_>) -> Vec<Words> {
    let is_it = is(words, "SET") && words.get(3).is_some_and(|word| word == b"KEEPTTL");
    if is_it { vec![words[..3].to_vec()] } else { same(words) }
}

pub(super) fn keeps_deadline(words: &Words, _: &Place<'_>) -> Vec<Words> {
    let mut words = words.clone();
    if is(&words, "SET") && words.len() == 3 {
        words.push(b"KEEPTTL".to_vec());
    }
    vec![words]
}

pub(super) fn no_persist(words: &Words, _: &Place<'_>) -> Vec<Words> {
    nothing_if(is(words, "PERSIST"), words)
}

pub(super) fn copy_persists(words: &Words, _: &Place<'_>) -> Vec<Words> {
    let makes = ["RENAME", "RENAMENX", "COPY"].iter().any(|name| is(words, name));
    // COPY to another database would need a SELECT.
    match makes && words.len() == 3 {
        true => vec![words.clone(), self::words(&[b"PERSIST", &words[2]])],
        false => same(words),
    }
}

pub(super) fn past_verbatim(words: &Words, place: &Place<'_>) -> Vec<Words> {
    match words[0] == b"DEL" && words.len() == 2 && !is_expiry(words, place) {
        true => vec![self::words(&[b"PEXPIREAT", &words[1], b"1"])],
        false => same(words),
    }
}

pub(super) fn wrapped(words: &Words, _: &Place<'_>) -> Vec<Words> {
    with_deadline(words, |deadline| deadline % (1 << 41))
}

pub(super) fn second_reading(words: &Words, _: &Place<'_>) -> Vec<Words> {
    with_deadline(words, |deadline| deadline.saturating_add(1))
}

pub(super) fn in_seconds(words: &Words, _: &Place<'_>) -> Vec<Words> {
    with_deadline(words, |deadline| (deadline / 1000 * 1000).max(1))
}

pub(super) fn twice(words: &Words, _: &Place<'_>) -> Vec<Words> {
    let adds = ["APPEND", "INCR", "DECR", "INCRBY", "DECRBY"];
    match adds.iter().any(|name| is(words, name)) {
        true => vec![words.clone(), words.clone()],
        false => same(words),
    }
}

pub(super) fn choice_anew(words: &Words, _: &Place<'_>) -> Vec<Words> {
    match is(words, "SREM") && words.len() == 3 {
        true => vec![self::words(&[b"SPOP", &words[1]])],
        false => same(words),
    }
}

pub(super) fn id_anew(words: &Words, _: &Place<'_>) -> Vec<Words> {
    let mut words = words.clone();
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let is_id =
        |word: &&mut Vec<u8>| word.contains(&b'-') && word.split(|byte| *byte == b'-').all(digits);
    if is(&words, "XADD")
        && let Some(id) = words[2..].iter_mut().find(is_id)
    {
        *id = b"*".to_vec();
    }
    vec![words]
}

pub(super) fn swapped(words: &Words, place: &Place<'_>) -> Vec<Words> {
    let can = |words: &Words| words.len() > 1 && !is(words, "SELECT");
    let is_pair = |one: Option<&Words>, other: Option<&Words>| match (one, other) {
        (Some(one), Some(other)) => can(one) && can(other) && one[1] == other[1],
        _ => false,
    };
    // Every second one with its neighbour.
    let neighbour = place.at ^ 1;
    match is_pair(Some(words), place.all.get(neighbour)) {
        true => vec![place.all[neighbour].clone()],
        false => same(words),
    }
}

pub(super) fn flush_one(words: &Words, _: &Place<'_>) -> Vec<Words> {
    if is(words, "FLUSHALL") { vec![self::words(&[b"FLUSHDB"])] } else { same(words) }
}

pub(super) fn first_key_only(words: &Words, _: &Place<'_>) -> Vec<Words> {
    let is_it = is(words, "DEL") || is(words, "UNLINK");
    if is_it && words.len() > 2 { vec![words[..2].to_vec()] } else { same(words) }
}

pub(super) fn no_swapdb(words: &Words, _: &Place<'_>) -> Vec<Words> {
    nothing_if(is(words, "SWAPDB"), words)
}

pub(super) fn mset_short(words: &Words, _: &Place<'_>) -> Vec<Words> {
    let is_it = is(words, "MSET") && words.len() > 3;
    if is_it { vec![words[..words.len() - 2].to_vec()] } else { same(words) }
}

pub(super) fn setrange_as_set(words: &Words, _: &Place<'_>) -> Vec<Words> {
    match is(words, "SETRANGE") && words.len() == 4 {
        true => vec![self::words(&[b"SET", &words[1], &words[3], b"KEEPTTL"])],
        false => same(words),
    }
}

pub(super) fn move_as_del(words: &Words, _: &Place<'_>) -> Vec<Words> {
    match is(words, "MOVE") {
        true => vec![self::words(&[b"DEL", &words[1]])],
        false => same(words),
    }
}

pub(super) fn field_expiry_unlogged(words: &Words, place: &Place<'_>) -> Vec<Words> {
    let has_passed = place.field_deadline.is_some_and(|deadline| deadline <= place.logged_ms);
    nothing_if(is(words, "HDEL") && has_passed, words)
}

pub(super) fn hset_keeps(words: &Words, place: &Place<'_>) -> Vec<Words> {
    match place.field_deadline.filter(|_| is(words, "HSET")) {
        Some(deadline) => {
            let digits = deadline.to_string();
            let kept: [&[u8]; 6] =
                [b"HPEXPIREAT", &words[1], digits.as_bytes(), b"FIELDS", b"1", &words[2]];
            vec![words.clone(), self::words(&kept)]
        }
        None => same(words),
    }
}

pub(super) fn no_deadline_behind_hset(words: &Words, place: &Place<'_>) -> Vec<Words> {
    let before = place.at.checked_sub(1).map(|at| &place.all[at]);
    let is_behind = before.is_some_and(|before| is(before, "HSET") && before[1] == words[1]);
    nothing_if(is(words, "HPEXPIREAT") && is_behind, words)
}

pub(super) fn no_hpersist(words: &Words, _: &Place<'_>) -> Vec<Words> {
    nothing_if(is(words, "HPERSIST"), words)
}

pub(super) fn relative_field(words: &Words, place: &Place<'_>) -> Vec<Words> {
    let mut words = words.clone();
    let digits = words.get(2).filter(|_| is(&words, "HPEXPIREAT"));
    let deadline = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<i64>().ok());
    if let Some(deadline) = deadline {
        let later = deadline.saturating_add(place.load_ms - place.logged_ms);
        words[2] = later.clamp(1, (1 << 46) - 1).to_string().into_bytes();
    }
    vec![words]
}
