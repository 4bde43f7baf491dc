import type { Elsewhere, MailLane, Route } from '../../activities/mail-lane.ts';
import type { MailSender } from '../../activities/mail-ports.ts';
import { AppError, type ErrorCode } from '../errors.ts';
import { type Circuit, type CircuitState, createCircuit } from './circuit.ts';
import { ProviderPause } from './providers/pause.ts';

/** Another provider may do better. Never what is permanent, or in doubt: that would make two messages, or ask until one gives in. */
const mayGoElsewhere = new Set<ErrorCode>(['mail_refused_for_now', 'mail_server_unreachable', 'mail_configuration']);

/** A delivery comes back to a provider that it failed at no sooner than this, doubled with each move, in milliseconds. */
const firstReturnMs = 30_000;

/** The providers in their order, and how they do. */
export interface Routing {
  /** What the worker that serves this provider's lane is given. @param sender of the provider itself. */
  lane(provider: string, sender: MailSender): MailLane;
  stateOf(provider: string): CircuitState;
}

/** @param providers names, the first choice first. @param clock in milliseconds since 1970. */
export function createRouting(providers: readonly string[], clock: () => number = Date.now): Routing {
  const circuits = new Map<string, Circuit>(providers.map((name) => [name, createCircuit()]));
  const circuitOf = (name: string): Circuit => {
    const circuit = circuits.get(name);
    if (circuit === undefined) throw new Error('There is no such provider');
    return circuit;
  };

  /** Whether a delivery may (again) be tried there. */
  function isOpenTo(name: string, { failedAt, moves }: Route, now: number): boolean {
    const failed = failedAt[name];
    return circuitOf(name).state(now) !== 'open' && (failed === undefined || now - failed > firstReturnMs * 2 ** moves);
  }

  const to = (provider: string, { failedAt, moves }: Route): Elsewhere => ({
    status: 'elsewhere',
    provider,
    lane: provider === providers[0] ? null : provider,
    route: { failedAt, moves: moves + 1 },
  });

  function before(here: string, route: Route): Elsewhere | undefined {
    const now = clock();
    const earlier = providers.slice(0, providers.indexOf(here)).find((name) => isOpenTo(name, route, now));
    if (earlier !== undefined) return to(earlier, route);
    const circuit = circuitOf(here);
    if (circuit.state(now) !== 'open') return undefined;
    const other = providers.find((name) => name !== here && isOpenTo(name, route, now));
    if (other !== undefined) return to(other, route);
    const until = circuit.pausedUntil(now);
    // Where there is no choice, the delivery's own retries are as patient as a circuit.
    if (until === undefined) return undefined;
    throw new AppError('mail_refused_for_now', `The mail provider ${here} has asked for a pause`, {
      retryable: true,
      retryAfterSeconds: Math.ceil((until - now) / 1000),
    });
  }

  function after(here: string, route: Route, { code }: AppError): Elsewhere | undefined {
    if (!mayGoElsewhere.has(code)) return undefined;
    const now = clock();
    const failed = { ...route, failedAt: { ...route.failedAt, [here]: now } };
    const other = providers.find((name) => name !== here && isOpenTo(name, failed, now));
    return other === undefined ? undefined : to(other, failed);
  }

  function noted(circuit: Circuit, sender: MailSender): MailSender {
    return {
      async send(message, options) {
        circuit.begin();
        try {
          const sent = await sender.send(message, options);
          circuit.succeeded();
          return sent;
        } catch (error) {
          if (error instanceof AppError) {
            const { code } = error;
            // A server that wants one message later has not asked for a pause.
            if (mayGoElsewhere.has(code)) circuit.failed(clock(), error instanceof ProviderPause ? error.pauseSeconds * 1000 : undefined);
            // It has looked at the message: so it works.
            else if (code === 'mail_rejected' || code === 'recipient_rejected') circuit.succeeded();
          }
          throw error;
        } finally {
          circuit.end();
        }
      },
      close: () => sender.close(),
    };
  }

  return {
    lane: (provider, sender) => ({
      mail: noted(circuitOf(provider), sender),
      before: (route) => before(provider, route),
      after: (route, failure) => after(provider, route, failure),
    }),
    stateOf: (provider) => circuitOf(provider).state(clock()),
  };
}
