use crate::{Untrusted, Workload};

/// The process that holds a live socket.
///
/// Found by the socket's inode in `/proc/PID/fd`; a TIME-WAIT socket has no inode, hence no owner. Several
/// processes can hold one socket (a server that forked): this is the one with the lowest process id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// Process id, as this process's own `/proc` numbers it.
    pub pid: u32,
    /// `/proc/PID/comm`: at most 15 bytes, chosen by the process itself.
    pub command: Untrusted,
    /// Path in the unified control group hierarchy, where there is one and it is not the root.
    pub cgroup: Option<Untrusted>,
    /// How many processes hold the socket, this one included.
    pub processes: u32,
}

impl Owner {
    /// The systemd unit: the last component of the control group that ends in `.service`, `.scope` or `.socket`.
    pub fn unit(&self) -> Option<Untrusted> {
        let path = self.cgroup.as_ref()?.as_bytes();
        path.split(|&byte| byte == b'/')
            .rev()
            .find(|part| [".service", ".scope", ".socket"].iter().any(|end| part.ends_with(end.as_bytes())))
            .map(Untrusted::from)
    }

    /// The container or the service that it is part of. A scope is neither: it holds what somebody started by hand, as a
    /// login's session does.
    pub fn workload(&self) -> Option<Workload> {
        Workload::of_cgroup(self.cgroup.as_ref()?).filter(|workload| match workload {
            Workload::Container(_) => true,
            Workload::Unit(unit) => !unit.as_bytes().ends_with(b".scope"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_cgroup(path: &str) -> Owner {
        let cgroup = Some(Untrusted::from(path.as_bytes()));
        Owner { pid: 1, command: Untrusted::from(&b"x"[..]), cgroup, processes: 1 }
    }

    #[test]
    fn the_unit_is_the_innermost_service_of_the_path() {
        let unit = |path| in_cgroup(path).unit().map(|unit| unit.to_string());
        assert_eq!(unit("/system.slice/nginx.service").as_deref(), Some("nginx.service"));
        assert_eq!(
            unit("/user.slice/user@1000.service/app.slice/web.service/worker").as_deref(),
            Some("web.service")
        );
        assert_eq!(unit("/docker/0123abcd"), None);
    }

    #[test]
    fn a_service_and_a_container_are_workloads_and_a_login_s_session_is_none() {
        let workload = |path| in_cgroup(path).workload().map(|workload| workload.to_string());
        assert_eq!(workload("/system.slice/nginx.service").as_deref(), Some("nginx.service"));
        let container = workload("/machine.slice/machine-db.scope");
        assert_eq!(container.as_deref(), Some("container db"));
        for none in ["/user.slice/user-0.slice/session-1.scope", "/user.slice/user@0.service/a.slice/x.scope"]
        {
            assert_eq!(workload(none), None, "{none}");
        }
    }
}
