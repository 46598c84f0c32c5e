//! CLIENT ID, GETNAME, SETNAME and SETINFO: what a connection is called, by the server and by
//! itself.
//!
//! Names appear in CLIENT LIST, whose fields are separated by spaces and its lines by line ends; so
//! a name is printable ASCII without a space.

use alloc::boxed::Box;

use super::row;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::Command;

pub(super) const ID: Command =
    row("id", 2, id).docs("5.0.0", "Returns the number of the connection.", "O(1)");

pub(super) const GETNAME: Command =
    row("getname", 2, getname).docs("2.6.9", "Returns the name of the connection.", "O(1)");

pub(super) const SETNAME: Command = row("setname", 3, setname)
    .arguments("connection-name")
    .docs("2.6.9", "Names the connection.", "O(1)")
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]);

pub(super) const SETINFO: Command = row("setinfo", 4, setinfo)
    .arguments("attr=(LIB-NAME libname|LIB-VER libver)")
    .docs("7.2.0", "Tells name and version of the client library.", "O(1)")
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]);

/// A name that was checked; none if it was empty.
pub(crate) type ClientName = Option<Box<[u8]>>;

fn id(ctx: &mut Ctx<'_>) -> Outcome {
    let id = ctx.client.id;
    ctx.reply().int(id as i64);
    Ok(())
}

fn getname(ctx: &mut Ctx<'_>) -> Outcome {
    let client = &mut *ctx.client;
    match &client.name {
        Some(name) => client.output.bulk(name),
        None => client.output.null(),
    }
    Ok(())
}

fn setname(ctx: &mut Ctx<'_>) -> Outcome {
    ctx.client.name = parse(ctx.arg(2))?;
    ctx.reply().ok();
    Ok(())
}

fn setinfo(ctx: &mut Ctx<'_>) -> Outcome {
    let option = ctx.arg(2);
    let is_version = match () {
        () if ctx.args.is(2, "lib-name") => false,
        () if ctx.args.is(2, "lib-ver") => true,
        () => return Err(CommandError::quoting("ERR Unrecognized option '", option, "'")),
    };
    let value = checked(ctx.arg(3)).ok_or_else(|| {
        let after = " cannot contain spaces, newlines or special characters.";
        CommandError::quoting("ERR ", option, after)
    })?;
    if is_version {
        ctx.client.lib_ver = value;
    } else {
        ctx.client.lib_name = value;
    }
    ctx.reply().ok();
    Ok(())
}

/// The name of a connection as SETNAME and HELLO take it.
pub(crate) fn parse(name: &[u8]) -> Result<ClientName, CommandError> {
    checked(name).ok_or(CommandError::Fixed(
        "ERR Client names cannot contain spaces, newlines or special characters.",
    ))
}

/// `None` if a byte cannot stand in a line of CLIENT LIST.
fn checked(name: &[u8]) -> Option<ClientName> {
    let is_plain = name.iter().all(u8::is_ascii_graphic);
    is_plain.then(|| (!name.is_empty()).then(|| name.into()))
}
