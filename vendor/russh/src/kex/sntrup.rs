//! `sntrup761x25519-sha512`, the first choice of OpenSSH 9.0 to 9.9 (rustbucket): Streamlined NTRU Prime 761 and
//! X25519; the secret is SHA-512 of both, as a string.

use sha2::{Digest, Sha512};
use sntrup761::{CIPHERTEXT_SIZE, EncapsulationKey, PUBLIC_KEY_SIZE};
use ssh_encoding::{Decode, Encode, Writer};

use curve25519_dalek::montgomery::MontgomeryPoint;

use super::{KexAlgorithm, KexAlgorithmImplementor, KexType, SharedSecret, compute_keys};
use crate::session::Exchange;
use crate::{CryptoVec, Error, cipher, mac, msg};

pub struct Sntrup761X25519KexType {}

impl KexType for Sntrup761X25519KexType {
    fn make(&self) -> KexAlgorithm {
        Sntrup761X25519Kex { secret: None }.into()
    }
}

#[doc(hidden)]
pub struct Sntrup761X25519Kex {
    secret: Option<[u8; 64]>,
}

impl KexAlgorithmImplementor for Sntrup761X25519Kex {
    fn skip_exchange(&self) -> bool {
        false
    }

    fn server_dh(&mut self, exchange: &mut Exchange, payload: &[u8]) -> Result<(), Error> {
        let Some((&msg::KEX_ECDH_INIT, mut r)) = payload.split_first() else {
            return Err(Error::Inconsistent);
        };
        let offered = Vec::<u8>::decode(&mut r)?;
        let (public, point) = offered.split_at_checked(PUBLIC_KEY_SIZE).ok_or(Error::Kex)?;
        let point = MontgomeryPoint(point.try_into().map_err(|_| Error::Kex)?);
        let public = EncapsulationKey::try_from(public).map_err(|_| Error::Kex)?;
        let (ciphertext, first) = public.encapsulate(sntrup761::rand::rng());
        let own = rand::random::<[u8; 32]>();
        let second = point.mul_clamped(own);
        if second.0 == [0; 32] {
            return Err(Error::Kex);
        }
        let mut hash = Sha512::new();
        hash.update(first.as_ref());
        hash.update(second.0);
        self.secret = Some(hash.finalize().into());
        exchange.server_ephemeral.clear();
        exchange.server_ephemeral.reserve(CIPHERTEXT_SIZE + 32);
        exchange.server_ephemeral.extend_from_slice(ciphertext.as_ref());
        exchange.server_ephemeral.extend_from_slice(&MontgomeryPoint::mul_base_clamped(own).0);
        Ok(())
    }

    // The server's half is all that is needed here.
    fn client_dh(&mut self, _: &mut Vec<u8>, _: &mut impl Writer) -> Result<(), Error> {
        Err(Error::KexInit)
    }

    fn compute_shared_secret(&mut self, _: &[u8]) -> Result<(), Error> {
        Err(Error::KexInit)
    }

    fn shared_secret_bytes(&self) -> Option<&[u8]> {
        self.secret.as_ref().map(|secret| secret.as_slice())
    }

    fn compute_exchange_hash(&self, key: &[u8], exchange: &Exchange, buffer: &mut CryptoVec) -> Result<Vec<u8>, Error> {
        buffer.clear();
        exchange.client_id.encode(buffer)?;
        exchange.server_id.encode(buffer)?;
        exchange.client_kex_init.encode(buffer)?;
        exchange.server_kex_init.encode(buffer)?;
        buffer.extend(key);
        exchange.client_ephemeral.encode(buffer)?;
        exchange.server_ephemeral.encode(buffer)?;
        self.secret.ok_or(Error::KexInit)?.as_slice().encode(buffer)?;
        Ok(Sha512::digest(&buffer[..]).to_vec())
    }

    fn compute_keys(
        &self,
        session_id: &[u8],
        exchange_hash: &[u8],
        cipher: cipher::Name,
        remote_to_local_mac: mac::Name,
        local_to_remote_mac: mac::Name,
        is_server: bool,
    ) -> Result<super::cipher::CipherPair, Error> {
        let secret = self.secret.as_ref().map(|secret| SharedSecret::from_string(secret)).transpose()?;
        compute_keys::<Sha512>(
            secret.as_ref(),
            session_id,
            exchange_hash,
            cipher,
            remote_to_local_mac,
            local_to_remote_mac,
            is_server,
        )
    }
}
