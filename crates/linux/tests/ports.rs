//! The budget of local ports, compared with the connections that can be made.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

use std::{
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use fastrand::Rng;
use rustix::io::Errno;
use socket2::{Domain, Type};
use timewait_diagnose::{
    bind::Answer,
    ports::{self, Budget, Facts, Question, Reuse, tally::Tally},
};
use timewait_facts::{Pattern, Socket, State, States};
use timewait_linux::{
    hosts::Host,
    kernel_version, settings,
    sockets::{Query, SocketTable, lists_bound},
};
use timewait_trial::{Need, eventually, in_own_host, skip};

/// How old a TIME-WAIT must be to be used again in these tests, and how old they are made.
const DELAY: Duration = Duration::from_millis(50);
const OLD_ENOUGH: Duration = Duration::from_millis(80);

/// A range of ports in use, and a server outside of it.
struct Scene {
    server: TcpListener,
    other: TcpListener,
    from: IpAddr,
    streams: Vec<TcpStream>,
    bound_sockets: Vec<socket2::Socket>,
}

impl Scene {
    /// A server at this port of this address, and another at the next.
    fn at(port: u16, from: IpAddr) -> Self {
        let [server, other] = [port, port + 1].map(|port| TcpListener::bind((from, port)).unwrap());
        Self { server, other, from, streams: Vec::new(), bound_sockets: Vec::new() }
    }

    /// A random scene of this seed, in a range of its own, whose connections go to this address.
    fn of(seed: u64, address: IpAddr, host: &Host) -> Self {
        let mut rng = Rng::with_seed(seed);
        host.set("net.ipv4.tcp_tw_reuse", "0").unwrap();
        let first = 20_000 + 200 * u16::try_from(seed % 200).unwrap();
        let last = first + 2 * rng.u16(20..=40) + 1;
        host.set("net.ipv4.ip_local_port_range", &format!("{first} {last}")).unwrap();
        // As the kernel itself would write them, since they are read back.
        let reserved = format!("{}-{},{}", first + 4, first + rng.u16(5..8), first + rng.u16(10..20));
        host.set("net.ipv4.ip_local_reserved_ports", &reserved).unwrap();
        let mut scene = Self::at(5432 + 2 * u16::try_from(seed).unwrap(), address);
        scene.bind_some(&mut rng, first..=last);
        scene.connect_some(&mut rng);
        scene
    }

    /// Listeners and bound sockets, with SO_REUSEADDR and without, on several addresses.
    fn bind_some(&mut self, rng: &mut Rng, range: std::ops::RangeInclusive<u16>) {
        for _ in 0..rng.usize(2..8) {
            let address = ["127.0.0.1", "0.0.0.0", "127.0.0.3", "::1", "::"][rng.usize(..5)];
            let address = SocketAddr::new(address.parse().unwrap(), rng.u16(range.clone()));
            let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
            socket.set_reuse_address(rng.bool()).unwrap();
            if address.is_ipv6() {
                socket.set_only_v6(rng.bool()).unwrap();
            }
            if socket.bind(&address.into()).is_ok() {
                let _ = rng.bool() && socket.listen(1).is_ok();
                self.bound_sockets.push(socket);
            }
        }
    }

    /// Connections to this destination and another: open, in TIME-WAIT on our side, orphaned in FIN-WAIT-2.
    fn connect_some(&mut self, rng: &mut Rng) {
        for _ in 0..rng.usize(8..20) {
            let to_other = rng.bool();
            let (client, server) = connect(if to_other { &self.other } else { &self.server }).unwrap();
            match rng.u8(..5) {
                0 | 1 => self.streams.extend([client, server]),
                2 => self.streams.push(server),
                _ => {
                    drop(client);
                    drop(server);
                }
            }
        }
    }

    /// Of the one destination and of all at once: they are the same.
    fn budget(&self) -> Budget {
        let (question, facts) = self.facts();
        let one = ports::budget(&question, &facts);
        let mut tally = Tally::new(facts.clone(), Pattern::default());
        for socket in &facts.sockets {
            tally.bind(socket);
        }
        for socket in &facts.sockets {
            tally.add(socket);
        }
        let (common, shares) = (tally.common(), tally.shares());
        assert_eq!((common.cliff_at, common.bound, common.reserved), (one.cliff_at, one.bound, one.reserved));
        match shares.iter().find(|share| share.question == question) {
            Some(it) => assert_eq!(
                (it.taken, it.time_wait, it.reusable, it.free, it.assumed),
                (one.taken, one.time_wait, one.reusable, one.free, one.assumed)
            ),
            None => assert_eq!((one.taken, one.time_wait), (0, 0)),
        }
        one
    }

    fn facts(&self) -> (Question, Facts) {
        let setting = |name: &str| settings::read(&format!("net.ipv4.{name}")).unwrap();
        let facts = Facts {
            range: setting("ip_local_port_range").parse().unwrap(),
            reserved: setting("ip_local_reserved_ports").parse().unwrap(),
            sockets: rows(),
            reuse: Reuse::from_setting(setting("tcp_tw_reuse").parse().unwrap()),
            reuse_delay: delay(),
            timestamps: setting("tcp_timestamps") != "0",
        };
        let facts = Facts {
            sockets: facts
                .sockets
                .iter()
                .filter(|row| facts.range.contains(row.local.port()))
                .copied()
                .collect(),
            ..facts
        };
        (Question { from: self.from, to: self.server.local_addr().unwrap() }, facts)
    }

    /// Connects until the kernel finds no port, and counts.
    fn connect_all(&mut self) -> u32 {
        let mut made = 0;
        loop {
            match connect(&self.server) {
                Ok(pair) => self.streams.extend(<[TcpStream; 2]>::from(pair)),
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(Errno::ADDRNOTAVAIL.raw_os_error()), "{error}");
                    return made;
                }
            }
            made += 1;
        }
    }

    /// The ports of our sides.
    fn ports(&self) -> Vec<u16> {
        self.streams.iter().map(|stream| stream.local_addr().unwrap().port()).collect()
    }

    /// Binds the source address with port 0 until the kernel finds no port, and counts.
    fn bind_all(&mut self) -> u32 {
        let mut made = 0;
        loop {
            let address = SocketAddr::new(self.from, 0);
            let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
            match socket.bind(&address.into()) {
                Ok(()) => self.bound_sockets.push(socket),
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(Errno::ADDRINUSE.raw_os_error()), "{error}");
                    return made;
                }
            }
            made += 1;
        }
    }
}

fn connect(listener: &TcpListener) -> std::io::Result<(TcpStream, TcpStream)> {
    let client = TcpStream::connect(listener.local_addr().unwrap())?;
    Ok((client, listener.accept().unwrap().0))
}

fn rows() -> Vec<Socket> {
    SocketTable::open().unwrap().collect(&Query::in_states(States::all())).unwrap()
}

fn delay() -> Duration {
    let setting = settings::read("net.ipv4.tcp_tw_reuse_delay").ok();
    setting.map_or(Duration::from_secs(1), |value| Duration::from_millis(value.parse().unwrap()))
}

/// Waits until nothing is on its way any more, and every TIME-WAIT is old enough.
fn settle() {
    let on_its_way = [State::FinWait1, State::Closing, State::LastAck];
    eventually("old and settled connections", || {
        std::thread::sleep(Duration::from_millis(2));
        let is_settled = |row: &Socket| {
            let age = row.expires_in().map(|left| Duration::from_secs(60).saturating_sub(left));
            !on_its_way.contains(&row.state) && age.is_none_or(|age| age > OLD_ENOUGH.max(delay()))
        };
        rows().iter().all(is_settled).then_some(())
    });
}

fn can_be_predicted() -> bool {
    let listed = lists_bound(&kernel_version());
    if !listed {
        skip(Need::Kernel, "bound sockets are listed since 6.8");
    }
    listed
}

#[test]
fn as_many_connections_can_be_made_as_the_budget_says() {
    in_own_host(|host| {
        if !can_be_predicted() {
            return;
        }
        host.add_address("192.0.2.7/32".parse().unwrap()).unwrap();
        let _old_kernels_have_none = host.set("net.ipv4.tcp_tw_reuse_delay", &DELAY.as_millis().to_string());
        let mut reused = [0; 3];
        for seed in 0..36_u64 {
            let address = ["127.0.0.1", "192.0.2.7", "::1"][usize::try_from(seed % 3).unwrap()];
            let reuse = (seed / 3) % 3;
            let timestamps = u8::from(seed % 7 != 6);
            host.set("net.ipv4.tcp_timestamps", &timestamps.to_string()).unwrap();
            let mut scene = Scene::of(seed, address.parse().unwrap(), host);
            settle();
            host.set("net.ipv4.tcp_tw_reuse", &reuse.to_string()).unwrap();
            let budget = scene.budget();
            let made = scene.connect_all();
            assert_eq!(made, budget.left(), "seed {seed}, {address}, tcp_tw_reuse {reuse}: {budget:?}");
            assert_eq!(scene.budget().connect_answer(), Some(Answer::NotAvailable), "{:?}", scene.budget());
            let parts = [budget.reserved, budget.bound, budget.taken, budget.time_wait, budget.free];
            assert_eq!(parts.iter().sum::<u32>(), budget.range.len(), "{budget:?}");
            reused[usize::try_from(reuse).unwrap()] += budget.reusable;
        }
        assert_eq!(reused[0], 0);
        assert!(reused[1] > 0 && reused[2] > 0, "the scenes try what they should: {reused:?}");
    });
}

#[test]
fn a_time_wait_that_is_too_young_is_not_used_again() {
    in_own_host(|host| {
        if !can_be_predicted() || host.set("net.ipv4.tcp_tw_reuse_delay", "60000").is_err() {
            return;
        }
        let mut scene = Scene::of(1, "127.0.0.1".parse().unwrap(), host);
        settle_without_age();
        host.set("net.ipv4.tcp_tw_reuse", "1").unwrap();
        let budget = scene.budget();
        assert_eq!(budget.reusable, 0);
        assert_eq!(scene.connect_all(), budget.left(), "{budget:?}");
    });
}

fn settle_without_age() {
    eventually("settled connections", || {
        let moving = |row: &Socket| [State::FinWait1, State::Closing, State::LastAck].contains(&row.state);
        (!rows().iter().any(moving)).then_some(())
    });
}

#[test]
fn as_many_ports_can_be_bound_without_a_number_as_the_budget_says() {
    in_own_host(|host| {
        if !can_be_predicted() {
            return;
        }
        for seed in 0..36_u64 {
            let address = ["127.0.0.1", "::1"][usize::try_from(seed % 2).unwrap()];
            let mut scene = Scene::of(seed, address.parse().unwrap(), host);
            settle_without_age();
            let budget = scene.budget();
            assert_eq!(scene.bind_all(), budget.bindable, "seed {seed}, {address}: {budget:?}");
            assert_eq!(scene.budget().bind_answer(), Some(Answer::InUse), "{:?}", scene.budget());
        }
    });
}

/// No table shows who chose the port of a connection, so this is where the budget is too large, and says so.
#[test]
fn a_connection_to_elsewhere_whose_port_a_bind_chose_loses_it_for_all() {
    in_own_host(|host| {
        host.set("net.ipv4.ip_local_port_range", "20000 20009").unwrap();
        let mut scene = Scene::at(9000, "127.0.0.1".parse().unwrap());
        let elsewhere = scene.other.local_addr().unwrap();
        let chosen = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        chosen.bind(&SocketAddr::new(scene.from, 0).into()).unwrap();
        chosen.connect(&elsewhere.into()).unwrap();
        let (_by_kernel, _accepted) = connect(&scene.other).unwrap();
        let budget = scene.budget();
        assert_eq!((budget.left(), budget.assumed), (10, 2));
        assert_eq!(scene.connect_all(), 9);
    });
}

/// Each walk leaves out the first port, or the last if it begins at the first.
#[test]
fn of_a_range_with_an_odd_number_of_ports_one_end_may_be_left_over() {
    in_own_host(|host| {
        for (number, last) in (0..8_u16).zip([20_010, 20_020].into_iter().cycle()) {
            host.set("net.ipv4.ip_local_port_range", &format!("20000 {last}")).unwrap();
            let mut scene = Scene::at(9000 + 2 * number, "127.0.0.1".parse().unwrap());
            let budget = scene.budget();
            assert!(budget.uneven && budget.left() == budget.range.len(), "{budget:?}");
            let left_over = budget.left() - scene.connect_all();
            let used = scene.ports();
            assert!(left_over <= 1, "{left_over}");
            assert!((20_001..last).all(|port| used.contains(&port)), "{used:?}");
        }
    });
}

#[test]
fn the_cheap_half_is_used_up_where_the_budget_says() {
    in_own_host(|host| {
        if !can_be_predicted() {
            return;
        }
        host.set("net.ipv4.ip_local_port_range", "20001 20040").unwrap();
        host.set("net.ipv4.ip_local_reserved_ports", "20003-20004").unwrap();
        let _lost = TcpListener::bind("127.0.0.1:20011").unwrap();
        let mut scene = Scene::at(9000, "127.0.0.1".parse().unwrap());
        let budget = scene.budget();
        assert_eq!(budget.cliff_at, 18);
        for made in 0..budget.free {
            let (client, server) = connect(&scene.server).unwrap();
            let is_first_parity = client.local_addr().unwrap().port() % 2 == 1;
            assert_eq!(is_first_parity, made < budget.cliff_at, "connection {made}");
            scene.streams.extend([client, server]);
        }
    });
}
