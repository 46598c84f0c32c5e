//! Any bytes as a dump, in pieces: an error with an offset inside of the file, or entries.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seedis_core::rdb::load::{Item, Limits, Making, Reader};

fuzz_target!(|data: &[u8]| {
    let Some((&piece, file)) = data.split_first() else { return };
    let limits = Limits {
        string_bytes_max: 512 << 20,
        file_bytes: Some(file.len() as u64),
        making: Making::default(),
        verify_checksum: piece & 1 == 0,
    };
    let mut reader = Reader::new(limits);
    let mut pieces = file.chunks(usize::from(piece) + 1);
    loop {
        match reader.next() {
            Ok(Item::Need(_)) => match pieces.next() {
                Some(piece) => reader.push(piece),
                None => return assert!(reader.end_of_file().offset <= file.len() as u64),
            },
            Ok(Item::End(_)) => return,
            Ok(_) => {}
            Err(error) => return assert!(error.offset <= file.len() as u64, "{error}"),
        }
    }
});
