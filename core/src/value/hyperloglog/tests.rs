//! HyperLogLogs against a naive array of registers, and against bytes that nobody made.

use super::*;
use alloc::format;
use proptest::prelude::{Just, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy;

fn register() -> impl Strategy<Value = Register> {
    let index = prop_oneof![3 => 0..90_usize, 1 => 0..REGISTERS, 1 => REGISTERS - 9..REGISTERS];
    let value = prop_oneof![9 => 1..4_u8, 3 => 1..33_u8];
    (index, value).prop_map(|(index, value)| Register { index, value })
}

fn registers_of(view: View<'_>) -> Registers {
    let mut registers = no_registers();
    view.merge_into(&mut registers).expect("the opcodes make sense");
    registers
}

fn dense() -> Hyperloglog {
    let mut dense = Hyperloglog::new(0);
    dense.make_dense().expect("the opcodes make sense");
    dense
}

/// A sparse header and some opcodes.
fn sparse_string(opcodes: &[u8]) -> Vec<u8> {
    let mut bytes = Hyperloglog::new(0).into_bytes();
    bytes.truncate(HEADER_BYTES);
    bytes.extend_from_slice(opcodes);
    bytes
}

proptest! {
    #[test]
    fn both_encodings_are_an_array_of_registers(
        added in prop::collection::vec(register(), 0..400),
        sparse_bytes_max in prop_oneof![Just(3000_usize), 18..200_usize],
        great in prop::option::of(33..52_u8),
    ) {
        let mut plain = no_registers();
        let (mut sparse, mut dense) = (Hyperloglog::new(sparse_bytes_max), dense());
        let great = great.map(|value| Register { index: 5, value });
        for register in added.into_iter().chain(great) {
            let known = &mut plain[register.index];
            let is_raised = *known < register.value;
            *known = register.value.max(*known);
            prop_assert_eq!(sparse.view().is_raised_by(register), Ok(is_raised));
            prop_assert_eq!(sparse.raise(register), Ok(is_raised));
            prop_assert_eq!(dense.raise(register), Ok(is_raised));
            prop_assert_eq!(sparse.view().is_raised_by(register), Ok(false));
        }
        prop_assert_eq!(&registers_of(sparse.view()), &plain);
        prop_assert_eq!(&registers_of(dense.view()), &plain);
        prop_assert_eq!(sparse.view().count(), Ok(count(&plain)));
        prop_assert_eq!(dense.view().count(), Ok(count(&plain)));
        if sparse.view().encoding() == Encoding::Sparse {
            prop_assert!(sparse.bytes.len() <= sparse_bytes_max);
            prop_assert!(sparse.make_dense().is_ok());
        }
        prop_assert_eq!(sparse.into_bytes(), dense.into_bytes());
    }

    /// A search that goes on where the last one ended finds what a whole one finds.
    #[test]
    fn a_cursor_changes_nothing(
        added in prop::collection::vec(register(), 0..300),
        merged in prop::collection::vec(register(), 0..300),
    ) {
        let (mut slow, mut plain) = (Hyperloglog::new(3000), no_registers());
        for register in added {
            slow.raise(register).expect("the opcodes make sense");
        }
        let mut quick = slow.clone();
        for Register { index, value } in merged {
            plain[index] = value.max(plain[index]);
        }
        quick.raise_all(&plain).expect("the opcodes make sense");
        for (index, &value) in plain.iter().enumerate().filter(|(_, value)| **value > 0) {
            slow.cursor = sparse::Cursor::default();
            slow.raise(Register { index, value }).expect("the opcodes make sense");
        }
        prop_assert_eq!(slow.into_bytes(), quick.into_bytes());
    }

    #[test]
    fn nothing_that_a_client_sets_makes_it_panic(
        opcodes in prop::collection::vec(prop_oneof![any::<u8>(), 0x40..=0x7f_u8], 0..40),
        whole in any::<bool>(),
        registers in prop::collection::vec(register(), 0..40),
    ) {
        let mut opcodes = opcodes;
        if whole {
            opcodes.extend_from_slice(&sparse::EMPTY);
        }
        let bytes = sparse_string(&opcodes);
        let view = View::of(&bytes).expect("the header is right");
        let is_sound = view.merge_into(&mut no_registers()).is_ok();
        prop_assert_eq!(view.count().is_ok(), is_sound);
        let mut changed = Hyperloglog::copy(view, 60);
        for register in registers {
            let before = changed.view().is_raised_by(register);
            let raised = changed.raise(register);
            prop_assert!(raised == before || raised == Err(Corrupted));
            prop_assert!(!is_sound || raised.is_ok());
        }
        prop_assert!(changed.make_dense().is_ok() || !is_sound);
        let mut noise = opcodes;
        noise.extend_from_slice(&[0; HEADER_BYTES]);
        prop_assert!(View::of(&noise).is_none());
    }
}

#[test]
fn only_strings_with_the_header_are_some() {
    let empty = Hyperloglog::new(0).into_bytes();
    assert!(View::of(&empty).is_some());
    assert!(View::of(&empty[..HEADER_BYTES]).is_some(), "no opcodes, which is found later");
    assert!(View::of(&empty[..HEADER_BYTES - 1]).is_none());
    let mut other = empty;
    other[ENCODING_AT] = 2;
    assert!(View::of(&other).is_none());
    other[ENCODING_AT] = 0;
    assert!(View::of(&other).is_none(), "too short for a dense one");
    assert!(View::of(&dense().into_bytes()).is_some());
    assert!(View::of(b"").is_none());
}

/// What Redis makes of the same elements, as PFDEBUG DECODE shows it.
#[test]
fn opcodes_are_those_of_redis() {
    let mut sketch = Hyperloglog::new(3000);
    for element in ["a", "b", "c"] {
        assert_eq!(sketch.raise(Register::of(element.as_bytes())), Ok(true));
    }
    let runs: Vec<_> = sketch.view().opcodes().map(|run| (run.value, run.len)).collect();
    assert_eq!(runs, [(0, 8436), (1, 1), (0, 4274), (2, 1), (0, 3068), (1, 1), (0, 603)]);
    assert_eq!(sketch.view().count(), Ok(3));
    let expected = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80";
    assert_eq!(sketch.into_stale_bytes()[..HEADER_BYTES], expected[..]);
}

#[test]
fn made_up_registers_have_a_cardinality() {
    let all = |value: u8| {
        let mut registers = no_registers();
        registers.fill(value);
        count(&registers)
    };
    assert_eq!(all(0), 0);
    assert_eq!([all(51), all(63)], [1 << 63; 2]);
    assert!(all(1) > 20_000);
}

#[test]
fn the_self_test_passes() {
    assert_eq!(self_test(), Ok(()));
}

#[test]
fn estimates_are_near() {
    let mut sketch = Hyperloglog::new(3000);
    for number in 0..50_000 {
        sketch.raise(Register::of(format!("element {number}").as_bytes())).expect("it is sound");
    }
    let count = sketch.view().count().expect("it is sound");
    assert!((49_000..51_000).contains(&count), "{count}");
}
