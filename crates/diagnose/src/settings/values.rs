use std::collections::BTreeMap;

use timewait_facts::{KernelVersion, Untrusted};

use super::{Place, known};

/// A setting's value, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The text.
    pub value: Untrusted,
    /// The file that says so; `None` for what a running kernel has.
    pub place: Option<Place>,
}

/// The values of settings that this program knows, by name.
#[derive(Clone, Debug, Default)]
pub struct Values(BTreeMap<&'static str, Setting>);

impl Values {
    /// What a running kernel says.
    pub fn set_live(&mut self, name: &'static str, value: &str) {
        self.set(name, Setting { value: value.as_bytes().into(), place: None });
    }

    pub(super) fn set(&mut self, name: &'static str, setting: Setting) {
        self.0.insert(name, setting);
    }

    /// A setting that has a value.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.0.get(name)
    }

    /// Its value as a number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.number()
    }

    /// Its value as a number; where it is not set, what a kernel begins with.
    pub(super) fn number_or_default(&self, name: &str, kernel: &KernelVersion) -> Option<i64> {
        self.number(name).or_else(|| default(name, kernel))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &Setting)> {
        self.0.iter().map(|(&name, setting)| (name, setting))
    }
}

impl Setting {
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(self.value.as_bytes()).unwrap_or_default()
    }

    pub(super) fn number(&self) -> Option<i64> {
        known::first_number(self.text())
    }
}

/// What a kernel of this version begins with (linux v6.12 net/ipv4/tcp_ipv4.c `tcp_sk_init`, net/core/net_namespace.c
/// `preinit_net_sysctl`).
pub(super) fn default(name: &str, kernel: &KernelVersion) -> Option<i64> {
    match name {
        "net.ipv4.tcp_timestamps" => Some(1),
        "net.ipv4.tcp_tw_reuse" => Some(if kernel.at_least(4, 18) { 2 } else { 0 }),
        "net.core.somaxconn" => Some(if kernel.at_least(5, 4) { 4096 } else { 128 }),
        _ => None,
    }
}
