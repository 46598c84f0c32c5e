//! CLIENT LIST and CLIENT INFO: connections as lines of fields.
//!
//! The fields are those of Redis 7.2 in its order. Some describe buffers that are not here: what
//! was read and not yet executed lies with the shell, so `qbuf-free` is 0, and a client that has
//! been sent everything has no output buffer (`rbs=0`). The line of the client that asks shows its
//! own request and no output, so that it does not depend on how requests were cut into reads.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::{admin_row, row};
use crate::client::pubsub::Topic;
use crate::client::{Client, Closing, text};
use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::Command;
use crate::config::ClientClass;
use crate::server::Server;
use crate::value::number;

pub(super) const INFO: Command = row("info", 2, info)
    .docs("6.2.0", "Describes the connection.", "O(1)")
    .tips(&["nondeterministic_output"]);

pub(super) const LIST: Command = admin_row("list", -2, list)
    .arguments(
        "client-type=[TYPE (NORMAL|MASTER|REPLICA|PUBSUB)]@5.0.0 [ID client-id:integer*@6.2.0]",
    )
    .docs("2.4.0", "Describes all connections.", "O(N) where N is the number of client connections")
    .history(&[
        ("2.8.12", "Shows the number of each connection, `id`."),
        ("5.0.0", "Takes TYPE."),
        ("6.0.0", "Shows `user`."),
        ("6.2.0", "Takes ID; shows `argv-mem`, `tot-mem`, `laddr` and `redir`."),
        ("7.0.0", "Shows `resp`, `multi-mem`, `rbs` and `rbp`."),
        ("7.0.3", "Shows `ssub`."),
    ])
    .tips(&["nondeterministic_output"]);

fn info(ctx: &mut Ctx<'_>) -> Outcome {
    let line = own_line(ctx);
    ctx.reply().verbatim("txt", line.as_bytes());
    Ok(())
}

fn list(ctx: &mut Ctx<'_>) -> Outcome {
    let wanted = Wanted::parse(ctx.args)?;
    let mut lines: Vec<(u64, String)> = Vec::new();
    if wanted.has(ctx.client) {
        lines.push((ctx.client.id, own_line(ctx)));
    }
    let others = ctx.server.clients.iter().filter(|client| client.closing != Closing::Now);
    for client in others.filter(|client| wanted.has(client)) {
        lines.push((client.id, line(ctx.server, client, &Buffers::of(client))));
    }
    ctx.work(lines.len() * 10);
    lines.sort_unstable_by_key(|(id, _)| *id);
    let text: Vec<&str> = lines.iter().map(|(_, line)| line.as_str()).collect();
    ctx.reply().verbatim("txt", text.concat().as_bytes());
    Ok(())
}

/// Which connections are to be listed.
enum Wanted {
    All,
    Type(ClientType),
    Ids(BTreeSet<i64>),
}

impl Wanted {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        match args.len() {
            2 => Ok(Self::All),
            4 if args.is(2, "type") => ClientType::parse(args.at(3)).map(Self::Type),
            4.. if args.is(2, "id") => {
                let ids = args.from(3).map(number::parse_i64).collect::<Option<_>>();
                ids.map(Self::Ids).ok_or(CommandError::Fixed("ERR Invalid client ID"))
            }
            _ => Err(CommandError::Syntax),
        }
    }

    fn has(&self, client: &Client) -> bool {
        match self {
            Self::All => true,
            Self::Type(kind) => kind.has(client),
            Self::Ids(ids) => i64::try_from(client.id).is_ok_and(|id| ids.contains(&id)),
        }
    }
}

/// A kind of clients as LIST and KILL name it.
#[derive(Clone, Copy, Debug)]
pub(super) enum ClientType {
    /// A class with limits of its own.
    Class(ClientClass),
    /// The server that this one would follow; there is none.
    Master,
}

impl ClientType {
    pub(super) fn parse(name: &[u8]) -> Result<Self, CommandError> {
        let class = ClientClass::of_name(name).map(Self::Class);
        let master = name.eq_ignore_ascii_case(b"master").then_some(Self::Master);
        class
            .or(master)
            .ok_or_else(|| CommandError::quoting("ERR Unknown client type '", name, "'"))
    }

    pub(super) fn has(self, client: &Client) -> bool {
        matches!(self, Self::Class(class) if client.class() == class)
    }
}

/// What a line tells of buffers.
struct Buffers {
    query: usize,
    args: usize,
    tail: usize,
    pieces: usize,
    pieces_bytes: usize,
    reserved: usize,
    total: usize,
}

impl Buffers {
    fn of(client: &Client) -> Self {
        let output = &client.output;
        Self {
            query: client.query_bytes,
            args: 0,
            tail: output.tail_bytes(),
            pieces: output.pieces(),
            pieces_bytes: output.pending_bytes() - output.tail_bytes(),
            reserved: output.tail.capacity(),
            total: client.memory_bytes(),
        }
    }

    /// Those of the client whose command runs, as they are when it sends nothing else.
    fn of_request(client: &Client, args: Args<'_>) -> Self {
        let args_bytes = args.from(0).map(<[u8]>::len).sum();
        let digits = |number: usize| itoa::Buffer::new().format(number).len();
        let framing = args.from(0).map(|arg| digits(arg.len()) + 5).sum::<usize>();
        let query = args_bytes + framing + digits(args.len()) + 3;
        let others = client.memory_bytes() - client.output.memory_bytes() - client.query_bytes;
        Self {
            query,
            args: args_bytes,
            tail: 0,
            pieces: 0,
            pieces_bytes: 0,
            reserved: 0,
            total: others + query + args_bytes,
        }
    }
}

fn own_line(ctx: &Ctx<'_>) -> String {
    line(ctx.server, ctx.client, &Buffers::of_request(ctx.client, ctx.args))
}

/// One connection as a line, its end included.
fn line(server: &Server, client: &Client, buffers: &Buffers) -> String {
    let mut line = String::new();
    // A string takes whatever is written to it.
    let _ = write_line(&mut line, server, client, buffers);
    line
}

fn write_line(
    line: &mut String,
    server: &Server,
    client: &Client,
    buffers: &Buffers,
) -> core::fmt::Result {
    let Client { id, peer, db, .. } = client;
    let seconds_since = |ns: u64| server.now.mono_ns.saturating_sub(ns) / 1_000_000_000;
    let subscribed = |topic| client.subscriptions.as_ref().map_or(0, |all| all.of(topic).len());
    let transaction = client.transaction.as_ref();
    let multi = transaction.filter(|all| all.is_open).map_or(-1, |all| all.queue.len() as i64);
    let multi_bytes = transaction.map_or(0, |all| all.args_bytes());
    let command = client.last_command.map_or("NULL", |id| &server.registry.row(id).full_name);
    write!(line, "id={id} addr={} laddr={} fd={} ", peer.addr, peer.laddr, peer.fd)?;
    write!(line, "name={} ", text(client.name.as_deref()))?;
    write!(line, "age={} ", seconds_since(client.accepted_ns))?;
    write!(line, "idle={} ", seconds_since(client.active_ns))?;
    write!(line, "flags={} db={db} ", flags(server, client))?;
    write!(line, "sub={} ", subscribed(Topic::Channel))?;
    write!(line, "psub={} ", subscribed(Topic::Pattern))?;
    write!(line, "ssub={} ", subscribed(Topic::ShardChannel))?;
    write!(line, "multi={multi} watch={} ", transaction.map_or(0, |all| all.watched.len()))?;
    write!(line, "qbuf={} qbuf-free=0 argv-mem={} ", buffers.query, buffers.args)?;
    write!(line, "multi-mem={multi_bytes} ")?;
    write!(line, "rbs={} rbp={} ", buffers.reserved, buffers.tail)?;
    write!(line, "obl={} oll={} omem={} ", buffers.tail, buffers.pieces, buffers.pieces_bytes)?;
    write!(line, "tot-mem={} ", buffers.total)?;
    let has_output = buffers.tail + buffers.pieces_bytes > 0;
    write!(line, "events={} cmd={command} ", if has_output { "rw" } else { "r" })?;
    write!(line, "user=default redir=-1 resp={} ", if client.output.resp3 { 3 } else { 2 })?;
    write!(line, "lib-name={} ", text(client.lib_name.as_deref()))?;
    writeln!(line, "lib-ver={}", text(client.lib_ver.as_deref()))
}

/// The letters of what the client is and does.
fn flags(server: &Server, client: &Client) -> String {
    let transaction = client.transaction.as_ref();
    let letters = [
        (client.is_monitor, 'O'),
        (client.is_subscriber(), 'P'),
        (client.in_transaction(), 'x'),
        (client.is_blocked(server.pause.is_some()), 'b'),
        (transaction.is_some_and(|transaction| transaction.is_touched), 'd'),
        (client.closing == Closing::AfterReply, 'c'),
        (client.closing == Closing::Now, 'A'),
        (client.peer.is_unix, 'U'),
        (client.no_evict, 'e'),
        (client.no_touch, 'T'),
    ];
    let set: String =
        letters.iter().filter(|(is_set, _)| *is_set).map(|(_, letter)| *letter).collect();
    if set.is_empty() { "N".into() } else { set }
}
