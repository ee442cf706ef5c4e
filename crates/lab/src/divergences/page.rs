//! `docs/divergences.md`.

use std::fmt::Write as _;

use super::{Difference, Scenario, scenarios};

/// What is known of where the machine and the kernel differ, in Markdown. It depends on no measurement: a test holds it
/// against the running kernel.
pub fn page() -> String {
    let alike = scenarios().filter(|scenario| scenario.differs.is_empty()).count();
    let mut page = format!(
        "# Where the machine and the kernel differ\n\n\
         The machine of `crates/tcp`, with `Profile::LINUX`, and the running kernel perform the same {} scripts over the same kind of wire, \
         in IPv4 and IPv6; in {alike} of them every segment, every answer to a call and every state is the same. Below is each line \
         of a script at which they are not, and why. A test (`crates/lab/tests/machine`) performs all of it anew and fails on a difference \
         that is not listed here, and on a listed one that is gone. Held against Linux 6.18; this page is drawn from the scenarios \
         themselves (`crates/lab/src/divergences`), and nothing in it is measured when it is written.\n\n\
         Numbers are told from each side's first SYN. Left out of the comparison: clocks, window sizes but for closed windows, and \
         how long a wait is (of those that grow, how they grow is compared). See one live:\n\n    \
         cargo run -p timewait-lab --example against-the-kernel -- text-on-syn\n\n",
        scenarios().count()
    );
    page.push_str("## Where they differ\n");
    for scenario in scenarios().filter(|scenario| !scenario.differs.is_empty()) {
        tell(&mut page, scenario);
    }
    page.push_str("\n## Every script\n\n| script | what it is about | rule | |\n|---|---|---|---|\n");
    for Scenario { id, about, by, differs, .. } in scenarios() {
        let differs = if differs.is_empty() { "the same".to_owned() } else { format!("[differs](#{id})") };
        let _ = writeln!(page, "| {id} | {about} | {by} | {differs} |");
    }
    page
}

fn tell(page: &mut String, Scenario { id, about, by, differs, .. }: &Scenario) {
    let _ = write!(page, "\n### {id}\n\n{about} ({by}).\n");
    for (index, difference) in differs.iter().enumerate() {
        let Difference { at, kernel, machine, because } = difference;
        let _ = write!(page, "\n- at `{at}`: the kernel `{kernel}`, the machine `{machine}`.");
        // A reason that holds for several lines stands after the last of them.
        if differs.get(index + 1).is_none_or(|next| next.because != *because) {
            let _ = write!(page, "\n\n{because}\n");
        }
    }
}
