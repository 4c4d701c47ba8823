//! The machine and the versions behind a table: without them its figures say nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

/// One line for each thing a reader must know.
pub(super) fn described(lockgate: &Path) -> String {
    let cpu = field("/proc/cpuinfo", "model name");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{cores} x {cpu}, {} of memory, Linux {}, load {}\n{}\n{}\n{}\n",
        field("/proc/meminfo", "MemTotal"),
        kernel.trim(),
        load.split_whitespace().next().unwrap_or("?"),
        first_line(lockgate, "-v"),
        first_line(Path::new("haproxy"), "-v"),
        first_line(Path::new("nginx"), "-v"),
    )
}

fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let value = text.lines().find_map(|l| l.strip_prefix(name)?.trim_start().strip_prefix(':'));
    value.map_or_else(|| format!("unknown {name}"), |v| v.trim().to_owned())
}

/// nginx answers on standard error.
fn first_line(program: &Path, option: &str) -> String {
    let Ok(output) = Command::new(program).arg(option).output() else {
        return format!("{}: unknown version", program.display());
    };
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).lines().next().unwrap_or("").to_owned()
}
