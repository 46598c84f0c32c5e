//! The notation in which a row writes down the arguments of its command, and its parser.
//!
//! COMMAND DOCS wants a tree of records. Written as records, the tree of one command would fill a
//! screen and nobody would read it; so a row carries a usage string, and the tree is derived when
//! somebody asks for it. Arguments stand in order, separated by spaces:
//!
//! | notation | argument |
//! |---|---|
//! | `value`, `seconds:integer` | a value; types `string` (default) `integer` `double` `key` `pattern` `unix-time` |
//! | `NX`, `'*'` | a pure token; one of other signs than `A-Z0-9-` stands in single quotes |
//! | `EX seconds:integer`, `LIMIT limit=(offset count)` | what follows a token directly bears it |
//! | `(a b)`, `(a\|b)` | a block; one of |
//! | `[a]`, `[a b]`, `[a\|b]` | an optional argument, block, one of |
//! | `unit=(M\|KM)`, `change=[CH]` | the name of a block or a one-of, or of a token that is not named as it is |
//! | `key:key*` | several |
//! | `[GET pattern]+` | several, the token before each |
//! | `NOW@7.0.0`, `a@-7.0.0`, `a@6.2.0-7.0.0` | the version that brought it, that deprecated it, both |
//! | `by:pattern#1` | index of its key spec; the first key has 0, the next 1, unless they say |
//! | `addr{ip:port}` | what usage texts show in place of the name |
//!
//! The hard case is a token before a value that it does not belong to: put it in a bracket or give
//! it a name (`(flag=FULL count)`), either ends it. A group of one argument is that argument, so
//! `(IFEQ comparison)` inside a one-of is no block. Every block and one-of needs a name.

use alloc::string::String;
use alloc::vec::Vec;

#[cfg(test)]
mod tests;

/// What an argument is, with the name in COMMAND DOCS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any bytes.
    String,
    /// An integer.
    Integer,
    /// A number.
    Double,
    /// A key.
    Key,
    /// A glob pattern.
    Pattern,
    /// Seconds or milliseconds since 1970.
    UnixTime,
    /// A word that stands for itself.
    PureToken,
    /// One of its arguments.
    OneOf,
    /// All of its arguments.
    Block,
}

impl Kind {
    /// The name in COMMAND DOCS.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Key => "key",
            Self::Pattern => "pattern",
            Self::UnixTime => "unix-time",
            Self::PureToken => "pure-token",
            Self::OneOf => "oneof",
            Self::Block => "block",
        }
    }

    fn of_value(name: &str) -> Option<Self> {
        let values =
            [Self::String, Self::Integer, Self::Double, Self::Key, Self::Pattern, Self::UnixTime];
        values.into_iter().find(|kind| kind.name() == name)
    }
}

/// One argument, or a group of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument<'a> {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The word before it, or that it is.
    pub token: Option<&'a str>,
    /// What usage texts show when that is not the name.
    pub display: Option<&'a str>,
    /// Index of the key spec that finds it.
    pub key_spec: Option<u8>,
    /// The version that brought it, if the command is older.
    pub since: Option<&'a str>,
    /// The version that deprecated it.
    pub deprecated_since: Option<&'a str>,
    /// It may be left out.
    pub optional: bool,
    /// It may be repeated.
    pub multiple: bool,
    /// Its token is repeated with it.
    pub multiple_token: bool,
    /// The arguments of a group.
    pub arguments: Vec<Self>,
}

/// Where a notation is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadNotation {
    /// Byte of the text.
    pub at: usize,
    /// What is wrong there.
    pub why: &'static str,
}

/// The arguments that `notation` describes.
pub fn parse(notation: &str) -> Result<Vec<Argument<'_>>, BadNotation> {
    let mut parser = Parser { text: notation, at: 0, keys: 0 };
    let mut arguments = parser.sequence()?;
    if parser.at < notation.len() {
        return Err(parser.bad("an argument or the end is wanted"));
    }
    arguments.iter_mut().try_for_each(|argument| finish(argument, notation.len()))?;
    Ok(arguments)
}

impl<'a> Argument<'a> {
    fn new(kind: Kind) -> Self {
        Self {
            name: String::new(),
            kind,
            token: None,
            display: None,
            key_spec: None,
            since: None,
            deprecated_since: None,
            optional: false,
            multiple: false,
            multiple_token: false,
            arguments: Vec::new(),
        }
    }

    fn group(kind: Kind, arguments: Vec<Self>) -> Self {
        Self { arguments, ..Self::new(kind) }
    }

    fn pure_token(token: &'a str) -> Self {
        Self { token: Some(token), ..Self::new(Kind::PureToken) }
    }
}

/// Names the tokens that have no other name; refuses a group without one.
fn finish(argument: &mut Argument<'_>, end: usize) -> Result<(), BadNotation> {
    if argument.name.is_empty() {
        let token = argument.token.filter(|_| argument.kind == Kind::PureToken);
        let token = token.ok_or(BadNotation { at: end, why: "a group has no name" })?;
        argument.name = token.to_ascii_lowercase();
    }
    argument.arguments.iter_mut().try_for_each(|inner| finish(inner, end))
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// Keys so far.
    keys: u8,
}

impl<'a> Parser<'a> {
    fn bad(&self, why: &'static str) -> BadNotation {
        BadNotation { at: self.at, why }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes `sign` if it is next.
    fn takes(&mut self, sign: char) -> bool {
        let is_next = self.peek() == Some(sign);
        self.at += if is_next { sign.len_utf8() } else { 0 };
        is_next
    }

    /// Takes everything up to a character that does not belong.
    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Takes everything up to `sign`, and that.
    fn take_until(&mut self, sign: char) -> Result<&'a str, BadNotation> {
        let inner = self.take_while(|c| c != sign);
        if self.takes(sign) { Ok(inner) } else { Err(self.bad("something is left open")) }
    }

    fn skip_spaces(&mut self) {
        self.take_while(|c| c == ' ');
    }

    /// Arguments one after the other.
    fn sequence(&mut self) -> Result<Vec<Argument<'a>>, BadNotation> {
        let mut arguments = Vec::new();
        self.skip_spaces();
        while !matches!(self.peek(), None | Some('|' | ')' | ']')) {
            arguments.push(self.argument()?);
            self.skip_spaces();
        }
        Ok(arguments)
    }

    fn argument(&mut self) -> Result<Argument<'a>, BadNotation> {
        let name = self.name_before_equals();
        let mut argument = self.unnamed(name.is_some())?;
        if let Some(name) = name {
            if !argument.name.is_empty() {
                return Err(self.bad("a value has two names"));
            }
            argument.name = name.into();
        }
        self.marks(&mut argument)?;
        Ok(argument)
    }

    /// Takes `name=`.
    fn name_before_equals(&mut self) -> Option<&'a str> {
        let start = self.at;
        let name = self.take_while(is_of_word);
        if !name.is_empty() && self.takes('=') {
            return Some(name);
        }
        self.at = start;
        None
    }

    fn unnamed(&mut self, is_named: bool) -> Result<Argument<'a>, BadNotation> {
        if self.takes('[') {
            let argument = self.group(']')?;
            return Ok(Argument { optional: true, ..argument });
        }
        if self.takes('(') {
            return self.group(')');
        }
        if self.takes('\'') {
            let token = self.take_until('\'')?;
            return self.after_token(token, is_named);
        }
        let start = self.at;
        let word = self.take_while(is_of_word);
        match word.chars().next() {
            None => Err(BadNotation { at: start, why: "an argument is wanted" }),
            Some('A'..='Z') => self.after_token(word, is_named),
            Some(_) => self.value(word),
        }
    }

    /// What a group holds, and its closing sign.
    fn group(&mut self, close: char) -> Result<Argument<'a>, BadNotation> {
        let mut alternatives = Vec::new();
        loop {
            alternatives.push(self.alternative()?);
            if !self.takes('|') {
                break;
            }
        }
        if !self.takes(close) {
            return Err(self.bad("a group is left open"));
        }
        if alternatives.len() > 1 {
            return Ok(Argument::group(Kind::OneOf, alternatives));
        }
        alternatives.pop().ok_or_else(|| self.bad("a group is empty"))
    }

    fn alternative(&mut self) -> Result<Argument<'a>, BadNotation> {
        let mut arguments = self.sequence()?;
        match arguments.len() {
            0 => Err(self.bad("an argument is wanted")),
            1 => Ok(arguments.swap_remove(0)),
            _ => Ok(Argument::group(Kind::Block, arguments)),
        }
    }

    /// A token alone, or with the value or the group that it introduces.
    fn after_token(&mut self, token: &'a str, is_named: bool) -> Result<Argument<'a>, BadNotation> {
        let mut rest = self.rest().strip_prefix(' ').unwrap_or_default().chars();
        let introduces = matches!(rest.next(), Some('a'..='z' | '('));
        if !introduces || is_named {
            return Ok(Argument::pure_token(token));
        }
        self.skip_spaces();
        let argument = self.argument()?;
        if argument.token.is_some() || argument.optional {
            return Err(self.bad("a token stands before something that cannot bear it"));
        }
        Ok(Argument { token: Some(token), ..argument })
    }

    fn value(&mut self, name: &'a str) -> Result<Argument<'a>, BadNotation> {
        let mut kind = Kind::String;
        if self.takes(':') {
            let start = self.at;
            let word = self.take_while(is_of_word);
            kind = Kind::of_value(word).ok_or(BadNotation { at: start, why: "no such type" })?;
        }
        let mut argument = Argument { name: name.into(), ..Argument::new(kind) };
        if kind == Kind::Key {
            argument.key_spec = Some(self.keys);
            self.keys += 1;
        }
        Ok(argument)
    }

    fn marks(&mut self, argument: &mut Argument<'a>) -> Result<(), BadNotation> {
        loop {
            if self.takes('*') {
                argument.multiple = true;
            } else if self.takes('+') {
                argument.multiple = true;
                argument.multiple_token = true;
            } else if self.takes('#') {
                let digits = self.take_while(|c| c.is_ascii_digit());
                let index = digits.parse().map_err(|_| self.bad("an index is wanted"))?;
                argument.key_spec = Some(index);
            } else if self.takes('{') {
                argument.display = Some(self.take_until('}')?);
            } else if self.takes('@') {
                let version = |text: &'a str| (!text.is_empty()).then_some(text);
                argument.since = version(self.take_while(is_of_version));
                if self.takes('-') {
                    argument.deprecated_since = version(self.take_while(is_of_version));
                }
            } else {
                return Ok(());
            }
        }
    }
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

fn is_of_version(c: char) -> bool {
    c.is_ascii_digit() || c == '.'
}
