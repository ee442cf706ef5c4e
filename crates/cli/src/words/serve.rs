//! What `serve` says.

use std::net::SocketAddr;

pub(crate) fn listening(address: SocketAddr, backlog: u32, options: &[&str]) -> String {
    let options = if options.is_empty() { "no option".to_owned() } else { options.join(", ") };
    format!("listening on {address} (backlog {backlog}, {options})")
}

pub(crate) fn client(number: u64, peer: SocketAddr, bytes: u64) -> String {
    format!("client {number} {peer}: {bytes} bytes sent")
}

pub(crate) fn and_more(count: u64) -> String {
    if count == 1 { "... and 1 more client".to_owned() } else { format!("... and {count} more clients") }
}
