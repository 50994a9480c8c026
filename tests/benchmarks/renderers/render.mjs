// Renders Markdown as chat pages do. One JSON request a line on stdin, one JSON reply a line on stdout:
// {renderer, profile: "plain"|"chat"|"growing", documents: [markdown]} -> [html]; {renderer: "turndown", documents: [html]} -> [markdown].
import { createInterface } from 'node:readline';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { createMathPlugin } from '@streamdown/math';
import MarkdownIt from 'markdown-it';
import footnotes from 'markdown-it-footnote';
import taskLists from 'markdown-it-task-lists';
import texmath from 'markdown-it-texmath';
import katex from 'katex';
import { Marked } from 'marked';
import markedFootnote from 'marked-footnote';
import markedKatex from 'marked-katex-extension';
import ReactMarkdown from 'react-markdown';
import rehypeKatex from 'rehype-katex';
import remarkGfm from 'remark-gfm';
import remarkMath from 'remark-math';
import { Streamdown } from 'streamdown';
import TurndownService from 'turndown';
import { gfm } from 'turndown-plugin-gfm';

// Half-typed formulas and pictures make them warn with each token.
console.warn = console.error = () => {};

const plainMarkdownIt = new MarkdownIt('commonmark');
const chatMarkdownIt = new MarkdownIt({ linkify: true })
  .use(footnotes).use(taskLists).use(texmath, { engine: katex, delimiters: 'dollars' });
const plainMarked = new Marked();
const react = (markdown, properties) => renderToStaticMarkup(createElement(ReactMarkdown, properties, markdown));
const chatReact = { remarkPlugins: [remarkGfm, remarkMath], rehypePlugins: [rehypeKatex] };
const streamdownMath = { math: createMathPlugin({ singleDollarTextMath: true }) };
// With its question before each link Streamdown puts buttons into the page, which keep no address.
const streamdownLinks = { linkSafety: { enabled: false } };
const streamdown = (markdown, properties) => renderToStaticMarkup(createElement(Streamdown, properties, markdown));

function chatMarked(markdown) {
  // Footnotes are state of the instance, which would run over into the next document.
  return new Marked(markedKatex({ throwOnError: false, nonStandard: true }), markedFootnote()).parse(markdown);
}

function turndown(html) {
  const service = new TurndownService({ headingStyle: 'atx', codeBlockStyle: 'fenced' });
  service.use(gfm);
  return service.turndown(html);
}

const RENDERERS = {
  'markdown-it': { plain: (text) => plainMarkdownIt.render(text), chat: (text) => chatMarkdownIt.render(text) },
  marked: { plain: (text) => plainMarked.parse(text), chat: chatMarked },
  'react-markdown': { plain: (text) => react(text, { remarkPlugins: [remarkGfm] }), chat: (text) => react(text, chatReact) },
  streamdown: {
    plain: (text) => streamdown(text, { ...streamdownLinks, mode: 'static' }),
    chat: (text) => streamdown(text, { ...streamdownLinks, plugins: streamdownMath, mode: 'static' }),
    growing: (text) => streamdown(text, { ...streamdownLinks, plugins: streamdownMath }),
  },
  turndown: { plain: turndown, chat: turndown },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { renderer, profile, documents } = JSON.parse(line);
  const ways = RENDERERS[renderer];
  process.stdout.write(`${JSON.stringify(documents.map((one) => (ways[profile] || ways.chat)(one)))}\n`);
}
