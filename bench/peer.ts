import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { keep, type Stage } from './stage.ts';

/** A process of ours on the stage that does one thing when asked. */
export interface Peer<Request, Answer> {
  readonly pid: number;
  ask(request: Request): Promise<Answer>;
}

const registerTypeScript = fileURLToPath(new URL('../test/support/register-ts.mjs', import.meta.url));
/** Of one answer. */
const answerWithinMs = 15 * 60_000;

export function startPeer<Request, Answer>(stage: Stage, module: URL): Peer<Request, Answer> {
  const child = fork(fileURLToPath(module), { execArgv: ['--import', registerTypeScript], serialization: 'advanced' });
  keep(stage, child);
  let lastId = 0;
  return {
    pid: child.pid ?? 0,
    ask(request) {
      const id = ++lastId;
      return new Promise<Answer>((resolve, reject) => {
        const done = (settle: () => void) => {
          clearTimeout(timer);
          child.off('message', onMessage).off('exit', onExit);
          settle();
        };
        const onMessage = (message: { id: number; answer?: Answer; error?: string }) => {
          if (message.id !== id) return;
          const { error } = message;
          done(() => {
            if (error === undefined) resolve(message.answer as Answer);
            else reject(new Error(error));
          });
        };
        const onExit = () => {
          done(() => {
            reject(new Error(`${module.pathname} has ended`));
          });
        };
        const timer = setTimeout(() => {
          done(() => {
            reject(new Error(`${module.pathname} gives no answer`));
          });
        }, answerWithinMs);
        child.on('message', onMessage).once('exit', onExit);
        child.send({ id, request });
      });
    },
  };
}
