//! The agent's language (manual, `agent-check`): one line of words parted by spaces, tabs or commas. Pure.

/// What a line of an agent asks for; each part may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    /// `75%`: of the configured weight.
    pub weight_percent: Option<u32>,
    /// `maxconn:N`
    pub maxconn: Option<u32>,
    /// `ready`, `drain`, `maint`
    pub admin: Option<AdminWish>,
    /// `up`, `down`, `stopped`, `fail`
    pub health: Option<HealthWish>,
    /// What statistics and log lines say of it.
    pub said: String,
}

/// What an agent or an operator wants of a server's administrative state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminWish {
    /// `ready`
    Ready,
    /// `drain`
    Drain,
    /// `maint`
    Maint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HealthWish {
    Up,
    Down,
}

/// What stands in a line besides wishes.
#[derive(Default)]
struct Rest<'l> {
    /// The word that tells the health, as written.
    word: &'l str,
    /// Behind `#`.
    description: &'l str,
    /// The first word that means nothing.
    unknown: &'l str,
    /// What is wrong with a number.
    warning: &'static str,
}

const PARTS: [char; 5] = [' ', '\t', ',', '\r', '\n'];

/// Reads a line. Words that mean nothing are passed over and told.
pub(super) fn read(line: &[u8]) -> Wishes {
    let line = String::from_utf8_lossy(line);
    let (mut wishes, mut rest) = (Wishes::default(), Rest::default());
    let mut left = line.trim_start_matches(PARTS);
    while !left.is_empty() {
        if let Some(description) = left.strip_prefix('#') {
            rest.description = description.trim();
            break;
        }
        let (word, behind) = left.split_at(left.find(PARTS).unwrap_or(left.len()));
        one(word, &mut wishes, &mut rest);
        left = behind.trim_start_matches(PARTS);
    }
    wishes.said = said(&wishes, &rest);
    wishes
}

/// What stands before and behind the `%` of a word that begins with a digit.
fn percentage(word: &str) -> Option<(&str, &str)> {
    word.split_once('%').filter(|_| word.starts_with(|c: char| c.is_ascii_digit()))
}

fn one<'l>(word: &'l str, wishes: &mut Wishes, rest: &mut Rest<'l>) {
    let lower = word.to_ascii_lowercase();
    match lower.as_str() {
        "up" => (wishes.health, rest.word) = (Some(HealthWish::Up), word),
        "down" | "stopped" | "fail" => (wishes.health, rest.word) = (Some(HealthWish::Down), word),
        "ready" => wishes.admin = Some(AdminWish::Ready),
        "drain" => wishes.admin = Some(AdminWish::Drain),
        "maint" => wishes.admin = Some(AdminWish::Maint),
        other => match (percentage(other), other.strip_prefix("maxconn:")) {
            (Some((digits, "")), _) => match digits.parse() {
                Ok(percent) => wishes.weight_percent = Some(percent),
                Err(_) => rest.warning = "Empty weight string supplied",
            },
            (Some(_), _) => rest.warning = "Trailing garbage in weight string",
            (None, Some(digits)) => match digits.parse() {
                Ok(maxconn) => wishes.maxconn = Some(maxconn),
                Err(_) => rest.warning = "maxconn string empty or preceded by garbage",
            },
            (None, None) if rest.unknown.is_empty() => rest.unknown = word,
            (None, None) => {}
        },
    }
}

fn said(wishes: &Wishes, rest: &Rest<'_>) -> String {
    let reason = if rest.description.is_empty() { rest.unknown } else { rest.description };
    match wishes.health {
        Some(_) if reason.is_empty() => format!("via agent : {}", rest.word),
        Some(_) => format!("via agent : {} ({reason})", rest.word),
        None if !rest.unknown.is_empty() => format!("agent reports an error : {}", rest.unknown),
        None if !rest.warning.is_empty() => format!("agent warns : {}", rest.warning),
        None => String::new(),
    }
}

/// A percentage of the configured weight, rounded down as HAProxy does.
pub(super) fn weight_of(percent: u32, configured: u16) -> u16 {
    let scaled = u64::from(configured) * u64::from(percent) / 100;
    u16::try_from(scaled).unwrap_or(u16::MAX).min(crate::server::MAX_WEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Observed from HAProxy 2.6 in `show stat` (`last_agt`) and its log lines.
    #[test]
    fn lines_of_agents() {
        let none = Wishes::default;
        let said = |text: &str| Wishes { said: text.into(), ..none() };
        let up = |text: &str| Wishes { health: Some(HealthWish::Up), ..said(text) };
        let down = |text: &str| Wishes { health: Some(HealthWish::Down), ..said(text) };
        let cases = [
            ("up\n", up("via agent : up")),
            ("Up", up("via agent : Up")),
            ("up #x", up("via agent : up (x)")),
            ("weird up", up("via agent : up (weird)")),
            ("down # too hot \n", down("via agent : down (too hot)")),
            ("fail #a#b", down("via agent : fail (a#b)")),
            ("stopped\r\n", down("via agent : stopped")),
            ("down#x", said("agent reports an error : down#x")),
            ("down: x", said("agent reports an error : down:")),
            ("failed", said("agent reports an error : failed")),
            ("-1%", said("agent reports an error : -1%")),
            ("up;50%", said("agent reports an error : up;50%")),
            ("75%\n", Wishes { weight_percent: Some(75), ..none() }),
            ("50%%", said("agent warns : Trailing garbage in weight string")),
            ("maxconn:30", Wishes { maxconn: Some(30), ..none() }),
            ("maxconn:x", said("agent warns : maxconn string empty or preceded by garbage")),
            ("drain", Wishes { admin: Some(AdminWish::Drain), ..none() }),
            ("#x", none()),
            ("", none()),
            (
                "up, ready\t50%",
                Wishes { weight_percent: Some(50), admin: Some(AdminWish::Ready), ..up("via agent : up") },
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line.as_bytes()), expected, "{line:?}");
        }
    }

    #[test]
    fn percentages() {
        assert_eq!(
            [weight_of(50, 10), weight_of(0, 10), weight_of(1, 10), weight_of(75, 10), weight_of(999, 200)],
            [5, 0, 0, 7, 256]
        );
    }
}
