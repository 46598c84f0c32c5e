//! SCAN and its relatives, KEYS and RANDOMKEY: what names them by patterns and walks over them.
//!
//! A reply of SCAN may have anything that is there and matches, and anything twice. What is
//! promised is about a whole walk: an element that is there from its first call to its last is
//! told at least once. So each walk keeps the names that it owes: those that were there when it
//! began, less those that went, or were told. When its cursor is 0 again it must owe nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::call::{Call, NOT_INTEGER, SYNTAX, int, until_nul};
use super::keyspace::{Event, Keyspace};
use super::reply::{Reply, Told};
use super::value::{Fields, Scores, Set, Value};
use super::{Answer, Family, Model, Words};

pub(super) const FAMILY: Family = Family {
    reads: &[
        ("scan", -2, scan),
        ("hscan", -3, |call| scan_value(call, "hash")),
        ("sscan", -3, |call| scan_value(call, "set")),
        ("zscan", -3, |call| scan_value(call, "zset")),
        ("keys", 2, |call| {
            let pattern = call.word(1);
            let names = live(call).into_iter().filter(|name| matches(&pattern, name));
            Ok(Reply::Bag(names.map(Reply::Bulk).collect()))
        }),
        ("randomkey", 1, |call| {
            let names = live(call);
            Ok(match names.is_empty() {
                true => Reply::Null,
                false => Reply::OneOf(names.into_iter().map(Reply::Bulk).collect()),
            })
        }),
    ],
    writes: &[],
};

/// So many walks are followed at once.
const WALKS_MAX: usize = 8;

/// Walks that have begun and not ended.
#[derive(Debug, Default)]
pub(super) struct Walks {
    all: Vec<Walk>,
    count: u64,
}

#[derive(Debug)]
struct Walk {
    number: u64,
    db: usize,
    /// The key over whose value it walks; none: over all keys.
    key: Option<Vec<u8>>,
    /// Its command line; the cursor in it is the last one told.
    words: Words,
    /// The reply with the next cursor was read.
    is_told: bool,
    owes: BTreeSet<Vec<u8>>,
}

impl Walk {
    fn cursor_at(&self) -> usize {
        1 + usize::from(self.key.is_some())
    }

    fn forget_what_went(&mut self, keyspace: &Keyspace, now_ms: i64) {
        let is_live =
            |name: &[u8]| keyspace.peek(self.db, name).is_some_and(|entry| !entry.is_dead(now_ms));
        match &self.key {
            None => self.owes.retain(|name| is_live(name)),
            Some(key) => {
                let value = keyspace.peek(self.db, key).filter(|_| is_live(key));
                self.owes.retain(|name| value.is_some_and(|entry| has(&entry.value, name)));
            }
        }
    }
}

fn has(value: &Value, name: &[u8]) -> bool {
    match value {
        Value::Hash(fields) => fields.contains_key(name),
        Value::Set(set) => set.contains(name),
        Value::SortedSet(scores) => scores.contains_key(name),
        _ => false,
    }
}

impl Walks {
    pub(super) fn hear(&mut self, event: &Event, keyspace: &Keyspace) {
        match event {
            Event::Changed(db, key) | Event::Expired(db, key) => {
                for walk in self.all.iter_mut().filter(|walk| walk.db == *db) {
                    if walk.key.as_ref() == Some(key) {
                        walk.forget_what_went(keyspace, i64::MIN);
                    } else if walk.key.is_none() && keyspace.peek(*db, key).is_none() {
                        walk.owes.remove(key);
                    }
                }
            }
            Event::Ready(..) => {}
            Event::Replaced(db, _) => self.all.retain(|walk| walk.db != *db),
        }
    }

    /// The number of the walk of which this call is the next step, or the first.
    fn step(&mut self, call: &StepOf<'_>, names: impl Iterator<Item = Vec<u8>>) -> Option<u64> {
        let at = call.key.map_or(1, |_| 2);
        if matches!(&call.words[at][..], b"0") {
            self.count += 1;
            if self.all.len() == WALKS_MAX {
                self.all.remove(0);
            }
            self.all.push(Walk {
                number: self.count,
                db: call.db,
                key: call.key.cloned(),
                words: call.words.to_vec(),
                is_told: false,
                owes: names.collect(),
            });
            return Some(self.count);
        }
        let is_it =
            |walk: &&mut Walk| walk.is_told && walk.db == call.db && walk.words == call.words;
        let walk = self.all.iter_mut().find(is_it)?;
        walk.is_told = false;
        walk.forget_what_went(call.keyspace, call.now_ms);
        Some(walk.number)
    }
}

/// A call that may be a step of a walk.
struct StepOf<'a> {
    keyspace: &'a Keyspace,
    now_ms: i64,
    db: usize,
    key: Option<&'a Vec<u8>>,
    words: &'a [Vec<u8>],
}

impl Model {
    /// What clients may say to go on with a walk.
    #[must_use]
    pub fn open_walks(&self) -> Vec<Words> {
        let told = self.walks.all.iter().filter(|walk| walk.is_told);
        told.map(|walk| walk.words.clone()).collect()
    }

    /// A client has read a step of a walk: its next cursor, and names that it told. When it has
    /// ended and owes something, that is returned.
    pub fn walked(&mut self, told: &Told, cursor: &[u8], names: &[Vec<u8>]) -> Option<Vec<u8>> {
        let at = self.walks.all.iter().position(|walk| Some(walk.number) == told.walk)?;
        let walk = &mut self.walks.all[at];
        for name in names {
            walk.owes.remove(name);
        }
        if cursor == b"0" {
            return self.walks.all.remove(at).owes.into_iter().next();
        }
        let place = walk.cursor_at();
        walk.words[place] = cursor.to_vec();
        walk.is_told = true;
        None
    }
}

/// The keys that are there.
fn live(call: &Call<'_>) -> Vec<Vec<u8>> {
    let all = call.keyspace.of_db(*call.db);
    all.filter(|(_, entry)| !entry.is_dead(call.now_ms)).map(|(key, _)| key.to_vec()).collect()
}

/// What SCAN and its relatives are asked for.
#[derive(Default)]
struct Options {
    pattern: Option<Vec<u8>>,
    type_name: Option<Vec<u8>>,
    without_values: bool,
}

impl Options {
    fn parse(call: &Call<'_>, mut at: usize, name: &str) -> Result<Self, Vec<u8>> {
        let mut options = Self::default();
        while at < call.words.len() {
            let has_more = at + 1 < call.words.len();
            match &call.lower(at)[..] {
                b"novalues" if name == "hash" => {
                    options.without_values = true;
                    at += 1;
                    continue;
                }
                b"count" if has_more => {
                    if int(&call.words[at + 1]).ok_or(NOT_INTEGER)? < 1 {
                        return Err(SYNTAX.into());
                    }
                }
                b"match" if has_more => options.pattern = Some(call.word(at + 1)),
                b"type" if has_more && name.is_empty() => {
                    options.type_name = Some(call.lower(at + 1));
                }
                _ => return Err(SYNTAX.into()),
            }
            at += 2;
        }
        Ok(options)
    }

    fn takes(&self, name: &[u8]) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| matches(pattern, name))
    }
}

/// Checks a cursor: a number as `strtoul` reads it.
fn cursor(word: &[u8]) -> Result<(), Vec<u8>> {
    let word = until_nul(word);
    let digits = word.strip_prefix(b"-").or_else(|| word.strip_prefix(b"+")).unwrap_or(word);
    let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<u64>().ok());
    let is_number = digits.first() != Some(&b'+') && number.is_some();
    if word.is_empty() || is_number { Ok(()) } else { Err("ERR invalid cursor".into()) }
}

fn scan(call: &mut Call<'_>) -> Answer {
    cursor(&call.words[1])?;
    let options = Options::parse(call, 2, "")?;
    let is_wanted = |name: &Vec<u8>| {
        let entry = call.keyspace.peek(*call.db, name);
        let wanted = options.type_name.as_deref();
        options.takes(name)
            && entry.is_some_and(|it| {
                wanted.is_none_or(|it_is| it_is == it.value.type_name().as_bytes())
            })
    };
    let names = live(call).into_iter().filter(is_wanted);
    let items: BTreeMap<_, _> = names.map(|name| (name, None)).collect();
    // A key may get another type on the way: then nothing is owed.
    Ok(told(call, None, items, options.type_name.is_none()))
}

fn scan_value(call: &mut Call<'_>, name: &str) -> Answer {
    cursor(&call.words[2])?;
    let (key, words) = (&call.words[1], call.words);
    let items: Vec<(Vec<u8>, Option<Reply>)> = match name {
        "hash" => call
            .read::<Fields>(key)?
            .into_iter()
            .flatten()
            .map(|(field, held)| (field.clone(), Some(Reply::Bulk(held.0.clone()))))
            .collect(),
        "set" => {
            call.read::<Set>(key)?.into_iter().flatten().map(|it| (it.clone(), None)).collect()
        }
        _ => call
            .read::<Scores>(key)?
            .into_iter()
            .flatten()
            .map(|(member, &score)| (member.clone(), Some(Reply::ScoreText(score))))
            .collect(),
    };
    if items.is_empty() {
        return Ok(Reply::Array(vec![Reply::Bulk(b"0".to_vec()), Reply::Array(Vec::new())]));
    }
    let options = Options::parse(call, 3, name)?;
    let items = items.into_iter().filter(|item| options.takes(&item.0));
    let items = items.map(|(it, value)| (it, value.filter(|_| !options.without_values)));
    Ok(told(call, Some(&words[1]), items.collect(), true))
}

fn told(
    call: &mut Call<'_>,
    key: Option<&Vec<u8>>,
    items: BTreeMap<Vec<u8>, Option<Reply>>,
    owes: bool,
) -> Reply {
    let (keyspace, now_ms) = (&*call.keyspace, call.now_ms);
    let step = StepOf { keyspace, now_ms, db: *call.db, key, words: call.words };
    let is_followed = owes && call.may_wait;
    let walk = is_followed.then(|| call.walks.step(&step, items.keys().cloned())).flatten();
    Reply::Told(Told { items, walk })
}

/// Whether a name matches a pattern of KEYS. An empty name matches what can be empty only where
/// it is written so.
pub(super) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.is_empty() {
        return pattern.is_empty() || pattern == b"*";
    }
    glob(pattern, name)
}

/// Only the last star is ever tried again: what those before it took is as good as anything else.
fn glob(mut pattern: &[u8], mut name: &[u8]) -> bool {
    let mut star = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            (pattern, star) = (rest, Some((rest, name)));
        } else if let Some(left) = one(pattern, name) {
            (pattern, name) = left;
        } else if pattern.is_empty() && name.is_empty() {
            return true;
        } else if let Some((behind, [_, left @ ..])) = star {
            (pattern, name, star) = (behind, left, Some((behind, left)));
        } else {
            return false;
        }
    }
}

/// What is left when the first byte matches what the pattern begins with.
fn one<'p, 'n>(pattern: &'p [u8], name: &'n [u8]) -> Option<(&'p [u8], &'n [u8])> {
    let (byte, left) = name.split_first()?;
    let (is_it, rest) = match pattern {
        [] => return None,
        [b'?', rest @ ..] => (true, rest),
        [b'[', rest @ ..] => class(rest, *byte),
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (literal == byte, rest),
    };
    is_it.then_some((rest, left))
}

/// Whether a byte is in the class that begins here, and what comes behind it.
fn class(mut rest: &[u8], byte: u8) -> (bool, &[u8]) {
    let is_not = rest.first() == Some(&b'^');
    rest = &rest[usize::from(is_not)..];
    let mut is_in = false;
    loop {
        match rest {
            [] => return (is_in != is_not, rest),
            [b']', behind @ ..] => return (is_in != is_not, behind),
            [b'\\', literal, behind @ ..] => {
                is_in |= *literal == byte;
                rest = behind;
            }
            [one, b'-', other, behind @ ..] => {
                is_in |= (*one.min(other)..=*one.max(other)).contains(&byte);
                rest = behind;
            }
            [literal, behind @ ..] => {
                is_in |= *literal == byte;
                rest = behind;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_redis() {
        for (pattern, name) in
            [("*", "x"), ("k?y", "key"), ("k[e-z]y:1*", "key:12"), ("[^a]*", "b"), ("\\*", "*")]
        {
            assert!(matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        for (pattern, name) in [("[", "x"), ("", "x"), ("a*b", "ac"), ("[^a]*", "a"), ("\\*", "x")]
        {
            assert!(!matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_in_a_long_name_take_no_time() {
        let name = b"abc".repeat(20_000);
        assert!(!matches(b"a*b*c*d", &name) && matches(b"a*b*a*c", &name));
    }

    #[test]
    fn cursors_are_numbers() {
        assert!(
            ["0", "", "-1", "+5", "18446744073709551615"]
                .iter()
                .all(|it| cursor(it.as_bytes()).is_ok())
        );
        assert!(
            ["x", "-", " 1", "1x", "18446744073709551616"]
                .iter()
                .all(|it| cursor(it.as_bytes()).is_err())
        );
    }
}
