//! KEEPREF, DELREF and ACKED: what becomes of the pending entries of an entry that is deleted.
//!
//! An entry that is deleted may still be pending in groups. It stays so (KEEPREF), or is taken off
//! in all of them (DELREF), or is only deleted when every group has read and acknowledged it
//! (ACKED). Redis 8.2.

use alloc::vec::Vec;

use super::parse_id;
use crate::command::ctx::Ctx;
use crate::command::error::CommandError;
use crate::value::Stream;
use crate::value::stream::id::StreamId;

/// What becomes of pending entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum References {
    Keep,
    Delete,
    Acked,
}

impl References {
    /// The reply for an entry that is not there.
    pub(super) const MISSING: i64 = -1;

    /// The reply for an entry that was deleted.
    pub(super) const DELETED: i64 = 1;

    /// The reply for an entry that is still referred to.
    pub(super) const REFERENCED: i64 = 2;

    fn parse(ctx: &Ctx<'_>, at: usize) -> Option<Self> {
        let words = [("keepref", Self::Keep), ("delref", Self::Delete), ("acked", Self::Acked)];
        words.into_iter().find(|(word, _)| ctx.args.is(at, word)).map(|(_, references)| references)
    }

    /// Deletes an entry, unless it must stay; the reply for it.
    pub(super) fn delete(self, stream: &mut Stream, id: StreamId) -> i64 {
        if stream.get(id).is_none() {
            if self == Self::Delete {
                stream.acknowledge_everywhere(id);
            }
            return Self::MISSING;
        }
        if self == Self::Acked && stream.is_referenced(id) {
            return Self::REFERENCED;
        }
        stream.delete_for_good(id);
        if self == Self::Delete {
            stream.acknowledge_everywhere(id);
        }
        Self::DELETED
    }

    /// The same for many.
    pub(super) fn delete_all(self, stream: &mut Stream, ids: &[StreamId]) -> Vec<i64> {
        ids.iter().map(|&id| self.delete(stream, id)).collect()
    }
}

/// What XDELEX and XACKDEL ask for.
pub(super) struct Request {
    pub(super) references: References,
    first: usize,
    len: usize,
}

impl Request {
    /// `[KEEPREF | DELREF | ACKED] IDS numids id ...` from the argument `at` on.
    pub(super) fn parse(ctx: &Ctx<'_>, mut at: usize) -> Result<Self, CommandError> {
        let (mut references, mut ids) = (None, None);
        while at < ctx.args.len() {
            if let Some(word) = References::parse(ctx, at) {
                if references.replace(word).is_some() {
                    return Err(CommandError::Syntax);
                }
                at += 1;
            } else if ctx.args.is(at, "ids") && at + 1 < ctx.args.len() {
                let len = count(ctx, at + 1)?;
                ids = Some((at + 2, len));
                at += 2 + len;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        let (first, len) = ids.ok_or(CommandError::Syntax)?;
        Ok(Self { references: references.unwrap_or(References::Keep), first, len })
    }

    /// The IDs.
    pub(super) fn ids(&self, ctx: &Ctx<'_>) -> Result<Vec<StreamId>, CommandError> {
        ctx.args.from(self.first).take(self.len).map(|text| parse_id(text, 0)).collect()
    }

    /// The reply when there is no stream, whatever the IDs are.
    pub(super) fn nothing(&self) -> Vec<i64> {
        alloc::vec![References::MISSING; self.len]
    }
}

fn count(ctx: &Ctx<'_>, at: usize) -> Result<usize, CommandError> {
    let left = ctx.args.len() - at - 1;
    let len = ctx.int(at).ok().and_then(|len| usize::try_from(len).ok()).filter(|&len| len > 0);
    let len = len.ok_or(CommandError::Fixed("ERR Number of IDs must be a positive integer"))?;
    if len > left {
        return Err(CommandError::Fixed(
            "ERR The `numids` parameter must match the number of arguments",
        ));
    }
    Ok(len)
}
