/**
 * A rendered page as one text in which only what a reader can tell apart differs. Left out: classes, ids and styles but
 * for a cell's alignment, the colours of code, controls, elements that show nothing, white space that a browser
 * collapses, and spellings of one address.
 */
function parleyCanonical(html) {
  'use strict';
  const BLOCKS = new Set(('p ul ol li table thead tbody tr th td blockquote h1 h2 h3 h4 h5 h6 hr br section details ' +
    'summary div pre eqn main').split(' '));
  const DROPPED = 'button:not([data-streamdown="link"]), svg, link, script, style, .katex-html, .sr-only, ' +
    '[data-streamdown="code-block-header"], [data-streamdown="image-overlay"]';
  const KEPT = ['href', 'src', 'alt', 'title', 'start', 'colspan', 'align', 'type'];
  const EMPTY = new Set('br hr img input td th li blockquote h1 h2 h3 h4 h5 h6 pre'.split(' '));

  const page = new DOMParser().parseFromString(`<main>${html}</main>`, 'text/html');
  for (const one of page.querySelectorAll(DROPPED)) one.remove();
  return written(page.querySelector('main')).replace(/ ?(<\/?([a-z]+\d?)(?: [^>]*)?>) ?/g,
    (whole, tag, name) => (BLOCKS.has(name) ? tag : whole)).replace(/ ?¶[¶ ]*/g, '¶').replace(/¶?(<\/?(?:ul|ol|li|table|thead|tbody|tr|th|td|blockquote|h\d|hr|pre|details|summary)(?: [^>]*)?>)¶?/g, '$1')
    .replace(/<\/(em|strong|del|s)><\1>/g, '').replace(/ +/g, ' ').trim();

  function written(node) {
    if (node.nodeType === 3) return node.data.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/[ \t\n]+/g, ' ');
    if (node.nodeType !== 1) return '';
    const tag = node.localName;
    if (tag === 'pre') return `<pre>${codeOf(node).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/\n/g, '⏎')}</pre>`;
    let inner = Array.from(node.childNodes, written).join('');
    if (tag === 'code') inner = inner.trim();
    if (inner.trim() === '' && !EMPTY.has(tag)) return inner;
    if (/^(main|div|section|eqn|eq|span)$/.test(tag) || (tag === 'p' && !node.closest('li'))) return BLOCKS.has(tag) ? `¶${inner}¶` : inner;
    const attributes = KEPT.filter((name) => node.getAttribute(name)).map((name) => ` ${name}="${valueOf(node, name)}"`);
    if (node.checked) attributes.push(' checked');
    const align = node.style && node.style.textAlign;
    if (align && !node.hasAttribute('align')) attributes.push(` align="${align}"`);
    return `<${tag}${attributes.join('')}>${inner}</${tag}>`;
  }

  function valueOf(node, name) {
    const value = node.getAttribute(name);
    if (name === 'start') return Number(value);
    if (name !== 'href' && name !== 'src') return value.replace(/\s+/g, ' ').replace(/"/g, '&quot;');
    try {
      return encodeURI(decodeURI(value.replace(/[\n\t\r]/g, '')));
    } catch {
      return value;
    }
  }

  /** Streamdown puts each line into a block of its own, with no line end between them. */
  function codeOf(pre) {
    const language = (/language-([^\s"]+)/.exec(pre.outerHTML.slice(0, 400)) || [])[1] || '';
    const shown = /^(text|plaintext)$/.test(language) ? '' : language;
    const lines = Array.from(pre.querySelectorAll('code > span.block'), (line) => line.textContent.replace(/\n$/, ''));
    return `${shown}⏎${(lines.length ? lines.join('\n') : pre.textContent).replace(/\n$/, '')}`;
  }
}
