//! `why --to`: would connect(2) find a local port?

use std::process::ExitCode;

use super::Look;
use crate::{
    args::{Target, Why},
    print::Paint,
};

pub(super) fn run(_args: &Why, _to: &Target, _look: Look<'_>, _paint: Paint) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
