use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A program of others that we compare with, or a part of one that is installed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Ss,
    Netstat,
    Nginx,
    NginxStream,
    Wrk,
    Ab,
    Strace,
    Valgrind,
}

impl Peer {
    /// The program's name, or the part's.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ss => "ss",
            Self::Netstat => "netstat",
            Self::Nginx => "nginx",
            Self::NginxStream => "ngx_stream_module",
            Self::Wrk => "wrk",
            Self::Ab => "ab",
            Self::Strace => "strace",
            Self::Valgrind => "valgrind",
        }
    }

    /// The package of Debian's that has it.
    pub(crate) const fn package(self) -> &'static str {
        match self {
            Self::Ss => "iproute2",
            Self::Netstat => "net-tools",
            Self::Nginx => "nginx-light",
            Self::NginxStream => "libnginx-mod-stream",
            Self::Wrk => "wrk",
            Self::Ab => "apache2-utils",
            Self::Strace => "strace",
            Self::Valgrind => "valgrind",
        }
    }

    /// Where it is; `None` if it is not installed.
    pub(crate) fn find(self) -> Option<PathBuf> {
        if self == Self::NginxStream {
            return nginx_stream();
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let also = ["/usr/sbin", "/sbin"].map(PathBuf::from);
        env::split_paths(&path).chain(also).map(|folder| folder.join(self.name())).find(|file| file.is_file())
    }

    /// The line in which it says its version; some say it on standard error.
    pub(crate) fn version(self) -> Option<String> {
        // A module is as old as its program, which refuses to load any other.
        let program = if self == Self::NginxStream { Self::Nginx } else { self };
        let flag = match self {
            Self::Ss | Self::Ab | Self::Netstat | Self::Strace => "-V",
            Self::Nginx | Self::NginxStream | Self::Wrk => "-v",
            Self::Valgrind => "--version",
        };
        let output = Command::new(program.find()?).arg(flag).stdin(Stdio::null()).output().ok()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        said.lines()
            .find(|line| line.contains(|c: char| c.is_ascii_digit()))
            .map(|line| line.trim().to_owned())
    }
}

/// nginx's stream module: a file to be loaded, or nginx itself, if that has it built in.
fn nginx_stream() -> Option<PathBuf> {
    let nginx = Peer::Nginx.find()?;
    let output = Command::new(&nginx).arg("-V").stdin(Stdio::null()).output().ok()?;
    let place = stream_module(&String::from_utf8_lossy(&output.stderr), nginx)?;
    place.is_file().then_some(place)
}

/// Where nginx has its stream module, by the options that it says it was built with.
fn stream_module(said: &str, nginx: PathBuf) -> Option<PathBuf> {
    let mut options = said.split_whitespace();
    if options.clone().any(|option| option == "--with-stream") {
        return Some(nginx);
    }
    let folder = options.find_map(|option| option.strip_prefix("--modules-path="))?;
    Some(Path::new(folder).join("ngx_stream_module.so"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(said: &str) -> Option<PathBuf> {
        stream_module(said, "/usr/sbin/nginx".into())
    }

    #[test]
    fn a_module_that_is_loaded_is_where_nginx_looks_for_modules() {
        let said = "built with OpenSSL\nconfigure arguments: --with-cc-opt='-g -O2' \
                    --modules-path=/usr/lib/nginx/modules --with-stream=dynamic --with-stream_ssl_module";

        assert_eq!(place(said), Some("/usr/lib/nginx/modules/ngx_stream_module.so".into()));
    }

    #[test]
    fn a_module_that_is_built_in_is_nginx_itself() {
        let said =
            "configure arguments: --modules-path=/usr/lib/nginx/modules --with-stream --with-threads\n";

        assert_eq!(place(said), Some("/usr/sbin/nginx".into()));
    }

    #[test]
    fn an_nginx_that_loads_no_modules_has_none() {
        assert_eq!(place("configure arguments: --with-stream_ssl_module"), None);
    }
}
