export interface BannerFacts {
  url: string;
  /** That it listens on. */
  host: string;
  uiUrl: string | undefined;
  key: string;
  /** Where caught mail lies; `undefined` when mail really leaves. */
  mailDir: string | undefined;
}

const isLoopback = (host: string) => host === 'localhost' || host === '::1' || /^127\./.test(host);

/** Where this machine finds its pages; `undefined` where the API does not listen for it. */
function ownUrl(url: string, host: string): string | undefined {
  if (isLoopback(host)) return url;
  return host === '0.0.0.0' || host === '::' ? url.replace(/\/\/.*:/, '//127.0.0.1:') : undefined;
}

function mailPlace({ url, host, mailDir }: BannerFacts): string {
  if (mailDir === undefined) return '(none: mail really leaves)';
  const own = ownUrl(url, host);
  return own === undefined ? mailDir : `${own}/dev/mail (files: ${mailDir})`;
}

/** A server never sees what follows the #. */
function uploadPlace({ url, host, key }: BannerFacts): string {
  const own = ownUrl(url, host);
  return own === undefined ? '' : `\n  Try an upload     ${own}/dev/upload#key=${key}`;
}

/** For who listens to other machines, too: `npm start` is for one. */
function othersNote(host: string): string {
  if (isLoopback(host)) return '';
  return `
HANDOFF_HOST=${host}: other machines may reach the API, but the API key above works at 127.0.0.1 and ::1 only.
Make keys for others with it: POST /v1/api-keys. (Should the API not listen there, set HANDOFF_HOST=0.0.0.0.)
`;
}

/** What a newcomer needs to see: where things are, and one request for each job type. */
export function banner(facts: BannerFacts): string {
  const { url, host, uiUrl, key } = facts;
  const send = `curl -sS ${url}/v1`;
  const auth = `-H 'Authorization: Bearer ${key}'`;
  const json = `-H 'Content-Type: application/json'`;
  return `
Handoff is ready.

  API               ${url}/v1
  API docs          ${url}/docs
  Temporal Web UI   ${uiUrl ?? '(your own)'}
  Caught mail       ${mailPlace(facts)}${uploadPlace(facts)}
  API key           ${key}

Send an e-mail:

  ${send}/emails ${auth} ${json} \\
    -d '{"to":["ada@example.com"],"subject":"Hello","text":"Hi Ada"}'

Make a report:

  ${send}/reports ${auth} ${json} \\
    -d '{"title":"Sales","source":{"rows":[{"city":"Oslo","sum":12.5}]},"outputs":[{"format":"csv"},{"format":"xlsx"}]}'

Process an upload:

  ${send}/uploads ${auth} -F file=@examples/photo.jpg

Each answers with a job; follow it at ${url}/v1/jobs/{id} (same header). Ctrl-C stops everything.
${othersNote(host)}`;
}
