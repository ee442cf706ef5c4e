use core::{
    fmt,
    ops::{Add, AddAssign, Sub},
};

/// A sequence number: one of 2^32 points on a circle.
///
/// There is no order on a circle, so there is no `Ord`: of two points, one is [before](Self::is_before) the other as
/// seen from where they stand, and three points need not agree. What can be told for certain is whether a point lies
/// [within](Self::is_within) a stretch.
//= https://www.rfc-editor.org/rfc/rfc9293#section-3.4
//# all arithmetic dealing with sequence numbers must be performed modulo 2^32
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Seq(u32);

impl Seq {
    /// The point with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number, as a segment carries it.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// How many numbers one passes from `earlier` to here, going up.
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// Whether the shorter way from here to `other` goes up. The two points opposite each other are before neither.
    pub const fn is_before(self, other: Self) -> bool {
        let way = other.since(self);
        way != 0 && way < 1 << 31
    }

    /// Whether the shorter way from `other` to here goes up.
    pub const fn is_after(self, other: Self) -> bool {
        other.is_before(self)
    }

    /// Whether it is one of the `length` numbers from `first` on. Of a stretch without length there is none.
    pub const fn is_within(self, first: Self, length: u32) -> bool {
        self.since(first) < length
    }
}

impl Add<u32> for Seq {
    type Output = Self;

    fn add(self, numbers: u32) -> Self {
        Self(self.0.wrapping_add(numbers))
    }
}

impl AddAssign<u32> for Seq {
    fn add_assign(&mut self, numbers: u32) {
        *self = *self + numbers;
    }
}

impl Sub<u32> for Seq {
    type Output = Self;

    fn sub(self, numbers: u32) -> Self {
        Self(self.0.wrapping_sub(numbers))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod laws {
    use proptest::prelude::*;

    use super::*;

    const HALF: u32 = 1 << 31;

    proptest! {
        #[test]
        fn going_up_and_down_by_the_same_leads_back(start: u32, way: u32) {
            let start = Seq::new(start);
            prop_assert_eq!(start + way - way, start);
            prop_assert_eq!((start + way).since(start), way);
        }

        #[test]
        fn where_a_circle_is_cut_does_not_matter(a: u32, b: u32, turn: u32) {
            let (a, b) = (Seq::new(a), Seq::new(b));
            prop_assert_eq!(a.is_before(b), (a + turn).is_before(b + turn));
            prop_assert_eq!(a.since(b), (a + turn).since(b + turn));
        }

        #[test]
        fn of_two_points_at_most_one_is_before_the_other(a: u32, b: u32) {
            let (a, b) = (Seq::new(a), Seq::new(b));
            prop_assert!(!(a.is_before(b) && b.is_before(a)));
            let comparable = a != b && b.since(a) != HALF;
            prop_assert_eq!(a.is_before(b) || b.is_before(a), comparable);
        }

        #[test]
        fn within_half_a_circle_before_is_transitive(a: u32, near in 1..HALF, far in 1..HALF) {
            prop_assume!(near < far);
            let (a, b, c) = (Seq::new(a), Seq::new(a) + near, Seq::new(a) + far);
            prop_assert!(a.is_before(b) && b.is_before(c) && a.is_before(c));
        }

        #[test]
        fn a_stretch_has_as_many_points_as_its_length(first: u32, length: u32, way: u32) {
            let first = Seq::new(first);
            prop_assert_eq!((first + way).is_within(first, length), way < length);
            prop_assert!(!(first + length).is_within(first, length));
        }
    }

    #[test]
    fn three_points_need_not_agree_which_is_why_there_is_no_ord() {
        let [a, b, c] = [0, 3 << 29, 6 << 29].map(Seq::new);
        assert!(a.is_before(b) && b.is_before(c) && c.is_before(a));
    }
}
