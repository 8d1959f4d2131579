// Refreshes the page in place, filters and copies. The page works without it.
"use strict";

const main = document.getElementById("main");
const base = new URL("..", document.currentScript.src); // the exporter may be served below a path

// Filter: by the text that the server searches too. The address has it, to be passed on.
function filter() {
  const input = document.getElementById("filter");
  if (!input) return;
  const wanted = input.value.trim().toLowerCase();
  let hits = 0;
  for (const target of main.querySelectorAll("[data-search]")) {
    target.hidden = !target.dataset.search.includes(wanted);
    if (!target.hidden) hits++;
  }
  document.getElementById("nothing").hidden = hits > 0 || !wanted;
}
main.addEventListener("input", () => {
  const address = new URL(location.href);
  const wanted = document.getElementById("filter").value.trim();
  if (wanted) address.searchParams.set("q", wanted);
  else address.searchParams.delete("q");
  history.replaceState(null, "", address);
  filter();
});
main.addEventListener("submit", (e) => e.preventDefault());

// Copy.
function showButtons() {
  for (const button of main.querySelectorAll(".copy, .probe [data-target]")) button.hidden = false;
  showSaid();
}
async function copy(button) {
  const text = button.parentElement.querySelector("code").textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Without TLS browsers offer no clipboard; the user can copy the selection.
    getSelection().selectAllChildren(button.parentElement.querySelector("code"));
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}
main.addEventListener("click", (e) => {
  const button = e.target.closest(".copy");
  if (button) copy(button);
});

// Probe now. What is said of a request survives a refresh.
const said = new Map(); // by target: text, whether the request is going on
function showSaid() {
  for (const button of main.querySelectorAll(".probe [data-target]")) {
    const [text, busy] = said.get(button.dataset.target) || ["", false];
    button.disabled = busy;
    button.nextElementSibling.textContent = text;
  }
}
function say(target, text, busy) {
  said.set(target, [text, busy]);
  showSaid();
}
async function probe(target) {
  say(target, "probing…", true);
  let text = "the exporter does not answer";
  try {
    const response = await fetch(new URL("api/v1/probe/" + encodeURIComponent(target), base), { method: "POST" });
    const wait = response.headers.get("Retry-After");
    text = response.ok ? "probed just now" : wait ? `probed too often: try again in ${wait} s` : (await response.text()).trim();
  } catch { /* the text says it */ }
  say(target, text, false);
  scheduleRefresh(0);
  setTimeout(() => { said.delete(target); showSaid(); }, 10000);
}
main.addEventListener("click", (e) => {
  const button = e.target.closest(".probe [data-target]");
  if (button) probe(button.dataset.target);
});

// Refresh: patches the page into a newly loaded one. Nodes that did not change stay, and with
// them what the reader selected, unfolded, typed or focused.
const readers = new Set(["open", "hidden", "disabled", "value"]); // attributes that a refresh leaves alone
function alike(old, fresh) {
  return old.nodeName === fresh.nodeName && (old.id || "") === (fresh.id || "");
}
function patch(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!readers.has(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (!readers.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  patchChildren(old, fresh);
}
function patchChildren(old, fresh) {
  const stays = new Set([...fresh.children].map((c) => c.id).filter(Boolean));
  const known = new Map([...old.children].filter((c) => stays.has(c.id)).map((c) => [c.id, c]));
  let at = old.firstChild;
  // Removes what is no longer there, up to the next node like this one.
  const skipTo = (next) => {
    if (next.nodeType !== Node.ELEMENT_NODE || next.id) return;
    let like = at;
    while (like && !alike(like, next)) like = like.nextSibling;
    while (like && at !== like) {
      const gone = at;
      at = at.nextSibling;
      if (!known.has(gone.id)) gone.remove();
    }
  };
  for (const next of [...fresh.childNodes]) {
    skipTo(next);
    const candidate = known.get(next.id) || at;
    if (!candidate || !alike(candidate, next)) {
      old.insertBefore(next, at);
      continue;
    }
    if (candidate === at) at = at.nextSibling;
    else old.insertBefore(candidate, at);
    patch(candidate, next);
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}
function replaceContent(fresh) {
  patch(main, fresh);
  showButtons();
  filter();
}
let scheduled = 0;
function scheduleRefresh(pause) {
  if (!scheduled) scheduled = setTimeout(refresh, pause);
}
let pause = 300;
async function refresh() {
  const began = performance.now();
  try {
    const address = new URL(location.href);
    address.searchParams.delete("q"); // what the filter hides is there when it is emptied
    const response = await fetch(address, { cache: "no-store" });
    if (!response.ok) throw new Error(response.status);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    document.title = page.title;
    replaceContent(page.getElementById("main"));
    showConnection("live", false);
  } catch {
    showConnection(lost, true);
  }
  scheduled = 0;
  // Spends at most a tenth of the time on refreshing.
  pause = Math.max(300, 10 * (performance.now() - began));
}
const lost = "connection lost, this page is no longer updated";
function showConnection(text, isLost) {
  const live = document.getElementById("live");
  live.textContent = text;
  live.classList.toggle("lost", isLost);
}
function follow() {
  const events = new EventSource(new URL("api/v1/events", base));
  events.addEventListener("run", () => scheduleRefresh(pause));
  events.addEventListener("open", () => scheduleRefresh(0));
  events.addEventListener("error", () => showConnection(lost, true));
  setInterval(() => scheduleRefresh(0), 30000); // "5 min ago" changes without a run
}
showButtons();
if (document.getElementById("live")) follow();
