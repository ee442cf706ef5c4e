//! The kernel's own cost: a dump of the socket table by the least program that there can be. It counts the messages
//! of each answer by their lengths and looks at nothing else.
//!
//! Written apart from `timewait-linux`, whose reader it is the measure of.
//! Formats: linux v6.12 include/uapi/linux/netlink.h, inet_diag.h.

use std::{
    fs::File,
    io::{self, Write as _},
    os::fd::AsFd as _,
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, netlink};

/// `TCPDIAG_GETSOCK`: both families in one walk.
const GETSOCK: u16 = 18;
/// `NLM_F_REQUEST` | `NLM_F_DUMP`
const DUMP: u16 = 0x301;
/// `NLMSG_ERROR`, `NLMSG_DONE`
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// `struct nlmsghdr`
const HEADER: usize = 16;
/// `struct inet_diag_req`
const REQUEST: usize = 60;
/// What is written at once, and what the pipe is made to hold: what costs least, as `timewait` does it.
const PIECE: usize = 256 * 1024;
const PIPE: usize = 1024 * 1024;

/// `bare STATES`, `bare STATES local PORT`, `bare STATES either PORT`: prints how many rows came. The states are the
/// kernel's mask. `bare STATES writing BYTES` writes so many for each row besides, which say nothing.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<ExitCode> {
    let nothing = Filler::default();
    let count = match *words {
        [states] => dump(&request(states.parse()?, 0, &[]), nothing),
        [states, "local", port] => dump(&request(states.parse()?, port.parse()?, &[]), nothing),
        [states, "either", port] => dump(&request(states.parse()?, 0, &either(port.parse()?)), nothing),
        [states, "writing", bytes] => dump(&request(states.parse()?, 0, &[]), Filler::of(bytes.parse()?)?),
        _ => bail!("bare STATES [local PORT | either PORT | writing BYTES]"),
    }?;
    println!("{count}");
    Ok(ExitCode::SUCCESS)
}

fn request(states: u32, local_port: u16, condition: &[u8]) -> Vec<u8> {
    let mut body = [0; REQUEST];
    let mut put = |at: usize, bytes: &[u8]| {
        body.iter_mut().skip(at).zip(bytes).for_each(|(place, byte)| *place = *byte);
    };
    put(4, &local_port.to_be_bytes());
    // No cookie in particular.
    put(44, &[0xff; 8]);
    put(52, &states.to_ne_bytes());
    let mut request = body.to_vec();
    if !condition.is_empty() {
        // INET_DIAG_REQ_BYTECODE
        request.extend(u16::try_from(4 + condition.len()).unwrap_or(u16::MAX).to_ne_bytes());
        request.extend(1_u16.to_ne_bytes());
        request.extend(condition);
    }
    let length = u32::try_from(HEADER + request.len()).unwrap_or(u32::MAX);
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(GETSOCK.to_ne_bytes());
    message.extend(DUMP.to_ne_bytes());
    message.extend([1_u32, 0].map(u32::to_ne_bytes).concat());
    message.extend(request);
    message
}

/// The port on this side; if so, a jump over the next test; else the port on the other side.
fn either(port: u16) -> Vec<u8> {
    // struct inet_diag_bc_op (code, yes, no), struct inet_diag_hostcond (family, prefix length, port)
    let test = |code: u8, no: u16| {
        let operation = [&[code, 12][..], &no.to_ne_bytes(), &[0, 0, 0, 0], &i32::from(port).to_ne_bytes()];
        operation.concat()
    };
    let jump = [&[1, 4][..], &16_u16.to_ne_bytes()].concat();
    [test(7, 16), jump, test(8, 16)].concat()
}

/// What is written for rows without looking at them: the way through the pipe by itself.
#[derive(Default)]
struct Filler {
    a_row: usize,
    due: usize,
    text: Vec<u8>,
    out: Option<File>,
}

impl Filler {
    fn of(a_row: usize) -> io::Result<Self> {
        // Not the one that goes by lines.
        let out = io::stdout().as_fd().try_clone_to_owned()?;
        // What is no pipe stays as it is.
        let _ = rustix::pipe::fcntl_setpipe_size(&out, PIPE);
        Ok(Self { a_row, due: 0, text: vec![b'.'; PIECE], out: Some(out.into()) })
    }

    fn row(&mut self) -> io::Result<()> {
        self.due += self.a_row;
        if self.due < PIECE {
            return Ok(());
        }
        self.due -= PIECE;
        self.out.as_mut().map_or(Ok(()), |out| out.write_all(&self.text))
    }
}

fn dump(request: &[u8], mut filler: Filler) -> anyhow::Result<u64> {
    let socket = rustix::net::socket(AddressFamily::NETLINK, SocketType::RAW, Some(netlink::SOCK_DIAG))?;
    rustix::net::send(&socket, request, SendFlags::empty())?;
    let mut buffer = vec![0_u8; 32 * 1024];
    let mut count = 0;
    loop {
        let (_, length) = rustix::net::recv(&socket, &mut *buffer, RecvFlags::empty())?;
        let mut rest = buffer.get(..length).unwrap_or_default();
        while let Some(&[l0, l1, l2, l3, n0, n1, ..]) = rest.first_chunk::<HEADER>() {
            match u16::from_ne_bytes([n0, n1]) {
                DONE => return Ok(count),
                ERROR => bail!("the kernel refuses the dump"),
                _ => {
                    count += 1;
                    filler.row()?;
                }
            }
            let length = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
            rest = rest.get(length.next_multiple_of(4)..).context("a message longer than its datagram")?;
        }
    }
}
