//! What commands do with aggregates: lists, hashes, sets and sorted sets.
//!
//! A small aggregate lies in its record and a large one in a structure of its own, and a command
//! should not care. [`Ctx::typed`] gives a view of either to read; [`Ctx::change`] lends the
//! aggregate as an owned value, changes and stores it again, in its record if it fits there. For
//! the time of a change a pack lies in a buffer that the server keeps, so nothing is allocated.
//!
//! Redis has no empty aggregates: whoever took the last element out calls [`Ctx::remove_empty`]
//! after telling its own event. Marking the key as changed, events and dirt stay the command's.

use super::ctx::{Ctx, Text};
use super::error::{CommandError, Outcome};
use crate::client::output::Output;
use crate::config::KeyspaceEvents;
use crate::keyspace::{Key, NewValue, Place, ValueRef, fits};
use crate::server::Server;
use crate::value::pack::{Pack, Shape};
use crate::value::{
    Hash, HashView, List, ListView, Set, SetView, SortedSet, SortedSetView, Stream, Value,
};

/// A type of values that a command may ask for.
pub(crate) trait Typed: Sized {
    /// It, read in place.
    type View<'a>;

    /// The view of a value; `None` of another type.
    fn view(value: ValueRef<'_>) -> Option<Self::View<'_>>;
}

/// A type of aggregate values with a small form.
pub(crate) trait Aggregate: Typed {
    /// The shape of a new one.
    const SHAPE: Shape;

    /// The aggregate in a value; `None` of another type.
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
}

macro_rules! aggregate {
    ($kind:ident, $view:ident, $shape:expr) => {
        impl Typed for $kind {
            type View<'a> = $view<'a>;

            #[inline]
            fn view(value: ValueRef<'_>) -> Option<$view<'_>> {
                match value {
                    ValueRef::Pack(pack) if $kind::has_shape(Shape::of(pack)) => {
                        Some($view::Pack(pack))
                    }
                    ValueRef::Object(Value::$kind(value)) => Some(value.view()),
                    _ => None,
                }
            }
        }

        impl Aggregate for $kind {
            const SHAPE: Shape = $shape;

            #[inline]
            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                match value {
                    Value::$kind(value) => Some(value),
                    _ => None,
                }
            }
        }
    };
}

aggregate!(List, ListView, Shape::List);
aggregate!(Hash, HashView, Shape::Hash);
aggregate!(Set, SetView, Shape::Intset);
aggregate!(SortedSet, SortedSetView, Shape::SortedSet);

impl Typed for Stream {
    type View<'a> = &'a Self;

    #[inline]
    fn view(value: ValueRef<'_>) -> Option<&Self> {
        match value {
            ValueRef::Object(Value::Stream(stream)) => Some(stream),
            _ => None,
        }
    }
}

impl Typed for Text<'static> {
    type View<'a> = Text<'a>;

    #[inline]
    fn view(value: ValueRef<'_>) -> Option<Text<'_>> {
        Text::of(value).ok()
    }
}

impl Ctx<'_> {
    /// The aggregate at `place`, to be read; an error when it is another type.
    #[inline]
    pub(crate) fn typed<T: Typed>(&self, place: Place) -> Result<T::View<'_>, CommandError> {
        T::view(self.entry(place).value()).ok_or(CommandError::WrongType)
    }

    /// As [`Ctx::read`], and what is there must be a `T`.
    #[inline]
    pub(crate) fn read_as<T: Typed>(
        &mut self,
        key: Key<'_>,
    ) -> Result<Option<Place>, CommandError> {
        let place = self.read(key);
        place.map(|place| self.typed::<T>(place).map(|_| place)).transpose()
    }

    /// As [`Ctx::read_as`], and lets `answer` write a reply about what is there; with two visits of
    /// the record less.
    #[inline]
    pub(crate) fn read_with<T: Typed>(
        &mut self,
        key: Key<'_>,
        answer: impl FnOnce(&mut Output, Option<T::View<'_>>),
    ) -> Outcome {
        let db = self.client.db;
        let table = &self.server.dbs[db as usize];
        let found = table.look(key).filter(|(_, entry)| {
            !entry.expire_at_ms().is_some_and(|at| self.server.now.has_passed(at))
        });
        let found = found.filter(|_| !self.server.has_due_fields(db));
        let Some((place, entry)) = found else { return self.read_with_care::<T>(key, answer) };
        let clock = entry.clock();
        let outcome = match T::view(entry.value()) {
            Some(view) => {
                answer(&mut self.client.output, Some(view));
                Ok(())
            }
            None => Err(CommandError::WrongType),
        };
        if self.renews_clocks() {
            self.server.renew(db, place, clock);
        }
        self.server.stats.keyspace_hits += 1;
        outcome
    }

    /// As [`Ctx::read_with`], when the key is not there, or perhaps not any more.
    #[inline(never)]
    fn read_with_care<T: Typed>(
        &mut self,
        key: Key<'_>,
        answer: impl FnOnce(&mut Output, Option<T::View<'_>>),
    ) -> Outcome {
        let place = self.read_as::<T>(key)?;
        self.answer_with::<T>(place, answer)
    }

    /// Lets `answer` write a reply about what is at `place`, if something is.
    #[inline]
    pub(crate) fn answer_with<T: Typed>(
        &mut self,
        place: Option<Place>,
        answer: impl FnOnce(&mut Output, Option<T::View<'_>>),
    ) -> Outcome {
        let db = &self.server.dbs[self.client.db as usize];
        let view = match place {
            Some(place) => Some(T::view(db.entry(place).value()).ok_or(CommandError::WrongType)?),
            None => None,
        };
        answer(&mut self.client.output, view);
        Ok(())
    }

    /// As [`Ctx::write`], and what is there must be a `T`.
    #[inline]
    pub(crate) fn write_as<T: Typed>(
        &mut self,
        key: Key<'_>,
    ) -> Result<Option<Place>, CommandError> {
        let place = self.write(key);
        place.map(|place| self.typed::<T>(place).map(|_| place)).transpose()
    }

    /// Lends the aggregate of `key`, which is a `T` at `place`, or a new and empty one without a
    /// place, to be changed. The deadline stays. A key that was made is told of; that one was
    /// changed, and events and dirt, are the caller's to say. The place does not hold afterwards.
    #[inline]
    pub(crate) fn change<T: Aggregate, R>(
        &mut self,
        key: Key<'_>,
        place: Option<Place>,
        change: impl FnOnce(&mut T) -> R,
    ) -> R {
        let result = self.server.change(self.client.db, key, place, change);
        if place.is_none() {
            self.notify(KeyspaceEvents::NEW, "new", key.bytes);
        }
        result
    }

    /// Removes `key`, from whose aggregate the last element was taken, and tells so.
    pub(crate) fn remove_empty(&mut self, key: Key<'_>) {
        let Some(place) = self.peek(key) else { return };
        self.remove(key, place);
        self.notify(KeyspaceEvents::GENERIC, "del", key.bytes);
    }
}

impl Server {
    /// As [`Ctx::change`], in any database and without telling anybody.
    #[inline]
    pub(crate) fn change<T: Aggregate, R>(
        &mut self,
        db: u32,
        key: Key<'_>,
        place: Option<Place>,
        change: impl FnOnce(&mut T) -> R,
    ) -> R {
        let change = |value: &mut Value| {
            change(T::of_mut(value).expect("the caller has seen that the type is right"))
        };
        let table = &mut self.dbs[db as usize];
        let mut pack = self.scratch.take().unwrap_or_else(|| Pack::empty(T::SHAPE));
        let bytes = pack.make_mut();
        bytes.clear();
        match place.map(|place| (place, table.entry(place))) {
            None => bytes.extend_from_slice(&T::SHAPE.empty()),
            Some((place, entry)) => match (entry.value(), entry.outside()) {
                (ValueRef::Pack(record), None) => bytes.extend_from_slice(record),
                _ => {
                    self.scratch = Some(pack);
                    let result = table.modify(place, change);
                    return result.expect("an aggregate that is no pack lies outside");
                }
            },
        }
        let mut value = Value::of_pack(pack);
        let result = change(&mut value);
        self.store(db, key, place, value);
        result
    }

    /// Stores an aggregate whose pack may be the server's buffer.
    fn store(&mut self, db: u32, key: Key<'_>, place: Option<Place>, value: Value) {
        let (expire_at_ms, clock) = match place.map(|place| self.dbs[db as usize].entry(place)) {
            Some(entry) => (entry.expire_at_ms(), entry.clock()),
            None => (None, self.new_clock()),
        };
        let table = &mut self.dbs[db as usize];
        match value.into_pack() {
            Ok(pack) if fits(key.bytes, pack.bytes()) => {
                let value = NewValue::Pack(pack.bytes());
                table.set(key, place, value, expire_at_ms, clock);
                self.scratch = Some(pack);
            }
            Ok(pack) => {
                let value = NewValue::Object(Value::of_pack(pack));
                table.set(key, place, value, expire_at_ms, clock);
            }
            Err(value) => {
                table.set(key, place, NewValue::Object(value), expire_at_ms, clock);
            }
        }
    }
}
