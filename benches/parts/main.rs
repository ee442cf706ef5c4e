//! The parts, each by itself: `cargo bench -p timewait-benches`. For who works on one of them, and wants to see at once what a
//! change does; criterion keeps what it measured before, and compares. What is promised of the whole is measured by
//! `cargo xtask bench`.
#![allow(missing_docs, reason = "criterion's macros make functions without")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

mod table;

use std::{hint::black_box, net::SocketAddr};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use timewait_diagnose::bind::{Census, Facts, LocalPorts, Occupant, Request, predict};
use timewait_facts::{Socket, State as SocketState};
use timewait_model::{Bounds, Question, Rules, explore};
use timewait_tcp::{
    Instant, Profile, Seq, State, StateName, Step,
    draw::{Ladder, Page},
};

/// Rows of the socket table, out of datagrams as the kernel fills them.
fn rows(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("socket table");
    group.throughput(Throughput::Elements(table::ROWS));
    group.bench_function("parse", |bencher| {
        bencher.iter_batched_ref(table::answered, table::dump, criterion::BatchSize::PerIteration);
    });
    group.bench_function("count", |bencher| {
        bencher.iter_batched_ref(table::answered, table::count, criterion::BatchSize::PerIteration);
    });
    group.finish();
}

/// Who holds a port, of a thousand sockets on a hundred addresses, and what bind(2) will answer.
fn rules(criterion: &mut Criterion) {
    let sockets: Vec<Socket> = (0..1_000_u16)
        .map(|number| {
            let local = SocketAddr::from(([10, 0, 0, (number % 100) as u8], 9000));
            Socket::bare(SocketState::TimeWait, local, SocketAddr::from(([10, 1, 0, 1], 32_768 + number)))
        })
        .collect();
    let census = || {
        let mut census = Census::new(LocalPorts::default());
        for socket in &sockets {
            census.add(Occupant::of(*socket, None));
        }
        census.into_occupants()
    };
    let facts = Facts { occupants: census(), bound_listed: true, ..Facts::default() };
    let request = Request { reuseaddr: true, ..Request::plain(SocketAddr::from(([0, 0, 0, 0], 9000)), 1000) };
    let mut group = criterion.benchmark_group("bind rules");
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("census of 1,000", |bencher| bencher.iter(|| black_box(census())));
    group.bench_function("predict, 100 kinds", |bencher| {
        bencher.iter(|| black_box(predict(&request, &facts)));
    });
    group.finish();
}

/// A connection from its SYN to TIME-WAIT, between two machines.
fn machine(criterion: &mut Criterion) {
    criterion
        .bench_function("machine: open, say, close", |bencher| bencher.iter(|| black_box(conversation())));
}

fn conversation() -> StateName {
    let (now, profile) = (Instant::START, Profile::RFC_9293);
    let mut server = State::Closed.listen(Seq::new(300)).next;
    let mut client = deliver(&mut server, State::Closed.open(Seq::new(100), now, &profile));
    let said = server.send_last(b"I sent sth to client!\n", now, &profile);
    server = deliver(&mut client, said);
    deliver(&mut server, client.close(now, &profile));
    server.name()
}

/// What a step sends reaches the other side, and what that answers comes back, until both are silent.
fn deliver(other: &mut State, mut step: Step) -> State {
    let (now, profile) = (Instant::START, Profile::RFC_9293);
    while !step.send.is_empty() {
        let mut answers = Vec::new();
        for segment in step.send {
            let heard = std::mem::replace(other, State::Closed).on_segment(segment, now, &profile);
            *other = heard.next;
            answers.extend(heard.send);
        }
        step.send = Vec::new();
        for segment in answers {
            let heard = step.next.on_segment(segment, now, &profile);
            step.next = heard.next;
            step.send.extend(heard.send);
        }
    }
    step.next
}

/// Every world of a small bound; and a counterexample, drawn.
fn model(criterion: &mut Criterion) {
    let rules = Rules::new(Bounds { msl: 1, ..Bounds::default() }, 1);
    let explored = explore(&rules, 1 << 30, |_| ()).unwrap();
    let trace = explored.counterexample(Question::NothingOldAccepted).unwrap();
    let mut group = criterion.benchmark_group("model");
    group.sample_size(20).throughput(Throughput::Elements(explored.states.into()));
    group.bench_function("explore, MSL 1, wait 1", |bencher| {
        bencher.iter(|| black_box(explore(&rules, 1 << 30, |_| ()).unwrap().states));
    });
    group.finish();
    criterion.bench_function("ladder: text", |bencher| {
        bencher.iter(|| black_box(Ladder::of(&trace).text(Page::default()).to_string()));
    });
    criterion
        .bench_function("ladder: svg", |bencher| bencher.iter(|| black_box(Ladder::of(&trace).svg("l"))));
}

criterion_group!(parts, rows, rules, machine, model);
criterion_main!(parts);
