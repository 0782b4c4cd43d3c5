//! A device that keeps passkeys: what a telephone does inside, on a P-256 key.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use ciborium::value::{Integer, Value as Cbor};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The user was there, and showed a finger or a number.
const PRESENT_AND_VERIFIED: u8 = 0b0000_0101;
/// Followed by the key.
const WITH_KEY: u8 = 0b0100_0000;

/// A passkey in its device.
pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    id: Vec<u8>,
    handle: Vec<u8>,
    pub(crate) counter: u32,
    /// Whether the device asks for a finger.
    pub(crate) verifies: bool,
}

impl Authenticator {
    /// Makes a passkey as `navigator.credentials.create` does, for a page of this origin.
    pub(crate) fn create(options: &str, origin: &str) -> (Self, String) {
        let options: Value = serde_json::from_str(options).unwrap();
        let options = &options["publicKey"];
        assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
        assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
        let handle = BASE64.decode(options["user"]["id"].as_str().unwrap()).unwrap();
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let id = rand::random::<[u8; 32]>().to_vec();
        let device = Self { key, id, handle, counter: 0, verifies: true };
        let mut data = device.data(options["rp"]["id"].as_str().unwrap(), WITH_KEY);
        data.extend([0; 16]);
        data.extend(u16::try_from(device.id.len()).unwrap().to_be_bytes());
        data.extend(&device.id);
        ciborium::into_writer(&device.public_key(), &mut data).unwrap();
        let mut attestation = Vec::new();
        let text = |text: &str| Cbor::Text(text.to_owned());
        let object = Cbor::Map(vec![
            (text("fmt"), text("none")),
            (text("attStmt"), Cbor::Map(vec![])),
            (text("authData"), Cbor::Bytes(data)),
        ]);
        ciborium::into_writer(&object, &mut attestation).unwrap();
        let client = client_data("webauthn.create", &options["challenge"], origin);
        let credential = json!({
            "id": BASE64.encode(&device.id),
            "rawId": BASE64.encode(&device.id),
            "type": "public-key",
            "response": {
                "attestationObject": BASE64.encode(&attestation),
                "clientDataJSON": BASE64.encode(client),
            },
            "extensions": {},
        });
        (device, credential.to_string())
    }

    /// Shows the passkey as `navigator.credentials.get` does.
    pub(crate) fn get(&mut self, options: &str, origin: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        assert_eq!(options.get("mediation").and_then(Value::as_str), None);
        let options = &options["publicKey"];
        self.counter += 1;
        let data = self.data(options["rpId"].as_str().unwrap(), 0);
        let client = client_data("webauthn.get", &options["challenge"], origin);
        let signed = [&data[..], &Sha256::digest(&client)].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": BASE64.encode(&self.id),
            "rawId": BASE64.encode(&self.id),
            "type": "public-key",
            "response": {
                "authenticatorData": BASE64.encode(&data),
                "clientDataJSON": BASE64.encode(client),
                "signature": BASE64.encode(signature.as_ref()),
                "userHandle": BASE64.encode(&self.handle),
            },
            "extensions": {},
        })
        .to_string()
    }

    fn data(&self, site: &str, flags: u8) -> Vec<u8> {
        let mut data = Sha256::digest(site).to_vec();
        let person = if self.verifies { PRESENT_AND_VERIFIED } else { 1 };
        data.push(flags | person);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// As COSE writes it (RFC 9052): kind, algorithm, curve, and the two halves of the point.
    fn public_key(&self) -> Cbor {
        let point = self.key.public_key().as_ref();
        let number = |value: i64| Cbor::Integer(Integer::from(value));
        Cbor::Map(vec![
            (number(1), number(2)),
            (number(3), number(-7)),
            (number(-1), number(1)),
            (number(-2), Cbor::Bytes(point[1..33].to_vec())),
            (number(-3), Cbor::Bytes(point[33..].to_vec())),
        ])
    }
}

fn client_data(kind: &str, challenge: &Value, origin: &str) -> String {
    json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false }).to_string()
}
