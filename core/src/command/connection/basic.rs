//! PING, ECHO, SELECT and QUIT.

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("ping", -1, Group::Connection, ping)
        .flags(&[Flags::FAST])
        .categories(&[Categories::CONNECTION])
        .arguments("[message]")
        .docs("1.0.0", "Answers PONG, or the message.", "O(1)"),
    Command::new("echo", 2, Group::Connection, echo)
        .flags(&[Flags::LOADING, Flags::STALE, Flags::FAST])
        .categories(&[Categories::CONNECTION])
        .arguments("message")
        .docs("1.0.0", "Returns the message.", "O(1)"),
    Command::new("select", 2, Group::Connection, select)
        .flags(&[Flags::LOADING, Flags::STALE, Flags::FAST])
        .categories(&[Categories::CONNECTION])
        .arguments("index:integer")
        .docs("1.0.0", "Chooses the connection's database.", "O(1)"),
    Command::new("quit", -1, Group::Connection, quit)
        .flags(&[
            Flags::ALLOW_BUSY,
            Flags::NOSCRIPT,
            Flags::LOADING,
            Flags::STALE,
            Flags::FAST,
            Flags::NO_AUTH,
        ])
        .categories(&[Categories::CONNECTION])
        .docs("1.0.0", "Closes the connection.", "O(1)")
        .deprecated("7.2.0", "just closing the connection"),
];

fn ping(ctx: &mut Ctx<'_>) -> Outcome {
    if ctx.args.len() > 2 {
        return Err(CommandError::Arity("ping"));
    }
    let message = ctx.arg(1);
    if ctx.client.is_subscriber() && !ctx.client.output.resp3 {
        ctx.reply().array(2);
        ctx.reply().bulk(b"pong");
        ctx.reply().bulk(message);
    } else if ctx.args.len() == 1 {
        ctx.reply().simple("PONG");
    } else {
        ctx.reply().bulk(message);
    }
    Ok(())
}

fn echo(ctx: &mut Ctx<'_>) -> Outcome {
    let message = ctx.arg(1);
    ctx.reply().bulk(message);
    Ok(())
}

fn select(ctx: &mut Ctx<'_>) -> Outcome {
    let index = ctx.int(1)?;
    if index < 0 || index >= ctx.server.dbs.len() as i64 {
        return Err(CommandError::Fixed("ERR DB index is out of range"));
    }
    ctx.client.db = index as u16;
    ctx.reply().ok();
    Ok(())
}

fn quit(ctx: &mut Ctx<'_>) -> Outcome {
    ctx.reply().ok();
    ctx.client.close_after_reply();
    Ok(())
}
