//! What GEOSEARCH and GEORADIUS ask for: the words are read in one pass, and the first that is
//! wrong is complained about, a member that is not there among them.

use super::call::{Call, SYNTAX, until_nul};
use super::geo::{place, unit};
use super::places::{Place, Shape};
use super::scores::parse;
use super::value::Scores;

/// What the name of a command says.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Form {
    Radius { may_store: bool },
    Member { may_store: bool },
    Search,
    SearchStore,
}

impl Form {
    /// Where the key is that is searched.
    pub(super) fn source(self) -> usize {
        if self == Self::SearchStore { 2 } else { 1 }
    }

    fn may_store(self) -> bool {
        matches!(self, Self::Radius { may_store: true } | Self::Member { may_store: true })
    }

    fn is_search(self) -> bool {
        matches!(self, Self::Search | Self::SearchStore)
    }
}

#[derive(Default)]
pub(super) struct Query {
    center: Option<Place>,
    has_member: bool,
    has_place: bool,
    /// Width and height, or a radius twice, and whether it is a box.
    size: Option<(f64, f64, bool)>,
    pub(super) unit_m: f64,
    is_sorted: Option<bool>,
    pub(super) count: usize,
    pub(super) is_any: bool,
    pub(super) with_distance: bool,
    pub(super) with_hash: bool,
    pub(super) with_coordinates: bool,
    /// Where the key is to store under, and whether distances are stored.
    pub(super) store: Option<(usize, bool)>,
}

impl Query {
    pub(super) fn parse(
        call: &Call<'_>,
        form: Form,
        scores: Option<&Scores>,
    ) -> Result<Self, Vec<u8>> {
        let mut query = Self { unit_m: 1.0, ..Self::default() };
        let mut at = match form {
            Form::Radius { .. } => {
                query.center = Some(place(call, 2)?);
                query.circle(call, 4)?;
                6
            }
            // Without a key nobody looks at the radius.
            Form::Member { .. } => {
                if let Some(scores) = scores {
                    query.center = Some(member(scores, &call.words[2])?);
                    query.circle(call, 3)?;
                }
                5
            }
            Form::Search => 2,
            Form::SearchStore => {
                query.store = Some((1, false));
                3
            }
        };
        while at < call.words.len() {
            at = query.option(call, form, scores, at)?;
        }
        query.check(call, form)?;
        Ok(query)
    }

    /// Reads an option; where the next one stands.
    fn option(
        &mut self,
        call: &Call<'_>,
        form: Form,
        scores: Option<&Scores>,
        at: usize,
    ) -> Result<usize, Vec<u8>> {
        let left = call.words.len() - at - 1;
        match &call.lower(at)[..] {
            b"withdist" => self.with_distance = true,
            b"withhash" => self.with_hash = true,
            b"withcoord" => self.with_coordinates = true,
            b"any" => self.is_any = true,
            b"asc" => self.is_sorted = Some(false),
            b"desc" => self.is_sorted = Some(true),
            b"count" if left >= 1 => {
                let count = call.int(at + 1)?;
                let count = usize::try_from(count).ok().filter(|&count| count > 0);
                self.count = count.ok_or("ERR COUNT must be > 0")?;
                return Ok(at + 2);
            }
            name @ (b"store" | b"storedist") if form.may_store() && left >= 1 => {
                self.store = Some((at + 1, name == b"storedist"));
                return Ok(at + 2);
            }
            b"storedist" if form == Form::SearchStore => self.store = Some((1, true)),
            _ if form.is_search() => return self.shape_option(call, scores, at, left),
            _ => return Err(SYNTAX.into()),
        }
        Ok(at + 1)
    }

    /// The same of those that say what is searched.
    fn shape_option(
        &mut self,
        call: &Call<'_>,
        scores: Option<&Scores>,
        at: usize,
        left: usize,
    ) -> Result<usize, Vec<u8>> {
        match &call.lower(at)[..] {
            b"frommember" if left >= 1 && !self.has_place => {
                self.has_member = true;
                if let Some(scores) = scores {
                    self.center = Some(member(scores, &call.words[at + 1])?);
                }
                Ok(at + 2)
            }
            b"fromlonlat" if left >= 2 && !self.has_member => {
                self.has_place = true;
                self.center = Some(place(call, at + 1)?);
                Ok(at + 3)
            }
            b"byradius" if left >= 2 && self.size.is_none_or(|size| !size.2) => {
                self.circle(call, at + 1)?;
                Ok(at + 3)
            }
            b"bybox" if left >= 3 && self.size.is_none_or(|size| size.2) => {
                let width = parse(&call.words[at + 1]).ok_or("ERR need numeric width")?;
                let height = parse(&call.words[at + 2]).ok_or("ERR need numeric height")?;
                if width < 0.0 || height < 0.0 {
                    return Err("ERR height or width cannot be negative".into());
                }
                self.unit_m = unit(call, at + 3)?;
                self.size = Some((width, height, true));
                Ok(at + 4)
            }
            _ => Err(SYNTAX.into()),
        }
    }

    fn circle(&mut self, call: &Call<'_>, at: usize) -> Result<(), Vec<u8>> {
        let radius = parse(&call.words[at]).ok_or("ERR need numeric radius")?;
        if radius < 0.0 {
            return Err("ERR radius cannot be negative".into());
        }
        self.unit_m = unit(call, at + 1)?;
        self.size = Some((radius, radius, false));
        Ok(())
    }

    fn check(&self, call: &Call<'_>, form: Form) -> Result<(), Vec<u8>> {
        let has_more = self.with_distance || self.with_hash || self.with_coordinates;
        if self.store.is_some() && has_more {
            let who = match form {
                Form::SearchStore => "GEOSEARCHSTORE",
                _ => "STORE option in GEORADIUS",
            };
            let what = "is not compatible with WITHDIST, WITHHASH and WITHCOORD options";
            return Err(format!("ERR {who} {what}").into());
        }
        let missing = |what: &str| {
            let name = until_nul(&call.words[0]);
            [format!("ERR exactly one of {what} can be specified for ").as_bytes(), name].concat()
        };
        if form.is_search() && !self.has_member && !self.has_place {
            return Err(missing("FROMMEMBER or FROMLONLAT"));
        }
        if form.is_search() && self.size.is_none() {
            return Err(missing("BYRADIUS and BYBOX"));
        }
        if self.is_any && self.count == 0 {
            return Err("ERR the ANY argument requires COUNT argument".into());
        }
        Ok(())
    }

    /// Whether the farthest come first; none when there is no order. Of some the nearest are
    /// wanted, unless any will do.
    pub(super) fn order(&self) -> Option<bool> {
        let nearest = self.count > 0 && !self.is_any;
        self.is_sorted.or_else(|| nearest.then_some(false))
    }

    pub(super) fn shape(&self) -> Option<Shape> {
        let (width, height, is_box) = self.size?;
        let half = if is_box { 2.0 } else { 1.0 };
        let half_m = (width * self.unit_m / half, height * self.unit_m / half);
        Some(Shape { center: self.center?, half_m, is_box })
    }
}

fn member(scores: &Scores, member: &[u8]) -> Result<Place, Vec<u8>> {
    let score = scores.get(member).ok_or("ERR could not decode requested zset member")?;
    Ok(Place::of(*score))
}
