//! XADD, XTRIM, XSETID, XLEN, XDEL and XDELEX: adding entries and taking them away.

use alloc::vec::Vec;

use super::references::{References, Request};
use super::trim::{Options, Trim};
use super::{change, parse_id};
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::{Key, NewValue, Place};
use crate::value::stream::id::StreamId;
use crate::value::stream::{Figures, NodeLimits, is_too_large};
use crate::value::{Stream, Value};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("xadd", -5, Group::Stream, xadd)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec {
            notes: "UPDATE instead of INSERT because of the optional trimming feature",
            ..KeySpec::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))
        }])
        .arguments(
            "key:key [NOMKSTREAM]@6.2.0 trim=[strategy=(MAXLEN|MINID@6.2.0) \
                operator=[equal='='|approximately='~'] threshold [LIMIT \
                count:integer]@6.2.0] id-selector=(auto-id='*'|id) data=(field value)*",
        )
        .docs(
            "5.0.0",
            "Adds an entry to a stream, which is made if it is not there.",
            "O(1) when adding a new entry, O(N) when trimming where N being the number of \
                entries evicted.",
        )
        .history(&[
            (
                "6.2.0",
                "Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` \
                option.",
            ),
            ("7.0.0", "Added support for the `<ms>-*` explicit ID form."),
        ])
        .tips(&["nondeterministic_output"]),
    Command::new("xtrim", -4, Group::Stream, xtrim)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::DELETE))])
        .arguments(
            "key:key trim=(strategy=(MAXLEN|MINID@6.2.0) \
                operator=[equal='='|approximately='~'] threshold [LIMIT \
                count:integer]@6.2.0)",
        )
        .docs(
            "5.0.0",
            "Deletes the oldest entries of a stream.",
            "O(N), with N being the number of evicted entries. Constant times are very \
                small however, since entries are organized in macro nodes containing \
                multiple entries that can be released with a single deallocation.",
        )
        .history(&[("6.2.0", "Added the `MINID` trimming strategy and the `LIMIT` option.")])
        .tips(&["nondeterministic_output"]),
    Command::new("xsetid", -3, Group::Stream, xsetid)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))])
        .arguments(
            "key:key last-id [ENTRIESADDED entries-added:integer]@7.0.0 [MAXDELETEDID \
                max-deleted-id]@7.0.0",
        )
        .docs("5.0.0", "Sets what a stream knows beside its entries.", "O(1)")
        .history(&[("7.0.0", "Added the `entries_added` and `max_deleted_entry_id` arguments.")]),
    Command::new("xlen", 2, Group::Stream, xlen)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .arguments("key:key")
        .docs("5.0.0", "Returns the number of entries of a stream.", "O(1)"),
    Command::new("xdel", -3, Group::Stream, xdel)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::DELETE))])
        .arguments("key:key id*")
        .docs(
            "5.0.0",
            "Deletes entries of a stream.",
            "O(1) for each single item to delete in the stream, regardless of the stream \
                size.",
        ),
    Command::new("xdelex", -5, Group::Stream, xdelex)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::DELETE))])
        .arguments("key:key condition=[KEEPREF|DELREF|ACKED] IDS ids=(numids:integer id*)")
        .docs(
            "8.2.0",
            "Deletes entries of a stream, with a choice of what becomes of pending ones.",
            "O(1) for each single item to delete in the stream, regardless of the stream size.",
        ),
];

/// What XADD adds.
struct Addition {
    options: Options,
    id: IdWish,
    /// The first argument behind the ID.
    first: usize,
}

/// The ID that a client wants.
#[derive(Clone, Copy)]
enum IdWish {
    /// Whatever comes next.
    Any,
    /// The next one of this millisecond.
    In(u64),
    This(StreamId),
}

impl IdWish {
    fn parse(text: &[u8]) -> Result<Self, CommandError> {
        if text == b"*" {
            return Ok(Self::Any);
        }
        if let Some(ms) = text.strip_suffix(b"-*")
            && !ms.contains(&b'-')
        {
            return parse_id(ms, 0).map(|id| Self::In(id.ms));
        }
        parse_id(text, 0).map(Self::This)
    }

    /// The ID behind `last`, if this is one.
    fn resolve(self, last: StreamId, now_ms: i64) -> Option<StreamId> {
        let id = match self {
            Self::Any => {
                let ms = u64::try_from(now_ms).unwrap_or(0);
                if ms > last.ms { StreamId { ms, seq: 0 } } else { last.next()? }
            }
            Self::In(ms) if ms == last.ms => StreamId { ms, seq: last.seq.checked_add(1)? },
            Self::In(ms) => StreamId { ms, seq: 0 },
            Self::This(id) => id,
        };
        (id > last).then_some(id)
    }
}

impl Addition {
    fn parse(ctx: &Ctx<'_>) -> Result<Self, CommandError> {
        let (mut options, at) = Options::parse(ctx, true)?;
        if at >= ctx.args.len() {
            options.check(ctx, true)?;
            return Err(CommandError::Arity("xadd"));
        }
        let id = IdWish::parse(ctx.arg(at))?;
        options.check(ctx, true)?;
        let (first, len) = (at + 1, ctx.args.len());
        if len < first + 2 || (len - first) % 2 == 1 {
            return Err(CommandError::Arity("xadd"));
        }
        if matches!(id, IdWish::This(StreamId::MIN)) {
            return Err(CommandError::Fixed(
                "ERR The ID specified in XADD must be greater than 0-0",
            ));
        }
        Ok(Self { options, id, first })
    }

    /// The ID of the entry in a stream that has given `last`.
    fn id(&self, ctx: &Ctx<'_>, last: StreamId) -> Result<StreamId, CommandError> {
        if last == StreamId::MAX {
            return Err(CommandError::Fixed(
                "ERR The stream has exhausted the last possible ID, unable to add more items",
            ));
        }
        let id = self.id.resolve(last, ctx.now().wall_ms());
        let id = id.ok_or(CommandError::Fixed(
            "ERR The ID specified in XADD is equal or smaller than the target stream top item",
        ))?;
        if is_too_large(ctx.args.from(self.first).map(<[u8]>::len).sum()) {
            return Err(CommandError::Fixed("ERR Elements are too large to be stored"));
        }
        Ok(id)
    }
}

fn xadd(ctx: &mut Ctx<'_>) -> Outcome {
    let addition = Addition::parse(ctx)?;
    let key = ctx.key(1);
    let place = ctx.write_as::<Stream>(key)?;
    if place.is_none() && addition.options.no_mkstream {
        ctx.reply().null();
        return Ok(());
    }
    let last = match place {
        Some(place) => ctx.typed::<Stream>(place)?.last_id(),
        None => StreamId::MIN,
    };
    let id = addition.id(ctx, last)?;
    let trimmed = add(ctx, key, place, id, &addition);
    ctx.modified(key.bytes);
    ctx.notify(KeyspaceEvents::STREAM, "xadd", key.bytes);
    if trimmed > 0 {
        ctx.notify(KeyspaceEvents::STREAM, "xtrim", key.bytes);
    }
    ctx.dirty(1);
    ctx.reply().bulk(id.text().as_bytes());
    propagate(ctx, key, id, &addition);
    Ok(())
}

/// Adds the entry, and deletes what is not to be kept; how many that were.
fn add(
    ctx: &mut Ctx<'_>,
    key: Key<'_>,
    place: Option<Place>,
    id: StreamId,
    addition: &Addition,
) -> usize {
    let limits = limits(ctx);
    let pairs = ctx.args.from(addition.first);
    let trim = addition.options.trim;
    let work = |stream: &mut Stream| {
        stream.add(id, pairs.clone(), limits);
        trim.map_or(0, |trim| trim.apply(stream))
    };
    let Some(place) = place else {
        let mut stream = Stream::default();
        let trimmed = work(&mut stream);
        store_new(ctx, key, stream);
        return trimmed;
    };
    let trimmed = change(ctx, place, work);
    ctx.work(trimmed);
    trimmed
}

/// Stores a stream under a key that is not there.
pub(super) fn store_new(ctx: &mut Ctx<'_>, key: Key<'_>, stream: Stream) {
    let clock = ctx.server.new_clock();
    ctx.db().set(key, None, NewValue::Object(Value::Stream(stream)), None, clock);
    ctx.notify(KeyspaceEvents::NEW, "new", key.bytes);
}

/// How large nodes may become.
fn limits(ctx: &Ctx<'_>) -> NodeLimits {
    let config = &ctx.server.config;
    NodeLimits { bytes: config.stream_node_max_bytes, entries: config.stream_node_max_entries }
}

/// Logs XADD with the ID that was given, and what was trimmed exactly.
fn propagate(ctx: &mut Ctx<'_>, key: Key<'_>, id: StreamId, addition: &Addition) {
    let is_as_sent = matches!(addition.id, IdWish::This(_));
    let trim = addition.options.trim;
    if !ctx.is_logged() || is_as_sent && trim.is_none_or(|trim| !trim.is_approximate()) {
        return;
    }
    let stream = ctx.peek(key).and_then(|place| ctx.typed::<Stream>(place).ok());
    let exact = trim.zip(stream).map(|(trim, stream)| trim.exact_words(stream));
    let id = id.text();
    let mut words: Vec<&[u8]> = Vec::from([&b"XADD"[..], key.bytes]);
    if let Some((strategy, threshold)) = &exact {
        words.extend([*strategy, &b"="[..], threshold]);
    }
    words.push(id.as_bytes());
    words.extend(ctx.args.from(addition.first));
    ctx.server.log.replace(&words);
}

fn xtrim(ctx: &mut Ctx<'_>) -> Outcome {
    let (mut options, _) = Options::parse(ctx, false)?;
    options.check(ctx, false)?;
    let key = ctx.key(1);
    let place = ctx.write_as::<Stream>(key)?;
    let (Some(place), Some(trim)) = (place, options.trim) else {
        ctx.reply().int(0);
        return Ok(());
    };
    let deleted = change(ctx, place, |stream| trim.apply(stream));
    ctx.work(deleted);
    if deleted > 0 {
        ctx.notify(KeyspaceEvents::STREAM, "xtrim", key.bytes);
        ctx.modified(key.bytes);
        ctx.dirty(deleted);
        propagate_trim(ctx, key, place, trim)?;
    }
    ctx.reply().int(deleted as i64);
    Ok(())
}

fn propagate_trim(ctx: &mut Ctx<'_>, key: Key<'_>, place: Place, trim: Trim) -> Outcome {
    if ctx.is_logged() && trim.is_approximate() {
        let (strategy, threshold) = trim.exact_words(ctx.typed::<Stream>(place)?);
        ctx.propagate(&[b"XTRIM", key.bytes, strategy, b"=", &threshold]);
    }
    Ok(())
}

fn xsetid(ctx: &mut Ctx<'_>) -> Outcome {
    let last_id = parse_id(ctx.arg(2), 0)?;
    let (added, max_deleted) = xsetid_options(ctx, last_id)?;
    let key = ctx.key(1);
    let place = ctx.write_as::<Stream>(key)?.ok_or(CommandError::NoSuchKey)?;
    let stream = ctx.typed::<Stream>(place)?;
    check_xsetid(stream, last_id, added)?;
    let figures = stream.figures();
    let figures = Figures {
        last_id,
        max_deleted_id: max_deleted
            .filter(|&id| id != StreamId::MIN)
            .unwrap_or(figures.max_deleted_id),
        entries_added: added.unwrap_or(figures.entries_added),
    };
    change(ctx, place, |stream| stream.set_figures(figures));
    ctx.notify(KeyspaceEvents::STREAM, "xsetid", key.bytes);
    ctx.dirty(1);
    ctx.reply().ok();
    Ok(())
}

fn xsetid_options(
    ctx: &Ctx<'_>,
    last_id: StreamId,
) -> Result<(Option<u64>, Option<StreamId>), CommandError> {
    let (mut added, mut max_deleted, mut at) = (None, None, 3);
    while at < ctx.args.len() {
        let has_more = at + 1 < ctx.args.len();
        if has_more && ctx.args.is(at, "entriesadded") {
            let number = u64::try_from(ctx.int(at + 1)?);
            let negative = CommandError::Fixed("ERR entries_added must be positive");
            added = Some(number.map_err(|_| negative)?);
        } else if has_more && ctx.args.is(at, "maxdeletedid") {
            let id = parse_id(ctx.arg(at + 1), 0)?;
            if last_id < id {
                return Err(CommandError::Fixed(
                    "ERR The ID specified in XSETID is smaller than the provided \
                     max_deleted_entry_id",
                ));
            }
            max_deleted = Some(id);
        } else {
            return Err(CommandError::Syntax);
        }
        at += 2;
    }
    Ok((added, max_deleted))
}

/// Whether a stream can have given this ID last and have had so many entries.
fn check_xsetid(stream: &Stream, last_id: StreamId, added: Option<u64>) -> Outcome {
    if last_id < stream.figures().max_deleted_id {
        return Err(CommandError::Fixed(
            "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
        ));
    }
    if stream.top_id().is_some_and(|top| last_id < top) {
        return Err(CommandError::Fixed(
            "ERR The ID specified in XSETID is smaller than the target stream top item",
        ));
    }
    if added.is_some_and(|added| added < stream.len() as u64) {
        return Err(CommandError::Fixed(
            "ERR The entries_added specified in XSETID is smaller than the target stream length",
        ));
    }
    Ok(())
}

fn xlen(ctx: &mut Ctx<'_>) -> Outcome {
    let len = match ctx.read_as::<Stream>(ctx.key(1))? {
        Some(place) => ctx.typed::<Stream>(place)?.len(),
        None => 0,
    };
    ctx.reply().int(len as i64);
    Ok(())
}

fn xdel(ctx: &mut Ctx<'_>) -> Outcome {
    let key = ctx.key(1);
    let Some(place) = ctx.write_as::<Stream>(key)? else {
        ctx.reply().int(0);
        return Ok(());
    };
    let ids: Vec<StreamId> =
        ctx.args.from(2).map(|text| parse_id(text, 0)).collect::<Result<_, _>>()?;
    let deleted =
        change(ctx, place, |stream| ids.iter().filter(|&&id| stream.delete_for_good(id)).count());
    told_deleted(ctx, key, deleted);
    ctx.reply().int(deleted as i64);
    Ok(())
}

/// Tells that entries were deleted.
pub(super) fn told_deleted(ctx: &mut Ctx<'_>, key: Key<'_>, deleted: usize) {
    if deleted > 0 {
        ctx.modified(key.bytes);
        ctx.notify(KeyspaceEvents::STREAM, "xdel", key.bytes);
        ctx.dirty(deleted);
    }
}

fn xdelex(ctx: &mut Ctx<'_>) -> Outcome {
    let request = Request::parse(ctx, 2)?;
    let key = ctx.key(1);
    let place = ctx.write_as::<Stream>(key)?;
    let results = match place {
        Some(place) => {
            let ids = request.ids(ctx)?;
            change(ctx, place, |stream| request.references.delete_all(stream, &ids))
        }
        None => request.nothing(),
    };
    let deleted = results.iter().filter(|&&result| result == References::DELETED).count();
    told_deleted(ctx, key, deleted);
    // One that was not there may have been pending.
    let may_have_ended = request.references == References::Delete && place.is_some();
    ctx.dirty(usize::from(deleted == 0 && may_have_ended));
    ctx.reply().array(results.len());
    results.iter().for_each(|&result| ctx.reply().int(result));
    Ok(())
}
