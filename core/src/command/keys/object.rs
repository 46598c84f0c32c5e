//! OBJECT: how a value is stored, and how its key was used.
//!
//! The numbers of references are those that Redis would show: small integers are shared there.

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::help::help;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::MaxmemoryPolicy;
use crate::keyspace::{Entry, Place, ValueRef, clock};
use crate::server::Server;
use crate::value::pack::Shape;
use crate::value::{Value, number};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("object", -2, Group::Generic, object_help)
    .docs("2.2.3", "A container for commands about stored values.", "Depends on subcommand.")
    .subcommands(SUBCOMMANDS)];

const SUBCOMMANDS: &[Command] = &[
    of_key("encoding", encoding).docs("2.2.3", "Returns how a value is stored.", "O(1)"),
    of_key("freq", freq).docs(
        "4.0.0",
        "Returns the logarithmic counter of a key's accesses.",
        "O(1)",
    ),
    of_key("idletime", idletime).docs(
        "2.2.3",
        "Returns the seconds since a key was accessed last.",
        "O(1)",
    ),
    of_key("refcount", refcount).docs(
        "2.2.3",
        "Returns the number of references to a value.",
        "O(1)",
    ),
    Command::new("help", 2, Group::Generic, object_help)
        .flags(&[Flags::LOADING, Flags::STALE])
        .categories(&[Categories::KEYSPACE])
        .docs("6.2.0", "Returns a text about the subcommands.", "O(1)"),
];

const KEY: &[KeySpec] = &[KeySpec::one(2, KeyFlags::RO)];

const fn of_key(name: &'static str, run: fn(&mut Ctx<'_>) -> Outcome) -> Command {
    Command::new(name, 3, Group::Generic, run)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::KEYSPACE])
        .keys(KEY)
        .arguments("key:key")
        .tips(&["nondeterministic_output"])
}

/// The number of references to a shared integer.
const SHARED: i64 = i32::MAX as i64;

/// Integers below are shared.
const SHARED_INTEGERS: i64 = 10_000;

/// Longest string that Redis keeps in one allocation with its header.
const EMBEDDED_BYTES_MAX: usize = 44;

fn encoding(ctx: &mut Ctx<'_>) -> Outcome {
    let Some(place) = inspect(ctx) else { return Ok(()) };
    let name = ctx.entry(place).encoding_name();
    ctx.reply().bulk(name.as_bytes());
    Ok(())
}

fn refcount(ctx: &mut Ctx<'_>) -> Outcome {
    let Some(place) = inspect(ctx) else { return Ok(()) };
    let references = ctx.server.references(&ctx.entry(place));
    ctx.reply().int(references);
    Ok(())
}

fn idletime(ctx: &mut Ctx<'_>) -> Outcome {
    let Some(place) = inspect(ctx) else { return Ok(()) };
    if clock::is_lfu(&ctx.server.config) {
        return Err(CommandError::Fixed(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that \
             when switching between policies at runtime LRU and LFU data will take some time to \
             adjust.",
        ));
    }
    let idle_s = clock::idle_s(ctx.entry(place).clock(), ctx.now());
    ctx.reply().int(idle_s.into());
    Ok(())
}

fn freq(ctx: &mut Ctx<'_>) -> Outcome {
    let Some(place) = inspect(ctx) else { return Ok(()) };
    if !clock::is_lfu(&ctx.server.config) {
        return Err(CommandError::Fixed(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please \
             note that when switching between policies at runtime LRU and LFU data will take \
             some time to adjust.",
        ));
    }
    let counter = clock::lfu_counter(ctx.entry(place).clock(), &ctx.server.config, ctx.now());
    ctx.reply().int(counter.into());
    Ok(())
}

/// The key to look at; answers null when there is none. It counts as a hit or a miss, but is
/// neither touched nor told of.
fn inspect(ctx: &mut Ctx<'_>) -> Option<Place> {
    let place = ctx.peek(ctx.key(2));
    if place.is_some() {
        ctx.server.stats.keyspace_hits += 1;
    } else {
        ctx.server.stats.keyspace_misses += 1;
        ctx.reply().null();
    }
    place
}

fn object_help(ctx: &mut Ctx<'_>) -> Outcome {
    help(
        ctx,
        &[
            "ENCODING <key>",
            "    Return the kind of internal representation used in order to store the value",
            "    associated with a <key>.",
            "FREQ <key>",
            "    Return the access frequency index of the <key>. The returned integer is",
            "    proportional to the logarithm of the recent access frequency of the key.",
            "IDLETIME <key>",
            "    Return the idle time of the <key>, that is the approximated number of",
            "    seconds elapsed since the last access to the key.",
            "REFCOUNT <key>",
            "    Return the number of references of the value associated with the specified",
            "    <key>.",
        ],
    )
}

impl Server {
    /// References that Redis would have to the value of an entry.
    pub(crate) fn references(&self, entry: &Entry<'_>) -> i64 {
        let is_small = entry.as_int().is_some_and(|int| (0..SHARED_INTEGERS).contains(&int));
        if is_small && self.shares_integers() { SHARED } else { 1 }
    }

    /// Whether small integers are shared: not when each value needs an access clock of its own.
    fn shares_integers(&self) -> bool {
        use MaxmemoryPolicy::{AllkeysLfu, AllkeysLru, VolatileLfu, VolatileLru};
        let policy = self.config.maxmemory_policy;
        let has_clocks = matches!(policy, AllkeysLfu | AllkeysLru | VolatileLfu | VolatileLru);
        self.config.maxmemory == 0 || !has_clocks
    }
}

impl Entry<'_> {
    /// The integer that the value is stored as, or would be if its key were not too long for that.
    fn as_int(&self) -> Option<i64> {
        match self.value() {
            ValueRef::Int(int) => Some(int),
            ValueRef::Object(Value::String(bytes)) => number::parse_i64(bytes),
            _ => None,
        }
    }

    /// The name that OBJECT ENCODING answers.
    pub(crate) fn encoding_name(&self) -> &'static str {
        match self.value() {
            _ if self.as_int().is_some() => "int",
            ValueRef::String(bytes) if self.is_modified_string() || is_raw(bytes) => "raw",
            ValueRef::Object(Value::String(bytes)) if is_raw(bytes) => "raw",
            ValueRef::Object(Value::String(_)) | ValueRef::String(_) | ValueRef::Int(_) => "embstr",
            ValueRef::Pack(pack) => Shape::of(pack).encoding_name(),
            ValueRef::Object(value) => value.encoding_name(),
        }
    }
}

fn is_raw(bytes: &[u8]) -> bool {
    bytes.len() > EMBEDDED_BYTES_MAX
}
