//! A laboratory for claims about TIME-WAIT: hosts of its own, and a wire between them through which every packet
//! passes one function of ours.
//!
//! - [`wire`]: two hosts, joined; packets are passed, dropped, held, delayed, repeated, altered, made up
//! - [`capture`]: what passed, as a pcapng file
#![forbid(unsafe_code)]

pub mod capture;
pub mod wire;
