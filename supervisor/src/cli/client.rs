//! The other end of the control API.

use super::Failure;
use super::hints::of_lab;
use crate::lab::RuntimeDir;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A running lab.
pub(super) struct Client {
    name: String,
    http: reqwest::Client,
    runtime: RuntimeDir,
}

impl Client {
    /// The lab of that name; exit 4 with those that run if there is none.
    pub fn connect(name: &str) -> Result<Client, Failure> {
        let runtime = RuntimeDir::open().map_err(|e| Failure::new(1, e))?;
        let socket = runtime.socket(name);
        if std::os::unix::net::UnixStream::connect(&socket).is_err() {
            return Err(no_lab(&runtime, name));
        }
        // The proxy of the environment is not for this.
        let http = reqwest::Client::builder().unix_socket(socket).no_proxy().build();
        let http = http.map_err(|e| Failure::new(1, e))?;
        Ok(Client {
            name: name.to_owned(),
            http,
            runtime,
        })
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let request = self.http.get(url(path));
        let value = self.answer(request).await?;
        serde_json::from_value(value)
            .map_err(|e| Failure::new(1, format!("the lab answered something else: {e}")))
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.answer(self.http.post(url(path)).json(body)).await
    }

    /// A stream of lines.
    pub async fn stream(&self, path: &str) -> Result<reqwest::Response, Failure> {
        self.http
            .get(url(path))
            .send()
            .await
            .map_err(|_| no_lab(&self.runtime, &self.name))
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value, Failure> {
        let response = request
            .send()
            .await
            .map_err(|_| no_lab(&self.runtime, &self.name))?;
        let status = response.status();
        let body = response.text().await.map_err(|e| Failure::new(1, e))?;
        let value: Value = serde_json::from_str(&body).unwrap_or(Value::String(body));
        if status.is_success() {
            return Ok(value);
        }
        let code = value["exit"]
            .as_u64()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(1);
        let words = value["error"]
            .as_str()
            .map_or_else(|| format!("{status}: {value}"), str::to_owned);
        Err(Failure::new(code, words))
    }
}

fn url(path: &str) -> String {
    format!("http://lab{path}")
}

fn no_lab(runtime: &RuntimeDir, name: &str) -> Failure {
    let running = runtime.running();
    let running = match running.as_slice() {
        [] => format!("no lab is running; start one with: {}", start(name)),
        names => format!("running: {}", names.join(", ")),
    };
    Failure::new(4, format!("no lab \"{name}\"; {running}"))
}

fn start(name: &str) -> String {
    of_lab("`resetlab up`", name).replace('`', "")
}
