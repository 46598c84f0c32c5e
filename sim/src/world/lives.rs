//! Lives of the server: how it is configured, how it ends, and how the next one begins.
//!
//! A process may end at any moment, also while it loads. Its end leaves the disk in any state that
//! is legal, and the next life must begin to serve, with a state that may be. It may refuse to only
//! while the disk still fails.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use seedis_core::Core;
use seedis_core::io::{Dir, Name};
use seedis_core::turn::Exit;

use super::audit::Audit;
use super::damaged::inspect_damaged;
use super::durability::Damage;
use super::ending::check_same;
use super::inspected::{Inspected, inspect};
use super::oracle::Oracle;
use super::rot::Rot;
use super::told::{self, Told};
use super::{Surroundings, World};
use crate::commands;
use crate::crafted;
use crate::decisions::{Decisions, Stream};
use crate::disk::{Crash, Disk, Faults, STRICT};
use crate::finding::Invariant::{D9, L1};
use crate::finding::{check, found};
use crate::model::Hash;
use crate::replay;
use crate::sabotage::Boundary;
use crate::sabotage::log_text::is_ours;
use crate::script::{Event, Setup};
use crate::stock::Stock;
use crate::workload::Scope;

/// One life of so many ends with everything taken through a dump.
const DUMPED_EVERY: u64 = 4;

/// How the lives of a run go.
#[derive(Debug)]
pub(crate) struct Lives {
    setup: Setup,
    /// One of so many turns is the last: of those that serve and of those that load.
    turns: u32,
    loading_turns: u32,
    power_percent: u32,
    pub(crate) count: u64,
    /// No server can begin any more.
    pub(crate) is_over: bool,
    /// Starts in a row that were refused.
    refused: u32,
    /// Crashes while data were loaded, since data were last served.
    cut_short: u32,
    /// The faults of the disk, while it has none for once.
    spared: Option<Faults>,
    /// So many of a hundred power losses leave a file that rots.
    rot_percent: u32,
    /// The file that has rotted and was not loaded since.
    rot: Option<Rot>,
    /// What `--check` says of the files that this life began with.
    inspected: Option<Inspected>,
    /// Somebody has said that a torn end may be cut off, if that has to be said, and what was there
    /// when this life began.
    may_cut: bool,
    began_with: Vec<(Name, Vec<u8>)>,
    /// Files of stock Redis that the first life found, and whether one has loaded them.
    pub(super) stock: Option<Stock>,
    is_stock_loaded: bool,
    /// Some life has begun a log while it ran.
    pub(super) has_begun_log: bool,
}

/// A recovery that has been cut short so often comes to its end: at a crash in twenty turns a long
/// one nearly never would, and the seed would never end.
const CUT_SHORT_MAX: u32 = 20;

/// After so many refusals the disk is whole, and the next one is a finding.
const REFUSALS_MAX: u32 = 4;

/// Turns after which a server that nobody disturbs must have done everything.
const REST_TURNS: u32 = 50_000;

/// The same where nothing is known of what clients have set, so that it may never be done.
const ANY_REST_TURNS: u32 = 500;

impl Lives {
    pub(crate) fn draw(setup: Setup, decisions: &Decisions) -> Self {
        let (turns, loading_turns, power_percent) = decisions.mood(Stream::World, |rng| {
            let turns = *[60, 100, 300, 1000].choose(rng).unwrap_or(&300);
            let loading_turns = *[20, 100, 300].choose(rng).unwrap_or(&100);
            (turns, loading_turns, *[0, 50, 90, 100].choose(rng).unwrap_or(&50))
        });
        Self {
            setup,
            turns,
            loading_turns,
            power_percent,
            count: 1,
            is_over: false,
            refused: 0,
            cut_short: 0,
            spared: None,
            rot_percent: decisions
                .mood(Stream::Rot, |rng| *[0, 0, 0, 30].choose(rng).unwrap_or(&0)),
            rot: None,
            inspected: None,
            may_cut: false,
            began_with: Vec::new(),
            stock: None,
            is_stock_loaded: false,
            has_begun_log: false,
        }
    }

    /// Whether a life begins that must leave a torn end as it is.
    fn leaves_torn(&self) -> bool {
        self.setup.persistence.as_ref().is_some_and(|kept| !kept.aof_load_truncated)
            && !self.may_cut
    }

    /// Puts files of stock Redis on the disk, if the seed has some. Returns the state that they
    /// hold.
    pub(super) fn begin_with_files(&mut self, around: &mut Surroundings) -> Option<Hash> {
        let seed = self.setup.stock.filter(|_| around.boundary.is_honest())?;
        self.is_persistent().then_some(())?;
        let stock = Stock::draw(seed, self.setup.is_logged());
        stock.put(&mut around.disk);
        stock.inspect(&self.setup.config());
        around.timeline.note(|| format!("files of stock Redis: {}", stock.words()));
        self.stock.insert(stock).hash().into()
    }

    /// Besides, a log that was made up is read, by servers of its own.
    pub(super) fn try_crafted(&self, boundary: &Boundary) {
        if self.is_persistent() && boundary.is_honest() {
            crafted::try_out(self.setup.core_seed);
        }
    }

    /// Whether a life begins with a log.
    pub(super) fn begins_logged(&self) -> bool {
        self.setup.is_logged()
    }

    pub(super) fn brings_files(&self) -> bool {
        self.stock.is_some()
    }

    /// The server that begins with what is on the disk.
    pub(crate) fn begin(&self, boundary: &mut Boundary) -> Core {
        let mut config = self.setup.config();
        boundary.configure(&mut config);
        config.aof_load_truncated |= self.may_cut;
        if let Some(stock) = self.stock.as_ref().filter(|_| !self.is_stock_loaded) {
            stock.configure(&mut config);
        }
        let mut core = commands::server(config, self.setup.core_seed(self.count));
        core.keep_log();
        if self.is_persistent() {
            core.recover();
        }
        core
    }

    /// A life has ended. Who has switched the log on writes that in the configuration file when the
    /// first rewrite is over; who switches it off does so for a while. Whether the next life
    /// begins with the log.
    fn follow(&mut self, core: &Core) -> bool {
        let Some(kept) = &mut self.setup.persistence else { return false };
        kept.appendonly |= core.watermarks().is_logging;
        kept.appendonly
    }

    fn is_persistent(&self) -> bool {
        self.setup.persistence.is_some()
    }
}

impl World {
    /// The life may end here.
    pub(super) fn maybe_crash(&mut self) {
        if !self.lives.is_persistent() || self.around.is_resting {
            return;
        }
        let is_loading = self.core.is_loading();
        if is_loading && self.lives.cut_short >= CUT_SHORT_MAX {
            return;
        }
        let Lives { turns, loading_turns, .. } = self.lives;
        let turns = if is_loading { loading_turns } else { turns };
        let power_percent = self.lives.power_percent;
        let decided = self.around.decisions.decide(
            Stream::World,
            |rng| {
                let crash = |is_power| if is_power { Crash::PowerLoss } else { Crash::Process };
                rng.random_ratio(1, turns).then(|| crash(rng.random_ratio(power_percent, 100)))
            },
            Event::Crash,
            |event| if let Event::Crash(crash) = event { Some(*crash) } else { None },
        );
        if let Some(crash) = decided {
            self.lives.cut_short += u32::from(is_loading);
            self.crash(crash);
        }
    }

    /// Ends the life and begins the next.
    fn crash(&mut self, crash: Crash) {
        self.crash_after(crash, false);
    }

    /// The same; perhaps a dump holds everything.
    fn crash_after(&mut self, crash: Crash, is_dumped: bool) {
        let around = &mut self.around;
        around.timeline.note(|| format!("{crash:?}"));
        around.trace.note(b'x', crash as u64, &[]);
        around.marks.crashed(crash);
        self.lives.has_begun_log |= around.told.begins_log();
        let has_lost = around.disk.has_lost();
        let found = told::Found::on(&around.disk);
        let troubled_ns = around.disk.troubled_ns();
        let disk = Disk::new(STRICT, Faults::none(), around.decisions.clone());
        around.disk = std::mem::replace(&mut around.disk, disk).crash(crash);
        for note in around.disk.take_notes() {
            around.timeline.note(|| format!("disk: {note}"));
        }
        let damage = Damage { has_lied: around.disk.has_lied(), has_lost, troubled_ns };
        let loads_log = self.lives.follow(&self.core);
        let now = around.clock.now();
        let expired =
            self.oracle.as_ref().map(|oracle| oracle.has_expired(now)).unwrap_or_default();
        let oracle = self.oracle.iter_mut();
        oracle.for_each(|oracle| oracle.crashed(&self.core, crash, damage, loads_log, is_dumped));
        self.around.host.forget();
        self.around.audit = Audit::new(self.lives.is_persistent(), self.around.scope);
        self.compare_told(&found, &expired);
        // Who waits for a key may go on as soon as it is there again.
        let is_still = !self.core.is_loading() && !self.around.network.is_waited_for(&self.core);
        if is_still && self.lives.count.is_multiple_of(DUMPED_EVERY) {
            self.reload_dump();
        }
        self.around.network.forget();
        self.around.clock.restart();
        if crash == Crash::PowerLoss {
            self.rot();
        }
        let around = &mut self.around;
        around.boundary.crashed(&mut around.disk, crash, around.clock.now());
        // What INFO and `--check` say is of the core's own; a planted bug is for other checks.
        let is_followed =
            self.oracle.is_some() && around.boundary.is_honest() && is_ours(&around.disk);
        let config = self.lives.setup.config();
        self.lives.inspected = is_followed.then(|| inspect(&config, &around.disk)).flatten();
        let is_whole = self.lives.inspected.as_ref().is_some_and(Inspected::is_whole);
        if is_whole && self.lives.rot.is_none() && self.lives.count % 2 == 1 {
            let seed = self.lives.setup.core_seed ^ self.lives.count;
            inspect_damaged(&config, &around.disk, seed);
        }
        around.told = Told::new(&around.disk, config.appendonly);
        if self.lives.leaves_torn() {
            self.lives.began_with = files_of_log(&around.disk);
        }
        self.lives.count += 1;
        self.core = self.lives.begin(&mut around.boundary);
        self.around.network.is_open = !self.core.is_loading() && !self.around.is_resting;
        self.log.clear();
    }

    /// What INFO tells at the end of a life must be so; only where nobody resets statistics.
    fn compare_told(&mut self, found: &told::Found, expired: &told::Expired) {
        let mut told = std::mem::take(&mut self.around.told);
        if self.around.scope == Scope::Modelled && self.around.boundary.is_honest() {
            let now = self.around.clock.now();
            let ends = self.around.network.operators.is_ending();
            told.compare(&mut self.core, now, found, ends, expired);
        }
    }

    /// A file may have changed by itself.
    fn rot(&mut self) {
        let odds = self.lives.rot_percent;
        let decided = self.around.decisions.decide(
            Stream::Rot,
            |rng| (odds > 0 && rng.random_ratio(odds, 100)).then(|| rng.random()),
            Event::Rot,
            |event| if let Event::Rot(seed) = event { Some(*seed) } else { None },
        );
        let has_loaded = self.lives.stock.is_none() || self.lives.is_stock_loaded;
        let may_rot = self.lives.rot.is_none() && has_loaded && is_ours(&self.around.disk);
        if let Some(seed) = decided.filter(|_| may_rot) {
            self.lives.rot = Rot::strike(&mut self.around.disk, seed);
            self.tell_of_rot();
        }
    }

    fn tell_of_rot(&mut self) {
        let rot = self.lives.rot.as_ref();
        self.around
            .timeline
            .note(|| rot.map_or_else(|| "the file is whole again".into(), Rot::words));
        self.oracle.iter_mut().for_each(|oracle| oracle.rotted(rot.map(|rot| rot.verdict)));
    }

    /// The process has ended by itself: SHUTDOWN, or a refusal to start.
    pub(super) fn exited(&mut self, exit: Exit) {
        self.around.timeline.note(|| format!("the process ends with code {}", exit.code));
        if self.core.is_loading() {
            self.refused();
            return self.crash(Crash::Process);
        }
        let Surroundings { network, told, .. } = &self.around;
        let is_dumped = network.operators.exited(&self.core, told);
        let crash = if network.operators.is_on { Crash::PowerLoss } else { Crash::Process };
        self.crash_after(crash, is_dumped);
    }

    fn refused(&mut self) {
        if self.refused_stock() {
            return;
        }
        if self.refused_torn() {
            return;
        }
        if let Some(rot) = self.lives.rot.take() {
            self.lives.rot = rot.undo(&mut self.around.disk);
            return self.tell_of_rot();
        }
        self.lives.refused += 1;
        let is_spared = self.lives.spared.is_some();
        let is_entitled = self.around.disk.has_lied();
        check(!is_spared || is_entitled, L1, || {
            "the server refuses to start from a disk that is whole".into()
        });
        // A disk that has lied may leave nothing that can be read.
        self.lives.is_over = self.lives.refused > 2 * REFUSALS_MAX;
        if self.lives.refused >= REFUSALS_MAX && !is_spared {
            self.lives.spared = Some(self.around.disk.set_faults(Faults::none()));
        }
    }

    /// Files of stock Redis are refused, and put right. Not if a disk has only failed to read them.
    fn refused_stock(&mut self) -> bool {
        let line = self.around.told.last_line();
        let has_failed = line.starts_with("Can't ") || self.around.disk.has_lied();
        let is_it = !has_failed && !self.lives.is_stock_loaded;
        let Some(stock) = self.lives.stock.as_mut().filter(|_| is_it) else { return false };
        stock.refused(line, &mut self.around.disk);
        true
    }

    /// A torn end is refused, as it was asked for: it is left as it is, and somebody says that it
    /// may be cut off.
    fn refused_torn(&mut self) -> bool {
        let is_it = self.around.told.last_line().contains("aof-load-truncated is no");
        if !is_it || !self.lives.leaves_torn() {
            return false;
        }
        let disk = &self.around.disk;
        for (name, bytes) in &self.lives.began_with {
            let is_so = disk.content(name) == Some(bytes);
            check(is_so, D9, || format!("{name:?} was refused and is changed"));
        }
        if let Some(inspected) = &self.lives.inspected {
            inspected.refused_torn();
        }
        self.lives.may_cut = true;
        true
    }

    /// Files of stock Redis are loaded.
    fn stock_is_loaded(&mut self) {
        let is_first = !std::mem::replace(&mut self.lives.is_stock_loaded, true);
        let Some(stock) = self.lives.stock.as_ref().filter(|_| is_first) else { return };
        stock.recovered(&self.core, &self.around.disk);
        let told = &mut self.around.told;
        told.keys_were(stock.keys_of_dumps());
        let is_open = self.core.watermarks().is_logging && !told.has_failed();
        stock.check_gone(told.removed(), is_open, &self.around.disk);
    }

    /// Everything is loaded.
    pub(super) fn recovered(&mut self) {
        self.stock_is_loaded();
        self.lives.refused = 0;
        self.lives.cut_short = 0;
        self.lives.rot = None;
        let marks = self.core.watermarks();
        let told = &mut self.around.told;
        told.loaded(&self.core);
        let leaves_torn = self.lives.leaves_torn() && !self.lives.brings_files();
        check(!(leaves_torn && told.has_cut()), D9, || "a torn end was cut off".into());
        self.lives.may_cut = false;
        let inspected = self.lives.inspected.take().filter(|_| marks.is_logging);
        if let Some(inspected) = inspected {
            inspected.recovered(marks.enqueued);
            told.keys_were(inspected.keys());
        }
        if let Some(faults) = self.lives.spared.take()
            && !self.around.is_resting
        {
            self.around.disk.set_faults(faults);
        }
        self.around.timeline.note(|| "the data are loaded".into());
        let now_ns = self.around.clock.now().mono_ns;
        self.oracle.iter_mut().for_each(|oracle| oracle.recovered(&self.core, now_ns));
        self.around.network.is_open = !self.around.is_resting;
    }

    /// Nothing goes wrong any more and nobody asks for more: everything must be done in time. Then
    /// the power goes once more, and everything that was said must be there.
    pub(super) fn come_to_rest(&mut self) {
        self.around.is_resting = true;
        self.around.decisions.rest(self.lives.setup.last_image);
        self.around.network.rest();
        self.around.disk.heal();
        self.rest();
        if !self.lives.is_persistent() || self.lives.is_over {
            return;
        }
        let is_logging = self.core.watermarks().is_logging && !self.core.is_loading();
        if self.around.scope == Scope::Any {
            if is_logging && self.core.write_refusal().is_none() && self.is_odd() {
                self.reload();
            }
            return;
        }
        self.check_left();
        if !self.is_odd() && self.around.boundary.is_honest() {
            self.reload_amid_others();
        }
        let kept = self.is_odd().then(|| {
            self.shut_down();
            replay::dump(&self.core)
        });
        self.crash(Crash::PowerLoss);
        self.rest();
        self.check_files();
        self.check_rest();
        let is_dumped = self
            .lives
            .setup
            .persistence
            .as_ref()
            .is_some_and(|it| it.save.is_some() && !it.appendonly);
        let has_lied = self.around.disk.has_lied();
        if let Some(kept) = kept.filter(|_| !has_lied && (is_logging || is_dumped)) {
            let now_ms = self.around.clock.now().wall_ms();
            check_same(&kept, replay::dump(&self.core), now_ms, "after an orderly end");
        }
    }

    /// Half of all seeds.
    fn is_odd(&self) -> bool {
        self.lives.setup.core_seed % 2 == 1 && self.around.boundary.is_honest()
    }

    fn rest(&mut self) {
        let turns = match self.around.scope {
            Scope::Any => ANY_REST_TURNS,
            Scope::Modelled => REST_TURNS,
        };
        for _ in 0..turns {
            self.step();
            if self.lives.is_over {
                return;
            }
            let is_answered = self.oracle.as_ref().is_none_or(Oracle::is_answered);
            let serves = !self.core.is_loading() && self.core.write_refusal().is_none();
            // Whoever has switched the log on or off is obeyed in the end.
            let is_obeyed = self.around.scope == Scope::Any
                || !self.lives.is_persistent()
                || self.core.config().appendonly == self.core.watermarks().is_logging;
            let is_done = serves
                && is_obeyed
                && is_answered
                && self.around.network.operators.is_idle()
                && self.around.disk.pending() == 0
                && self.around.boundary.is_idle();
            if is_done
                && (self.around.network.is_quiet(self.oracle.as_ref())
                    || self.around.scope == Scope::Any)
            {
                return;
            }
        }
        if self.around.scope == Scope::Modelled {
            let words = format!(
                "the server has not done everything that it was asked to: it refuses writes with \
                 {:?}, loads: {}, everything is executed: {}, answered: {}, due at {:?} of {:?}",
                self.core.write_refusal(),
                self.core.is_loading(),
                self.around.network.is_quiet(self.oracle.as_ref()),
                self.oracle.as_ref().is_none_or(Oracle::is_answered),
                self.core.next_deadline(),
                self.around.clock.now(),
            );
            found(L1, words);
        }
    }
}

/// The files of the log as they are.
fn files_of_log(disk: &Disk) -> Vec<(Name, Vec<u8>)> {
    let names = disk.names(Dir::Aof).into_iter().map(|name| Name::file(Dir::Aof, &name));
    names.filter_map(|name| Some((name.clone(), disk.content(&name)?.to_vec()))).collect()
}
