#!/usr/bin/env python3
"""Records what a real haproxy answers for the expressions in rows/*.case.

usage: record.py [--check] FILE...      (haproxy in PATH; only for people who add cases, `cargo test` reads the files)

A case file holds blocks. Lines that begin with "> " are a request head, "< " a response head (then the expressions are
evaluated as http-response rules), "@ " a line for the proxy or, with "@userlist", for a userlist named "users". "@payload HEX" and
"@partial HEX" are raw bytes of a TCP stream, of which haproxy is not asked.
Every other line is `EXPRESSION => VALUE`, where VALUE is "escaped bytes", `none` (no sample), `not yet` or `refused`
(does not load). A line "? WORDS => VERDICT" is a condition,
`true`, `false` or `refused`. A line that begins with "! " is ours on purpose and is not asked of haproxy. Options of a block end at a blank line.
"""
import os, re, socket, subprocess, sys, tempfile, threading, time

def config_word(text):
    return "'" + text.replace("'", "'\\''") + "'"

def shown(data):
    out = ""
    for b in data:
        c = chr(b)
        out += {"\"": "\\\"", "\\": "\\\\"}.get(c) or (c if 32 <= b < 127 else "\\x%02x" % b)
    return '"' + out + '"'

def read(path):
    blocks, block = [], None
    lines = open(path, encoding="utf-8").read().split("\n")
    for i, line in enumerate(lines):
        if not line.strip():
            block = None
            continue
        if line.startswith("#"):
            continue
        if block is None:
            block = {"req": [], "res": [], "proxy": [], "users": [], "exprs": []}
            blocks.append(block)
        if line.startswith("> "): block["req"].append(line[2:])
        elif line.startswith("< "): block["res"].append(line[2:])
        elif line.startswith("@userlist "): block["users"].append(line[10:])
        elif line.startswith("@ "): block["proxy"].append(line[2:])
        elif line.startswith(("! ", "@")): pass
        else: block["exprs"].append((i, line.split(" => ")[0].strip()))
    return lines, blocks

def condition(block, words):
    kind = "http-response" if block["res"] else "http-request"
    return ("  %s set-var(txn.recorded) bool(1) if { %s }\n" % (kind, words)
        + "  http-response set-header x-found <true> if { var(txn.recorded) -m found }\n"
        + "  http-request return status 200 hdr x-found <true> if { var(txn.recorded) -m found }\n"
        + ("" if block["res"] else "  http-request return status 200\n"))

# The value passes through a variable, because an ACL would iterate over the occurrences of a header.
def rules(block, expr):
    if expr.startswith("? "): return condition(block, expr[2:])
    kind = "http-response" if block["res"] else "http-request"
    return ("  %s set-var(txn.recorded) %s\n" % (kind, config_word(expr))
        + "  http-response set-header x-found <%[var(txn.recorded)]> if { var(txn.recorded) -m found }\n"
        + "  http-request return status 200 hdr x-found <%[var(txn.recorded)]> if { var(txn.recorded) -m found }\n"
        + ("" if block["res"] else "  http-request return status 200\n"))

def config(block, expr, name, folder, origin):
    text = "global\n  maxconn 100\ndefaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n"
    if block["users"]:
        text += "userlist users\n" + "".join("  %s\n" % u for u in block["users"])
    text += "listen %s\n  bind unix@%s/%s.sock\n" % (name, folder, name)
    text += "".join("  %s\n" % p for p in block["proxy"]) + rules(block, expr)
    if block["res"]:
        text += "  server s unix@%s\n" % origin
    return text

def origin(path, block):
    listener = socket.socket(socket.AF_UNIX); listener.bind(path); listener.listen(64)
    head = "\r\n".join(block["res"]).encode("latin-1") + b"\r\ncontent-length: 0\r\n\r\n"
    def serve():
        while True:
            try: s, _ = listener.accept()
            except OSError: return
            s.recv(65536); s.sendall(head); s.close()
    threading.Thread(target=serve, daemon=True).start()

def ask(sock, block):
    for _ in range(200):
        s = socket.socket(socket.AF_UNIX); s.settimeout(6)
        try: s.connect(sock); break
        except OSError: time.sleep(0.01)
    head = (block["req"] or ["GET / HTTP/1.1", "Host: h"])
    s.sendall("\r\n".join(head).encode("utf-8").replace(b"\\x00", b"\0") + b"\r\n\r\n")
    data = b""
    while b"\r\n\r\n" not in data:
        got = s.recv(65536)
        if not got: return "nothing"
        data += got
    fields = data.split(b"\r\n\r\n")[0].split(b"\r\n")
    found = [f.split(b":", 1)[1][1:] for f in fields if f.lower().startswith(b"x-found:")]
    if fields[0].split()[1] in (b"400", b"500"): return "status " + fields[0].split()[1].decode()
    return shown(found[0][1:-1]) if found else "none"

def loads(text, folder):
    path = os.path.join(folder, "one.cfg"); open(path, "w", encoding="utf-8").write(text)
    done = subprocess.run(["haproxy", "-c", "-f", path], capture_output=True, text=True)
    return done.returncode == 0, done.stderr

def main():
    check = "--check" in sys.argv
    for path in [a for a in sys.argv[1:] if not a.startswith("-")]:
        lines, blocks = read(path)
        with tempfile.TemporaryDirectory() as folder:
            cases, files = [], []
            for b, block in enumerate(blocks):
                where = "%s/o%d" % (folder, b)
                if block["res"]: origin(where, block)
                for i, expr in block["exprs"]:
                    cases.append((i, expr, block, "c%d" % i, config(block, expr, "c%d" % i, folder, where)))
            answers = {}
            good = []
            for i, expr, block, name, text in cases:
                ok, why = loads(text, folder)
                if ok: good.append((i, expr, block, name, text))
                else:
                    answers[i] = "refused"
                    if "-v" in sys.argv: print(expr, why)
            procs = []
            for i, expr, block, name, text in good:
                cfg = "%s/%s.cfg" % (folder, name); open(cfg, "w", encoding="utf-8").write(text)
                p = subprocess.Popen(["haproxy", "-db", "-f", cfg], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
                try:
                    sock = "%s/%s.sock" % (folder, name)
                    for _ in range(500):
                        if os.path.exists(sock): break
                        time.sleep(0.01)
                    try: answers[i] = ask(sock, block)
                    except OSError as e: answers[i] = "error %s" % e
                    if expr.startswith("? "): answers[i] = {"none": "false", '"true"': "true"}.get(answers[i], answers[i])
                finally:
                    p.kill(); p.wait()
            for i, expr, *_ in cases:
                new = "%s => %s" % (expr, answers[i])
                if lines[i] != new:
                    print("%s:%d: was %s\n    is %s" % (path, i + 1, lines[i], new))
                    lines[i] = new
        if not check: open(path, "w", encoding="utf-8").write("\n".join(lines))

main()
