//! What the Linux kernel says, as [facts](timewait_facts); and hosts of our own to ask it in.
//!
//! The only crate with `unsafe`, and the only one that knows the kernel's formats.
//!
//! - [`sockets`]: the socket table, asked of the kernel over netlink
//! - [`addresses`]: which addresses are local, and on which interface
//! - [`owners`]: which process holds a socket
//! - [`closes`]: who closes connections first, watched by a probe in the kernel or by samples
//! - [`flags`]: the options of other processes' listening sockets
//! - [`netns`]: network namespaces of others, by name, path or process
//! - [`hosts`]: a child of this program in namespaces of its own, of which nothing survives
//! - [`settings`]: sysctls, read and (in such a host only) written, and the kernel's counters
//! - [`options`]: options of our own sockets that the socket crates lack
//! - [`rehearsal`]: a situation rebuilt in such a host, and bind(2) tried in it
//! - [`processes`]: children that do not outlive their parent
//! - [`trial`]: a bind(2) tried on the host itself, where no table tells
//! - [`kernel_version`]: which kernel this is
//! - [`AnswerError`], [`Malformed`], [`Fault`]: what can be wrong with an answer of the kernel's
//!
//! ```
//! let kernel = timewait_linux::kernel_version();
//! assert!(kernel.at_least(3, 3), "sock_diag came with 3.3");
//! ```

pub mod addresses;
mod calls;
pub mod closes;
mod errno;
pub mod flags;
pub mod hosts;
mod netlink;
pub mod netns;
pub mod options;
pub mod owners;
pub mod processes;
pub mod rehearsal;
pub mod settings;
pub mod sockets;
pub mod trial;

pub use errno::Errno;
pub use netlink::{AnswerError, Fault, Malformed};
use timewait_facts::KernelVersion;

/// The running kernel's version (uname(2)).
pub fn kernel_version() -> KernelVersion {
    KernelVersion::from_release(&rustix::system::uname().release().to_string_lossy())
}
