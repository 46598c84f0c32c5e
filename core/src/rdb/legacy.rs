//! Packed forms that older servers wrote: ziplists and zipmaps.
//!
//! Both are runs of bytes like a listpack, with other heads in front of their elements. They are
//! only read, element by element, and what comes out is built anew. Every byte may be hostile: a
//! length is believed when its bytes are there, and what does not fit is `None`.

use alloc::vec::Vec;

use crate::value::listpack::Element;

/// Header of a ziplist: bytes in all and offset of the last element, 4 bytes each, and the number
/// of elements in 2.
const ZIPLIST_HEADER_BYTES: usize = 10;

/// The byte that ends a ziplist or a zipmap.
const END: u8 = 0xff;

/// A length in front of an element that takes 4 bytes more.
const LONG: u8 = 0xfe;

/// The elements of a ziplist (ziplist.c); `None` when it is damaged.
pub(super) fn ziplist(blob: &[u8]) -> Option<Vec<Element<'_>>> {
    let (header, mut rest) = blob.split_first_chunk::<ZIPLIST_HEADER_BYTES>()?;
    let total = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
    if total as usize != blob.len() {
        return None;
    }
    let mut elements = Vec::new();
    let mut entry_bytes = 0;
    while rest != [END] {
        let before = rest.len();
        let (announced, after) = previous(rest)?;
        if announced != entry_bytes {
            return None;
        }
        let (element, after) = ziplist_element(after)?;
        elements.push(element);
        rest = after;
        entry_bytes = before - rest.len();
    }
    Some(elements)
}

/// Length of the element before, which stands in front of every one.
fn previous(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    match first {
        END => None,
        LONG => {
            let (len, rest) = rest.split_first_chunk()?;
            Some((u32::from_le_bytes(*len) as usize, rest))
        }
        short => Some((short.into(), rest)),
    }
}

fn ziplist_element(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&head, rest) = bytes.split_first()?;
    let int = |len: usize| {
        let (number, rest) = rest.split_at_checked(len)?;
        let mut wide = if number.last()? & 0x80 == 0 { [0; 8] } else { [0xff; 8] };
        wide[..len].copy_from_slice(number);
        Some((Element::Int(i64::from_le_bytes(wide)), rest))
    };
    let len = match head {
        0x00..=0x3f => return text(rest, head.into()),
        0x40..=0x7f => {
            let (&low, rest) = rest.split_first()?;
            return text(rest, usize::from(head & 0x3f) << 8 | usize::from(low));
        }
        0x80 => {
            let (len, rest) = rest.split_first_chunk()?;
            return text(rest, u32::from_be_bytes(*len) as usize);
        }
        0xc0 => 2,
        0xd0 => 4,
        0xe0 => 8,
        0xf0 => 3,
        0xfe => 1,
        0xf1..=0xfd => return Some((Element::Int(i64::from(head & 0x0f) - 1), rest)),
        _ => return None,
    };
    int(len)
}

fn text(bytes: &[u8], len: usize) -> Option<(Element<'_>, &[u8])> {
    let (text, rest) = bytes.split_at_checked(len)?;
    Some((Element::of(text), rest))
}

/// Fields and values of a zipmap in turns (zipmap.c); `None` when it is damaged.
pub(super) fn zipmap(blob: &[u8]) -> Option<Vec<Element<'_>>> {
    let (_, mut rest) = blob.split_first()?;
    let mut elements = Vec::new();
    while rest != [END] {
        let (len, after) = previous(rest)?;
        let (field, after) = text(after, len)?;
        let (len, after) = previous(after)?;
        let (&unused, after) = after.split_first()?;
        let (value, after) = text(after, len)?;
        elements.extend([field, value]);
        rest = after.get(unused.into()..)?;
    }
    Some(elements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Strings, immediate numbers and numbers of every width, as ziplist.c's comments show them.
    const ZIPLIST: &[u8] = b"\x29\0\0\0\x1f\0\0\0\x07\0\
        \x00\xf3\x02\x02hi\x04\xfe\x80\x03\xc0\x00\x01\x04\xf0\x00\x00\x80\
        \x05\xd0\x00\x00\x00\x01\x06\x40\x03abc\xff";

    #[test]
    fn ziplists_are_read() {
        let elements = ziplist(ZIPLIST).unwrap();
        let expected = [
            Element::Int(2),
            Element::Text(b"hi"),
            Element::Int(-128),
            Element::Int(256),
            Element::Int(-0x80_0000),
            Element::Int(0x100_0000),
            Element::Text(b"abc"),
        ];
        assert_eq!(elements, expected);
    }

    #[test]
    fn zipmaps_are_read() {
        let map = b"\x02\x03foo\x03\x00bar\x05hello\x05\x02world..\xff";
        let texts: [&[u8]; 4] = [b"foo", b"bar", b"hello", b"world"];
        assert_eq!(zipmap(map).unwrap(), texts.map(Element::Text));
        let long = [&b"\x01\xfe\x03\0\0\0foo\x01\x00x\xff"[..]].concat();
        assert_eq!(zipmap(&long).unwrap().len(), 2);
    }

    #[test]
    fn cuts_and_flips_are_no_panic() {
        for len in 0..ZIPLIST.len() {
            assert_eq!(ziplist(&ZIPLIST[..len]), None);
        }
        for bit in 0..ZIPLIST.len() * 8 {
            let mut damaged = ZIPLIST.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let _read = ziplist(&damaged);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_safe(blob: Vec<u8>) {
            let (_map, _list) = (zipmap(&blob), ziplist(&blob));
            let total = (blob.len() + 11) as u32;
            let head = [&total.to_le_bytes()[..], &[0; 6], &blob, &[END]].concat();
            let _list = ziplist(&head);
        }
    }
}
