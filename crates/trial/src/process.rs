use std::{
    fs::File,
    io,
    io::Write as _,
    process::{Child, Command, ExitStatus, Stdio},
};

use timewait_linux::processes;

use crate::eventually;

/// A child that ends with the test, and whose output can be read while it runs.
///
/// The output goes to unnamed files, so that nobody has to read along for the child to go on.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: File,
    stderr: File,
}

/// What a child left behind.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote, bytes that are no UTF-8 replaced.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Process {
    /// Starts a child that dies with this thread.
    pub fn start(command: &mut Command) -> Self {
        Self::start_by(command, |command| processes::tether(command).spawn())
            .unwrap_or_else(|error: io::Error| panic!("cannot start {command:?}: {error}"))
    }

    /// Starts a child in the way that `spawn` does it. Standard input is empty unless the command says otherwise.
    ///
    /// # Errors
    /// Whatever `spawn` answers.
    pub fn start_by<E>(
        command: &mut Command,
        spawn: impl FnOnce(&mut Command) -> Result<Child, E>,
    ) -> Result<Self, E> {
        let stdout = tempfile::tempfile().expect("an unnamed file");
        let stderr = tempfile::tempfile().expect("an unnamed file");
        let copy = |file: &File| Stdio::from(file.try_clone().expect("a second descriptor"));
        let child = spawn(command.stdin(Stdio::piped()).stdout(copy(&stdout)).stderr(copy(&stderr)))?;
        Ok(Self { child, stdout, stderr })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input, which then stays open. A child that has ended meanwhile hears nothing.
    pub fn write(&mut self, bytes: &[u8]) {
        let stdin = self.child.stdin.as_mut().expect("standard input is piped");
        match stdin.write_all(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            outcome => outcome.expect("the child reads"),
        }
    }

    /// Ends its standard input.
    pub fn end_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// What it has written so far.
    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Waits until it has written `text` (either stream), and gives all it has written by then.
    pub fn until(&self, text: &str) -> String {
        eventually(&format!("'{text}' in the output of a child"), || {
            let written = self.stdout() + &self.stderr();
            written.contains(text).then_some(written)
        })
    }

    /// Sends it a signal, by its id.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").arg(format!("-{signal}")).arg(self.id().to_string()).status();
        assert!(status.is_ok_and(|status| status.success()), "cannot send {signal}");
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    /// Ends its input and waits for its end.
    pub fn finish(mut self) -> Finished {
        self.end_input();
        let status = eventually("the end of a child", || self.child.try_wait().expect("our own child"));
        Finished { status, stdout: self.stdout(), stderr: self.stderr() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The file's offset is the child's as well: read through another description of it.
fn read(file: &File) -> String {
    use std::os::unix::fs::FileExt as _;
    let mut bytes = vec![0; usize::try_from(file.metadata().map_or(0, |meta| meta.len())).unwrap_or(0)];
    let length = file.read_at(&mut bytes, 0).unwrap_or(0);
    bytes.truncate(length);
    String::from_utf8_lossy(&bytes).into_owned()
}
