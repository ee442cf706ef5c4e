//! Netlink as far as it is needed: one request at a time, one datagram at a time, nothing believed unread.
//!
//! - [`Request`]: a message to the kernel, built in place
//! - [`Connection`]: asks, and hands out each message of the answer
//! - [`Message`], [`Attributes`]: total parsing; what is wrong is a [`Malformed`] with its offset
//!
//! Format: linux v6.12 Documentation/userspace-api/netlink/intro.rst, include/uapi/linux/netlink.h.

mod answer_error;
mod connection;
mod message;
mod request;

pub use answer_error::AnswerError;
pub(crate) use connection::{Connection, Ended};
pub(crate) use message::{Attributes, Message};
pub use message::{Fault, Malformed};

pub(crate) use request::Request;

/// Messages and attributes begin at multiples of this (`NLMSG_ALIGNTO`, `NLA_ALIGNTO`).
const ALIGNMENT: usize = 4;
/// `struct nlmsghdr`: length, type, flags, sequence number, port id.
const MESSAGE_HEADER: usize = 16;
/// `struct nlattr`: length, type.
const ATTRIBUTE_HEADER: usize = 4;

/// `NLM_F_REQUEST`, in every message to the kernel.
pub(crate) const REQUEST: u16 = 0x1;
/// `NLM_F_ACK`: answer also when there is nothing but success to tell.
pub(crate) const ACK: u16 = 0x4;
/// `NLM_F_ROOT` | `NLM_F_MATCH`: all that there is, ended by `NLMSG_DONE`.
pub(crate) const DUMP: u16 = 0x300;
/// `NLM_F_CREATE` | `NLM_F_EXCL`: make it new.
pub(crate) const CREATE: u16 = 0x600;
