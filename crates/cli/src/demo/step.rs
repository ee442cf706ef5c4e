//! What a step of the story is, and whether what was observed is what the story tells.

use timewait_facts::{Owner, Socket, State};

/// A step's name, stable for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepId {
    FirstProgram,
    RestartRefused,
    OptionTooLate,
    OptionRestarts,
    ClientCloses,
    CrashUnderLoad,
}

impl StepId {
    pub(crate) const ALL: [Self; 6] = [
        Self::FirstProgram,
        Self::RestartRefused,
        Self::OptionTooLate,
        Self::OptionRestarts,
        Self::ClientCloses,
        Self::CrashUnderLoad,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::FirstProgram => "first-program",
            Self::RestartRefused => "restart-refused",
            Self::OptionTooLate => "option-too-late",
            Self::OptionRestarts => "option-restarts",
            Self::ClientCloses => "client-closes",
            Self::CrashUnderLoad => "crash-under-load",
        }
    }

    /// Its place in the story, from 1.
    pub(crate) fn number(self) -> usize {
        Self::ALL.iter().position(|&step| step == self).map_or(0, |position| position + 1)
    }
}

/// A row of the socket table, and its owner.
pub(crate) type Held = (Socket, Option<Owner>);

/// One thing of a step, in the order in which it happened.
#[derive(Clone, Debug)]
pub(crate) enum Moment {
    /// A program ran, and this is what became of it.
    Ran(Run),
    /// Something was done that is no program of ours.
    Did(String),
    /// The sockets with the port, on either end, at this moment.
    Table(Vec<Held>),
}

/// A program that was run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// As one would type it.
    pub(crate) command: String,
    /// What it wrote.
    pub(crate) said: Vec<String>,
    /// What became of it.
    pub(crate) outcome: Outcome,
}

/// What became of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The server listens.
    Listens,
    /// A call of the server failed.
    Refused { call: String, errno: String },
    /// The client's conversation is over.
    Talked,
    /// The server was told to stop, or killed, and has ended.
    Ended,
    /// It ended without saying what the demo can read.
    Unclear,
}

/// A step, as it was observed.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) id: StepId,
    /// The server's port.
    pub(crate) port: u16,
    pub(crate) moments: Vec<Moment>,
}

impl Step {
    /// What became of the servers that were started, in order.
    pub(crate) fn starts(&self) -> impl Iterator<Item = &Outcome> {
        self.moments.iter().filter_map(|moment| match moment {
            Moment::Ran(Run { outcome: outcome @ (Outcome::Listens | Outcome::Refused { .. }), .. }) => {
                Some(outcome)
            }
            Moment::Ran(_) | Moment::Did(_) | Moment::Table(_) => None,
        })
    }

    /// What became of the last server that was started.
    pub(crate) fn last_start(&self) -> Option<&Outcome> {
        self.starts().last()
    }

    fn tables(&self) -> impl Iterator<Item = &Vec<Held>> {
        self.moments.iter().filter_map(|moment| match moment {
            Moment::Table(rows) => Some(rows),
            Moment::Ran(_) | Moment::Did(_) => None,
        })
    }

    /// The rows at the end of the step.
    pub(crate) fn rows(&self) -> &[Held] {
        self.tables().last().map_or(&[], Vec::as_slice)
    }

    /// Sockets in a state at the end of the step: on the server's side, on the client's.
    pub(crate) fn count(&self, state: State) -> Sides {
        count(self.rows(), self.port, |socket| socket.state == state)
    }

    /// The most orphans (FIN-WAIT-2 that no process holds) on the server's side at any moment of the step.
    pub(crate) fn orphans(&self) -> usize {
        // Mostly minisockets; where the last ACK came while the kernel was closing, a whole socket without a file.
        let orphan = |socket: &Socket| socket.state == State::FinWait2 && socket.inode.is_none();
        self.tables().map(|rows| count(rows, self.port, orphan).server).max().unwrap_or(0)
    }

    /// Whether this kernel did what the story tells.
    pub(crate) fn as_told(&self) -> bool {
        let waits = self.count(State::TimeWait);
        let listens = self.count(State::Listen).server;
        let starts: Vec<&Outcome> = self.starts().collect();
        match self.id {
            StepId::FirstProgram => {
                matches!(*starts, [Outcome::Listens]) && waits == Sides::SERVER && self.clients_rows() == 0
            }
            StepId::RestartRefused | StepId::OptionTooLate => {
                matches!(*starts, [refused] if in_use(refused)) && waits == Sides::SERVER && listens == 0
            }
            StepId::OptionRestarts => {
                matches!(*starts, [Outcome::Listens, Outcome::Listens])
                    && waits == Sides::SERVER
                    && listens == 1
            }
            StepId::ClientCloses => {
                matches!(*starts, [Outcome::Listens, Outcome::Listens])
                    && waits == Sides::CLIENT
                    && listens == 1
            }
            StepId::CrashUnderLoad => {
                self.orphans() == CLIENTS
                    && matches!(*starts, [Outcome::Listens, refused, Outcome::Listens] if in_use(refused))
            }
        }
    }

    /// Rows of the client's side, whatever their state.
    fn clients_rows(&self) -> usize {
        count(self.rows(), self.port, |_| true).client
    }

    /// The answer in a few words, for the closing table.
    pub(crate) fn answer(&self) -> String {
        let first_start_is_news = !matches!(self.id, StepId::FirstProgram);
        let mut parts = Vec::new();
        if first_start_is_news {
            let set_up = usize::from(!matches!(self.id, StepId::RestartRefused | StepId::OptionTooLate));
            parts.extend(self.starts().skip(set_up).map(|start| match start {
                Outcome::Refused { errno, .. } => errno.clone(),
                Outcome::Listens | Outcome::Talked | Outcome::Ended | Outcome::Unclear => {
                    "listens".to_owned()
                }
            }));
        }
        let Sides { server, client } = self.count(State::TimeWait);
        let orphans = self.orphans();
        let rows = [(server, "waiting here"), (client, "waiting at client"), (orphans, "orphans")];
        parts.extend(
            rows.into_iter().filter(|&(count, _)| count > 0).map(|(count, what)| format!("{count} {what}")),
        );
        if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
    }
}

/// How many connections are open when the server of the last act is killed.
pub(crate) const CLIENTS: usize = 200;

fn in_use(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused { call, errno } if call == "bind" && errno == "EADDRINUSE")
}

/// Sockets counted by the side of the connection they are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sides {
    /// Their local port is the server's.
    pub(crate) server: usize,
    /// Their peer's port is the server's.
    pub(crate) client: usize,
}

impl Sides {
    /// One, on the server's side.
    pub(crate) const SERVER: Self = Self { server: 1, client: 0 };
    /// One, on the client's side.
    pub(crate) const CLIENT: Self = Self { server: 0, client: 1 };
}

/// Counts the rows that a condition chooses, by side.
pub(crate) fn count(rows: &[Held], port: u16, chosen: impl Fn(&Socket) -> bool) -> Sides {
    let mut sides = Sides::default();
    for (socket, _) in rows.iter().filter(|(socket, _)| chosen(socket)) {
        if socket.local.port() == port {
            sides.server += 1;
        } else {
            sides.client += 1;
        }
    }
    sides
}

#[cfg(test)]
mod tests;
