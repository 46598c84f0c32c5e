//! The order of elements by what they are compared by.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

use super::Texts;
use crate::command::error::CommandError;
use crate::value::number;

/// What elements are compared by.
#[derive(Debug)]
pub(super) enum Weights {
    /// Themselves.
    None,
    /// Texts; one that is missing is before all others.
    Texts(Texts),
    /// Numbers, 0 where one is missing, and whether all of them were some.
    Numbers(Vec<f64>, bool),
}

impl Weights {
    /// None yet, of texts or numbers; texts may be those of the elements.
    pub(super) fn new(is_alpha: bool, is_by_others: bool) -> Self {
        match (is_alpha, is_by_others) {
            (true, false) => Self::None,
            (true, true) => Self::Texts(Texts::default()),
            (false, _) => Self::Numbers(Vec::new(), true),
        }
    }

    /// The weight of the next element.
    pub(super) fn push(&mut self, weight: Option<&[u8]>) {
        match self {
            Self::None => {}
            Self::Texts(texts) => texts.push(weight),
            Self::Numbers(numbers, are_all) => {
                let number = weight.map_or(Some(0.0), number::parse_weight);
                *are_all &= number.is_some();
                numbers.push(number.unwrap_or_default());
            }
        }
    }

    /// They, if all that should be numbers are.
    pub(super) fn checked(self) -> Result<Self, CommandError> {
        match self {
            Self::Numbers(_, false) => Err(CommandError::Fixed(NO_NUMBERS)),
            weights => Ok(weights),
        }
    }

    fn compare(&self, elements: &Texts, a: usize, b: usize) -> Ordering {
        let by_elements = || elements.get(a).cmp(&elements.get(b));
        match self {
            Self::None => by_elements(),
            Self::Texts(texts) => texts.get(a).cmp(&texts.get(b)),
            Self::Numbers(numbers, _) => {
                let by_numbers = numbers[a].partial_cmp(&numbers[b]);
                by_numbers.unwrap_or(Ordering::Equal).then_with(by_elements)
            }
        }
    }
}

const NO_NUMBERS: &str = "ERR One or more scores can't be converted into double";

/// Indices of the elements in order, those in `window` of all. Equal ones stay in the order that
/// they have, if it means anything.
pub(super) fn order(
    elements: &Texts,
    weights: &Weights,
    is_descending: bool,
    keeps_order: bool,
    window: Range<usize>,
) -> Vec<usize> {
    let compare = |a: &usize, b: &usize| {
        let by_weights = weights.compare(elements, *a, *b);
        let ordered = if is_descending { by_weights.reverse() } else { by_weights };
        ordered.then_with(|| match keeps_order {
            true => a.cmp(b),
            false => elements.get(*a).cmp(&elements.get(*b)),
        })
    };
    let mut order: Vec<usize> = (0..elements.len()).collect();
    if window.end < order.len() {
        order.select_nth_unstable_by(window.end, compare);
        order.truncate(window.end);
    }
    order.sort_unstable_by(compare);
    order.drain(..window.start);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    proptest! {
        /// A part of the order is the order cut to that part, and equal elements keep theirs.
        #[test]
        fn it_is_that_of_a_stable_sort(
            items in prop::collection::vec(("[a-c]{0,2}", prop::option::of("[0-3]?")), 0..40),
            is_alpha in any::<bool>(),
            is_descending in any::<bool>(),
            (start, end) in (0..40_usize, 0..50_usize),
        ) {
            let (mut elements, mut weights) = (Texts::default(), Weights::new(is_alpha, true));
            for (element, weight) in &items {
                elements.push(Some(element.as_bytes()));
                weights.push(weight.as_ref().map(String::as_bytes));
            }
            let weights = weights.checked().expect("digits are numbers");
            let mut expected: Vec<usize> = (0..items.len()).collect();
            expected.sort_by(|&a, &b| {
                let ((element, weight), (other, over)) = (&items[a], &items[b]);
                let by_weights = if is_alpha {
                    weight.cmp(over)
                } else {
                    let number = |text: &Option<String>| text.as_ref().and_then(|t| t.parse().ok());
                    let number = |text| number(text).unwrap_or(0_i32);
                    number(weight).cmp(&number(over)).then_with(|| element.cmp(other))
                };
                if is_descending { by_weights.reverse() } else { by_weights }
            });
            let end = end.min(items.len());
            let window = start.min(end)..end;
            let found = order(&elements, &weights, is_descending, true, window.clone());
            prop_assert_eq!(&found[..], &expected[window]);
        }
    }
}
