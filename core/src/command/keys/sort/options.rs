//! What the words of SORT ask for.

use alloc::vec::Vec;
use core::ops::Range;

use super::pattern::{Pattern, has_star};
use crate::command::ctx::Ctx;
use crate::command::error::CommandError;

/// The options of one call.
#[derive(Debug)]
pub(super) struct Options<'a> {
    pub(super) is_descending: bool,
    pub(super) is_alpha: bool,
    /// The pattern of BY.
    pub(super) by: Option<&'a [u8]>,
    /// The patterns of GET.
    pub(super) gets: Vec<Pattern<'a>>,
    /// The argument with the key to store under.
    pub(super) store: Option<usize>,
    /// Some BY had no star: no order is wanted but the elements' own.
    is_unsorted: bool,
    offset: i64,
    count: i64,
}

impl<'a> Options<'a> {
    /// Those of the call that `ctx` is; SORT_RO knows no STORE.
    pub(super) fn parse(ctx: &Ctx<'a>, may_store: bool) -> Result<Self, CommandError> {
        let args = ctx.args;
        let mut options = Self {
            is_descending: false,
            is_alpha: false,
            by: None,
            gets: Vec::new(),
            store: None,
            is_unsorted: false,
            offset: 0,
            count: -1,
        };
        let mut at = 2;
        while at < args.len() {
            let left = args.len() - at - 1;
            match () {
                () if args.is(at, "asc") => options.is_descending = false,
                () if args.is(at, "desc") => options.is_descending = true,
                () if args.is(at, "alpha") => options.is_alpha = true,
                () if args.is(at, "limit") && left >= 2 => {
                    (options.offset, options.count) = (ctx.int(at + 1)?, ctx.int(at + 2)?);
                    at += 2;
                }
                () if args.is(at, "store") && left >= 1 && may_store => {
                    at += 1;
                    options.store = Some(at);
                }
                () if args.is(at, "by") && left >= 1 => {
                    at += 1;
                    options.by = Some(args.at(at));
                    options.is_unsorted |= !has_star(args.at(at));
                }
                () if args.is(at, "get") && left >= 1 => {
                    at += 1;
                    options.gets.push(Pattern::of(args.at(at)));
                }
                () => return Err(CommandError::Syntax),
            }
            at += 1;
        }
        Ok(options)
    }

    /// Whether the elements are to be sorted at all.
    pub(super) fn is_sorted(&self) -> bool {
        !self.is_unsorted
    }

    /// Whether no other key matters than the one that is sorted.
    pub(super) fn looks_nothing_up(&self) -> bool {
        self.gets.is_empty() && (self.by.is_none() || self.is_unsorted)
    }

    /// Sorts by the elements themselves if no order was wanted.
    pub(super) fn sort_anyway(&mut self) {
        if self.is_unsorted {
            (self.is_unsorted, self.is_alpha, self.by) = (false, true, None);
        }
    }

    /// Which of `len` elements are wanted.
    pub(super) fn window(&self, len: usize) -> Range<usize> {
        let within = |number: i64| usize::try_from(number).map_or(0, |number| number.min(len));
        let start = within(self.offset);
        let count = if self.count < 0 { len } else { within(self.count) };
        start..len.min(start + count)
    }
}
