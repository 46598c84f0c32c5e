//! DBSIZE and SWAPDB: databases as a whole.

use super::NO_SUCH_DB;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("dbsize", 1, Group::Server, dbsize)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::KEYSPACE])
        .docs("1.0.0", "Returns the number of keys in the database.", "O(1)")
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"]),
    Command::new("swapdb", 3, Group::Server, swapdb)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::KEYSPACE, Categories::DANGEROUS])
        .arguments("index1:integer index2:integer")
        .docs(
            "4.0.0",
            "Swaps the keys of two databases.",
            "O(N) where N is the count of clients watching or blocking on keys from both \
             databases.",
        ),
];

/// Keys whose deadline has passed count until somebody or the active expiry meets them.
fn dbsize(ctx: &mut Ctx<'_>) -> Outcome {
    let keys = ctx.db().len();
    ctx.reply().count(keys);
    Ok(())
}

fn swapdb(ctx: &mut Ctx<'_>) -> Outcome {
    let number = |at, error| ctx.int(at).ok().and_then(|n| i32::try_from(n).ok()).ok_or(error);
    let first = number(1, CommandError::Fixed("ERR invalid first DB index"))?;
    let second = number(2, CommandError::Fixed("ERR invalid second DB index"))?;
    let first = ctx.db_within(first.into()).ok_or(NO_SUCH_DB)?;
    let second = ctx.db_within(second.into()).ok_or(NO_SUCH_DB)?;
    if first != second {
        ctx.server.modified_by_replacement(first, Some(second), Some(&mut *ctx.client));
        ctx.server.modified_by_replacement(second, Some(first), Some(&mut *ctx.client));
        ctx.server.dbs.swap(first as usize, second as usize);
        ctx.dirty(1);
    }
    ctx.reply().ok();
    Ok(())
}
