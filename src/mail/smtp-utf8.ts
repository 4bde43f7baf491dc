import { parseConnectionUrl } from 'nodemailer/lib/shared';
import SMTPConnection from 'nodemailer/lib/smtp-connection';

/**
 * Whether a server knows SMTPUTF8 (RFC 6531), asked on a connection of its own: nodemailer sends such addresses to servers
 * without it, too, and what these take them for is anybody's guess.
 *
 * @throws what nodemailer says of a connection that does not come about.
 */
export async function takesUtf8(options: { url: string; requireTLS: boolean; connectionTimeout: number; greetingTimeout: number }) {
  const connection = new SMTPConnection({ ...options, ...parseConnectionUrl(options.url) });
  try {
    await new Promise<void>((resolve, reject) => {
      connection.once('error', reject);
      connection.connect((error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    return /^250[ -]SMTPUTF8\b/im.test(String(connection.lastServerResponse));
  } finally {
    connection.on('error', () => undefined);
    connection.close();
  }
}
