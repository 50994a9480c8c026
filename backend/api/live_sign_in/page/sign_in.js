// Starts the sign-in that this page's address names, or joins the one that goes on, and leads to its live view.
"use strict";

const $ = (id) => document.getElementById(id);
const [slug, account] = location.pathname.split("/").slice(2);
const path = `/api/endpoints/${slug}/accounts/${account}/sign-in`;
$("account").textContent = `${decodeURIComponent(slug)} / ${decodeURIComponent(account)}`;

const post = async (where, body) => {
  const headers = { "content-type": "application/json" };
  if ($("key").value) headers.authorization = `Bearer ${$("key").value}`;
  const answer = await fetch(where, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: answer.status, document: await answer.json() };
};

const begin = async () => {
  const started = await post(path, { mode: "interactive" });
  if (started.status === 201) return started.document.live;
  const linked = started.document.error.code === "sign_in_running" ? await post(`${path}/link`, {}) : started;
  if (linked.status === 200) return linked.document;
  if (linked.status === 401) $("key-row").hidden = false;
  throw new Error(linked.document.error.message);
};

$("form").onsubmit = async (event) => {
  event.preventDefault();
  $("go").disabled = true;
  $("problem").hidden = true;
  try {
    location.assign((await begin()).path);
  } catch (problem) {
    $("problem").textContent = problem.message;
    $("problem").hidden = false;
  }
  $("go").disabled = false;
};
