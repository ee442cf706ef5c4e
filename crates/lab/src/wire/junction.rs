use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use timewait_linux::hosts::Device;
use timewait_tcp::{Fate, Segment, Side, StateName};

use super::{
    Breakage, Flow, Packet, Rule, WireError, packet,
    recent::{Recent, Watcher},
    record::Record,
    rule::Deed,
    shelf::Shelf,
    states::States,
    track::Tracker,
};

/// Packets that a program may leave lying.
const MOST_UNREAD: usize = 4_096;

/// Where every packet passes, and where it is decided what becomes of it.
#[derive(Debug)]
pub(super) struct Junction {
    pub(super) left: End,
    pub(super) right: End,
    pub(super) rules: Vec<Rule>,
    pub(super) record: Record,
    pub(super) states: Option<States>,
    pub(super) recent: Recent,
    pub(super) watchers: Vec<Watcher>,
    /// Set once: from then on, nothing passes.
    pub(super) broken: Option<Breakage>,
    pub(super) shelf: Shelf,
    tracker: Tracker,
}

/// What is at an end of the wire.
#[derive(Debug)]
pub(super) enum End {
    /// A host's interface.
    Host(Arc<Device>),
    /// A program of ours, which takes its packets from this queue.
    Program(VecDeque<Arc<[u8]>>),
}

impl End {
    /// A program that nothing has been sent to.
    pub(super) const fn program() -> Self {
        Self::Program(VecDeque::new())
    }

    fn send(&mut self, raw: &[u8]) -> Result<(), WireError> {
        match self {
            Self::Host(device) => device.send(raw).map_err(WireError::Send),
            Self::Program(unread) if unread.len() >= MOST_UNREAD => {
                Err(Breakage::TooManyHeld(MOST_UNREAD).into())
            }
            Self::Program(unread) => {
                unread.push_back(raw.into());
                Ok(())
            }
        }
    }
}

/// What a rule has decided, the rule's closure already called.
enum Decision {
    Pass,
    Drop,
    Hold,
    Repeat(u32),
    Delay(Duration),
    Alter(Segment),
}

impl Junction {
    pub(super) fn new(left: End, right: End, record: Record, states: Option<States>) -> Self {
        Self {
            left,
            right,
            rules: Vec::new(),
            record,
            states,
            recent: Recent::default(),
            watchers: Vec::new(),
            broken: None,
            shelf: Shelf::default(),
            tracker: Tracker::default(),
        }
    }

    /// A packet that this side sent. It is here that every packet passes.
    pub(super) fn take(&mut self, from: Side, raw: &[u8]) -> Result<(), WireError> {
        let Some((source, destination, segment)) = packet::parse(raw) else {
            return self.take_other(from, raw);
        };
        let packet = Arc::new(self.recognise(from, (source, destination), segment, raw.into()));
        self.recent.push(Arc::clone(&packet));
        for watcher in self.watchers.iter_mut().filter(|watcher| watcher.found.is_none()) {
            watcher.found = watcher.matcher.matches(&packet).then(|| Arc::clone(&packet));
        }
        let recorded = self.record.wants(&packet);
        if let Some(states) = &mut self.states {
            states.stir(packet.flow);
        }
        if recorded {
            self.look_at(from, packet.flow)?;
        }
        let (decision, note) = self.decide(&packet);
        self.carry_out(&packet, decision, &note, recorded)
    }

    /// What is not TCP (neighbour discovery, multicast reports) arrives; whether anybody wants it is not our affair.
    fn take_other(&mut self, from: Side, raw: &[u8]) -> Result<(), WireError> {
        self.record.bytes(interface(from), raw, String::new());
        match self.end(!from).send(raw) {
            Err(WireError::Send(_)) | Ok(()) => Ok(()),
            broken => broken,
        }
    }

    fn recognise(
        &mut self,
        from: Side,
        (source, destination): (SocketAddr, SocketAddr),
        segment: Segment,
        raw: Arc<[u8]>,
    ) -> Packet {
        let flow = Flow::sent(from, source, destination);
        let place = self.tracker.place(from, flow, &segment);
        let at = self.record.now();
        Packet { at, from, flow, connection: place.connection, segment, raw, last_ack: place.last_ack }
    }

    /// The first rule that matches decides.
    fn decide(&mut self, packet: &Packet) -> (Decision, String) {
        let Some(rule) = self.rules.iter_mut().find_map(|rule| rule.matcher.matches(packet).then_some(rule))
        else {
            return (Decision::Pass, String::new());
        };
        let decision = match &mut rule.deed {
            Deed::Pass => Decision::Pass,
            Deed::Drop => Decision::Drop,
            Deed::Hold => Decision::Hold,
            Deed::Repeat(times) => Decision::Repeat(*times),
            Deed::Delay(time) => Decision::Delay(*time),
            Deed::Alter(alteration) => {
                let mut segment = packet.segment.clone();
                alteration(&mut segment);
                Decision::Alter(segment)
            }
        };
        (decision, rule.note.clone())
    }

    fn carry_out(
        &mut self,
        packet: &Arc<Packet>,
        decision: Decision,
        note: &str,
        recorded: bool,
    ) -> Result<(), WireError> {
        match decision {
            Decision::Pass if recorded => self.arrive(packet, Fate::Delivered, note),
            Decision::Pass => self.end(!packet.from).send(&packet.raw),
            Decision::Drop => {
                self.write_down(packet, Fate::Lost, note);
                Ok(())
            }
            Decision::Hold => {
                self.write_down(packet, Fate::Held, note);
                Ok(self.shelf.hold(note, packet)?)
            }
            Decision::Delay(time) => {
                self.write_down(packet, Fate::Held, note);
                Ok(self.shelf.delay(time, note, packet)?)
            }
            Decision::Repeat(times) => {
                self.arrive(packet, Fate::Delivered, note)?;
                (0..times).try_for_each(|_| self.arrive(packet, Fate::Repeated, note))
            }
            Decision::Alter(segment) => {
                let altered = self.rebuilt(packet, segment).map_err(Breakage::Build)?;
                self.arrive(&altered, Fate::Altered, note)
            }
        }
    }

    fn rebuilt(&self, packet: &Packet, segment: Segment) -> Result<Packet, super::BuildError> {
        let ends = (packet.flow.end(packet.from), packet.flow.end(!packet.from));
        let raw = packet::build(ends.0, ends.1, &segment)?.into();
        Ok(Packet { at: self.record.now(), segment, raw, ..packet.clone() })
    }

    /// A packet arrives: it is written down, sent, and the receiver's state read.
    fn arrive(&mut self, packet: &Packet, fate: Fate, note: &str) -> Result<(), WireError> {
        self.write_down(packet, fate, note);
        self.end(!packet.from).send(&packet.raw)?;
        Ok(self.look_at(!packet.from, packet.flow)?)
    }

    fn write_down(&mut self, packet: &Packet, fate: Fate, note: &str) {
        self.record.segment(packet, fate, note);
        let note = if note.is_empty() { String::new() } else { format!(": {note}") };
        // What a host sent stands on its own interface, what arrived by our doing on the other's.
        let (side, comment) = match fate {
            Fate::Delivered => (packet.from, note.trim_start_matches(": ").to_owned()),
            Fate::Lost => (packet.from, format!("dropped by the wire{note}")),
            Fate::Held => (packet.from, format!("held by the wire{note}")),
            Fate::Released => (!packet.from, format!("released by the wire{note}")),
            Fate::Repeated => (!packet.from, format!("repeated by the wire{note}")),
            Fate::Injected => (!packet.from, format!("made up by the wire{note}")),
            Fate::Altered => (!packet.from, format!("altered by the wire{note}")),
        };
        self.record.bytes(interface(side), &packet.raw, comment);
    }

    fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }

    /// Packets held by this name arrive, in the order in which they were sent.
    pub(super) fn release(&mut self, name: &str) -> Result<usize, WireError> {
        let packets = self.shelf.let_go(name);
        for packet in &packets {
            self.stir(packet.flow);
            self.arrive(packet, Fate::Released, name)?;
        }
        Ok(packets.len())
    }

    /// A segment in the name of a side, which did not send it.
    pub(super) fn inject(
        &mut self,
        from: Side,
        flow: Flow,
        segment: Segment,
        note: &str,
    ) -> Result<(), WireError> {
        let ends = (flow.end(from), flow.end(!from));
        let raw = packet::build(ends.0, ends.1, &segment)?.into();
        let packet = self.recognise(from, ends, segment, raw);
        self.stir(flow);
        self.arrive(&packet, Fate::Injected, note)
    }

    /// Bytes in the name of a side, whatever they are.
    pub(super) fn inject_bytes(&mut self, from: Side, raw: &[u8], note: &str) -> Result<(), WireError> {
        let Some((source, destination, segment)) = packet::parse(raw) else {
            self.record.bytes(interface(!from), raw, format!("made up by the wire: {note}"));
            return self.end(!from).send(raw);
        };
        let packet = self.recognise(from, (source, destination), segment, raw.into());
        self.stir(packet.flow);
        self.arrive(&packet, Fate::Injected, note)
    }

    /// A packet that was there before, once more.
    pub(super) fn replay(&mut self, packet: &Packet, note: &str) -> Result<(), WireError> {
        self.stir(packet.flow);
        self.arrive(packet, Fate::Repeated, note)
    }

    fn stir(&mut self, flow: Flow) {
        if let Some(states) = &mut self.states {
            states.stir(flow);
        }
    }

    /// Whether somebody waits for what there is now.
    pub(super) fn is_awaited(&self) -> bool {
        let unread = |end: &End| matches!(end, End::Program(unread) if !unread.is_empty());
        self.watchers.iter().any(|watcher| watcher.found.is_some())
            || unread(&self.left)
            || unread(&self.right)
    }

    /// The next packet that arrived at the program on this side, if there is one.
    pub(super) fn next_for_program(&mut self, side: Side) -> Option<Arc<[u8]>> {
        match self.end(side) {
            End::Host(_) => None,
            End::Program(unread) => unread.pop_front(),
        }
    }

    /// Which connection between these ends is the present one.
    pub(super) fn present(&self, flow: Flow) -> u32 {
        self.tracker.present(flow)
    }

    /// Packets came faster than they were taken. In a bulk that is a loss as on any wire, else nothing is as it seems.
    pub(super) fn overflowed(&mut self, lost: u32) -> Result<(), Breakage> {
        if !self.record.is_of_a_bulk() {
            return Err(Breakage::Overflow(lost));
        }
        self.record.overflowed(lost);
        Ok(())
    }

    /// What is due: delayed packets arrive, states are read again. Tells when it must be called next, at the latest.
    pub(super) fn tick(&mut self) -> Result<Option<Instant>, WireError> {
        let now = Instant::now();
        for delayed in self.shelf.take_due(now) {
            self.stir(delayed.packet.flow);
            self.arrive(&delayed.packet, Fate::Released, &delayed.note)?;
        }
        if self.states.as_ref().and_then(States::due).is_some_and(|due| due <= now) {
            self.look()?;
            if let Some(states) = &mut self.states {
                states.looked();
            }
        }
        let next_look = self.states.as_ref().and_then(States::due);
        Ok(self.shelf.next_due().into_iter().chain(next_look).min())
    }

    /// Reads the states of both sides of every flow that is looked after.
    pub(super) fn look(&mut self) -> Result<(), Breakage> {
        for flow in self.states.as_ref().map(States::flows).unwrap_or_default() {
            self.look_at(Side::Left, flow)?;
            self.look_at(Side::Right, flow)?;
        }
        Ok(())
    }

    fn look_at(&mut self, side: Side, flow: Flow) -> Result<(), Breakage> {
        let Some(states) = &mut self.states else { return Ok(()) };
        let changes = states.look(side, flow, self.tracker.present(flow))?;
        for change in changes {
            self.record.state(change.side, change.connection, change.state);
        }
        Ok(())
    }

    /// What the latest flow is, and what this side of it was when last looked.
    pub(super) fn last_seen(&self, side: Side) -> Option<(Flow, StateName)> {
        let states = self.states.as_ref()?;
        let flow = states.flows().last().copied()?;
        Some((flow, states.last_seen(side, flow)))
    }
}

/// An interface's place among the capture's.
pub(super) fn interface(side: Side) -> u32 {
    match side {
        Side::Left => 0,
        Side::Right => 1,
    }
}
