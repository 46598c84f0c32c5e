//! The files of a recording, read frame by frame.
//!
//! A recording is one file, or a ring of segments `FILE.1`, `FILE.2` and so on. Of a ring the
//! newest run is read: a process has one seed. It begins where it can: at the start of the
//! process, if that segment is still there, else with the oldest state that was written whole.

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use seedis_core::recording::frame::{self, HEAD_BYTES, Kind, MAGIC};
use seedis_core::recording::state::Item;
use seedis_core::recording::wire::Cursor;
use seedis_core::recording::{Start, segment_number};

/// Why a recording is not read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The file.
    pub file: PathBuf,
    /// Offset in it.
    pub at: u64,
    /// What is wrong there.
    pub why: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, offset {}: {}", self.file.display(), self.at, self.why)
    }
}

/// A frame with its place.
#[derive(Clone, Debug)]
pub struct Place {
    /// What it holds.
    pub kind: Kind,
    /// The bytes.
    pub payload: Vec<u8>,
    /// Offset of the payload in its file.
    pub at: u64,
}

/// What the next place in a file holds.
#[derive(Debug)]
pub enum Next {
    /// A frame.
    Frame(Place),
    /// Nothing more.
    End,
    /// The beginning of a frame.
    Cut,
}

/// One file that is being read.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    file: BufReader<File>,
    at: u64,
}

impl Source {
    /// Opens a file that is a recording.
    pub fn open(path: &Path) -> Result<Self, Refusal> {
        let refuse = |why: String| Refusal { file: path.into(), at: 0, why };
        let file = File::open(path).map_err(|error| refuse(error.to_string()))?;
        let mut source = Self { path: path.into(), file: BufReader::new(file), at: 0 };
        let magic = source.up_to(MAGIC.len())?;
        frame::check_magic(&magic).map_err(|why| refuse(why.into()))?;
        Ok(source)
    }

    /// Opens a file that was opened before, at an offset that was told.
    pub fn open_at(path: &Path, at: u64) -> Result<Self, Refusal> {
        let mut source = Self::open(path)?;
        if let Err(error) = source.file.seek(SeekFrom::Start(at)) {
            return source.refuse(at, error.to_string());
        }
        source.at = at;
        Ok(source)
    }

    /// Its name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Offset of the next frame.
    #[must_use]
    pub fn at(&self) -> u64 {
        self.at
    }

    /// A refusal at an offset.
    pub fn refuse<T>(&self, at: u64, why: impl Into<String>) -> Result<T, Refusal> {
        Err(Refusal { file: self.path.clone(), at, why: why.into() })
    }

    /// The next frame.
    pub fn frame(&mut self) -> Result<Next, Refusal> {
        let begin = self.at;
        let head = self.up_to(HEAD_BYTES)?;
        if head.is_empty() {
            return Ok(Next::End);
        }
        let Ok(head) = <[u8; HEAD_BYTES]>::try_from(head) else { return Ok(Next::Cut) };
        let (kind, len, _) = match frame::read_head(&head) {
            Ok(known) => known,
            Err(why) => return self.refuse(begin, why),
        };
        let payload = self.up_to(len)?;
        if payload.len() < len {
            return Ok(Next::Cut);
        }
        if !frame::fits(&head, &payload) {
            return self.refuse(begin, "a frame has a wrong checksum");
        }
        Ok(Next::Frame(Place { kind, payload, at: begin + HEAD_BYTES as u64 }))
    }

    /// The next bytes, fewer only at the end of the file. No room is made for what is not there.
    fn up_to(&mut self, len: usize) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Vec::new();
        let read = (&mut self.file).take(len as u64).read_to_end(&mut bytes);
        if let Err(error) = read {
            return self.refuse(self.at, error.to_string());
        }
        self.at += bytes.len() as u64;
        Ok(bytes)
    }
}

/// The files of a recording in order, and where to begin.
#[derive(Debug)]
pub struct Files {
    /// Those of one run, from the first that is needed.
    pub paths: Vec<PathBuf>,
    /// Earlier segments of the same run are gone, or of no use.
    pub is_cut: bool,
}

impl Files {
    /// The files that `path` names: itself, or the segments of a ring.
    pub fn find(path: &Path) -> Result<Self, Refusal> {
        if path.is_file() {
            return Ok(Self { paths: vec![path.into()], is_cut: false });
        }
        let refuse = |why: String| Refusal { file: path.into(), at: 0, why };
        let mut all = segments(path).map_err(|error| refuse(error.to_string()))?;
        let Some(newest) = all.last() else {
            return Err(refuse("there is no such file, and there are no segments of it".into()));
        };
        let seed = start_of(newest)?.map(|start| start.seed);
        let mut run = Vec::new();
        while let Some(segment) = all.pop() {
            match start_of(&segment)? {
                Some(start) if Some(start.seed) == seed || seed.is_none() => {
                    run.push(segment);
                    if start.is_whole {
                        break;
                    }
                }
                Some(_) => break,
                None => {}
            }
        }
        run.reverse();
        Self::from_the_first_state(path, run)
    }

    /// Leaves out segments at the front that nothing can begin with.
    fn from_the_first_state(path: &Path, mut run: Vec<PathBuf>) -> Result<Self, Refusal> {
        let mut is_cut = false;
        while let Some(first) = run.first() {
            let is_whole = start_of(first)?.is_some_and(|start| start.is_whole);
            if is_whole || has_state(first)? {
                return Ok(Self { paths: run, is_cut: is_cut || !is_whole });
            }
            run.remove(0);
            is_cut = true;
        }
        Err(Refusal { file: path.into(), at: 0, why: "no segment has a whole state".into() })
    }
}

/// Whether `path` names a recording, whole or not.
#[must_use]
pub fn is_recording(path: &Path) -> bool {
    if path.is_file() {
        let mut magic = Vec::new();
        let read = File::open(path).and_then(|file| file.take(8).read_to_end(&mut magic));
        return read.is_ok() && magic.starts_with(&MAGIC[..8]);
    }
    segments(path).is_ok_and(|segments| !segments.is_empty())
}

/// How a file begins; `None` if it was cut off before that.
fn start_of(path: &Path) -> Result<Option<Start>, Refusal> {
    let mut source = Source::open(path)?;
    match source.frame()? {
        Next::Frame(Place { kind: Kind::Start, payload, at }) => match Start::read(&payload) {
            Ok(start) => Ok(Some(start)),
            Err(wrong) => source.refuse(at, wrong.to_string()),
        },
        Next::Frame(frame) => source.refuse(frame.at, "a recording begins with something else"),
        Next::End | Next::Cut => Ok(None),
    }
}

/// Whether a file holds a state to its end.
fn has_state(path: &Path) -> Result<bool, Refusal> {
    let mut source = Source::open(path)?;
    while let Next::Frame(frame) = source.frame()? {
        if frame.kind == Kind::State
            && source.items(&frame, &mut |item| matches!(item, Item::End))?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Source {
    /// Shows the parts of a state in a frame, until one is what is looked for; whether one was.
    pub fn items(
        &self,
        frame: &Place,
        is_it: &mut dyn FnMut(Item<'_>) -> bool,
    ) -> Result<bool, Refusal> {
        let mut from = Cursor::new(&frame.payload);
        while !from.is_at_end() {
            match Item::read(&mut from) {
                Ok(item) => {
                    if is_it(item) {
                        return Ok(true);
                    }
                }
                Err(wrong) => return self.refuse(frame.at + wrong.at as u64, wrong.to_string()),
            }
        }
        Ok(false)
    }
}

/// The segments of a ring, oldest first.
fn segments(base: &Path) -> io::Result<Vec<PathBuf>> {
    let dir = match base.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let name = base.file_name().unwrap_or_default().as_encoded_bytes();
    let mut found: Vec<(u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let number = segment_number(name, entry.file_name().as_encoded_bytes());
        found.extend(number.map(|number| (number, entry.path())));
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}
