//! Reads one ACL: `criterion [flags] [operator] [patterns]`.

use super::list::List;
use super::{Test, keyword};
use crate::cast::can_cast;
use crate::compile::Env;
use crate::expression::{self, Continue, Expr};
use crate::matching::MatchMethod;
use crate::patterns::{Operator, Patterns, versions};
use crate::reader::Reader;
use crate::sample::SampleType;
use base::{Span, Word, suggest};

/// What was read behind the criterion.
#[derive(Default)]
struct Behind {
    method: Option<MatchMethod>,
    list: List,
    ignore_case: bool,
    first_column: bool,
    /// `--` was written: no pattern is meant to follow, maybe.
    ended: bool,
}

/// Compiles one ACL. `span` is where to complain when there is no word at all.
pub(crate) fn compile(env: &mut Env<'_>, words: &[Word], span: Span) -> Option<Test> {
    let Some((first, rest)) = words.split_first() else {
        env.diags.alert(span, "missing fetch method in ACL expression");
        return None;
    };
    let (expr, implied, is_version) = criterion(env, first)?;
    let mut behind = Behind::default();
    let rest = flags(env, &mut behind, rest)?;
    let method = method(env, first, &expr, behind.method, implied)?;
    words_as_patterns(&mut behind, rest, method, is_version);
    if expr.output() == SampleType::Method && behind.method.is_none() {
        // Methods are case-sensitive (RFC 9110 section 9.1); HAProxy ignores `-i` here too.
        behind.list.heed_case();
    }
    warn_of_oddities(env, first, method, &behind);
    let keyword = first.text.split(['(', ',']).next().unwrap_or_default();
    let lists = behind.list.compile(env, method, keyword, first.span)?;
    Some(Test { expr, lists })
}

fn criterion(env: &mut Env<'_>, word: &Word) -> Option<(Expr, Option<MatchMethod>, bool)> {
    let mut reader = Reader::inside(word, 0);
    let name = reader.name();
    let span = reader.span(0, name.len().max(1));
    let Some(keyword) = keyword::resolve(name) else {
        unknown(env, word, name, span);
        return None;
    };
    let expr = expression::fetched(env, &mut reader, keyword.fetch, span, Continue::ThisWord)?;
    if !reader.done() {
        env.diags.alert(
            reader.span_here(),
            format!("missing comma after fetch keyword '{name}' in ACL expression '{word}'"),
        );
        return None;
    }
    let implied = if expr.has_converters() {
        MatchMethod::implied_by(expr.output())
    } else {
        keyword.method.or_else(|| MatchMethod::implied_by(expr.output()))
    };
    Some((expr, implied, keyword.versions))
}

fn unknown(env: &mut Env<'_>, word: &Word, name: &str, span: Span) {
    let message = match name {
        "" => format!("missing fetch method in ACL expression '{word}'"),
        _ => format!("unknown fetch method '{name}' in ACL expression '{word}'"),
    };
    let diag = env.diags.alert(span, message);
    let derived: Vec<String> = crate::rows::acl_keywords().map(|k| k.name).collect();
    let known = crate::rows::fetches().map(|r| r.name).chain(derived.iter().map(String::as_str));
    if let Some(near) = suggest::nearest(name, known).filter(|_| !name.is_empty()) {
        diag.help(format!("did you mean '{near}'?"));
    }
}

/// Reads the flags; answers the words behind them.
fn flags<'w>(env: &mut Env<'_>, behind: &mut Behind, words: &'w [Word]) -> Option<&'w [Word]> {
    let mut at = 0;
    while let Some(flag) = words.get(at) {
        at += 1;
        match flag.as_str() {
            "--" => {
                behind.ended = true;
                break;
            }
            "-i" => behind.ignore_case = true,
            "-n" => behind.list.no_lookup = true,
            "-M" => behind.first_column = true,
            "-u" | "-m" | "-f" => {
                flag_with_value(env, behind, flag, words.get(at))?;
                at += 1;
            }
            text if text.starts_with('-') => {
                env.diags
                    .alert(flag.span, format!("'{text}' is not a valid ACL option"))
                    .help("use '--' before any pattern beginning with a '-'");
                return None;
            }
            _ => {
                at -= 1;
                break;
            }
        }
    }
    words.get(at..)
}

fn flag_with_value(env: &mut Env<'_>, behind: &mut Behind, flag: &Word, value: Option<&Word>) -> Option<()> {
    let Some(value) = value else {
        env.diags.alert(flag.span, format!("'{flag}' needs a value"));
        return None;
    };
    match flag.as_str() {
        "-m" => behind.method = Some(named_method(env, behind, flag, value)?),
        "-f" => behind.list.file(value, behind.first_column, behind.ignore_case),
        // An id for the runtime API, which names pattern lists by their file or their proxy.
        _ => {}
    }
    Some(())
}

fn named_method(env: &mut Env<'_>, behind: &Behind, flag: &Word, name: &Word) -> Option<MatchMethod> {
    if !behind.list.is_empty() {
        env.diags.alert(flag.span, "'-m' must only be specified before patterns and files");
        return None;
    }
    let method = MatchMethod::named(name.as_str());
    if method.is_none() {
        let diag = env.diags.alert(name.span, format!("unknown matching method '{name}'"));
        let known = MatchMethod::ALL.map(MatchMethod::name);
        diag.help(match suggest::nearest(name.as_str(), known) {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("the methods are: {}", known.join(", ")),
        });
    }
    method
}

/// The method to compare with: `-m`, else the keyword's, else the type's. Complains where there is none, or where
/// the values cannot be what it takes.
fn method(
    env: &mut Env<'_>,
    word: &Word,
    expr: &Expr,
    written: Option<MatchMethod>,
    implied: Option<MatchMethod>,
) -> Option<MatchMethod> {
    let name = expr.fetch.name;
    let Some(method) = written.or(implied) else {
        let message = format!(
            "matching method must be specified first (using '-m') when using a sample fetch of this type ('{name}')"
        );
        env.diags.alert(word.span, message).help("for texts: '-m str', for presence: '-m found'");
        return None;
    };
    if !can_cast(expr.output(), Patterns::takes(method)) {
        let message =
            format!("matching method '{}' cannot be used with fetch keyword '{name}'", method.name());
        env.diags.alert(word.span, message);
        return None;
    }
    Some(method)
}

fn words_as_patterns(behind: &mut Behind, words: &[Word], method: MatchMethod, is_version: bool) {
    let numeric = matches!(method, MatchMethod::Int | MatchMethod::Len);
    let mut operator = Operator::Eq;
    for word in words {
        match Operator::named(word.as_str()).filter(|_| numeric) {
            Some(found) => operator = found,
            None if numeric && word.text == "--" => {}
            None => {
                let text = if is_version { versions(word.as_str()) } else { word.text.clone() };
                behind.list.word(word, text, operator, behind.ignore_case);
            }
        }
    }
}

fn warn_of_oddities(env: &mut Env<'_>, word: &Word, method: MatchMethod, behind: &Behind) {
    let needs_none = matches!(method, MatchMethod::Found | MatchMethod::Bool);
    if behind.list.is_empty() && !needs_none && !behind.ended {
        let message = format!(
            "acl keyword '{word}' : no pattern to match against were provided, so this ACL will never match"
        );
        env.diags.warning(word.span, message).help(
            "if this is what you intended, add '--'; to match only for existence, use '-m found'; to match an \
             integer as a boolean, use '-m bool'",
        );
    }
    if let Some((text, span)) = behind.list.dashed().filter(|_| method == MatchMethod::Int) {
        env.diags
            .warning(span, format!("'{text}' is read as the range ':{}'", text.trim_start_matches('-')))
            .help("patterns are never negative; 'lt 0' matches all negative values");
    }
}
