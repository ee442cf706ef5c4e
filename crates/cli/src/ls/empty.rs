//! An empty answer says where to look instead.

use std::{io::Write, ops::ControlFlow};

use timewait_facts::{State, States};
use timewait_linux::sockets::{Query, SocketTable};

use super::Asked;
use crate::{args::Ls, words::ls as words};

pub(super) fn nothing_there(
    out: &mut impl Write,
    table: &mut SocketTable,
    asked: &Asked<'_>,
) -> anyhow::Result<()> {
    let Asked { args, query, .. } = asked;
    writeln!(out, "{}", words::none(query.states, args.address.as_ref(), args.netns.as_deref()))?;
    let mut again = String::from("timewait ls --all");
    for part in address_arguments(args) {
        again.push(' ');
        again.push_str(&part);
    }
    if !args.all {
        let others = others(table, query)?;
        let line = if others.is_empty() {
            words::no_other_states().to_owned()
        } else {
            words::other_states(&others, &again)
        };
        writeln!(out, "  {line}")?;
    }
    if args.netns.is_none() {
        writeln!(out, "  {}", words::other_namespaces(&format!("{again} --netns PID")))?;
    }
    Ok(())
}

/// How many sockets there are in other states, the conditions being the same.
fn others(table: &mut SocketTable, query: &Query) -> anyhow::Result<Vec<(State, u64)>> {
    let mut counts = vec![0; State::ALL.len()];
    table.dump(&Query { states: States::all(), ..*query }, |row| {
        let position = State::ALL.iter().position(|&state| state == row.state());
        if let Some(count) = position.and_then(|position| counts.get_mut(position)) {
            *count += 1;
        }
        ControlFlow::Continue(())
    })?;
    Ok(State::ALL.into_iter().zip(counts).filter(|&(_, count)| count > 0).collect())
}

fn address_arguments(args: &Ls) -> Vec<String> {
    let end = if args.local { Some("--local") } else { args.peer.then_some("--peer") };
    let address = args.address.map(|address| address.to_string());
    end.map(str::to_owned).into_iter().chain(address).collect()
}
