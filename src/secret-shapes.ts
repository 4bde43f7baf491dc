/**
 * What credentials look like, for requests that must not carry any and for the log. All expressions take linear time: a
 * match begins only where no letter of its own stands before, so that no part of a text is looked at from many places.
 */

/** Names of fields, in lower case without separators, that are credentials by themselves. */
const wholeNames = new Set(['pwd', 'pass', 'auth', 'authorization', 'proxyauthorization', 'cookie', 'setcookie', 'credentials', 'jwt']);
/** What such names end with: `smtpPassword`, `X-Api-Key`, `client_secret`. */
const endings = ['password', 'passwd', 'passphrase', 'secret', 'token', 'apikey', 'accesskey', 'secretkey', 'privatekey', 'credential'];

/** Longer names are no field names; they are looked at for shapes only. */
const longestName = 100;

export function namesCredential(name: string): boolean {
  if (name.length > longestName) return false;
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, '');
  return wholeNames.has(plain) || endings.some((ending) => plain.endsWith(ending));
}

const tokens = [
  // Ours: API keys and tokens of one job.
  'hk_[\\w-]{43}',
  'hjt_key_[\\w.-]{60}[\\w.-]*',
  'A(?:KIA|SIA)[A-Z0-9]{16}',
  'AIza[\\w-]{35}',
  'gh[opsur]_[A-Za-z0-9]{36}[A-Za-z0-9]*',
  'github_pat_\\w{22}\\w*',
  'glpat-[\\w-]{20}[\\w-]*',
  'npm_[A-Za-z0-9]{36}',
  'xox[abeoprs]-[A-Za-z0-9-]{10}[A-Za-z0-9-]*',
  '[rs]k_live_[A-Za-z0-9]{16}[A-Za-z0-9]*',
  'SG\\.[\\w-]{16}[\\w-]*\\.[\\w-]{16}[\\w-]*',
  // RFC 7519: header and claims are JSON objects, `{"` in base64url.
  'eyJ[\\w-]{8}[\\w-]*\\.eyJ[\\w-]{8}[\\w-]*\\.[\\w-]*',
];

const shapes = [
  new RegExp(`(?<![\\w-])(?:${tokens.join('|')})`, 'g'),
  /-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY-----[A-Za-z0-9+/=\s]*/g,
  // RFC 3986, 3.2.1: user and password within a URL.
  /:\/\/[^\s/?#@:"'<>]*:[^\s/?#@"'<>]+@/g,
];

export function holdsCredential(text: string): boolean {
  return shapes.some((shape) => text.search(shape) >= 0);
}

export const redacted = '[redacted]';

/** The text with what looks like a credential replaced. */
export function withoutCredentials(text: string): string {
  return shapes.reduce((rest, shape) => rest.replace(shape, (found) => (found.startsWith('://') ? `://${redacted}@` : redacted)), text);
}
