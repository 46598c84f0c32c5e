//! HSETEX: fields are set with a deadline, if all or none of them are there.
//!
//! What is logged is HSET and, for those that have one then, HPEXPIREAT; or HDEL when the deadline
//! has passed, since the fields are set and gone at once.

use alloc::vec::Vec;

use super::fields::{Change, deadline_option};
use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::Key;
use crate::value::{Hash, Thresholds, number};

/// The row of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("hsetex", -6, Group::Hash, hsetex)
    .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
    .categories(&[Categories::HASH])
    .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))])
    .arguments(
        "key:key condition=[FNX|FXX] expiration=[EX seconds:integer|PX milliseconds:integer|EXAT \
         unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time|KEEPTTL] \
         FIELDS fields=(numfields:integer data=(field value)*)",
    )
    .docs(
        "8.0.0",
        "Sets fields of a hash and their time to live.",
        "O(N) where N is the number of fields being set.",
    )];

fn hsetex(ctx: &mut Ctx<'_>) -> Outcome {
    let options = Options::parse(ctx)?;
    let key = ctx.key(1);
    let place = ctx.write_as::<Hash>(key)?;
    let holds = match place {
        Some(place) => {
            let hash = ctx.typed::<Hash>(place)?;
            options.condition.holds(options.fields().map(|field| hash.get(field).is_some()))
        }
        None => options.condition.holds(options.fields().map(|_| false)),
    };
    if holds {
        let (thresholds, hasher) = (Thresholds::of(&ctx.server.config), ctx.server.hasher);
        let done = ctx.change(key, place, |hash: &mut Hash| {
            let set = |hash: &mut Hash, field: &[u8], value: &[u8]| {
                hash.set(field, value, &thresholds, hasher);
            };
            options.run(hash, set)
        });
        options.tell(ctx, key, &done);
    }
    ctx.reply().int(holds.into());
    Ok(())
}

/// What the options say.
struct Options<'a> {
    condition: Condition,
    lifetime: Lifetime,
    /// Fields and values in turns.
    pairs: Args<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    None,
    /// FNX.
    Absent,
    /// FXX.
    Present,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lifetime {
    Endless,
    /// KEEPTTL.
    Kept,
    /// [`Change::Until`], or [`Change::Remove`] when that has passed.
    Set(Change),
}

/// What was done.
struct Done<'a> {
    /// The fields that had been there.
    old: Vec<&'a [u8]>,
    /// Fields that kept their deadline.
    kept: Vec<(&'a [u8], u64)>,
    is_empty: bool,
}

impl Condition {
    fn holds(self, mut are_there: impl Iterator<Item = bool>) -> bool {
        match self {
            Self::None => true,
            Self::Absent => !are_there.any(|is_there| is_there),
            Self::Present => are_there.all(|is_there| is_there),
        }
    }
}

impl<'a> Options<'a> {
    /// Options in any order, then the fields.
    fn parse(ctx: &Ctx<'a>) -> Result<Self, CommandError> {
        let (mut condition, mut lifetime) = (Condition::None, Lifetime::Endless);
        let mut at = 2;
        while at < ctx.args.len() {
            if ctx.args.is(at, "fields") {
                return Ok(Self { condition, lifetime, pairs: pairs(ctx.args, at)? });
            }
            let demand = match &ctx.arg(at).to_ascii_lowercase()[..] {
                b"fnx" => Some(Condition::Absent),
                b"fxx" => Some(Condition::Present),
                _ => None,
            };
            if let Some(demand) = demand {
                if condition != Condition::None {
                    return Err(CommandError::Fixed(ONE_CONDITION));
                }
                condition = demand;
            } else {
                let is_first = lifetime == Lifetime::Endless;
                lifetime = Lifetime::parse(ctx, &mut at, is_first)?;
            }
            at += 1;
        }
        Err(CommandError::Fixed("ERR missing FIELDS argument"))
    }

    fn fields(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.pairs.from(0).step_by(2)
    }

    /// Sets the fields; `set` sets one, which ends its deadline.
    fn run(&self, hash: &mut Hash, set: impl Fn(&mut Hash, &[u8], &[u8])) -> Done<'a> {
        let mut done = Done { old: Vec::new(), kept: Vec::new(), is_empty: false };
        for (field, value) in self.fields().zip(self.pairs.from(1).step_by(2)) {
            let deadline = hash.view().deadline_ms(field);
            if deadline.is_some() {
                done.old.push(field);
            }
            set(hash, field, value);
            if let (Lifetime::Kept, Some(Some(at_ms))) = (self.lifetime, deadline) {
                Change::Until(at_ms).apply(hash, field);
                done.kept.push((field, at_ms));
            }
        }
        if let Lifetime::Set(change) = self.lifetime {
            self.fields().for_each(|field| change.apply(hash, field));
        }
        done.is_empty = hash.is_empty();
        done
    }

    /// Says and logs it.
    fn tell(&self, ctx: &mut Ctx<'_>, key: Key<'_>, done: &Done<'_>) {
        let is_removed = self.lifetime == Lifetime::Set(Change::Remove);
        ctx.modified(key.bytes);
        if !is_removed || !done.old.is_empty() {
            ctx.dirty(self.pairs.len() / 2);
        }
        ctx.notify(KeyspaceEvents::HASH, "hset", key.bytes);
        let fields: Vec<&[u8]> = self.fields().collect();
        if is_removed {
            match &done.old[..] {
                [] => ctx.propagate_nothing(),
                old => Change::Remove.propagate(ctx, key, old),
            }
            ctx.notify(KeyspaceEvents::HASH, "hdel", key.bytes);
            if done.is_empty {
                ctx.remove_empty(key);
            }
            return;
        }
        let mut words: Vec<&[u8]> = [b"HSET", key.bytes].into();
        words.extend(self.pairs.from(0));
        ctx.propagate(&words);
        for &(field, at_ms) in &done.kept {
            Change::Until(at_ms).propagate(ctx, key, &[field]);
        }
        if let Lifetime::Set(change) = self.lifetime {
            change.propagate(ctx, key, &fields);
            ctx.notify(KeyspaceEvents::HASH, "hexpire", key.bytes);
        }
    }
}

const ONE_CONDITION: &str = "ERR Only one of FXX or FNX arguments can be specified";

impl Lifetime {
    /// The option at `at`, which then is its last argument.
    fn parse(ctx: &Ctx<'_>, at: &mut usize, is_first: bool) -> Result<Self, CommandError> {
        let word = ctx.arg(*at);
        let is_kept = word.eq_ignore_ascii_case(b"keepttl");
        let is_time = [&b"ex"[..], b"px", b"exat", b"pxat"].contains(&&*word.to_ascii_lowercase());
        if !is_kept && !is_time {
            return Err(CommandError::quoting("ERR unknown argument: ", word, ""));
        }
        if !is_first {
            return Err(CommandError::Fixed(
                "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
            ));
        }
        if is_kept {
            return Ok(Self::Kept);
        }
        let deadline = deadline_option(ctx, *at, "hsetex")?;
        *at += 1;
        Ok(deadline.map_or(Self::Kept, |at_ms| Self::Set(Change::to(at_ms, ctx.now()))))
    }
}

/// `FIELDS numfields` and so many fields with values, to the end.
fn pairs(args: Args<'_>, at: usize) -> Result<Args<'_>, CommandError> {
    if args.len() < at + 4 {
        return Err(CommandError::Arity("hsetex"));
    }
    let count = number::parse_i64(args.at(at + 1)).and_then(|count| i32::try_from(count).ok());
    let count = count.and_then(|count| usize::try_from(count).ok()).filter(|&count| count > 0);
    let count = count.ok_or(CommandError::Fixed("ERR invalid number of fields"))?;
    let pairs = args.skip(at + 2);
    (pairs.len() == count * 2).then_some(pairs).ok_or(CommandError::Arity("hsetex"))
}
