//! The order of elements by what they are compared by.
//!
//! Nearly always 64 bits tell which of two is first: a number, or how a text begins. So these are
//! put in order, side by side with the places of their elements, and only where they are equal the
//! rest is looked at.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

use super::Texts;
use crate::command::error::CommandError;
use crate::value::listpack::Element;
use crate::value::number;

/// What is put in order.
pub(super) trait Elements {
    /// How many there are.
    fn count(&self) -> usize;
    /// The order of two as texts.
    fn compare(&self, a: usize, b: usize) -> Ordering;
    /// How one begins.
    fn beginning(&self, at: usize) -> u64;
}

impl Elements for Texts {
    fn count(&self) -> usize {
        self.len()
    }

    fn compare(&self, a: usize, b: usize) -> Ordering {
        self.get(a).cmp(&self.get(b))
    }

    fn beginning(&self, at: usize) -> u64 {
        beginning(self.get(at).unwrap_or_default())
    }
}

impl Elements for [Element<'_>] {
    fn count(&self) -> usize {
        self.len()
    }

    fn compare(&self, a: usize, b: usize) -> Ordering {
        self[a].cmp_text(self[b].bytes(&mut itoa::Buffer::new()))
    }

    fn beginning(&self, at: usize) -> u64 {
        beginning(self[at].bytes(&mut itoa::Buffer::new()))
    }
}

/// The first eight bytes of a text, zeros behind its end.
fn beginning(text: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(text).for_each(|(byte, of_text)| *byte = *of_text);
    u64::from_be_bytes(bytes)
}

/// A number that is in the same order; the two zeros are equal.
fn ordered(number: f64) -> u64 {
    const SIGN: u64 = 1 << 63;
    let bits = (number + 0.0).to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

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

    /// The elements' own.
    pub(super) fn of(elements: &[Element<'_>], is_alpha: bool) -> Self {
        let mut weights = Self::new(is_alpha, false);
        for element in elements {
            match (&mut weights, element) {
                (Self::Numbers(numbers, _), Element::Int(number)) => numbers.push(*number as f64),
                (weights, Element::Text(text)) => weights.push(Some(text)),
                (_, Element::Int(_)) => {}
            }
        }
        weights
    }

    /// They, if all that should be numbers are.
    pub(super) fn checked(self) -> Result<Self, CommandError> {
        match self {
            Self::Numbers(_, false) => Err(CommandError::Fixed(NO_NUMBERS)),
            weights => Ok(weights),
        }
    }

    /// A number whose order is theirs where two differ.
    fn beginning<E: Elements + ?Sized>(&self, elements: &E, at: usize) -> u64 {
        match self {
            Self::None => elements.beginning(at),
            Self::Texts(texts) => texts.beginning(at),
            Self::Numbers(numbers, _) => ordered(numbers[at]),
        }
    }

    /// The order of two elements whose weights begin alike.
    fn compare<E: Elements + ?Sized>(&self, elements: &E, a: usize, b: usize) -> Ordering {
        match self {
            Self::Texts(texts) => texts.compare(a, b),
            // Numbers that begin alike are equal.
            Self::None | Self::Numbers(..) => elements.compare(a, b),
        }
    }
}

const NO_NUMBERS: &str = "ERR One or more scores can't be converted into double";

/// Indices of the elements in order, those in `window` of all. Equal ones stay in the order that
/// they have, if it means anything.
pub(super) fn order<E: Elements + ?Sized>(
    elements: &E,
    weights: &Weights,
    is_descending: bool,
    keeps_order: bool,
    window: Range<usize>,
) -> Vec<usize> {
    let flipped = if is_descending { u64::MAX } else { 0 };
    let item = |at: usize| (weights.beginning(elements, at) ^ flipped, at);
    let mut items: Vec<(u64, usize)> = (0..elements.count()).map(item).collect();
    if window.end < items.len() {
        let Some(last) = window.end.checked_sub(1) else { return Vec::new() };
        let last = items.select_nth_unstable(last).1.0;
        items.retain(|item| item.0 <= last);
    }
    items.sort_unstable_by_key(|item| item.0);
    let compare = |&(_, a): &(u64, usize), &(_, b): &(u64, usize)| {
        let by_weights = weights.compare(elements, a, b);
        let ordered = if is_descending { by_weights.reverse() } else { by_weights };
        ordered.then_with(|| match keeps_order {
            true => a.cmp(&b),
            false => elements.compare(a, b),
        })
    };
    for alike in items.chunk_by_mut(|one, other| one.0 == other.0) {
        if alike.len() > 1 {
            alike.sort_unstable_by(compare);
        }
    }
    items[window].iter().map(|item| item.1).collect()
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
