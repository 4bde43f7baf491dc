import type { Page } from 'playwright-core';

/** Runs in the page. Rules of WCAG 2.2 that a program can check by looking at the document. */
const search = `(() => {
  const faults = [];
  const fault = (rule, element) => faults.push(rule + ': ' + (element ? element.outerHTML.slice(0, 120) : 'the page'));
  const all = (selector) => [...document.querySelectorAll(selector)];
  const visible = (element) => element.checkVisibility({ visibilityProperty: true });
  const nameOf = (element) =>
    (element.getAttribute('aria-label') || element.getAttribute('title') || element.innerText || '').trim() ||
    [...(element.labels ?? [])].map((label) => label.textContent.trim()).join(' ');

  if (!document.documentElement.lang) fault('3.1.1 language');
  if (!document.title.trim()) fault('2.4.2 title');
  if (all('main').length !== 1) fault('1.3.1 one main');
  if (all('h1').length !== 1) fault('1.3.1 one h1');
  for (const element of all('a, button, summary, input, select, textarea, iframe, nav, [role=region], section'))
    if (visible(element) && !nameOf(element)) fault('4.1.2 name', element);
  for (const element of all('img:not([alt])')) fault('1.1.1 alternative', element);
  for (const element of all('[tabindex]')) if (Number(element.getAttribute('tabindex')) > 0) fault('2.4.3 order', element);
  for (const element of all('[id]')) if (all('#' + CSS.escape(element.id)).length > 1) fault('4.1.2 id twice', element);
  for (const element of all('fieldset')) if (!element.querySelector('legend')) fault('1.3.1 legend', element);

  // 1.4.3: text against what is behind it.
  const rgb = (color) => {
    const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = rgb(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  for (const element of all('body *')) {
    if (!visible(element) || ![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())) continue;
    const [light, dark] = [luminance(rgb(getComputedStyle(element).color)), luminance(behind(element))].sort((a, b) => b - a);
    if ((light + 0.05) / (dark + 0.05) < 4.5) fault('1.4.3 contrast', element);
  }

  // 1.4.10: nothing is wider than the window.
  if (document.documentElement.scrollWidth > innerWidth) fault('1.4.10 reflow');
  return faults;
})()`;

/** Gross faults of accessibility, none of which a page should have. */
export function pageFaults(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(search);
}
