//! Places in sorted sets: adding them, telling of them, searching them one by one.
//!
//! A search looks at every member, and what it finds is in no order unless one was asked for.
//! Members that are as far away as each other, or nearly, come in any order; where a COUNT ends
//! among them, any of them may be left out. What is stored then, and distances that are stored, are
//! read from the log, and must be what could have been found ([`Shape`] tells of the limits).

use std::collections::BTreeMap;

use super::call::{Call, NOT_FLOAT, SYNTAX};
use super::places::{Place, Shape, slack};
use super::reply::Reply;
use super::scores::parse;
use super::searches::{Form, Query};
use super::sorted_sets::{Options, give};
use super::value::Scores;
use super::{Answer, Family};

pub(super) const FAMILY: Family = Family {
    reads: &[
        ("geopos", -2, |call| each(call, Reply::NullArray, coordinates)),
        ("geohash", -2, |call| each(call, Reply::Null, |place| Reply::Bulk(place.geohash()))),
        ("geodist", -4, geodist),
        ("geosearch", -7, |call| search(call, Form::Search)),
        ("georadius_ro", -6, |call| search(call, Form::Radius { may_store: false })),
        ("georadiusbymember_ro", -5, |call| search(call, Form::Member { may_store: false })),
    ],
    writes: &[
        ("geoadd", -5, geoadd),
        ("geosearchstore", -8, |call| search(call, Form::SearchStore)),
        ("georadius", -6, |call| search(call, Form::Radius { may_store: true })),
        ("georadiusbymember", -5, |call| search(call, Form::Member { may_store: true })),
    ],
};

/// The place that two words are.
pub(super) fn place(call: &Call<'_>, at: usize) -> Result<Place, Vec<u8>> {
    let degrees = |at: usize| parse(&call.words[at]).ok_or(NOT_FLOAT);
    let place = Place(degrees(at)?, degrees(at + 1)?);
    match place.is_on_the_map() {
        true => Ok(place),
        false => {
            let Place(east, north) = place;
            Err(format!("ERR invalid longitude,latitude pair {east:.6},{north:.6}").into())
        }
    }
}

/// Meters of a unit.
pub(super) fn unit(call: &Call<'_>, at: usize) -> Result<f64, Vec<u8>> {
    match &call.lower(at)[..] {
        b"m" => Ok(1.0),
        b"km" => Ok(1000.0),
        b"ft" => Ok(0.3048),
        b"mi" => Ok(1609.34),
        _ => Err("ERR unsupported unit provided. please use M, KM, FT, MI".into()),
    }
}

fn geoadd(call: &mut Call<'_>) -> Answer {
    let (mut options, mut at) = (Options::default(), 2);
    loop {
        match &call.lower(at)[..] {
            b"nx" => options.nx = true,
            b"xx" => options.xx = true,
            b"ch" => options.ch = true,
            _ => break,
        }
        at += 1;
    }
    let rest = &call.words[at.min(call.words.len())..];
    if rest.is_empty() || !rest.len().is_multiple_of(3) || options.nx && options.xx {
        return Err(SYNTAX.into());
    }
    let places = (at..call.words.len()).step_by(3);
    let given: Vec<_> = places
        .map(|at| Ok((place(call, at)?.score(), &call.words[at + 2])))
        .collect::<Result<_, Vec<u8>>>()?;
    let (_, (added, updated)) = give(call, options, given)?;
    Ok(if options.ch { added + updated } else { added }.into())
}

/// Tells of each member that is named.
fn each(call: &mut Call<'_>, missing: Reply, told: fn(Place) -> Reply) -> Answer {
    let words = call.words;
    let scores = call.read::<Scores>(&words[1])?;
    let one = |member: &Vec<u8>| {
        let score = scores.and_then(|scores| scores.get(member));
        score.map_or_else(|| missing.clone(), |&score| told(Place::of(score)))
    };
    Ok(Reply::Array(words[2..].iter().map(one).collect()))
}

fn coordinates(place: Place) -> Reply {
    let text = |degrees: f64| {
        let text = format!("{:.17}", degrees + 0.0);
        Reply::Double(text.trim_end_matches('0').trim_end_matches('.').to_owned())
    };
    Reply::Array(vec![text(place.0), text(place.1)])
}

fn geodist(call: &mut Call<'_>) -> Answer {
    let unit_m = match call.words.len() {
        4 => 1.0,
        5 => unit(call, 4)?,
        _ => return Err(SYNTAX.into()),
    };
    let words = call.words;
    let scores = call.read::<Scores>(&words[1])?;
    let place = |member: &Vec<u8>| scores?.get(member).map(|&score| Place::of(score));
    Ok(match (place(&words[2]), place(&words[3])) {
        (Some(one), Some(other)) => distance(one.distance_m(other), unit_m),
        _ => Reply::Null,
    })
}

fn distance(distance_m: f64, unit_m: f64) -> Reply {
    match distance_m.is_nan() {
        true => Reply::Any,
        false => Reply::Near(distance_m / unit_m, slack(distance_m) / unit_m),
    }
}

/// A member that was found.
#[derive(Clone)]
struct Found {
    member: Vec<u8>,
    score: f64,
    distance_m: f64,
}

/// Of each row so many.
type Rows = Vec<(Vec<Found>, usize)>;

/// Everything in a shape; none when that cannot be told.
fn found(scores: &Scores, shape: &Shape) -> Option<Vec<Found>> {
    // What else is in the sorted set lies in no cell of the grid.
    let on_the_grid = scores.iter().filter(|it| (0.0..(1_u64 << 52) as f64).contains(it.1));
    let mut found = Vec::new();
    for (member, &score) in on_the_grid {
        if let Some(distance_m) = shape.finds(Place::of(score))? {
            found.push(Found { member: member.clone(), score, distance_m });
        }
    }
    shape.is_tame().then_some(found)
}

/// In rows of members that are as far away as each other. All are one row where no order was asked
/// for, or any will do: then the order of those that were taken is not looked at.
fn rows(mut found: Vec<Found>, query: &Query) -> Rows {
    let count = if query.count == 0 { found.len() } else { query.count };
    let Some(is_descending) = query.order().filter(|_| !query.is_any) else {
        let count = count.min(found.len());
        return vec![(found, count)];
    };
    found.sort_by(|one, other| one.distance_m.total_cmp(&other.distance_m));
    if is_descending {
        found.reverse();
    }
    let mut rows: Rows = Vec::new();
    for one in found {
        let is_near = |other: &Found| {
            (other.distance_m - one.distance_m).abs() <= 2.0 * slack(one.distance_m)
        };
        match rows.last_mut() {
            Some((row, _)) if row.last().is_some_and(is_near) => row.push(one),
            _ => rows.push((vec![one], 0)),
        }
    }
    let mut left = count;
    for (row, wanted) in &mut rows {
        *wanted = row.len().min(left);
        left -= *wanted;
    }
    rows
}

fn search(call: &mut Call<'_>, form: Form) -> Answer {
    let key = &call.words[form.source()];
    let scores = call.read::<Scores>(key)?.cloned();
    let query = Query::parse(call, form, scores.as_ref())?;
    let rows = match (&scores, query.shape()) {
        (Some(scores), Some(shape)) => found(scores, &shape).map(|found| rows(found, &query)),
        _ => Some(Vec::new()),
    };
    match (rows, query.store) {
        (None, None) => Ok(Reply::Any),
        (None, Some(_)) => Ok(Reply::Lost),
        (Some(rows), None) => Ok(reply(&rows, &query)),
        (Some(rows), Some((at, is_by_distance))) => {
            Ok(store(call, &rows, &query, at, is_by_distance))
        }
    }
}

fn reply(rows: &Rows, query: &Query) -> Reply {
    let one = |found: &Found| {
        let mut words = vec![Reply::Bulk(found.member.clone())];
        words.extend(query.with_distance.then(|| distance(found.distance_m, query.unit_m)));
        words.extend(query.with_hash.then_some(Reply::Int(found.score as i64)));
        words.extend(query.with_coordinates.then(|| coordinates(Place::of(found.score))));
        if words.len() > 1 { Reply::Array(words) } else { words.remove(0) }
    };
    let row = |row: &(Vec<Found>, usize)| (row.0.iter().map(|it| vec![one(it)]).collect(), row.1);
    Reply::Picked(rows.iter().map(row).collect())
}

fn store(
    call: &mut Call<'_>,
    rows: &Rows,
    query: &Query,
    at: usize,
    is_by_distance: bool,
) -> Reply {
    let key = &call.words[at];
    let len: usize = rows.iter().map(|row| row.1).sum();
    let score = |found: &Found| match is_by_distance {
        true => (found.distance_m / query.unit_m, slack(found.distance_m) / query.unit_m),
        false => (found.score, 0.0),
    };
    let open = |(of, count): &(Vec<Found>, usize)| {
        (of.iter().map(|found| (found.member.clone(), score(found))).collect(), *count)
    };
    let open: Vec<(Open, usize)> = rows.iter().map(open).collect();
    let is_open = is_by_distance || open.iter().any(|(of, count)| *count < of.len());
    let stored = match is_open && len > 0 {
        true => call.logged.next_scores(key, len, |stored| could_be(stored, &open)),
        false => {
            let all = open.into_iter().flat_map(|row| row.0);
            Some(all.map(|(member, (score, _))| (member, score)).collect())
        }
    };
    let Some(stored) = stored else { return Reply::OneOf(Vec::new()) };
    call.store(key, stored);
    len.into()
}

/// Scores and what they may be off by.
type Open = BTreeMap<Vec<u8>, (f64, f64)>;

/// Whether a sorted set is so many of each row.
fn could_be(stored: &Scores, open: &[(Open, usize)]) -> bool {
    let is_near = |(member, (score, slack)): (&Vec<u8>, &(f64, f64))| {
        stored.get(member).is_some_and(|stored| (stored - score).abs() <= *slack)
    };
    open.iter().all(|(of, count)| of.iter().filter(|it| is_near(*it)).count() == *count)
}
