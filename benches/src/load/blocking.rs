//! The article's loop: accept, send, close, one after the other. What everything else is compared with.

use std::{io::Write as _, net::Ipv4Addr};

use socket2::{Domain, Socket, Type};

pub(super) fn serve() -> anyhow::Result<()> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.set_reuse_address(true)?;
    listener.bind(&std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 9000)).into())?;
    listener.listen(4096)?;
    println!("listening on 127.0.0.1:9000");
    loop {
        let (mut client, _) = listener.accept()?;
        // A client that has gone is no reason to stop.
        let _ = client.write_all(b"I sent sth to client!\n");
    }
}
