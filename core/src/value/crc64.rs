//! The CRC-64 of RDB files and DUMP payloads (Jones polynomial, reflected, no inversion).
//!
//! Eight tables of 256 words, made at compile time, let eight bytes be folded in one step: a
//! snapshot is checksummed as it is written, so this must not be what limits it.

/// Continues a checksum over more bytes; it starts at 0.
pub fn crc64(crc: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let crc = words.iter().fold(crc, |crc, word| fold_word(crc ^ u64::from_le_bytes(*word)));
    rest.iter().fold(crc, |crc, byte| TABLES[0][usize::from(crc as u8 ^ byte)] ^ crc >> 8)
}

/// Moves 64 bits through the register at once. The first byte has the furthest way to go.
fn fold_word(word: u64) -> u64 {
    let bytes = word.to_le_bytes();
    let tables = TABLES.iter().rev();
    bytes.iter().zip(tables).fold(0, |crc, (byte, table)| crc ^ table[usize::from(*byte)])
}

/// `TABLES[n][byte]` is the checksum of that byte followed by n zero bytes.
static TABLES: [[u64; 256]; 8] = tables();

const fn tables() -> [[u64; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u64;
        let mut place = 0;
        while place < 64 {
            // Eight bits make the byte's own entry, and each further eight a zero byte more.
            crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            place += 1;
            if place % 8 == 0 {
                tables[place / 8 - 1][byte] = crc;
            }
        }
        byte += 1;
    }
    tables
}

/// 0xad93d23594c935a9 with its bits reversed.
const POLYNOMIAL: u64 = 0x95ac_9329_ac4b_c9b5;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn bit_by_bit(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0, |crc, byte| {
            (0..8).fold(crc ^ u64::from(*byte), |crc, _| {
                if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 }
            })
        })
    }

    #[test]
    fn check_value() {
        assert_eq!(crc64(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(0, b""), 0);
        assert_eq!(POLYNOMIAL, 0xad93_d235_94c9_35a9_u64.reverse_bits());
    }

    proptest! {
        #[test]
        fn equals_the_definition_in_any_split(bytes: Vec<u8>, split: usize) {
            let (head, tail) = bytes.split_at(split % (bytes.len() + 1));
            prop_assert_eq!(crc64(crc64(0, head), tail), bit_by_bit(&bytes));
        }
    }
}
