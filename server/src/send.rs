//! Sending what the core has for a connection.
//!
//! One write is all it takes for most: it is vectored, so a large value goes from the keyspace to
//! the kernel without a copy in between. A write that takes less than it was given means that the
//! socket is full (epoll(7)); an event will say when it is not. A client that reads as fast as it
//! is sent to gets its share of a pass and no more, then the others have their turn.

use std::io::{self, IoSlice};

use seedis_core::ConnId;

use crate::conn::Socket;
use crate::record::Effects;

/// Pieces sent with one call.
const PIECES: usize = 64;

/// Bytes after which the others have their turn.
const SHARE_BYTES: usize = 4 * 1024 * 1024;

/// How sending ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Nothing is left.
    All,
    /// The share is used up.
    Enough,
    /// The socket takes no more for now.
    Full,
    /// The connection is broken.
    Failed,
}

/// Sends what the core has for `id`.
pub(crate) fn send(effects: &mut Effects<'_>, id: ConnId, socket: &mut Socket) -> Sent {
    let mut share = SHARE_BYTES;
    loop {
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let mut count = 0;
        let mut bytes = 0;
        for chunk in effects.tx(id).take(PIECES) {
            let chunk = &chunk[..chunk.len().min(share - bytes)];
            bytes += chunk.len();
            pieces[count] = IoSlice::new(chunk);
            count += 1;
        }
        if count == 0 {
            return Sent::All;
        }
        let sent = match socket.write(&pieces[..count]) {
            Ok(sent) => sent,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Sent::Full,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Sent::Failed,
        };
        effects.sent(id, sent);
        if sent < bytes {
            return Sent::Full;
        }
        share -= sent;
        if share == 0 {
            return Sent::Enough;
        }
        if count < PIECES {
            return Sent::All;
        }
    }
}
