//! Images that are chosen, one after the other, until all were seen.
//!
//! Whoever paints an image asks for each thing that may be left or not, and how many ways there
//! are. A number answers all questions: its lowest digit the first, to a base that is the count of
//! ways, the rest the others. So each number is an image, and each image has a number, also where a
//! later question depends on an earlier answer. From the answers given for one number follows the
//! next one.
//!
//! There may be more images than numbers. Then what is asked last is left out always, and the count
//! of images is a lower bound.

use std::cell::RefCell;
use std::rc::Rc;

/// An answer: which way, of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Which way, from 0.
    pub taken: u64,
    /// How many there were.
    pub of: u64,
}

/// What answers the questions of one image. Copies share it.
#[derive(Clone, Debug)]
pub(super) struct Choices(Rc<RefCell<Digits>>);

#[derive(Debug)]
struct Digits {
    left: u64,
    made: Vec<Choice>,
    product: u64,
}

impl Choices {
    pub(super) fn new(number: u64) -> Self {
        Self(Rc::new(RefCell::new(Digits { left: number, made: Vec::new(), product: 1 })))
    }

    /// Which of so many ways.
    pub(super) fn take(&self, ways: usize) -> usize {
        let mut digits = self.0.borrow_mut();
        let of = ways.max(1) as u64;
        let Some(product) = digits.product.checked_mul(of) else { return 0 };
        let taken = digits.left % of;
        digits.product = product;
        digits.left /= of;
        digits.made.push(Choice { taken, of });
        taken as usize
    }

    pub(super) fn made(&self) -> Vec<Choice> {
        self.0.borrow().made.clone()
    }
}

/// The number after the one that these choices were made for; none after the last.
#[must_use]
pub fn next_image(made: &[Choice]) -> Option<u64> {
    let at = made.iter().rposition(|choice| choice.taken + 1 < choice.of)?;
    let before = made[..at].iter().rev();
    Some(before.fold(made[at].taken + 1, |number, choice| number * choice.of + choice.taken))
}

/// How many images there are, as far as these choices tell.
#[must_use]
pub fn images(made: &[Choice]) -> u64 {
    made.iter().fold(1, |product: u64, choice| product.saturating_mul(choice.of))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Asks a second question only after some answers to the first.
    fn ask(number: u64) -> (Vec<usize>, Vec<Choice>) {
        let choices = Choices::new(number);
        let mut answers = vec![choices.take(3)];
        if answers[0] > 0 {
            answers.push(choices.take(2 * answers[0]));
        }
        answers.push(choices.take(2));
        (answers, choices.made())
    }

    #[test]
    fn every_image_has_its_turn_once() {
        let (mut seen, mut next) = (BTreeSet::new(), Some(0));
        while let Some(number) = next {
            let (answers, made) = ask(number);
            assert!(seen.insert(answers), "{number} is an image that was there before");
            next = next_image(&made);
        }
        assert_eq!(seen.len(), 2 + 2 * 2 + 4 * 2);
    }

    #[test]
    fn more_questions_than_a_number_answers_are_answered_no() {
        let choices = Choices::new(u64::MAX);
        let answers: Vec<usize> = (0..100).map(|_| choices.take(2)).collect();
        assert_eq!(answers.iter().sum::<usize>(), 63);
        assert_eq!(images(&choices.made()), 1 << 63);
        assert_eq!(next_image(&choices.made()), None);
    }
}
