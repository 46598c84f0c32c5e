//! The files of a recording: one that grows, or a ring of segments.
//!
//! A file that was there before, of an earlier run perhaps, is not written over: what led to the
//! end of a server is worth most just after its next start. A single file is renamed to `FILE.old`
//! and replaces the one that had this name; segments have numbers, `FILE.1`, and the next run
//! goes on counting. When all of them are larger than allowed, the oldest go, but never the one
//! that is being written, nor the one before as long as the state in this one is not whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use seedis_core::recording::frame::{self, Kind, MAGIC};
use seedis_core::recording::segment_number;

/// Parts of a ring: so much of it is lost at once.
const SEGMENTS: u64 = 8;

/// The files.
#[derive(Debug)]
pub(super) struct Segments {
    base: PathBuf,
    /// Bytes of all together; without it there is one.
    max_bytes: Option<u64>,
    file: File,
    number: u64,
    /// Bytes of the file that is being written, and how many of them are its state.
    bytes: u64,
    state_bytes: u64,
    has_state: bool,
    /// Whether anything but the magic is in it.
    is_begun: bool,
}

impl Segments {
    /// Makes the first file.
    pub(super) fn open(base: &Path, max_bytes: Option<u64>) -> io::Result<Self> {
        let number = match max_bytes {
            Some(_) => numbered(base)?.last().map_or(1, |(number, _)| number + 1),
            None => {
                if base.exists() {
                    fs::rename(base, named(base, "old"))?;
                }
                0
            }
        };
        let file = create(&path(base, number))?;
        Ok(Self {
            base: base.into(),
            max_bytes,
            file,
            number,
            bytes: MAGIC.len() as u64,
            state_bytes: 0,
            has_state: true,
            is_begun: false,
        })
    }

    /// Appends a frame.
    pub(super) fn put(&mut self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        let head = frame::head(kind, payload);
        let mut pieces = [IoSlice::new(&head), IoSlice::new(payload)];
        write_all(&mut self.file, &mut pieces)?;
        self.bytes += (head.len() + payload.len()) as u64;
        if kind == Kind::State {
            self.state_bytes += payload.len() as u64;
        }
        self.is_begun = true;
        self.make_room()
    }

    /// Whether it is time for the next segment. The state at its beginning may be half of it.
    pub(super) fn is_full(&self) -> bool {
        let share = self.max_bytes.map(|max| (max / SEGMENTS).max(2 * self.state_bytes));
        share.is_some_and(|share| self.bytes > share)
    }

    /// Begins the next segment; without a limit, or if nothing is in it, the file stays the same.
    pub(super) fn next(&mut self) -> io::Result<()> {
        self.has_state = false;
        self.state_bytes = 0;
        if self.max_bytes.is_some() && self.is_begun {
            self.number += 1;
            self.file = create(&path(&self.base, self.number))?;
            self.bytes = MAGIC.len() as u64;
            self.is_begun = false;
        }
        Ok(())
    }

    /// A replay can begin with this segment from now on.
    pub(super) fn state_written(&mut self) {
        self.has_state = true;
    }

    /// Removes the oldest segments as long as there is too much.
    fn make_room(&mut self) -> io::Result<()> {
        let Some(max) = self.max_bytes.filter(|max| self.bytes > max / SEGMENTS / 4) else {
            return Ok(());
        };
        let all = numbered(&self.base)?;
        let mut bytes: u64 = all.iter().map(|(_, bytes)| bytes).sum();
        let needed = if self.has_state { self.number } else { self.number.saturating_sub(1) };
        for (number, its_bytes) in all.into_iter().filter(|(number, _)| *number < needed) {
            if bytes <= max {
                break;
            }
            fs::remove_file(path(&self.base, number))?;
            bytes -= its_bytes;
        }
        Ok(())
    }
}

/// A new file that only its owner can read, with how a recording begins.
fn create(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(MAGIC)?;
    Ok(file)
}

fn write_all(file: &mut File, mut pieces: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !pieces.is_empty() {
        match file.write_vectored(pieces) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut pieces, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn path(base: &Path, number: u64) -> PathBuf {
    if number == 0 { base.into() } else { named(base, &number.to_string()) }
}

fn named(base: &Path, suffix: &str) -> PathBuf {
    let mut name = base.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// Numbers and lengths of the segments that are there, oldest first.
fn numbered(base: &Path) -> io::Result<Vec<(u64, u64)>> {
    let dir = base.parent().unwrap_or_else(|| Path::new("."));
    let name = base.file_name().unwrap_or_default().as_encoded_bytes();
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let number = segment_number(name, entry.file_name().as_encoded_bytes());
        if let Some(number) = number {
            found.push((number, entry.metadata()?.len()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let name = format!("seedis-record-{name}-{}", std::process::id());
            let dir = std::env::temp_dir().join(name);
            fs::create_dir(&dir).unwrap();
            Self(dir)
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn an_earlier_recording_is_not_written_over() {
        let dir = Dir::new("old");
        let base = dir.0.join("r");
        Segments::open(&base, None).unwrap().put(Kind::Gap, b"first").unwrap();
        Segments::open(&base, None).unwrap();
        assert_eq!(fs::read(&base).unwrap(), MAGIC);
        assert!(fs::read(dir.0.join("r.old")).unwrap().ends_with(b"first"));
        Segments::open(&base, Some(1 << 20)).unwrap();
        Segments::open(&base, Some(1 << 20)).unwrap();
        assert_eq!(numbered(&base).unwrap(), [(1, 10), (2, 10)]);
    }

    #[test]
    fn the_oldest_segments_go() {
        let dir = Dir::new("ring");
        let base = dir.0.join("r");
        let max = 1 << 20;
        let mut segments = Segments::open(&base, Some(max)).unwrap();
        for turn in 0..1000 {
            segments.put(Kind::Entries, &[turn as u8; 10_000]).unwrap();
            if segments.is_full() {
                segments.next().unwrap();
                segments.put(Kind::State, &[0; 1000]).unwrap();
                let total: u64 = numbered(&base).unwrap().iter().map(|(_, bytes)| bytes).sum();
                assert!(total <= max + max / SEGMENTS + 20_000, "{total}");
                segments.state_written();
            }
        }
        let left = numbered(&base).unwrap();
        assert!((6..=9).contains(&left.len()), "{left:?}");
        assert_eq!(left.last().unwrap().0, segments.number);
    }

    #[test]
    fn a_segment_is_at_most_half_state() {
        let dir = Dir::new("half");
        let mut segments = Segments::open(&dir.0.join("r"), Some(1 << 20)).unwrap();
        segments.put(Kind::State, &vec![0; 3 << 20]).unwrap();
        assert!(!segments.is_full());
        segments.put(Kind::Entries, &vec![0; 3 << 20]).unwrap();
        assert!(segments.is_full());
    }
}
