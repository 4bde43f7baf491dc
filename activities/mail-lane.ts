import type { AppError } from '../src/errors.ts';
import type { MailSender } from './mail-ports.ts';

/** What a delivery has been through: it goes with it from lane to lane. */
export interface Route {
  /** Provider → when it last failed here, in milliseconds since 1970. */
  failedAt: Readonly<Record<string, number>>;
  /** How often it went to another lane. */
  moves: number;
}

/** Not done: the workflow has it done on the lane of that provider. */
export interface Elsewhere {
  status: 'elsewhere';
  provider: string;
  /** What the name of its Task Queue ends in; null: it is the first choice, whose lane is the group's own Task Queue. */
  lane: string | null;
  route: Route;
}

/** One provider, and what is known of the others. */
export interface MailLane {
  /** What becomes of its messages is noted. */
  mail: MailSender;
  /**
   * Before work begins. An earlier provider that works again, or any other one while this one does not.
   * @returns undefined: here.
   * @throws AppError `mail_refused_for_now`: this provider has asked for a pause, and there is no other.
   */
  before(route: Route): Elsewhere | undefined;
  /** After this provider failed. @returns undefined: there is nobody else, or nobody else should try. */
  after(route: Route, failure: AppError): Elsewhere | undefined;
}
