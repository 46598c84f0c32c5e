//! KEYS and RANDOMKEY: names of a database without a cursor.
//!
//! Neither removes keys whose deadline has passed as a matter of course: KEYS passes them over,
//! RANDOMKEY removes the ones that it happens to draw.

use crate::command::ctx::Ctx;
use crate::command::error::Outcome;
use crate::command::spec::{Categories, Command, Flags, Group};
use crate::keyspace::{Db, Entry};
use crate::turn::Now;
use crate::value::glob;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("keys", 2, Group::Generic, keys)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::KEYSPACE, Categories::DANGEROUS])
        .arguments("pattern:pattern")
        .docs(
            "1.0.0",
            "Returns all keys whose names match a pattern.",
            "O(N) with N being the number of keys in the database, under the assumption that \
             the key names in the database and the given pattern have limited length.",
        )
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"]),
    Command::new("randomkey", 1, Group::Generic, randomkey)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::KEYSPACE])
        .docs("1.0.0", "Returns the name of a random key.", "O(1)")
        .tips(&["request_policy:all_shards", "response_policy:special", "nondeterministic_output"]),
];

/// Draws after which RANDOMKEY takes whatever key it finds first. Only when nearly all keys have
/// just expired does it come to that.
const DRAWS_MAX: usize = 100;

fn keys(ctx: &mut Ctx<'_>) -> Outcome {
    let pattern = Pattern::new(ctx.arg(1));
    let Ctx { server, client, .. } = ctx;
    let db = &server.dbs[client.db as usize];
    let array = client.output.begin_array();
    let mut found = 0;
    for entry in db.iter() {
        if pattern.matches(entry.key()) && entry.is_live(server.now) {
            client.output.bulk(entry.key());
            found += 1;
        }
    }
    client.output.end_array(array, found);
    let walked = db.len();
    ctx.work(walked);
    Ok(())
}

fn randomkey(ctx: &mut Ctx<'_>) -> Outcome {
    for _ in 0..DRAWS_MAX {
        let server = &mut *ctx.server;
        let db = &server.dbs[ctx.client.db as usize];
        let Some(place) = db.random(&mut server.rng) else { break };
        let entry = db.entry(place);
        if entry.is_live(server.now) {
            ctx.client.output.bulk(entry.key());
            return Ok(());
        }
        let name = entry.key().to_vec();
        let key = server.hasher.key(&name);
        ctx.peek(key);
    }
    first_live(ctx);
    Ok(())
}

fn first_live(ctx: &mut Ctx<'_>) {
    let Ctx { server, client, .. } = ctx;
    let db: &Db = &server.dbs[client.db as usize];
    match db.iter().find(|entry| entry.is_live(server.now)) {
        Some(entry) => client.output.bulk(entry.key()),
        None => client.output.null(),
    }
    let walked = db.len();
    ctx.work(walked / 10);
}

/// A glob pattern over names of keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pattern<'a>(Option<&'a [u8]>);

impl<'a> Pattern<'a> {
    /// The pattern that matches every name.
    pub(crate) const ALL: Self = Self(None);

    /// `*` alone matches the empty name too, which no other pattern does.
    pub(crate) fn new(pattern: &'a [u8]) -> Self {
        Self((pattern != b"*").then_some(pattern))
    }

    /// Whether it matches the whole of `name`.
    pub(crate) fn matches(self, name: &[u8]) -> bool {
        self.0.is_none_or(|pattern| glob::matches(pattern, name, false))
    }
}

impl Entry<'_> {
    /// Whether its deadline, if it has one, is yet to come.
    pub(crate) fn is_live(&self, now: Now) -> bool {
        !self.expire_at_ms().is_some_and(|at| now.has_passed(at))
    }
}
