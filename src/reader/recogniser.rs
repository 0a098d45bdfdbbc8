//! A process that recognises text: seals itself, and becomes Tesseract.
//!
//! Tesseract and the libraries that decode pictures for it are others' C and C++, and what they decode was mailed. So
//! they get what a reader process gets (resource limits, a filter of system calls, Landlock; see
//! [`seal`](super::seal)), with two gaps: files of the system can be read, since the program, its libraries and its
//! languages are files, and one program can be started, by ourselves, which is it. No network, no other process or
//! thread, nothing to write to but its answer.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, nice, set_dumpable_behavior, set_parent_process_death_signal, setrlimit,
};
use rustix::thread::set_no_new_privs;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::{Bounds, Seal};

/// Becomes the program with these arguments, sealed; `whole` refuses to with less than a whole seal. Comes back only
/// when it can't.
pub fn recognise(program: &Path, arguments: &[&str], bounds: Bounds, whole: bool) -> io::Error {
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = set_no_new_privs(true);
    // Mail without pictures goes first.
    let _ = nice(10);
    let mut command = Command::new(program);
    // Threads of it wait for one another more than they work, where cores are busy.
    command.args(arguments).env_clear().env("OMP_THREAD_LIMIT", "1");
    let landlock = landlock(program).is_ok_and(|status| status != RulesetStatus::NotEnforced);
    let seal = Seal { landlock, limits: limits(bounds), calls: calls() };
    if whole && !seal.is_whole() {
        return io::Error::other("this machine cannot seal it whole");
    }
    command.exec()
}

/// Address space beside what is written to: the program, its libraries, its languages.
const RESERVED: u64 = 512 << 20;
/// Files that are open at the same time: a library, a language.
const FILES: u64 = 32;

fn limits(bounds: Bounds) -> bool {
    let wanted = [
        (Resource::Data, bounds.memory),
        (Resource::As, bounds.memory.saturating_add(RESERVED)),
        (Resource::Cpu, bounds.seconds.max(1)),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, FILES),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
    ];
    let set = |(resource, most)| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    wanted.map(set).iter().all(Result::is_ok)
}

/// The folders of the system with programs, libraries and what they read, the folder that the program was installed
/// in, and the list of libraries: to be read, and the first to be run from. No ports, no sockets or signals of others.
fn landlock(program: &Path) -> Result<RulesetStatus, RulesetError> {
    const KNOWN: ABI = ABI::V6;
    let read = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::Execute;
    let mut folders: Vec<PathBuf> = ["/usr", "/lib", "/lib64", "/bin"].map(PathBuf::from).to_vec();
    folders.extend(
        program.parent().and_then(Path::parent).filter(|prefix| prefix.parent().is_some()).map(Path::to_path_buf),
    );
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?
        .create()?;
    for folder in folders {
        if let Ok(folder) = PathFd::new(folder) {
            rules = rules.add_rule(PathBeneath::new(folder, read))?;
        }
    }
    for file in ["/etc/ld.so.cache", "/etc/alternatives", "/dev/null"] {
        if let Ok(file) = PathFd::new(file) {
            rules = rules.add_rule(PathBeneath::new(file, AccessFs::ReadFile))?;
        }
    }
    Ok(rules.restrict_self()?.ruleset)
}

fn calls() -> bool {
    filter().is_ok_and(|filter| seccompiler::apply_filter(&filter).is_ok())
}

/// What a program needs that reads, computes and answers. Anything else does not exist for it, rather than killing it:
/// other versions of the C library look for other things first.
fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let is = |argument, value| SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value);
    let for_reading = |argument| {
        let writes = (libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT).unsigned_abs();
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(writes.into()), 0)
    };
    let rule = |condition: Result<SeccompCondition, _>| SeccompRule::new(vec![condition?]);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::from([
        (libc::SYS_openat, vec![rule(for_reading(2))?]),
        // Asks what its limits are.
        (libc::SYS_prlimit64, vec![rule(is(0, 0))?]),
        (libc::SYS_ioctl, vec![rule(is(1, libc::TCGETS))?]),
    ]);
    let free = [
        libc::SYS_execve,
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_pread64,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_lseek,
        libc::SYS_fstat,
        libc::SYS_newfstatat,
        libc::SYS_statx,
        libc::SYS_faccessat,
        libc::SYS_faccessat2,
        libc::SYS_readlinkat,
        libc::SYS_getdents64,
        libc::SYS_getcwd,
        libc::SYS_fcntl,
        libc::SYS_brk,
        libc::SYS_mmap,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_mprotect,
        libc::SYS_madvise,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_getcpu,
        libc::SYS_clock_gettime,
        libc::SYS_gettimeofday,
        libc::SYS_getrandom,
        libc::SYS_sysinfo,
        libc::SYS_uname,
        libc::SYS_getpid,
        libc::SYS_getppid,
        libc::SYS_gettid,
        libc::SYS_getuid,
        libc::SYS_geteuid,
        libc::SYS_getgid,
        libc::SYS_getegid,
        libc::SYS_set_tid_address,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_tgkill,
        libc::SYS_restart_syscall,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    rules.extend(free.map(|call| (call, Vec::new())));
    rules.extend(ONLY_HERE.iter().map(|call| (*call, Vec::new())));
    let none = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    SeccompFilter::new(rules, none, SeccompAction::Allow, std::env::consts::ARCH.try_into()?)?.try_into()
}

/// Calls that only this architecture has.
#[cfg(target_arch = "x86_64")]
const ONLY_HERE: &[i64] = &[libc::SYS_arch_prctl, libc::SYS_access, libc::SYS_stat, libc::SYS_readlink];
#[cfg(not(target_arch = "x86_64"))]
const ONLY_HERE: &[i64] = &[];
