import { Readable } from 'node:stream';

import { createDelivering, type DeliveryDependencies, type DeliveryWatch } from '../../activities/delivery.ts';
import { emailActivities } from '../../activities/email.ts';
import type { Claim, DeliveryLedger, DeliveryRecord, MailSender } from '../../activities/mail-ports.ts';

/** A ledger in memory, by the rules of the real one. */
export function memoryLedger() {
  const rows = new Map<string, DeliveryRecord & { fence: number; recipientHash: string }>();
  const keyOf = ({ jobId, seq }: { jobId: string; seq: number }) => `${jobId} ${String(seq)}`;
  const rowOf = ({ before }: Claim) => rows.get(keyOf(before));
  const isOpen = (state: string) => state === 'queued' || state === 'sending';
  const ledger: DeliveryLedger = {
    claim: (deliveries, { newCall }) =>
      Promise.resolve(
        deliveries.map(({ jobId, seq, messageId, recipientHash }) => {
          const none = { provider: null, response: null, code: null, doubted: false, held: 0, fence: 0 };
          const row = rows.get(keyOf({ jobId, seq })) ?? { jobId, seq, state: 'queued' as const, messageId, recipientHash, ...none };
          row.fence += 1;
          row.doubted ||= row.state === 'sending';
          if (newCall) row.held = 0;
          rows.set(keyOf(row), row);
          const { fence, ...before } = { ...row };
          return { before, fence };
        }),
      ),
    begin(claim, provider) {
      const row = rowOf(claim);
      if (row?.fence !== claim.fence || !isOpen(row.state)) return Promise.resolve(false);
      Object.assign(row, { state: 'sending', provider });
      return Promise.resolve(true);
    },
    settle(claim, settlement) {
      const row = rowOf(claim);
      const own = row?.fence === claim.fence && isOpen(row.state);
      if (row === undefined || (!own && settlement.state !== 'sent')) return Promise.resolve();
      const code = settlement.state === 'sent' ? null : settlement.code;
      if (code === 'delivery_in_doubt') row.doubted = true;
      if (code === 'mail_configuration') row.held += 1;
      Object.assign(row, { ...settlement, code });
      return Promise.resolve();
    },
  };
  return { ...ledger, rows: () => [...rows.values()] };
}

/** Remembers what it is told. */
export function countingWatch() {
  const told: string[] = [];
  const watch: DeliveryWatch = {
    inDoubt: (outcome) => void told.push(`in doubt, ${outcome}`),
    held: () => void told.push('held'),
    sent: (provider) => void told.push(`sent by ${provider}`),
  };
  return { ...watch, told };
}

export interface EmailParts extends Partial<DeliveryDependencies> {
  mail: MailSender;
}

/** The activities of e-mail with a ledger in memory, unless told otherwise. */
export function emailActivitiesWith({ mail, ledger = memoryLedger(), ...more }: EmailParts) {
  const files = more.files ?? { read: () => Readable.from([]) };
  const recipientHash = (tenant: string, address: string) => Promise.resolve(`hash of ${String(tenant.length + address.length)}`);
  const deliverer = createDelivering({
    ...{ mail, ledger, files, recipientHash, defaultFrom: 'shop@example.org', watch: countingWatch() },
    ...more,
  });
  return emailActivities({ deliverer, ledger, files });
}
