//! Huge pages: a keyspace of gigabytes with few misses of the TLB.
//!
//! Redis turns transparent huge pages off, because after a fork each write to one copies 2 MB.
//! Nothing forks here, and with them a request on millions of keys costs a tenth less. Where the
//! system gives them only to who asks (`madvise`), glibc's allocator asks if `GLIBC_TUNABLES` says
//! so when the process begins. So the server replaces itself once, by itself with that in its
//! environment: same process id, same arguments. Limits: Linux with glibc 2.35 or later. Elsewhere,
//! and where the program cannot be found any more, it goes on without. `disable-thp yes` turns them
//! off for the process whatever the environment says.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

const TUNABLES: &str = "GLIBC_TUNABLES";
const NAME: &str = "glibc.malloc.hugetlb";

/// Begins the program anew with huge pages, unless it has begun with a word about them. Returns if
/// it has, or if that is not possible. There must be no other thread, and nothing read yet.
pub(crate) fn ask_for() {
    let tunables = std::env::var_os(TUNABLES).unwrap_or_default();
    if !cfg!(all(target_os = "linux", target_env = "gnu")) || says_something(&tunables) {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // It returns only when it fails, and then nothing has changed.
    let _ = command.args(arguments).env(TUNABLES, with_huge_pages(tunables)).exec();
}

fn says_something(tunables: &OsString) -> bool {
    tunables.to_string_lossy().contains(NAME)
}

fn with_huge_pages(mut tunables: OsString) -> OsString {
    if !tunables.is_empty() {
        tunables.push(":");
    }
    tunables.push(NAME);
    tunables.push("=1");
    tunables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_has_tuned_stays() {
        let tuned = OsString::from("glibc.malloc.tcache_count=0");
        assert!(!says_something(&tuned));
        let both = with_huge_pages(tuned);
        assert_eq!(both, "glibc.malloc.tcache_count=0:glibc.malloc.hugetlb=1");
        assert!(says_something(&both));
        assert_eq!(with_huge_pages(OsString::new()), "glibc.malloc.hugetlb=1");
    }
}
