//! One certificate: the order, the answers to its challenges, and the key, which is new each time (P-256).

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationHandle, AuthorizationStatus, ChallengeHandle, ChallengeType, Error, Identifier, NewOrder,
    Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::answers::Answers;
use super::trouble::Trouble;
use super::{Challenge, Settings};
use crate::tls::Challenges;

/// How long the authority may take to look at the answers, and to sign.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(180));

/// A new certificate with its key: both in PEM, the key first, then the chain, leaf first.
pub(super) async fn certificate(
    settings: &Settings,
    account: &Account,
    challenges: &Challenges,
) -> Result<String, Trouble> {
    let fault = |error| Trouble::of(error, settings);
    // Before anything is asked: an order that we cannot answer would count as a failure of ours.
    let desk = Desk::open(settings, challenges).await?;
    let names: Vec<Identifier> = settings.names.iter().cloned().map(Identifier::Dns).collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await.map_err(fault)?;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        desk.answer(authorization.map_err(fault)?, settings).await?;
    }
    match order.poll_ready(&PATIENCE).await {
        Ok(OrderStatus::Ready) => {}
        Ok(_) | Err(Error::Api(_)) => return Err(refusal(&mut order, settings).await),
        Err(error) => return Err(fault(error)),
    }
    drop(desk);
    let key = order.finalize().await.map_err(fault)?;
    let chain = order.poll_certificate(&PATIENCE).await.map_err(fault)?;
    Ok(format!("{}\n{chain}", key.trim_end()))
}

/// Where answers are given while an order is open.
struct Desk<'c> {
    http: Option<Answers>,
    handshakes: &'c Challenges,
}

impl<'c> Desk<'c> {
    async fn open(settings: &Settings, handshakes: &'c Challenges) -> Result<Self, Trouble> {
        let http = match settings.challenge {
            Challenge::Http(listen) => {
                Some(Answers::listen(listen).await.map_err(|error| Trouble::port(listen, &error))?)
            }
            Challenge::TlsAlpn => None,
        };
        Ok(Self { http, handshakes })
    }

    /// Answers for one name, and tells the authority to look.
    async fn answer(&self, mut authorization: AuthorizationHandle<'_>, settings: &Settings) -> Result<(), Trouble> {
        // The authority may remember that a name is ours.
        if authorization.status == AuthorizationStatus::Valid {
            return Ok(());
        }
        let name = authorization.identifier().to_string();
        let kind = match self.http {
            Some(_) => ChallengeType::Http01,
            None => ChallengeType::TlsAlpn01,
        };
        let challenge = authorization.challenge(kind);
        let mut challenge = challenge.ok_or_else(|| Trouble::no_challenge(&name))?;
        match &self.http {
            Some(http) => http.give(&challenge.token, challenge.key_authorization().as_str()),
            None => self.show(&name, &challenge)?,
        }
        match challenge.set_ready().await {
            Ok(()) => Ok(()),
            // It looked at once, and said no.
            Err(Error::Api(problem)) => Err(Trouble::refused(&name, &problem, settings)),
            Err(error) => Err(Trouble::of(error, settings)),
        }
    }

    /// A certificate that vouches for itself, with the answer in it (RFC 8737 3).
    fn show(&self, name: &str, challenge: &ChallengeHandle<'_>) -> Result<(), Trouble> {
        let fault = |error: &dyn std::fmt::Display| {
            Trouble::ours(format!("no answer can be made for {name}: {error}"), "look at `names` in [acme]")
        };
        let mut params = CertificateParams::new([name.to_owned()]).map_err(|error| fault(&error))?;
        let digest = challenge.key_authorization().digest();
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest.as_ref())];
        let key = KeyPair::generate().map_err(|error| fault(&error))?;
        let certificate = params.self_signed(&key).map_err(|error| fault(&error))?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        self.handshakes.answer(name, certificate.der().clone(), key).map_err(|error| fault(&error))
    }
}

impl Drop for Desk<'_> {
    fn drop(&mut self) {
        self.handshakes.forget();
    }
}

/// Which name the authority did not take for ours, and why.
async fn refusal(order: &mut Order, settings: &Settings) -> Trouble {
    let overall = order.state().error.clone();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let Ok(mut authorization) = authorization else { break };
        if authorization.refresh().await.is_err() {
            break;
        }
        let name = authorization.identifier().to_string();
        if let Some(problem) = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            return Trouble::refused(&name, problem, settings);
        }
    }
    match overall {
        Some(problem) => Trouble::of(Error::Api(problem), settings),
        None => Trouble::of(Error::Str("an order that is not valid, without a reason"), settings),
    }
}
