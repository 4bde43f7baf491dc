export interface Patched {
  status: number;
  retryAfter: string | null;
  body: { id: string; status: string; startAt: string | null; code?: string } & Record<string, unknown>;
}

/** `PATCH /v1/jobs/{id}` with an API key. */
export async function patchOver(url: string, key: string, id: string, body: object): Promise<Patched> {
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };
  const response = await fetch(`${url}/v1/jobs/${id}`, { method: 'PATCH', headers, body: JSON.stringify(body) });
  return { status: response.status, retryAfter: response.headers.get('Retry-After'), body: (await response.json()) as Patched['body'] };
}
