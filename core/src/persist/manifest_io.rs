//! The manifest as a file.

use alloc::boxed::Box;

use crate::config::Config;
use crate::io::{Dir, IoReq, Name};
use crate::log::manifest::Manifest;

/// `appendonly.aof.manifest`.
pub(crate) fn name(config: &Config) -> Box<[u8]> {
    [&config.appendfilename[..], b".manifest"].concat().into()
}

/// Has the manifest replaced, durably and as a whole.
pub(crate) fn replace(config: &Config, manifest: &Manifest) -> IoReq {
    IoReq::Replace { name: Name::file(Dir::Aof, &name(config)), bytes: manifest.to_bytes() }
}
