//! CLIENT: what the server knows of its connections, and what it does with them.

pub(crate) mod kill;
pub(crate) mod list;
pub(crate) mod name;
pub(crate) mod pause;
pub(crate) mod settings;

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::help;
use crate::command::spec::{Categories, Command, Flags, Group, Run};

/// The rows of this folder.
pub(crate) const COMMANDS: &[Command] = &[Command::new("client", -2, Group::Connection, help)
    .docs("2.4.0", "A container of commands on connections.", "Depends on subcommand.")
    .subcommands(SUBCOMMANDS)];

const SUBCOMMANDS: &[Command] = &[
    settings::GETREDIR,
    name::GETNAME,
    Command::new("help", 2, Group::Connection, help)
        .flags(&[Flags::LOADING, Flags::STALE])
        .categories(&[Categories::CONNECTION])
        .docs("5.0.0", "Tells what the subcommands do.", "O(1)"),
    name::ID,
    list::INFO,
    kill::KILL,
    list::LIST,
    settings::NO_EVICT,
    settings::NO_TOUCH,
    pause::PAUSE,
    settings::REPLY,
    name::SETINFO,
    name::SETNAME,
    settings::TRACKINGINFO,
    pause::UNBLOCK,
    pause::UNPAUSE,
];

/// A row with what nearly all subcommands have in common.
const fn row(name: &'static str, arity: i16, run: Run) -> Command {
    Command::new(name, arity, Group::Connection, run)
        .flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .categories(&[Categories::CONNECTION])
}

/// The same for administrators.
const fn admin_row(name: &'static str, arity: i16, run: Run) -> Command {
    row(name, arity, run).flags(&[Flags::ADMIN])
}

fn help(ctx: &mut Ctx<'_>) -> Outcome {
    help::help(
        ctx,
        &[
            "GETNAME",
            "    Tells the name of this connection.",
            "GETREDIR",
            "    Tells where invalidations are redirected to: -1, there is no tracking.",
            "ID",
            "    Tells the number of this connection.",
            "INFO",
            "    Describes this connection.",
            "KILL <ip:port>",
            "    Closes the connection from there.",
            "KILL <option> <value> [<option> <value> [...]]",
            "    Closes the connections for which all of this holds:",
            "    * ADDR (<ip:port>|<unixsocket>:0): it comes from there.",
            "    * LADDR (<ip:port>|<unixsocket>:0): it was made to there.",
            "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB): it is of this kind.",
            "    * USER <username>: its user is this one.",
            "    * ID <client-id>: it has this number.",
            "    * MAXAGE <maxage>: it is older than so many seconds.",
            "    * SKIPME (YES|NO): spares this connection (the default).",
            "LIST [options ...]",
            "    Describes all connections, or some:",
            "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB): those of this kind.",
            "    * ID <client-id> [<client-id> ...]: those with these numbers.",
            "NO-EVICT (ON|OFF)",
            "    Spares this connection when clients use too much memory.",
            "NO-TOUCH (ON|OFF)",
            "    Keeps commands of this connection from renewing the access time of keys.",
            "PAUSE <timeout> [WRITE|ALL]",
            "    Makes all commands, or those that write, wait for <timeout> milliseconds.",
            "REPLY (ON|OFF|SKIP)",
            "    Chooses whether this connection is sent replies.",
            "SETINFO <option> <value>",
            "    Tells the client library:",
            "    * LIB-NAME: its name.",
            "    * LIB-VER: its version.",
            "SETNAME <name>",
            "    Names this connection.",
            "TRACKINGINFO",
            "    Tells the state of tracking: off.",
            "UNBLOCK <clientid> [TIMEOUT|ERROR]",
            "    Ends the wait of a client.",
            "UNPAUSE",
            "    Ends a pause.",
        ],
    )
}

/// ON or OFF as the argument after the subcommand.
fn on_or_off(ctx: &Ctx<'_>) -> Result<bool, CommandError> {
    match () {
        () if ctx.args.is(2, "on") => Ok(true),
        () if ctx.args.is(2, "off") => Ok(false),
        () => Err(CommandError::Syntax),
    }
}

/// What Redis says to a subcommand with too many arguments where its arity does not tell.
fn syntax_of(subcommand: &[u8]) -> CommandError {
    let before = "ERR unknown subcommand or wrong number of arguments for '";
    CommandError::quoting(before, subcommand, "'. Try CLIENT HELP.")
}
