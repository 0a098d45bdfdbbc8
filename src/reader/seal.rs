//! The seal of a reader process: what it can still do is read its jobs, compute, and write its answers.
//!
//! Three layers, none of which trusts another: resource limits (getrlimit(2)) bound what it takes, seccomp(2) bounds what
//! it may ask of the kernel, and Landlock (landlock(7), where the kernel has it) takes files and network away from what
//! seccomp might let through. A call that a reader has no reason to make kills it. There is no way back, so a process
//! that a hostile document takes over has nothing but its two pipes.
//!
//! Covers the calling thread and those it starts: seal before there are others.

use std::collections::BTreeMap;
use std::fmt;

use landlock::{ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus, Scope};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getpid, set_dumpable_behavior, set_parent_process_death_signal,
    setrlimit,
};
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

/// Seals this process for good.
pub(super) fn seal(bounds: Bounds) -> Seal {
    // It dies with its gate, and nobody looks into it. Neither is a layer: they keep order, not attackers.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = set_no_new_privs(true);
    // It takes a file for a moment, so it comes before the limits.
    let landlock = landlock();
    let limits = limits(bounds);
    Seal { limits, landlock, calls: calls() }
}

pub(super) fn limits(bounds: Bounds) -> bool {
    let wanted = [
        // Private memory that can be written; the one that bounds a hog.
        (Resource::Data, bounds.memory),
        (Resource::As, bounds.memory.saturating_add(RESERVED)),
        (Resource::Cpu, bounds.seconds.max(1)),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, 0),
        (Resource::Nproc, 0),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
    ];
    let set = |(resource, most)| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
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

fn calls() -> bool {
    filter().is_ok_and(|filter| seccompiler::apply_filter(&filter).is_ok())
}

fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let is = |argument, value| SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value);
    let without = |argument, bits: i32| {
        let bits = u64::from(bits.unsigned_abs());
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(bits), 0)
    };
    let rule = |condition: Result<SeccompCondition, _>| SeccompRule::new(vec![condition?]);
    let me = u64::from(getpid().as_raw_nonzero().get().unsigned_abs());
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::from([
        (libc::SYS_read, vec![rule(is(0, 0))?]),
        (libc::SYS_write, vec![rule(is(0, 1))?, rule(is(0, 2))?]),
        // Memory, but none that can be executed.
        (libc::SYS_mmap, vec![rule(without(2, libc::PROT_EXEC))?]),
        (libc::SYS_mprotect, vec![rule(without(2, libc::PROT_EXEC))?]),
        // The allocator names its memory.
        (libc::SYS_prctl, vec![rule(is(0, u64::from(libc::PR_SET_VMA.unsigned_abs())))?]),
        // An abort is a signal to oneself.
        (libc::SYS_tgkill, vec![rule(is(0, me))?]),
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
    rules.extend(free.map(|call| (call, Vec::new())));
    SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, std::env::consts::ARCH.try_into()?)?
        .try_into()
}
