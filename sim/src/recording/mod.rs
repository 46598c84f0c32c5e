//! Replaying what a server recorded (`seedis-server --record FILE`).
//!
//! The same core gets the same inputs again, so a production incident can be looked at as often as
//! one likes, on another machine, up to any command. Nothing is taken on trust: every check in the
//! recording is compared, and bytes that are no recording are refused with their offset.
//!
//! Three things may be missing. The end, when the process was killed: what is there is played. A
//! part in the middle, when the disk was too slow: the replay goes on with the state behind it.
//! The beginning, when it was a ring of segments, or when values were masked: it begins with a
//! state. From a state on the run is not the identical one any more (`player`), which is said.

mod inspect;
mod lent;
pub mod options;
pub mod player;
mod requests;
pub mod show;
pub mod source;
pub mod stop;

use std::path::Path;

use seedis_core::recording::Start;
use seedis_core::recording::frame::Kind;
use seedis_core::recording::state::Item;
use seedis_core::version::VERSION;
use seedis_core::{ConnId, Now, Peer, Turn};

use player::{Played, Player};
use show::{Show, Wishes};
use source::{Files, Next, Place, Refusal, Source};
use stop::Stop;

/// How a replay ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The recording was ended in order.
    Whole,
    /// The recording stops: the process was killed, or it is still running.
    Truncated,
    /// The log came to where the replay was to end.
    Reached,
    /// The request was found that was looked for.
    Matched,
    /// The core did something else than what was recorded.
    Diverged(String),
    /// There is nothing to begin with.
    Nothing,
}

/// What a replay found.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended.
    pub ending: Ending,
    /// What was played.
    pub played: Played,
    /// It began at the start of the process and nothing was missing: it was the identical run.
    pub is_exact: bool,
    /// Values were masked.
    pub is_redacted: bool,
    /// The digest of the data at the end, as DEBUG DIGEST answers, and how many keys there are.
    pub digest: String,
    /// Keys at the end.
    pub keys: usize,
    /// The end of the log.
    pub lsn: u64,
    /// What is to be said about the recording.
    pub notes: Vec<String>,
}

/// Replays the recording at `path`.
pub fn replay(
    path: &Path,
    wishes: Wishes,
    out: Box<dyn std::io::Write>,
) -> Result<Report, Refusal> {
    let files = Files::find(path)?;
    let mut session = Session {
        player: None,
        show: Some(Show::new(wishes, out)),
        has_gap: false,
        is_ended: false,
        is_exact: !files.is_cut,
        notes: Vec::new(),
    };
    if files.is_cut {
        session.note("earlier segments are gone: the replay begins with a state");
    }
    for file in &files.paths {
        let mut source = Source::open(file)?;
        if let Some(ending) = session.file(&mut source)? {
            return Ok(session.report(ending));
        }
    }
    let ending = match &session.player {
        None => Ending::Nothing,
        Some(_) if session.is_ended => Ending::Whole,
        Some(_) => Ending::Truncated,
    };
    Ok(session.report(ending))
}

/// A replay under way.
struct Session {
    player: Option<Player>,
    /// Until there is a player.
    show: Option<Show>,
    /// Inputs are missing: nothing can be played before the next state.
    has_gap: bool,
    is_ended: bool,
    is_exact: bool,
    notes: Vec<String>,
}

impl Session {
    fn note(&mut self, note: &str) {
        self.notes.push(note.into());
    }

    /// Plays a file to its end, unless the replay ends before.
    fn file(&mut self, source: &mut Source) -> Result<Option<Ending>, Refusal> {
        self.is_ended = false;
        while let Next::Frame(frame) = source.frame()? {
            match frame.kind {
                Kind::Start => self.start(source, &frame)?,
                Kind::Entries | Kind::Masked => {
                    if let Some(ending) = self.entries(source, &frame)? {
                        return Ok(Some(ending));
                    }
                }
                Kind::State => {}
                Kind::Gap => self.gap(&frame),
                Kind::End => self.is_ended = true,
            }
        }
        Ok(None)
    }

    fn start(&mut self, source: &Source, frame: &Place) -> Result<(), Refusal> {
        let start = match Start::read(&frame.payload) {
            Ok(start) => start,
            Err(wrong) => {
                return source.refuse(frame.at + wrong.at as u64, format!("no {}", wrong.expected));
            }
        };
        if start.version != VERSION {
            let note = format!(
                "recorded by version {}, this is {VERSION}: they may differ",
                start.version
            );
            self.note(&note);
        }
        let is_needed = self.has_gap || self.player.is_none();
        if start.is_whole && self.player.is_some() {
            return source.refuse(frame.at, "a process starts in the middle of a recording");
        }
        if !is_needed {
            return Ok(());
        }
        let Some(show) = self.take_show() else { return Ok(()) };
        let mut player = Player::new(&start, show);
        if start.is_whole || self.load(&mut player, source)? {
            self.has_gap = false;
            self.is_exact &= start.is_whole;
            self.player = Some(player);
        } else {
            self.show = Some(player.stage.show);
            self.note("a state is not whole: what follows it cannot be played");
        }
        Ok(())
    }

    fn take_show(&mut self) -> Option<Show> {
        match self.player.take() {
            Some(player) => Some(player.stage.show),
            None => self.show.take(),
        }
    }

    fn gap(&mut self, frame: &Place) {
        let why = String::from_utf8_lossy(&frame.payload).into_owned();
        self.note(&format!("inputs are missing ({why}): the replay goes on with the next state"));
        self.has_gap = true;
        self.is_exact = false;
    }

    fn entries(&mut self, source: &Source, frame: &Place) -> Result<Option<Ending>, Refusal> {
        let Some(player) = self.player.as_mut().filter(|_| !self.has_gap) else {
            return Ok(None);
        };
        player.stage.has_masked |= frame.kind == Kind::Masked;
        match player.play(&frame.payload) {
            Ok(()) => Ok(None),
            Err(Stop::Malformed { at, why }) => source.refuse(frame.at + at as u64, why),
            Err(Stop::Diverged { at, why }) => {
                let at = frame.at + at as u64;
                let turn = player.stage.played.turns;
                let place = format!("{}, offset {at}, turn {turn}", source.path().display());
                Ok(Some(Ending::Diverged(format!("{place}: {why}"))))
            }
            Err(Stop::Matched) => {
                inspect::show_match(player);
                Ok(Some(Ending::Matched))
            }
            Err(Stop::Reached) => Ok(Some(Ending::Reached)),
        }
    }

    /// Puts the state into a player that lies ahead in the file, between other frames perhaps;
    /// whether it is there to its end.
    fn load(&self, player: &mut Player, source: &Source) -> Result<bool, Refusal> {
        let mut ahead = Source::open_at(source.path(), source.at())?;
        let mut loader = Loader::default();
        while let Next::Frame(frame) = ahead.frame()? {
            match frame.kind {
                Kind::Start => return Ok(false),
                Kind::State => {
                    let mut load = |item: Item<'_>| loader.item(player, item);
                    if ahead.items(&frame, &mut load)? {
                        return loader.finish(player, &ahead, &frame);
                    }
                }
                _ => {}
            }
        }
        Ok(false)
    }

    fn report(self, ending: Ending) -> Report {
        let mut notes = self.notes;
        let Some(player) = self.player else {
            let (played, digest) = (Played::default(), String::new());
            let (is_exact, is_redacted) = (false, false);
            return Report {
                ending,
                played,
                is_exact,
                is_redacted,
                digest,
                keys: 0,
                lsn: 0,
                notes,
            };
        };
        if ending == Ending::Truncated {
            notes.push("the recording stops here, without an end".into());
        }
        Report {
            ending,
            played: player.stage.played,
            is_exact: self.is_exact,
            is_redacted: player.stage.is_redacted(),
            digest: player.core.digest(),
            keys: player.core.keys_total(),
            lsn: player.core.watermarks().enqueued,
            notes,
        }
    }
}

/// The connection that the keyspace comes from; it is gone when others come.
const LOADER: ConnId = ConnId { slot: 0, generation: u32::MAX };

/// A state that is put into a core.
#[derive(Default)]
struct Loader {
    now: Now,
    /// Requests that are not executed yet.
    requests: Vec<u8>,
    clients: Vec<Waiting>,
    is_begun: bool,
    is_wrong: bool,
}

/// A connection of the state.
struct Waiting {
    conn: ConnId,
    id: u64,
    peer: Peer,
    requests: Vec<u8>,
    kept: Vec<u8>,
}

impl Loader {
    /// Takes a part; whether it was the last.
    fn item(&mut self, player: &mut Player, item: Item<'_>) -> bool {
        match item {
            Item::Begin(now, last_id) => {
                *self = Self { now, is_begun: true, ..Self::default() };
                player.stage.begin(now, last_id);
                let mut turn = player.core.turn(now);
                turn.accept(LOADER, nobody());
                turn.seal();
            }
            Item::Keys(bytes) if self.is_begun => {
                self.requests.extend_from_slice(bytes);
                let eaten = execute(&mut player.core.turn(self.now), LOADER, &self.requests);
                self.requests.drain(..eaten);
                player.discard_output();
            }
            Item::Client(client) => self.clients.push(Waiting {
                conn: client.conn,
                id: client.id,
                peer: client.peer,
                requests: client.requests.to_vec(),
                kept: client.kept.to_vec(),
            }),
            Item::Keys(_) => self.is_wrong = true,
            Item::End => return true,
        }
        false
    }

    /// Makes the connections.
    fn finish(self, player: &mut Player, source: &Source, frame: &Place) -> Result<bool, Refusal> {
        if self.is_wrong || !self.is_begun || !self.requests.is_empty() {
            return source.refuse(frame.at, "a state ends that has no beginning, or has gaps");
        }
        let Player { core, stage } = player;
        let mut turn = core.turn(self.now);
        turn.closed(LOADER);
        for client in self.clients {
            if !stage.is_free(client.conn) {
                return source.refuse(frame.at, "two connections of a state are one");
            }
            stage.admit(&mut turn, client.conn, client.id, client.peer);
            execute(&mut turn, client.conn, &client.requests);
            stage.keep(client.conn, &client.kept);
        }
        turn.seal();
        player.discard_output();
        Ok(true)
    }
}

/// Feeds requests; returns how many bytes were executed.
fn execute(turn: &mut Turn<'_>, conn: ConnId, requests: &[u8]) -> usize {
    let mut at = 0;
    while at < requests.len() {
        let fed = turn.feed(conn, &requests[at..]);
        turn.took(conn, &requests[at..], 0);
        at += fed.consumed;
        if fed.consumed == 0 {
            break;
        }
    }
    at
}

fn nobody() -> Peer {
    Peer { addr: "".into(), laddr: "".into(), is_local: true, is_unix: false, fd: -1 }
}
