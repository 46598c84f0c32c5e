//! Deletion of blocks: halves first, then quarters, down to single items, from the end.

/// Deletes what can be deleted. `keep` is asked about each candidate and told the last time that
/// it agreed what is left.
pub(super) fn delete<T: Clone>(mut items: Vec<T>, mut keep: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut size = items.len();
    while size > 0 {
        let mut end = items.len();
        while end > 0 {
            let from = end.saturating_sub(size);
            let mut candidate = items[..from].to_vec();
            candidate.extend_from_slice(&items[end..]);
            if keep(&candidate) {
                items = candidate;
            }
            end = from;
        }
        size /= 2;
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_stays() {
        for needed in [vec![], vec![0], vec![99], vec![3, 4, 50, 98]] {
            let mut tries = 0;
            let left = delete((0..100).collect(), |left: &[i32]| {
                tries += 1;
                needed.iter().all(|item| left.contains(item))
            });
            assert_eq!(left, needed);
            assert!(tries < 120, "{tries} tries for {needed:?}");
        }
    }
}
