//! Databases as a whole, and what says nothing about keys.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::call::{Call, NO_DB, SYNTAX, int};
use super::reply::{OK, Reply};
use super::{Answer, Family};

pub(super) const FAMILY: Family = Family {
    reads: &[
        ("select", 2, select),
        ("dbsize", 1, dbsize),
        ("client", -2, client),
        ("echo", 2, |call| Ok(Reply::Bulk(call.word(1)))),
    ],
    writes: &[
        ("swapdb", 3, swapdb),
        ("flushdb", -1, |call| flush(call, *call.db..*call.db + 1)),
        ("flushall", -1, |call| flush(call, 0..call.keyspace.databases())),
        ("ping", -1, ping),
    ],
};

fn ping(call: &mut Call<'_>) -> Answer {
    match call.words.len() {
        1 => Ok(Reply::Simple("PONG")),
        2 => Ok(Reply::Bulk(call.word(1))),
        _ => Err("ERR wrong number of arguments for 'ping' command".into()),
    }
}

/// CLIENT UNBLOCK is not among its subcommands here: it is done where those are who wait.
fn client(call: &mut Call<'_>) -> Answer {
    match (&call.lower(1)[..], call.words.len()) {
        (b"id", 2) => Ok(call.id.into()),
        _ => Ok(Reply::Lost),
    }
}

fn select(call: &mut Call<'_>) -> Answer {
    *call.db = call.db_number(1)?;
    Ok(OK)
}

/// Dead keys count until somebody has met them, and hashes all of whose fields are.
fn dbsize(call: &mut Call<'_>) -> Answer {
    let mut dead = call.keyspace.dead(call.now_ms);
    dead.extend(call.keyspace.with_dead_fields(call.now_ms));
    dead.retain(|(db, _)| db == call.db);
    let dead = dead.into_iter().collect::<BTreeSet<_>>().len() as i64;
    let all = call.keyspace.len(*call.db) as i64;
    Ok(Reply::Between(all - dead, all))
}

fn flush(call: &mut Call<'_>, dbs: Range<usize>) -> Answer {
    match (call.words.len(), &call.lower(1)[..]) {
        (1, _) | (2, b"async" | b"sync") => {}
        _ => return Err(SYNTAX.into()),
    }
    let mut dead = call.keyspace.dead(call.now_ms);
    dead.extend(call.keyspace.with_dead_fields(call.now_ms));
    let dead = dead.iter().filter(|(db, _)| dbs.contains(db)).count();
    call.keyspace.may_have_expired(dead as u64);
    for db in dbs {
        call.keyspace.replace(db, BTreeMap::new());
    }
    Ok(OK)
}

fn swapdb(call: &mut Call<'_>) -> Answer {
    let number = |at: usize, which| {
        let number = int(&call.words[at]).filter(|&number| i32::try_from(number).is_ok());
        number.ok_or_else(|| format!("ERR invalid {which} DB index"))
    };
    let (one, other) = (number(1, "first")?, number(2, "second")?);
    let (one, other) = (call.existing_db(one), call.existing_db(other));
    let (Ok(one), Ok(other)) = (one, other) else { return Err(NO_DB.into()) };
    if one != other {
        call.keyspace.swap(one, other);
    }
    Ok(OK)
}
