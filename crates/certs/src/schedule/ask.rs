//! Whether a name may be obtained on demand: the operator's own web server is asked by `GET URL?domain=NAME`, as Caddy asks
//! (`on_demand_tls`); any 2xx is yes. Redirections are not followed: an answer is an answer.

use base::innermost_reason;
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use instant_acme::BodyWrapper;
use std::time::Duration;
use tls::Trust;

/// Connecting, asking and reading the answer's head, together. A handshake waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Approval {
    Yes,
    /// Not for this name; why.
    No(String),
    /// There was no answer; why.
    Unknown(String),
}

/// Asks. The name must be one that stands in an address as it is.
pub(super) async fn ask(url: &str, name: &str) -> Approval {
    match tokio::time::timeout(PATIENCE, exchange(&address(url, name))).await {
        Ok(Ok(status)) if status.is_success() => Approval::Yes,
        Ok(Ok(status)) if status.is_server_error() => {
            Approval::Unknown(format!("'ask' was answered {status}"))
        }
        Ok(Ok(status)) => Approval::No(format!("'ask' was answered {status}")),
        Ok(Err(why)) => Approval::Unknown(format!("'ask' cannot be asked: {why}")),
        Err(_) => Approval::Unknown(format!("'ask' did not answer within {} s", PATIENCE.as_secs())),
    }
}

fn address(url: &str, name: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    format!("{url}{}domain={name}", if url.contains('?') { '&' } else { '?' })
}

async fn exchange(url: &str) -> Result<StatusCode, String> {
    // The system's roots are read only where they are needed: reading them takes longer than the question.
    if url.starts_with("https:") {
        let config = Trust::default().client()?;
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1();
        status(connector.build(), url).await
    } else {
        status(HttpConnector::new(), url).await
    }
}

async fn status(
    connector: impl Connect + Clone + Send + Sync + 'static,
    url: &str,
) -> Result<StatusCode, String> {
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let request = Request::get(url).header("user-agent", "lockgate");
    let request = request.body(BodyWrapper::<Bytes>::from(Vec::new())).map_err(|why| why.to_string())?;
    // The body is not read: it says nothing.
    Ok(client.request(request).await.map_err(|why| innermost_reason(&why))?.status())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_joins_what_the_address_already_asks() {
        assert_eq!(address("http://a/ok", "x.example"), "http://a/ok?domain=x.example");
        assert_eq!(address("http://a/ok?key=1#top", "x.example"), "http://a/ok?key=1&domain=x.example");
    }
}
