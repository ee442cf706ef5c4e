//! Every way in which a talk can end, reached for real.

use std::{
    io::{PipeReader, PipeWriter, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    os::fd::AsFd as _,
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::net::sockopt;
use timewait_oneline::{Connection, Dial, End, Ending, Input, Side};
use timewait_trial::in_own_host;

use crate::common::{FIN_WAIT_1, FIN_WAIT_2, LINE, TIME_WAIT, no_stop, rows, until_state, waiting_at};

/// Longer than any test: silence is not what ends the talk.
const PATIENT: Duration = Duration::from_secs(300);
const IMPATIENT: Duration = Duration::from_millis(50);

#[test]
fn the_end_of_an_input_from_a_pipe_does_not_close_our_side() {
    in_own_host(|_host| {
        let mut talk = Talk::start(Side::Server, PATIENT, Some(b"hello"), false);
        let mut said = [0; 5];
        talk.server.read_exact(&mut said).unwrap();
        talk.server.set_nonblocking(true).unwrap();
        assert!(talk.server.peek(&mut [0]).is_err(), "no FIN");
        talk.server.write_all(LINE).unwrap();

        let (received, ending) = talk.after_server_closes();

        assert_eq!((&said, received.as_slice()), (b"hello", LINE));
        assert_eq!((ending.sent, ending.received, ending.end), (5, 22, End::PeerClosedFirst));
    });
}

#[test]
fn the_end_of_an_input_from_a_terminal_closes_our_side() {
    in_own_host(|_host| {
        let mut talk = Talk::start(Side::Server, PATIENT, Some(b"hello"), true);
        let mut said = Vec::new();
        talk.server.read_to_end(&mut said).unwrap();

        let (_, ending) = talk.after_server_closes();

        assert_eq!((said.as_slice(), ending.end), (b"hello".as_slice(), End::WeClosedFirst));
        assert_eq!(waiting_at(ending.local.port()), 1);
    });
}

#[test]
fn who_is_to_close_first_does_so_once_the_peer_has_answered() {
    in_own_host(|_host| {
        let mut talk = Talk::start(Side::Client, PATIENT, Some(b"hello"), false);
        talk.server.read_exact(&mut [0; 5]).unwrap();
        talk.server.write_all(b"first ").unwrap();
        assert_eq!(talk.server.read(&mut [0]).unwrap(), 0, "the client's FIN");
        talk.server.write_all(b"last").unwrap();

        let (received, ending) = talk.after_server_closes();

        assert_eq!((received.as_slice(), ending.end), (b"first last".as_slice(), End::WeClosedFirst));
        assert_eq!((waiting_at(9000), waiting_at(ending.local.port())), (0, 1));
    });
}

#[test]
fn who_is_to_close_first_does_so_when_the_peer_says_nothing() {
    in_own_host(|_host| {
        let mut talk = Talk::start(Side::Client, IMPATIENT, None, false);
        assert_eq!(talk.server.read(&mut [0]).unwrap(), 0, "the client's FIN");
        talk.server.write_all(b"late").unwrap();
        talk.server.shutdown(Shutdown::Write).unwrap();

        let (received, ending) = talk.end();

        assert_eq!((received.as_slice(), ending.end), (b"late".as_slice(), End::WeClosedFirst));
    });
}

#[test]
fn a_peer_that_never_closes_is_left_behind_and_our_side_is_in_fin_wait_2() {
    in_own_host(|_host| {
        let mut talk = Talk::start(Side::Client, IMPATIENT, None, false);
        talk.server.write_all(b"hi").unwrap();
        let _stays_open = talk.server.try_clone().unwrap();

        let (_, ending) = talk.end();

        assert_eq!(ending.end, End::PeerStayedOpen);
        until_state(ending.local.port(), 9000, FIN_WAIT_2);
    });
}

/// Neither FIN can be sent before the other side's is: ours is queued behind data for which the peer has no room.
#[test]
fn when_the_fins_cross_both_sides_wait() {
    in_own_host(|_host| {
        let input = vec![b'x'; 32 * 1024];
        let mut talk = Talk::start(Side::Client, PATIENT, Some(&input), false);
        let client = talk.server.peer_addr().unwrap().port();
        talk.server.write_all(b"hi").unwrap();
        until_state(client, 9000, FIN_WAIT_1);
        talk.server.shutdown(Shutdown::Write).unwrap();

        let mut server = talk.server.try_clone().unwrap();
        let (_, ending) = talk.end();
        let mut said = Vec::new();
        server.read_to_end(&mut said).unwrap();

        assert_eq!(ending.end, End::Both);
        assert_eq!(said.len(), input.len(), "what was queued before our FIN arrived");
        until_state(client, 9000, TIME_WAIT);
        until_state(9000, client, TIME_WAIT);
    });
}

#[test]
fn an_rst_is_an_ending_and_what_came_before_it_was_received() {
    in_own_host(|_host| {
        let mut talk = Talk::start(Side::Server, PATIENT, None, false);
        talk.server.write_all(LINE).unwrap();
        sockopt::set_socket_linger(&talk.server, Some(Duration::ZERO)).unwrap();

        let (received, ending) = talk.after_server_closes();

        assert_eq!((received.as_slice(), ending.end), (LINE, End::Reset));
        assert_eq!(waiting_at(9000), 0);
    });
}

#[test]
fn an_rst_in_answer_to_what_we_send_is_an_ending() {
    in_own_host(|_host| {
        let mut talk = Talk::start_with_open_input(Side::Server);
        talk.write_input(b"hello");
        talk.server.read_exact(&mut [0; 5]).unwrap();
        talk.write_input(b"unread");
        while talk.server.peek(&mut [0; 6]).unwrap() < 6 {}

        let (_, ending) = talk.after_server_closes();

        assert_eq!(ending.end, End::Reset, "a close with unread input");
    });
}

#[test]
fn silence_of_both_sides_for_the_timeout_ends_the_talk() {
    in_own_host(|_host| {
        let mut talk = Talk::start(Side::Server, IMPATIENT, None, false);
        assert_eq!(talk.server.read(&mut [0]).unwrap(), 0, "the client's FIN");

        let (_, ending) = talk.after_server_closes();

        assert_eq!(ending.end, End::TimedOut);
    });
}

#[test]
fn a_wish_to_stop_closes_in_good_order() {
    in_own_host(|_host| {
        let mut talk = Talk::start_with_open_input(Side::Server);
        talk.write_input(b"hello");
        talk.server.read_exact(&mut [0; 5]).unwrap();
        talk.wish.write_all(b"s").unwrap();
        assert_eq!(talk.server.read(&mut [0]).unwrap(), 0, "the client's FIN");

        let (_, ending) = talk.after_server_closes();

        assert_eq!((ending.sent, ending.end), (5, End::Interrupted));
    });
}

#[test]
fn a_second_wish_does_not_wait_for_the_peer() {
    in_own_host(|_host| {
        let mut talk = Talk::start(Side::Server, PATIENT, None, false);
        talk.wish.write_all(b"ss").unwrap();

        let (_, ending) = talk.end();

        assert_eq!(ending.end, End::Interrupted);
    });
}

#[test]
fn the_cookie_is_the_same_socket_s_in_the_table() {
    in_own_host(|_host| {
        let mut talk = Talk::start(Side::Server, PATIENT, None, true);
        talk.server.write_all(LINE).unwrap();
        let (_, ending) = talk.after_server_closes();

        let mut table = timewait_linux::sockets::SocketTable::open().unwrap();
        let theirs = table.find(ending.peer, ending.local).unwrap().expect("the peer closed first");
        assert_eq!(theirs.state, timewait_facts::State::TimeWait);
        assert!(ending.cookie.is_some_and(|ours| ours != theirs.cookie), "{ending:?}, {theirs:?}");
        assert_eq!(rows().len(), 1, "and ours is gone: {:?}", rows());
    });
}

/// A client that talks on a thread of its own, and the socket of the server it talks to, which is the test's.
struct Talk {
    server: TcpStream,
    wish: PipeWriter,
    input: Option<PipeWriter>,
    thread: JoinHandle<(Vec<u8>, Ending)>,
}

impl Talk {
    /// With an input that has been written and ended.
    fn start(close_first: Side, timeout: Duration, input: Option<&[u8]>, end_closes: bool) -> Self {
        let source = input.map(|bytes| {
            let (source, mut sink) = no_stop();
            sink.write_all(bytes).unwrap();
            source
        });
        Self::over(source.map(|source| (source, end_closes)), close_first, timeout)
    }

    fn start_with_open_input(close_first: Side) -> Self {
        let (source, sink) = no_stop();
        Self { input: Some(sink), ..Self::over(Some((source, true)), close_first, PATIENT) }
    }

    fn over(input: Option<(PipeReader, bool)>, close_first: Side, timeout: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        // So little room that a window is full after a few KiB.
        sockopt::set_socket_recv_buffer_size(&listener, 1).unwrap();
        let dial = Dial { close_first, timeout, ..Dial::to(listener.local_addr().unwrap()) };
        let (stop, wish) = no_stop();
        let thread = thread::spawn(move || {
            let connection = Connection::open(&dial, stop.as_fd()).unwrap();
            let input = input
                .as_ref()
                .map(|(from, end_closes)| Input { from: from.as_fd(), end_closes: *end_closes });
            let mut received = Vec::new();
            let ending = connection.talk(input, stop.as_fd(), &mut |bytes| received.extend_from_slice(bytes));
            (received, ending)
        });
        Self { server: listener.accept().unwrap().0, wish, input: None, thread }
    }

    fn write_input(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    fn after_server_closes(self) -> (Vec<u8>, Ending) {
        drop(self.server);
        self.thread.join().unwrap()
    }

    /// The server's socket stays open until then.
    fn end(self) -> (Vec<u8>, Ending) {
        self.thread.join().unwrap()
    }
}
