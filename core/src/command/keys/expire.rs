//! EXPIRE and its relatives, and PERSIST: when a key will end.
//!
//! Whatever form the time has, what is stored and logged is the millisecond since 1970. One that
//! has passed deletes the key, and that is logged as a deletion: a replay reads no clock.

use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::Key;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    row("expire", expire).arguments("key:key seconds:integer condition=[NX|XX|GT|LT]@7.0.0").docs(
        "1.0.0",
        "Sets the time to live of a key, in seconds.",
        "O(1)",
    ),
    row("pexpire", pexpire)
        .arguments("key:key milliseconds:integer condition=[NX|XX|GT|LT]@7.0.0")
        .docs("2.6.0", "Sets the time to live of a key, in milliseconds.", "O(1)"),
    row("expireat", expireat)
        .arguments("key:key unix-time-seconds:unix-time condition=[NX|XX|GT|LT]@7.0.0")
        .docs("1.2.0", "Sets the time at which a key ends, in seconds since 1970.", "O(1)"),
    row("pexpireat", pexpireat)
        .arguments("key:key unix-time-milliseconds:unix-time condition=[NX|XX|GT|LT]@7.0.0")
        .docs("2.6.0", "Sets the time at which a key ends, in milliseconds since 1970.", "O(1)"),
    Command::new("persist", 2, Group::Generic, persist)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::KEYSPACE])
        .keys(KEY)
        .arguments("key:key")
        .docs("2.2.0", "Takes the time to live of a key away.", "O(1)"),
];

const KEY: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))];

const fn row(name: &'static str, run: fn(&mut Ctx<'_>) -> Outcome) -> Command {
    Command::new(name, -3, Group::Generic, run)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::KEYSPACE])
        .keys(KEY)
        .history(&[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")])
}

fn expire(ctx: &mut Ctx<'_>) -> Outcome {
    let now_ms = ctx.now().wall_ms();
    set_deadline(ctx, "expire", 1000, now_ms)
}

fn pexpire(ctx: &mut Ctx<'_>) -> Outcome {
    let now_ms = ctx.now().wall_ms();
    set_deadline(ctx, "pexpire", 1, now_ms)
}

fn expireat(ctx: &mut Ctx<'_>) -> Outcome {
    set_deadline(ctx, "expireat", 1000, 0)
}

fn pexpireat(ctx: &mut Ctx<'_>) -> Outcome {
    set_deadline(ctx, "pexpireat", 1, 0)
}

/// The second argument counts units of `unit_ms` from `base_ms` on.
fn set_deadline(ctx: &mut Ctx<'_>, name: &'static str, unit_ms: i64, base_ms: i64) -> Outcome {
    let condition = Condition::parse(ctx.args)?;
    let time = ctx.int(2)?;
    let at_ms = time.checked_mul(unit_ms).and_then(|time| time.checked_add(base_ms));
    let at_ms = at_ms.ok_or(CommandError::ExpireTime(name))?;
    let key = ctx.key(1);
    let is_set = match ctx.write(key) {
        Some(place) => {
            let holds = condition.holds(ctx.entry(place).expire_at_ms(), at_ms);
            if holds {
                expire_at(ctx, key, at_ms);
            }
            holds
        }
        None => false,
    };
    ctx.reply().int(i64::from(is_set));
    Ok(())
}

/// Gives the key, which exists, its new deadline.
fn expire_at(ctx: &mut Ctx<'_>, key: Key<'_>, at_ms: i64) {
    let Some(place) = ctx.db().find(key) else { return };
    ctx.dirty(1);
    if at_ms <= ctx.now().wall_ms() {
        ctx.delete(key, place, ctx.server.config.lazyfree_lazy_expire);
        ctx.propagate(&[b"DEL", key.bytes]);
        ctx.notify(KeyspaceEvents::GENERIC, "del", key.bytes);
        return;
    }
    // Before 1970 a deadline may be to come and yet be negative; the earliest there is is 0.
    let at_ms = u64::try_from(at_ms).unwrap_or(0);
    ctx.set_expire(key, place, Some(at_ms));
    let mut digits = itoa::Buffer::new();
    ctx.propagate(&[b"PEXPIREAT", key.bytes, digits.format(at_ms).as_bytes()]);
    ctx.notify(KeyspaceEvents::GENERIC, "expire", key.bytes);
}

/// What NX, XX, GT and LT ask of the old deadline.
#[derive(Clone, Copy, Default)]
struct Condition {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Condition {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut all = Self::default();
        for at in 3..args.len() {
            match () {
                () if args.is(at, "nx") => all.nx = true,
                () if args.is(at, "xx") => all.xx = true,
                () if args.is(at, "gt") => all.gt = true,
                () if args.is(at, "lt") => all.lt = true,
                () => return Err(unsupported(args.at(at))),
            }
        }
        if all.nx && (all.xx || all.gt || all.lt) {
            return Err(CommandError::Fixed(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if all.gt && all.lt {
            return Err(CommandError::Fixed(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(all)
    }

    /// Whether a key with the deadline `old_ms` may get that of `new_ms`. Without a deadline a key
    /// lives for ever: nothing is later, everything sooner.
    fn holds(self, old_ms: Option<u64>, new_ms: i64) -> bool {
        let new_ms = i128::from(new_ms);
        match old_ms.map(i128::from) {
            None => !self.xx && !self.gt,
            Some(_) if self.nx => false,
            Some(old_ms) if self.gt => new_ms > old_ms,
            Some(old_ms) if self.lt => new_ms < old_ms,
            Some(_) => true,
        }
    }
}

fn unsupported(option: &[u8]) -> CommandError {
    CommandError::quoting("ERR Unsupported option ", option, "")
}

fn persist(ctx: &mut Ctx<'_>) -> Outcome {
    let key = ctx.key(1);
    let place = ctx.write(key);
    let place = place.filter(|&place| ctx.entry(place).expire_at_ms().is_some());
    if let Some(place) = place {
        ctx.set_expire(key, place, None);
        ctx.notify(KeyspaceEvents::GENERIC, "persist", key.bytes);
        ctx.dirty(1);
    }
    ctx.reply().int(i64::from(place.is_some()));
    Ok(())
}
