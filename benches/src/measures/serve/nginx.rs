use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use crate::frame::{Bench, Peer};

/// Where Debian has nginx's modules; elsewhere they may be built in.
const STREAM_MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

/// A folder for nginx's files, for as long as this value.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn make() -> anyhow::Result<Self> {
        let number = rustix::process::getpid().as_raw_nonzero();
        let folder = std::env::temp_dir().join(format!("timewait-bench-nginx-{number}"));
        // In a pid namespace of its own every run has the same number.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).context("a folder for nginx's files")?;
        Ok(Self(folder))
    }

    /// The line and nothing else; `None` where this nginx has no such module.
    pub(super) fn stream(&self, bench: &Bench<'_>) -> anyhow::Result<Option<Command>> {
        let built_in = Self::options(bench).contains("--with-stream ");
        let module = match (built_in, Path::new(STREAM_MODULE).exists()) {
            (true, _) => String::new(),
            (false, true) => format!("load_module {STREAM_MODULE};\n"),
            (false, false) => return Ok(None),
        };
        let block =
            "stream { server { listen 127.0.0.1:9000 backlog=4096; return \"I sent sth to client!\\n\"; } }";
        self.command(bench, "stream", &format!("{module}events {{ worker_connections 8192; }}\n{block}\n"))
    }

    /// With what it was built, as it says itself.
    fn options(bench: &Bench<'_>) -> String {
        let output = bench.peer(Peer::Nginx, &["-V"]).and_then(|mut nginx| nginx.output().ok());
        output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default()
    }

    /// An answer in HTTP.
    pub(super) fn http(&self, bench: &Bench<'_>) -> anyhow::Result<Option<Command>> {
        let block = "http { access_log off; keepalive_timeout 0; server { listen 127.0.0.1:9000 backlog=4096; \
                     return 200 \"I sent sth to client!\\n\"; } }";
        self.command(bench, "http", &format!("events {{ worker_connections 8192; }}\n{block}\n"))
    }

    fn command(&self, bench: &Bench<'_>, name: &str, text: &str) -> anyhow::Result<Option<Command>> {
        let (folder, file) = (self.0.display().to_string(), self.0.join(format!("{name}.conf")));
        let head = "daemon off; worker_processes auto; error_log /dev/null crit;";
        fs::write(&file, format!("{head}\npid {folder}/{name}.pid;\n{text}"))?;
        let file = file.display().to_string();
        Ok(bench.peer(Peer::Nginx, &["-p", &folder, "-c", &file, "-e", "/dev/null"]))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of it is in the folder of temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
