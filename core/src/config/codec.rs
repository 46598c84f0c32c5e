//! How the text of one directive becomes a value, and a value text again.
//!
//! A codec is a small constant: its type says the kind of a directive, its fields the bounds. It
//! reads the words of one line, it prints what CONFIG GET answers, and it writes the lines of
//! CONFIG REWRITE, which differ from the former where a value needs quotes, units, several lines,
//! or none at all. The value of a codec may be wider than the field that keeps it (all integers
//! are read as `i128`); [`write`] narrows it, and the bounds in the table make sure that it fits.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::choice::Choice;

/// Why a value was refused, in Redis's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(Cow<'static, str>);

impl Reason {
    /// A reason in these words.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(text.into())
    }

    /// The words, without prefix or final line break.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What CONFIG REWRITE writes behind the name of a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The arguments, quoted where they need it.
    pub(super) arguments: Vec<u8>,
    /// Whether the line is appended when the old file has none to put it into.
    pub(super) force: bool,
}

/// The text of one kind of directives.
pub(super) trait Codec {
    /// What the text stands for.
    type Value: PartialEq;

    /// Whether a line may have several words; a single word is then split at its spaces.
    const MANY_WORDS: bool = false;

    /// The value that these words name.
    fn parse(&self, words: &[&[u8]]) -> Result<Self::Value, Reason>;

    /// The value after these words changed a part of `old`; most kinds have no parts.
    fn update(&self, words: &[&[u8]], old: Self::Value) -> Result<Self::Value, Reason> {
        drop(old);
        self.parse(words)
    }

    /// The answer of CONFIG GET.
    fn print(&self, value: &Self::Value) -> Vec<u8>;

    /// The lines of CONFIG REWRITE; none if the old file must not keep one.
    fn rewrite(&self, value: &Self::Value, default: &Self::Value) -> Vec<Line> {
        vec![Line { arguments: self.print(value), force: value != default }]
    }
}

/// The answer of CONFIG GET for this field.
pub(super) fn read<C, F>(codec: &C, field: &F) -> Vec<u8>
where
    C: Codec<Value: From<F>>,
    F: Clone,
{
    codec.print(&C::Value::from(field.clone()))
}

/// Sets this field to what the words name, or leaves it as it is.
pub(super) fn write<C, F>(codec: &C, field: &mut F, words: &[&[u8]]) -> Result<(), Reason>
where
    C: Codec<Value: From<F>>,
    F: Clone + TryFrom<C::Value>,
{
    let value = codec.update(words, C::Value::from(field.clone()))?;
    *field = F::try_from(value).map_err(|_| Reason::new(DOES_NOT_FIT))?;
    Ok(())
}

/// The lines of CONFIG REWRITE for this field.
pub(super) fn rewrite<C, F>(codec: &C, field: &F, default: &F) -> Vec<Line>
where
    C: Codec<Value: From<F>>,
    F: Clone,
{
    codec.rewrite(&C::Value::from(field.clone()), &C::Value::from(default.clone()))
}

/// Whether the codec takes several words.
pub(super) const fn takes_many_words<C: Codec>(_: &C) -> bool {
    C::MANY_WORDS
}

/// The words of a value that came as one piece: CONFIG SET, or one argument of a file's line.
pub(super) fn words_of(text: &[u8], many: bool) -> Vec<&[u8]> {
    match (many, text.is_empty()) {
        (false, _) => vec![text],
        (true, true) => Vec::new(),
        (true, false) => text.split(|byte| *byte == b' ').collect(),
    }
}

/// The one word of a directive that takes one. Redis reads it as a C string: up to a zero byte.
pub(super) fn one_word<'a>(words: &[&'a [u8]]) -> Result<&'a [u8], Reason> {
    match words {
        [word] => Ok(until_zero(word)),
        _ => Err(Reason::new(WRONG_NUMBER)),
    }
}

/// The bytes before the first zero byte.
pub(super) fn until_zero(word: &[u8]) -> &[u8] {
    word.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// `yes` or `no`.
pub(super) struct YesNo;

impl Codec for YesNo {
    type Value = bool;

    fn parse(&self, words: &[&[u8]]) -> Result<bool, Reason> {
        let word = one_word(words)?;
        if word.eq_ignore_ascii_case(b"yes") {
            return Ok(true);
        }
        if word.eq_ignore_ascii_case(b"no") {
            return Ok(false);
        }
        Err(Reason::new("argument must be 'yes' or 'no'"))
    }

    fn print(&self, value: &bool) -> Vec<u8> {
        if *value { b"yes".into() } else { b"no".into() }
    }
}

/// One word of a fixed list.
pub(super) struct OneOf<T>(PhantomData<T>);

impl<T> OneOf<T> {
    /// The codec of this type.
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Choice> Codec for OneOf<T> {
    type Value = T;

    fn parse(&self, words: &[&[u8]]) -> Result<T, Reason> {
        T::from_word(one_word(words)?).ok_or_else(|| one_of(T::WORDS.iter().map(|(word, _)| *word)))
    }

    fn print(&self, value: &T) -> Vec<u8> {
        value.word().into()
    }
}

/// The error of a word that is none of these.
pub(super) fn one_of(words: impl Iterator<Item = &'static str>) -> Reason {
    let mut text = String::from("argument(s) must be one of the following: ");
    for (index, word) in words.enumerate() {
        text.push_str(if index == 0 { "" } else { ", " });
        text.push_str(word);
    }
    Reason::new(text)
}

/// A directive whose feature does not exist: the value that turns it off is all that it takes.
pub(super) struct Off<C: Codec> {
    /// How the text is read.
    pub(super) codec: C,
    /// The value that needs no feature.
    pub(super) value: C::Value,
    /// What anything else is answered with.
    pub(super) reason: &'static str,
}

impl<C: Codec> Codec for Off<C> {
    type Value = C::Value;

    fn parse(&self, words: &[&[u8]]) -> Result<C::Value, Reason> {
        let value = self.codec.parse(words)?;
        if value == self.value { Ok(value) } else { Err(Reason::new(self.reason)) }
    }

    fn print(&self, value: &C::Value) -> Vec<u8> {
        self.codec.print(value)
    }

    fn rewrite(&self, value: &C::Value, default: &C::Value) -> Vec<Line> {
        self.codec.rewrite(value, default)
    }
}

/// The error of a line with too many or too few words.
pub(super) const WRONG_NUMBER: &str = "wrong number of arguments";

/// The error of a row whose bounds are wider than its field; a test makes sure that none is.
pub(super) const DOES_NOT_FIT: &str = "value does not fit its field";
