//! Which cells a search has to look at, and which of the places there it finds.
//!
//! The cells are chosen so large that the one in the middle and its eight neighbours cover what is
//! searched: as many halvings as the size allows, fewer near the poles, where degrees of longitude
//! are short. Where an edge of the shape lies beyond the neighbours all the same, one halving less
//! does; where it lies within the middle cell, the neighbours on that side are left out.
//!
//! The hard case is a search that goes round half the earth. With one or two halvings neighbours
//! are the same cell twice, so one that equals the neighbour before it is left out. The order of
//! the cells is Redis's, because it is the order of results that are not sorted.

use super::{Cell, EARTH_RADIUS_M, Point, STEPS_MAX, degrees, radians};

/// What is searched.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Its middle.
    pub center: Point,
    /// How it is bounded.
    pub outline: Outline,
    /// The unit of its sizes.
    pub meters_per_unit: f64,
}

/// How a shape is bounded; sizes are in the shape's unit.
#[derive(Clone, Copy, Debug)]
pub enum Outline {
    /// A circle.
    Circle {
        /// From the middle to the edge.
        radius: f64,
    },
    /// A box along the lines of latitude and longitude.
    Box {
        /// From west to east.
        width: f64,
        /// From south to north.
        height: f64,
    },
}

/// Degrees at which a shape ends.
struct Bounds {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

impl Shape {
    /// How far a place is from the middle, in meters; `None` if it is outside.
    #[must_use]
    pub fn distance_m(&self, point: Point) -> Option<f64> {
        match self.outline {
            Outline::Circle { radius } => {
                let distance = self.center.distance_m(point);
                (distance <= radius * self.meters_per_unit).then_some(distance)
            }
            Outline::Box { width, height } => {
                if self.center.latitude_distance_m(point) > height * self.meters_per_unit / 2.0 {
                    return None;
                }
                let beside = Point { latitude: point.latitude, ..self.center };
                let is_inside = point.distance_m(beside) <= width * self.meters_per_unit / 2.0;
                is_inside.then(|| self.center.distance_m(point))
            }
        }
    }

    /// The cells to look at, in their order.
    pub fn cells(&self) -> impl Iterator<Item = Cell> {
        let bounds = self.bounds();
        let steps = steps_for(self.reach_m(), self.center.latitude);
        let estimate = Cell::around(self.center, steps);
        let is_covered = estimate.beside(0, 1).north() >= bounds.north
            && estimate.beside(0, -1).south() <= bounds.south
            && estimate.beside(1, 0).east() >= bounds.east
            && estimate.beside(-1, 0).west() <= bounds.west;
        let middle = match steps > 1 && !is_covered {
            true => Cell::around(self.center, steps - 1),
            false => estimate,
        };
        let is_needed = move |east: i32, north: i32| {
            middle.steps < 2
                || !(north < 0 && middle.south() < bounds.south
                    || north > 0 && middle.north() > bounds.north
                    || east < 0 && middle.west() < bounds.west
                    || east > 0 && middle.east() > bounds.east)
        };
        let mut last = None;
        let needed = NEIGHBOURS.into_iter().filter(move |&(east, north)| is_needed(east, north));
        let neighbours = needed.map(move |(east, north)| middle.beside(east, north));
        core::iter::once(middle).chain(neighbours.filter(move |&cell| {
            let is_new = last != Some(cell);
            last = Some(cell);
            is_new
        }))
    }

    /// Half its width and height, in its unit.
    fn half_sizes(&self) -> (f64, f64) {
        match self.outline {
            Outline::Circle { radius } => (radius, radius),
            Outline::Box { width, height } => (width / 2.0, height / 2.0),
        }
    }

    /// The largest distance from the middle.
    fn reach_m(&self) -> f64 {
        let reach = match self.outline {
            Outline::Circle { radius } => radius,
            Outline::Box { .. } => {
                let (width, height) = self.half_sizes();
                libm::sqrt(width * width + height * height)
            }
        };
        reach * self.meters_per_unit
    }

    fn bounds(&self) -> Bounds {
        let Point { longitude, latitude } = self.center;
        let (width, height) = self.half_sizes();
        let (width_m, height_m) = (self.meters_per_unit * width, self.meters_per_unit * height);
        let north = degrees(height_m / EARTH_RADIUS_M);
        // Towards the pole a meter is more degrees.
        let widest = if latitude < 0.0 { latitude - north } else { latitude + north };
        let east = degrees(width_m / EARTH_RADIUS_M / libm::cos(radians(widest)));
        Bounds {
            west: longitude - east,
            south: latitude - north,
            east: longitude + east,
            north: latitude + north,
        }
    }
}

/// The neighbours, as cells to the east and north.
const NEIGHBOURS: [(i32, i32); 8] =
    [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

/// Halvings at which a cell and its neighbours nearly always cover what is so far from its middle.
fn steps_for(reach_m: f64, latitude: f64) -> u8 {
    /// Half the earth around, on the map.
    const MERCATOR_MAX: f64 = 20_037_726.37;
    if reach_m == 0.0 {
        return STEPS_MAX;
    }
    let mut steps = 1;
    let mut reach_m = reach_m;
    while reach_m < MERCATOR_MAX {
        reach_m *= 2.0;
        steps += 1;
    }
    steps -= 2;
    if latitude.abs() > 66.0 {
        steps -= 1;
    }
    if latitude.abs() > 80.0 {
        steps -= 1;
    }
    steps.clamp(1, i32::from(STEPS_MAX)) as u8
}
