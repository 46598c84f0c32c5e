//! Ranges of sorted sets: by rank, by score, by name.

use std::collections::BTreeSet;

use super::call::{Call, SYNTAX};
use super::lists::ranks;
use super::reply::Reply;
use super::scores::{in_order, parse_bound};
use super::value::Scores;
use super::{Answer, Family};

pub(super) const FAMILY: Family = Family {
    reads: &[
        ("zrange", -4, |call| answer(call, None)),
        ("zrevrange", -4, |call| answer(call, Some((By::Rank, true)))),
        ("zrangebyscore", -4, |call| answer(call, Some((By::Score, false)))),
        ("zrevrangebyscore", -4, |call| answer(call, Some((By::Score, true)))),
        ("zrangebylex", -4, |call| answer(call, Some((By::Name, false)))),
        ("zrevrangebylex", -4, |call| answer(call, Some((By::Name, true)))),
        ("zcount", 4, |call| count(call, By::Score)),
        ("zlexcount", 4, |call| count(call, By::Name)),
    ],
    writes: &[
        ("zrangestore", -5, zrangestore),
        ("zremrangebyrank", 4, |call| remove(call, By::Rank)),
        ("zremrangebyscore", 4, |call| remove(call, By::Score)),
        ("zremrangebylex", 4, |call| remove(call, By::Name)),
    ],
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    Rank,
    Score,
    Name,
}

/// A range with its bounds, the lower one first.
enum Range {
    Ranks(i64, i64),
    Scores([(f64, bool); 2]),
    Names([Name; 2]),
}

enum Name {
    First,
    Last,
    /// A name, which is part of the range or not.
    Of(Vec<u8>, bool),
}

type Items = Vec<(Vec<u8>, f64)>;

impl Range {
    fn parse(call: &Call<'_>, by: By, at: usize, is_swapped: bool) -> Result<Self, Vec<u8>> {
        let (low, high) = if is_swapped { (at + 1, at) } else { (at, at + 1) };
        Ok(match by {
            By::Rank => Self::Ranks(call.int(at)?, call.int(at + 1)?),
            By::Score => Self::Scores([score(&call.words[low])?, score(&call.words[high])?]),
            By::Name => Self::Names([name(&call.words[low])?, name(&call.words[high])?]),
        })
    }

    /// The members in it, of all that there are in their order, or in reverse.
    fn of(&self, mut items: Items) -> Items {
        match self {
            Self::Ranks(start, stop) => match ranks(*start, *stop, items.len()) {
                Some((first, last)) => items.drain(first..=last).collect(),
                None => Vec::new(),
            },
            Self::Scores([low, high]) => {
                items.retain(|&(_, score)| {
                    (if low.1 { score >= low.0 } else { score > low.0 })
                        && (if high.1 { score <= high.0 } else { score < high.0 })
                });
                items
            }
            Self::Names([low, high]) => {
                // Only where all scores are equal names are in order. Where they are not, Redis
                // promises nothing and this server that it is the same at each replay.
                let first = items.iter().position(|(member, _)| low.is_before(member));
                let end = items.iter().position(|(member, _)| !high.is_behind(member));
                items.truncate(end.unwrap_or(items.len()));
                items.drain(..first.unwrap_or(items.len()).min(items.len()));
                items
            }
        }
    }
}

impl Name {
    fn is_before(&self, member: &Vec<u8>) -> bool {
        match self {
            Self::First => true,
            Self::Last => false,
            Self::Of(name, is_part) => {
                if *is_part {
                    name <= member
                } else {
                    name < member
                }
            }
        }
    }

    fn is_behind(&self, member: &Vec<u8>) -> bool {
        match self {
            Self::First => false,
            Self::Last => true,
            Self::Of(name, is_part) => {
                if *is_part {
                    name >= member
                } else {
                    name > member
                }
            }
        }
    }
}

fn score(word: &[u8]) -> Result<(f64, bool), Vec<u8>> {
    let (text, is_part) = word.strip_prefix(b"(").map_or((word, true), |text| (text, false));
    Ok((parse_bound(text).ok_or("ERR min or max is not a float")?, is_part))
}

fn name(word: &[u8]) -> Result<Name, Vec<u8>> {
    match word {
        b"-" => Ok(Name::First),
        b"+" => Ok(Name::Last),
        [b'[', name @ ..] => Ok(Name::Of(name.to_vec(), true)),
        [b'(', name @ ..] => Ok(Name::Of(name.to_vec(), false)),
        _ => Err("ERR min or max not valid string range item".into()),
    }
}

/// A query of ZRANGE and its like.
struct Query {
    range: Range,
    is_reverse: bool,
    with_scores: bool,
    limit: Option<(i64, i64)>,
}

impl Query {
    /// Reads what stands from `at` on; a command whose name says by what takes fewer options.
    fn parse(
        call: &Call<'_>,
        at: usize,
        named: Option<(By, bool)>,
        is_stored: bool,
    ) -> Result<Self, Vec<u8>> {
        let (mut by, mut is_reverse) = (named.map(|it| it.0), named.map(|it| it.1));
        let (mut with_scores, mut limit) = (false, None);
        let mut option = at + 2;
        while option < call.words.len() {
            match &call.lower(option)[..] {
                b"withscores" if !is_stored => with_scores = true,
                b"limit" if option + 2 < call.words.len() => {
                    limit = Some((call.int(option + 1)?, call.int(option + 2)?));
                    option += 2;
                }
                b"rev" if is_reverse.is_none() => is_reverse = Some(true),
                b"bylex" if by.is_none() => by = Some(By::Name),
                b"byscore" if by.is_none() => by = Some(By::Score),
                _ => return Err(SYNTAX.into()),
            }
            option += 1;
        }
        let (by, is_reverse) = (by.unwrap_or(By::Rank), is_reverse.unwrap_or(false));
        // A limit that limits nothing passes.
        if by == By::Rank && limit.is_some_and(|(_, count)| count != -1) {
            return Err("ERR syntax error, LIMIT is only supported in combination with either \
                        BYSCORE or BYLEX"
                .into());
        }
        if with_scores && by == By::Name {
            return Err(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX".into()
            );
        }
        let range = Range::parse(call, by, at, is_reverse && by != By::Rank)?;
        Ok(Self { range, is_reverse, with_scores, limit: limit.filter(|_| by != By::Rank) })
    }

    fn of(&self, scores: &Scores) -> Items {
        let is_by_rank = matches!(self.range, Range::Ranks(..));
        let mut items = self.range.of(in_order(scores, self.is_reverse && is_by_rank));
        if self.is_reverse && !is_by_rank {
            items.reverse();
        }
        match self.limit {
            None => items,
            Some((offset, _)) if offset < 0 => Vec::new(),
            Some((offset, count)) => {
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                items.into_iter().skip(offset as usize).take(count).collect()
            }
        }
    }
}

fn answer(call: &mut Call<'_>, named: Option<(By, bool)>) -> Answer {
    let query = Query::parse(call, 2, named, false)?;
    let key = &call.words[1];
    let items = call.read::<Scores>(key)?.map(|scores| query.of(scores)).unwrap_or_default();
    let items = items.into_iter().map(|(it, score)| (Reply::Bulk(it), Reply::Score(score)));
    Ok(match query.with_scores {
        true => Reply::Pairs(items.collect()),
        false => Reply::Array(items.map(|item| item.0).collect()),
    })
}

fn count(call: &mut Call<'_>, by: By) -> Answer {
    let range = Range::parse(call, by, 2, false)?;
    let key = &call.words[1];
    let scores = call.read::<Scores>(key)?;
    Ok(scores.map_or(0, |scores| range.of(in_order(scores, false)).len()).into())
}

fn zrangestore(call: &mut Call<'_>) -> Answer {
    let query = Query::parse(call, 3, None, true)?;
    let (to, from) = (&call.words[1], &call.words[2]);
    let items = call.read::<Scores>(from)?.map(|scores| query.of(scores)).unwrap_or_default();
    let len = items.len();
    call.store(to, items.into_iter().collect::<Scores>());
    Ok(len.into())
}

fn remove(call: &mut Call<'_>, by: By) -> Answer {
    let range = Range::parse(call, by, 2, false)?;
    let key = &call.words[1];
    let Some(scores) = call.read::<Scores>(key)? else { return Ok(Reply::Int(0)) };
    let doomed = range.of(in_order(scores, false));
    let removed = doomed.len();
    if removed > 0 {
        let doomed: BTreeSet<_> = doomed.iter().map(|item| &item.0).collect();
        call.change(key, |scores: &mut Scores| scores.retain(|it, _| !doomed.contains(it)));
    }
    Ok(removed.into())
}
