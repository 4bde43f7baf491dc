import { createServer } from 'node:http';
import { describe, expect, jest, test } from '@jest/globals';
import request from 'supertest';

import { createHealthApp } from '../../../src/http/app.ts';
import { createMetrics } from '../../../src/http/metrics.ts';
import { newJobId } from '../../../src/jobs/ids.ts';
import { testApi } from '../../support/api.ts';
import { eventually } from '../../support/eventually.ts';

const api = testApi();
const jobId = newJobId('email', 'acme', 'k');

const scrape = async () => (await api.anonymous().get('/metrics')).text;
const linesOf = (text: string, name: string) => text.split('\n').filter((line) => line.startsWith(`${name}{`));

/** The counter of each request so far, without the scrapes themselves. Answers are counted once they are sent. */
async function counted(requests: number): Promise<string[]> {
  return eventually(async () => {
    const lines = linesOf(await scrape(), 'handoff_http_requests_total').filter((line) => !line.includes('/metrics'));
    expect(lines.map((line) => Number(line.split(' ').at(-1))).reduce((sum, count) => sum + count, 0)).toBe(requests);
    return lines.map((line) => line.replace('handoff_http_requests_total', '')).sort();
  });
}

describe('GET /metrics', () => {
  test('is the text format of Prometheus, without a key, and is not cached', async () => {
    const response = await api.anonymous().get('/metrics');
    expect(response.status).toBe(200);
    expect(response.get('Content-Type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(response.get('Cache-Control')).toBe('no-store');
    const line = /^(# (HELP|TYPE) [a-z0-9_]+ .+|[a-z0-9_]+(\{([a-z]+="[^"\\\n]*",?)+\})? -?[0-9.e+-]+|)$/;
    expect(response.text.split('\n').filter((each) => !line.test(each) && !/ Nan$/.test(each))).toEqual([]);
    expect(api.lookups).toEqual([]);
  });

  test('has the metrics of the process, each once', async () => {
    const types = (await scrape()).split('\n').filter((line) => line.startsWith('# TYPE '));
    expect(types).toEqual(
      expect.arrayContaining([
        '# TYPE process_resident_memory_bytes gauge',
        '# TYPE process_cpu_seconds_total counter',
        '# TYPE nodejs_eventloop_lag_p99_seconds gauge',
      ]),
    );
    expect(new Set(types).size).toBe(types.length);
  });

  test('counts requests by method, pattern and status, never by path', async () => {
    for (const path of [`/v1/jobs/${jobId}`, '/v1/jobs/email_x', '/v1/jobs/a%20b']) await api.agent().get(path);
    await api.anonymous().get('/v1/files/file_x/content?signature=x');
    await api.anonymous().get('/v1/files/file_x/content');
    await api.agent().delete('/v1/emails');
    await api
      .agent()
      .post('/v1/emails')
      .send({ to: ['ada@example.com'], subject: 'Hello', text: 'Hi' });
    await api.agent().head('/livez');
    expect(await counted(8)).toEqual([
      '{method="DELETE",route="/v1/emails",status="405"} 1',
      '{method="GET",route="/v1/files/:id/content",status="401"} 1',
      '{method="GET",route="/v1/files/:id/content",status="404"} 1',
      '{method="GET",route="/v1/jobs/:id",status="404"} 3',
      '{method="HEAD",route="/livez",status="200"} 1',
      '{method="POST",route="/v1/emails",status="202"} 1',
    ]);
    expect(await scrape()).not.toMatch(/email_|file_x|signature|ada/);
  });

  test('has one value for all paths that do not exist, and those that nobody without a key may know', async () => {
    for (const path of ['/', '/wp-login.php', '/metrics/x', '/v1/nothing', '/%ff', '/"}\n1'])
      await api.agent().get(path.replace('\n', '%0a'));
    await api.anonymous().get('/v1/jobs/email_x');
    const lines = await counted(7);
    expect(lines.filter((line) => !line.includes('route="other"'))).toEqual([]);
  });

  test('times requests by method and pattern', async () => {
    await api.anonymous().get('/livez');
    await counted(1);
    const text = await scrape();
    expect(text).toContain('handoff_http_request_duration_seconds_bucket{le="+Inf",method="GET",route="/livez"} 1\n');
    expect(text).toContain('handoff_http_request_duration_seconds_count{method="GET",route="/livez"} 1\n');
    expect(linesOf(text, 'handoff_http_request_duration_seconds_sum').length).toBeGreaterThan(0);
  });

  test('counts a client that left before an answer as aborted', async () => {
    let asked = false;
    api.jobs = {
      get: () => {
        asked = true;
        return new Promise(() => undefined);
      },
    };
    const pending = api.agent().get(`/v1/jobs/${jobId}`);
    pending.end(() => undefined);
    await eventually(() => {
      expect(asked).toBe(true);
    });
    pending.abort();
    expect(await counted(1)).toEqual(['{method="GET",route="/v1/jobs/:id",status="aborted"} 1']);
  });
});

describe('the metrics of one app', () => {
  test('hold what another part adds, read at each scrape', async () => {
    const metrics = createMetrics();
    const read = jest.fn<() => number>().mockReturnValueOnce(3).mockReturnValueOnce(0);
    metrics.gauge('handoff_event_streams', 'Open event streams.', read);
    expect(read).not.toHaveBeenCalled();
    expect(await metrics.text()).toContain(
      '# HELP handoff_event_streams Open event streams.\n# TYPE handoff_event_streams gauge\nhandoff_event_streams 3\n',
    );
    expect(await metrics.text()).toContain('handoff_event_streams 0\n');
  });

  test('are not those of another app in the same process', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.gauge('handoff_event_streams', 'Open event streams.', () => 1);
    other.gauge('handoff_event_streams', 'Open event streams.', () => 2);
    expect(await one.text()).toContain('handoff_event_streams 1\n');
    expect(await other.text()).toContain('handoff_event_streams 2\n');
  });

  test('observe the process once, however many apps and scrapes there are', async () => {
    const observe = jest.spyOn(PerformanceObserver.prototype, 'observe');
    for (let i = 0; i < 20; i++) await createMetrics().text();
    expect(observe.mock.calls.length).toBeLessThanOrEqual(1);
  });

  test('are there for a process without an API, too: those of the process only', async () => {
    const server = createServer(createHealthApp({}));
    const response = await request(server).get('/metrics');
    expect(response.status).toBe(200);
    expect(response.text).toContain('process_resident_memory_bytes');
    expect(response.text).not.toContain('handoff_http');
  });
});
