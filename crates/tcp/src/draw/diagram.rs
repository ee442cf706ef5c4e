//! The state-transition diagram, drawn from [`TABLE`]: the arrows that RFC 9293's Figure 5 draws.
//!
//! - [`text`]: in 73 columns
//! - [`mermaid`]: as the source of a Mermaid state diagram, which many pages of documentation render
//! - [`svg`]: as an SVG element
//! - [`Highlight`]: what stands out
//!
//! CLOSED stands at the top and at the bottom, as before the first connection and after the last: so no two arrows
//! cross. Where states and arrows go is laid out by hand; which arrows there are, and what is written on them, is not:
//! an arrow of the table without a place is listed below the drawing.
//!
//! ```
//! use timewait_tcp::draw::{Page, diagram::{self, Highlight}};
//!
//! let drawn = diagram::text(&Highlight::closer(), Page::default()).to_string();
//! assert!(drawn.contains("┃ Timeout=2MSL"), "the path of the side that closes first is drawn heavily");
//! ```

mod canvas;
mod picture;
mod plan;

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::spans::{Drawing, Page};
use crate::{
    StateName::{self, Closed, Established, FinWait1, FinWait2, TimeWait},
    TABLE,
    table::Arrow,
};

/// What stands out in a diagram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Highlight {
    states: Vec<StateName>,
    path: Vec<StateName>,
}

impl Highlight {
    /// Nothing does.
    pub const NONE: Self = Self { states: Vec::new(), path: Vec::new() };

    /// A state.
    pub fn state(state: StateName) -> Self {
        Self { states: [state].into(), ..Self::NONE }
    }

    /// States one after the other, and the arrows between them, where there are any.
    pub fn path(states: impl IntoIterator<Item = StateName>) -> Self {
        Self { path: states.into_iter().collect(), ..Self::NONE }
    }

    /// The way of the side that closes first, in an orderly close: from ESTABLISHED through TIME-WAIT to CLOSED.
    pub fn closer() -> Self {
        Self::path([Established, FinWait1, FinWait2, TimeWait, Closed])
    }

    fn has_arrow(&self, arrow: &Arrow) -> bool {
        self.path.windows(2).any(|step| step == [arrow.from, arrow.to])
    }

    fn has(&self, state: StateName) -> bool {
        self.states.contains(&state) || self.path.contains(&state)
    }

    /// Whether it has this one of the two places of CLOSED: where a path begins, or where one ends.
    fn has_closed(&self, place: plan::Which) -> bool {
        let on_path = match place {
            plan::Which::First => self.path.windows(2).any(|step| step.first() == Some(&Closed)),
            plan::Which::Last => self.path.windows(2).any(|step| step.last() == Some(&Closed)),
        };
        self.states.contains(&Closed) || on_path || self.path == [Closed]
    }
}

/// The diagram as text. Its width is 73 columns, whatever the page's.
pub fn text(highlight: &Highlight, page: Page) -> Drawing {
    canvas::draw(highlight, page)
}

/// The diagram as SVG, which can stand alone or in a page, as for [`Ladder::svg`](super::Ladder::svg).
pub fn svg(highlight: &Highlight, prefix: &str) -> String {
    picture::draw(highlight, prefix)
}

/// The diagram as Mermaid's source.
///
/// Mermaid has no way to mark an arrow of a state diagram: of a path the states stand out.
pub fn mermaid(highlight: &Highlight) -> String {
    let mut lines = [String::from("stateDiagram-v2")].to_vec();
    // A name with hyphens is no identifier there.
    lines.extend(StateName::ALL.iter().map(|state| format!("    state \"{state}\" as {state:?}")));
    let arrows = figure().map(|arrow| format!("    {:?} --> {:?}: {}", arrow.from, arrow.to, label(arrow)));
    lines.extend(arrows);
    let marked: Vec<String> = StateName::ALL
        .iter()
        .filter(|state| highlight.has(**state))
        .map(|state| format!("{state:?}"))
        .collect();
    if !marked.is_empty() {
        lines.push("    classDef marked stroke-width:4px,font-weight:bold".to_string());
        lines.push(format!("    class {} marked", marked.join(",")));
    }
    lines.join("\n") + "\n"
}

/// The arrows that are drawn.
fn figure() -> impl Iterator<Item = &'static Arrow> {
    TABLE.iter().filter(|arrow| arrow.in_figure)
}

/// What is written on an arrow, in a line.
fn label(arrow: &Arrow) -> String {
    if arrow.does.is_empty() { arrow.on.to_string() } else { format!("{} / {}", arrow.on, arrow.does) }
}
