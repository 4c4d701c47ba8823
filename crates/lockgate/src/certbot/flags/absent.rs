//! Flags of Certbot's that have no effect here, or that are refused because what they ask for is not done.

use super::super::verb::{EVERY, ORDERS, Verb};
use super::super::words::{NO_INSTALLER, NO_PLUGIN};
use super::{Arity, Does, Row};

const INSTALL: &[Verb] = &[Verb::Run];
const PLUGINS: &[Verb] = &[Verb::Plugins];

const fn idle(names: &'static [&'static str], arity: Arity, why: &'static str) -> Row {
    Row { names, key: "", verbs: EVERY, does: Does::Idle(arity, why), doc: "" }
}

const fn refuse(names: &'static [&'static str], arity: Arity, why: &'static str) -> Row {
    Row { names, key: "", verbs: ORDERS, does: Does::Refuse(arity, why), doc: "" }
}

pub(super) static ROWS: &[Row] = &[
    idle(&["--no-eff-email", "--eff-email"], Arity::None, "nobody's address is handed on"),
    idle(&["-t", "--text"], Arity::None, "there is no other than text"),
    idle(
        &["--no-self-upgrade", "--no-bootstrap", "--no-permissions-check", "--os-packages-only"],
        Arity::None,
        "the program never replaces itself",
    ),
    idle(
        &["--tls-sni-01-port", "--tls-sni-01-address"],
        Arity::One,
        "this challenge is out of use since 2019",
    ),
    idle(&["--manual-public-ip-logging-ok"], Arity::None, "nobody logs the address any more"),
    idle(
        &["--no-redirect", "--no-hsts", "--no-uir", "--no-staple-ocsp", "--disable-renew-updates"],
        Arity::None,
        "no web server's configuration is edited here",
    ),
    idle(&["--https-port"], Arity::One, "no web server's configuration is edited here"),
    idle(
        &["--user-agent", "--user-agent-comment"],
        Arity::One,
        "requests carry no wish to be called otherwise",
    ),
    idle(&["--strict-permissions"], Arity::None, "permissions are always strict"),
    idle(
        &["--issuance-timeout"],
        Arity::One,
        "an order is given as long as authorities need, two minutes at most",
    ),
    idle(&["--init", "--prepare", "--authenticators"], Arity::None, "the list is the same").of(PLUGINS),
    refuse(&["--installers"], Arity::None, NO_INSTALLER).of(PLUGINS),
    refuse(&["--nginx", "--apache"], Arity::None, NO_INSTALLER),
    refuse(&["-i", "--installer"], Arity::One, NO_INSTALLER),
    // For verbs that install. A cli.ini with them goes on serving the others.
    refuse(&["--redirect", "--hsts", "--uir", "--staple-ocsp", "--auto-hsts"], Arity::None, NO_INSTALLER)
        .of(INSTALL),
    refuse(&["--checkpoints"], Arity::One, NO_INSTALLER),
    refuse(&["--update-registration"], Arity::None, "use 'update_account'"),
    refuse(
        &[
            "--dns-cloudxns",
            "--dns-digitalocean",
            "--dns-dnsimple",
            "--dns-dnsmadeeasy",
            "--dns-gehirn",
            "--dns-google",
            "--dns-linode",
            "--dns-luadns",
            "--dns-nsone",
            "--dns-ovh",
            "--dns-route53",
            "--dns-sakuracloud",
        ],
        Arity::None,
        NO_PLUGIN,
    ),
];
