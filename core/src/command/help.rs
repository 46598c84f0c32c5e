//! The HELP subcommand of every container.

use super::ctx::Ctx;
use super::error::Outcome;

/// Answers HELP: `lines` name each subcommand and, indented, what it does. The head and the entry
/// of HELP itself are the same for all.
pub(crate) fn help(ctx: &mut Ctx<'_>, lines: &[&str]) -> Outcome {
    let name = alloc::string::String::from_utf8_lossy(ctx.arg(0)).to_uppercase();
    let head = alloc::format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    let reply = ctx.reply();
    reply.array(lines.len() + 3);
    reply.simple(&head);
    lines.iter().for_each(|line| reply.simple(line));
    reply.simple("HELP");
    reply.simple("    Prints this help.");
    Ok(())
}
