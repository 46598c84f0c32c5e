//! MONITOR: every command that the server executes, shown to those who watch.
//!
//! A command is shown when it has run, so that a client which monitors itself gets the reply
//! first, and the commands of a transaction come before its EXEC. Commands for administrators are
//! not shown, secrets are blanked out.

use alloc::format;
use alloc::string::String;

use crate::client::Client;
use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::server::secrets::{REDACTED, is_secret};
use crate::command::spec::{Command, Flags, Group};
use crate::server::Server;
use crate::value::quote;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("monitor", 1, Group::Server, monitor)
    .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
    .docs("1.0.0", "Shows every command that the server executes.", "")];

fn monitor(ctx: &mut Ctx<'_>) -> Outcome {
    if ctx.server.log.is_in_transaction() {
        return Err(CommandError::Fixed("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    if ctx.client.is_monitor {
        // To a client that monitors already Redis answers nothing.
        return Ok(());
    }
    ctx.client.is_monitor = true;
    ctx.server.monitors.push(ctx.client.conn);
    ctx.reply().ok();
    Ok(())
}

impl Server {
    /// Shows a client no more commands.
    pub(crate) fn leave_monitors(&mut self, client: &mut Client) {
        if client.is_monitor {
            client.is_monitor = false;
            self.monitors.retain(|&monitor| monitor != client.conn);
        }
    }

    /// Shows a command that has run to all monitors, its own client among them.
    pub(crate) fn show_to_monitors(
        &mut self,
        client: &mut Client,
        command: &'static Command,
        args: Args<'_>,
    ) {
        let is_shown = !command.flags.has(Flags::SKIP_MONITOR) && !command.flags.has(Flags::ADMIN);
        if self.monitors.is_empty() || !is_shown {
            return;
        }
        let line = self.monitor_line(client, command, args);
        for at in 0..self.monitors.len() {
            let conn = self.monitors[at];
            if conn != client.conn {
                self.tell(conn, |output| output.simple(&line));
            } else if !client.reply.is_muted() && !client.is_closing() {
                client.output.simple(&line);
            }
        }
    }

    /// `1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`.
    fn monitor_line(&self, client: &Client, command: &Command, args: Args<'_>) -> String {
        let wall_us = self.now.wall_us;
        let (seconds, micros) = (wall_us.div_euclid(1_000_000), wall_us.rem_euclid(1_000_000));
        let addr = &client.peer.addr;
        let from = match addr.rsplit_once(':') {
            Some((path, _)) if client.peer.is_unix => format!("unix:{path}"),
            _ => String::from(&**addr),
        };
        let mut line = format!("{seconds}.{micros:06} [{} {from}]", client.db);
        for (at, arg) in args.from(0).enumerate() {
            let shown = if is_secret(command.name, args, at) { REDACTED } else { arg };
            line.push(' ');
            line.push_str(&String::from_utf8_lossy(&quote::quoted(shown)));
        }
        line
    }
}
