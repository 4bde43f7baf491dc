import { spawn, type ChildProcess } from 'node:child_process';

/**
 * Starts a program that can't outlive us, however we end.
 *
 * It runs under a small shell in a session of its own, so that a terminal's Ctrl-C reaches only us. The shell's watcher
 * holds the other end of a pipe from us and kills the whole process group when that pipe closes, which the kernel sees to
 * even after `kill -9`. SIGTERM to the returned process is passed on; its exit code is the program's (128 + n for signal n).
 */
export function spawnGuarded(options: { command: string; args: readonly string[]; pidFile: string; logFd: number }): ChildProcess {
  const { command, args, pidFile, logFd } = options;
  const child = spawn('/bin/sh', ['-c', guardScript, 'handoff-guard', pidFile, command, ...args], {
    detached: true,
    stdio: ['pipe', logFd, logFd],
  });
  // Nothing is ever written to the pipe; the other end closing early is no news.
  child.stdin?.on('error', () => undefined);
  return child;
}

/*
 * A background job of a shell reads /dev/null, so the pipe moves to descriptor 3 first; the program itself must not have it.
 * `read` is a builtin: there is no helper process that could be left over. A trap interrupts `wait`, hence the loop;
 * 127 means that there is nothing to wait for.
 */
const guardScript = `
pid_file=$1
shift
child=
stopping=
trap 'stopping=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM INT HUP
exec 3<&0 </dev/null
( trap '' TERM INT HUP; read -r line <&3; kill -KILL -$$ ) &
watcher=$!
"$@" 3<&- &
child=$!
echo "$child" >"$pid_file"
[ -z "$stopping" ] || kill -TERM "$child" 2>/dev/null
while :; do
  wait "$child"
  status=$?
  [ "$status" -ne 127 ] && kill -0 "$child" 2>/dev/null || break
done
trap '' TERM INT HUP
kill -KILL "$watcher" 2>/dev/null
exit "$status"
`;
