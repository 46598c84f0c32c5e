//! Requests in bytes that a core has consumed.

use std::ops::Range;

use seedis_core::resp::parse::{self, Limits, Parsed};

/// A request: where its bytes are, and its words.
pub(super) type Request = (Range<usize>, Vec<Vec<u8>>);

/// The requests in `bytes`; what is none, at the end, is left out.
pub(super) fn requests(bytes: &[u8]) -> Vec<Request> {
    let limits = Limits { bulk_bytes_max: u64::MAX, authenticated: true };
    let (mut all, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let (mut spans, mut words) = (Vec::new(), Vec::new());
        let parsed = parse::parse(bytes, at, &mut spans, &mut words, &mut None, limits);
        let (buffer, end) = match parsed {
            Ok(Parsed::Request { end }) => (bytes, end),
            Ok(Parsed::Inline { end }) => (&words[..], end),
            Ok(Parsed::Empty { end }) => {
                at = end;
                continue;
            }
            Ok(Parsed::Incomplete { .. }) | Err(_) => break,
        };
        let word = |span: &parse::Span| {
            let start = span.start as usize;
            buffer.get(start..start + span.len as usize).unwrap_or_default().to_vec()
        };
        all.push((at..end, spans.iter().map(word).collect()));
        at = end;
    }
    all
}

/// Whether the reply to one of them may show a password: CONFIG GET does.
pub(super) fn may_show_secrets(bytes: &[u8]) -> bool {
    bytes.windows(6).any(|word| word.eq_ignore_ascii_case(b"config"))
}
