//! What a line asks, field by field: what is missing, of another kind or unknown is named.

use std::net::SocketAddr;

use serde_json::{Map, Value};
use timewait_tcp::endpoint::Handle;

use crate::Result;

/// An object, each field of which is known.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a>(&'a Map<String, Value>);

/// What each call takes besides `do` and `now`; `set` takes a profile's fields, which have a file of their own.
const CALLS: [(&str, &[&str]); 16] = [
    ("isn", &["seq"]),
    ("listen", &["local", "backlog"]),
    ("open", &["local", "remote"]),
    ("accept", &["handle"]),
    ("read", &["handle", "max"]),
    ("write", &["handle", "text"]),
    ("shut-down", &["handle"]),
    ("close", &["handle"]),
    ("abort", &["handle"]),
    ("error", &["handle"]),
    ("state", &["handle"]),
    ("blocks", &[]),
    ("delete", &["local", "remote"]),
    ("segment", &["from", "to", "segment"]),
    ("timer", &[]),
    ("set", &[]),
];

impl<'a> Asked<'a> {
    /// A line's object.
    pub(crate) fn of(line: &'a Value) -> Result<Self> {
        let asked = Self(line.as_object().ok_or("a line is to be an object")?);
        let call = asked.call()?;
        let known = CALLS.iter().find(|(name, _)| *name == call);
        let (_, fields) = known.ok_or_else(|| format!("nothing is called {call:?}"))?;
        if call != "set" {
            asked.knows(&[&["do", "now"], *fields].concat())?;
        }
        Ok(asked)
    }

    /// An object within it, of these fields.
    pub(crate) fn within(self, name: &str, fields: &[&str]) -> Result<Self> {
        let within = Self(self.needed(name, Value::as_object, "an object")?);
        within.knows(fields)?;
        Ok(within)
    }

    fn knows(self, fields: &[&str]) -> Result<()> {
        match self.0.keys().find(|name| !fields.contains(&name.as_str())) {
            Some(name) => Err(format!("{name:?} means nothing here: there are {}", fields.join(", ")).into()),
            None => Ok(()),
        }
    }

    pub(crate) const fn fields(self) -> &'a Map<String, Value> {
        self.0
    }

    pub(crate) fn call(self) -> Result<&'a str> {
        self.needed("do", Value::as_str, "the name of a call")
    }

    /// Absent and null are the same.
    pub(crate) fn has(self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    pub(crate) fn optional<T>(
        self,
        name: &str,
        read: impl Fn(&'a Value) -> Option<T>,
        kind: &str,
    ) -> Result<Option<T>> {
        self.has(name).then(|| self.needed(name, read, kind)).transpose()
    }

    pub(crate) fn needed<T>(
        self,
        name: &str,
        read: impl Fn(&'a Value) -> Option<T>,
        kind: &str,
    ) -> Result<T> {
        Ok(self.0.get(name).and_then(read).ok_or_else(|| format!("{name} is to be {kind}"))?)
    }

    pub(crate) fn number(self, name: &str) -> Result<u32> {
        let read = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
        self.needed(name, read, "a number below 2^32")
    }

    pub(crate) fn handle(self) -> Result<Handle> {
        self.needed("handle", Value::as_u64, "a handle's number").map(Handle::from_number)
    }

    pub(crate) fn address(self, name: &str) -> Result<SocketAddr> {
        let read = |value: &Value| value.as_str().and_then(|address| address.parse().ok());
        self.needed(name, read, "an address and a port, as in 10.0.0.1:80 or [::1]:80")
    }

    /// Text, in which each character is an octet.
    pub(crate) fn octets(self, name: &str) -> Result<Vec<u8>> {
        let read = |value: &Value| value.as_str()?.chars().map(|octet| u8::try_from(octet).ok()).collect();
        self.needed(name, read, "text of characters up to U+00FF, each an octet")
    }
}
