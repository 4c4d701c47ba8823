//! Commands that haproxy and Lockgate answer in the same words. `alike.txt` has them in their order, one a line, written
//! with escapes; the state that one leaves is what the next finds.

use crate::authority::authority;
use crate::place::Folder;
use crate::program::{Lockgate, Player};
use crate::runtime_api::converse;

const COMMANDS: &str = include_str!("alike.txt");

const CONFIGURATION: &str = "global
 stats socket <folder>/api.sock level admin
 stats timeout 10s
 nbthread 2
 node n1
 description The front door
defaults
 mode http
 timeout connect 2s
 timeout client 20s
 timeout server 20s
frontend f
 bind <http>
 bind <https> ssl crt <files>/a.pem crt-list <files>/list.txt
 acl m src -f <files>/ips.acl
 acl bad path_beg /a /b
 http-request deny if m bad
 http-request set-header x %[path,map_str(<files>/m.map,none)]
 http-request set-header y %[path,map_beg(<files>/m2.map)]
 use_backend bt if { srv_is_up(b/s3) }
 default_backend b
backend b
 balance roundrobin
 cookie C insert
 server s1 127.0.0.1:9 weight 10 check inter 100s
 server s2 127.0.0.1:9 agent-check agent-port 9 agent-inter 100s
 server s3 127.0.0.1:9 maxconn 5
 server s4 localhost:9 track b/s1 cookie c4
 server s5 127.0.0.1:9 disabled
backend bt
 balance source
 server t1 127.0.0.1:9
 server t2 127.0.0.1:9 backup ssl verify none
listen l
 bind <tcp>
 mode tcp
 server q1 127.0.0.1:9
";

/// What the configuration names, shared by both: no command writes to a file.
fn files() -> Folder {
    let folder = Folder::new();
    let here = folder.path().display().to_string();
    for (name, leaf) in [("a.pem", "a.example"), ("b.pem", "b.example")] {
        folder.file(name, std::fs::read(authority().leaf(leaf)).unwrap());
    }
    let list = format!(
        "{here}/b.pem [ssl-min-ver TLSv1.2] b.test *.c.test !x.c.test\n# a comment\n\n{here}/a.pem\n"
    );
    folder.file("list.txt", list);
    folder.file("ips.acl", "10.0.0.0/8\n192.168.1.1\n");
    folder.file("m.map", "/x one\n/y two words\n# a comment\n/x three\n");
    folder.file("m2.map", "/api api\n/static st\n");
    folder
}

/// `\\n`, `\\t`, `\\r` and `\\\\` as what they stand for.
fn unescaped(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        out.push(match (c, chars.as_str().chars().next()) {
            ('\\', Some(escaped)) => {
                chars.next();
                match escaped {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    other => other,
                }
            }
            (c, _) => c,
        });
    }
    out
}

#[test]
fn five_hundred_commands_are_answered_in_haproxys_words() {
    let files = files();
    let here = files.path().display().to_string();
    let text = CONFIGURATION.replace("<files>", &here);
    let [theirs, ours] = [Player::Oracle, Player::Tested].map(|player| {
        let proxy = Lockgate::played_by(player, &text);
        let socket = proxy.folder().path().join("api.sock");
        let ask = |line: &str| converse(&socket, &format!("{}\n", unescaped(line).replace("<files>", &here)));
        let place = proxy.folder().path().display().to_string();
        COMMANDS.lines().map(|line| ask(line).replace(&place, "<folder>")).collect::<Vec<_>>()
    });
    let pairs = COMMANDS.lines().zip(theirs.iter().zip(&ours));
    let differ: Vec<_> = pairs.filter(|(_, (theirs, ours))| theirs != ours).collect();
    assert!(differ.is_empty(), "{differ:#?}");
    assert!(COMMANDS.lines().count() > 500);
}

/// What a typed line says beside its value: the subject, position, name, tags and type. HAProxy has no fields of ours, whose
/// positions are far from its own.
fn shapes(answer: &str) -> Vec<String> {
    let shape = |line: &str| {
        let (field, rest) = line.split_once(':')?;
        let mut parts = rest.split(':');
        let ours = field.split('.').any(|part| part.parse::<u32>().is_ok_and(|position| position >= 1000));
        let (tags, kind) = (parts.next()?, parts.next()?);
        (!ours).then(|| format!("{field} {tags}:{kind}"))
    };
    let mut shapes: Vec<String> = answer.lines().filter_map(shape).collect();
    shapes.sort();
    shapes
}

#[test]
fn every_field_that_haproxy_tells_is_told() {
    let files = files();
    let text = CONFIGURATION.replace("<files>", &files.path().display().to_string());
    for command in ["show stat typed", "show info typed", "show info typed float"] {
        let [theirs, ours] = [Player::Oracle, Player::Tested].map(|player| {
            let proxy = Lockgate::played_by(player, &text);
            shapes(&converse(&proxy.folder().path().join("api.sock"), &format!("{command}\n")))
        });
        let only = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|shape| !those.contains(shape)).cloned().collect()
        };
        assert!(theirs.len() > 50, "{theirs:?}");
        assert_eq!((only(&theirs, &ours), only(&ours, &theirs)), (Vec::new(), Vec::new()), "{command}");
    }
}
