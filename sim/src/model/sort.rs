//! SORT: the elements of a list, a set or a sorted set in another order.
//!
//! What equal elements do is left open by Redis and not by this server, which replays what it has
//! stored: they stay in the order that they had, and members of a set, which has none, are in the
//! order of their names. A set that is not to be sorted comes in any order, unless it is stored.

use std::cmp::Ordering;

use super::call::{Call, SYNTAX, WRONG_TYPE, until_nul};
use super::keyspace::Entry;
use super::reply::Reply;
use super::scores::{in_order, parse};
use super::value::{Fields, Kind as _, List, Value};
use super::{Answer, Family};

pub(super) const FAMILY: Family = Family {
    reads: &[("sort_ro", -2, |call| sort(call, false))],
    writes: &[("sort", -2, |call| sort(call, true))],
};

#[derive(Default)]
struct Options {
    is_descending: bool,
    is_alpha: bool,
    by: Option<Vec<u8>>,
    /// Some BY named no key.
    is_unsorted: bool,
    gets: Vec<Vec<u8>>,
    store: Option<Vec<u8>>,
    limit: Option<(i64, i64)>,
}

impl Options {
    fn parse(call: &Call<'_>, may_store: bool) -> Result<Self, Vec<u8>> {
        let (mut options, mut at) = (Self::default(), 2);
        while at < call.words.len() {
            let left = call.words.len() - at - 1;
            match &call.lower(at)[..] {
                b"asc" => options.is_descending = false,
                b"desc" => options.is_descending = true,
                b"alpha" => options.is_alpha = true,
                b"limit" if left >= 2 => {
                    options.limit = Some((call.int(at + 1)?, call.int(at + 2)?));
                    at += 2;
                }
                name @ (b"store" | b"by" | b"get") if left >= 1 => {
                    at += 1;
                    options.take(name, call.word(at), may_store)?;
                }
                _ => return Err(SYNTAX.into()),
            }
            at += 1;
        }
        Ok(options)
    }

    fn take(&mut self, name: &[u8], word: Vec<u8>, may_store: bool) -> Result<(), Vec<u8>> {
        match name {
            b"store" if !may_store => return Err(SYNTAX.into()),
            b"store" => self.store = Some(word),
            b"get" => self.gets.push(word),
            _ => {
                self.is_unsorted |= !until_nul(&word).contains(&b'*');
                self.by = Some(word);
            }
        }
        Ok(())
    }

    /// How many are left out at first, and how many are wanted then.
    fn window(&self, len: usize) -> (usize, usize) {
        let (offset, count) = self.limit.unwrap_or((0, -1));
        let start = usize::try_from(offset).unwrap_or(0).min(len);
        (start, usize::try_from(count).unwrap_or(len).min(len - start))
    }
}

/// A weight as `strtod` reads it.
fn number(text: &[u8]) -> Option<f64> {
    let text = until_nul(text);
    if text.is_empty() {
        return Some(0.0);
    }
    let is_space = |byte: &&u8| matches!(**byte, b' ' | 9..=13);
    parse(&text[text.iter().take_while(is_space).count()..])
}

/// What a pattern finds for an element.
enum Found {
    Element,
    Nothing,
    /// A key, and perhaps a field.
    Key(Vec<u8>, Option<Vec<u8>>),
}

impl Found {
    fn of(pattern: &[u8], element: &[u8]) -> Self {
        if until_nul(pattern) == b"#" {
            return Self::Element;
        }
        let star = until_nul(pattern).iter().position(|&byte| byte == b'*');
        let Some(star) = star else { return Self::Nothing };
        let rest = &pattern[star + 1..];
        let visible = until_nul(rest);
        let arrow = visible.windows(2).position(|two| two == b"->");
        let arrow = arrow.filter(|at| at + 2 < visible.len());
        let behind = &rest[..arrow.unwrap_or(rest.len())];
        let field = arrow.map(|at| rest[at + 2..].to_vec());
        Self::Key([&pattern[..star], element, behind].concat(), field)
    }
}

/// The string in a key, or in a field of the hash there.
fn text(entry: &Entry, field: Option<&Vec<u8>>, now_ms: i64) -> Option<Vec<u8>> {
    let Some(field) = field else { return entry.value.clone().into_string() };
    let (text, deadline_ms) = Fields::of(&entry.value)?.get(field)?;
    deadline_ms.is_none_or(|at_ms| at_ms as i64 > now_ms).then(|| text.clone())
}

fn look_up(call: &mut Call<'_>, pattern: &[u8], element: &[u8]) -> Option<Vec<u8>> {
    match Found::of(pattern, element) {
        Found::Element => Some(element.to_vec()),
        Found::Nothing => None,
        Found::Key(key, field) => {
            let now_ms = call.now_ms;
            text(call.meet(&key)?, field.as_ref(), now_ms)
        }
    }
}

/// The same, but a key past its deadline stays: nobody knows whether it is looked at.
fn peek(call: &Call<'_>, pattern: &[u8], element: &[u8]) -> Option<Vec<u8>> {
    match Found::of(pattern, element) {
        Found::Element => Some(element.to_vec()),
        Found::Nothing => None,
        Found::Key(key, field) => {
            let entry = call.keyspace.peek(*call.db, &key)?;
            let is_live = !entry.is_dead(call.now_ms);
            is_live.then(|| text(entry, field.as_ref(), call.now_ms))?
        }
    }
}

type Elements = Vec<Vec<u8>>;

/// What is in a key in its order, and whether it has one.
fn elements(call: &mut Call<'_>) -> Result<(Elements, bool), Vec<u8>> {
    Ok(match call.first().map(|entry| &entry.value) {
        None => (Vec::new(), true),
        Some(Value::List(list)) => (list.iter().cloned().collect(), true),
        Some(Value::Set(set)) => (set.iter().cloned().collect(), false),
        Some(Value::SortedSet(scores)) => {
            (in_order(scores, false).into_iter().map(|item| item.0).collect(), true)
        }
        Some(_) => return Err(WRONG_TYPE.into()),
    })
}

fn sort(call: &mut Call<'_>, may_store: bool) -> Answer {
    let mut options = Options::parse(call, may_store)?;
    let (mut elements, has_order) = elements(call)?;
    if !has_order && options.is_unsorted {
        if options.store.is_none() {
            return Ok(any(call, &options, &elements));
        }
        let by_themselves = Options { is_unsorted: false, is_alpha: true, by: None, ..options };
        options = by_themselves;
    }
    if !options.is_unsorted {
        elements = sorted(call, &options, elements)?;
    } else if options.is_descending {
        elements.reverse();
    }
    let (start, count) = options.window(elements.len());
    let mut results = Vec::new();
    for element in elements.into_iter().skip(start).take(count) {
        let found = options.gets.iter().map(|get| look_up(call, get, &element));
        results.extend(found);
        if options.gets.is_empty() {
            results.push(Some(element));
        }
    }
    let Some(to) = &options.store else {
        let reply = |result: Option<Vec<u8>>| result.map_or(Reply::Null, Reply::Bulk);
        return Ok(Reply::Array(results.into_iter().map(reply).collect()));
    };
    let len = results.len();
    call.store(to, results.into_iter().map(Option::unwrap_or_default).collect::<List>());
    Ok(len.into())
}

fn sorted(call: &mut Call<'_>, options: &Options, elements: Elements) -> Result<Elements, Vec<u8>> {
    let mut weighed = Vec::new();
    for element in elements {
        let weight = match &options.by {
            Some(pattern) => look_up(call, pattern, &element),
            None => Some(element.clone()),
        };
        let number = weight.as_deref().map_or(Some(0.0), number);
        weighed.push((element, weight, number));
    }
    if !options.is_alpha && weighed.iter().any(|item| item.2.is_none()) {
        return Err("ERR One or more scores can't be converted into double".into());
    }
    weighed.sort_by(|one, other| {
        let order = if options.is_alpha {
            one.1.cmp(&other.1)
        } else {
            let order = one.2.partial_cmp(&other.2).unwrap_or(Ordering::Equal);
            order.then_with(|| one.0.cmp(&other.0))
        };
        if options.is_descending { order.reverse() } else { order }
    });
    Ok(weighed.into_iter().map(|item| item.0).collect())
}

/// Some of the elements in any order.
fn any(call: &Call<'_>, options: &Options, elements: &Elements) -> Reply {
    let reply = |result: Option<Vec<u8>>| result.map_or(Reply::Null, Reply::Bulk);
    let group = |element: &Vec<u8>| match options.gets.is_empty() {
        true => vec![Reply::Bulk(element.clone())],
        false => options.gets.iter().map(|get| reply(peek(call, get, element))).collect(),
    };
    Reply::Picked(vec![(elements.iter().map(group).collect(), options.window(elements.len()).1)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_keys_and_fields() {
        let named = |pattern: &str| match Found::of(pattern.as_bytes(), b"7") {
            Found::Element => "element".to_owned(),
            Found::Nothing => "nothing".to_owned(),
            Found::Key(key, field) => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let key = text(&key);
                match field {
                    None => key,
                    Some(field) => format!("{} of {key}", text(&field)),
                }
            }
        };
        for (pattern, wanted) in [
            ("#", "element"),
            ("##", "nothing"),
            ("w*x*", "w7x*"),
            ("a->*b->c->d", "c->d of a->7b"),
            ("*->", "7->"),
            ("w\0*", "nothing"),
        ] {
            assert_eq!(named(pattern), wanted);
        }
    }

    #[test]
    fn weights_are_numbers_as_in_c() {
        assert_eq!(number(b" \x0b1.5\0x"), Some(1.5));
        assert_eq!((number(b""), number(b" "), number(b"nan")), (Some(0.0), None, None));
    }
}
