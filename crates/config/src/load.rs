//! The load: files in, model and complaints out. Never stops at a complaint, so that one run shows them all.

use crate::blocks::Blocks;
use crate::condition::Facts;
use crate::ctx::Ctx;
use crate::defaults::DefaultsSections;
use crate::dispatch;
use crate::env::{Environment, Variables};
use crate::failure::Failure;
use crate::lex::Lexer;
use crate::model::{Acme, CrtStore, HttpErrors, Model, Proxy, ProxyKind, Resolvers, Ring, Userlist};
use crate::row::Parsed;
use crate::section::{self, Header, Kind, Open};
use base::{Diagnostics, FileId, Severity, Sources, Span, Word};

/// One configuration file.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Its name, as complaints show it.
    pub name: String,
    /// Its bytes.
    pub text: Vec<u8>,
}

/// What a load depends on besides the files.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The process's environment.
    pub environment: Vec<(String, String)>,
    /// What conditions may ask about.
    pub facts: Facts,
    /// `HAPROXY_LOCALPEER`: the machine's name, or what `-L` gave.
    pub local_peer: String,
    /// Started with `-W` or `-Ws`: `HAPROXY_MWORKER` is set.
    pub master_worker: bool,
    /// `HAPROXY_MASTER_CLI`: where the master socket is, if there is one.
    pub master_cli: Option<String>,
}

impl LoadOptions {
    /// The variables that the first line sees; `files` are the names of the files in order. The command line's `-cc`
    /// asks about the same ones.
    pub fn environment_for(&self, files: &[&str]) -> Environment {
        let branch: Vec<&str> = self.facts.version.split('.').take(2).collect();
        let mut own = vec![
            ("HAPROXY_LOCALPEER", self.local_peer.clone()),
            ("HAPROXY_CFGFILES", files.join(";")),
            ("HAPROXY_STARTUP_VERSION", self.facts.version.clone()),
            ("HAPROXY_BRANCH", branch.join(".")),
        ];
        if self.master_worker {
            own.push(("HAPROXY_MWORKER", "1".to_owned()));
        }
        own.extend(self.master_cli.clone().map(|told| ("HAPROXY_MASTER_CLI", told)));
        Environment::new(self.environment.iter().cloned(), own)
    }
}

/// The outcome of a load.
#[derive(Debug)]
pub struct Loaded {
    /// What was understood. Of use only where `diags` holds no alert.
    pub model: Model,
    /// The files, for showing complaints.
    pub sources: Sources,
    /// All complaints, in reading order.
    pub diags: Diagnostics,
}

/// Reads the files in order and checks the whole. Complaints never stop it.
pub fn load(sources: Vec<Source>, options: &LoadOptions) -> Loaded {
    let mut loaded = read(sources, options);
    crate::check::check(&loaded.model, &mut loaded.diags);
    loaded.diags.sort();
    loaded
}

/// Reads the files in order, line by line; what only shows between lines is not checked.
pub fn read(sources: Vec<Source>, options: &LoadOptions) -> Loaded {
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let mut loader = Loader {
        env: options.environment_for(&names),
        facts: &options.facts,
        model: Model { files: names.iter().map(|n| (*n).to_owned()).collect(), ..Model::default() },
        diags: Diagnostics::default(),
        defaults: DefaultsSections::default(),
        open: Open::None,
        header: Word::default(),
        name: Word::default(),
        marks: Vec::new(),
        secrets: Vec::new(),
    };
    let mut kept = Sources::default();
    for source in sources {
        loader.file(&source, kept.add(source.name.clone(), source.text.clone()));
    }
    let Loader { mut model, env, diags, secrets, .. } = loader;
    model.environment = env;
    for span in secrets {
        kept.hide(span);
    }
    Loaded { model, sources: kept, diags }
}

struct Loader<'o> {
    env: Environment,
    facts: &'o Facts,
    model: Model,
    diags: Diagnostics,
    defaults: DefaultsSections,
    open: Open,
    /// The open section's word, and its name.
    header: Word,
    name: Word,
    marks: Vec<&'static str>,
    secrets: Vec<Span>,
}

impl Loader<'_> {
    fn file(&mut self, source: &Source, file: FileId) {
        let mut lexer = Lexer::new(file, &source.text);
        let mut blocks = Blocks::default();
        loop {
            let section =
                if self.name.text.is_empty() { self.header.text.clone() } else { self.name.text.clone() };
            let variables = Variables { environment: &self.env, file: &source.name, section: &section };
            let Some(line) = lexer.next_line(&variables) else { break };
            let outcome = line.words.and_then(|words| self.line(&words, &mut blocks));
            if let Err(mut failure) = outcome {
                if failure.span == Span::default() {
                    failure.span = Span { file, line: line.number, ..Span::default() };
                }
                failure.report(&mut self.diags);
            }
        }
        for failure in blocks.unfinished() {
            failure.report(&mut self.diags);
        }
        // Manual section 2.1: the end of a file ends its section.
        self.close();
    }

    fn line(&mut self, words: &[Word], blocks: &mut Blocks) -> Parsed {
        if let Some(outcome) = blocks.line(words, &self.env, self.facts) {
            return outcome;
        }
        let Some(first) = words.first().filter(|_| blocks.reading()) else { return Ok(()) };
        if first.text.starts_with('.') {
            return self.message(first, &words[1..]);
        }
        if let Some((word, kind)) = section::kind_of(&first.text) {
            self.close();
            return self.begin(word, kind, words);
        }
        self.keyword(words)
    }

    /// `.notice "text"` and its kin.
    fn message(&mut self, directive: &Word, rest: &[Word]) -> Parsed {
        let text = format!("'{}'.", rest.first().map_or("", Word::as_str));
        let unknown = || Failure::new(directive.span, format!("unknown directive '{directive}'"));
        if !matches!(directive.text.as_str(), ".diag" | ".notice" | ".warning" | ".alert") {
            return Err(unknown().nearest(
                &directive.text,
                [".if", ".elif", ".else", ".endif", ".diag", ".notice", ".warning", ".alert"],
            ));
        }
        if let Some(extra) = rest.get(1) {
            return Err(Failure::new(extra.span, format!("Unexpected argument '{extra}' for '{directive}'"))
                .help("use quotes if the message contains spaces"));
        }
        match directive.text.as_str() {
            ".diag" => self.diags.diag(directive.span, text),
            ".notice" => self.diags.notice(directive.span, text),
            ".warning" => self.diags.warning(directive.span, text),
            _ => self.diags.alert(directive.span, text),
        };
        Ok(())
    }

    fn keyword(&mut self, words: &[Word]) -> Parsed {
        let Some(place) = self.open.place() else {
            return match (&self.open, words.first()) {
                (Open::None, Some(first)) if self.header.text.is_empty() => {
                    Err(Failure::new(first.span, format!("unknown keyword '{first}' out of section"))
                        .nearest(&first.text, section::words()))
                }
                _ => Ok(()),
            };
        };
        let mut ctx = Ctx {
            place,
            section: place.names().next().unwrap_or_default(),
            section_name: &self.name,
            diags: &mut self.diags,
            env: &mut self.env,
            secrets: &mut self.secrets,
            marks: &mut self.marks,
        };
        dispatch::line(&mut ctx, words, &mut self.open, &mut self.model.global)
    }

    /// Opens a section. If its own line is wrong, its lines are passed over, so that one mistake is one complaint.
    fn begin(&mut self, word: &'static str, kind: Kind, words: &[Word]) -> Parsed {
        let Some(header) = Header::read(words) else { return Ok(()) };
        self.header = Word::new(word, header_span(words));
        self.open = Open::Skipped;
        let header = header?;
        self.name = header.optional_name();
        match kind {
            Kind::Proxy(kind) => return self.begin_proxy(&header, kind),
            Kind::Defaults => {
                self.open = Open::Defaults(Box::new(self.begin_defaults(&header)?));
                return Ok(());
            }
            Kind::Global => {
                if let Some(extra) = header.name {
                    let message = format!("'global' cannot handle unexpected argument '{extra}'");
                    return Err(Failure::new(extra.span, message));
                }
                self.open = Open::Global;
            }
            Kind::Userlist => self.begin_userlist(header.required_name()?),
            Kind::HttpErrors => {
                let name = header.required_name()?;
                unique("http-errors", &name, self.model.http_errors.iter().map(|other| &other.name))?;
                self.open = Open::HttpErrors(HttpErrors { name, ..HttpErrors::default() });
            }
            Kind::Resolvers => self.begin_resolvers(&header)?,
            Kind::Ring => {
                let name = header.required_name()?;
                unique("ring", &name, self.model.rings.iter().map(|other| &other.name))?;
                self.open = Open::Ring(Ring { name, ..Ring::default() });
            }
            Kind::CrtStore => {
                self.open = Open::CrtStore(CrtStore { name: header.optional_name(), ..CrtStore::default() });
            }
            Kind::Acme => {
                let name = header.required_name()?;
                unique("acme", &name, self.model.acmes.iter().map(|other| &other.name))?;
                self.open = Open::Acme(Box::new(Acme { name, ..Acme::default() }));
            }
            Kind::Skipped(severity, reason) => return self.skip(&header, severity, reason),
        }
        header.finish()
    }

    /// The first of a name holds; the lines of another are passed over.
    fn begin_userlist(&mut self, name: Word) {
        if self.model.userlists.iter().any(|list| list.name.text == name.text) {
            self.diags.warning(name.span, format!("ignoring duplicated userlist '{name}'"));
            return;
        }
        self.open = Open::Userlist(Userlist { name, ..Userlist::default() });
    }

    fn begin_resolvers(&mut self, header: &Header<'_>) -> Parsed {
        let name = header.required_name()?;
        unique("resolvers", &name, self.model.resolvers.iter().map(|other| &other.name))?;
        self.open = Open::Resolvers(Resolvers { name, ..Resolvers::default() });
        Ok(())
    }

    fn skip(&mut self, header: &Header<'_>, severity: Severity, reason: &str) -> Parsed {
        let word = header.word;
        match severity {
            Severity::Alert => {
                Err(Failure::new(header.span(), format!("section '{word}' is not supported yet"))
                    .help(reason))
            }
            Severity::Warning | Severity::Notice | Severity::Diag => {
                self.diags
                    .warning(header.span(), format!("section '{word}' is accepted without effect: {reason}"));
                Ok(())
            }
        }
    }

    fn begin_defaults(&mut self, header: &Header<'_>) -> Result<crate::model::Settings, Failure> {
        if let Some(extra) = header.extra.first() {
            self.diags
                .warning(extra.span, format!("'{extra}' is ignored behind the name of a defaults section"));
        }
        self.defaults.for_defaults(header)
    }

    fn begin_proxy(&mut self, header: &Header<'_>, kind: ProxyKind) -> Parsed {
        let name = header.required_name()?;
        let settings = self.defaults.for_proxy(header, kind, &mut self.diags)?;
        self.open = Open::Proxy(Box::new(Proxy::new(name, kind, header.span(), settings)));
        let Some(address) = header.extra.first() else { return Ok(()) };
        if !kind.is_front() {
            return header.finish();
        }
        self.bind_on_section_line(header, address)
    }

    /// HAProxy up to 1.6: `listen NAME ADDRESS[,ADDRESS…] [PARAMETERS]`.
    fn bind_on_section_line(&mut self, header: &Header<'_>, address: &Word) -> Parsed {
        let mut words = vec![Word::new("bind", address.span)];
        words.extend_from_slice(header.extra);
        let line: Vec<&str> = words.iter().map(Word::as_str).collect();
        self.diags
            .warning(address.span, format!("an address behind the name of a '{}' is deprecated", header.word))
            .help(format!("write it on a line of its own: {}", line.join(" ")));
        self.keyword(&words)
    }

    /// Ends the open section.
    fn close(&mut self) {
        self.marks.clear();
        match std::mem::replace(&mut self.open, Open::None) {
            Open::None | Open::Skipped | Open::Global => {}
            Open::Defaults(settings) => {
                self.defaults.add(self.name.clone(), *settings, self.header.span, &mut self.diags);
            }
            Open::Proxy(mut proxy) => {
                proxy.disabled = proxy.settings.disabled;
                self.model.proxies.push(*proxy);
            }
            Open::Userlist(list) => self.model.userlists.push(list),
            Open::HttpErrors(errors) => self.model.http_errors.push(errors),
            Open::Resolvers(resolvers) => self.model.resolvers.push(resolvers),
            Open::Ring(ring) => self.model.rings.push(ring),
            Open::CrtStore(store) => self.model.crt_stores.push(store),
            Open::Acme(acme) => self.model.acmes.push(*acme),
        }
        self.header = Word::default();
        self.name = Word::default();
    }
}

/// Complains about a section whose name another of its kind has.
fn unique<'m>(section: &str, name: &Word, mut others: impl Iterator<Item = &'m Word>) -> Parsed {
    match others.find(|other| other.text == name.text) {
        None => Ok(()),
        Some(other) => Err(Failure::new(
            name.span,
            format!("{section} '{name}' already exists (declared at line {})", other.span.line),
        )
        .help("rename one of them")),
    }
}

fn header_span(words: &[Word]) -> Span {
    words.first().map_or_else(Span::default, |word| word.span)
}
