//! What a search asks for: GEOSEARCH, GEORADIUS and the rest, read into one form.
//!
//! Redis reads the words in one pass and complains about the first that is wrong, members that do
//! not exist among them; so the sorted set is at hand while the words are read.

use super::read::point_of;
use super::{point, unit};
use crate::command::args::Args;
use crate::command::error::CommandError;
use crate::value::geo::Point;
use crate::value::geo::area::{Outline, Shape};
use crate::value::{SortedSetView, number};

/// What the name of a command says already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// GEORADIUS: around a place; it may store.
    Radius { may_store: bool },
    /// GEORADIUSBYMEMBER: around a member; it may store.
    RadiusByMember { may_store: bool },
    /// GEOSEARCH.
    Search,
    /// GEOSEARCHSTORE.
    SearchStore,
}

impl Form {
    /// The argument that is the key of what is searched.
    pub(super) fn source(self) -> usize {
        if self == Self::SearchStore { 2 } else { 1 }
    }

    /// The event of what is stored.
    pub(super) fn event(self) -> &'static str {
        if self.is_search() { "geosearchstore" } else { "georadiusstore" }
    }

    fn first_option(self) -> usize {
        match self {
            Self::Radius { .. } => 6,
            Self::RadiusByMember { .. } => 5,
            Self::Search => 2,
            Self::SearchStore => 3,
        }
    }

    fn is_search(self) -> bool {
        matches!(self, Self::Search | Self::SearchStore)
    }

    fn may_store(self) -> bool {
        let (Self::Radius { may_store } | Self::RadiusByMember { may_store }) = self else {
            return false;
        };
        may_store
    }
}

/// In which order results are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

/// Where results go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Destination {
    /// The argument with the key.
    pub(super) key: usize,
    /// Distances are the scores.
    pub(super) is_by_distance: bool,
}

/// A search.
#[derive(Debug)]
pub(super) struct Query {
    center: Option<Point>,
    outline: Option<Outline>,
    meters_per_unit: f64,
    has_member: bool,
    pub(super) order: Option<Order>,
    /// Results at most; 0 is all.
    pub(super) count: usize,
    /// Any results do, not only the nearest.
    pub(super) is_any: bool,
    pub(super) with_distance: bool,
    pub(super) with_hash: bool,
    pub(super) with_coordinates: bool,
    pub(super) destination: Option<Destination>,
}

impl Query {
    /// Reads a search in `set`.
    pub(super) fn parse(
        args: Args<'_>,
        form: Form,
        set: Option<SortedSetView<'_>>,
    ) -> Result<Self, CommandError> {
        let is_stored = form == Form::SearchStore;
        let mut query = Self {
            center: None,
            outline: None,
            meters_per_unit: 1.0,
            has_member: false,
            order: None,
            count: 0,
            is_any: false,
            with_distance: false,
            with_hash: false,
            with_coordinates: false,
            destination: is_stored.then_some(Destination { key: 1, is_by_distance: false }),
        };
        query.fixed_words(args, form, set)?;
        let mut at = form.first_option();
        while at < args.len() {
            at = query.option(args, form, set, at)?;
        }
        query.check(args, form)?;
        Ok(query)
    }

    /// The middle and the radius of the older commands.
    fn fixed_words(
        &mut self,
        args: Args<'_>,
        form: Form,
        set: Option<SortedSetView<'_>>,
    ) -> Result<(), CommandError> {
        match (form, set) {
            (Form::Radius { .. }, _) => {
                self.center = Some(point(args, 2)?);
                self.circle(args, 4)
            }
            // Without a sorted set Redis does not look at the radius.
            (Form::RadiusByMember { .. }, Some(set)) => {
                self.center = Some(center_of(set, args.at(2))?);
                self.circle(args, 3)
            }
            _ => Ok(()),
        }
    }

    /// Reads the option at an argument; returns where the next one is.
    fn option(
        &mut self,
        args: Args<'_>,
        form: Form,
        set: Option<SortedSetView<'_>>,
        at: usize,
    ) -> Result<usize, CommandError> {
        let left = args.len() - at - 1;
        match () {
            () if args.is(at, "withdist") => self.with_distance = true,
            () if args.is(at, "withhash") => self.with_hash = true,
            () if args.is(at, "withcoord") => self.with_coordinates = true,
            () if args.is(at, "any") => self.is_any = true,
            () if args.is(at, "asc") => self.order = Some(Order::Ascending),
            () if args.is(at, "desc") => self.order = Some(Order::Descending),
            () if args.is(at, "count") && left >= 1 => {
                let count = number::parse_i64(args.at(at + 1)).ok_or(CommandError::NotInteger)?;
                let count = usize::try_from(count).ok().filter(|&count| count > 0);
                self.count = count.ok_or(CommandError::Fixed("ERR COUNT must be > 0"))?;
                return Ok(at + 2);
            }
            () if form.may_store() && args.is(at, "store") && left >= 1 => {
                self.destination = Some(Destination { key: at + 1, is_by_distance: false });
                return Ok(at + 2);
            }
            () if form.may_store() && args.is(at, "storedist") && left >= 1 => {
                self.destination = Some(Destination { key: at + 1, is_by_distance: true });
                return Ok(at + 2);
            }
            () if form == Form::SearchStore && args.is(at, "storedist") => {
                self.destination = Some(Destination { key: 1, is_by_distance: true });
            }
            () if form.is_search() => return self.search_option(args, set, at, left),
            () => return Err(CommandError::Syntax),
        }
        Ok(at + 1)
    }

    /// As [`Query::option`], for those that say what is searched.
    fn search_option(
        &mut self,
        args: Args<'_>,
        set: Option<SortedSetView<'_>>,
        at: usize,
        left: usize,
    ) -> Result<usize, CommandError> {
        let has_place = self.center.is_some() && !self.has_member;
        match () {
            () if args.is(at, "frommember") && left >= 1 && !has_place => {
                self.has_member = true;
                if let Some(set) = set {
                    self.center = Some(center_of(set, args.at(at + 1))?);
                }
                Ok(at + 2)
            }
            () if args.is(at, "fromlonlat") && left >= 2 && !self.has_member => {
                self.center = Some(point(args, at + 1)?);
                Ok(at + 3)
            }
            () if args.is(at, "byradius")
                && left >= 2
                && !matches!(self.outline, Some(Outline::Box { .. })) =>
            {
                self.circle(args, at + 1)?;
                Ok(at + 3)
            }
            () if args.is(at, "bybox")
                && left >= 3
                && !matches!(self.outline, Some(Outline::Circle { .. })) =>
            {
                self.rectangle(args, at + 1)?;
                Ok(at + 4)
            }
            () => Err(CommandError::Syntax),
        }
    }

    /// Reads a radius and its unit.
    fn circle(&mut self, args: Args<'_>, at: usize) -> Result<(), CommandError> {
        let radius = number::parse_f64(args.at(at));
        let radius = radius.ok_or(CommandError::Fixed("ERR need numeric radius"))?;
        if radius < 0.0 {
            return Err(CommandError::Fixed("ERR radius cannot be negative"));
        }
        self.meters_per_unit = unit(args, at + 1)?;
        self.outline = Some(Outline::Circle { radius });
        Ok(())
    }

    /// Reads a width, a height and their unit.
    fn rectangle(&mut self, args: Args<'_>, at: usize) -> Result<(), CommandError> {
        let width = number::parse_f64(args.at(at));
        let width = width.ok_or(CommandError::Fixed("ERR need numeric width"))?;
        let height = number::parse_f64(args.at(at + 1));
        let height = height.ok_or(CommandError::Fixed("ERR need numeric height"))?;
        if width < 0.0 || height < 0.0 {
            return Err(CommandError::Fixed("ERR height or width cannot be negative"));
        }
        self.meters_per_unit = unit(args, at + 2)?;
        self.outline = Some(Outline::Box { width, height });
        Ok(())
    }

    /// Whether the options go together, and all that are needed are there.
    fn check(&self, args: Args<'_>, form: Form) -> Result<(), CommandError> {
        if self.destination.is_some() && self.words_each() > 1 {
            return Err(CommandError::Fixed(match form {
                Form::SearchStore => {
                    "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD \
                     options"
                }
                _ => {
                    "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and \
                     WITHCOORD options"
                }
            }));
        }
        let name = args.at(0);
        if form.is_search() && self.center.is_none() && !self.has_member {
            let text = "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ";
            return Err(CommandError::quoting(text, name, ""));
        }
        if form.is_search() && self.outline.is_none() {
            let text = "ERR exactly one of BYRADIUS and BYBOX can be specified for ";
            return Err(CommandError::quoting(text, name, ""));
        }
        if self.is_any && self.count == 0 {
            return Err(CommandError::Fixed("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }

    /// Of how many parts a result is: the member, and what was asked for beside it.
    pub(super) fn words_each(&self) -> usize {
        [self.with_distance, self.with_hash, self.with_coordinates]
            .iter()
            .fold(1, |words, &is_asked| words + usize::from(is_asked))
    }

    /// Meters in the unit that was asked for.
    pub(super) fn in_unit(&self, distance_m: f64) -> f64 {
        distance_m / self.meters_per_unit
    }

    /// What is searched; nothing when there was no sorted set to find a member in.
    pub(super) fn shape(&self) -> Option<Shape> {
        let (center, outline) = (self.center?, self.outline?);
        Some(Shape { center, outline, meters_per_unit: self.meters_per_unit })
    }
}

fn center_of(set: SortedSetView<'_>, member: &[u8]) -> Result<Point, CommandError> {
    let point = point_of(set, member);
    point.ok_or(CommandError::Fixed("ERR could not decode requested zset member"))
}
