use timewait_linux::hosts::Host;

use super::{Bench, Peer, Section};

/// Something that is claimed about speed, and how it is measured.
#[derive(Debug)]
pub(crate) struct Measurement {
    /// One word, by which it is asked for.
    pub(crate) name: &'static str,
    /// Its heading on the page.
    pub(crate) title: &'static str,
    /// What is measured against what, and what a reader should know; Markdown.
    pub(crate) about: &'static str,
    /// Programs of others that it compares with. What is missing is named on the page.
    pub(crate) needs: &'static [Peer],
    /// Each is performed in a host of its own; what they tell is put together, tables of the same heading into one.
    /// The second list is that of `--quick`.
    pub(crate) cases: [&'static [&'static str]; 2],
    /// Drawn from the points that the cases tell.
    pub(crate) figures: &'static [Figure],
    /// Measures one case, inside a host of its own.
    pub(crate) perform: fn(&Bench<'_>, &Host, &str) -> anyhow::Result<Section>,
}

/// A plot: lines through points, both axes logarithmic.
#[derive(Debug)]
pub(crate) struct Figure {
    /// By which points name it, and the end of its file's name: `docs/performance-NAME.svg`.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What the axes count, with their units.
    pub(crate) across: &'static str,
    pub(crate) up: &'static str,
}

impl Figure {
    pub(crate) fn file(&self) -> String {
        format!("performance-{}.svg", self.name)
    }
}
