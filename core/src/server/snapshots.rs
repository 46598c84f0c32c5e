//! Snapshots that are out: handed to the shell and not reported done.
//!
//! As long as there is one, reads renew no access clocks, as in Redis while it has a child
//! (db.c, `lookupKey`): a renewal would copy the page of every key that is read. Whether a page is
//! still shared at a moment depends on how far another thread has come, so it may not decide that;
//! when a snapshot comes to its end is an input.

use super::Server;
use crate::keyspace::Snapshot;

impl Server {
    /// All databases as they are now. [`Server::snapshot_done`] is called once for each.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        self.snapshots_out += 1;
        Snapshot::of_numbered(self.dbs.numbered())
    }

    /// A snapshot was written or given up.
    pub(crate) fn snapshot_done(&mut self) {
        self.snapshots_out -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::registry;
    use crate::config::Config;
    use crate::keyspace::NewValue;
    use crate::turn::Now;

    #[test]
    fn reads_renew_no_clocks_while_a_snapshot_is_out() {
        let mut server = Server::new(Config::default(), [0; 32], registry().into());
        let key = server.hasher.key(b"k");
        server.dbs[0].set(key, None, NewValue::Int(1), None, 5);
        let read_at = |server: &mut Server, second: i64| {
            server.now = Now { mono_ns: 1, wall_us: second * 1_000_000 };
            let place = server.find_used(0, key, None).unwrap();
            server.dbs[0].entry(place).clock()
        };
        let snapshots = [server.snapshot(), server.snapshot()];
        assert_eq!(read_at(&mut server, 100), 5);
        server.snapshot_done();
        drop(snapshots);
        assert_eq!(read_at(&mut server, 101), 5, "one of them is not reported yet");
        server.snapshot_done();
        assert_eq!(read_at(&mut server, 102), 102);
    }
}
