//! The seal of a reader process: what it can still do is read its jobs, compute, and write its answers.
//!
//! Three layers, none of which trusts another: resource limits (getrlimit(2)) bound what it takes, seccomp(2) bounds what
//! it may ask of the kernel, and Landlock (landlock(7), where the kernel has it) takes files and network away from what
//! seccomp might let through. A call that a reader has no reason to make kills it. There is no way back, so a process
//! that a hostile document takes over has nothing but its two pipes.
//!
//! Covers the calling thread and those it starts: seal before there are others. A reader process is born of one that
//! never sees a document ([`child`](super::child)) and that is sealed as well, but for what a birth takes: it can make a
//! process, wait for it, say so, and hand down its own seal. What is born closes that gap before it reads.

use std::collections::BTreeMap;
use std::fmt;

use landlock::{ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus, Scope};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, set_dumpable_behavior, set_parent_process_death_signal, setrlimit,
};
use rustix::stdio::{dup2_stderr, stdout};
use rustix::thread::set_no_new_privs;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// What a reader process may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Octets of memory.
    pub memory: u64,
    /// Seconds of processor time.
    pub seconds: u64,
}

/// Which layers hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// Resource limits.
    pub limits: bool,
    /// The filter of system calls.
    pub calls: bool,
    /// Landlock.
    pub landlock: bool,
}

impl Seal {
    /// Whether every layer holds.
    pub fn is_whole(self) -> bool {
        self.limits && self.calls && self.landlock
    }

    pub(super) fn octet(self) -> u8 {
        u8::from(self.limits) | u8::from(self.calls) << 1 | u8::from(self.landlock) << 2
    }

    pub(super) fn from_octet(octet: u8) -> Self {
        Self { limits: octet & 1 != 0, calls: octet & 2 != 0, landlock: octet & 4 != 0 }
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |holds| if holds { "yes" } else { "no" };
        let (limits, calls, landlock) = (word(self.limits), word(self.calls), word(self.landlock));
        write!(f, "limits: {limits}, system calls: {calls}, landlock: {landlock}")
    }
}

/// Environment of a reader process, and all of it: its allocator takes address space first and memory by and by, or a
/// gigabyte would be its own before any limit is set.
pub(super) const ENVIRONMENT: [(&str, &str); 2] = [("MIMALLOC_ARENA_EAGER_COMMIT", "0"), ("MIMALLOC_ALLOW_THP", "0")];

/// Address space that is reserved and not used: the allocator's, the program's, its stack.
const RESERVED: u64 = 1536 << 20;

/// What closes the gap that a birth needs: made once, since it is the same for all that are born.
pub(super) struct Closure(Option<BpfProgram>);

/// Seals a process of which readers are born; they inherit it, and what closes it.
pub(super) fn seal(bounds: Bounds) -> (Seal, Closure) {
    // It dies with its gate, and nobody looks into it. Neither is a layer: they keep order, not attackers.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = set_no_new_privs(true);
    let closure = Closure(births().and_then(|births| filter(births, true)).ok());
    (Seal { landlock: landlock(), limits: limits(bounds), calls: calls() }, closure)
}

/// Seals a newborn reader for good, on top of what it inherited. Whether it could: a layer that its parent has, and it
/// has not, is none.
pub(super) fn close(inherited: Seal, Closure(closure): &Closure) -> bool {
    // Not inherited. Who is gone already, it does not outlive either: nobody holds the other ends of its pipes.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    // What its parent says is not for it to say.
    let is_silent = dup2_stderr(stdout()).is_ok();
    let limits = narrow();
    let calls = closure.as_ref().is_some_and(|closure| seccompiler::apply_filter(closure).is_ok());
    is_silent && (limits || !inherited.limits) && (calls || !inherited.calls)
}

fn set((resource, most): (Resource, u64)) -> rustix::io::Result<()> {
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
}

/// Limits that a birth would not survive.
fn narrow() -> bool {
    [(Resource::Nofile, 0), (Resource::Nproc, 0)].map(set).iter().all(Result::is_ok)
}

/// Limits of all that it takes alone.
pub(super) fn limits(bounds: Bounds) -> bool {
    let wanted = [
        // Private memory that can be written; the one that bounds a hog.
        (Resource::Data, bounds.memory),
        (Resource::As, bounds.memory.saturating_add(RESERVED)),
        (Resource::Cpu, bounds.seconds.max(1)),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
    ];
    // All of them, whatever becomes of one.
    wanted.map(set).iter().all(Result::is_ok)
}

/// No file, no port, no socket of others, no signal to others.
pub(super) fn landlock() -> bool {
    // The newest that all of this is known to be right for; on an older kernel the library takes what there is.
    const KNOWN: ABI = ABI::V6;
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(KNOWN)))
        .and_then(|rules| rules.scope(Scope::from_all(KNOWN)))
        .and_then(|rules| rules.create())
        .and_then(|rules| rules.restrict_self());
    ruleset.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

/// System calls, with the arguments that they may have: any of these rules, or whatever when there is none.
type Calls = BTreeMap<i64, Vec<SeccompRule>>;

/// What a parent of readers has to call, and a reader may not.
fn births() -> Result<Calls, seccompiler::BackendError> {
    // The exit signal and the two that say where the thread number goes: a process, no thread, nothing shared.
    let shared = !(0xFF | libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID);
    let calls = [
        (libc::SYS_clone, vec![rule(without(0, shared))?]),
        (libc::SYS_write, vec![rule(is(0, 2))?]),
        (libc::SYS_prctl, vec![rule(is(0, libc::PR_SET_PDEATHSIG))?, rule(is(0, libc::PR_SET_NO_NEW_PRIVS))?]),
        (libc::SYS_dup3, vec![rule(is(0, 1))?]),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_dup2, vec![rule(is(0, 1))?]),
        (libc::SYS_wait4, Vec::new()),
        (libc::SYS_prlimit64, Vec::new()),
        (libc::SYS_seccomp, Vec::new()),
        (libc::SYS_set_robust_list, Vec::new()),
    ];
    Ok(calls.into_iter().collect())
}

fn calls() -> bool {
    let all = births().and_then(|births| Ok(join(free()?, births)));
    all.and_then(|all| filter(all, false)).is_ok_and(|filter| seccompiler::apply_filter(&filter).is_ok())
}

/// These and these.
fn join(mut calls: Calls, more: Calls) -> Calls {
    for (call, rules) in more {
        let known = calls.entry(call).or_default();
        // Without a rule it is free.
        if rules.is_empty() { known.clear() } else { known.extend(rules) }
    }
    calls
}

/// Kills for these calls, or for all others. The second on top of the first leaves what both let through.
fn filter(calls: Calls, for_these: bool) -> Result<BpfProgram, seccompiler::BackendError> {
    let (others, these) = (SeccompAction::KillProcess, SeccompAction::Allow);
    let (others, these) = if for_these { (these, others) } else { (others, these) };
    SeccompFilter::new(calls, others, these, std::env::consts::ARCH.try_into()?)?.try_into()
}

type Condition = Result<SeccompCondition, seccompiler::BackendError>;

fn is(argument: u8, value: i32) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, u64::from(value.unsigned_abs()))
}

/// None of these bits.
fn without(argument: u8, bits: i32) -> Condition {
    let bits = u64::from(bits.cast_unsigned());
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(bits), 0)
}

fn rule(condition: Condition) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![condition?])
}

/// What a reader may call. An abort is none of it: who wants to end by a signal is ended by one.
fn free() -> Result<Calls, seccompiler::BackendError> {
    let bound = BTreeMap::from([
        (libc::SYS_read, vec![rule(is(0, 0))?]),
        (libc::SYS_write, vec![rule(is(0, 1))?]),
        // Memory, but none that can be executed.
        (libc::SYS_mmap, vec![rule(without(2, libc::PROT_EXEC))?]),
        (libc::SYS_mprotect, vec![rule(without(2, libc::PROT_EXEC))?]),
        // The allocator names its memory.
        (libc::SYS_prctl, vec![rule(is(0, libc::PR_SET_VMA))?]),
    ]);
    let free = [
        libc::SYS_brk,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_getcpu,
        libc::SYS_clock_gettime,
        libc::SYS_getrandom,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_restart_syscall,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    Ok(join(bound, free.map(|call| (call, Vec::new())).into()))
}
