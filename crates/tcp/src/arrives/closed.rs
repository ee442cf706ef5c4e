use crate::{Flags, Segment, Seq, State, Step, step::Out};

/// §3.10.7.1: there is no connection, and so an RST is all there is to say.
pub(super) fn arrives(segment: &Segment, mut out: Out) -> Step {
    out.send.extend(reset(segment));
    out.step(State::Closed)
}

/// The RST that whoever sent this segment will accept. None for an RST.
//= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.1
//# The
//# acknowledgment and sequence field values are selected to make the
//# reset sequence acceptable to the TCP endpoint that sent the
//# offending segment.
pub(crate) fn reset(segment: &Segment) -> Option<Segment> {
    if segment.has(Flags::RST) {
        return None;
    }
    Some(match segment.ack {
        // <SEQ=SEG.ACK><CTL=RST>
        Some(ack) => Segment::rst(ack),
        // <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>
        None => Segment { ack: Some(segment.end()), ..Segment::rst(Seq::new(0)) },
    })
}
