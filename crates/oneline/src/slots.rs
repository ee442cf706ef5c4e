//! A table whose places are used again, and tickets that know whether their holder still has the place.

/// A place in [`Slots`], and which of its successive holders is meant: an event or a deadline that outlived its
/// connection finds nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    place: u32,
    holder: u32,
}

impl Ticket {
    /// As epoll carries it.
    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.holder) << 32 | u64::from(self.place)
    }

    #[allow(clippy::cast_possible_truncation, reason = "the two halves")]
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self { place: bits as u32, holder: (bits >> 32) as u32 }
    }
}

/// Holders in places, found by ticket.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot<T> {
    holder: u32,
    value: Option<T>,
}

impl<T> Slots<T> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    /// How many places are taken.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn insert(&mut self, value: T) -> Ticket {
        if let Some(place) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(place as usize)
        {
            slot.value = Some(value);
            return Ticket { place, holder: slot.holder };
        }
        // A process has fewer descriptors than 2^31.
        let place = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.slots.push(Slot { holder: 0, value: Some(value) });
        Ticket { place, holder: 0 }
    }

    /// Takes the holder out for a moment; [`Slots::put_back`] or [`Slots::vacate`] follows.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<T> {
        self.slot(ticket)?.value.take()
    }

    pub(crate) fn put_back(&mut self, ticket: Ticket, value: T) {
        if let Some(slot) = self.slot(ticket) {
            slot.value = Some(value);
        }
    }

    /// Frees the place of a holder that was taken out.
    pub(crate) fn vacate(&mut self, ticket: Ticket) {
        if let Some(slot) = self.slot(ticket) {
            slot.holder = slot.holder.wrapping_add(1);
            self.free.push(ticket.place);
        }
    }

    pub(crate) fn holds(&self, ticket: Ticket) -> bool {
        self.slots
            .get(ticket.place as usize)
            .is_some_and(|slot| slot.holder == ticket.holder && slot.value.is_some())
    }

    /// Empties the table.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.free.clear();
        std::mem::take(&mut self.slots).into_iter().filter_map(|slot| slot.value)
    }

    fn slot(&mut self, ticket: Ticket) -> Option<&mut Slot<T>> {
        self.slots.get_mut(ticket.place as usize).filter(|slot| slot.holder == ticket.holder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_whose_holder_left_finds_nobody_in_the_place() {
        let mut slots = Slots::new();
        let first = slots.insert("first");
        assert_eq!(slots.take(first), Some("first"));
        slots.vacate(first);
        let second = slots.insert("second");
        assert!(!slots.holds(first));
        assert_eq!(slots.take(first), None);
        assert!(slots.holds(second));
        assert_eq!(slots.len(), 1);
    }

    #[test]
    fn places_are_used_again() {
        let mut slots = Slots::new();
        for round in 0..1000 {
            let ticket = slots.insert(round);
            assert_eq!(slots.take(ticket), Some(round));
            slots.vacate(ticket);
        }
        assert_eq!((slots.len(), slots.slots.len()), (0, 1));
    }

    #[test]
    fn a_ticket_crosses_epoll_as_its_bits() {
        let ticket = Ticket { place: 7, holder: u32::MAX };
        assert_eq!(Ticket::from_bits(ticket.to_bits()), ticket);
    }

    #[test]
    fn a_holder_that_was_put_back_keeps_its_ticket() {
        let mut slots = Slots::new();
        let ticket = slots.insert(1);
        let value = slots.take(ticket).unwrap();
        slots.put_back(ticket, value + 1);
        assert_eq!(slots.take(ticket), Some(2));
    }
}
