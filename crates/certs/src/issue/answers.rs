//! Proving control of every name of an order: choose a kind of challenge for each, post all answers, have the authority
//! look, and withdraw the answers whatever it says.

use super::Wanted;
use crate::acme::{IssueError, Opened, Unproven, kind_of, patient, words_of};
use crate::dns::{Permit, account_label};
use crate::hatch::{Answer, Challenge, Hatch};
use aws_lc_rs::digest;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use instant_acme::{
    AuthorizationState, AuthorizationStatus, ChallengeType, Error, Identifier, Order, OrderStatus, Problem,
    RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use std::net::IpAddr;
use std::time::Duration;
use tls::PemPair;

const STEP: &str = "a challenge";
/// How long an authority may take to look at all names. Let's Encrypt needs seconds.
pub(super) const WAIT: RetryPolicy = RetryPolicy::new().backoff(1.5).timeout(Duration::from_secs(120));
/// Longest token read; those in use have 43 letters.
const MAX_TOKEN: usize = 256;

/// What was tried for this certificate in orders before.
#[derive(Default)]
pub(super) struct History {
    tried: Vec<(String, Challenge)>,
    unproven: Vec<Unproven>,
    /// A name of the last order has a kind of challenge left that was not tried.
    more: bool,
    pub(super) complaints: Vec<String>,
}

impl History {
    pub(super) fn is_worth_another_order(&self) -> bool {
        self.more
    }
}

/// An answer and the authorization that it is for.
struct Posted {
    authorization: String,
    name: String,
    challenge: Challenge,
    answer: Answer,
}

pub(super) async fn prove(
    order: &mut Order,
    wanted: &Wanted,
    hatch: &dyn Hatch,
    account: &Opened,
    history: &mut History,
) -> Result<(), IssueError> {
    history.more = false;
    patient(async || fetch(order).await).await.map_err(account.failed("the order's authorizations"))?;
    // Authorities remember proofs: then there is nothing to do.
    if order.state().status == OrderStatus::Ready {
        return Ok(());
    }
    let answers = choose(order, wanted, hatch, account, history).await?;
    let mut posted = 0;
    let outcome = answer(order, &answers, hatch, account, &mut posted).await;
    for done in answers.iter().take(posted) {
        if let Err(why) = hatch.withdraw(&done.answer).await {
            let text = format!("the answer for '{}' is still posted: {why}", done.name);
            history.complaints.push(text);
        }
    }
    if let Err(IssueError::Unproven(failures)) = &outcome {
        history.note(failures, wanted, hatch);
    }
    outcome
}

impl History {
    fn note(&mut self, failures: &[Unproven], wanted: &Wanted, hatch: &dyn Hatch) {
        self.unproven.extend_from_slice(failures);
        let left = |failure: &Unproven| {
            let possible = wanted.challenges.iter().filter(|c| hatch.answers().contains(c));
            possible.filter(|c| !self.tried.contains(&(failure.name.clone(), **c))).count() > 0
        };
        self.more = !failures.is_empty() && failures.iter().all(left);
    }
}

/// Fetches the state of all authorizations; those that came are kept by the order.
async fn fetch(order: &mut Order) -> Result<(), Error> {
    let mut all = order.authorizations();
    while let Some(authorization) = all.next().await {
        authorization?;
    }
    Ok(())
}

/// An answer for every name that is not proven yet.
async fn choose(
    order: &mut Order,
    wanted: &Wanted,
    hatch: &dyn Hatch,
    account: &Opened,
    history: &mut History,
) -> Result<Vec<Posted>, IssueError> {
    let mut answers = Vec::new();
    let mut all = order.authorizations();
    while let Some(authorization) = all.next().await {
        let mut authorization = authorization.map_err(account.failed(STEP))?;
        let (name, status) = (name_of(&authorization), authorization.status);
        match status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            AuthorizationStatus::Invalid
            | AuthorizationStatus::Revoked
            | AuthorizationStatus::Expired
            | AuthorizationStatus::Deactivated => {
                return Err(IssueError::Unproven(vec![unproven(&authorization)]));
            }
        }
        let url = authorization.url().to_owned();
        let challenge = pick(&name, &authorization, wanted, hatch, history)?;
        history.tried.push((name.clone(), challenge));
        let is_wildcard = authorization.wildcard;
        let Some(handle) = authorization.challenge(type_of(challenge)) else { continue };
        let answer = match challenge {
            Challenge::DnsPersist01 => permit(&name, is_wildcard, &handle.url, account)?,
            Challenge::Http01 | Challenge::TlsAlpn01 | Challenge::Dns01 | Challenge::DnsAccount01 => {
                check_token(&name, &handle.token)?;
                let proof = format!("{}.{}", handle.token, account.thumbprint());
                make(challenge, &name, &handle.token, &proof, account.id())?
            }
        };
        answers.push(Posted { authorization: url, name, challenge, answer });
    }
    Ok(answers)
}

fn pick(
    name: &str,
    authorization: &AuthorizationState,
    wanted: &Wanted,
    hatch: &dyn Hatch,
    history: &History,
) -> Result<Challenge, IssueError> {
    let offers = |c: Challenge| authorization.challenges.iter().any(|o| o.r#type == type_of(c));
    let may = || wanted.challenges.iter().copied().filter(|c| hatch.answers().contains(c));
    let untried = |c: &Challenge| !history.tried.contains(&(name.to_owned(), *c));
    if let Some(challenge) = may().filter(untried).find(|c| offers(*c)) {
        return Ok(challenge);
    }
    if !history.unproven.is_empty() {
        return Err(IssueError::Unproven(history.unproven.clone()));
    }
    Err(IssueError::NoChallenge {
        name: name.to_owned(),
        offered: authorization.challenges.iter().map(|c| shown(&c.r#type)).collect(),
        wanted: may().map(Challenge::name).collect(),
    })
}

/// A token goes into paths and commands: base64url's alphabet and nothing else (RFC 8555 section 8.3).
fn check_token(name: &str, token: &str) -> Result<(), IssueError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if (1..=MAX_TOKEN).contains(&token.len()) && token.bytes().all(plain) {
        return Ok(());
    }
    Err(IssueError::Answer {
        name: name.to_owned(),
        why: "the authority's token has letters that no token has".to_owned(),
    })
}

/// What a record is to say that lets the account prove the name again and again. It has no token.
fn permit(name: &str, wildcard: bool, url: &str, account: &Opened) -> Result<Answer, IssueError> {
    let issuers = account.transport.persist_issuers(url);
    if issuers.is_empty() {
        let why = "the authority does not say what it is called in dns-persist-01 records".to_owned();
        return Err(IssueError::Answer { name: name.to_owned(), why });
    }
    let permit = Permit { issuers, account: account.id().to_owned(), wildcard };
    Ok(Answer::Persist { name: host_of(name), permit })
}

/// Without what makes it a wildcard.
fn host_of(name: &str) -> String {
    name.strip_prefix("*.").unwrap_or(name).to_owned()
}

fn make(
    challenge: Challenge,
    name: &str,
    token: &str,
    proof: &str,
    account: &str,
) -> Result<Answer, IssueError> {
    let name = name.to_owned();
    let digest = digest::digest(&digest::SHA256, proof.as_bytes());
    Ok(match challenge {
        Challenge::Http01 => Answer::Http { name, token: token.to_owned(), content: proof.to_owned() },
        Challenge::Dns01 | Challenge::DnsAccount01 | Challenge::DnsPersist01 => Answer::Dns {
            label: (challenge == Challenge::DnsAccount01).then(|| account_label(account)),
            name: host_of(&name),
            value: BASE64_URL_SAFE_NO_PAD.encode(digest.as_ref()),
        },
        Challenge::TlsAlpn01 => {
            let pair = acme_certificate(&name, digest.as_ref());
            let pair = pair.map_err(|why| IssueError::Key { why: why.to_string() })?;
            Answer::Tls { sni: asked_name(&name), pair }
        }
    })
}

/// A certificate that carries the proof (RFC 8737 section 3).
fn acme_certificate(name: &str, digest: &[u8]) -> Result<PemPair, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    Ok(PemPair { cert: params.self_signed(&key)?.pem(), key: key.serialize_pem() })
}

/// What the authority's handshake asks for: addresses by their reverse name (RFC 8738 section 6).
fn asked_name(name: &str) -> String {
    match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        Ok(IpAddr::V6(address)) => {
            let nibbles = address.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]);
            let labels: Vec<String> = nibbles.map(|nibble| format!("{nibble:x}")).collect();
            format!("{}.ip6.arpa", labels.join("."))
        }
        Err(_) => name.to_owned(),
    }
}

/// Posts the answers, all before the first is looked at, and waits for the authority's verdict.
async fn answer(
    order: &mut Order,
    answers: &[Posted],
    hatch: &dyn Hatch,
    account: &Opened,
    posted: &mut usize,
) -> Result<(), IssueError> {
    hatch.expect(&answers.iter().map(|one| one.name.as_str()).collect::<Vec<_>>());
    for one in answers {
        let failed = |why: crate::hatch::HatchError| IssueError::Answer {
            name: one.name.clone(),
            why: why.to_string(),
        };
        // Counted even if it fails: it may be there in part.
        *posted += 1;
        hatch.post(&one.answer).await.map_err(failed)?;
    }
    // All are on their way before the first is waited for.
    for one in answers {
        let failed = |why: crate::hatch::HatchError| IssueError::Answer {
            name: one.name.clone(),
            why: why.to_string(),
        };
        hatch.found(&one.answer).await.map_err(failed)?;
    }
    let mut all = order.authorizations();
    while let Some(authorization) = all.next().await {
        let mut authorization = authorization.map_err(account.failed(STEP))?;
        let Some(one) = answers.iter().find(|one| one.authorization == authorization.url()) else { continue };
        if let Some(mut challenge) = authorization.challenge(type_of(one.challenge)) {
            let ready = patient(async || challenge.set_ready().await).await;
            ready.map_err(account.failed(STEP))?;
        }
    }
    match patient(async || order.poll_ready(&WAIT).await).await {
        Ok(OrderStatus::Ready) => Ok(()),
        Ok(_) => Err(verdict(order, account, None).await),
        Err(error) => Err(verdict(order, account, Some(error)).await),
    }
}

/// Why an order did not become ready: what the authority says of each name, or else of the order.
async fn verdict(order: &mut Order, account: &Opened, error: Option<Error>) -> IssueError {
    let mut failures = Vec::new();
    let mut all = order.authorizations();
    while let Some(Ok(mut authorization)) = all.next().await {
        let fresh = patient(async || authorization.refresh().await.map(drop)).await;
        if fresh.is_ok() && authorization.status == AuthorizationStatus::Invalid {
            failures.push(unproven(&authorization));
        }
    }
    match error {
        _ if !failures.is_empty() => IssueError::Unproven(failures),
        Some(error) => account.failed("the proof of control")(error),
        None => account.failed("the proof of control")(Error::Api(without_reason())),
    }
}

/// In the place of what an authority should have said of an order that it calls invalid (RFC 8555 section 7.1.3).
fn without_reason() -> Problem {
    Problem {
        r#type: Some("urn:ietf:params:acme:error:malformed".to_owned()),
        detail: Some("it calls the order invalid and gives no reason".to_owned()),
        status: None,
        subproblems: Vec::new(),
    }
}

fn unproven(authorization: &AuthorizationState) -> Unproven {
    let failed = authorization.challenges.iter().find_map(|c| Some((&c.r#type, c.error.as_ref()?)));
    let name = name_of(authorization);
    match failed {
        Some((kind, problem)) => Unproven {
            name,
            challenge: known(kind).map(Challenge::name),
            kind: kind_of(problem),
            why: words_of(problem),
        },
        None => Unproven {
            name,
            challenge: None,
            kind: "unauthorized".to_owned(),
            why: "the authority gave no reason".to_owned(),
        },
    }
}

fn name_of(authorization: &AuthorizationState) -> String {
    let known = authorization.identifier();
    match known.identifier {
        Identifier::Ip(address) => address.to_string(),
        _ => known.to_string(),
    }
}

fn type_of(challenge: Challenge) -> ChallengeType {
    match challenge {
        Challenge::Http01 => ChallengeType::Http01,
        Challenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
        Challenge::Dns01 => ChallengeType::Dns01,
        Challenge::DnsAccount01 | Challenge::DnsPersist01 => {
            ChallengeType::Unknown(challenge.name().to_owned())
        }
    }
}

fn known(kind: &ChallengeType) -> Option<Challenge> {
    Challenge::ALL.into_iter().find(|c| type_of(*c) == *kind)
}

fn shown(kind: &ChallengeType) -> String {
    match kind {
        ChallengeType::Unknown(name) if known(kind).is_none() => {
            name.chars().filter(|c| !c.is_control()).take(40).collect()
        }
        other => known(other).map_or_else(|| format!("{other:?}"), |c| c.name().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_asked_for_by_their_reverse_name() {
        assert_eq!(asked_name("192.0.2.1"), "1.2.0.192.in-addr.arpa");
        let v6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
        assert_eq!(asked_name("2001:db8::1"), v6);
        assert_eq!(asked_name("a.example"), "a.example");
    }

    #[test]
    fn a_token_has_letters_of_its_alphabet_only() {
        assert!(check_token("x", "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA").is_ok());
        for bad in ["", "a b", "../../etc", "a\nb", "a;b", &"a".repeat(MAX_TOKEN + 1)] {
            assert!(check_token("x", bad).is_err(), "{bad:?}");
        }
    }
}
