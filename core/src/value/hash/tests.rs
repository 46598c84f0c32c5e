//! Hashes against a map.

use super::*;
use alloc::collections::BTreeMap;
use alloc::format;
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

const SMALL: Thresholds = Thresholds {
    hash_entries: 8,
    hash_value_bytes: 20,
    list_size: -2,
    set_intset_entries: 8,
    set_entries: 8,
    set_value_bytes: 20,
    zset_entries: 8,
    zset_value_bytes: 20,
};

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

#[derive(Clone, Debug)]
enum Step {
    Set(u8, Vec<u8>),
    Remove(u8),
    Deadline(u8, Option<u64>),
}

fn step() -> impl Strategy<Value = Step> {
    let value = prop_oneof![
        (0..300_i64).prop_map(|number| format!("{number}").into_bytes()),
        prop::collection::vec(any::<u8>(), 0..30)
    ];
    prop_oneof![
        3 => (0..14_u8, value).prop_map(|(field, value)| Step::Set(field, value)),
        1 => (0..14_u8).prop_map(Step::Remove),
        1 => (0..14_u8, prop::option::of(1..100_u64)).prop_map(|(f, at)| Step::Deadline(f, at)),
    ]
}

fn apply(hash: &mut Hash, model: &mut Model, step: Step) {
    match step {
        Step::Set(field, value) => {
            let field = format!("f{field}").into_bytes();
            let is_new = hash.set(&field, &value, &SMALL, KeyHasher::new(1, 2));
            assert_eq!(is_new, model.insert(field, (value, None)).is_none());
        }
        Step::Remove(field) => {
            let field = format!("f{field}").into_bytes();
            assert_eq!(hash.remove(&field), model.remove(&field).is_some());
        }
        Step::Deadline(field, at_ms) => {
            let field = format!("f{field}").into_bytes();
            hash.set_deadline(&field, at_ms);
            if let Some((_, deadline)) = model.get_mut(&field) {
                *deadline = at_ms;
            }
        }
    }
}

fn read(view: HashView<'_>) -> Model {
    let text = |element: Element<'_>| element.bytes(&mut itoa::Buffer::new()).to_vec();
    view.fields().map(|(field, value, at_ms)| (text(field), (text(value), at_ms))).collect()
}

proptest! {
    #[test]
    fn it_is_a_map(steps in prop::collection::vec(step(), 0..80)) {
        let (mut hash, mut model) = (Hash::default(), Model::new());
        let mut rng = Rng::new([3; 32]);
        let (mut shared, mut then) = (hash.clone(), model.clone());
        for (number, step) in steps.into_iter().enumerate() {
            if number == 30 {
                (shared, then) = (hash.clone(), model.clone());
            }
            apply(&mut hash, &mut model, step);
            prop_assert_eq!(read(hash.view()), model.clone());
            prop_assert_eq!(hash.view().len(), model.len());
            for (field, (value, at_ms)) in &model {
                let found = hash.view().get(field).unwrap();
                prop_assert_eq!(found.cmp_text(value), core::cmp::Ordering::Equal);
                prop_assert_eq!(hash.view().deadline_ms(field), Some(*at_ms));
            }
            prop_assert!(hash.view().get(b"none").is_none());
            let next = model.values().filter_map(|(_, at_ms)| *at_ms).min();
            prop_assert_eq!(hash.next_deadline_ms().is_some(), next.is_some());
            prop_assert!(hash.next_deadline_ms() <= next);
            let over = model.values().filter(|(_, at)| at.is_some_and(|at| at <= 50)).count();
            let mut swept = hash.clone();
            let taken = swept.take_expired(50, 99, &mut 99);
            prop_assert_eq!(taken.len(), over);
            prop_assert_eq!(swept.view().len(), model.len() - over);
            prop_assert!(swept.next_deadline_ms().is_none_or(|at| at > 50));
            let live = hash.view().live_at(50);
            prop_assert_eq!(live.len(), model.len() - over);
            for field in taken {
                prop_assert!(model[&*field].1.unwrap() <= 50 && live.get(&field).is_none());
            }
            let drawn = live.random(&mut rng);
            let is_live = drawn.is_none_or(|(field, _)| {
                live.get(field.bytes(&mut itoa::Buffer::new())).is_some()
            });
            prop_assert!(is_live);
            let drawn = hash.view().random(&mut rng).map(|(field, _)| {
                field.bytes(&mut itoa::Buffer::new()).to_vec()
            });
            prop_assert_eq!(drawn.is_some(), !model.is_empty());
            prop_assert!(drawn.is_none_or(|field| model.contains_key(&field)));
        }
        prop_assert_eq!(read(shared.view()), then, "a copy does not change");
    }
}
