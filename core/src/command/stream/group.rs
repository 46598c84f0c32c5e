//! XGROUP: groups of a stream and their consumers.

use super::add::store_new;
use super::{change, parse_id, parse_range_id, wrong_subcommand};
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::help::help;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::Place;
use crate::value::Stream;
use crate::value::number::until_nul;
use crate::value::stream::group::ConsumerGroup;
use crate::value::stream::id::StreamId;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("xgroup", -2, Group::Stream, group_help)
    .docs("5.0.0", "A container for commands about groups of consumers.", "Depends on subcommand.")
    .subcommands(SUBCOMMANDS)];

const SUBCOMMANDS: &[Command] = &[
    Command::new("create", -5, Group::Stream, create)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(2, KeyFlags::RW.and(KeyFlags::INSERT))])
        .arguments(
            "key:key group id-selector=(id|new-id='$') [MKSTREAM] [ENTRIESREAD \
                entriesread:integer{entries-read}]",
        )
        .docs("5.0.0", "Creates a group of consumers.", "O(1)")
        .history(&[("7.0.0", "Added the `entries_read` named argument.")]),
    Command::new("createconsumer", 5, Group::Stream, create_consumer)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(2, KeyFlags::RW.and(KeyFlags::INSERT))])
        .arguments("key:key group consumer")
        .docs("6.2.0", "Creates a consumer of a group.", "O(1)"),
    Command::new("delconsumer", 5, Group::Stream, delete_consumer)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(2, KeyFlags::RW.and(KeyFlags::DELETE))])
        .arguments("key:key group consumer")
        .docs("5.0.0", "Deletes a consumer of a group.", "O(1)"),
    Command::new("destroy", 4, Group::Stream, destroy)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(2, KeyFlags::RW.and(KeyFlags::DELETE))])
        .arguments("key:key group")
        .docs(
            "5.0.0",
            "Deletes a group of consumers.",
            "O(N) where N is the number of entries in the group's pending entries list \
                (PEL).",
        ),
    Command::new("help", 2, Group::Stream, group_help)
        .flags(&[Flags::LOADING, Flags::STALE])
        .categories(&[Categories::STREAM])
        .docs("5.0.0", "Returns a text about the subcommands.", "O(1)"),
    Command::new("setid", -5, Group::Stream, set_id)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(2, KeyFlags::RW.and(KeyFlags::UPDATE))])
        .arguments(
            "key:key group id-selector=(id|new-id='$') [ENTRIESREAD \
                entriesread:integer{entries-read}]",
        )
        .docs("5.0.0", "Sets the entry behind which a group reads.", "O(1)")
        .history(&[("7.0.0", "Added the optional `entries_read` argument.")]),
];

/// The options of CREATE and SETID.
#[derive(Default)]
struct Options {
    mkstream: bool,
    /// As it was given, -1 for unknown.
    entries_read: Option<i64>,
}

impl Options {
    fn parse(ctx: &Ctx<'_>, is_create: bool) -> Result<Self, CommandError> {
        let (mut options, mut at) = (Self::default(), 5);
        while at < ctx.args.len() {
            if is_create && ctx.args.is(at, "mkstream") {
                options.mkstream = true;
                at += 1;
            } else if ctx.args.is(at, "entriesread") && at + 1 < ctx.args.len() {
                let read = ctx.int(at + 1)?;
                if read < -1 {
                    return Err(CommandError::Fixed(
                        "ERR value for ENTRIESREAD must be positive or -1",
                    ));
                }
                options.entries_read = Some(read);
                at += 2;
            } else {
                return Err(wrong_subcommand(ctx, "XGROUP"));
            }
        }
        Ok(options)
    }

    /// As in Redis: none twice, which is seen when key and group are there.
    fn check(ctx: &Ctx<'_>, most: usize) -> Outcome {
        if ctx.args.len() > most { Err(wrong_subcommand(ctx, "XGROUP")) } else { Ok(()) }
    }

    fn entries_read(&self) -> Option<u64> {
        self.entries_read.and_then(|read| u64::try_from(read).ok())
    }
}

/// The last ID of a stream, which `$` stands for.
fn last_id(ctx: &Ctx<'_>, place: Option<Place>) -> Result<StreamId, CommandError> {
    Ok(match place {
        Some(place) => ctx.typed::<Stream>(place)?.last_id(),
        None => StreamId::MIN,
    })
}

const NO_KEY: CommandError = CommandError::Fixed(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to \
     use the MKSTREAM option to create an empty stream automatically.",
);

fn create(ctx: &mut Ctx<'_>) -> Outcome {
    let options = Options::parse(ctx, true)?;
    let key = ctx.key(2);
    let place = ctx.write_as::<Stream>(key)?;
    if place.is_none() && !options.mkstream {
        return Err(NO_KEY);
    }
    Options::check(ctx, 8)?;
    let last_id = match ctx.arg(4) {
        b"$" => last_id(ctx, place)?,
        text => parse_id(text, 0)?,
    };
    let group = ConsumerGroup::new(last_id, options.entries_read());
    let name = ctx.arg(3);
    let is_new = match place {
        Some(place) => change(ctx, place, |stream| stream.add_group(name, group)),
        None => {
            let mut stream = Stream::default();
            stream.add_group(name, group);
            store_new(ctx, key, stream);
            ctx.modified(key.bytes);
            true
        }
    };
    if !is_new {
        return Err(CommandError::Fixed("BUSYGROUP Consumer Group name already exists"));
    }
    told(ctx, "xgroup-create");
    ctx.reply().ok();
    Ok(())
}

/// Tells that a group was changed.
fn told(ctx: &mut Ctx<'_>, event: &str) {
    let key = ctx.arg(2);
    ctx.notify(KeyspaceEvents::STREAM, event, key);
    ctx.dirty(1);
}

/// The stream whose group a subcommand is about, which need not be there.
fn stream(ctx: &mut Ctx<'_>) -> Result<Place, CommandError> {
    ctx.write_as::<Stream>(ctx.key(2))?.ok_or(NO_KEY)
}

/// The same, and the group is there.
fn stream_with_group(ctx: &mut Ctx<'_>) -> Result<Place, CommandError> {
    let place = stream(ctx)?;
    match ctx.group(place, ctx.arg(3)) {
        Some(_) => Ok(place),
        None => Err(no_such_group(ctx.arg(3), ctx.arg(2))),
    }
}

/// The refusal when a stream has no such group.
pub(super) fn no_such_group(group: &[u8], key: &[u8]) -> CommandError {
    let (group, key) = (until_nul(group), until_nul(key));
    let parts = [b"NOGROUP No such consumer group '", group, b"' for key name '", key, b"'"];
    CommandError::Bytes(parts.concat())
}

fn set_id(ctx: &mut Ctx<'_>) -> Outcome {
    let options = Options::parse(ctx, false)?;
    let place = stream_with_group(ctx)?;
    Options::check(ctx, 7)?;
    let last_id = match ctx.arg(4) {
        b"$" => last_id(ctx, Some(place))?,
        text => parse_range_id(text, 0)?,
    };
    let name = ctx.arg(3);
    change(ctx, place, |stream| {
        if let Some(group) = stream.group_mut(name) {
            (group.last_id, group.entries_read) = (last_id, options.entries_read());
        }
    });
    told(ctx, "xgroup-setid");
    ctx.reply().ok();
    Ok(())
}

fn destroy(ctx: &mut Ctx<'_>) -> Outcome {
    let (place, name) = (stream(ctx)?, ctx.arg(3));
    let is_there = ctx.group(place, name).is_some();
    if is_there {
        change(ctx, place, |stream| stream.remove_group(name));
        told(ctx, "xgroup-destroy");
        // Who waits for entries of the group must hear that there is none any more.
        ctx.server.make_ready(ctx.client.db, ctx.args.at(2));
    }
    ctx.reply().int(is_there.into());
    Ok(())
}

fn create_consumer(ctx: &mut Ctx<'_>) -> Outcome {
    let place = stream_with_group(ctx)?;
    let (group, name, now_ms) = (ctx.arg(3), ctx.arg(4), ctx.now().wall_ms());
    let is_new = ctx.group(place, group).is_some_and(|group| group.find(name).is_none());
    if is_new {
        change(ctx, place, |stream| stream.group_mut(group).map(|group| group.add(name, now_ms)));
        told(ctx, "xgroup-createconsumer");
    }
    ctx.reply().int(is_new.into());
    Ok(())
}

fn delete_consumer(ctx: &mut Ctx<'_>) -> Outcome {
    let place = stream_with_group(ctx)?;
    let (group, name) = (ctx.arg(3), ctx.arg(4));
    let is_there = ctx.group(place, group).is_some_and(|group| group.find(name).is_some());
    let mut pending = 0;
    if is_there {
        let removed = change(ctx, place, |stream| stream.group_mut(group)?.remove(name));
        pending = removed.unwrap_or(0);
        told(ctx, "xgroup-delconsumer");
    }
    ctx.reply().int(pending as i64);
    Ok(())
}

fn group_help(ctx: &mut Ctx<'_>) -> Outcome {
    help(
        ctx,
        &[
            "CREATE <key> <groupname> <id|$> [option]",
            "    Create a new consumer group. Options are:",
            "    * MKSTREAM",
            "      Create the empty stream if it does not exist.",
            "    * ENTRIESREAD entries_read",
            "      Set the group's entries_read counter (internal use).",
            "CREATECONSUMER <key> <groupname> <consumer>",
            "    Create a new consumer in the specified group.",
            "DELCONSUMER <key> <groupname> <consumer>",
            "    Remove the specified consumer.",
            "DESTROY <key> <groupname>",
            "    Remove the specified group.",
            "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
            "    Set the current group ID and entries_read counter.",
        ],
    )
}
