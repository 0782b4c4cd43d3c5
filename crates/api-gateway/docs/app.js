// The API to read and to try. Everything comes from /openapi.json of the same gateway; nothing is loaded from elsewhere.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete", "head", "options"];
const SHOWN = 200000; // Characters of an answer that are shown; a browser draws more only slowly.
const KEY = "homeport.authorization";
const at = (id) => document.getElementById(id);
let api = null;

// Elements are made from texts, never from markup: descriptions come from plugins, too.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

// `code` in a text, and nothing else of Markdown.
function text(markdown) {
  return String(markdown ?? "").split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));
}

function say(words, bad = false) {
  at("message").replaceChildren(words);
  at("message").className = bad ? "bad" : "";
}

const authorization = () => sessionStorage.getItem(KEY);
const headers = (more = {}) => ({ ...(authorization() ? { Authorization: authorization() } : {}), ...more });

async function signIn(event) {
  event.preventDefault();
  const [username, password] = [at("name").value, at("password").value];
  let credential = `Bearer ${password}`;
  if (username) {
    const answer = await fetch("auth/login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ username, password }),
    });
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok || !body.token) return say(body.details || body.message || `Signing in failed (${answer.status}).`, true);
    credential = `Bearer ${body.token}`;
  }
  // Of this tab alone, and gone with it.
  sessionStorage.setItem(KEY, credential);
  at("password").value = "";
  await load();
}

function signOut() {
  sessionStorage.removeItem(KEY);
  location.reload();
}

async function load() {
  const answer = await fetch("openapi.json", { headers: headers() });
  if (!answer.ok) {
    const again = answer.status === 401 || answer.status === 403;
    if (authorization()) say(again ? "This credential is not good for /openapi.json." : `The gateway answers ${answer.status}.`, true);
    sessionStorage.removeItem(KEY);
    return;
  }
  api = await answer.json();
  at("version").textContent = api.info.version;
  at("sign-in").hidden = true;
  at("sign-out").hidden = at("search").hidden = false;
  say(api.info.description);
  draw();
}

function operations() {
  return Object.entries(api.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({
      path,
      method,
      operation: item[method],
      parameters: [...(item.parameters || []), ...(item[method].parameters || [])].map(resolve),
    })));
}

function draw() {
  const wanted = at("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = ({ path, method, operation }) => {
    const all = `${method} ${path} ${operation.summary || ""} ${operation.description || ""}`.toLowerCase();
    return wanted.every((word) => all.includes(word));
  };
  const found = operations().filter(fits);
  const sections = (api.tags || []).map((tag) => {
    const members = found.filter(({ operation }) => (operation.tags || [])[0] === tag.name);
    if (!members.length) return null;
    return make("section", {}, make("h2", {}, tag.name, " ", make("small", {}, ...text(tag.description))), ...members.map(card));
  });
  at("operations").replaceChildren(...sections.filter(Boolean));
  if (!found.length) at("operations").replaceChildren(make("p", {}, "Nothing has all of these words."));
}

function card(entry) {
  const { path, method, operation } = entry;
  const open = operation.security && !operation.security.length;
  const body = make("div");
  const details = make("details", { id: operation.operationId }, make("summary", {},
    make("span", { class: `method ${method}` }, method.toUpperCase()),
    make("code", {}, path),
    make("span", { class: "soft" }, ...text(operation.summary)),
    open ? make("span", { class: "open", title: "needs no credential" }, "open") : null), body);
  // Built when it is looked at: there are hundreds.
  details.addEventListener("toggle", () => {
    if (details.open && !body.childNodes.length) body.append(...content(entry));
  });
  return details;
}

function content(entry) {
  const { operation, parameters } = entry;
  const inputs = new Map(parameters.map((parameter) => [parameter, make("input", { "aria-label": parameter.name, required: Boolean(parameter.required) })]));
  const json = operation.requestBody && resolve(operation.requestBody).content?.["application/json"];
  const area = json && make("textarea", { "aria-label": "Body", spellcheck: "false" }, pretty(example(json)));
  const result = make("div", { "aria-live": "polite" });
  const stop = make("button", { type: "button", hidden: true }, "Stop");
  const form = make("form", { onsubmit: (event) => { event.preventDefault(); attempt(entry, inputs, area, result, stop); } }, make("button", {}, "Send"), stop);
  return [
    make("p", {}, ...text(operation.description)),
    parameters.length ? make("table", {}, ...parameters.map((parameter) => make("tr", {},
      make("td", {}, make("code", {}, parameter.name), make("div", { class: "soft" }, `in ${parameter.in}`)),
      make("td", {}, ...text(parameter.description)),
      make("td", {}, inputs.get(parameter))))) : null,
    json ? make("p", { class: "soft" }, "Body") : null, area,
    json ? make("details", {}, make("summary", {}, "Its schema"), make("div", {}, make("pre", {}, pretty(json.schema)))) : null,
    form, result,
    make("p", { class: "soft" }, "Answers"),
    make("table", {}, ...Object.entries(operation.responses || {}).map(([status, response]) => answerRow(status, resolve(response)))),
  ].filter(Boolean);
}

function answerRow(status, response) {
  const [kind, media] = Object.entries(response.content || {})[0] || [];
  return make("tr", {}, make("td", {}, make("code", {}, status)), make("td", {}, ...text(response.description),
    media ? make("details", {}, make("summary", {}, kind), make("div", {},
      make("pre", {}, pretty(example(media))),
      media.schema ? make("pre", {}, pretty(media.schema)) : null)) : null));
}

async function attempt({ path, method }, inputs, area, result, stop) {
  let address = path;
  const query = new URLSearchParams();
  const more = {};
  for (const [parameter, input] of inputs) {
    if (parameter.in === "path") {
      // A slash stays one: some parameters stand for several segments.
      const value = input.value.split("/").map(encodeURIComponent).join("/");
      address = address.replace(`{${parameter.name}}`, value);
    } else if (input.value !== "" && parameter.in === "query") query.set(parameter.name, input.value);
    else if (input.value !== "" && parameter.in === "header") more[parameter.name] = input.value;
  }
  if (area && area.value.trim()) more["Content-Type"] = "application/json";
  const target = new URL(`.${address}${query.size ? `?${query}` : ""}`, document.baseURI);
  const controller = new AbortController();
  stop.onclick = () => controller.abort();
  stop.hidden = false;
  const output = make("pre", {}, "…");
  const head = make("p", {}, make("code", {}, `${method.toUpperCase()} ${target.pathname}${target.search}`));
  result.replaceChildren(head, output);
  try {
    const started = performance.now();
    const answer = await fetch(target, { method: method.toUpperCase(), headers: headers(more), body: area ? area.value : undefined, signal: controller.signal });
    const took = Math.round(performance.now() - started);
    head.append(make("span", { class: answer.ok ? "open" : "bad" }, ` ${answer.status} ${answer.statusText}`), ` after ${took} ms`);
    await show(answer, output);
  } catch (error) {
    output.append(`\n${error.name === "AbortError" ? "Stopped." : error.message}`);
  }
  stop.hidden = true;
}

// As it comes: some answers are streams.
async function show(answer, output) {
  let all = "";
  if (answer.body) {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done && all.length < SHOWN; part = await reader.read()) {
      all += part.value;
      output.textContent = all;
    }
    if (all.length >= SHOWN) await reader.cancel();
  }
  try {
    output.textContent = pretty(JSON.parse(all));
  } catch {
    output.textContent = all || "(no body)";
  }
}

function resolve(value) {
  const reference = value && value.$ref;
  if (!reference) return value || {};
  return reference.slice(2).split("/").reduce((part, name) => (part || {})[name], api) || {};
}

const example = (media) => media.example ?? Object.values(media.examples || {})[0]?.value ?? "";
const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

at("sign-in").addEventListener("submit", (event) => signIn(event).catch((error) => say(error.message, true)));
at("sign-out").addEventListener("click", signOut);
at("search").addEventListener("input", draw);
if (authorization()) load().catch((error) => say(error.message, true));
