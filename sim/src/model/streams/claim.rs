//! XCLAIM and XAUTOCLAIM: what is pending for one consumer becomes another's.

use super::groups::no_group;
use super::ids::{self, FIRST, Id};
use super::read::see;
use super::value::COUNT_MAX;
use super::{Stream, entry};
use crate::model::Answer;
use crate::model::call::{Call, SYNTAX, int, quoted};
use crate::model::reply::Reply;

/// How entries are claimed.
struct Claim<'a> {
    key: &'a [u8],
    group: &'a [u8],
    consumer: &'a [u8],
    min_idle_ms: i64,
    now_ms: i64,
    delivered_ms: i64,
    retries: Option<u64>,
    force: bool,
    just_id: bool,
    last: Id,
}

/// What became of an entry.
enum Claimed {
    Yes,
    /// It is not there any more, and not pending any more.
    Gone,
    No,
}

impl<'a> Claim<'a> {
    fn parse(call: &Call<'a>, name: &str) -> Result<Self, Vec<u8>> {
        let (words, now_ms) = (call.words, call.now_ms);
        let wrong = || format!("ERR Invalid min-idle-time argument for {name}");
        let min_idle_ms = int(&words[4]).ok_or_else(wrong)?.max(0);
        Ok(Self {
            key: &words[1],
            group: &words[2],
            consumer: &words[3],
            min_idle_ms,
            now_ms,
            delivered_ms: now_ms,
            retries: None,
            force: false,
            just_id: false,
            last: FIRST,
        })
    }

    /// The options of XCLAIM.
    fn options(&mut self, call: &Call<'_>, mut at: usize) -> Result<(), Vec<u8>> {
        let number = |at: usize, name: &str| {
            let wrong = || format!("ERR Invalid {name} option argument for XCLAIM");
            int(&call.words[at]).ok_or_else(wrong)
        };
        while at < call.words.len() {
            let has_more = at + 1 < call.words.len();
            let name = call.lower(at);
            match &name[..] {
                b"force" => self.force = true,
                b"justid" => self.just_id = true,
                b"idle" if has_more => {
                    self.deliver_at(self.now_ms.wrapping_sub(number(at + 1, "IDLE")?));
                }
                b"time" if has_more => self.deliver_at(number(at + 1, "TIME")?),
                b"retrycount" if has_more => {
                    self.retries = u64::try_from(number(at + 1, "RETRYCOUNT")?).ok();
                }
                b"lastid" if has_more => self.last = ids::id(&call.words[at + 1])?,
                _ => {
                    let word = quoted(&call.words[at]);
                    return Err([&b"ERR Unrecognized XCLAIM option '"[..], &word, b"'"].concat());
                }
            }
            at += if matches!(&name[..], b"force" | b"justid") { 1 } else { 2 };
        }
        Ok(())
    }

    /// No time in the future, and none before 1970.
    fn deliver_at(&mut self, at_ms: i64) {
        self.delivered_ms = if at_ms < 0 { self.now_ms } else { at_ms.min(self.now_ms) };
    }

    fn claim(&self, stream: &mut Stream, id: Id) -> Claimed {
        let is_there = stream.entries.contains_key(&id);
        let group = stream.groups.get_mut(self.group).expect("it was looked at");
        let before = group.pending.get(&id);
        if !is_there {
            return if group.pending.remove(&id).is_some() { Claimed::Gone } else { Claimed::No };
        }
        let deliveries = match before {
            Some(before) => {
                let idle_ms = self.now_ms - before.delivered_ms;
                if self.min_idle_ms > 0 && idle_ms < self.min_idle_ms {
                    return Claimed::No;
                }
                before.deliveries
            }
            None if self.force => 1,
            None => return Claimed::No,
        };
        let deliveries = match self.retries {
            Some(retries) => retries,
            None => (deliveries + u64::from(!self.just_id)).min(COUNT_MAX),
        };
        group.give(id, self.consumer, deliveries, self.now_ms);
        let pending = group.pending.get_mut(&id).expect("it was given");
        pending.delivered_ms = self.delivered_ms;
        Claimed::Yes
    }

    /// What was claimed, or only the IDs.
    fn told(&self, stream: &Stream, ids: &[Id]) -> Reply {
        let tell = |&id: &Id| match stream.entries.get(&id) {
            Some(fields) if !self.just_id => entry(id, fields),
            _ => ids::reply(id),
        };
        Reply::Array(ids.iter().map(tell).collect())
    }
}

fn has_group(call: &mut Call<'_>) -> Result<(), Vec<u8>> {
    let (key, group) = (&call.words[1], &call.words[2]);
    let stream = call.read::<Stream>(key)?;
    let is_there = stream.is_some_and(|stream| stream.groups.contains_key(group));
    if is_there { Ok(()) } else { Err(no_group(key, group, "")) }
}

pub(super) fn xclaim(call: &mut Call<'_>) -> Answer {
    let words = call.words;
    has_group(call)?;
    let mut claim = Claim::parse(call, "XCLAIM")?;
    let ids: Vec<Id> = words[5..].iter().map_while(|word| ids::id(word).ok()).collect();
    claim.options(call, 5 + ids.len())?;
    see(call, claim.key, claim.group, claim.consumer);
    Ok(call.alter(claim.key, |stream: &mut Stream| {
        let group = stream.groups.get_mut(claim.group).expect("it was looked at");
        group.last = group.last.max(claim.last);
        let mut claimed = Vec::new();
        for id in ids {
            if matches!(claim.claim(stream, id), Claimed::Yes) {
                claimed.push(id);
            }
        }
        claim.told(stream, &claimed)
    }))
}

pub(super) fn xautoclaim(call: &mut Call<'_>) -> Answer {
    const COUNT_MAX: i64 = i64::MAX / 16;
    let mut claim = Claim::parse(call, "XAUTOCLAIM")?;
    let (start, mut count, mut at) = (ids::start(&call.words[5])?, 100, 6);
    while at < call.words.len() {
        match &call.lower(at)[..] {
            b"count" if at + 1 < call.words.len() => {
                let given = int(&call.words[at + 1]);
                let given = given.filter(|count| (1..=COUNT_MAX).contains(count));
                count = given.ok_or("ERR COUNT must be > 0")? as usize;
                at += 1;
            }
            b"justid" => claim.just_id = true,
            _ => return Err(SYNTAX.into()),
        }
        at += 1;
    }
    has_group(call)?;
    see(call, claim.key, claim.group, claim.consumer);
    Ok(call.alter(claim.key, |stream: &mut Stream| search(&claim, stream, start, count)))
}

/// Claims what is pending for long enough, looking at ten times as many as it may claim.
fn search(claim: &Claim<'_>, stream: &mut Stream, start: Id, count: usize) -> Reply {
    let pending = stream.groups[claim.group].pending.range(start..);
    let mut pending: Vec<Id> = pending.map(|it| *it.0).collect();
    pending.reverse();
    let (mut claimed, mut gone, mut attempts) = (Vec::new(), Vec::new(), count.saturating_mul(10));
    while attempts > 0 && claimed.len() + gone.len() < count {
        let Some(id) = pending.pop() else { break };
        attempts -= 1;
        match claim.claim(stream, id) {
            Claimed::Yes => claimed.push(id),
            Claimed::Gone => gone.push(id),
            Claimed::No => {}
        }
    }
    let next = pending.pop().unwrap_or(FIRST);
    let gone = gone.into_iter().map(ids::reply).collect();
    Reply::Array(vec![ids::reply(next), claim.told(stream, &claimed), Reply::Array(gone)])
}
