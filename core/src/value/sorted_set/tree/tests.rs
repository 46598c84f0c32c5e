//! Trees beside a sorted list.

use alloc::collections::BTreeMap;
use alloc::format;

use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

use super::*;

type Model = BTreeMap<Vec<u8>, f64>;

fn sorted(model: &Model) -> Vec<(f64, Vec<u8>)> {
    let mut all: Vec<_> = model.iter().map(|(member, score)| (*score, member.clone())).collect();
    all.sort_by(|one, other| compare((one.0, &one.1), (other.0, &other.1)));
    all
}

fn check(tree: &Tree, model: &Model, at: usize) {
    let expected = sorted(model);
    let owned = |(score, member): Item<'_>| (score, member.to_vec());
    assert_eq!(tree.len(), model.len());
    assert!(tree.iter_from(0).map(owned).eq(expected.iter().cloned()));
    let at = at % (expected.len() + 1);
    assert!(tree.iter_from(at).map(owned).eq(expected[at..].iter().cloned()));
    assert!(tree.iter_before(at).map(owned).eq(expected[..at].iter().rev().cloned()));
    for (rank, (score, member)) in expected.iter().enumerate() {
        assert_eq!((tree.rank(member), tree.score(member)), (Some(rank), Some(*score)));
    }
    if let Some((score, member)) = expected.get(at) {
        let before = |item: Item<'_>| compare(item, (*score, member)) == Ordering::Less;
        assert_eq!(tree.count_before(before), at);
        let below = expected.iter().filter(|item| item.0 < *score).count();
        assert_eq!(tree.count_before(|item| item.0 < *score), below);
    }
    let bytes: usize = tree.chunks.iter().flatten().map(|chunk| chunk.heap_bytes()).sum();
    assert_eq!(tree.bytes, bytes);
    let (mut scanned, mut cursor) = (Model::new(), 0);
    loop {
        cursor = tree.scan(cursor, 10, |member, score| {
            assert_eq!(scanned.insert(member.to_vec(), score), None, "each once");
        });
        if cursor == 0 {
            return assert_eq!(&scanned, model);
        }
    }
}

/// A member: short, or now and then so long that few fit into a chunk, or none.
fn member(number: u16, is_long: bool) -> Vec<u8> {
    let mut name = format!("m{number}").into_bytes();
    match number % 50 {
        7 if is_long => name.resize(9_000, b'x'),
        8 if is_long => name.resize(70_000, b'x'),
        _ => {}
    }
    name
}

proptest! {
    #[test]
    fn it_is_a_sorted_map(
        steps in prop::collection::vec((0..8_u8, 0..900_u16, -20..20_i32), 0..2500),
        is_long: bool,
        spread in prop::sample::select([1.0, 0.01, 1e300].to_vec()),
        at in 0..2000_usize,
    ) {
        let (mut tree, mut model) = (Tree::new(KeyHasher::new(1, 2)), Model::new());
        let (mut shared, mut then) = (tree.clone(), model.clone());
        for (number, (step, name, score)) in steps.into_iter().enumerate() {
            if number == 900 {
                (shared, then) = (tree.clone(), model.clone());
            }
            let (name, score) = (member(name, is_long), f64::from(score) * spread);
            if step < 2 {
                prop_assert_eq!(tree.remove(&name), model.remove(&name).is_some());
            } else {
                tree.set(&name, score);
                model.insert(name, score);
            }
        }
        check(&tree, &model, at);
        check(&shared, &then, at);
    }

    #[test]
    fn what_comes_in_order_and_goes(
        len in 0..3000_usize,
        gone in 0..3000_usize,
        step in 1..9_usize,
    ) {
        let (mut tree, mut model) = (Tree::new(KeyHasher::new(1, 2)), Model::new());
        for number in 0..len {
            tree.set(format!("{number}").as_bytes(), number as f64);
            model.insert(format!("{number}").into_bytes(), number as f64);
        }
        let chunks = tree.chunks.len();
        prop_assert!(chunks <= len / CHUNK_MAX + 1, "chunks are full: {}", chunks);
        for number in (0..gone).step_by(step) {
            let name = format!("{number}").into_bytes();
            prop_assert_eq!(tree.remove(&name), model.remove(&name).is_some());
        }
        check(&tree, &model, gone);
    }
}
