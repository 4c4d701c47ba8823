//! The conditions of `.if` and `.elif` and of the command line's `-cc` (manual section 2.4): integers, predicates,
//! `!`, brackets, `&&` before `||`. Reads text and the facts it is given, nothing else.

use crate::env::{Environment, Variables};
use crate::lex::Lexer;
use base::{FileId, Word};

/// What predicates may ask about.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The version whose words we speak, as `haproxy -v` writes it.
    pub version: String,
    /// The version that `openssl_version_*` compares with.
    pub openssl_version: String,
    /// What `ssllib_name_startswith` compares with.
    pub ssl_library: String,
    /// What `feature()` finds: the names that `haproxy -vv` shows with a `+`.
    pub features: Vec<String>,
    /// What `enabled()` finds, `POLL`, `EPOLL` and so on.
    pub enabled: Vec<String>,
}

impl Default for Facts {
    /// What this program can do, in HAProxy's names.
    fn default() -> Facts {
        let words = |list: &str| list.split(' ').map(str::to_owned).collect();
        Facts {
            version: "2.6.12".to_owned(),
            openssl_version: "3.0.0".to_owned(),
            ssl_library: "OpenSSL".to_owned(),
            features: words("ACCEPT4 CPU_AFFINITY EPOLL GETADDRINFO LINUX_SPLICE OPENSSL POLL RT TFO THREAD"),
            enabled: words("EPOLL POLL SPLICE GETADDRINFO REUSEPORT"),
        }
    }
}

/// Why a condition has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionError {
    /// The offset of the offending byte in the condition's text.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

/// How deep brackets and `!` may be nested. Nobody nests ten; a stack has its end.
const MAX_DEPTH: usize = 64;

/// The value of a condition. An empty one is false.
pub fn evaluate(text: &str, environment: &Environment, facts: &Facts) -> Result<bool, ConditionError> {
    let mut reader = Reader { text, at: 0, depth: 0, environment, facts };
    reader.skip_blanks();
    if reader.rest().is_empty() {
        return Ok(false);
    }
    let value = reader.any()?;
    match reader.rest().chars().next() {
        None => Ok(value),
        Some(extra) => Err(reader
            .error(format!("unexpected character '{extra}' at the end of conditional expression '{text}'"))),
    }
}

/// The value of a condition as a line of a file would have it: quotes and variables mean what they mean there (`-cc`).
pub fn evaluate_line(text: &str, environment: &Environment, facts: &Facts) -> Result<bool, ConditionError> {
    let variables = Variables { environment, file: "", section: "" };
    let line = Lexer::new(FileId::default(), text.as_bytes()).next_line(&variables);
    let words = line.map_or(Ok(Vec::new()), |line| line.words);
    let words = words.map_err(|failure| ConditionError { at: 0, message: failure.message })?;
    evaluate(&words.iter().map(Word::as_str).collect::<Vec<_>>().join(" "), environment, facts)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    environment: &'t Environment,
    facts: &'t Facts,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_blanks();
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn error(&self, message: String) -> ConditionError {
        ConditionError { at: self.at, message }
    }

    /// Both sides are always read, so that the whole text is checked whatever its value.
    fn any(&mut self) -> Result<bool, ConditionError> {
        let mut value = self.all()?;
        while self.eat("||") {
            value |= self.all()?;
        }
        Ok(value)
    }

    fn all(&mut self) -> Result<bool, ConditionError> {
        let mut value = self.term()?;
        while self.eat("&&") {
            value &= self.term()?;
        }
        Ok(value)
    }

    fn term(&mut self) -> Result<bool, ConditionError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(format!("more than {MAX_DEPTH} nested brackets or negations")));
        }
        let value = self.nested_term();
        self.depth -= 1;
        value
    }

    fn nested_term(&mut self) -> Result<bool, ConditionError> {
        if self.eat("!") {
            return Ok(!self.term()?);
        }
        let open = self.at;
        if self.eat("(") {
            let value = self.any()?;
            if self.eat(")") {
                return Ok(value);
            }
            let message = format!(
                "expected ')' after conditional expression '{}'",
                self.text.get(open..).unwrap_or("")
            );
            return Err(ConditionError { at: open, message });
        }
        self.skip_blanks();
        self.integer().map_or_else(|| self.predicate(), Ok)
    }

    fn integer(&mut self) -> Option<bool> {
        let rest = self.rest();
        let digits = rest.strip_prefix(['-', '+']).unwrap_or(rest);
        let len = digits.bytes().take_while(u8::is_ascii_digit).count();
        if len == 0 {
            return None;
        }
        let value = digits[..len].bytes().any(|b| b != b'0');
        self.at += rest.len() - digits.len() + len;
        self.skip_blanks();
        Some(value)
    }

    fn predicate(&mut self) -> Result<bool, ConditionError> {
        let begin = self.at;
        let name_len = self.rest().bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let name = &self.rest()[..name_len];
        let Some(predicate) = Predicate::named(name) else {
            return Err(self.error(format!("unparsable conditional expression '{}'", self.rest())));
        };
        self.at += name_len;
        let args = self.arguments(name)?;
        if args.len() != predicate.arity() {
            let message =
                format!("predicate '{name}' wants {} argument(s), got {}", predicate.arity(), args.len());
            return Err(ConditionError { at: begin, message });
        }
        let arg = |n: usize| args.get(n).map_or("", String::as_str);
        let value = predicate.test(arg(0), arg(1), self.environment, self.facts);
        self.skip_blanks();
        value.ok_or_else(|| ConditionError { at: begin, message: format!("invalid version in '{name}'") })
    }

    /// `(a,"b c")`; none written is one empty argument, as HAProxy has it.
    fn arguments(&mut self, name: &str) -> Result<Vec<String>, ConditionError> {
        if !self.rest().starts_with('(') {
            return Ok(Vec::new());
        }
        self.at += 1;
        let mut args = vec![String::new()];
        let mut quote = None;
        let mut escaped = false;
        for (offset, c) in self.rest().char_indices() {
            match (c, quote) {
                (_, _) if escaped => {
                    push(&mut args, c);
                    escaped = false;
                }
                ('\\', None | Some('"')) => escaped = true,
                ('"' | '\'', None) => quote = Some(c),
                (c, Some(q)) if c == q => quote = None,
                (',', None) => args.push(String::new()),
                (')', None) => {
                    self.at += offset + 1;
                    return Ok(args);
                }
                (c, _) => push(&mut args, c),
            }
        }
        let count = args.len();
        self.at = self.text.len();
        let message = format!(
            "expected ')' in argument {count} of predicate '{name}' used in conditional expression '{}'",
            self.text
        );
        Err(self.error(message))
    }
}

fn push(args: &mut [String], c: char) {
    if let Some(last) = args.last_mut() {
        last.push(c);
    }
}

#[derive(Clone, Copy)]
enum Predicate {
    Defined,
    Feature,
    Streq,
    Strneq,
    Strstr,
    VersionAtLeast,
    VersionBefore,
    OpensslAtLeast,
    OpensslBefore,
    SslLibrary,
    Enabled,
}

impl Predicate {
    fn named(name: &str) -> Option<Predicate> {
        Some(match name {
            "defined" => Predicate::Defined,
            "feature" => Predicate::Feature,
            "streq" => Predicate::Streq,
            "strneq" => Predicate::Strneq,
            "strstr" => Predicate::Strstr,
            "version_atleast" => Predicate::VersionAtLeast,
            "version_before" => Predicate::VersionBefore,
            "openssl_version_atleast" => Predicate::OpensslAtLeast,
            "openssl_version_before" => Predicate::OpensslBefore,
            "ssllib_name_startswith" => Predicate::SslLibrary,
            "enabled" => Predicate::Enabled,
            _ => return None,
        })
    }

    fn arity(self) -> usize {
        match self {
            Predicate::Streq | Predicate::Strneq | Predicate::Strstr => 2,
            Predicate::Defined
            | Predicate::Feature
            | Predicate::VersionAtLeast
            | Predicate::VersionBefore
            | Predicate::OpensslAtLeast
            | Predicate::OpensslBefore
            | Predicate::SslLibrary
            | Predicate::Enabled => 1,
        }
    }

    /// `None` where a version cannot be read.
    fn test(self, a: &str, b: &str, environment: &Environment, facts: &Facts) -> Option<bool> {
        Some(match self {
            Predicate::Defined => environment.get(a).is_some(),
            Predicate::Feature => facts.features.iter().any(|f| f == a),
            Predicate::Streq => a == b,
            Predicate::Strneq => a != b,
            Predicate::Strstr => a.contains(b),
            Predicate::VersionAtLeast => version(&facts.version)? >= version(a)?,
            Predicate::VersionBefore => version(&facts.version)? < version(a)?,
            Predicate::OpensslAtLeast => version(&facts.openssl_version)? >= version(a)?,
            Predicate::OpensslBefore => version(&facts.openssl_version)? < version(a)?,
            Predicate::SslLibrary => facts.ssl_library.starts_with(a),
            Predicate::Enabled => facts.enabled.iter().any(|f| f == a),
        })
    }
}

/// `2.4-dev19`, `2.6.12-1+deb`, `1.1.1k`: numbers in order; a development version comes before its release, letters
/// behind the last number count upwards (OpenSSL's patch levels).
fn version(text: &str) -> Option<[u32; 5]> {
    let mut parts = [0, 0, 0, u32::MAX, 0];
    let (numbers, suffix) = text.split_once('-').unwrap_or((text, ""));
    for (slot, part) in parts[..3].iter_mut().zip(numbers.split('.')) {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        *slot = part[..digits].parse().ok()?;
    }
    if let Some(letter) = numbers.bytes().last().filter(u8::is_ascii_alphabetic) {
        parts[4] = u32::from(letter);
    }
    if let Some(dev) = suffix.strip_prefix("dev") {
        let digits = dev.bytes().take_while(u8::is_ascii_digit).count();
        parts[3] = dev[..digits].parse().unwrap_or(0);
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The command line is given whole, so that quotes are its own.
    #[test]
    fn a_line_has_quotes_and_variables() {
        let mut env = Environment::default();
        env.set("FOO", "a b");
        let value = |text| evaluate_line(text, &env, &Facts::default()).map_err(|e| e.message);
        for (text, expected) in [
            ("streq(\"$FOO\",\"a b\")", true),
            ("streq(\"${FOO}\",'a b')", true),
            ("streq('$FOO','a b')", false),
            ("streq($FOO,x) || 1", true),
            ("\"1\"", true),
            ("  ", false),
            ("1 && 0", false),
        ] {
            assert_eq!(value(text), Ok(expected), "{text}");
        }
        assert!(value("streq(\"a").is_err_and(|why| why.contains("quote")));
    }

    fn value(text: &str) -> Result<bool, String> {
        let mut env = Environment::default();
        env.set("FOO", "foo");
        evaluate(text, &env, &Facts::default()).map_err(|e| format!("{}: {}", e.at, e.message))
    }

    #[test]
    fn conditions_as_haproxy_values_them() {
        let cases = [
            ("", false),
            ("0", false),
            ("1", true),
            ("-3", true),
            ("!!1", true),
            ("! 1", false),
            ("(1 && (0 || 1))", true),
            ("1 || 0 && 0", true),
            ("!defined(FOO) || feature(OPENSSL) && version_atleast(2.4-dev19)", true),
            ("feature(OPENSSL)&&1", true),
            ("feature(LUA)", false),
            ("defined()", false),
            ("streq(a b,\"a b\")", true),
            ("streq( a,a)", false),
            ("strneq(a,b)", true),
            ("strstr(abc,b)", true),
            ("version_before(2.6.12)", false),
            ("version_atleast(2.6.12)", true),
            ("version_atleast(2.6)", true),
            ("version_before(2.7-dev1)", true),
            ("version_before(2.6.12-dev1)", false),
            ("openssl_version_atleast(1.1.1k)", true),
            ("openssl_version_before(1.1.1)", false),
            ("ssllib_name_startswith(OpenSSL)", true),
            ("enabled(POLL)", true),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_and_where() {
        let cases = [
            ("1 2", "2: unexpected character '2' at the end of conditional expression '1 2'"),
            ("foo", "0: unparsable conditional expression 'foo'"),
            ("1 &&", "4: unparsable conditional expression ''"),
            ("(1", "0: expected ')' after conditional expression '(1'"),
            ("streq(a)", "0: predicate 'streq' wants 2 argument(s), got 1"),
            ("version_atleast(x)", "0: invalid version in 'version_atleast'"),
            (
                "defined(FOO",
                "11: expected ')' in argument 1 of predicate 'defined' used in conditional expression 'defined(FOO'",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), Err(expected.to_owned()), "{text}");
        }
        assert!(value(&"!".repeat(1000)).is_err());
    }
}
