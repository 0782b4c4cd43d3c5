//! The ways in, over HTTP: gateway and auth as they are shipped, and nothing in their place.

use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::services::{PASSWORD, Stack};

/// An answer.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {:?}", self.text))
    }

    #[track_caller]
    fn check(&self, status: u16, body: &Value) {
        assert_eq!((self.status.as_u16(), &self.json()), (status, body));
    }
}

impl Stack {
    #[expect(clippy::unused_self, reason = "it reads as the credential of this stack")]
    fn basic(&self) -> Vec<(&'static str, String)> {
        // admin and the password, as a client writes them.
        vec![("authorization", "Basic YWRtaW46Y29ycmVjdCBob3JzZSBiYXR0ZXJ5".to_owned())]
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&'static str, String)], body: Value) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        let Ok(answer) = request.send().await else {
            let (status, headers) = (StatusCode::SERVICE_UNAVAILABLE, HeaderMap::new());
            return Answer { status, headers, text: String::new() };
        };
        let (status, headers) = (answer.status(), answer.headers().clone());
        Answer { status, headers, text: answer.text().await.unwrap() }
    }
}

fn bearer(token: &str) -> Vec<(&'static str, String)> {
    vec![("authorization", format!("Bearer {token}"))]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_come_and_go_as_selfprivacys_application_expects() {
    let stack = Stack::start().await;
    let admin = stack.basic();
    stack.send(Method::GET, "/api/version", &[], Value::Null).await.check(200, &json!({ "version": "1.2.7" }));
    stack
        .send(Method::GET, "/auth/tokens", &[], Value::Null)
        .await
        .check(401, &json!({ "error": "Missing Authorization header" }));
    let wrong = bearer(&"x".repeat(43));
    stack
        .send(Method::POST, "/auth/new_device", &wrong, Value::Null)
        .await
        .check(401, &json!({ "error": "Invalid token" }));

    let words = stack.send(Method::POST, "/auth/new_device", &admin, Value::Null).await.json();
    let words = words["token"].as_str().unwrap().to_owned();
    assert_eq!(words.split(' ').count(), 12);
    let authorize = "/auth/new_device/authorize";
    stack
        .send(Method::POST, authorize, &[], json!({ "device": "a" }))
        .await
        .check(400, &json!({ "message": { "token": "Mnemonic token to authorize" } }));
    stack
        .send(Method::POST, authorize, &[], json!({ "token": words }))
        .await
        .check(400, &json!({ "message": { "device": "Device to authorize" } }));
    stack
        .send(Method::POST, authorize, &[], json!({ "token": "zoo", "device": "a" }))
        .await
        .check(404, &json!({ "message": "Token not found" }));
    let made = stack.send(Method::POST, authorize, &[], json!({ "token": words, "device": "Pixel 6a" })).await;
    let token = made.json()["token"].as_str().unwrap().to_owned();
    made.check(200, &json!({ "message": "Device authorized", "token": token }));
    stack.send(Method::DELETE, "/auth/new_device", &admin, Value::Null).await.check(200, &json!({ "token": null }));

    // A token alone is as good as one with its scheme.
    let bare = vec![("authorization", token.clone())];
    let listed = stack.send(Method::GET, "/auth/tokens", &bare, Value::Null).await.json();
    assert_eq!((listed[0]["name"].as_str(), listed[0]["is_caller"].as_bool()), (Some("Pixel_6a"), Some(true)));
    stack
        .send(Method::DELETE, "/auth/tokens", &bare, json!({ "token_name": "Pixel_6a" }))
        .await
        .check(400, &json!({ "message": "Cannot delete caller's token" }));
    stack
        .send(Method::DELETE, "/auth/tokens", &bare, json!({}))
        .await
        .check(400, &json!({ "message": { "token_name": "Token to delete" } }));
    stack
        .send(Method::DELETE, "/auth/tokens?token_name=nobody", &bare, Value::Null)
        .await
        .check(404, &json!({ "message": "Token not found" }));

    let refreshed = stack.send(Method::POST, "/auth/tokens", &bare, Value::Null).await.json();
    let second = bearer(refreshed["token"].as_str().unwrap());
    assert_eq!(stack.send(Method::GET, "/auth/tokens", &bare, Value::Null).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.send(Method::GET, "/auth/tokens", &second, Value::Null).await.json()[0]["is_caller"], true);
    stack
        .send(Method::DELETE, "/auth/tokens", &admin, json!({ "token": "Pixel_6a" }))
        .await
        .check(200, &json!({ "message": "Token deleted" }));
    assert_eq!(stack.send(Method::GET, "/auth/tokens", &second, Value::Null).await.status, StatusCode::UNAUTHORIZED);
    stack
        .send(Method::POST, "/auth/tokens", &admin, Value::Null)
        .await
        .check(404, &json!({ "message": "Token not found" }));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_from_the_drawer_are_worth_what_they_say() {
    let stack = Stack::start().await;
    let (admin, path) = (stack.basic(), "/auth/recovery_token");
    let none = json!({ "exists": false, "valid": false, "date": null, "expiration": null, "uses_left": null });
    stack.send(Method::GET, path, &admin, Value::Null).await.check(200, &none);
    for (body, answer) in [
        (json!({ "expiration": "soon" }), json!({ "error": "Invalid expiration date. Use YYYY-MM-DDTHH:MM:SS.SSSZ" })),
        (
            json!({ "expiration": "2020-01-01T00:00:00Z" }),
            json!({ "message": "Expiration date cannot be in the past" }),
        ),
        (json!({ "uses": 0 }), json!({ "message": "Uses must be greater than 0" })),
    ] {
        stack.send(Method::POST, path, &admin, body).await.check(400, &answer);
    }
    let body = json!({ "expiration": "2099-01-01T00:00:00.000Z", "uses": 1 });
    let words = stack.send(Method::POST, path, &admin, body).await.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(words.split(' ').count(), 18);
    let known = stack.send(Method::GET, path, &admin, Value::Null).await.json();
    assert_eq!((&known["valid"], &known["uses_left"]), (&json!(true), &json!(1)));
    let redeem = json!({ "token": words, "device": "tablet" });
    let made = stack.send(Method::POST, "/auth/recovery_token/use", &[], redeem.clone()).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text);
    stack
        .send(Method::POST, "/auth/recovery_token/use", &[], redeem)
        .await
        .check(404, &json!({ "error": "Token not found" }));
    // Forms and queries are read as well; the fifth failure is the last.
    let form = |stack: &Stack| {
        let request = stack.client.post(format!("{}/auth/recovery_token/use", stack.url));
        request.header("content-type", "application/x-www-form-urlencoded").body("token=zoo+zoo&device=a").send()
    };
    for _ in 0..4 {
        assert_eq!(form(&stack).await.unwrap().status(), StatusCode::NOT_FOUND);
    }
    let locked = form(&stack).await.unwrap();
    assert_eq!(locked.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(locked.headers().contains_key("retry-after"));
    stack.stop().await;
}

fn code(secret: &str, steps: u64) -> String {
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
    totp.generate(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() + 30 * steps).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_take_the_second_factor_once_there_is_one() {
    let stack = Stack::start().await;
    let admin = stack.basic();
    let made = stack.send(Method::PUT, "/tokens", &admin, json!({ "Name": "before" })).await.json();
    let token = bearer(made["Token"].as_str().unwrap());
    assert_eq!(stack.send(Method::PUT, "/otp_register", &token, json!({})).await.status, StatusCode::UNAUTHORIZED);
    let status = stack.send(Method::GET, "/otp_status?name=admin", &admin, Value::Null).await.json();
    assert_eq!(status["State"], "unregistered");
    let made = stack.send(Method::PUT, "/otp_register", &admin, json!({ "Name": "admin" })).await.json();
    let secret = made["Secret"].as_str().unwrap();
    assert!(made["QRCode"].as_str().unwrap().starts_with("<svg"));
    let wrong = stack.send(Method::PUT, "/otp_validate", &admin, json!({ "Name": "admin", "Code": "000000" })).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    let shown = json!({ "Name": "admin", "Code": code(secret, 0) });
    let proof = stack.send(Method::PUT, "/otp_validate", &admin, shown).await.json();
    let status = stack.send(Method::GET, "/otp_status", &admin, Value::Null).await.json();
    assert_eq!((status["State"].as_str(), &status["Confirmed"]), (Some("registered"), &json!(true)));

    let missing = stack.send(Method::GET, "/tokens", &admin, Value::Null).await;
    assert_eq!((missing.status, &missing.headers["location"]), (StatusCode::FOUND, &"/auth/validate".parse().unwrap()));
    assert_eq!(stack.send(Method::GET, "/tokens", &token, Value::Null).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.send(Method::GET, "/status", &token, Value::Null).await.status, StatusCode::OK);
    let mut with_proof = admin.clone();
    with_proof.push(("x-jwt-otp", proof.as_str().unwrap().to_owned()));
    assert_eq!(stack.send(Method::GET, "/tokens", &with_proof, Value::Null).await.status, StatusCode::OK);
    assert_eq!(stack.send(Method::PUT, "/otp_jwt_test", &with_proof, Value::Null).await.status, StatusCode::OK);
    assert_eq!(stack.send(Method::PUT, "/otp_jwt_test", &admin, Value::Null).await.status, StatusCode::FOUND);

    let always = json!({ "Code": code(secret, 1), "UpdateAlwaysOn": true, "AlwaysOn": true });
    let always = stack.send(Method::PUT, "/otp_validate", &admin, always).await;
    assert_eq!(always.status, StatusCode::OK, "{}", always.text);
    assert_eq!(stack.send(Method::GET, "/status", &admin, Value::Null).await.status, StatusCode::FOUND);
    let json_dialect = stack.send(Method::GET, "/auth/me", &admin, Value::Null).await;
    assert_eq!(json_dialect.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.send(Method::GET, "/status", &with_proof, Value::Null).await.status, StatusCode::OK);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_keys_of_the_supervisor_one_is_good() {
    let stack = Stack::start().await;
    let admin = stack.basic();
    let made = stack.send(Method::PUT, "/auth/supervisor_keys", &admin, json!({ "project": "web" })).await.json();
    let mut key = made["key"].as_str().unwrap().to_owned();
    assert!(key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let path = "/v1/regenerate-api-key";
    for credential in [vec![], bearer("wrong"), stack.basic()] {
        let refused = stack.send(Method::POST, path, &credential, Value::Null).await;
        assert_eq!((refused.status, refused.text.as_str()), (StatusCode::UNAUTHORIZED, "Unauthorized"));
    }
    let with_key = |key: &str, way: usize| match way {
        0 => (format!("{path}?apikey={key}"), vec![]),
        1 => (path.to_owned(), vec![("authorization", format!("ApiKey {key}"))]),
        _ => (path.to_owned(), bearer(key)),
    };
    for way in 0..3 {
        let (path, credential) = with_key(&key, way);
        let answer = stack.send(Method::POST, &path, &credential, Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let again = stack.send(Method::POST, &path, &credential, Value::Null).await;
        assert_eq!(again.status, StatusCode::UNAUTHORIZED, "the one before is dead");
        key = answer.text;
    }
    // Of many at once with one key, one gets another, and that one is good.
    let (path, credential) = with_key(&key, 0);
    let asked = (0..8).map(|_| stack.send(Method::POST, &path, &credential, Value::Null));
    let answers = futures_join(asked).await;
    let good: Vec<_> = answers.into_iter().filter(|answer| answer.status == StatusCode::OK).collect();
    assert_eq!(good.len(), 1);
    let (path, credential) = with_key(&good[0].text, 2);
    assert_eq!(stack.send(Method::POST, &path, &credential, Value::Null).await.status, StatusCode::OK);
    let elsewhere = stack.send(Method::GET, "/status", &credential, Value::Null).await.status;
    assert_eq!(elsewhere, StatusCode::UNAUTHORIZED, "a key reaches its API alone");
    stack.stop().await;
}

/// §3 and §4 of the supervisor's contract: what concerns the device can be taken away from a project.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn supervisor_3_what_is_taken_away_from_a_project_is_refused_as_a_wrong_application() {
    let stack = Stack::start().await;
    let admin = stack.basic();
    let made = stack.send(Method::PUT, "/auth/supervisor_keys", &admin, json!({ "project": "web" })).await.json();
    let mut key = vec![("authorization", format!("ApiKey {}", made["key"].as_str().unwrap()))];
    let power = [(Method::POST, "/v1/reboot"), (Method::POST, "/v1/shutdown")];
    let network = [(Method::DELETE, "/v1/tcp-ping"), (Method::PATCH, "/v1/device/host-config")];
    let update = [(Method::POST, "/v1/update")];
    let withdraw = async |verbs: Value| {
        let body = json!({ "project": "web", "withdrawn": verbs });
        stack.send(Method::PUT, "/auth/supervisor_keys/withdrawn", &admin, body).await
    };
    // Nothing answers there yet, which is told to those alone who may ask.
    let check = async |key: &[(&'static str, String)], calls: &[(Method, &str)], allowed: bool| {
        for (method, path) in calls {
            let answer = stack.send(method.clone(), path, key, Value::Null).await;
            if allowed {
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            } else {
                answer.check(401, &json!({ "status": "failed", "message": "Unauthorized" }));
            }
        }
    };
    for calls in [&power[..], &network, &update] {
        check(&key, calls, true).await;
    }
    let withdrawn = withdraw(json!(["device:power", "device:network"])).await;
    assert_eq!(
        (withdrawn.status, &withdrawn.json()["withdrawn"]),
        (StatusCode::OK, &json!(["device:power", "device:network"]))
    );
    let regenerated = stack.send(Method::POST, "/v1/regenerate-api-key", &key, Value::Null).await.text;
    key = vec![("authorization", format!("ApiKey {regenerated}"))];
    for (calls, allowed) in [(&power[..], false), (&network, false), (&update, true)] {
        check(&key, calls, allowed).await;
    }
    let listed = stack.send(Method::GET, "/auth/supervisor_keys", &admin, Value::Null).await.json();
    assert_eq!(listed[0]["withdrawn"], json!(["device:power", "device:network"]));
    assert_eq!(withdraw(json!(["device:everything"])).await.status, StatusCode::BAD_REQUEST);
    check(&key, &power, false).await;
    withdraw(json!([])).await;
    check(&key, &power, true).await;
    for (project, status) in [("", 400), ("nobody", 404)] {
        let body = json!({ "project": project, "withdrawn": [] });
        let answer = stack.send(Method::PUT, "/auth/supervisor_keys/withdrawn", &admin, body).await;
        assert_eq!(answer.status.as_u16(), status, "{project:?}");
    }
    stack.stop().await;
}

/// All at once.
async fn futures_join<F: Future<Output = Answer>>(asked: impl Iterator<Item = F>) -> Vec<Answer> {
    let mut asked: Vec<_> = asked.map(Box::pin).collect();
    let mut answers = Vec::new();
    std::future::poll_fn(|context| {
        asked.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if asked.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passkeys_and_providers_answer_what_browsers_need() {
    let stack = Stack::start().await;
    let (admin, host) = (stack.basic(), ("host", "nas.example".to_owned()));
    let begun = stack.send(Method::PUT, "/webauthn/login", std::slice::from_ref(&host), Value::Null).await.json();
    assert_eq!(begun["Options"]["publicKey"]["rpId"], "nas.example");
    assert!(begun["Session"].is_string());
    let nonsense = json!({ "session": begun["Session"], "credential": {} });
    let refused = stack.send(Method::POST, "/webauthn/login", std::slice::from_ref(&host), nonsense).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text);
    let mut named = admin.clone();
    named.push(host);
    let begun = stack.send(Method::PUT, "/webauthn/register", &named, Value::Null).await.json();
    assert_eq!(begun["Options"]["publicKey"]["authenticatorSelection"]["residentKey"], "required");
    let by_address = stack.send(Method::PUT, "/webauthn/register", &admin, Value::Null).await;
    assert_eq!(by_address.status, StatusCode::BAD_REQUEST, "an address is no name");
    let status = stack.send(Method::GET, "/webauthn/status", &admin, Value::Null).await.json();
    assert_eq!(status, json!({ "Registered": false, "Credentials": [] }));

    let session =
        stack.send(Method::POST, "/auth/login", &[], json!({ "username": "admin", "password": PASSWORD })).await;
    let session = bearer(session.json()["token"].as_str().unwrap());
    assert_eq!(stack.send(Method::PUT, "/logout", &session, Value::Null).await.status, StatusCode::OK);
    assert_eq!(stack.send(Method::PUT, "/logout", &session, Value::Null).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.send(Method::GET, "/auth/oidc/login", &[], Value::Null).await.status, StatusCode::BAD_REQUEST);
    let status = stack.send(Method::GET, "/auth/oidc/status", &admin, Value::Null).await.json();
    assert_eq!(status["configured"], false);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_shows_the_second_factor_and_lets_devices_in() {
    let stack = Stack::start().await;
    let home = stack.directory.path().join("home");
    std::fs::create_dir(&home).unwrap();
    let prints = |line: &str, input: &str| {
        let output = stack.run(&[("HOME", home.to_str().unwrap())], line, input);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), error)
    };
    assert_eq!(prints("login --password-stdin", &format!("{PASSWORD}\n")).0, Some(0));
    let (code_, words, _) = prints("auth new-device", "");
    assert_eq!((code_, words.split_whitespace().count()), (Some(0), 12));
    let redeem = json!({ "token": words.trim(), "device": "tablet" });
    assert_eq!(stack.send(Method::POST, "/auth/new_device/authorize", &[], redeem).await.status, StatusCode::OK);
    assert!(prints("auth devices", "").1.contains("tablet"));
    assert_eq!(prints("auth remove-device tablet", "").0, Some(0));
    assert!(!prints("auth devices", "").1.contains("tablet"));
    assert_eq!(prints("auth recovery-key --uses 2", "").1.split_whitespace().count(), 18);
    assert_eq!(prints("auth recovery-key --show", "").1, "The recovery key is good 2 more times\n");
    assert_eq!(prints("auth supervisor-key web", "").1.trim().len(), 64);
    assert!(prints("auth supervisor-withdraw web device:power", "").1.contains("web may not do device:power"));
    let keys = prints("auth supervisor-keys", "").1;
    assert!(keys.contains("web") && keys.contains("device:power"), "{keys}");
    assert_eq!(prints("auth oidc", "").1, "No OpenID provider is set\n");

    assert_eq!(prints("auth factor", "").1, "unregistered; 0 passkeys\n");
    let secret = prints("auth enrol-factor", "").1;
    let secret = secret.lines().next().unwrap();
    assert_eq!(prints("auth verify --code-stdin", &code(secret, 0)).0, Some(0));
    assert_eq!(prints("auth factor", "").1, "registered; 0 passkeys\n");
    assert_eq!(prints("token list", "").0, Some(0), "the proof is sent");
    assert_eq!(prints("login --password-stdin", &format!("{PASSWORD}\n")).0, Some(0));
    let (refused, _, reason) = prints("token list", "");
    assert_eq!(refused, Some(3));
    assert!(reason.contains("homeport auth verify"), "{reason}");
    stack.stop().await;
}
