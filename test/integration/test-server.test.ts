import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { NativeConnection } from '@temporalio/worker';

describe('the Temporal server of the tests', () => {
  let connection: NativeConnection;
  beforeAll(async () => {
    connection = await NativeConnection.connect({ address: process.env['TEMPORAL_ADDRESS'] ?? '' });
  });
  afterAll(() => connection.close());

  test('is a real server, with our search attributes', async () => {
    const { serverVersion } = await connection.workflowService.getSystemInfo({});
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
    expect(serverVersion).toMatch(/^\d+\.\d+\.\d+/);
    expect(Object.keys(customAttributes)).toEqual(expect.arrayContaining(['HandoffLabels', 'HandoffState', 'HandoffTenant']));
  });
});
