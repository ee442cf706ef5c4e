use core::fmt;

use crate::Untrusted;

/// Whose processes a control group holds, as far as its path tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Workload {
    /// A container: the first 12 digits of its id, or its name.
    Container(Untrusted),
    /// A systemd unit.
    Unit(Untrusted),
}

/// Digits of a container's id, in the form of a SHA-256.
const ID: usize = 64;
/// Those that people see.
const SHORT: usize = 12;

impl Workload {
    /// Reads a control group's path: the innermost container of it, or else the innermost unit.
    ///
    /// Containers are known by how their managers name groups: `docker-ID.scope`, `/docker/ID`, `libpod-ID.scope`,
    /// `cri-containerd-ID.scope`, `crio-ID.scope`, `/kubepods/.../podUID/ID`, `lxc.payload.NAME`, `machine-NAME.scope`.
    pub fn of_cgroup(path: &Untrusted) -> Option<Self> {
        let parts: Vec<&[u8]> = path.as_bytes().split(|&byte| byte == b'/').collect();
        let container = parts.iter().rev().find_map(|part| container(part));
        container.map(|id| Self::Container(id.into())).or_else(|| {
            let is_unit = |part: &&&[u8]| {
                [".service", ".scope", ".socket"].iter().any(|end| part.ends_with(end.as_bytes()))
            };
            parts.iter().rev().find(is_unit).map(|unit| Self::Unit((*unit).into()))
        })
    }
}

fn container(part: &[u8]) -> Option<&[u8]> {
    let scope = part.strip_suffix(b".scope");
    let name = part.strip_prefix(b"lxc.payload.").or_else(|| scope?.strip_prefix(b"machine-"));
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        return Some(name);
    }
    let inner = scope.unwrap_or(part);
    let after = inner.iter().rposition(|byte| b"-:".contains(byte)).map_or(0, |at| at + 1);
    let id = inner.get(after..)?;
    (id.len() == ID && id.iter().all(u8::is_ascii_hexdigit)).then(|| id.get(..SHORT))?
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container(id) => write!(f, "container {id}"),
            Self::Unit(unit) => unit.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn named(path: &str) -> Option<String> {
        Workload::of_cgroup(&path.as_bytes().into()).map(|it| it.to_string())
    }

    #[test]
    fn containers_are_known_by_how_their_managers_name_them() {
        for path in [
            format!("/system.slice/docker-{HEX}.scope"),
            format!("/docker/{HEX}"),
            format!("/machine.slice/libpod-{HEX}.scope/container"),
            format!("/kubepods.slice/kubepods-pod1.slice/cri-containerd-{HEX}.scope"),
            format!("/kubepods/besteffort/pod3f8a/{HEX}"),
            format!("/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:{HEX}"),
            format!("/system.slice/docker-{HEX}.scope/init.scope"),
        ] {
            assert_eq!(named(&path).as_deref(), Some("container 0123456789ab"), "{path}");
        }
        assert_eq!(named("/lxc.payload.web/system.slice").as_deref(), Some("container web"));
        assert_eq!(named("/machine.slice/machine-db.scope").as_deref(), Some("container db"));
    }

    #[test]
    fn else_the_innermost_unit_names_it_and_a_slice_is_none() {
        assert_eq!(named("/system.slice/nginx.service/worker").as_deref(), Some("nginx.service"));
        assert_eq!(named("/user.slice/user-0.slice/session-1.scope").as_deref(), Some("session-1.scope"));
        for none in ["", "/", "/user.slice", "/abc-123", "/lxc.payload."] {
            assert_eq!(named(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn any_path_has_a_name_that_can_be_shown_or_none(path: Vec<u8>) {
            let name = Workload::of_cgroup(&path.into()).map(|it| it.to_string()).unwrap_or_default();
            prop_assert!(!name.chars().any(Untrusted::is_invisible));
        }
    }
}
