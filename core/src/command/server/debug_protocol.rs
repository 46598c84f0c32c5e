//! DEBUG PROTOCOL: one reply of each type, for those who write clients.

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};

#[allow(clippy::approx_constant, reason = "Redis's test value is cut short")]
const DOUBLE: f64 = 3.141;

/// Answers with a value of the type that is asked for, in the client's version of the protocol.
pub(super) fn protocol(ctx: &mut Ctx<'_>) -> Outcome {
    let kind = ctx.arg(2).to_ascii_lowercase();
    let resp3 = ctx.client.output.resp3;
    let reply = ctx.reply();
    match &kind[..] {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.int(12345),
        b"double" => reply.double(DOUBLE),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.int(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.int(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.int(number);
                reply.boolean(number == 1);
            }
        }
        b"attrib" => attribute(ctx),
        b"push" if !resp3 => {
            return Err(CommandError::Fixed("ERR RESP2 is not supported by this command"));
        }
        b"push" => push(ctx),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        _ => {
            return Err(CommandError::Fixed(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}

/// Attributes go before the reply that they are about; RESP2 has none.
fn attribute(ctx: &mut Ctx<'_>) {
    let resp3 = ctx.client.output.resp3;
    let reply = ctx.reply();
    if resp3 {
        reply.attribute(1);
        reply.bulk(b"key-popularity");
        reply.array(2);
        reply.bulk(b"key:123");
        reply.int(90);
    }
    reply.bulk(b"Some real reply following the attribute");
}

/// Redis 7.2 sends what a command pushes to its own client after the reply.
fn push(ctx: &mut Ctx<'_>) {
    let reply = ctx.reply();
    reply.bulk(b"Some real reply following the push reply");
    reply.push(2);
    reply.bulk(b"server-cpu-usage");
    reply.int(42);
}
