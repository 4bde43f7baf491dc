import { devStyle } from '../dev-style.ts';

export const style = `${devStyle}
main { max-width: 60rem; margin: 0 auto; padding: 1.25rem; }
h1 { margin: 0 0 1rem; font-size: 1.35rem; }
details { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 0.6rem 1rem; margin-bottom: 1rem; }
summary { cursor: pointer; }
details label { display: block; margin: 0.7rem 0 0.2rem; color: var(--soft); }
#key, #request { width: 100%; color: inherit; background: var(--page); border: 1px solid var(--line); border-radius: 6px; padding: 0.45rem 0.6rem; font: 13px/1.5 ui-monospace, monospace; }
#drop { display: grid; gap: 0.2rem; justify-items: center; padding: 2.2rem 1rem; text-align: center; background: var(--card); border: 2px dashed var(--line); border-radius: 12px; cursor: pointer; }
#drop.over { border-color: var(--accent); }
#drop:has(:focus-visible) { outline: 2px solid var(--accent); outline-offset: 2px; }
#drop span { color: var(--soft); }
#files { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
#uploads { list-style: none; margin: 1rem 0 0; padding: 0; display: grid; gap: 0.8rem; }
#uploads > li { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 0.8rem 1rem; display: grid; gap: 0.5rem; }
.head { display: flex; flex-wrap: wrap; gap: 0.3rem 0.8rem; align-items: center; }
.head h2 { margin: 0; flex: 1 1 12rem; font-size: 1rem; overflow-wrap: anywhere; }
.head span, figcaption, .facts { color: var(--soft); font-size: 0.92em; }
button { font: inherit; color: var(--text); background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 0.2rem 0.7rem; cursor: pointer; }
button:hover { border-color: var(--soft); }
progress { width: 100%; height: 0.6rem; accent-color: var(--accent); }
[role='status'] { margin: 0; font-variant-numeric: tabular-nums; }
.problem { color: var(--danger); margin: 0.4rem 0 0; }
.problem:empty { display: none; }
.pictures { display: flex; flex-wrap: wrap; gap: 0.9rem; }
figure { margin: 0; max-width: 16rem; }
figure img { display: block; max-width: 100%; max-height: 14rem; border-radius: 6px; background: repeating-conic-gradient(var(--line) 0 25%, transparent 0 50%) 0 0 / 16px 16px; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; margin: 0; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
`;
