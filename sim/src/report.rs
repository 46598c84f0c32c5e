//! A run as a page: the watermarks of the log against the turns, what went wrong, and every event.
//!
//! One file that needs no network and no script: the picture is SVG, and what is on it can be
//! pointed at. The turns and not the time are its axis, since nearly everything happens within
//! microseconds and nearly nothing in the seconds between.

use std::fmt::Write as _;

use crate::world::{Line, Stand, Timeline};

const WIDTH: f64 = 1160.0;
const HEIGHT: f64 = 260.0;

/// The page of a run, with a heading.
#[must_use]
pub fn html(heading: &str, timeline: &Timeline) -> String {
    let (lines, stands) = (timeline.lines(), timeline.stands());
    let heading = escaped(heading);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{heading}</title>\n\
         <style>{STYLE}</style>\n<h1>{heading}</h1>\n"
    );
    page += &picture(&lines, &stands);
    page += LEGEND;
    page += "<table><tr><th>turn<th>ms<th>wall ms<th>what</tr>\n";
    lines.iter().for_each(|line| page += &row(line));
    page + "</table>\n"
}

const STYLE: &str = "body{font:14px/1.4 sans-serif;margin:24px;max-width:1200px}\
    h1{font-size:18px}table{border-collapse:collapse;font:12px/1.4 monospace}\
    td{padding:1px 8px;vertical-align:top}th{text-align:left;padding:1px 8px}\
    .end td{background:#f6c8c8}.bad td{background:#fdf0c4}.say td{color:#245}\
    svg{border:1px solid #bbb}polyline{fill:none;stroke-width:1.5}";

const LEGEND: &str = "<p><b style=\"color:#36c\">executed</b>, \
    <b style=\"color:#2a2\">written</b> and <b style=\"color:#c60\">durable</b>: LSN after each \
    turn. Grey: data are being loaded. Red: a life ends. Yellow: something goes wrong.</p>\n";

/// What kind of line it is, for its colour.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    End,
    Bad,
    Say,
    Plain,
}

impl Class {
    fn of(line: &Line) -> Self {
        let what = line.what.as_str();
        match what {
            "Process" | "PowerLoss" => Self::End,
            _ if what.starts_with("the process ends") => Self::End,
            _ if what.starts_with("disk: ") => Self::Bad,
            _ if what.contains(" ends: failed") || what.contains("not written") => Self::Bad,
            _ if what.starts_with("client ") => Self::Say,
            _ => Self::Plain,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Bad => "bad",
            Self::Say => "say",
            Self::Plain => "plain",
        }
    }
}

fn row(line: &Line) -> String {
    let ms = line.now.mono_ns as f64 / 1e6;
    format!(
        "<tr class={}><td>{}<td>{ms:.3}<td>{}<td>{}</tr>\n",
        Class::of(line).name(),
        line.turn,
        line.now.wall_us.div_euclid(1000),
        escaped(&line.what)
    )
}

/// One of the watermarks.
type Lsn = fn(&Stand) -> u64;

fn picture(lines: &[Line], stands: &[Stand]) -> String {
    let turns = stands.last().map_or(1, |stand| stand.turn.max(1)) as f64;
    let highest = stands.iter().map(|stand| stand.watermarks.enqueued).max().unwrap_or(0).max(1);
    let x = |turn: u64| turn as f64 / turns * WIDTH;
    let y = |lsn: u64| HEIGHT - 10.0 - lsn as f64 / highest as f64 * (HEIGHT - 20.0);
    let mut svg = format!("<svg width=\"{WIDTH}\" height=\"{HEIGHT}\">\n");
    for stand in stands.iter().filter(|stand| stand.is_loading) {
        bar(&mut svg, x(stand.turn), (WIDTH / turns).max(1.0), "#eee", "loading");
    }
    for line in lines {
        match Class::of(line) {
            Class::End => bar(&mut svg, x(line.turn), 1.5, "#d22", &line.what),
            Class::Bad => bar(&mut svg, x(line.turn), 1.5, "#dca800", &line.what),
            _ => {}
        }
    }
    let marks: [(&str, Lsn); 3] = [
        ("#36c", |stand| stand.watermarks.enqueued),
        ("#2a2", |stand| stand.watermarks.written),
        ("#c60", |stand| stand.watermarks.durable),
    ];
    for (colour, lsn) in marks {
        let points = stands.iter().map(|it| format!("{:.1},{:.1}", x(it.turn), y(lsn(it))));
        let points: Vec<String> = points.collect();
        // Writing to a string does not fail.
        let _ = writeln!(svg, "<polyline stroke=\"{colour}\" points=\"{}\"/>", points.join(" "));
    }
    svg + "</svg>\n"
}

fn bar(svg: &mut String, x: f64, width: f64, colour: &str, what: &str) {
    let _ = writeln!(
        svg,
        "<rect x=\"{x:.1}\" y=\"0\" width=\"{width:.1}\" height=\"{HEIGHT}\" fill=\"{colour}\">\
         <title>{}</title></rect>",
        escaped(what)
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Plan, World};

    #[test]
    fn a_page_holds_the_run_and_nothing_that_is_not_escaped() {
        let timeline = Timeline::keeping(100_000);
        let (_, outcome) = World::run(Plan { seed: 3, commands: 300 }, timeline.clone());
        let page = html("seed <3>", &timeline);
        assert!(page.contains("<h1>seed &lt;3&gt;</h1>") && page.contains("client 0 connects"));
        assert_eq!(page.matches("<polyline").count(), 3);
        assert_eq!(page.matches("<tr class=").count(), timeline.lines().len());
        assert_eq!(timeline.stands().len() as u64, outcome.turns);
        assert!(!page.contains("http"), "it needs no network");
    }
}
