//! The parameters of `bind` and `server` lines: finds each one's row, hands it its words and says how true it is.
//! Knows no parameter itself; the tables stand in `bind_params`, `server_params` and
//! `tls_params`.

use crate::args::{Args, Polarity};
use crate::ctx::Ctx;
use crate::dynamic::STATIC_ONLY;
use crate::failure::Failure;
use crate::model::{BindParams, ServerParams, TlsOffer};
use crate::row::{Parse, Parsed, Parser, Place, Row, Status};
use crate::rows;
use base::{Span, Word};

/// What a line's parameters are written to.
pub(crate) trait Params: Sized {
    /// The parser of one of its rows, which sees the words from its own name to the end of the line; `None` where the
    /// row takes no words, or is not one of its rows.
    fn parser(parse: Parse) -> Option<Parser<Self>>;
    /// What `bind` and `server` lines say alike.
    fn tls(&mut self) -> &mut TlsOffer;
}

impl Params for BindParams {
    fn parser(parse: Parse) -> Option<Parser<Self>> {
        if let Parse::Bind(parser) = parse { Some(parser) } else { None }
    }

    fn tls(&mut self) -> &mut TlsOffer {
        &mut self.tls
    }
}

impl Params for ServerParams {
    fn parser(parse: Parse) -> Option<Parser<Self>> {
        if let Parse::Server(parser) = parse { Some(parser) } else { None }
    }

    fn tls(&mut self) -> &mut TlsOffer {
        &mut self.tls
    }
}

/// A line whose parameters are read.
pub(crate) struct Line {
    /// `bind :80`, `server web1`: what the complaint is about.
    pub(crate) label: String,
    /// Whose rows its parameters are.
    pub(crate) place: Place,
    /// An operator writes it while the process runs.
    pub(crate) dynamic: bool,
}

impl Line {
    /// Reads parameters until the words end or one of them is wrong; what was read before it is kept.
    pub(crate) fn read<P: Params>(&self, ctx: &mut Ctx<'_>, words: &[Word], to: &mut P) -> Parsed {
        let mut words = words;
        while let Some(word) = words.first() {
            let (row, _) = rows::find(&words[..1], self.place).ok_or_else(|| self.unknown(word))?;
            if self.dynamic && STATIC_ONLY.contains(&word.as_str()) {
                let text = format!("'{word}' option is not accepted for dynamic server");
                return Err(Failure::new(word.span, text));
            }
            let mut args = Args::new(words, 1, Polarity::Plain);
            if let Parse::Tls(parser) = row.parse {
                parser(ctx, &mut args, to.tls())?;
            } else if let Some(parser) = P::parser(row.parse) {
                parser(ctx, &mut args, to)?;
            }
            tell(ctx, word, row)?;
            words = args.rest();
        }
        Ok(())
    }

    fn unknown(&self, word: &Word) -> Failure {
        if self.dynamic {
            return Failure::new(word.span, format!("unknown keyword '{word}'."));
        }
        let names = rows::all().filter(|row| row.place.meets(self.place)).flat_map(|row| row.names);
        let failure = Failure::new(word.span, format!("'{}': unknown keyword '{word}'", self.label));
        if word.text.contains([':', ',']) {
            return failure.help("an address is not expected here; a list of them has commas and no spaces");
        }
        failure.nearest(&word.text, names.copied())
    }
}

/// Says that a parameter has no effect, once a section and reason, or that it is refused.
fn tell(ctx: &mut Ctx<'_>, word: &Word, row: &Row) -> Parsed {
    match row.status {
        Status::Supported => Ok(()),
        Status::NoEffect(reason) => {
            if ctx.first(reason) {
                ctx.warn(word.span, format!("'{word}' is accepted without effect: {reason}"));
            }
            Ok(())
        }
        Status::Refused(alternative) => {
            Err(Failure::new(word.span, format!("'{word}' is not supported")).help(alternative))
        }
    }
}

/// Warns, unless this was said before in this load.
pub(crate) fn warn_once(ctx: &mut Ctx<'_>, span: Span, message: &str) {
    if !ctx.diags.iter().any(|d| d.message == message) {
        ctx.warn(span, message);
    }
}

/// Fills a slot, or passes the complaint on.
pub(crate) fn set<T>(slot: &mut Option<T>, value: Result<T, Failure>) -> Parsed {
    *slot = Some(value?);
    Ok(())
}

/// Switches something on.
pub(crate) fn on(slot: &mut bool) -> Parsed {
    *slot = true;
    Ok(())
}

/// One word that must not be empty.
pub(crate) fn text(args: &mut Args<'_>, what: &str) -> Result<Word, Failure> {
    args.expect_text(what).cloned()
}

/// Steps over the value of a parameter that has no effect.
pub(crate) fn skip_value(args: &mut Args<'_>) -> Parsed {
    args.expect_text("a value").map(|_| ())
}

/// A delay in milliseconds that must not be 0, the way HAProxy refuses `inter 0`.
pub(crate) fn delay(args: &mut Args<'_>) -> Result<u64, Failure> {
    let word = args.peek().cloned();
    match (args.millis("a delay")?, word) {
        (0, Some(word)) => Err(args.bad(&word, "a delay").help("a time above 0 is expected")),
        (value, _) => Ok(value),
    }
}
