//! A hash as it looks at a moment: without the fields that are over then.
//!
//! Nearly always whoever looks at a hash has taken those out before, and then this is the hash and
//! nothing is compared. While nothing may be written, because CLIENT PAUSE says so, they have to
//! stay and are passed over: counting and drawing then walk over all fields.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::HashView;
use crate::rng::Rng;
use crate::value::listpack::Element;

/// A hash without the fields that are over.
#[derive(Clone, Copy, Debug)]
pub struct LiveHash<'a> {
    hash: HashView<'a>,
    /// Fields are over whose deadline is not above this; `None` when none is.
    now_ms: Option<u64>,
}

impl<'a> From<HashView<'a>> for LiveHash<'a> {
    /// All fields.
    fn from(hash: HashView<'a>) -> Self {
        Self { hash, now_ms: None }
    }
}

impl<'a> HashView<'a> {
    /// The fields that are not over at this time, in ms since 1970.
    #[must_use]
    pub fn live_at(self, now_ms: u64) -> LiveHash<'a> {
        let is_due = self.next_deadline_ms().is_some_and(|at_ms| at_ms <= now_ms);
        LiveHash { hash: self, now_ms: is_due.then_some(now_ms) }
    }
}

impl<'a> LiveHash<'a> {
    /// Fields.
    #[must_use]
    pub fn len(self) -> usize {
        match self.now_ms {
            None => self.hash.len(),
            Some(_) => self.fields().count(),
        }
    }

    /// Whether it has no field.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The value of a field.
    #[inline]
    #[must_use]
    pub fn get(self, field: &[u8]) -> Option<Element<'a>> {
        match self.now_ms {
            Some(_) if self.deadline_ms(field).is_none() => None,
            _ => self.hash.get(field),
        }
    }

    /// The deadline of a field that is there, if it has one; `None` without the field.
    #[must_use]
    pub fn deadline_ms(self, field: &[u8]) -> Option<Option<u64>> {
        self.hash.deadline_ms(field).filter(|&at_ms| self.is_live(at_ms))
    }

    fn is_live(self, at_ms: Option<u64>) -> bool {
        at_ms.is_none() || at_ms > self.now_ms
    }

    /// Fields with values, in no particular but a repeatable order.
    pub fn fields(self) -> Box<dyn Iterator<Item = (Element<'a>, Element<'a>)> + 'a> {
        let live = self.hash.fields().filter(move |&(.., at_ms)| self.is_live(at_ms));
        Box::new(live.map(|(field, value, _)| (field, value)))
    }

    /// As [`HashView::scan`].
    pub fn scan(
        self,
        cursor: u64,
        count: usize,
        mut report: impl FnMut(Element<'a>, Element<'a>),
    ) -> u64 {
        self.hash.scan(cursor, count, |field, value| {
            let is_over = self.now_ms.is_some()
                && self.deadline_ms(field.bytes(&mut itoa::Buffer::new())).is_none();
            if !is_over {
                report(field, value);
            }
        })
    }

    /// A field drawn from `rng`, every one with the same chance.
    #[must_use]
    pub fn random(self, rng: &mut Rng) -> Option<(Element<'a>, Element<'a>)> {
        if self.now_ms.is_none() {
            return self.hash.random(rng);
        }
        let all: Vec<_> = self.fields().collect();
        if all.is_empty() { None } else { Some(all[rng.below(all.len() as u64) as usize]) }
    }
}
