//! Looking at lists: LLEN, LINDEX, LRANGE, LPOS.

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::value::list::ListView;
use crate::value::listpack::Element;
use crate::value::{List, number};
use alloc::vec::Vec;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("llen", 2, Group::List, llen)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .arguments("key:key")
        .docs("1.0.0", "Returns the length of a list.", "O(1)"),
    Command::new("lindex", 3, Group::List, lindex)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key index:integer")
        .docs(
            "1.0.0",
            "Returns the element with an index.",
            "O(N) where N is the number of elements to traverse to get to the element at \
                index. This makes asking for the first or the last element of the list O(1).",
        ),
    Command::new("lrange", 4, Group::List, lrange)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key start:integer stop:integer")
        .docs(
            "1.0.0",
            "Returns the elements of a range.",
            "O(S+N) where S is the distance of start offset from HEAD for small lists, \
                from nearest end (HEAD or TAIL) for large lists; and N is the number of \
                elements in the specified range.",
        ),
    Command::new("lpos", -3, Group::List, lpos)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments(
            "key:key element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN \
                len:integer]",
        )
        .docs(
            "6.0.6",
            "Returns where an element is.",
            "O(N) where N is the number of elements in the list, for the average case. \
                When searching for elements near the head or the tail of the list, or when \
                the MAXLEN option is provided, the command may run in constant time.",
        ),
];

fn llen(ctx: &mut Ctx<'_>) -> Outcome {
    ctx.read_with::<List>(ctx.key(1), |output, list| {
        output.int(list.map_or(0, ListView::len) as i64);
    })
}

fn lindex(ctx: &mut Ctx<'_>) -> Outcome {
    let place = ctx.read_as::<List>(ctx.key(1))?;
    let index = match place {
        Some(_) => ctx.int(2)?,
        None => 0,
    };
    ctx.answer_with::<List>(place, |output, list| {
        let found = list.and_then(|list| list.get(list.index(index)?));
        match found {
            Some(element) => super::write(output, element),
            None => output.null(),
        }
    })
}

fn lrange(ctx: &mut Ctx<'_>) -> Outcome {
    let (start, stop) = (ctx.int(2)?, ctx.int(3)?);
    let mut replied = 0;
    ctx.read_with::<List>(ctx.key(1), |output, list| {
        let Some(list) = list else { return output.array(0) };
        let (first, count) = super::range(start, stop, list.len());
        replied = count;
        output.array(count);
        list.iter_from(first).take(count).for_each(|element| super::write(output, element));
    })?;
    ctx.work(replied);
    Ok(())
}

/// What LPOS looks for.
struct Search<'a> {
    element: Element<'a>,
    /// Which match is the first to be told, from 1; negative from the end.
    rank: i64,
    /// How many matches; zero for all.
    count: Option<usize>,
    /// Comparisons at most; zero for any number.
    maxlen: usize,
}

impl<'a> Search<'a> {
    fn parse(ctx: &Ctx<'a>) -> Result<Self, CommandError> {
        let mut search = Self { element: Element::of(ctx.arg(2)), rank: 1, count: None, maxlen: 0 };
        let args = ctx.args;
        for at in (3..args.len()).step_by(2) {
            if at + 1 == args.len() {
                return Err(CommandError::Syntax);
            } else if args.is(at, "rank") {
                search.rank = rank(args.at(at + 1))?;
            } else if args.is(at, "count") {
                search.count = Some(natural(args.at(at + 1), "COUNT")?);
            } else if args.is(at, "maxlen") {
                search.maxlen = natural(args.at(at + 1), "MAXLEN")?;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(search)
    }

    /// The indices of the matches.
    fn run(&self, list: ListView<'_>) -> Vec<usize> {
        let len = list.len();
        let most = match self.count {
            None => 1,
            Some(0) => usize::MAX,
            Some(count) => count,
        };
        let compared = if self.maxlen == 0 { usize::MAX } else { self.maxlen };
        let elements = if self.rank > 0 { list.iter_from(0) } else { list.iter_before(len) };
        let matches = elements
            .take(compared)
            .enumerate()
            .filter(|(_, element)| *element == self.element)
            .skip(usize::try_from(self.rank.unsigned_abs() - 1).unwrap_or(usize::MAX))
            .take(most);
        matches.map(|(at, _)| if self.rank > 0 { at } else { len - 1 - at }).collect()
    }
}

fn rank(text: &[u8]) -> Result<i64, CommandError> {
    match number::parse_i64(text).ok_or(CommandError::NotInteger)? {
        i64::MIN => Err(CommandError::Fixed(
            "ERR value is out of range, value must between -9223372036854775807 and \
             9223372036854775807",
        )),
        0 => Err(CommandError::Fixed(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
             or use negative to start from the end of the list",
        )),
        rank => Ok(rank),
    }
}

fn natural(text: &[u8], name: &'static str) -> Result<usize, CommandError> {
    let bad = || CommandError::Text(alloc::format!("ERR {name} can't be negative"));
    let number = number::parse_i64(text).ok_or_else(bad)?;
    usize::try_from(number).map_err(|_| bad())
}

fn lpos(ctx: &mut Ctx<'_>) -> Outcome {
    let search = Search::parse(ctx)?;
    let mut walked = 0;
    ctx.read_with::<List>(ctx.key(1), |output, list| {
        let found = list.map(|list| search.run(list)).unwrap_or_default();
        walked = list.map_or(0, ListView::len);
        match (search.count, found.first()) {
            (Some(_), _) => {
                output.array(found.len());
                found.iter().for_each(|&at| output.int(at as i64));
            }
            (None, Some(&at)) => output.int(at as i64),
            (None, None) => output.null(),
        }
    })?;
    ctx.work(walked / 8);
    Ok(())
}
