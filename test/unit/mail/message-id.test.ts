import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { messageIdFor } from '../../../activities/message-id.ts';

const dotAtomId = /^<[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*>$/;

describe('messageIdFor', () => {
  test('stays what it is: a changed id would let a repeated delivery look like a second message', () => {
    expect(messageIdFor('email_abc', 'ada@example.com', 'example.org')).toBe('<a23af9ccac148fd6bad10d76a2c6257d@example.org>');
  });

  test('differs by job and by recipient', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (job, recipient, otherJob, otherRecipient) => {
        fc.pre(job !== otherJob || recipient !== otherRecipient);
        expect(messageIdFor(job, recipient, 'example.org')).not.toBe(messageIdFor(otherJob, otherRecipient, 'example.org'));
      }),
    );
  });

  test('is a dot-atom in angle brackets, whatever the domain', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.oneof(fc.domain(), fc.string(), fc.string({ unit: 'grapheme' })),
        (job, recipient, domain) => {
          expect(messageIdFor(job, recipient, domain)).toMatch(dotAtomId);
        },
      ),
    );
  });

  test('keeps a usable domain, in its ASCII form', () => {
    expect(messageIdFor('j', 'r', 'mail.example.org')).toMatch(/@mail\.example\.org>$/);
    expect(messageIdFor('j', 'r', 'bücher.example')).toMatch(/@xn--bcher-kva\.example>$/);
    expect(messageIdFor('j', 'r', 'evil.example>\r\nBcc: eve@example.com')).toMatch(/@localhost>$/);
  });

  test('does not show the address', () => {
    fc.assert(
      fc.property(fc.emailAddress(), (address) => {
        const id = messageIdFor('email_abc', address, 'sender.example');
        expect(id).not.toContain(address);
        expect(id.slice(1, id.indexOf('@'))).toMatch(/^[0-9a-f]{32}$/);
      }),
    );
  });
});
