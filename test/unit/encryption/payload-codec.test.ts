import { describe, expect, test } from '@jest/globals';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import fc from 'fast-check';

import { newJobId, tenantTag } from '../../../src/jobs/ids.ts';
import { createCodecServer } from '../../../src/temporal/codec-server.ts';
import { cipher, codecWith, memoryDataKeys } from '../../support/data-keys.ts';

const jobId = newJobId('email', 'acme', 'k');
const namespace = 'default';
const context = { type: 'workflow', namespace, workflowId: jobId } as const;
const activity = { type: 'activity', namespace, workflowId: jobId, activityId: '1', isLocal: false } as const;
const payloadOf = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);
const valueOf = (payload: Payload | undefined): unknown => payload && defaultPayloadConverter.fromPayload(payload);
const textIn = ({ metadata, data }: Payload) =>
  [...Object.values(metadata ?? {}), data ?? new Uint8Array()].map((bytes) => Buffer.from(bytes).toString('latin1')).join('\n');

async function sealedOne(keys = memoryDataKeys()) {
  const codec = codecWith(keys);
  const [sealed] = await codec.encode([payloadOf('canary-7f3a')], context);
  if (sealed === undefined) throw new Error('nothing was encoded');
  return { keys, codec, sealed };
}

describe('the payload codec', () => {
  test('gives back any value, and shows nothing of it meanwhile', async () => {
    const codec = codecWith(memoryDataKeys());
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue(), { maxLength: 4 }), async (values) => {
        const sealed = await codec.encode(values.map(payloadOf), context);
        expect((await codec.decode(sealed, activity)).map(valueOf)).toEqual(
          values.map((value) => JSON.parse(JSON.stringify(value)) as unknown),
        );
      }),
    );
    const { sealed } = await sealedOne();
    expect(textIn(sealed)).not.toContain('canary-7f3a');
  });

  test('leaves the counts of the maintenance readable, and takes no job for it', async () => {
    const codec = codecWith(memoryDataKeys());
    const written = async (workflowId: string) => (await codec.encode([payloadOf('canary-7f3a')], { ...context, workflowId }))[0];
    for (const id of ['handoff-maintenance', 'handoff-maintenance-2026-11-30T00:43:55Z'])
      expect(valueOf(await written(id))).toBe('canary-7f3a');
    for (const id of ['', 'maintenance', jobId, `${jobId}-maintenance`, 'handoff-maintenance-x'])
      expect(textIn((await written(id)) ?? {})).not.toContain('canary-7f3a');
  });

  test('writes two equal values differently', async () => {
    const [one, other] = await codecWith(memoryDataKeys()).encode([payloadOf('same'), payloadOf('same')], context);
    expect(Buffer.from(one?.data ?? []).equals(Buffer.from(other?.data ?? []))).toBe(false);
  });

  test('names the key and the tenant tag, which a codec server needs', async () => {
    const { keys, sealed } = await sealedOne();
    const named = Object.fromEntries(Object.entries(sealed.metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString()]));
    expect(named).toEqual({
      encoding: 'binary/encrypted',
      'encryption-key-id': (await keys.current(tenantTag('acme'))).id,
      'handoff-tenant-tag': tenantTag('acme'),
      'handoff-workflow-id': jobId,
    });
  });

  test('refuses a payload that was moved to another workflow, also when its label is changed to fit', async () => {
    const { codec, sealed } = await sealedOne();
    const workflowId = newJobId('email', 'acme', 'other');
    await expect(codec.decode([sealed], { ...context, workflowId })).rejects.toThrow('another workflow');
    const relabelled = { ...sealed, metadata: { ...sealed.metadata, 'handoff-workflow-id': Buffer.from(workflowId) } };
    await expect(codec.decode([relabelled], { ...context, workflowId })).rejects.toThrow();
  });

  test('refuses a payload that was moved to another namespace', async () => {
    const { codec, sealed } = await sealedOne();
    await expect(codec.decode([sealed], { ...context, namespace: 'other' })).rejects.toThrow();
  });

  test("refuses a payload under another tenant's tag", async () => {
    const { keys, codec, sealed } = await sealedOne();
    await keys.current(tenantTag('globex'));
    const relabelled = { ...sealed, metadata: { ...sealed.metadata, 'handoff-tenant-tag': Buffer.from(tenantTag('globex')) } };
    await expect(codec.decode([relabelled], context)).rejects.toThrow('unknown or was destroyed');
  });

  test('refuses a payload with any bit changed, or cut off', async () => {
    const { codec, sealed } = await sealedOne();
    const data = sealed.data ?? new Uint8Array();
    await fc.assert(
      fc.asyncProperty(fc.nat(data.length * 8 - 1), async (bit) => {
        const changed = Uint8Array.from(data);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await expect(codec.decode([{ ...sealed, data: changed }], context)).rejects.toThrow();
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(data.length - 1), async (length) => {
        await expect(codec.decode([{ ...sealed, data: data.subarray(0, length) }], context)).rejects.toThrow();
      }),
    );
  });

  test('after a rotation the new key writes, and old payloads are still read', async () => {
    const { keys, codec, sealed } = await sealedOne();
    keys.rotate(tenantTag('acme'));
    const [later] = await codec.encode([payloadOf('later')], context);
    expect(later?.metadata?.['encryption-key-id']).not.toEqual(sealed.metadata?.['encryption-key-id']);
    expect((await codec.decode([sealed, later ?? {}], context)).map(valueOf)).toEqual(['canary-7f3a', 'later']);
  });

  test('after its key is destroyed a payload is unreadable', async () => {
    const { keys, codec, sealed } = await sealedOne();
    keys.destroy(tenantTag('acme'));
    await expect(codec.decode([sealed], context)).rejects.toThrow('unknown or was destroyed');
  });

  test('reads what is not encrypted, from before or from Temporal’s CLI', async () => {
    const codec = codecWith(memoryDataKeys());
    expect((await codec.decode([payloadOf({ reason: 'by hand' })], context)).map(valueOf)).toEqual([{ reason: 'by hand' }]);
    expect(await codec.encode([])).toEqual([]);
  });

  test('encrypts what belongs to no workflow, too, as the failure of a workflow task that could not begin', async () => {
    const codec = codecWith(memoryDataKeys());
    const sealed = await codec.encode([payloadOf('canary-7f3a')]);
    expect(sealed.map(textIn).join()).not.toContain('canary-7f3a');
    expect((await codec.decode(sealed, context)).map(valueOf)).toEqual(['canary-7f3a']);
    await expect(codec.decode(sealed, { ...context, namespace: 'other' })).rejects.toThrow();
  });

  test('turned off, it writes in clear and still reads', async () => {
    const { keys, sealed } = await sealedOne();
    const off = codecWith(keys, { writes: false });
    expect(textIn((await off.encode([payloadOf('canary-7f3a')], context))[0] ?? {})).toContain('canary-7f3a');
    expect((await off.decode([sealed], context)).map(valueOf)).toEqual(['canary-7f3a']);
  });
});

describe('the codec server', () => {
  async function served() {
    const { keys, sealed } = await sealedOne();
    const text = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('base64');
    const json = {
      metadata: Object.fromEntries(Object.entries(sealed.metadata ?? {}).map(([name, value]) => [name, text(value)])),
      data: text(sealed.data),
    };
    return { keys, json, server: createCodecServer({ keys, cipher }) };
  }
  const ours = { tenantTag: tenantTag('acme'), namespace };
  const refused = { code: 'payload_unreadable' };

  test("decrypts a tenant's payload, and gives back what is not encrypted", async () => {
    const { json, server } = await served();
    const plain = { metadata: { encoding: Buffer.from('json/plain').toString('base64') }, data: 'IkhpIg==' };
    expect(await server.decode([json, plain], ours)).toEqual([{ ...plain, data: Buffer.from('"canary-7f3a"').toString('base64') }, plain]);
  });

  test('decrypts nothing for another tenant, for another namespace, or after the key is gone: one answer for all', async () => {
    const { keys, json, server } = await served();
    await expect(server.decode([json], { ...ours, tenantTag: tenantTag('globex') })).rejects.toMatchObject(refused);
    const relabelled = {
      ...json,
      metadata: { ...json.metadata, 'handoff-tenant-tag': Buffer.from(tenantTag('globex')).toString('base64') },
    };
    await expect(server.decode([relabelled], { ...ours, tenantTag: tenantTag('globex') })).rejects.toMatchObject(refused);
    await expect(server.decode([json], { ...ours, namespace: 'other' })).rejects.toMatchObject(refused);
    keys.destroy(tenantTag('acme'));
    await expect(server.decode([json], ours)).rejects.toMatchObject(refused);
  });
});
