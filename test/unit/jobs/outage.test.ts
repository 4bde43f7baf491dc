import { describe, expect, test } from '@jest/globals';
import { ServiceError, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';

import { isOutage } from '../../../src/jobs/outage.ts';

/** As the native connection throws it from a raw call: the SDK recognises its kind by a symbol. */
function raw(code: number): Error {
  return Object.assign(new ServiceError('raw'), { code, details: '', metadata: {} });
}

/** As the client wraps it. */
function wrapped(code: number): Error {
  return new ServiceError('wrapped', { cause: Object.assign(new Error('grpc'), { code }) });
}

const named = (name: string) => Object.assign(new Error('x'), { name });

describe('an outage', () => {
  test.each([
    ['unavailable', wrapped(14)],
    ['deadline exceeded', wrapped(4)],
    ['cancelled by the deadline', wrapped(1)],
    ['resource exhausted', wrapped(8)],
    ['unavailable, from a raw call', raw(14)],
    ['a service error without a code', new ServiceError('?')],
    ['a transport error', named('TransportError')],
    ['a namespace that an overloaded server does not know', named('NamespaceNotFoundError')],
    ['a closed connection', named('IllegalStateError')],
  ])('is %s', (_what, error) => {
    expect(isOutage(error)).toBe(true);
  });
});

describe('no outage', () => {
  test.each([
    ['an id that is taken', new WorkflowExecutionAlreadyStartedError('taken', 'email_x', 'sendEmail')],
    ['an id that is unknown', new WorkflowNotFoundError('unknown', 'email_x', undefined)],
    ['invalid argument', wrapped(3)],
    ['not found', wrapped(5)],
    ['not found, from a raw call', raw(5)],
    ['a defect of ours', new TypeError('x is not a function')],
    ['no error at all', 'boom'],
  ])('is %s', (_what, error) => {
    expect(isOutage(error)).toBe(false);
  });
});
