//! Prints `docs/divergences.md`: where the machine and the kernel differ, as the scenarios themselves say. `docs/generate`
//! writes the page anew; nothing in it is measured when it is written.

fn main() {
    print!("{}", timewait_lab::divergences::page());
}
