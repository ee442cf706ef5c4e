use timewait_facts::{Pattern, Socket, States};

/// Which rows of the socket table: those in one of the states for which every condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// The states.
    pub states: States,
    /// A condition on this side's address and port.
    pub local: Pattern,
    /// A condition on the other side's.
    pub peer: Pattern,
    /// A condition that one of the two sides, or both, must meet.
    pub either: Pattern,
    /// Whether marks are wanted, as far as this process may see them; rows without are shorter.
    pub marks: bool,
}

impl Query {
    /// Every socket in one of these states.
    pub fn in_states(states: States) -> Self {
        let any = Pattern::default();
        Self { states, local: any, peer: any, either: any, marks: true }
    }

    /// Without the mark of any row.
    #[must_use]
    pub fn without_marks(self) -> Self {
        Self { marks: false, ..self }
    }

    /// With a condition on this side.
    #[must_use]
    pub fn local(self, local: Pattern) -> Self {
        Self { local, ..self }
    }

    /// With a condition on the other side.
    #[must_use]
    pub fn peer(self, peer: Pattern) -> Self {
        Self { peer, ..self }
    }

    /// With a condition on one of the two sides, whichever.
    #[must_use]
    pub fn either(self, either: Pattern) -> Self {
        Self { either, ..self }
    }

    /// Whether a socket is one of those asked for: what the kernel decides, decided here.
    pub fn matches(&self, socket: &Socket) -> bool {
        self.states.contains(socket.state)
            && self.local.matches(socket.local)
            && self.peer.matches(socket.peer)
            && (self.either.matches(socket.local) || self.either.matches(socket.peer))
    }
}
