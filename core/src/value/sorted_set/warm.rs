//! Members of large sorted sets, pulled into the cache before they are looked up.
//!
//! As for keys (see `keyspace/warm.rs`): a look takes a row of loads, each of which needs the one
//! before, so all members take the first step, then all the second. The steps are those of a
//! search: the page of the index, the entry in it, the chunk that it names, the member there. What
//! is found is not used: the first entry of a hash is nearly always the right one, and where it is
//! not a wait is not saved.

use core::hint::black_box;

use super::Tree;
use crate::keyspace::WARM_MAX;

/// Pulls in what the look for each member in its set will need. Those beyond [`WARM_MAX`] are left
/// out.
pub(crate) fn warm(members: &[Option<(&Tree, &[u8])>]) {
    let mut sum = 0_u8;
    let mut hashes = [0; WARM_MAX];
    let mut numbers = [None; WARM_MAX];
    for (hash, &(tree, member)) in hashes.iter_mut().zip(members.iter().flatten()) {
        *hash = tree.hash(member);
        sum ^= tree.index.warm_page(*hash);
    }
    let each = || members.iter().flatten().map(|(tree, _)| *tree).zip(hashes);
    for (number, (tree, hash)) in numbers.iter_mut().zip(each()) {
        *number = tree.index.chunks(hash).next();
        sum ^= tree.index.warm_header(hash);
    }
    for (number, (tree, _)) in numbers.iter().zip(each()) {
        sum ^= number.map_or(0, |number| tree.chunk(number).len() as u8);
    }
    for (number, (tree, hash)) in numbers.iter().zip(each()) {
        sum ^= number.map_or(0, |number| tree.chunk(number).warm(super::tree::tag(hash)));
    }
    black_box(sum);
}
