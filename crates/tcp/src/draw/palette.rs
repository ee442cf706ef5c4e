//! Colours and letters of the drawings in SVG.

use alloc::{format, string::String, vec, vec::Vec};

use super::Role;

/// A colour by its class: on light paper and on dark.
const COLOURS: [(&str, &str, &str); 7] = [
    ("dim", "#5c6672", "#98a2ae"),
    ("text", "#0b5cad", "#7ab7ff"),
    ("bad", "#c2212b", "#ff7b72"),
    ("wire", "#7a3fc9", "#c39bff"),
    ("wait", "#a65b00", "#ffb454"),
    ("mark", "#0b5cad", "#7ab7ff"),
    ("paper", "#ffffff", "#0f141a"),
];

const LETTERS: &str = "ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace";

/// The rules of a drawing, all below its id: in a page they concern nothing else. The page chooses colours by
/// properties of the same names, `--timewait-wait` and so on; what has no colour of its own takes the text's.
pub(super) fn rules(id: &str, own: &[(&str, &str)]) -> String {
    let chosen = |value: fn(&(&str, &'static str, &'static str)) -> &'static str| {
        let properties =
            COLOURS.iter().map(|colour| format!("--{0}:var(--timewait-{0},{1})", colour.0, value(colour)));
        properties.collect::<Vec<_>>().join(";")
    };
    let (light, dark) = (chosen(|colour| colour.1), chosen(|colour| colour.2));
    let dark_scheme = "@media (prefers-color-scheme:dark)";
    let mut rules = vec![
        format!(
            "#{id}{{font:11.5px {LETTERS};fill:currentColor;max-width:46rem;width:100%;height:auto;{light}}}"
        ),
        format!("{dark_scheme}{{#{id}{{{dark}}}}}"),
        // Alone, in a window or as an image, it has no page to take these from.
        format!("#{id}:root{{color:#1d2329;background:var(--paper)}}"),
        format!("{dark_scheme}{{#{id}:root{{color:#e4e9ef}}}}"),
        format!("#{id} text{{white-space:pre}}"),
    ];
    rules.extend(
        COLOURS
            .iter()
            .filter(|(name, ..)| *name != "paper")
            .map(|(name, ..)| format!("#{id} .{name}{{fill:var(--{name})}}")),
    );
    rules.extend(own.iter().map(|(selector, declarations)| {
        let selectors: Vec<_> = selector.split(',').map(|one| format!("#{id} {one}")).collect();
        format!("{}{{{declarations}}}", selectors.join(","))
    }));
    format!("\n{}\n", rules.join("\n"))
}

/// The class of what has this role; none where it has no colour of its own.
pub(super) fn class(role: Role) -> &'static str {
    match role {
        Role::Plain | Role::Title | Role::Name | Role::State | Role::Marked => "",
        Role::Dim => "dim",
        Role::TimeWait => "wait",
        Role::Text => "text",
        Role::Bad => "bad",
        Role::Wire => "wire",
    }
}
