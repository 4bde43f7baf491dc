import { devStyle } from '../dev-style.ts';

export const style = `${devStyle}
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
main { max-width: 72rem; margin: 0 auto; padding: 1.25rem; }
h1 { margin: 0; font-size: 1.35rem; line-height: 1.3; overflow-wrap: anywhere; }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 0.6rem 0.9rem; margin-bottom: 1rem; }
.bar h1 { flex: 0 1 auto; }
.bar p { margin: 0; color: var(--soft); }
.bar form { display: flex; margin: 0; }
.bar form[role='search'] { margin-left: auto; display: flex; gap: 0.5rem; min-width: 0; }
.bar h1:has(+ .button) { flex: 1 1 20rem; }
button, .button, input[type='search'] {
  font: inherit; color: var(--text); background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  padding: 0.35rem 0.8rem; min-height: 2.3rem; text-decoration: none;
}
input[type='search'] { width: 17rem; min-width: 0; flex: 1; }
button, .button, summary { cursor: pointer; }
button:hover, .button:hover { border-color: var(--soft); }
.danger { color: var(--danger); }
details.all { position: relative; }
details.all summary { color: var(--soft); padding: 0.35rem 0; }
details.all form { position: absolute; right: 0; z-index: 1; margin-top: 0.3rem; background: var(--card); white-space: nowrap; border-radius: 6px; }
.messages, .attachments { list-style: none; margin: 0; padding: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
.messages li {
  position: relative; display: grid; padding: 0.65rem 1rem; gap: 0 1.2rem; align-items: baseline;
  grid-template: 'from subject time' 'to subject time' / minmax(10rem, 17rem) 1fr auto;
}
.messages li + li, .attachments li + li { border-top: 1px solid var(--line); }
.messages li:hover { background: color-mix(in srgb, var(--accent) 6%, transparent); }
.messages li > * { min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.messages a { grid-area: subject; align-self: center; font-weight: 600; color: var(--text); text-decoration: none; }
.messages a::after { content: ''; position: absolute; inset: 0; }
.messages a:focus-visible { outline: none; }
.messages li:has(a:focus-visible) { outline: 2px solid var(--accent); outline-offset: -2px; border-radius: 8px; }
.from { grid-area: from; }
.to { grid-area: to; color: var(--soft); font-size: 0.9em; }
.messages time { grid-area: time; align-self: center; color: var(--soft); font-variant-numeric: tabular-nums; }
.empty { padding: 3rem 1rem; text-align: center; color: var(--soft); background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin: 0; }
.pages { display: flex; gap: 1rem; justify-content: center; padding: 1rem; color: var(--soft); }
.facts { margin: 0 0 1.1rem; display: grid; gap: 0.15rem; }
.facts div { display: grid; grid-template-columns: 6rem 1fr; gap: 0.75rem; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.warning { background: var(--warm); border-radius: 6px; padding: 0.6rem 0.9rem; }
.tabs { display: flex; flex-wrap: wrap; gap: 0.25rem; border-bottom: 1px solid var(--line); }
.tabs a { padding: 0.5rem 0.8rem; color: var(--soft); text-decoration: none; border-bottom: 2px solid transparent; margin-bottom: -1px; }
.tabs a:hover { color: var(--text); }
.tabs a[aria-current] { color: var(--text); font-weight: 600; border-color: var(--accent); }
.tabs span { font-size: 0.85em; font-weight: 400; color: var(--soft); }
.view { padding-top: 1rem; }
.widths { border: 0; margin: 0 0 0.75rem; padding: 0; display: flex; flex-wrap: wrap; gap: 0.3rem 1.1rem; color: var(--soft); }
.widths label { display: inline-flex; gap: 0.4rem; align-items: center; min-height: 1.8rem; }
.widths input { accent-color: var(--accent); margin: 0; }
.frame { background: light-dark(#ecece8, #101112); border: 1px solid var(--line); border-radius: 8px; padding: 0.75rem; overflow-x: auto; }
iframe { display: block; width: 100%; height: 65vh; min-height: 20rem; margin: 0 auto; border: 0; background: #fff; color-scheme: light; resize: vertical; }
.view:has([value='tablet']:checked) iframe { width: 768px; }
.view:has([value='phone']:checked) iframe { width: 375px; }
.note { color: var(--soft); font-size: 0.9em; }
.links ul { margin: 0.5rem 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
pre, .scroll { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.55 ui-monospace, monospace; }
.attachments li { padding: 0.65rem 1rem; display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; justify-content: space-between; overflow-wrap: anywhere; }
.attachments span { color: var(--soft); }
.scroll { overflow-x: auto; padding: 0.25rem 1rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.92em; }
thead th { color: var(--soft); font-weight: 400; }
th, td { text-align: left; vertical-align: top; padding: 0.4rem 1rem 0.4rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
tbody th { font-weight: 600; white-space: nowrap; }
tr:last-child > * { border-bottom: 0; }
@media (max-width: 44rem) {
  main { padding: 0.9rem; }
  h1 { font-size: 1.2rem; }
  .bar form[role='search'] { order: 1; flex: 1 1 100%; margin: 0; }
  input[type='search'] { width: auto; }
  details.all { margin-left: auto; }
  .messages li { grid-template: 'subject subject' 'from time' 'to to' / 1fr auto; padding: 0.7rem 0.9rem; gap: 0.1rem 0.8rem; }
  .facts div { grid-template-columns: 1fr; gap: 0; }
  .facts div + div { margin-top: 0.35rem; }
  .facts dt { font-size: 0.85em; }
  .bar { gap: 0.6rem; }
  .tabs { gap: 0; font-size: 0.84rem; justify-content: space-between; }
  .tabs a { padding: 0.5rem 0.2rem; }
  .widths { display: none; }
  .frame { padding: 0.3rem; }
  table, tbody, tr, tbody th, td { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody th { border-bottom: 0; padding-bottom: 0; }
}
`;
