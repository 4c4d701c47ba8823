//! The verbs: Certbot's and two of our own, each with the line that help shows, and the sets of them that flags belong to.

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Run,
    Certonly,
    Renew,
    Certificates,
    Delete,
    Revoke,
    Register,
    Unregister,
    UpdateAccount,
    ShowAccount,
    Reconfigure,
    UpdateSymlinks,
    Plugins,
    /// Ours: `lockgate cert list`.
    List,
    /// Ours: `lockgate cert plan`.
    Plan,
    /// Ours: `lockgate cert dns`.
    Dns,
    /// One that Certbot has and we do not.
    Refused(&'static str),
}

/// Verbs that may order a certificate.
pub(super) const ORDERS: &[Verb] = &[Verb::Run, Verb::Certonly, Verb::Renew, Verb::Reconfigure, Verb::Plan];
/// Verbs that obtain, and `renew`, for which flags about keeping and replacing say what it does anyway.
pub(super) const AGAIN: &[Verb] = &[Verb::Run, Verb::Certonly, Verb::Renew];
/// Verbs that may be about one certificate by its name.
pub(super) const NAMED: &[Verb] = &[
    Verb::Run,
    Verb::Certonly,
    Verb::Renew,
    Verb::Reconfigure,
    Verb::Certificates,
    Verb::Delete,
    Verb::Revoke,
    Verb::UpdateSymlinks,
    Verb::List,
];
/// Verbs that use an account.
pub(super) const ACCOUNT: &[Verb] = &[
    Verb::Run,
    Verb::Certonly,
    Verb::Renew,
    Verb::Reconfigure,
    Verb::Plan,
    Verb::Dns,
    Verb::Revoke,
    Verb::Register,
    Verb::Unregister,
    Verb::UpdateAccount,
    Verb::ShowAccount,
];
/// All: for what scripts and cron lines hand to every call.
pub(super) const EVERY: &[Verb] = &[
    Verb::Run,
    Verb::Certonly,
    Verb::Renew,
    Verb::Certificates,
    Verb::Delete,
    Verb::Revoke,
    Verb::Register,
    Verb::Unregister,
    Verb::UpdateAccount,
    Verb::ShowAccount,
    Verb::Reconfigure,
    Verb::UpdateSymlinks,
    Verb::Plugins,
    Verb::List,
    Verb::Plan,
    Verb::Dns,
];

/// A word, its verb, and what it does.
pub(super) struct Row {
    pub(super) words: &'static [&'static str],
    pub(super) verb: Verb,
    pub(super) doc: &'static str,
}

const fn row(words: &'static [&'static str], verb: Verb, doc: &'static str) -> Row {
    Row { words, verb, doc }
}

const NO_INSTALLER: &str = "there is no web server here whose configuration would be edited: the proxy serves a \
                            certificate as soon as it is there";
const NO_UNDO: &str = "no configuration of another program is ever changed, so there is nothing to undo";

pub(super) const ROWS: &[Row] = &[
    row(&["run", "everything"], Verb::Run, "obtain a certificate; as certonly, nothing is installed"),
    row(&["certonly", "auth"], Verb::Certonly, "obtain or renew a certificate"),
    row(&["renew"], Verb::Renew, "renew all certificates that are due"),
    row(&["certificates"], Verb::Certificates, "show the certificates there are"),
    row(&["list"], Verb::List, "show them with when and why they are renewed, and who serves them"),
    row(&["plan"], Verb::Plan, "rehearse an order: names, ports, CAA records, limits"),
    row(&["dns"], Verb::Dns, "show the account's lasting records, ready to paste into a zone"),
    row(&["delete"], Verb::Delete, "delete certificates"),
    row(&["revoke"], Verb::Revoke, "revoke a certificate"),
    row(&["register"], Verb::Register, "make an account at the authority"),
    row(&["unregister"], Verb::Unregister, "deactivate the account"),
    row(&["update_account"], Verb::UpdateAccount, "change the account's mail address"),
    row(&["show_account"], Verb::ShowAccount, "show the account"),
    row(&["reconfigure"], Verb::Reconfigure, "change how a certificate is renewed"),
    row(&["update_symlinks"], Verb::UpdateSymlinks, "have the links in live/ lead to the newest versions"),
    row(&["plugins"], Verb::Plugins, "list the ways to prove control of a name"),
    row(&["enhance", "install"], Verb::Refused(NO_INSTALLER), ""),
    row(&["rollback", "config_changes"], Verb::Refused(NO_UNDO), ""),
];

/// The verb of a word.
pub(super) fn of(word: &str) -> Option<Verb> {
    ROWS.iter().find(|row| row.words.contains(&word)).map(|row| row.verb)
}

impl Verb {
    /// As it is typed.
    pub(super) fn word(self) -> &'static str {
        let row = ROWS.iter().find(|row| row.verb == self);
        row.and_then(|row| row.words.first()).copied().unwrap_or_default()
    }
}
