//! Prints the diagram of TCP's states as SVG, the path of the side that closes first highlighted: `docs/states.svg`.

use timewait_tcp::draw::diagram::{self, Highlight};

fn main() {
    print!("{}", diagram::svg(&Highlight::closer(), "states"));
}
