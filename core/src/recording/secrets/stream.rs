//! The requests of one connection, followed byte by byte as they arrive.
//!
//! The parser of the core needs a request whole and looks at it in place; here the bytes pass by
//! once, cut anywhere, and are changed on the way. The form is the same: arrays of bulk strings,
//! else lines. What is neither ends the connection, so nothing behind it needs to be understood.

use alloc::vec::Vec;

use super::rules::{Holds, Rules};
use super::{Mask, mask_value};
use crate::config::Directive;
use crate::resp::parse::{self, Limits, Parsed, Span};

/// Longest word that is looked at: longer ones name nothing.
const WORD_BYTES: usize = 48;

/// Where in a request the next byte belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// The first byte of a request.
    #[default]
    Begin,
    /// The number of arguments; then the byte that ends the line.
    Count,
    CountEnd,
    /// The `$` before an argument.
    Dollar,
    /// The length of an argument; then the byte that ends the line.
    Length,
    LengthEnd,
    /// An argument.
    Body,
    /// So many bytes behind an argument.
    Tail(u8),
    /// A line of words, inside of the quotes given, or of none.
    Line(u8),
    /// In a line, behind a backslash inside of quotes.
    Escaped(u8),
    /// Nothing is understood any more.
    Lost,
}

/// What becomes of an argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Treat {
    #[default]
    Keep,
    /// It stays, and decides about others.
    Read,
    Secret,
    Value,
}

/// A connection's place in its requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    stage: Stage,
    /// The count or length that is being read; `None` if it is none.
    number: Option<i64>,
    digits: u32,
    is_negative: bool,
    args: u64,
    args_left: u64,
    body_left: usize,
    /// The number of the argument.
    at: u32,
    holds: Holds,
    treat: Treat,
    /// How the next arguments are treated.
    next: [Treat; 3],
    /// Inside of a word of a line.
    is_in_word: bool,
    word: Word,
    mask: Option<Mask>,
}

#[derive(Clone, Copy, Debug)]
struct Word {
    bytes: [u8; WORD_BYTES],
    len: usize,
}

impl Default for Word {
    fn default() -> Self {
        Self { bytes: [0; WORD_BYTES], len: 0 }
    }
}

impl Word {
    /// A word that is too long is kept as one that names nothing.
    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().take(WORD_BYTES - self.len) {
            self.bytes[self.len] = byte.to_ascii_lowercase();
            self.len += 1;
        }
    }

    fn name(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The end of the request at `at` if it is here as a whole and holds nothing to mask: that is what
/// nearly all are, and this is faster than byte by byte.
#[inline]
fn harmless(bytes: &[u8], at: usize, rules: &Rules, spans: &mut Vec<Span>) -> Option<usize> {
    let limits = Limits { bulk_bytes_max: u64::MAX, authenticated: true };
    if bytes.get(at) != Some(&b'*') {
        return None;
    }
    spans.clear();
    let parsed = parse::parse(bytes, at, spans, &mut Vec::new(), &mut None, limits);
    let Ok(Parsed::Request { end }) = parsed else { return None };
    let name = spans.first()?;
    let mut word = Word::default();
    word.push(bytes.get(name.start as usize..)?.get(..name.len as usize)?);
    (Holds::of(word.name(), rules.masks_values) == Holds::Nothing).then_some(end)
}

impl Stream {
    /// Masks the next bytes; whether there were secrets. `spans` are for use inside.
    pub(super) fn mask(&mut self, bytes: &mut [u8], rules: &Rules, spans: &mut Vec<Span>) -> bool {
        let (mut at, mut has_secrets) = (0, false);
        while at < bytes.len() {
            if self.stage == Stage::Begin
                && let Some(end) = harmless(bytes, at, rules, spans)
            {
                at = end;
                continue;
            }
            if self.stage == Stage::Body {
                let len = self.body_left.min(bytes.len() - at);
                has_secrets |= self.part(&mut bytes[at..at + len], rules);
                at += len;
                self.body_left -= len;
                if self.body_left == 0 {
                    self.end_argument(rules);
                    self.stage = Stage::Tail(2);
                }
                continue;
            }
            if self.stage == Stage::Lost {
                if rules.masks_values {
                    mask_value(&mut bytes[at..]);
                }
                break;
            }
            has_secrets |= self.step(&mut bytes[at], rules);
            at += 1;
        }
        has_secrets
    }

    /// Takes one byte that is not inside of a bulk string.
    #[inline]
    fn step(&mut self, byte: &mut u8, rules: &Rules) -> bool {
        match self.stage {
            Stage::Begin if *byte == b'*' => self.begin_number(Stage::Count),
            Stage::Begin => {
                self.begin_request(u64::MAX);
                self.stage = Stage::Line(0);
                return self.line(byte, 0, rules);
            }
            Stage::Count => self.digit(*byte, Stage::CountEnd),
            Stage::CountEnd => self.end_count(),
            Stage::Dollar if *byte == b'$' => self.begin_number(Stage::Length),
            Stage::Length => self.digit(*byte, Stage::LengthEnd),
            Stage::LengthEnd => self.end_length(rules),
            Stage::Tail(2) => self.stage = Stage::Tail(1),
            Stage::Tail(_) => self.end_tail(),
            Stage::Line(quote) => return self.line(byte, quote, rules),
            Stage::Escaped(quote) => {
                self.stage = Stage::Line(quote);
                return self.part(core::slice::from_mut(byte), rules);
            }
            Stage::Dollar | Stage::Body | Stage::Lost => self.stage = Stage::Lost,
        }
        false
    }

    fn begin_number(&mut self, stage: Stage) {
        self.stage = stage;
        self.number = Some(0);
        self.digits = 0;
        self.is_negative = false;
    }

    fn digit(&mut self, byte: u8, end: Stage) {
        match byte {
            b'\r' => {
                self.number = self.number.filter(|_| self.digits > 0);
                self.stage = end;
            }
            b'0'..=b'9' => {
                let digit = i64::from(byte - b'0');
                let more = |number: i64| number.checked_mul(10)?.checked_add(digit);
                self.number = self.number.and_then(more);
                self.digits += 1;
            }
            // A negative count stands for no arguments; a negative length is an error.
            b'-' if self.digits == 0 && end == Stage::CountEnd => self.is_negative = true,
            _ => self.number = None,
        }
    }

    fn end_count(&mut self) {
        match self.number {
            None => self.stage = Stage::Lost,
            Some(count) if count == 0 || self.is_negative => self.stage = Stage::Begin,
            Some(count) => {
                self.begin_request(count.unsigned_abs());
                self.stage = Stage::Dollar;
            }
        }
    }

    fn end_length(&mut self, rules: &Rules) {
        let Some(len) = self.number.and_then(|len| usize::try_from(len).ok()) else {
            self.stage = Stage::Lost;
            return;
        };
        self.begin_argument(rules);
        self.body_left = len;
        self.stage = Stage::Body;
        if len == 0 {
            self.end_argument(rules);
            self.stage = Stage::Tail(2);
        }
    }

    fn end_tail(&mut self) {
        self.args_left -= 1;
        self.stage = if self.args_left == 0 { Stage::Begin } else { Stage::Dollar };
    }

    /// Takes a byte of a line.
    fn line(&mut self, byte: &mut u8, quote: u8, rules: &Rules) -> bool {
        match *byte {
            b'\n' => {
                self.end_word(rules);
                self.stage = Stage::Begin;
            }
            b' ' | b'\t' | b'\r' if quote == 0 => self.end_word(rules),
            b'"' | b'\'' if quote == 0 => {
                self.begin_word(rules);
                self.stage = Stage::Line(*byte);
            }
            end if quote != 0 && end == quote => self.stage = Stage::Line(0),
            b'\\' if quote != 0 => self.stage = Stage::Escaped(quote),
            _ => {
                self.begin_word(rules);
                return self.part(core::slice::from_mut(byte), rules);
            }
        }
        false
    }

    fn begin_word(&mut self, rules: &Rules) {
        if !self.is_in_word {
            self.is_in_word = true;
            self.begin_argument(rules);
        }
    }

    fn end_word(&mut self, rules: &Rules) {
        if self.is_in_word {
            self.is_in_word = false;
            self.end_argument(rules);
        }
    }

    fn begin_request(&mut self, args: u64) {
        (self.args, self.args_left) = (args, args);
        self.at = 0;
        self.holds = Holds::Nothing;
        self.next = [Treat::Read, Treat::Keep, Treat::Keep];
    }

    fn begin_argument(&mut self, rules: &Rules) {
        let [now, next, later] = self.next;
        self.treat = now;
        self.next = [next, later, Treat::Keep];
        match self.treat {
            Treat::Read => self.word.len = 0,
            Treat::Secret => self.mask = Some(rules.begin()),
            Treat::Keep | Treat::Value => {}
        }
    }

    /// A part of an argument; whether it is one of a secret.
    #[inline]
    fn part(&mut self, bytes: &mut [u8], rules: &Rules) -> bool {
        match self.treat {
            Treat::Keep => {}
            Treat::Read => self.word.push(bytes),
            Treat::Value => mask_value(bytes),
            Treat::Secret => self.mask.get_or_insert_with(|| rules.begin()).secret(bytes),
        }
        self.treat == Treat::Secret && !bytes.is_empty()
    }

    /// An argument has ended: decides about the next.
    #[inline]
    fn end_argument(&mut self, rules: &Rules) {
        if self.at == 0 {
            self.holds = Holds::of(self.word.name(), rules.masks_values);
        }
        if self.holds != Holds::Nothing {
            self.decide();
        }
        self.at = self.at.saturating_add(1);
    }

    fn decide(&mut self) {
        let next = self.at.saturating_add(1);
        let word = self.word.name();
        let was_read = self.treat == Treat::Read;
        let value_if = |is_value| if is_value { Treat::Value } else { Treat::Keep };
        match self.holds {
            Holds::Nothing => {}
            // Of two arguments the first is a name. In a line nobody knows how many will come.
            Holds::Auth if self.args == 3 && next == 1 => {}
            Holds::Auth => self.next[0] = Treat::Secret,
            Holds::Hello if self.at >= 2 && was_read && word == b"auth" => {
                self.next[1] = Treat::Secret;
            }
            Holds::Hello if self.at >= 2 && was_read && word == b"setname" => {}
            Holds::Hello => {
                if self.next == [Treat::Keep; 3] {
                    self.next[0] = Treat::Read;
                }
            }
            Holds::Config if self.at == 0 => self.next[0] = Treat::Read,
            Holds::Config if self.at == 1 && word != b"set" => self.holds = Holds::Nothing,
            Holds::Config if next.is_multiple_of(2) => self.next[0] = Treat::Read,
            Holds::Config => {
                if Directive::find(word).is_some_and(Directive::is_sensitive) {
                    self.next[0] = Treat::Secret;
                }
            }
            Holds::ValueAt(at) => self.next[0] = value_if(next == at),
            Holds::ValuesBehindKeys => self.next[0] = value_if(next.is_multiple_of(2)),
            Holds::ValuesFrom(from) => self.next[0] = value_if(next >= from),
            Holds::ValuesBehindFields if was_read && self.at > 1 && word == b"fields" => {
                self.holds = Holds::ValuesFrom(next.saturating_add(1));
            }
            Holds::ValuesBehindFields => {
                self.next[0] = if next > 1 { Treat::Read } else { Treat::Keep };
            }
            Holds::ValueOfSet => {
                let is_comparison = was_read && self.at > 2 && word == b"ifeq";
                self.next[0] = match next {
                    2 => Treat::Value,
                    3.. if is_comparison => Treat::Value,
                    3.. => Treat::Read,
                    _ => Treat::Keep,
                };
            }
            Holds::ValuesOfXadd if next < 2 => {}
            Holds::ValuesOfXadd => match word {
                b"maxlen" | b"minid" if was_read => {
                    (self.holds, self.next[0]) = (Holds::ThresholdOfXadd, Treat::Read);
                }
                b"limit" if was_read => {}
                b"nomkstream" if was_read => self.next[0] = Treat::Read,
                _ if was_read => {
                    (self.holds, self.next[0]) = (Holds::ValuesFrom(2), Treat::Value);
                }
                _ => self.next[0] = Treat::Read,
            },
            Holds::ThresholdOfXadd => {
                self.holds = Holds::ValuesOfXadd;
                self.next[0] = if matches!(word, b"~" | b"=") { Treat::Keep } else { Treat::Read };
            }
            Holds::ValuesOfBitfield => {
                if was_read && self.at > 1 && matches!(word, b"set" | b"incrby") {
                    self.next[2] = Treat::Value;
                } else if next > 1 && self.next == [Treat::Keep; 3] {
                    self.next[0] = Treat::Read;
                }
            }
        }
    }
}
