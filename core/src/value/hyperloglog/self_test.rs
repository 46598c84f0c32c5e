//! PFSELFTEST: what this machine computes is what it should be.
//!
//! Elements are added to a sparse HyperLogLog, which becomes dense on the way, and to a dense one,
//! and every register is kept beside them as a byte. All three must agree all the time, and the
//! cardinality be about right.

use super::{Hyperloglog, Register, Registers, count, no_registers, raise_dense};

/// Elements that are added.
const ELEMENTS: u64 = 100_000;

/// The standard error of an estimate: 1.04 over the square root of the number of registers.
const ERROR: f64 = 1.04 / 128.0;

/// Checks itself.
///
/// # Errors
///
/// What is wrong.
pub fn self_test() -> Result<(), &'static str> {
    let mut plain = no_registers();
    let mut sparse = Hyperloglog::new(3000);
    let mut dense = Hyperloglog::new(0);
    dense.make_dense().map_err(|_| "A new HyperLogLog is corrupted")?;
    let mut next_check = 10;
    for number in 1..=ELEMENTS {
        let register = Register::of(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        let is_raised = plain[register.index] < register.value;
        plain[register.index] = plain[register.index].max(register.value);
        let by_sparse = sparse.raise(register).map_err(|_| "Opcodes are corrupted")?;
        if by_sparse != is_raised || raise_dense(&mut dense.bytes, register) != is_raised {
            return Err("A register is not raised as it should be");
        }
        if number == next_check {
            check(number, &plain, &sparse, &dense)?;
            next_check *= 10;
        }
    }
    Ok(())
}

fn check(
    added: u64,
    plain: &Registers,
    sparse: &Hyperloglog,
    dense: &Hyperloglog,
) -> Result<(), &'static str> {
    for sketch in [sparse, dense] {
        let mut registers = no_registers();
        let outcome = sketch.view().merge_into(&mut registers);
        if outcome.is_err() || registers != *plain {
            return Err("Registers are not what was added");
        }
        if sketch.view().count() != Ok(count(plain)) {
            return Err("Encodings disagree about the cardinality");
        }
    }
    let error = count(plain).abs_diff(added) as f64;
    let is_near = error <= (6.0 * ERROR * added as f64).max(1.0);
    is_near.then_some(()).ok_or("Too high error of the cardinality")
}
