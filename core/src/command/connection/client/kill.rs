//! CLIENT KILL: closes connections, one by its address or all that pass some filters.

use alloc::vec::Vec;

use super::admin_row;
use super::list::ClientType;
use crate::client::{Client, Closing};
use crate::command::args::Args;
use crate::command::connection::auth::DEFAULT_USER;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::Command;
use crate::server::Server;
use crate::turn::ConnId;
use crate::value::number;

pub(super) const KILL: Command = admin_row("kill", -3, kill)
    .arguments(
        "filter=(old-format{ip:port}@-2.8.12|new-format=([ID client-id:integer@2.8.12]|client-type=\
         [TYPE (NORMAL|MASTER@3.2.0|SLAVE|REPLICA@5.0.0|PUBSUB)]@2.8.12|[USER username]|[ADDR \
         addr{ip:port}]|[LADDR laddr{ip:port}@6.2.0]|skipme=[SKIPME (YES|NO)]|[MAXAGE \
         maxage:integer@7.4.0])*)",
    )
    .docs("2.4.0", "Closes connections.", "O(N) where N is the number of client connections")
    .history(&[
        ("2.8.12", "Takes filters."),
        ("2.8.12", "Takes ID."),
        ("3.2.0", "Takes the type `master`."),
        ("5.0.0", "Takes the type `replica` for `slave`, which is still understood."),
        ("6.2.0", "Takes LADDR."),
        ("7.4.0", "Takes MAXAGE."),
    ]);

fn kill(ctx: &mut Ctx<'_>) -> Outcome {
    let is_old_form = ctx.args.len() == 3;
    let filters = if is_old_form {
        Filters { addr: Some(ctx.arg(2)), ..Filters::default() }
    } else {
        Filters::parse(ctx.args)?
    };
    let now_ns = ctx.server.now.mono_ns;
    let others = ctx.server.clients.iter().filter(|client| filters.pass(client, now_ns));
    let killed: Vec<ConnId> = others.map(|client| client.conn).collect();
    let kills_itself = !filters.skips_me && filters.pass(ctx.client, now_ns);
    killed.iter().for_each(|&conn| ctx.server.kill(conn));
    let count = killed.len() + usize::from(kills_itself);
    match count {
        0 if is_old_form => return Err(CommandError::Fixed("ERR No such client")),
        _ if is_old_form => ctx.reply().ok(),
        _ => ctx.reply().count(count),
    }
    if kills_itself {
        ctx.client.close_after_reply();
    }
    Ok(())
}

/// What a connection must be to be closed.
#[derive(Default)]
struct Filters<'a> {
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    kind: Option<ClientType>,
    id: Option<u64>,
    /// In seconds.
    age_min: Option<u64>,
    skips_me: bool,
}

impl<'a> Filters<'a> {
    fn parse(args: Args<'a>) -> Result<Self, CommandError> {
        let mut filters = Self { skips_me: true, ..Self::default() };
        for at in (2..args.len()).step_by(2) {
            if at + 1 == args.len() {
                return Err(CommandError::Syntax);
            }
            filters.add(args, at)?;
        }
        Ok(filters)
    }

    fn add(&mut self, args: Args<'a>, at: usize) -> Result<(), CommandError> {
        let value = args.at(at + 1);
        match () {
            () if args.is(at, "id") => self.id = Some(id(value)?),
            () if args.is(at, "type") => self.kind = Some(ClientType::parse(value)?),
            () if args.is(at, "addr") => self.addr = Some(value),
            () if args.is(at, "laddr") => self.laddr = Some(value),
            () if args.is(at, "maxage") => self.age_min = Some(age(value)?),
            () if args.is(at, "user") => check_user(value)?,
            () if args.is(at, "skipme") && args.is(at + 1, "yes") => self.skips_me = true,
            () if args.is(at, "skipme") && args.is(at + 1, "no") => self.skips_me = false,
            () => return Err(CommandError::Syntax),
        }
        Ok(())
    }

    fn pass(&self, client: &Client, now_ns: u64) -> bool {
        let age_s = now_ns.saturating_sub(client.accepted_ns) / 1_000_000_000;
        client.closing != Closing::Now
            && self.addr.is_none_or(|addr| client.peer.addr.as_bytes() == addr)
            && self.laddr.is_none_or(|laddr| client.peer.laddr.as_bytes() == laddr)
            && self.kind.is_none_or(|kind| kind.has(client))
            && self.id.is_none_or(|id| client.id == id)
            && self.age_min.is_none_or(|age| age_s >= age)
    }
}

fn id(value: &[u8]) -> Result<u64, CommandError> {
    let id = number::parse_i64(value).and_then(|id| u64::try_from(id).ok()).filter(|&id| id > 0);
    id.ok_or(CommandError::Fixed("ERR client-id should be greater than 0"))
}

fn age(value: &[u8]) -> Result<u64, CommandError> {
    let age = number::parse_i64(value)
        .ok_or(CommandError::Fixed("ERR maxage is not an integer or out of range"))?;
    let age = u64::try_from(age).ok().filter(|&age| age > 0);
    age.ok_or(CommandError::Fixed("ERR maxage should be greater than 0"))
}

/// Everybody is the default user, whether or not they have authenticated.
fn check_user(name: &[u8]) -> Result<(), CommandError> {
    if name == DEFAULT_USER {
        return Ok(());
    }
    Err(CommandError::quoting("ERR No such user '", name, "'"))
}

impl Server {
    /// Ends another client's connection: from now on nobody sees it.
    fn kill(&mut self, conn: ConnId) {
        if let Some(mut client) = self.clients.take(conn) {
            self.leave_transaction(&mut client);
            self.leave_channels(&mut client);
            self.leave_monitors(&mut client);
            self.close(&mut client, Closing::Now);
            self.clients.put_back(client);
        }
    }
}
