//! The row of one directive: its names, its flags, and how its text gets in and out of [`Config`].
//!
//! Files, CONFIG GET, SET and REWRITE know no directive by name: they look rows up and call what
//! the row holds. A row is written with one of two macros. `row!` names the field of [`Config`]
//! that keeps the value. `later!` is for a directive of a feature that does not exist yet: its text
//! is checked and kept in [`Later`], so that it reads back and survives a rewrite, but nothing acts
//! on it; the loader warns when a file gives it a value other than Redis's default.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Config;
use super::codec::{Codec, Line, Reason, words_of};
use super::table;

/// What holds for a directive beyond its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag {
    /// Only the file and the command line may set it.
    Immutable,
    /// CONFIG GET shows it only by its exact name.
    Hidden,
    /// CONFIG SET needs `enable-protected-configs`.
    Protected,
    /// Its value is a secret: logs must not show it.
    Sensitive,
    /// CONFIG SET is refused while the data is loaded.
    DenyLoading,
    /// Ignoring it would let in somebody whom the file keeps out.
    Guard,
}

/// One directive of the configuration.
pub struct Directive {
    /// The name of Redis 7.2.
    pub(super) name: &'static str,
    /// An older name that means the same.
    pub(super) alias: Option<&'static str>,
    pub(super) flags: &'static [Flag],
    pub(super) is_later: bool,
    pub(super) takes_many_words: bool,
    pub(super) read: fn(&Config) -> Vec<u8>,
    pub(super) write: fn(&mut Config, &[&[u8]]) -> Result<(), Reason>,
    /// The lines of CONFIG REWRITE, given the configuration and the default one.
    pub(super) rewrite: fn(&Config, &Config) -> Vec<Line>,
}

impl Directive {
    /// Every directive, group by group.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        table::GROUPS.iter().copied().flatten()
    }

    /// The directive that has this name or this alias, in any case.
    pub fn find(name: &[u8]) -> Option<&'static Self> {
        Self::find_named(name).map(|(directive, _)| directive)
    }

    /// Like [`Self::find`], with the name or the alias, whichever it was, as the table writes it.
    pub(super) fn find_named(name: &[u8]) -> Option<(&'static Self, &'static str)> {
        let same = |known: &&str| known.as_bytes().eq_ignore_ascii_case(name);
        Self::all().find_map(|row| row.names().find(same).map(|known| (row, known)))
    }

    /// The name of Redis 7.2, in lower case.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The name, then the alias if there is one.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        [self.name].into_iter().chain(self.alias)
    }

    /// Whether only the file and the command line may set it.
    pub fn is_immutable(&self) -> bool {
        self.has(Flag::Immutable)
    }

    /// Whether its value is a secret, which SLOWLOG, MONITOR and logs must not show.
    pub fn is_sensitive(&self) -> bool {
        self.has(Flag::Sensitive)
    }

    /// Whether nothing acts on it yet.
    pub fn is_later(&self) -> bool {
        self.is_later
    }

    /// Its value in this configuration, as CONFIG GET prints it.
    pub fn value(&self, config: &Config) -> Vec<u8> {
        (self.read)(config)
    }

    pub(super) fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// Sets it to a value that came as one piece.
    pub(crate) fn set(&self, config: &mut Config, value: &[u8]) -> Result<(), Reason> {
        (self.write)(config, &words_of(value, self.takes_many_words))
    }

    /// Sets it to the arguments of a line of a file.
    pub(super) fn set_words(&self, config: &mut Config, words: &[&[u8]]) -> Result<(), Reason> {
        match words {
            [word] => self.set(config, word),
            _ => (self.write)(config, words),
        }
    }
}

impl core::fmt::Debug for Directive {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Directive").field(&self.name).finish()
    }
}

/// Values of directives that nothing acts on yet: text as CONFIG GET prints it, by name, for those
/// that are not at Redis's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Later(BTreeMap<&'static str, Vec<u8>>);

impl Later {
    pub(super) fn read(&self, name: &str, default: &str) -> Vec<u8> {
        self.0.get(name).cloned().unwrap_or_else(|| default.as_bytes().into())
    }

    pub(super) fn write<C: Codec>(
        &mut self,
        (name, default): (&'static str, &'static str),
        codec: &C,
        words: &[&[u8]],
    ) -> Result<(), Reason> {
        let text = codec.print(&codec.parse(words)?);
        if text == default.as_bytes() {
            self.0.remove(name);
        } else {
            self.0.insert(name, text);
        }
        Ok(())
    }

    /// An absent master alone has no text that sets it; it has no line either.
    pub(super) fn rewrite<C: Codec>(
        &self,
        (name, default): (&'static str, &'static str),
        codec: &C,
    ) -> Vec<Line> {
        let parse = |text: &[u8]| codec.parse(&words_of(text, C::MANY_WORDS));
        let Ok(value) = parse(&self.read(name, default)) else { return Vec::new() };
        let default = parse(default.as_bytes());
        codec.rewrite(&value, default.as_ref().unwrap_or(&value))
    }
}

/// A directive whose value is a field of `Config`:
/// `row!("name" / "alias", field, codec, [flags])`.
macro_rules! row {
    ($name:literal $(/ $alias:literal)?, $field:ident, $codec:expr $(, [$($flag:ident),+])?) => {
        $crate::config::directive::Directive {
            name: $name,
            alias: $crate::config::directive::alias!($($alias)?),
            flags: &[$($($crate::config::directive::Flag::$flag),+)?],
            is_later: false,
            takes_many_words: $crate::config::codec::takes_many_words(&$codec),
            read: |config| $crate::config::codec::read(&$codec, &config.$field),
            write: |config, words| $crate::config::codec::write(&$codec, &mut config.$field, words),
            rewrite: |config, default| {
                $crate::config::codec::rewrite(&$codec, &config.$field, &default.$field)
            },
        }
    };
}

/// A directive without a reader: `later!("name" / "alias", codec, "default", [flags])`.
macro_rules! later {
    (
        $name:literal $(/ $alias:literal)?, $codec:expr, $default:literal
        $(, [$($flag:ident),+])?
    ) => {
        $crate::config::directive::Directive {
            name: $name,
            alias: $crate::config::directive::alias!($($alias)?),
            flags: &[$($($crate::config::directive::Flag::$flag),+)?],
            is_later: true,
            takes_many_words: $crate::config::codec::takes_many_words(&$codec),
            read: |config| config.later.read($name, $default),
            write: |config, words| config.later.write(($name, $default), &$codec, words),
            rewrite: |config, _| config.later.rewrite(($name, $default), &$codec),
        }
    };
}

macro_rules! alias {
    () => {
        None
    };
    ($alias:literal) => {
        Some($alias)
    };
}

pub(super) use {alias, later, row};
