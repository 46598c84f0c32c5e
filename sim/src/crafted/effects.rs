//! Commands one by one, each in a turn of its own, and what the log has of each.
//!
//! All that one command changes is one whole: a single command, or MULTI and EXEC around several,
//! so that stock Redis, which reads the log without batches, never sees half of it. A SELECT stands
//! where the database changes and nowhere else.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

use super::server::Server;
use crate::finding::Invariant::F1;
use crate::finding::check;
use crate::model::Words;
use crate::sabotage::log_text::{commands, is};

/// What is said in a turn, of which the last command changes something in more than one way, or
/// could.
const SAID: [&str; 28] = [
    "SET e:a 1",
    "SET e:b 2 PX 100000",
    "GETEX e:b PERSIST",
    "GETDEL e:a",
    "EXPIRE e:a -1",
    "HSET e:h f 1 g 2 h 3",
    "HPEXPIRE e:h 100000 FIELDS 2 f g",
    "HINCRBYFLOAT e:h f 1.5",
    "HSETEX e:h PX 100000 FIELDS 2 f 1 g 2",
    "HGETEX e:h PX 100000 FIELDS 2 f g",
    "RPUSH e:l 1 2 3",
    "LMPOP 2 e:none e:l LEFT COUNT 2",
    "SADD e:s 1 2 3 4",
    "SPOP e:s 2",
    "ZADD e:z 1 a 2 b 3 c",
    "ZMPOP 1 e:z MIN COUNT 2",
    "XADD e:x MAXLEN ~ 1 * f v",
    "XADD e:x NOMKSTREAM * f v",
    "XGROUP CREATE e:x g 0 MKSTREAM",
    "XREADGROUP GROUP g c COUNT 9 STREAMS e:x >",
    "XAUTOCLAIM e:x g d 0 0",
    "XREADGROUP GROUP g d COUNT 9 STREAMS e:x e:x > >",
    "COPY e:l e:l DB 3",
    "MOVE e:s 4",
    "BITOP OR e:o e:a e:b",
    "INCRBYFLOAT e:f 1.5",
    "SET e:p 1 PX 1",
    "SETRANGE e:p 3 x",
];

/// Transactions, each said at once.
const TRANSACTIONS: [&[&str]; 5] = [
    &["SET e:a 1", "SET e:b 2"],
    &["SET e:a 1", "SELECT 5", "SET e:a 1"],
    &["SELECT 5", "SET e:a 1"],
    &["SET e:a 1", "GET e:a"],
    &["HINCRBYFLOAT e:h f 1.5", "XREADGROUP GROUP g c COUNT 9 STREAMS e:x >"],
];

/// Says some.
pub(super) fn try_some(server: &mut Server, rng: &mut ChaCha8Rng) {
    let mut db = None;
    let mut begins = rng.random_range(0..SAID.len());
    for _ in 0..rng.random_range(6..16) {
        let said = if rng.random_ratio(1, 4) {
            let all = *TRANSACTIONS.choose(rng).unwrap_or(&TRANSACTIONS[0]);
            ["MULTI"].iter().chain(all).chain(&["EXEC"]).map(|line| format!("{line}\r\n")).collect()
        } else {
            begins = (begins + rng.random_range(1..3)) % SAID.len();
            format!("{}\r\n", SAID[begins])
        };
        let select = if rng.random_ratio(1, 4) { "SELECT 2\r\n" } else { "" };
        let (logged, _) = server.turn(format!("{select}{said}").as_bytes());
        check_turn(&said, &logged, &mut db);
        server.rest();
    }
}

/// What a turn has logged in which one command changed anything: keys that are gone since their
/// time has come stand alone before it, or with it.
fn check_turn(said: &str, logged: &[u8], db: &mut Option<Vec<u8>>) {
    let shown = || format!("of {said:?} there is {}", logged.escape_ascii());
    let (mut open, mut blocks) = (None, 0);
    for words in &commands(logged) {
        if is(words, "MULTI") {
            check(open.is_none(), F1, shown);
            open = Some(0);
        } else if is(words, "EXEC") {
            check(open.take().is_some_and(|count| count > 1), F1, shown);
            blocks += 1;
        } else if is(words, "SELECT") {
            let named = words.get(1).cloned();
            check(*db != named, F1, || format!("a database is named again: {}", shown()));
            *db = named;
        } else {
            check(db.is_some(), F1, || format!("no database is named: {}", shown()));
            match &mut open {
                Some(count) => *count += 1,
                None => blocks += u64::from(!is_expiry(words)),
            }
        }
    }
    check(open.is_none() && blocks <= 1, F1, || format!("{blocks} blocks: {}", shown()));
}

fn is_expiry(words: &Words) -> bool {
    is(words, "DEL") || is(words, "HDEL")
}
