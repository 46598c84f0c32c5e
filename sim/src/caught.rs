//! Findings caught where they would end the process.
//!
//! Every check panics, and so does a core that breaks. What is caught is the finding and the place
//! in the source where it was made, which tells panics of the core apart. Needs a build that
//! unwinds: `--profile sim`.

use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

use crate::finding::{Finding, Invariant};

/// A finding that was caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caught {
    /// What was found.
    pub finding: Finding,
    /// Where: file and line.
    pub place: String,
}

impl Caught {
    /// Whether it is the same thing that goes wrong, as far as one can tell: of broken cores and
    /// wrong replies there are many kinds, which the place tells apart.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let has_many = matches!(self.finding.invariant, Invariant::Core | Invariant::P1);
        let is_same_place = self.place == other.place;
        self.finding.invariant == other.finding.invariant && (!has_many || is_same_place)
    }
}

impl fmt::Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { invariant, words } = &self.finding;
        write!(f, "{invariant}: {words} ({})", self.place)
    }
}

thread_local! {
    /// How many calls are being watched on this thread, and where the last panic of them was.
    static WATCHED: RefCell<(u32, String)> = const { RefCell::new((0, String::new())) };
}

static HOOK: Once = Once::new();

/// Calls something, and gives what it panicked with if it did.
///
/// # Errors
///
/// The panic. In a build that aborts there are none: the process ends.
pub fn catch<T>(call: impl FnOnce() -> T) -> Result<T, Caught> {
    HOOK.call_once(|| {
        let other = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !note(info) {
                other(info);
            }
        }));
    });
    WATCHED.with_borrow_mut(|watched| watched.0 += 1);
    let result = catch_unwind(AssertUnwindSafe(call));
    let place = WATCHED.with_borrow_mut(|watched| {
        watched.0 -= 1;
        std::mem::take(&mut watched.1)
    });
    result.map_err(|payload| Caught { finding: Finding::of(&*payload), place })
}

/// Whether somebody watches.
fn note(info: &PanicHookInfo<'_>) -> bool {
    let place = info.location().map(|at| format!("{}:{}", at.file(), at.line()));
    WATCHED.with_borrow_mut(|watched| {
        if watched.0 > 0 {
            if cfg!(panic = "abort") {
                eprintln!("{info}\nThis build cannot go on from here: use --profile sim.");
            }
            watched.1 = place.unwrap_or_default();
        }
        watched.0 > 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::found;

    #[test]
    fn a_panic_is_told_with_its_place() {
        let caught = catch(|| panic!("number {}", 5)).expect_err("it panics");
        assert_eq!(caught.finding.invariant, Invariant::Core);
        assert_eq!(caught.finding.words, "number 5");
        assert!(caught.place.starts_with("sim/src/caught.rs:"), "{}", caught.place);
        assert_eq!(catch(|| 7), Ok(7));
    }

    #[test]
    fn kinds_are_told_apart_by_invariant_or_else_by_place() {
        let d1 = || catch(|| found(Invariant::D1, "once")).expect_err("found");
        let elsewhere = catch(|| found(Invariant::D1, "again")).expect_err("found");
        assert!(d1().is_like(&elsewhere));
        let core = |is_first: bool| match is_first {
            true => catch(|| panic!("one")).expect_err("it panics"),
            false => catch(|| panic!("one")).expect_err("it panics"),
        };
        assert!(core(true).is_like(&core(true)) && !core(true).is_like(&core(false)));
        assert!(!core(true).is_like(&d1()));
    }
}
