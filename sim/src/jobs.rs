//! Work that is done side by side: hunts that know nothing of each other, a thread for each core.

use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;

/// How many threads, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jobs(usize);

impl Jobs {
    /// One for each core.
    #[must_use]
    pub fn for_each_core() -> Self {
        Self(std::thread::available_parallelism().map_or(1, usize::from))
    }
}

impl Default for Jobs {
    fn default() -> Self {
        Self(1)
    }
}

impl FromStr for Jobs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_some = |jobs: &usize| (1..=256).contains(jobs);
        let jobs = text.parse().ok().filter(is_some).map(Self);
        jobs.ok_or_else(|| "--jobs is a number from 1 to 256".into())
    }
}

/// What a call makes of each item, in the order of the items. Who is free takes the next.
///
/// # Panics
///
/// With what a call panicked.
pub fn side_by_side<T, R>(Jobs(jobs): Jobs, items: &[T], call: impl Fn(&T) -> R + Sync) -> Vec<R>
where
    T: Sync,
    R: Send,
{
    let next = AtomicUsize::new(0);
    let take = || {
        let at = next.fetch_add(1, Ordering::Relaxed);
        items.get(at).map(|item| (at, call(item)))
    };
    let mut done: Vec<(usize, R)> = scope(|scope| {
        let threads: Vec<_> = (0..jobs)
            .map(|_| scope.spawn(|| std::iter::from_fn(take).collect::<Vec<_>>()))
            .collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended.flat_map(|it| it.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::{Jobs, side_by_side};

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..100).collect();
        for jobs in [1, 3] {
            let squares = side_by_side(Jobs(jobs), &items, |it| it * it);
            assert!(squares.iter().zip(&items).all(|(square, it)| *square == it * it));
            assert_eq!(squares.len(), 100);
        }
    }

    #[test]
    fn there_is_one_at_least() {
        assert_eq!("2".parse(), Ok(Jobs(2)));
        assert!("0".parse::<Jobs>().is_err() && "many".parse::<Jobs>().is_err());
    }
}
