//! Ctrl-C and SIGTERM as a descriptor that becomes readable, one byte a signal.

use std::{io, os::unix::net::UnixStream};

use signal_hook::consts::{SIGINT, SIGTERM};

/// From here on these signals no longer end this process; each puts a byte into the stream.
///
/// # Errors
/// No descriptors are left.
pub(crate) fn stop_wishes() -> io::Result<UnixStream> {
    let (wishes, wish) = UnixStream::pair()?;
    for signal in [SIGINT, SIGTERM] {
        signal_hook::low_level::pipe::register(signal, wish.try_clone()?)?;
    }
    Ok(wishes)
}
