//! Conditions in the form that the kernel runs for each socket.
//!
//! A program is a list of operations, each with a jump for `yes` and one for `no`, in bytes from its own beginning.
//! A socket is listed if the program ends exactly at its end; a jump to 4 bytes beyond leaves it out. The kernel
//! accepts only jumps to places that are on the way of all `yes` (linux v6.12 `net/ipv4/inet_diag.c`
//! `inet_diag_bc_run`, `inet_diag_bc_audit`).

use std::net::IpAddr;

use ipnet::IpNet;
use rustix::net::AddressFamily;
use timewait_facts::Pattern;

use super::Query;

/// `struct inet_diag_bc_op`: code, yes, no.
const OPERATION: usize = 4;
/// `INET_DIAG_BC_JMP`: goes the way of `no`; that of `yes` is there for the kernel's check.
const JUMP: u8 = 1;

/// Which side of a socket a condition looks at: `INET_DIAG_BC_S_COND`, `INET_DIAG_BC_D_COND`.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Side {
    Local = 7,
    Peer = 8,
}

/// The conditions of a query as a program; empty if there are none.
pub(super) fn program(query: &Query) -> Vec<u8> {
    let mut blocks = Vec::new();
    blocks.extend(test(Side::Local, query.local));
    blocks.extend(test(Side::Peer, query.peer));
    blocks.extend(either(query.either));
    link(&blocks)
}

/// An operation whose `no` is not known yet: where it should go if this block fails.
struct Operation {
    code: u8,
    operand: Vec<u8>,
    no: No,
}

/// Where an operation goes that says `no`.
enum No {
    /// Out: the socket is not listed.
    Reject,
    /// Over this many operations.
    Skip(usize),
}

impl Operation {
    fn length(&self) -> usize {
        OPERATION + self.operand.len()
    }
}

fn test(side: Side, pattern: Pattern) -> Option<Operation> {
    let operand = host_condition(pattern);
    (!pattern.is_any()).then_some(Operation { code: side as u8, operand, no: No::Reject })
}

/// `local or peer`: if the first holds, jump over the second; if not, jump over that jump.
fn either(pattern: Pattern) -> Vec<Operation> {
    let (Some(local), Some(peer)) = (test(Side::Local, pattern), test(Side::Peer, pattern)) else {
        return Vec::new();
    };
    let jump = Operation { code: JUMP, operand: Vec::new(), no: No::Skip(1) };
    vec![Operation { no: No::Skip(1), ..local }, jump, peer]
}

fn link(operations: &[Operation]) -> Vec<u8> {
    let mut program = Vec::new();
    for (place, operation) in operations.iter().enumerate() {
        let rest = operations.get(place..).unwrap_or_default();
        let length = |count: usize| rest.iter().take(count).map(Operation::length).sum();
        let no: usize = match operation.no {
            No::Reject => rest.iter().map(Operation::length).sum::<usize>() + OPERATION,
            No::Skip(count) => length(1 + count),
        };
        // The longest program (three conditions, one of them on either end, all with IPv6 addresses) has 116 bytes.
        program.push(operation.code);
        program.push(u8::try_from(operation.length()).unwrap_or(u8::MAX));
        program.extend(u16::try_from(no).unwrap_or(u16::MAX).to_ne_bytes());
        program.extend(&operation.operand);
    }
    program
}

/// `struct inet_diag_hostcond`: family, prefix length, port (-1 for any), address. An IPv4 prefix also holds for the
/// IPv4-mapped addresses of IPv6 sockets.
fn host_condition(pattern: Pattern) -> Vec<u8> {
    let (family, length) = match pattern.prefix {
        None => (AddressFamily::UNSPEC, 0),
        Some(prefix @ IpNet::V4(_)) => (AddressFamily::INET, prefix.prefix_len()),
        Some(prefix @ IpNet::V6(_)) => (AddressFamily::INET6, prefix.prefix_len()),
    };
    let family = u8::try_from(family.as_raw()).unwrap_or(0);
    let mut condition = vec![family, length, 0, 0];
    condition.extend(pattern.port.map_or(-1, i32::from).to_ne_bytes());
    match pattern.prefix.map(|prefix| prefix.addr()) {
        None => {}
        Some(IpAddr::V4(address)) => condition.extend(address.octets()),
        Some(IpAddr::V6(address)) => condition.extend(address.octets()),
    }
    condition
}

#[cfg(test)]
mod tests;
