const isLoopback = (host: string) => host === '' || host.startsWith('/') || /^(localhost|127(\.\d+){3}|\[?::1\]?)$/i.test(host);

/** Of the modes that pg has, those that check the server's certificate and its name; the others have other rules in libpq. */
const verified = 'verify-full';

/** What is unsafe about the way to this server; undefined when nothing is. Nothing of the URL is quoted. */
export function transportConcern(url: string): string | undefined {
  const { hostname, searchParams } = new URL(url);
  const mode = searchParams.get('sslmode');
  if (isLoopback(searchParams.get('host') ?? hostname) || (mode === verified && searchParams.get('ssl') === null)) return undefined;
  return mode === null || mode === 'disable'
    ? 'DATABASE_URL leads to another machine without TLS: add sslmode=verify-full'
    : `DATABASE_URL does not say ${verified}: whether the server's certificate is checked depends on the version of the driver`;
}
