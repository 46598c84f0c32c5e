//! DEBUG: what tests of servers and of clients want to do to one.
//!
//! Whoever may call it can stop the server for an hour, so the directive `enable-debug-command`
//! has to allow it. Subcommands that crash the server or describe another implementation's memory
//! do not exist here.

use alloc::vec;

use super::debug_digest::{digest, digest_value};
use super::debug_object::object;
use super::debug_populate::populate;
use super::debug_protocol::protocol;
use super::debug_reload::reload;
use crate::command::ctx::Ctx;
use crate::command::dispatch::quoted;
use crate::command::error::{CommandError, Outcome};
use crate::command::help::help;
use crate::command::spec::{Command, Flags, Group};
use crate::config::{self, LogLevel};
use crate::persist::reload::load_aof;
use crate::value::glob;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("debug", -2, Group::Server, debug)
    .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE, Flags::PROTECTED])
    .docs("1.0.0", "A container for debugging commands.", "Depends on subcommand.")
    .syscmd()];

/// What DEBUG sets.
#[derive(Debug)]
pub(crate) struct DebugSettings {
    /// List elements above this size get a node of their own (DEBUG QUICKLIST-PACKED-THRESHOLD).
    pub(crate) packed_threshold_bytes: u64,
}

/// The default of the packed threshold.
const PACKED_THRESHOLD_BYTES: u64 = 1 << 30;

/// The largest packed threshold.
const PACKED_THRESHOLD_BYTES_MAX: u64 = (1 << 32) - (1 << 20);

impl Default for DebugSettings {
    fn default() -> Self {
        Self { packed_threshold_bytes: PACKED_THRESHOLD_BYTES }
    }
}

/// Of a sleep, statistics and the slow log count a day at most: sums stay far from their limits.
const SLEEP_BOOKED_NS_MAX: u64 = 86_400_000_000_000;

fn debug(ctx: &mut Ctx<'_>) -> Outcome {
    let subcommand = ctx.arg(1).to_ascii_lowercase();
    match (&subcommand[..], ctx.args.len()) {
        (b"change-repl-id", 2) => change_repl_id(ctx),
        (b"digest", 2) => digest(ctx),
        (b"digest-value", _) => digest_value(ctx),
        (b"error", 3) => error(ctx),
        (b"help", 2) => debug_help(ctx),
        (b"loadaof", _) => load_aof(ctx),
        (b"log", 3) => log(ctx),
        (b"object", 3) => object(ctx),
        (b"populate", 3..=5) => populate(ctx),
        (b"protocol", 3) => protocol(ctx),
        (b"quicklist-packed-threshold", 3) => quicklist_packed_threshold(ctx),
        (b"reload", _) => reload(ctx),
        (b"set-active-expire", 3) => set_active_expire(ctx),
        (b"sleep", 3) => sleep(ctx),
        (b"stringmatch-len", 4) => stringmatch_len(ctx),
        _ => Err(unknown(ctx.arg(1))),
    }
}

fn unknown(subcommand: &[u8]) -> CommandError {
    let mut text = b"ERR unknown subcommand or wrong number of arguments for '".to_vec();
    text.extend_from_slice(quoted(subcommand, 128));
    text.extend_from_slice(b"'. Try DEBUG HELP.");
    CommandError::Bytes(text)
}

fn change_repl_id(ctx: &mut Ctx<'_>) -> Outcome {
    ctx.server.replication_id = ctx.server.rng.hex_id();
    let line = "Changing replication IDs after receiving change-repl-id";
    ctx.server.log_line(LogLevel::Notice, line.into());
    ctx.reply().ok();
    Ok(())
}

/// Answers with an error of the client's choice. It counts as none: nothing failed.
fn error(ctx: &mut Ctx<'_>) -> Outcome {
    let text = ctx.arg(2);
    ctx.reply().error_bytes(text);
    Ok(())
}

fn log(ctx: &mut Ctx<'_>) -> Outcome {
    let line = alloc::format!("DEBUG LOG: {}", alloc::string::String::from_utf8_lossy(ctx.arg(2)));
    ctx.server.log_line(LogLevel::Warning, line);
    ctx.reply().ok();
    Ok(())
}

fn quicklist_packed_threshold(ctx: &mut Ctx<'_>) -> Outcome {
    let threshold = config::memory(ctx.arg(2)).filter(|&bytes| bytes <= PACKED_THRESHOLD_BYTES_MAX);
    ctx.server.debug.packed_threshold_bytes = match threshold {
        Some(0) => PACKED_THRESHOLD_BYTES,
        Some(bytes) => bytes,
        None => {
            return Err(CommandError::Fixed(
                "ERR argument must be a memory value bigger than 1 and smaller than 4gb",
            ));
        }
    };
    ctx.reply().ok();
    Ok(())
}

/// As `atoi` reads it, what is no number is 0.
fn set_active_expire(ctx: &mut Ctx<'_>) -> Outcome {
    ctx.server.active_expire = leading_number(ctx.arg(2)).abs() >= 1.0;
    ctx.reply().ok();
    Ok(())
}

/// Stops the server. Nothing is sent before it goes on, the answer included
/// ([`crate::turn::Effects::writable`]).
fn sleep(ctx: &mut Ctx<'_>) -> Outcome {
    let micros = leading_number(ctx.arg(2)) * 1e6;
    // Redis's sleep fails at once for what its integer of microseconds cannot hold.
    let is_possible = (0.0..9_223_372_036_854_775_808.0).contains(&micros);
    let duration_ns = if is_possible { (micros as u64).saturating_mul(1000) } else { 0 };
    if duration_ns > 0 {
        // Several in one transaction add up.
        let from_ns = ctx.server.asleep_until_ns.unwrap_or_else(|| ctx.now().mono_ns);
        ctx.server.asleep_until_ns = Some(from_ns.saturating_add(duration_ns));
        let booked_ns = duration_ns.min(SLEEP_BOOKED_NS_MAX);
        ctx.server.ledger.slept_ns += booked_ns;
        ctx.work((booked_ns / 100) as usize);
    }
    ctx.reply().ok();
    Ok(())
}

/// Whether a pattern matches a text of so many `a`: shows what a hostile pattern costs. A
/// subcommand of ours: Redis 7.0, 8.2 and Valkey have only STRINGMATCH-TEST, whose random patterns
/// show nothing that can be repeated.
fn stringmatch_len(ctx: &mut Ctx<'_>) -> Outcome {
    let len = u64::try_from(ctx.int(2)?).map_err(|_| CommandError::OutOfRange)?;
    if len > ctx.server.config.proto_max_bulk_len {
        return Err(CommandError::StringTooLong);
    }
    let is_match = glob::matches(ctx.arg(3), &vec![b'a'; len as usize], false);
    ctx.reply().int(is_match.into());
    Ok(())
}

/// The number at the beginning of `text` after blanks, 0 without one, as `strtod` reads it.
fn leading_number(text: &[u8]) -> f64 {
    let text = text.trim_ascii_start();
    let ends = (1..=text.len().min(64)).rev();
    let prefixes = ends.filter_map(|end| core::str::from_utf8(&text[..end]).ok());
    { prefixes }.find_map(|prefix| prefix.parse().ok()).unwrap_or(0.0)
}

fn debug_help(ctx: &mut Ctx<'_>) -> Outcome {
    help(
        ctx,
        &[
            "CHANGE-REPL-ID",
            "    Change the replication IDs of the instance.",
            "    Dangerous: should be used only for testing the replication subsystem.",
            "DIGEST",
            "    Output a hex signature representing the current DB content.",
            "DIGEST-VALUE <key> [<key> ...]",
            "    Output a hex signature of the values of all the specified keys.",
            "ERROR <string>",
            "    Return a protocol error with <string> as message. Useful for clients",
            "    unit tests to simulate errors.",
            "LOADAOF",
            "    Write what is to be logged, and read the dataset back from the append only file.",
            "LOG <message>",
            "    Write <message> to the server log.",
            "OBJECT <key>",
            "    Show low level info about `key` and associated value.",
            "POPULATE <count> [<prefix>] [<size>]",
            "    Create <count> string keys named key:<num>. If <prefix> is specified then",
            "    it is used instead of the 'key' prefix.",
            "PROTOCOL <type>",
            "    Reply with a test value of the specified type. <type> can be: string,",
            "    integer, double, bignum, null, array, set, map, attrib, push, verbatim,",
            "    true, false.",
            "QUICKLIST-PACKED-THRESHOLD <size>",
            "    Set the size above which a list element gets a node of its own.",
            "    The default is 1GB, the largest value just below 4GB. 0 restores the default.",
            "RELOAD [MERGE] [NOFLUSH]",
            "    Write the dataset as a dump and read it back, in memory: dump.rdb stays as it is.",
            "    NOFLUSH keeps what is there, which takes MERGE if that is anything.",
            "SET-ACTIVE-EXPIRE <0|1>",
            "    With 0 keys stay after their deadline until somebody looks at them;",
            "    1 restores the default.",
            "SLEEP <seconds>",
            "    Stop the server for <seconds>. Decimals allowed.",
            "STRINGMATCH-LEN <length> <pattern>",
            "    Match <pattern> against <length> times the letter a: 1 if it does, else 0.",
            "    Only Seedis has this.",
        ],
    )
}

/// Hexadecimal digits in lower case.
pub(super) fn hex(bytes: &[u8]) -> alloc::string::String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_far_as_they_go() {
        let cases: [(&[u8], f64); 9] = [
            (b"1", 1.0),
            (b" 0.5", 0.5),
            (b"1e-3x", 0.001),
            (b"-2.", -2.0),
            (b"1e", 1.0),
            (b".5", 0.5),
            (b"", 0.0),
            (b"x", 0.0),
            (b"3\xff", 3.0),
        ];
        for (text, number) in cases {
            assert_eq!(leading_number(text), number, "{}", text.escape_ascii());
        }
    }
}
