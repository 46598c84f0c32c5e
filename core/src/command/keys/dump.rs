//! DUMP and RESTORE: a value as bytes, to be put elsewhere.
//!
//! A time to live is logged as a deadline, and one that has passed as the deletion of the key that
//! was to be replaced: a replay reads no clock.

use alloc::vec::Vec;

use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::{Key, NewValue, clock};
use crate::rdb::load::Making;
use crate::rdb::payload::{self, PayloadError};
use crate::value::{Thresholds, number};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("dump", 2, Group::Generic, dump)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::KEYSPACE])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key")
        .docs(
            "2.6.0",
            "Returns a value as bytes that RESTORE takes.",
            "O(1) to access the key and additional O(N*M) to serialize it, where N is the \
             number of Redis objects composing the value and M their average size. For small \
             string values the time complexity is thus O(1)+O(1*M) where M is small, so simply \
             O(1).",
        )
        .tips(&["nondeterministic_output"]),
    row("restore", Group::Generic, &[Flags::WRITE, Flags::DENYOOM]).docs(
        "2.6.0",
        "Makes a key from the bytes that DUMP returned.",
        COMPLEXITY,
    ),
    row("restore-asking", Group::Server, &[Flags::WRITE, Flags::DENYOOM, Flags::ASKING])
        .docs("3.0.0", "Restores a key while its slot moves; sent by servers only.", COMPLEXITY)
        .syscmd(),
];

const TARGET: &[KeySpec] = &[KeySpec::one(1, KeyFlags::OW.and(KeyFlags::UPDATE))];

const fn row(name: &'static str, group: Group, flags: &'static [Flags]) -> Command {
    Command::new(name, -4, group, restore)
        .flags(flags)
        .categories(&[Categories::KEYSPACE, Categories::DANGEROUS])
        .keys(TARGET)
        .arguments(
            "key:key ttl:integer serialized-value [REPLACE@3.0.0] [ABSTTL@5.0.0] \
             [IDLETIME seconds:integer@5.0.0] [FREQ frequency:integer@5.0.0]",
        )
        .history(&[
            ("3.0.0", "Added the `REPLACE` modifier."),
            ("5.0.0", "Added the `ABSTTL` modifier."),
            ("5.0.0", "Added the `IDLETIME` and `FREQ` options."),
        ])
}

const COMPLEXITY: &str = "O(1) to create the new key and additional O(N*M) to reconstruct the \
                          serialized value, where N is the number of Redis objects composing \
                          the value and M their average size. For small string values the time \
                          complexity is thus O(1)+O(1*M) where M is small, so simply O(1). \
                          However for sorted set values the complexity is O(N*M*log(N)) \
                          because inserting values into sorted sets is O(log(N)).";

/// The first option of RESTORE.
const OPTIONS_AT: usize = 4;

/// Bytes of a value that take about 100 ns to pack or unpack.
const BYTES_PER_WORK: usize = 100;

fn dump(ctx: &mut Ctx<'_>) -> Outcome {
    let Some(place) = ctx.read(ctx.key(1)) else {
        ctx.reply().null();
        return Ok(());
    };
    let payload = payload::dump(ctx.entry(place).value(), ctx.server.config.rdbcompression);
    ctx.work(payload.len() / BYTES_PER_WORK);
    ctx.reply().bulk(&payload);
    Ok(())
}

fn restore(ctx: &mut Ctx<'_>) -> Outcome {
    let options = Options::parse(ctx.args)?;
    let key = ctx.key(1);
    if !options.replace && ctx.write(key).is_some() {
        return Err(CommandError::Fixed("BUSYKEY Target key name already exists."));
    }
    let ttl_ms = ctx.int(2)?;
    if ttl_ms < 0 {
        return Err(CommandError::Fixed("ERR Invalid TTL value, must be >= 0"));
    }
    let mut room = Vec::new();
    let string_bytes_max = ctx.server.string_bytes_max(ctx.client);
    let making =
        Making { thresholds: Thresholds::of(&ctx.server.config), hasher: ctx.server.hasher };
    let value =
        payload::restore(ctx.arg(3), string_bytes_max, &making, &mut room).map_err(refusal)?;
    ctx.work(ctx.arg(3).len() / BYTES_PER_WORK);
    match options.deadline_ms(ttl_ms, ctx.now().wall_ms()) {
        Deadline::Passed => delete(ctx, key),
        Deadline::None => make(ctx, key, value, None, &options),
        Deadline::At(at_ms) => {
            make(ctx, key, value, Some(at_ms), &options);
            log(ctx, key, at_ms, &options);
        }
    }
    ctx.reply().ok();
    Ok(())
}

fn refusal(error: PayloadError) -> CommandError {
    match error {
        PayloadError::Footer => {
            CommandError::Fixed("ERR DUMP payload version or checksum are wrong")
        }
        PayloadError::Format => CommandError::Fixed("ERR Bad data format"),
        PayloadError::Type(name) => {
            CommandError::Text(alloc::format!("ERR Bad data format: a {name} is not supported yet"))
        }
    }
}

/// What RESTORE is told beside the value.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    replace: bool,
    absttl: bool,
    idle_s: Option<u64>,
    freq: Option<u8>,
}

/// When the restored key ends.
enum Deadline {
    None,
    At(u64),
    Passed,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut all = Self::default();
        let mut at = OPTIONS_AT;
        while at < args.len() {
            let is_last = at + 1 == args.len();
            if args.is(at, "replace") {
                all.replace = true;
            } else if args.is(at, "absttl") {
                all.absttl = true;
            } else if args.is(at, "idletime") && !is_last && all.freq.is_none() {
                at += 1;
                all.idle_s = Some(idle_s(args.at(at))?);
            } else if args.is(at, "freq") && !is_last && all.idle_s.is_none() {
                at += 1;
                all.freq = Some(freq(args.at(at))?);
            } else {
                return Err(CommandError::Syntax);
            }
            at += 1;
        }
        Ok(all)
    }

    /// A `ttl_ms` of 0 is none.
    fn deadline_ms(&self, ttl_ms: i64, now_ms: i64) -> Deadline {
        let base_ms = if self.absttl { 0 } else { now_ms };
        match ttl_ms.checked_add(base_ms) {
            _ if ttl_ms == 0 => Deadline::None,
            // Before 1970 a deadline to come may be negative; the earliest there is is 0.
            Some(at_ms) if at_ms > now_ms => Deadline::At(u64::try_from(at_ms).unwrap_or(0)),
            // Too far away for Redis's clock it wraps around to the past.
            _ => Deadline::Passed,
        }
    }
}

fn idle_s(argument: &[u8]) -> Result<u64, CommandError> {
    let idle_s = number::parse_i64(argument).ok_or(CommandError::NotInteger)?;
    u64::try_from(idle_s)
        .map_err(|_| CommandError::Fixed("ERR Invalid IDLETIME value, must be >= 0"))
}

fn freq(argument: &[u8]) -> Result<u8, CommandError> {
    let freq = number::parse_i64(argument).ok_or(CommandError::NotInteger)?;
    u8::try_from(freq)
        .map_err(|_| CommandError::Fixed("ERR Invalid FREQ value, must be >= 0 and <= 255"))
}

/// Deletes the key that was to be replaced by one that has ended already.
fn delete(ctx: &mut Ctx<'_>, key: Key<'_>) {
    let Some(place) = ctx.db().find(key) else { return };
    ctx.remove(key, place);
    ctx.dirty(1);
    ctx.propagate(&[b"DEL", key.bytes]);
    ctx.notify(KeyspaceEvents::GENERIC, "del", key.bytes);
}

/// Stores the value. It counts as new, with the event, even in the place of another.
fn make(
    ctx: &mut Ctx<'_>,
    key: Key<'_>,
    value: NewValue<'_>,
    expire_at_ms: Option<u64>,
    options: &Options,
) {
    let server = &ctx.server;
    let clock = clock::loaded(&server.config, server.now, options.idle_s, options.freq);
    let place = ctx.db().find(key);
    let old = ctx.db().set(key, place, value, expire_at_ms, clock);
    ctx.server.free(old, ctx.server.config.lazyfree_lazy_server_del);
    ctx.notify(KeyspaceEvents::NEW, "new", key.bytes);
    ctx.modified(key.bytes);
    ctx.notify(KeyspaceEvents::GENERIC, "restore", key.bytes);
    ctx.dirty(1);
}

fn log(ctx: &mut Ctx<'_>, key: Key<'_>, at_ms: u64, options: &Options) {
    let (mut deadline, mut use_digits) = (itoa::Buffer::new(), itoa::Buffer::new());
    let mut words: Vec<&[u8]> = Vec::from([
        b"RESTORE",
        key.bytes,
        deadline.format(at_ms).as_bytes(),
        ctx.arg(3),
        b"REPLACE",
        b"ABSTTL",
    ]);
    match (options.idle_s, options.freq) {
        (Some(idle_s), _) => words.extend([&b"IDLETIME"[..], use_digits.format(idle_s).as_bytes()]),
        (_, Some(freq)) => words.extend([&b"FREQ"[..], use_digits.format(freq).as_bytes()]),
        _ => {}
    }
    ctx.propagate(&words);
}
