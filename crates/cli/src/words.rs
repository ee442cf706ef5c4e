//! Every sentence that this command says by itself, in one place: another language is another such module.
//!
//! Values come in, sentences go out; nothing is decided here.

pub(crate) mod connect;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod everywhere;
pub(crate) mod free;
pub(crate) mod lab;
pub(crate) mod load;
pub(crate) mod ls;
pub(crate) mod model;
pub(crate) mod ports;
pub(crate) mod serve;
pub(crate) mod to;
pub(crate) mod watch;
pub(crate) mod why;
