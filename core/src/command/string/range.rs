//! APPEND, STRLEN, GETRANGE, SETRANGE and SUBSTR: parts of strings.

use core::ops::Range;

use crate::command::ctx::{Ctx, Text};
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::{NewValue, Place};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("append", 3, Group::String, append)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::STRING])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::INSERT))])
        .arguments("key:key value")
        .docs("2.0.0", "Appends to the string value of a key.", "O(1) amortized"),
    Command::new("strlen", 2, Group::String, strlen)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::STRING])
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .arguments("key:key")
        .docs("2.2.0", "Returns the length of the string value of a key.", "O(1)"),
    Command::new("getrange", 4, Group::String, getrange)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::STRING])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key start:integer end:integer")
        .docs("2.4.0", "Returns a part of the string value of a key.", RETURNED),
    Command::new("substr", 4, Group::String, getrange)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::STRING])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key start:integer end:integer")
        .docs("1.0.0", "Returns a part of the string value of a key.", RETURNED)
        .deprecated("2.0.0", "`GETRANGE`"),
    Command::new("setrange", 4, Group::String, setrange)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::STRING])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))])
        .arguments("key:key offset:integer value")
        .docs(
            "2.2.0",
            "Overwrites a part of the string value of a key, grown with zero bytes as needed.",
            "O(1), not counting the time taken to copy the new string in place. Usually, this \
             string is very small so the amortized complexity is O(1). Otherwise, complexity is \
             O(M) with M being the length of the value argument.",
        ),
];

const RETURNED: &str = "O(N) where N is the length of the returned string. The complexity is \
ultimately determined by the returned length, but because creating a substring from an existing \
string is very cheap, it can be considered O(1) for small strings.";

fn append(ctx: &mut Ctx<'_>) -> Outcome {
    let (key, value) = (ctx.key(1), ctx.arg(2));
    let place = ctx.write(key);
    let len = match place {
        None => {
            ctx.set(key, None, NewValue::String(value), None);
            value.len()
        }
        Some(place) => append_to(ctx, place)?,
    };
    ctx.dirty(1);
    ctx.notify(KeyspaceEvents::STRING, "append", key.bytes);
    ctx.reply().count(len);
    Ok(())
}

/// Appends to the string at `place`; returns its new length.
fn append_to(ctx: &mut Ctx<'_>, place: Place) -> Result<usize, CommandError> {
    let value = ctx.arg(2);
    let old_len = ctx.string(place)?.len();
    let len = ctx.checked_len(old_len as u64, value.len())?;
    ctx.change_string(ctx.key(1), Some(place), len, |bytes| {
        bytes[old_len..].copy_from_slice(value);
    });
    Ok(len)
}

fn strlen(ctx: &mut Ctx<'_>) -> Outcome {
    let place = ctx.read(ctx.key(1));
    let len = ctx.string_len(place)?;
    ctx.reply().count(len);
    Ok(())
}

fn getrange(ctx: &mut Ctx<'_>) -> Outcome {
    let (start, end) = (ctx.int(2)?, ctx.int(3)?);
    let Some(place) = ctx.read(ctx.key(1)) else {
        ctx.reply().bulk(b"");
        return Ok(());
    };
    let entry = ctx.server.dbs[ctx.client.db as usize].entry(place);
    let text = Text::of(entry.value())?;
    let part = part(start, end, text.len());
    let output = &mut ctx.client.output;
    match &text {
        Text::Shared(bytes) => output.bulk_shared(&bytes.slice(part)),
        Text::Inline(_) | Text::Int(_) => output.bulk(&text.bytes(&mut itoa::Buffer::new())[part]),
    }
    Ok(())
}

/// The bytes from `start` to `end`, the last one included, of a string of `len`; negative numbers
/// count from the end. An end before the first byte means the first byte (that is how Redis 7
/// treats `GETRANGE key 0 -100`), unless both are negative and in the wrong order.
fn part(start: i64, end: i64, len: usize) -> Range<usize> {
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let from_start = |at: i64| {
        let at = if at < 0 { at.saturating_add(len as i64).max(0) } else { at };
        usize::try_from(at).unwrap_or(usize::MAX)
    };
    let end = from_start(end).saturating_add(1).min(len);
    from_start(start).min(end)..end
}

fn setrange(ctx: &mut Ctx<'_>) -> Outcome {
    let offset = u64::try_from(ctx.int(2)?)
        .map_err(|_| CommandError::Fixed("ERR offset is out of range"))?;
    let (key, value) = (ctx.key(1), ctx.arg(3));
    let place = ctx.write(key);
    let old_len = ctx.string_len(place)?;
    if value.is_empty() {
        ctx.reply().count(old_len);
        return Ok(());
    }
    let end = ctx.checked_len(offset, value.len())?;
    ctx.change_string(key, place, end, |bytes| {
        bytes[end - value.len()..end].copy_from_slice(value);
    });
    ctx.dirty(1);
    ctx.notify(KeyspaceEvents::STRING, "setrange", key.bytes);
    ctx.reply().count(end.max(old_len));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        for (start, end, wanted) in [
            (0, -1, 0..5),
            (1, 3, 1..4),
            (-3, -2, 2..4),
            (0, 100, 0..5),
            (-100, 1, 0..2),
            (0, -100, 0..1),
            (-100, -50, 0..1),
            (i64::MIN, i64::MAX, 0..5),
            (i64::MAX, i64::MAX, 5..5),
            (4, 2, 3..3),
            (-50, -100, 0..0),
            (1, -100, 1..1),
        ] {
            assert_eq!(part(start, end, 5), wanted, "{start} {end}");
        }
        assert_eq!(part(0, -1, 0), 0..0);
        assert_eq!(part(0, 0, 0), 0..0);
    }
}
