//! Requests and their ends in words, for the timeline.

use seedis_core::io::{Dir, Name};
use seedis_core::{IoReq, IoResult};

use super::timeline::Timeline;

/// What is asked for.
pub(crate) fn request(request: &IoReq) -> String {
    match request {
        IoReq::Read { name: file } => format!("read {}", name(file)),
        IoReq::Replace { name: file, bytes } => {
            format!("replace {} by {}", name(file), Timeline::shown(bytes))
        }
        IoReq::List { dir: of } => format!("list {}", dir(*of)),
        IoReq::MakeDir { dir: made } => format!("make {}", dir(*made)),
        IoReq::SyncDir { dir: synced } => format!("sync directory {}", dir(*synced)),
        IoReq::Rename { from, to } => format!("rename {} to {}", name(from), name(to)),
        IoReq::Unlink { name: file } => format!("remove {}", name(file)),
        IoReq::Open { file, name: of, mode } => {
            format!("open {} as {} ({mode:?})", name(of), file.0)
        }
        IoReq::Close { file } => format!("close {}", file.0),
        IoReq::ReadAt { file, at, len } => format!("read {} at {at}, {len} bytes", file.0),
        IoReq::WriteAt { file, at, bytes, from } => {
            format!("write {} at {at}: {}", file.0, Timeline::shown(&bytes[*from..]))
        }
        IoReq::Truncate { file, len } => format!("cut {} to {len}", file.0),
        IoReq::Sync { file } => format!("sync {}", file.0),
        IoReq::Save { file, .. } => format!("save a snapshot to {}", file.0),
        IoReq::Cancel { save } => format!("cancel request {}", save.0),
        IoReq::Listen { port, .. } => format!("listen on port {port}"),
        IoReq::ChangeDir { path } => format!("work in {}", Timeline::shown(path)),
        IoReq::AllowClients { count } => format!("allow {count} clients"),
        IoReq::Drop(_) => "drop data".into(),
    }
}

/// How it ended.
pub(crate) fn result(result: &IoResult) -> String {
    match result {
        IoResult::Done => "done".into(),
        IoResult::Bytes(bytes) => Timeline::shown(bytes),
        IoResult::Files(files) => {
            let shown = |it: &seedis_core::io::FileEntry| {
                format!("{} of {} bytes", Timeline::shown(&it.name), it.len)
            };
            files.iter().map(shown).collect::<Vec<_>>().join(", ")
        }
        IoResult::Opened { len } => format!("opened, {len} bytes long"),
        IoResult::Written { count, .. } => format!("{count} bytes written"),
        IoResult::Saved { len } => format!("saved, {len} bytes"),
        IoResult::Failed(error) => format!("failed: {}", error.words),
        IoResult::NotWritten { error, .. } => format!("not written: {}", error.words),
    }
}

fn dir(dir: Dir) -> &'static str {
    match dir {
        Dir::Data => ".",
        Dir::Aof => "appendonlydir",
    }
}

fn name(of: &Name) -> String {
    match of {
        Name::Config => "the configuration file".into(),
        Name::In(Dir::Data, name) => Timeline::shown(name),
        Name::In(of, name) => format!("{}/{}", dir(*of), Timeline::shown(name)),
    }
}
