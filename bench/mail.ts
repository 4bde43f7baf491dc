/** A receipt as shops send it: one recipient, 0.6 KB of text, 1.3 KB of HTML. */
export const mail = {
  to: ['ada@example.com'],
  subject: 'Your order 2026-11-22 has been sent',
  text: 'Thank you for your order. It left our warehouse today and will be with you in two working days. '.repeat(6),
  html: `<html><body>${'<p style="margin:0 0 1em">Thank you for your <b>order</b>. It left our warehouse today.</p>'.repeat(14)}</body></html>`,
};

export const sender = 'handoff@localhost.localdomain';

/** What the product makes of it: the one argument of its workflow. */
export const workflowArgument = {
  tenant: 'default',
  input: { to: mail.to, content: { subject: mail.subject, text: mail.text, html: mail.html }, date: '2026-11-22T12:00:00.000Z' },
};
