//! Large bodies up and down, plain and over TLS, arrive as they were sent.

use crate::authority::authority;
use crate::client::{curl, try_curl};
use crate::gunicorn::Gunicorn;
use crate::nginx::Nginx;
use crate::place::Folder;
use crate::program::Lockgate;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const PLAIN_MIB: usize = 256;
const TLS_MIB: usize = 64;

/// Writes `mib` MiB of which no two are alike.
fn fill(path: &Path, mib: usize) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut block = Vec::with_capacity(1 << 20);
    while block.len() < 1 << 20 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        block.extend_from_slice(&state.to_le_bytes());
    }
    for number in 0..mib {
        block[..8].copy_from_slice(&number.to_le_bytes());
        file.write_all(&block).unwrap();
    }
    file.flush().unwrap();
}

fn digest(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

fn proxy(server: &str) -> Lockgate {
    Lockgate::start(&format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n option httplog\n option forwardfor\n timeout connect 5s\n \
         timeout client 20s\n timeout server 20s\nlisten l\n bind <http>\n bind <https> ssl crt {}\n {server}\n",
        authority().leaf("app.example").display()
    ))
}

/// Words for curl that reach the `<https>` bind by the certificate's name.
fn over_tls(lockgate: &Lockgate, path: &str) -> String {
    let port = lockgate.at("https").port();
    format!("--resolve app.example:{port}:127.0.0.1 https://app.example:{port}{path}")
}

#[test]
fn large_files_come_down_and_go_up_whole() {
    let nginx = Nginx::start("files");
    let secure = Nginx::start_tls("files");
    for (server, mib, tls) in [
        (format!("server s {}", nginx.address()), PLAIN_MIB, false),
        (format!("server s {} ssl verify none", secure.address()), TLS_MIB, true),
    ] {
        let nginx = if tls { &secure } else { &nginx };
        let lockgate = proxy(&server);
        fill(&nginx.file("large"), mib);
        let wanted = digest(&nginx.file("large"));
        let url = |path: &str| if tls { over_tls(&lockgate, path) } else { lockgate.url("http", path) };
        let folder = Folder::new();
        let copy = folder.path().join("copy");
        let (code, said) = try_curl(&format!("{} --no-include -o {}", url("/files/large"), copy.display()));
        assert_eq!((code, said.as_slice()), (0, &b""[..]));
        assert_eq!(digest(&copy), wanted);
        let up = curl(&format!("{} -T {}", url("/files/up"), copy.display()));
        assert_eq!(up.status, 201);
        assert_eq!(digest(&nginx.file("up")), wanted);
        let chunked =
            curl(&format!("{} -T {} -H Transfer-Encoding:~chunked", url("/files/up2"), copy.display()));
        assert_eq!(chunked.status, 201);
        assert_eq!(digest(&nginx.file("up2")), wanted);
        let line = lockgate.logged("GET /files/large");
        let bytes: usize = line.split(' ').nth(6).unwrap().parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(bytes > mib << 20 && bytes < (mib << 20) + 1000, "{line}");
    }
}

/// The most memory the process has held so far, KiB.
fn peak_memory(lockgate: &Lockgate) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", lockgate.pid())).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Memory that two transfers of any length may add, KiB: some buffers, and what the allocator rounds up.
const TRANSFER_MEMORY: u64 = 4 * 1024;

#[test]
fn a_gibibyte_passes_both_ways_in_little_memory() {
    let nginx = Nginx::start("files");
    let large = nginx.file("large");
    fill(&large, 1024);
    let same = |other: &str| {
        let mut cmp = Command::new("cmp");
        cmp.arg(&large).arg(other);
        cmp
    };
    for (global, backend) in [("", ""), ("nosplice", ""), ("maxpipes 0", "option splice-response")] {
        let lockgate = Lockgate::start(&format!(
            "global\n {global}\ndefaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
             listen l\n bind <http>\n {backend}\n server s {}\n",
            nginx.address()
        ));
        assert_eq!(curl(&lockgate.url("http", "/")).status, 200);
        let before = peak_memory(&lockgate);
        let mut down = Command::new("curl")
            .args(["-sS", "--max-time", "60", &lockgate.url("http", "/files/large")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let whole = same("-").stdin(down.stdout.take().unwrap()).status().unwrap();
        assert!(down.wait().unwrap().success() && whole.success(), "{global}");
        let up = curl(&format!("{} -T {}", lockgate.url("http", "/files/up"), large.display()));
        assert!(matches!(up.status, 201 | 204), "{global}: {}", up.status);
        assert!(same(nginx.file("up").to_str().unwrap()).status().unwrap().success(), "{global}");
        let grown = peak_memory(&lockgate) - before;
        assert!(grown < TRANSFER_MEMORY, "{global}: {grown} KiB");
    }
}

#[test]
fn bodies_pass_whole_whatever_is_said_about_splicing() {
    let nginx = Nginx::start("files");
    let large = nginx.file("large");
    fill(&large, 3);
    let wanted = digest(&large);
    let folder = Folder::new();
    let copy = folder.path().join("copy");
    for (global, options) in [
        ("tune.pipesize 4096", "option splice-request\n option splice-response"),
        ("maxpipes 1", "option splice-auto"),
        ("", "no option splice-auto"),
        ("", "mode tcp\n option splice-request\n option splice-response"),
        ("", "mode tcp"),
    ] {
        let lockgate = Lockgate::start(&format!(
            "global\n {global}\ndefaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
             listen l\n bind <http>\n {options}\n server s {}\n",
            nginx.address()
        ));
        for more in ["", "-0"] {
            let url = lockgate.url("http", "/files/large");
            let (code, said) = try_curl(&format!("{url} {more} --no-include -o {}", copy.display()));
            assert_eq!((code, said.as_slice()), (0, &b""[..]), "{options}");
            assert_eq!(digest(&copy), wanted, "{options}");
            let up = curl(&format!("{} {more} -T {}", lockgate.url("http", "/files/up"), large.display()));
            assert!(matches!(up.status, 201 | 204), "{options}: {}", up.status);
            assert_eq!(digest(&nginx.file("up")), wanted, "{options}");
            assert_eq!(curl(&lockgate.url("http", "/")).text(), "files\n", "{options}");
        }
    }
}

#[test]
fn a_flask_application_reads_uploads_and_streams_downloads() {
    let gunicorn = Gunicorn::start();
    let lockgate = proxy(&format!("server s {}", gunicorn.address()));
    let folder = Folder::new();
    let file = folder.path().join("upload");
    fill(&file, 4);
    let wanted = format!("{} {} 127.0.0.1\n", 4 << 20, digest(&file));
    // curl asks for 100 (Continue) by itself for a body of this size.
    for more in
        ["", "-H Expect:", "-H Transfer-Encoding:~chunked", "-H Transfer-Encoding:~chunked -H Expect:"]
    {
        for url in [lockgate.url("http", "/digest"), over_tls(&lockgate, "/digest")] {
            let answer = curl(&format!("{url} -X POST -T {} {more}", file.display()));
            assert_eq!((answer.status, answer.text()), (200, wanted.as_str()), "{url} {more}");
        }
    }
    let streamed = curl(&lockgate.url("http", "/count/2000"));
    assert_eq!(streamed.field("transfer-encoding"), Some("chunked"));
    assert_eq!(streamed.text().lines().count(), 2000);
}
