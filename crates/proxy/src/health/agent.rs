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
    /// `up`, `down`, `stopped`, `fail`, with the word and the description behind `#`.
    pub health: Option<(HealthWish, String)>,
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

/// Reads a line. Words that mean nothing are passed over, as the manual asks.
pub(super) fn read(line: &[u8]) -> Wishes {
    let mut wishes = Wishes::default();
    let line = String::from_utf8_lossy(line);
    let (words, description) = match line.split_once('#') {
        Some((words, description)) => (words, description.trim_end()),
        None => (&*line, ""),
    };
    for word in words.split([' ', '\t', ',', '\r', '\n']).filter(|w| !w.is_empty()) {
        let lower = word.to_ascii_lowercase();
        let health = |wish| {
            let text =
                if description.is_empty() { lower.clone() } else { format!("{lower} ({description})") };
            Some((wish, text))
        };
        match lower.as_str() {
            "up" => wishes.health = health(HealthWish::Up),
            "down" | "stopped" | "fail" | "failed" => wishes.health = health(HealthWish::Down),
            "ready" => wishes.admin = Some(AdminWish::Ready),
            "drain" => wishes.admin = Some(AdminWish::Drain),
            "maint" => wishes.admin = Some(AdminWish::Maint),
            other => number(other, &mut wishes),
        }
    }
    wishes
}

fn number(word: &str, wishes: &mut Wishes) {
    if let Some(percent) = word.strip_suffix('%').and_then(|n| n.parse().ok()) {
        wishes.weight_percent = Some(percent);
    }
    if let Some(maxconn) = word.strip_prefix("maxconn:").and_then(|n| n.parse().ok()) {
        wishes.maxconn = Some(maxconn);
    }
}

/// A percentage of the configured weight, at least 1 for anything above nothing (manual, `agent-check`).
pub(super) fn weight_of(percent: u32, configured: u16) -> u16 {
    let scaled = (u64::from(configured) * u64::from(percent)).div_ceil(100);
    u16::try_from(scaled).unwrap_or(u16::MAX).min(crate::server::MAX_WEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_agents() {
        let none = Wishes::default;
        let health = |wish, text: &str| Wishes { health: Some((wish, text.into())), ..none() };
        let cases = [
            ("up\n", health(HealthWish::Up, "up")),
            ("down#overload\n", health(HealthWish::Down, "down (overload)")),
            ("stopped\r\n", health(HealthWish::Down, "stopped")),
            ("75%\n", Wishes { weight_percent: Some(75), ..none() }),
            ("maxconn:30", Wishes { maxconn: Some(30), ..none() }),
            ("drain", Wishes { admin: Some(AdminWish::Drain), ..none() }),
            ("junk 12 %", none()),
            ("", none()),
            (
                "up, ready\t50%",
                Wishes {
                    weight_percent: Some(50),
                    admin: Some(AdminWish::Ready),
                    ..health(HealthWish::Up, "up")
                },
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line.as_bytes()), expected, "{line:?}");
        }
    }

    #[test]
    fn percentages() {
        assert_eq!(
            [weight_of(50, 10), weight_of(0, 10), weight_of(1, 10), weight_of(999, 200)],
            [5, 0, 1, 256]
        );
    }
}
