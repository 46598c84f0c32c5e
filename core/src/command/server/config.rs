//! CONFIG: settings, read, changed and written back to the file.
//!
//! Most settings are read where they matter, so a change needs nothing but the new value. Some need
//! the system: other addresses to listen on, another working directory, more open files. The shell
//! is asked for those first, one after the other while the client waits, and the configuration
//! changes when all have succeeded; when one fails, those before it are taken back. A transaction
//! cannot wait, so there such a change is refused.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::help::help;
use crate::command::spec::{Command, Flags, Group};
use crate::config::{Config, Directive, LogLevel, Origin, Reason, SetError, rewrite};
use crate::io::{IoError, IoErrorKind, IoReq, IoResult, Name};
use crate::log::manifest::Manifest;
use crate::server::Server;
use crate::server::completion::{Continuation, Waiter};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("config", -2, Group::Server, config_help)
    .docs("2.0.0", "Holds the commands on the configuration.", "Depends on subcommand.")
    .subcommands(SUBCOMMANDS)];

const SUBCOMMANDS: &[Command] = &[
    Command::new("get", -3, Group::Server, get)
        .flags(ADMIN)
        .arguments("parameter*")
        .docs(
            "2.0.0",
            "Returns settings.",
            "O(N) when N is the number of configuration parameters provided",
        )
        .history(&[("7.0.0", "Added the ability to pass multiple pattern parameters in one call")]),
    Command::new("help", 2, Group::Server, config_help)
        .flags(&[Flags::LOADING, Flags::STALE])
        .docs("5.0.0", "Tells what the subcommands do.", "O(1)"),
    Command::new("resetstat", 2, Group::Server, resetstat)
        .flags(ADMIN)
        .docs("2.0.0", "Sets the counters of INFO to zero.", "O(1)")
        .tips(ALL_SUCCEEDED),
    Command::new("rewrite", 2, Group::Server, rewrite_file)
        .flags(ADMIN)
        .docs("2.8.0", "Writes the settings in force to the configuration file.", "O(1)")
        .tips(ALL_SUCCEEDED),
    Command::new("set", -4, Group::Server, set)
        .flags(ADMIN)
        .arguments("data=(parameter value)*")
        .docs(
            "2.0.0",
            "Changes settings.",
            "O(N) when N is the number of configuration parameters provided",
        )
        .history(&[("7.0.0", "Added the ability to set multiple parameters in one call.")])
        .tips(ALL_SUCCEEDED),
];

const ADMIN: &[Flags] = &[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE];

const ALL_SUCCEEDED: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

fn get(ctx: &mut Ctx<'_>) -> Outcome {
    let patterns: Vec<&[u8]> = ctx.args.from(2).collect();
    let found = ctx.server.config.matching(&patterns);
    let reply = ctx.reply();
    reply.map(found.len());
    for (name, value) in found {
        reply.bulk(name);
        reply.bulk(&value);
    }
    Ok(())
}

fn set(ctx: &mut Ctx<'_>) -> Outcome {
    let words = ctx.args.skip(2);
    if words.len() % 2 == 1 {
        return Err(CommandError::Syntax);
    }
    let pairs: Vec<(&[u8], &[u8])> =
        (0..words.len()).step_by(2).map(|at| (words.at(at), words.at(at + 1))).collect();
    let is_loading = ctx.server.is_loading();
    let origin = Origin::Client { is_local: ctx.client.peer.is_local, is_loading };
    let mut new = ctx.server.config.clone();
    let changed = new.set_many(&pairs, origin).map_err(|error| refused(&error))?;
    let steps = Step::all(&changed, &ctx.server.config, &new);
    let Some(first) = steps.front() else {
        ctx.server.adopt(new);
        ctx.reply().ok();
        return Ok(());
    };
    if ctx.server.log.is_in_transaction() {
        let reason = Reason::new("not possible inside a transaction");
        return Err(refused(&SetError::failed(first.directive, reason)));
    }
    if let Some(dir) = steps.iter().find(|step| ctx.server.must_stay(step)) {
        return Err(refused(&dir.refusal(LOG_STAYS.into())));
    }
    let pairs = pairs.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    let waiter = Waiter::park(ctx);
    ctx.server.take_steps(Box::new(Change {
        waiter,
        origin,
        pairs,
        steps,
        undo: Vec::new(),
        dir: None,
    }));
    Ok(())
}

fn refused(error: &SetError) -> CommandError {
    CommandError::Bytes(error.reply())
}

/// A change of settings that waits for the shell.
#[derive(Debug)]
pub(crate) struct Change {
    waiter: Waiter,
    origin: Origin,
    /// Names and values.
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
    /// What the shell must still do; it is at the first.
    steps: VecDeque<Step>,
    /// What takes back the steps that are done.
    undo: Vec<IoReq>,
    /// The new working directory as the system calls it.
    dir: Option<Vec<u8>>,
}

/// Something that the shell must do for new settings.
#[derive(Debug)]
struct Step {
    directive: &'static Directive,
    failure: Failure,
    /// The request for a configuration.
    request: fn(&Config) -> IoReq,
    /// What to ask for; once that was asked, what takes it back.
    next: IoReq,
}

/// How the error of a step that failed is worded.
#[derive(Clone, Copy, Debug)]
enum Failure {
    /// As the system says it.
    Words,
    /// Whatever the system says.
    Fixed(&'static str),
    /// The system says how many clients it allows.
    TryWith,
}

impl Step {
    /// The steps from a configuration to the next.
    fn all(changed: &[&'static Directive], old: &Config, new: &Config) -> VecDeque<Self> {
        let has_changed = |name| changed.iter().any(|directive| directive.name() == name);
        let step = |(name, failure, request): &StepRow| {
            let directive = *changed.iter().find(|directive| directive.name() == *name)?;
            let is_needed = match *name {
                // The request for the port has the addresses too.
                "bind" => !has_changed("port"),
                "maxclients" => new.maxclients > old.maxclients,
                _ => true,
            };
            let step = Self { directive, failure: *failure, request: *request, next: request(new) };
            is_needed.then_some(step)
        };
        STEPS.iter().filter_map(step).collect()
    }

    fn is_change_of_dir(&self) -> bool {
        matches!(self.next, IoReq::ChangeDir { .. })
    }

    /// The error when the step fails with these words of the system.
    fn refusal(&self, words: String) -> SetError {
        let reason = match self.failure {
            Failure::Words => Reason::new(words),
            Failure::Fixed(text) => Reason::new(text),
            Failure::TryWith => Reason::new(format!(
                "The operating system is not able to handle the specified number of clients, try \
                 with {words}"
            )),
        };
        SetError::failed(self.directive, reason)
    }
}

type StepRow = (&'static str, Failure, fn(&Config) -> IoReq);

/// Settings that need the shell, in the order in which it is asked.
const STEPS: &[StepRow] = &[
    ("bind", Failure::Fixed("Failed to bind to specified addresses."), listen),
    ("port", Failure::Fixed(CANNOT_LISTEN), listen),
    ("maxclients", Failure::TryWith, allow_clients),
    // The last one, so that it is never taken back: it waits, and what began behind it is there.
    ("dir", Failure::Words, |config| IoReq::ChangeDir { path: config.dir.clone() }),
];

/// Otherwise a rewrite would go on in another directory than the next start looks into.
const LOG_STAYS: &str = "can't leave the directory of the append only file while that is on";

const CANNOT_LISTEN: &str = "Unable to listen on this port. Check server logs.";

fn allow_clients(config: &Config) -> IoReq {
    IoReq::AllowClients { count: config.maxclients }
}

fn listen(config: &Config) -> IoReq {
    IoReq::Listen { bind: config.bind.clone(), port: config.port }
}

impl Server {
    /// Puts a configuration into force for which the shell has nothing to do any more.
    fn adopt(&mut self, new: Config) {
        self.config = new;
        self.trim_slow_log();
        self.persistence_configured();
    }

    /// Whether a step would leave the log behind.
    fn must_stay(&self, step: &Step) -> bool {
        step.is_change_of_dir() && self.persist.has_log()
    }

    /// Asks the shell for the next step, or ends the change when there is none.
    fn take_steps(&mut self, mut change: Box<Change>) {
        let Some(step) = change.steps.front_mut() else { return self.finish(*change) };
        if step.is_change_of_dir() && self.is_saving() {
            // What is being saved is to have its name in the directory where it was begun.
            return self.persist.dir_changes.push(*change);
        }
        if self.must_stay(step) {
            // The log was switched on while the change waited.
            return self.step_taken(change, IoResult::Failed(IoError::other(LOG_STAYS)));
        }
        let request = core::mem::replace(&mut step.next, (step.request)(&self.config));
        self.request(request, Some(Continuation::Change(change)));
    }

    /// Goes on with changes of the directory that waited for the end of a save.
    pub(crate) fn change_dirs(&mut self) {
        if !self.persist.dir_changes.is_empty() && !self.is_saving() {
            let changes = core::mem::take(&mut self.persist.dir_changes);
            changes.into_iter().for_each(|change| self.take_steps(Box::new(change)));
        }
    }

    /// Goes on with a change whose step has ended.
    pub(crate) fn step_taken(&mut self, mut change: Box<Change>, result: IoResult) {
        let Some(step) = change.steps.pop_front() else { return };
        match result {
            IoResult::Failed(error) => {
                let error = step.refusal(error.words);
                for request in change.undo.drain(..).rev() {
                    self.request(request, None);
                }
                return self.answer(&change.waiter, Err(refused(&error)));
            }
            IoResult::Bytes(path) => change.dir = Some(path),
            _ => {}
        }
        change.undo.push(step.next);
        self.take_steps(change);
    }

    /// Changes the settings now that the shell has done its part. Others may have changed
    /// meanwhile: those stay.
    fn finish(&mut self, change: Change) {
        let pairs: Vec<(&[u8], &[u8])> =
            change.pairs.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        let mut new = self.config.clone();
        let result = new.set_many(&pairs, change.origin).map_err(|error| refused(&error));
        let is_set = result.is_ok();
        if is_set {
            if change.dir.is_some() {
                // Its files stay where they are, and those of the same names there are others.
                self.persist.aof.manifest = Manifest::default();
            }
            new.dir = change.dir.unwrap_or(new.dir);
            self.adopt(new);
        }
        self.answer(&change.waiter, result.map(|_| ()));
    }
}

fn resetstat(ctx: &mut Ctx<'_>) -> Outcome {
    ctx.server.reset_stats();
    ctx.reply().ok();
    Ok(())
}

fn rewrite_file(ctx: &mut Ctx<'_>) -> Outcome {
    if ctx.server.host.config_file.is_empty() {
        return Err(CommandError::Fixed("ERR The server is running without a config file"));
    }
    if ctx.server.log.is_in_transaction() {
        return Err(CommandError::Fixed("ERR CONFIG REWRITE cannot run inside a transaction"));
    }
    let waiter = Waiter::park(ctx);
    let request = IoReq::Read { name: Name::Config };
    ctx.server.request(request, Some(Continuation::ConfigRead(waiter)));
    Ok(())
}

impl Server {
    /// The old configuration file was read: has the new one written.
    pub(crate) fn config_read(&mut self, waiter: Waiter, result: IoResult) {
        let old = match result {
            IoResult::Bytes(old) => old,
            IoResult::Failed(error) if error.kind != IoErrorKind::NotFound => {
                return self.config_written(&waiter, IoResult::Failed(error));
            }
            _ => Vec::new(),
        };
        let bytes = rewrite::rewrite(&old, &self.config);
        let request = IoReq::Replace { name: Name::Config, bytes };
        self.request(request, Some(Continuation::ConfigWritten(waiter)));
    }

    /// The new configuration file was written, or reading or writing failed.
    pub(crate) fn config_written(&mut self, waiter: &Waiter, result: IoResult) {
        let IoResult::Failed(IoError { words, .. }) = result else {
            self.log_line(LogLevel::Notice, "CONFIG REWRITE executed with success.".into());
            return self.answer(waiter, Ok(()));
        };
        self.log_line(LogLevel::Warning, format!("CONFIG REWRITE failed: {words}"));
        let text = format!("ERR Rewriting config file: {words}");
        self.answer(waiter, Err(CommandError::Text(text)));
    }
}

fn config_help(ctx: &mut Ctx<'_>) -> Outcome {
    help(
        ctx,
        &[
            "GET <pattern>",
            "    Return parameters matching the glob-like <pattern> and their values.",
            "SET <directive> <value>",
            "    Set the configuration <directive> to <value>.",
            "RESETSTAT",
            "    Reset statistics reported by the INFO command.",
            "REWRITE",
            "    Rewrite the configuration file.",
        ],
    )
}
