//! XACK and XPENDING: what was delivered and not acknowledged.

use super::groups::no_group;
use super::ids::{self, Id};
use super::{Group, Pending, Stream};
use crate::model::Answer;
use crate::model::call::{Call, SYNTAX};
use crate::model::reply::Reply;

pub(super) fn xack(call: &mut Call<'_>) -> Answer {
    let (words, key, name) = (call.words, &call.words[1], &call.words[2]);
    let group = call.read::<Stream>(key)?.and_then(|stream| stream.groups.get(name));
    if group.is_none() {
        return Ok(Reply::Int(0));
    }
    let ids = ids::ids(&words[3..])?;
    let ended = call.alter(key, |stream: &mut Stream| {
        let group = stream.groups.get_mut(name).expect("it was looked at");
        ids.iter().filter(|id| group.pending.remove(id).is_some()).count()
    });
    Ok(ended.into())
}

/// What XPENDING asks for beside a summary.
struct Range<'a> {
    idle_ms: i64,
    start: Id,
    end: Id,
    count: usize,
    consumer: Option<&'a Vec<u8>>,
}

impl<'a> Range<'a> {
    fn parse(call: &Call<'a>) -> Result<Option<Self>, Vec<u8>> {
        let words = call.words;
        if words.len() == 3 {
            return Ok(None);
        }
        if !(6..=9).contains(&words.len()) {
            return Err(SYNTAX.into());
        }
        let (mut idle_ms, mut at) = (0, 3);
        if call.lower(3) == b"idle" {
            idle_ms = call.int(4)?;
            at = 5;
            if words.len() < 8 {
                return Err(SYNTAX.into());
            }
        }
        let count = usize::try_from(call.int(at + 2)?).unwrap_or(0);
        let (start, end) = (ids::start(&words[at])?, ids::end(&words[at + 1])?);
        Ok(Some(Self { idle_ms, start, end, count, consumer: words.get(at + 3) }))
    }

    fn is_asked(&self, id: Id, pending: &Pending, now_ms: i64) -> bool {
        (self.start..=self.end).contains(&id)
            && (self.idle_ms == 0 || now_ms - pending.delivered_ms >= self.idle_ms)
            && self.consumer.is_none_or(|name| *name == pending.consumer)
    }
}

pub(super) fn xpending(call: &mut Call<'_>) -> Answer {
    let range = Range::parse(call)?;
    let (key, name, now_ms) = (&call.words[1], &call.words[2], call.now_ms);
    let group = call.read::<Stream>(key)?.and_then(|stream| stream.groups.get(name));
    let group = group.ok_or_else(|| no_group(key, name, ""))?;
    let Some(range) = range else { return Ok(summary(group)) };
    let asked = group.pending.iter().filter(|it| range.is_asked(*it.0, it.1, now_ms));
    let told = asked.take(range.count).map(|(&id, pending)| {
        let idle_ms = (now_ms - pending.delivered_ms).max(0);
        let name = Reply::Bulk(pending.consumer.clone());
        let deliveries = Reply::Int(pending.deliveries as i64);
        Reply::Array(vec![ids::reply(id), name, Reply::Int(idle_ms), deliveries])
    });
    Ok(Reply::Array(told.collect()))
}

fn summary(group: &Group) -> Reply {
    let ends = (group.pending.keys().next(), group.pending.keys().next_back());
    let (Some(&first), Some(&last)) = ends else {
        return Reply::Array(vec![Reply::Int(0), Reply::Null, Reply::Null, Reply::NullArray]);
    };
    let busy = group.consumers.keys().map(|name| (name, group.own(name, ids::FIRST).count()));
    let busy = busy.filter(|it| it.1 > 0).map(|(name, count)| {
        Reply::Array([name.clone(), count.to_string().into()].map(Reply::Bulk).into())
    });
    let len = Reply::from(group.pending.len());
    Reply::Array(vec![len, ids::reply(first), ids::reply(last), Reply::Array(busy.collect())])
}
