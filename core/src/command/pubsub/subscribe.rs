//! SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and their opposites.
//!
//! Each name gets a confirmation of its own, a push in RESP3, with the number of subscriptions that
//! the client then has: channels and patterns together, channels of the shard apart.

use crate::client::pubsub::Topic;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Command, Flags, Group, KeyFlags, KeySpec};

const FLAGS: &[Flags] = &[Flags::PUBSUB, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE];

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("subscribe", -2, Group::Pubsub, subscribe)
        .flags(FLAGS)
        .arguments("channel*")
        .docs(
            "2.0.0",
            "Listens to channels.",
            "O(N) where N is the number of channels to subscribe to.",
        ),
    Command::new("unsubscribe", -1, Group::Pubsub, unsubscribe)
        .flags(FLAGS)
        .arguments("[channel*]")
        .docs(
            "2.0.0",
            "Listens to channels no more.",
            "O(N) where N is the number of channels to unsubscribe.",
        ),
    Command::new("psubscribe", -2, Group::Pubsub, psubscribe)
        .flags(FLAGS)
        .arguments("pattern:pattern*")
        .docs(
            "2.0.0",
            "Listens to channels that match patterns.",
            "O(N) where N is the number of patterns to subscribe to.",
        ),
    Command::new("punsubscribe", -1, Group::Pubsub, punsubscribe)
        .flags(FLAGS)
        .arguments("[pattern:pattern*]")
        .docs(
            "2.0.0",
            "Listens to channels that match patterns no more.",
            "O(N) where N is the number of patterns to unsubscribe.",
        ),
    Command::new("ssubscribe", -2, Group::Pubsub, ssubscribe)
        .flags(FLAGS)
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::NOT_KEY)])
        .arguments("shardchannel*")
        .docs(
            "7.0.0",
            "Listens to channels of the shard.",
            "O(N) where N is the number of shard channels to subscribe to.",
        ),
    Command::new("sunsubscribe", -1, Group::Pubsub, sunsubscribe)
        .flags(FLAGS)
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::NOT_KEY)])
        .arguments("[shardchannel*]")
        .docs(
            "7.0.0",
            "Listens to channels of the shard no more.",
            "O(N) where N is the number of shard channels to unsubscribe.",
        ),
];

fn subscribe(ctx: &mut Ctx<'_>) -> Outcome {
    join(ctx, Topic::Channel);
    Ok(())
}

fn psubscribe(ctx: &mut Ctx<'_>) -> Outcome {
    join(ctx, Topic::Pattern);
    Ok(())
}

/// The other two are let pass in a transaction for the sake of old clients.
fn ssubscribe(ctx: &mut Ctx<'_>) -> Outcome {
    if ctx.server.log.is_in_transaction() {
        return Err(CommandError::Fixed("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"));
    }
    join(ctx, Topic::ShardChannel);
    Ok(())
}

fn unsubscribe(ctx: &mut Ctx<'_>) -> Outcome {
    leave(ctx, Topic::Channel);
    Ok(())
}

fn punsubscribe(ctx: &mut Ctx<'_>) -> Outcome {
    leave(ctx, Topic::Pattern);
    Ok(())
}

fn sunsubscribe(ctx: &mut Ctx<'_>) -> Outcome {
    leave(ctx, Topic::ShardChannel);
    Ok(())
}

fn join(ctx: &mut Ctx<'_>, topic: Topic) {
    for name in ctx.args.from(1) {
        ctx.server.subscribe(ctx.client, topic, name);
        let kind: &[u8] = match topic {
            Topic::Channel => b"subscribe",
            Topic::Pattern => b"psubscribe",
            Topic::ShardChannel => b"ssubscribe",
        };
        confirm(ctx, kind, topic, Some(name));
    }
    ctx.work(ctx.args.len());
}

fn leave(ctx: &mut Ctx<'_>, topic: Topic) {
    if ctx.args.len() > 1 {
        ctx.args.from(1).for_each(|name| leave_one(ctx, topic, name));
    } else {
        let all = crate::server::Server::subscribed(ctx.client, topic);
        all.iter().for_each(|name| leave_one(ctx, topic, name));
        if all.is_empty() {
            confirm_leaving(ctx, topic, None);
        }
        ctx.work(all.len());
    }
    ctx.work(ctx.args.len());
}

fn leave_one(ctx: &mut Ctx<'_>, topic: Topic, name: &[u8]) {
    ctx.server.unsubscribe(ctx.client, topic, name);
    confirm_leaving(ctx, topic, Some(name));
}

fn confirm_leaving(ctx: &mut Ctx<'_>, topic: Topic, name: Option<&[u8]>) {
    let kind: &[u8] = match topic {
        Topic::Channel => b"unsubscribe",
        Topic::Pattern => b"punsubscribe",
        Topic::ShardChannel => b"sunsubscribe",
    };
    confirm(ctx, kind, topic, name);
}

fn confirm(ctx: &mut Ctx<'_>, kind: &[u8], topic: Topic, name: Option<&[u8]>) {
    let count = ctx.client.subscriptions.as_ref().map_or(0, |all| all.count_told(topic));
    let output = ctx.reply();
    output.push(3);
    output.bulk(kind);
    match name {
        Some(name) => output.bulk(name),
        None => output.null(),
    }
    output.count(count);
}
