//! The options of SET and GETEX: when to store, and how long the value lives.
//!
//! Both commands share one small language. Options come in any order, all but IFEQ may be repeated
//! (the last EX counts), and two that exclude each other are a syntax error. Times are only read
//! once the words make sense: GETEX answers nil for a missing key whatever its time is. A relative
//! time becomes a deadline in ms since 1970 here, so that nothing relative goes any further.

use crate::command::args::Args;
use crate::command::error::CommandError;
use crate::turn::Now;
use crate::value::number;

/// Which words are options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Conditions, GET, KEEPTTL and times.
    Set,
    /// PERSIST and times.
    Getex,
}

/// When SET stores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Condition<'a> {
    /// Always.
    #[default]
    None,
    /// NX: when the key is not there.
    Absent,
    /// XX: when it is.
    Present,
    /// IFEQ: when its value is this.
    Equal(&'a [u8]),
}

/// What becomes of the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiration<'a> {
    /// It stays.
    Keep,
    /// It is taken away.
    Persist,
    /// It is this time, as the client wrote it.
    Time(TimeForm, &'a [u8]),
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeForm {
    /// Seconds from now.
    Ex,
    /// Milliseconds from now.
    Px,
    /// Seconds since 1970.
    Exat,
    /// Milliseconds since 1970.
    Pxat,
}

/// The options that were given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options<'a> {
    /// When SET stores.
    pub(super) condition: Condition<'a>,
    /// Whether SET returns the old value.
    pub(super) get: bool,
    /// What becomes of the deadline, if something was said about it.
    pub(super) expiration: Option<Expiration<'a>>,
}

impl<'a> Options<'a> {
    /// Reads the arguments from `first` on.
    pub(super) fn parse(
        args: Args<'a>,
        first: usize,
        dialect: Dialect,
    ) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut words = args.from(first);
        while let Some(word) = words.next() {
            if let Some(form) = TimeForm::of(word) {
                let text = words.next().ok_or(CommandError::Syntax)?;
                options.expire(Expiration::Time(form, text))?;
            } else if dialect == Dialect::Getex {
                options.take_getex(word)?;
            } else if word.eq_ignore_ascii_case(b"ifeq") {
                let comparison = words.next().ok_or(CommandError::Syntax)?;
                options.demand(Condition::Equal(comparison))?;
            } else {
                options.take_set(word)?;
            }
        }
        Ok(options)
    }

    fn take_getex(&mut self, word: &[u8]) -> Result<(), CommandError> {
        if word.eq_ignore_ascii_case(b"persist") {
            return self.expire(Expiration::Persist);
        }
        Err(CommandError::Syntax)
    }

    fn take_set(&mut self, word: &[u8]) -> Result<(), CommandError> {
        if word.eq_ignore_ascii_case(b"nx") {
            self.demand(Condition::Absent)
        } else if word.eq_ignore_ascii_case(b"xx") {
            self.demand(Condition::Present)
        } else if word.eq_ignore_ascii_case(b"keepttl") {
            self.expire(Expiration::Keep)
        } else if word.eq_ignore_ascii_case(b"get") {
            self.get = true;
            Ok(())
        } else {
            Err(CommandError::Syntax)
        }
    }

    /// Takes a condition that is the first, or NX or XX once more.
    fn demand(&mut self, condition: Condition<'a>) -> Result<(), CommandError> {
        let before = core::mem::replace(&mut self.condition, condition);
        let is_repeated = before == condition && !matches!(condition, Condition::Equal(_));
        let agrees = before == Condition::None || is_repeated;
        agrees.then_some(()).ok_or(CommandError::Syntax)
    }

    /// Takes an expiration that is the first, or written with the same word as the one before.
    fn expire(&mut self, expiration: Expiration<'a>) -> Result<(), CommandError> {
        let agrees = match (self.expiration.replace(expiration), expiration) {
            (None, _) => true,
            (Some(Expiration::Time(before, _)), Expiration::Time(form, _)) => before == form,
            (Some(before), _) => before == expiration,
        };
        agrees.then_some(()).ok_or(CommandError::Syntax)
    }
}

impl TimeForm {
    #[inline]
    fn of(word: &[u8]) -> Option<Self> {
        let (relative, absolute) = match word {
            [b'e' | b'E', b'x' | b'X', ..] => (Self::Ex, Self::Exat),
            [b'p' | b'P', b'x' | b'X', ..] => (Self::Px, Self::Pxat),
            _ => return None,
        };
        match &word[2..] {
            [] => Some(relative),
            [b'a' | b'A', b't' | b'T'] => Some(absolute),
            _ => None,
        }
    }

    /// The deadline in ms since 1970 that `text` says; `command` is named in the error.
    ///
    /// Zero and negative times are errors, absolute ones too, and so is a deadline that 63 bits of
    /// milliseconds do not hold.
    pub(super) fn deadline_ms(
        self,
        text: &[u8],
        now: Now,
        command: &'static str,
    ) -> Result<u64, CommandError> {
        let amount = number::parse_i64(text).ok_or(CommandError::NotInteger)?;
        let unit_ms = if matches!(self, Self::Ex | Self::Exat) { 1000 } else { 1 };
        let base_ms = if matches!(self, Self::Ex | Self::Px) { now.wall_ms() } else { 0 };
        let at = (amount > 0).then_some(amount).and_then(|amount| amount.checked_mul(unit_ms));
        let at = at.and_then(|amount_ms| amount_ms.checked_add(base_ms)).filter(|&at| at > 0);
        at.and_then(|at| u64::try_from(at).ok()).ok_or(CommandError::ExpireTime(command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::parse::Span;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    fn parse(line: &str, dialect: Dialect) -> Option<Options<'_>> {
        let mut spans = Vec::new();
        for word in line.split(' ') {
            let start = (word.as_ptr() as usize - line.as_ptr() as usize) as u32;
            spans.push(Span { start, len: word.len() as u32 });
        }
        // The options borrow from the line, not from the spans.
        Options::parse(Args::new(line.as_bytes(), spans.leak()), 0, dialect).ok()
    }

    #[test]
    fn options_combine_or_exclude_each_other() {
        let all = parse("nx GET Ex 5", Dialect::Set).unwrap();
        assert_eq!(all.condition, Condition::Absent);
        assert_eq!(all.expiration, Some(Expiration::Time(TimeForm::Ex, b"5")));
        assert!(all.get);
        for fine in ["EX 1 EX 2", "NX NX", "KEEPTTL KEEPTTL", "GET GET"] {
            assert!(parse(fine, Dialect::Set).is_some(), "{fine}");
        }
        for bad in [
            "NX XX",
            "XX NX",
            "IFEQ a NX",
            "XX IFEQ a",
            "IFEQ a IFEQ a",
            "EX 1 PX 2",
            "EX 1 KEEPTTL",
            "KEEPTTL PXAT 2",
            "EX",
            "IFEQ",
            "PERSIST",
            "EXA 1",
            "",
        ] {
            assert!(parse(bad, Dialect::Set).is_none(), "{bad}");
        }
    }

    #[test]
    fn getex_has_fewer_words() {
        let persist = parse("persist", Dialect::Getex).unwrap();
        assert_eq!(persist.expiration, Some(Expiration::Persist));
        for bad in ["NX", "GET", "KEEPTTL", "IFEQ a", "PERSIST EX 1", "PX 1 PERSIST"] {
            assert!(parse(bad, Dialect::Getex).is_none(), "{bad}");
        }
    }

    #[test]
    fn deadlines_are_absolute_and_in_range() {
        let now = Now { mono_ns: 0, wall_us: 5_000_500 };
        let at = |form: TimeForm, text: &str| form.deadline_ms(text.as_bytes(), now, "set").ok();
        assert_eq!(at(TimeForm::Ex, "2"), Some(7000));
        assert_eq!(at(TimeForm::Px, "2"), Some(5002));
        assert_eq!(at(TimeForm::Exat, "2"), Some(2000));
        assert_eq!(at(TimeForm::Pxat, "2"), Some(2));
        assert_eq!(at(TimeForm::Exat, "9223372036854775"), Some(9_223_372_036_854_775_000));
        assert_eq!(at(TimeForm::Exat, "9223372036854776"), None);
        let most = i64::MAX.to_string();
        assert_eq!(at(TimeForm::Pxat, &most), Some(i64::MAX as u64));
        assert_eq!(at(TimeForm::Px, &most), None);
        for bad in ["0", "-1", "x", ""] {
            assert_eq!(at(TimeForm::Pxat, bad), None, "{bad}");
        }
    }

    #[test]
    fn a_clock_before_1970_makes_no_deadline() {
        let now = Now { mono_ns: 0, wall_us: -5_000_000 };
        assert!(TimeForm::Px.deadline_ms(b"5000", now, "set").is_err());
        assert_eq!(TimeForm::Px.deadline_ms(b"5001", now, "set"), Ok(1));
    }
}
