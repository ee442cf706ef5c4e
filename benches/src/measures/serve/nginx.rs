use std::{fs, path::PathBuf, process::Command};

use anyhow::Context as _;

use crate::frame::{Bench, Peer};

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
        let Some(place) = bench.place(Peer::NginxStream) else { return Ok(None) };
        let built_in = bench.place(Peer::Nginx) == Some(place);
        let module = if built_in { String::new() } else { format!("load_module {};\n", place.display()) };
        let block =
            "stream { server { listen 127.0.0.1:9000 backlog=4096; return \"I sent sth to client!\\n\"; } }";
        self.command(bench, "stream", &format!("{module}events {{ worker_connections 8192; }}\n{block}\n"))
    }

    /// An answer in HTTP.
    pub(super) fn http(&self, bench: &Bench<'_>) -> anyhow::Result<Option<Command>> {
        let block = "http { access_log off; keepalive_timeout 0; server { listen 127.0.0.1:9000 backlog=4096; \
                     return 200 \"I sent sth to client!\\n\"; } }";
        self.command(bench, "http", &format!("events {{ worker_connections 8192; }}\n{block}\n"))
    }

    fn command(&self, bench: &Bench<'_>, name: &str, text: &str) -> anyhow::Result<Option<Command>> {
        let (folder, file) = (self.0.display().to_string(), self.0.join(format!("{name}.conf")));
        // In the namespaces of an ordinary user there is no other user whom its workers could become.
        let head = "user root root; daemon off; worker_processes auto; error_log /dev/null crit;";
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
