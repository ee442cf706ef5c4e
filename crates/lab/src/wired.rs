use std::rc::Rc;

use timewait_tcp::Side;

use crate::{
    Drawing, Family, Lab, Trouble,
    capture::Capture,
    journal::Journal,
    site::Site,
    wire::{self, Cable, Wire},
};

/// Two hosts and the wire between them.
#[derive(Debug)]
pub(crate) struct Wired {
    /// On the left.
    pub(crate) client: Site,
    /// On the right.
    pub(crate) server: Site,
    /// What joins them.
    pub(crate) wire: Wire,
    journal: Rc<Journal>,
}

impl Lab {
    /// Two new hosts, a client and a server, joined by a wire.
    ///
    /// # Errors
    /// No further network namespace, or no medium for the wire, is to be had.
    pub(crate) fn wired(&self) -> Result<Wired, Trouble> {
        self.wired_by(Cable::default())
    }

    /// Joined by a wire that is made of this.
    ///
    /// # Errors
    /// As for [`wired`](Self::wired).
    pub(crate) fn wired_by(&self, cable: Cable) -> Result<Wired, Trouble> {
        let (client, server) = (self.host().neighbour("client")?, self.host().neighbour("server")?);
        let wire = Wire::with(cable, &client, &server)?;
        let (left, right) = match self.family() {
            Family::Ipv4 => (wire::LEFT_V4, wire::RIGHT_V4),
            Family::Ipv6 => (wire::LEFT_V6, wire::RIGHT_V6),
        };
        let journal = self.journal();
        Ok(Wired {
            client: Site::of("client", client, left, Rc::clone(&journal))?,
            server: Site::of("server", server, right, Rc::clone(&journal))?,
            wire,
            journal,
        })
    }
}

impl Wired {
    /// Writes a setting of both hosts.
    ///
    /// # Errors
    /// A kernel does not take it.
    pub(crate) fn set(&self, name: &str, value: &(impl ToString + ?Sized)) -> Result<(), Trouble> {
        self.client.set(name, value)?;
        self.server.set(name, value)
    }

    /// Writes down what an application did or got, on its side of the trace.
    ///
    /// # Errors
    /// The wire is broken.
    pub(crate) fn note(&self, side: impl Into<Option<Side>>, text: &str) -> Result<(), Trouble> {
        Ok(self.wire.note(side, text)?)
    }

    /// Puts what was on the wire into the journal, under this title.
    pub(crate) fn draw(&self, title: &str) {
        let mut trace = self.wire.trace();
        title.clone_into(&mut trace.title);
        let capture = Capture { comment: title.to_owned(), ..self.wire.capture() };
        self.journal.draw(Drawing { trace, capture });
    }
}
