//! PUBLISH and SPUBLISH: a message to a channel.
//!
//! A message changes nothing that is kept, so nothing is logged. It still counts as a write for
//! CLIENT PAUSE, since Redis passes it on to replicas.

use crate::command::ctx::Ctx;
use crate::command::error::Outcome;
use crate::command::spec::{Command, Flags, Group, KeyFlags, KeySpec};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("publish", 3, Group::Pubsub, publish)
        .flags(&[Flags::PUBSUB, Flags::LOADING, Flags::STALE, Flags::FAST, Flags::MAY_REPLICATE])
        .arguments("channel message")
        .docs(
            "2.0.0",
            "Sends a message to a channel.",
            "O(N+M) where N is the number of clients subscribed to the receiving channel and M \
             is the total number of subscribed patterns (by any client).",
        ),
    Command::new("spublish", 3, Group::Pubsub, spublish)
        .flags(&[Flags::PUBSUB, Flags::LOADING, Flags::STALE, Flags::FAST, Flags::MAY_REPLICATE])
        .keys(&[KeySpec::one(1, KeyFlags::NOT_KEY)])
        .arguments("shardchannel message")
        .docs(
            "7.0.0",
            "Sends a message to a channel of the shard.",
            "O(N) where N is the number of clients subscribed to the receiving shard channel.",
        ),
];

fn publish(ctx: &mut Ctx<'_>) -> Outcome {
    let (channel, message) = (ctx.arg(1), ctx.arg(2));
    let told = ctx.server.publish(channel, message, Some(&mut *ctx.client));
    ctx.work(told);
    ctx.reply().count(told);
    Ok(())
}

fn spublish(ctx: &mut Ctx<'_>) -> Outcome {
    let (channel, message) = (ctx.arg(1), ctx.arg(2));
    let told = ctx.server.publish_to_shard(channel, message, Some(&mut *ctx.client));
    ctx.work(told);
    ctx.reply().count(told);
    Ok(())
}
