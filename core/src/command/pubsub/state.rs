//! PUBSUB: which channels are listened to, and by how many.

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::help;
use crate::command::spec::{Command, Flags, Group};
use crate::server::pubsub::{Channels, PubSub};
use crate::value::glob;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("pubsub", -2, Group::Pubsub, help)
    .docs("2.8.0", "A container of commands on channels.", "Depends on subcommand.")
    .subcommands(SUBCOMMANDS)];

const FLAGS: &[Flags] = &[Flags::PUBSUB, Flags::LOADING, Flags::STALE];

const SUBCOMMANDS: &[Command] = &[
    Command::new("channels", -2, Group::Pubsub, channels)
        .flags(FLAGS)
        .arguments("[pattern:pattern]")
        .docs(
            "2.8.0",
            "Lists the channels that have subscribers.",
            "O(N) where N is the number of active channels, and assuming constant time pattern \
             matching (relatively short channels and patterns)",
        ),
    Command::new("help", 2, Group::Pubsub, help).flags(&[Flags::LOADING, Flags::STALE]).docs(
        "6.2.0",
        "Tells what the subcommands do.",
        "O(1)",
    ),
    Command::new("numpat", 2, Group::Pubsub, numpat).flags(FLAGS).docs(
        "2.8.0",
        "Counts the different patterns that have subscribers.",
        "O(1)",
    ),
    Command::new("numsub", -2, Group::Pubsub, numsub).flags(FLAGS).arguments("[channel*]").docs(
        "2.8.0",
        "Counts the subscribers of channels.",
        "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
    ),
    Command::new("shardchannels", -2, Group::Pubsub, shardchannels)
        .flags(FLAGS)
        .arguments("[pattern:pattern]")
        .docs(
            "7.0.0",
            "Lists the channels of the shard that have subscribers.",
            "O(N) where N is the number of active shard channels, and assuming constant time \
             pattern matching (relatively short shard channels).",
        ),
    Command::new("shardnumsub", -2, Group::Pubsub, shardnumsub)
        .flags(FLAGS)
        .arguments("[shardchannel*]")
        .docs(
            "7.0.0",
            "Counts the subscribers of channels of the shard.",
            "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard \
             channels",
        ),
];

fn channels(ctx: &mut Ctx<'_>) -> Outcome {
    list(ctx, PubSub::channels)
}

fn shardchannels(ctx: &mut Ctx<'_>) -> Outcome {
    list(ctx, PubSub::shard_channels)
}

fn numsub(ctx: &mut Ctx<'_>) -> Outcome {
    count(ctx, PubSub::channels);
    Ok(())
}

fn shardnumsub(ctx: &mut Ctx<'_>) -> Outcome {
    count(ctx, PubSub::shard_channels);
    Ok(())
}

fn numpat(ctx: &mut Ctx<'_>) -> Outcome {
    let patterns = ctx.server.pubsub.patterns_len();
    ctx.reply().count(patterns);
    Ok(())
}

fn list(ctx: &mut Ctx<'_>, of: fn(&PubSub) -> &Channels) -> Outcome {
    if ctx.args.len() > 3 {
        let before = "ERR unknown subcommand or wrong number of arguments for '";
        return Err(CommandError::quoting(before, ctx.arg(1), "'. Try PUBSUB HELP."));
    }
    let pattern = (ctx.args.len() == 3).then(|| ctx.arg(2));
    let is_wanted =
        |name: &&[u8]| pattern.is_none_or(|pattern| glob::matches(pattern, name, false));
    let names = of(&ctx.server.pubsub).names().map(|name| &**name).filter(is_wanted);
    let names: alloc::vec::Vec<alloc::vec::Vec<u8>> = names.map(<[u8]>::to_vec).collect();
    ctx.work(of(&ctx.server.pubsub).len());
    ctx.reply().array(names.len());
    names.iter().for_each(|name| ctx.reply().bulk(name));
    Ok(())
}

fn count(ctx: &mut Ctx<'_>, of: fn(&PubSub) -> &Channels) {
    ctx.work(ctx.args.len());
    let names = ctx.args.skip(2);
    ctx.reply().array(names.len() * 2);
    for name in names.from(0) {
        let subscribers =
            of(&ctx.server.pubsub).get(name).map_or(0, |subscribers| subscribers.len());
        ctx.reply().bulk(name);
        ctx.reply().count(subscribers);
    }
}

fn help(ctx: &mut Ctx<'_>) -> Outcome {
    help::help(
        ctx,
        &[
            "CHANNELS [<pattern>]",
            "    Lists the channels that have subscribers and match.",
            "NUMPAT",
            "    Counts the different patterns that have subscribers.",
            "NUMSUB [<channel> ...]",
            "    Counts the subscribers of each channel, not those of patterns.",
            "SHARDCHANNELS [<pattern>]",
            "    Lists the channels of the shard that have subscribers and match.",
            "SHARDNUMSUB [<shardchannel> ...]",
            "    Counts the subscribers of each channel of the shard.",
        ],
    )
}
