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
  let text = '';
  let parsed = 0;
  let over = false;
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf('\n\n', parsed); end >= 0; end = text.indexOf('\n\n', parsed)) {
      const fields = new Map(text.slice(parsed, end).split('\n').map(fieldOf));
      parsed = end + 2;
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
    text: () => text,
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
