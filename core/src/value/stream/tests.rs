//! Streams beside a sorted map.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

use super::group::Pending;
use super::*;

type Pairs = Vec<Vec<u8>>;
type Model = BTreeMap<StreamId, Pairs>;

const LIMITS: NodeLimits = NodeLimits { bytes: 200, entries: 7 };

fn pairs_of(entry: Entry<'_>) -> Pairs {
    let mut room = itoa::Buffer::new();
    let mut pairs = Vec::new();
    for (field, value) in entry.pairs() {
        pairs.push(field.bytes(&mut room).to_vec());
        pairs.push(value.bytes(&mut room).to_vec());
    }
    pairs
}

fn check(stream: &Stream, model: &Model, at: StreamId) {
    let whole = |entry: Entry<'_>| (entry.id, pairs_of(entry));
    let expected = |(id, pairs): (&StreamId, &Pairs)| (*id, pairs.clone());
    assert_eq!(stream.len(), model.len());
    assert_eq!(stream.first_id(), model.keys().next().copied().unwrap_or_default());
    assert!(stream.iter_from(at).map(whole).eq(model.range(at..).map(expected)));
    assert!(stream.iter_back(at).map(whole).eq(model.range(..=at).rev().map(expected)));
    assert_eq!(stream.get(at).map(pairs_of), model.get(&at).cloned());
    let bytes: usize = stream.nodes().iter().map(Node::heap_bytes).sum();
    assert_eq!(stream.0.node_bytes, bytes);
}

/// Fields that are now the same as those before, now others.
fn pairs(kind: u8, number: u16) -> Pairs {
    let value = alloc::format!("{number}").into_bytes();
    match kind {
        0 => vec![b"temperature".to_vec(), value, b"7".to_vec(), b"x".repeat(number as usize % 90)],
        1 => vec![value, b"".to_vec()],
        _ => vec![b"temperature".to_vec(), value.clone(), b"7".to_vec(), value],
    }
}

fn id(number: u16) -> StreamId {
    StreamId { ms: 1000 + u64::from(number / 3), seq: u64::from(number % 3) }
}

proptest! {
    #[test]
    fn it_is_a_sorted_map(
        steps in prop::collection::vec((0..9_u8, 0..3_u8, 0..200_u16), 0..300),
        at in 0..500_u16,
    ) {
        let (mut stream, mut model, mut last) = (Stream::default(), Model::new(), 0);
        let (mut shared, mut then) = (stream.clone(), model.clone());
        for (number, (step, kind, value)) in steps.into_iter().enumerate() {
            if number == 100 {
                (shared, then) = (stream.clone(), model.clone());
            }
            match step {
                0 => {
                    let is_there = model.remove(&id(value)).is_some();
                    prop_assert_eq!(stream.delete_for_good(id(value)), is_there);
                }
                1 if kind == 0 => {
                    let kept = model.len().min(value as usize);
                    let cut = model.len() - kept;
                    prop_assert_eq!(stream.trim(Keep::Last(value.into()), false, 0), cut);
                    model = model.into_iter().skip(cut).collect();
                }
                1 if kind == 1 => {
                    let kept = model.split_off(&id(value));
                    prop_assert_eq!(stream.trim(Keep::From(id(value)), false, 0), model.len());
                    model = kept;
                }
                1 => {
                    let cut = stream.trim(Keep::Last(value.into()), true, 20);
                    prop_assert!(cut <= 20 && model.len() - cut >= model.len().min(value.into()));
                    model = model.into_iter().skip(cut).collect();
                }
                _ => {
                    last += 1 + value % 2;
                    let pairs = pairs(kind, value);
                    stream.add(id(last), pairs.iter().map(|text| &text[..]), LIMITS);
                    model.insert(id(last), pairs);
                }
            }
            prop_assert!(stream.nodes().iter().all(|node| node.entries() > 0));
        }
        check(&stream, &model, id(at));
        check(&shared, &then, id(at));
    }

    #[test]
    fn nodes_come_back_from_their_form_in_dumps_and_damage_is_seen(
        kinds in prop::collection::vec(0..3_u8, 1..20),
        deleted in 0..30_u16,
        damage in 0..4000_usize,
        bit in 0..8_u8,
    ) {
        let mut stream = Stream::default();
        for (number, kind) in kinds.into_iter().enumerate() {
            let pairs = pairs(kind, number as u16);
            stream.add(id(number as u16), pairs.iter().map(|text| &text[..]), LIMITS);
        }
        stream.delete(id(deleted));
        let mut loaded = Stream::default();
        for node in stream.nodes().iter() {
            let mut blob = Vec::new();
            node.to_redis(&mut blob);
            let id = row::Keyed::id(node);
            prop_assert!(loaded.add_node(Node::from_redis(id, &blob).expect("it is whole")));
            let at = damage % blob.len();
            blob[at] ^= 1_u8 << bit;
            // Whatever it is now, it can be read without harm.
            if let Some(node) = Node::from_redis(id, &blob) {
                node.iter().for_each(|entry| {
                    pairs_of(entry);
                });
            }
        }
        let whole = |entry: Entry<'_>| (entry.id, pairs_of(entry));
        prop_assert!(loaded.iter_from(StreamId::MIN).map(whole)
            .eq(stream.iter_from(StreamId::MIN).map(whole)));
    }
}

#[test]
fn an_entry_of_more_elements_than_a_listpack_counts() {
    let mut stream = Stream::default();
    let texts: Vec<Vec<u8>> = (0..90_000).map(|n| alloc::format!("{n}").into_bytes()).collect();
    stream.add(id(1), texts.iter().map(|text| &text[..]), LIMITS);
    let mut blob = Vec::new();
    stream.nodes().first().expect("there is one").to_redis(&mut blob);
    let node = Node::from_redis(id(1), &blob).expect("it is whole");
    assert_eq!(node.iter().map(pairs_of).next(), Some(texts));
}

#[test]
fn pending_entries_belong_to_one_consumer() {
    let mut group = ConsumerGroup::default();
    let (one, two) = (group.add(b"one", 5), group.add(b"two", 5));
    let pending =
        |number, consumer| Pending { id: id(number), delivered_at_ms: 7, deliveries: 1, consumer };
    (0..300).for_each(|number| group.deliver(pending(number, one)));
    (100..200).for_each(|number| group.deliver(pending(number, two)));
    let lens = |group: &ConsumerGroup| {
        let of = |number| group.consumer(number).map(|consumer| consumer.pending().len());
        (of(one), of(two), group.pending().len())
    };
    assert_eq!(lens(&group), (Some(200), Some(100), 300));
    assert!(group.acknowledge(id(150)) && !group.acknowledge(id(150)));
    assert_eq!(lens(&group), (Some(200), Some(99), 299));
    assert_eq!(group.remove(b"one"), Some(200));
    assert_eq!(lens(&group), (None, Some(99), 99));
    assert_eq!(group.add(b"three", 1), one);
}
