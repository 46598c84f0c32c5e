//! The keyspace against a naive model.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::rng::Rng;

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

#[derive(Clone, Debug)]
enum Step {
    Set { key: u16, value: Vec<u8>, expire: Option<u64> },
    Remove { key: u16 },
    Expire { key: u16, at: Option<u64> },
    Sweep { now: u64 },
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
        6 => (0..keys, value, expire.clone())
            .prop_map(|(key, value, expire)| Step::Set { key, value, expire }),
        3 => (0..keys).prop_map(|key| Step::Remove { key }),
        2 => (0..keys, expire).prop_map(|(key, at)| Step::Expire { key, at }),
        1 => (0_u64..1000).prop_map(|now| Step::Sweep { now }),
    ]
}

fn text(value: ValueRef<'_>) -> Vec<u8> {
    match value {
        ValueRef::String(bytes) => bytes.to_vec(),
        ValueRef::Int(number) => alloc::format!("{number}").into_bytes(),
        ValueRef::Object(crate::value::Value::String(bytes)) => bytes.to_vec(),
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
        Step::Remove { key } => {
            let name = name(*key);
            let key = hasher.key(&name);
            if let Some(place) = db.find(key) {
                db.remove(key, place);
            }
            model.remove(&name);
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

    #[test]
    fn a_scan_loses_nothing_that_stays(
        stays in 1_u32..4000,
        batch in 1_usize..60,
        changes in proptest::collection::vec((0_u32..20_000, any::<bool>()), 0..3000),
    ) {
        let hasher = KeyHasher::new(3, 4);
        let mut db = Db::new(hasher);
        for number in 0..stays {
            let name = alloc::format!("stays:{number}");
            db.set(hasher.key(name.as_bytes()), None, NewValue::Int(1), None, 0);
        }
        let mut seen = BTreeSet::new();
        let mut changes = changes.iter();
        let mut cursor = 0;
        loop {
            cursor = db.scan(cursor, batch, |entry| { seen.insert(entry.key().to_vec()); });
            if cursor == 0 {
                break;
            }
            for &(number, add) in changes.by_ref().take(200) {
                let name = alloc::format!("other:{number}");
                let key = hasher.key(name.as_bytes());
                match (db.find(key), add) {
                    (Some(place), false) => drop(db.remove(key, place)),
                    (place, true) => db.set(key, place, NewValue::String(b"v"), None, 0),
                    (None, false) => {}
                }
            }
        }
        for number in 0..stays {
            let name = alloc::format!("stays:{number}");
            prop_assert!(seen.contains(name.as_bytes()), "{} was lost", name);
        }
    }
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
        assert!(db.bytes() < 1 << 20, "{} bytes without keys in round {round}", db.bytes());
    }
}
