// Hands what the page asks to this device, and sends its answer back with the form. The only script of this site: without
// it, and on a device that has no passkeys, its form stays hidden and a code is typed.
"use strict";
(() => {
  const form = document.querySelector("form[data-passkey]");
  if (!form || !window.PublicKeyCredential || !navigator.credentials) {
    return;
  }
  const LASTS = 4 * 60 * 1000;
  const shown = Date.now();
  const error = form.querySelector("[role=alert]");
  const octets = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
  };
  const written = (buffer) => {
    const plain = Array.from(new Uint8Array(buffer), (octet) => String.fromCharCode(octet)).join("");
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };
  const named = (list) => (list || []).map((one) => ({ ...one, id: octets(one.id) }));
  const answer = (made, response) =>
    JSON.stringify({
      id: made.id,
      rawId: made.id,
      type: made.type,
      response,
      clientExtensionResults: {},
    });
  const prove = async (asked) => {
    asked.allowCredentials = named(asked.allowCredentials);
    const made = await navigator.credentials.get({ publicKey: asked });
    const said = made.response;
    return answer(made, {
      clientDataJSON: written(said.clientDataJSON),
      authenticatorData: written(said.authenticatorData),
      signature: written(said.signature),
      userHandle: said.userHandle ? written(said.userHandle) : null,
    });
  };
  const make = async (asked) => {
    asked.user.id = octets(asked.user.id);
    asked.excludeCredentials = named(asked.excludeCredentials);
    const made = await navigator.credentials.create({ publicKey: asked });
    const said = made.response;
    return answer(made, {
      clientDataJSON: written(said.clientDataJSON),
      attestationObject: written(said.attestationObject),
      authenticatorData: written(said.getAuthenticatorData()),
      transports: said.getTransports(),
      publicKey: written(said.getPublicKey()),
      publicKeyAlgorithm: said.getPublicKeyAlgorithm(),
    });
  };
  let busy = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) {
      return;
    }
    // What the page asks is too old by then.
    if (Date.now() - shown > LASTS) {
      location.assign(form.dataset.page);
      return;
    }
    busy = true;
    error.textContent = "";
    try {
      const asked = JSON.parse(form.dataset.asked);
      asked.challenge = octets(asked.challenge);
      form.elements.answer.value = await (form.dataset.passkey === "make" ? make : prove)(asked);
      form.submit();
    } catch (fault) {
      error.textContent = fault.name === "InvalidStateError" ? form.dataset.known : form.dataset.failed;
      busy = false;
    }
  });
  // A page that the browser kept asks what was answered already.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) {
      location.assign(form.dataset.page);
    }
  });
  form.hidden = false;
})();
