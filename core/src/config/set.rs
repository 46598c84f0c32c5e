//! CONFIG SET: several settings at once, all of them or none.
//!
//! Redis first looks at every name and only then at the values, so an unknown name wins over a bad
//! value that stands before it. A name and its alias count as two directives there: the later one
//! of the same call wins. Whether a valid value also works (a port that can be bound, a directory
//! that exists) only the caller can find out; for that it keeps the old configuration and answers
//! with [`SetError::failed`].

use alloc::vec::Vec;
use core::fmt;

use super::choice::ProtectedAction;
use super::codec::{Reason, until_zero};
use super::directive::{Directive, Flag};
use super::{Config, Origin};

/// Why CONFIG SET changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// No directive has this name.
    Unknown(Vec<u8>),
    /// One of the directives cannot be set, or not to this value.
    Failed {
        /// The directive as Redis names it here: as it was asked for if the value does not matter.
        name: Vec<u8>,
        /// What is wrong.
        reason: Reason,
    },
    /// The directive cannot be set while the data is loaded.
    Loading,
}

impl SetError {
    /// A value that was valid but could not be put to work.
    pub fn failed(directive: &Directive, reason: Reason) -> Self {
        Self::Failed { name: directive.name().into(), reason }
    }

    /// The error reply, without the leading `-` and the final line break. It may contain bytes of
    /// the request, line breaks among them.
    pub fn reply(&self) -> Vec<u8> {
        match self {
            Self::Unknown(name) => [
                b"ERR Unknown option or number of arguments for CONFIG SET - '",
                until_zero(name),
                b"'",
            ]
            .concat(),
            Self::Failed { name, reason } => [
                b"ERR CONFIG SET failed (possibly related to argument '",
                until_zero(name),
                b"') - ",
                reason.as_str().as_bytes(),
            ]
            .concat(),
            Self::Loading => b"LOADING Redis is loading the dataset in memory".into(),
        }
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&alloc::string::String::from_utf8_lossy(&self.reply()))
    }
}

impl core::error::Error for SetError {}

impl Config {
    /// Sets every name to its value, or nothing at all. Returns the directives whose value is not
    /// what it was.
    pub fn set_many(
        &mut self,
        pairs: &[(&[u8], &[u8])],
        origin: Origin,
    ) -> Result<Vec<&'static Directive>, SetError> {
        let rows = self.rows_of(pairs, origin)?;
        let mut new = self.clone();
        for ((directive, name), (_, value)) in rows.iter().zip(pairs) {
            let refused = |reason| SetError::Failed { name: name.as_bytes().into(), reason };
            directive.set(&mut new, value).map_err(refused)?;
        }
        let old = core::mem::replace(self, new);
        let mut changed: Vec<&'static Directive> = Vec::new();
        for (directive, _) in rows {
            let known = changed.iter().any(|other| other.name == directive.name);
            if !known && directive.value(&old) != directive.value(self) {
                changed.push(directive);
            }
        }
        Ok(changed)
    }

    fn rows_of(
        &self,
        pairs: &[(&[u8], &[u8])],
        origin: Origin,
    ) -> Result<Vec<(&'static Directive, &'static str)>, SetError> {
        let mut rows: Vec<(&'static Directive, &'static str)> = Vec::new();
        for (asked, _) in pairs {
            let row = Directive::find_named(asked);
            let (directive, name) = row.ok_or_else(|| SetError::Unknown(asked.to_vec()))?;
            let refused =
                |reason| SetError::Failed { name: asked.to_vec(), reason: Reason::new(reason) };
            if let Some(reason) = self.forbids(directive, origin) {
                return Err(refused(reason));
            }
            if origin.is_loading() && directive.has(Flag::DenyLoading) {
                return Err(SetError::Loading);
            }
            if rows.iter().any(|(_, other)| *other == name) {
                return Err(refused("duplicate parameter"));
            }
            rows.push((directive, name));
        }
        Ok(rows)
    }

    fn forbids(&self, directive: &Directive, origin: Origin) -> Option<&'static str> {
        let Origin::Client { is_local, .. } = origin else { return None };
        if directive.has(Flag::Immutable) {
            return Some("can't set immutable config");
        }
        let allowed = match self.enable_protected_configs {
            ProtectedAction::Yes => true,
            ProtectedAction::Local => is_local,
            ProtectedAction::No => false,
        };
        let protected = directive.has(Flag::Protected) && !allowed;
        protected.then_some("can't set protected config")
    }
}
