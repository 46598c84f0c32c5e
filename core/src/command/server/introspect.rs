//! TIME and ROLE: small questions about the server.

use crate::command::ctx::Ctx;
use crate::command::error::Outcome;
use crate::command::spec::{Categories, Command, Flags, Group};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("time", 1, Group::Server, time)
        .flags(&[Flags::LOADING, Flags::STALE, Flags::FAST])
        .docs("2.6.0", "Returns the time of the server.", "O(1)")
        .tips(&["nondeterministic_output"]),
    Command::new("role", 1, Group::Server, role)
        .flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE, Flags::FAST])
        .categories(&[Categories::ADMIN, Categories::DANGEROUS])
        .docs("2.8.12", "Returns the part the server has in replication.", "O(1)"),
];

fn time(ctx: &mut Ctx<'_>) -> Outcome {
    let wall_us = ctx.now().wall_us;
    let reply = ctx.reply();
    reply.array(2);
    reply.bulk_int(wall_us.div_euclid(1_000_000));
    reply.bulk_int(wall_us.rem_euclid(1_000_000));
    Ok(())
}

fn role(ctx: &mut Ctx<'_>) -> Outcome {
    let reply = ctx.reply();
    reply.array(3);
    reply.bulk(b"master");
    reply.int(0);
    reply.array(0);
    Ok(())
}
