//! Sockets on a port, made by the calls that make them, and what the kernel answers beside them.

use std::{
    collections::HashMap,
    io::{self, Read as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
};

use rustix::{process::Uid, thread::set_thread_res_uid};
use socket2::{Domain, SockAddr, Socket, Type};
use timewait_diagnose::bind::{Answer, Census, Facts, Occupant};
use timewait_facts::{Pattern, State, States};
use timewait_linux::{
    Errno,
    hosts::Host,
    sockets::{Query, SocketTable},
};
use timewait_trial::eventually;

use crate::spec::{DEVICES, End, Kind, Options, Question, Step, USERS, ip};

/// Where clients get their ports from; populations have those below.
const CLIENT_PORTS: (u16, u16) = (50_000, 60_999);
const FIRST_PORT: u16 = 1100;
/// The most steps of a population.
pub(crate) const MOST_STEPS: u16 = 4;
/// Populations below this port are privileged.
const UNPRIVILEGED_FROM: u16 = 1600;
/// Addresses that the host gets beside its loopback's.
const ADDED: [&str; 2] = ["10.9.9.1/32", "fd00::9/128"];

/// A host in which populations are made.
pub(crate) struct World<'a> {
    host: &'a Host,
    table: SocketTable,
    /// What outgoing connections lead to: one for each step, since a connection to the same one could take the place
    /// of an earlier one's TIME-WAIT.
    servers: Vec<Socket>,
    next_port: u16,
    devices: Vec<Option<NonZeroU32>>,
    users: usize,
}

/// Sockets on one port.
#[derive(Default)]
pub(crate) struct Population {
    pub(crate) port: u16,
    listeners: Vec<Socket>,
    open: Vec<Socket>,
    others: Vec<Socket>,
    /// The flags of each, by its cookie: SO_REUSEADDR, SO_REUSEPORT, IPV6_V6ONLY.
    known: HashMap<u64, [bool; 3]>,
    expected: Vec<(u64, State)>,
    /// How many servers have been led to.
    led_to: usize,
}

/// What bind(2) answered, and listen(2) if it was reached; `None` is success.
pub(crate) type Answers = (Option<Answer>, Option<Option<Answer>>);

impl<'a> World<'a> {
    pub(crate) fn new(host: &'a Host) -> Self {
        let set = |name: &str, value: &str| host.set(name, value).unwrap();
        set("net.ipv4.tcp_tw_reuse", "0");
        // On a busy machine a FIN is sent again before its ACK is seen; the RST that answers it would end a TIME-WAIT.
        set("net.ipv4.tcp_rfc1337", "1");
        set("net.ipv4.ip_unprivileged_port_start", &UNPRIVILEGED_FROM.to_string());
        set("net.ipv4.tcp_max_tw_buckets", "1000000");
        for address in ADDED {
            host.add_address(address.parse().unwrap()).unwrap();
        }
        let servers = (1..=MOST_STEPS).map(server).collect();
        let devices = devices();
        let users = if as_user(USERS[1], || ()).is_ok() { USERS.len() } else { 1 };
        let table = SocketTable::open().unwrap();
        let world = Self { host, table, servers, next_port: FIRST_PORT, devices, users };
        world.choose_from(CLIENT_PORTS).unwrap();
        world
    }

    /// How many of [`USERS`] this user may be.
    pub(crate) fn users(&self) -> usize {
        self.users
    }

    /// The devices of [`DEVICES`] that are there.
    pub(crate) fn devices(&self) -> &[Option<NonZeroU32>] {
        &self.devices
    }

    /// Whether ports are left for so many more populations.
    pub(crate) fn has_ports_for(&self, populations: usize) -> bool {
        usize::from(self.next_port) + populations < usize::from(CLIENT_PORTS.0)
    }

    fn choose_from(&self, (low, high): (u16, u16)) -> Result<(), timewait_linux::settings::SettingError> {
        self.host.set("net.ipv4.ip_local_port_range", &format!("{low} {high}"))
    }

    /// Makes a population on a fresh port. A step that the kernel refuses leaves nothing.
    pub(crate) fn populate(&mut self, steps: &[Step]) -> Population {
        let mut population = Population { port: self.next_port, ..Population::default() };
        self.next_port += 1;
        for step in steps {
            // A refusal is the kernel's answer, like any other.
            let _ = self.play(&mut population, step);
        }
        population.note_flags();
        population
    }

    fn play(&self, population: &mut Population, step: &Step) -> io::Result<()> {
        let options = match step.kind {
            Kind::Bound | Kind::Listener => step.options,
            // Nothing is to be reached over the second device.
            Kind::Accepted { .. } | Kind::Outgoing(_) | Kind::Chosen(_) => {
                Options { device: step.options.device.min(1), ..step.options }
            }
        };
        let socket = as_user(USERS[options.user], || new_socket(step.ip, &options))??;
        let here = SockAddr::from(SocketAddr::new(step.ip, population.port));
        match step.kind {
            Kind::Bound => {
                socket.bind(&here)?;
                change(&socket, step.later)?;
                population.open.push(socket);
            }
            Kind::Listener => {
                socket.bind(&here)?;
                population.listen(socket, step)?;
            }
            Kind::Accepted { listener_stays, end } => {
                socket.bind(&here)?;
                population.listen(socket, step)?;
                population.accept(step, listener_stays, end)?;
            }
            Kind::Outgoing(end) => {
                socket.bind(&here)?;
                self.connect(population, socket, step, end)?;
            }
            Kind::Chosen(end) => {
                self.choose_from((population.port, population.port)).map_err(io::Error::other)?;
                let connected = self.connect(population, socket, step, end);
                self.choose_from(CLIENT_PORTS).map_err(io::Error::other)?;
                connected?;
            }
        }
        Ok(())
    }

    /// Connects to this host's server, and lets the connection stand as it should.
    fn connect(&self, population: &mut Population, socket: Socket, step: &Step, end: End) -> io::Result<()> {
        let server = &self.servers[population.led_to];
        population.led_to += 1;
        let to = SocketAddr::new(reachable(step), server.local_addr()?.as_socket().unwrap().port());
        if let Err(error) = socket.connect(&to.into()) {
            // It keeps its port, if it had one.
            population.open.push(socket);
            return Err(error);
        }
        let (other, _) = server.accept()?;
        change(&socket, step.later)?;
        population.stand(socket, other, end)
    }

    /// What the socket table says about these populations, once nothing moves any more.
    pub(crate) fn facts(&mut self, populations: &[Population]) -> Vec<Facts> {
        let all = Query::in_states(States::all());
        let table = &mut self.table;
        let rows = eventually("populations that stand as they should", || {
            let rows = table.collect(&all).unwrap();
            let states: HashMap<u64, State> = rows.iter().map(|row| (row.cookie.0, row.state)).collect();
            let stands = |(cookie, state): &(u64, State)| states.get(cookie) == Some(state);
            populations.iter().flat_map(|population| &population.expected).all(stands).then_some(rows)
        });
        let mut by_port: HashMap<u16, Vec<timewait_facts::Socket>> = HashMap::new();
        for row in rows {
            by_port.entry(row.local.port()).or_default().push(row);
        }
        populations
            .iter()
            .map(|population| {
                let rows = by_port.remove(&population.port).unwrap_or_default();
                let facts = settings();
                let mut census = Census::new(facts.ports.clone());
                for row in rows {
                    census.add(population.occupant(row));
                }
                Facts { occupants: census.into_occupants(), ..facts }
            })
            .collect()
    }
}

/// Asks the kernel.
pub(crate) fn ask(question: &Question, port: u16) -> Answers {
    as_user(USERS[question.options.user], || {
        let socket = new_socket(question.ip, &question.options).unwrap();
        let here = SockAddr::from(SocketAddr::new(question.ip, port));
        match socket.bind(&here) {
            Err(error) => (Some(answer(&error)), None),
            Ok(()) => (None, Some(socket.listen(8).err().map(|error| answer(&error)))),
        }
    })
    .unwrap()
}

fn server(port: u16) -> Socket {
    let server = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    server.set_only_v6(false).unwrap();
    server.bind(&SockAddr::from(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))).unwrap();
    server.listen(64).unwrap();
    server
}

fn settings() -> Facts {
    let local = ["127.0.0.0/8", "::1"].into_iter().chain(ADDED);
    Facts {
        bound_listed: true,
        unprivileged_from: Some(UNPRIVILEGED_FROM),
        local: Some(local.map(|prefix| prefix.parse::<Pattern>().unwrap()).collect()),
        ..Facts::default()
    }
}

fn answer(error: &io::Error) -> Answer {
    match Errno::of(error).unwrap().name().as_str() {
        "EADDRINUSE" => Answer::InUse,
        "EADDRNOTAVAIL" => Answer::NotAvailable,
        "EACCES" => Answer::NotPermitted,
        "EINVAL" => Answer::Invalid,
        other => panic!("{other} was not expected"),
    }
}

/// The devices of [`DEVICES`] that are there; the second one is made if there is the tool for it.
fn devices() -> Vec<Option<NonZeroU32>> {
    let mut devices = vec![None, NonZeroU32::new(1)];
    let mut ip = std::process::Command::new("ip");
    let made = ip.args(["link", "add", DEVICES[2], "type", "veth"]).output();
    if made.is_ok_and(|output| output.status.success()) {
        let probe = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let index = rustix::net::netdevice::name_to_index(&probe, DEVICES[2]).unwrap();
        devices.push(NonZeroU32::new(index));
    }
    devices
}

/// Makes a socket, or more, as a user; the thread then is who it was.
fn as_user<T>(user: u32, body: impl FnOnce() -> T) -> io::Result<T> {
    if user == USERS[0] {
        return Ok(body());
    }
    set_thread_res_uid(None, Uid::from_raw(user), None)?;
    let value = body();
    set_thread_res_uid(None, Uid::from_raw(USERS[0]), None)?;
    Ok(value)
}

fn new_socket(ip: IpAddr, options: &Options) -> io::Result<Socket> {
    let domain = if ip.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::STREAM, None)?;
    socket.set_reuse_address(options.reuseaddr)?;
    socket.set_reuse_port(options.reuseport)?;
    if ip.is_ipv6() {
        socket.set_only_v6(options.v6only)?;
    }
    if options.device > 0 {
        socket.bind_device(Some(DEVICES[options.device].as_bytes()))?;
    }
    Ok(socket)
}

fn change(socket: &Socket, flags: Option<(bool, bool)>) -> io::Result<()> {
    if let Some((reuseaddr, reuseport)) = flags {
        socket.set_reuse_address(reuseaddr)?;
        socket.set_reuse_port(reuseport)?;
    }
    Ok(())
}

/// An address at which a socket that is bound as the step says can be reached, and from which it reaches others.
fn reachable(step: &Step) -> IpAddr {
    match step.ip {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) if v6 == ip("::ffff:0.0.0.0") => ip("::ffff:127.0.0.1"),
        IpAddr::V6(v6) if v6.is_unspecified() && !step.options.v6only && step.over_ipv4 => {
            ip("::ffff:127.0.0.1")
        }
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V6(v6) => v6.into(),
    }
}

impl Population {
    fn listen(&mut self, socket: Socket, step: &Step) -> io::Result<()> {
        if let Err(error) = socket.listen(8) {
            // It is bound, and stays so.
            self.open.push(socket);
            return Err(error);
        }
        change(&socket, step.later)?;
        socket.set_nonblocking(true)?;
        self.listeners.push(socket);
        Ok(())
    }

    /// Connects to the port, and lets whichever listener the kernel chose accept. Only that one goes.
    fn accept(&mut self, step: &Step, listener_stays: bool, end: End) -> io::Result<()> {
        let to = SocketAddr::new(reachable(step), self.port);
        let client = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        client.connect(&to.into())?;
        let (index, server) = eventually("a connection to accept", || {
            let accepted = |(index, listener): (usize, &Socket)| {
                as_user(USERS[step.options.user], || listener.accept())
                    .ok()?
                    .ok()
                    .map(|(one, _)| (index, one))
            };
            self.listeners.iter().enumerate().find_map(accepted)
        });
        server.set_nonblocking(false)?;
        if !listener_stays {
            let listener = self.listeners.remove(index);
            self.note(&listener)?;
        }
        self.stand(server, client, end)
    }

    /// Lets a connection stand as it should.
    fn stand(&mut self, ours: Socket, mut other: Socket, end: End) -> io::Result<()> {
        self.note(&ours)?;
        let cookie = ours.cookie()?;
        let mut rest = [0; 1];
        let state = match end {
            End::Established => State::Established,
            End::CloseWait => State::CloseWait,
            End::Orphan => State::FinWait2,
            End::TimeWait => State::TimeWait,
        };
        match end {
            End::Established => {
                self.open.push(ours);
                self.others.push(other);
            }
            End::CloseWait => {
                drop(other);
                self.open.push(ours);
            }
            End::Orphan => {
                drop(ours);
                self.others.push(other);
            }
            End::TimeWait => {
                drop(ours);
                assert_eq!(other.read(&mut rest)?, 0, "nobody wrote");
            }
        }
        self.expected.push((cookie, state));
        Ok(())
    }

    fn note(&mut self, socket: &Socket) -> io::Result<()> {
        let is_v6 = socket.domain()? == Domain::IPV6;
        let v6only = is_v6 && socket.only_v6()?;
        self.known.insert(socket.cookie()?, [socket.reuse_address()?, socket.reuse_port()?, v6only]);
        Ok(())
    }

    fn note_flags(&mut self) {
        let sockets = std::mem::take(&mut self.listeners).into_iter().chain(std::mem::take(&mut self.open));
        for socket in sockets {
            self.note(&socket).unwrap();
            self.open.push(socket);
        }
    }

    fn occupant(&self, row: timewait_facts::Socket) -> Occupant {
        let [reuseaddr, reuseport, v6only] =
            self.known.get(&row.cookie.0).unwrap_or_else(|| panic!("{row:?}"));
        let socket = timewait_facts::Socket { v6only: row.v6only.or(Some(*v6only)), ..row };
        Occupant::of(socket, None).with_flags(Some(*reuseaddr), Some(*reuseport))
    }
}
