//! EXISTS, TOUCH and TYPE: what is there, without looking at values.

use crate::command::ctx::Ctx;
use crate::command::error::Outcome;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::keyspace::ValueRef;
use crate::value::pack::Shape;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("exists", -2, Group::Generic, exists)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::KEYSPACE])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
        .arguments("key:key*")
        .docs(
            "1.0.0",
            "Counts the keys that exist.",
            "O(N) where N is the number of keys to check.",
        )
        .history(&[("3.0.3", "Accepts multiple `key` arguments.")])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
    Command::new("touch", -2, Group::Generic, touch)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::KEYSPACE])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
        .arguments("key:key*")
        .docs(
            "3.2.1",
            "Counts the keys that exist and renews the time of their last access.",
            "O(N) where N is the number of keys that will be touched.",
        )
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
    Command::new("type", 2, Group::Generic, type_of)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::KEYSPACE])
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .arguments("key:key")
        .docs("1.0.0", "Returns the type of a key's value.", "O(1)"),
];

fn exists(ctx: &mut Ctx<'_>) -> Outcome {
    let there = (1..ctx.args.len()).filter(|&at| ctx.look(ctx.key(at)).is_some()).count();
    ctx.work(ctx.args.len());
    ctx.reply().count(there);
    Ok(())
}

/// Even for a client whose other commands leave the access clocks alone (see [`Ctx::read`]).
fn touch(ctx: &mut Ctx<'_>) -> Outcome {
    let there = (1..ctx.args.len()).filter(|&at| ctx.read(ctx.key(at)).is_some()).count();
    ctx.work(ctx.args.len());
    ctx.reply().count(there);
    Ok(())
}

fn type_of(ctx: &mut Ctx<'_>) -> Outcome {
    let name = match ctx.look(ctx.key(1)) {
        Some(place) => ctx.entry(place).value().type_name(),
        None => "none",
    };
    ctx.reply().simple(name);
    Ok(())
}

impl ValueRef<'_> {
    /// The name that TYPE answers.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::String(_) | Self::Int(_) => "string",
            Self::Pack(pack) => Shape::of(pack).type_name(),
            Self::Object(value) => value.type_name(),
        }
    }
}
