/** What pages of `npm start` have in common: colours for light and dark, type, and the line on top. */
export const devStyle = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f7f7f5, #161718);
  --card: light-dark(#fff, #1f2123);
  --line: light-dark(#e2e2de, #33363a);
  --text: light-dark(#1d1f21, #e9eaeb);
  --soft: light-dark(#5c6166, #a4a9af);
  --accent: light-dark(#0b5cad, #7cb8f5);
  --danger: light-dark(#b3261e, #ff9c94);
  --warm: light-dark(#fff4d6, #3a3115);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.top { padding: 0.9rem 1.25rem; border-bottom: 1px solid var(--line); background: var(--card); }
.top a { color: inherit; font-weight: 650; text-decoration: none; }
.top span { color: var(--soft); font-weight: 400; }
`;
