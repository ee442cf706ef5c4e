//! Rehearsals, compared with populations that came about naturally: one socket after the other, each with its own options
//! from the beginning, as far as the kernel let it in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

use std::{
    env, io,
    net::{IpAddr, Shutdown, SocketAddr, TcpListener},
    process::Command,
};

use fastrand::Rng;
use socket2::{Domain, Socket, Type};
use timewait_facts::{State, States};
use timewait_linux::{
    Errno, options,
    rehearsal::{self, Answer, Endpoint, Flags, Holder, Role, Trial},
    sockets::{Query, SocketTable},
};
use timewait_trial::{eventually, in_own_host};

const CHILD: &str = "TIMEWAIT_TEST_PERFORMS";
const ROUNDS: u16 = 6;
/// Of a round, whose sockets are open together.
const CASES: u16 = 50;
const REFUSED: Answer = Answer::BindRefused(Errno::ADDRESS_IN_USE);
const ADDRESSES: [&str; 7] =
    ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "2001:db8::7"];
const ROLES: [Role; 7] = [
    Role::Listener,
    Role::Bound,
    Role::Accepted,
    Role::OrphanedFinWait2,
    Role::TimeWait,
    Role::Outgoing,
    Role::OutgoingTimeWait,
];

/// The child's part: this program, asked to run this test alone.
#[test]
fn a_child_of_this_program_performs() {
    if env::var_os(CHILD).is_some() {
        rehearsal::perform(io::stdin().lock(), io::stdout()).unwrap();
    }
}

/// Sockets that hold a port, and stay open.
struct Natural<'s> {
    port: u16,
    sink: &'s TcpListener,
    open: Vec<Socket>,
    /// Where outgoing connections came from: one that comes again would take over the first in TIME-WAIT.
    from: Vec<IpAddr>,
}

impl Natural<'_> {
    /// Adds a holder, if the kernel lets it in.
    fn add(&mut self, role: Role, at: &Endpoint) -> io::Result<()> {
        let socket = open(at)?;
        socket.bind(&SocketAddr::new(at.address, self.port).into())?;
        if role == Role::Listener {
            socket.listen(1)?;
        }
        let Some((ours, theirs)) = self.connection(role, &socket, at.address)? else {
            self.open.push(socket);
            return Ok(());
        };
        drop(socket);
        match role {
            Role::TimeWait | Role::OutgoingTimeWait => {
                drop(ours);
                drop(theirs);
            }
            Role::OrphanedFinWait2 => {
                // Closed before its FIN is acknowledged, it might stay a full socket for a minute.
                ours.shutdown(Shutdown::Write)?;
                eventually("FIN-WAIT-2", || {
                    (options::tcp_state(&ours).unwrap() == State::FinWait2).then_some(())
                });
                drop(ours);
                self.open.push(theirs);
            }
            _ => self.open.extend([ours, theirs]),
        }
        Ok(())
    }

    /// The connection that this role has, over a socket that is bound: our side and the other.
    fn connection(
        &mut self,
        role: Role,
        socket: &Socket,
        address: IpAddr,
    ) -> io::Result<Option<(Socket, Socket)>> {
        match role {
            Role::Listener | Role::Bound | Role::Rival => Ok(None),
            Role::Accepted | Role::OrphanedFinWait2 | Role::TimeWait => {
                socket.listen(1)?;
                let client = Socket::new(Domain::for_address((address, 0).into()), Type::STREAM, None)?;
                client.connect(&SocketAddr::new(address, self.port).into())?;
                Ok(Some((socket.accept()?.0, client)))
            }
            Role::Outgoing | Role::OutgoingTimeWait => {
                if self.from.contains(&address.to_canonical()) {
                    return Err(io::ErrorKind::AddrInUse.into());
                }
                self.from.push(address.to_canonical());
                let beside = match address {
                    IpAddr::V4(_) => "127.0.0.1",
                    IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some() => "::ffff:127.0.0.1",
                    IpAddr::V6(_) => "::1",
                };
                let sink = self.sink.local_addr()?.port();
                socket.connect(&SocketAddr::new(beside.parse().unwrap(), sink).into())?;
                Ok(Some((socket.try_clone()?, self.sink.accept()?.0.into())))
            }
        }
    }

    fn answer(&self, request: &Endpoint) -> Answer {
        let errno = |error: io::Error| Errno::of(&error).unwrap();
        let socket = open(request).unwrap();
        if let Err(error) = socket.bind(&SocketAddr::new(request.address, self.port).into()) {
            return Answer::BindRefused(errno(error));
        }
        socket.listen(1).map_or_else(|error| Answer::ListenRefused(errno(error)), |()| Answer::Listens)
    }
}

fn open(at: &Endpoint) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address((at.address, 0).into()), Type::STREAM, None)?;
    socket.set_reuse_address(at.flags.reuseaddr)?;
    socket.set_reuse_port(at.flags.reuseport)?;
    if at.address.is_ipv6() {
        socket.set_only_v6(at.flags.v6only)?;
    }
    Ok(socket)
}

fn endpoint(rng: &mut Rng) -> Endpoint {
    let address: IpAddr = ADDRESSES[rng.usize(..ADDRESSES.len())].parse().unwrap();
    let mapped = matches!(address, IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some());
    let v6only = address.is_ipv6() && !mapped && rng.bool();
    Endpoint::new(address, Flags { reuseaddr: rng.bool(), reuseport: rng.bool(), v6only })
}

/// A holder; a connection has a specific address on this side.
fn holder(rng: &mut Rng) -> Holder {
    let role = ROLES[rng.usize(..ROLES.len())];
    loop {
        let at = endpoint(rng);
        if matches!(role, Role::Listener | Role::Bound) || !at.address.is_unspecified() {
            return Holder { role, at };
        }
    }
}

/// Whether the port's bucket may carry a mark that lets the request in without a look at the sockets.
///
/// The last bind(2) or listen(2) with SO_REUSEPORT leaves it, also one that was let in by SO_REUSEADDR, past sockets
/// without SO_REUSEPORT; whoever comes next with SO_REUSEPORT, the same user and address follows it
/// (linux v6.12 net/ipv4/inet_connection_sock.c `inet_csk_update_fastreuse`, `sk_reuseport_match`). No table shows it,
/// and a rehearsal does without.
fn may_be_marked(trial: &Trial) -> bool {
    let has = |holder: &Holder| holder.at.flags.reuseport;
    trial.request.flags.reuseport && trial.holders.iter().any(has) && !trial.holders.iter().all(has)
}

/// Waits until no connection is on its way to its end any more.
fn settle() {
    eventually("settled connections", || {
        let rows = SocketTable::open().unwrap().collect(&Query::in_states(States::all())).unwrap();
        let moves = [State::FinWait1, State::Closing, State::LastAck];
        let is_moving = |row: &timewait_facts::Socket| {
            moves.contains(&row.state) || row.state == State::FinWait2 && !row.is_minisocket()
        };
        (!rows.iter().any(is_moving)).then_some(())
    });
}

#[test]
fn a_rehearsal_answers_as_the_population_that_it_rebuilds() {
    in_own_host(|host| {
        host.set("net.ipv4.ip_local_port_range", "40000 60999").unwrap();
        host.add_address("2001:db8::7/128".parse().unwrap()).unwrap();
        let sink = TcpListener::bind("[::]:9000").unwrap();
        let mut rng = Rng::with_seed(3);
        let (mut refused, mut marked) = (0, 0);
        for round in 0..ROUNDS {
            let (trials, real) = play(round, &sink, &mut rng);
            let rehearsed = rehearse(&trials);
            refused += real.iter().filter(|&&answer| answer == REFUSED).count();
            for ((trial, &real), rehearsed) in trials.iter().zip(&real).zip(rehearsed) {
                if (real, rehearsed) == (Answer::Listens, REFUSED) && may_be_marked(trial) {
                    marked += 1;
                } else {
                    assert_eq!(rehearsed, real, "{trial:#?}");
                }
            }
        }
        let cases = usize::from(ROUNDS * CASES);
        assert!((cases / 5..cases * 4 / 5).contains(&refused), "{refused} refused");
        assert!(marked * 20 < cases, "{marked} by the bucket's mark alone");
    });
}

/// Random populations, and what the kernel answers in each.
fn play(round: u16, sink: &TcpListener, rng: &mut Rng) -> (Vec<Trial>, Vec<Answer>) {
    let mut populations = Vec::new();
    let mut trials = Vec::new();
    for case in 0..CASES {
        let port = 10_000 + round * CASES + case;
        let mut natural = Natural { port, sink, open: Vec::new(), from: Vec::new() };
        let mut holders: Vec<Holder> = (0..rng.usize(1..=4)).map(|_| holder(rng)).collect();
        // One that listens for good would take the connections of those that come after.
        holders.sort_by_key(|holder| holder.role == Role::Listener);
        holders.retain(|holder| natural.add(holder.role, &holder.at).is_ok());
        trials.push(Trial { holders, request: endpoint(rng) });
        populations.push(natural);
    }
    settle();
    let real =
        populations.iter().zip(&trials).map(|(natural, trial)| natural.answer(&trial.request)).collect();
    (trials, real)
}

fn rehearse(trials: &[Trial]) -> Vec<Answer> {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "a_child_of_this_program_performs", "--nocapture"]).env(CHILD, "1");
    rehearsal::rehearse(&mut command, trials).unwrap()
}
