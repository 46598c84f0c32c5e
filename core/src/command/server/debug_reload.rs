//! DEBUG RELOAD: the dataset through the dump format and back.
//!
//! Redis goes through `dump.rdb`, and whatever a client changed must not be lost on the way. Here
//! the dump never leaves the memory: nothing waits for the disk, and the dump of the last save
//! stays what it is. The old keys are let go of when the new ones are complete; if a dump of ours
//! could not be read, they would be back. Keys whose deadline has passed go, as in Redis.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::config::LogLevel;
use crate::keyspace::Db;
use crate::rdb::save::{Save, Settings};
use crate::recovery::dump::Dump;
use crate::server::Server;

/// Keys that are written and read in one unit of work.
const KEYS_PER_WORK: usize = 2;

/// DEBUG RELOAD [MERGE] [NOFLUSH].
pub(super) fn reload(ctx: &mut Ctx<'_>) -> Outcome {
    let (mut merges, mut flushes) = (false, true);
    for at in 2..ctx.args.len() {
        match &ctx.arg(at).to_ascii_lowercase()[..] {
            b"merge" => merges = true,
            b"noflush" => flushes = false,
            b"nosave" => return Err(CommandError::Fixed(OLD_DUMP)),
            _ => return Err(CommandError::Fixed(UNKNOWN)),
        }
    }
    let keys: usize = ctx.server.dbs.iter().map(Db::len).sum();
    if keys > 0 && !flushes && !merges {
        return Err(CommandError::Fixed(NOT_LOADED));
    }
    ctx.work(keys / KEYS_PER_WORK);
    touch_all(ctx);
    let outcome = ctx.server.reload();
    if let Err(why) = outcome {
        ctx.server.log_line(LogLevel::Warning, format!("DEBUG RELOAD failed: {why}"));
        return Err(CommandError::Fixed(NOT_LOADED));
    }
    ctx.server.log_line(LogLevel::Warning, "DB reloaded by DEBUG RELOAD".into());
    ctx.reply().ok();
    Ok(())
}

/// For whoever watches a key this is a change, as in Redis, since the database was empty meanwhile.
fn touch_all(ctx: &mut Ctx<'_>) {
    let mut next = ctx.server.dbs.next_number(0);
    while let Some(number) = next {
        ctx.server.modified_by_replacement(number as u32, None, Some(&mut *ctx.client));
        next = ctx.server.dbs.next_number(number + 1);
    }
}

const UNKNOWN: &str = "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.";

/// Nothing acknowledged may be replaced by what was before it.
const OLD_DUMP: &str = "ERR DEBUG RELOAD NOSAVE would go back to an older dump, which Seedis does \
not do. Restart the server to load dump.rdb.";

const NOT_LOADED: &str = "ERR Error trying to load the RDB dump, check server logs.";

impl Server {
    fn reload(&mut self) -> Result<(), String> {
        self.expire_all_due();
        let settings = Settings::of(&self.config, self.now, self.used_memory(), false);
        let save = Save::dump(self.snapshot(), settings);
        let mut old = Vec::new();
        let mut next = self.dbs.next_number(0);
        while let Some(number) = next {
            old.push((number, self.dbs.take(number)));
            next = self.dbs.next_number(number + 1);
        }
        let outcome = self.load_back(save);
        self.snapshot_done();
        if outcome.is_err() {
            for (number, db) in old {
                self.dbs[number] = db;
            }
        }
        outcome
    }

    fn load_back(&mut self, mut save: Save) -> Result<(), String> {
        let mut dump = Dump::new(&self.config, u64::MAX, self.hasher);
        let mut is_complete = false;
        while let Some(piece) = save.next_piece() {
            is_complete = dump.load(self, &piece, false)?;
        }
        if is_complete { Ok(()) } else { Err("the dump does not end".to_string()) }
    }
}
