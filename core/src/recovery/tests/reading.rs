//! How the bytes of a file are cut into reads does not matter.

use proptest::prelude::*;

use super::*;
use crate::log::frame::{self, Header};
use crate::recovery::log_reader::{Damage, Found, LogReader};
use crate::recovery::scan::Scan;

/// What a file is made of.
#[derive(Clone, Debug)]
enum Piece {
    /// A batch of a command, and how much before it is not durable.
    Batch(u8, Option<u64>),
    Lsn,
    Timestamp,
    Foreign(u8),
    Transaction(u8),
    Noise(Vec<u8>),
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        4 => (any::<u8>(), prop::option::of(0..50_u64)).prop_map(|(k, u)| Piece::Batch(k, u)),
        1 => Just(Piece::Lsn),
        1 => Just(Piece::Timestamp),
        2 => any::<u8>().prop_map(Piece::Foreign),
        1 => any::<u8>().prop_map(Piece::Transaction),
        1 => prop::collection::vec(any::<u8>(), 1..4).prop_map(Piece::Noise),
    ]
}

fn file_of(pieces: &[Piece]) -> Vec<u8> {
    let (mut bytes, mut lsn) = (Vec::new(), 0);
    for piece in pieces {
        match piece {
            Piece::Batch(key, undurable) => {
                let payload = command(&format!("SET k{key} #v"));
                Header::of(&payload, lsn, 0, undurable.map(|bytes| bytes.min(lsn)))
                    .write(&mut bytes);
                bytes.extend(&payload);
                lsn += payload.len() as u64;
            }
            Piece::Lsn => frame::write_lsn(&mut bytes, lsn, 0),
            Piece::Timestamp => bytes.extend(b"#TS:1700000000\r\n"),
            Piece::Foreign(key) => {
                let command = command(&format!("DEL k{key}"));
                lsn += command.len() as u64;
                bytes.extend(command);
            }
            Piece::Transaction(key) => {
                let block = commands(&["MULTI", &format!("SET k{key} 1"), "INCR n", "EXEC"]);
                lsn += block.len() as u64;
                bytes.extend(block);
            }
            Piece::Noise(noise) => bytes.extend(noise),
        }
    }
    bytes
}

/// All commands, the LSN behind them, and the damage where they end.
fn read(bytes: &[u8], cuts: &[usize]) -> (Vec<u8>, u64, Option<Damage>) {
    let mut reader = LogReader::new(0, bytes.len() as u64, 0, true, false);
    let mut all = Vec::new();
    let mut at = 0;
    for &to in cuts.iter().chain(&[bytes.len()]) {
        let to = to.max(at);
        reader.push(&bytes[at..to]);
        at = to;
        loop {
            match reader.next(at == bytes.len()) {
                Found::Run(ranges) => {
                    for range in ranges {
                        let start = reader.offset_of(range.start) as usize;
                        assert_eq!(
                            bytes[start..start + range.len()],
                            reader.bytes()[range.clone()]
                        );
                        all.extend_from_slice(&reader.bytes()[range]);
                    }
                    reader.run_is_done();
                }
                Found::More => break,
                Found::End => return (all, reader.lsn(), None),
                Found::Damage(damage) => return (all, reader.lsn(), Some(damage)),
            }
        }
    }
    panic!("a file ends at its end");
}

fn scan(bytes: &[u8], cuts: &[usize]) -> (bool, bool, bool) {
    let mut scan = Scan::new(0, true);
    let mut at = 0;
    for &to in cuts.iter().chain(&[bytes.len()]) {
        let to = to.max(at);
        scan.push(&bytes[at..to], to == bytes.len());
        at = to;
    }
    (scan.is_rot(), scan.found_batch(), scan.all_zero())
}

proptest! {
    #[test]
    fn cuts_between_reads_do_not_matter(
        pieces in prop::collection::vec(piece(), 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        lost in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = file_of(&pieces);
        if let Some(lost) = lost {
            bytes.truncate(lost.index(bytes.len() + 1));
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(read(&bytes, &cuts), read(&bytes, &[]));
        prop_assert_eq!(scan(&bytes, &cuts), scan(&bytes, &[]));
    }

    #[test]
    fn byte_by_byte_is_no_different(pieces in prop::collection::vec(piece(), 0..6)) {
        let bytes = file_of(&pieces);
        let every: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(read(&bytes, &every), read(&bytes, &[]));
        prop_assert_eq!(scan(&bytes, &every), scan(&bytes, &[]));
    }

    /// Whatever lies before a batch that says that the beginning was durable.
    #[test]
    fn a_batch_behind_damage_is_found(
        noise in prop::collection::vec(any::<u8>(), 0..80),
        lost in 1..60_u64,
        undurable in 0..200_u64,
    ) {
        let (mut bytes, payload) = (noise.clone(), command("SET k v"));
        let lsn = 1000 + lost.min(noise.len() as u64);
        Header::of(&payload, lsn, 0, Some(undurable)).write(&mut bytes);
        bytes.extend(&payload);
        let mut scan = Scan::new(1000, true);
        scan.push(&bytes, true);
        // What lies before it may look like the beginning of another header.
        let is_seen = noise.last() != Some(&b'#');
        prop_assert!(scan.found_batch() || !is_seen);
        prop_assert!(scan.is_rot() == (lsn - undurable > 1000) || !is_seen);
    }
}
