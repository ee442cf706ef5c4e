use std::env::consts::ARCH;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// Operation not permitted: 1 on every architecture.
const EPERM: u32 = 1;

/// From here on, this thread's calls of this number, with this first argument where one is given, fail with EPERM,
/// and so do those of the children that it starts: a seccomp filter, as a container's profile is one.
///
/// It cannot be taken back: call it in a thread, or in a host, that the test does not need afterwards.
pub fn forbid(call: i64, first_argument: Option<u32>) {
    apply(call, first_argument.map(|value| (0, value)));
}

/// The same for the requests of ioctl(2), whose number is its second argument.
pub fn forbid_request(ioctl: i64, request: u32) {
    apply(ioctl, Some((1, request)));
}

fn apply(call: i64, argument: Option<(u8, u32)>) {
    let is = |(place, value): (u8, u32)| {
        SeccompCondition::new(place, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, u64::from(value))
            .and_then(|condition| SeccompRule::new(vec![condition]))
            .expect("a condition on an argument")
    };
    let rules = argument.map(is).into_iter().collect();
    let refuse = SeccompAction::Errno(EPERM);
    let architecture = ARCH.try_into().expect("an architecture that seccomp filters are written for");
    let filter = SeccompFilter::new([(call, rules)].into(), SeccompAction::Allow, refuse, architecture);
    let program = filter.and_then(BpfProgram::try_from).expect("a filter of one rule");
    seccompiler::apply_filter(&program).expect("a filter on one's own thread is permitted to everybody");
}
