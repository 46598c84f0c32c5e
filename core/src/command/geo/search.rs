//! Searches: GEOSEARCH and GEOSEARCHSTORE, and the older commands that each do a part of it.
//!
//! The cells that cover what is searched are ranges of scores; whatever lies in them is measured.
//! Without an order results come as they were found, cell by cell. What is stored is logged as the
//! scores that came out, because no two machines need agree about the last bit of a sine.

use super::query::{Destination, Form, Order, Query};
use crate::client::output::Output;
use crate::command::aggregate::Typed;
use crate::command::ctx::Ctx;
use crate::command::error::Outcome;
use crate::command::list::write;
use crate::command::sorted_set::{algebra, combine};
use crate::command::spec::{Begin, Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::keyspace::Key;
use crate::value::geo::{Cell, Point};
use crate::value::listpack::Element;
use crate::value::number::format_f64;
use crate::value::{SortedSet, SortedSetView, Thresholds};
use alloc::vec::Vec;
use core::cmp::Ordering;

const READ: KeySpec = KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS));
const STORED: KeySpec = KeySpec::one(1, KeyFlags::OW.and(KeyFlags::UPDATE));

/// A key behind a word that is searched from an argument on.
const fn behind(word: &'static str, from: i8) -> KeySpec {
    KeySpec { begin: Begin::Keyword(word, from), ..STORED }
}

const RADIUS_COST: &str = "O(N+log(M)) where N is the number of elements inside the bounding box \
    of the circular area delimited by center and radius and M is the number of items inside the \
    index.";
const SEARCH_COST: &str = "O(N+log(M)) where N is the number of elements in the grid-aligned \
    bounding box area around the shape provided as the filter and M is the number of items inside \
    the shape";
const RADIUS_HISTORY: &[(&str, &str)] = &[
    ("6.2.0", "Added the `ANY` option for `COUNT`."),
    ("7.0.0", "Added support for uppercase unit names."),
];
const SEARCH_HISTORY: &[(&str, &str)] = &[("7.0.0", "Added support for uppercase unit names.")];

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("geosearch", -7, Group::Geo, geosearch)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::GEO])
        .keys(&[READ])
        .arguments(
            "key:key from=(FROMMEMBER member|FROMLONLAT fromlonlat=(longitude:double \
                latitude:double)) by=(circle=(BYRADIUS radius:double unit=(M|KM|FT|MI))|\
                box=(BYBOX width:double height:double unit=(M|KM|FT|MI))) order=[ASC|DESC] \
                count-block=[COUNT count:integer [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
        )
        .docs("6.2.0", "Returns the members in a circle or a box.", SEARCH_COST)
        .history(SEARCH_HISTORY),
    Command::new("geosearchstore", -8, Group::Geo, geosearchstore)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::GEO])
        .keys(&[STORED, KeySpec::one(2, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments(
            "destination:key source:key from=(FROMMEMBER member|FROMLONLAT \
                fromlonlat=(longitude:double latitude:double)) by=(circle=(BYRADIUS radius:double \
                unit=(M|KM|FT|MI))|box=(BYBOX width:double height:double unit=(M|KM|FT|MI))) \
                order=[ASC|DESC] count-block=[COUNT count:integer [ANY]] [STOREDIST]",
        )
        .docs("6.2.0", "Stores the members in a circle or a box.", SEARCH_COST)
        .history(SEARCH_HISTORY),
    Command::new("georadius", -6, Group::Geo, georadius)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::GEO])
        .keys(&[READ, behind("STORE", 6), behind("STOREDIST", 6)])
        .arguments(
            "key:key longitude:double latitude:double radius:double unit=(M|KM|FT|MI) \
                [WITHCOORD] [WITHDIST] [WITHHASH] count-block=[COUNT count:integer [ANY]@6.2.0] \
                order=[ASC|DESC] store=[STORE storekey:key{key}|STOREDIST storedistkey:key{key}]",
        )
        .docs("3.2.0", "Returns or stores the members around a place.", RADIUS_COST)
        .history(RADIUS_HISTORY)
        .deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"),
    Command::new("georadius_ro", -6, Group::Geo, georadius_ro)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::GEO])
        .keys(&[READ])
        .arguments(
            "key:key longitude:double latitude:double radius:double unit=(M|KM|FT|MI) \
                [WITHCOORD] [WITHDIST] [WITHHASH] count-block=[COUNT count:integer [ANY]@6.2.0] \
                order=[ASC|DESC]",
        )
        .docs("3.2.10", "Returns the members around a place.", RADIUS_COST)
        .history(RADIUS_HISTORY)
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument"),
    Command::new("georadiusbymember", -5, Group::Geo, georadiusbymember)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::GEO])
        .keys(&[READ, behind("STORE", 5), behind("STOREDIST", 5)])
        .arguments(
            "key:key member radius:double unit=(M|KM|FT|MI) [WITHCOORD] [WITHDIST] [WITHHASH] \
                count-block=[COUNT count:integer [ANY]] order=[ASC|DESC] \
                store=[STORE storekey:key{key}|STOREDIST storedistkey:key{key}]",
        )
        .docs("3.2.0", "Returns or stores the members around one of them.", RADIUS_COST)
        .history(RADIUS_HISTORY)
        .deprecated(
            "6.2.0",
            "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
        ),
    Command::new("georadiusbymember_ro", -5, Group::Geo, georadiusbymember_ro)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::GEO])
        .keys(&[READ])
        .arguments(
            "key:key member radius:double unit=(M|KM|FT|MI) [WITHCOORD] [WITHDIST] [WITHHASH] \
                count-block=[COUNT count:integer [ANY]] order=[ASC|DESC]",
        )
        .docs("3.2.10", "Returns the members around one of them.", RADIUS_COST)
        .history(RADIUS_HISTORY)
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"),
];

fn geosearch(ctx: &mut Ctx<'_>) -> Outcome {
    search(ctx, Form::Search)
}

fn geosearchstore(ctx: &mut Ctx<'_>) -> Outcome {
    search(ctx, Form::SearchStore)
}

fn georadius(ctx: &mut Ctx<'_>) -> Outcome {
    search(ctx, Form::Radius { may_store: true })
}

fn georadius_ro(ctx: &mut Ctx<'_>) -> Outcome {
    search(ctx, Form::Radius { may_store: false })
}

fn georadiusbymember(ctx: &mut Ctx<'_>) -> Outcome {
    search(ctx, Form::RadiusByMember { may_store: true })
}

fn georadiusbymember_ro(ctx: &mut Ctx<'_>) -> Outcome {
    search(ctx, Form::RadiusByMember { may_store: false })
}

/// A member that was found.
#[derive(Clone, Copy, Debug)]
struct Found<'a> {
    member: Element<'a>,
    score: f64,
    point: Point,
    distance_m: f64,
}

fn search(ctx: &mut Ctx<'_>, form: Form) -> Outcome {
    let place = ctx.read_as::<SortedSet>(ctx.key(form.source()))?;
    let db = &ctx.server.dbs[ctx.client.db as usize];
    let set = place.and_then(|place| <SortedSet as Typed>::view(db.entry(place).value()));
    let query = Query::parse(ctx.args, form, set)?;
    let mut looked_at = 0;
    let found = set.map_or_else(Vec::new, |set| find(set, &query, &mut looked_at));
    if query.destination.is_none() {
        answer(&mut ctx.client.output, &query, &found);
        ctx.work(looked_at);
        return Ok(());
    }
    let found: Vec<_> =
        found.iter().map(|found| (found.member, query.stored_score(found))).collect();
    let found = combine::sorted(found);
    let thresholds = Thresholds::of(&ctx.server.config);
    let result = SortedSet::from_sorted(&found, &thresholds, ctx.server.hasher);
    ctx.work(looked_at);
    store(ctx, &query, form, result);
    Ok(())
}

impl Query {
    fn stored_score(&self, found: &Found<'_>) -> f64 {
        match self.destination {
            Some(Destination { is_by_distance: true, .. }) => self.in_unit(found.distance_m),
            _ => found.score,
        }
    }
}

/// The members that a search finds, in their order.
fn find<'a>(set: SortedSetView<'a>, query: &Query, looked_at: &mut usize) -> Vec<Found<'a>> {
    let mut found = found_in_cells(set, query, looked_at);
    // Of some of the results the nearest are wanted, unless any will do.
    let nearest = (query.count > 0 && !query.is_any).then_some(Order::Ascending);
    let compare = |one: &Found<'_>, other: &Found<'_>| {
        one.distance_m.partial_cmp(&other.distance_m).unwrap_or(Ordering::Equal)
    };
    match query.order.or(nearest) {
        Some(Order::Ascending) => found.sort_by(compare),
        Some(Order::Descending) => found.sort_by(|one, other| compare(other, one)),
        None => {}
    }
    if query.count > 0 {
        found.truncate(query.count);
    }
    found
}

/// Whatever is in the cells of a search and in its shape; if any will do, no more than enough.
fn found_in_cells<'a>(
    set: SortedSetView<'a>,
    query: &Query,
    looked_at: &mut usize,
) -> Vec<Found<'a>> {
    let mut results = Vec::new();
    let Some(shape) = query.shape() else { return results };
    for (first, end) in shape.cells().map(Cell::scores) {
        let rank = set.count_before(|_, score| score < first);
        let members = set.iter_from(rank).take_while(|(_, score)| *score < end);
        for (member, score) in members {
            *looked_at += 1;
            let point = Point::of_score(score);
            let Some(distance_m) = shape.distance_m(point) else { continue };
            results.push(Found { member, score, point, distance_m });
            if query.is_any && results.len() == query.count {
                return results;
            }
        }
    }
    results
}

fn answer(output: &mut Output, query: &Query, results: &[Found<'_>]) {
    output.array(results.len());
    let words = query.words_each();
    for found in results {
        if words > 1 {
            output.array(words);
        }
        write(output, found.member);
        if query.with_distance {
            output.distance(query.in_unit(found.distance_m));
        }
        if query.with_hash {
            output.int(found.score as i64);
        }
        if query.with_coordinates {
            output.point(found.point);
        }
    }
}

fn store(ctx: &mut Ctx<'_>, query: &Query, form: Form, result: SortedSet) {
    let Some(destination) = query.destination else { return };
    let key = ctx.key(destination.key);
    let len = result.view().len();
    if ctx.is_logged() {
        propagate(ctx, key, &result);
    }
    algebra::replace(ctx, key, result, form.event(), len);
    ctx.reply().int(len as i64);
}

/// Logs what a sorted set replaces and what is in it.
fn propagate(ctx: &mut Ctx<'_>, key: Key<'_>, set: &SortedSet) {
    if ctx.peek(key).is_some() {
        ctx.propagate(&[b"DEL", key.bytes]);
    }
    let text = |member: Element<'_>| member.bytes(&mut itoa::Buffer::new()).to_vec();
    let items = set.view().iter_from(0).map(|(member, score)| (text(member), format_f64(score)));
    let items: Vec<_> = items.collect();
    for some in items.chunks(LOGGED_AT_ONCE) {
        let mut words: Vec<&[u8]> = Vec::from([b"ZADD".as_slice(), key.bytes]);
        words.extend(some.iter().flat_map(|(member, score)| [&**score, member.as_slice()]));
        ctx.propagate(&words);
    }
}

/// Members that one command of the log adds.
const LOGGED_AT_ONCE: usize = 512;
