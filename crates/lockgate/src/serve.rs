//! `lockgate serve HOST --to ADDR`: an HTTPS front door without a file. It writes the configuration that a person
//! would have written and runs that, so that `--print-config` is the truth.

use crate::check::Judgement;
use crate::console::{self, Console};
use crate::flags::Flags;
use crate::private_name::{self, Household};
use crate::{Exit, start};
use base::addr::{Address, PortSpec};
use clap::Args;
use config::Source;
use proxy::lower::Overrides;
use std::fmt::Write;

/// An HTTPS front door for one host, without a configuration file
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The name that clients use
    host: String,
    /// A server to pass requests on to, ADDRESS:PORT; several are balanced
    #[arg(long = "to", value_name = "ADDR", required = true)]
    to: Vec<String>,
    /// Obtain the certificate from Let's Encrypt, who may write to this address; accepts their terms
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Obtain it from another authority instead, by its ACME directory
    #[arg(long, value_name = "URL", requires = "email")]
    directory: Option<String>,
    /// Print the equivalent haproxy.cfg instead of serving
    #[arg(long)]
    print_config: bool,
    /// Where plain HTTP is redirected from
    #[arg(long, value_name = "PORT", default_value_t = 80)]
    http_port: u16,
    /// Where HTTPS is served
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    https_port: u16,
}

/// Serves until told to stop.
pub(crate) fn run(arguments: &ServeArgs) -> Exit {
    match prepare(arguments) {
        Ok(text) if arguments.print_config => {
            console::out(&text);
            Exit::Ok
        }
        Ok(text) => serve(arguments, text),
        Err(why) => {
            console::err(&format!("lockgate serve: {why}\n"));
            Exit::Failed
        }
    }
}

fn prepare(arguments: &ServeArgs) -> Result<String, String> {
    if !arguments.host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':')) {
        return Err(format!(
            "'{}' is no host name: letters, digits, dots and hyphens are expected",
            arguments.host
        ));
    }
    arguments.to.iter().try_for_each(|to| server(to))?;
    if let Some(email) = &arguments.email {
        return obtained(arguments, email);
    }
    let authority = Household::open(&private_name::home())?;
    let certificate = authority.issue(&[&arguments.host])?;
    if !base::names::is_private(&arguments.host) {
        console::err(&format!(
            "note: '{}' could have a certificate of a public authority: add --email ADDRESS. This one is of the local\n\
             authority, which browsers trust only once {} is installed there\n",
            arguments.host,
            authority.root().display()
        ));
    }
    Ok(config(arguments, &format!("crt {}", certificate.display()), ""))
}

/// What the configuration would refuse is told in the words of the command line.
fn server(to: &str) -> Result<(), String> {
    match Address::parse(to) {
        Ok(Address::Inet { port: PortSpec::One(port), .. }) if port > 0 => Ok(()),
        Ok(Address::Unix(_) | Address::Abstract(_)) => Ok(()),
        Ok(Address::Inet { .. } | Address::Fd(_) | Address::Unserved(_)) => {
            Err(format!("--to '{to}' has no port: write ADDRESS:PORT, as in 127.0.0.1:8000"))
        }
        Err(wrong) => Err(format!("--to '{to}': {wrong}")),
    }
}

/// With a certificate of a public authority, which looks after itself.
fn obtained(arguments: &ServeArgs, email: &str) -> Result<String, String> {
    let host = &arguments.host;
    if base::names::is_private(host) {
        return Err(format!(
            "no public authority signs '{host}': leave --email away for a certificate of the local one"
        ));
    }
    if !email.contains('@')
        || email.contains(|c: char| c.is_whitespace() || c.is_control() || "\"'\\#".contains(c))
    {
        return Err(format!("'{email}' is no mail address"));
    }
    let storage = private_name::home().with_file_name("acme");
    let directory =
        arguments.directory.as_ref().map(|url| format!("    directory {url}\n")).unwrap_or_default();
    let section =
        format!("acme public\n{directory}    contact {email}\n    storage {}\n\n", storage.display());
    Ok(config(arguments, &format!("acme public domains {host}"), &section))
}

/// The configuration that does the same, with where the certificate comes from and what that needs before it.
fn config(arguments: &ServeArgs, certificate: &str, sections: &str) -> String {
    let (http, https) = (arguments.http_port, arguments.https_port);
    let port = if https == 443 { String::new() } else { format!(":{https}") };
    let mut text = format!(
        "global\n    log stderr format timed local0\n\n{sections}\
         defaults\n    mode http\n    log global\n    option httplog\n    option dontlognull\n    \
         timeout connect 5s\n    timeout client 30s\n    timeout server 30s\n    timeout http-request 10s\n    \
         timeout http-keep-alive 10s\n    timeout tunnel 1h\n\n\
         frontend http\n    bind :{http}\n    \
         http-request redirect location https://%[req.hdr(host),host_only]{port}%[pathq] code 301\n\n\
         frontend https\n    bind :{https} ssl {certificate}\n    option forwardfor\n    \
         http-request set-header X-Forwarded-Proto https\n    default_backend servers\n\n\
         backend servers\n    balance roundrobin\n    option redispatch\n"
    );
    for (index, address) in arguments.to.iter().enumerate() {
        // Writing into a text cannot fail.
        let _ = writeln!(text, "    server s{} {address} check", index + 1);
    }
    text
}

fn serve(arguments: &ServeArgs, text: String) -> Exit {
    let console = Console { quiet: false, hints: false };
    let judgement = Judgement {
        lowering: Overrides { temporary: start::temporary_certificate(), ..Overrides::default() },
        ..Judgement::default()
    };
    let name = "lockgate serve".to_owned();
    let prepared = judgement.prepare(vec![Source { name: name.clone(), text: text.into_bytes() }]);
    judgement.report(&prepared.loaded, &[name], console);
    if !judgement.accepts(&prepared.loaded) {
        return Exit::Failed;
    }
    let port = if arguments.https_port == 443 { String::new() } else { format!(":{}", arguments.https_port) };
    let announce = format!("serving https://{}{port} -> {}\n", arguments.host, arguments.to.join(", "));
    start::serve(prepared, &Flags::default(), start::Origin::Person, &announce, console)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_a_port() {
        for good in ["127.0.0.1:3000", "app:80", "[::1]:80", "unix@/run/app.sock", "/run/app.sock"] {
            assert_eq!(server(good), Ok(()), "{good}");
        }
        for bad in ["app", "127.0.0.1", "app:", "app:0", "app:http", "app:80-90", "app:+1", "", "fd@x"] {
            assert!(server(bad).is_err_and(|why| why.contains("--to")), "{bad}");
        }
    }

    #[test]
    fn the_printed_configuration_names_every_server_and_the_port() {
        let arguments = ServeArgs {
            host: "app.internal".into(),
            to: vec!["127.0.0.1:3000".into(), "127.0.0.1:3001".into()],
            email: None,
            directory: None,
            print_config: true,
            http_port: 8080,
            https_port: 8443,
        };
        let text = config(&arguments, "crt /x/app.pem", "");
        for part in [
            "bind :8443 ssl crt /x/app.pem",
            "host_only]:8443%[pathq]",
            "server s1 127.0.0.1:3000 check",
            "server s2 127.0.0.1:3001 check",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}
