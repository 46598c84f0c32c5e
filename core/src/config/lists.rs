//! Directives of several words: save points, client limits, addresses, percentiles and the like.
//!
//! Each is refused as a whole when one of its words is wrong. Redis narrows some of these numbers
//! to a C `int` without a check; here a number that does not fit is an error instead.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::codec::{Codec, Line, Reason, WRONG_NUMBER, one_of, one_word, until_zero};
use super::events::KeyspaceEvents;
use super::limits::{ClientClass, OutputLimit, OutputLimits, SavePoint, ShutdownOptions};
use super::number::{lenient_integer, memory, with_unit};
use crate::value::number::parse_f64;
use crate::value::quote;

/// `save`: pairs of seconds and changes.
pub(super) struct SavePoints;

impl Codec for SavePoints {
    type Value = Vec<SavePoint>;
    const MANY_WORDS: bool = true;

    fn parse(&self, words: &[&[u8]]) -> Result<Vec<SavePoint>, Reason> {
        let points: Option<Vec<SavePoint>> = words.chunks(2).map(save_point).collect();
        points.ok_or_else(|| Reason::new("Invalid save parameters"))
    }

    fn print(&self, value: &Vec<SavePoint>) -> Vec<u8> {
        joined(value.iter().map(|point| format!("{} {}", point.seconds, point.changes)))
    }

    /// Always written: without a line the defaults would come back.
    fn rewrite(&self, value: &Vec<SavePoint>, _: &Vec<SavePoint>) -> Vec<Line> {
        if value.is_empty() {
            return vec![Line { arguments: b"\"\"".into(), force: true }];
        }
        let line = |point: &SavePoint| Line { arguments: self.print(&vec![*point]), force: true };
        value.iter().map(line).collect()
    }
}

fn save_point(pair: &[&[u8]]) -> Option<SavePoint> {
    let [seconds, changes] = pair else { return None };
    let seconds = u64::try_from(lenient_integer(until_zero(seconds), 10)?).ok()?;
    let changes = i32::try_from(lenient_integer(until_zero(changes), 10)?).ok()?;
    (seconds > 0).then_some(SavePoint { seconds, changes: u32::try_from(changes).ok()? })
}

/// `client-output-buffer-limit`: class, hard limit, soft limit, seconds; classes that are not
/// named keep their limits.
pub(super) struct ClientLimits;

impl Codec for ClientLimits {
    type Value = OutputLimits;
    const MANY_WORDS: bool = true;

    fn parse(&self, words: &[&[u8]]) -> Result<OutputLimits, Reason> {
        self.update(words, OutputLimits::default())
    }

    fn update(&self, words: &[&[u8]], mut old: OutputLimits) -> Result<OutputLimits, Reason> {
        if !words.len().is_multiple_of(4) {
            return Err(Reason::new("Wrong number of arguments in buffer limit configuration."));
        }
        for group in words.chunks(4) {
            let (class, limit) = class_limit(group)?;
            *old.of_mut(class) = limit;
        }
        Ok(old)
    }

    fn print(&self, value: &OutputLimits) -> Vec<u8> {
        joined(ClientClass::ALL.iter().map(|class| {
            let limit = value.of(*class);
            format!("{} {} {} {}", class.name(), limit.hard_bytes, limit.soft_bytes, limit.soft_s)
        }))
    }

    fn rewrite(&self, value: &OutputLimits, default: &OutputLimits) -> Vec<Line> {
        let line = |class: &ClientClass| Line {
            arguments: limit_line(*class, value.of(*class)),
            force: value.of(*class) != default.of(*class),
        };
        ClientClass::ALL.iter().map(line).collect()
    }
}

fn class_limit(group: &[&[u8]]) -> Result<(ClientClass, OutputLimit), Reason> {
    let [class, hard, soft, seconds] = group else { return Err(Reason::new(WRONG_NUMBER)) };
    let class = ClientClass::of_name(until_zero(class)).ok_or_else(|| {
        Reason::new("Invalid client class specified in buffer limit configuration.")
    })?;
    let limit = || {
        let seconds = lenient_integer(until_zero(seconds), 10)?;
        Some(OutputLimit {
            hard_bytes: memory(until_zero(hard))?,
            soft_bytes: memory(until_zero(soft))?,
            soft_s: u32::try_from(i32::try_from(seconds).ok()?).ok()?,
        })
    };
    let limit = limit().ok_or_else(|| {
        Reason::new("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
    })?;
    Ok((class, limit))
}

/// A rewritten file says `replica` where CONFIG GET still says `slave`.
fn limit_line(class: ClientClass, limit: &OutputLimit) -> Vec<u8> {
    let name = if class == ClientClass::Replica { "replica" } else { class.name() };
    let mut line = name.as_bytes().to_vec();
    for bytes in [limit.hard_bytes, limit.soft_bytes] {
        line.push(b' ');
        line.extend(with_unit(i128::from(bytes)));
    }
    line.extend(format!(" {}", limit.soft_s).into_bytes());
    line
}

/// `notify-keyspace-events`: a set of letters.
pub(super) struct Events;

impl Codec for Events {
    type Value = KeyspaceEvents;

    fn parse(&self, words: &[&[u8]]) -> Result<KeyspaceEvents, Reason> {
        KeyspaceEvents::parse(one_word(words)?)
            .ok_or_else(|| Reason::new("Invalid event class character. Use 'Ag$lshzxeKEtmdn'."))
    }

    fn print(&self, value: &KeyspaceEvents) -> Vec<u8> {
        value.to_string().into_bytes()
    }

    fn rewrite(&self, value: &KeyspaceEvents, default: &KeyspaceEvents) -> Vec<Line> {
        vec![Line { arguments: quote::quoted(&self.print(value)), force: value != default }]
    }
}

/// `bind`: up to sixteen addresses.
pub(super) struct Addresses;

impl Codec for Addresses {
    type Value = Vec<String>;
    const MANY_WORDS: bool = true;

    fn parse(&self, words: &[&[u8]]) -> Result<Vec<String>, Reason> {
        if words.len() > 16 {
            return Err(Reason::new("Too many bind addresses specified."));
        }
        let addresses: Option<Vec<String>> = words.iter().map(|word| host(word)).collect();
        addresses.ok_or_else(|| Reason::new("Failed to bind to specified addresses."))
    }

    fn print(&self, value: &Vec<String>) -> Vec<u8> {
        joined(value.iter())
    }

    fn rewrite(&self, value: &Vec<String>, default: &Vec<String>) -> Vec<Line> {
        let arguments = if value.is_empty() { b"\"\"".into() } else { self.print(value) };
        vec![Line { arguments, force: value != default }]
    }
}

/// A host as one plain word. Redis finds out about any other text only when it cannot use it, and
/// writes it into files without quotes until then.
fn host(word: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(until_zero(word)).ok()?;
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'\\".contains(&byte);
    (!text.is_empty() && text.bytes().all(is_plain)).then(|| text.into())
}

/// `latency-tracking-info-percentiles`: numbers from 0 to 100.
pub(super) struct Percentiles;

impl Codec for Percentiles {
    type Value = Vec<f64>;
    const MANY_WORDS: bool = true;

    fn parse(&self, words: &[&[u8]]) -> Result<Vec<f64>, Reason> {
        words.iter().map(|word| percentile(word)).collect()
    }

    fn print(&self, value: &Vec<f64>) -> Vec<u8> {
        joined(value.iter().map(|percentile| {
            let text = format!("{percentile:.6}");
            String::from(text.trim_end_matches('0').trim_end_matches('.'))
        }))
    }

    /// Always written, as Redis does.
    fn rewrite(&self, value: &Vec<f64>, _: &Vec<f64>) -> Vec<Line> {
        let arguments = if value.is_empty() { b"\"\"".into() } else { self.print(value) };
        vec![Line { arguments, force: true }]
    }
}

fn percentile(word: &[u8]) -> Result<f64, Reason> {
    let value = parse_f64(word)
        .ok_or_else(|| Reason::new("Invalid latency-tracking-info-percentiles parameters"))?;
    if (0.0..=100.0).contains(&value) {
        return Ok(value);
    }
    Err(Reason::new("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"))
}

/// `shutdown-on-sigint` and `shutdown-on-sigterm`: a set of words.
pub(super) struct Shutdown;

impl Codec for Shutdown {
    type Value = ShutdownOptions;
    const MANY_WORDS: bool = true;

    fn parse(&self, words: &[&[u8]]) -> Result<ShutdownOptions, Reason> {
        let unknown = || one_of(ShutdownOptions::words());
        if words.is_empty() {
            return Err(unknown());
        }
        let mut options = ShutdownOptions::default();
        for word in words {
            options |= ShutdownOptions::of_word(until_zero(word)).ok_or_else(unknown)?;
        }
        if options.contains(ShutdownOptions::SAVE | ShutdownOptions::NOSAVE) {
            return Err(Reason::new(
                "shutdown options SAVE and NOSAVE can't be used simultaneously",
            ));
        }
        Ok(options)
    }

    fn print(&self, value: &ShutdownOptions) -> Vec<u8> {
        value.to_string().into_bytes()
    }
}

/// `oom-score-adj-values`: scores of a master, a replica and a child.
pub(super) struct OomScores;

impl Codec for OomScores {
    type Value = Vec<i64>;
    const MANY_WORDS: bool = true;

    fn parse(&self, words: &[&[u8]]) -> Result<Vec<i64>, Reason> {
        if words.len() != 3 {
            return Err(Reason::new(WRONG_NUMBER));
        }
        let score = |word: &&[u8]| lenient_integer(until_zero(word), 10);
        let scores: Option<Vec<i64>> = words
            .iter()
            .map(|word| score(word).filter(|score| (-2000..=2000).contains(score)))
            .collect();
        scores.ok_or_else(|| {
            Reason::new("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
        })
    }

    fn print(&self, value: &Vec<i64>) -> Vec<u8> {
        joined(value.iter())
    }
}

/// `replicaof`: host and port of the master, or none.
pub(super) struct Master;

impl Codec for Master {
    type Value = Option<(String, u16)>;
    const MANY_WORDS: bool = true;

    fn parse(&self, words: &[&[u8]]) -> Result<Option<(String, u16)>, Reason> {
        let [name, port] = words else { return Err(Reason::new(WRONG_NUMBER)) };
        if name.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
            return Ok(None);
        }
        let port = lenient_integer(until_zero(port), 10).and_then(|port| u16::try_from(port).ok());
        let port = port.ok_or_else(|| Reason::new("Invalid master port"))?;
        let name = host(name).ok_or_else(|| Reason::new("Invalid master host"))?;
        Ok(Some((name, port)))
    }

    fn print(&self, value: &Option<(String, u16)>) -> Vec<u8> {
        value.iter().flat_map(|(host, port)| format!("{host} {port}").into_bytes()).collect()
    }

    fn rewrite(&self, value: &Option<(String, u16)>, _: &Option<(String, u16)>) -> Vec<Line> {
        let line = || Line { arguments: self.print(value), force: true };
        value.is_some().then(line).into_iter().collect()
    }
}

fn joined(words: impl Iterator<Item = impl ToString>) -> Vec<u8> {
    let words: Vec<String> = words.map(|word| word.to_string()).collect();
    words.join(" ").into_bytes()
}
