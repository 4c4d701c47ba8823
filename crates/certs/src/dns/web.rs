//! A question to a provider's web interface: JSON there and back, with a time and a size limit.

use super::DnsError;
use base::innermost_reason;
use hyper::body::{Body, Bytes};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use instant_acme::BodyWrapper;
use serde_json::Value;
use std::pin::pin;
use std::time::Duration;
use tls::Trust;

/// Connecting, asking and reading the answer, together.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest answer read: a page of zones has some tens of KB.
const MAX_ANSWER: usize = 1024 * 1024;

/// One question.
pub(super) struct Call<'a> {
    pub provider: &'a str,
    pub method: Method,
    pub url: String,
    /// Values are marked as secrets.
    pub headers: Vec<(&'static str, &'a str)>,
    pub body: Option<Value>,
}

impl Call<'_> {
    /// Asks; whatever status comes, with the answer's JSON (`Null` where it is none).
    pub async fn send(self) -> Result<(StatusCode, Value), DnsError> {
        let provider = self.provider.to_owned();
        let failed = |why: String| DnsError::Provider { provider: provider.clone(), why };
        match tokio::time::timeout(PATIENCE, self.exchange()).await {
            Ok(answer) => answer.map_err(failed),
            Err(_) => Err(failed(format!("no answer within {} s", PATIENCE.as_secs()))),
        }
    }

    async fn exchange(self) -> Result<(StatusCode, Value), String> {
        let config = Trust::default().client()?;
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new()).build(connector.build());
        let body = self.body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let mut request = Request::builder().method(self.method).uri(&self.url);
        request = request.header(CONTENT_TYPE, "application/json").header("user-agent", "lockgate");
        for (name, value) in self.headers {
            let mut value =
                HeaderValue::from_str(value).map_err(|_| format!("the {name} has odd letters"))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        let request = request.body(BodyWrapper::<Bytes>::from(body)).map_err(|e| e.to_string())?;
        let response = client.request(request).await.map_err(|e| innermost_reason(&e))?;
        let (parts, body) = response.into_parts();
        let bytes = read(body, MAX_ANSWER).await?;
        Ok((parts.status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }
}

/// A whole body of at most so many bytes.
pub(crate) async fn read(
    body: impl Body<Data = Bytes, Error = hyper::Error>,
    most: usize,
) -> Result<Vec<u8>, String> {
    let (mut body, mut all) = (pin!(body), Vec::new());
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        if let Ok(data) = frame.map_err(|e| innermost_reason(&e))?.into_data() {
            all.extend_from_slice(&data);
        }
        if all.len() > most {
            return Err(format!("an answer of more than {most} bytes came"));
        }
    }
    Ok(all)
}
