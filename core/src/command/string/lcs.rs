//! LCS: the longest common subsequence of two strings.

use bytes::Bytes;

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::value::lcs::{self, Lcs, LcsError};
use crate::value::number;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("lcs", -3, Group::String, lcs)
    .flags(&[Flags::READONLY])
    .categories(&[Categories::STRING])
    .keys(&[KeySpec::range(1, 1, 1, KeyFlags::RO.and(KeyFlags::ACCESS))])
    .arguments("key1:key key2:key#0 [LEN] [IDX] [MINMATCHLEN min-match-len:integer] [WITHMATCHLEN]")
    .docs(
        "7.0.0",
        "Finds the longest common subsequence of two strings.",
        "O(N*M) where N and M are the lengths of s1 and s2, respectively",
    )];

/// Cells of the table of lengths that are filled in about 100 ns.
const CELLS_PER_WORK: usize = 6400;

fn lcs(ctx: &mut Ctx<'_>) -> Outcome {
    let [left, right] = [string(ctx, 1), string(ctx, 2)];
    let no_strings = CommandError::Fixed("ERR The specified keys must contain string values");
    let (Some(left), Some(right)) = (left, right) else { return Err(no_strings) };
    let options = Options::parse(ctx)?;
    let bytes_max = ctx.server.config.proto_max_bulk_len;
    ctx.work(left.len().saturating_mul(right.len()) / CELLS_PER_WORK);
    if options.len {
        let len = lcs::length(&left, &right, bytes_max)?;
        ctx.reply().count(len);
        return Ok(());
    }
    let found = Lcs::find(&left, &right, bytes_max)?;
    if options.idx {
        reply_runs(ctx, &found, &options);
    } else {
        ctx.reply().bulk(&found.text(&left));
    }
    Ok(())
}

/// The string of the key at argument `at`, empty when there is no key; `None` for another type.
fn string(ctx: &mut Ctx<'_>, at: usize) -> Option<Bytes> {
    match ctx.read(ctx.key(at)) {
        Some(place) => ctx.string(place).ok().map(|text| text.to_bytes()),
        None => Some(Bytes::new()),
    }
}

#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    with_match_len: bool,
    match_len_min: usize,
}

impl Options {
    fn parse(ctx: &Ctx<'_>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut words = ctx.args.from(3);
        while let Some(word) = words.next() {
            if word.eq_ignore_ascii_case(b"minmatchlen") {
                let text = words.next().ok_or(CommandError::Syntax)?;
                let len = number::parse_i64(text).ok_or(CommandError::NotInteger)?;
                options.match_len_min = usize::try_from(len).unwrap_or(0);
                continue;
            }
            let flag = match word {
                _ if word.eq_ignore_ascii_case(b"len") => &mut options.len,
                _ if word.eq_ignore_ascii_case(b"idx") => &mut options.idx,
                _ if word.eq_ignore_ascii_case(b"withmatchlen") => &mut options.with_match_len,
                _ => return Err(CommandError::Syntax),
            };
            *flag = true;
        }
        if options.len && options.idx {
            return Err(CommandError::Fixed(
                "ERR If you want both the length and indexes, please just use IDX.",
            ));
        }
        Ok(options)
    }
}

fn reply_runs(ctx: &mut Ctx<'_>, found: &Lcs, options: &Options) {
    let output = ctx.reply();
    output.map(2);
    output.bulk(b"matches");
    output.array(found.runs(options.match_len_min).count());
    for run in found.runs(options.match_len_min) {
        output.array(if options.with_match_len { 3 } else { 2 });
        for first in [run.left, run.right] {
            output.array(2);
            output.count(first);
            output.count(first + run.len - 1);
        }
        if options.with_match_len {
            output.count(run.len);
        }
    }
    output.bulk(b"len");
    output.count(found.byte_count());
}

impl From<LcsError> for CommandError {
    fn from(error: LcsError) -> Self {
        Self::Fixed(match error {
            LcsError::StringTooLong => "ERR String too long for LCS",
            LcsError::InsufficientMemory => {
                "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
            }
        })
    }
}
