//! SORT and SORT_RO: the elements of a list, set or sorted set in another order.
//!
//! Elements are compared by themselves or by *weights*, which are the values of other keys or of
//! fields of hashes (BY), as numbers or as text (ALPHA). Values of other keys may also be returned
//! in their place (GET). A key is named by a pattern whose `*` the element replaces ([`pattern`]).
//!
//! The hard case is that looking a key up may end its life, which moves others: so the elements
//! are copied before the first key is looked up, and the reply is written while they are. Where no
//! other key is asked for, they are read and put in order where they lie ([`Plain`]).
//!
//! What is stored must not depend on anything but the data. Elements of equal weights as numbers
//! are ordered by themselves; as text they stay in the order that they had, and since a set has
//! none that another server would know, its members are ordered by themselves, too. For the same
//! reason STORE sorts a set that BY says not to sort. Texts are compared byte by byte, whatever
//! the locale is.

mod options;
mod order;
mod pattern;

use alloc::vec::Vec;
use core::ops::Range;

use crate::command::aggregate::Typed;
use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::key_extraction::FoundKey;
use crate::command::spec::{Begin, Categories, Command, Find, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::{Db, NewValue, Place, ValueRef};
use crate::value::listpack::Element;
use crate::value::{List, ListView, Set, SetView, SortedSet, SortedSetView, Thresholds, Value};

use options::Options;
use order::{Weights, order};
use pattern::Pattern;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("sort", -2, Group::Generic, sort)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(CATEGORIES)
        .keys(&[SORTED, LOOKED_UP, STORED])
        .keys_by(keys_of_sort)
        .arguments(
            "key:key [BY by-pattern:pattern#1{pattern}] [LIMIT limit=(offset:integer \
             count:integer)] [GET get-pattern:pattern#1{pattern}]+ order=[ASC|DESC] \
             sorting=[ALPHA] [STORE destination:key#2]",
        )
        .docs(
            "1.0.0",
            "Returns or stores the elements of a list, a set or a sorted set in another order.",
            COST,
        ),
    Command::new("sort_ro", -2, Group::Generic, sort_ro)
        .flags(&[Flags::READONLY])
        .categories(CATEGORIES)
        .keys(&[SORTED, LOOKED_UP])
        .keys_by(|_| alloc::vec![FoundKey { at: 1, flags: SORTED.flags }])
        .arguments(
            "key:key [BY by-pattern:pattern#1{pattern}] [LIMIT limit=(offset:integer \
             count:integer)] [GET get-pattern:pattern#1{pattern}]+ order=[ASC|DESC] \
             sorting=[ALPHA]",
        )
        .docs(
            "7.0.0",
            "Returns the elements of a list, a set or a sorted set in another order.",
            COST,
        ),
];

const CATEGORIES: &[Categories] =
    &[Categories::SET, Categories::SORTEDSET, Categories::LIST, Categories::DANGEROUS];

const COST: &str = "O(N+M*log(M)) where N is the number of elements in the list or set to sort, \
and M the number of returned elements. When the elements are not sorted, complexity is O(N).";

const SORTED: KeySpec = KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS));

const LOOKED_UP: KeySpec = KeySpec {
    flags: KeyFlags::RO.and(KeyFlags::ACCESS),
    begin: Begin::Unknown,
    find: Find::Unknown,
    notes: "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive \
            from the content of the key we sort",
};

const STORED: KeySpec = KeySpec {
    flags: KeyFlags::OW.and(KeyFlags::UPDATE),
    begin: Begin::Unknown,
    find: Find::Unknown,
    notes: "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear \
            anywhere in the argument array",
};

/// The key that is sorted and the last one after a STORE; words that belong to other options are
/// passed over, whatever they are.
fn keys_of_sort(args: Args<'_>) -> Vec<FoundKey> {
    let mut keys = alloc::vec![FoundKey { at: 1, flags: SORTED.flags }];
    let mut at = 2;
    while at < args.len() {
        match () {
            () if args.is(at, "limit") => at += 2,
            () if args.is(at, "get") || args.is(at, "by") => at += 1,
            () if args.is(at, "store") && at + 1 < args.len() => {
                keys.truncate(1);
                keys.push(FoundKey { at: at + 1, flags: STORED.flags });
            }
            () => {}
        }
        at += 1;
    }
    keys
}

/// Texts one after the other; some may be missing.
#[derive(Debug, Default)]
struct Texts {
    bytes: Vec<u8>,
    ranges: Vec<Option<Range<usize>>>,
}

impl Texts {
    fn push(&mut self, text: Option<&[u8]>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text.unwrap_or_default());
        self.ranges.push(text.map(|text| start..start + text.len()));
    }

    fn get(&self, at: usize) -> Option<&[u8]> {
        self.ranges[at].clone().map(|range| &self.bytes[range])
    }

    fn len(&self) -> usize {
        self.ranges.len()
    }
}

fn sort(ctx: &mut Ctx<'_>) -> Outcome {
    sort_by(ctx, Options::parse(ctx, true)?)
}

fn sort_ro(ctx: &mut Ctx<'_>) -> Outcome {
    sort_by(ctx, Options::parse(ctx, false)?)
}

fn sort_by(ctx: &mut Ctx<'_>, mut options: Options<'_>) -> Outcome {
    let place = ctx.read(ctx.key(1));
    let source = Source::of(ctx.db(), place)?;
    if let Source::Set(_) = source
        && options.store.is_some()
    {
        options.sort_anyway();
    }
    if options.looks_nothing_up() {
        return sort_in_place(ctx, place, &options);
    }
    let keeps_order = !matches!(source, Source::Set(_));
    let mut elements = Texts::default();
    let window = source.load(&options, |element| {
        elements.push(Some(element.bytes(&mut itoa::Buffer::new())));
    });
    ctx.work(elements.len());
    let order = if options.is_sorted() {
        let weights = weights(ctx, &options, &elements)?;
        ctx.work(cost(elements.len()));
        order(&elements, &weights, options.is_descending, keeps_order, window)
    } else {
        window.collect()
    };
    ctx.work(order.len() * options.gets.len());
    match options.store {
        None => reply(ctx, &options, &elements, &order),
        Some(at) => store_results(ctx, at, &options, &elements, &order),
    }
    Ok(())
}

/// What sorting so many costs.
fn cost(len: usize) -> usize {
    len * len.max(1).ilog2() as usize / 64
}

/// Sorts without a look at any other key.
fn sort_in_place(ctx: &mut Ctx<'_>, place: Option<Place>, options: &Options<'_>) -> Outcome {
    let db = &ctx.server.dbs[ctx.client.db as usize];
    let plain = Plain::of(Source::of(db, place)?, options)?;
    let (looked_at, found) = (plain.elements.len(), plain.order.len());
    if let Some(at) = options.store {
        let thresholds = Thresholds::of(&ctx.server.config);
        let list = List::of(plain.results(), &thresholds);
        ctx.work(looked_at + cost(looked_at));
        store(ctx, at, list, found);
        return Ok(());
    }
    let output = &mut ctx.client.output;
    output.array(found);
    for element in plain.results() {
        output.bulk(element.bytes(&mut itoa::Buffer::new()));
    }
    ctx.work(looked_at + cost(looked_at));
    Ok(())
}

/// Elements that are read where they lie, and which of them are wanted, in their order.
struct Plain<'a> {
    elements: Vec<Element<'a>>,
    order: Vec<usize>,
}

impl<'a> Plain<'a> {
    fn of(source: Source<'a>, options: &Options<'_>) -> Result<Self, CommandError> {
        let mut elements = Vec::with_capacity(source.len());
        let window = source.load(options, |element| elements.push(element));
        let keeps_order = !matches!(source, Source::Set(_));
        let order = if options.is_sorted() {
            let weights = Weights::of(&elements, options.is_alpha).checked()?;
            order(&elements[..], &weights, options.is_descending, keeps_order, window)
        } else {
            window.collect()
        };
        Ok(Self { elements, order })
    }

    fn results(&self) -> impl Iterator<Item = Element<'a>> {
        self.order.iter().map(|&at| self.elements[at])
    }
}

/// What is sorted.
enum Source<'a> {
    Nothing,
    List(ListView<'a>),
    Set(SetView<'a>),
    SortedSet(SortedSetView<'a>),
}

impl<'a> Source<'a> {
    fn of(db: &'a Db, place: Option<Place>) -> Result<Self, CommandError> {
        let Some(place) = place else { return Ok(Self::Nothing) };
        let value: ValueRef<'_> = db.entry(place).value();
        if let Some(list) = <List as Typed>::view(value) {
            return Ok(Self::List(list));
        }
        let set = |value| <Set as Typed>::view(value).map(Self::Set);
        let sorted_set = |value| <SortedSet as Typed>::view(value).map(Self::SortedSet);
        set(value).or_else(|| sorted_set(value)).ok_or(CommandError::WrongType)
    }

    /// Gives the elements to `push`; which of them are wanted when they are in order. If they are
    /// not sorted, only those that are wanted are given.
    fn load(&self, options: &Options<'_>, mut push: impl FnMut(Element<'a>)) -> Range<usize> {
        let len = self.len();
        let window = options.window(len);
        let (skipped, wanted) = (window.start, window.len());
        match (self, options.is_sorted(), options.is_descending) {
            (Self::Nothing, ..) => {}
            (Self::Set(set), ..) => set.members().for_each(push),
            (Self::List(list), true, _) => list.iter_from(0).for_each(push),
            (Self::SortedSet(set), true, _) => {
                set.iter_from(0).for_each(|(member, _)| push(member))
            }
            (Self::List(list), false, false) => list.iter_from(skipped).take(wanted).for_each(push),
            (Self::List(list), false, true) => {
                list.iter_before(len - skipped).take(wanted).for_each(push);
            }
            (Self::SortedSet(set), false, false) => {
                set.iter_from(skipped).take(wanted).for_each(|(member, _)| push(member));
            }
            (Self::SortedSet(set), false, true) => {
                set.iter_before(len - skipped).take(wanted).for_each(|(member, _)| push(member));
            }
        }
        let is_cut = !options.is_sorted() && !matches!(self, Self::Set(_));
        if is_cut { 0..wanted } else { window }
    }

    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::List(list) => list.len(),
            Self::Set(set) => set.len(),
            Self::SortedSet(set) => set.len(),
        }
    }
}

/// What the elements are compared by; an error when it should be a number and is not.
fn weights(
    ctx: &mut Ctx<'_>,
    options: &Options<'_>,
    elements: &Texts,
) -> Result<Weights, CommandError> {
    let mut weights = Weights::new(options.is_alpha, options.by.is_some());
    let by = options.by.map(Pattern::of);
    if by.is_none() && options.is_alpha {
        return Ok(weights);
    }
    let mut room = Vec::new();
    ctx.work(if by.is_some() { elements.len() } else { 0 });
    for at in 0..elements.len() {
        let element = elements.get(at).unwrap_or_default();
        match &by {
            Some(pattern) => ctx.look_up(pattern, element, &mut room, |_, weight| {
                weights.push(weight);
            }),
            None => weights.push(Some(element)),
        }
    }
    weights.checked()
}

fn reply(ctx: &mut Ctx<'_>, options: &Options<'_>, elements: &Texts, order: &[usize]) {
    ctx.reply().array(order.len() * options.gets.len().max(1));
    each_result(ctx, options, elements, order, |output, result| match result {
        Some(text) => output.bulk(text),
        None => output.null(),
    });
}

/// Calls `each` with what is asked for of every element: itself, or what the patterns of GET find.
fn each_result(
    ctx: &mut Ctx<'_>,
    options: &Options<'_>,
    elements: &Texts,
    order: &[usize],
    mut each: impl FnMut(&mut crate::client::output::Output, Option<&[u8]>),
) {
    let mut room = Vec::new();
    for &at in order {
        let element = elements.get(at).unwrap_or_default();
        if options.gets.is_empty() {
            each(ctx.reply(), Some(element));
        }
        for pattern in &options.gets {
            ctx.look_up(pattern, element, &mut room, &mut each);
        }
    }
}

/// Stores what is asked for of every element under the key that is the argument `at`.
fn store_results(
    ctx: &mut Ctx<'_>,
    at: usize,
    options: &Options<'_>,
    elements: &Texts,
    order: &[usize],
) {
    let thresholds = Thresholds::of(&ctx.server.config);
    let (mut list, mut len) = (List::default(), 0);
    each_result(ctx, options, elements, order, |_, result| {
        list.push_back(result.unwrap_or_default(), &thresholds);
        len += 1;
    });
    store(ctx, at, list, len);
}

/// Stores the result, a list of so many elements, or nothing.
fn store(ctx: &mut Ctx<'_>, at: usize, list: List, len: usize) {
    let key = ctx.key(at);
    let place = ctx.write(key);
    if len > 0 {
        ctx.set(key, place, NewValue::Object(Value::List(list)), None);
        ctx.notify(KeyspaceEvents::LIST, "sortstore", key.bytes);
        ctx.dirty(len);
    } else if let Some(place) = place {
        ctx.remove(key, place);
        ctx.notify(KeyspaceEvents::GENERIC, "del", key.bytes);
        ctx.dirty(1);
    }
    ctx.reply().count(len);
}
