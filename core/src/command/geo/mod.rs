//! Places in sorted sets: GEOADD and its family.

pub(crate) mod add;
mod query;
pub(crate) mod read;
pub(crate) mod search;

use super::args::Args;
use super::error::CommandError;
use crate::client::output::Output;
use crate::value::geo::Point;
use crate::value::number;
use alloc::format;

/// The place that two arguments are.
fn point(args: Args<'_>, at: usize) -> Result<Point, CommandError> {
    let degrees = |at: usize| number::parse_f64(args.at(at)).ok_or(CommandError::NotFloat);
    let point = Point { longitude: degrees(at)?, latitude: degrees(at + 1)? };
    if !point.is_valid() {
        let Point { longitude, latitude } = point;
        let pair = format!("{longitude:.6},{latitude:.6}");
        return Err(CommandError::Text(format!("ERR invalid longitude,latitude pair {pair}")));
    }
    Ok(point)
}

/// Meters of the unit that an argument names.
fn unit(args: Args<'_>, at: usize) -> Result<f64, CommandError> {
    match () {
        () if args.is(at, "m") => Ok(1.0),
        () if args.is(at, "km") => Ok(1000.0),
        () if args.is(at, "ft") => Ok(0.3048),
        () if args.is(at, "mi") => Ok(1609.34),
        () => Err(CommandError::Fixed("ERR unsupported unit provided. please use M, KM, FT, MI")),
    }
}

impl Output {
    /// A distance, with four decimals.
    fn distance(&mut self, distance: f64) {
        self.bulk_fmt(format_args!("{distance:.4}"));
    }

    /// A place.
    fn point(&mut self, point: Point) {
        self.array(2);
        self.coordinate(point.longitude);
        self.coordinate(point.latitude);
    }

    /// A coordinate, with as many of 17 decimals as are not 0 at the end.
    fn coordinate(&mut self, degrees: f64) {
        let text = format!("{degrees:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        self.double_text(if text == "-0" { b"0" } else { text.as_bytes() });
    }
}
