//! Sets.

pub(crate) mod algebra;
pub(crate) mod draw;
pub(crate) mod member;

use super::aggregate::Typed;
use super::ctx::Ctx;
use super::error::{CommandError, Outcome};
use super::list::write;
use crate::client::output::Output;
use crate::keyspace::Place;
use crate::value::{Set, SetView};

/// Lets `answer` write a reply about the set at `place`, if there is one.
fn with_set(
    ctx: &mut Ctx<'_>,
    place: Option<Place>,
    answer: impl FnOnce(&mut Output, Option<SetView<'_>>),
) -> Outcome {
    let db = &ctx.server.dbs[ctx.client.db as usize];
    let view = match place {
        Some(place) => {
            let view = <Set as Typed>::view(db.entry(place).value());
            Some(view.ok_or(CommandError::WrongType)?)
        }
        None => None,
    };
    answer(&mut ctx.client.output, view);
    Ok(())
}
