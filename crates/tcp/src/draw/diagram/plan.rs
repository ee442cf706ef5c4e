//! Where states and arrows go: by hand, on a grid of 73 columns and 33 rows.

use super::Highlight;
use crate::{
    StateName::{
        self, CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived,
        SynSent, TimeWait,
    },
    table::Arrow,
};

pub(super) const COLUMNS: usize = 73;
pub(super) const ROWS: usize = 33;

/// A place on the grid: column and row.
pub(super) type Point = (usize, usize);

/// The two places of CLOSED.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    First,
    Last,
}

/// A state's box: three rows high, its name in the middle one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) state: StateName,
    pub(super) left: usize,
    pub(super) right: usize,
    pub(super) top: usize,
}

impl Place {
    pub(super) fn is_marked(&self, highlight: &Highlight) -> bool {
        match self.state {
            Closed if self.top == 0 => highlight.has_closed(Which::First),
            Closed => highlight.has_closed(Which::Last),
            state => highlight.has(state),
        }
    }
}

const fn place(state: StateName, left: usize, right: usize, top: usize) -> Place {
    Place { state, left, right, top }
}

pub(super) const PLACES: [Place; 12] = [
    place(Closed, 0, 71, 0),
    place(Listen, 0, 29, 5),
    place(SynSent, 46, 71, 5),
    place(SynReceived, 0, 29, 10),
    place(Established, 46, 71, 10),
    place(FinWait1, 0, 29, 15),
    place(CloseWait, 46, 71, 15),
    place(FinWait2, 0, 17, 20),
    place(Closing, 20, 37, 20),
    place(LastAck, 46, 71, 20),
    place(TimeWait, 0, 37, 25),
    place(Closed, 0, 71, 30),
];

/// The way of an arrow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    from: StateName,
    to: StateName,
    /// From a point on the border of a box over the corners to a point on the border of another.
    pub(super) points: &'static [Point],
    /// Where its label goes.
    pub(super) label: Label,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Label {
    /// What happens from here on, and what is done below it.
    From(Point),
    /// The same, up to here.
    UpTo(Point),
    /// What happens above a level arrow, what is done below it; this is the middle of the arrow.
    Around(Point),
    /// All in one row, from here on.
    Row(Point),
}

const fn route(from: StateName, to: StateName, points: &'static [Point], label: Label) -> Route {
    Route { from, to, points, label }
}

const ROUTES: [Route; 20] = [
    route(Closed, Listen, &[(2, 2), (2, 5)], Label::From((4, 3))),
    route(Listen, Closed, &[(17, 5), (17, 2)], Label::From((19, 3))),
    route(Closed, SynSent, &[(51, 2), (51, 5)], Label::UpTo((49, 3))),
    route(SynSent, Closed, &[(57, 5), (57, 2)], Label::From((59, 3))),
    route(Listen, SynSent, &[(29, 6), (46, 6)], Label::Around((37, 6))),
    route(Listen, SynReceived, &[(2, 7), (2, 10)], Label::From((4, 8))),
    route(SynReceived, Listen, &[(17, 10), (17, 7)], Label::From((19, 8))),
    route(SynSent, SynReceived, &[(49, 7), (49, 8), (27, 8), (27, 10)], Label::Row((29, 9))),
    route(SynSent, Established, &[(57, 7), (57, 10)], Label::From((59, 8))),
    route(SynReceived, Established, &[(29, 11), (46, 11)], Label::Around((37, 11))),
    route(SynReceived, FinWait1, &[(2, 12), (2, 15)], Label::From((4, 13))),
    route(Established, FinWait1, &[(49, 12), (49, 13), (27, 13), (27, 15)], Label::Row((29, 14))),
    route(Established, CloseWait, &[(57, 12), (57, 15)], Label::From((59, 13))),
    route(FinWait1, FinWait2, &[(2, 17), (2, 20)], Label::From((4, 18))),
    route(FinWait1, Closing, &[(27, 17), (27, 20)], Label::From((29, 18))),
    route(CloseWait, LastAck, &[(57, 17), (57, 20)], Label::From((59, 18))),
    route(FinWait2, TimeWait, &[(2, 22), (2, 25)], Label::From((4, 23))),
    route(Closing, TimeWait, &[(27, 22), (27, 25)], Label::From((29, 23))),
    route(LastAck, Closed, &[(57, 22), (57, 30)], Label::From((59, 23))),
    route(TimeWait, Closed, &[(2, 27), (2, 30)], Label::From((4, 28))),
];

/// The way of an arrow of the table; none if nobody has found it a place yet.
pub(super) fn way(arrow: &Arrow) -> Option<&'static Route> {
    ROUTES.iter().find(|route| (route.from, route.to) == (arrow.from, arrow.to))
}
