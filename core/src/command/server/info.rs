//! INFO: what the server tells of itself, in sections of `name:value` lines.
//!
//! Exporters, client libraries and people parse this text, so the names and their order are those
//! of Redis 7.2. A value is true or, where it belongs to something that this server does not have
//! (yet), what a Redis tells that does not use it.

mod commands;
mod memory;
mod persistence;
mod process;
mod stats;

use alloc::string::String;
use core::fmt::{self, Write as _};

use crate::client::Client;
use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::error::Outcome;
use crate::command::spec::{Categories, Command, Flags, Group};
use crate::server::Server;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("info", -1, Group::Server, info)
    .flags(&[Flags::LOADING, Flags::STALE])
    .categories(&[Categories::DANGEROUS])
    .arguments("[section*]")
    .docs("1.0.0", "Tells about the server and its statistics.", "O(1)")
    .history(&[("7.0.0", "Added support for taking multiple section arguments.")])
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])];

/// One section.
struct Section {
    /// The title; as an argument it may be written in any case.
    title: &'static str,
    /// Whether INFO without arguments has it.
    is_default: bool,
    write: fn(&mut Page, &View<'_>),
}

/// Every section in its order on the page.
const SECTIONS: &[Section] = &[
    Section { title: "Server", is_default: true, write: process::server },
    Section { title: "Clients", is_default: true, write: process::clients },
    Section { title: "Memory", is_default: true, write: memory::memory },
    Section { title: "Persistence", is_default: true, write: persistence::persistence },
    Section { title: "Stats", is_default: true, write: stats::stats },
    Section { title: "Replication", is_default: true, write: persistence::replication },
    Section { title: "CPU", is_default: true, write: process::cpu },
    Section { title: "Modules", is_default: true, write: |_, _| () },
    Section { title: "Commandstats", is_default: false, write: commands::commandstats },
    Section { title: "Errorstats", is_default: true, write: commands::errorstats },
    Section { title: "Latencystats", is_default: false, write: commands::latencystats },
    Section { title: "Cluster", is_default: true, write: persistence::cluster },
    Section { title: "Keyspace", is_default: true, write: persistence::keyspace },
];

/// What a section can look at.
struct View<'a> {
    server: &'a Server,
    /// The client that asks, which is not among the server's meanwhile.
    client: &'a Client,
}

impl View<'_> {
    /// Every client.
    fn clients(&self) -> impl Iterator<Item = &Client> {
        self.server.clients.iter().chain([self.client])
    }
}

/// The text so far.
#[derive(Debug, Default)]
struct Page(String);

impl Page {
    fn section(&mut self, title: &str) {
        let gap = if self.0.is_empty() { "" } else { "\r\n" };
        let _ = write!(self.0, "{gap}# {title}\r\n");
    }

    /// One line.
    fn line(&mut self, name: &str, value: impl fmt::Display) {
        let _ = write!(self.0, "{name}:{value}\r\n");
    }

    /// Lines with numbers.
    fn counts(&mut self, lines: &[(&str, u64)]) {
        lines.iter().for_each(|(name, count)| self.line(name, count));
    }

    /// A line with bytes, and one with the same for people.
    fn bytes(&mut self, name: &str, bytes: u64) {
        self.line(name, bytes);
        self.human(name, bytes);
    }

    /// A line `<name>_human` with bytes for people.
    fn human(&mut self, name: &str, bytes: u64) {
        let _ = write!(self.0, "{name}_human:{}\r\n", Human(bytes));
    }
}

/// Bytes in the largest unit that gives at least one.
struct Human(u64);

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1024 {
            return write!(f, "{}B", self.0);
        }
        let power = (self.0.ilog2() / 10).min(5);
        let unit = char::from(b"KMGTP"[power as usize - 1]);
        write!(f, "{:.2}{unit}", self.0 as f64 / (1_u64 << (power * 10)) as f64)
    }
}

fn info(ctx: &mut Ctx<'_>) -> Outcome {
    let mut page = Page::default();
    let view = View { server: ctx.server, client: ctx.client };
    for section in SECTIONS.iter().filter(|section| is_wanted(section, ctx.args)) {
        page.section(section.title);
        (section.write)(&mut page, &view);
    }
    ctx.reply().verbatim("txt", page.0.as_bytes());
    Ok(())
}

fn is_wanted(section: &Section, args: Args<'_>) -> bool {
    let names = |arg: &[u8]| {
        let is = |word: &str| arg.eq_ignore_ascii_case(word.as_bytes());
        is(section.title) || is("all") || is("everything") || section.is_default && is("default")
    };
    args.from(1).any(names) || args.len() == 1 && section.is_default
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::Human;

    #[test]
    fn bytes_for_people() {
        let texts = [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (1_014_856, "991.07K"),
            (12_509_184, "11.93M"),
            (25_276_502_016, "23.54G"),
            (1 << 40, "1.00T"),
            (u64::MAX, "16384.00P"),
        ];
        for (bytes, text) in texts {
            assert_eq!(Human(bytes).to_string(), text);
        }
    }
}
