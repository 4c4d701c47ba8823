//! `lockgate cert plan` on a machine of its own: a network and a name server that nobody else sees, so that names, ports 80
//! and 443 and addresses are as in the world.

use crate::place::{Folder, wait_for};
use crate::program::Program;
use certs::Storage;
use certs::acme::LETS_ENCRYPT;
use certs::renew::{AuthorityState, NewOrder, OrderKind, UnixTime};
use serde_json::Value;
use std::process::{Command, Output};
use std::time::SystemTime;

const ZONE: &str = "$TTL 60
@ SOA ns h 1 60 60 60 60
@ NS ns
ns A 127.0.0.1
us A 127.0.0.1
elsewhere A 192.0.2.1
away A 198.51.100.7
closed A 192.0.2.2
both A 127.0.0.1
both AAAA ::1
refused A 127.0.0.1
refused CAA 0 issue \"other-ca.example\"
allowed A 127.0.0.1
allowed CAA 0 issue \"letsencrypt.org\"
stranger A 127.0.0.1
stranger CAA 0 issue \"letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1\"
method A 127.0.0.1
method CAA 0 issue \"letsencrypt.org; validationmethods=dns-01\"
wild A 127.0.0.1
wild CAA 0 issue \"letsencrypt.org\"
wild CAA 0 issuewild \";\"
odd A 127.0.0.1
odd CAA 128 frobnicate \"x\"
";

/// A machine with the addresses 127.0.0.1, ::1, 192.0.2.1 and 192.0.2.2.
struct Machine {
    folder: Folder,
    /// What runs on it; the first keeps it.
    programs: Vec<Program>,
}

impl Machine {
    fn start() -> Machine {
        let folder = Folder::new();
        let resolv = folder.file("resolv.conf", "nameserver 127.0.0.1\n");
        let line = format!(
            "ip link set lo up && ip addr add 192.0.2.1/32 dev lo && ip addr add 192.0.2.2/32 dev lo && \
             mount --bind {} /etc/resolv.conf && echo ready && exec sleep infinity",
            resolv.display()
        );
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "--net", "sh", "-c", &line]);
        let keeper = Program::start(command);
        keeper.line(|line| line == "ready");
        let mut machine = Machine { folder, programs: vec![keeper] };
        machine.serve_names();
        machine
    }

    /// A command that runs there.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let target = format!("--target={}", self.programs[0].pid());
        command.args([&target, "--user", "--mount", "--net", "--preserve-credentials", program]);
        command
    }

    fn runs(&mut self, command: Command, ready: impl Fn(&str) -> bool) {
        let program = Program::start(command);
        program.line(ready);
        self.programs.push(program);
    }

    fn serve_names(&mut self) {
        let here = self.folder.path().display().to_string();
        self.folder.file("zone", ZONE);
        // What is above does not exist, where names are looked for upwards.
        self.folder.file(
            "root",
            "$TTL 60\n@ SOA ns.lockgate-e2e.com. h. 1 60 60 60 60\n@ NS ns.lockgate-e2e.com.\nns.lockgate-e2e.com. A 127.0.0.1\n",
        );
        let conf = format!(
            "options {{ directory \"{here}\"; listen-on {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no;
               pid-file none; session-keyfile none; lock-file none; notify no; empty-zones-enable no; }};
             controls {{ }};
             zone . {{ type primary; file \"root\"; }};
             zone lockgate-e2e.com {{ type primary; file \"zone\"; }};"
        );
        let conf = self.folder.file("named.conf", conf);
        let mut command = self.command("/usr/sbin/named");
        command.args(["-g", "-4", "-n", "1", "-c"]).arg(conf);
        self.runs(command, |line| line.ends_with(" running"));
    }

    /// Our proxy on 127.0.0.1, and another server on 192.0.2.1.
    fn serve(&mut self) {
        let here = self.folder.path().display().to_string();
        let text = format!(
            "global\n stats socket {here}/api.sock level admin\ndefaults\n mode http\n timeout connect 5s\n timeout client 20s\n \
             timeout server 20s\nfrontend f\n bind 127.0.0.1:80\n http-request redirect scheme https\n"
        );
        let config = self.folder.file("haproxy.cfg", text);
        let mut command = self.command(env!("CARGO_BIN_EXE_lockgate"));
        command.args(["-db", "-f"]).arg(config);
        self.programs.push(Program::start(command));
        let other = "frontend f\n mode http\n timeout client 20s\n bind 192.0.2.1:80\n http-request return status 200 hdr server \
                     other/1 content-type text/plain string hello\n";
        let config = self.folder.file("other.cfg", other);
        let mut command = self.command("haproxy");
        command.args(["-db", "-f"]).arg(config);
        self.programs.push(Program::start(command));
        for (address, path) in [("127.0.0.1", "/"), ("192.0.2.1", "/")] {
            let asks = || {
                let mut curl = self.command("curl");
                curl.args(["-s", "-o", "/dev/null", &format!("http://{address}{path}")])
                    .status()
                    .unwrap()
                    .success()
            };
            wait_for(|| asks().then_some(())).expect("both listen");
        }
    }

    fn plan(&self, words: &str) -> Output {
        let mut command = self.command(env!("CARGO_BIN_EXE_lockgate"));
        command.args(["cert", "plan"]).args(words.split(' '));
        for (flag, folder) in [("--config-dir", "etc"), ("--work-dir", "lib"), ("--logs-dir", "log")] {
            command.arg(flag).arg(self.folder.path().join(folder));
        }
        command.env("LOCKGATE_SOCKET", self.folder.path().join("api.sock")).output().unwrap()
    }

    /// What is found of one name, `VERDICT FINDING -> REMEDY`.
    fn found(&self, name: &str) -> Vec<String> {
        let out = self.plan(&format!("--json -d {name}"));
        let all: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| {
            panic!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
        });
        let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
        let one = |one: &Value| {
            format!("{} {} -> {}", text(one, "verdict"), text(one, "finding"), text(one, "remedy"))
        };
        all.as_array().unwrap().iter().map(one).collect()
    }

    fn finds(&self, name: &str, parts: [&str; 3]) {
        let name = name.replace("ZONE", "lockgate-e2e.com");
        let all = self.found(&name);
        let [verdict, what, remedy] = parts;
        let fits = |line: &&String| {
            let (found, to_do) = line.split_once(" -> ").unwrap();
            found.starts_with(verdict) && found.contains(what) && to_do.contains(remedy)
        };
        assert!(all.iter().any(|line| fits(&line)), "{name}: {parts:?} in {all:#?}");
    }
}

#[test]
fn every_obstacle_is_found_before_the_order_with_its_remedy() {
    let mut machine = Machine::start();
    // Nobody serves yet: the command would answer for itself, as --standalone does.
    machine.finds("us.ZONE", ["ok", "127.0.0.1: port 80 reaches us", ""]);
    machine.serve();
    for (name, parts) in [
        ("us.ZONE", ["ok", "127.0.0.1: port 80 reaches us", ""]),
        ("us.ZONE", ["ok", "no CAA record holds an authority back", ""]),
        ("us.ZONE", ["ok", "limit of ", ""]),
        (
            "elsewhere.ZONE",
            ["fail", "192.0.2.1: port 80 is answered by somebody else (HTTP/1.1 200", "let the record name"],
        ),
        (
            "closed.ZONE",
            ["fail", "192.0.2.2 is this machine, but port 80 does not answer", "bind a frontend"],
        ),
        ("away.ZONE", ["doubt", "198.51.100.7: port 80 cannot be reached from here", "look from outside"]),
        ("both.ZONE", ["ok", "127.0.0.1: port 80 reaches us", ""]),
        ("both.ZONE", ["fail", "::1 is this machine, but port 80 does not answer", "bind a frontend"]),
        ("both.ZONE", ["fail", "authorities try AAAA records first", ""]),
        ("none.ZONE", ["fail", "neither an A nor an AAAA record", "this machine's address"]),
        (
            "refused.ZONE",
            [
                "fail",
                "let other-ca.example sign, not letsencrypt.org",
                "refused.lockgate-e2e.com. CAA 0 issue \"letsencrypt.org\"",
            ],
        ),
        ("allowed.ZONE", ["ok", "let letsencrypt.org sign", ""]),
        (
            "below.allowed.ZONE",
            ["ok", "the CAA records of allowed.lockgate-e2e.com let letsencrypt.org sign", ""],
        ),
        ("stranger.ZONE", ["fail", "but for the account https://acme-v02", "parameters"]),
        ("method.ZONE", ["fail", "but by dns-01 only", "parameters"]),
        (
            "*.wild.ZONE",
            ["fail", "let nobody sign, not letsencrypt.org", "CAA 0 issuewild \"letsencrypt.org\""],
        ),
        ("*.allowed.ZONE", ["fail", "a wildcard is proven by a record of _acme-challenge.allowed", "dns"]),
        (
            "odd.ZONE",
            ["fail", "'frobnicate' of odd.lockgate-e2e.com is critical and known to nobody", "remove it"],
        ),
    ] {
        machine.finds(name, parts);
    }
    let clear = machine.plan("-d us.lockgate-e2e.com -d allowed.lockgate-e2e.com");
    assert!(clear.status.success(), "{clear:?}");
    let said = machine.plan("-d none.lockgate-e2e.com");
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    assert!(text.starts_with("none.lockgate-e2e.com\n  FAIL   it has neither"), "{text}");
    assert!(text.contains("\n         -> add one with this machine's address\n"), "{text}");
}

#[test]
fn a_limit_that_is_reached_is_told_with_its_end() {
    let machine = Machine::start();
    let names = ["us.lockgate-e2e.com".to_owned()];
    let now = UnixTime::from(SystemTime::now());
    let mut state = AuthorityState::new(LETS_ENCRYPT);
    // There is no account yet.
    let order = NewOrder { account: "new", names: &names, kind: OrderKind::New };
    for _ in 0..5 {
        state.buckets.take(order, now).unwrap();
        state.buckets.take_certificate(order, now);
    }
    let storage = Storage::new(machine.folder.path().join("etc"));
    storage.remember("authority-acme-v02.api.letsencrypt.org_directory", &state.to_json()).unwrap();
    let all = machine.found("us.lockgate-e2e.com");
    let refused = all.iter().find(|line| line.starts_with("fail ")).unwrap_or_else(|| panic!("{all:#?}"));
    assert!(refused.contains("-> wait until 20") && refused.ends_with(" UTC"), "{all:#?}");
    assert!(
        all.iter().any(|line| line.starts_with("ok limit of ") && line.contains("0 of 5 left")),
        "{all:#?}"
    );
}
