//! Scripts as text: one line an event, so that a stored one can be read, and its changes too.
//!
//! Numbers are decimal, words are quoted as redis-cli quotes them, what follows a `#` at the start
//! of a line is a comment. Steps in which all is calm are counted in one line.

use std::fmt;

use seedis_core::config::AppendFsync;

use super::words::{quoted, split};
use super::{Event, Form, Persistence, Script, Sent, Setup};
use crate::disk::{ALL, Crash, FAULTS, Fault, Image, Personality};
use crate::model::Words;
use crate::workload::Scope;
use crate::world::operator::ORDERS;

/// A line that is not one of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for Wrong {}

const HEAD: &str = "seedis-script 1";

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}")?;
        setup_lines(&self.setup).iter().try_for_each(|line| writeln!(f, "{line}"))?;
        let mut calm = 0;
        for step in &self.steps {
            if step.is_empty() {
                calm += 1;
                continue;
            }
            end_calm(f, &mut calm)?;
            writeln!(f, "step")?;
            step.iter().try_for_each(|event| writeln!(f, "  {event}"))?;
        }
        end_calm(f, &mut calm)
    }
}

fn end_calm(f: &mut fmt::Formatter<'_>, calm: &mut u32) -> fmt::Result {
    match std::mem::take(calm) {
        0 => Ok(()),
        count => writeln!(f, "calm {count}"),
    }
}

fn setup_lines(setup: &Setup) -> Vec<String> {
    let scope = match setup.scope {
        Scope::Any => "any",
        Scope::Modelled => "modelled",
    };
    let Personality { name, torn_at, .. } = setup.personality;
    let mut lines = vec![
        format!("scope {scope}"),
        format!("core-seed {}", setup.core_seed),
        format!("disk {name} {}", torn_at.unwrap_or(0)),
        format!("last-image {}", image_text(setup.last_image)),
    ];
    lines.extend(setup.stock.map(|seed| format!("stock {seed}")));
    if let Some(kept) = &setup.persistence {
        lines.extend(config_lines(kept));
    }
    lines
}

fn config_lines(kept: &Persistence) -> Vec<String> {
    let yes = |is: bool| if is { "yes" } else { "no" };
    let save = kept.save.map(|(seconds, changes)| format!("{seconds} {changes}"));
    [
        ("appendonly", yes(kept.appendonly).into()),
        ("appendfsync", policy_text(kept.appendfsync).into()),
        ("aof-use-rdb-preamble", yes(kept.aof_use_rdb_preamble).into()),
        ("aof-timestamp-enabled", yes(kept.aof_timestamp_enabled).into()),
        ("no-appendfsync-on-rewrite", yes(kept.no_appendfsync_on_rewrite).into()),
        ("auto-aof-rewrite-percentage", kept.auto_aof_rewrite_percentage.to_string()),
        ("auto-aof-rewrite-min-size", kept.auto_aof_rewrite_min_size.to_string()),
        ("aof-load-truncated", yes(kept.aof_load_truncated).into()),
        ("save", save.unwrap_or_else(|| "\"\"".into())),
    ]
    .map(|(name, value)| format!("config {name} {value}"))
    .into()
}

const POLICIES: [(&str, AppendFsync); 3] =
    [("always", AppendFsync::Always), ("everysec", AppendFsync::Everysec), ("no", AppendFsync::No)];

fn policy_text(policy: AppendFsync) -> &'static str {
    POLICIES.iter().find(|it| it.1 == policy).map_or("always", |it| it.0)
}

fn image_text(image: Image) -> String {
    match image {
        Image::Everything => "everything".into(),
        Image::Nothing => "nothing".into(),
        Image::Drawn(seed) => seed.to_string(),
        Image::Chosen(number) => format!("chosen-{number}"),
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass(us) => write!(f, "pass {us}"),
            Self::Jump(us) => write!(f, "jump {us}"),
            Self::Send(Sent { client, words, form }) => {
                let form = match form {
                    Form::Array => "send",
                    Form::Line => "send-line",
                    Form::UnixLine => "send-unix-line",
                };
                let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                write!(f, "{form} {client} {}", words.join(" "))
            }
            Self::Memory(bytes) => write!(f, "memory {bytes}"),
            Self::HostWaits => write!(f, "host-waits"),
            Self::HostFails(nth) => write!(f, "host-fails {nth}"),
            Self::Fault { fault, nth, detail } => {
                write!(f, "fault {} {nth} {detail}", fault.name())
            }
            Self::Connect { client, is_resp3 } => {
                write!(f, "connect {client} {}", if *is_resp3 { 3 } else { 2 })
            }
            Self::Deliver { client, bytes } => write!(f, "deliver {client} {bytes}"),
            Self::Disconnect(client) => write!(f, "disconnect {client}"),
            Self::Stall(client) => write!(f, "stall {client}"),
            Self::Room { client, bytes } => write!(f, "room {client} {bytes}"),
            Self::Delay { nth, ns } => write!(f, "delay {nth} {ns}"),
            Self::Crash(Crash::Process) => write!(f, "crash process"),
            Self::Crash(Crash::PowerLoss) => write!(f, "crash power"),
            Self::Image(image) => write!(f, "image {}", image_text(*image)),
            Self::Rot(seed) => write!(f, "rot {seed}"),
            Self::Order(order) => write!(f, "order {order}"),
        }
    }
}

impl Event {
    /// The line that does this with redis-cli; a comment when it cannot.
    #[must_use]
    pub fn for_redis_cli(&self) -> Option<String> {
        match self {
            Self::Send(Sent { client, words, .. }) => {
                let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                Some(match client {
                    0 => words.join(" "),
                    _ => format!("{}    # by client {client}", words.join(" ")),
                })
            }
            Self::Crash(_) | Self::Fault { .. } | Self::Jump(_) => Some(format!("# {self}")),
            _ => None,
        }
    }
}

impl std::str::FromStr for Script {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let mut script = Self { setup: Setup::calm(), steps: Vec::new() };
        let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
        let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        if lines.next().is_none_or(|(_, line)| line != HEAD) {
            return Err(Wrong { line: 1, what: format!("the first line must be '{HEAD}'") });
        }
        for (number, line) in lines {
            let wrong = |what: &str| Wrong { line: number, what: what.into() };
            let words = split(line).ok_or_else(|| wrong("a quote or an escape is wrong"))?;
            read_line(&mut script, &words).ok_or_else(|| wrong("this is no line of a script"))?;
        }
        Ok(script)
    }
}

fn read_line(script: &mut Script, words: &Words) -> Option<()> {
    let line = Line(words);
    let steps = &mut script.steps;
    match line.text(0)? {
        "step" => line.has(1).then(|| steps.push(Vec::new()))?,
        "calm" => {
            let count: usize = line.has(2).then(|| line.number(1))??;
            // More than any run has is a mistake.
            (count <= 1_000_000).then(|| steps.resize(steps.len() + count, Vec::new()))?;
        }
        _ => match steps.last_mut() {
            Some(step) => {
                let event = event(&line)?;
                // Whatever is more than it says is a mistake.
                let said = split(&event.to_string()).map_or(0, |words| words.len());
                line.has(said).then(|| step.push(event))?;
            }
            None => setup_line(&mut script.setup, &line)?,
        },
    }
    Some(())
}

/// The words of a line, read as what they should be.
struct Line<'a>(&'a Words);

impl Line<'_> {
    fn has(&self, count: usize) -> bool {
        self.0.len() == count
    }

    fn text(&self, at: usize) -> Option<&str> {
        std::str::from_utf8(self.0.get(at)?).ok()
    }

    fn number<T: std::str::FromStr>(&self, at: usize) -> Option<T> {
        self.text(at)?.parse().ok()
    }

    fn is_yes(&self, at: usize) -> Option<bool> {
        match self.text(at)? {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        }
    }

    fn image(&self, at: usize) -> Option<Image> {
        match self.text(at)? {
            "everything" => Some(Image::Everything),
            "nothing" => Some(Image::Nothing),
            text => match text.strip_prefix("chosen-") {
                Some(number) => Some(Image::Chosen(number.parse().ok()?)),
                None => Some(Image::Drawn(self.number(at)?)),
            },
        }
    }
}

fn setup_line(setup: &mut Setup, line: &Line<'_>) -> Option<()> {
    let name = line.text(0)?;
    let count = if name == "disk" { 3 } else { 2 };
    if name != "config" && !line.has(count) {
        return None;
    }
    match name {
        "scope" => {
            setup.scope = match line.text(1)? {
                "any" => Scope::Any,
                "modelled" => Scope::Modelled,
                _ => return None,
            }
        }
        "core-seed" => setup.core_seed = line.number(1)?,
        "disk" => {
            let name = line.text(1)?;
            setup.personality = ALL.into_iter().find(|it| it.name == name)?;
            let torn_at: usize = line.number(2)?;
            setup.personality.torn_at = (torn_at > 0).then_some(torn_at);
        }
        "last-image" => setup.last_image = line.image(1)?,
        "stock" => setup.stock = Some(line.number(1)?),
        "config" => {
            config_line(setup.persistence.get_or_insert_with(Persistence::calm), line)?;
        }
        _ => return None,
    }
    Some(())
}

fn config_line(kept: &mut Persistence, line: &Line<'_>) -> Option<()> {
    let is_pair = line.text(1)? == "save" && line.text(2).is_some_and(|text| !text.is_empty());
    if !line.has(if is_pair { 4 } else { 3 }) {
        return None;
    }
    match line.text(1)? {
        "appendonly" => kept.appendonly = line.is_yes(2)?,
        "appendfsync" => {
            let name = line.text(2)?;
            kept.appendfsync = POLICIES.iter().find(|it| it.0 == name)?.1;
        }
        "aof-use-rdb-preamble" => kept.aof_use_rdb_preamble = line.is_yes(2)?,
        "aof-timestamp-enabled" => kept.aof_timestamp_enabled = line.is_yes(2)?,
        "no-appendfsync-on-rewrite" => kept.no_appendfsync_on_rewrite = line.is_yes(2)?,
        "auto-aof-rewrite-percentage" => kept.auto_aof_rewrite_percentage = line.number(2)?,
        "auto-aof-rewrite-min-size" => kept.auto_aof_rewrite_min_size = line.number(2)?,
        "aof-load-truncated" => kept.aof_load_truncated = line.is_yes(2)?,
        "save" if line.text(2)?.is_empty() => kept.save = None,
        "save" => kept.save = Some((line.number(2)?, line.number(3)?)),
        _ => return None,
    }
    Some(())
}

fn event(line: &Line<'_>) -> Option<Event> {
    Some(match line.text(0)? {
        "pass" => Event::Pass(line.number(1)?),
        "jump" => Event::Jump(line.number(1)?),
        "send" => sent(line, Form::Array)?,
        "send-line" => sent(line, Form::Line)?,
        "send-unix-line" => sent(line, Form::UnixLine)?,
        "memory" => Event::Memory(line.number(1)?),
        "host-waits" => Event::HostWaits,
        "host-fails" => Event::HostFails(line.number(1)?),
        "fault" => {
            let fault = fault(line.text(1)?)?;
            Event::Fault { fault, nth: line.number(2)?, detail: line.number(3)? }
        }
        "connect" => {
            let is_resp3 = line.number::<u32>(2)? == 3;
            Event::Connect { client: line.number(1)?, is_resp3 }
        }
        "deliver" => Event::Deliver { client: line.number(1)?, bytes: line.number(2)? },
        "disconnect" => Event::Disconnect(line.number(1)?),
        "stall" => Event::Stall(line.number(1)?),
        "room" => Event::Room { client: line.number(1)?, bytes: line.number(2)? },
        "delay" => Event::Delay { nth: line.number(1)?, ns: line.number(2)? },
        "crash" => Event::Crash(match line.text(1)? {
            "process" => Crash::Process,
            "power" => Crash::PowerLoss,
            _ => return None,
        }),
        "image" => Event::Image(line.image(1)?),
        "rot" => Event::Rot(line.number(1)?),
        "order" => Event::Order(order(line)?),
        _ => return None,
    })
}

fn sent(line: &Line<'_>, form: Form) -> Option<Event> {
    let words = line.0.get(2..).filter(|words| !words.is_empty())?.to_vec();
    Some(Event::Send(Sent { client: line.number(1)?, words, form }))
}

fn order(line: &Line<'_>) -> Option<&'static str> {
    let words = line.0[1..].join(&b' ');
    ORDERS.into_iter().find(|order| order.as_bytes() == words)
}

fn fault(name: &str) -> Option<Fault> {
    FAULTS.into_iter().find(|fault| fault.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Plan, Timeline};

    #[test]
    fn a_script_survives_its_text() {
        for seed in 1..8 {
            let plan = Plan { seed, commands: 200 };
            let script = crate::record(plan, Timeline::default()).0;
            assert!(script.events() > 100);
            assert_eq!(script.to_string().parse(), Ok(script));
        }
    }

    #[test]
    fn what_is_no_line_is_told() {
        let wrong = |line: &str| format!("{HEAD}\nscope any\n{line}\n").parse::<Script>();
        let lines = [
            "scope all",
            "scope any modelled",
            "disk strict",
            "config save 1",
            "config appendonly yes no",
            "step\n pass",
            "step\n pass 1 2",
            "step 1",
            "step\n connect 0 2 # now",
            "step\nsend 1",
            "calm 9999999",
            "pass 5",
        ];
        for line in lines {
            assert!(wrong(line).is_err_and(|wrong| wrong.line >= 3), "{line}");
        }
        assert!("scope any".parse::<Script>().is_err_and(|wrong| wrong.line == 1));
    }
}
