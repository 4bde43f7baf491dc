import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';

export interface Answer {
  status: number;
  headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into JSON that the product promises
  body: any;
}

/** The product as a user starts it: `npm start`, its own ports, its own data directory, which survives restarts. */
export class Product {
  readonly dataDir: string;
  readonly key = 'hk_end-to-end-tests-only-0123456789';
  readonly ports: { http: number; temporal: number; ui: number; smtp: number };
  private readonly environment: Record<string, string>;
  private process: ChildProcess | undefined;
  private output = '';

  private constructor(dataDir: string, ports: Product['ports'], environment: Record<string, string>) {
    this.dataDir = dataDir;
    this.ports = ports;
    this.environment = environment;
  }

  static async create(environment: Record<string, string> = {}): Promise<Product> {
    const ports = { http: await freePort(), temporal: await freePort(), ui: await freePort(), smtp: await freePort() };
    return new Product(await mkdtemp(join(tmpdir(), 'handoff-e2e-')), ports, environment);
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.ports.http)}`;
  }

  get temporalAddress(): string {
    return `127.0.0.1:${String(this.ports.temporal)}`;
  }

  /** All that the product has printed since its last start. */
  get printed(): string {
    return this.output;
  }

  /** Resolves once `/readyz` answers 200. */
  async start(): Promise<void> {
    this.output = '';
    const child = spawn('npm', ['start'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        TEMPORAL_ADDRESS: '',
        HANDOFF_DATA_DIR: this.dataDir,
        HANDOFF_DEV_API_KEY: this.key,
        HANDOFF_PORT: String(this.ports.http),
        HANDOFF_TEMPORAL_PORT: String(this.ports.temporal),
        HANDOFF_TEMPORAL_UI_PORT: String(this.ports.ui),
        HANDOFF_SMTP_PORT: String(this.ports.smtp),
        ...this.environment,
      },
    });
    this.process = child;
    child.stdout.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    const ended = once(child, 'close').then(([code]) => {
      throw new Error(`The product ended with ${String(code)}:\n${this.output}`);
    });
    // It ends later, too, when it is stopped.
    ended.catch(() => undefined);
    const ready = eventually(
      async () => {
        const { status } = await fetch(`${this.url}/readyz`);
        if (status !== 200) throw new Error(`Not ready (${String(status)}):\n${this.output}`);
      },
      { within: 240_000, every: 500 },
    );
    await Promise.race([ready, ended]);
  }

  /** Process id of Temporal itself. */
  async temporalPid(): Promise<number> {
    return Number((await readFile(join(this.dataDir, 'temporal.pid'), 'utf8')).trim());
  }

  /** `kill -9` of everything at once: npm, api, worker and Temporal. */
  async killAll(): Promise<void> {
    const [temporal, child] = [await this.temporalPid(), this.running()];
    const gone = once(child, 'close');
    process.kill(-(child.pid as number), 'SIGKILL');
    tryKill(temporal, 'SIGKILL');
    await gone;
    await eventually(() => {
      if (isAlive(temporal)) throw new Error('Temporal is still there');
    });
  }

  /** SIGTERM to npm, as a supervisor sends it. @returns the exit code. */
  async stop(): Promise<number | null> {
    const child = this.running();
    const gone = once(child, 'close');
    process.kill(child.pid as number, 'SIGTERM');
    await gone;
    this.process = undefined;
    return child.exitCode;
  }

  /** Leaves nothing behind, in whatever state the product is. */
  async destroy(): Promise<void> {
    if (this.process?.exitCode === null && this.process.signalCode === null) await this.killAll();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  async request(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const form = body instanceof FormData;
    const response = await fetch(new URL(path, this.url), {
      method,
      headers: {
        Authorization: `Bearer ${this.key}`,
        ...(body !== undefined && !form && { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: form ? body : typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text.startsWith('{') ? JSON.parse(text) : text };
  }

  /** Starts a job. @returns its id. */
  async submit(path: string, body: unknown): Promise<string> {
    const { status, body: job } = await this.request('POST', path, body);
    if (status !== 202) throw new Error(`${path} answered ${String(status)}: ${JSON.stringify(job)}`);
    return (job as { id: string }).id;
  }

  /** The job, once the condition holds for it. */
  async job(id: string, condition: (job: Answer['body']) => boolean, within = 180_000): Promise<Answer['body']> {
    return eventually(
      async () => {
        const { body } = await this.request('GET', `/v1/jobs/${id}`);
        if (!condition(body)) throw new Error(`Still: ${JSON.stringify(body)}`);
        return body as unknown;
      },
      { within },
    );
  }

  async bytes(path: string): Promise<Buffer> {
    const response = await fetch(new URL(path, this.url), { headers: { Authorization: `Bearer ${this.key}` } });
    if (response.status !== 200) throw new Error(`${path} answered ${String(response.status)}`);
    return Buffer.from(await response.arrayBuffer());
  }

  private running(): ChildProcess {
    if (this.process === undefined) throw new Error('The product is not running');
    return this.process;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function tryKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already: that is what was wanted.
  }
}

export const ended = (job: { status: string }): boolean => ['completed', 'failed', 'cancelled'].includes(job.status);
