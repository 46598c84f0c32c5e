//! Files that nobody wrote: never a panic, and what is served is served again after a restart.

use proptest::prelude::*;

use super::*;

const CONFIGURATION: &str = "appendonly yes\n";
const MANIFEST: &[u8] = b"file base seq 1 type b\nfile incr seq 1 type i\n";

/// Beginnings that lead deeper into the readers than noise does.
const BEGINNINGS: &[&[u8]] = &[
    b"",
    b"*1\r\n$5\r\nMULTI\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$",
    b"#",
    b"#lsn 7\n#",
    b"#lsn 18446744073709551615\n#AAAAAAAA\n",
    b"#AAAAAA__________\n",
    b"#AAAAAAA,__________\n",
    b"REDIS0011",
    b"REDIS0011\xfa",
    b"REDIS0011\xfe\x00\x00",
    b"VALKEY080\xfe\x00\x00",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn noise_is_refused_or_survived(
        first in 0..BEGINNINGS.len(),
        noise in prop::collection::vec(any::<u8>(), 0..300),
        place in 0..4,
    ) {
        let bytes = [BEGINNINGS[first], &noise].concat();
        let mut disk = Disk::default();
        match place {
            0 => disk.put(Dir::Aof, "appendonly.aof.manifest", &bytes),
            1 => disk.put(Dir::Data, "appendonly.aof", &bytes),
            2 => disk.put(Dir::Data, "dump.rdb", &bytes),
            _ => {
                disk.put(Dir::Aof, "appendonly.aof.manifest", MANIFEST);
                disk.put(Dir::Aof, "base", &command("SET a 1"));
                disk.put(Dir::Aof, "incr", &bytes);
            }
        }
        survives(disk);
    }

    #[test]
    fn files_with_changes_are_refused_or_survived(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        lost in prop::option::of((any::<prop::sample::Index>(), 1..600_usize)),
        end in prop::sample::select(&[".base.rdb", ".incr.aof", ".manifest"][..]),
        fsync in prop::sample::select(&["always", "no"][..]),
    ) {
        let (mut disk, _) =
            damage::written_in_two_files(&format!("{CONFIGURATION}appendfsync {fsync}\n"));
        let name = disk.aof(end);
        let content = disk.content_mut(&name);
        for (at, byte) in changes {
            let at = at.index(content.len());
            content[at] = byte;
        }
        if let Some((at, count)) = lost {
            let at = at.index(content.len());
            let end = content.len().min(at + count);
            content.drain(at..end);
        }
        survives(disk);
    }
}

fn survives(disk: Disk) {
    let mut life = Life::start(disk, CONFIGURATION);
    if let Some(code) = life.exit {
        assert_eq!(code, 1);
        return;
    }
    life.calls(&["SET after noise"]);
    let expected = life.state();
    let life = Life::start(life.crash(), CONFIGURATION);
    assert_eq!((life.exit, life.state()), (None, expected), "{:?}", life.lines);
}
