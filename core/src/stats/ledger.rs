//! What the commands of one feed cost, until the shell says how long it took.
//!
//! A core without a clock cannot time a command. It counts the work of each in rough units, and
//! the shell's one measurement of the whole is shared out by them. A feed ends soon after a costly
//! command, so at most one of its requests is slow: that one is remembered for the slow log. The
//! commands that EXEC runs are remembered apart, with copies of their arguments, because the
//! transaction is gone when its time is known.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// Commands of transactions that are remembered in one feed, beside those that cost more than all
/// before them.
const INNER_MAX: usize = 1024;

/// The ledger.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Work of the running command so far, in units of about 100 ns.
    pub(crate) cost: u64,
    /// Calls and cost of the commands that ran, by number in the registry.
    rows: Vec<Row>,
    /// The numbers that have a row.
    touched: Vec<u16>,
    pub(crate) total: u64,
    /// Time that DEBUG SLEEP took in the feed, which the shell cannot measure.
    pub(crate) slept_ns: u64,
    /// The most costly request of the feed: its cost and where it lies in the bytes fed.
    pub(crate) costliest: Option<Costliest>,
    /// Commands that EXEC ran.
    pub(crate) inner: Vec<Inner>,
    inner_cost_max: u64,
}

/// The most costly request of a feed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costliest {
    pub(crate) cost: u64,
    pub(crate) command: u16,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A command that EXEC ran.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) cost: u64,
    pub(crate) command: u16,
    /// Its arguments as the slow log shows them.
    pub(crate) args: Vec<Box<[u8]>>,
}

/// The calls of one command in a feed, and their part of its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) calls: u64,
    pub(crate) ns: u64,
    /// The part of the most costly call.
    pub(crate) slowest_ns: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    calls: u32,
    cost: u64,
    cost_max: u64,
}

impl Ledger {
    /// Starts a feed of a registry of `commands`.
    pub(crate) fn begin(&mut self, commands: usize) {
        if self.rows.len() < commands {
            self.rows.resize(commands, Row::default());
        }
        self.total = 0;
        self.costliest = None;
        if self.inner_cost_max > 0 {
            self.inner.clear();
            self.inner_cost_max = 0;
        }
    }

    /// Books the running command, at least one unit. `total_before` is the total when it began:
    /// what it made others do is part of its time, but is not booked twice. Returns its cost.
    #[inline]
    pub(crate) fn book(&mut self, command: u16, total_before: u64) -> u64 {
        let own = core::mem::take(&mut self.cost) + 1;
        let cost = own + self.total - total_before;
        let row = &mut self.rows[command as usize];
        if row.calls == 0 {
            self.touched.push(command);
        }
        row.calls += 1;
        row.cost += cost;
        row.cost_max = row.cost_max.max(cost);
        self.total += own;
        cost
    }

    /// Remembers a command that EXEC ran, unless there are too many; `is_each` says that even
    /// cheap ones are wanted.
    pub(crate) fn book_inner(
        &mut self,
        command: u16,
        cost: u64,
        is_each: bool,
        args: impl FnOnce() -> Vec<Box<[u8]>>,
    ) {
        if cost > self.inner_cost_max || is_each && self.inner.len() < INNER_MAX {
            self.inner.push(Inner { cost, command, args: args() });
            self.inner_cost_max = self.inner_cost_max.max(cost);
        }
    }

    /// Calls of a command whose time is not known yet.
    pub(crate) fn pending_calls(&self, command: u16) -> u64 {
        self.rows.get(command as usize).map_or(0, |row| u64::from(row.calls))
    }

    /// The part of `spent_ns` that belongs to `cost`.
    pub(crate) fn share_ns(&self, spent_ns: u64, cost: u64) -> u64 {
        if cost >= self.total {
            return spent_ns;
        }
        match spent_ns.checked_mul(cost) {
            Some(product) => product / self.total,
            None => (u128::from(spent_ns) * u128::from(cost) / u128::from(self.total)) as u64,
        }
    }

    /// Shares `spent_ns` out: calls `take` with each command that ran and its share.
    pub(crate) fn settle(&mut self, spent_ns: u64, mut take: impl FnMut(u16, Share)) {
        while let Some(id) = self.touched.pop() {
            let Row { calls, cost, cost_max } = core::mem::take(&mut self.rows[id as usize]);
            let ns = self.share_ns(spent_ns, cost);
            let slowest_ns = if calls == 1 { ns } else { self.share_ns(spent_ns, cost_max) };
            take(id, Share { calls: u64::from(calls), ns, slowest_ns });
        }
    }

    /// Forgets what was booked.
    pub(crate) fn forget(&mut self) {
        for id in self.touched.drain(..) {
            self.rows[id as usize] = Row::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(ledger: &mut Ledger, ns: u64) -> Vec<(u16, Share)> {
        let mut shares = Vec::new();
        ledger.settle(ns, |id, share| shares.push((id, share)));
        shares.sort_by_key(|(id, _)| *id);
        shares
    }

    #[test]
    fn time_is_shared_by_cost() {
        let mut ledger = Ledger::default();
        ledger.begin(3);
        for (id, work) in [(0, 9), (2, 69), (0, 19)] {
            ledger.cost = work;
            assert_eq!(ledger.book(id, ledger.total), work + 1);
        }
        assert_eq!(ledger.pending_calls(0), 2);
        let shares = settled(&mut ledger, 1000);
        assert_eq!(shares[0], (0, Share { calls: 2, ns: 300, slowest_ns: 200 }));
        assert_eq!(shares[1], (2, Share { calls: 1, ns: 700, slowest_ns: 700 }));
        assert_eq!(ledger.pending_calls(0), 0);
        assert_eq!(settled(&mut ledger, 1000), []);
    }

    #[test]
    fn a_command_that_runs_others_has_their_time_too() {
        let mut ledger = Ledger::default();
        ledger.begin(2);
        let before = ledger.total;
        ledger.cost = 99;
        ledger.book(0, ledger.total);
        assert_eq!(ledger.book(1, before), 101);
        let shares = settled(&mut ledger, 101);
        assert_eq!(shares[0].1.ns, 100);
        assert_eq!(shares[1].1.ns, 101);
    }

    #[test]
    fn shares_do_not_overflow() {
        let ledger = Ledger { total: 4, ..Ledger::default() };
        assert_eq!(ledger.share_ns(u64::MAX, 2), u64::MAX / 2);
        assert_eq!(ledger.share_ns(7, 5), 7);
    }

    #[test]
    fn of_a_long_transaction_the_costly_commands_are_remembered() {
        let mut ledger = Ledger::default();
        ledger.begin(1);
        (0..5000).for_each(|_| ledger.book_inner(0, 1, true, Vec::new));
        ledger.book_inner(0, 7, true, Vec::new);
        assert_eq!(ledger.inner.len(), INNER_MAX + 1);
        ledger.begin(1);
        assert_eq!(ledger.inner.len(), 0);
        (1..=3).for_each(|_| ledger.book_inner(0, 1, false, Vec::new));
        assert_eq!(ledger.inner.len(), 1);
    }
}
