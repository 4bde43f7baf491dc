import { AppError } from '../errors.ts';
import type { EmailContent } from './email-message.ts';
import { messageBytes } from './email-size.ts';
import { fileLinksOf } from './file-links.ts';
import type { FileStore, FileTerms, StoredFile } from './files.ts';
import type { DeliveryTask, PreparedDelivery, ReportMail } from './report-delivery.ts';
import type { TenantKeys } from './tenant-keys.ts';

const dayMs = 86_400_000;

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${String(character.charCodeAt(0))};`);

function sizeOf(bytes: number): string {
  if (bytes < 1_000) return `${String(bytes)} bytes`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

const untilOf = (expiresAt: string) => `${expiresAt.slice(0, 16).replace('T', ' ')} UTC`;

interface Letter {
  /** Above the files. */
  opening: string;
  files: { name: string; size: number; url?: string }[];
  /** Below them. */
  closing?: string;
}

function bodiesOf({ opening, files, closing = '' }: Letter): { text: string; html: string } {
  const lines = files.map(({ name, size, url }) => `${name} (${sizeOf(size)})${url === undefined ? '' : `\n${url}`}`);
  const items = files.map(({ name, size, url }) => {
    const label = url === undefined ? escaped(name) : `<a href="${escaped(url)}">${escaped(name)}</a>`;
    return `<li>${label} (${sizeOf(size)})</li>`;
  });
  const paragraph = (text: string) => (text === '' ? '' : `<p style="white-space:pre-line">${escaped(text)}</p>`);
  return {
    text: [opening, ...lines, closing].filter((part) => part !== '').join('\n\n'),
    html: `<!doctype html><html><body>${paragraph(opening)}<ul>${items.join('')}</ul>${paragraph(closing)}</body></html>`,
  };
}

const openingOf = ({ title, rows }: DeliveryTask, { text }: ReportMail) =>
  text ?? `The report "${title}" is ready. It has ${rows === 1 ? 'one row' : `${rows.toLocaleString('en')} rows`}.`;

function contentOf(mail: ReportMail, letter: Letter, attachments?: EmailContent['attachments']): EmailContent {
  const { subject, from, replyTo, shown } = mail;
  return {
    subject,
    ...bodiesOf(letter),
    ...(from && { from }),
    ...(shown && { to: shown }),
    ...(replyTo && { replyTo }),
    ...(attachments && { attachments }),
  };
}

/** undefined: they are too large to be attached. */
function attached(task: DeliveryTask, mail: ReportMail, files: StoredFile[]): PreparedDelivery['message'] | undefined {
  const sum = files.reduce((all, { size }) => all + size, 0);
  if (mail.attachBelow !== null && sum >= mail.attachBelow) return undefined;
  const letter = { opening: openingOf(task, mail), files };
  const attachments = files.map(({ name, contentType, size, sha256 }) => ({ name, contentType, file: { size, sha256 } }));
  const content = contentOf(mail, letter, attachments);
  return messageBytes(content, files) > mail.maxMessageBytes ? undefined : { by: 'attachment', content };
}

/** What a delivery needs beside the sending: how long files are kept, and the message about them. */
export function createReportDeliveries({ files, tenantKeys }: { files: Pick<FileStore, 'setTerms'>; tenantKeys: TenantKeys }) {
  async function linked(
    task: DeliveryTask,
    mail: ReportMail,
    publicUrl: string,
    stored: StoredFile[],
  ): Promise<PreparedDelivery['message']> {
    const until = new Date(Date.parse(task.at) + mail.linkSeconds * 1000);
    const linkTo = await fileLinksOf(tenantKeys, task.tenant).lasting(until);
    const links = stored.map((file) => ({ ...file, ...linkTo(file) }));
    const linksExpireAt = new Date(Math.min(...links.map(({ expiresAt }) => expiresAt.getTime()))).toISOString();
    const { maxDownloads } = task;
    const times =
      maxDownloads === undefined ? '' : ` Each file can be downloaded ${maxDownloads === 1 ? 'once' : `${String(maxDownloads)} times`}.`;
    const letter = {
      opening: openingOf(task, mail),
      files: links.map(({ name, size, path }) => ({ name, size, url: publicUrl + path })),
      closing: `The links work until ${untilOf(linksExpireAt)}. Whoever has them can read the files.${times}`,
    };
    return { by: 'link', linksExpireAt, content: contentOf(mail, letter) };
  }

  return {
    /**
     * Repeating it changes nothing: all times count from `at`.
     * @throws AppError `file_not_found`, `message_too_large`, `database_unavailable`.
     */
    async prepare(task: DeliveryTask): Promise<PreparedDelivery> {
      const { tenant, fileIds, at, retentionDays, linkSeconds, maxDownloads, email, skipIfEmpty, rows } = task;
      const expiresAt = retentionDays === undefined ? undefined : new Date(Date.parse(at) + retentionDays * dayMs).toISOString();
      const terms: FileTerms = { expiresAt, linkSeconds, maxDownloads };
      const changed = new Map((await files.setTerms(tenant, fileIds, terms)).map((file) => [file.id, file]));
      const stored = fileIds.flatMap((id) => changed.get(id) ?? []);
      if (stored.length < fileIds.length) throw new AppError('file_not_found', 'A file of the report has been deleted.');
      if (email === undefined || (skipIfEmpty === true && rows === 0)) return { files: stored };
      const message =
        attached(task, email, stored) ?? (email.publicUrl === undefined ? undefined : await linked(task, email, email.publicUrl, stored));
      if (message === undefined)
        throw new AppError('message_too_large', 'The files of the report are too large for an e-mail, and links were not asked for.');
      return { files: stored, message };
    },
  };
}
