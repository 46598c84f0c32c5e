//! SHUTDOWN, and the end by a signal.
//!
//! Nothing is saved yet, so a shutdown has nothing to wait for: the process ends when the turn is
//! sealed, and no command runs after this one. That an explicit SAVE cannot be obeyed is an error,
//! unless FORCE says that the end matters more; that configured save points are not obeyed is said
//! in the log.

use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Command, Flags, Group};
use crate::config::{LogLevel, ShutdownOptions};
use crate::server::Server;
use crate::turn::{Exit, Signal};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("shutdown", -1, Group::Server, shutdown)
    .flags(&[
        Flags::ADMIN,
        Flags::NOSCRIPT,
        Flags::LOADING,
        Flags::STALE,
        Flags::NO_MULTI,
        Flags::ALLOW_BUSY,
    ])
    .arguments("save-selector=[NOSAVE|SAVE] [NOW@7.0.0] [FORCE@7.0.0] [ABORT@7.0.0]")
    .docs(
        "1.0.0",
        "Ends the server.",
        "O(N) when saving, where N is the total number of keys in all databases when saving data, \
         otherwise O(1)",
    )
    .history(&[("7.0.0", "Added the `NOW`, `FORCE` and `ABORT` modifiers.")])];

fn shutdown(ctx: &mut Ctx<'_>) -> Outcome {
    let options = options(ctx.args)?;
    if !ctx.server.shut_down(options) {
        return Err(CommandError::Fixed("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    ctx.client.close_after_reply();
    Ok(())
}

fn options(args: Args<'_>) -> Result<ShutdownOptions, CommandError> {
    let mut options = ShutdownOptions::default();
    let mut aborts = false;
    for word in args.from(1) {
        match ShutdownOptions::of_word(word) {
            Some(option) if option != ShutdownOptions::default() => options |= option,
            _ if word.eq_ignore_ascii_case(b"abort") => aborts = true,
            _ => return Err(CommandError::Syntax),
        }
    }
    let contradicts = options.contains(ShutdownOptions::SAVE | ShutdownOptions::NOSAVE);
    if contradicts || aborts && options != ShutdownOptions::default() {
        return Err(CommandError::Syntax);
    }
    if aborts {
        return Err(CommandError::Fixed("ERR No shutdown in progress."));
    }
    Ok(options)
}

impl Server {
    /// The process was asked to end.
    pub(crate) fn shutdown_by_signal(&mut self, signal: Signal) {
        let options = match signal {
            Signal::Interrupt => self.config.shutdown_on_sigint,
            Signal::Terminate => self.config.shutdown_on_sigterm,
        };
        self.shut_down(options);
    }

    /// Ends the process after this turn; `false` when a save was asked for, which fails.
    fn shut_down(&mut self, options: ShutdownOptions) -> bool {
        self.log_line(LogLevel::Notice, "User requested shutdown...".into());
        let wants_save = options.contains(ShutdownOptions::SAVE);
        if wants_save && !options.contains(ShutdownOptions::FORCE) {
            let line = "No snapshot can be saved, so the server goes on: end it with NOSAVE.";
            self.log_line(LogLevel::Warning, line.into());
            return false;
        }
        let saves = wants_save
            || !self.config.save.is_empty() && !options.contains(ShutdownOptions::NOSAVE);
        if saves && self.stats.dirty > 0 {
            let line = "No snapshot was saved: this version keeps data in memory only.";
            self.log_line(LogLevel::Warning, line.into());
        }
        self.outbox.exit = Some(Exit { code: 0 });
        true
    }
}
