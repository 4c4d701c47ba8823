//! The Debian packages that tests and benchmarks need: installed as root, otherwise named.

use crate::say;
use std::process::{Command, Stdio};

/// Peers of the end-to-end tests: programs that we did not write.
pub(crate) const TEST: &[&str] = &[
    "apache2-utils",
    "bind9",
    "curl",
    "gunicorn",
    "haproxy",
    "nginx-light",
    "openssl",
    "certbot",
    "pebble",
    "procps",
    "python3-flask",
    "wrk",
];

/// Makes sure that all of them are installed.
pub(crate) fn ensure(packages: &[&str]) -> Result<(), String> {
    let missing: Vec<&str> = packages.iter().copied().filter(|p| !installed(p)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !is_root() {
        return Err(format!(
            "these Debian packages are missing; as root: apt-get install {}",
            missing.join(" ")
        ));
    }
    say(&format!("installing {}", missing.join(" ")));
    apt(&["update", "-qq"])?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(&missing);
    apt(&arguments)
}

fn installed(package: &str) -> bool {
    let asked =
        Command::new("dpkg-query").args(["-W", "-f=${Status}", package]).stderr(Stdio::null()).output();
    asked.is_ok_and(|o| String::from_utf8_lossy(&o.stdout).contains("install ok installed"))
}

fn is_root() -> bool {
    let asked = Command::new("id").arg("-u").output();
    asked.is_ok_and(|o| String::from_utf8_lossy(&o.stdout).trim() == "0")
}

/// Services that a package would start stay off: tests start their own, on ports of their own.
fn apt(arguments: &[&str]) -> Result<(), String> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("RUNLEVEL", "1")
        .stdout(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("apt-get {} failed: {status}", arguments.join(" "))),
        Err(error) => Err(format!("apt-get cannot be run: {error}")),
    }
}
