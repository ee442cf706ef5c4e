//! Prints `docs/claims.md`: every claim, who says it, how it is tried, and what kernels answered before. `docs/generate` writes the page
//! anew; nothing in it is measured when it is written.

use timewait_lab::{Entrant, Pace, claims};

fn main() {
    println!(
        "# The claims\n\n\
         What is said about TIME-WAIT, and how `timewait lab` tries it on the kernel that it runs on. The last column is what a kernel \
         answered before: it is never used as the answer, only to tell what is news. This page is drawn from the claims themselves \
         (`crates/lab/src/claims`).\n\n\
         | claim | said by | it says | answered before |\n|---|---|---|---|"
    );
    for claim in claims::ALL {
        println!(
            "| [{0}](#{0}) | {1} | {2} | {3} |",
            claim.about.id,
            claim.about.by,
            claim.about.says,
            before(claim)
        );
    }
    for claim in claims::ALL {
        println!("\n## {}\n\n*{}.* {}", claim.about.id, claim.about.says, claim.about.how);
        println!("\n- If so: {}\n- If not: {}", claim.about.if_confirmed, claim.about.if_refuted);
        if let Some(contrary) = claim.contrary {
            println!("- The other way round, which turns the verdict: {contrary}.");
        }
        if claim.about.pace == Pace::Slow {
            println!("- Only with `timewait lab --all`, or by its name.");
        }
    }
}

fn before(claim: &Entrant) -> String {
    let told = |record: &timewait_lab::Record| {
        let (major, minor) = record.series;
        format!("{} by {major}.{minor}", if record.confirmed { "confirmed" } else { "refuted" })
    };
    claim.about.recorded.iter().map(told).collect::<Vec<_>>().join(", ")
}
