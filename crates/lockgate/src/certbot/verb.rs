//! Certbot's verbs, each with the line that help shows.

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
    Plugins,
    /// One that Certbot has and we do not.
    Refused(&'static str),
}

/// A word, its verb, and what it does.
pub(super) struct Row {
    pub(super) words: &'static [&'static str],
    pub(super) verb: Verb,
    pub(super) doc: &'static str,
}

const NO_INSTALLER: &str = "there is no web server here whose configuration would be edited: the proxy serves a \
                            certificate as soon as it is there";

pub(super) const ROWS: &[Row] = &[
    Row {
        words: &["run", "everything"],
        verb: Verb::Run,
        doc: "obtain a certificate; as certonly, nothing is installed",
    },
    Row { words: &["certonly", "auth"], verb: Verb::Certonly, doc: "obtain or renew a certificate" },
    Row { words: &["renew"], verb: Verb::Renew, doc: "renew all certificates that are due" },
    Row { words: &["certificates"], verb: Verb::Certificates, doc: "show the certificates there are" },
    Row { words: &["delete"], verb: Verb::Delete, doc: "delete certificates" },
    Row { words: &["revoke"], verb: Verb::Revoke, doc: "revoke a certificate" },
    Row { words: &["register"], verb: Verb::Register, doc: "make an account at the authority" },
    Row { words: &["unregister"], verb: Verb::Unregister, doc: "deactivate the account" },
    Row { words: &["update_account"], verb: Verb::UpdateAccount, doc: "change the account's mail address" },
    Row { words: &["show_account"], verb: Verb::ShowAccount, doc: "show the account" },
    Row { words: &["reconfigure"], verb: Verb::Reconfigure, doc: "change how a certificate is renewed" },
    Row { words: &["plugins"], verb: Verb::Plugins, doc: "list the ways to prove control of a name" },
    Row { words: &["enhance", "install"], verb: Verb::Refused(NO_INSTALLER), doc: "" },
    Row {
        words: &["rollback", "config_changes"],
        verb: Verb::Refused(
            "no configuration of another program is ever changed, so there is nothing to undo",
        ),
        doc: "",
    },
    Row { words: &["update_symlinks"], verb: Verb::Refused("links are kept right by themselves"), doc: "" },
];

/// The verb of a word.
pub(super) fn of(word: &str) -> Option<Verb> {
    ROWS.iter().find(|row| row.words.contains(&word)).map(|row| row.verb)
}
