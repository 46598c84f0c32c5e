//! GET and SET, the commands that everything else is measured by, and SET's older forms.
//!
//! `SET key value` goes straight to the keyspace. Every other form, of SET and of SETNX, SETEX,
//! PSETEX and GETSET, is one [`Assignment`]: a value, a condition, a lifetime, and whether the old
//! value is asked for. What is logged is what came of it, without conditions and with the deadline.

use alloc::vec;
use alloc::vec::Vec;

use super::options::{Condition, Dialect, Expiration, Options, TimeForm};
use crate::command::args::Args;
use crate::command::ctx::{Ctx, Text};
use crate::command::error::{CommandError, Outcome};
use crate::command::key_extraction::FoundKey;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::{Key, NewValue, Place};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("get", 2, Group::String, get)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::STRING])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key")
        .docs("1.0.0", "Returns the string value of a key.", "O(1)"),
    Command::new("set", -3, Group::String, set)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::STRING])
        .keys(&[KeySpec {
            notes: "RW and ACCESS due to the optional `GET` argument",
            ..KeySpec::one(1, REPLACED.and(KeyFlags::VARIABLE_FLAGS))
        }])
        .keys_by(keys_of_set)
        .arguments(
            "key:key value condition=[NX|XX|IFEQ comparison@8.4.0]@2.6.12 [GET@6.2.0] \
             expiration=[EX seconds:integer@2.6.12|PX milliseconds:integer@2.6.12|EXAT \
             unix-time-seconds:unix-time@6.2.0|PXAT \
             unix-time-milliseconds:unix-time@6.2.0|KEEPTTL@6.0.0]",
        )
        .docs("1.0.0", "Sets the string value of a key, whatever it held before.", "O(1)")
        .history(&[
            ("2.6.12", "New options `EX`, `PX`, `NX` and `XX`."),
            ("6.0.0", "New option `KEEPTTL`."),
            ("6.2.0", "New options `GET`, `EXAT` and `PXAT`."),
            ("7.0.0", "`NX` and `GET` can be used together."),
            ("8.4.0", "New option `IFEQ`."),
        ]),
    Command::new("setnx", 3, Group::String, setnx)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::STRING])
        .keys(&[KeySpec::one(1, KeyFlags::OW.and(KeyFlags::INSERT))])
        .arguments("key:key value")
        .docs("1.0.0", "Sets the string value of a key that does not exist.", "O(1)")
        .deprecated("2.6.12", "`SET` with the `NX` argument"),
    Command::new("setex", 4, Group::String, setex)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::STRING])
        .keys(&[KeySpec::one(1, KeyFlags::OW.and(KeyFlags::UPDATE))])
        .arguments("key:key seconds:integer value")
        .docs("2.0.0", "Sets the string value of a key with a time to live in seconds.", "O(1)")
        .deprecated("2.6.12", "`SET` with the `EX` argument"),
    Command::new("psetex", 4, Group::String, psetex)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::STRING])
        .keys(&[KeySpec::one(1, KeyFlags::OW.and(KeyFlags::UPDATE))])
        .arguments("key:key milliseconds:integer value")
        .docs("2.6.0", "Sets the string value of a key with a time to live in ms.", "O(1)")
        .deprecated("2.6.12", "`SET` with the `PX` argument"),
    Command::new("getset", 3, Group::String, getset)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::STRING])
        .keys(&[KeySpec::one(1, REPLACED)])
        .arguments("key:key value")
        .docs("1.0.0", "Sets the string value of a key and returns the one before.", "O(1)")
        .deprecated("6.2.0", "`SET` with the `!GET` argument"),
];

const REPLACED: KeyFlags = KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE);

fn get(ctx: &mut Ctx<'_>) -> Outcome {
    ctx.read_with::<Text<'static>>(ctx.key(1), |output, text| match text {
        Some(text) => text.write(output),
        None => output.null(),
    })
}

fn set(ctx: &mut Ctx<'_>) -> Outcome {
    if ctx.args.len() > 3 {
        return set_with_options(ctx);
    }
    let key = ctx.key(1);
    ctx.assign(key, NewValue::String(ctx.arg(2)), None);
    ctx.dirty(1);
    ctx.notify(KeyspaceEvents::STRING, "set", key.bytes);
    ctx.reply().ok();
    Ok(())
}

fn set_with_options(ctx: &mut Ctx<'_>) -> Outcome {
    let Options { condition, get, expiration } = Options::parse(ctx.args, 3, Dialect::Set)?;
    let lifetime = match expiration {
        None | Some(Expiration::Persist) => Lifetime::Endless,
        Some(Expiration::Keep) => Lifetime::Kept,
        Some(Expiration::Time(form, text)) => {
            Lifetime::Until(form.deadline_ms(text, ctx.now(), "set")?)
        }
    };
    let assignment = Assignment { value: ctx.arg(2), condition, lifetime, returns_old: get };
    let is_stored = assignment.run(ctx)?;
    match (get, is_stored) {
        (true, _) => {}
        (false, true) => ctx.reply().ok(),
        (false, false) => ctx.reply().null(),
    }
    Ok(())
}

/// SET reads the old value only when GET is given.
fn keys_of_set(args: Args<'_>) -> Vec<FoundKey> {
    let reads = args.from(3).any(|option| option.eq_ignore_ascii_case(b"get"));
    let flags = if reads { REPLACED } else { KeyFlags::OW.and(KeyFlags::UPDATE) };
    vec![FoundKey { at: 1, flags }]
}

fn setnx(ctx: &mut Ctx<'_>) -> Outcome {
    let condition = Condition::Absent;
    let is_stored = Assignment { condition, ..Assignment::of(ctx.arg(2)) }.run(ctx)?;
    ctx.reply().int(i64::from(is_stored));
    Ok(())
}

fn setex(ctx: &mut Ctx<'_>) -> Outcome {
    set_for(ctx, TimeForm::Ex, "setex")
}

fn psetex(ctx: &mut Ctx<'_>) -> Outcome {
    set_for(ctx, TimeForm::Px, "psetex")
}

fn set_for(ctx: &mut Ctx<'_>, form: TimeForm, command: &'static str) -> Outcome {
    let lifetime = Lifetime::Until(form.deadline_ms(ctx.arg(2), ctx.now(), command)?);
    Assignment { lifetime, ..Assignment::of(ctx.arg(3)) }.run(ctx)?;
    ctx.reply().ok();
    Ok(())
}

fn getset(ctx: &mut Ctx<'_>) -> Outcome {
    Assignment { returns_old: true, ..Assignment::of(ctx.arg(2)) }.run(ctx)?;
    Ok(())
}

/// A SET in any of its forms; the key is the first argument.
struct Assignment<'a> {
    value: &'a [u8],
    condition: Condition<'a>,
    lifetime: Lifetime,
    /// The reply is the old value, whether or not the new one is stored.
    returns_old: bool,
}

/// How long the new value lives.
#[derive(Clone, Copy)]
enum Lifetime {
    Endless,
    /// As long as the old value would have.
    Kept,
    /// Until this deadline, in ms since 1970.
    Until(u64),
}

impl Lifetime {
    /// The deadline that it says itself.
    fn deadline_ms(self) -> Option<u64> {
        match self {
            Self::Endless | Self::Kept => None,
            Self::Until(at) => Some(at),
        }
    }
}

impl<'a> Assignment<'a> {
    fn of(value: &'a [u8]) -> Self {
        let condition = Condition::None;
        Self { value, condition, lifetime: Lifetime::Endless, returns_old: false }
    }

    /// Replies with the old value if that is asked for, and stores the new one if the condition
    /// holds; returns whether it did.
    fn run(&self, ctx: &mut Ctx<'_>) -> Result<bool, CommandError> {
        let key = ctx.key(1);
        if self.ignores_the_old() {
            ctx.assign(key, NewValue::String(self.value), self.lifetime.deadline_ms());
            self.stored(ctx, key);
            return Ok(true);
        }
        let place = if self.returns_old { ctx.read(key) } else { ctx.write(key) };
        let holds = self.condition.holds(ctx, place)?;
        if self.returns_old {
            ctx.reply_string_or_null(place)?;
        }
        if holds {
            let expire_at_ms = match self.lifetime {
                Lifetime::Kept => place.and_then(|place| ctx.entry(place).expire_at_ms()),
                new => new.deadline_ms(),
            };
            ctx.set(key, place, NewValue::String(self.value), expire_at_ms);
            self.stored(ctx, key);
        }
        Ok(holds)
    }

    /// Whether nothing depends on what the key held before.
    fn ignores_the_old(&self) -> bool {
        let is_kept = matches!(self.lifetime, Lifetime::Kept);
        self.condition == Condition::None && !self.returns_old && !is_kept
    }

    /// Tells of the new value. A deadline that has passed is no special case: the key is there,
    /// with its events, until the first look at it, which may come at once.
    fn stored(&self, ctx: &mut Ctx<'_>, key: Key<'_>) {
        ctx.dirty(1);
        ctx.notify(KeyspaceEvents::STRING, "set", key.bytes);
        if matches!(self.lifetime, Lifetime::Until(_)) {
            ctx.notify(KeyspaceEvents::GENERIC, "expire", key.bytes);
        }
        if ctx.is_logged() {
            self.propagate(ctx, key);
        }
    }

    fn propagate(&self, ctx: &mut Ctx<'_>, key: Key<'_>) {
        match self.lifetime {
            Lifetime::Endless => ctx.propagate(&[b"SET", key.bytes, self.value]),
            Lifetime::Kept => ctx.propagate(&[b"SET", key.bytes, self.value, b"KEEPTTL"]),
            Lifetime::Until(at) => {
                let mut digits = itoa::Buffer::new();
                let at = digits.format(at).as_bytes();
                ctx.propagate(&[b"SET", key.bytes, self.value, b"PXAT", at]);
            }
        }
    }
}

impl Condition<'_> {
    /// Whether it holds for the entry at `place`; an error when IFEQ meets another type.
    fn holds(&self, ctx: &Ctx<'_>, place: Option<Place>) -> Result<bool, CommandError> {
        Ok(match (self, place) {
            (Self::None, _) | (Self::Absent, None) | (Self::Present, Some(_)) => true,
            (Self::Absent, Some(_)) | (Self::Present | Self::Equal(_), None) => false,
            (Self::Equal(comparison), Some(place)) => {
                ctx.string(place)?.bytes(&mut itoa::Buffer::new()) == *comparison
            }
        })
    }
}

impl Ctx<'_> {
    /// Replies with the string at `place`, by reference when it is large.
    #[inline]
    pub(crate) fn reply_string(&mut self, place: Place) -> Outcome {
        let entry = self.server.dbs[self.client.db as usize].entry(place);
        Text::of(entry.value())?.write(&mut self.client.output);
        Ok(())
    }

    /// Replies with the string at `place`, or that there is none.
    pub(crate) fn reply_string_or_null(&mut self, place: Option<Place>) -> Outcome {
        match place {
            Some(place) => self.reply_string(place),
            None => {
                self.reply().null();
                Ok(())
            }
        }
    }
}
