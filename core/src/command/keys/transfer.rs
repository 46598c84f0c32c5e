//! COPY and MOVE: values under another name or in another database.

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::keys::SAME_OBJECT;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::{Key, OwnedValue, Place};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("copy", -3, Group::Generic, copy)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::KEYSPACE])
        .keys(&[
            KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS)),
            KeySpec::one(2, KeyFlags::OW.and(KeyFlags::UPDATE)),
        ])
        .arguments("source:key destination:key [DB destination-db:integer] [REPLACE]")
        .docs(
            "6.2.0",
            "Copies the value of a key to another key.",
            "O(N) worst case for collections, where N is the number of nested items. O(1) for \
             string values.",
        ),
    Command::new("move", 3, Group::Generic, move_key)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::KEYSPACE])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE))])
        .arguments("key:key db:integer")
        .docs("1.0.0", "Moves a key to another database.", "O(1)"),
];

fn copy(ctx: &mut Ctx<'_>) -> Outcome {
    let (db, replace) = copy_options(ctx)?;
    let (from, to) = (ctx.key(1), ctx.key(2));
    if db == ctx.client.db && from.bytes == to.bytes {
        return Err(SAME_OBJECT);
    }
    let is_copied = ctx.read(from).is_some() && (ctx.write_in(db, to).is_none() || replace);
    if is_copied {
        copy_value(ctx, from, db, to);
    }
    ctx.reply().int(i64::from(is_copied));
    Ok(())
}

/// The database to copy to, and whether a key that is there is replaced.
fn copy_options(ctx: &Ctx<'_>) -> Result<(u32, bool), CommandError> {
    let (mut db, mut replace) = (ctx.client.db, false);
    let mut at = 3;
    while at < ctx.args.len() {
        if ctx.args.is(at, "replace") {
            replace = true;
        } else if ctx.args.is(at, "db") && at + 1 < ctx.args.len() {
            at += 1;
            db = ctx.db_number(at)?;
        } else {
            return Err(CommandError::Syntax);
        }
        at += 1;
    }
    Ok((db, replace))
}

fn copy_value(ctx: &mut Ctx<'_>, from: Key<'_>, db: u32, to: Key<'_>) {
    let Some(place) = ctx.db().find(from) else { return };
    let entry = ctx.entry(place);
    let (value, expire_at_ms) = (entry.to_owned_value(), entry.expire_at_ms());
    ctx.add(db, to, value, expire_at_ms);
    ctx.notify_in(db, KeyspaceEvents::GENERIC, "copy_to", to.bytes);
    ctx.dirty(1);
}

fn move_key(ctx: &mut Ctx<'_>) -> Outcome {
    let db = ctx.db_number(2)?;
    if db == ctx.client.db {
        return Err(SAME_OBJECT);
    }
    let key = ctx.key(1);
    let is_moved = ctx.write(key).is_some() && ctx.write_in(db, key).is_none();
    if is_moved {
        move_value(ctx, key, db);
    }
    ctx.reply().int(i64::from(is_moved));
    Ok(())
}

fn move_value(ctx: &mut Ctx<'_>, key: Key<'_>, db: u32) {
    let Some(place) = ctx.db().find(key) else { return };
    let expire_at_ms = ctx.entry(place).expire_at_ms();
    let value = ctx.db().take(key, place);
    ctx.modified(key.bytes);
    ctx.add(db, key, value, expire_at_ms);
    ctx.notify(KeyspaceEvents::GENERIC, "move_from", key.bytes);
    ctx.notify_in(db, KeyspaceEvents::GENERIC, "move_to", key.bytes);
    ctx.dirty(1);
}

impl Ctx<'_> {
    /// As [`Ctx::write`], in any database.
    fn write_in(&mut self, db: u32, key: Key<'_>) -> Option<Place> {
        let place = self.server.find_live(db, key, Some(&mut *self.client))?;
        if !self.client.no_touch {
            self.server.touch(db, place);
        }
        Some(place)
    }

    /// Stores a value under `key` of any database, in place of what is there. It counts as new:
    /// with a new access clock, and with the event even where there was a key (db.c, `dbAdd`).
    pub(super) fn add(
        &mut self,
        db: u32,
        key: Key<'_>,
        value: OwnedValue,
        expire_at_ms: Option<u64>,
    ) {
        let clock = self.server.new_clock();
        let target = &mut self.server.dbs[db as usize];
        let old = target.put(key, target.find(key), value, expire_at_ms, clock);
        self.server.free(old, self.server.config.lazyfree_lazy_server_del);
        self.server.modified(db, key.bytes, Some(&mut *self.client));
        self.notify_in(db, KeyspaceEvents::NEW, "new", key.bytes);
    }

    /// As [`Ctx::notify`], about a key of any database.
    fn notify_in(&mut self, db: u32, class: KeyspaceEvents, event: &str, key: &[u8]) {
        if !self.server.config.notify_keyspace_events.is_empty() {
            self.server.notify(class, event, key, db, Some(&mut *self.client));
        }
    }
}
