//! Unions, intersections and differences of sorted sets, and of sets among them.
//!
//! A member of a set has the score 1. Where several inputs have a member, its scores, each times
//! the weight of its input, become one. What is no number on the way counts as 0, but a product
//! that is compared by MIN or MAX in an intersection: that one loses. The inputs are taken from the
//! smallest to the largest, which shows where sums are rounded or infinite.

use super::call::{Call, SYNTAX, WRONG_TYPE};
use super::reply::Reply;
use super::scores::{in_order, parse};
use super::value::{Scores, Value};
use super::{Answer, Family};

pub(super) const FAMILY: Family = Family {
    reads: &[
        ("zunion", -3, |call| members(call, Operation::Union)),
        ("zinter", -3, |call| members(call, Operation::Intersection)),
        ("zdiff", -3, |call| members(call, Operation::Difference)),
        ("zintercard", -3, |call| {
            let query = Query::parse(call, 1, Form(Operation::Intersection, Wanted::Count))?;
            let (len, limit) = (query.result().len(), query.limit);
            Ok(if limit == 0 { len } else { len.min(limit) }.into())
        }),
    ],
    writes: &[
        ("zunionstore", -4, |call| store(call, Operation::Union)),
        ("zinterstore", -4, |call| store(call, Operation::Intersection)),
        ("zdiffstore", -4, |call| store(call, Operation::Difference)),
    ],
};

#[derive(Clone, Copy, PartialEq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    Members,
    Stored,
    Count,
}

/// What the name of a command says.
#[derive(Clone, Copy)]
struct Form(Operation, Wanted);

struct Query {
    operation: Operation,
    /// Inputs and their weights.
    inputs: Vec<(Scores, f64)>,
    aggregate: fn(f64, f64) -> f64,
    with_scores: bool,
    limit: usize,
}

fn sum(one: f64, other: f64) -> f64 {
    number_or_zero(one + other)
}

fn least(one: f64, other: f64) -> f64 {
    if other < one { other } else { one }
}

fn greatest(one: f64, other: f64) -> f64 {
    if other > one { other } else { one }
}

fn number_or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// An input, empty when it is not there.
fn input(call: &mut Call<'_>, key: &[u8]) -> Result<Scores, Vec<u8>> {
    match call.meet(key).map(|entry| &entry.value) {
        None => Ok(Scores::new()),
        Some(Value::SortedSet(scores)) => Ok(scores.clone()),
        Some(Value::Set(set)) => Ok(set.iter().map(|member| (member.clone(), 1.0)).collect()),
        Some(_) => Err(WRONG_TYPE.into()),
    }
}

impl Query {
    /// Reads what stands from the number of keys on. The keys are looked at before the options.
    fn parse(call: &mut Call<'_>, at: usize, form: Form) -> Result<Self, Vec<u8>> {
        let (count, words) = (call.int(at)?, call.words);
        if count < 1 {
            let name = String::from_utf8_lossy(&words[0]).to_lowercase();
            return Err(format!("ERR at least 1 input key is needed for '{name}' command").into());
        }
        let keys = usize::try_from(count).ok().and_then(|count| words[at + 1..].get(..count));
        let keys = keys.ok_or(SYNTAX)?;
        let inputs = keys.iter().map(|key| Ok((input(call, key)?, 1.0)));
        let mut query = Self {
            operation: form.0,
            inputs: inputs.collect::<Result<_, Vec<u8>>>()?,
            aggregate: sum,
            with_scores: false,
            limit: 0,
        };
        let mut next = at + 1 + keys.len();
        while next < words.len() {
            next = query.option(call, form, next)?;
        }
        Ok(query)
    }

    /// Reads an option; where the next one stands.
    fn option(&mut self, call: &Call<'_>, form: Form, at: usize) -> Result<usize, Vec<u8>> {
        let left = call.words.len() - at - 1;
        let is_scored = form.0 != Operation::Difference && form.1 != Wanted::Count;
        match &call.lower(at)[..] {
            b"weights" if is_scored && left >= self.inputs.len() => {
                for ((_, weight), word) in self.inputs.iter_mut().zip(&call.words[at + 1..]) {
                    *weight = parse(word).ok_or("ERR weight value is not a float")?;
                }
                Ok(at + 1 + self.inputs.len())
            }
            b"aggregate" if is_scored && left >= 1 => {
                self.aggregate = match &call.lower(at + 1)[..] {
                    b"sum" => sum,
                    b"min" => least,
                    b"max" => greatest,
                    _ => return Err(SYNTAX.into()),
                };
                Ok(at + 2)
            }
            b"withscores" if form.1 == Wanted::Members => {
                self.with_scores = true;
                Ok(at + 1)
            }
            b"limit" if form.1 == Wanted::Count && left >= 1 => {
                self.limit = call.at_least(at + 1, 0, "ERR LIMIT can't be negative")?;
                Ok(at + 2)
            }
            _ => Err(SYNTAX.into()),
        }
    }

    fn result(&self) -> Scores {
        let mut inputs: Vec<_> = self.inputs.iter().collect();
        if self.operation != Operation::Difference {
            inputs.sort_by_key(|input| input.0.len());
        }
        let (first, others) = inputs.split_first().expect("there is at least one");
        match self.operation {
            Operation::Union => self.union(&inputs),
            Operation::Intersection => self.intersection(first, others),
            Operation::Difference => {
                let is_elsewhere =
                    |member: &Vec<u8>| others.iter().any(|other| other.0.contains_key(member));
                let all = first.0.iter().filter(|(member, _)| !is_elsewhere(member));
                all.map(|(member, &score)| (member.clone(), score)).collect()
            }
        }
    }

    fn union(&self, inputs: &[&(Scores, f64)]) -> Scores {
        let mut union = Scores::new();
        for (scores, weight) in inputs {
            for (member, score) in scores {
                let score = number_or_zero(score * weight);
                let old = union.get(member);
                let score = old.map_or(score, |&old| (self.aggregate)(old, score));
                union.insert(member.clone(), score);
            }
        }
        union
    }

    fn intersection(&self, first: &(Scores, f64), others: &[&(Scores, f64)]) -> Scores {
        let common = first.0.iter().filter_map(|(member, score)| {
            let mut score = number_or_zero(score * first.1);
            for (scores, weight) in others {
                score = (self.aggregate)(score, scores.get(member)? * weight);
            }
            Some((member.clone(), score))
        });
        common.collect()
    }
}

fn members(call: &mut Call<'_>, operation: Operation) -> Answer {
    let query = Query::parse(call, 1, Form(operation, Wanted::Members))?;
    let items = in_order(&query.result(), false).into_iter();
    let items = items.map(|(member, score)| (Reply::Bulk(member), Reply::Score(score)));
    Ok(match query.with_scores {
        true => Reply::Pairs(items.collect()),
        false => Reply::Array(items.map(|item| item.0).collect()),
    })
}

fn store(call: &mut Call<'_>, operation: Operation) -> Answer {
    let query = Query::parse(call, 2, Form(operation, Wanted::Stored))?;
    let result = query.result();
    let len = result.len();
    call.store(&call.words[1], result);
    Ok(len.into())
}
