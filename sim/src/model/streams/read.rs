//! XREAD and XREADGROUP: what came behind an ID, now or when it comes.

use super::groups::no_group;
use super::ids::{self, FIRST, Id, LAST};
use super::value::COUNT_MAX;
use super::{Group, Pending, Seen, Stream, entry, entry_of};
use crate::model::call::{Call, SYNTAX};
use crate::model::reply::Reply;
use crate::model::waits::Wanted;
use crate::model::{Answer, Words};

/// What is asked for.
#[derive(Default)]
struct Query<'a> {
    /// Group and consumer.
    group: Option<(&'a [u8], &'a [u8])>,
    count: usize,
    /// Whether to wait, and until when.
    block: Option<Option<u64>>,
    no_ack: bool,
    keys: &'a [Vec<u8>],
    starts: &'a [Vec<u8>],
}

pub(super) fn xread(call: &mut Call<'_>) -> Answer {
    let query = Query::parse(call, false)?;
    query.answer(call)
}

pub(super) fn xreadgroup(call: &mut Call<'_>) -> Answer {
    let query = Query::parse(call, true)?;
    query.answer(call)
}

impl<'a> Query<'a> {
    fn parse(call: &Call<'a>, is_group: bool) -> Result<Self, Vec<u8>> {
        let (mut query, mut at, words) = (Self::default(), 1, call.words);
        while at < words.len() {
            let left = words.len() - at - 1;
            match &call.lower(at)[..] {
                b"block" if left > 0 => {
                    query.block = Some(call.until_ms(at + 1)?);
                    at += 1;
                }
                b"count" if left > 0 => {
                    query.count = usize::try_from(call.int(at + 1)?).unwrap_or(0);
                    at += 1;
                }
                b"streams" if left > 0 => {
                    let named = &words[at + 1..];
                    if left % 2 == 1 {
                        return Err(unbalanced(is_group));
                    }
                    (query.keys, query.starts) = named.split_at(left / 2);
                    break;
                }
                b"group" if left > 1 && is_group => {
                    query.group = Some((&words[at + 1], &words[at + 2]));
                    at += 2;
                }
                b"noack" if is_group => query.no_ack = true,
                b"group" if left > 1 => return Err(only_group("GROUP")),
                b"noack" => return Err(only_group("NOACK")),
                _ => return Err(SYNTAX.into()),
            }
            at += 1;
        }
        if query.keys.is_empty() {
            return Err(SYNTAX.into());
        }
        if is_group && query.group.is_none() {
            return Err("ERR Missing GROUP option for XREADGROUP".into());
        }
        Ok(query)
    }

    /// Where reading a stream begins; of what a group has not read yet it is the last ID.
    fn start(&self, call: &mut Call<'_>, key: &[u8], word: &[u8]) -> Result<Id, Vec<u8>> {
        let stream = call.read::<Stream>(key)?;
        if let Some((group, _)) = self.group
            && !stream.is_some_and(|stream| stream.groups.contains_key(group))
        {
            return Err(no_group(key, group, " in XREADGROUP with GROUP option"));
        }
        match (word, self.group.is_some()) {
            (b"$", true) => Err("ERR The $ ID is meaningless in the context of XREADGROUP: you \
                                 want to read the history of this consumer by specifying a \
                                 proper ID, or use the > ID to get new messages. The $ ID would \
                                 just return an empty result set."
                .into()),
            (b"$", false) => Ok(stream.map_or(FIRST, |stream| stream.last)),
            (b">", true) => Ok(LAST),
            (b">", false) => Err("ERR The > ID can be specified only when calling XREADGROUP \
                                  using the GROUP <group> <consumer> option."
                .into()),
            _ => ids::id(word),
        }
    }

    fn answer(&self, call: &mut Call<'_>) -> Answer {
        let pairs = || self.keys.iter().zip(self.starts);
        let starts: Result<Vec<Id>, _> =
            pairs().map(|(key, word)| self.start(call, key, word)).collect();
        let starts = starts?;
        let mut served = Vec::new();
        for (key, &start) in self.keys.iter().zip(&starts) {
            let entries = match self.group {
                Some((group, consumer)) => self.of_group(call, key, group, consumer, start)?,
                None => self.behind(call, key, start)?,
            };
            let pair = |entries| (Reply::Bulk(key.clone()), Reply::Array(entries));
            served.extend(entries.map(pair));
        }
        if !served.is_empty() {
            return Ok(Reply::Named(served));
        }
        match self.block {
            Some(until_ns) if call.may_wait => self.wait(call, &starts, until_ns),
            _ => {}
        }
        Ok(Reply::NullArray)
    }

    /// Waits. What is last now is what to wait behind: said again, `$` would mean what has come.
    fn wait(&self, call: &mut Call<'_>, starts: &[Id], until_ns: Option<u64>) {
        let mut words: Words = call.words.to_vec();
        let first = words.len() - starts.len();
        for (word, &start) in words[first..].iter_mut().zip(starts) {
            if word == b"$" {
                *word = ids::text(start);
            }
        }
        call.waits_for = Some(Wanted {
            type_name: "stream",
            keys: self.keys.to_vec(),
            until_ns,
            // Who waits for a group hears when it is gone.
            on_any_change: self.group.is_some(),
            words: Some(words),
        });
    }

    fn count(&self) -> usize {
        if self.count == 0 { usize::MAX } else { self.count }
    }

    /// The entries behind an ID, if there are any.
    fn behind(
        &self,
        call: &mut Call<'_>,
        key: &[u8],
        id: Id,
    ) -> Result<Option<Vec<Reply>>, Vec<u8>> {
        let Some(stream) = call.read::<Stream>(key)? else { return Ok(None) };
        let Some(from) = ids::next(id) else { return Ok(None) };
        let found = stream.entries.range(from..).take(self.count()).map(entry_of);
        Ok(Some(found.collect()).filter(|found: &Vec<_>| !found.is_empty()))
    }

    /// What a consumer gets.
    fn of_group(
        &self,
        call: &mut Call<'_>,
        key: &[u8],
        group: &[u8],
        consumer: &[u8],
        start: Id,
    ) -> Result<Option<Vec<Reply>>, Vec<u8>> {
        see(call, key, group, consumer);
        if start != LAST {
            return Ok(Some(self.again(call, key, group, consumer, start)));
        }
        let stream = call.read::<Stream>(key)?.expect("it was looked at");
        let last = stream.groups[group].last;
        let found = self.behind(call, key, last)?;
        if found.is_some() {
            self.deliver(call, key, group, consumer);
        }
        Ok(found)
    }

    /// Entries become a consumer's.
    fn deliver(&self, call: &mut Call<'_>, key: &[u8], name: &[u8], consumer: &[u8]) {
        let (now_ms, most) = (call.now_ms, self.count());
        call.alter(key, |stream: &mut Stream| {
            let mut group = stream.groups.remove(name).expect("it was looked at");
            let from = ids::next(group.last).unwrap_or(LAST);
            let given: Vec<Id> = stream.entries.range(from..).take(most).map(|it| *it.0).collect();
            for id in given {
                group.read = stream.read_with(&group, id);
                group.last = id;
                if !self.no_ack {
                    group.give(id, consumer, 1, now_ms);
                }
            }
            stream.groups.insert(name.to_vec(), group);
        });
    }

    /// What is pending for a consumer, told once more; nothing instead of what was deleted.
    fn again(
        &self,
        call: &mut Call<'_>,
        key: &[u8],
        name: &[u8],
        consumer: &[u8],
        behind: Id,
    ) -> Vec<Reply> {
        let (now_ms, most) = (call.now_ms, self.count());
        let from = ids::next(behind).unwrap_or(LAST);
        call.alter(key, |stream: &mut Stream| {
            let group = stream.groups.get_mut(name).expect("it was looked at");
            let own: Vec<Id> = group.own(consumer, from).map(|it| it.0).take(most).collect();
            let tell = |id| match stream.entries.get(&id) {
                Some(fields) => {
                    let pending = group.pending.get_mut(&id).expect("it is one of them");
                    pending.delivered_ms = now_ms;
                    pending.deliveries = (pending.deliveries + 1).min(COUNT_MAX);
                    entry(id, fields)
                }
                None => Reply::Array(vec![ids::reply(id), Reply::NullArray]),
            };
            own.into_iter().map(tell).collect()
        })
    }
}

/// A consumer asks for something: it is made if it is not there.
pub(super) fn see(call: &mut Call<'_>, key: &[u8], group: &[u8], consumer: &[u8]) {
    let seen_ms = call.now_ms;
    call.alter(key, |stream: &mut Stream| {
        let group = stream.groups.get_mut(group).expect("it was looked at");
        let active_ms = group.consumers.get(consumer).and_then(|seen| seen.active_ms);
        group.consumers.insert(consumer.to_vec(), Seen { seen_ms, active_ms });
    });
}

impl Group {
    /// An entry becomes a consumer's, delivered so often.
    pub(super) fn give(&mut self, id: Id, consumer: &[u8], deliveries: u64, now_ms: i64) {
        let pending = Pending { consumer: consumer.to_vec(), delivered_ms: now_ms, deliveries };
        self.pending.insert(id, pending);
        if let Some(seen) = self.consumers.get_mut(consumer) {
            seen.active_ms = Some(now_ms);
        }
    }
}

fn unbalanced(is_group: bool) -> Vec<u8> {
    let (name, sign) = if is_group { ("xreadgroup", '>') } else { ("xread", '$') };
    let text = format!(
        "ERR Unbalanced '{name}' list of streams: for each stream key an ID or '{sign}' must be \
         specified."
    );
    text.into()
}

fn only_group(option: &str) -> Vec<u8> {
    let text = format!(
        "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
    );
    text.into()
}
