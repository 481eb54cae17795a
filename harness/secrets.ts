/**
 * What must never be written down: our own tokens (`ordeal.<48 hex digits>`), signed tokens as those of service accounts (a head and a
 * body that begin with an encoded `{"`), bearer tokens of any kind, private keys.
 */
const secrets =
  /ordeal\.[0-9a-f]{48}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?|(?<=bearer )[\w.~+/=-]{16,}|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/gis;
const suspicious = /ordeal\.[0-9a-f]|eyJ|bearer |PRIVATE KEY/i;

/** The text with `<redacted>` in the place of every secret. */
export const redact = (text: string): string => (suspicious.test(text) ? text.replaceAll(secrets, '<redacted>') : text);
