//! AUTH: who the client is.
//!
//! There is one user, `default`, with one password (`requirepass`) or none. Without a password
//! every client is that user, and anything passes for its password.

use crate::client::Client;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group};
use crate::server::Server;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("auth", -2, Group::Connection, auth)
    .flags(&[
        Flags::NOSCRIPT,
        Flags::LOADING,
        Flags::STALE,
        Flags::FAST,
        Flags::NO_AUTH,
        Flags::ALLOW_BUSY,
    ])
    .categories(&[Categories::CONNECTION])
    .arguments("[username@6.0.0] password")
    .docs(
        "1.0.0",
        "Says who the client is.",
        "O(N) where N is the number of passwords defined for the user",
    )
    .history(&[("6.0.0", "Takes the name of a user before the password.")])];

/// The name of the only user.
pub(crate) const DEFAULT_USER: &[u8] = b"default";

fn auth(ctx: &mut Ctx<'_>) -> Outcome {
    match ctx.args.len() {
        2 if ctx.server.config.requirepass.is_none() => Err(CommandError::Fixed(
            "ERR AUTH <password> called without any password configured for the default user. Are \
             you sure your configuration is correct?",
        )),
        2 => finish(ctx, DEFAULT_USER, ctx.arg(1)),
        3 => finish(ctx, ctx.arg(1), ctx.arg(2)),
        _ => Err(CommandError::Syntax),
    }
}

fn finish(ctx: &mut Ctx<'_>, user: &[u8], password: &[u8]) -> Outcome {
    ctx.server.authenticate(ctx.client, user, password)?;
    ctx.reply().ok();
    Ok(())
}

impl Server {
    /// Takes a client for `user` if the password is right.
    pub(crate) fn authenticate(
        &mut self,
        client: &mut Client,
        user: &[u8],
        password: &[u8],
    ) -> Outcome {
        let expected = self.config.requirepass.as_deref();
        let is_right = expected.is_none_or(|expected| is_same_secret(expected, password));
        if user != DEFAULT_USER || !is_right {
            self.stats.acl_access_denied_auth += 1;
            return Err(CommandError::Fixed(
                "WRONGPASS invalid username-password pair or user is disabled.",
            ));
        }
        client.authenticated = true;
        Ok(())
    }
}

/// Compares every byte wherever they differ, so that the time tells nothing about a secret but its
/// length.
fn is_same_secret(expected: &[u8], given: &[u8]) -> bool {
    let differs = |sum, (a, b): (&u8, &u8)| core::hint::black_box(sum | (a ^ b));
    expected.len() == given.len() && expected.iter().zip(given).fold(0, differs) == 0
}
