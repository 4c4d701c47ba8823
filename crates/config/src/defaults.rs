//! Inheritance (manual section 4): a proxy or a `defaults` section begins as a copy of the `defaults` section it names
//! behind `from`; a proxy that names none takes the last one that stands above it.

use crate::failure::Failure;
use crate::model::{ProxyKind, Settings};
use crate::section::Header;
use base::{Diagnostics, Span, Word};

/// A finished `defaults` section.
#[derive(Debug)]
struct Section {
    /// Empty where it has none.
    name: Word,
    settings: Settings,
    span: Span,
    /// Used by `from`, and used without.
    explicit: bool,
    implicit: bool,
    fronts: bool,
    backs: bool,
}

/// All `defaults` sections so far.
#[derive(Debug, Default)]
pub(crate) struct DefaultsSections {
    sections: Vec<Section>,
}

impl DefaultsSections {
    /// Takes a finished section in.
    pub(crate) fn add(&mut self, name: Word, settings: Settings, span: Span, diags: &mut Diagnostics) {
        if name.text.is_empty() {
            refuse_rules(&settings, diags);
        }
        self.sections.push(Section {
            name,
            settings,
            span,
            explicit: false,
            implicit: false,
            fronts: false,
            backs: false,
        });
    }

    /// What a `defaults` section begins with.
    pub(crate) fn for_defaults(&mut self, header: &Header<'_>) -> Result<Settings, Failure> {
        match header.from {
            None => Ok(Settings::default()),
            Some(from) => self.named(from, header).map(|section| section.settings.clone()),
        }
    }

    /// What a proxy begins with.
    pub(crate) fn for_proxy(
        &mut self,
        header: &Header<'_>,
        kind: ProxyKind,
        diags: &mut Diagnostics,
    ) -> Result<Settings, Failure> {
        let section = match header.from {
            Some(from) => {
                let section = self.named(from, header)?;
                section.explicit = true;
                section
            }
            None => match self.sections.last_mut() {
                Some(section) => {
                    section.implicit = true;
                    section
                }
                None => return Ok(Settings::default()),
            },
        };
        section.fronts |= kind.is_front();
        section.backs |= kind.is_back();
        section.complain(header, kind, diags);
        Ok(section.settings.clone())
    }

    fn named(&mut self, from: &Word, header: &Header<'_>) -> Result<&mut Section, Failure> {
        let user = format!("{} '{}'", header.word, header.optional_name());
        let mut found: Option<usize> = None;
        for (index, section) in self.sections.iter().enumerate() {
            if section.name.text != from.text {
                continue;
            }
            if let Some(first) = found {
                let first = self.sections.get(first).map_or(0, |s| s.span.line);
                return Err(Failure::new(
                    from.span,
                    format!(
                        "ambiguous defaults section name '{from}' referenced by {user} exists at least at line {first} and line {}",
                        section.span.line
                    ),
                )
                .help("give each of them a name of its own"));
            }
            found = Some(index);
        }
        if header.word.text == "defaults"
            && header.name.is_some_and(|name| name.text == from.text)
            && found.is_none()
        {
            return Err(Failure::new(
                from.span,
                format!("defaults section '{from}' cannot inherit from itself"),
            ));
        }
        let names: Vec<String> = self.sections.iter().map(|s| s.name.text.clone()).collect();
        match found.and_then(|index| self.sections.get_mut(index)) {
            Some(section) => Ok(section),
            None => Err(Failure::new(from.span, format!("defaults section '{from}' not found for {user}"))
                .help("it must stand above the section that uses it; circles are not possible")
                .nearest(&from.text, names.iter().map(String::as_str))),
        }
    }
}

impl Section {
    fn complain(&self, header: &Header<'_>, kind: ProxyKind, diags: &mut Diagnostics) {
        if self.explicit && self.implicit {
            diags
                .warning(
                    header.span(),
                    format!(
                        "defaults section '{}' (line {}) is explicitly referenced by one proxy and implicitly used by another",
                        self.name, self.span.line
                    ),
                )
                .help("name it behind 'from' everywhere, or end with a defaults section that nobody names");
        }
        if self.fronts && self.backs && has_rules(&self.settings) {
            diags
                .alert(
                    header.span(),
                    format!(
                        "frontends and backends cannot inherit from the same defaults section if it defines TCP/HTTP rules (line {})",
                        self.span.line
                    ),
                )
                .help("use one defaults section for frontends and another for backends");
        }
        if kind == ProxyKind::Backend && defines_rules_of_connections(&self.settings) {
            self.refuse(
                header,
                "a backend section cannot inherit from a defaults section defining 'tcp-request connection' or \
                 'tcp-request session' rules",
                diags,
            );
        }
        if kind == ProxyKind::Frontend && !self.settings.tcp_response_content.is_empty() {
            let message = "a frontend section cannot inherit from a defaults section defining 'tcp-response content' rules";
            self.refuse(header, message, diags);
        }
    }

    /// Rules that the proxy would never come to.
    fn refuse(&self, header: &Header<'_>, message: &str, diags: &mut Diagnostics) {
        diags
            .alert(header.span(), format!("{message} (line {})", self.span.line))
            .help("use one defaults section for frontends and another for backends");
    }
}

fn rule_spans(settings: &Settings) -> impl Iterator<Item = Span> {
    let tcp = [
        &settings.tcp_request_connection,
        &settings.tcp_request_session,
        &settings.tcp_request_content,
        &settings.tcp_response_content,
    ];
    let http = [&settings.http_request, &settings.http_response, &settings.http_after_response];
    let tcp = tcp.into_iter().flatten().map(|rule| rule.span);
    tcp.chain(http.into_iter().flatten().map(|rule| rule.span))
}

fn defines_rules_of_connections(settings: &Settings) -> bool {
    !settings.tcp_request_connection.is_empty() || !settings.tcp_request_session.is_empty()
}

fn has_rules(settings: &Settings) -> bool {
    rule_spans(settings).next().is_some()
}

/// A rule nobody can name would be inherited by everyone who forgets to: HAProxy forbids it, and so do we.
fn refuse_rules(settings: &Settings, diags: &mut Diagnostics) {
    let acls = settings.acls.iter().map(|acl| acl.name.span);
    for span in acls.chain(rule_spans(settings)) {
        diags
            .alert(span, "rules and ACLs are not allowed in an anonymous 'defaults' section")
            .help("give the section a name: defaults NAME");
    }
}
