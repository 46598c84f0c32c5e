//! Files by their meaning, open files, and what is done to them.
//!
//! The core names a file by directory and name; here it gets its path. Paths within the working
//! directory stay relative, so that they move with it.
//!
//! A file that is written is opened more than once. Linux tells of a failed write-back once per
//! *open file description* (the thing that open(2) makes and that dup(2) shares): of two syncs at
//! the same time through one description, one fails and the other succeeds, although what it was
//! to make durable may be lost. So every sync thread has a description of its own for every file.
//! They are all made when the file is opened: one made later would not know of a failure that
//! another has already reported.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use seedis_core::io::{Dir, FileEntry, Name, OpenMode};

use crate::settings;

/// Threads that make files durable, and so descriptions of a written file beside the first.
pub(super) const SYNC_THREADS: usize = 4;

/// Where the files are, and how new ones are made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// The configuration file, if the server was started with one.
    pub(crate) config: Option<PathBuf>,
    /// The directory of the data; empty for the working directory, whatever that is by then.
    pub(crate) data: PathBuf,
    /// The directory of the append-only file inside of it.
    pub(crate) aof: PathBuf,
    /// Permission bits that new files do not get.
    pub(crate) umask: u32,
}

impl Places {
    pub(super) fn file(&self, name: &Name) -> io::Result<PathBuf> {
        match name {
            Name::Config => self
                .config
                .clone()
                .ok_or_else(|| io::Error::other("The server is running without a config file")),
            Name::In(dir, name) if is_plain(name) => {
                Ok(self.dir_prefix(*dir).join(settings::path(name)))
            }
            Name::In(..) => Err(io::Error::other("Not the name of a file in a directory")),
        }
    }

    fn dir(&self, dir: Dir) -> PathBuf {
        or_here(self.dir_prefix(dir))
    }

    /// The path of `dir`, empty for the working directory.
    fn dir_prefix(&self, dir: Dir) -> PathBuf {
        match dir {
            Dir::Data => self.data.clone(),
            Dir::Aof => self.data.join(&self.aof),
        }
    }

    /// The files of a directory with their lengths, in any order.
    pub(super) fn list(&self, dir: Dir) -> io::Result<Vec<FileEntry>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(self.dir(dir))? {
            let entry = entry?;
            match fs::metadata(entry.path()) {
                Ok(facts) if facts.is_file() => files.push(FileEntry {
                    name: entry.file_name().into_vec().into(),
                    len: facts.len(),
                }),
                Ok(_) => {}
                // Removed meanwhile, or a link to nowhere.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(files)
    }

    pub(super) fn make_dir(&self, dir: Dir) -> io::Result<()> {
        let path = self.dir(dir);
        match DirBuilder::new().mode(0o755).create(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            other => other,
        }
    }

    pub(super) fn sync_dir(&self, dir: Dir) -> io::Result<()> {
        sync_dir(&self.dir(dir))
    }

    pub(super) fn rename(&self, from: &Name, to: &Name) -> io::Result<()> {
        fs::rename(self.file(from)?, self.file(to)?)
    }

    pub(super) fn unlink(&self, name: &Name) -> io::Result<()> {
        fs::remove_file(self.file(name)?)
    }

    pub(super) fn read(&self, name: &Name) -> io::Result<Vec<u8>> {
        fs::read(self.file(name)?)
    }

    /// Replaces a file so that a crash leaves the old one or the new one, and durably. The new one
    /// has the permissions of the old one, for it may hold passwords.
    pub(super) fn replace(&self, name: &Name, bytes: &[u8]) -> io::Result<()> {
        let path = self.file(name)?;
        let permissions = match fs::metadata(&path) {
            Ok(old) => old.permissions(),
            Err(_) => Permissions::from_mode(0o644 & !self.umask),
        };
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(format!(".{}.tmp", std::process::id()));
        let temporary = PathBuf::from(temporary);
        let written = write_new(&temporary, bytes, permissions)
            .and_then(|()| fs::rename(&temporary, &path))
            .and_then(|()| sync_dir(&or_here(path.parent().unwrap_or(&path).into())));
        if written.is_err() {
            // It may not be there any more, or never have been.
            let _ = fs::remove_file(&temporary);
        }
        written
    }
}

/// A name without a way out of its directory, for names come from files too.
fn is_plain(name: &[u8]) -> bool {
    !name.is_empty() && name != b"." && name != b".." && !name.contains(&b'/')
}

/// A path that can be opened, for the empty one stands for the working directory only in front of
/// others.
fn or_here(path: PathBuf) -> PathBuf {
    if path.as_os_str().as_bytes().is_empty() { ".".into() } else { path }
}

/// Makes the entries of a directory durable. A file system that knows no such thing says EINVAL;
/// there is nothing more to be had from it.
fn sync_dir(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
}

fn write_new(path: &Path, bytes: &[u8], permissions: Permissions) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.set_permissions(permissions)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A file that the core has opened.
#[derive(Debug)]
pub(super) struct OpenFile {
    file: File,
    /// The descriptions of the sync threads, by thread; none for a file that is only read.
    for_sync: Vec<File>,
}

impl OpenFile {
    pub(super) fn open(path: &Path, mode: OpenMode) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.mode(0o644);
        match mode {
            OpenMode::Read => options.read(true),
            OpenMode::Write => options.write(true),
            OpenMode::Create => options.write(true).create(true).truncate(true),
            OpenMode::CreateNew => options.write(true).create_new(true),
        };
        let file = options.open(path)?;
        if mode == OpenMode::Read {
            return Ok(Self { file, for_sync: Vec::new() });
        }
        let again = || OpenOptions::new().write(true).open(path);
        match (0..SYNC_THREADS).map(|_| again()).collect() {
            Ok(for_sync) => Ok(Self { file, for_sync }),
            Err(error) => {
                if mode == OpenMode::CreateNew {
                    // Nothing was asked of it yet; if it stays, so be it.
                    let _ = fs::remove_file(path);
                }
                Err(error)
            }
        }
    }

    pub(super) fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// At most `len` bytes from `at` on; fewer at the end or whenever the system likes.
    pub(super) fn read_at(&self, at: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        let count = self.file.read_at(&mut bytes, at)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// Hands bytes to the system, once; returns how many it took, at least one.
    pub(super) fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<usize> {
        match self.file.write_at(bytes, at)? {
            0 => Err(io::Error::other("The system wrote nothing")),
            count => Ok(count),
        }
    }

    pub(super) fn write_all_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, at)
    }

    pub(super) fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    /// Makes what was written durable, through the description of sync thread `thread`.
    pub(super) fn sync_of(&self, thread: usize) -> io::Result<()> {
        self.for_sync.get(thread).unwrap_or(&self.file).sync_data()
    }

    /// Makes what was written durable. For one thread at a time.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Place;
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn data(name: &[u8]) -> Name {
        Name::file(Dir::Data, name)
    }

    #[test]
    fn a_file_is_replaced_with_its_permissions() {
        let place = Place::new("replace");
        let places = Places { umask: 0o027, ..place.places() };
        let path = place.path("manifest");
        places.replace(&data(b"manifest"), b"one").unwrap();
        assert_eq!(mode(&path), 0o640);
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        places.replace(&data(b"manifest"), b"two").unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"two".to_vec(), 0o600));
        assert_eq!(fs::read_dir(place.path("")).unwrap().count(), 1);
    }

    #[test]
    fn a_replacement_that_fails_leaves_nothing_behind() {
        let place = Place::new("failure");
        fs::create_dir(place.path("manifest")).unwrap();
        assert!(place.places().replace(&data(b"manifest"), b"one").is_err());
        assert_eq!(fs::read_dir(place.path("")).unwrap().count(), 1);
        let error = place.places().replace(&Name::file(Dir::Aof, b"manifest"), b"").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn names_do_not_lead_out_of_their_directory() {
        let places = Places::default();
        for name in [&b""[..], b".", b"..", b"../secret", b"/etc/passwd", b"below/it"] {
            assert!(places.file(&data(name)).is_err(), "{name:?}");
        }
        assert_eq!(places.file(&data(b"..dump")).unwrap(), Path::new("..dump"));
        assert!(places.read(&data(b"zero\0byte")).is_err());
        assert_eq!(places.dir(Dir::Data), Path::new("."));
    }

    #[test]
    fn modes_open_what_they_say() {
        let place = Place::new("modes");
        let path = place.path("file");
        let kind = |mode| OpenFile::open(&path, mode).unwrap_err().kind();
        assert_eq!(kind(OpenMode::Read), ErrorKind::NotFound);
        assert_eq!(kind(OpenMode::Write), ErrorKind::NotFound);
        OpenFile::open(&path, OpenMode::CreateNew).unwrap().write_at(0, b"text").unwrap();
        assert_eq!(kind(OpenMode::CreateNew), ErrorKind::AlreadyExists);
        assert_eq!(mode(&path) | 0o644, 0o644);
        assert_eq!(OpenFile::open(&path, OpenMode::Write).unwrap().len().unwrap(), 4);
        assert_eq!(OpenFile::open(&path, OpenMode::Read).unwrap().len().unwrap(), 4);
        assert_eq!(OpenFile::open(&path, OpenMode::Create).unwrap().len().unwrap(), 0);
    }

    #[test]
    fn a_file_is_read_written_and_cut_at_offsets() {
        let place = Place::new("offsets");
        let path = place.path("file");
        let file = OpenFile::open(&path, OpenMode::Create).unwrap();
        assert_eq!(file.write_at(2, b"cdef").unwrap(), 4);
        assert_eq!(file.write_at(0, b"ab").unwrap(), 2);
        file.truncate(5).unwrap();
        file.sync().unwrap();
        let file = OpenFile::open(&path, OpenMode::Read).unwrap();
        assert_eq!(file.read_at(1, 3).unwrap(), b"bcd");
        assert_eq!(file.read_at(3, 100).unwrap(), b"de");
        assert_eq!(file.read_at(5, 100).unwrap(), b"");
        assert!(file.write_at(0, b"x").is_err());
    }

    #[test]
    fn a_directory_lists_its_files_only() {
        let place = Place::new("list");
        let places = place.places();
        assert_eq!(places.list(Dir::Aof).unwrap_err().kind(), ErrorKind::NotFound);
        places.make_dir(Dir::Aof).unwrap();
        places.make_dir(Dir::Aof).unwrap();
        fs::write(place.path("aof/one"), "12345").unwrap();
        fs::create_dir(place.path("aof/below")).unwrap();
        std::os::unix::fs::symlink("nowhere", place.path("aof/link")).unwrap();
        let [file] = &places.list(Dir::Aof).unwrap()[..] else { panic!("one file") };
        assert_eq!((&*file.name, file.len), (&b"one"[..], 5));
        assert!(places.list(Dir::Data).unwrap().is_empty());
        places.sync_dir(Dir::Aof).unwrap();
        places.sync_dir(Dir::Data).unwrap();
        fs::write(place.path("taken"), "").unwrap();
        let taken = Places { aof: "taken".into(), ..places };
        assert_eq!(taken.make_dir(Dir::Aof).unwrap_err().kind(), ErrorKind::AlreadyExists);
    }

    #[test]
    fn files_are_renamed_and_removed() {
        let place = Place::new("rename");
        let places = place.places();
        fs::write(place.path("one"), "1").unwrap();
        fs::write(place.path("two"), "2").unwrap();
        places.rename(&data(b"one"), &data(b"two")).unwrap();
        assert_eq!(places.read(&data(b"two")).unwrap(), b"1");
        let lost = places.rename(&data(b"one"), &data(b"two")).unwrap_err();
        assert_eq!(lost.kind(), ErrorKind::NotFound);
        places.unlink(&data(b"two")).unwrap();
        assert_eq!(places.unlink(&data(b"two")).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn every_sync_thread_has_its_own_description() {
        use std::os::fd::AsRawFd;
        let place = Place::new("descriptions");
        let file = OpenFile::open(&place.path("file"), OpenMode::Create).unwrap();
        file.write_at(0, b"text").unwrap();
        // kcmp(2) would tell descriptions apart; their positions do as well.
        for (thread, mut other) in file.for_sync.iter().enumerate() {
            use std::io::Seek;
            assert_eq!(other.stream_position().unwrap(), 0, "{}", other.as_raw_fd());
            other.seek(io::SeekFrom::Start(9)).unwrap();
            file.sync_of(thread).unwrap();
        }
        assert_eq!(file.for_sync.len(), SYNC_THREADS);
    }
}
