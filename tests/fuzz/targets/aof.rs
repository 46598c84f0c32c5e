//! Any bytes as the files of an append-only log: a verdict, and no more kept than there is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seedis_core::Config;
use seedis_core::recovery::inspect::{Files, Inspector, Keep};

const MANIFEST: &[u8] = b"file a.1.base.aof seq 1 type b\nfile a.1.incr.aof seq 1 type i\n\
file a.2.incr.aof seq 2 type i\n";

fuzz_target!(|data: &[u8]| {
    let Some((&[first, second, piece], rest)) = data.split_first_chunk::<3>() else { return };
    let _ = Files::parse(rest);
    let files = Files::parse(MANIFEST).expect("it is a manifest");
    let (base, rest) = rest.split_at(usize::from(first).min(rest.len()));
    let (incr, last) = rest.split_at((usize::from(second) * 8).min(rest.len()));
    let mut inspector = Inspector::new(&Config::default());
    for (part, bytes) in files.parts().into_iter().zip([base, incr, last]) {
        let len = bytes.len() as u64;
        let mut inspection = inspector.begin(part, len);
        bytes.chunks(usize::from(piece) + 1).for_each(|piece| inspection.push(piece));
        let finding = inspection.end();
        assert!(finding.flaw.is_none_or(|flaw| flaw.at <= len));
        if let Keep::Bytes(kept) = finding.keep {
            assert!(kept <= len);
        }
    }
    let _ = inspector.verdict();
});
