use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use timewait_linux::{
    hosts::{Device, DeviceError, Host, Medium, Neighbour},
    settings::SettingError,
};
use timewait_tcp::Side;

use super::JoinError;

/// What the wire's interface is called in each host.
pub const INTERFACE: &str = "wire";

/// The left host's address on the wire.
pub const LEFT_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 1));
/// The right host's.
pub const RIGHT_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 2));
/// The left host's IPv6 address on the wire.
pub const LEFT_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 1));
/// The right host's.
pub const RIGHT_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 2));

const PREFIX: (u8, u8) = (24, 64);

/// What a wire is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cable {
    /// How packets get from the hosts to this process; `None`: TUN, and where that is not to be had, veth.
    pub medium: Option<Medium>,
    /// The longest packet, in bytes: 1,280 to 65,521.
    pub mtu: u32,
    /// Whether the states of both sides are read with every packet, and stand in the trace.
    pub states: bool,
}

impl Default for Cable {
    fn default() -> Self {
        Self { medium: None, mtu: 1_500, states: true }
    }
}

impl Cable {
    /// By this medium and no other.
    #[must_use]
    pub fn by(self, medium: Medium) -> Self {
        Self { medium: Some(medium), ..self }
    }

    /// With packets of at most so many bytes.
    #[must_use]
    pub fn with_mtu(self, mtu: u32) -> Self {
        Self { mtu, ..self }
    }

    /// Without reading states.
    #[must_use]
    pub fn without_states(self) -> Self {
        Self { states: false, ..self }
    }

    /// Our end of an interface in this host, which has its addresses then, and how a second host is to be plugged in.
    pub(super) fn plug_in(self, side: Side, host: &Neighbour) -> Result<(Device, Socket), JoinError> {
        let (device, socket) = match self.medium {
            Some(Medium::Tun) => (self.tun(host)?, Socket::Tun),
            Some(Medium::Veth) => self.veth(host)?,
            None => match self.tun(host) {
                Ok(device) => (device, Socket::Tun),
                Err(tun) => self.veth(host).map_err(|error| no_medium(tun, error))?,
            },
        };
        address(host, side)?;
        throw_away_what_waits(&device);
        Ok((device, socket))
    }

    /// The same for the second host.
    pub(super) fn plug_into(
        self,
        socket: &Socket,
        side: Side,
        host: &Neighbour,
    ) -> Result<Device, JoinError> {
        let device = match socket {
            Socket::Tun => self.tun(host)?,
            Socket::Veth(room) => Device::veth(host, room, INTERFACE, self.mtu)?,
        };
        address(host, side)?;
        throw_away_what_waits(&device);
        Ok(device)
    }

    fn tun(self, host: &Neighbour) -> Result<Device, DeviceError> {
        Device::tun(host, INTERFACE, self.mtu)
    }

    fn veth(self, host: &Neighbour) -> Result<(Device, Socket), JoinError> {
        let room = host.another("wire")?;
        match room.set("net.ipv6.conf.default.disable_ipv6", "1") {
            Ok(()) | Err(SettingError::Absent(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let device = Device::veth(host, &room, INTERFACE, self.mtu)?;
        Ok((device, Socket::Veth(room)))
    }
}

/// Where the second host is plugged in.
pub(super) enum Socket {
    Tun,
    /// The other ends of the pairs lie in a host of their own, which speaks to nobody.
    Veth(Neighbour),
}

fn no_medium(tun: DeviceError, veth: JoinError) -> JoinError {
    match veth {
        JoinError::Device(veth) => JoinError::NoMedium { tun, veth },
        other => other,
    }
}

/// What the hosts' kernels say on their own when an interface comes up (multicast reports, above all) belongs to no
/// experiment, and nobody has taken it: it may even have been more than there is room for. If reading fails, it fails
/// again where somebody asks.
fn throw_away_what_waits(device: &Device) {
    let mut buffer = [0; 2_048];
    while let Ok(Some(_)) = device.receive(&mut buffer) {}
    let _ = device.overflowed();
}

/// Which media packets can get by to this process, TUN first; if none, what is missing.
///
/// # Errors
/// There is none, or not even a host to try it in.
pub fn media(host: &Host) -> Result<Vec<Medium>, JoinError> {
    let trial = host.neighbour("trial")?;
    let cable = Cable::default();
    let tun = cable.tun(&trial).map(drop);
    match (tun, cable.veth(&trial).map(drop)) {
        (Ok(()), Ok(())) => Ok(vec![Medium::Tun, Medium::Veth]),
        (Ok(()), Err(_)) => Ok(vec![Medium::Tun]),
        (Err(_), Ok(())) => Ok(vec![Medium::Veth]),
        (Err(tun), Err(veth)) => Err(no_medium(tun, veth)),
    }
}

fn address(host: &Neighbour, side: Side) -> Result<(), JoinError> {
    let (v4, v6) = match side {
        Side::Left => (LEFT_V4, LEFT_V6),
        Side::Right => (RIGHT_V4, RIGHT_V6),
    };
    host.add_address(INTERFACE, IpNet::new_assert(v4, PREFIX.0))?;
    match host.read("net.ipv6.conf.all.disable_ipv6") {
        Err(SettingError::Absent(_)) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(disabled) if disabled == "1" => Ok(()),
        Ok(_) => Ok(host.add_address(INTERFACE, IpNet::new_assert(v6, PREFIX.1))?),
    }
}
