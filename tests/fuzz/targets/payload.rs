//! Any bytes as the payload of RESTORE, with the footer that makes them worth a look.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seedis_core::rdb::load::Making;
use seedis_core::rdb::payload::restore;
use seedis_core::value::crc64::crc64;

fuzz_target!(|data: &[u8]| {
    let (making, mut room) = (Making::default(), Vec::new());
    let _ = restore(data, 1 << 20, &making, &mut room);
    let mut payload = data.to_vec();
    payload.extend_from_slice(&11_u16.to_le_bytes());
    let sum = crc64(0, &payload);
    payload.extend_from_slice(&sum.to_le_bytes());
    let _ = restore(&payload, 1 << 20, &making, &mut room);
});
