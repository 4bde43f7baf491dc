import { AppError } from '../errors.ts';

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // nodemailer takes a stray % as it stands, too.
    return part;
  }
}

function parsed(url: string): URL {
  if (!/^smtps?:\/\/[^/]/i.test(url) || !URL.canParse(url)) {
    throw new AppError(
      'mail_configuration',
      'SMTP_URL must look like smtp://user:password@host:port, with special characters percent-encoded',
    );
  }
  return new URL(url);
}

/**
 * Everything in an SMTP URL that must not be shown, in the forms in which a server can echo it.
 *
 * @throws AppError `mail_configuration`, without quoting the URL.
 */
export function secretsOf(url: string): string[] {
  const { username, password } = parsed(url);
  const [user, pass] = [decoded(username), decoded(password)];
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const forms = [url, base64(`\0${user}\0${pass}`), base64(pass), base64(user), password, pass, username, user];
  return [...new Set(forms)].filter((form) => form !== '' && form !== base64('\0\0'));
}

const isLoopback = (host: string) => /^(localhost|127(\.\d+){3}|\[::1\])$/i.test(host);

/**
 * What nodemailer is to be given. `smtp://` to another machine must become TLS before anything else is said (STARTTLS, RFC 3207,
 * checked like any certificate), unless the URL says `?tls=off`; `?tls=required` asks for it at this machine, too.
 *
 * @throws AppError `mail_configuration`, without quoting the URL.
 */
export function transportOf(url: string): { url: string; requireTLS: boolean } {
  const { protocol, hostname, searchParams } = parsed(url);
  const wish = searchParams.get('tls');
  if (wish !== null && (!['off', 'required'].includes(wish) || (wish === 'off' && protocol === 'smtps:')))
    throw new AppError('mail_configuration', 'SMTP_URL: tls must be off or required, and is not off with smtps://');
  const plain = wish === null ? url : url.replace(/([?&])tls=[^&#]*&?/, '$1').replace(/[?&]$/, '');
  return { url: plain, requireTLS: protocol === 'smtp:' && (wish === 'required' || (wish === null && !isLoopback(hostname))) };
}
