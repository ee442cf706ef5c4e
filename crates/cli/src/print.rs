//! How values are shown: text, colour, JSON. Printers print; what is true was decided elsewhere.

mod clock;
mod drawing;
mod grid;
pub(crate) mod json;
mod line;
mod paint;
mod problem;
mod table;

pub(crate) use clock::time_of_day_in;
pub(crate) use drawing::{page, print_drawing};
pub(crate) use grid::grid;
pub(crate) use line::{Endpoint, Line};
pub(crate) use paint::{Paint, Tone};
pub(crate) use problem::{label, print_failed_call, print_lines, problem, wrap};
pub(crate) use table::{Columns, Table, owner_text};
