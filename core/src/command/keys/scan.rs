//! SCAN: a walk over the keys in many calls.
//!
//! What a cursor is, and why no key is lost, is told in the keyspace. Here are the options, which
//! HSCAN, SSCAN and ZSCAN share, and the reply. COUNT is the number of keys looked at, not of those
//! that match. A key whose deadline has passed is removed when the walk would have reported it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::names::Pattern;
use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group};
use crate::value::number;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("scan", -2, Group::Generic, scan)
    .flags(&[Flags::READONLY])
    .categories(&[Categories::KEYSPACE])
    .arguments(
        "cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [TYPE type:string@6.0.0]",
    )
    .docs(
        "2.8.0",
        "Returns some of the keys and the cursor with which to go on.",
        "O(1) for every call. O(N) for a complete iteration, including enough command calls \
             for the cursor to return back to 0. N is the number of elements inside the \
             collection.",
    )
    .history(&[("6.0.0", "Added the `TYPE` subcommand.")])
    .tips(&["nondeterministic_output", "request_policy:special", "response_policy:special"])];

/// Keys of a call when COUNT does not say.
const COUNT_DEFAULT: usize = 10;

fn scan(ctx: &mut Ctx<'_>) -> Outcome {
    let cursor = cursor(ctx.args, 1)?;
    let options = ScanOptions::parse(ctx.args.skip(2), true)?;
    let expired = report(ctx, cursor, &options);
    for name in &expired {
        let key = ctx.server.hasher.key(name);
        ctx.peek(key);
    }
    Ok(())
}

/// Writes the reply; returns the names of keys that were met and whose deadline has passed.
fn report(ctx: &mut Ctx<'_>, cursor: u64, options: &ScanOptions<'_>) -> Vec<Box<[u8]>> {
    let Ctx { server, client, .. } = ctx;
    let db = &server.dbs[client.db as usize];
    let (mut names, mut expired) = (Vec::new(), Vec::new());
    let mut looked_at = 0;
    let next = db.scan(cursor, options.count, |entry| {
        looked_at += 1;
        if !options.pattern.matches(entry.key()) {
            return;
        }
        if !entry.is_live(server.now) {
            expired.push(entry.key().into());
        } else if options.takes_type(|| entry.value().type_name()) {
            names.push(entry.key());
        }
    });
    client.output.array(2);
    client.output.bulk(itoa::Buffer::new().format(next).as_bytes());
    client.output.array(names.len());
    names.iter().for_each(|name| client.output.bulk(name));
    ctx.work(looked_at);
    expired
}

/// The cursor that the argument `at` is.
pub(crate) fn cursor(args: Args<'_>, at: usize) -> Result<u64, CommandError> {
    number::parse_cursor(args.at(at)).ok_or(CommandError::Fixed("ERR invalid cursor"))
}

/// The options of SCAN and its relatives.
#[derive(Debug)]
pub(crate) struct ScanOptions<'a> {
    /// Elements to look at, at least 1.
    pub(crate) count: usize,
    /// What names must match.
    pub(crate) pattern: Pattern<'a>,
    /// The name of the only type wanted, in any case; one that no value has matches none.
    type_name: Option<&'a [u8]>,
    /// The word that was allowed was said.
    pub(crate) has_flag: bool,
}

impl<'a> ScanOptions<'a> {
    /// The options that `args` are; TYPE is none of a scan inside a value.
    pub(crate) fn parse(args: Args<'a>, of_keys: bool) -> Result<Self, CommandError> {
        Self::parse_with(args, of_keys, "")
    }

    /// As [`ScanOptions::parse`], with a word that may stand alone.
    pub(crate) fn parse_with(
        args: Args<'a>,
        of_keys: bool,
        flag: &str,
    ) -> Result<Self, CommandError> {
        let (pattern, type_name) = (Pattern::ALL, None);
        let mut all = Self { count: COUNT_DEFAULT, pattern, type_name, has_flag: false };
        let mut at = 0;
        while at < args.len() {
            if !flag.is_empty() && args.is(at, flag) {
                all.has_flag = true;
                at += 1;
                continue;
            }
            let value = args.at(at + 1);
            if at + 1 == args.len() {
                return Err(CommandError::Syntax);
            } else if args.is(at, "count") {
                all.count = count(value)?;
            } else if args.is(at, "match") {
                all.pattern = Pattern::new(value);
            } else if of_keys && args.is(at, "type") {
                all.type_name = Some(value);
            } else {
                return Err(CommandError::Syntax);
            }
            at += 2;
        }
        Ok(all)
    }

    fn takes_type(&self, type_name: impl FnOnce() -> &'static str) -> bool {
        self.type_name.is_none_or(|wanted| wanted.eq_ignore_ascii_case(type_name().as_bytes()))
    }
}

fn count(text: &[u8]) -> Result<usize, CommandError> {
    let count = number::parse_i64(text).ok_or(CommandError::NotInteger)?;
    if count < 1 {
        return Err(CommandError::Syntax);
    }
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}
