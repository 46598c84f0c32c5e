//! The registry: every command by number, and by name.
//!
//! Names are looked up a million times a second, so the table is made once at start: open
//! addressing, with names of up to sixteen bytes packed into one number in lower case, so that a
//! probe is one comparison. Numbers are dense; statistics are kept in arrays by number. What the
//! engine asks about every request is worked out here once, as `Facts`.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::spec::{Categories, Command, Flags, Group};

/// One command or subcommand with its number's facts.
#[derive(Debug)]
pub struct Row {
    /// The row beside the function.
    pub command: &'static Command,
    /// `get`, or `client|kill` for a subcommand: the name in statistics and ACL rules.
    pub full_name: Box<str>,
    /// Number of the first subcommand; they follow each other.
    pub first_subcommand: u16,
    pub(crate) facts: Facts,
}

/// What follows from a row and is asked for every request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// It reads or writes values and nothing else: after it the server and its client are in the
    /// state that they were in, so that what was checked for the command before holds for the next.
    pub(crate) is_plain: bool,
    /// It may change how the next request is parsed.
    pub(crate) ends_batch: bool,
    /// It tells how long others took.
    pub(crate) looks_at_times: bool,
    /// It makes small aggregates longer.
    pub(crate) grows: bool,
    /// Argument of its first key.
    pub(crate) first_key: Option<u8>,
    /// Argument of the first member or field that it looks for in an aggregate.
    pub(crate) first_member: Option<u8>,
}

/// The categories of commands that work on values of one type.
const TYPES: [Categories; 9] = [
    Categories::STRING,
    Categories::BITMAP,
    Categories::LIST,
    Categories::HASH,
    Categories::SET,
    Categories::SORTEDSET,
    Categories::STREAM,
    Categories::HYPERLOGLOG,
    Categories::GEO,
];

impl Facts {
    fn of(command: &Command) -> Self {
        // The subcommands of a container may be for administrators, and commands that are allowed
        // before AUTH may change whether the client has said who it is.
        let changes_parsing = command.flags.has(Flags::ADMIN) || command.flags.has(Flags::NO_AUTH);
        let ends_batch = changes_parsing || !command.subcommands.is_empty();
        let is_data = command.flags.has(Flags::READONLY) || command.flags.has(Flags::WRITE);
        let is_typed = TYPES.iter().any(|&of_type| command.categories.has(of_type));
        let is_special = [Flags::MAY_REPLICATE, Flags::PROTECTED, Flags::BLOCKING];
        let is_plain = is_data
            && is_typed
            && !ends_batch
            && !command.categories.has(Categories::DANGEROUS)
            && !is_special.iter().any(|&flag| command.flags.has(flag));
        let looks_at_times = (ends_batch || command.categories.has(Categories::DANGEROUS))
            && matches!(command.name, "info" | "latency" | "slowlog");
        let (first_key, first_member) = (command.first_key(), first_member(command));
        let is_aggregate =
            matches!(command.group, Group::Hash | Group::List | Group::Set | Group::SortedSet);
        let grows = is_aggregate && command.flags.has(Flags::DENYOOM);
        Self { is_plain, ends_batch, looks_at_times, grows, first_key, first_member }
    }
}

/// Members stand right behind the key, or behind their score, or nowhere that is always the same.
fn first_member(command: &Command) -> Option<u8> {
    let behind_key = command.arguments.strip_prefix("key:key ")?;
    let behind_key = behind_key.strip_prefix("data=(").unwrap_or(behind_key);
    let is_member = behind_key.starts_with("member") || behind_key.starts_with("field");
    match command.group {
        Group::Set | Group::Hash | Group::SortedSet if is_member => Some(2),
        Group::SortedSet if matches!(command.name, "zadd" | "zincrby") => Some(3),
        _ => None,
    }
}

/// All commands.
#[derive(Debug)]
pub struct Registry {
    rows: Vec<Row>,
    slots: Box<[Slot; SLOTS]>,
    tops: Vec<u16>,
}

/// A place of the table; vacant with the number [`VACANT`].
#[derive(Clone, Copy, Debug)]
struct Slot {
    packed: u128,
    id: u16,
    /// Length of the name.
    len: u16,
}

const SLOTS: usize = 2048;
const VACANT: u16 = u16::MAX;

impl Registry {
    /// The commands of `families`, in their order.
    #[must_use]
    pub fn new(families: &[&'static [Command]]) -> Self {
        let mut registry = Self {
            rows: Vec::new(),
            slots: Box::new([Slot { packed: 0, id: VACANT, len: 0 }; SLOTS]),
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
        let facts = Facts::of(command);
        self.rows.push(Row { command, full_name, first_subcommand: id + 1, facts });
        for sub in command.subcommands {
            let full_name = format!("{}|{}", command.name, sub.name).into_boxed_str();
            let facts = Facts::of(sub);
            self.rows.push(Row { command: sub, full_name, first_subcommand: 0, facts });
        }
        assert!(self.find(command.name.as_bytes()).is_none(), "{} has one row", command.name);
        let packed = pack(command.name.as_bytes());
        let mut slot = slot_of(packed);
        while self.slots[slot].id != VACANT {
            slot = (slot + 1) % SLOTS;
        }
        self.slots[slot] = Slot { packed, id, len: command.name.len() as u16 };
        self.tops.push(id);
    }

    /// The number of the command called `name`, in any case.
    #[inline]
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<u16> {
        let packed = pack(name);
        let mut slot = slot_of(packed);
        loop {
            let Slot { packed: found, id, len } = self.slots[slot];
            if id == VACANT {
                return None;
            }
            if found == packed && len as usize == name.len() && self.ends_as(id, name) {
                return Some(id);
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// Whether a command whose packed name and length agree really has this name: what packing
    /// left out.
    #[inline]
    fn ends_as(&self, id: u16, name: &[u8]) -> bool {
        name.len() <= 16
            || self.rows[id as usize].command.name.as_bytes().eq_ignore_ascii_case(name)
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
    let bytes = first_bytes(name);
    u128::from(lowercase(bytes as u64)) | u128::from(lowercase((bytes >> 64) as u64)) << 64
}

/// Eight bytes in lower case, all at once: a byte is a capital letter if adding to its low seven
/// bits passes 127 from `A` on and does not from `[` on.
#[inline]
fn lowercase(bytes: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let low = bytes & (ONES * 0x7f);
    let is_from_a = low + ONES * (0x80 - b'A' as u64);
    let is_behind_z = low + ONES * (0x7f - b'Z' as u64);
    let is_capital = (is_from_a ^ is_behind_z) & !bytes & (ONES * 0x80);
    bytes | is_capital >> 2
}

/// The first sixteen bytes; zeros after the end. Of each length two loads that overlap are enough,
/// which is quicker than a copy of so many bytes.
#[inline]
fn first_bytes(name: &[u8]) -> u128 {
    if let Some(&bytes) = name.first_chunk::<16>() {
        return u128::from_le_bytes(bytes);
    }
    if let (Some(&first), Some(&last)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        let last = u128::from(u64::from_le_bytes(last));
        return u128::from(u64::from_le_bytes(first)) | last << (8 * (name.len() - 8));
    }
    if let (Some(&first), Some(&last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        let last = u64::from(u32::from_le_bytes(last));
        let both = u64::from(u32::from_le_bytes(first)) | last << (8 * (name.len() - 4));
        return u128::from(both);
    }
    match *name {
        [a] => u128::from(a),
        [a, b] => u128::from(u32::from_le_bytes([a, b, 0, 0])),
        [a, b, c] => u128::from(u32::from_le_bytes([a, b, c, 0])),
        _ => 0,
    }
}

#[inline]
fn slot_of(packed: u128) -> usize {
    let mixed = (packed as u64) ^ ((packed >> 64) as u64).rotate_left(29);
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_packed_in_lower_case_whatever_their_length() {
        let all: Vec<u8> = (0..=255).collect();
        for len in 0..=20 {
            for start in 0..=all.len() - len {
                let name = &all[start..start + len];
                let mut expected = [0; 16];
                let kept = len.min(16);
                expected[..kept].copy_from_slice(&name[..kept]);
                expected.make_ascii_lowercase();
                assert_eq!(pack(name).to_le_bytes(), expected, "{name:?}");
            }
        }
    }
}
