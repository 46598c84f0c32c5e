//! PING, ECHO, SELECT, QUIT and RESET.

use crate::client::ReplyMode;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("ping", -1, Group::Connection, ping)
        .flags(&[Flags::FAST])
        .categories(&[Categories::CONNECTION])
        .arguments("[message]")
        .docs("1.0.0", "Answers PONG, or the message.", "O(1)")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
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
            Flags::NOSCRIPT,
            Flags::LOADING,
            Flags::STALE,
            Flags::FAST,
            Flags::NO_AUTH,
            Flags::ALLOW_BUSY,
        ])
        .categories(&[Categories::CONNECTION])
        .docs("1.0.0", "Closes the connection.", "O(1)")
        .deprecated("7.2.0", "just closing the connection"),
    Command::new("reset", 1, Group::Connection, reset)
        .flags(&[
            Flags::NOSCRIPT,
            Flags::LOADING,
            Flags::STALE,
            Flags::FAST,
            Flags::NO_AUTH,
            Flags::ALLOW_BUSY,
        ])
        .categories(&[Categories::CONNECTION])
        .docs("6.2.0", "Brings the connection back to how it was when it was made.", "O(1)"),
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
    if i32::try_from(index).is_err() {
        return Err(CommandError::Fixed(
            "ERR value is out of range, value must between -2147483648 and 2147483647",
        ));
    }
    if index < 0 || index >= ctx.server.dbs.count() as i64 {
        return Err(CommandError::Fixed("ERR DB index is out of range"));
    }
    ctx.client.db = index as u32;
    ctx.reply().ok();
    Ok(())
}

fn quit(ctx: &mut Ctx<'_>) -> Outcome {
    ctx.reply().ok();
    ctx.client.close_after_reply();
    Ok(())
}

/// What the client library told of itself stays: it is still behind the connection.
fn reset(ctx: &mut Ctx<'_>) -> Outcome {
    let Ctx { server, client, .. } = ctx;
    server.leave_monitors(client);
    server.leave_transaction(client);
    server.leave_channels(client);
    client.authenticated = server.config.requirepass.is_none();
    client.db = 0;
    client.output.resp3 = false;
    client.reply = ReplyMode::On;
    client.name = None;
    client.no_evict = false;
    client.no_touch = false;
    ctx.reply().simple("RESET");
    Ok(())
}
