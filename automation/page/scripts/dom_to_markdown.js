/**
 * Reads one answer of a chat page as Markdown (CommonMark, GFM tables and strikes, TeX math). Never changes the page.
 *
 * `root` is the element of the answer, perhaps a shadow host; open shadow roots and slots are followed.
 * `options` is `{exclude: string[], thinking: string[], cursor: string}`: CSS of parts that are not the model's, CSS of
 * parts that are its reasoning, and a text at the very end that marks an unfinished answer. All may be left out.
 *
 * Returns `{markdown, stable, thinking, thinkingStable}`. `stable` counts the UTF-16 units (as `length` does; never
 * inside a surrogate pair) at the start of `markdown` that later snapshots of the same answer are expected to keep, so
 * that they may be sent on now: all blocks but the last, and of the last one the words and code lines that can no longer
 * become markup.
 *
 * How `stable` is found: each leaf block carries one mark, RELEASED after its last safe word or HELD at its start, which
 * quoting and indenting carry along; the last mark of the document decides. PINNED holds the rest even when more follows.
 */
function parleyDomToMarkdown(root, options) {
  'use strict';
  const { exclude = [], thinking = [], cursor = '' } = options || {};
  const RELEASED = '\u0000', HELD = '\u0001', PINNED = '\u0002';
  const names = (text) => new Set(text.split(' '));
  const DROPPED_TAGS = names('script style template noscript button nav select textarea input link meta head iframe ' +
    'object embed audio video canvas svg option datalist map dialog progress meter copy-button clipboard-copy');
  const DROPPED_ROLES = names('button toolbar navigation menu menubar menuitem tooltip tablist tab switch checkbox ' +
    'combobox listbox option slider progressbar alertdialog dialog');
  const BLOCK_TAGS = names('p div section article main header footer aside form fieldset address figure figcaption ' +
    'center dl dt dd hgroup search legend summary');
  const INLINE_TAGS = names('em i strong b del s strike code a br img sub sup kbd mark u ins tt samp var picture wbr');
  const EMPHASIS = { em: '*', i: '*', cite: '', strong: '**', b: '**', del: '~~', s: '~~', strike: '~~' };
  const REMEMBERED_TAGS = names('p pre ul ol blockquote table h1 h2 h3 h4 h5 h6');
  const KEPT_HTML = names('sub sup kbd mark u ins');
  const LANGUAGES = names('bash sh shell zsh fish powershell ps1 console terminal cmd batch python py python3 ' +
    'javascript js jsx typescript ts tsx json json5 jsonc yaml yml toml ini xml html css scss sass less markdown md mdx ' +
    'c cpp c++ h hpp csharp c# cs java kotlin kt scala groovy go golang rust rs ruby rb php perl pl lua r julia swift dart ' +
    'haskell hs elixir ex erlang clojure clj ocaml fsharp f# lisp scheme racket sql mysql pgsql postgresql plsql graphql ' +
    'dockerfile docker makefile make cmake nginx apache diff patch text txt plaintext latex tex matlab octave fortran ' +
    'assembly asm vb vbnet objectivec solidity zig nim vue svelte protobuf proto hcl terraform regex http csv mermaid');
  const LABEL_NAMES = { 'c++': 'cpp', 'c#': 'csharp', 'f#': 'fsharp', 'objective-c': 'objectivec' };
  const NO_LANGUAGE = names('plaintext undefined unknown none nohighlight auto null code plain');
  const SCREEN_READER = /(^|[\s_-])(sr[-_]?only|visually-?hidden|screen-?reader(-text|-only)?|a11y-hidden)($|[\s_-])/i;
  const COPY_CLASS = /(^|[\s_-])(copy|clipboard)([-_]?(btn|button|code|icon|text|label))?($|[\s_-])/i;
  const CURSOR_CLASS = /(^|[\s_-])(cursor|caret)($|[\s_-])/i;
  const ICON_CLASS = /(^|[\s_-])(material-(icons|symbols)|google-symbols|mat-icon|icon|icons|iconfont|codicon|glyphicon|fa[bsrl]?)($|[\s_-])/i;
  const ICON_FONT = /material (icons|symbols)|google symbols|font ?awesome|icomoon|iconfont|codicon|glyphicons|phosphor/i;
  const TOOLBAR_CLASS = /lang|header|toolbar|title|caption|label|info|name|action/i;
  const TOOLBAR_WORDS = /\b(copy( code)?|copied!?|wrap|run|download|expand|collapse|edit|preview|save|insert)\b/gi;
  const GUTTER_CLASS = /line-?num|lineno|gutter|hljs-ln-n|ln-num|lnum|linecount/i;
  const EDITORS = '.cm-content, .view-lines, .CodeMirror-code, .ace_text-layer';
  const BLOCKS_INSIDE = 'p,div,pre,ul,ol,table,blockquote,h1,h2,h3,h4,h5,h6';
  const SPACE = /[ \t\r\n\f\0]/, WORD = /[\p{L}\p{N}]/u, PUNCTUATION = /[\p{P}\p{S}]/u;
  const WORD_END = /[ \t\r\n\f]|[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\uff00-\uff65]/;

  const styles = new Map();      // computed styles, one per distinct tag, class and style attribute
  const memberships = new Map(); // selector list -> elements it matches, by tree scope
  let thoughts = null;           // thinking elements found, or null while a thinking part itself is read
  let label = '';                // language named by a toolbar, for the code block that follows
  let cursorNode = null;
  let lastStyled = null, lastStyle = null; // an element's style is asked for several times in a row

  // --- The page: what is there, what is hidden, what is not text ---

  function children(node) {
    if (node.shadowRoot) return node.shadowRoot.childNodes;
    if (node.localName === 'slot') {
      const assigned = node.assignedNodes();
      if (assigned.length) return assigned;
    }
    return node.childNodes;
  }

  function textOf(node) {
    let text = node.data;
    if (node === cursorNode) text = text.slice(0, text.lastIndexOf(cursor));
    return /[\0-\2]/.test(text) ? text.replace(/[\0-\2]/g, '') : text;
  }

  function isOneOf(el, selectors) {
    if (!selectors.length) return false;
    const scope = el.getRootNode();
    let byScope = memberships.get(selectors);
    if (!byScope) memberships.set(selectors, byScope = new Map());
    let members = byScope.get(scope);
    if (!members) byScope.set(scope, members = new Set(scope.querySelectorAll(selectors.join(','))));
    return members.has(el);
  }

  /** The computed style where a class or a style attribute may have changed what the tag says, else null. */
  function styleOf(el) {
    if (lastStyled === el) return lastStyle;
    lastStyled = el;
    return (lastStyle = lookUpStyle(el));
  }

  function lookUpStyle(el) {
    const cls = el.getAttribute('class'), own = el.getAttribute('style'), tag = el.localName;
    if (!cls && !own && !tag.includes('-')) return null;
    const key = `${tag}|${cls}|${own}|${el.parentElement ? el.parentElement.className : ''}`;
    let style = styles.get(key);
    if (style === undefined) {
      const live = getComputedStyle(el);
      style = {
        display: live.display, bold: parseInt(live.fontWeight, 10) >= 600, italic: live.fontStyle === 'italic',
        struck: live.textDecorationLine.includes('line-through'), unselectable: live.userSelect === 'none',
        icon: ICON_FONT.test(live.fontFamily), mono: /mono|courier|consolas|menlo/i.test(live.fontFamily), pre: live.whiteSpace, gone: isInvisible(live),
      };
      styles.set(key, style);
    }
    return style;
  }

  function isInvisible(live) {
    if (live.display === 'none' || live.visibility === 'hidden') return true;
    if (live.position !== 'absolute' && live.position !== 'fixed') return false;
    if (/rect\((0|1)px[, ]+(0|1)px/.test(live.clip) || /inset\((50|100)%/.test(live.clipPath)) return true;
    return live.overflow === 'hidden' && parseFloat(live.width) <= 1 && parseFloat(live.height) <= 1;
  }

  /** Whether an element and all in it is no text of the answer: hidden, a control, excluded, or its reasoning. */
  function isDropped(el) {
    if (thoughts && isOneOf(el, thinking)) {
      thoughts.push(el);
      return true;
    }
    return isControl(el) || isHidden(el) || isOneOf(el, exclude);
  }

  function isControl(el) {
    const tag = el.localName, cls = el.getAttribute('class');
    if (DROPPED_TAGS.has(tag)) return !(tag === 'button' && isContentButton(el)) && !(tag === 'script' && isTex(el));
    if (isIcon(el, cls)) return true;
    const role = el.getAttribute('role');
    if (role && DROPPED_ROLES.has(role)) return tag !== 'img' && !isContentButton(el);
    if (!cls) return false;
    if (CURSOR_CLASS.test(cls)) return el.textContent.trim().length <= 1;
    return COPY_CLASS.test(cls) && !el.querySelector('pre,code') && el.textContent.length <= 24;
  }

  /** Whether an element shows one sign of an icon font: a name such as `content_copy`, or a sign of no script. */
  function isIcon(el, cls) {
    if (el.firstElementChild || el.localName === 'code' || el.textContent.length > 40) return false;
    if (!/^\s*([a-z][a-z0-9_]*|[\ue000-\uf8ff]+)?\s*$/.test(el.textContent)) return false;
    if (el.localName === 'mat-icon' || (cls && ICON_CLASS.test(cls) && !el.querySelector('img'))) return true;
    const style = styleOf(el);
    return style !== null && style.icon;
  }

  /**
   * A button that is content: around nothing but a picture of some size, which it opens, or in a link's place, where a
   * page asks before it opens an address.
   */
  function isContentButton(el) {
    if (el.getAttribute('data-streamdown') === 'link') return true;
    const img = el.querySelector('img');
    return img !== null && img.clientWidth > 64 && el.textContent.trim() === '';
  }

  function isHidden(el) {
    if (el.hasAttribute('hidden')) return true;
    const cls = el.getAttribute('class');
    if (cls && SCREEN_READER.test(cls)) return true;
    if (el.getAttribute('aria-hidden') === 'true') return !hasSpokenTwin(el);
    const style = styleOf(el);
    return style !== null && style.gone && !(el.localName === 'math' || isMath(el));
  }

  /** Text hidden from screen readers is real where the same text stands beside it for them. */
  function hasSpokenTwin(el) {
    const text = el.textContent.replace(/\s+/g, '');
    if (text.length < 2 || !el.parentElement) return false;
    return Array.from(el.parentElement.children).some((twin) => twin !== el &&
      SCREEN_READER.test(twin.getAttribute('class') || '') && twin.textContent.replace(/\s+/g, '') === text);
  }

  function isBlock(el) {
    const tag = el.localName;
    if (INLINE_TAGS.has(tag)) return false;
    const style = styleOf(el);
    if (!style) return BLOCK_TAGS.has(tag);
    if (style.display.startsWith('inline') || style.display === 'contents') return false;
    return true;
  }

  function findCursor(node) {
    const nodes = children(node);
    for (let i = nodes.length - 1; i >= 0; i--) {
      const child = nodes[i];
      if (child.nodeType === 3 && child.data.trim()) return child.data.trimEnd().endsWith(cursor) ? child : false;
      if (child.nodeType !== 1 || isDropped(child)) continue;
      const found = findCursor(child);
      if (found !== null) return found;
    }
    return null;
  }

  // --- Math ---

  function isTex(el) {
    return /^math\/tex/.test(el.getAttribute('type') || '');
  }

  function isMath(el) {
    const tag = el.localName;
    if (tag === 'math' || tag === 'mjx-container') return true;
    const cls = el.getAttribute('class');
    return cls !== null && /(^|\s)(katex|katex-display|katex-error|katex-block|MathJax|MathJax_Display)(\s|$)/.test(cls);
  }

  /** The TeX of a formula as {tex, display}, or null where the page does not tell it. */
  function mathOf(el) {
    if (el.localName === 'script') return { tex: el.textContent, display: /display/.test(el.getAttribute('type')) };
    const cls = el.getAttribute('class') || '';
    if (/MathJax(_Display)?(\s|$)/.test(cls) && el.localName !== 'mjx-container') return { tex: '', display: false };
    const display = /katex-display|katex-block/.test(cls) || el.getAttribute('display') === 'true' ||
      el.getAttribute('display') === 'block' || el.querySelector('.katex-display, math[display="block"]') !== null;
    const note = el.querySelector('annotation[encoding="application/x-tex"]');
    if (note) return { tex: note.textContent, display };
    if (/katex-error/.test(cls)) return { tex: el.textContent, display };
    const math = el.localName === 'math' ? el : el.querySelector('math');
    for (const name of ['data-tex', 'data-latex', 'data-math', 'alttext']) {
      const holder = [el, math].find((one) => one && one.hasAttribute(name)) || el.querySelector(`[${name}]`);
      if (holder) return { tex: holder.getAttribute(name), display };
    }
    return math ? { tex: texOf(math), display } : { tex: el.textContent, display };
  }

  /** TeX for presentation MathML, for pages that keep no TeX: the usual elements only. */
  function texOf(el) {
    const parts = Array.from(el.children, texOf);
    const group = (i) => `{${parts[i] || ''}}`;
    switch (el.localName) {
      case 'mfrac': return `\\frac${group(0)}${group(1)}`;
      case 'msqrt': return `\\sqrt{${parts.join('')}}`;
      case 'mroot': return `\\sqrt[${parts[1]}]${group(0)}`;
      case 'msup': case 'mover': return `${parts[0]}^${group(1)}`;
      case 'msub': case 'munder': return `${parts[0]}_${group(1)}`;
      case 'msubsup': case 'munderover': return `${parts[0]}_${group(1)}^${group(2)}`;
      case 'mtext': return `\\text{${el.textContent}}`;
      case 'annotation': return '';
      default: return el.children.length ? parts.join('') : el.textContent.trim().replace(/[\u2061-\u2064]/g, '');
    }
  }

  // --- Code ---

  function isLine(el) {
    if (/^(div|p|li|tr)$/.test(el.localName)) return true;
    const style = /^(span|code)$/.test(el.localName) ? styleOf(el) : null;
    return style !== null && /^(block|flex|grid|table-row)/.test(style.display);
  }

  /** Line numbers: digits that a class, the selection or a run of consecutive numbers sets apart from the code. */
  function isGutter(el) {
    const text = el.textContent;
    if (!/^[\s\d.:]*$/.test(text)) return false;
    const cls = el.getAttribute('class') || '';
    if (GUTTER_CLASS.test(cls) || el.hasAttribute('data-line-number')) return true;
    if (!text.trim()) return false;
    const style = styleOf(el);
    if (style && style.unselectable) return true;
    const numbers = text.split(/\s+/).filter(Boolean);
    if (/(^|\s)ln(\s|$)/.test(cls) || isCodeBeside(el)) return true;
    const stacked = el.children.length > 1 || text.includes('\n');
    return stacked && numbers.length > 1 && el.parentElement.children.length > 1 &&
      numbers.every((n, i) => Number(n) === Number(numbers[0]) + i);
  }

  /** A `code` of digits before the `code` of a block: the column of its numbers. */
  function isCodeBeside(el) {
    return el.localName === 'code' && el.nextElementSibling !== null && el.nextElementSibling.localName === 'code';
  }

  function codeText(node) {
    const nodes = Array.from(children(node));
    const named = areNamedLines(nodes);
    const hasLines = nodes.some((one) => one.nodeType === 1 && isLine(one));
    let out = '';
    for (const one of nodes) {
      if (one.nodeType === 3) {
        if (!(hasLines && /^\s*\n\s*$/.test(one.data))) out += textOf(one);
      } else if (one.nodeType !== 1 || one.localName === 'wbr') {
        continue;
      } else if (one.localName === 'br') {
        out += '\n';
      } else if (!isDropped(one) && !isGutter(one) && !isToolbarInCode(one)) {
        const text = codeText(one);
        if (!named && !isLine(one)) out += text;
        else out += (out && !out.endsWith('\n') ? '\n' : '') + text.replace(/\n$/, '') + '\n';
      }
    }
    return /view-lines/.test(node.className) ? out.replace(/\u00a0/g, ' ') : out; // Monaco writes no other spaces
  }

  /** Spans that are lines by their class, with no line end in or between them: a style makes them blocks. */
  function areNamedLines(nodes) {
    return nodes.length > 1 && nodes.every((one) => one.nodeType === 1 && one.localName === 'span' &&
      /(^|\s)(block|line|code-line)(\s|$)/.test(one.className) && !/[^\n]\n$/.test(one.textContent));
  }

  function isToolbarInCode(el) {
    return /^(div|header|figcaption)$/.test(el.localName) && el.querySelector('button, [role="button"]') !== null &&
      el.textContent.length < 80 && !el.querySelector('code, pre');
  }

  /** The element inside a code block that holds the code alone; the block itself where there is none. */
  function codeElement(el) {
    const codes = Array.from(el.querySelectorAll('code')).filter((one) => !isGutter(one));
    if (codes.length !== 1) return el.querySelector(EDITORS) || el;
    const hasOwnText = Array.from(el.childNodes).some((one) => one.nodeType === 3 && one.data.trim());
    return hasOwnText ? el : codes[0];
  }

  function languageIn(el) {
    const attribute = el.getAttribute('data-language') || el.getAttribute('data-lang');
    if (attribute) return attribute;
    const cls = el.getAttribute('class') || '';
    const named = /(?:^|\s)(?:language-|lang-|highlight-source-|brush:\s*)([^\s:{]+)/.exec(cls);
    if (named) return named[1];
    if (!/(^|\s)(hljs|shiki|prism|sourceCode)(\s|$)/.test(cls)) return '';
    return cls.split(/\s+/).find((word) => LANGUAGES.has(word)) || '';
  }

  /** The language of a code block: from classes and data attributes inside out, else from the toolbar's words. */
  function languageOf(el, code) {
    let found = languageIn(code) || languageIn(el);
    let outer = el.parentElement;
    for (let i = 0; !found && i < 3 && outer && outer !== root; i++, outer = outer.parentElement) {
      if (outer.querySelectorAll('pre').length > 1) break;
      found = languageIn(outer);
    }
    if (found) return NO_LANGUAGE.has(found.toLowerCase()) ? '' : found;
    const word = (label || (code === el ? '' : toolbarText(el, code))).toLowerCase();
    const name = LABEL_NAMES[word] || word;
    return /^[\w+#.-]{1,20}$/.test(name) && !NO_LANGUAGE.has(name) && name !== 'text' ? name : '';
  }

  function toolbarText(el, code) {
    let out = '';
    for (const one of children(el)) {
      if (one === code || (one.nodeType === 1 && isControl(one))) continue;
      if (one.nodeType === 3) out += one.data;
      else if (one.nodeType === 1 && !isGutter(one)) out += toolbarText(one, code);
    }
    return out.replace(TOOLBAR_WORDS, '').trim();
  }

  function codeBlock(el) {
    const code = codeElement(el), language = languageOf(el, code);
    label = '';
    const text = codeText(code).replace(/\n$/, '');
    // A Markdown sample often holds fences; one more tick from the start keeps the opening line final.
    let ticks = /^(markdown|md|mdx)$/i.test(language) ? 4 : 3;
    for (const run of text.match(/`{3,}/g) || []) ticks = Math.max(ticks, run.length + 1);
    const fence = (language.includes('`') ? '~' : '`').repeat(ticks);
    const end = text.lastIndexOf('\n');
    if (end < 0) return { kind: 'code', text: `${HELD}${fence}${language}\n${text}${text && '\n'}${fence}` };
    return { kind: 'code', text: `${fence}${language}\n${text.slice(0, end)}${RELEASED}${text.slice(end)}\n${fence}` };
  }

  function isCodeBlock(el) {
    if (el.localName === 'pre' || el.matches('.cm-editor, .monaco-editor, .CodeMirror, .ace_editor')) return true;
    if (el.localName === 'code') {
      const style = styleOf(el);
      return el.textContent.includes('\n') && (style || getComputedStyle(el)).display === 'block';
    }
    if (el.matches(EDITORS)) return true;
    const style = el.localName === 'div' ? styleOf(el) : null;
    return style !== null && style.pre === 'pre' && style.mono;
  }

  /** Whether an element is the head or the foot of a code block; remembers the language that it names. */
  function isCodeToolbar(el) {
    const before = besideCode(el, 'nextElementSibling');
    if (!before && !besideCode(el, 'previousElementSibling')) return false;
    if (el.localName === 'p' || el.getAttribute('role') === 'article' || el.textContent.length > 120) return false;
    if (el.querySelector(`pre,ul,ol,table,code,h1,h2,h3,blockquote,${EDITORS}`)) return false;
    if (isCodeBlock(el) || Array.from(el.querySelectorAll('div')).some(isCodeBlock)) return false;
    const text = toolbarText(el, null);
    if (text.length > 40 || /[.:?!\u3002\uff1a]$/.test(text)) return false;
    const hasControl = Array.from(el.querySelectorAll('*')).some(isControl) ||
      (el.nextElementSibling !== null && (isControl(el.nextElementSibling) || isOnlyControls(el.nextElementSibling)));
    if (!hasControl && el.querySelector('p,strong,b,em,[data-streamdown]')) return false;
    const isNamed = LANGUAGES.has(text.toLowerCase());
    if (!hasControl && !isNamed && !TOOLBAR_CLASS.test(el.getAttribute('class') || '')) return false;
    if (before) label = text;
    return true;
  }

  function besideCode(el, direction) {
    let other = el[direction];
    while (other && (isControl(other) || isOnlyControls(other))) other = other[direction];
    if (!other || !/^(pre|div|code|figure)$|-/.test(other.localName)) return false;
    if (other.localName === 'pre' || isCodeBlock(other)) return true;
    return other.localName === 'div' && other.querySelector(`p,li,table,h1,h2,h3`) === null &&
      other.querySelector(`pre, ${EDITORS}`) !== null;
  }

  function isOnlyControls(el) {
    return el.localName === 'div' && el.textContent.length < 120 && !el.querySelector('pre, code, img, .katex') &&
      toolbarText(el, null) === '';
  }

  // --- Inline content: nodes to tokens ---

  const TEXT = 1, GAP = 2, BREAK = 3, OPEN = 4, CLOSE = 5, ATOM = 6;

  /** Read a node into a sink {tokens, blocks, inline}; blocks end the paragraph gathered so far. */
  function read(node, sink) {
    if (node.nodeType === 3) sink.tokens.push({ k: TEXT, s: textOf(node) });
    if (node.nodeType !== 1) return;
    const tag = node.localName;
    if (tag === 'input' && node.type === 'checkbox' && sink.item) return void (sink.item.checked = node.checked);
    if (isDropped(node)) return;
    if (isMath(node) || tag === 'script') return readMath(node, sink);
    if (isModelTag(node)) return readModelTag(node, sink);
    if (!sink.inline && readBlock(node, sink)) return;
    if (sink.inline && (isBlock(node) || /^(li|tr|pre|h\d|ul|ol|table|blockquote)$/.test(tag))) {
      sink.tokens.push({ k: sink.cell && sink.tokens.some((t) => t.k !== TEXT || t.s.trim()) ? BREAK : GAP, s: ' ' });
      readAll(node, sink);
      sink.tokens.push({ k: GAP, s: ' ' });
      return;
    }
    readInline(node, tag, sink);
  }

  function readAll(node, sink) {
    for (const child of children(node)) read(child, sink);
  }

  function readInline(el, tag, sink) {
    const tokens = sink.tokens;
    if (tag === 'br') return void tokens.push({ k: BREAK, s: '' });
    if (tag === 'img') return readImage(el, tokens);
    if (tag === 'code' || tag === 'tt' || tag === 'samp') return readCode(el, tokens);
    if (tag === 'a' && el.hasAttribute('href')) return readLink(el, sink);
    if (tag === 'button' && /^https?:\/\/[^\s<>]+$/.test(el.textContent)) return void tokens.push({ k: ATOM, s: `<${el.textContent}>` });
    if (tag === 'sup' && readFootnote(el, tokens)) return;
    if (tag === 'q') return readBetween('"', '"', el, sink);
    if (EMPHASIS[tag]) return readEmphasis(el, [EMPHASIS[tag]], false, sink);
    if (KEPT_HTML.has(tag)) return readHtml(el, tag, tokens);
    if (/^Blocked URL/.test(el.getAttribute('title') || '')) tokens.push({ k: TEXT, s: PINNED }); // perhaps half of one
    const marks = styledMarks(el, sink);
    if (marks.length) return readEmphasis(el, marks, true, sink);
    if (!sink.inline && isCodeToolbar(el)) return;
    readAll(el, sink);
  }

  /** A tag that is none of HTML's, with nothing added to it: the model wrote it, and the page let it through. */
  function isModelTag(el) {
    if (el.attributes.length || !(el instanceof HTMLUnknownElement || el.matches(':not(:defined)'))) return false;
    if (el.querySelector('.katex, math')) return false;
    return el instanceof HTMLUnknownElement || el.closest('p, li, td, th, h1, h2, h3, h4, h5, h6') !== null;
  }

  function readModelTag(el, sink) {
    const open = `<${el.localName}>`, close = `</${el.localName}>`;
    const isInText = sink.inline || sink.tokens.some((t) => t.k !== TEXT || t.s.trim()) || el.closest('p, li, td, th, h1, h2, h3, h4, h5, h6') !== null;
    if (!isInText) {
      flush(sink);
      sink.blocks.push(...taggedBlocks(el, open, close));
      return;
    }
    sink.tokens.push({ k: ATOM, s: open });
    readAll(el, sink);
    // A placeholder such as `<name>` was never closed: the parser ended it with its paragraph.
    if (el.nextSibling || /^\n[^]*\n$/.test(el.textContent)) sink.tokens.push({ k: ATOM, s: close });
  }

  function taggedBlocks(el, open, close) {
    const html = (text) => ({ kind: 'html', text: HELD + text });
    if (el.firstElementChild) return [html(open), ...blocksOf(children(el)), html(close)];
    const text = el.textContent.replace(/[\0-\2]/g, '').trim().replace(/\n\s*\n/g, '\n').replace(/&/g, '&amp;').replace(/</g, '&lt;');
    return [html(`${open}\n${text}\n${close}`)];
  }

  function readBetween(before, after, el, sink) {
    sink.tokens.push({ k: TEXT, s: before });
    readAll(el, sink);
    sink.tokens.push({ k: TEXT, s: after });
  }

  /** Emphasis that only a style tells, such as a bold span; headings are bold by themselves. */
  function styledMarks(el, sink) {
    if (el.localName !== 'span' && el.localName !== 'font') return [];
    if (el.getAttribute('data-streamdown') === 'strong') return ['**'];
    const style = styleOf(el);
    if (!style || !(style.bold || style.italic || style.struck)) return [];
    if (sink.heading || el.querySelector(BLOCKS_INSIDE)) return [];
    // What is inherited differs from place to place, so it can't come from the styles that are remembered.
    const inner = getComputedStyle(el), outer = getComputedStyle(el.parentElement);
    const has = (read) => read(inner) && !read(outer);
    const marks = [];
    if (has((one) => parseInt(one.fontWeight, 10) >= 600)) marks.push('**');
    if (has((one) => one.fontStyle === 'italic')) marks.push('*');
    if (has((one) => one.textDecorationLine.includes('line-through'))) marks.push('~~');
    return marks;
  }

  function readEmphasis(el, marks, styled, sink) {
    const wasInline = sink.inline;
    sink.inline = true;
    for (const mark of marks) sink.tokens.push({ k: OPEN, s: mark, styled });
    readAll(el, sink);
    for (const mark of marks.slice().reverse()) sink.tokens.push({ k: CLOSE, s: mark, styled });
    sink.inline = wasInline;
  }

  function readHtml(el, tag, tokens) {
    const inner = inlineText(el);
    if (inner) tokens.push({ k: ATOM, s: `<${tag}>${inner}</${tag}>` });
  }

  /** All of an element as one finished run of inline Markdown on a single line, without marks. */
  function inlineText(el) {
    const sink = { tokens: [], blocks: [], inline: true, heading: true };
    readAll(el, sink);
    return renderInline(sink.tokens, { single: true }).replace(/[\0-\2]/g, '');
  }

  function readImage(el, tokens) {
    const alt = el.getAttribute('alt') || '', source = el.getAttribute('src') ?? (el.currentSrc || null);
    if (/(^|[\s_-])(emoji|emote)($|[\s_-])/.test(el.getAttribute('class') || '') || /^\p{Extended_Pictographic}/u.test(alt)) {
      return void tokens.push({ k: TEXT, s: alt });
    }
    if (/(^|[\s_-])(math|latex|tex|mwe-math)/.test(el.getAttribute('class') || '') && alt) {
      return void tokens.push({ k: ATOM, s: `$${alt}$`, math: true });
    }
    if (source === null && !alt) return;
    const link = el.closest('a');
    if (!alt && link && link.textContent.trim()) return; // a site's icon beside the words of a link
    const words = alt.replace(/\s+/g, ' ').replace(/[\0-\2]/g, '').replace(/\\/g, '\\\\')
      .replace(/[[\]*_`<]/g, (c) => `&#${c.charCodeAt(0)};`);
    tokens.push({ k: ATOM, s: `![${words}](${target(absolute(source || '', el), el)})` });
  }

  /** Whoever reads the answer has no page to resolve an address against. */
  function absolute(address, el) {
    const isOfSite = /^https?:/.test(el.baseURI) && address && URL.canParse(address, el.baseURI);
    return isOfSite && !/^[a-z][a-z0-9+.-]*:/i.test(address) ? new URL(address, el.baseURI).href : address;
  }

  function readCode(el, tokens) {
    const text = (el.firstElementChild ? codeText(el) : el.textContent).replace(/^[ \t]*\n\s*|[ \t]*\n\s*$/g, '')
      .replace(/\r?\n/g, ' ').replace(/[\0-\2]/g, '');
    if (!text) return;
    const runs = new Set((text.match(/`+/g) || []).map((run) => run.length));
    let ticks = 1;
    while (runs.has(ticks)) ticks++;
    const pad = /^`|`$/.test(text) || (/^ .* $/.test(text) && text.trim()) ? ' ' : '';
    const fence = '`'.repeat(ticks);
    tokens.push({ k: ATOM, s: fence + pad + text + pad + fence, code: true });
  }

  function readMath(el, sink) {
    const { tex, display } = mathOf(el);
    const source = tex.trim().replace(/[\0-\2]/g, '');
    if (!source) return;
    // Prices that a page took for a formula (`$20 or $30`) turn into themselves again where their spaces stay.
    const spaced = /\n/.test(tex) ? source : tex.replace(/[\0-\2]/g, '');
    if (!display) return void sink.tokens.push({ k: ATOM, s: `$${spaced}$`, math: true });
    const outer = el.parentElement;
    const alone = !sink.inline && !sink.tokens.some((t) => t.k !== TEXT || t.s.trim()) &&
      (!/^(p|span)$/.test(outer.localName) || outer.textContent.trim() === el.textContent.trim());
    if (!alone) return void sink.tokens.push({ k: ATOM, s: `$$${source.replace(/\s*\n\s*/g, ' ')}$$`, math: true });
    flush(sink);
    sink.blocks.push({ kind: 'math', text: `${HELD}$$\n${source}\n$$` });
  }

  function readFootnote(el, tokens) {
    const link = el.querySelector('a[href^="#"]');
    if (!link || !(link.hasAttribute('data-footnote-ref') || /footnote/.test(el.className + link.className))) return false;
    tokens.push({ k: ATOM, s: `[^${footnoteName(link.getAttribute('href').slice(1))}]` });
    return true;
  }

  function footnoteName(id) {
    return decodeURIComponent(id.replace(/^(user-content-)?(fn-?|footnote-?)/, ''));
  }

  function readLink(el, sink) {
    const href = el.getAttribute('href'), text = el.textContent;
    if (/footnote-?back/i.test(el.className) || el.hasAttribute('data-footnote-backref')) return;
    if (href.startsWith('#') && /^[#\u00b6\u{1f517}\u00a7\s]*$/u.test(text) && /anchor|header|permalink/.test(el.className)) return;
    if (/^streamdown:/.test(href)) sink.tokens.push({ k: TEXT, s: PINNED }); // its address is being typed
    if (/^(javascript|streamdown):/i.test(href)) return readAll(el, sink);
    const plain = text.trim();
    if (plain && isAutolink(plain, href) && !el.firstElementChild) return void sink.tokens.push({ k: ATOM, s: `<${plain}>` });
    const mark = sink.tokens.length, close = { k: CLOSE, s: `](${target(href, el)})`, link: true };
    const wasInline = sink.inline;
    sink.inline = true;
    sink.tokens.push({ k: OPEN, s: '[', link: true, unbalanced: !isBalanced(text) });
    readAll(el, sink);
    sink.tokens.push(close);
    sink.inline = wasInline;
    const isEmpty = sink.tokens.length === mark + 2;
    if (isEmpty && (el.firstElementChild || !el.closest('p, li, td, th, h1, h2, h3, h4, h5, h6'))) sink.tokens.length = mark; // an icon, not a link of the text
  }

  function isAutolink(text, href) {
    if (/[\s<>]/.test(text)) return false;
    if (href === `mailto:${text}`) return /^[\w.+-]+@[\w.-]+$/.test(text);
    if (!/^[a-z][a-z0-9+.-]{1,31}:/i.test(text)) return false;
    return href === text || href === encodeURI(text).replace(/%25/g, '%') || href === `${text}/`;
  }

  function isBalanced(text) {
    let depth = 0;
    for (const c of text) {
      if (c === '[') depth++;
      else if (c === ']' && --depth < 0) return false;
    }
    return depth === 0;
  }

  function destination(url) {
    const safe = url.replace(/[\0-\2\n\r\t]/g, '').replace(/&(?=#?\w+;)/g, '&amp;').replace(/\\(?=[!-\/:-@[-`{-~])/g, '\\\\');
    let depth = 0, lowest = 0;
    for (const c of safe) {
      if (c === '(') depth++;
      else if (c === ')') lowest = Math.min(lowest, --depth);
    }
    if (safe !== '' && !/[\s<\x00-\x1f]/.test(safe) && depth === 0 && lowest === 0) return safe;
    return safe === '' ? '' : `<${safe.replace(/[<>]/g, '\\$&')}>`;
  }

  function target(url, el) {
    const title = titleOf(el);
    return (destination(url) || (title && '<>')) + title;
  }

  function titleOf(el) {
    const title = el.getAttribute('title');
    if (!title) return '';
    const safe = title.replace(/\\(?=[!-\/:-@[-`{-~])/g, '\\\\').replace(/&(?=#?\w+;)/g, '\\&').replace(/\n\s*\n/g, '\n');
    return safe.includes('"') && !safe.includes("'") ? ` '${safe}'` : ` "${safe.replace(/"/g, '\\"')}"`;
  }

  // --- Inline content: tokens to Markdown ---

  /** Move white space out of emphasis and links, drop empty emphasis, join runs that touch. */
  function tidy(tokens) {
    const out = [];
    for (const token of splitGaps(tokens)) {
      const last = out[out.length - 1];
      if (token.k === CLOSE) {
        const gaps = [];
        while (out.length && (out[out.length - 1].k === GAP || out[out.length - 1].k === BREAK)) gaps.unshift(out.pop());
        const before = out[out.length - 1];
        if (before && before.k === OPEN && before.s === token.s) out.pop();
        else out.push(token);
        out.push(...gaps);
      } else if (token.k === OPEN && !token.link && last && last.k === CLOSE && last.s === token.s) {
        out.pop();
      } else if (token.k === OPEN && token.styled && joinsAcrossGap(out, token)) {
        out.splice(out.length - 2, 1);
      } else {
        out.push(token);
      }
    }
    return hoistLeadingGaps(out);
  }

  function joinsAcrossGap(out, token) {
    const gap = out[out.length - 1], close = out[out.length - 2];
    return gap !== undefined && gap.k === GAP && close !== undefined && close.k === CLOSE && close.styled && close.s === token.s;
  }

  function splitGaps(tokens) {
    const out = [];
    for (const token of tokens) {
      if (token.k !== TEXT) {
        out.push(token);
        continue;
      }
      const text = token.s;
      let start = 0, end = text.length;
      while (start < end && SPACE.test(text[start])) start++;
      while (end > start && SPACE.test(text[end - 1])) end--;
      if (start > 0) out.push({ k: GAP, s: text.slice(0, start) });
      if (end > start) out.push({ k: TEXT, s: text.slice(start, end) });
      if (end < text.length) out.push({ k: GAP, s: text.slice(end) });
    }
    return out;
  }

  function hoistLeadingGaps(tokens) {
    const out = [];
    for (let i = tokens.length - 1; i >= 0; i--) {
      const token = tokens[i], gaps = [];
      if (token.k === OPEN) {
        while (out.length && (out[out.length - 1].k === GAP || out[out.length - 1].k === BREAK)) gaps.unshift(out.pop());
      }
      out.push(token, ...gaps);
    }
    return out.reverse();
  }

  const squeeze = (gap) => (gap.includes('\n') ? '\n' : ' ');

  /** White space as the page shows it: one space or line end between words, none at the edges or around breaks. */
  function collapse(tokens) {
    const out = [];
    let spaced = true;
    for (const token of tokens) {
      if (token.k === GAP) {
        if (!spaced) out.push({ k: TEXT, s: squeeze(token.s), gap: true });
        spaced = true;
      } else if (token.k === BREAK) {
        while (out.length && out[out.length - 1].gap) out.pop();
        if (out.length && out[out.length - 1].k === BREAK) out[out.length - 1].isDouble = true;
        else if (out.length) out.push(token);
        spaced = true;
      } else {
        if (token.k === TEXT) token.s = token.s.replace(/[ \t\r\n\f]+/g, squeeze);
        out.push(token);
        if (token.k === TEXT || token.k === ATOM) spaced = false;
      }
    }
    while (out.length && (out[out.length - 1].gap || out[out.length - 1].k === BREAK)) out.pop();
    return out;
  }

  /** Choose each delimiter: `*`, or `_` inside `*` and where strong text is emphasized as a whole. */
  function chooseDelimiters(tokens) {
    const open = [];
    tokens.forEach((token, i) => {
      if (token.k === OPEN) {
        token.at = i;
        token.outer = open.length ? open[open.length - 1] : null;
        open.push(token);
      } else if (token.k === CLOSE && open.length) {
        token.opener = open.pop();
        token.opener.end = i;
      }
    });
    for (const token of tokens) {
      if (token.k === OPEN && !token.link) token.mark = delimiterFor(token, tokens);
    }
    for (const token of tokens) {
      if (token.k === CLOSE && !token.link) token.mark = token.opener.mark;
    }
  }

  function delimiterFor(token, tokens) {
    const outer = token.outer && token.outer.link ? token.outer.outer : token.outer;
    if (!outer || token.s === '~~' || !outer.mark || outer.mark[0] !== '*') return token.s;
    const fills = tokens[token.at - 1] === outer && token.end + 1 === outer.end;
    const isSame = outer.s === token.s;
    if (isSame && fills && token.s !== '*') return outer.mark;
    return isSame || (fills && token.s === '*') ? token.s.replace(/\*/g, '_') : token.s;
  }

  /** Inline Markdown of one paragraph with its mark; {single} keeps it on one line, {cell} escapes pipes as well. */
  function renderInline(raw, { single = false, cell = false } = {}) {
    const tokens = collapse(tidy(raw));
    if (!tokens.length) return '';
    chooseDelimiters(tokens);
    const pieces = tokens.map((token) => pieceOf(token, single));
    let depth = 0;
    tokens.forEach((token, i) => {
      if (token.k === CLOSE) depth--;
      pieces[i].depth = depth;
      if (token.k === OPEN) depth++;
      if (token.k === OPEN && token.link) pieces[i].linkLength = lengthOf(pieces, i, token.end);
      if (token.k === OPEN && token.link) for (let j = i; j < token.end; j++) pieces[j].inLink = true;
      if (token.k === OPEN && token.unbalanced) for (let j = i; j < token.end; j++) pieces[j].brackets = true;
    });
    if (!single) markRelease(pieces);
    let text = escapePieces(pieces);
    if (cell) text = text.replace(/\|/g, '\\|');
    return single ? entityEdges(text) : escapeLineStarts(entityEdges(text));
  }

  function lengthOf(pieces, first, last) {
    let length = 0;
    for (let i = first; i <= last; i++) length += pieces[i].s.length;
    return length;
  }

  function pieceOf(token, single) {
    if (token.k === TEXT) return { s: single ? token.s.replace(/\n/g, ' ') : token.s, text: true };
    if (token.k === BREAK) return { s: single ? '<br>' : token.isDouble ? '\n\n' : '  \n', text: false };
    return { s: token.mark || token.s, text: false, isLink: token.link && token.k === OPEN, math: token.math, code: token.code };
  }

  /** White space that a parser would trim from a paragraph's edges is written as entities. */
  function entityEdges(text) {
    const encode = (run) => Array.from(run, (c) => (c === '\u00a0' ? '&nbsp;' : `&#${c.codePointAt(0)};`)).join('');
    const trailing = /[\u00a0\u2000-\u200a\u202f\u205f\u3000]+$/, leading = /^([\0-\2]?)([\u00a0\u2000-\u200a\u202f\u205f\u3000]+)/;
    return text.replace(leading, (_, mark, run) => mark + encode(run)).replace(trailing, encode);
  }

  function escapePieces(pieces) {
    const full = pieces.map((piece) => piece.s).join('');
    const counts = { '`': 0, runs: [] };
    const math = pieces.some((piece) => piece.math);
    let at = 0;
    for (const piece of pieces) {
      piece.at = at;
      at += piece.s.length;
      if (piece.code) counts['`']++;
      if (!piece.text && /[*_~]/.test(piece.s[0])) counts.runs.push({ c: piece.s[0], at: piece.at, opens: true, closes: true });
      if (!piece.text) continue;
      for (const run of piece.s.matchAll(/\*+|_+|~+|`+/g)) {
        if (run[0][0] === '`') counts['`']++;
        else counts.runs.push({ c: run[0][0], at: piece.at + run.index, ...flanks(full, piece.at + run.index, run[0]) });
      }
    }
    return pieces.map((piece, i) => (piece.text ? escapeText(piece, full, counts, math, pieces[i + 1]) : piece.s)).join('');
  }

  /** Whether a run of `*`, `_` or `~` at a place could open or close emphasis (CommonMark 6.2). */
  function flanks(full, at, run) {
    if (run[0] === '~' && run.length > 2) return { opens: false, closes: false };
    const before = full[at - 1] || ' ', after = full[at + run.length] || ' ';
    const isLoose = run[0] !== '_' || !(WORD.test(before) && WORD.test(after));
    return { opens: isLoose && !SPACE.test(after), closes: isLoose && !SPACE.test(before) };
  }

  /** Whether a run of a text would meet its match somewhere in the paragraph, and turn into emphasis. */
  function meetsMatch(runs, c, at) {
    const run = runs.find((one) => one.at === at && one.c === c);
    return runs.some((other) => other.c === c &&
      ((run.opens && other.closes && other.at > at) || (run.closes && other.opens && other.at < at)));
  }

  const SPECIAL = /\\|\*+|_+|~+|`+|[[\]<&$!]/g;

  function escapeText(piece, full, counts, math, next) {
    return piece.s.replace(SPECIAL, (run, offset) => {
      const at = piece.at + offset, after = full[at + run.length];
      if (!mustEscape(run, at, after, full, counts, math, piece, next, offset)) return run;
      return run === ']' && piece.inLink ? '&#93;' : run.replace(/./g, '\\$&');
    });
  }

  function mustEscape(run, at, after, full, counts, math, piece, next, offset) {
    switch (run[0]) {
      case '\\': return after === undefined || /[!-\/:-@[-`{-~\n]/.test(after);
      case '`': return counts['`'] > 1;
      case '*': case '_': case '~': return meetsMatch(counts.runs, run[0], at);
      case '[': return piece.brackets === true;
      case ']': return piece.brackets === true || after === '(';
      case '<': return after !== undefined && /[A-Za-z\/!?]/.test(after);
      case '&': return isEntity(full.slice(at, at + 40));
      case '$': return math && after !== undefined && !SPACE.test(after);
      default: return offset === piece.s.length - 1 && next !== undefined && next.isLink === true;
    }
  }

  /** Whether a text begins with a reference to a character, by HTML's own list. */
  function isEntity(text) {
    const found = /^&(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});/.exec(text);
    if (!found) return false;
    const holder = document.createElement('textarea');
    holder.innerHTML = found[0];
    return holder.value !== found[0];
  }

  function escapeLineStarts(text) {
    if (!/(^|\n)[\0-\2]*[-+#>=:|\d*_~`[]/.test(text)) return text;
    return text.split('\n').map(escapeLineStart).join('\n');
  }

  function escapeLineStart(line, index) {
    const [, mark, marked] = /^([\0-\2]*)([^]*)$/.exec(line);
    const rest = marked.replace(/[\0-\2]/g, '');
    const numbered = /^(\d{1,9})[.)](?=[ \t]|$)/.exec(rest);
    if (numbered && (index === 0 || numbered[1] === '1')) return `${mark}${numbered[1]}\\${marked.slice(numbered[1].length)}`;
    const starts = /^([-+*](?=[ \t]|$)|#{1,6}(?=[ \t]|$)|>|`{3,}[^`]*$|~{3,})/.test(rest) ||
      /^([-*_])[ \t]*(\1[ \t]*){2,}$/.test(rest) || /^\[[^\]]+\]:/.test(rest) ||
      (index > 0 && (/^(=+|-+)[ \t]*$/.test(rest) || /^\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-*:?[ \t]*)*$/.test(rest)));
    // Not every renderer knows a backslash before these two.
    if (starts && /^[~=]/.test(rest)) return `${mark}&#${rest.charCodeAt(0)};${marked.slice(1)}`;
    return starts ? `${mark}\\${marked}` : line;
  }

  // --- What may be sent before the paragraph is complete ---

  /** Put one mark into the pieces of a paragraph: after the last word that later text can't turn into markup. */
  function markRelease(pieces) {
    const full = pieces.map((piece) => piece.s).join('');
    pinReference(pieces);
    let at = 0, index = 0, offset = 0, i = 0;
    for (; i < pieces.length; i++) {
      const piece = pieces[i];
      // While definitions of reference links stream in, a paragraph above them changes: text after a link confirms it.
      if (piece.isLink && full.length - at - piece.linkLength < 80) break;
      if (piece.depth === 0 && piece.text) {
        const end = firstHazard(piece.s, full, at);
        const cut = lastWordEnd(piece.s.slice(0, end), end < piece.s.length);
        if (cut >= 0) [index, offset] = [i, cut];
        if (end < piece.s.length) break;
      }
      at += piece.s.length;
    }
    if (index === 0 && offset === 0) pieces[0].s = `${HELD}${pieces[0].s}`;
    else pieces[index].s = `${pieces[index].s.slice(0, offset)}${RELEASED}${pieces[index].s.slice(offset)}`;
  }

  /** How much of a text is whole words: up to the last white space, or the last but one sign of scripts without any. */
  function lastWordEnd(text, isCut) {
    for (let i = text.length - (isCut ? 0 : 1); i > 0; i--) {
      if (SPACE.test(text[i] || '') || (WORD_END.test(text[i - 1]) && !SPACE.test(text[i - 1]))) return i;
    }
    return text.length && SPACE.test(text[0]) ? 0 : -1;
  }

  const WORDS_IN_BRACKETS = /(?<!\\)\[[^[\]\n]+\](?![(:])/;
  const HAZARD = /[*_`[<$~(|!\u3010\ue200-\ue20f]/g;

  /** The place in a text from which more text could still change how it is read, or its length. */
  function firstHazard(text, full, base) {
    for (const found of text.matchAll(HAZARD)) {
      const i = found.index;
      if (!isHazard(found[0], full, base + i)) continue;
      return found[0] === '|' ? text.lastIndexOf('\n', i) + 1 : i;
    }
    return text.length;
  }

  function isHazard(c, full, at) {
    const before = full[at - 1] || ' ', after = full[at + 1];
    switch (c) {
      case '*': return after === undefined || !SPACE.test(after);
      case '_': return !WORD.test(before) && (after === undefined || !SPACE.test(after));
      case '[': return !/^\[([\d, ]*|.)\][^([:]/u.test(full.slice(at, at + 200)); // a note's number; words may be a reference
      case '<': return after === undefined || /[A-Za-z\/!?]/.test(after);
      case '$': return after === '$' || (after !== undefined && !SPACE.test(after) && full.length - at < 80);
      case '~': return after === '~' || before === '~';
      case '(': return full.length - at < 80 && full.indexOf(')', at) < 0;
      case '!': return after === '[';
      default: return true;
    }
  }

  /**
   * `[text][name]` shown as text waits for a definition that may stand at the very end; the ticks of a fence shown as text,
   * for the fence that ends it: some renderers show no code block before.
   */
  function pinReference(pieces) {
    for (const piece of pieces) {
      if (!piece.text || piece.depth > 0) continue;
      const found = /\[(?!\d+\]\[\d)[^[\]]+\]\[[^[\]]*\]|(?<=^|\n) {0,3}(`{3}|~{3})/.exec(piece.s);
      if (found) return void (piece.s = `${piece.s.slice(0, found.index)}${PINNED}${piece.s.slice(found.index)}`);
    }
  }

  /** Split a marked text into the text itself and how many UTF-16 units of it may be sent. */
  function settle(marked) {
    let cut = Math.max(marked.lastIndexOf(RELEASED), marked.lastIndexOf(HELD), 0);
    if (marked[cut] === HELD) {
      const line = marked.lastIndexOf('\n', cut);
      cut = line < 0 ? 0 : marked.slice(0, line).replace(/[\s>\0-\2]+$/, '').length;
    }
    const pin = marked.indexOf(PINNED);
    if (pin >= 0) cut = Math.min(cut, pin);
    const clean = (text) => text.replace(/[\0-\2]/g, '');
    return { markdown: clean(marked), stable: clean(marked.slice(0, cut)).length };
  }

  // --- Blocks ---

  function flush(sink) {
    if (!sink.tokens.length) return;
    const text = renderInline(sink.tokens);
    sink.tokens.length = 0;
    if (!text) return;
    sink.blocks.push({ kind: 'paragraph', text });
    label = '';
  }

  /**
   * Read a block of the answer's top level, or take what it was in the previous snapshot: with each token only the last
   * block changes. Blocks whose text is not all in their HTML are read anew.
   */
  function readBlock(el, sink) {
    if (!sink.remembered || !REMEMBERED_TAGS.has(el.localName)) return readNewBlock(el, sink);
    flush(sink);
    const source = el.outerHTML, before = sink.blocks[sink.blocks.length - 1];
    if (/<[a-z]+-|<slot|type="checkbox"/.test(source) || (cursorNode && el.contains(cursorNode))) return readNewBlock(el, sink);
    const context = `${root.className}|${el.parentElement ? el.parentElement.className : ''}|${label}`;
    const key = `${context}|${before && before.kind === 'list' ? `${before.ordered}${before.sign}` : ''}|${source}`;
    let blocks = sink.remembered.get(key);
    if (blocks === undefined) {
      const first = sink.blocks.length, thoughtsBefore = thoughts && thoughts.length;
      if (!readNewBlock(el, sink)) return false;
      blocks = sink.blocks.slice(first);
      if (thoughts && thoughts.length > thoughtsBefore) return true;
    } else {
      sink.blocks.push(...blocks);
      label = '';
    }
    sink.noted.set(key, blocks);
    return true;
  }

  /** Read an element as a block where it is one; false where it belongs into the current paragraph. */
  function readNewBlock(el, sink) {
    const tag = el.localName;
    const reader = BLOCK_READERS[tag];
    if (reader) return finishBlock(reader(el, sink), sink);
    if (/^h[1-6]$/.test(tag) || el.getAttribute('role') === 'heading') return finishBlock(() => [headingBlock(el, tag)], sink);
    if (isCodeBlock(el)) return finishBlock(() => [codeBlock(el)], sink);
    if (!isBlock(el)) return false;
    if (isCodeToolbar(el)) return true;
    if (el.matches('.footnotes, [data-footnotes]')) return finishBlock(() => footnoteBlocks(el), sink);
    if (tag === 'div' && el.textContent.includes('\n') && isVerbatim(el)) return finishBlock(() => [verbatimBlock(el)], sink);
    flush(sink);
    readAll(el, sink);
    flush(sink);
    return true;
  }

  function finishBlock(make, sink) {
    flush(sink);
    const blocks = make().filter(Boolean);
    sink.blocks.push(...blocks);
    if (blocks.length && label) label = '';
    return true;
  }

  const BLOCK_READERS = {
    pre: (el) => () => [codeBlock(el)],
    hr: (el, sink) => () => /footnotes?-sep/.test(el.className) ? [] : [{ kind: 'rule', text: `${HELD}${sink.item ? '___' : '---'}` }],
    ul: (el, sink) => () => [listBlock(el, sink)],
    ol: (el, sink) => () => [listBlock(el, sink)],
    menu: (el, sink) => () => [listBlock(el, sink)],
    blockquote: (el) => () => [quoteBlock(el)],
    table: (el) => () => [tableBlock(el)],
    details: (el) => () => detailsBlocks(el),
  };

  function blocksOf(nodes, item) {
    const sink = { tokens: [], blocks: [], inline: false, item: item || null };
    for (const node of nodes) read(node, sink);
    flush(sink);
    return sink.blocks;
  }

  /** Join blocks; in a tight list item only where Markdown needs it does an empty line stand between them. */
  function join(blocks, tight) {
    return blocks.map((block, i) => (i ? (tight && isTightPair(blocks[i - 1], block) ? '\n' : '\n\n') : '') + block.text).join('');
  }

  function isTightPair(before, block) {
    if (block.kind === 'list') return before.kind !== 'paragraph' || block.interrupts;
    if (block.kind === 'paragraph') return before.kind === 'code' || before.kind === 'heading' || before.kind === 'rule';
    return block.kind === 'code' || block.kind === 'heading' || (block.kind === 'quote' && before.kind !== 'quote');
  }

  function headingBlock(el, tag) {
    const level = tag[0] === 'h' ? Number(tag[1]) : Math.min(6, Number(el.getAttribute('aria-level')) || 2);
    const text = inlineText(el).replace(/(^|\s)(#*)#$/, '$1$2&#35;');
    return { kind: 'heading', text: `${HELD}${'#'.repeat(level)}${text && ' '}${text}` };
  }

  function quoteBlock(el) {
    const inner = join(blocksOf(children(el)), false);
    return { kind: 'quote', text: `> ${inner || HELD}`.replace(/\n/g, '\n> ').replace(/^> ([\0-\2]?)$/gm, '>$1') };
  }

  function detailsBlocks(el) {
    const summary = Array.from(children(el)).find((one) => one.localName === 'summary');
    const rest = blocksOf(Array.from(children(el)).filter((one) => one !== summary));
    const head = summary ? `\n<summary>${inlineText(summary)}</summary>` : '';
    return [{ kind: 'html', text: `${HELD}<details>${head}` }, ...rest, { kind: 'html', text: `${HELD}</details>` }];
  }

  function footnoteBlocks(el) {
    return Array.from(el.querySelectorAll('li[id]'), (li) => ({
      kind: 'footnote', text: `[^${footnoteName(li.id)}]: ${indent(join(blocksOf(children(li)), false), '    ')}`,
    }));
  }

  function indent(text, pad) {
    return text.replace(/\n(?![\0-\2]?(\n|$))/g, `\n${pad}`);
  }

  function listBlock(el, sink) {
    const ordered = el.localName === 'ol', before = sink.blocks[sink.blocks.length - 1];
    const follows = before && before.kind === 'list' && before.ordered === ordered && before.sign;
    const sign = ordered ? (follows === '.' ? ')' : '.') : (follows === '-' ? '*' : '-');
    const items = listItems(el);
    if (!items.length) return null;
    const isLoose = items.some((item) => item.loose) && (items.length > 1 || items[0].blocks.length > 1);
    // CommonMark makes all items of a list loose or none; some renderers decide for each item.
    const isOpen = (item) => item.loose || !item.blocks.length;
    const isMixed = isLoose && !items.every(isOpen) && items.some((item, i) =>
      item.loose && (item.blocks.length > 1 || (i > 0 && isOpen(items[i - 1])) || (i + 1 < items.length && isOpen(items[i + 1]))));
    let number = ordered ? Number(el.getAttribute('start') ?? 1) : 0;
    const first = number;
    const texts = items.map((item) => {
      if (item.value !== null) number = item.value;
      const marker = ordered ? `${number++}${sign} ` : `${sign} `;
      return itemText(item, marker, isLoose && (item.loose || !isMixed));
    });
    const between = (i) => (isLoose && (!isMixed || (isOpen(items[i - 1]) && isOpen(items[i]))) ? '\n\n' : '\n');
    return {
      kind: 'list', ordered, sign, text: texts.map((text, i) => (i ? between(i) : '') + text).join(''),
      interrupts: (!ordered || first === 1) && items[0].blocks.length > 0,
    };
  }

  function listItems(el) {
    const items = [];
    for (const child of children(el)) {
      if (child.nodeType !== 1) continue;
      if (!/^(li|ul|ol)$/.test(child.localName) && (child.localName === 'slot' || child.querySelector(':scope > li'))) {
        items.push(...listItems(child));
      } else if (!isDropped(child)) {
        const isNested = /^[uo]l$/.test(child.localName) && items.length > 0;
        if (isNested) items[items.length - 1].blocks.push(...blocksOf([child]));
        else if (child.localName === 'li' || child.textContent.trim()) items.push(itemOf(child));
      }
    }
    return items;
  }

  function itemOf(el) {
    const item = { checked: null, loose: false, value: null, blocks: [] };
    if (el.localName === 'li' && el.hasAttribute('value')) item.value = el.value;
    item.loose = Array.from(children(el)).some((child) => child.localName === 'p');
    item.blocks = blocksOf(el.localName === 'li' ? children(el) : [el], item);
    return item;
  }

  function itemText(item, marker, isLoose) {
    const box = item.checked === null ? '' : item.checked ? '[x] ' : '[ ] ';
    if (!item.blocks.length) return `${HELD}${marker}${box}`.trimEnd();
    if (!isLoose) return marker + box + indent(join(item.blocks, true), ' '.repeat(marker.length));
    return marker + box + indent(join(item.blocks, false), ' '.repeat(marker.length));
  }

  function tableBlock(el) {
    const rows = Array.from(el.querySelectorAll('tr')).filter((row) => row.closest('table') === el && !isDropped(row));
    const cells = rows.map((row) => Array.from(row.children).filter((cell) => /^t[hd]$/.test(cell.localName)));
    if (!rows.length) return null;
    const width = Math.max(...cells.map((row) => row.reduce((sum, cell) => sum + cell.colSpan, 0)));
    const line = (row) => `| ${row.concat(Array(Math.max(0, width - row.length)).fill('')).join(' | ')} |`;
    const texts = cells.map((row) => line(row.flatMap((cell) => [cellText(cell), ...Array(cell.colSpan - 1).fill('')])));
    const rule = line(Array.from({ length: width }, (_, i) => alignment(cells[0][i])));
    const lines = [texts[0], rule, ...texts.slice(1)];
    if (rows.length < 2) return { kind: 'table', text: HELD + lines.join('\n') };
    return { kind: 'table', text: `${lines.slice(0, -1).join('\n')}${RELEASED}\n${lines[lines.length - 1]}` };
  }

  function cellText(cell) {
    const sink = { tokens: [], blocks: [], inline: true, heading: cell.localName === 'th', cell: true };
    readAll(cell, sink);
    return renderInline(sink.tokens, { single: true, cell: true }).replace(/[\0-\2]/g, '');
  }

  function alignment(cell) {
    const where = cell ? cell.style.textAlign || cell.getAttribute('align') || '' : '';
    return { left: ':---', center: ':---:', right: '---:' }[where] || '---';
  }

  // --- The whole ---

  /** A page that shows Markdown as plain text: its text is the Markdown. */
  function isVerbatim(el) {
    if (el.localName === 'pre') return !el.querySelector('code');
    return /^(pre|break)/.test(getComputedStyle(el).whiteSpace) && !el.shadowRoot && !el.querySelector(':not(span):not(br)');
  }

  function verbatimBlock(el) {
    const text = codeText(el).replace(/^\n+|\s+$/g, '');
    return text ? { kind: 'verbatim', text: text + RELEASED } : null;
  }

  function serialize(el) {
    if (isVerbatim(el)) return join([verbatimBlock(el)].filter(Boolean), false);
    const tag = el.localName;
    if (tag === 'details') return join(blocksOf(Array.from(children(el)).filter((one) => one.localName !== 'summary')), false);
    const isContainer = BLOCK_TAGS.has(tag) || tag === 'li' || tag === 'span' || tag.includes('-');
    return join(topBlocksOf(el, isContainer ? children(el) : [el]), false);
  }

  /**
   * A last paragraph that may become the definition of a link vanishes then, and words in brackets before it turn into
   * links: they wait for it.
   */
  function pinBeforeDefinition(blocks) {
    const last = blocks[blocks.length - 1];
    if (!last || last.kind !== 'paragraph') return blocks;
    if (!/^\\?\[[^\]\n]*(\](:.*)?)?$/.test(last.text.replace(/[\0-\2]/g, ''))) return blocks;
    const first = blocks.findIndex((block) => block !== last && WORDS_IN_BRACKETS.test(block.text));
    if (first < 0) return blocks;
    const text = blocks[first].text.replace(WORDS_IN_BRACKETS, `${PINNED}$&`);
    return blocks.map((block, i) => (i === first ? { ...block, text } : block));
  }

  function topBlocksOf(el, nodes) {
    const memory = parleyDomToMarkdown.memory || (parleyDomToMarkdown.memory = new WeakMap());
    const key = JSON.stringify([exclude, thoughts ? thinking : null]), old = memory.get(el);
    const remembered = old && old.key === key ? old.noted : new Map();
    const sink = { tokens: [], blocks: [], inline: false, item: null, remembered, noted: new Map() };
    for (const node of nodes) read(node, sink);
    flush(sink);
    memory.set(el, { key, noted: sink.noted });
    return pinBeforeDefinition(sink.blocks);
  }

  thoughts = [];
  if (cursor) cursorNode = findCursor(root) || null;
  thoughts = [];
  const answer = settle(serialize(root));
  const found = thoughts;
  thoughts = null;
  const reasoning = settle(found.map(serialize).filter((text) => text.replace(/[\0-\2]/g, '')).join('\n\n'));
  return { ...answer, thinking: reasoning.markdown, thinkingStable: reasoning.stable };
}
