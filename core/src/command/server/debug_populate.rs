//! DEBUG POPULATE: many keys at once.
//!
//! Keys that exist are left alone. Redis does not log what this creates; here the log gets a SET
//! for each new key, for a log that does not describe the data is of no use.

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::keyspace::NewValue;
use crate::value::number;

/// More keys than this are refused, as Redis refuses a table that it has no memory for.
const KEYS_MAX: u64 = 1 << 32;

/// Creates `count` keys `prefix:0`, `prefix:1` ... whose values are `value:0` ..., or that cut or
/// filled up with zero bytes to a size.
pub(super) fn populate(ctx: &mut Ctx<'_>) -> Outcome {
    let count = positive(ctx.arg(2))?;
    if count > KEYS_MAX {
        return Err(CommandError::Fixed("ERR OOM in dictTryExpand"));
    }
    let prefix = if ctx.args.len() > 3 { ctx.arg(3) } else { b"key" };
    let size = if ctx.args.len() > 4 { positive(ctx.arg(4))? } else { 0 };
    if size > ctx.server.config.proto_max_bulk_len {
        return Err(CommandError::StringTooLong);
    }
    for at in 0..count {
        let name = alloc::format!(":{at}");
        create(ctx, &[prefix, name.as_bytes()].concat(), at, size as usize);
    }
    ctx.reply().ok();
    Ok(())
}

fn create(ctx: &mut Ctx<'_>, name: &[u8], at: u64, size: usize) {
    ctx.work(2);
    let key = ctx.server.hasher.key(name);
    if ctx.write(key).is_some() {
        return;
    }
    let mut value = alloc::format!("value:{at}").into_bytes();
    if size > 0 {
        value.resize(size, 0);
    }
    ctx.set(key, None, NewValue::String(&value), None);
    ctx.propagate(&[b"SET", name, &value]);
    ctx.dirty(1);
}

fn positive(text: &[u8]) -> Result<u64, CommandError> {
    let number = number::parse_i64(text).and_then(|number| u64::try_from(number).ok());
    number.ok_or(CommandError::Negative("value"))
}
