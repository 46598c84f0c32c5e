//! Misses that overlap: many keys' places pulled into the cache before the first is looked up.
//!
//! Each pass is a short loop of loads that do not depend on each other, so the processor waits for
//! them together: the buckets, then the pointers to the pages, then the records with the pages'
//! reference counts. They are plain loads, and nothing that they find is used.
//!
//! A value that grows leaves its place for the end of its segment's last page, which is a wait as
//! well: commands that make values grow have that touched too.

use core::hint::black_box;

use super::db::{Db, Warm};

/// Keys at once at most: enough misses to overlap, few enough to stay in the first cache.
pub const WARM_MAX: usize = 32;

/// Pulls in what the lookup of each hash in its database will need, or, for a key that is not
/// there, its insertion. Hashes beyond [`WARM_MAX`] are left out.
#[inline(always)]
pub fn warm<'a>(hashes: impl Iterator<Item = (&'a Db, u64)> + Clone) {
    let hashes = hashes.take(WARM_MAX);
    let mut sum = 0_u8;
    let mut places = [Warm::default(); WARM_MAX];
    for (place, (db, hash)) in places.iter_mut().zip(hashes.clone()) {
        let byte;
        (*place, byte) = db.warm_bucket(hash);
        sum = sum.wrapping_add(byte);
    }
    for (place, (db, hash)) in places.iter_mut().zip(hashes.clone()) {
        db.warm_page(hash, place);
    }
    for (place, (db, _)) in places.iter().zip(hashes) {
        sum = sum.wrapping_add(db.warm_record(*place));
    }
    black_box(sum);
}

/// Pulls in where the values of these hashes will go when they outgrow their places.
pub fn warm_tails<'a>(hashes: impl Iterator<Item = (&'a Db, u64)> + Clone) {
    let hashes = hashes.take(WARM_MAX);
    let mut sum = 0_u8;
    let mut places = [Warm::default(); WARM_MAX];
    for (place, (db, hash)) in places.iter_mut().zip(hashes.clone()) {
        *place = db.warm_tail(hash);
    }
    for (place, (db, _)) in places.iter().zip(hashes) {
        sum = sum.wrapping_add(db.warm_record(*place));
    }
    black_box(sum);
}
