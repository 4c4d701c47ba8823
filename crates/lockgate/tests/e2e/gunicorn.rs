//! gunicorn with a Flask application, as people run them behind a proxy.

use crate::place::{Folder, free_address};
use crate::program::Program;
use std::net::SocketAddr;
use std::process::Command;

const APPLICATION: &str = r#"
import hashlib
from flask import Flask, request, Response
app = Flask(__name__)

@app.route("/digest", methods=["POST", "PUT"])
def digest():
    seen, size = hashlib.sha256(), 0
    while piece := request.stream.read(65536):
        seen.update(piece)
        size += len(piece)
    return f"{size} {seen.hexdigest()} {request.headers.get('X-Forwarded-For')}\n"

@app.route("/count/<int:n>")
def count(n):
    return Response((f"{i}\n" for i in range(n)), mimetype="text/plain")

@app.route("/cookie")
def cookie():
    answer = Response("set\n")
    answer.set_cookie("session", "abc")
    return answer
"#;

/// A running gunicorn.
pub struct Gunicorn {
    address: SocketAddr,
    _program: Program,
    _folder: Folder,
}

impl Gunicorn {
    pub fn start() -> Gunicorn {
        let folder = Folder::new();
        folder.file("app.py", APPLICATION);
        for _ in 0..5 {
            let address = free_address();
            let mut command = Command::new("/usr/bin/gunicorn");
            command.args(["--threads", "4", "--keep-alive", "30", "-b", &address.to_string(), "app:app"]);
            let mut program = Program::start({
                command.current_dir(folder.path());
                command
            });
            if program.listens(&[address]) {
                return Gunicorn { address, _program: program, _folder: folder };
            }
            let said = program.lines().join("\n");
            assert!(said.contains("in use"), "gunicorn did not start:\n{said}");
        }
        panic!("no free ports");
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
