//! What is mutated: the log, expiry and recovery, by file and where needed by function.

use std::fs;
use std::path::{Path, PathBuf};

/// A part of the core that is told of on a line of its own.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// A folder or a file.
    pub(crate) path: &'static str,
    /// Functions, where most of the file is about other things.
    pub(crate) only: &'static [&'static str],
}

/// All of them.
pub(crate) const TARGETS: &[Target] = &[
    Target { name: "log", path: "core/src/log", only: &[] },
    Target { name: "persistence", path: "core/src/persist", only: &[] },
    Target { name: "recovery", path: "core/src/recovery", only: &[] },
    Target { name: "expiry", path: "core/src/server/active_expire.rs", only: &[] },
    Target { name: "expiry", path: "core/src/server/expire_fields.rs", only: &[] },
    Target { name: "expiry", path: "core/src/keyspace/timed.rs", only: &[] },
    Target {
        name: "expiry",
        path: "core/src/keyspace/db.rs",
        only: &["recount_expires", "set_expire", "next_deadline_ms", "expired", "expires"],
    },
    Target {
        name: "expiry",
        path: "core/src/keyspace/segment.rs",
        only: &["note_deadline", "expired"],
    },
    Target { name: "expiry", path: "core/src/command/keys/expire.rs", only: &[] },
    Target { name: "expiry", path: "core/src/command/keys/ttl.rs", only: &[] },
    Target { name: "expiry", path: "core/src/command/hash/expire.rs", only: &[] },
    Target { name: "expiry", path: "core/src/command/hash/ttl.rs", only: &[] },
];

impl Target {
    /// The files of it in this workspace, each as it is called there.
    pub(crate) fn files(&self, root: &Path) -> Vec<String> {
        let mut pending = vec![PathBuf::from(self.path)];
        let mut files = Vec::new();
        while let Some(path) = pending.pop() {
            let full = root.join(&path);
            if full.is_dir() {
                let entries = fs::read_dir(&full).expect("the source can be read");
                pending.extend(entries.flatten().map(|entry| path.join(entry.file_name())));
            } else if path.extension().is_some_and(|it| it == "rs") && !is_test(&path) {
                files.push(path.display().to_string());
            }
        }
        files.sort();
        files
    }
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}
