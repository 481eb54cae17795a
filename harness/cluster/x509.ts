import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** What a certificate says, and who signs it; PEM throughout. */
export interface Wanted {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly usage: 'client' | 'server';
  /** DNS names and IPv4 addresses for which it stands. */
  readonly names?: readonly string[];
  /** Whole seconds count; at most until 2049. */
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Private key of the holder, and certificate and key of the authority. */
  readonly key: string;
  readonly caCert: string;
  readonly caKey: string;
}

/** An X.509 certificate (RFC 5280), signed with SHA-256 by an RSA or EC authority. Throws for another authority's key. */
export function signCertificate(wanted: Wanted): string {
  const caKey = createPrivateKey(wanted.caKey);
  const algorithm = algorithmOf(caKey);
  const name = [
    ...(wanted.organizations ?? []).map((one) => attribute(OID.organization, one)),
    attribute(OID.commonName, wanted.commonName),
  ];
  const tbs = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.concat([Buffer.of(1), randomBytes(15)])),
    algorithm,
    subjectOf(new X509Certificate(wanted.caCert).raw),
    sequence(time(wanted.notBefore), time(wanted.notAfter)),
    sequence(...name),
    createPublicKey(wanted.key).export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions(wanted))),
  );
  const signed = sequence(tbs, algorithm, bits(sign('sha256', tbs, caKey)));
  const lines = signed.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));

/** A tag, the length in as few bytes as it needs, the contents. */
function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const hex = body.length.toString(16);
  const length = Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, body]);
}

const sequence = (...contents: readonly Buffer[]) => der(0x30, ...contents);
/** Of whole bytes: no bit of the last one is unused. */
const bits = (value: Buffer) => der(0x03, Buffer.of(0), value);

const OID = {
  commonName: oid('550403'),
  organization: oid('55040a'),
  keyUsage: oid('551d0f'),
  alternativeNames: oid('551d11'),
  extendedUsage: oid('551d25'),
  server: oid('2b06010505070301'),
  client: oid('2b06010505070302'),
  rsa: oid('2a864886f70d01010b'),
  ecdsa: oid('2a8648ce3d040302'),
};

function algorithmOf({ asymmetricKeyType: type }: KeyObject): Buffer {
  if (type === 'rsa') return sequence(OID.rsa, der(0x05));
  if (type === 'ec') return sequence(OID.ecdsa);
  throw new Error(`an authority with a key of type ${type}; expected rsa or ec`);
}

const attribute = (type: Buffer, value: string) => der(0x31, sequence(type, der(0x0c, Buffer.from(value))));

/** UTCTime: two digits for the year. */
const time = (date: Date) => der(0x17, Buffer.from(`${date.toISOString().replaceAll(/\D/g, '').slice(2, 14)}Z`));

function extensions({ usage, names = [] }: Wanted): Buffer[] {
  const extension = (type: Buffer, value: Buffer) => sequence(type, der(0x04, value));
  const name = (one: string) =>
    isIPv4(one) ? der(0x87, Buffer.from(one.split('.').map(Number))) : der(0x82, Buffer.from(one));
  return [
    // digitalSignature: the first of the nine bits, of which seven of this byte are unused.
    extension(OID.keyUsage, der(0x03, Buffer.of(7, 0x80))),
    extension(OID.extendedUsage, sequence(OID[usage])),
    ...(names.length > 0 ? [extension(OID.alternativeNames, sequence(...names.map(name)))] : []),
  ];
}

/** The subject as it stands in a certificate, byte for byte: verifiers compare names so. */
function subjectOf(certificate: Buffer): Buffer {
  const [tbs = Buffer.alloc(0)] = items(certificate);
  // version, serial, algorithm, issuer, validity, subject
  return items(tbs)[5] ?? Buffer.alloc(0);
}

/** What a constructed value holds, each with its tag and length. */
function items(value: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = head(value, 0); at < value.length; ) {
    const tag = at;
    const long = value[at + 1] ?? 0;
    const length = long < 0x80 ? long : value.readUIntBE(at + 2, long & 0x7f);
    at = head(value, at) + length;
    found.push(value.subarray(tag, at));
  }
  return found;
}

/** Where the contents of the value at this place begin. */
function head(value: Buffer, at: number): number {
  const long = value[at + 1] ?? 0;
  return at + 2 + (long < 0x80 ? 0 : long & 0x7f);
}
