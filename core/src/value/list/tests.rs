//! Lists against a vector.

use super::*;
use alloc::format;
use alloc::vec::Vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Push(bool, Vec<u8>),
    Insert(usize, Vec<u8>),
    Set(usize, Vec<u8>),
    Remove(usize, usize),
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0..99_i64).prop_map(|number| format!("{number}").into_bytes()),
        prop::collection::vec(any::<u8>(), 0..20),
        Just(alloc::vec![b'x'; 9000]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), text()).prop_map(|(left, text)| Step::Push(left, text)),
        2 => (any::<usize>(), text()).prop_map(|(at, text)| Step::Insert(at, text)),
        1 => (any::<usize>(), text()).prop_map(|(at, text)| Step::Set(at, text)),
        2 => (any::<usize>(), 0..6_usize).prop_map(|(at, count)| Step::Remove(at, count)),
    ]
}

fn apply(list: &mut List, model: &mut Vec<Vec<u8>>, step: Step, thresholds: &Thresholds) {
    match step {
        Step::Push(left, text) => {
            list.grow(text.len(), 1, thresholds);
            list.push(if left { End::Left } else { End::Right }, &text, thresholds);
            model.insert(if left { 0 } else { model.len() }, text);
        }
        Step::Insert(at, text) => {
            let at = at % (model.len() + 1);
            list.grow(text.len(), 1, thresholds);
            list.insert(at, &text, thresholds);
            model.insert(at, text);
        }
        Step::Set(at, text) if !model.is_empty() => {
            let at = at % model.len();
            list.grow(text.len(), 0, thresholds);
            list.set(at, &text, thresholds);
            model[at] = text;
        }
        Step::Remove(at, count) if !model.is_empty() => {
            let at = at % model.len();
            list.remove(at, count);
            list.shrink(thresholds);
            model.drain(at..model.len().min(at + count));
        }
        _ => {}
    }
}

fn texts<'a>(elements: impl Iterator<Item = Element<'a>>) -> Vec<Vec<u8>> {
    elements.map(|element| element.bytes(&mut itoa::Buffer::new()).to_vec()).collect()
}

proptest! {
    #[test]
    fn it_is_a_vector(
        size in prop_oneof![Just(-1_i64), 1..9_i64],
        steps in prop::collection::vec(step(), 0..90),
    ) {
        let thresholds = Thresholds { list_size: size, ..Thresholds::default() };
        let (mut list, mut model) = (List::default(), Vec::new());
        let (mut shared, mut then) = (list.clone(), model.clone());
        for (number, step) in steps.into_iter().enumerate() {
            if number == 40 {
                (shared, then) = (list.clone(), model.clone());
            }
            apply(&mut list, &mut model, step, &thresholds);
            let view = list.view();
            prop_assert_eq!(view.len(), model.len());
            prop_assert_eq!(texts(view.iter_from(0)), model.clone());
            let middle = model.len() / 3;
            prop_assert_eq!(texts(view.iter_from(middle)), model[middle..].to_vec());
            let mut before = texts(view.iter_before(middle));
            before.reverse();
            prop_assert_eq!(before, model[..middle].to_vec());
            if let List::Chunks(chunks) = &list {
                let counted: usize = chunks.iter_from(0).count();
                prop_assert_eq!(counted, chunks.len());
            }
        }
        prop_assert_eq!(texts(shared.view().iter_from(0)), then, "a copy does not change");
    }

    #[test]
    fn it_is_made_at_once_as_one_by_one(
        size in prop_oneof![Just(-1_i64), 1..9_i64],
        all in prop::collection::vec(text(), 0..60),
    ) {
        let thresholds = Thresholds { list_size: size, ..Thresholds::default() };
        let made = List::of(all.iter().map(|text| Element::of(text)), &thresholds);
        let mut pushed = List::default();
        all.iter().for_each(|text| pushed.push_back(text, &thresholds));
        prop_assert_eq!(texts(made.view().iter_from(0)), all);
        prop_assert_eq!(made.walk(false).map(|walk| walk.1), pushed.walk(false).map(|walk| walk.1));
        prop_assert_eq!(made.heap_bytes(), pushed.heap_bytes());
    }

    #[test]
    fn lengths_of_elements_are_those_of_their_texts(number in any::<i64>(), shift in 0..64_u32) {
        let number = number >> shift;
        prop_assert_eq!(Element::Int(number).len(), format!("{number}").len());
    }
}
