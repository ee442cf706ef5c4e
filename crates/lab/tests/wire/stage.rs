use std::{
    io::{self, Read as _},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
};

use timewait_lab::wire::{Cable, RIGHT_V4, RIGHT_V6, Wire, media};
use timewait_linux::hosts::{Host, Medium, Neighbour};
use timewait_tcp::{Fate, Row, Seen, Side, Trace};
use timewait_trial::{Need, skip};

pub(crate) const PORT: u16 = 9000;

/// The server's address in each family.
pub(crate) const FAMILIES: [IpAddr; 2] = [RIGHT_V4, RIGHT_V6];

/// A client, a server, and a wire between them.
pub(crate) struct Stage {
    pub(crate) client: Neighbour,
    pub(crate) server: Neighbour,
    pub(crate) wire: Wire,
    pub(crate) address: IpAddr,
}

/// Plays a scene by every medium that is to be had here, in both families.
pub(crate) fn everywhere(host: &Host, scene: impl Fn(&Stage)) {
    let media = media(host).unwrap();
    for medium in [Medium::Tun, Medium::Veth] {
        if !media.contains(&medium) {
            let need = if medium == Medium::Tun { Need::Devices } else { Need::Kernel };
            skip(need, &format!("{medium} is not to be had"));
            continue;
        }
        for address in FAMILIES {
            println!("{medium}, {address}");
            scene(&Stage::with(host, Cable::default().by(medium), address));
        }
    }
}

impl Drop for Stage {
    /// Of a test that fails, it is good to know whether its wire broke.
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Err(error) = self.wire.mark()
        {
            eprintln!("{error}");
        }
    }
}

impl Stage {
    pub(crate) fn with(host: &Host, cable: Cable, address: IpAddr) -> Self {
        let client = host.neighbour("client").unwrap();
        let server = host.neighbour("server").unwrap();
        let wire = Wire::with(cable, &client, &server).unwrap();
        Self { client, server, wire, address }
    }

    pub(crate) fn there(&self) -> SocketAddr {
        SocketAddr::new(self.address, PORT)
    }

    pub(crate) fn listen(&self) -> TcpListener {
        self.server.inside(|| TcpListener::bind(self.there())).unwrap().unwrap()
    }

    pub(crate) fn connect(&self) -> io::Result<TcpStream> {
        self.client.inside(|| TcpStream::connect(self.there())).unwrap()
    }

    /// A connected pair: the client's end, the server's end.
    pub(crate) fn pair(&self) -> (TcpStream, TcpStream) {
        let listener = self.listen();
        let client = self.connect().unwrap();
        (client, listener.accept().unwrap().0)
    }
}

/// A row in short: `<1 ACK 0 Lost (the last ACK)`.
pub(crate) fn in_short(seen: &Seen) -> String {
    match seen {
        Seen::Segment { from, connection, segment, fate, note } => {
            let arrow = if *from == Side::Left { ">" } else { "<" };
            let flags: Vec<_> = segment.flags.names().filter(|name| *name != "PSH").collect();
            let ack = if segment.ack.is_some() { "ACK" } else { "" };
            let fate = if *fate == Fate::Delivered { String::new() } else { format!(" {fate:?}") };
            let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
            format!("{arrow}{connection} {}{ack} {}{fate}{note}", flags.concat(), segment.text.len())
        }
        Seen::State { side, connection, state } => format!("{side:?}{connection} {state}"),
        Seen::Note { side, text } => format!("{side:?} {text}"),
    }
}

/// The segments of a trace, in short.
pub(crate) fn segments(trace: &Trace) -> Vec<String> {
    let is_segment = |row: &&Row| matches!(row.seen, Seen::Segment { .. });
    trace.rows.iter().filter(is_segment).map(|row| in_short(&row.seen)).collect()
}

/// The segments that this became of, in short.
pub(crate) fn fates(trace: &Trace, wanted: Fate) -> Vec<String> {
    let is_wanted = |row: &&Row| matches!(row.seen, Seen::Segment { fate, .. } if fate == wanted);
    trace.rows.iter().filter(is_wanted).map(|row| in_short(&row.seen)).collect()
}

/// Who sent a FIN, in which connection: each once, whatever was sent again.
pub(crate) fn fins(trace: &Trace) -> Vec<String> {
    let segments = segments(trace).into_iter().filter(|row| row.contains("FIN"));
    let mut fins = Vec::new();
    for fin in segments.map(|row| row[..2].to_owned()) {
        if !fins.contains(&fin) {
            fins.push(fin);
        }
    }
    fins
}

/// All that comes until the end.
pub(crate) fn read_all(mut stream: &TcpStream) -> String {
    let mut read = String::new();
    stream.read_to_string(&mut read).unwrap();
    read
}
