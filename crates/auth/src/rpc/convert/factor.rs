//! Second factors, passkeys and keys of words.

use homeport_proto::auth::v1::{self as proto, factor};
use jiff::Timestamp;

use super::timestamp;
use crate::{
    auth::{FactorState, FactorStatus, Proof},
    store::{Passkey, word_key::WordKey},
};

impl From<FactorStatus> for proto::Factor {
    fn from(status: FactorStatus) -> Self {
        let state = match status.state {
            FactorState::Unregistered => factor::State::Unregistered,
            FactorState::Unconfirmed => factor::State::Unconfirmed,
            FactorState::Confirmed => factor::State::Confirmed,
        };
        Self {
            state: state.into(),
            always_on: status.always_on,
            passkeys: u32::try_from(status.passkeys).unwrap_or(u32::MAX),
        }
    }
}

impl From<Passkey> for proto::Passkey {
    fn from(passkey: Passkey) -> Self {
        Self {
            id: passkey.id,
            name: passkey.name,
            site: passkey.site,
            created_at: Some(timestamp(passkey.created_at)),
            last_used_at: passkey.last_used_at.map(timestamp),
        }
    }
}

impl From<Proof> for proto::ValidateFactorResponse {
    fn from(proof: Proof) -> Self {
        Self { token: proof.token.expose().clone(), expires_at: Some(timestamp(proof.expires_at)) }
    }
}

impl From<Proof> for proto::FinishValidationResponse {
    fn from(proof: Proof) -> Self {
        Self { token: proof.token.expose().clone(), expires_at: Some(timestamp(proof.expires_at)) }
    }
}

/// What is known of the words for the drawer.
pub(in crate::rpc) fn recovery_key(key: Option<(WordKey, bool)>) -> proto::GetRecoveryKeyResponse {
    let Some((key, valid)) = key else { return proto::GetRecoveryKeyResponse::default() };
    proto::GetRecoveryKeyResponse {
        exists: true,
        valid,
        created_at: Some(timestamp(key.created_at)),
        expires_at: key.expires_at.map(timestamp),
        uses_left: key.uses_left,
    }
}

/// A time of a caller's. One that no calendar has is the end of time.
pub(in crate::rpc) fn time(at: prost_types::Timestamp) -> Timestamp {
    Timestamp::new(at.seconds, at.nanos).unwrap_or(if at.seconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}
