//! The keyspace against a naive model.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::rng::Rng;

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

#[derive(Clone, Debug)]
enum Step {
    Set {
        key: u16,
        value: Vec<u8>,
        expire: Option<u64>,
    },
    Remove {
        key: u16,
    },
    Expire {
        key: u16,
        at: Option<u64>,
    },
    Sweep {
        now: u64,
    },
    /// Removes all keys but those that leave this rest when divided by 40.
    Thin {
        rest: u16,
    },
}

fn name(key: u16) -> Vec<u8> {
    // Some keys are too long for a record.
    let long = if key % 50 == 7 { 300 } else { 0 };
    let mut name = alloc::format!("key:{key}").into_bytes();
    name.resize(name.len() + long, b'x');
    name
}

fn step(keys: u16) -> impl Strategy<Value = Step> {
    let expire = proptest::option::of(prop_oneof![1_u64..1000, Just(1 << 50)]);
    let value = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        proptest::collection::vec(any::<u8>(), 200..600),
        any::<i64>().prop_map(|number| alloc::format!("{number}").into_bytes()),
    ];
    prop_oneof![
        60 => (0..keys, value, expire.clone())
            .prop_map(|(key, value, expire)| Step::Set { key, value, expire }),
        30 => (0..keys).prop_map(|key| Step::Remove { key }),
        20 => (0..keys, expire).prop_map(|(key, at)| Step::Expire { key, at }),
        10 => (0_u64..1000).prop_map(|now| Step::Sweep { now }),
        1 => (0_u16..40).prop_map(|rest| Step::Thin { rest }),
    ]
}

fn text(value: ValueRef<'_>) -> Vec<u8> {
    match value {
        ValueRef::String(bytes) => bytes.to_vec(),
        ValueRef::Int(number) => alloc::format!("{number}").into_bytes(),
        ValueRef::Object(crate::value::Value::String(bytes)) => bytes.to_vec(),
        other => panic!("a string: {other:?}"),
    }
}

fn apply(db: &mut Db, model: &mut Model, step: &Step) {
    let hasher = db.hasher;
    match step {
        Step::Set { key, value, expire } => {
            let name = name(*key);
            let key = hasher.key(&name);
            let place = db.find(key);
            assert_eq!(place.is_some(), model.contains_key(&name));
            db.set(key, place, NewValue::String(value), *expire, 5);
            model.insert(name, (value.clone(), *expire));
        }
        Step::Remove { key } => remove(db, model, *key),
        Step::Thin { rest } => {
            (0..3000).filter(|key| key % 40 != *rest).for_each(|key| remove(db, model, key));
            db.check();
        }
        Step::Expire { key, at } => {
            let name = name(*key);
            let key = hasher.key(&name);
            if let Some(place) = db.find(key) {
                db.set_expire(key, place, *at);
            }
            if let Some(entry) = model.get_mut(&name) {
                entry.1 = *at;
            }
        }
        Step::Sweep { now } => {
            while let Some(name) = db.expired(*now, &mut 1000) {
                let key = hasher.key(&name);
                let place = db.find(key).unwrap();
                db.remove(key, place);
                assert!(model.remove(&*name).unwrap().1.unwrap() <= *now);
            }
            assert!(model.values().all(|(_, at)| at.is_none_or(|at| at > *now)));
            assert!(db.next_deadline_ms().is_none_or(|at| at > *now));
        }
    }
}

fn remove(db: &mut Db, model: &mut Model, key: u16) {
    let name = name(key);
    remove_name(db, &name);
    model.remove(&name);
}

fn remove_name(db: &mut Db, name: &[u8]) {
    let key = db.hasher.key(name);
    if let Some(place) = db.find(key) {
        db.remove(key, place);
    }
}

fn set_name(db: &mut Db, name: &[u8]) {
    let key = db.hasher.key(name);
    db.set(key, db.find(key), NewValue::String(b"v"), None, 0);
}

/// Makes `other:0` to `other:<len - 1>` be there and no others, of which there are `before` now.
fn resize_others(db: &mut Db, before: u32, len: u32) {
    for number in len.min(before)..len.max(before) {
        let name = alloc::format!("other:{number}");
        if number < before {
            remove_name(db, name.as_bytes());
        } else {
            set_name(db, name.as_bytes());
        }
    }
}

fn compare(db: &Db, model: &Model) {
    db.check();
    assert_eq!(db.len(), model.len());
    for (name, (value, expire)) in model {
        let entry = db.entry(db.find(db.hasher.key(name)).unwrap());
        assert_eq!(entry.key(), name);
        assert_eq!(text(entry.value()), *value);
        assert_eq!(entry.expire_at_ms(), *expire);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_database_is_a_map(steps in proptest::collection::vec(step(3000), 1..6000)) {
        let mut db = Db::new(KeyHasher::new(1, 2));
        let mut model = Model::new();
        for step in &steps {
            apply(&mut db, &mut model, step);
        }
        compare(&db, &model);
    }

    /// Between two calls thousands of keys come, and segments split, or go, and segments merge.
    #[test]
    fn a_scan_loses_nothing_that_stays(
        stays in 1_u32..1500,
        batch in 1_usize..60,
        waves in proptest::collection::vec((1_usize..30, 0_u32..12_000), 1..12),
    ) {
        let mut db = Db::new(KeyHasher::new(3, 4));
        let names: Vec<_> = (0..stays).map(|number| alloc::format!("stays:{number}")).collect();
        names.iter().for_each(|name| set_name(&mut db, name.as_bytes()));
        let (mut seen, mut cursor, mut others) = (BTreeSet::new(), 0, 0);
        for (calls, len) in waves.iter().copied().chain([(usize::MAX, 0)]) {
            for _ in 0..calls {
                cursor = db.scan(cursor, batch, |entry| seen.extend([entry.key().to_vec()]));
                if cursor == 0 {
                    break;
                }
            }
            if cursor == 0 {
                break;
            }
            resize_others(&mut db, others, len);
            others = len;
        }
        db.check();
        for name in &names {
            prop_assert!(seen.contains(name.as_bytes()), "{} was lost", name);
        }
    }
}

#[test]
fn a_scan_goes_on_where_segments_have_merged() {
    let mut db = Db::new(KeyHasher::new(3, 4));
    (0..300).for_each(|number| set_name(&mut db, alloc::format!("stays:{number}").as_bytes()));
    resize_others(&mut db, 0, 10_000);
    let before = db.segments.len();
    for calls in 1..before {
        let mut db = db.clone();
        let (mut seen, mut cursor) = (BTreeSet::new(), 0);
        for _ in 0..calls {
            cursor = db.scan(cursor, 1000, |entry| seen.extend([entry.key().to_vec()]));
        }
        resize_others(&mut db, 10_000, 0);
        assert!(db.segments.len() < before / 4, "{before} segments, then {}", db.segments.len());
        while cursor != 0 {
            cursor = db.scan(cursor, 10, |entry| seen.extend([entry.key().to_vec()]));
        }
        let stays = seen.iter().filter(|name| name.starts_with(b"stays:")).count();
        assert_eq!(stays, 300, "after {calls} calls");
    }
}

#[test]
fn a_prepared_database_is_as_any_other() {
    for keys in [0, 1, 800, 2000, 100_000] {
        let mut db = Db::new(KeyHasher::new(5, 6));
        db.reserve(keys);
        db.check();
        let depth = db.depth;
        resize_others(&mut db, 0, keys as u32);
        db.check();
        assert_eq!(db.len(), keys);
        assert!(db.depth <= depth + 1, "{keys} keys split at {depth}");
        resize_others(&mut db, keys as u32, 0);
        db.check();
        db.reserve(keys * 100);
        assert!(keys == 0 || db.bytes() < 500_000, "only a database without segments is prepared");
    }
}

#[test]
fn what_is_left_of_many_keys_takes_the_room_of_few() {
    let mut db = Db::new(KeyHasher::new(5, 6));
    resize_others(&mut db, 0, 100_000);
    let (deep, bytes) = (db.depth, db.bytes());
    for number in (0..100_000).filter(|number| number % 100 != 0) {
        remove_name(&mut db, alloc::format!("other:{number}").as_bytes());
    }
    db.check();
    assert_eq!(db.len(), 1000);
    assert!(db.bytes() < bytes / 30, "{} bytes of {bytes} are left", db.bytes());
    assert!(db.depth + 4 <= deep, "the directory has {} bits, had {deep}", db.depth);
    resize_others(&mut db, 100_000, 0);
    assert_eq!((db.segments.len(), db.index.len()), (1, 1));
    assert!(db.bytes() < 6000, "{} bytes without a key", db.bytes());
}

#[test]
fn a_large_value_is_replaced_where_it_is() {
    let mut db = Db::new(KeyHasher::new(5, 6));
    let key = db.hasher.key(b"key");
    let large =
        |byte: u8| NewValue::Object(crate::value::Value::String(alloc::vec![byte; 4096].into()));
    assert!(db.set(key, None, large(b'a'), Some(5), 1).is_none());
    let seat = db.find(key).unwrap().seat;
    let old = db.set(key, db.find(key), large(b'b'), Some(7), 2).unwrap();
    assert_eq!(text(ValueRef::Object(&old)), [b'a'; 4096]);
    let place = db.find(key).unwrap();
    let entry = db.entry(place);
    assert_eq!(
        (text(entry.value()), entry.expire_at_ms(), entry.clock()),
        (alloc::vec![b'b'; 4096], Some(7), 2)
    );
    assert_eq!(place.seat, seat);
    db.check();
    assert!(db.set(key, Some(place), NewValue::String(b"short"), None, 3).is_some());
    db.check();
}

#[test]
fn random_draws_reach_every_key_about_equally() {
    let hasher = KeyHasher::new(5, 6);
    let mut db = Db::new(hasher);
    for number in 0..3000 {
        let name = alloc::format!("{number}");
        db.set(hasher.key(name.as_bytes()), None, NewValue::String(b"v"), None, 0);
    }
    let mut rng = Rng::new([7; 32]);
    let mut counts = BTreeMap::new();
    for _ in 0..60_000 {
        let place = db.random(&mut rng).unwrap();
        *counts.entry(db.entry(place).key().to_vec()).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 3000, "every key is drawn");
    assert!(counts.values().all(|&count| count < 60), "none is drawn three times too often");
}

#[test]
fn memory_comes_back_when_keys_go() {
    let hasher = KeyHasher::new(5, 6);
    let mut db = Db::new(hasher);
    for round in 0..3 {
        for number in 0..50_000_u32 {
            let name = alloc::format!("{number:016}");
            db.set(
                hasher.key(name.as_bytes()),
                None,
                NewValue::String(b"sixteen bytes :)"),
                None,
                0,
            );
        }
        assert!(db.bytes() / 50_000 < 60, "{} bytes a key in round {round}", db.bytes() / 50_000);
        for number in 0..50_000_u32 {
            let name = alloc::format!("{number:016}");
            let key = hasher.key(name.as_bytes());
            let place = db.find(key).unwrap();
            db.remove(key, place);
        }
        db.check();
        assert!(db.bytes() < 6000, "{} bytes without keys in round {round}", db.bytes());
    }
}
