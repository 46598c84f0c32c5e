//! Listpacks against a list of texts, bytes of Redis, hostile bytes.

use super::*;
use alloc::string::ToString;
use proptest::prelude::*;

fn texts(pack: &[u8]) -> Vec<Vec<u8>> {
    let text =
        |(_, element): (usize, Element<'_>)| element.bytes(&mut itoa::Buffer::new()).to_vec();
    Listpack::new(pack).iter().map(text).collect()
}

/// `RPUSH k 1 -1 300 40000 hello` in Redis 7.0, the listpack out of its DUMP.
#[test]
fn the_bytes_are_those_of_redis() {
    let mut pack = empty(7).to_vec();
    for text in [&b"1"[..], b"-1", b"300", b"40000", b"hello"] {
        push_back(&mut pack, text);
    }
    let mut blob = Vec::new();
    Listpack::new(&pack).to_redis(&mut blob);
    let expected =
        b"\x1b\0\0\0\x05\0\x01\x01\xdf\xff\x02\xc1\x2c\x02\xf2\x40\x9c\x00\x04\x85hello\x06\xff";
    assert_eq!(blob, expected);
    assert_eq!(from_redis(7, expected), Some(pack));
}

#[test]
fn integers_of_every_width() {
    let edges = [0_i64, 127, 128, 4095, 4096, 32_767, 32_768, 8_388_607, 8_388_608, 2_147_483_647];
    let mut pack = empty(7).to_vec();
    let mut expected = Vec::new();
    for edge in edges {
        for number in [edge, -edge, edge + 1, -edge - 1, -edge - 2, edge << 32] {
            let text = number.to_string().into_bytes();
            push_back(&mut pack, &text);
            expected.push(text);
        }
    }
    assert_eq!(texts(&pack), expected);
}

#[test]
fn no_flip_or_cut_of_a_stranger_panics() {
    let mut pack = empty(7).to_vec();
    for text in [&b"1"[..], b"-1", b"300", b"40000", &[b'x'; 200], &[b'y'; 20_000]] {
        push_back(&mut pack, text);
    }
    let mut blob = Vec::new();
    Listpack::new(&pack).to_redis(&mut blob);
    for len in 0..300 {
        assert_eq!(from_redis(7, &blob[..len]), None);
    }
    for bit in 0..300 * 8 {
        let mut damaged = blob.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        if let Some(read) = from_redis(7, &damaged) {
            assert_eq!(texts(&read).len(), Listpack::new(&read).len());
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Remove(usize, usize),
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        (-300_i64..300).prop_map(|number| number.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..5),
        (0..9_usize).prop_map(|at| {
            let len = [60, 63, 64, 100, 126, 127, 4095, 4096, 17_000][at];
            alloc::vec![b'z'; len]
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any::<usize>(), text()).prop_map(|(at, text)| Step::Insert(at, text)),
        1 => (any::<usize>(), text()).prop_map(|(at, text)| Step::Replace(at, text)),
        1 => (any::<usize>(), 0..4_usize).prop_map(|(at, count)| Step::Remove(at, count)),
    ]
}

fn apply(pack: &mut Vec<u8>, model: &mut Vec<Vec<u8>>, step: Step) {
    let at =
        |pack: &[u8], index: usize| Listpack::new(pack).seek(index as i64).unwrap_or(pack.len());
    match step {
        Step::Insert(index, text) => {
            let index = index % (model.len() + 1);
            insert(pack, at(pack, index), &text);
            model.insert(index, text);
        }
        Step::Replace(index, text) if !model.is_empty() => {
            let index = index % model.len();
            replace(pack, at(pack, index), &text);
            model[index] = text;
        }
        Step::Remove(index, count) if !model.is_empty() => {
            let index = index % model.len();
            remove(pack, at(pack, index), count);
            let end = (index + count).min(model.len());
            model.drain(index..end);
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn it_is_a_list_of_texts(steps in prop::collection::vec(step(), 0..60)) {
        let (mut pack, mut model) = (empty(7).to_vec(), Vec::new());
        for step in steps {
            apply(&mut pack, &mut model, step);
            let view = Listpack::new(&pack);
            prop_assert_eq!(texts(&pack), model.clone());
            prop_assert_eq!(view.len(), model.len());
            let forward: Vec<_> = view.iter().collect();
            let mut backward: Vec<_> = view.iter_rev().collect();
            backward.reverse();
            prop_assert_eq!(&forward, &backward);
            let bytes: usize = model.iter().map(|text| element_bytes(text)).sum();
            prop_assert_eq!(pack.len(), HEAD_BYTES + bytes);
            if let Some(text) = model.last() {
                let first = model.iter().position(|other| other == text).map(|at| forward[at].0);
                prop_assert_eq!(view.find(text, 1), first);
            }
            let mut blob = Vec::new();
            view.to_redis(&mut blob);
            prop_assert_eq!(from_redis(7, &blob), Some(pack.clone()));
        }
    }

    #[test]
    fn any_bytes_are_safe(mut blob: Vec<u8>) {
        let _as_it_is = from_redis(7, &blob);
        let total = (blob.len() + 7) as u32;
        blob.splice(0..0, total.to_le_bytes().into_iter().chain([0xff, 0xff]));
        blob.push(0xff);
        if let Some(pack) = from_redis(7, &blob) {
            prop_assert_eq!(texts(&pack).len(), Listpack::new(&pack).len());
        }
    }
}
