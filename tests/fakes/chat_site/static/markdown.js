// Markdown to HTML, as little as the site's answers need: headings, paragraphs, lists, tables, fences, inline marks.

const escapeHtml = (text) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

function inline(text) {
  return text
    .split(/(`[^`]+`)/)
    .map((part) =>
      part.length > 2 && part.startsWith("`") && part.endsWith("`")
        ? `<code>${escapeHtml(part.slice(1, -1))}</code>`
        : escapeHtml(part)
            .replace(/\*\*(.+?)\*\*/g, "<strong>$1</strong>")
            .replace(/\*(.+?)\*/g, "<em>$1</em>")
            .replace(/\[([^\]]+)\]\(([^)\s]+)\)/g, '<a href="$2">$1</a>'),
    )
    .join("");
}

const cells = (line) => line.replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());

function row(line, tag) {
  return `<tr>${cells(line).map((cell) => `<${tag}>${inline(cell)}</${tag}>`).join("")}</tr>`;
}

function list(lines, tag, mark) {
  return `<${tag}>${lines.map((line) => `<li>${inline(line.replace(mark, ""))}</li>`).join("")}</${tag}>`;
}

// Each kind of block: the pattern of its first line, that of the lines that go on, and how it is drawn.
const BLOCKS = [
  [/^#{1,6} /, null, ([line]) => {
    const level = line.indexOf(" ");
    return `<h${level}>${inline(line.slice(level + 1))}</h${level}>`;
  }],
  [/^[-*] /, /^[-*] /, (lines) => list(lines, "ul", /^[-*] /)],
  [/^\d+\. /, /^\d+\. /, (lines) => list(lines, "ol", /^\d+\. /)],
  [/^\|/, /^\|/, ([head, , ...rows]) =>
    `<table><thead>${row(head, "th")}</thead><tbody>${rows.map((line) => row(line, "td")).join("")}</tbody></table>`],
  [/^./, /^(?![#|]|```|[-*] |\d+\. )./, (lines) => `<p>${inline(lines.join("\n"))}</p>`],
];

function codeBlock(lines) {
  const language = lines[0].slice(3).trim();
  const closed = lines.length > 1 && lines.at(-1) === "```";
  const code = lines.slice(1, closed ? -1 : undefined).join("\n") + "\n";
  const mark = language && ` class="language-${escapeHtml(language)}"`;
  return (
    `<div class="code-block"><div class="code-bar"><span>${escapeHtml(language)}</span><button type="button">Copy` +
    `</button></div><pre><code${mark}>${escapeHtml(code)}</code></pre></div>`
  );
}

export function markdownToHtml(text) {
  const lines = text.split("\n");
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    const start = at++;
    if (lines[start].startsWith("```")) {
      while (at < lines.length && lines[at] !== "```") at++;
      if (at < lines.length) at++;
      blocks.push(codeBlock(lines.slice(start, at)));
      continue;
    }
    const kind = BLOCKS.find(([first]) => first.test(lines[start]));
    if (!kind) continue;
    while (kind[1] && at < lines.length && kind[1].test(lines[at])) at++;
    blocks.push(kind[2](lines.slice(start, at)));
  }
  return blocks.join("");
}
