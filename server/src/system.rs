//! Calls into the C library for which the standard library has no name.
//!
//! The only file of the workspace with unsafe code. Each function wraps one call or one small
//! group, checks its result, and takes and returns types that cannot be misused.
#![allow(unsafe_code, reason = "libc has no safe interface; each block says why it is sound")]

use std::ffi::{CStr, CString, OsStr};
use std::io::{self, Read as _};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use seedis_core::io::{IoError, IoErrorKind};

/// Which side of a fork this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Parent,
    Child,
}

/// Splits the process in two. There must be no other thread.
pub(crate) fn fork() -> io::Result<Side> {
    // SAFETY: the process has one thread, so the child inherits no lock that is held.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Child),
        _ => Ok(Side::Parent),
    }
}

/// Leaves the terminal's session.
pub(crate) fn leave_session() -> io::Result<()> {
    // SAFETY: takes nothing and only changes the session of this process.
    checked(unsafe { libc::setsid() }).map(drop)
}

/// Makes standard input, output and error what `file` is.
pub(crate) fn replace_standard_streams(file: &std::fs::File) -> io::Result<()> {
    for stream in [libc::STDIN_FILENO, libc::STDOUT_FILENO, libc::STDERR_FILENO] {
        // SAFETY: both are descriptors; the standard library keeps no state for these three
        // that a new target would break.
        checked(unsafe { libc::dup2(file.as_raw_fd(), stream) })?;
    }
    Ok(())
}

/// Stops this process until somebody continues it, as upstart wants to see.
pub(crate) fn stop() {
    // SAFETY: raising a signal touches no memory.
    unsafe { libc::raise(libc::SIGSTOP) };
}

/// The permission bits that new files do not get.
pub(crate) fn umask() -> u32 {
    // SAFETY: swaps an integer of the process. Only the startup calls it, with one thread.
    unsafe {
        let mask = libc::umask(0o077);
        libc::umask(mask);
        mask
    }
}

/// Local time, broken down: day of the month, month from 0, year, hour, minute, second.
pub(crate) fn local_time(unix_seconds: i64) -> [i32; 6] {
    // SAFETY: a zeroed tm is a valid one, and both pointers are to locals.
    let tm = unsafe {
        let mut tm: libc::tm = std::mem::zeroed();
        let time = unix_seconds as libc::time_t;
        libc::localtime_r(&raw const time, &raw mut tm);
        tm
    };
    [tm.tm_mday, tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec]
}

/// How many files may be open at once: now, and at most without privileges.
pub(crate) fn open_files_limit() -> io::Result<(u64, u64)> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a local.
    checked(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    Ok((limit.rlim_cur, limit.rlim_max))
}

/// Sets both limits of open files.
pub(crate) fn set_open_files_limit(now: u64, at_most: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: now, rlim_max: at_most };
    // SAFETY: the pointer is to a local.
    checked(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }).map(drop)
}

/// Whose CPU time is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose {
    /// That of the whole process.
    Process,
    /// That of the calling thread.
    Thread,
}

/// CPU time in microseconds: in the kernel, in user mode.
pub(crate) fn cpu_time_us(whose: Whose) -> (u64, u64) {
    let whose = match whose {
        Whose::Process => libc::RUSAGE_SELF,
        Whose::Thread => libc::RUSAGE_THREAD,
    };
    // SAFETY: a zeroed rusage is a valid one, and the pointer is to a local.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(whose, &raw mut usage);
        usage
    };
    let us = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    (us(usage.ru_stime), us(usage.ru_utime))
}

/// Bytes that nobody can foresee.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Bytes of a page of memory.
pub(crate) fn page_bytes() -> u64 {
    // SAFETY: takes an integer and returns one.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// Bytes of memory of the machine; 0 if it does not say.
pub(crate) fn total_memory_bytes() -> u64 {
    // SAFETY: takes an integer and returns one.
    let pages = unsafe { libc::sysconf(libc::_SC_PHYS_PAGES) };
    u64::try_from(pages).unwrap_or(0) * page_bytes()
}

/// Has the allocator give pages that it does not need back to the system. Takes a millisecond for
/// every few megabytes it finds, and whoever allocates meanwhile may have to wait for it.
pub(crate) fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the allocator takes its own locks; no memory in use is touched.
    unsafe {
        libc::malloc_trim(0)
    };
}

/// Gives the calling thread about a tenth of the weight that others have.
pub(crate) fn be_less_urgent() {
    // SAFETY: takes integers only. On Linux it concerns the calling thread alone; elsewhere the
    // whole process, so it is left alone there.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, 10)
    };
}

/// Has the system give this process no huge pages.
pub(crate) fn do_without_huge_pages() {
    #[cfg(target_os = "linux")]
    // SAFETY: takes integers only.
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0)
    };
}

/// Name, release and processor of the system, as `Linux 6.1.0 x86_64`.
pub(crate) fn os() -> String {
    // SAFETY: a zeroed utsname is a valid one, uname fills it with strings that end in zero, and
    // a zeroed one holds such strings too should it fail.
    unsafe {
        let mut names: libc::utsname = std::mem::zeroed();
        libc::uname(&raw mut names);
        [&names.sysname, &names.release, &names.machine]
            .map(|name| CStr::from_ptr(name.as_ptr()).to_string_lossy().into_owned())
            .join(" ")
    }
}

/// The paths that a pattern with `*`, `?` or `[` stands for, sorted; none if nothing matches.
pub(crate) fn paths_matching(pattern: &[u8]) -> Vec<PathBuf> {
    let Ok(pattern) = CString::new(pattern) else { return Vec::new() };
    // SAFETY: a zeroed glob_t is what glob expects without flags. After success gl_pathv holds
    // gl_pathc strings that end in zero; they are copied before globfree.
    unsafe {
        let mut found: libc::glob_t = std::mem::zeroed();
        let mut paths = Vec::new();
        if libc::glob(pattern.as_ptr(), 0, None, &raw mut found) == 0 {
            for at in 0..found.gl_pathc {
                let path = CStr::from_ptr(*found.gl_pathv.add(at));
                paths.push(Path::new(OsStr::from_bytes(path.to_bytes())).into());
            }
        }
        libc::globfree(&raw mut found);
        paths
    }
}

/// Signals that are taken by [`Signals::wait`] instead of interrupting a thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signals(libc::sigset_t);

impl Signals {
    /// Holds SIGTERM and SIGINT back in this thread and those it starts, for [`Signals::wait`];
    /// has SIGHUP and SIGPIPE ignored.
    pub(crate) fn block() -> Self {
        // SAFETY: sigemptyset makes a valid set of the zeroed one, and the pointers are to locals.
        // Ignoring a signal installs no code.
        unsafe {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            libc::signal(libc::SIGPIPE, libc::SIG_IGN);
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, libc::SIGTERM);
            libc::sigaddset(&raw mut set, libc::SIGINT);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
            Self(set)
        }
    }

    /// Waits for one of them; whether it was SIGINT.
    pub(crate) fn wait(&self) -> bool {
        let mut signal = 0;
        // SAFETY: the set was made by sigemptyset, and both pointers are to live values.
        while unsafe { libc::sigwait(&raw const self.0, &raw mut signal) } != 0 {}
        signal == libc::SIGINT
    }
}

/// Shows `title` instead of the arguments of this process in lists of processes; whether it fits
/// where they are. Only the first thread may call it.
pub(crate) fn replace_arguments(title: &[u8]) -> bool {
    let Some((start, end)) = arguments_range() else { return false };
    if start.checked_add(title.len()).is_none_or(|title_end| title_end >= end) {
        return false;
    }
    // SAFETY: the kernel put the arguments there, on the writable stack of the first thread, which
    // lives as long as the process. Whoever reads them later still finds strings that end in zero
    // before `end`; nobody reads them at the same time, since no other thread does.
    unsafe {
        let at = std::ptr::with_exposed_provenance_mut::<u8>(start);
        std::ptr::copy_nonoverlapping(title.as_ptr(), at, title.len());
        std::ptr::write_bytes(at.add(title.len()), 0, end - start - title.len());
    }
    true
}

/// Where the arguments of this process lie in memory: fields 48 and 49 of proc_pid_stat(5).
fn arguments_range() -> Option<(usize, usize)> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the name, may hold blanks and parentheses.
    let (_, from_third) = stat.rsplit_once(')')?;
    let mut fields = from_third.split_ascii_whitespace().skip(48 - 3);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// An error of the system as the core is told of it.
pub(crate) fn io_error(error: &io::Error) -> IoError {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => IoErrorKind::NotFound,
        io::ErrorKind::Interrupted => IoErrorKind::Interrupted,
        _ => IoErrorKind::Other,
    };
    IoError { kind, words: words(error) }
}

/// What the system says about an error, without the number that the standard library appends.
pub(crate) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(code) => text.trim_end_matches(&format!(" (os error {code})")).into(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_its_matches() {
        assert!(paths_matching(b"src/sy*.rs").contains(&PathBuf::from("src/system.rs")));
        assert_eq!(paths_matching(b"src/no*such"), Vec::<PathBuf>::new());
        assert_eq!(paths_matching(b"zero\0byte*"), Vec::<PathBuf>::new());
    }

    #[test]
    fn an_error_is_told_in_the_words_of_the_system() {
        let error = std::fs::File::open("no such file").unwrap_err();
        assert_eq!(words(&error), "No such file or directory");
        assert_eq!(words(&io::Error::other("mine")), "mine");
    }

    #[test]
    fn figures_of_the_system_are_there() {
        assert!(page_bytes() >= 4096);
        assert!(total_memory_bytes() > page_bytes());
        assert!(os().starts_with("Linux "));
        assert!(open_files_limit().unwrap().0 > 0);
        let [day, month, year, ..] = local_time(86_400 * 180);
        assert_eq!((year, month), (1970, 5));
        assert!((29..=30).contains(&day));
    }
}
