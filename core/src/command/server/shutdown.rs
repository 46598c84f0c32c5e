//! SHUTDOWN, and the end by a signal.
//!
//! What has to be done before the end, and what happens when it fails, is the matter of
//! [`crate::persist::shutdown`]; the client that asked waits, and gets an answer only when the
//! server goes on.

use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Command, Flags, Group};
use crate::config::ShutdownOptions;
use crate::server::Server;
use crate::server::completion::Waiter;
use crate::turn::Signal;

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
    let Some(options) = options(ctx.args)? else {
        ctx.server.abort_shutdown()?;
        ctx.reply().ok();
        return Ok(());
    };
    if ctx.server.persist.shutdown.is_some() {
        return Err(CommandError::Fixed("ERR Shutdown is already in progress."));
    }
    let waiter = Waiter::park(ctx);
    ctx.server.begin_shutdown(options, Some(waiter));
    Ok(())
}

/// What is asked for; `None` for ABORT.
fn options(args: Args<'_>) -> Result<Option<ShutdownOptions>, CommandError> {
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
    Ok((!aborts).then_some(options))
}

impl Server {
    /// The process was asked to end.
    pub(crate) fn shutdown_by_signal(&mut self, signal: Signal) {
        let options = match signal {
            Signal::Interrupt => self.config.shutdown_on_sigint,
            Signal::Terminate => self.config.shutdown_on_sigterm,
        };
        if self.persist.shutdown.is_none() {
            self.begin_shutdown(options, None);
        }
    }
}
