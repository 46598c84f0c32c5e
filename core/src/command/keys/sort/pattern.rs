//! Patterns of BY and GET: which key, or which field of a hash, belongs to an element.
//!
//! The first `*` stands for the element. What follows the first `->` behind it is a field; without
//! a field the arrow is a part of the key's name. `#` is the element itself. A pattern without a
//! star names nothing, even if there is such a key. As Redis has it, a NUL ends the `#` and the
//! search for the star and the arrow.

use alloc::vec::Vec;

use crate::client::output::Output;
use crate::command::ctx::{Ctx, Text};
use crate::command::hash::get::live_hash;
use crate::value::number::until_nul;

/// A pattern.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pattern<'a> {
    /// The element.
    Element,
    /// No key.
    Nothing,
    /// A key, or one of its fields.
    Key {
        /// What stands in front of the element.
        before: &'a [u8],
        /// What stands behind it.
        behind: &'a [u8],
        /// The field.
        field: Option<&'a [u8]>,
    },
}

/// Whether a pattern has a star.
pub(super) fn has_star(text: &[u8]) -> bool {
    find_star(text).is_some()
}

fn find_star(text: &[u8]) -> Option<usize> {
    let at = text.iter().position(|&byte| matches!(byte, b'*' | 0))?;
    (text[at] == b'*').then_some(at)
}

/// Where the arrow before a field is.
fn find_arrow(text: &[u8]) -> Option<usize> {
    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    let at = text[..end].windows(2).position(|pair| pair == b"->")?;
    (at + 2 < end).then_some(at)
}

impl<'a> Pattern<'a> {
    /// The pattern that a word is.
    pub(super) fn of(text: &'a [u8]) -> Self {
        if until_nul(text) == b"#" {
            return Self::Element;
        }
        let Some(star) = find_star(text) else { return Self::Nothing };
        let (before, behind) = (&text[..star], &text[star + 1..]);
        match find_arrow(behind) {
            Some(at) => Self::Key { before, behind: &behind[..at], field: Some(&behind[at + 2..]) },
            None => Self::Key { before, behind, field: None },
        }
    }
}

impl Ctx<'_> {
    /// Lets `with` have what a pattern finds for an element: the string of a key, or of a field.
    /// `room` is for the name of the key.
    pub(super) fn look_up(
        &mut self,
        pattern: &Pattern<'_>,
        element: &[u8],
        room: &mut Vec<u8>,
        with: impl FnOnce(&mut Output, Option<&[u8]>),
    ) {
        let (before, behind, field) = match *pattern {
            Pattern::Element => return with(self.reply(), Some(element)),
            Pattern::Nothing => return with(self.reply(), None),
            Pattern::Key { before, behind, field } => (before, behind, field),
        };
        room.clear();
        [before, element, behind].into_iter().for_each(|part| room.extend_from_slice(part));
        let place = self.read(self.server.hasher.key(room));
        let hidden_until_ms = self.server.hidden_until_ms();
        let output = &mut self.client.output;
        let db = &self.server.dbs[self.client.db as usize];
        let Some(value) = place.map(|place| db.entry(place).value()) else {
            return with(output, None);
        };
        let mut digits = itoa::Buffer::new();
        match field {
            None => {
                let text = Text::of(value).ok();
                with(output, text.as_ref().map(|text| text.bytes(&mut digits)));
            }
            Some(field) => {
                let hash = live_hash(value, hidden_until_ms).ok();
                let found = hash.and_then(|hash| hash.get(field));
                with(output, found.as_ref().map(|found| found.bytes(&mut digits)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    fn drawn(text: &str) -> String {
        let text_of = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match Pattern::of(text.as_bytes()) {
            Pattern::Element => "element".into(),
            Pattern::Nothing => "nothing".into(),
            Pattern::Key { before, behind, field } => {
                let field = field.map(|field| format!(" of {}", text_of(field)));
                let field = field.unwrap_or_default();
                format!("{}|{}{field}", text_of(before), text_of(behind))
            }
        }
    }

    #[test]
    fn patterns_are_read_as_in_redis() {
        for (text, expected) in [
            ("#", "element"),
            ("#\0x", "element"),
            ("##", "nothing"),
            ("", "nothing"),
            ("key", "nothing"),
            ("key->field", "nothing"),
            ("*", "|"),
            ("w*", "w|"),
            ("w*x", "w|x"),
            ("w*x*", "w|x*"),
            ("w*->f", "w| of f"),
            ("w*x->f->g", "w|x of f->g"),
            ("w*x->*", "w|x of *"),
            ("a->b*c", "a->b|c"),
            ("a->b*c->d", "a->b|c of d"),
            ("w*->", "w|->"),
            ("w*->->", "w| of ->"),
            ("w\0*", "nothing"),
            ("w*\0->f", "w|\0->f"),
            ("w*->\0f", "w|->\0f"),
        ] {
            assert_eq!(drawn(text), expected, "{text:?}");
        }
    }
}
