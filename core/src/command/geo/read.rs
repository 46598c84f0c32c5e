//! GEOPOS, GEODIST and GEOHASH: what is known about members.

use super::unit;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::sorted_set::with_set;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::value::SortedSetView;
use crate::value::geo::Point;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("geopos", -2, Group::Geo, geopos)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::GEO])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key [member*]")
        .docs(
            "3.2.0",
            "Returns longitudes and latitudes of members.",
            "O(1) for each member requested.",
        ),
    Command::new("geodist", -4, Group::Geo, geodist)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::GEO])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key member1 member2 unit=[M|KM|FT|MI]")
        .docs("3.2.0", "Returns the distance of two members.", "O(1)"),
    Command::new("geohash", -2, Group::Geo, geohash)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::GEO])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key [member*]")
        .docs(
            "3.2.0",
            "Returns the geohashes of members, as texts.",
            "O(1) for each member requested.",
        ),
];

/// Where a member is.
pub(super) fn point_of(set: SortedSetView<'_>, member: &[u8]) -> Option<Point> {
    set.score(member).map(Point::of_score)
}

fn geopos(ctx: &mut Ctx<'_>) -> Outcome {
    let args = ctx.args;
    with_set(ctx, |output, set| {
        output.array(args.len() - 2);
        for member in args.from(2) {
            match set.and_then(|set| point_of(set, member)) {
                Some(point) => output.point(point),
                None => output.null_array(),
            }
        }
    })
}

fn geodist(ctx: &mut Ctx<'_>) -> Outcome {
    let args = ctx.args;
    let meters = match args.len() {
        4 => 1.0,
        5 => unit(args, 4)?,
        _ => return Err(CommandError::Syntax),
    };
    with_set(ctx, |output, set| {
        let both =
            set.and_then(|set| Some((point_of(set, args.at(2))?, point_of(set, args.at(3))?)));
        match both {
            Some((from, to)) => output.distance(from.distance_m(to) / meters),
            None => output.null(),
        }
    })
}

fn geohash(ctx: &mut Ctx<'_>) -> Outcome {
    let args = ctx.args;
    with_set(ctx, |output, set| {
        output.array(args.len() - 2);
        for member in args.from(2) {
            match set.and_then(|set| point_of(set, member)) {
                Some(point) => output.bulk(&point.geohash()),
                None => output.null(),
            }
        }
    })
}
