//! The state around a request that was looked for: its keys before it and after it.
//!
//! Another connection asks for them, in turns of its own. That changes the run, which ends here.

use seedis_core::{ConnId, Effects};

use super::lent::Lent;
use super::player::Player;
use super::requests::requests;
use super::show::line_of;
use super::{execute, nobody};

/// The connection that asks.
const ASKER: ConnId = ConnId { slot: (1 << 20) + 1, generation: 0 };

/// Bytes of a value that are shown.
const SHOWN: &[u8] = b"199";

/// Shows the request that was found, and its keys before and after.
pub(super) fn show_match(player: &mut Player) {
    let Some((conn, bytes)) = player.stage.matched.take() else { return };
    let Some((_, words)) = requests(&bytes).into_iter().next() else { return };
    let keys = player.stage.show.keys(&words);
    let (id, db) = player.core.client_facts(conn).unwrap_or_default();
    let now = player.stage.played.last;
    let turn = player.stage.played.turns;
    player.stage.show.line(&format!("found in turn {turn}, of client {id} in database {db}:"));
    player.stage.show.line(&format!("  {}", line_of(&words)));
    player.core.turn(now).seal();
    player.discard_output();
    let mut turn = player.core.turn(now);
    turn.accept(ASKER, nobody());
    turn.seal();
    show_keys(player, db, &keys, "before");
    let mut turn = player.core.turn(now);
    execute(&mut turn, conn, &bytes);
    let mut effects = turn.seal();
    let reply = output(&mut effects, conn);
    player.stage.show.line(&format!("  replied: {}", shown(&reply)));
    player.discard_output();
    show_keys(player, db, &keys, "after");
}

fn show_keys(player: &mut Player, db: u32, keys: &[Vec<u8>], when: &str) {
    for key in keys {
        let about = about(player, db, key);
        player.stage.show.line(&format!("  {when}: \"{}\" {about}", key.escape_ascii()));
    }
}

/// What there is to say about a key.
fn about(player: &mut Player, db: u32, key: &[u8]) -> String {
    let kind = ask(player, db, &[b"TYPE", key]);
    if kind.contains("none") {
        return "does not exist".into();
    }
    let encoding = ask(player, db, &[b"OBJECT", b"ENCODING", key]);
    let deadline = ask(player, db, &[b"PEXPIRETIME", key]);
    let mut about = format!("type {kind}, encoding {encoding}, expires at {deadline} ms");
    if kind.contains("string") {
        let value = ask(player, db, &[b"GETRANGE", key, b"0", SHOWN]);
        let len = ask(player, db, &[b"STRLEN", key]);
        about.push_str(&format!(", {len} bytes: {value}"));
    }
    about
}

/// The reply to a request, without its form.
fn ask(player: &mut Player, db: u32, words: &[&[u8]]) -> String {
    let password = player.core.config().requirepass.clone();
    let now = player.stage.played.last;
    let mut turn = player.core.turn(now);
    if let Some(password) = password {
        execute(&mut turn, ASKER, &request(&[b"AUTH", &password]));
    }
    execute(&mut turn, ASKER, &request(&[b"SELECT", db.to_string().as_bytes()]));
    turn.seal();
    player.discard_output();
    let mut turn = player.core.turn(now);
    execute(&mut turn, ASKER, &request(words));
    let mut effects = turn.seal();
    let reply = output(&mut effects, ASKER);
    player.discard_output();
    let text = shown(&reply);
    let text = text.trim_start_matches(['+', ':']).trim_end_matches("\\r\\n");
    text.split_once("\\r\\n").map_or(text, |(_, bulk)| bulk).to_string()
}

/// Takes what is to be sent to a connection.
fn output(effects: &mut Effects<'_>, wanted: ConnId) -> Vec<u8> {
    let mut reply = Vec::new();
    // Replies may wait for the log.
    while let Some((ticket, request)) = effects.io() {
        if let Some(result) = Lent::granted(request) {
            effects.done(ticket, result);
        }
    }
    while let Some(conn) = effects.writable() {
        let bytes: Vec<u8> = effects.tx(conn).flatten().copied().collect();
        effects.sent(conn, bytes.len());
        if conn == wanted {
            reply = bytes;
        }
    }
    reply
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend(format!("${}\r\n", word.len()).bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}
