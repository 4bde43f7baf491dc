export interface BannerFacts {
  url: string;
  uiUrl: string | undefined;
  key: string;
  /** Where caught mail lies; `undefined` when mail really leaves. */
  mailDir: string | undefined;
}

/** What a newcomer needs to see: where things are, and one request for each job type. */
export function banner({ url, uiUrl, key, mailDir }: BannerFacts): string {
  const send = `curl -sS ${url}/v1`;
  const auth = `-H 'Authorization: Bearer ${key}'`;
  const json = `-H 'Content-Type: application/json'`;
  return `
Handoff is ready.

  API               ${url}/v1
  API docs          ${url}/docs
  Temporal Web UI   ${uiUrl ?? '(your own)'}
  Caught mail       ${mailDir ?? '(none: mail goes to SMTP_URL)'}
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
`;
}
