//! LATENCY GRAPH: the samples of an event, drawn with characters.
//!
//! One column a sample, 80 in a row of the picture. A column is four lines high and a line has
//! three levels, `_`, `o` and `#`, above the `|` of the lines below; under it stands, from top to
//! bottom, how long ago the sample was.

use alloc::format;
use alloc::string::String;
use core::fmt::Write as _;

use super::{Sample, Series, samples};
use crate::command::ctx::Ctx;
use crate::command::error::Outcome;

/// Samples side by side.
const COLUMNS: usize = 80;

/// Lines of a column.
const LINES: u64 = 4;

/// What fills the topmost line of a column, by level.
const LEVELS: [u8; 3] = *b"_o#";

/// Levels of a whole column.
const STEPS: u64 = LINES * LEVELS.len() as u64;

pub(super) fn graph(ctx: &mut Ctx<'_>) -> Outcome {
    let series = samples(ctx.server, ctx.arg(2))?;
    let event = String::from_utf8_lossy(ctx.arg(2));
    let text = drawn(&event, series, ctx.now().wall_ms().div_euclid(1000));
    ctx.reply().verbatim("txt", text.as_bytes());
    Ok(())
}

fn drawn(event: &str, series: &Series, now_s: i64) -> String {
    let latencies = || series.samples.iter().map(|sample| sample.latency_ms);
    let (low, high) = (latencies().min().unwrap_or(0), latencies().max().unwrap_or(0));
    let mut text =
        format!("{event} - high {high} ms, low {low} ms (all time high {} ms)\n", series.worst_ms);
    text.extend(core::iter::repeat_n('-', COLUMNS));
    text.push('\n');
    let columns: alloc::vec::Vec<Column> =
        series.samples.iter().map(|sample| Column::new(*sample, low, high, now_s)).collect();
    for (at, row) in columns.chunks(COLUMNS).enumerate() {
        if at > 0 {
            text.push('\n');
        }
        draw_row(&mut text, row);
    }
    text
}

/// One sample: its height in steps and its age.
struct Column {
    step: u64,
    age: String,
}

impl Column {
    fn new(sample: Sample, low: u64, high: u64, now_s: i64) -> Self {
        let range = (high - low).max(1);
        let step = u128::from(sample.latency_ms - low) * u128::from(STEPS) / u128::from(range);
        let step = (step as u64).min(STEPS - 1);
        Self { step, age: age(now_s - sample.time_s) }
    }

    /// The character in a line, 0 being the lowest.
    fn at(&self, line: u64) -> u8 {
        let levels = LEVELS.len() as u64;
        match self.step.checked_sub(line * levels) {
            None => b' ',
            Some(above) if above < levels => LEVELS[above as usize],
            Some(_) => b'|',
        }
    }
}

fn draw_row(text: &mut String, row: &[Column]) {
    for line in (0..LINES).rev() {
        text.extend(row.iter().map(|column| char::from(column.at(line))));
        text.push('\n');
    }
    text.extend(row.iter().map(|_| ' '));
    text.push('\n');
    let longest = row.iter().map(|column| column.age.len()).max().unwrap_or(0);
    for at in 0..longest {
        let character = |column: &Column| column.age.as_bytes().get(at).map_or(' ', |&c| c.into());
        text.extend(row.iter().map(character));
        text.push('\n');
    }
}

/// How long ago, in the largest unit that gives at least one.
fn age(elapsed_s: i64) -> String {
    let (number, unit) = match elapsed_s {
        ..60 => (elapsed_s, 's'),
        60..3600 => (elapsed_s / 60, 'm'),
        3600..86_400 => (elapsed_s / 3600, 'h'),
        _ => (elapsed_s / 86_400, 'd'),
    };
    let mut text = String::new();
    let _ = write!(text, "{number}{unit}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_that_of_redis() {
        let mut series = Series::default();
        let now_s = 200_000;
        for (ago_s, latency_ms) in [(100_000, 10), (7200, 130), (600, 60), (59, 20), (3, 70)] {
            series.samples.push_back(Sample { time_s: now_s - ago_s, latency_ms });
        }
        series.worst_ms = 500;
        let lines = [
            "command - high 130 ms, low 10 ms (all time high 500 ms)",
            "--------------------------------------------------------------------------------",
            " #   ",
            " |  _",
            " |# |",
            "_||o|",
            "     ",
            "12153",
            "dh09s",
            "  ms ",
            "",
        ];
        assert_eq!(drawn("command", &series, now_s), lines.join("\n"));
    }

    #[test]
    fn a_single_sample_is_a_flat_line_and_81_take_two_rows() {
        let mut series = Series::default();
        series.samples.push_back(Sample { time_s: 0, latency_ms: 34 });
        let text = drawn("x", &series, 0);
        assert!(text.ends_with("\n \n \n \n_\n \n0\ns\n"), "{text}");
        (0..80).for_each(|time_s| series.samples.push_back(Sample { time_s, latency_ms: 34 }));
        let text = drawn("x", &series, 0);
        assert_eq!(text.lines().filter(|line| line.starts_with('_')).count(), 2);
        assert!(text.contains("\n\n \n"), "an empty line between the rows");
    }
}
