use super::Measurement;
use crate::measures;

/// What is to be measured.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) quick: bool,
    /// All of them, if none is named.
    names: Vec<String>,
}

impl Plan {
    pub(crate) fn read(words: &[&str]) -> Result<Self, String> {
        let mut plan = Self::default();
        for &word in words {
            match word {
                "--quick" => plan.quick = true,
                name if measures::ALL.iter().any(|it| it.name == name) => plan.names.push(name.to_owned()),
                other => return Err(format!("'{other}' is no measurement; they are {}", names())),
            }
        }
        Ok(plan)
    }

    pub(crate) fn is_whole(&self) -> bool {
        !self.quick && self.names.is_empty()
    }

    pub(crate) fn measurements(&self) -> impl Iterator<Item = &'static Measurement> {
        measures::ALL
            .iter()
            .copied()
            .filter(|it| self.names.is_empty() || self.names.iter().any(|name| name == it.name))
    }
}

fn names() -> String {
    measures::ALL.iter().map(|it| it.name).collect::<Vec<_>>().join(", ")
}
