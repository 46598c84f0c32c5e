//! The registry: every command by number, and by name.
//!
//! Names are looked up a million times a second, so the table is made once at start: open
//! addressing, with names of up to sixteen bytes packed into one number in lower case, so that a
//! probe is one comparison. Numbers are dense; statistics are kept in arrays by number.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::spec::Command;

/// One command or subcommand with its number's facts.
#[derive(Debug)]
pub struct Row {
    /// The row beside the function.
    pub command: &'static Command,
    /// `get`, or `client|kill` for a subcommand: the name in statistics and ACL rules.
    pub full_name: Box<str>,
    /// Number of the first subcommand; they follow each other.
    pub first_subcommand: u16,
}

/// All commands.
#[derive(Debug)]
pub struct Registry {
    rows: Vec<Row>,
    slots: Vec<Slot>,
    tops: Vec<u16>,
}

/// A place of the table; vacant with the number [`VACANT`].
#[derive(Clone, Copy, Debug)]
struct Slot {
    packed: u128,
    id: u16,
}

const SLOTS: usize = 2048;
const VACANT: u16 = u16::MAX;

impl Registry {
    /// The commands of `families`, in their order.
    #[must_use]
    pub fn new(families: &[&'static [Command]]) -> Self {
        let mut registry = Self {
            rows: Vec::new(),
            slots: alloc::vec![Slot { packed: 0, id: VACANT }; SLOTS],
            tops: Vec::new(),
        };
        for command in families.iter().copied().flatten() {
            registry.add(command);
        }
        registry
    }

    fn add(&mut self, command: &'static Command) {
        let id = self.rows.len() as u16;
        let full_name = String::from(command.name).into_boxed_str();
        self.rows.push(Row { command, full_name, first_subcommand: id + 1 });
        for sub in command.subcommands {
            let full_name = format!("{}|{}", command.name, sub.name).into_boxed_str();
            self.rows.push(Row { command: sub, full_name, first_subcommand: 0 });
        }
        assert!(self.find(command.name.as_bytes()).is_none(), "{} has one row", command.name);
        let packed = pack(command.name.as_bytes());
        let mut slot = slot_of(packed);
        while self.slots[slot].id != VACANT {
            slot = (slot + 1) % SLOTS;
        }
        self.slots[slot] = Slot { packed, id };
        self.tops.push(id);
    }

    /// The number of the command called `name`, in any case.
    #[inline]
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<u16> {
        let packed = pack(name);
        let mut slot = slot_of(packed);
        loop {
            let Slot { packed: found, id } = self.slots[slot];
            if id == VACANT {
                return None;
            }
            if found == packed && self.is_named(id, name) {
                return Some(id);
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// Whether a command whose packed name agrees really has this name: what packing left out.
    #[inline]
    fn is_named(&self, id: u16, name: &[u8]) -> bool {
        let known = self.rows[id as usize].command.name.as_bytes();
        known.len() == name.len() && (name.len() <= 16 || known.eq_ignore_ascii_case(name))
    }

    /// The number of the subcommand `name` of the container `id`.
    #[must_use]
    pub fn find_subcommand(&self, id: u16, name: &[u8]) -> Option<u16> {
        let row = self.row(id);
        let mut subs = row.command.subcommands.iter();
        let at = subs.position(|sub| sub.name.as_bytes().eq_ignore_ascii_case(name))?;
        Some(row.first_subcommand + at as u16)
    }

    /// The command that `name`, as `get` or `client|kill`, stands for.
    #[must_use]
    pub fn find_full(&self, name: &[u8]) -> Option<u16> {
        match name.iter().position(|&byte| byte == b'|') {
            Some(bar) => self.find_subcommand(self.find(&name[..bar])?, &name[bar + 1..]),
            None => self.find(name),
        }
    }

    /// The row of a number.
    #[inline]
    #[must_use]
    pub fn row(&self, id: u16) -> &Row {
        &self.rows[id as usize]
    }

    /// Every row, subcommands after their containers.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The numbers of the commands that are no subcommands.
    #[must_use]
    pub fn tops(&self) -> &[u16] {
        &self.tops
    }
}

/// The first sixteen bytes of a name in lower case; zeros after its end.
#[inline]
fn pack(name: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    let len = name.len().min(16);
    bytes[..len].copy_from_slice(&name[..len]);
    bytes.make_ascii_lowercase();
    u128::from_le_bytes(bytes)
}

#[inline]
fn slot_of(packed: u128) -> usize {
    let mixed = (packed as u64) ^ ((packed >> 64) as u64).rotate_left(29);
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize % SLOTS
}
