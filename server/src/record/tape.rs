//! The loop's side of a recording: notes of the turn, handed over at its end.
//!
//! Handing over is a lock that the other side holds for as long as it takes to take a list, and a
//! copy of what one turn noted. When the room is full the tape stops; it goes on once everything
//! was written, with a gap and the state of the moment, since later inputs mean nothing without
//! it. The same happens at the start when values are masked (the files of the server are not, so
//! the recording begins when they are loaded), and whenever a segment ends.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use seedis_core::io::Name;
use seedis_core::recording::secrets::Masker;
use seedis_core::recording::{Check, Entry, Fingerprint, Start};
use seedis_core::turn::Effects;
use seedis_core::{Config, ConnId, Core, Fed, IoReq, Now, Seed, Ticket};

use super::Options;
use super::writer::{Part, Shared, StateOf, Writer};
use crate::conn::Slab;

/// Bytes of notes that may wait for the disk.
const ROOM_BYTES: usize = 64 << 20;

/// Time between two checks.
const CHECK_EVERY_NS: u64 = 250_000_000;

/// Keys up to which the last check tells a digest of them; above, the end would take too long.
const DIGEST_KEYS_MAX: usize = 2_000_000;

/// What the tape does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// It notes everything.
    On,
    /// It begins, or goes on, with a state as soon as there is one and room for it.
    Waiting,
    /// It has failed.
    Off,
}

/// The notes.
#[derive(Debug)]
pub(crate) struct Tape {
    mode: Mode,
    /// Those of this turn.
    entries: Vec<u8>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    print: Fingerprint,
    check_due_ns: u64,
    masker: Masker,
    /// Requests that read the configuration file.
    config_reads: BTreeSet<Ticket>,
    /// What is to be said in the log.
    news: Option<String>,
    /// Bytes of notes that may wait for the disk.
    room_bytes: usize,
}

impl Tape {
    /// Begins a recording of a core that begins with `config` and `seed`.
    pub(crate) fn start(options: &Options, config: &Config, seed: Seed) -> io::Result<Self> {
        let key = u128::from_le_bytes(crate::system::random()?);
        let masker = Masker::new(key, options.is_redacted);
        let start = Start { is_redacted: options.is_redacted, ..Start::new(config.clone(), seed) };
        let shared = Arc::new(Shared::default());
        let writer = Writer::open(options, start, key).map_err(|error| {
            let (file, reason) = (options.file.display(), crate::system::words(&error));
            io::Error::other(format!("recording to {file}: {reason}"))
        })?;
        let thread = writer.spawn(shared.clone())?;
        Ok(Self {
            mode: if options.is_redacted { Mode::Waiting } else { Mode::On },
            entries: Vec::new(),
            shared,
            thread: Some(thread),
            print: Fingerprint::default(),
            check_due_ns: 0,
            masker,
            config_reads: BTreeSet::new(),
            news: None,
            room_bytes: ROOM_BYTES,
        })
    }

    /// Notes an input.
    #[inline]
    pub(super) fn note(&mut self, entry: &Entry<'_>) {
        if self.mode == Mode::On {
            entry.put(&mut self.entries);
        }
    }

    /// Notes that what was received was fed, and what became of it.
    #[inline]
    pub(super) fn fed(&mut self, conn: ConnId, fed: Fed, spent_ns: u64) {
        self.note(&Entry::Fed(conn, fed.consumed as u64, spent_ns));
        self.print.fed(conn, fed);
    }

    /// Notes that a socket took bytes.
    #[inline]
    pub(super) fn sent(&mut self, effects: &Effects<'_>, conn: ConnId, count: usize) {
        self.note(&Entry::Sent(conn, count as u64));
        self.print.sent(effects, conn, count);
    }

    /// Notes what the core asks for.
    pub(super) fn request(&mut self, ticket: Ticket, request: &IoReq) {
        self.print.request(ticket, request);
        if matches!(request, IoReq::Read { name: Name::Config }) {
            self.config_reads.insert(ticket);
        }
    }

    /// Whether a request that has ended read the configuration file.
    pub(super) fn is_of_config(&mut self, ticket: Ticket) -> bool {
        self.config_reads.remove(&ticket)
    }

    /// A configuration file without secrets.
    pub(super) fn masked_config(&self, text: &[u8]) -> Vec<u8> {
        self.masker.config_text(text)
    }

    /// The turn is over; the last one is followed by the end of the process.
    pub(crate) fn end_turn(&mut self, core: &Core, slab: &Slab, now: Now, is_last: bool) {
        if self.mode == Mode::On && (is_last || now.mono_ns >= self.check_due_ns) {
            self.check_due_ns = now.mono_ns + CHECK_EVERY_NS;
            self.check(core, is_last);
        }
        self.hand_over(core, slab);
    }

    fn check(&mut self, core: &Core, is_last: bool) {
        let marks = core.watermarks();
        let has_digest = is_last && core.keys_total() <= DIGEST_KEYS_MAX;
        let check = Check {
            fingerprint: std::mem::take(&mut self.print).value(),
            enqueued: marks.enqueued,
            written: marks.written,
            durable: marks.durable,
            digest: has_digest.then(|| core.digest()),
        };
        self.note(&Entry::Check(check));
    }

    fn hand_over(&mut self, core: &Core, slab: &Slab) {
        let shared = self.shared.clone();
        let mut queue = shared.queue();
        if let Some(failure) = queue.failure.take() {
            self.mode = Mode::Off;
            self.news = Some(format!("Recording failed and has ended: {failure}"));
        }
        let is_full = queue.bytes + self.entries.len() > self.room_bytes;
        match self.mode {
            Mode::On if is_full => {
                self.mode = Mode::Waiting;
                queue.parts.push_back(Part::Gap);
                self.news = Some("The recording has a gap: the disk is too slow for it".into());
            }
            Mode::On => {
                queue.append(&mut self.entries);
                if queue.wants_state {
                    queue.wants_state = false;
                    queue.parts.push_back(Part::State(Box::new(state_of(core, slab))));
                    self.restart();
                }
            }
            Mode::Waiting if queue.parts.is_empty() && !core.is_loading() => {
                queue.wants_state = false;
                queue.parts.push_back(Part::State(Box::new(state_of(core, slab))));
                self.mode = Mode::On;
                self.restart();
            }
            Mode::Waiting | Mode::Off => {}
        }
        self.entries.clear();
        if queue.is_idle && !queue.parts.is_empty() {
            queue.is_idle = false;
            drop(queue);
            shared.wake();
        }
    }

    /// Whoever replays from here on has seen nothing of what was put out before.
    fn restart(&mut self) {
        self.print = Fingerprint::default();
        self.check_due_ns = 0;
    }

    /// What is to be said in the log.
    #[inline]
    pub(crate) fn news(&mut self) -> Option<String> {
        self.news.take()
    }

    /// Writes what is left and ends the recording; what went wrong, if anything did.
    pub(crate) fn finish(&mut self) -> Option<String> {
        self.shared.queue().is_ending = true;
        self.shared.wake();
        let ended = self.thread.take().map(JoinHandle::join);
        if matches!(ended, Some(Err(_))) {
            return Some("Recording ended by a defect".into());
        }
        self.shared.queue().failure.take()
    }
}

fn state_of(core: &Core, slab: &Slab) -> StateOf {
    let state = core.recorded_state();
    let kept = |conn: ConnId| slab.kept(conn).to_vec();
    StateOf { kept: state.clients.iter().map(|client| kept(client.conn)).collect(), state }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use seedis_core::recording::frame::{self, Found, Kind, MAGIC};
    use seedis_core::recording::wire::Cursor;

    use super::super::Turn;
    use super::*;
    use crate::facts::Facts;
    use crate::turn_times::TurnTimes;

    /// One turn after the other, and what they are recorded in.
    struct Run {
        core: Core,
        slab: Slab,
        tape: Tape,
        mono_ns: u64,
    }

    impl Run {
        fn new(options: &Options) -> Self {
            let (config, seed) = (Config::default(), [1; 32]);
            let tape = Tape::start(options, &config, seed).unwrap();
            let core = Core::new(config, seed);
            Self { core, slab: Slab::default(), tape, mono_ns: 0 }
        }

        fn turn(&mut self, bytes: &[u8]) {
            self.mono_ns += 1_000_000_000;
            let now = Now { mono_ns: self.mono_ns, wall_us: 5 };
            let mut turn = Turn::begin(self.core.turn(now), now, Some(&mut self.tape));
            turn.received(ConnId { slot: 0, generation: 0 }, bytes);
            turn.seal();
            self.tape.end_turn(&self.core, &self.slab, now, false);
        }

        fn end(mut self) {
            assert_eq!(self.tape.finish(), None);
        }
    }

    fn options(name: &str) -> Options {
        let name = format!("seedis-tape-{name}-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        Options { file, max_bytes: None, is_redacted: false }
    }

    /// Kinds of the frames of a file, a state where it begins, equal neighbours once; the file is
    /// removed.
    fn kinds(options: &Options) -> Vec<Kind> {
        let bytes = fs::read(&options.file).unwrap();
        fs::remove_file(&options.file).unwrap();
        let (mut at, mut kinds) = (MAGIC.len(), Vec::new());
        let mut is_in_state = false;
        while let Found::Frame { frame, end } = frame::find(&bytes, at) {
            at = end;
            let is_more = frame.kind == Kind::State && is_in_state;
            is_in_state |= frame.kind == Kind::State;
            is_in_state &= frame.kind != Kind::Start;
            if !is_more {
                kinds.push(frame.kind);
            }
        }
        assert_eq!(frame::find(&bytes, at), Found::End);
        kinds.dedup();
        kinds
    }

    #[test]
    fn notes_without_room_are_a_gap_and_then_a_state() {
        let options = options("gap");
        let mut run = Run::new(&options);
        run.tape.room_bytes = 10_000;
        run.turn(b"PING\r\n");
        run.turn(&[b'x'; 10_000]);
        assert!(run.tape.news().is_some_and(|news| news.contains("gap")));
        let until = Instant::now() + Duration::from_secs(20);
        while run.tape.mode != Mode::On {
            assert!(Instant::now() < until, "it does not go on");
            run.turn(b"not recorded");
        }
        run.turn(b"PING\r\n");
        run.end();
        use Kind::{End, Entries, Gap, Start, State};
        let found = kinds(&options);
        assert_eq!(found, [Start, Entries, Gap, Start, State, Entries, End]);
    }

    #[test]
    fn a_recording_that_cannot_be_written_ends() {
        let options = Options { file: "/no/such/place".into(), ..options("none") };
        let error = Tape::start(&options, &Config::default(), [1; 32]).unwrap_err();
        assert!(error.to_string().contains("recording to /no/such/place"), "{error}");
    }

    #[test]
    fn masked_values_begin_with_a_state() {
        let options = Options { is_redacted: true, ..options("redacted") };
        let mut run = Run::new(&options);
        run.turn(b"PING\r\n");
        run.turn(b"PING\r\n");
        run.end();
        let found = kinds(&options);
        assert_eq!(found, [Kind::Start, Kind::State, Kind::Entries, Kind::End]);
    }

    /// Names in them are read back by a list of those that are known.
    #[test]
    fn the_figures_of_this_shell_can_be_read_back() {
        let facts = Facts::new(None).due(1, 6379, &TurnTimes::default()).unwrap();
        let mut out = Vec::new();
        Entry::Observe(facts).put(&mut out);
        assert!(Entry::read(&mut Cursor::new(&out)).is_ok());
    }
}
