import { type RequestHandler, Router } from 'express';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

import { openRoute, routeOf } from './routes.ts';

/** What one app, or the process around it, tells Prometheus. */
export interface Metrics {
  /** Adds a number that is read at every scrape. The name begins with `handoff_` and is not yet taken. */
  gauge(name: string, help: string, read: () => number): void;
  /** The same for a number that only grows. */
  counter(name: string, help: string, read: () => number): void;
  /** Several of these, told apart by a label whose values are few. */
  counters(name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void;
  /** Counts and times requests until their answer is sent, or nobody waits for it any more. Use it once, before all routes. */
  requests(): RequestHandler;
  /** Text format 0.0.4, with the metrics of the process. */
  text(): Promise<string>;
}

/** In seconds. The long ones are for `Prefer: wait`. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

let ofProcess: Registry | undefined;

/** Once a process: the observers behind these can't be stopped. From the first scrape on: without one nobody needs them. */
function processMetrics(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    gauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    },

    counter(name, help, read) {
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(read());
        },
      });
    },

    counters(name, help, label, read) {
      new Counter({
        name,
        help,
        labelNames: [label],
        registers,
        collect() {
          this.reset();
          for (const [value, count] of Object.entries(read())) this.inc({ [label]: value }, count);
        },
      });
    },

    requests() {
      // Never the path: that has ids. Node's parser bounds the methods.
      const total = new Counter({
        name: 'handoff_http_requests_total',
        help: 'Requests that ended. route is the pattern of the path, or "other"; status is "aborted" where the client left before an answer.',
        labelNames: ['method', 'route', 'status'],
        registers,
      });
      const duration = new Histogram({
        name: 'handoff_http_request_duration_seconds',
        help: 'From the arrival of a request until its answer was sent.',
        labelNames: ['method', 'route'],
        buckets,
        registers,
      });
      return (request, response, next) => {
        const since = performance.now();
        response.on('close', () => {
          const labels = { method: request.method, route: routeOf(response) ?? 'other' };
          total.inc({ ...labels, status: response.headersSent ? String(response.statusCode) : 'aborted' });
          duration.observe(labels, (performance.now() - since) / 1000);
        });
        next();
      };
    },

    text: async () => `${await registry.metrics()}\n${await processMetrics().metrics()}`,
  };
}

/** `GET /metrics`, without a key. */
export function metricsPage(metrics: Metrics): Router {
  const router = Router();
  openRoute(router, '/metrics', {
    get: [
      async (_request, response) => {
        response.set({ 'Content-Type': Registry.PROMETHEUS_CONTENT_TYPE, 'Cache-Control': 'no-store' }).send(await metrics.text());
      },
    ],
  });
  return router;
}
