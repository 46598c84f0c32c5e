//! HELLO: the handshake of a connection: protocol, user, name, and what the server is.

use super::client::name::{self, ClientName};
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group};
use crate::value::number;
use crate::version::REDIS_VERSION;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("hello", -1, Group::Connection, hello)
    .flags(&[
        Flags::NOSCRIPT,
        Flags::LOADING,
        Flags::STALE,
        Flags::FAST,
        Flags::NO_AUTH,
        Flags::ALLOW_BUSY,
    ])
    .categories(&[Categories::CONNECTION])
    .arguments(
        "arguments=[protover:integer auth=[AUTH (username password)] \
         [SETNAME clientname]]",
    )
    .docs("6.0.0", "Chooses the protocol and tells what the server is.", "O(1)")
    .history(&[("6.2.0", "Without arguments it changes nothing.")])];

/// What a call asks for; all of it is checked before any of it is done.
struct Hello<'a> {
    resp3: Option<bool>,
    credentials: Option<(&'a [u8], &'a [u8])>,
    name: Option<ClientName>,
}

fn hello(ctx: &mut Ctx<'_>) -> Outcome {
    let asked = parse(ctx)?;
    if let Some((user, password)) = asked.credentials {
        ctx.server.authenticate(ctx.client, user, password)?;
    }
    if ctx.server.needs_auth(ctx.client) {
        return Err(CommandError::Fixed(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
             HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and \
             select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = asked.name {
        ctx.client.name = name;
    }
    ctx.client.output.resp3 = asked.resp3.unwrap_or(ctx.client.output.resp3);
    describe(ctx);
    Ok(())
}

fn parse<'a>(ctx: &Ctx<'a>) -> Result<Hello<'a>, CommandError> {
    let mut asked = Hello { resp3: None, credentials: None, name: None };
    if ctx.args.len() > 1 {
        asked.resp3 = Some(is_resp3(ctx.arg(1))?);
    }
    let mut at = 2;
    while at < ctx.args.len() {
        let more = ctx.args.len() - 1 - at;
        if ctx.args.is(at, "auth") && more >= 2 {
            asked.credentials = Some((ctx.arg(at + 1), ctx.arg(at + 2)));
            at += 3;
        } else if ctx.args.is(at, "setname") && more >= 1 {
            asked.name = Some(name::parse(ctx.arg(at + 1))?);
            at += 2;
        } else {
            let before = "ERR Syntax error in HELLO option '";
            return Err(CommandError::quoting(before, ctx.arg(at), "'"));
        }
    }
    Ok(asked)
}

fn is_resp3(version: &[u8]) -> Result<bool, CommandError> {
    match number::parse_i64(version) {
        Some(2) => Ok(false),
        Some(3) => Ok(true),
        Some(_) => Err(CommandError::Fixed("NOPROTO unsupported protocol version")),
        None => Err(CommandError::Fixed("ERR Protocol version is not an integer or out of range")),
    }
}

fn describe(ctx: &mut Ctx<'_>) {
    let id = ctx.client.id;
    let output = ctx.reply();
    output.map(7);
    output.bulk(b"server");
    output.bulk(b"redis");
    output.bulk(b"version");
    output.bulk(REDIS_VERSION.as_bytes());
    output.bulk(b"proto");
    output.int(if output.resp3 { 3 } else { 2 });
    output.bulk(b"id");
    output.int(id as i64);
    output.bulk(b"mode");
    output.bulk(b"standalone");
    output.bulk(b"role");
    output.bulk(b"master");
    output.bulk(b"modules");
    output.array(0);
}
