//! HRANDFIELD and HSCAN: some fields, by luck or one part after the other.

use crate::command::ctx::Ctx;
use crate::command::error::Outcome;
use crate::command::hash::get::live_hash;
use crate::command::keys::scan::{ScanOptions, cursor};
use crate::command::list::write;
use crate::command::random::Draw;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::value::Hash;
use crate::value::listpack::Element;
use alloc::vec::Vec;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("hrandfield", -2, Group::Hash, hrandfield)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key options=[count:integer [WITHVALUES]]")
        .docs(
            "6.2.0",
            "Returns fields drawn by chance.",
            "O(N) where N is the number of fields returned",
        )
        .tips(&["nondeterministic_output"]),
    Command::new("hscan", -3, Group::Hash, hscan)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments(
            "key:key cursor:integer [MATCH pattern:pattern] [COUNT count:integer] \
                [NOVALUES]",
        )
        .docs(
            "2.8.0",
            "Walks over the fields, some at each call.",
            "O(1) for every call. O(N) for a complete iteration, including enough command \
                calls for the cursor to return back to 0. N is the number of elements inside \
                the collection.",
        )
        .tips(&["nondeterministic_output"]),
];

fn hrandfield(ctx: &mut Ctx<'_>) -> Outcome {
    let (draw, with_values) = Draw::parse_with(ctx.args, "withvalues")?;
    let place = ctx.read_as::<Hash>(ctx.key(1))?;
    let Some(place) = place else {
        match draw {
            None => ctx.reply().null(),
            Some(_) => ctx.reply().array(0),
        }
        return Ok(());
    };
    let Ctx { server, client, .. } = ctx;
    let hidden_until_ms = server.hidden_until_ms();
    let (dbs, rng) = (&server.dbs, &mut server.rng);
    let hash = live_hash(dbs[client.db as usize].entry(place).value(), hidden_until_ms)?;
    let output = &mut client.output;
    let Some(draw) = draw else {
        match hash.random(rng) {
            Some((field, _)) => write(output, field),
            None => output.null(),
        }
        return Ok(());
    };
    let all = || hash.fields().collect::<Vec<_>>();
    let drawn = draw.draw(
        hash.len(),
        rng,
        |rng| hash.random(rng),
        all,
        |(field, _)| field.bytes(&mut itoa::Buffer::new()).to_vec(),
    );
    let is_nested = with_values && output.resp3;
    output.array(if with_values && !is_nested { drawn.len() * 2 } else { drawn.len() });
    for (field, value) in &drawn {
        if is_nested {
            output.array(2);
        }
        write(output, *field);
        if with_values {
            write(output, *value);
        }
    }
    let walked = drawn.len();
    ctx.work(walked);
    Ok(())
}

fn hscan(ctx: &mut Ctx<'_>) -> Outcome {
    let cursor = cursor(ctx.args, 2)?;
    let Some(place) = ctx.read_as::<Hash>(ctx.key(1))? else {
        ctx.reply().array(2);
        ctx.reply().bulk(b"0");
        ctx.reply().array(0);
        return Ok(());
    };
    let options = ScanOptions::parse_with(ctx.args.skip(3), false, "novalues")?;
    let without_values = options.has_flag;
    let Ctx { server, client, .. } = ctx;
    let value = server.dbs[client.db as usize].entry(place).value();
    let hash = live_hash(value, server.hidden_until_ms())?;
    let mut found: Vec<(Element<'_>, Element<'_>)> = Vec::new();
    let mut looked_at = 0;
    let next = hash.scan(cursor, options.count, |field, value| {
        looked_at += 1;
        if options.pattern.matches(field.bytes(&mut itoa::Buffer::new())) {
            found.push((field, value));
        }
    });
    let output = &mut client.output;
    output.array(2);
    output.bulk(itoa::Buffer::new().format(next).as_bytes());
    output.array(if without_values { found.len() } else { found.len() * 2 });
    for (field, value) in found {
        write(output, field);
        if !without_values {
            write(output, value);
        }
    }
    ctx.work(looked_at);
    Ok(())
}
