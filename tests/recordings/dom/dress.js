/**
 * Dresses up a rendered answer as chat pages do: what surrounds code blocks, and what prose is made of.
 * `parleyDress.apply(root, code, prose)` takes the names of a dress for each `<pre><code class="language-x">` and of one for
 * all the rest. None of it changes what a reader takes for the answer.
 */
const parleyDress = (() => {
  'use strict';
  const make = (html) => {
    const template = document.createElement('template');
    template.innerHTML = html;
    return template.content;
  };
  const escape = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  const languageOf = (pre) => (/language-([^"\s]+)/.exec(pre.innerHTML.slice(0, 200)) || [])[1] || '';
  const codeOf = (pre) => pre.textContent.replace(/\n$/, '');
  const linesOf = (pre) => codeOf(pre).split('\n').map(escape);

  /** Words in spans, as a highlighter leaves them. */
  const coloured = (text) => escape(text).replace(/[A-Za-z_]{3,}(?![^&<]*;)/g, '<span class="hljs-keyword">$&</span>');

  const code = {
    bare() {},

    headed(pre) {
      const head = `<div class="code-header"><span>${languageOf(pre)}</span><button>Copy code</button></div>`;
      const box = make(`<div class="code-block">${head}</div>`);
      const div = box.firstChild;
      pre.replaceWith(box);
      div.append(pre);
    },

    inside(pre) {
      const cls = pre.querySelector('code') ? pre.querySelector('code').className : '';
      const head = `<div class="flex">${languageOf(pre)}</div><div><button aria-label="Copy"><svg></svg>Copy</button></div>`;
      const body = `<div dir="ltr"><code class="${cls} hljs">${coloured(pre.textContent)}</code></div>`;
      pre.replaceWith(make(`<pre><div class="rounded">${head}${body}</div></pre>`));
    },

    numbered(pre) {
      const lines = linesOf(pre).map((line, i) =>
        `<span><span class="line-number" style="user-select: none">${i + 1}</span>${line}</span>`);
      pre.replaceWith(make(`<pre><code class="hljs language-${languageOf(pre)}">${lines.join('\n')}</code></pre>`));
    },

    column(pre) {
      const numbers = linesOf(pre).map((_, i) => `${i + 1}\n`).join('');
      const bar = `<div class="toolbar"><div>${languageOf(pre)}</div><div><button>Copy</button><button>Run</button></div></div>`;
      const body = `<code style="float:left">${numbers}</code><code class="language-${languageOf(pre)}">${coloured(pre.textContent)}</code>`;
      pre.replaceWith(make(`<div>${bar}<pre>${body}</pre></div>`));
    },

    rows(pre) {
      const rows = linesOf(pre).map((line, i) =>
        `<tr><td class="hljs-ln-numbers" data-line-number="${i + 1}"></td><td class="hljs-ln-line">${line}</td></tr>`);
      pre.replaceWith(make(`<pre><code class="language-${languageOf(pre)}"><table><tbody>${rows.join('')}</tbody></table></code></pre>`));
    },

    shiki(pre) {
      const lines = linesOf(pre).map((line) => `<span class="line">${line && `<span style="color:#24292e">${line}</span>`}</span>`);
      const icon = '<i class="material-icons">content_copy</i>';
      const head = `<div class="header"><span>${languageOf(pre)}</span><div class="action">${icon}</div></div>`;
      const body = `<pre class="shiki" tabindex="0"><code>${lines.join('\n')}</code></pre>`;
      pre.replaceWith(make(`<figure class="highlight" data-language="${languageOf(pre)}">${head}${body}</figure>`));
    },

    editor(pre) {
      const lines = linesOf(pre).map((line) => `<div class="cm-line">${line || '<br>'}</div>`).join('');
      const head = `<div><span>${languageOf(pre)}</span><button>Copy</button></div>`;
      const editor = `<div class="cm-gutters">1<br>2</div><div class="cm-content">${lines}</div>`;
      pre.replaceWith(make(`<div>${head}<div class="cm-editor">${editor}</div></div>`));
    },

    monaco(pre) {
      const lines = linesOf(pre).map((line) =>
        `<div class="view-line"><span><span class="mtk1">${line.replace(/ /g, '\u00a0')}</span></span></div>`).join('');
      const numbers = linesOf(pre).map((_, i) => `<div class="line-numbers">${i + 1}</div>`).join('');
      pre.replaceWith(make(`<div class="monaco-editor" data-language="${languageOf(pre)}"><div class="margin">${numbers}</div>` +
        `<div class="view-lines">${lines}</div></div>`));
    },

    divs(pre) {
      const lines = linesOf(pre).map((line) => `<div>${line || '<br>'}</div>`).join('');
      const head = `<div class="lang">${languageOf(pre)}</div><span role="button">Copy</span>`;
      pre.replaceWith(make(`<div class="snippet"><div>${head}</div><div class="codebox" ` +
        `style="white-space: pre; font-family: monospace">${lines}</div></div>`));
    },
  };

  const rename = (el, html) => {
    const other = make(html).firstChild;
    other.append(...el.childNodes);
    el.replaceWith(other);
    return other;
  };

  const prose = {
    plain() {},

    divs(root) {
      for (const p of root.querySelectorAll('p')) {
        if (!p.closest('li, pre')) rename(p, '<div role="article"></div>');
      }
    },

    styled(root) {
      for (const el of root.querySelectorAll('strong')) rename(el, '<span style="font-weight: 700"></span>');
      for (const el of root.querySelectorAll('em')) rename(el, '<span style="font-style: italic"></span>');
    },

    furnished(root) {
      for (const el of root.querySelectorAll('h1,h2,h3,h4')) {
        el.append(make('<a class="anchor" href="#x" aria-hidden="true">#</a>'));
      }
      for (const el of root.querySelectorAll('table')) {
        const box = make('<div class="table-wrapper"><div class="actions"><button>Copy table</button></div></div>');
        const div = box.firstChild;
        el.replaceWith(box);
        div.append(el);
      }
      for (const el of root.querySelectorAll('a[href^="http"]')) {
        el.append(make('<svg></svg><span class="sr-only">(opens in a new tab)</span>'));
      }
      for (const el of root.querySelectorAll('img')) {
        el.replaceWith(make('<span class="image-frame"></span>').firstChild);
        root.querySelectorAll('.image-frame:empty')[0].append(el, make('<i class="material-symbols-outlined">zoom_in</i>'));
      }
      root.prepend(make('<h6 class="sr-only">The assistant said:</h6>'));
      root.append(make('<div class="message-actions"><button>Copy</button><button aria-label="Good">👍</button></div>'));
    },
  };

  /** Dress up all of an answer. Streamdown's code blocks have toolbars of their own. */
  function apply(root, codeName, proseName) {
    for (const pre of root.querySelectorAll('pre')) {
      if (!pre.closest('[data-streamdown]')) code[codeName](pre);
    }
    prose[proseName](root);
  }

  return { apply };
})();
