import type { DeliveryTask, PreparedDelivery } from '../src/jobs/report-delivery.ts';
import { classified } from './failures.ts';
import { heartbeating } from './heartbeat.ts';

export interface ReportDeliveryDependencies {
  deliveries: {
    /** The same task gives the same message. @throws AppError `file_not_found`, `message_too_large`, `database_unavailable`. */
    prepare(task: DeliveryTask): Promise<PreparedDelivery>;
  };
}

export function reportDeliveryActivities({ deliveries }: ReportDeliveryDependencies) {
  return {
    /** Says how long the files of a report are kept and linked to, and writes the message about them. `deliverEmail` sends it. */
    prepareDelivery(task: DeliveryTask): Promise<PreparedDelivery> {
      return classified(() => heartbeating(() => deliveries.prepare(task)));
    },
  };
}
