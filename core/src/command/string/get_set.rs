//! GET and SET, the commands that everything else is measured by.

use crate::command::ctx::{Ctx, Text};
use crate::command::error::Outcome;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::{NewValue, Place};

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
            ..KeySpec::one(
                1,
                KeyFlags::RW
                    .and(KeyFlags::ACCESS)
                    .and(KeyFlags::UPDATE)
                    .and(KeyFlags::VARIABLE_FLAGS),
            )
        }])
        .docs("1.0.0", "Sets the string value of a key, whatever it held before.", "O(1)"),
];

fn get(ctx: &mut Ctx<'_>) -> Outcome {
    match ctx.read(ctx.key(1)) {
        Some(place) => ctx.reply_string(place),
        None => {
            ctx.reply().null();
            Ok(())
        }
    }
}

fn set(ctx: &mut Ctx<'_>) -> Outcome {
    let key = ctx.key(1);
    let place = ctx.write(key);
    ctx.set(key, place, NewValue::String(ctx.arg(2)), None);
    ctx.dirty(1);
    ctx.notify(KeyspaceEvents::STRING, "set", key.bytes);
    ctx.reply().ok();
    Ok(())
}

impl Ctx<'_> {
    /// Replies with the string at `place`, by reference when it is large.
    #[inline]
    pub(crate) fn reply_string(&mut self, place: Place) -> Outcome {
        let entry = self.server.dbs[self.client.db as usize].entry(place);
        Text::of(entry.value())?.write(&mut self.client.output);
        Ok(())
    }
}
