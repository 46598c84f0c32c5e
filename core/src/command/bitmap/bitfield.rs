//! BITFIELD and BITFIELD_RO: integers of any width at any bit of a string.
//!
//! All subcommands are read before the first one runs. Those that write grow the string to the end
//! of the farthest field first, even when an overflow then keeps every one of them from writing;
//! Redis forgets to log that, and we do not. Apart from growth, writing what is there already
//! changes nothing.

use alloc::vec;
use alloc::vec::Vec;

use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::key_extraction::FoundKey;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::{Key, Place};
use crate::value::bitmap::{self, Field, Overflow};
use crate::value::number;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("bitfield", -2, Group::Bitmap, bitfield)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::BITMAP])
        .keys(&[KeySpec {
            notes: "This command allows both access and modification of the key",
            ..KeySpec::one(
                1,
                KeyFlags::RW
                    .and(KeyFlags::UPDATE)
                    .and(KeyFlags::ACCESS)
                    .and(KeyFlags::VARIABLE_FLAGS),
            )
        }])
        .keys_by(keys_of_bitfield)
        .arguments(
            "key:key operation=[GET get-block=(encoding offset:integer)|\
             write=(overflow-block=[OVERFLOW (WRAP|SAT|FAIL)] \
             write-operation=(SET set-block=(encoding offset:integer value:integer)|\
             INCRBY incrby-block=(encoding offset:integer increment:integer)))]*",
        )
        .docs(
            "3.2.0",
            "Reads, sets and adds to integers of any width in the string value.",
            "O(1) for each subcommand specified",
        ),
    Command::new("bitfield_ro", -2, Group::Bitmap, bitfield_ro)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::BITMAP])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key get-block=[GET (encoding offset:integer)]+")
        .docs(
            "6.0.0",
            "Reads integers of any width in the string value.",
            "O(1) for each subcommand specified",
        ),
];

/// BITFIELD writes unless all it is asked to do is read.
fn keys_of_bitfield(args: Args<'_>) -> Vec<FoundKey> {
    let mut at = 2;
    let mut reads_only = true;
    while reads_only && at < args.len() {
        let words = match args.at(at) {
            step if step.eq_ignore_ascii_case(b"get") => 3,
            step if step.eq_ignore_ascii_case(b"overflow") => 2,
            _ => 0,
        };
        reads_only = words > 0 && at + words <= args.len();
        at += words;
    }
    let writes = KeyFlags::RW.and(KeyFlags::UPDATE);
    let flags = if reads_only { KeyFlags::RO } else { writes };
    vec![FoundKey { at: 1, flags: flags.and(KeyFlags::ACCESS) }]
}

fn bitfield(ctx: &mut Ctx<'_>) -> Outcome {
    let steps = Step::parse_all(ctx)?;
    ctx.work(steps.len());
    let key = ctx.key(1);
    if steps.iter().all(|step| step.change == Change::None) {
        return read(ctx, key, &steps);
    }
    write(ctx, key, &steps)
}

fn bitfield_ro(ctx: &mut Ctx<'_>) -> Outcome {
    let steps = Step::parse_all(ctx)?;
    ctx.work(steps.len());
    if steps.iter().any(|step| step.change != Change::None) {
        return Err(CommandError::Fixed("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    read(ctx, ctx.key(1), &steps)
}

/// One subcommand, with the OVERFLOW that holds for it.
#[derive(Clone, Copy, Debug)]
struct Step {
    field: Field,
    offset: u64,
    change: Change,
    overflow: Overflow,
}

/// What a subcommand does to its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// GET.
    None,
    /// SET; the old value is returned.
    Set(i64),
    /// INCRBY; the new value is returned.
    Add(i64),
}

/// What a subcommand comes to.
struct Effect {
    /// Nil when an overflow made it fail.
    reply: Option<i64>,
    /// The value to be written.
    write: Option<i64>,
    /// Whether that is another value than the field has.
    is_change: bool,
}

impl Step {
    /// Reads all subcommands.
    fn parse_all(ctx: &Ctx<'_>) -> Result<Vec<Self>, CommandError> {
        let bytes_max = ctx.server.string_bytes_max(ctx.client);
        let mut overflow = Overflow::Wrap;
        let mut steps = Vec::new();
        let mut rest = ctx.args.skip(2);
        while !rest.is_empty() {
            if rest.is(0, "overflow") && rest.len() > 1 {
                overflow = overflow_of(rest.at(1))?;
                rest = rest.skip(2);
                continue;
            }
            let words = Self::words(rest)?;
            steps.push(Self::parse(rest, overflow, bytes_max)?);
            rest = rest.skip(words);
        }
        Ok(steps)
    }

    /// How many words the subcommand has that comes next.
    fn words(rest: Args<'_>) -> Result<usize, CommandError> {
        let words = match rest.at(0) {
            name if name.eq_ignore_ascii_case(b"get") => 3,
            name if name.eq_ignore_ascii_case(b"set") => 4,
            name if name.eq_ignore_ascii_case(b"incrby") => 4,
            _ => return Err(CommandError::Syntax),
        };
        if rest.len() < words { Err(CommandError::Syntax) } else { Ok(words) }
    }

    fn parse(rest: Args<'_>, overflow: Overflow, bytes_max: u64) -> Result<Self, CommandError> {
        let field = Field::parse(rest.at(1)).ok_or(CommandError::Fixed(BAD_FIELD))?;
        let offset = bitmap::parse_bit_offset(rest.at(2), Some(field), bytes_max)
            .ok_or(CommandError::BitOffset)?;
        let amount = || number::parse_i64(rest.at(3)).ok_or(CommandError::NotInteger);
        let change = match rest.at(0) {
            [b'g' | b'G', ..] => Change::None,
            [b's' | b'S', ..] => Change::Set(amount()?),
            _ => Change::Add(amount()?),
        };
        Ok(Self { field, offset, change, overflow })
    }

    /// What it comes to on a string of these bytes.
    fn on(&self, bytes: &[u8]) -> Effect {
        let old = self.field.read(bytes, self.offset);
        let (write, reply) = match self.change {
            Change::None => (None, Some(old)),
            Change::Set(value) => {
                let new = self.field.fit(value, self.overflow);
                (new, new.map(|_| old))
            }
            Change::Add(increment) => {
                let new = self.field.add(old, increment, self.overflow);
                (new, new)
            }
        };
        Effect { reply, write, is_change: write.is_some_and(|new| new != old) }
    }

    /// The length that the string needs to be written to.
    fn len(&self) -> usize {
        match self.change {
            Change::None => 0,
            _ => self.field.bytes_needed(self.offset) as usize,
        }
    }
}

const BAD_FIELD: &str = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is \
                         not supported but i64 is.";

fn overflow_of(word: &[u8]) -> Result<Overflow, CommandError> {
    match word {
        _ if word.eq_ignore_ascii_case(b"wrap") => Ok(Overflow::Wrap),
        _ if word.eq_ignore_ascii_case(b"sat") => Ok(Overflow::Sat),
        _ if word.eq_ignore_ascii_case(b"fail") => Ok(Overflow::Fail),
        _ => Err(CommandError::Fixed("ERR Invalid OVERFLOW type specified")),
    }
}

/// Runs subcommands that only read.
fn read(ctx: &mut Ctx<'_>, key: Key<'_>, steps: &[Step]) -> Outcome {
    let place = ctx.read(key);
    let effects = effects(ctx, place, steps)?;
    reply(ctx, effects.iter().map(|effect| effect.reply));
    Ok(())
}

/// Runs subcommands some of which write.
fn write(ctx: &mut Ctx<'_>, key: Key<'_>, steps: &[Step]) -> Outcome {
    let place = ctx.write(key);
    let old_len = ctx.string_len(place)?;
    let len = steps.iter().map(Step::len).max().unwrap_or(0);
    let effects = effects(ctx, place, steps)?;
    match place {
        Some(place) if len <= old_len && !effects.iter().any(|effect| effect.is_change) => {
            // None of them changes what the others see, so these are the effects in sequence.
            ctx.make_raw_string(key, place);
            reply(ctx, effects.iter().map(|effect| effect.reply));
        }
        _ => change(ctx, key, place, len, steps),
    }
    Ok(())
}

/// Runs subcommands that change the string or make it longer.
fn change(ctx: &mut Ctx<'_>, key: Key<'_>, place: Option<Place>, len: usize, steps: &[Step]) {
    let grows = place.is_none_or(|place| ctx.string(place).is_ok_and(|text| text.len() < len));
    let mut replies = Vec::with_capacity(steps.len());
    let mut changes = 0;
    ctx.change_string(key, place, len, |bytes| {
        for step in steps {
            let effect = step.on(bytes);
            if let Some(value) = effect.write {
                step.field.write(bytes, step.offset, value);
                changes += usize::from(grows || effect.is_change);
            }
            replies.push(effect.reply);
        }
    });
    if changes > 0 {
        ctx.notify(KeyspaceEvents::STRING, "setbit", key.bytes);
    }
    ctx.dirty(changes.max(1));
    reply(ctx, replies.into_iter());
}

/// What each subcommand comes to on the string as it is.
fn effects(
    ctx: &Ctx<'_>,
    place: Option<Place>,
    steps: &[Step],
) -> Result<Vec<Effect>, CommandError> {
    let mut digits = itoa::Buffer::new();
    let text = place.map(|place| ctx.string(place)).transpose()?;
    let bytes = text.as_ref().map_or(&[][..], |text| text.bytes(&mut digits));
    Ok(steps.iter().map(|step| step.on(bytes)).collect())
}

fn reply(ctx: &mut Ctx<'_>, replies: impl ExactSizeIterator<Item = Option<i64>>) {
    let output = ctx.reply();
    output.array(replies.len());
    for reply in replies {
        match reply {
            Some(value) => output.int(value),
            None => output.null(),
        }
    }
}
