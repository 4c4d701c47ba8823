//! Large bodies up and down, plain and over TLS, arrive as they were sent.

use crate::authority::authority;
use crate::client::{curl, try_curl};
use crate::gunicorn::Gunicorn;
use crate::nginx::Nginx;
use crate::place::Folder;
use crate::program::Lockgate;
use std::io::Write;
use std::path::Path;
use std::process::Command;

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
