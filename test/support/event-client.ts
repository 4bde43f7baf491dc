import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';

import { eventually } from './eventually.ts';

export interface ServerSentEvent {
  event: string;
  id: string | undefined;
  data: unknown;
}

/** What came from a stream of Server-Sent Events, parsed. */
export interface EventClient {
  readonly response: IncomingMessage;
  readonly events: ServerSentEvent[];
  /** All of it, as it came. */
  text(): string;
  /** The first event of this name, once it has come. */
  next(event: string): Promise<ServerSentEvent>;
  /** When the server has ended it, or cut it. */
  ended(): Promise<void>;
  leave(): void;
}

export interface FollowOptions {
  url: string;
  key: string;
  lastEventId?: string;
}

export async function follow({ url, key, lastEventId }: FollowOptions): Promise<EventClient> {
  const headers = { Authorization: `Bearer ${key}`, ...(lastEventId !== undefined && { 'Last-Event-ID': lastEventId }) };
  const asked: ClientRequest = request(url, { headers, agent: false });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  asked.on('error', () => undefined);
  const events: ServerSentEvent[] = [];
  const chunks: string[] = [];
  // Only what is not an event yet: what is looked through again and again must stay short.
  let pending = '';
  let over = false;
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    chunks.push(chunk);
    pending += chunk;
    for (let end = pending.indexOf('\n\n'); end >= 0; end = pending.indexOf('\n\n')) {
      const fields = new Map(pending.slice(0, end).split('\n').map(fieldOf));
      pending = pending.slice(end + 2);
      const event = fields.get('event');
      if (event !== undefined) events.push({ event, id: fields.get('id'), data: JSON.parse(fields.get('data') ?? 'null') });
    }
  });
  response.on('error', () => undefined);
  response.on('close', () => {
    over = true;
  });
  return {
    response,
    events,
    text: () => chunks.join(''),
    next: (name) =>
      eventually(
        () => {
          const found = events.find(({ event }) => event === name);
          if (found === undefined) throw new Error(`No ${name} so far, only: ${events.map(({ event }) => event).join(', ')}`);
          return found;
        },
        { every: 10 },
      ),
    ended: () =>
      eventually(
        () => {
          if (!over) throw new Error('The stream has not ended');
        },
        { every: 10 },
      ),
    leave: () => {
      asked.destroy();
    },
  };
}

function fieldOf(line: string): [string, string] {
  const colon = line.indexOf(': ');
  return [line.slice(0, colon), line.slice(colon + 2)];
}
