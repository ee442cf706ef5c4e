//! RFC 9293's figures of two peers, line by line, with the numbers that stand there.

use timewait_tcp::{
    Flags, Profile, Segment, Seq,
    StateName::{
        CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived, SynSent,
        TimeWait,
    },
    endpoint::{Endpoint, Handle, Pair, UserError},
};

use crate::host::{Host, at_s, client, sent, server, states};

/// Without options, so that a segment is what the figure shows of it.
fn plain() -> Profile {
    Profile { delayed_ack: None, timestamps: false, ..Profile::RFC_9293 }
}

fn peer(isn: fn(&Pair) -> Seq) -> Host {
    Endpoint::new(plain(), isn)
}

fn n(number: u32) -> Seq {
    Seq::new(number)
}

/// `<SEQ=..><ACK=..><CTL=..>` of what was sent; PSH is not in the figures.
fn shown(segment: &Segment) -> String {
    let ack = segment.ack.map_or(String::new(), |ack| format!("<ACK={ack}>"));
    let names = segment.flags.names().filter(|name| *name != "PSH").map(str::to_owned);
    let names: Vec<String> = names.chain(segment.ack.map(|_| "ACK".to_owned())).collect();
    format!("<SEQ={}>{ack}<CTL={}>", segment.seq, names.join(","))
}

/// The only segment that it has to send.
fn says(peer: &mut Host, line: &str) -> Segment {
    let segments = sent(peer);
    assert_eq!(segments.iter().map(shown).collect::<Vec<_>>(), [line]);
    segments.into_iter().next().unwrap()
}

/// A is the client, B the server.
fn to_a(a: &mut Host, segment: &Segment) {
    a.segment(at_s(0), server(), client(), segment.clone());
}

fn to_b(b: &mut Host, segment: &Segment) {
    b.segment(at_s(0), client(), server(), segment.clone());
}

fn opens(a: &mut Host) -> Handle {
    a.open(at_s(0), client(), server()).unwrap()
}

/// Figure 6, up to its line 4.
fn established() -> (Host, Handle, Host, Handle) {
    let (mut a, mut b) = (peer(|_| n(100)), peer(|_| n(300)));
    let listener = b.listen(server(), 5).unwrap();
    let here = opens(&mut a);
    to_b(&mut b, &says(&mut a, "<SEQ=100><CTL=SYN>"));
    to_a(&mut a, &says(&mut b, "<SEQ=300><ACK=101><CTL=SYN,ACK>"));
    assert_eq!(a.state(here), Some(Established));
    to_b(&mut b, &says(&mut a, "<SEQ=101><ACK=301><CTL=ACK>"));
    let there = b.accept(listener).unwrap().unwrap().handle;
    b.close(at_s(0), listener).unwrap();
    assert_eq!(b.state(there), Some(Established));
    (a, here, b, there)
}

#[test]
fn figure_6_basic_three_way_handshake() {
    let (mut a, here, mut b, there) = established();
    a.write(at_s(0), here, b"data").unwrap();
    to_b(&mut b, &says(&mut a, "<SEQ=101><ACK=301><CTL=ACK>"));
    says(&mut b, "<SEQ=301><ACK=105><CTL=ACK>");
    assert_eq!((a.state(here), b.state(there)), (Some(Established), Some(Established)));
}

#[test]
fn figure_7_simultaneous_connection_synchronization() {
    let (mut a, mut b) = (peer(|_| n(100)), peer(|_| n(300)));
    let here = opens(&mut a);
    let there = b.open(at_s(0), server(), client()).unwrap();
    let from_a = says(&mut a, "<SEQ=100><CTL=SYN>");
    to_a(&mut a, &says(&mut b, "<SEQ=300><CTL=SYN>"));
    assert_eq!(a.state(here), Some(SynReceived));
    to_b(&mut b, &from_a);
    let from_a = says(&mut a, "<SEQ=100><ACK=301><CTL=SYN,ACK>");
    to_a(&mut a, &says(&mut b, "<SEQ=300><ACK=101><CTL=SYN,ACK>"));
    assert_eq!(a.state(here), Some(Established));
    to_b(&mut b, &from_a);
    assert_eq!(b.state(there), Some(Established));
}

#[test]
fn figure_8_recovery_from_old_duplicate_syn() {
    let mut isns = [300, 400].into_iter();
    let mut a = peer(|_| n(100));
    let mut b = Endpoint::new(plain(), move |_: &Pair| n(isns.next().unwrap()));
    b.listen(server(), 5).unwrap();
    let here = opens(&mut a);
    let syn = says(&mut a, "<SEQ=100><CTL=SYN>");
    b.segment(at_s(0), client(), server(), Segment { window: 1000, ..Segment::syn(n(90)) });
    let answer = b.poll_transmit().unwrap().segment;
    assert_eq!(shown(&answer), "<SEQ=300><ACK=91><CTL=SYN,ACK>");
    to_a(&mut a, &answer);
    let rst = says(&mut a, "<SEQ=91><CTL=RST>");
    b.segment(at_s(0), client(), server(), rst);
    assert_eq!(b.blocks().map(|block| block.state).collect::<Vec<_>>(), [Listen]);
    b.segment(at_s(0), client(), server(), syn);
    let answer = b.poll_transmit().unwrap().segment;
    assert_eq!(shown(&answer), "<SEQ=400><ACK=101><CTL=SYN,ACK>");
    to_a(&mut a, &answer);
    b.segment(at_s(0), client(), server(), says(&mut a, "<SEQ=101><ACK=401><CTL=ACK>"));
    assert_eq!(a.state(here), Some(Established));
    assert_eq!(b.blocks().map(|block| block.state).collect::<Vec<_>>(), [Listen, Established]);
}

#[test]
fn figure_9_half_open_connection_discovery() {
    let (_lost, _, mut b, there) = established();
    let mut a = peer(|_| n(400));
    let here = opens(&mut a);
    let syn = says(&mut a, "<SEQ=400><CTL=SYN>");
    to_b(&mut b, &syn);
    to_a(&mut a, &says(&mut b, "<SEQ=301><ACK=101><CTL=ACK>"));
    to_b(&mut b, &says(&mut a, "<SEQ=101><CTL=RST>"));
    assert_eq!((a.state(here), b.state(there)), (Some(SynSent), Some(Closed)));
    assert_eq!(b.take_error(there), Some(UserError::Reset));

    b.listen(server(), 5).unwrap();
    a.on_timer(a.next_timer().unwrap());
    to_b(&mut b, &says(&mut a, "<SEQ=400><CTL=SYN>"));
    to_a(&mut a, &says(&mut b, "<SEQ=300><ACK=401><CTL=SYN,ACK>"));
    assert_eq!(a.state(here), Some(Established));
}

#[test]
fn figure_10_active_side_causes_half_open_connection_discovery() {
    let (_lost, _, mut b, there) = established();
    let mut a = peer(|_| n(400));
    b.write(at_s(0), there, b"ten octets").unwrap();
    to_a(&mut a, &says(&mut b, "<SEQ=301><ACK=101><CTL=ACK>"));
    to_b(&mut b, &says(&mut a, "<SEQ=101><CTL=RST>"));
    assert_eq!((b.state(there), b.take_error(there)), (Some(Closed), Some(UserError::Reset)));
}

#[test]
fn figure_11_old_duplicate_syn_initiates_a_reset_on_two_passive_sockets() {
    let (mut a, mut b) = (peer(|_| n(100)), peer(|_| n(300)));
    a.listen(client(), 5).unwrap();
    b.listen(server(), 5).unwrap();
    to_b(&mut b, &Segment::syn(n(70)));
    to_a(&mut a, &says(&mut b, "<SEQ=300><ACK=71><CTL=SYN,ACK>"));
    to_b(&mut b, &says(&mut a, "<SEQ=71><CTL=RST>"));
    assert_eq!((states(&a), states(&b)), (vec![Listen], vec![Listen]));
    assert_eq!((sent(&mut a).len(), sent(&mut b).len()), (0, 0));
}

#[test]
fn figure_12_normal_close_sequence() {
    let (mut a, here, mut b, there) = established();
    a.shut_down(at_s(0), here).unwrap();
    assert_eq!(a.state(here), Some(FinWait1));
    to_b(&mut b, &says(&mut a, "<SEQ=101><ACK=301><CTL=FIN,ACK>"));
    assert_eq!(b.state(there), Some(CloseWait));
    to_a(&mut a, &says(&mut b, "<SEQ=301><ACK=102><CTL=ACK>"));
    assert_eq!(a.state(here), Some(FinWait2));
    b.shut_down(at_s(0), there).unwrap();
    assert_eq!(b.state(there), Some(LastAck));
    to_a(&mut a, &says(&mut b, "<SEQ=301><ACK=102><CTL=FIN,ACK>"));
    assert_eq!(a.state(here), Some(TimeWait));
    to_b(&mut b, &says(&mut a, "<SEQ=102><ACK=302><CTL=ACK>"));
    assert_eq!(b.state(there), Some(Closed));
    a.on_timer(at_s(240));
    assert_eq!(a.state(here), Some(Closed), "2 MSL later");
}

#[test]
fn figure_13_simultaneous_close_sequence() {
    let (mut a, here, mut b, there) = established();
    a.shut_down(at_s(0), here).unwrap();
    b.shut_down(at_s(0), there).unwrap();
    let from_a = says(&mut a, "<SEQ=101><ACK=301><CTL=FIN,ACK>");
    let from_b = says(&mut b, "<SEQ=301><ACK=101><CTL=FIN,ACK>");
    to_a(&mut a, &from_b);
    to_b(&mut b, &from_a);
    assert_eq!((a.state(here), b.state(there)), (Some(Closing), Some(Closing)));
    let from_a = says(&mut a, "<SEQ=102><ACK=302><CTL=ACK>");
    let from_b = says(&mut b, "<SEQ=302><ACK=102><CTL=ACK>");
    assert!(!from_a.has(Flags::FIN) && !from_b.has(Flags::FIN));
    to_a(&mut a, &from_b);
    to_b(&mut b, &from_a);
    assert_eq!((a.state(here), b.state(there)), (Some(TimeWait), Some(TimeWait)));
    for (peer, handle) in [(&mut a, here), (&mut b, there)] {
        peer.on_timer(at_s(240));
        assert_eq!(peer.state(handle), Some(Closed));
    }
}
