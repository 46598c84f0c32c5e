//! MAXLEN, MINID and LIMIT of XADD and XTRIM.

use alloc::vec::Vec;

use super::parse_id;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::value::Stream;
use crate::value::stream::Keep;

/// What is deleted of a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trim {
    keep: Keep,
    is_approximate: bool,
    /// Entries at most, if it is approximate; 0 is no limit.
    limit: u64,
}

impl Trim {
    /// Deletes; how many entries that were.
    pub(super) fn apply(self, stream: &mut Stream) -> usize {
        let limit = if self.is_approximate { self.limit } else { 0 };
        stream.trim(self.keep, self.is_approximate, limit)
    }

    /// Whether it depends on nodes what is deleted.
    pub(super) fn is_approximate(self) -> bool {
        self.is_approximate
    }

    /// The words that delete exactly what was deleted, when `stream` is what was left. Where
    /// nothing was left, there is no first entry to name.
    pub(super) fn exact_words(self, stream: &Stream) -> (&'static [u8], Vec<u8>) {
        match self.keep {
            Keep::Last(most) => {
                let kept = if self.is_approximate { stream.len() as u64 } else { most };
                (b"MAXLEN", itoa::Buffer::new().format(kept).as_bytes().to_vec())
            }
            Keep::From(_) if self.is_approximate && !stream.is_empty() => {
                (b"MINID", stream.first_id().text().to_vec())
            }
            Keep::From(id) => (b"MINID", id.text().to_vec()),
        }
    }
}

/// The options of XADD in front of the ID, or those of XTRIM.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options {
    pub(super) trim: Option<Trim>,
    pub(super) no_mkstream: bool,
    limit: Option<u64>,
}

const BOTH: CommandError = CommandError::Fixed(
    "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
);

impl Options {
    /// The options from the second argument on, and where they end: at the ID, when it is XADD.
    pub(super) fn parse(ctx: &Ctx<'_>, is_xadd: bool) -> Result<(Self, usize), CommandError> {
        let args = ctx.args;
        let (mut options, mut at) = (Self::default(), 2);
        while at < args.len() {
            let has_more = at + 1 < args.len();
            if is_xadd && args.at(at) == b"*" {
                break;
            } else if has_more && (args.is(at, "maxlen") || args.is(at, "minid")) {
                at = options.parse_trim(ctx, at)?;
            } else if has_more && args.is(at, "limit") {
                let limit = u64::try_from(ctx.int(at + 1)?);
                let negative = CommandError::Fixed("ERR The LIMIT argument must be >= 0.");
                options.limit = Some(limit.map_err(|_| negative)?);
                at += 1;
            } else if is_xadd && args.is(at, "nomkstream") {
                options.no_mkstream = true;
            } else if is_xadd {
                break;
            } else {
                return Err(CommandError::Syntax);
            }
            at += 1;
        }
        Ok((options, at))
    }

    /// A strategy with its threshold; the argument of the threshold.
    fn parse_trim(&mut self, ctx: &Ctx<'_>, at: usize) -> Result<usize, CommandError> {
        if self.trim.is_some() {
            return Err(BOTH);
        }
        let operator = ctx.arg(at + 1);
        let has_operator = at + 2 < ctx.args.len() && matches!(operator, b"~" | b"=");
        let threshold = at + 1 + usize::from(has_operator);
        let keep = if ctx.args.is(at, "maxlen") {
            let len = u64::try_from(ctx.int(threshold)?);
            let negative = CommandError::Fixed("ERR The MAXLEN argument must be >= 0.");
            Keep::Last(len.map_err(|_| negative)?)
        } else {
            Keep::From(parse_id(ctx.arg(threshold), 0)?)
        };
        let is_approximate = has_operator && operator == b"~";
        self.trim = Some(Trim { keep, is_approximate, limit: 0 });
        Ok(threshold)
    }

    /// Whether the options go together; sets the limit that holds when none was given.
    pub(super) fn check(&mut self, ctx: &Ctx<'_>, is_xadd: bool) -> Outcome {
        if ctx.client.replays {
            self.limit = Some(0);
        }
        if self.trim.is_none() && self.limit.is_some_and(|limit| limit > 0) {
            return Err(CommandError::Fixed(
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
            ));
        }
        if self.trim.is_none() && !is_xadd {
            return Err(CommandError::Fixed(
                "ERR syntax error, XTRIM must be called with a trimming strategy",
            ));
        }
        let is_approximate = self.trim.is_some_and(Trim::is_approximate);
        if self.limit.is_some() && !is_approximate && !ctx.client.replays {
            return Err(CommandError::Fixed(
                "ERR syntax error, LIMIT cannot be used without the special ~ option",
            ));
        }
        // A hundred nodes at most, unless a client wants more: it must not take long.
        let usual = match ctx.server.config.stream_node_max_entries.saturating_mul(100) {
            0 => 10_000,
            entries => entries.min(1_000_000),
        };
        if let Some(trim) = &mut self.trim {
            trim.limit = self.limit.unwrap_or(usual);
        }
        Ok(())
    }
}
