//! HAProxy's command line (management manual, section 3): a table of flags, and what they amount to. Pure: reads
//! words, opens nothing.

use ops::predecessor::Leave;
use std::fmt;

/// What the command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    /// `-f` and `--`, in order.
    pub(crate) files: Vec<String>,
    /// What to do.
    pub(crate) task: Task,
    /// `-q`, unless `-V` undoes it.
    pub(crate) quiet: bool,
    /// `-dD`
    pub(crate) hints: bool,
    /// `-dW`
    pub(crate) zero_warning: bool,
    /// `-dL`
    pub(crate) libraries: bool,
    /// `-D`
    pub(crate) daemon: bool,
    /// `-db` or `-d`: in the foreground whatever else is said.
    pub(crate) foreground: bool,
    /// `-W` or `-Ws`
    pub(crate) master_worker: bool,
    /// `-Ws`: tell systemd when ready.
    pub(crate) notify: bool,
    /// `-p`
    pub(crate) pidfile: Option<String>,
    /// `-C`
    pub(crate) folder: Option<String>,
    /// `-n`
    pub(crate) maxconn: Option<u32>,
    /// `-N`
    pub(crate) proxy_maxconn: Option<u32>,
    /// `-m`, megabytes
    pub(crate) memory: Option<u32>,
    /// `-L`
    pub(crate) local_peer: Option<String>,
    /// `-dr`: a server name that does not resolve does not stop the start.
    pub(crate) resolve_leniently: bool,
    /// `-dV`: certificates of servers are not verified.
    pub(crate) no_server_verify: bool,
    /// `-dS`
    pub(crate) no_splice: bool,
    /// `-sf` or `-st` and the processes.
    pub(crate) replaces: Option<(Leave, Vec<i32>)>,
    /// `-x`: the stats socket of a process whose listening sockets are taken over.
    pub(crate) sockets_from: Option<String>,
    /// `-S`: the master socket, with the parameters of a `stats socket` parted by commas.
    pub(crate) master_socket: Option<String>,
    /// Flags that were given and change nothing, or less than in HAProxy, with the reason.
    pub(crate) idle: Vec<(&'static str, &'static str)>,
}

impl Flags {
    /// Whether to leave the terminal; `configured`: the file says `daemon`. Under `-Ws` that does not count, for a
    /// service manager wants the process it started, but `-D` does: an init script waits for it.
    pub(crate) fn wants_background(&self, configured: bool) -> bool {
        !self.foreground && (self.daemon || (configured && !self.notify))
    }
}

/// The one thing to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Task {
    /// Serve.
    #[default]
    Serve,
    /// `-c`
    Check,
    /// `-cc CONDITION`
    Condition(String),
    /// `-v`
    Version,
    /// `-vv`
    LongVersion,
    /// `-h`
    Help,
}

/// Why a command line cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FlagError {
    /// No such flag.
    Unknown(String),
    /// Its value is missing.
    NoValue(&'static str),
    /// Its value is no number.
    NoNumber(&'static str, String),
    /// Nothing to load.
    NoFiles,
}

impl fmt::Display for FlagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FlagError::Unknown(word) => write!(f, "unknown option '{word}'"),
            FlagError::NoValue(name) => write!(f, "option '{name}' expects a value"),
            FlagError::NoNumber(name, value) => write!(f, "option '{name}' expects a number, not '{value}'"),
            FlagError::NoFiles => write!(f, "no configuration file was given: use -f FILE"),
        }
    }
}

/// A flag: its name, the name of its value where it takes one, what it does, and how.
struct Flag {
    name: &'static str,
    value: Option<&'static str>,
    doc: &'static str,
    act: Act,
}

enum Act {
    /// Sets something.
    Set(fn(&mut Flags)),
    /// Sets something from a text.
    Text(fn(&mut Flags, String)),
    /// Sets something from a number.
    Number(fn(&mut Flags, u32)),
    /// Ends the reading at once, as HAProxy does.
    Only(Task),
    /// All that follows, up to the next flag, are process numbers.
    Pids(Leave),
    /// Accepted, changes nothing; the reason.
    Idle(&'static str),
}

const ONE_POLLER: &str = "there is one poller, epoll";

const fn set(name: &'static str, act: fn(&mut Flags), doc: &'static str) -> Flag {
    Flag { name, value: None, doc, act: Act::Set(act) }
}

const fn text(
    name: &'static str,
    value: &'static str,
    act: fn(&mut Flags, String),
    doc: &'static str,
) -> Flag {
    Flag { name, value: Some(value), doc, act: Act::Text(act) }
}

const fn number(
    name: &'static str,
    value: &'static str,
    act: fn(&mut Flags, u32),
    doc: &'static str,
) -> Flag {
    Flag { name, value: Some(value), doc, act: Act::Number(act) }
}

const fn only(name: &'static str, task: Task, doc: &'static str) -> Flag {
    Flag { name, value: None, doc, act: Act::Only(task) }
}

const fn idle(name: &'static str, value: Option<&'static str>, why: &'static str, doc: &'static str) -> Flag {
    Flag { name, value, doc, act: Act::Idle(why) }
}

const FLAGS: &[Flag] = &[
    text("-f", "<cfgfile|cfgdir>", |f, v| f.files.push(v), "loads a file, a directory's *.cfg, or '-'"),
    only("-v", Task::Version, "displays version"),
    only("-vv", Task::LongVersion, "displays version, build options and features"),
    only("-h", Task::Help, "displays this page"),
    set("-c", |f| f.task = Task::Check, "check mode : only check config files and exit"),
    text("-cc", "<condition>", |f, v| f.task = Task::Condition(v), "evaluates a condition and exits"),
    set("-d", debug, "stays in foreground (traffic is not shown)"),
    set("-db", |f| f.foreground = true, "only disables background mode"),
    set("-V", |f| f.quiet = false, "verbose mode (disables quiet mode)"),
    set("-q", |f| f.quiet = true, "quiet mode : don't display messages"),
    set("-D", |f| f.daemon = true, "goes daemon"),
    text("-C", "<dir>", |f, v| f.folder = Some(v), "changes to <dir> before loading files"),
    text("-p", "<pidfile>", |f, v| f.pidfile = Some(v), "writes the process' pid to this file"),
    number("-n", "<maxconn>", |f, v| f.maxconn = Some(v), "sets the maximum total # of connections"),
    number("-N", "<maxpconn>", |f, v| f.proxy_maxconn = Some(v), "sets the default, per-proxy maxconn"),
    number("-m", "<max megs>", |f, v| f.memory = Some(v), "limits the usable amount of memory (in MB)"),
    text("-L", "<name>", |f, v| f.local_peer = Some(v), "sets local peer name (default to hostname)"),
    set("-W", |f| f.master_worker = true, "master-worker mode"),
    set("-Ws", worker_with_notify, "the same, and tells systemd when ready"),
    set("-dD", |f| f.hints = true, "warns about suspicious configuration statements"),
    set("-dW", |f| f.zero_warning = true, "fails if any warning is emitted"),
    set("-dV", |f| f.no_server_verify = true, "disables SSL verify on servers side"),
    set("-dr", |f| f.resolve_leniently = true, "ignores server address resolution failures"),
    set("-dL", |f| f.libraries = true, "dumps loaded object files after the configuration"),
    set("-dS", |f| f.no_splice = true, "disables splice usage"),
    Flag {
        name: "-sf",
        value: Some("[pid ]*"),
        doc: "asks old processes to finish, once serving",
        act: Act::Pids(Leave::Finish),
    },
    Flag {
        name: "-st",
        value: Some("[pid ]*"),
        doc: "ends old processes, once serving",
        act: Act::Pids(Leave::Terminate),
    },
    text("-S", "<bind>[,<options>...]", |f, v| f.master_socket = Some(v), "master CLI"),
    text(
        "-x",
        "<unix_socket>",
        |f, v| f.sockets_from = Some(v),
        "gets listening sockets from a stats socket",
    ),
    idle("-de", None, ONE_POLLER, "disables epoll (no effect)"),
    idle("-dp", None, ONE_POLLER, "disables poll (no effect)"),
    idle("-dk", None, ONE_POLLER, "disables kqueue (no effect)"),
    idle("-dG", None, "names are always looked up by getaddrinfo()", "disables getaddrinfo (no effect)"),
    idle(
        "-dR",
        None,
        "each thread has its own listeners, which need it",
        "disables SO_REUSEPORT (no effect)",
    ),
    idle("-dF", None, "'-dS' has all bytes copied", "disables fast-forward (no effect)"),
    idle("-dZ", None, "'-dS' has all bytes copied", "disables zero-copy forwarding (no effect)"),
    idle("-dI", None, "check programs need no leave to fork", "allows programs to fork (no effect)"),
    idle("-dv", None, "the system's clock is read one way", "disables the use of the vDSO (no effect)"),
];

/// Flags with their value in the same word.
const GLUED: &[Flag] = &[
    idle("-dK", None, "use 'lockgate keywords'", "dumps registered keywords (see 'lockgate keywords')"),
    idle("-dM", None, "memory cannot be poisoned", "debugs memory (no effect)"),
    idle("-dC", None, "the configuration is in its files", "dumps the configuration (no effect)"),
    idle("-dt", None, "nothing is traced", "starts traces (no effect)"),
];

fn debug(flags: &mut Flags) {
    flags.foreground = true;
    flags.idle.push(("-d", "it stays in the foreground, but traffic is not shown"));
}

fn worker_with_notify(flags: &mut Flags) {
    flags.master_worker = true;
    flags.notify = true;
}

/// Reads the words behind the program's name.
pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Flags, FlagError> {
    let mut flags = Flags::default();
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            flags.files.extend(words);
            break;
        }
        let flag = find(&word).ok_or(FlagError::Unknown(word))?;
        match &flag.act {
            Act::Set(act) => act(&mut flags),
            Act::Only(task) => return Ok(Flags { task: task.clone(), ..flags }),
            Act::Text(act) => act(&mut flags, value(flag, words.next())?),
            Act::Number(act) => act(&mut flags, whole(flag, words.next())?),
            Act::Pids(how) => {
                let listed = std::iter::from_fn(|| words.next_if(|w| !w.starts_with('-')));
                let pids = listed.map(|w| w.parse().map_err(|_| FlagError::NoNumber(flag.name, w)));
                flags.replaces = Some((*how, pids.collect::<Result<_, _>>()?));
            }
            Act::Idle(why) => {
                if flag.value.is_some() {
                    value(flag, words.next())?;
                }
                flags.idle.push((flag.name, why));
            }
        }
    }
    ready(flags)
}

/// All tasks that are left need files, but `-cc`.
fn ready(flags: Flags) -> Result<Flags, FlagError> {
    match flags.task {
        Task::Serve | Task::Check if flags.files.is_empty() => Err(FlagError::NoFiles),
        Task::Serve | Task::Check | Task::Condition(_) | Task::Version | Task::LongVersion | Task::Help => {
            Ok(flags)
        }
    }
}

fn find(word: &str) -> Option<&'static Flag> {
    let exact = FLAGS.iter().find(|flag| flag.name == word);
    exact.or_else(|| GLUED.iter().find(|flag| word.starts_with(flag.name)))
}

fn value(flag: &Flag, word: Option<String>) -> Result<String, FlagError> {
    word.ok_or(FlagError::NoValue(flag.name))
}

fn whole(flag: &Flag, word: Option<String>) -> Result<u32, FlagError> {
    let word = value(flag, word)?;
    word.parse().map_err(|_| FlagError::NoNumber(flag.name, word))
}

/// The page that `-h` and a wrong command line show.
pub(crate) fn usage(program: &str) -> String {
    let mut page = format!("Usage : {program} [-f <cfgfile|cfgdir>]* [-c] [-D] [-q] ... [-- <cfgfile>*]\n");
    for flag in FLAGS.iter().chain(GLUED) {
        let left = [flag.name, flag.value.unwrap_or_default()].join(" ");
        page.push_str(&format!("        {left:<28} {}\n", flag.doc));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Flags, FlagError> {
        parse(line.split(' ').filter(|w| !w.is_empty()).map(str::to_owned))
    }

    #[test]
    fn what_init_scripts_and_test_tools_pass() {
        let flags =
            read("-f /etc/h.cfg -p /run/h.pid -sf 12 34 -D -Ws -S /run/m.sock -q -n 100 -dM0 -C /x").unwrap();
        assert_eq!(flags.files, ["/etc/h.cfg"]);
        assert_eq!(flags.pidfile.as_deref(), Some("/run/h.pid"));
        assert_eq!(flags.replaces, Some((Leave::Finish, vec![12, 34])));
        assert!(flags.daemon && flags.master_worker && flags.notify && flags.quiet);
        assert_eq!((flags.maxconn, flags.folder.as_deref()), (Some(100), Some("/x")));
        assert_eq!(flags.idle.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["-dM"]);
        assert_eq!(flags.master_socket.as_deref(), Some("/run/m.sock"));
    }

    #[test]
    fn order_and_ends_of_lists() {
        assert_eq!(read("-f a -- b c -c").unwrap().files, ["a", "b", "c", "-c"]);
        assert_eq!(read("-st -f a").unwrap().replaces, Some((Leave::Terminate, vec![])));
        assert_eq!(read("-v -Z").unwrap().task, Task::Version);
        assert_eq!(read("-cc 1").unwrap().task, Task::Condition("1".into()));
        assert!(!read("-q -V -f a").unwrap().quiet);
    }

    #[test]
    fn an_init_script_gets_its_terminal_back_and_a_service_manager_keeps_its_process() {
        for (line, configured, background) in [
            ("-f a -D", false, true),
            ("-f a", true, true),
            ("-f a -W", true, true),
            ("-f a -Ws", true, false),
            ("-f a -Ws -D", false, true),
            ("-f a -db -D", true, false),
            ("-f a -d", true, false),
            ("-f a", false, false),
        ] {
            assert_eq!(read(line).unwrap().wants_background(configured), background, "{line} {configured}");
        }
    }

    #[test]
    fn what_is_refused() {
        let cases = [
            ("", FlagError::NoFiles),
            ("-c", FlagError::NoFiles),
            ("-Z", FlagError::Unknown("-Z".into())),
            ("-f a extra", FlagError::Unknown("extra".into())),
            ("-f", FlagError::NoValue("-f")),
            ("-n abc -f a", FlagError::NoNumber("-n", "abc".into())),
            ("-sf x -f a", FlagError::NoNumber("-sf", "x".into())),
        ];
        for (line, error) in cases {
            assert_eq!(read(line), Err(error), "{line}");
        }
    }

    #[test]
    fn the_usage_names_every_flag() {
        let page = usage("haproxy");
        assert!(FLAGS.iter().chain(GLUED).all(|flag| page.contains(flag.name)));
    }
}
