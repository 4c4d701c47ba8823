//! Flags that cannot stand together, or not with this verb, and names that can be on no certificate: told before anything
//! is opened or asked. As with Certbot these are failures (exit code 1), not mistakes of writing (2).

use super::options::Options;
use super::verb::Verb;
use certs::tree::check_name;
use std::net::IpAddr;

/// The first contradiction, where there is one.
pub(super) fn find(verb: Verb, options: &Options) -> Option<String> {
    if options.unfit.is_some() {
        return options.unfit.clone();
    }
    if options.force_interactive && (options.noninteractive || options.quiet) {
        return Some("Flag for non-interactive mode and --force-interactive conflict".to_owned());
    }
    if options.force_interactive && verb == Verb::Renew {
        return Some("--force-interactive cannot be used with renew".to_owned());
    }
    if options.csr.is_some() && options.subset {
        return Some("--allow-subset-of-names cannot be used with --csr".to_owned());
    }
    if options.staging && options.server.as_deref().is_some_and(|server| !Options::is_staging(server)) {
        return Some("--server value conflicts with --staging".to_owned());
    }
    let unfit_name = || options.names.iter().find_map(|name| unfit(name).or_else(|| bare(name, options)));
    two_ways(options).or_else(unfit_name).or_else(|| on_disk(options.cert_name.as_deref()?))
}

/// An address is named as one, by the flag of newer Certbots: Certbot 2.1 takes none at all.
fn bare(name: &str, options: &Options) -> Option<String> {
    let is_bare = name.parse::<IpAddr>().is_ok() && !options.addresses.iter().any(|known| known == name);
    is_bare.then(|| {
        format!("Requested name {name} is an IP address: --ip-address {name} asks for a certificate of it.")
    })
}

/// What a certificate is called is the name of files.
fn on_disk(name: &str) -> Option<String> {
    check_name(name).err().map(|why| why.to_string())
}

fn two_ways(options: &Options) -> Option<String> {
    let (before, now) = (options.other_way.as_ref()?, options.authenticator.as_ref()?);
    Some(format!(
        "Too many flags setting configurators/installers/authenticators '{}' -> '{}'",
        before.name(),
        now.name()
    ))
}

/// Of a flag that stands where Certbot refuses it too, in its words: scripts may know them.
pub(super) fn misplaced(key: &str, verb: Verb) -> Option<String> {
    match (key, verb) {
        ("domains", Verb::Renew) => Some(
            "Currently, the renew verb is capable of either renewing all installed certificates that are due to be renewed or \
             renewing a single certificate specified by its name (--cert-name). If you would like to renew specific \
             certificates by their domains, use the certonly command instead."
                .to_owned(),
        ),
        ("domains", Verb::Delete) => Some(
            "Which certificate is deleted is not told by its names. (You can set this with the --cert-name flag)".to_owned(),
        ),
        ("domains", Verb::Revoke) => {
            Some("Error! Exactly one of --cert-path or --cert-name must be specified!".to_owned())
        }
        ("csr", _) => Some(
            "Currently, a CSR file may only be specified when obtaining a new or replacement via the certonly command. Please \
             try the certonly command instead."
                .to_owned(),
        ),
        ("dry_run", _) => Some(format!(
            "--dry-run currently only works with the 'certonly' or 'renew' subcommands ('{}')",
            verb.word()
        )),
        (_, _) => None,
    }
}

/// Why a name is none, where people often err.
fn unfit(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("Requested domain  is not a FQDN because it contains an empty label.".to_owned());
    }
    if let Some((scheme, _)) = name.split_once("://") {
        return Some(format!(
            "Requested name {name} appears to be a URL, not a FQDN. Try again without the leading \"{scheme}://\"."
        ));
    }
    if !name.is_ascii() {
        return Some(
            "Non-ASCII domain names not supported. To issue for an Internationalized Domain Name, use Punycode."
                .to_owned(),
        );
    }
    let odd = name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '/');
    (odd || name.contains("..")).then(|| format!("'{}' is no domain name", name.escape_debug()))
}
